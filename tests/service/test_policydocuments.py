"""Policy documents: who is allowed what."""

import json
from typing import Any

import pytest

from antipodes.service.policydocuments import ACCOUNT, ENDPOINT, VPC, Asked, allows, problem

ONE = "111111111111"
ASKED = Asked(
    ONE,
    f"arn:aws:sts::{ONE}:assumed-role/reader/session",
    "dynamodb:GetItem",
    f"arn:aws:dynamodb:us-west-2:{ONE}:table/Songs",
    {ACCOUNT: ONE, VPC: "vpc-1", ENDPOINT: "vpce-1"},
)
ANY = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def without(member: str) -> dict[str, Any]:
    return {name: value for name, value in ANY.items() if name != member}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"Action": "dynamodb:Get*"}, True),
        ({"Action": "DYNAMODB:getitem"}, True),
        ({"Action": ["s3:*", "dynamodb:Get?tem"]}, True),
        ({"Action": "dynamodb:Get"}, False),
        ({"Action": "dynamodb:Get[I]tem"}, False),
        ({"Resource": "arn:aws:dynamodb:*:*:table/Songs"}, True),
        ({"Resource": "arn:aws:dynamodb:*:*:table/songs"}, False),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ONE}}, True),
        ({"Principal": {"AWS": ["2" * 12, f"arn:aws:iam::{ONE}:root"]}}, True),
        ({"Principal": {"AWS": "2" * 12}}, False),
        ({"Principal": {"AWS": f"arn:aws:iam::{ONE}:role/path/reader"}}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{ONE}:role/writer"}}, False),
        ({"Principal": {"AWS": f"arn:aws:iam::{'2' * 12}:role/reader"}}, False),
        ({"Principal": {"AWS": ASKED.principal}}, True),
        ({"Principal": {"AWS": f"{ASKED.principal}s"}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": ["vpc-2", "vpc-1"]}}}, True),
        ({"Condition": {"StringEquals": {"aws:sourceVpce": "vpce-*"}}}, False),
        ({"Condition": {"StringLike": {"aws:sourceVpce": "vpce-*"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalAccount": ["2", ONE]}}}, False),
        ({"Condition": {"StringNotLike": {"aws:PrincipalAccount": "2*"}}}, True),
        (
            {
                "Condition": {
                    "StringEquals": {"aws:SourceVpc": "vpc-1", "aws:PrincipalAccount": "2"}
                }
            },
            False,
        ),
    ],
)
def test_a_statement_fits_in_all_of_its_members(change: dict[str, Any], *, expected: bool) -> None:
    text = document({**ANY, **change})
    assert problem(text) == ""
    assert allows(text, ASKED) is expected
    assert allows(document(ANY, {**ANY, **change, "Effect": "Deny"}), ASKED) is not expected
    assert not allows(document({**ANY, **change, "Effect": "Deny"}), ASKED)


@pytest.mark.parametrize("member", ["Action", "Resource"])
def test_what_a_statement_is_not_about(member: str) -> None:
    value = {"Action": "dynamodb:*", "Resource": ASKED.resource}[member]
    for named, expected in ((value, False), ([value, "other"], False), ("other", True)):
        text = document({**without(member), f"Not{member}": named})
        assert problem(text) == ""
        assert allows(text, ASKED) is expected


@pytest.mark.parametrize(
    "statement",
    [
        "Allow",
        without("Effect"),
        without("Principal"),
        without("Action"),
        without("Resource"),
        {**ANY, "Effect": "allow"},
        {**ANY, "NotAction": "s3:*"},
        {**ANY, "Action": []},
        {**ANY, "Resource": [1]},
        {**ANY, "Resource": "arn:aws:s3:::${aws:username}"},
        {**ANY, "NotPrincipal": "*"},
        {**ANY, "Principal": {"Service": "ec2.amazonaws.com"}},
        {**ANY, "Principal": {"AWS": "somebody"}},
        {**ANY, "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {**ANY, "Condition": {"StringEquals": {"aws:SourceIp": "10.0.0.1"}}},
        {**ANY, "Condition": {"StringEquals": {"aws:SourceVpc": []}}},
        {**ANY, "Condition": "x"},
    ],
)
def test_what_cannot_be_judged_is_told_and_allows_nothing(statement: Any) -> None:
    assert problem(document(ANY, statement))
    assert not allows(document(ANY, statement), ASKED)

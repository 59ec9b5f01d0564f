"""Roles and policies as records, asked by boto3."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.regional.elbv2.hosts import ACCOUNT, Region

TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"},
}
MANAGED = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region(place="us-east-1")
    yield region
    region.close()


@pytest.fixture
def iam(region: Region) -> Any:
    return region.client("iam")


def create(iam: Any, name: str = "GlobalApp", **more: Any) -> dict[str, Any]:
    document = more.pop("trust", json.dumps(TRUST))
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)
    role: dict[str, Any] = made["Role"]
    return role


def refusal(function: Any, **request: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        function(**request)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_role_is_what_was_asked_for(iam: Any) -> None:
    made = create(iam, Path="/team/", Description="d", Tags=[{"Key": "a", "Value": "b"}])
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/team/GlobalApp"
    assert made["RoleId"].startswith("AROA")
    assert made["AssumeRolePolicyDocument"] == TRUST
    role = iam.get_role(RoleName="GlobalApp")["Role"]
    assert role == made
    assert role["Tags"] == [{"Key": "a", "Value": "b"}]
    assert refusal(iam.get_role, RoleName="Other") == ("NoSuchEntity", 404)


def test_names_are_taken_whatever_their_case(iam: Any) -> None:
    create(iam)
    document = json.dumps(TRUST)
    for name in ("GlobalApp", "globalapp"):
        again = {"RoleName": name, "AssumeRolePolicyDocument": document}
        assert refusal(iam.create_role, **again) == ("EntityAlreadyExists", 409)
    assert len(iam.list_roles()["Roles"]) == 1


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        "{}",
        json.dumps({**TRUST, "Version": "2020-01-01"}),
        json.dumps({**TRUST, "Statement": []}),
        json.dumps({"Statement": [{**TRUST["Statement"][0], "Effect": "Maybe"}]}),
        json.dumps({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}),
        json.dumps({"Statement": [{**TRUST["Statement"][0], "Resource": "*"}]}),
        json.dumps(POLICY),
    ],
)
def test_a_trust_policy_that_is_none(iam: Any, document: str) -> None:
    request = {"RoleName": "r", "AssumeRolePolicyDocument": document}
    assert refusal(iam.create_role, **request) == ("MalformedPolicyDocument", 400)
    assert iam.list_roles()["Roles"] == []


def test_the_policies_of_aws_can_be_attached_without_being_there(iam: Any) -> None:
    create(iam)
    for _ in range(2):
        iam.attach_role_policy(RoleName="GlobalApp", PolicyArn=MANAGED)
    assert iam.list_attached_role_policies(RoleName="GlobalApp")["AttachedPolicies"] == [
        {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": MANAGED}
    ]
    for arn, code in (
        (f"arn:aws:iam::{ACCOUNT}:policy/none", ("NoSuchEntity", 404)),
        ("arn:aws:s3:::bucket-of-mine", ("InvalidInput", 400)),
    ):
        refused = refusal(iam.attach_role_policy, RoleName="GlobalApp", PolicyArn=arn)
        assert refused == code
    assert refusal(iam.delete_role, RoleName="GlobalApp") == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName="GlobalApp", PolicyArn=MANAGED)
    again = refusal(iam.detach_role_policy, RoleName="GlobalApp", PolicyArn=MANAGED)
    assert again == ("NoSuchEntity", 404)
    iam.delete_role(RoleName="GlobalApp")
    assert refusal(iam.delete_role, RoleName="GlobalApp") == ("NoSuchEntity", 404)


def test_ten_policies_are_enough(iam: Any) -> None:
    create(iam)
    for number in range(10):
        iam.attach_role_policy(RoleName="GlobalApp", PolicyArn=f"{MANAGED}{number}")
    refused = refusal(iam.attach_role_policy, RoleName="GlobalApp", PolicyArn=MANAGED)
    assert refused == ("LimitExceeded", 409)


def test_inline_policies(iam: Any) -> None:
    create(iam)
    for name in ("b", "a"):
        iam.put_role_policy(
            RoleName="GlobalApp", PolicyName=name, PolicyDocument=json.dumps(POLICY)
        )
    assert iam.list_role_policies(RoleName="GlobalApp")["PolicyNames"] == ["a", "b"]
    told = iam.get_role_policy(RoleName="GlobalApp", PolicyName="a")
    assert told["PolicyDocument"] == POLICY
    assert refusal(iam.delete_role, RoleName="GlobalApp") == ("DeleteConflict", 409)
    bad = {"RoleName": "GlobalApp", "PolicyName": "c", "PolicyDocument": json.dumps(TRUST)}
    assert refusal(iam.put_role_policy, **bad) == ("MalformedPolicyDocument", 400)
    long = {**POLICY, "Id": "x" * 6000}
    full = {**bad, "PolicyDocument": json.dumps(long)}
    iam.put_role_policy(**full)
    assert refusal(iam.put_role_policy, **{**full, "PolicyName": "d"}) == ("LimitExceeded", 409)
    for name in "abc":
        iam.delete_role_policy(RoleName="GlobalApp", PolicyName=name)
    gone = refusal(iam.get_role_policy, RoleName="GlobalApp", PolicyName="a")
    assert gone == ("NoSuchEntity", 404)
    iam.delete_role(RoleName="GlobalApp")


def test_the_trust_policy_can_be_replaced(iam: Any) -> None:
    create(iam)
    trust = {**TRUST, "Id": "new"}
    iam.update_assume_role_policy(RoleName="GlobalApp", PolicyDocument=json.dumps(trust))
    assert iam.get_role(RoleName="GlobalApp")["Role"]["AssumeRolePolicyDocument"] == trust


def test_customer_managed_policies(iam: Any) -> None:
    create(iam)
    document = json.dumps(POLICY)
    made = iam.create_policy(PolicyName="p", Path="/team/", PolicyDocument=document)["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/team/p"
    again = refusal(iam.create_policy, PolicyName="P", PolicyDocument=document)
    assert again == ("EntityAlreadyExists", 409)
    iam.attach_role_policy(RoleName="GlobalApp", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == POLICY
    missing = refusal(iam.get_policy_version, PolicyArn=arn, VersionId="v2")
    assert missing == ("NoSuchEntity", 404)
    assert refusal(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName="GlobalApp", PolicyArn=arn)
    assert iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"] == []
    assert [p["Arn"] for p in iam.list_policies(Scope="Local")["Policies"]] == [arn]
    assert iam.list_policies(Scope="AWS")["Policies"] == []
    iam.delete_policy(PolicyArn=arn)
    assert refusal(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", 404)


def test_lists_come_in_pages_and_by_path(iam: Any) -> None:
    for name in "cab":
        create(iam, name, Path="/x/" if name == "a" else "/")
    pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2})
    assert [[r["RoleName"] for r in page["Roles"]] for page in pages] == [["a", "b"], ["c"]]
    assert [r["RoleName"] for r in iam.list_roles(PathPrefix="/x/")["Roles"]] == ["a"]


def test_accounts_never_see_each_other_and_records_survive_a_crash(
    region: Region, iam: Any
) -> None:
    create(iam)
    other = region.client("iam", account="111111111111")
    assert other.list_roles()["Roles"] == []
    made = create(other)
    assert made["RoleId"] != iam.get_role(RoleName="GlobalApp")["Role"]["RoleId"]
    region.restart()
    assert iam.get_role(RoleName="GlobalApp")["Role"]["RoleName"] == "GlobalApp"

"""Who calls, asked by boto3, and what one becomes by assuming a role."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.iam.model import unique_id
from antipodes.regional.sts import model
from antipodes.service.accounts import account_of, principal_of, session_secret
from tests.regional.elbv2.hosts import ACCOUNT, Region

OTHER = "111111111111"
ROLE = f"arn:aws:iam::{OTHER}:role/path/to/deployer"
ASSUMED = f"arn:aws:sts::{OTHER}:assumed-role/deployer/ci"


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


def assume(client: Any, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.assume_role(
        **{"RoleArn": ROLE, "RoleSessionName": "ci", **more}
    )
    return answer


def test_a_plain_key_is_the_root_of_its_account(region: Region) -> None:
    for key, account in (("AKIAEXAMPLE", ACCOUNT), (OTHER, OTHER)):
        told = region.client("sts", account=key).get_caller_identity()
        assert told["Account"] == told["UserId"] == account
        assert told["Arn"] == f"arn:aws:iam::{account}:root"


def test_a_role_of_another_account_gives_that_account(region: Region) -> None:
    answer = assume(region.client("sts"), SourceIdentity="somebody")
    assert answer["AssumedRoleUser"]["Arn"] == ASSUMED
    assert answer["AssumedRoleUser"]["AssumedRoleId"].startswith("AROA")
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":ci")
    assert answer["SourceIdentity"] == "somebody"
    issued = answer["Credentials"]
    assert account_of(issued["AccessKeyId"], ACCOUNT) == OTHER
    assert issued["SecretAccessKey"] == session_secret(issued["AccessKeyId"])
    assert issued["Expiration"].timestamp() == pytest.approx(region.runtime.wall() + 3600, abs=1.0)
    now = region.client("sts", account=issued["AccessKeyId"], token=issued["SessionToken"])
    told = now.get_caller_identity()
    assert (told["Account"], told["Arn"]) == (OTHER, ASSUMED)
    assert told["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    ec2 = region.client("ec2", account=issued["AccessKeyId"], token=issued["SessionToken"])
    assert ec2.describe_vpcs()["Vpcs"][0]["OwnerId"] == OTHER


def test_sessions_differ_and_go_on_differing_after_a_restart(region: Region) -> None:
    def key() -> str:
        return str(assume(region.client("sts"))["Credentials"]["AccessKeyId"])

    keys = [key(), key()]
    region.restart()
    assert len({*keys, key(), key()}) == 4


def test_a_chained_session_lasts_an_hour_at_most(region: Region) -> None:
    issued = assume(region.client("sts"), DurationSeconds=43_200)["Credentials"]
    chained = region.client("sts", account=issued["AccessKeyId"], token=issued["SessionToken"])
    with pytest.raises(ClientError, match="role chaining"):
        assume(chained, DurationSeconds=3601)
    assert assume(chained, DurationSeconds=3600)["AssumedRoleUser"]["Arn"] == ASSUMED


@pytest.mark.parametrize(
    "change",
    [
        {"RoleArn": f"arn:aws:iam::{OTHER}:user/somebody"},
        {"RoleArn": "arn:aws:iam::1:role/deployer"},
        {"RoleArn": "arn:aws:iam::00000000000\u0660:role/deployer"},
        {"RoleSessionName": "no blanks"},
    ],
)
def test_roles_and_sessions_that_are_refused(region: Region, change: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        assume(region.client("sts"), **change)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_a_session_token_keeps_the_account(region: Region) -> None:
    issued = region.client("sts", account=OTHER).get_session_token()["Credentials"]
    again = region.client("sts", account=issued["AccessKeyId"], token=issued["SessionToken"])
    assert again.get_caller_identity()["Arn"] == f"arn:aws:iam::{OTHER}:root"
    with pytest.raises(ClientError, match="AccessDenied"):
        again.get_session_token()


@given(
    st.from_regex(r"[0-9]{12}", fullmatch=True), st.from_regex(r"[\w+=,.@-]{2,9}", fullmatch=True)
)
def test_a_principal_survives_its_token(account: str, session: str) -> None:
    role = model.parse_role(f"arn:aws:iam::{account}:role/r")
    principal = model.assumed(role, session)
    issued = model.issue(principal, "salt", 0.0)
    assert model.caller(account, principal_of(issued.token)) == principal
    assert account_of(issued.access_key, "x") == account


def test_iam_and_sts_give_a_role_the_same_id() -> None:
    assert model.role_id(OTHER, "deployer") == unique_id("AROA", "role", OTHER, "deployer")

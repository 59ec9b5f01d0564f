"""Templates: what is kept, what is refused and why; targets: who is found and who is picked."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.fis import model
from antipodes.service.contract import ServiceError
from tests.regional.fis.laboratory import ACCOUNT, WAIT, E, Laboratory, W, minimal, play

SUBNETS: dict[str, Any] = {
    "resourceType": "aws:ec2:subnet",
    "selectionMode": "ALL",
    "filters": [{"path": "DefaultForAz", "values": ["true"]}],
}
CUT: dict[str, Any] = {
    "actionId": "aws:network:disrupt-connectivity",
    "parameters": {"duration": "PT1M", "scope": "all"},
    "targets": {"Subnets": "s"},
}


DURATION = re.compile(r"PT(?=.)(\d+H)?(\d+M)?(\d+S)?")


def with_parameters(**parameters: str) -> dict[str, Any]:
    return {**CUT, "parameters": {**CUT["parameters"], **parameters}}


def alarm(region: str, account: str, name: str) -> dict[str, str]:
    arn = f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"
    return {"source": "aws:cloudwatch:alarm", "value": arn}


def test_a_template_is_kept_changed_listed_and_deleted() -> None:
    async def scenario(lab: Laboratory) -> None:
        asked = minimal(actions={"cut": CUT}, targets={"s": SUBNETS}, tags={"team": "a"})
        made = (await lab.do("CreateExperimentTemplate", **asked))["experimentTemplate"]
        assert made["arn"] == f"arn:aws:fis:{W}:{ACCOUNT}:experiment-template/{made['id']}"
        assert {name: made[name] for name in ("actions", "targets", "roleArn", "tags")} == {
            "actions": {"cut": CUT},
            "targets": {"s": SUBNETS},
            "roleArn": asked["roleArn"],
            "tags": {"team": "a"},
        }
        again = (await lab.do("CreateExperimentTemplate", **asked))["experimentTemplate"]
        assert again == made
        error = await lab.refused("CreateExperimentTemplate", **{**asked, "description": "b"})
        assert error.code == "ConflictException"
        await lab.do("UpdateExperimentTemplate", id=made["id"], description="new")
        await lab.do("TagResource", resourceArn=made["arn"], tags={"cost": "b"})
        await lab.do("UntagResource", resourceArn=made["arn"], tagKeys=["team"])
        [listed] = (await lab.do("ListExperimentTemplates"))["experimentTemplates"]
        assert (listed["description"], listed["tags"]) == ("new", {"cost": "b"})
        await lab.world.heal(lab.world.kill(W))
        tags = await lab.do("ListTagsForResource", resourceArn=made["arn"])
        assert tags == {"tags": {"cost": "b"}}
        await lab.do("DeleteExperimentTemplate", id=made["id"])
        error = await lab.refused("GetExperimentTemplate", id=made["id"])
        assert (error.code, error.status) == ("ResourceNotFoundException", 404)
        other = (await lab.do("CreateExperimentTemplate", **asked))["experimentTemplate"]
        assert other["id"] != made["id"]

    play(scenario)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"actions": {}}, "at least one action"),
        ({"actions": {"a": {"actionId": "aws:ec2:stop-instances"}}}, "aws:ec2:stop-instances is"),
        ({"actions": {"a": {"actionId": "aws:s3:bucket-pause-replication"}}}, "not available in"),
        ({"actions": {"a": {"actionId": "aws:fis:wait"}}}, "duration is required"),
        ({"actions": {"a": {**WAIT, "parameters": {"duration": "PT1S"}}}}, "between PT1M"),
        ({"actions": {"a": {**WAIT, "parameters": {"duration": "P1D"}}}}, "between PT1M"),
        ({"actions": {"a": {**WAIT, "parameters": {"duration": "5m"}}}}, "ISO 8601"),
        ({"actions": {"a": {**WAIT, "targets": {"Subnets": "s"}}}}, "needs no targets"),
        ({"actions": {"a": {**WAIT, "startAfter": ["b"]}}}, "starts after b"),
        ({"actions": {"a": {**WAIT, "startAfter": ["a"]}}}, "wait for each other"),
        ({"actions": {"a": with_parameters(scope="s3")}}, "s3 is not available"),
        ({"actions": {"a": with_parameters(prefixListIdentifier="p")}}, "no parameter prefix"),
        ({"actions": {"a": {**CUT, "targets": {"Subnets": "z"}}}}, "no target z"),
        ({"actions": {"a": {**CUT, "targets": {}}}}, "needs Subnets targets"),
        ({"targets": {"s": {**SUBNETS, "resourceType": "aws:ecs:task"}}}, "aws:ecs:task"),
        ({"targets": {"s": {**SUBNETS, "selectionMode": "SOME"}}}, "SOME is not ALL"),
        ({"targets": {"s": {**SUBNETS, "selectionMode": "PERCENT(101)"}}}, "PERCENT"),
        ({"targets": {"s": {**SUBNETS, "resourceArns": ["arn:aws:ec2:x:y:subnet/z"]}}}, "neither"),
        ({"targets": {"s": {**SUBNETS, "filters": []}}}, "name its resources"),
        ({"targets": {"s": {**SUBNETS, "parameters": {"cluster": "c"}}}}, "no parameter cluster"),
        ({"stopConditions": []}, "1 to 5 stop conditions"),
        ({"stopConditions": [alarm("a", "b", "mine")]}, "is not the ARN"),
        ({"stopConditions": [alarm(W, "123456789012", "mine")]}, "is not the ARN"),
        ({"stopConditions": [alarm(E, ACCOUNT, "mine")]}, "is not the ARN"),
        ({"stopConditions": [alarm(W, ACCOUNT, "mine")]}, "alarm:mine does not exist"),
        ({"stopConditions": [{"source": "aws:cloudwatch:alarm"}]}, "is not the ARN"),
        ({"stopConditions": [{"source": "aws:sns:topic"}]}, "aws:sns:topic: the sources are"),
        ({"stopConditions": [{"source": "none"}, {"source": "none"}]}, "alone"),
        ({"logConfiguration": {"logSchemaVersion": 2}}, "logConfiguration is not offered"),
        ({"experimentOptions": {"accountTargeting": "multi-account"}}, "several accounts"),
        ({"roleArn": "arn:aws:s3:::a-bucket-not-a-role"}, "roleArn"),
        ({"tags": {"aws:mine": "x"}}, "must not"),
        ({"clientToken": "with space"}, "clientToken"),
    ],
)
def test_nonsense_is_refused_by_name_and_nothing_is_kept(change: dict[str, Any], told: str) -> None:
    async def scenario(lab: Laboratory) -> None:
        asked = minimal(actions={"cut": CUT}, targets={"s": SUBNETS})
        error = await lab.refused("CreateExperimentTemplate", **{**asked, **change})
        assert (error.code, error.status) == ("ValidationException", 400)
        assert told in error.message
        assert (await lab.do("ListExperimentTemplates"))["experimentTemplates"] == []
        made = await lab.do("CreateExperimentTemplate", **asked)
        identity = made["experimentTemplate"]["id"]
        if set(change) & {"clientToken", "tags"}:
            return
        error = await lab.refused("UpdateExperimentTemplate", id=identity, **change)
        assert told in error.message
        kept = await lab.do("GetExperimentTemplate", id=identity)
        assert kept == made

    play(scenario)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"service": "s3"}, "into s3"),
        ({"service": "fis"}, "into fis"),
        ({"operations": "GetItem,Fly"}, "no operation Fly"),
        ({"percentage": "0"}, "1 to 100"),
    ],
)
def test_errors_for_what_is_not_there(parameters: dict[str, str], told: str) -> None:
    async def scenario(lab: Laboratory) -> None:
        role = f"arn:aws:iam::{ACCOUNT}:role/app"
        target = {"resourceType": "aws:iam:role", "resourceArns": [role], "selectionMode": "ALL"}
        action = {
            "actionId": "aws:fis:inject-api-internal-error",
            "targets": {"Roles": "r"},
            "parameters": {
                "duration": "PT1M",
                "service": "dynamodb",
                "operations": "GetItem",
                "percentage": "50",
                **parameters,
            },
        }
        asked = minimal(actions={"a": action}, targets={"r": target})
        error = await lab.refused("CreateExperimentTemplate", **asked)
        assert told in error.message

    play(scenario)


def test_what_there_is_can_be_asked_for() -> None:
    async def scenario(lab: Laboratory) -> None:
        listed = (await lab.do("ListActions"))["actions"]
        for action in listed:
            whole = (await lab.do("GetAction", id=action["id"]))["action"]
            assert whole["parameters"]["duration"]["required"]
            for target in whole["targets"].values():
                kind = target["resourceType"]
                found = await lab.do("GetTargetResourceType", resourceType=kind)
                assert found["targetResourceType"]["resourceType"] == kind
        assert len((await lab.do("ListTargetResourceTypes"))["targetResourceTypes"]) == 6
        error = await lab.refused("GetAction", id="aws:ec2:stop-instances")
        assert error.code == "ResourceNotFoundException"
        page = await lab.do("ListActions", maxResults=4)
        assert (len(page["actions"]), page["nextToken"]) == (4, "4")
        assert (await lab.refused("ListActions", nextToken="x")).code == "ValidationException"

    play(scenario)


async def resolved(lab: Laboratory, **target: Any) -> Any:
    """The ARNs that a target of subnets resolves to, or the state of the failed experiment."""
    experiment = await lab.start(actions={"cut": CUT}, targets={"s": {**SUBNETS, **target}})
    await lab.wait_for(experiment, "running", "failed", within_s=2)
    if await lab.status(experiment) == "failed":
        return await lab.get(experiment)
    await lab.do("StopExperiment", id=experiment)
    found = await lab.do("ListExperimentResolvedTargets", experimentId=experiment)
    return [one["targetInformation"]["arn"] for one in found["resolvedTargets"]]


def test_targets_are_found_by_filters_and_parameters_and_picked_by_chance() -> None:
    async def scenario(lab: Laboratory) -> None:
        listed = (await lab.call(W, "ec2", "DescribeSubnets"))["Subnets"]
        arns = sorted(subnet["SubnetArn"] for subnet in listed)
        assert await resolved(lab) == arns
        first = listed[0]
        for zone in (first["AvailabilityZone"], first["AvailabilityZoneId"]):
            where = {"availabilityZoneIdentifier": zone}
            assert await resolved(lab, filters=[], parameters=where) == [first["SubnetArn"]]
        cidr = [{"path": "CidrBlock", "values": [listed[1]["CidrBlock"], "none"]}]
        assert await resolved(lab, filters=cidr) == [listed[1]["SubnetArn"]]
        picked = [tuple(await resolved(lab, selectionMode="COUNT(2)")) for _ in range(12)]
        assert {len(pair) for pair in picked} == {2}
        assert len(set(picked)) > 1
        assert len(await resolved(lab, selectionMode="PERCENT(50)")) == len(arns) // 2
        assert await resolved(lab, selectionMode="COUNT(99)") == arns

    play(scenario)


@pytest.mark.parametrize(
    "target",
    [
        {"selectionMode": "PERCENT(1)"},
        {"filters": [{"path": "VpcId", "values": ["vpc-none"]}]},
        {"filters": [{"path": "No.Such.Path", "values": ["x"]}]},
        {"filters": [], "resourceTags": {"a": "b"}},
        {"filters": [], "resourceArns": [f"arn:aws:ec2:{E}:{ACCOUNT}:subnet/subnet-1"]},
    ],
)
def test_no_targets_fail_the_experiment(target: dict[str, Any]) -> None:
    async def scenario(lab: Laboratory) -> None:
        failed = await resolved(lab, **target)
        assert failed["state"]["error"] == {
            "accountId": ACCOUNT,
            "code": "InvalidTarget",
            "location": "targets.s",
        }
        assert failed["actions"]["cut"]["state"]["status"] == "cancelled"
        assert lab.faults() == {}

    play(scenario)


def test_actions_without_targets_may_be_skipped() -> None:
    async def scenario(lab: Laboratory) -> None:
        none = {**SUBNETS, "filters": [{"path": "VpcId", "values": ["vpc-none"]}]}
        experiment = await lab.start(
            actions={"cut": CUT, "after": {**WAIT, "startAfter": ["cut"]}},
            targets={"s": none},
            experimentOptions={"emptyTargetResolutionMode": "skip"},
        )
        await lab.sleep(1)
        assert await lab.actions(experiment) == {"cut": "skipped", "after": "running"}
        await lab.wait_for(experiment, "completed", within_s=61)

    play(scenario)


@given(st.integers(60, 12 * 3600))
def test_durations_mean_what_they_say(seconds: int) -> None:
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    text = "PT" + "".join(
        f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (left, "S")) if n
    )
    assert model.duration_s(text, "x") == model.duration_s(f"PT{seconds}S", "x") == seconds


@given(st.text("PTHMS0123456789", max_size=8).filter(lambda t: not DURATION.fullmatch(t)))
def test_every_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ServiceError, match="ValidationException"):
        model.duration_s(text, "x")


@given(st.integers(0, 300), st.integers(1, 100), st.integers(1, 400))
def test_selections_pick_no_more_than_there_is(found: int, percent: int, count: int) -> None:
    assert model.chosen("ALL", found) == found
    assert model.chosen(f"COUNT({count})", found) == min(count, found)
    part = model.chosen(f"PERCENT({percent})", found)
    assert part * 100 <= found * percent < (part + 1) * 100

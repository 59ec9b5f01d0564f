"""What actions do to links, to replication and to APIs, and that it ends with them."""

from typing import Any

import orjson
import pytest

from antipodes.regional.zonalshift import api as zonalshiftapi
from antipodes.runtime.contract import Address
from antipodes.service.accounts import session_key, session_token
from antipodes.service.http import HttpClient
from tests.regional.fis.laboratory import ACCOUNT, E, Laboratory, W, play

SUBNETS = {"resourceType": "aws:ec2:subnet", "selectionMode": "ALL"}
APP = f"arn:aws:iam::{ACCOUNT}:role/service-role/app"


async def zones(lab: Laboratory) -> list[str]:
    """The zones' places."""
    listed = await lab.call(W, "ec2", "DescribeSubnets")
    return sorted(f"{W}/{subnet['AvailabilityZoneId']}" for subnet in listed["Subnets"])


async def subnets(lab: Laboratory, *, zone: str = "", **parameters: str) -> str:
    """Start an experiment on the subnets of one zone, or of all; return its id."""
    action = parameters.pop("action", "disrupt-connectivity")
    where = {"parameters": {"availabilityZoneIdentifier": zone.rpartition("/")[2]}}
    everywhere = {"filters": [{"path": "DefaultForAz", "values": ["true"]}]}
    return await lab.start(
        targets={"s": {**SUBNETS, **(where if zone else everywhere)}},
        actions={
            "net": {
                "actionId": f"aws:network:{action}",
                "parameters": {"duration": "PT5M", **parameters},
                "targets": {"Subnets": "s"},
            }
        },
    )


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"scope": "all"}, ["{zone} is dark: nothing gets in or out"]),
        (
            {"scope": "availability-zone"},
            [f"nothing passes between {{zone}} and every zone of {W}"],
        ),
        (
            {"scope": "vpc"},
            [
                f"nothing passes between {{zone}} and {end}"
                for end in ("every edge location", "every city", "every site", E)
            ],
        ),
        (
            {"action": "route-table-disrupt-cross-region-connectivity", "region": E},
            [f"nothing passes from {{zone}} to {E}"],
        ),
    ],
)
def test_the_subnets_of_a_zone(parameters: dict[str, str], wanted: list[str]) -> None:
    async def scenario(lab: Laboratory) -> None:
        zone = (await zones(lab))[1]
        experiment = await subnets(lab, zone=zone, **parameters)
        await lab.wait_for(experiment, "running", within_s=1)
        await lab.sleep(0.1)
        assert list(lab.faults().values()) == [text.format(zone=zone) for text in wanted]
        assert all(handle.startswith(f"fis-{experiment}-1.") for handle in lab.faults())
        await lab.wait_for(experiment, "completed", within_s=301)
        assert lab.faults() == {}

    play(scenario)


def test_the_subnets_of_all_zones_are_the_region() -> None:
    async def scenario(lab: Laboratory) -> None:
        experiment = await subnets(lab, scope="all")
        await lab.sleep(1)
        assert list(lab.faults().values()) == [f"{W} is dark: nothing gets in or out"]
        await lab.do("StopExperiment", id=experiment)
        await lab.wait_for(experiment, "stopped", within_s=1)
        await subnets(lab, action="route-table-disrupt-cross-region-connectivity", region=E)
        await lab.sleep(1)
        assert lab.world.world.condition(W, E).cut
        assert not lab.world.world.condition(E, W).cut
        assert not lab.world.world.condition(W, "city/paris").cut

    play(scenario)


async def global_table(lab: Laboratory, name: str = "Items") -> str:
    """A table with a replica in each region; return its ARN."""
    made = await lab.call(
        W,
        "dynamodb",
        "CreateTable",
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "DisruptDynamoDb", "Value": "Allowed"}],
    )
    replica = [{"Create": {"RegionName": E}}]
    await lab.call(W, "dynamodb", "UpdateTable", TableName=name, ReplicaUpdates=replica)
    await lab.sleep(5)
    return str(made["TableDescription"]["TableArn"])


async def put(lab: Laboratory, place: str, key: str) -> None:
    item = {"k": {"S": key}}
    await lab.call(place, "dynamodb", "PutItem", TableName="Items", Item=item)


async def keys(lab: Laboratory, place: str) -> list[str]:
    found = await lab.call(place, "dynamodb", "Scan", TableName="Items")
    return sorted(item["k"]["S"] for item in found["Items"])


def pause(**target: Any) -> dict[str, Any]:
    return {
        "targets": {
            "t": {"resourceType": "aws:dynamodb:global-table", "selectionMode": "ALL", **target}
        },
        "actions": {
            "pause": {
                "actionId": "aws:dynamodb:global-table-pause-replication",
                "parameters": {"duration": "PT10M"},
                "targets": {"Tables": "t"},
            }
        },
    }


@pytest.mark.parametrize("killed", [False, True])
def test_replication_is_paused_both_ways_and_catches_up(killed: bool) -> None:
    async def scenario(lab: Laboratory) -> None:
        await global_table(lab)
        experiment = await lab.start(**pause(resourceTags={"DisruptDynamoDb": "Allowed"}))
        await lab.sleep(1)
        await put(lab, W, "west")
        await put(lab, E, "east")
        if killed:
            await lab.world.heal(lab.world.kill(W))
        await lab.sleep(500)
        assert await keys(lab, W) == ["west"]
        assert await keys(lab, E) == ["east"]
        await lab.wait_for(experiment, "completed", within_s=110)
        await lab.sleep(2)
        assert await keys(lab, W) == await keys(lab, E) == ["east", "west"]

    play(scenario)


def test_a_stopped_pause_ends_in_both_regions() -> None:
    async def scenario(lab: Laboratory) -> None:
        arn = await global_table(lab)
        experiment = await lab.start(**pause(resourceArns=[arn]))
        await lab.sleep(1)
        await put(lab, W, "west")
        await put(lab, E, "east")
        await lab.do("StopExperiment", id=experiment)
        await lab.wait_for(experiment, "stopped", within_s=1)
        await lab.sleep(1)
        assert await keys(lab, W) == await keys(lab, E) == ["east", "west"]

    play(scenario)


async def list_tables(lab: Laboratory, role: str) -> tuple[int, str]:
    """Call DynamoDB over HTTP in a session of a role, or with a plain key; status and error."""
    key = session_key(ACCOUNT, "salt") if role else "test"
    headers = {
        "authorization": (
            f"AWS4-HMAC-SHA256 Credential={key}/20260101/{W}/dynamodb/aws4_request, "
            "SignedHeaders=host, Signature=0"
        ),
        "x-amz-target": "DynamoDB_20120810.ListTables",
        "content-type": "application/x-amz-json-1.0",
    }
    if role:
        principal = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session"
        headers["x-amz-security-token"] = session_token(principal)
    runtime = lab.world.outside
    asking = HttpClient(runtime).request(
        Address(W, "api"), "POST", "/", headers=headers, body=b"{}", keep_alive=False
    )
    answer = await runtime.spawn(asking, "ask")
    told = orjson.loads(answer.body)
    return answer.status, told.get("__type", "").rpartition("#")[2]


def errors(kind: str, percentage: str = "100", **parameters: str) -> dict[str, Any]:
    return {
        "targets": {
            "r": {"resourceType": "aws:iam:role", "resourceArns": [APP], "selectionMode": "ALL"}
        },
        "actions": {
            "api": {
                "actionId": f"aws:fis:inject-api-{kind}-error",
                "parameters": {
                    "duration": "PT5M",
                    "service": "dynamodb",
                    "operations": "GetItem,ListTables",
                    "percentage": percentage,
                    **parameters,
                },
                "targets": {"Roles": "r"},
            }
        },
    }


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("throttle", (400, "ThrottlingException")),
        ("internal", (500, "InternalServerError")),
        ("unavailable", (503, "ServiceUnavailable")),
    ],
)
def test_calls_of_a_role_are_answered_with_errors(kind: str, wanted: tuple[int, str]) -> None:
    async def scenario(lab: Laboratory) -> None:
        experiment = await lab.start(**errors(kind))
        await lab.wait_for(experiment, "running", within_s=1)
        await lab.sleep(0.1)
        assert await list_tables(lab, "app") == wanted
        assert await list_tables(lab, "other") == (200, "")
        assert await list_tables(lab, "") == (200, "")
        await lab.world.heal(lab.world.kill(W))
        assert await list_tables(lab, "app") == wanted, "a restart forgets nothing"
        await lab.wait_for(experiment, "completed", within_s=301)
        assert await list_tables(lab, "app") == (200, "")

    play(scenario)


def test_other_operations_and_a_share_of_calls_go_on() -> None:
    async def scenario(lab: Laboratory) -> None:
        await lab.start(**errors("throttle", operations="GetItem"))
        await lab.sleep(1)
        assert await list_tables(lab, "app") == (200, "")
        await lab.start(**errors("throttle", percentage="30"))
        await lab.sleep(1)
        hit = [(await list_tables(lab, "app"))[0] for _ in range(200)].count(400)
        assert 40 <= hit <= 80

    play(scenario)


async def balancer(lab: Laboratory, name: str, kind: str = "application") -> str:
    """A load balancer that shifts are enabled for, with its name as tag."""
    subnets = (await lab.call(W, "ec2", "DescribeSubnets"))["Subnets"]
    ids = [subnet["SubnetId"] for subnet in subnets]
    tags = [{"Key": "name", "Value": name}]
    request = {"Name": name, "Subnets": ids, "Type": kind, "Tags": tags}
    made = await lab.call(W, "elbv2", "CreateLoadBalancer", **request)
    arn = str(made["LoadBalancers"][0]["LoadBalancerArn"])
    enabled = [{"Key": "zonal_shift.config.enabled", "Value": "true"}]
    await lab.call(
        W, "elbv2", "ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=enabled
    )
    return arn


async def shifted(
    lab: Laboratory, target: dict[str, Any] | None = None, **parameters: str
) -> tuple[str, str]:
    """A load balancer that shifts are enabled for, and an experiment on it; their ids."""
    arn = await balancer(lab, "b")
    action = {
        "actionId": "aws:arc:start-zonal-autoshift",
        "parameters": {
            "duration": "PT5M",
            "availabilityZoneIdentifier": "us-west-2b",
            **parameters,
        },
        "targets": {"ManagedResources": "b"},
    }
    named = {
        "resourceType": "aws:arc:zonal-shift-managed-resource",
        "selectionMode": "ALL",
        **(target or {"resourceArns": [arn]}),
    }
    return arn, await lab.start(targets={"b": named}, actions={"shift": action})


async def weights(lab: Laboratory, arn: str) -> dict[str, float]:
    found = await lab.call(W, "arc-zonal-shift", "GetManagedResource", resourceIdentifier=arn)
    weights: dict[str, float] = found["appliedWeights"]
    return weights


def test_a_load_balancer_is_kept_out_of_a_zone_for_the_time_of_the_action() -> None:
    async def scenario(lab: Laboratory) -> None:
        arn, experiment = await shifted(lab, zonalAutoshiftStatus="ANY")
        await lab.wait_for(experiment, "running", within_s=1)
        await lab.sleep(1)
        assert (await weights(lab, arn))["usw2-az2"] == 0.0
        await lab.wait_for(experiment, "completed", within_s=301)
        assert set((await weights(lab, arn)).values()) == {1.0}

    play(scenario)


def test_a_shift_goes_on_through_a_restart_and_ends_with_its_action() -> None:
    async def scenario(lab: Laboratory) -> None:
        arn, experiment = await shifted(lab, zonalAutoshiftStatus="ANY")
        await lab.sleep(60)
        await lab.world.heal(lab.world.kill(W))
        assert (await weights(lab, arn))["usw2-az2"] == 0.0
        await lab.wait_for(experiment, "completed", within_s=301)
        assert set((await weights(lab, arn)).values()) == {1.0}
        assert len((await lab.call(W, "arc-zonal-shift", "ListZonalShifts"))["items"]) == 1

    play(scenario)


@pytest.mark.parametrize(("kind", "count"), [("network", 1), ("application", 0)])
def test_load_balancers_are_found_by_their_tags_and_types(
    kind: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the second page of the list, too."""
    monkeypatch.setattr(zonalshiftapi, "PAGE_MAX", 1)

    async def scenario(lab: Laboratory) -> None:
        others = [await balancer(lab, name, kind) for name in ("other", "third")]
        target = {"resourceTags": {"name": "third"}}
        parameters = {"zonalAutoshiftStatus": "ANY", "managedResourceTypes": "NLB"}
        _, experiment = await shifted(lab, target, **parameters)
        await lab.wait_for(experiment, *("running",) if count else ("failed",), within_s=5)
        await lab.sleep(1)
        found = await lab.call(W, "arc-zonal-shift", "ListZonalShifts", status="ACTIVE")
        assert [shift["resourceIdentifier"] for shift in found["items"]] == others[1:] * count

    play(scenario)


def test_without_autoshift_nothing_is_shifted_unless_it_is_asked_for() -> None:
    async def scenario(lab: Laboratory) -> None:
        arn, experiment = await shifted(lab)
        await lab.wait_for(experiment, "failed", within_s=5)
        assert set((await weights(lab, arn)).values()) == {1.0}

    play(scenario)

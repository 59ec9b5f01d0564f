"""Experiments among deaths, stops and levers at any moment: in the end nothing is broken."""

from typing import Any

import pytest

from tests.regional.fis.laboratory import ACCOUNT, WAIT, E, Laboratory, W, play

ENDED = ("completed", "stopped", "failed", "cancelled")
TARGETS = {
    "s": {
        "resourceType": "aws:ec2:subnet",
        "selectionMode": "COUNT(2)",
        "filters": [{"path": "DefaultForAz", "values": ["true"]}],
    },
    "g": {
        "resourceType": "aws:ec2:transit-gateway",
        "selectionMode": "ALL",
        "resourceArns": [f"arn:aws:ec2:{W}:{ACCOUNT}:transit-gateway/tgw-1"],
    },
    "t": {
        "resourceType": "aws:dynamodb:global-table",
        "selectionMode": "ALL",
        "resourceTags": {"pause": "me"},
    },
    "r": {
        "resourceType": "aws:iam:role",
        "selectionMode": "ALL",
        "resourceArns": [f"arn:aws:iam::{ACCOUNT}:role/app"],
    },
}
NETWORK, GATEWAY, PAUSE, API = (
    {
        "actionId": "aws:network:disrupt-connectivity",
        "parameters": {"scope": "availability-zone"},
        "targets": {"Subnets": "s"},
    },
    {
        "actionId": "aws:network:transit-gateway-disrupt-cross-region-connectivity",
        "parameters": {"region": E},
        "targets": {"TransitGateways": "g"},
    },
    {
        "actionId": "aws:dynamodb:global-table-pause-replication",
        "targets": {"Tables": "t"},
    },
    {
        "actionId": "aws:fis:inject-api-internal-error",
        "parameters": {"service": "sts", "operations": "GetCallerIdentity", "percentage": "50"},
        "targets": {"Roles": "r"},
    },
)


async def make_table(lab: Laboratory) -> None:
    await lab.call(
        W,
        "dynamodb",
        "CreateTable",
        TableName="Items",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "pause", "Value": "me"}],
    )
    replica = [{"Create": {"RegionName": E}}]
    await lab.call(W, "dynamodb", "UpdateTable", TableName="Items", ReplicaUpdates=replica)
    await lab.sleep(5)


def drawn_actions(chance: Any) -> dict[str, Any]:
    """Up to five actions, each after some of those before it."""
    actions: dict[str, Any] = {}
    for number in range(chance.randint(1, 5)):
        kind = chance.choice((WAIT, NETWORK, GATEWAY, PAUSE, API))
        parameters = {**kind.get("parameters", {}), "duration": f"PT{chance.randint(60, 240)}S"}
        after = [name for name in actions if chance.random() < 0.3]
        actions[f"a{number}"] = {**kind, "parameters": parameters, "startAfter": after}
    return actions


async def interrupt(lab: Laboratory, chance: Any, started: list[str]) -> None:
    """Do something to the region or to an experiment."""
    drawn = chance.random()
    if drawn < 0.4:
        handle = lab.world.kill(W)
        await lab.sleep(chance.choice((0.0, 1.0, 200.0)))
        await lab.world.heal(handle)
    elif drawn < 0.7 and started:
        await lab.do("StopExperiment", id=chance.choice(started))
    elif drawn < 0.8:
        await lab.world.heal_all()
    elif drawn < 0.9:
        for status in ("engaged", "disengaged"):
            state = {"status": status, "reason": "a test"}
            await lab.do("UpdateSafetyLeverState", id="default", state=state)
            await lab.sleep(5)


@pytest.mark.parametrize("seed", range(6))
def test_in_the_end_nothing_is_broken(seed: int) -> None:
    async def scenario(lab: Laboratory) -> None:
        chance = lab.world.outside.chance("interruptions")
        await make_table(lab)
        started: list[str] = []
        for number in range(8):
            if number < 4:
                started.append(await lab.start(targets=TARGETS, actions=drawn_actions(chance)))
            await lab.sleep(chance.choice((0.0, 0.001, 0.02, 30.0, 90.0)))
            await interrupt(lab, chance, started)
        await lab.sleep(1800)
        for experiment in started:
            assert await lab.status(experiment) in ENDED
            assert set((await lab.actions(experiment)).values()) <= {*ENDED, "skipped"}
        assert lab.faults() == {}
        host = lab.world.region(W)
        assert host.dispatcher.injections == []
        for region in (W, E):
            dynamodb: Any = lab.world.region(region).service("dynamodb")
            assert not dynamodb.globaltables.pauses.any
        for region, key in ((W, "w"), (E, "e")):
            item = {"k": {"S": key}}
            await lab.call(region, "dynamodb", "PutItem", TableName="Items", Item=item)
        await lab.sleep(2)
        for region in (W, E):
            found = await lab.call(region, "dynamodb", "Scan", TableName="Items")
            assert found["Count"] == 2

    play(scenario, seed)

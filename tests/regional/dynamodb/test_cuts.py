"""UpdateTable cut in half: after a kill or on a full disk it was made whole, or not at all."""

from typing import Any

import pytest

from tests.regional.dynamodb.lives import Lives
from tests.regional.dynamodb.tablehost import REGION, TableHost
from tests.regional.dynamodb.test_operations import failure
from tests.regional.dynamodb.test_tables import provisioned, units

INDEX: dict[str, Any] = {
    "IndexName": "by-v",
    "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
    "ProvisionedThroughput": units(5, 5),
}
DEFINED = [{"AttributeName": name, "AttributeType": "S"} for name in ("p", "v", "w")]
OTHER = {**INDEX, "IndexName": "by-w", "KeySchema": [{"AttributeName": "w", "KeyType": "HASH"}]}
CHANGES: dict[str, dict[str, Any]] = {
    "capacity": {"ProvisionedThroughput": units(9, 9)},
    "mode": {
        "BillingMode": "PAY_PER_REQUEST",
        "OnDemandThroughput": {"MaxReadRequestUnits": 7},
    },
    "mode-and-stream": {
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    },
    "capacity-of-both": {
        "ProvisionedThroughput": units(9, 9),
        "GlobalSecondaryIndexUpdates": [
            {"Update": {"IndexName": "by-v", "ProvisionedThroughput": units(8, 8)}}
        ],
    },
    "index": {
        "AttributeDefinitions": DEFINED,
        "GlobalSecondaryIndexUpdates": [{"Create": OTHER}],
    },
    "index-gone": {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-v"}}]},
    "class": {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
    "key": {"SSESpecification": {"Enabled": True}},
}
PASSING = ("Status", "Backfilling", "LatestStreamLabel", "LatestStreamArn", "Size", "Count")


def lasting(described: Any) -> Any:
    """A description without what changes by itself."""
    if isinstance(described, dict):
        return {
            name: lasting(value)
            for name, value in described.items()
            if not name.endswith("DateTime") and not any(part in name for part in PASSING)
        }
    if isinstance(described, list):
        return [lasting(part) for part in described]
    return described


async def described(host: TableHost) -> Any:
    answer = await host.ask("DescribeTable", TableName="Things")
    return lasting(answer["Table"])


async def make(host: TableHost) -> Any:
    asked = {**provisioned(5, 5), "AttributeDefinitions": DEFINED[:2]}
    await host.ask("CreateTable", TableName="Things", **asked, GlobalSecondaryIndexes=[INDEX])
    for number in range(30):
        item = {name: {"S": str(number)} for name in ("p", "v", "w")}
        await host.ask("PutItem", TableName="Things", Item=item)
    await host.store.committed()
    return await described(host)


def after(change: dict[str, Any]) -> Any:
    """What a table is when a change was made."""
    lives = Lives()

    async def whole(host: TableHost) -> Any:
        await make(host)
        answer = await host.ask("UpdateTable", TableName="Things", **change)
        assert "TableDescription" in answer, answer
        host.dynamodb.index_work.start()
        await host.runtime.sleep(30)
        return await described(host)

    try:
        return lives.live(whole)
    finally:
        lives.simulation.close()


@pytest.mark.parametrize("name", CHANGES)
def test_an_update_cut_by_a_kill_is_made_whole_or_not_at_all(name: str) -> None:
    change = CHANGES[name]
    expected, seen = after(change), []
    for seed in range(8):
        lives = Lives(seed)
        before = lives.live(make)

        async def cut(host: TableHost, lives: Lives = lives) -> None:
            lives.simulation.set_disk(REGION, slow_s=0.05)
            host.runtime.spawn(host.ask("UpdateTable", TableName="Things", **change), "update")
            await host.runtime.sleep(0.01)

        async def look(host: TableHost, lives: Lives = lives) -> Any:
            lives.simulation.set_disk(REGION, slow_s=0)
            host.dynamodb.index_work.start()
            await host.runtime.sleep(30)
            return await described(host)

        lives.live(cut)
        found = lives.live(look)
        assert found in (before, expected)
        seen.append(found == expected)
        lives.simulation.close()
    assert {*seen} == {True, False}, "kills came at one moment only"


@pytest.mark.parametrize("name", CHANGES)
def test_an_update_that_does_not_fit_the_disk_changes_nothing(name: str) -> None:
    lives = Lives()

    async def scenario(host: TableHost) -> None:
        before = await make(host)
        lives.simulation.set_disk(REGION, full=True)
        refused = await host.ask("UpdateTable", TableName="Things", **CHANGES[name])
        failure(refused, "ServiceUnavailable", "Nothing was written")
        lives.simulation.set_disk(REGION, full=False)
        assert await described(host) == before
        answer = await host.ask("UpdateTable", TableName="Things", **CHANGES[name])
        assert "TableDescription" in answer, answer

    try:
        lives.live(scenario)
    finally:
        lives.simulation.close()

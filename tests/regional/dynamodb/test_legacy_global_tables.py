"""Global tables of version 2017.11.29: tables that are there become one; their items bear marks."""

from typing import Any

import orjson
import pytest

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.replicas import ACCOUNT, E, Planet, Region, S, W, play

STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
MARKS = {"aws:rep:deleting", "aws:rep:updatetime", "aws:rep:updateregion"}


async def make(region: Region, **more: Any) -> None:
    """An empty table that can be a replica."""
    definition = {
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": STREAM,
    }
    await region.do("CreateTable", **{**definition, **more})


async def ask(region: Region, operation: str, **request: Any) -> dict[str, Any]:
    """Call an operation on the global table."""
    asked = {"GlobalTableName": "Items", **request}
    found: dict[str, Any] = await region.call("dynamodb", operation, asked, account=ACCOUNT)
    return found


def group(*regions: str) -> list[dict[str, str]]:
    return [{"RegionName": region} for region in regions]


async def shown(region: Region) -> dict[str, str]:
    """The global table's status, and its replicas'."""
    told = (await ask(region, "DescribeGlobalTable"))["GlobalTableDescription"]
    return {
        "": told["GlobalTableStatus"],
        **{one["RegionName"]: one["ReplicaStatus"] for one in told["ReplicationGroup"]},
    }


async def joined(planet: Planet, *names: str) -> None:
    """A legacy global table, active."""
    await planet.outside.sleep(1)  # until the regions are connected
    for name in names:
        await make(planet.regions[name])
    first = planet.regions[names[0]]
    told = await ask(first, "CreateGlobalTable", ReplicationGroup=group(*names))
    assert told["GlobalTableDescription"]["GlobalTableStatus"] == "CREATING"
    await planet.outside.sleep(2)
    for name in names:
        assert set((await shown(planet.regions[name])).values()) == {"ACTIVE"}


async def refused(code: str, doing: Any) -> None:
    with pytest.raises(ServiceError) as caught:
        await doing
    assert caught.value.code == code, caught.value


async def item(region: Region, key: str) -> dict[str, Any]:
    found: dict[str, Any] = (await region.do("GetItem", Key={"k": {"S": key}})).get("Item", {})
    return found


def test_empty_tables_become_one_and_their_items_show_who_wrote_them_when() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await joined(planet, W, E)
        told = await ask(west, "DescribeGlobalTable")
        arn = told["GlobalTableDescription"]["GlobalTableArn"]
        assert arn == f"arn:aws:dynamodb::{ACCOUNT}:global-table/Items"
        described = (await west.do("DescribeTable"))["Table"]
        assert not {"GlobalTableVersion", "Replicas"} & set(described)
        streamed: list[tuple[Any, Any]] = []
        for region in (west, east):
            region.dynamodb.items.watchers.append(
                lambda change: streamed.append(
                    (change.table.region, orjson.loads(change.new or b"{}"))
                )
            )
        await east.put("x", "1")
        await planet.wait_until(planet.agree, within_s=1)
        found = await item(west, "x")
        assert set(found) == {"k", "v", *MARKS}
        assert found["aws:rep:updateregion"] == {"S": E}
        assert found["aws:rep:deleting"] == {"BOOL": False}
        assert abs(float(found["aws:rep:updatetime"]["N"]) - east.runtime.wall()) < 5
        assert [(where, len(new)) for where, new in streamed] == [(E, 2), (E, 5), (W, 5)]
        await west.do("PutItem", Item={**found, "v": {"S": "2"}})
        await planet.wait_until(planet.agree, within_s=1)
        assert (await item(east, "x"))["aws:rep:updateregion"] == {"S": W}
        await east.delete("x")
        await planet.wait_until(lambda: west.items() == {}, within_s=1)

    play(scenario)


def test_tables_that_do_not_fit_are_refused_and_nothing_changes() -> None:
    async def scenario(planet: Planet, west: Region, east: Region, south: Region) -> None:
        await planet.outside.sleep(1)
        await make(west)
        create = "CreateGlobalTable"
        await refused("TableNotFoundException", ask(west, create, ReplicationGroup=group(W, E)))
        await make(east, StreamSpecification={"StreamEnabled": False})
        await refused("ValidationException", ask(west, create, ReplicationGroup=group(W, E)))
        await make(south)
        await south.put("x", "1")
        await refused("ValidationException", ask(west, create, ReplicationGroup=group(W, S)))
        await south.delete("x")
        units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
        await south.do("UpdateTable", BillingMode="PROVISIONED", ProvisionedThroughput=units)
        await refused("ValidationException", ask(west, create, ReplicationGroup=group(W, S)))
        await refused("ValidationException", ask(west, create, ReplicationGroup=[]))
        await refused("ValidationException", ask(west, create, ReplicationGroup=group(W, W)))
        await refused("ValidationException", ask(west, create, ReplicationGroup=group(W, "us-x")))
        planet.cut(W, S)
        await planet.outside.sleep(6)
        await refused("InternalServerError", ask(west, create, ReplicationGroup=group(W, S)))
        for operation in ("DescribeGlobalTable", "DescribeGlobalTableSettings"):
            await refused("GlobalTableNotFoundException", ask(west, operation))
        assert west.table().replicas == ()
        assert west.changes.head == 0

    play(scenario, W, E, S)


def test_replicas_come_and_leave_and_who_leaves_is_an_ordinary_table() -> None:
    async def scenario(planet: Planet, west: Region, east: Region, south: Region) -> None:
        await joined(planet, W, E)
        await refused(
            "GlobalTableAlreadyExistsException",
            ask(east, "CreateGlobalTable", ReplicationGroup=group(W, E)),
        )
        update = "UpdateGlobalTable"
        add, take = [{"Create": {"RegionName": S}}], [{"Delete": {"RegionName": E}}]
        await refused("TableNotFoundException", ask(west, update, ReplicaUpdates=add))
        await make(south)
        await west.put("x", "1")
        await refused("ValidationException", ask(west, update, ReplicaUpdates=add))
        await west.delete("x")
        await planet.wait_until(lambda: east.items() == {})
        await refused(
            "ReplicaNotFoundException",
            ask(west, update, ReplicaUpdates=[{"Delete": {"RegionName": S}}]),
        )
        await refused(
            "ReplicaAlreadyExistsException",
            ask(west, update, ReplicaUpdates=[{"Create": {"RegionName": E}}]),
        )
        await ask(west, update, ReplicaUpdates=add)
        assert await shown(west) == {"": "UPDATING", W: "ACTIVE", E: "ACTIVE", S: "CREATING"}
        await planet.outside.sleep(1)
        await south.put("y", "2")
        await planet.wait_until(planet.agree, within_s=1)
        await ask(west, update, ReplicaUpdates=take)
        await planet.outside.sleep(1)
        assert await shown(south) == {"": "ACTIVE", S: "ACTIVE", W: "ACTIVE"}
        assert east.items() == {"y": "2"}
        await east.put("own", "3")
        assert set(await item(east, "own")) == {"k", "v"}
        await west.put("z", "4")
        await planet.outside.sleep(1)
        assert set(east.items()) == {"y", "own"}
        assert set(south.items()) == {"y", "z"}
        listed = await west.call("dynamodb", "ListGlobalTables", {}, account=ACCOUNT)
        assert listed["GlobalTables"] == [
            {"GlobalTableName": "Items", "ReplicationGroup": group(S, W)}
        ]
        none = await west.call("dynamodb", "ListGlobalTables", {"RegionName": E}, account=ACCOUNT)
        assert none["GlobalTables"] == []

    play(scenario, W, E, S)


def test_settings_are_each_replicas_own_but_what_the_global_table_is_told() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.outside.sleep(1)
        for region in (west, east):
            await make(
                region,
                BillingMode="PROVISIONED",
                ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
            )
        await ask(west, "CreateGlobalTable", ReplicationGroup=group(W, E))
        await planet.outside.sleep(2)
        units = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 8}
        await west.do("UpdateTable", ProvisionedThroughput=units)
        await planet.outside.sleep(1)
        assert (east.table().read_units, east.table().write_units) == (5, 6)
        await ask(
            east,
            "UpdateGlobalTableSettings",
            GlobalTableProvisionedWriteCapacityUnits=20,
            ReplicaSettingsUpdate=[{"RegionName": W, "ReplicaProvisionedReadCapacityUnits": 30}],
        )
        await planet.outside.sleep(1)
        assert (west.table().read_units, west.table().write_units) == (30, 20)
        assert (east.table().read_units, east.table().write_units) == (5, 20)
        await west.do("UpdateTable", ProvisionedThroughput=units)
        await planet.outside.sleep(20)
        told = (await ask(east, "DescribeGlobalTableSettings"))["ReplicaSettings"]
        writes = {one["RegionName"]: one["ReplicaProvisionedWriteCapacityUnits"] for one in told}
        assert writes == {W: 8, E: 20}
        await refused("ValidationException", ask(west, "UpdateGlobalTableSettings"))
        scaling = {"MinimumUnits": 1, "MaximumUnits": 5}
        await refused(
            "NotImplemented",
            ask(
                west,
                "UpdateGlobalTableSettings",
                GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate=scaling,
            ),
        )

    play(scenario)


def test_an_upgrade_makes_it_one_of_the_present_version() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await joined(planet, W, E)
        await west.put("old", "1")
        await refused("ValidationException", west.replica("Delete", E))
        west.dynamodb.upgrade_global_table(ACCOUNT, "Items")
        await planet.outside.sleep(1)
        for region in (west, east):
            told = (await region.do("DescribeTable"))["Table"]
            assert told["GlobalTableVersion"] == "2019.11.21"
            await refused("GlobalTableNotFoundException", ask(region, "DescribeGlobalTable"))
        await east.put("new", "2")
        await planet.wait_until(planet.agree, within_s=1)
        assert set(await item(west, "new")) == {"k", "v"}
        assert set(await item(west, "old")) == {"k", "v", *MARKS}
        await east.do("UpdateTable", TableClass="STANDARD_INFREQUENT_ACCESS")
        await planet.wait_until(lambda: west.table().table_class != "STANDARD", within_s=1)

    play(scenario)


@pytest.mark.parametrize("seed", range(3))
def test_legacy_replicas_end_alike_through_cuts_and_crashes(seed: int) -> None:
    async def scenario(planet: Planet, *_: Region) -> None:
        await joined(planet, W, E, S)
        chance = planet.outside.chance("what happens")
        last: dict[str, str] = {}
        for step in range(120):
            name = chance.choice((W, E, S))
            key = f"{name} {chance.randrange(8)}"
            if chance.random() < 0.3:
                await planet.regions[name].delete(key)
                last.pop(key, None)
            else:
                await planet.regions[name].put(key, f"{step}")
                last[key] = f"{step}"
            await planet.outside.sleep(chance.uniform(0, 1))
            dice = chance.random()
            if dice < 0.05:
                planet.kill(name)
                await planet.start(name)
            elif dice < 0.1:
                planet.cut(W, E)
            elif dice < 0.3:
                planet.heal(W, E)
        planet.heal(W, E)
        await planet.wait_until(planet.agree)
        assert planet.regions[S].items() == last
        await planet.wait_until(lambda: planet.regions[W].markers() == 0, within_s=120)

    play(scenario, W, E, S, seed=seed)

"""Replicas through cuts, crashes and conflicts: all end alike, and nothing acknowledged is lost."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.replicas import ACCOUNT, E, Planet, Region, S, W, make_table, play


async def refused(doing: Any) -> ServiceError:
    """The error that a call ends with."""
    with pytest.raises(ServiceError) as caught:
        await doing
    return caught.value


def put_unwaited(region: Region, number: int) -> None:
    """Put an item without waiting for the disk: many share a group."""
    items, table = region.dynamodb.items, region.table()
    key = {"k": {"S": f"{number:05d}"}}
    items.put(table, items.row_key(table, key), {**key, "v": {"S": "old"}})


def test_a_write_in_one_region_is_read_in_the_other() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await make_table(west)
        await west.put("before", "1")
        await west.replica("Create", E)
        assert west.statuses() == {W: "UPDATING", E: "CREATING"}
        await planet.wait_until(lambda: planet.all_active(W, E))
        described = (await east.do("DescribeTable"))["Table"]
        assert described["Replicas"] == [{"RegionName": W, "ReplicaStatus": "ACTIVE"}]
        assert described["GlobalTableVersion"] == "2019.11.21"
        assert described["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
        assert described["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        assert described["TableId"] != (await west.do("DescribeTable"))["Table"]["TableId"]
        await west.put("foobar", "2")
        await east.put("back", "3")
        wanted = {"before": "1", "foobar": "2", "back": "3"}
        await planet.wait_until(lambda: west.items() == east.items() == wanted, within_s=1)
        heads = west.changes.head, east.changes.head
        await planet.outside.sleep(5)
        assert (west.changes.head, east.changes.head) == heads, "what was applied was told again"

    play(scenario)


def test_a_cut_delays_and_loses_nothing() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        planet.cut(W, E)
        wanted: dict[str, str] = {}
        for number in range(60):
            for region in (west, east):
                key = f"{region.place} {number}"
                await region.put(key, "x")
                wanted[key] = "x"
            await west.put("both", f"west {number}")
            await planet.outside.sleep(0.01)  # or the tie goes to the region's name
            await east.put("both", f"east {number}")
            await planet.outside.sleep(1)
        assert len(west.items()) == len(east.items()) == 61
        (lag,) = east.dynamodb.globaltables.status()
        assert (lag["source"], lag["destination"], lag["connected"]) == (W, E, False)
        assert lag["lag_s"] > 50
        planet.heal(W, E)
        await planet.wait_until(planet.agree, within_s=5)
        assert west.items() == {**wanted, "both": "east 59"}
        (lag,) = east.dynamodb.globaltables.status()
        assert lag["connected"]
        assert lag["pending"] == 0

    play(scenario)


@pytest.mark.parametrize("seed", range(5))
def test_kills_and_cuts_under_writes_end_alike_and_lose_nothing(seed: int) -> None:
    async def scenario(planet: Planet, *_: Region) -> None:
        await planet.global_table(W, E, S)
        chance = planet.outside.chance("faults")
        last: dict[str, str] = {}
        for number in range(250):
            name = chance.choice((W, E, S))
            key = f"{name} {chance.randrange(20)}"  # each key has one writer: its last word stands
            if chance.random() < 0.2:
                await planet.regions[name].delete(key)
                last.pop(key, None)
            else:
                await planet.regions[name].put(key, str(number))
                last[key] = str(number)
            await planet.regions[name].put("contested", f"{name} {number}")
            await planet.outside.sleep(chance.uniform(0, 0.2))
            if chance.random() < 0.04:
                planet.kill(name)
                await planet.outside.sleep(chance.uniform(0, 3))
                await planet.start(name)
            if chance.random() < 0.03:
                planet.cut(W, E)
            if chance.random() < 0.1:
                planet.heal(W, E)
        planet.heal(W, E)
        await planet.wait_until(planet.agree)
        found = planet.regions[W].items()
        assert found.pop("contested").split()[0] in {W, E, S}
        assert found == last

    play(scenario, W, E, S, seed=seed)


def test_conflicting_writes_end_as_the_later_version() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        planet.cut(W, E)
        await east.put("x", "early")
        await west.put("x", "late")
        planet.heal(W, E)
        await planet.wait_until(planet.agree, within_s=10)
        assert west.items() == {"x": "late"}

    play(scenario)


@pytest.mark.parametrize(("first", "second", "left"), [("delete", "put", 1), ("put", "delete", 0)])
def test_a_delete_and_a_put_that_cross_end_as_the_later_one(
    first: str, second: str, left: int
) -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("x", "old")
        await planet.wait_until(lambda: east.items() == {"x": "old"})
        planet.cut(W, E)
        for region, act in ((west, first), (east, second)):
            await planet.outside.sleep(0.1)
            await (region.delete("x") if act == "delete" else region.put("x", "new"))
        planet.heal(W, E)
        await planet.wait_until(planet.agree, within_s=10)
        assert len(west.items()) == left

    play(scenario)


def test_tombstones_go_when_everyone_has_passed_them_and_not_before() -> None:
    async def scenario(planet: Planet, west: Region, east: Region, south: Region) -> None:
        await planet.global_table(W, E, S)
        await west.put("x", "1")
        await planet.wait_until(lambda: south.items() == {"x": "1"})
        planet.cut(E, S)
        await south.put("x", "2")  # on its way to the west, stuck on its way to the east
        await planet.wait_until(lambda: west.items() == {"x": "2"})
        await west.delete("x")
        await planet.outside.sleep(300)
        assert (west.markers(), east.markers(), south.markers()) == (1, 1, 1)
        planet.heal(E, S)
        await planet.outside.sleep(120)
        assert (west.items(), east.items(), south.items()) == ({}, {}, {})
        assert (west.markers(), east.markers(), south.markers()) == (0, 0, 0)
        assert west.everything() == {}

    play(scenario, W, E, S)


@pytest.mark.slow
def test_a_table_with_data_gets_a_replica_while_it_is_written() -> None:
    """Slow: it puts five thousand items."""

    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await make_table(west)
        wanted: dict[str, str] = {}
        for number in range(5000):
            put_unwaited(west, number)
            wanted[f"{number:05d}"] = "old"
        await west.store.committed()
        await west.replica("Create", E)
        chance, number = planet.outside.chance("writes"), 0
        while east.statuses().get(E) != "ACTIVE":
            number += 1
            key = f"{chance.randrange(5000):05d}"
            if chance.random() < 0.3:
                await west.delete(key)
                wanted.pop(key, None)
            else:
                await west.put(key, f"new {number}")
                wanted[key] = f"new {number}"
        assert number > 50, "nothing was written meanwhile"
        await planet.wait_until(lambda: east.items() == west.items(), within_s=5)
        assert east.items() == wanted

    play(scenario)


def test_a_copy_goes_on_after_either_side_was_killed() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await make_table(west)
        for number in range(3000):
            put_unwaited(west, number)
        await west.store.committed()
        await west.replica("Create", E)
        await planet.wait_until(lambda: len(east.items()) > 100)
        planet.kill(E)
        east = await planet.start(E)
        assert 100 < len(east.items()) < 3000
        await planet.wait_until(lambda: len(east.items()) > 1000)
        planet.kill(W)
        assert len(east.items()) < 3000
        await planet.outside.sleep(10)
        assert east.statuses()[E] == "CREATING"
        west = await planet.start(W)
        await planet.wait_until(lambda: planet.all_active(W, E))
        await planet.wait_until(planet.agree)
        assert len(east.items()) == 3000

    play(scenario)


def test_a_third_region_gets_what_had_not_reached_the_one_it_was_asked_for_in() -> None:
    async def scenario(planet: Planet, west: Region, east: Region, south: Region) -> None:
        await planet.global_table(W, E)
        planet.cut(W, E)
        await east.put("stuck", "1")
        await planet.outside.sleep(1)
        await west.replica("Create", S)
        await planet.wait_until(lambda: south.statuses().get(S) == "ACTIVE")
        await planet.wait_until(lambda: south.items() == {"stuck": "1"})
        assert west.items() == {}
        planet.heal(W, E)
        await planet.wait_until(lambda: planet.all_active(W, E, S))
        await planet.wait_until(planet.agree)
        await south.put("y", "2")
        wanted = {"stuck": "1", "y": "2"}
        await planet.wait_until(lambda: west.items() == east.items() == wanted)

    play(scenario, W, E, S)


def test_a_region_that_fell_behind_the_log_copies_everything() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("gone", "1")
        await planet.wait_until(lambda: east.items() == {"gone": "1"})
        planet.kill(E)
        await west.delete("gone")
        await west.put("new", "2")
        await make_table(west, "Other")
        west.store.trim_log(west.store.head)
        await west.store.committed()
        east = await planet.start(E)
        await planet.wait_until(planet.agree)
        assert east.items() == {"new": "2"}
        await west.put("newer", "3")
        await planet.wait_until(lambda: "newer" in east.items())

    play(scenario)


def test_deleting_a_replica_deletes_its_table_and_leaves_the_others() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await west.put("x", "1")
        await planet.wait_until(lambda: east.items() == {"x": "1"})
        await west.replica("Delete", E)
        assert west.statuses() == {W: "UPDATING", E: "DELETING"}
        await planet.wait_until(lambda: west.statuses() == {W: "ACTIVE"})
        assert east.table() is None
        assert west.items() == {"x": "1"}
        assert "Replicas" not in (await west.do("DescribeTable"))["Table"]
        await west.replica("Create", E)
        await planet.wait_until(lambda: planet.all_active(W, E))
        assert east.items() == {"x": "1"}
        await west.delete("x")
        await planet.wait_until(lambda: east.items() == {})

    play(scenario)


def test_deleting_a_replicas_own_table_makes_it_leave() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        error = await refused(west.do("DeleteTable"))
        assert error.code == "ValidationException"
        assert "acted as a source region" in error.message
        await east.do("DeleteTable")
        await planet.wait_until(lambda: west.statuses() == {W: "ACTIVE"})
        assert east.table() is None
        await west.do("DeleteTable")
        assert west.table() is None

    play(scenario)


def test_a_table_of_the_same_name_made_later_gets_nothing_of_the_earlier_one() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        planet.cut(W, E)
        await east.put("old", "1")
        await east.do("DeleteTable")
        await make_table(east)
        await east.put("fresh", "2")
        await planet.outside.sleep(1)
        planet.heal(W, E)
        await planet.wait_until(lambda: west.statuses() == {W: "ACTIVE"})
        assert east.items() == {"fresh": "2"}
        assert east.statuses() == {E: "ACTIVE"}
        await west.put("x", "3")
        await planet.outside.sleep(5)
        assert east.items() == {"fresh": "2"}

    play(scenario)


def test_settings_changed_in_one_region_are_changed_in_all() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await east.do(
            "UpdateTable",
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
        )
        await planet.wait_until(lambda: west.table().billing == "PROVISIONED")
        assert (west.table().read_units, west.table().write_units) == (5, 6)

    play(scenario)


def test_bad_updates_are_refused_with_the_words_of_aws_and_change_nothing() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await make_table(west)
        await make_table(east)
        cases: list[tuple[list[dict[str, Any]], str, str]] = [
            ([{"Create": {"RegionName": W}}], "ValidationException", "local region"),
            ([{"Delete": {"RegionName": W}}], "ValidationException", "local region"),
            ([{"Create": {"RegionName": "us-fake-1"}}], "ValidationException", "not supported"),
            ([{"Create": {"RegionName": E}}], "ValidationException", "already existed"),
            ([{"Delete": {"RegionName": E}}], "ValidationException", f"replicas: [{E}]."),
            ([{}], "ValidationException", "no actions specified"),
            ([{"Update": {"RegionName": E}}], "ValidationException", "Nothing is to be updated"),
            (
                [{"Update": {"RegionName": E, "TableClassOverride": "STANDARD"}}],
                "ValidationException",
                f"replicas: [{E}].",
            ),
            (
                [{"Create": {"RegionName": E, "KMSMasterKeyId": "k"}}],
                "ValidationException",
                "encrypted with a KMS key",
            ),
            (
                [
                    {
                        "Create": {
                            "RegionName": E,
                            "ProvisionedThroughputOverride": {"ReadCapacityUnits": 5},
                        }
                    }
                ],
                "ValidationException",
                "BillingMode is PAY_PER_REQUEST",
            ),
            (
                [{"Create": {"RegionName": E, "GlobalSecondaryIndexes": [{"IndexName": "one"}]}}],
                "ValidationException",
                "does not have the specified index: one",
            ),
            (
                [{"Create": {"RegionName": E}, "Delete": {"RegionName": E}}],
                "ValidationException",
                "more than one type",
            ),
            (
                [{"Create": {"RegionName": E}}, {"Create": {"RegionName": S}}],
                "ValidationException",
                "one replica",
            ),
        ]
        await planet.outside.sleep(1)
        heads = west.changes.head, east.changes.head
        for updates, code, words in cases:
            error = await refused(west.do("UpdateTable", ReplicaUpdates=updates))
            assert (error.code, words in error.message) == (code, True), error
        assert (west.changes.head, east.changes.head) == heads
        assert west.statuses() == {W: "ACTIVE"}

    play(scenario)


def test_a_table_that_is_changing_cannot_be_changed() -> None:
    async def scenario(planet: Planet, west: Region, east: Region, south: Region) -> None:
        await make_table(west)
        planet.cut(W, E)
        await west.replica("Create", E)
        error = await refused(west.replica("Create", S))
        assert error.code == "ResourceInUseException"
        planet.heal(W, E)
        await planet.wait_until(lambda: planet.all_active(W, E))
        error = await refused(east.replica("Delete", W))
        assert "acted as a source region" in error.message
        assert south.table() is None

    play(scenario, W, E, S)


def test_a_table_that_got_in_the_way_unseen_makes_the_creation_fail() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await make_table(west)
        planet.cut(W, E)
        await make_table(east)
        await planet.outside.sleep(7)
        await west.replica("Create", E)
        planet.heal(W, E)
        await planet.wait_until(lambda: west.statuses().get(E) == "CREATION_FAILED")
        assert west.statuses()[W] == "ACTIVE"
        assert east.statuses() == {E: "ACTIVE"}
        await west.put("x", "1")
        await west.replica("Delete", E)
        assert west.statuses() == {W: "ACTIVE"}
        await planet.outside.sleep(2)
        assert east.items() == {}

    play(scenario)


def test_accounts_with_tables_of_one_name_do_not_meet() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        definition = {
            "TableName": "Items",
            "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        for region in (west, east):
            await region.call("dynamodb", "CreateTable", definition, account="1" * 12)
        await west.put("x", "1")
        await planet.wait_until(lambda: east.items() == {"x": "1"})
        other = await east.call("dynamodb", "Scan", {"TableName": "Items"}, account="1" * 12)
        assert other["Count"] == 0
        assert east.dynamodb.tables.get(ACCOUNT, "Items") is not None

    play(scenario)

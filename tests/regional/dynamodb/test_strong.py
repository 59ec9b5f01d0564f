"""Strongly consistent tables: what they promise, and what that costs."""

from collections.abc import Awaitable
from functools import partial
from typing import Any

import pytest

from antipodes.regional.dynamodb.tables import Change
from antipodes.replication import changelog
from antipodes.runtime.contract import Condition
from antipodes.service.contract import ServiceError, Settings
from tests.regional.dynamodb.replicas import ACCOUNT, Planet, Region, make_table, play
from tests.regional.dynamodb.strongplaces import (
    FAR_S,
    FARTHER_S,
    NEAR_S,
    PLACES,
    A,
    B,
    C,
    add,
    ask,
    read,
    spread,
    strongly,
)

SMALL_S = 0.005  # commits on three disks


def test_what_was_written_in_one_region_is_read_in_every_other() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        await a.put("x", "1")
        assert [await read(region, "x") for region in (a, b, c)] == ["1", "1", "1"]
        await c.put("x", "2")
        assert [await read(region, "x") for region in (a, b, c)] == ["2", "2", "2"]
        await b.delete("x")
        assert [await read(region, "x") for region in (a, b, c)] == [None, None, None]
        await planet.wait_until(planet.agree)
        assert await read(b, "x", strong=False) is None

    strongly(scenario)


def test_a_counter_counts_in_all_regions() -> None:
    async def scenario(_: Planet, a: Region, b: Region, c: Region) -> None:
        counts = [await add(region, "n") for region in (a, b, c, a, c, b)]
        assert counts == [1, 2, 3, 4, 5, 6]

    strongly(scenario)


def test_queries_and_scans_see_what_was_written_elsewhere() -> None:
    async def scenario(_: Planet, a: Region, b: Region, c: Region) -> None:
        for number in range(30):
            await (a, b, c)[number % 3].put(f"{number:02}", "old")
        for number in range(5):
            await b.put(f"{number:02}", "new")
        await c.delete("07")
        for region in (a, b, c):
            found: dict[str, str] = {}
            start: dict[str, Any] = {}
            while True:
                page = await region.do("Scan", ConsistentRead=True, Limit=7, **start)
                found |= {item["k"]["S"]: item["v"]["S"] for item in page["Items"]}
                if "LastEvaluatedKey" not in page:
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
            expected = {f"{n:02}": "new" if n < 5 else "old" for n in range(30) if n != 7}
            assert found == expected
            page = await region.do(
                "Query",
                ConsistentRead=True,
                KeyConditionExpression="k = :k",
                ExpressionAttributeValues={":k": {"S": "03"}},
            )
            assert [item["v"]["S"] for item in page["Items"]] == ["new"]

    strongly(scenario)


async def _took(planet: Planet, work: Awaitable[Any]) -> float:
    started = planet.outside.now()
    await work
    return planet.outside.now() - started


def _is_a_round_trip(took_s: float, distance_s: float) -> bool:
    return -1e-6 < took_s - 2 * distance_s < SMALL_S


def test_writes_and_strong_reads_cost_a_round_trip_to_the_nearest() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        spread(planet)
        await planet.outside.sleep(60.0)  # until everybody knows how far the others are
        for region, distance_s in ((a, NEAR_S), (b, NEAR_S), (c, FAR_S), (a, NEAR_S)):
            write_s = await _took(planet, region.put("x", region.place))
            await planet.outside.sleep(0.2)  # so that everybody knows
            assert _is_a_round_trip(write_s, distance_s)
            count_s = await _took(planet, add(region, "n"))
            await planet.outside.sleep(0.2)
            assert _is_a_round_trip(count_s, distance_s)
            read_s = await _took(planet, read(region, "x"))
            assert _is_a_round_trip(read_s, distance_s)
            assert await _took(planet, read(region, "x", strong=False)) == 0

    strongly(scenario)


def test_a_region_may_be_lost_and_the_others_go_on_at_their_distance() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        spread(planet)
        await planet.outside.sleep(60.0)  # until everybody knows how far the others are
        await b.put("x", "before")
        planet.kill(B)
        assert await read(a, "x") == "before"
        for region in (a, c):
            await planet.outside.sleep(0.2)
            write_s = await _took(planet, region.put("x", region.place))
            assert _is_a_round_trip(write_s, FARTHER_S)
            read_s = await _took(planet, read(region, "x"))
            assert _is_a_round_trip(read_s, FARTHER_S)
        back = await planet.start(B)
        await planet.outside.sleep(2.0)
        assert await read(back, "x") == C
        assert await read(back, "x", strong=False) == C

    strongly(scenario)


def test_a_condition_is_judged_by_what_was_written_beyond_a_broken_link() -> None:
    async def scenario(planet: Planet, _: Region, b: Region, c: Region) -> None:
        spread(planet)
        await planet.outside.sleep(60.0)  # until everybody knows how far the others are
        planet.cut(B, C)
        await b.put("x", "1")  # which C cannot know: the others agree on it
        await planet.outside.sleep(0.1)
        started = planet.outside.now()
        with pytest.raises(ServiceError) as refused:
            await c.do(
                "PutItem",
                Item={"k": {"S": "x"}, "v": {"S": "2"}},
                ConditionExpression="attribute_not_exists(k)",
            )
        assert refused.value.code == "ConditionalCheckFailedException"
        assert planet.outside.now() - started < 1.0
        assert await read(c, "x") == "1"

    strongly(scenario)


def test_a_region_that_goes_dark_costs_a_moment_and_then_nothing() -> None:
    async def scenario(planet: Planet, a: Region, _: Region, __: Region) -> None:
        spread(planet)
        await planet.outside.sleep(60.0)  # until everybody knows how far the others are
        planet.cut(A, B)
        planet.cut(B, C)
        assert await _took(planet, a.put("x", "1")) < 0.3
        for value in ("2", "3", "4"):
            assert await _took(planet, a.put("x", value)) < 2 * FARTHER_S + SMALL_S

    strongly(scenario)


def test_a_region_alone_serves_eventually_consistent_reads_only() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        await a.put("x", "1")
        await planet.wait_until(planet.agree)
        planet.cut(A, B)
        planet.cut(A, C)
        assert await read(a, "x", strong=False) == "1"
        lost = await ask(a, "PutItem", Item={"k": {"S": "x"}, "v": {"S": "2"}})
        assert (lost.code, lost.status) == ("InternalServerError", 500)  # it was sent
        refused = await ask(a, "GetItem", Key={"k": {"S": "x"}}, ConsistentRead=True)
        assert (refused.code, refused.status) == ("ServiceUnavailable", 503)
        refused = await ask(a, "PutItem", Item={"k": {"S": "x"}, "v": {"S": "2"}})
        assert (refused.code, refused.status) == ("ServiceUnavailable", 503)  # it was not
        await b.put("x", "3")
        assert await read(c, "x") == "3"
        assert await read(a, "x", strong=False) == "1"
        planet.heal(A, B)
        planet.heal(A, C)
        await planet.outside.sleep(8.0)
        assert await read(a, "x") == "3"
        await planet.wait_until(planet.agree)

    strongly(scenario)


def test_of_two_regions_that_write_one_item_at_once_one_is_told_of_the_conflict() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        answers = await together(planet, *[partial(add, region, "n") for region in (a, b, c)])
        failed = [answer for answer in answers if isinstance(answer, ServiceError)]
        assert {error.code for error in failed} == {"ReplicatedWriteConflictException"}
        assert all(error.status == 400 for error in failed)
        await planet.outside.sleep(1.0)
        assert await add(a, "n") == len(answers) - len(failed) + 1

    strongly(scenario)


def test_writes_of_one_region_wait_for_each_other() -> None:
    async def scenario(planet: Planet, a: Region, _: Region, __: Region) -> None:
        answers = await together(planet, *[partial(add, a, "n") for _ in range(20)])
        assert sorted(answers) == list(range(1, 21))

    strongly(scenario)


async def together(planet: Planet, *works: Any) -> list[Any]:
    """Do things at the same time."""
    answers: list[Any] = []

    async def one(work: Any) -> None:
        answers.append(await work())

    async with planet.outside.nursery() as nursery:
        for work in works:
            nursery.spawn(one(work), "one of several")
    return answers


def test_conditions_are_judged_by_what_is_newest_anywhere() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        planet.cut(A, C)
        planet.cut(B, C)
        await b.put("x", "1")
        planet.heal(A, C)
        planet.heal(B, C)
        await planet.outside.sleep(6.0)
        refused = await ask(
            c,
            "PutItem",
            Item={"k": {"S": "x"}, "v": {"S": "2"}},
            ConditionExpression="attribute_not_exists(k)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        assert refused.code == "ConditionalCheckFailedException"
        assert refused.members["Item"]["v"] == {"S": "1"}
        deleted = await c.do("DeleteItem", Key={"k": {"S": "x"}}, ReturnValues="ALL_OLD")
        assert deleted["Attributes"]["v"] == {"S": "1"}
        assert await read(a, "x") is None

    strongly(scenario)


def test_batches_and_statements_are_strong_item_by_item() -> None:
    async def scenario(_: Planet, a: Region, b: Region, c: Region) -> None:
        puts = [{"PutRequest": {"Item": {"k": {"S": k}, "v": {"S": k}}}} for k in "xyz"]
        await a.do_any("BatchWriteItem", RequestItems={"Items": puts})
        keys = [{"k": {"S": k}} for k in "xyz"]
        found = await c.do_any(
            "BatchGetItem", RequestItems={"Items": {"Keys": keys, "ConsistentRead": True}}
        )
        assert sorted(item["v"]["S"] for item in found["Responses"]["Items"]) == ["x", "y", "z"]
        await b.do_any("ExecuteStatement", Statement="UPDATE Items SET v = 'new' WHERE k = 'x'")
        assert await read(c, "x") == "new"
        found = await a.do_any(
            "ExecuteStatement", Statement="SELECT v FROM Items WHERE k = 'x'", ConsistentRead=True
        )
        assert found["Items"] == [{"v": {"S": "new"}}]

    strongly(scenario)


def test_transactions_are_refused() -> None:
    async def scenario(_: Planet, a: Region, __: Region, ___: Region) -> None:
        item = {"TableName": "Items", "Item": {"k": {"S": "x"}}}
        for operation, action in (
            ("TransactWriteItems", {"Put": item}),
            ("TransactGetItems", {"Get": {"TableName": "Items", "Key": {"k": {"S": "x"}}}}),
        ):
            with pytest.raises(ServiceError, match="not supported") as refused:
                await a.do_any(operation, TransactItems=[action])
            assert refused.value.code == "ValidationException"
        assert await read(a, "x") is None

    strongly(scenario)


def test_a_witness_makes_a_majority_and_shows_no_table() -> None:
    async def scenario(planet: Planet, a: Region, _: Region, c: Region) -> None:
        described = (await a.do("DescribeTable"))["Table"]
        assert described["MultiRegionConsistency"] == "STRONG"
        assert described["GlobalTableWitnesses"] == [{"RegionName": C, "WitnessStatus": "ACTIVE"}]
        assert [replica["RegionName"] for replica in described["Replicas"]] == [B]
        assert (await c.call("dynamodb", "ListTables", {}, account=ACCOUNT))["TableNames"] == []
        missing = await ask(c, "GetItem", Key={"k": {"S": "x"}})
        assert missing.code == "ResourceNotFoundException"
        planet.kill(B)
        await a.put("x", "1")
        assert await read(a, "x") == "1"
        back = await planet.start(B)
        planet.kill(A)
        await planet.outside.sleep(2.0)
        assert await read(back, "x") == "1"

    strongly(scenario, witness=C)


def test_the_others_are_removed_together_and_one_keeps_everything() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        planet.cut(A, B)
        planet.cut(A, C)
        for number in range(10):
            await (b, c)[number % 2].put(str(number), "late")  # a hears of none of them
        planet.heal(A, B)
        planet.heal(A, C)
        await planet.outside.sleep(7.0)
        one = await ask(a, "UpdateTable", ReplicaUpdates=[{"Delete": {"RegionName": B}}])
        assert one.code == "ValidationException"
        assert (await ask(b, "DeleteTable")).code == "ValidationException"
        deletes = [{"Delete": {"RegionName": region}} for region in (B, C)]
        answer = await a.do("UpdateTable", ReplicaUpdates=deletes)
        assert answer["TableDescription"]["TableStatus"] == "UPDATING"
        await planet.wait_until(lambda: b.table() is None and c.table() is None)
        described = (await a.do("DescribeTable"))["Table"]
        assert described["TableStatus"] == "ACTIVE"
        assert "MultiRegionConsistency" not in described
        assert a.items() == {str(number): "late" for number in range(10)}
        planet.kill(B)
        planet.kill(C)
        await a.put("x", "alone")
        assert await read(a, "x") == "alone"

    strongly(scenario)


def test_what_cannot_become_strongly_consistent() -> None:
    async def scenario(_: Planet, a: Region, b: Region, __: Region) -> None:
        await make_table(a)
        two = [{"Create": {"RegionName": region}} for region in (B, C)]
        for updates, words in (
            ({"ReplicaUpdates": two[:1]}, "exactly three"),
            ({"ReplicaUpdates": [two[0], two[0]]}, "more than one action"),
            ({"ReplicaUpdates": [*two[:1], {"Create": {"RegionName": A}}]}, "local region"),
            ({"ReplicaUpdates": [*two[:1], {"Create": {"RegionName": "sa-east-1"}}]}, "supported"),
            ({}, "required"),
        ):
            refused = await ask(a, "UpdateTable", MultiRegionConsistency="STRONG", **updates)
            assert refused.code == "ValidationException"
            assert words in refused.message
        await a.put("x", "1")
        refused = await ask(a, "UpdateTable", MultiRegionConsistency="STRONG", ReplicaUpdates=two)
        assert "empty" in refused.message
        assert a.table().strong is False
        assert b.table() is None

    play(scenario, *PLACES)


@pytest.mark.parametrize("sets", [True, False])
def test_members_may_have_to_be_of_one_set_of_regions(*, sets: bool) -> None:
    async def scenario(_: Planet, east: Region, __: Region, ___: Region) -> None:
        await make_table(east)
        creates = [{"Create": {"RegionName": region}} for region in (B, "eu-west-1")]
        answer = await ask(
            east, "UpdateTable", MultiRegionConsistency="STRONG", ReplicaUpdates=creates
        )
        assert isinstance(answer, ServiceError) is sets
        assert east.table().strong is not sets

    settings = Settings(strong_region_sets=sets)
    play(scenario, A, B, "eu-west-1", settings=settings)


def test_streams_tell_the_same_in_every_region() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        told: dict[str, list[tuple[Any, Any, Any]]] = {region.place: [] for region in (a, b, c)}
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}

        def note(place: str, change: Change) -> None:
            told[place].append((change.key["k"]["S"], change.old, change.new))

        for region in (a, b, c):
            await region.do("UpdateTable", StreamSpecification=stream)
            region.dynamodb.items.watchers.append(partial(note, region.place))
        planet.links.change(C, A, Condition(0.5))  # what c tells comes late to a
        planet.links.change(A, C, Condition(0.5))
        for number in range(12):
            await (c, b, a)[number % 3].put("x", str(number))
            if number % 5 == 4:
                await b.delete("x")
        await planet.wait_until(planet.agree)
        assert len(told[A]) == 14
        assert told[A] == told[B] == told[C]

    strongly(scenario)


def test_settings_travel_and_time_to_live_is_refused() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        await a.do(
            "UpdateTable",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in "kv"],
            GlobalSecondaryIndexUpdates=[
                {
                    "Create": {
                        "IndexName": "by-v",
                        "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                }
            ],
        )
        await b.put("x", "here")
        await planet.outside.sleep(5.0)
        for region in (a, b, c):
            found = await region.do(
                "Query",
                IndexName="by-v",
                KeyConditionExpression="v = :v",
                ExpressionAttributeValues={":v": {"S": "here"}},
            )
            assert [item["k"]["S"] for item in found["Items"]] == ["x"]
        refused = await ask(
            b, "UpdateTimeToLive", TimeToLiveSpecification={"Enabled": True, "AttributeName": "t"}
        )
        assert refused.code == "ValidationException"

    strongly(scenario)


def test_a_pause_of_replication_leaves_a_region_alone_until_it_ends() -> None:
    async def scenario(planet: Planet, a: Region, b: Region, c: Region) -> None:
        await b.put("x", "1")
        await planet.wait_until(planet.agree)
        a.dynamodb.globaltables.pauses.pause(ACCOUNT, "Items", "drill", 60.0)
        await planet.outside.sleep(1.0)
        refused = await ask(a, "PutItem", Item={"k": {"S": "x"}, "v": {"S": "2"}})
        assert refused.code == "ServiceUnavailable"
        await c.put("x", "3")
        assert await read(b, "x") == "3"
        await planet.outside.sleep(5.0)
        assert await read(a, "x", strong=False) == "1"
        a.dynamodb.globaltables.pauses.resume(ACCOUNT, "Items", "drill")
        await planet.outside.sleep(3.0)
        assert await read(a, "x") == "3"
        await planet.wait_until(planet.agree)

    strongly(scenario)


def test_a_region_that_misses_a_log_fetches_what_it_would_have_brought(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changelog, "ENTRIES_MAX", 5)
    monkeypatch.setattr(changelog, "ENTRIES_MIN", 5)

    async def scenario(planet: Planet, a: Region, b: Region, _: Region) -> None:
        await a.put("gone", "soon")
        planet.kill(C)
        for number in range(40):
            await (a, b)[number % 2].put(str(number), "missed")
        await b.delete("gone")
        await planet.outside.sleep(60.0)  # the logs are trimmed
        back = await planet.start(C)
        await planet.outside.sleep(5.0)
        assert back.items() == {str(number): "missed" for number in range(40)}
        assert await add(back, "n") == 1

    strongly(scenario)


def test_a_strong_scan_sees_what_no_log_has_brought() -> None:
    async def scenario(planet: Planet, a: Region, _: Region, c: Region) -> None:
        await c.put("old", "1")
        await planet.wait_until(planet.agree)
        planet.cut(A, C)
        for number in range(10):
            await c.put(str(number), "new")
        await c.put("old", "2")
        plain = await a.do("Scan")
        assert [item["v"]["S"] for item in plain["Items"]] == ["1"]
        strong = await a.do("Scan", ConsistentRead=True)
        found = {item["k"]["S"]: item["v"]["S"] for item in strong["Items"]}
        assert found == {"old": "2", **{str(number): "new" for number in range(10)}}

    strongly(scenario)


def test_a_deletion_of_what_is_not_known_here_asks_first() -> None:
    async def scenario(planet: Planet, a: Region, _: Region, c: Region) -> None:
        planet.cut(A, C)
        await c.put("x", "1")
        assert await read(a, "x", strong=False) is None
        deleted = await a.do("DeleteItem", Key={"k": {"S": "x"}}, ReturnValues="ALL_OLD")
        assert deleted["Attributes"]["v"] == {"S": "1"}
        assert await read(c, "x") is None

    strongly(scenario)

"""Items whose time is over: when they go, what shows it, and what saves them."""

import dataclasses
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.dynamodb.timetolive import AGE_S_MAX, expiry
from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.replicas import E, Planet, Region, W, make_table, play
from tests.regional.dynamodb.streamreaders import Reader, everything, streaming, told
from tests.regional.dynamodb.tablehost import TableHost, with_tables

DAY_S = 86_400.0
MINUTE_S = 61.0  # the time between two sweeps, and a bit
DAYS = "expires"


async def turn(host: TableHost, *, on: bool = True, attribute: str = DAYS) -> Any:
    """Turn time to live on or off."""
    specification = {"AttributeName": attribute, "Enabled": on}
    return await host.ask(
        "UpdateTimeToLive", TableName="Things", TimeToLiveSpecification=specification
    )


async def status(host: TableHost) -> dict[str, Any]:
    found: dict[str, Any] = await host.ask("DescribeTimeToLive", TableName="Things")
    description: dict[str, Any] = found["TimeToLiveDescription"]
    return description


async def put(host: TableHost, p: str, at: float | str | None, name: str = DAYS) -> None:
    item: dict[str, Any] = {"p": {"S": p}}
    if at is not None:
        item[name] = {"S": at} if isinstance(at, str) else {"N": str(at)}
    await host.ask("PutItem", TableName="Things", Item=item)


async def there(host: TableHost) -> list[str]:
    items = (await host.ask("Scan", TableName="Things"))["Items"]
    return sorted(item["p"]["S"] for item in items)


def entries(host: TableHost | Region) -> int:
    """How many entries the index of expiry has, of all tables."""
    return len(host.store.scan(b"e\x00", b"e\xff\xff")) - len(host.store.scan(b"elb", b"elc"))


def test_what_is_past_its_time_goes_and_everything_else_stays() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        arn = await streaming(host)
        assert await status(host) == {"TimeToLiveStatus": "DISABLED"}
        answered = await turn(host)
        assert answered == {"TimeToLiveSpecification": {"AttributeName": DAYS, "Enabled": True}}
        assert await status(host) == {"TimeToLiveStatus": "ENABLED", "AttributeName": DAYS}
        now = int(host.runtime.wall())
        await put(host, "past", now - 10)
        await put(host, "fraction", now - 10.5)
        await put(host, "tomorrow", now + DAY_S)
        await put(host, "never", None)
        await put(host, "text", str(now - 10))
        await put(host, "ancient", int(now - AGE_S_MAX - DAY_S))
        await put(host, "milliseconds", now * 1000)
        await put(host, "negative", -5)
        await put(host, "nested", None)
        update: dict[str, Any] = {
            "UpdateExpression": "SET deep = :d",
            "Key": {"p": {"S": "nested"}},
        }
        deep = {":d": {"M": {DAYS: {"N": str(now - 10)}}}}
        await host.ask("UpdateItem", TableName="Things", ExpressionAttributeValues=deep, **update)
        assert len(await there(host)) == 9  # until they are swept, they can be read
        await host.runtime.sleep(MINUTE_S)
        stayed = ["ancient", "milliseconds", "negative", "nested", "never", "text"]
        assert await there(host) == sorted([*stayed, "tomorrow"])
        removed = [r for r in await everything(host, arn) if r["eventName"] == "REMOVE"]
        assert [told(record)[1] for record in removed] == ["fraction", "past"]
        identity = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
        assert all(record["userIdentity"] == identity for record in removed)
        assert removed[1]["dynamodb"]["OldImage"][DAYS] == {"N": str(now - 10)}
        await host.runtime.sleep(DAY_S - 2 * MINUTE_S)
        assert "tomorrow" in await there(host)
        await host.runtime.sleep(2 * MINUTE_S)
        assert await there(host) == stayed

    with_tables(scenario)


def test_an_item_is_saved_by_a_later_time_or_by_none() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        await streaming(host)
        await turn(host)
        now = int(host.runtime.wall())
        for name in ("put", "removed", "updated", "lost"):
            await put(host, name, now - 10)
        await put(host, "put", now + 1000)
        await put(host, "removed", None)
        await host.ask(
            "UpdateItem",
            TableName="Things",
            Key={"p": {"S": "updated"}},
            UpdateExpression="SET expires = expires + :more",
            ExpressionAttributeValues={":more": {"N": "1000"}},
        )
        await host.runtime.sleep(MINUTE_S)
        assert await there(host) == ["put", "removed", "updated"]
        await host.runtime.sleep(1000 + MINUTE_S)
        assert await there(host) == ["removed"]
        assert entries(host) == 0

    with_tables(scenario)


def test_rows_that_were_there_before_are_indexed_and_forgotten_again() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        await streaming(host)
        now = int(host.runtime.wall())
        for n in range(1203):
            await put(host, f"k{n:04d}", now + 100 + n % 3)
        await turn(host)
        assert (await status(host))["TimeToLiveStatus"] == "ENABLING"
        await put(host, "meanwhile", now + 100)
        await host.runtime.sleep(1)
        assert (await status(host))["TimeToLiveStatus"] == "ENABLED"
        assert entries(host) == 1204
        await host.runtime.sleep(50 * 60)
        assert await there(host) == []
        for n in range(700):
            await put(host, f"k{n}", now + DAY_S)
        await host.runtime.sleep(10 * 60)
        await turn(host, on=False)
        assert await status(host) == {"TimeToLiveStatus": "DISABLING"}
        await host.runtime.sleep(1)
        assert await status(host) == {"TimeToLiveStatus": "DISABLED"}
        assert entries(host) == 0
        await host.runtime.sleep(2 * DAY_S)
        assert len(await there(host)) == 700

    with_tables(scenario)


def test_another_attribute_counts_once_it_was_chosen() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        await streaming(host)
        await turn(host)
        now = int(host.runtime.wall())
        await put(host, "old", now + 2 * 3700)
        await put(host, "new", now + 2 * 3700, "other")
        for on, attribute in ((False, DAYS), (True, "other")):
            await host.runtime.sleep(3600)
            assert "TimeToLiveSpecification" in await turn(host, on=on, attribute=attribute)
        await host.runtime.sleep(3600)
        assert await there(host) == ["old"]

    with_tables(scenario)


@pytest.mark.parametrize("name", ["p", "s"])
def test_a_key_can_be_what_expires(name: str) -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        await host.ask(
            "CreateTable",
            TableName="Things",
            KeySchema=[
                {"AttributeName": "p", "KeyType": "HASH"},
                {"AttributeName": "s", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "N"} for n in "ps"],
            BillingMode="PAY_PER_REQUEST",
        )
        await turn(host, attribute=name)
        now = int(host.runtime.wall())
        for at in (now - 10, now + 3600):
            item = {n: {"N": str(at if n == name else 7)} for n in "ps"}
            await host.ask("PutItem", TableName="Things", Item=item)
        await host.runtime.sleep(MINUTE_S)
        (left,) = (await host.ask("Scan", TableName="Things"))["Items"]
        assert left[name] == {"N": str(now + 3600)}

    with_tables(scenario)


def test_a_table_that_is_deleted_leaves_no_entries() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        await streaming(host)
        await turn(host)
        await put(host, "a", host.runtime.wall() - 10)
        assert entries(host) == 1
        await host.ask("DeleteTable", TableName="Things")
        await host.runtime.sleep(MINUTE_S)
        assert entries(host) == 0
        await streaming(host)
        await put(host, "a", host.runtime.wall() - 10)
        await host.runtime.sleep(MINUTE_S)
        assert await there(host) == ["a"]
        assert await status(host) == {"TimeToLiveStatus": "DISABLED"}

    with_tables(scenario)


def test_changes_that_make_no_sense_or_come_too_soon_are_refused() -> None:
    async def scenario(host: TableHost) -> None:
        await streaming(host)

        async def refused(message: str, **change: Any) -> None:
            before = await status(host)
            answer = await turn(host, **change)
            assert isinstance(answer, ServiceError), answer
            assert answer.code == "ValidationException"
            assert message in answer.message
            assert await status(host) == before

        await refused("TimeToLive is already disabled", on=False)
        await refused("less than or equal to 255", attribute="x" * 256)
        await turn(host, attribute="p")  # a key attribute is taken, as by AWS
        await refused("TimeToLive is already enabled", attribute="p")
        await refused("current AttributeName is p", attribute="q")
        await refused("current AttributeName is p", attribute="q", on=False)
        again = "Time to live has been modified multiple times within a fixed interval"
        await refused(again, attribute="p", on=False)
        await host.runtime.sleep(1801)
        assert "TimeToLiveSpecification" in await turn(host, attribute="p", on=False)
        await refused("TimeToLive is already disabled", on=False)
        await refused(again)
        missing = await host.ask("DescribeTimeToLive", TableName="Nope")
        assert missing.code == "ResourceNotFoundException"

    with_tables(scenario)


def test_strongly_consistent_tables_have_no_time_to_live() -> None:
    async def scenario(host: TableHost) -> None:
        await streaming(host)
        table = host.dynamodb.record("000000000000", "Things")
        strong = msgspec.structs.replace(table, strong_members=(W, E, "ap-south-1"))
        host.dynamodb.put_record(strong)
        answer = await turn(host)
        assert isinstance(answer, ServiceError)
        assert "not supported for global tables with MultiRegionConsistency" in answer.message
        assert await status(host) == {"TimeToLiveStatus": "DISABLED"}

    with_tables(scenario)


def test_time_to_live_passes_as_fast_as_the_world_and_items_by_their_own_clock() -> None:
    async def scenario(host: TableHost) -> None:
        host.settings = dataclasses.replace(host.settings, ttl_delay_s=3600.0)
        await host.dynamodb.start()
        await streaming(host)
        await turn(host)
        await put(host, "a", int(host.runtime.wall()) + 10)
        await host.runtime.sleep(65)
        assert await there(host) == ["a"]
        await host.runtime.sleep(10)
        assert await there(host) == []
        await host.runtime.sleep(30)
        assert "TimeToLiveSpecification" in await turn(host, on=False)  # half an hour is over

    with_tables(scenario, speed=60)


def test_a_delay_of_choice_comes_before_an_item_goes() -> None:
    async def scenario(host: TableHost) -> None:
        host.settings = dataclasses.replace(host.settings, ttl_delay_s=3600.0)
        await host.dynamodb.start()
        await streaming(host)
        await turn(host)
        await put(host, "a", int(host.runtime.wall()))
        await host.runtime.sleep(3540)
        assert await there(host) == ["a"]
        await host.runtime.sleep(60 + MINUTE_S)
        assert await there(host) == []

    with_tables(scenario)


async def expiring(region: Region, key: str, at: float) -> None:
    item = {"k": {"S": key}, "v": {"S": key}, DAYS: {"N": str(int(at))}}
    await region.do("PutItem", Item=item)


async def enabled(region: Region) -> None:
    specification = {"AttributeName": DAYS, "Enabled": True}
    await region.do("UpdateTimeToLive", TimeToLiveSpecification=specification)


def removals(records: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    """What was removed, and whether by time to live here."""
    return [
        (record["dynamodb"]["Keys"]["k"]["S"], "userIdentity" in record)
        for record in records
        if record["eventName"] == "REMOVE"
    ]


async def removed_in(region: Region) -> list[tuple[str, bool]]:
    table = region.table()
    arn = f"{table.arn}/stream/{table.stream_label}"
    return sorted(removals(await everything(Reader(region), arn)))


def test_the_region_that_wrote_an_item_removes_it_everywhere() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await enabled(west)
        await planet.wait_until(lambda: east.table().ttl_status == "ENABLED")
        assert east.table().ttl_attribute == DAYS
        now = planet.outside.wall()
        await expiring(west, "west's", now + 5)
        await expiring(east, "east's", now + 5)
        for n in range(520):  # more than a slice that is not west's to remove
            await expiring(east, f"{n}", now + 4)
        await planet.wait_until(lambda: len(west.items()) == len(east.items()) == 522)
        await planet.wait_until(lambda: not west.items() and not east.items(), 120)
        assert planet.agree()
        assert (await removed_in(west))[-2:] == [("east's", False), ("west's", True)]
        assert (await removed_in(east))[-2:] == [("east's", True), ("west's", False)]
        assert not any(here for _, here in (await removed_in(west))[:520])

    play(scenario)


def test_what_a_lost_region_wrote_is_removed_by_another_after_an_hour() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await enabled(west)
        await planet.wait_until(lambda: east.table().ttl_status == "ENABLED")
        await expiring(west, "west's", planet.outside.wall() + 5)
        await planet.wait_until(lambda: len(east.items()) == 1)
        planet.kill(W)
        await planet.outside.sleep(3500)
        assert len(east.items()) == 1
        await planet.outside.sleep(300)
        assert east.items() == {}
        assert await removed_in(east) == [("west's", True)]
        back = await planet.start(W)
        await planet.wait_until(lambda: back.items() == {} and planet.agree(), 120)

    play(scenario)


@pytest.mark.parametrize("after_s", [0.0003, 0.0011, 0.002, 0.004, 30.0])
def test_indexing_and_sweeping_go_on_where_a_region_was_killed(after_s: float) -> None:
    async def scenario(planet: Planet, west: Region) -> None:
        await make_table(west)
        now = planet.outside.wall()
        for n in range(1100):
            await expiring(west, f"k{n}", now + 1000 + n % 7)
        for n in range(50):
            await expiring(west, f"stays{n}", now + 30 * DAY_S)
        specification = {"AttributeName": DAYS, "Enabled": True}
        await west.do("UpdateTimeToLive", TimeToLiveSpecification=specification)
        await planet.outside.sleep(after_s)
        planet.kill(W)
        back = await planet.start(W)
        await planet.outside.sleep(1000)
        assert entries(back) == 1150
        await planet.outside.sleep(40 + after_s)
        planet.kill(W)
        again = await planet.start(W)
        await planet.outside.sleep(2 * MINUTE_S)
        assert len(again.items()) == entries(again) == 50

    play(scenario, W)


EXPIRES = st.one_of(st.none(), st.integers(-1, 30), st.just("x"))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), EXPIRES, st.booleans()), max_size=30))
def test_the_index_holds_what_the_items_say(acts: list[tuple[str, Any, bool]]) -> None:
    async def scenario(host: TableHost) -> None:
        await streaming(host)
        await turn(host)
        await host.runtime.sleep(1)
        for p, at, deleted in acts:
            if deleted:
                await host.ask("DeleteItem", TableName="Things", Key={"p": {"S": p}})
            else:
                await put(host, p, at)
            items = (await host.ask("Scan", TableName="Things"))["Items"]
            expected = [item for item in items if item.get(DAYS, {}).get("N", "-") >= "0"]
            assert entries(host) == len(expected)

    with_tables(scenario)


def test_only_whole_seconds_of_a_number_at_the_top_count() -> None:
    read = partial(expiry, attribute='a"ä')
    assert expiry(b'{"e":{"N":"12"}}', "e") == 12
    assert expiry(b'{"e":{"N":"12.9"}}', "e") == 12
    assert expiry(b'{"e":{"N":"-1"}}', "e") is None
    assert expiry(b'{"e":{"N":"0.5"}}', "e") == 0
    assert expiry(b'{"e":{"N":"123456789012"}}', "e") is None
    assert expiry(b'{"e":{"S":"12"},"f":{"M":{"e":{"N":"12"}}}}', "e") is None
    assert expiry(b'{"f":{"S":"e"}}', "e") is None
    assert expiry(None, "e") is None
    assert read('{"a\\"ä":{"N":"7"}}'.encode()) == 7

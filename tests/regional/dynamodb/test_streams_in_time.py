"""Streams over days, through crashes, power cuts and full disks, and in every replica."""

import contextlib
import dataclasses
from typing import Any

import pytest

from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.replicas import E, Planet, Region, W, make_table, play
from tests.regional.dynamodb.streamreaders import (
    Reader,
    described,
    drained,
    everything,
    folded,
    iterator,
    streaming,
    told,
)
from tests.regional.dynamodb.strongplaces import strongly
from tests.regional.dynamodb.tablehost import TableHost, with_tables

HOUR_S, DAY_S = 3600.0, 86_400.0
BIT_S = 121.0  # what is done in the background is done by then


async def put(host: TableHost, p: str, v: str = "v") -> None:
    await host.ask("PutItem", TableName="Things", Item={"p": {"S": p}, "v": {"S": v}})


def refused(answer: Any, code: str) -> bool:
    assert isinstance(answer, ServiceError), answer
    return answer.code == code


async def shards_of(host: TableHost, arn: str) -> list[dict[str, Any]]:
    shards: list[dict[str, Any]] = (await described(host, arn))["Shards"]
    return shards


def test_shards_are_closed_and_followed_by_their_children() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        arn = await streaming(host)
        for hour in range(10):
            await put(host, f"at {hour} h")
            await host.runtime.sleep(HOUR_S)
        shards = await shards_of(host, arn)
        assert len(shards) == 3
        by_parent = {shard.get("ParentShardId"): shard for shard in shards}
        lineage: list[str] = []
        numbers: list[int] = []
        shard = by_parent[None]
        while True:
            page = await host.ask(
                "GetRecords", ShardIterator=await iterator(host, arn, shard["ShardId"])
            )
            covered = shard["SequenceNumberRange"]
            numbers.append(int(covered["StartingSequenceNumber"]))
            numbers += [int(record["dynamodb"]["SequenceNumber"]) for record in page["Records"]]
            closed = "EndingSequenceNumber" in covered
            assert closed == ("NextShardIterator" not in page)
            if closed:
                assert int(covered["EndingSequenceNumber"]) == numbers[-1]
            lineage += [told(record)[1] for record in page["Records"]]
            singly = await drained(host, await iterator(host, arn, shard["ShardId"]), 1)
            assert singly == page["Records"]
            only = {"Type": "CHILD_SHARDS", "ShardId": shard["ShardId"]}
            found = await host.ask("DescribeStream", StreamArn=arn, ShardFilter=only)
            children = found["StreamDescription"]["Shards"]
            assert children == [s for s in shards if s.get("ParentShardId") == shard["ShardId"]]
            if not children:
                break
            shard = children[0]
        assert "EndingSequenceNumber" not in shard["SequenceNumberRange"]
        assert lineage == [f"at {hour} h" for hour in range(10)]
        assert numbers == sorted(set(numbers))

    with_tables(scenario)


def test_an_open_iterator_ends_with_its_shard_and_an_idle_shard_is_empty() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        arn = await streaming(host)
        [shard] = await shards_of(host, arn)
        await host.runtime.sleep(4 * HOUR_S - 60)
        latest = await iterator(host, arn, shard["ShardId"], "LATEST")
        await put(host, "last of the parent")
        await host.runtime.sleep(BIT_S)
        page = await host.ask("GetRecords", ShardIterator=latest)
        assert [told(record)[1] for record in page["Records"]] == ["last of the parent"]
        assert "NextShardIterator" not in page
        await host.runtime.sleep(4 * HOUR_S)
        idle = (await shards_of(host, arn))[1]["SequenceNumberRange"]
        assert idle["StartingSequenceNumber"] == idle["EndingSequenceNumber"]

    with_tables(scenario)


def test_shards_live_as_long_as_was_chosen() -> None:
    async def scenario(host: TableHost) -> None:
        host.settings = dataclasses.replace(host.settings, stream_shard_s=HOUR_S)
        await host.dynamodb.start()
        arn = await streaming(host)
        await host.runtime.sleep(3 * HOUR_S + BIT_S)
        assert len(await shards_of(host, arn)) == 4

    with_tables(scenario)


def test_records_go_after_a_day_and_whoever_asks_for_them_is_told() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        arn = await streaming(host)
        for n in range(1200):
            await put(host, f"old {n}")
        [first] = await shards_of(host, arn)
        records = await drained(host, await iterator(host, arn, first["ShardId"]))
        number = {"SequenceNumber": records[700]["dynamodb"]["SequenceNumber"]}
        newest = {"SequenceNumber": records[-1]["dynamodb"]["SequenceNumber"]}
        await host.runtime.sleep(HOUR_S)
        await put(host, "younger")
        await host.runtime.sleep(DAY_S - HOUR_S - 100)
        at = await iterator(host, arn, first["ShardId"], "AT_SEQUENCE_NUMBER", **number)
        assert len(await drained(host, at)) == 501
        oldest = await iterator(host, arn, first["ShardId"])
        last = await iterator(host, arn, first["ShardId"], "AT_SEQUENCE_NUMBER", **newest)
        await host.runtime.sleep(100 + BIT_S)
        for late in (at, oldest, last):
            answer = await host.ask("GetRecords", ShardIterator=late)
            assert refused(answer, "TrimmedDataAccessException")
        answer = await iterator(host, arn, first["ShardId"], "AT_SEQUENCE_NUMBER", **number)
        assert refused(answer, "TrimmedDataAccessException")
        rest = await drained(host, await iterator(host, arn, first["ShardId"]))
        assert [told(record)[1] for record in rest] == ["younger"]
        assert first["ShardId"] in [shard["ShardId"] for shard in await shards_of(host, arn)]
        await host.runtime.sleep(5 * HOUR_S)
        gone = await iterator(host, arn, first["ShardId"])
        assert refused(gone, "ResourceNotFoundException")
        await put(host, "new")
        assert [told(record)[1] for record in await everything(host, arn)] == ["new"]
        assert len(await shards_of(host, arn)) <= 8

    with_tables(scenario)


def test_all_times_shrink_with_the_speed_of_the_world() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        arn = await streaming(host)
        await put(host, "old")
        [shard] = await shards_of(host, arn)
        await host.runtime.sleep(4 * 60 + 2)
        assert len(await shards_of(host, arn)) == 2
        at = await iterator(host, arn, shard["ShardId"])
        await host.runtime.sleep(16)
        answer = await host.ask("GetRecords", ShardIterator=at)
        assert refused(answer, "ExpiredIteratorException")
        await host.runtime.sleep(24 * 60)
        assert await everything(host, arn) == []

    with_tables(scenario, speed=60)


def test_a_stream_takes_the_control_planes_time_to_come_and_to_go() -> None:
    async def scenario(host: TableHost) -> None:
        host.settings = dataclasses.replace(host.settings, control_plane_delay_s=10.0)
        await host.dynamodb.start()
        arn = await streaming(host)
        seen = [(await described(host, arn))["StreamStatus"]]
        await host.runtime.sleep(11)
        seen.append((await described(host, arn))["StreamStatus"])
        off = {"StreamEnabled": False}
        await host.ask("UpdateTable", TableName="Things", StreamSpecification=off)
        seen.append((await described(host, arn))["StreamStatus"])
        await host.runtime.sleep(11)
        seen.append((await described(host, arn))["StreamStatus"])
        assert seen == ["ENABLING", "ENABLED", "DISABLING", "DISABLED"]

    with_tables(scenario)


def test_a_shard_that_outlives_its_records_goes_on_counting() -> None:
    async def scenario(host: TableHost) -> None:
        host.settings = dataclasses.replace(host.settings, stream_shard_s=3 * DAY_S)
        await host.dynamodb.start()
        arn = await streaming(host)
        for n in range(5):
            await put(host, f"{n}")
        [old] = [r["dynamodb"]["SequenceNumber"] for r in await everything(host, arn)][-1:]
        await host.runtime.sleep(DAY_S + BIT_S)
        [shard] = await shards_of(host, arn)
        latest = await iterator(host, arn, shard["ShardId"], "LATEST")
        assert await drained(host, latest) == []
        await put(host, "new")
        [record] = await drained(host, latest)
        assert int(record["dynamodb"]["SequenceNumber"]) > int(old)

    with_tables(scenario)


def test_iterators_are_good_for_a_quarter_of_an_hour() -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        arn = await streaming(host)
        [shard] = await shards_of(host, arn)
        at = await iterator(host, arn, shard["ShardId"])
        await host.runtime.sleep(15 * 60 - 1)
        page = await host.ask("GetRecords", ShardIterator=at)
        await host.runtime.sleep(2)
        answer = await host.ask("GetRecords", ShardIterator=at)
        assert refused(answer, "ExpiredIteratorException")
        later = await host.ask("GetRecords", ShardIterator=page["NextShardIterator"])
        assert later["Records"] == []

    with_tables(scenario)


@pytest.mark.parametrize("ending", ["disabled", "table deleted"])
def test_what_ended_can_be_read_for_a_day_and_is_forgotten(ending: str) -> None:
    async def scenario(host: TableHost) -> None:
        await host.dynamodb.start()
        arn = await streaming(host, units=2500)
        for n in range(20):
            await put(host, f"{n}")
        await host.runtime.sleep(6 * HOUR_S)
        await put(host, "20")
        for n in range(1100):
            await put(host, "often", f"{n}")
        if ending == "disabled":
            off = {"StreamEnabled": False}
            await host.ask("UpdateTable", TableName="Things", StreamSpecification=off)
        else:
            await host.ask("DeleteTable", TableName="Things")
        await host.runtime.sleep(17.5 * HOUR_S)
        assert len(await everything(host, arn)) == 1121
        await host.runtime.sleep(HOUR_S)
        seen = [told(record)[1] for record in await everything(host, arn)]
        assert sorted(seen) == ["20", *["often"] * 1100]
        await host.runtime.sleep(6 * HOUR_S)
        answer = await host.ask("DescribeStream", StreamArn=arn)
        assert refused(answer, "ResourceNotFoundException")
        assert (await host.ask("ListStreams"))["Streams"] == []
        assert host.store.scan(b"r\x00", b"r\xff\xff") == []

    with_tables(scenario)


def test_a_clock_that_was_put_back_turns_no_order_round() -> None:
    async def scenario(planet: Planet, west: Region) -> None:
        arn = await streamed(west)
        for n in range(30):
            await west.put("k", f"{n}")
            planet.simulation.set_clock(W, offset_s=-3600.0 * n)
            await planet.outside.sleep(1800)
        records = await everything(Reader(west), arn)
        assert [record["dynamodb"]["NewImage"]["v"]["S"] for record in records] == [
            f"{n}" for n in range(30)
        ]
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
        assert numbers == sorted(set(numbers))

    play(scenario, W)


async def streamed(region: Region) -> str:
    """Make a table with a stream; return the stream's ARN."""
    await make_table(region)
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    made = await region.do("UpdateTable", StreamSpecification=specification)
    arn: str = made["TableDescription"]["LatestStreamArn"]
    return arn


async def replayed(region: Region) -> dict[str, str]:
    """What the records of a table's stream leave, checked on the way."""
    table = region.table()
    arn = f"{table.arn}/stream/{table.stream_label}"
    items = folded(await everything(Reader(region), arn), "k")
    return {item["k"]["S"]: item["v"]["S"] for item in items.values()}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ending", ["kill", "power"])
def test_through_crashes_there_is_no_record_without_its_write_nor_the_reverse(
    seed: int, ending: str
) -> None:
    async def scenario(planet: Planet, west: Region) -> None:
        await streamed(west)
        chance = planet.outside.chance("acts")
        acknowledged: dict[str, str] = {}
        number = 0

        async def write() -> None:
            nonlocal number
            while True:
                number += 1
                key, value = f"k{chance.randrange(20)}", f"{number}"
                await west.put(key, value)
                acknowledged[key] = value
                await west.runtime.sleep(chance.uniform(0, 0.002))

        for _ in range(8):
            west.runtime.spawn(write(), "writer")
            await planet.outside.sleep(chance.uniform(0.001, 0.2))
            if ending == "kill":
                planet.kill(W)
            else:
                planet.simulation.cut_power(W)
            west = await planet.start(W)
            items = west.items()
            assert await replayed(west) == items
            if ending == "kill":
                assert all(int(items[key]) >= int(acknowledged[key]) for key in acknowledged)
            acknowledged = {}
        assert number > 50

    play(scenario, W, seed=seed)


def test_a_full_disk_leaves_no_record_of_what_was_refused() -> None:
    async def scenario(planet: Planet, west: Region) -> None:
        await streamed(west)
        await west.put("before", "1")
        for turn in range(3):
            planet.simulation.set_disk(W, full=True)
            with pytest.raises(DiskFull):
                await west.put("refused", "1")
            with pytest.raises(DiskFull):
                await west.do("UpdateTable", StreamSpecification={"StreamEnabled": False})
            planet.simulation.set_disk(W, full=False)
            await west.put("before", f"{turn}")
            await planet.outside.sleep(4 * HOUR_S)
            assert await replayed(west) == west.items() == {"before": f"{turn}"}

    play(scenario, W)


def test_shards_that_were_rolled_over_in_vain_take_no_records() -> None:
    async def scenario(planet: Planet, west: Region) -> None:
        arn = await streamed(west)
        await west.put("a", "1")
        streams = west.dynamodb.streams
        for turn in range(2):
            await planet.outside.sleep(4 * HOUR_S - 50)
            (stream,) = streams.of("000000000000")
            planet.simulation.set_clock(W, offset_s=4 * HOUR_S)
            streams._roll(stream)
            writing = west.runtime.spawn(refused_put(west), "writing")
            await west.runtime.sleep(0)
            planet.simulation.set_disk(W, full=True)
            await writing
            planet.simulation.set_clock(W)
            planet.simulation.set_disk(W, full=False)
            await west.put("a", f"after {turn}")
            shards = (await described(Reader(west), arn))["Shards"]
            assert len(shards) == 4 * (turn + 1)
            assert await replayed(west) == west.items()
            await planet.outside.sleep(BIT_S)

    play(scenario, W)


async def refused_put(region: Region) -> None:
    with pytest.raises(DiskFull):
        await region.put("refused", "1")


@pytest.mark.parametrize("seed", range(4))
def test_every_replicas_stream_tells_what_its_table_holds(seed: int) -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await make_table(west)
        for n in range(10):
            await west.put(f"k{n}", "of before")
        await west.replica("Create", E)
        await planet.wait_until(lambda: planet.all_active(W, E))
        chance = planet.outside.chance("acts")
        for step in range(60):
            region = planet.regions[chance.choice([W, E])]
            key = f"k{chance.randrange(6)}"
            if chance.random() < 0.3:
                await region.delete(key)
            else:
                await region.put(key, f"{region.place} {step}")
            if step == 20:
                planet.cut(W, E)
            if step == 40:
                planet.heal(W, E)
                planet.kill(E)
                await planet.start(E)
            await planet.outside.sleep(chance.uniform(0, 0.1))
        await planet.wait_until(planet.agree)
        east = planet.regions[E]
        assert await replayed(east) == east.items() == west.items()
        records = await everything(Reader(west), f"{west.table().arn}/stream/{label(west)}")
        left = folded([*before(), *records], "k")
        assert {item["k"]["S"]: item["v"]["S"] for item in left.values()} == west.items()
        seen = {record["dynamodb"].get("NewImage", {}).get("v", {}).get("S") for record in records}
        assert any(value and value.startswith(E) for value in seen), "replicated writes show"

    play(scenario, seed=seed)


def label(region: Region) -> str:
    """The label of the table's stream."""
    found: str = region.table().stream_label
    return found


def before() -> list[dict[str, Any]]:
    """As records, the items that were there before there was a stream."""
    images = [{"k": {"S": f"k{n}"}, "v": {"S": "of before"}} for n in range(10)]
    return [
        {"eventName": "INSERT", "dynamodb": {"Keys": {"k": image["k"]}, "NewImage": image}}
        for image in images
    ]


def test_a_replica_keeps_its_stream_on() -> None:
    async def scenario(planet: Planet, west: Region, _: Region) -> None:
        await planet.global_table(W, E)
        assert west.table().stream == "NEW_AND_OLD_IMAGES"
        with pytest.raises(ServiceError, match="Disabling Stream is not allowed for a Global"):
            await west.do("UpdateTable", StreamSpecification={"StreamEnabled": False})
        stream = await described(Reader(west), f"{west.table().arn}/stream/{label(west)}")
        assert stream["StreamStatus"] == "ENABLED"

    play(scenario)


def test_a_stream_that_was_on_stays_as_it_was_and_replicas_take_its_view() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await make_table(west)
        keys = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        await west.do("UpdateTable", StreamSpecification=keys)
        first = label(west)
        await west.put("a", "1")
        await west.replica("Create", E)
        await planet.wait_until(lambda: planet.all_active(W, E))
        assert (west.table().stream, label(west)) == ("KEYS_ONLY", first)
        assert east.table().stream == "KEYS_ONLY"
        await east.put("b", "1")
        await planet.wait_until(planet.agree)
        for region in (west, east):
            arn = f"{region.table().arn}/stream/{label(region)}"
            records = await everything(Reader(region), arn)
            assert sorted(r["dynamodb"]["Keys"]["k"]["S"] for r in records) == ["a", "b"]
            assert not any("NewImage" in record["dynamodb"] for record in records)

    play(scenario)


@pytest.mark.parametrize("seed", range(3))
def test_the_streams_of_a_strongly_consistent_table_tell_the_same_of_each_item(seed: int) -> None:
    async def scenario(planet: Planet, *regions: Region) -> None:
        for region in regions:
            specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
            await region.do("UpdateTable", StreamSpecification=specification)
        chance = planet.outside.chance("acts")

        async def write(region: Region) -> None:
            for step in range(15):
                with contextlib.suppress(ServiceError):  # two wrote at once
                    await region.put(f"k{chance.randrange(3)}", f"{region.place} {step}")
                await region.runtime.sleep(chance.uniform(0, 0.2))

        for task in [region.runtime.spawn(write(region), "writer") for region in regions]:
            await task
        await planet.wait_until(planet.agree)
        stories = []
        for region in regions:
            records = await everything(
                Reader(region), f"{region.table().arn}/stream/{label(region)}"
            )
            assert await replayed(region) == region.items()
            story: dict[str, list[Any]] = {}
            for record in records:
                change = record["dynamodb"]
                story.setdefault(change["Keys"]["k"]["S"], []).append(change.get("NewImage"))
            stories.append(story)
        assert stories[0] == stories[1] == stories[2]
        assert sum(map(len, stories[0].values())) > 15

    strongly(scenario, seed=seed)

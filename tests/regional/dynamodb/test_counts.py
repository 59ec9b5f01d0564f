"""Counts and indexes agree with the rows, whatever was written and however the host ended."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.dynamodb.attributes import item_size
from antipodes.regional.dynamodb.counts import Count
from antipodes.replication.versions import Version
from antipodes.runtime.contract import DiskFull
from antipodes.runtime.virtual import VirtualRuntime
from tests.regional.dynamodb.indexchecks import check_agreement
from tests.regional.dynamodb.replicas import Planet, Region, W, make_table, play


def recount(region: Region) -> Count:
    """Count a table's items by looking at every one."""
    found = region.dynamodb.items.read_page(region.table(), b"", 1_000_000)
    bodies = [orjson.loads(body) for *_, body in found if body is not None]
    return Count(len(bodies), sum(map(item_size, bodies)))


def counted(region: Region) -> Count:
    """What the counts say."""
    return region.dynamodb.items.count(region.table())


async def index_values(planet: Planet, region: Region) -> None:
    """Give the table an index of its values."""
    await region.do(
        "UpdateTable",
        AttributeDefinitions=[{"AttributeName": "v", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "ByValue",
                    "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            }
        ],
    )
    await planet.wait_until(lambda: region.table().indexes[0].status == "ACTIVE")


STEP = st.tuples(
    st.sampled_from(["put", "delete", "replicated", "gone", "kill"]),
    st.sampled_from("abcd"),
    st.integers(0, 30),
)


@given(st.lists(STEP, max_size=40), st.integers(0, 1000))
def test_counts_and_indexes_agree_with_the_rows(
    steps: list[tuple[str, str, int]], seed: int
) -> None:
    async def step(planet: Planet, what: str, key: str, size: int) -> None:
        region = planet.regions[W]
        items, table = region.dynamodb.items, region.table()
        if what == "put":
            region.runtime.spawn(region.put(key, "x" * (size + 1)), "put")
        elif what == "delete":
            region.runtime.spawn(region.delete(key), "delete")
        elif what == "kill":
            await planet.outside.sleep(size / 100_000)  # somewhere in the commit
            planet.kill(W)
            await planet.start(W)
        else:
            version = Version((size + 1) << 59, "eu-central-1")
            value = {"N": "1"} if size % 3 else {"S": "v" * size}
            item: dict[str, Any] = {"k": {"S": key}, "v": value}
            body = orjson.dumps(item) if what == "replicated" else None
            items.apply_replicated(table, orjson.dumps({"k": {"S": key}}), version, body)
        if what != "kill":
            await planet.outside.sleep(0.0002)
        region = planet.regions[W]
        assert counted(region) == recount(region)
        check_agreement(region.store, region.table(), region.dynamodb.items.counts)

    async def scenario(planet: Planet, region: Region) -> None:
        await make_table(region)
        await index_values(planet, region)
        for what, key, size in steps:
            await step(planet, what, key, size)

    play(scenario, W, seed=seed)


def test_counts_are_described() -> None:
    async def scenario(_: Planet, region: Region) -> None:
        await make_table(region)
        await region.put("a", "12345")
        await region.put("b", "1")
        await region.put("a", "12")
        await region.delete("b")
        await region.delete("b")
        table = (await region.do("DescribeTable"))["Table"]
        assert (table["ItemCount"], table["TableSizeBytes"]) == (1, 100 + 2 + 3)

    play(scenario, W)


def test_counts_of_a_group_that_is_rolled_back_go_with_it() -> None:
    async def scenario(planet: Planet, region: Region) -> None:
        assert isinstance(region.runtime, VirtualRuntime)
        await make_table(region)
        await index_values(planet, region)
        await region.put("a", "12345")
        before = counted(region)
        table = region.table()
        items = region.dynamodb.items
        item = {"k": {"S": "b"}, "v": {"S": "1"}}
        items.put(table, items.row_key(table, item), item)
        assert counted(region).items == 2
        planet.simulation.set_disk(W, full=True)
        with pytest.raises(DiskFull):
            await region.store.committed()
        planet.simulation.set_disk(W, full=False)
        assert counted(region) == before == recount(region)
        await region.put("c", "1")
        assert counted(region) == recount(region) == Count(2, before.size + 4)
        check_agreement(region.store, region.table(), items.counts)

    play(scenario, W)

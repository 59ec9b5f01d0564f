"""Strongly consistent tables: what they promise, and what that costs."""

from typing import Any

from tests.regional.dynamodb.replicas import Planet, Region
from tests.regional.dynamodb.strongplaces import add, read, strongly


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

"""Pages of Query and Scan: where they end, what they count, and what the wire's bytes hold."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import TableHost, create, with_tables
from tests.regional.dynamodb.test_indexes import create_indexed

BY_KEY: dict[str, Any] = {
    "KeyConditionExpression": "p = :p",
    "ExpressionAttributeValues": {":p": {"S": "p"}},
}
KB = 1024


def item(number: int, size: int) -> dict[str, Any]:
    """An item of the partition, of exactly so many bytes."""
    key = {"p": {"S": "p"}, "s": {"S": f"{number:04}"}}
    return {**key, "y": {"S": "y" * (size - 1 - 1 - 1 - 4 - 1)}}


async def fill(host: TableHost, *sizes: int) -> None:
    """A table with a partition of items of these sizes."""
    await create(host, sort="S")
    for number, size in enumerate(sizes):
        await host.ask("PutItem", TableName="Things", Item=item(number, size))


async def counts(host: TableHost, operation: str, **request: Any) -> list[tuple[int, int]]:
    """Count and ScannedCount of each page."""
    found: list[tuple[int, int]] = []
    if operation == "Query":
        request = {**BY_KEY, **request}
    while True:
        page = await host.ask(operation, TableName="Things", **request)
        assert not isinstance(page, ServiceError), page.message
        found.append((page["Count"], page["ScannedCount"]))
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@pytest.mark.parametrize("operation", ["Query", "Scan"])
@pytest.mark.parametrize("more", [{}, {"Select": "COUNT"}])
def test_a_page_ends_with_the_item_that_brings_it_to_a_megabyte(
    operation: str, more: dict[str, Any]
) -> None:
    async def scenario(host: TableHost) -> list[list[tuple[int, int]]]:
        await fill(host, *[256 * KB] * 4, 300 * KB, 300 * KB, 300 * KB, 200 * KB, 5 * KB)
        back = {"ScanIndexForward": False} if operation == "Query" else {}
        return [
            await counts(host, operation, **more),
            await counts(host, operation, **more, **back),
        ]

    there, back = with_tables(scenario)
    assert there == [(4, 4), (4, 4), (1, 1)]
    # Backwards: 5 + 200 + 3 * 300, then 4 * 256: a page that ends with the range still has a key.
    assert back == ([(5, 5), (4, 4), (0, 0)] if operation == "Query" else there)


def test_a_byte_less_than_a_megabyte_is_no_end() -> None:
    async def scenario(host: TableHost) -> list[tuple[int, int]]:
        await fill(host, 256 * KB, 256 * KB, 256 * KB, 256 * KB - 1)
        return await counts(host, "Query")

    assert with_tables(scenario) == [(4, 4)]


def test_a_limit_counts_before_the_filter() -> None:
    async def scenario(host: TableHost) -> list[Any]:
        await fill(host, *[20] * 5, *[400] * 2)
        request = {
            "FilterExpression": "size(y) > :n",
            "ExpressionAttributeValues": {":p": {"S": "p"}, ":n": {"N": "100"}},
        }
        page = await counts(host, "Query", Limit=3, **request)
        all_pages = await counts(host, "Query", **request)
        ended = await counts(host, "Query", Limit=7)
        counted = await counts(host, "Query", Select="COUNT", Limit=3, **request)
        return [page, all_pages, ended, counted]

    assert with_tables(scenario) == [
        [(0, 3), (1, 3), (1, 1)],
        [(2, 7)],
        [(7, 7), (0, 0)],
        [(0, 3), (1, 3), (1, 1)],
    ]


def test_a_start_need_not_be_there() -> None:
    async def scenario(host: TableHost) -> list[Any]:
        await fill(host, 20, 20, 20)
        start = {"p": {"S": "p"}, "s": {"S": "0000x"}}
        there = await counts(host, "Query", ExclusiveStartKey=start)
        back = await counts(host, "Query", ExclusiveStartKey=start, ScanIndexForward=False)
        scanned = await counts(host, "Scan", ExclusiveStartKey=start)
        return [there, back, scanned]

    assert with_tables(scenario) == [[(2, 2)], [(1, 1)], [(2, 2)]]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"p": {"S": "other"}, "s": {"S": "a"}},
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            {"p": {"S": "p"}, "s": {"S": "z"}},
            "The provided starting key does not match the range key predicate",
        ),
    ],
)
def test_a_start_outside_of_the_condition_is_refused(more: dict[str, Any], message: str) -> None:
    async def scenario(host: TableHost) -> str:
        await fill(host, 20)
        answer = await host.ask(
            "Query",
            TableName="Things",
            KeyConditionExpression="p = :p AND s < :s",
            ExpressionAttributeValues={":p": {"S": "p"}, ":s": {"S": "b"}},
            ExclusiveStartKey=more,
        )
        assert isinstance(answer, ServiceError)
        return answer.message

    assert with_tables(scenario) == message


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("xyz")), max_size=12),
    st.sampled_from([None, "Keys", "Some", "All", "Local"]),
    st.booleans(),
    st.integers(0, 3),
)
def test_the_fast_way_says_the_same_of_tables_and_indexes(
    items: list[tuple[int, str]], index: str | None, consistent: bool, limit: int
) -> None:
    name = {None: "p", "Keys": "g", "Some": "g", "All": "s", "Local": "p"}[index]
    request: dict[str, Any] = {
        "TableName": "Things",
        "KeyConditionExpression": f"{name} = :v",
        "ExpressionAttributeValues": {":v": {"S": "x"}},
        "ConsistentRead": consistent,
        "ReturnConsumedCapacity": "INDEXES",
    }
    if index is not None:
        request["IndexName"] = index
    if limit:
        request["Limit"] = limit

    async def scenario(host: TableHost) -> None:
        await create_indexed(host)
        for number, text in items:
            put: dict[str, Any] = {
                "p": {"S": "x"},
                "s": {"S": text},
                "n": {"N": str(number)},
                "g": {"S": "x"},
                "b": {"B": "AAE="},
                "x": {"BS": ["AA==", "AQ=="]},
            }
            body = orjson.dumps({"TableName": "Things", "Item": put})
            assert host.post("PutItem", body, fast=True) == (200, b"{}")
        while True:
            body = orjson.dumps(request)
            fast, slow = host.post("Query", body, fast=True), host.post("Query", body, fast=False)
            assert (fast[0], orjson.loads(fast[1])) == (slow[0], orjson.loads(slow[1]))
            start = orjson.loads(fast[1]).get("LastEvaluatedKey")
            if start is None:
                return
            request["ExclusiveStartKey"] = start

    with_tables(scenario)

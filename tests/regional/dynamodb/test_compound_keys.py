"""Global indexes whose partition keys and sort keys are made of several attributes."""

from decimal import Decimal
from itertools import product
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.indexchecks import check_agreement
from tests.regional.dynamodb.tablehost import ACCOUNT, TableHost, with_tables

Item = dict[str, Any]
HASHES, RANGES = ("a", "b"), ("c", "d", "e")
TYPES = {"p": "S", "a": "S", "b": "N", "c": "S", "d": "N", "e": "S"}


def _request(*schema: tuple[str, str], types: dict[str, str] | None = None) -> dict[str, Any]:
    index = {
        "IndexName": "Compound",
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in schema],
        "Projection": {"ProjectionType": "ALL"},
    }
    return {
        "TableName": "Things",
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in (types or TYPES).items()
        ],
        "GlobalSecondaryIndexes": [index],
        "BillingMode": "PAY_PER_REQUEST",
    }


SCHEMA = [(name, "HASH") for name in HASHES] + [(name, "RANGE") for name in RANGES]
NUMBER = st.sampled_from(["-1", "0", "2", "10"]).map(lambda n: {"N": n})
ITEM = st.fixed_dictionaries(
    {"p": st.sampled_from("123456").map(lambda s: {"S": s})},
    optional={
        "a": st.sampled_from(["x", "xy"]).map(lambda s: {"S": s}),
        "b": st.sampled_from(["1", "2"]).map(lambda n: {"N": n}),
        "c": st.sampled_from(["x", "x\x00", "xy", "y"]).map(lambda s: {"S": s}),
        "d": NUMBER,
        "e": st.sampled_from(["x", "y"]).map(lambda s: {"S": s}),
    },
)


def _order(value: dict[str, Any]) -> Any:
    return Decimal(value["N"]) if "N" in value else value["S"].encode()


def _sorted(items: list[Item]) -> list[bytes]:
    return sorted(orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in items)


async def _pages(host: TableHost, **request: Any) -> list[Item]:
    found: list[Item] = []
    while True:
        page = await host.ask("Query", TableName="Things", IndexName="Compound", **request)
        assert not isinstance(page, ServiceError), page.message
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _conditions(names: tuple[str, ...], operator: str, pivot: Item) -> dict[str, Any]:
    """Equality for all of the names but the last, which has the operator."""
    parts = [f"{name} = :{name}" for name in names[:-1]] + [f"{names[-1]} {operator} :{names[-1]}"]
    return {
        "KeyConditionExpression": " AND ".join(parts),
        "ExpressionAttributeValues": {f":{name}": pivot[name] for name in names},
    }


def _holds(item: Item, names: tuple[str, ...], operator: str, pivot: Item) -> bool:
    if any(item[name] != pivot[name] for name in names[:-1]):
        return False
    one, other = _order(item[names[-1]]), _order(pivot[names[-1]])
    return bool({"=": one == other, "<": one < other, ">=": one >= other}[operator])


@settings(max_examples=40)
@given(st.lists(ITEM, max_size=12), st.integers(1, 4))
def test_compound_keys_select_and_order_as_they_say(items: list[Item], limit: int) -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", **_request(*SCHEMA))
        for item in items:
            assert await host.ask("PutItem", TableName="Things", Item=item) == {}
        await host.store.committed()
        table = host.dynamodb.usable(ACCOUNT, "Things")
        check_agreement(host.store, table)
        there = list({item["p"]["S"]: item for item in items}.values())
        whole = [item for item in there if all(name in item for name in TYPES)]
        for pivot in whole[:2]:
            ways = product(range(2, 6), ("=", "<", ">="))
            for count, operator in ways:
                names = (*HASHES, *RANGES)[:count]
                if count == len(HASHES) and operator != "=":
                    continue
                asked = _conditions(names, operator, pivot)
                found = await _pages(host, Limit=limit, **asked)
                wanted = [item for item in whole if _holds(item, names, operator, pivot)]
                assert _sorted(found) == _sorted(wanted), (names, operator)
                order = [tuple(_order(item[name]) for name in RANGES) for item in found]
                assert order == sorted(order)
                back = await _pages(host, Limit=limit, ScanIndexForward=False, **asked)
                assert back == found[::-1]

    with_tables(scenario)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("a = :a", "Query condition missed key schema element: b"),
        ("a = :a AND b > :b", "Query key condition not supported"),
        ("a = :a AND b = :b AND d = :d", "Query condition missed key schema element: c"),
        ("a = :a AND b = :b AND c > :c AND d = :d", "Query key condition not supported"),
        ("a = :a AND b = :b AND p = :c", "Query key condition not supported"),
        (
            "a = :a AND b = :c",
            (
                "One or more parameter values were invalid: Condition parameter type does not "
                "match schema type"
            ),
        ),
    ],
)
def test_conditions_that_leave_a_gap_are_refused(condition: str, message: str) -> None:
    values = {":a": {"S": "x"}, ":b": {"N": "1"}, ":c": {"S": "x"}, ":d": {"N": "1"}}

    async def scenario(host: TableHost) -> str:
        await host.ask("CreateTable", **_request(*SCHEMA))
        used = {name: value for name, value in values.items() if name in condition}
        answer = await host.ask(
            "Query",
            TableName="Things",
            IndexName="Compound",
            KeyConditionExpression=condition,
            ExpressionAttributeValues=used,
        )
        assert isinstance(answer, ServiceError), answer
        return answer.message

    assert with_tables(scenario) == message


def test_a_compound_key_is_described_as_it_was_given() -> None:
    async def scenario(host: TableHost) -> Any:
        await host.ask("CreateTable", **_request(*SCHEMA))
        table = (await host.ask("DescribeTable", TableName="Things"))["Table"]
        return table["GlobalSecondaryIndexes"][0]["KeySchema"]

    assert with_tables(scenario) == [
        {"AttributeName": name, "KeyType": kind} for name, kind in SCHEMA
    ]


def test_partiql_does_not_read_an_index_with_a_compound_key() -> None:
    async def scenario(host: TableHost) -> Any:
        await host.ask("CreateTable", **_request(*SCHEMA))
        return await host.ask("ExecuteStatement", Statement='SELECT * FROM "Things"."Compound"')

    answer = with_tables(scenario)
    assert isinstance(answer, ServiceError)
    assert (answer.code, answer.status) == ("NotImplemented", 501)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            [("a", "HASH"), ("b", "RANGE"), ("c", "HASH")],
            (
                "One or more parameter values were invalid: All HASH key attributes must precede "
                "RANGE key attributes in the KeySchema"
            ),
        ),
        (
            [("a", "HASH"), ("b", "HASH"), ("a", "RANGE")],
            "The KeySchema contains multiple key attributes with the same name",
        ),
        (
            [(name, "HASH") for name in "abcde"],
            (
                "One or more parameter values were invalid: The KeySchema exceeds the maximum "
                "allowed number of HASH key attributes"
            ),
        ),
        (
            [("p", "HASH"), *[(name, "RANGE") for name in "abcde"]],
            (
                "One or more parameter values were invalid: The KeySchema exceeds the maximum "
                "allowed number of RANGE key attributes"
            ),
        ),
    ],
)
def test_compound_keys_that_cannot_be_are_refused(
    schema: list[tuple[str, str]], message: str
) -> None:
    names = {"p", *(name for name, _ in schema)}
    types = {name: kind for name, kind in TYPES.items() if name in names}

    async def scenario(host: TableHost) -> str:
        answer = await host.ask("CreateTable", **_request(*schema, types=types))
        assert isinstance(answer, ServiceError), answer
        return answer.message

    assert with_tables(scenario) == message

"""Secondary indexes: they hold what a plain list would, in its order, whatever was written."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.dynamodb.indexrows import projection_of
from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.indexchecks import check_agreement
from tests.regional.dynamodb.tablehost import ACCOUNT, TableHost, with_tables

Item = dict[str, Any]
NAMES = ("Local", "Keys", "Some", "All")


async def create_indexed(host: TableHost, name: str = "Things") -> None:
    """A table keyed by `p` and `s`, with a local index on `n` and three global ones."""

    def index(name: str, keys: tuple[str, ...], kind: str, *more: str) -> dict[str, Any]:
        projection: dict[str, Any] = {"ProjectionType": kind}
        if more:
            projection["NonKeyAttributes"] = list(more)
        schema = [
            {"AttributeName": key, "KeyType": place}
            for key, place in zip(keys, ("HASH", "RANGE"), strict=False)
        ]
        return {"IndexName": name, "KeySchema": schema, "Projection": projection}

    made = await host.ask(
        "CreateTable",
        TableName=name,
        KeySchema=index("", ("p", "s"), "ALL")["KeySchema"],
        AttributeDefinitions=[
            {"AttributeName": n, "AttributeType": t} for n, t in zip("psngb", "SSNSB", strict=True)
        ],
        LocalSecondaryIndexes=[index("Local", ("p", "n"), "INCLUDE", "x")],
        GlobalSecondaryIndexes=[
            index("Keys", ("g",), "KEYS_ONLY"),
            index("Some", ("g", "b"), "INCLUDE", "x", "n"),
            index("All", ("s", "n"), "ALL"),
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    assert made["TableDescription"]["TableStatus"] == "CREATING"


TEXT = st.sampled_from(["a", "b", "ab", "ÿ", "a\x00", "a\x00b"])
NUMBER = st.sampled_from(["-12", "-1.5", "0", "0.25", "3", "100", "1e20"])
ITEM = st.fixed_dictionaries(
    {"p": TEXT.map(lambda s: {"S": s}), "s": TEXT.map(lambda s: {"S": s})},
    optional={
        "n": NUMBER.map(lambda n: {"N": n}),
        "g": TEXT.map(lambda s: {"S": s}),
        "b": st.sampled_from([b"\x00", b"\xff", b"\x00\xff", b"\x00\x00", b"a"]).map(
            lambda b: {"B": b}
        ),
        "x": st.integers(0, 9).map(lambda n: {"S": "x" * n}),
        "y": st.just({"BOOL": True}),
    },
)
STEP = st.tuples(st.sampled_from(["put", "put", "delete", "batch"]), ITEM)


def _normal(item: Item) -> Item:
    if "n" not in item:
        return item
    return {**item, "n": {"N": format(Decimal(item["n"]["N"]), "f")}}


def _order(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    return content.encode() if kind == "S" else content


async def _write(host: TableHost, steps: list[tuple[str, Item]]) -> list[Item]:
    kept: dict[tuple[str, str], Item] = {}
    for what, item in steps:
        key = {"p": item["p"], "s": item["s"]}
        place = (item["p"]["S"], item["s"]["S"])
        if what == "delete":
            await host.ask("DeleteItem", TableName="Things", Key=key)
            kept.pop(place, None)
            continue
        kept[place] = _normal(item)
        if what == "put":
            assert await host.ask("PutItem", TableName="Things", Item=item) == {}
        else:
            batch = {"Things": [{"PutRequest": {"Item": item}}]}
            await host.ask("BatchWriteItem", RequestItems=batch)
    return list(kept.values())


async def _pages(host: TableHost, operation: str, limit: int, **request: Any) -> list[Item]:
    found: list[Item] = []
    while True:
        page = await host.ask(operation, TableName="Things", Limit=limit, **request)
        assert not isinstance(page, ServiceError), page.message
        assert page["Count"] == page["ScannedCount"] == len(page["Items"]) <= limit
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _expected(host: TableHost, name: str, items: list[Item]) -> list[Item]:
    table = host.dynamodb.usable(ACCOUNT, "Things")
    index = next(index for index in table.indexes if index.name == name)
    return [
        projection_of(table, index, item)
        for item in items
        if all(key in item for key in index.key_names)
    ]


def _sorted(items: list[Item]) -> list[bytes]:
    return sorted(orjson.dumps(item, default=list, option=orjson.OPT_SORT_KEYS) for item in items)


@settings(max_examples=60)
@given(st.lists(STEP, max_size=30), st.integers(1, 5), st.integers(1, 4))
def test_indexes_hold_what_a_plain_list_does(
    steps: list[tuple[str, Item]], limit: int, total: int
) -> None:
    async def scenario(host: TableHost) -> None:
        await create_indexed(host)
        items = await _write(host, steps)
        table = host.dynamodb.usable(ACCOUNT, "Things")
        await host.store.committed()
        check_agreement(host.store, table, host.dynamodb.items.counts)
        check_agreement(host.store, table)
        for index in table.indexes:
            expected = _expected(host, index.name, items)
            scanned: list[Item] = []
            for segment in range(total):
                more = {"Segment": segment, "TotalSegments": total, "IndexName": index.name}
                scanned += await _pages(host, "Scan", limit, **more)
            assert _sorted(scanned) == _sorted(expected)
            for partition in {orjson.dumps(i[index.key_names[0]]): i for i in expected}.values():
                await _check_partition(host, index, partition[index.key_names[0]], expected, limit)

    with_tables(scenario)


async def _check_partition(
    host: TableHost, index: Any, value: Any, expected: list[Item], limit: int
) -> None:
    inside = [item for item in expected if item[index.key_names[0]] == value]
    request = {
        "IndexName": index.name,
        "KeyConditionExpression": "#p = :p",
        "ExpressionAttributeNames": {"#p": index.key_names[0]},
        "ExpressionAttributeValues": {":p": value},
    }
    found = await _pages(host, "Query", limit, **request)
    assert _sorted(found) == _sorted(inside)
    back = await _pages(host, "Query", limit, **request, ScanIndexForward=False)
    assert back == found[::-1]
    if len(index.key_names) == 1:
        return
    name = index.key_names[1]
    order = [_order(item[name]) for item in found]
    assert order == sorted(order)
    request["ExpressionAttributeNames"] = {"#p": index.key_names[0], "#s": name}
    for pivot in inside[:2]:
        for operator in ("=", "<", "<=", ">", ">="):
            request["KeyConditionExpression"] = f"#p = :p AND #s {operator} :s"
            request["ExpressionAttributeValues"] = {":p": value, ":s": pivot[name]}
            found = await _pages(host, "Query", limit, **request)
            wanted = [i for i in inside if _holds(operator, _order(i[name]), _order(pivot[name]))]
            assert _sorted(found) == _sorted(wanted), operator
        if "N" not in pivot[name]:
            request["KeyConditionExpression"] = "#p = :p AND begins_with(#s, :s)"
            found = await _pages(host, "Query", limit, **request)
            wanted = [i for i in inside if _order(i[name]).startswith(_order(pivot[name]))]
            assert _sorted(found) == _sorted(wanted)


def _holds(operator: str, one: Any, other: Any) -> Any:
    return {
        "=": one == other,
        "<": one < other,
        "<=": one <= other,
        ">": one > other,
        ">=": one >= other,
    }[operator]


def test_sort_keys_of_any_length_keep_their_order_in_an_index() -> None:
    async def scenario(host: TableHost) -> list[str]:
        await create_indexed(host)
        for number in (7, 3, 9, 1, 5):
            key = {"p": {"S": f"p{number}"}, "s": {"S": "t" * 1000 + str(number)}}
            item = {**key, "g": {"S": "g"}, "b": {"B": b"\x00" * 1000 + bytes([number])}}
            await host.ask("PutItem", TableName="Things", Item=item)
        found = await _pages(
            host,
            "Query",
            2,
            IndexName="Some",
            KeyConditionExpression="g = :g AND b > :b",
            ExpressionAttributeValues={":g": {"S": "g"}, ":b": {"B": b"\x00" * 1000 + b"\x01"}},
        )
        return [item["p"]["S"] for item in found]

    assert with_tables(scenario) == ["p3", "p5", "p7", "p9"]


def _error(answer: Any) -> str:
    assert isinstance(answer, ServiceError), answer
    return f"{answer.code}: {answer.message}"


PUT = {"p": {"S": "p"}, "s": {"S": "s"}}


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        (
            "PutItem",
            {"Item": {**PUT, "g": {"N": "1"}}},
            (
                "One or more parameter values were invalid: Type mismatch for Index Key g "
                "Expected: S Actual: N IndexName: Keys"
            ),
        ),
        (
            "PutItem",
            {"Item": {**PUT, "n": {"S": "1"}}},
            (
                "One or more parameter values were invalid: Type mismatch for Index Key n "
                "Expected: N Actual: S IndexName: All"
            ),
        ),
        (
            "PutItem",
            {"Item": {**PUT, "g": {"S": ""}}},
            (
                "One or more parameter values are not valid. A value specified for a secondary "
                "index key is not supported. The AttributeValue for a key attribute cannot contain "
                "an empty string value. IndexName: Keys, IndexKey: g"
            ),
        ),
        (
            "PutItem",
            {"Item": {**PUT, "b": {"B": b"x" * 1025}}},
            (
                "One or more parameter values were invalid: Aggregated size of all range keys has "
                "exceeded the size limit of 1024 bytes"
            ),
        ),
        (
            "UpdateItem",
            {
                "Key": PUT,
                "UpdateExpression": "SET g = :g",
                "ExpressionAttributeValues": {":g": {"S": ""}},
            },
            (
                "One or more parameter values are not valid. The update expression attempted to "
                "update a secondary index key to a value that is not supported. The AttributeValue "
                "for a key attribute cannot contain an empty string value."
            ),
        ),
        (
            "Scan",
            {"IndexName": "Nix"},
            "The table does not have the specified index: Nix",
        ),
        (
            "Scan",
            {"IndexName": "Keys", "ConsistentRead": True},
            "Consistent reads are not supported on global secondary indexes",
        ),
        (
            "Scan",
            {"IndexName": "Keys", "Select": "ALL_ATTRIBUTES"},
            (
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not "
                "supported for global secondary index Keys because its projection type is not ALL"
            ),
        ),
        (
            "Scan",
            {"IndexName": "Some", "ProjectionExpression": "x, y, p"},
            (
                "One or more parameter values were invalid: Global secondary index Some does not "
                "project [y]"
            ),
        ),
        (
            "Scan",
            {"IndexName": "Keys", "ExclusiveStartKey": PUT},
            "The provided starting key is invalid",
        ),
        (
            "Scan",
            {"IndexName": "Keys", "ExclusiveStartKey": {**PUT, "g": {"N": "1"}}},
            "The provided key element does not match the schema",
        ),
        (
            "Scan",
            {"Select": "ALL_PROJECTED_ATTRIBUTES"},
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
        (
            "Query",
            {
                "IndexName": "Keys",
                "KeyConditionExpression": "p = :p",
                "ExpressionAttributeValues": {":p": {"S": "p"}},
            },
            "Query condition missed key schema element: g",
        ),
    ],
)
def test_what_indexes_do_not_bear_is_refused(
    operation: str, request_: dict[str, Any], message: str
) -> None:
    async def scenario(host: TableHost) -> tuple[str, Any]:
        await create_indexed(host)
        answer = await host.ask(operation, TableName="Things", **request_)
        return _error(answer), (await host.ask("Scan", TableName="Things"))["Count"]

    assert with_tables(scenario) == (f"ValidationException: {message}", 0)


def test_a_local_index_fetches_what_it_does_not_hold() -> None:
    async def scenario(host: TableHost) -> None:
        await create_indexed(host)
        item = {**PUT, "n": {"N": "1"}, "x": {"S": "x"}, "y": {"S": "y" * 5000}}
        await host.ask("PutItem", TableName="Things", Item=item)

        async def ask(**more: Any) -> Any:
            return await host.ask(
                "Query",
                TableName="Things",
                IndexName="Local",
                KeyConditionExpression="p = :p",
                ExpressionAttributeValues={":p": {"S": "p"}, **more.pop("values", {})},
                ReturnConsumedCapacity="INDEXES",
                **more,
            )

        def units(table: float, index: float) -> dict[str, Any]:
            return {
                "TableName": "Things",
                "CapacityUnits": table + index,
                "Table": {"CapacityUnits": table},
                "LocalSecondaryIndexes": {"Local": {"CapacityUnits": index}},
            }

        held = {name: item[name] for name in "psnx"}
        found = await ask()
        assert (found["Items"], found["ConsumedCapacity"]) == ([held], units(0.0, 0.5))
        found = await ask(Select="ALL_ATTRIBUTES", ConsistentRead=True)
        assert (found["Items"], found["ConsumedCapacity"]) == ([item], units(2.0, 1.0))
        found = await ask(ProjectionExpression="n, y")
        assert found["Items"] == [{"n": item["n"], "y": item["y"]}]
        assert found["ConsumedCapacity"] == units(1.0, 0.5)
        found = await ask(FilterExpression="y = :y", values={":y": item["y"]}, Select="COUNT")
        assert (found["Count"], found["ConsumedCapacity"]) == (1, units(1.0, 0.5))

    with_tables(scenario)


def test_indexes_are_described_with_their_counts() -> None:
    async def scenario(host: TableHost) -> Any:
        await create_indexed(host)
        await host.ask("PutItem", TableName="Things", Item={**PUT, "g": {"S": "g"}})
        return (await host.ask("DescribeTable", TableName="Things"))["Table"]

    table = with_tables(scenario)
    assert table["AttributeDefinitions"] == [
        {"AttributeName": n, "AttributeType": t} for n, t in zip("bgnps", "BSNSS", strict=True)
    ]
    (local,) = table["LocalSecondaryIndexes"]
    assert "IndexStatus" not in local
    assert local["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]}
    keys = table["GlobalSecondaryIndexes"][0]
    assert keys["IndexArn"] == table["TableArn"] + "/index/Keys"
    assert (keys["IndexStatus"], keys["ItemCount"], keys["IndexSizeBytes"]) == ("ACTIVE", 1, 106)
    assert keys["WarmThroughput"]["ReadUnitsPerSecond"] == 12_000
    assert [i["ItemCount"] for i in table["GlobalSecondaryIndexes"]] == [1, 0, 0]


@pytest.mark.parametrize("count", [1, 700])
def test_a_dropped_table_leaves_nothing_of_its_indexes(count: int) -> None:
    async def scenario(host: TableHost) -> list[bytes]:
        before = [key for key, _ in host.store.scan(b"\x01", b"\xff")]
        await create_indexed(host)
        table, items = host.dynamodb.usable(ACCOUNT, "Things"), host.dynamodb.items
        for number in range(count):
            key = {"p": {"S": str(number % 9)}, "s": {"S": str(number)}}
            item = {**key, "g": {"S": "g"}, "n": {"N": "1"}}
            items.put(table, items.row_key(table, item), item)
        await host.ask("DeleteTable", TableName="Things")
        await host.runtime.sleep(60)
        return [key for key, _ in host.store.scan(b"\x01", b"\xff") if key not in before]

    assert with_tables(scenario) == []

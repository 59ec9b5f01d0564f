"""What requests consume, to the unit, and what item collections hold."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import ACCOUNT, TableHost, with_tables
from tests.regional.dynamodb.test_indexes import create_indexed

KEY = {"p": {"S": "p"}, "s": {"S": "s"}}
Units = dict[str, float]


async def spend(host: TableHost, operation: str, **request: Any) -> Any:
    """Ask, and return what it took: in all, of the table, and of each index by its name."""
    answer = await host.ask(operation, ReturnConsumedCapacity="INDEXES", **request)
    assert not isinstance(answer, ServiceError), answer.message
    found = answer["ConsumedCapacity"]
    (one,) = found if isinstance(found, list) else [found]
    shares = {
        **one.get("LocalSecondaryIndexes", {}),
        **one.get("GlobalSecondaryIndexes", {}),
    }
    indexes = {name: share["CapacityUnits"] for name, share in shares.items()}
    total, table = one["CapacityUnits"], one["Table"]["CapacityUnits"]
    assert total == table + sum(indexes.values())
    return total, table, indexes


def _put(**attributes: Any) -> dict[str, Any]:
    return {"TableName": "Things", "Item": {**KEY, **attributes}}


SMALL, LARGE = {"S": "x"}, {"S": "x" * 2000}
G, H = {"S": "g"}, {"S": "h"}
B = {"B": b"b"}


@pytest.mark.parametrize(
    ("first", "then", "table", "indexes"),
    [
        # No index holds the item, or all do.
        (None, {"y": SMALL}, 1, {}),
        (None, {"g": G, "n": {"N": "1"}, "b": B}, 1, {"Keys": 1, "Some": 1, "All": 1, "Local": 1}),
        # The larger of old and new, in the table and in each index.
        ({"y": LARGE}, {"y": SMALL}, 2, {}),
        ({"g": G, "b": B, "x": SMALL}, {"g": G, "b": B, "x": LARGE}, 2, {"Some": 2}),
        ({"g": G, "b": B, "x": LARGE}, {"g": G, "b": B}, 2, {"Some": 2}),
        # Nothing that is projected changes.
        ({"g": G, "b": B}, {"g": G, "b": B, "y": SMALL}, 1, {}),
        ({"n": {"N": "1"}}, {"n": {"N": "1"}, "y": LARGE}, 2, {"All": 2}),
        # The key of an index changes: a delete and a put.
        ({"g": G, "b": B}, {"g": H, "b": B}, 1, {"Keys": 2, "Some": 2}),
        ({"g": G, "b": B, "x": LARGE}, {"g": H, "b": B}, 2, {"Keys": 2, "Some": 3}),
        # The item leaves the index.
        ({"g": G, "b": B}, {"b": B}, 1, {"Keys": 1, "Some": 1}),
        # The same again: the table's write only.
        ({"g": G, "n": {"N": "1"}}, {"g": G, "n": {"N": "1"}}, 1, {}),
    ],
)
def test_a_put_consumes_what_it_changes(
    first: dict[str, Any] | None, then: dict[str, Any], table: float, indexes: Units
) -> None:
    async def scenario(host: TableHost) -> Any:
        await create_indexed(host)
        if first is not None:
            await host.ask("PutItem", **_put(**first))
        return await spend(host, "PutItem", **_put(**then))

    total = table + sum(indexes.values())
    assert with_tables(scenario) == (total, table, indexes)


def test_other_writes_consume_alike() -> None:
    async def scenario(host: TableHost) -> None:
        await create_indexed(host)
        await host.ask("PutItem", **_put(g=G, n={"N": "1"}, y=LARGE))
        change = {"UpdateExpression": "SET g = :g", "ExpressionAttributeValues": {":g": H}}
        request: dict[str, Any] = {"TableName": "Things", "Key": KEY, **change}
        assert await spend(host, "UpdateItem", **request) == (6, 2, {"Keys": 2, "All": 2})
        gone = await spend(host, "DeleteItem", TableName="Things", Key=KEY)
        assert gone == (6, 2, {"Local": 1, "Keys": 1, "All": 2})
        assert await spend(host, "DeleteItem", TableName="Things", Key=KEY) == (1, 1, {})
        batch = [{"PutRequest": {"Item": {**KEY, "s": {"S": s}, "g": G}}} for s in "abc"]
        found = await spend(host, "BatchWriteItem", RequestItems={"Things": batch})
        assert found == (6, 3, {"Keys": 3})
        put = {"TableName": "Things", "Item": {**KEY, "g": G, "n": {"N": "1"}}}
        request = {"TransactItems": [{"Put": put}], "ClientRequestToken": "once"}
        found = await spend(host, "TransactWriteItems", **request)
        assert found == (6, 2, {"Local": 2, "Keys": 1, "All": 1})
        # Once more by its token: it is only read.
        assert await spend(host, "TransactWriteItems", **request) == (2, 2, {})

    with_tables(scenario)


def test_reads_consume_what_they_went_through() -> None:
    async def scenario(host: TableHost) -> None:
        await create_indexed(host)
        for s in "abcdefgh":
            item = {**KEY, "s": {"S": s}, "g": G, "n": {"N": "1"}, "y": {"S": "y" * 1000}}
            await host.ask("PutItem", TableName="Things", Item=item)

        async def read(operation: str, *, consistent: bool = False, **more: Any) -> Any:
            request = {"TableName": "Things", "ConsistentRead": consistent, **more}
            return (await spend(host, operation, **request))[0]

        # One item is 1 + 1 + 1 + 1 + 1 + 1 + 1 + 2 + 1 + 1000 bytes.
        assert await read("Scan") == 1.0
        assert await read("Scan", consistent=True) == 2.0
        assert await read("Scan", Limit=4) == 0.5
        assert await read("Scan", Limit=5) == 1.0
        assert await read("Scan", Select="COUNT") == 1.0
        by_index: dict[str, Any] = {
            "IndexName": "Keys",
            "KeyConditionExpression": "g = :g",
            "ExpressionAttributeValues": {":g": G},
        }
        assert await read("Query", **by_index) == 0.5
        nothing = {**by_index, "ExpressionAttributeValues": {":g": H}}
        assert await read("Query", **nothing) == 0.5
        key = {**KEY, "s": {"S": "a"}}
        assert await read("GetItem", Key=key) == 0.5
        assert await read("GetItem", Key=KEY, consistent=True) == 1.0
        get = {"Get": {"TableName": "Things", "Key": key}}
        assert (await spend(host, "TransactGetItems", TransactItems=[get]))[0] == 2.0
        keys = {"Keys": [{**KEY, "s": {"S": s}} for s in "abz"]}
        assert (await spend(host, "BatchGetItem", RequestItems={"Things": keys}))[0] == 1.5

    with_tables(scenario)


def test_item_collections_are_told_and_end_at_their_limit() -> None:
    async def scenario(host: TableHost) -> None:
        await create_indexed(host)
        items = host.dynamodb.items

        async def put(s: str, size: int) -> Any:
            item = {**KEY, "s": {"S": s}, "n": {"N": "1"}, "y": {"S": "y" * size}}
            return await host.ask(
                "PutItem", TableName="Things", Item=item, ReturnItemCollectionMetrics="SIZE"
            )

        told = {"ItemCollectionKey": {"p": KEY["p"]}, "SizeEstimateRangeGB": [0.0, 1.0]}
        assert await put("a", 10) == {"ItemCollectionMetrics": told}
        table = host.dynamodb.usable(ACCOUNT, "Things")
        row_key = items.row_key(table, {**KEY, "s": {"S": "a"}})
        # p, s, n and y in the table; p, s and n in the local index; 100 bytes for each.
        assert items.collection(row_key).storage() == (4 + 3 + 11 + 100) + (4 + 3 + 100)
        items.collection_max = 1000
        assert "ItemCollectionMetrics" in await put("b", 200)
        full = await put("c", 300)
        assert isinstance(full, ServiceError)
        assert (full.code, full.message) == (
            "ItemCollectionSizeLimitExceededException",
            "Collection size exceeded.",
        )
        assert "ItemCollectionMetrics" in await put("b", 20)
        batch = {"Things": [{"DeleteRequest": {"Key": {**KEY, "s": {"S": s}}}} for s in "ab"]}
        found = await host.ask(
            "BatchWriteItem", RequestItems=batch, ReturnItemCollectionMetrics="SIZE"
        )
        assert found["ItemCollectionMetrics"] == {"Things": [told]}
        big = {"TableName": "Things", "Item": {**KEY, "y": {"S": "y" * 999}}}
        refused = await host.ask("TransactWriteItems", TransactItems=[{"Put": big}])
        assert (
            refused.members["CancellationReasons"][0]["Code"] == "ItemCollectionSizeLimitExceeded"
        )
        # The fast way does not get around it.
        body = b'{"TableName":"Things","Item":{"p":{"S":"p"},"s":{"S":"s"},"y":{"S":"%b"}}}'
        status, _ = host.post("PutItem", body % (b"y" * 999), fast=True)
        assert status == 400
        items.collection_max = 5 << 30
        whole = await put("d", 1)
        assert whole["ItemCollectionMetrics"]["SizeEstimateRangeGB"] == [0.0, 1.0]

    with_tables(scenario)

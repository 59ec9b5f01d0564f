"""Pages, batches and transactions at their limits, as a suite written against AWS expects them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.e2e.strangers import answer, fresh, index, invalid, number, refusal, text, values
from tests.e2e.worlds import RunningWorld

W = "us-west-2"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with RunningWorld(regions=(W,)) as world:
        yield world.client("dynamodb")


def put(table: str, key: str, **more: Any) -> dict[str, Any]:
    """A Put of a transaction."""
    condition = more.pop("condition", {})
    return {"Put": {"TableName": table, "Item": {"p": text(key), **more}, **condition}}


def get(table: str, key: str) -> dict[str, Any]:
    """A Get of a transaction."""
    return {"Get": {"TableName": table, "Key": {"p": text(key)}}}


def test_a_query_ends_its_page_at_a_megabyte(client: Any) -> None:
    table = fresh(client, "S", "N")
    for n in range(6):
        item = {"p": text("a"), "c": number(n), "v": text("x" * 300_000)}
        client.put_item(TableName=table, Item=item)
    query = partial(
        client.query,
        TableName=table,
        KeyConditionExpression="p = :p",
        ExpressionAttributeValues=values(p=text("a")),
    )
    first = query()
    assert 3 <= first["Count"] <= 4
    assert first["LastEvaluatedKey"]["c"] == number(first["Count"] - 1)
    nothing = query(FilterExpression="attribute_not_exists(v)")
    assert (nothing["Items"], nothing["Count"]) == ([], 0)
    assert nothing["ScannedCount"] == first["Count"]
    assert nothing["LastEvaluatedKey"] == first["LastEvaluatedKey"]
    rest = query(ExclusiveStartKey=first["LastEvaluatedKey"])
    assert first["Count"] + rest["Count"] == 6
    assert "LastEvaluatedKey" not in rest
    exact = query(Limit=6, Select="COUNT", ExclusiveStartKey=first["LastEvaluatedKey"])
    assert "LastEvaluatedKey" not in exact
    end = query(Limit=rest["Count"], ExclusiveStartKey=first["LastEvaluatedKey"])
    assert end["LastEvaluatedKey"]["c"] == number(5)
    assert answer(query, ExclusiveStartKey=end["LastEvaluatedKey"]) == {
        "Items": [],
        "Count": 0,
        "ScannedCount": 0,
    }


def test_an_index_page_ends_with_a_key_of_index_and_table(client: Any) -> None:
    table = fresh(
        client,
        "S",
        "N",
        others={"g": "S", "h": "N"},
        GlobalSecondaryIndexes=[index("byG", "g", "h", kind="KEYS_ONLY")],
    )
    for n in range(5):
        item = {"p": text(f"p{n}"), "c": number(n), "g": text("g"), "h": number(-n), "x": text("x")}
        client.put_item(TableName=table, Item=item)
    client.put_item(TableName=table, Item={"p": text("sparse"), "c": number(0), "g": text("g")})
    query = partial(
        client.query,
        TableName=table,
        IndexName="byG",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues=values(g=text("g")),
    )
    page = query(Limit=2)
    last = {"p": text("p3"), "c": number(3), "g": text("g"), "h": number(-3)}
    assert page["Items"][1] == page["LastEvaluatedKey"] == last
    rest = query(ExclusiveStartKey=last)["Items"]
    assert [item["h"]["N"] for item in rest] == ["-2", "-1", "0"]
    assert invalid(query, ExclusiveStartKey={"p": text("p3"), "c": number(3)}) == (
        "The provided starting key is invalid"
    )
    outside = invalid(query, ExclusiveStartKey={**last, "g": text("other")})
    assert outside.startswith("The provided starting key is outside query boundaries")
    consistent = invalid(query, ConsistentRead=True)
    assert consistent == "Consistent reads are not supported on global secondary indexes"
    assert "does not project [x]" in invalid(query, ProjectionExpression="x")


def test_a_batch_get_answers_sixteen_megabytes_and_names_the_rest(client: Any) -> None:
    table = fresh(client)
    for n in range(44):
        item = {"p": text(f"{n}"), "v": text("x" * 400_000)}
        client.put_item(TableName=table, Item=item)
    asked = [{"p": text(f"{n}")} for n in range(44)]
    wanted = {"Keys": asked, "ProjectionExpression": "p, v", "ConsistentRead": True}
    found: list[str] = []
    rounds = 0
    request: dict[str, Any] = {table: wanted}
    while request:
        page = client.batch_get_item(RequestItems=request)
        size = sum(len(item["v"]["S"]) for item in page["Responses"][table])
        assert 0 < size <= 16 * 1024 * 1024
        found += [item["p"]["S"] for item in page["Responses"][table]]
        request = page["UnprocessedKeys"]
        for rest in request.values():
            assert {**rest, "Keys": asked} == wanted
        rounds += 1
    assert rounds == 2
    assert sorted(found) == sorted(f"{n}" for n in range(44))
    nothing = {table: {"Keys": [{"p": text("absent")}]}}
    shape: dict[str, Any] = {"Responses": {table: []}, "UnprocessedKeys": {}}
    assert answer(client.batch_get_item, RequestItems=nothing) == shape
    twice = {table: {"Keys": asked[:1] * 2}}
    said = invalid(client.batch_get_item, RequestItems=twice)
    assert said == "Provided list of item keys contains duplicates"


def test_a_batch_write_is_refused_whole(client: Any) -> None:
    table = fresh(client)
    good = {"PutRequest": {"Item": {"p": text("good")}}}
    bad: list[list[dict[str, Any]]] = [
        [good, {"PutRequest": {"Item": {"x": text("no key")}}}],
        [good, {"DeleteRequest": {"Key": {"p": text("good")}}}],
        [good, {"PutRequest": {"Item": {"p": text("")}}}],
        [good, {"PutRequest": {"Item": {"p": text("l"), "v": text("x" * 409_600)}}}],
        [{"PutRequest": {"Item": {"p": text(f"{n}")}}} for n in range(26)],
    ]
    for requests in bad:
        invalid(client.batch_write_item, RequestItems={table: requests})
    missing = {table: [good], "no-such-table": [good]}
    gone = refusal(client.batch_write_item, RequestItems=missing)
    assert gone == ("ResourceNotFoundException", "Requested resource not found", 400)
    assert client.scan(TableName=table)["Count"] == 0
    done = answer(client.batch_write_item, RequestItems={table: bad[-1][:25]})
    assert done == {"UnprocessedItems": {}}
    assert client.scan(TableName=table)["Count"] == 25


def test_a_transaction_takes_a_hundred_actions_and_four_megabytes(client: Any) -> None:
    table = fresh(client)
    write = client.transact_write_items
    large = "x" * 41_900
    assert (
        answer(write, TransactItems=[put(table, f"{n}", v=text(large)) for n in range(100)]) == {}
    )
    larger = [put(table, f"{n}", v=text("y" * 42_000)) for n in range(100)]
    assert "exceeds 4 MB" in invalid(write, TransactItems=larger)
    hundred_and_one = [put(table, f"{n}", v=text("z")) for n in range(101)]
    assert "less than or equal to 100" in invalid(write, TransactItems=hundred_and_one)
    twice = [put(table, "1"), {"Delete": {"TableName": table, "Key": {"p": text("1")}}}]
    said = invalid(write, TransactItems=twice)
    assert said == "Transaction request cannot include multiple operations on one item"
    found = client.transact_get_items(TransactItems=[get(table, f"{n}") for n in range(100)])
    assert all(one["Item"]["v"] == text(large) for one in found["Responses"])
    absent = answer(client.transact_get_items, TransactItems=[get(table, "absent")])
    assert absent == {"Responses": [{}]}


def test_a_cancelled_transaction_says_why_of_each_of_its_actions(client: Any) -> None:
    table = fresh(client)
    client.put_item(TableName=table, Item={"p": text("there"), "v": number(1)})
    new = {
        "ConditionExpression": "attribute_not_exists(p)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    broken = {
        "Update": {
            "TableName": table,
            "Key": {"p": text("other")},
            "UpdateExpression": "SET v = v + :one",
            "ExpressionAttributeValues": values(one=number(1)),
        }
    }
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(
            TransactItems=[put(table, "there", condition=new), put(table, "fine"), broken]
        )
    response = cancelled.value.response
    assert response["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[ConditionalCheckFailed, None, ValidationError]"
    )
    first, second, third = response["CancellationReasons"]
    assert first["Code"] == "ConditionalCheckFailed"
    assert first["Message"] == "The conditional request failed"
    assert first["Item"] == {"p": text("there"), "v": number(1)}
    assert second == {"Code": "None"}
    assert third["Code"] == "ValidationError"
    assert client.scan(TableName=table)["Count"] == 1


def test_a_token_makes_a_transaction_happen_once(client: Any) -> None:
    table = fresh(client)
    add = {
        "Update": {
            "TableName": table,
            "Key": {"p": text("a")},
            "UpdateExpression": "ADD v :one",
            "ExpressionAttributeValues": values(one=number(1)),
        }
    }
    request = {"ClientRequestToken": "once", "ReturnConsumedCapacity": "TOTAL"}
    told = {"TableName": table, "CapacityUnits": 2.0}
    first = answer(client.transact_write_items, TransactItems=[add], **request)
    assert first == {"ConsumedCapacity": [{**told, "WriteCapacityUnits": 2.0}]}
    again = answer(client.transact_write_items, TransactItems=[add], **request)
    assert again == {"ConsumedCapacity": [{**told, "ReadCapacityUnits": 2.0}]}
    other = refusal(client.transact_write_items, TransactItems=[put(table, "b")], **request)
    assert (other.code, other.status) == ("IdempotentParameterMismatchException", 400)
    items = client.scan(TableName=table)["Items"]
    assert items == [{"p": text("a"), "v": number(1)}]


def test_capacity_is_told_as_it_is_counted(client: Any) -> None:
    table = fresh(
        client,
        "S",
        "S",
        others={"g": "S", "l": "S"},
        GlobalSecondaryIndexes=[index("byG", "g")],
        LocalSecondaryIndexes=[index("byL", "p", "l", kind="KEYS_ONLY")],
    )
    whole = {"ReturnConsumedCapacity": "INDEXES"}
    item = {"p": text("a"), "c": text("c"), "g": text("g"), "l": text("l")}

    def write(**more: Any) -> Any:
        made = client.put_item(TableName=table, Item={**item, **more}, **whole)
        return made["ConsumedCapacity"]

    one, two = {"CapacityUnits": 1.0}, {"CapacityUnits": 2.0}
    by_g, by_l = "GlobalSecondaryIndexes", "LocalSecondaryIndexes"
    told = {"TableName": table, "CapacityUnits": 3.0, "Table": one}
    assert write() == {**told, by_g: {"byG": one}, by_l: {"byL": one}}
    assert write() == {"TableName": table, "CapacityUnits": 1.0, "Table": one}
    moved = write(g=text("other"))
    assert moved == {"TableName": table, "CapacityUnits": 3.0, "Table": one, by_g: {"byG": two}}
    read = client.get_item(TableName=table, Key={"p": text("n"), "c": text("n")}, **whole)
    half = {"CapacityUnits": 0.5}
    assert "Item" not in read
    assert read["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 0.5, "Table": half}
    query = client.query(
        TableName=table,
        IndexName="byG",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues=values(g=text("other")),
        **whole,
    )["ConsumedCapacity"]
    assert query["GlobalSecondaryIndexes"] == {"byG": half}
    assert query["Table"] == {"CapacityUnits": 0.0}
    metrics = client.put_item(TableName=table, Item=item, ReturnItemCollectionMetrics="SIZE")
    assert metrics["ItemCollectionMetrics"]["ItemCollectionKey"] == {"p": text("a")}

"""DynamoDB's operations through the dispatcher, and the fast path beside the long one."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import TableHost, create, with_tables

KEY = {"p": {"S": "k"}}
KEY_IS_K = {"p": {"ComparisonOperator": "EQ", "AttributeValueList": [KEY["p"]]}}


def failure(answer: Any, code: str, message: str = "") -> ServiceError:
    assert isinstance(answer, ServiceError), answer
    assert answer.code == code
    assert message in answer.message
    return answer


def test_items_are_put_read_replaced_and_deleted() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        item = {**KEY, "v": {"N": "1.50"}, "b": {"B": b"\x00\xff"}}
        assert await host.ask("PutItem", TableName="Things", Item=item) == {}
        found = await host.ask("GetItem", TableName="Things", Key=KEY)
        assert found["Item"] == {**KEY, "v": {"N": "1.5"}, "b": {"B": b"\x00\xff"}}
        old = await host.ask("PutItem", TableName="Things", Item=KEY, ReturnValues="ALL_OLD")
        assert old["Attributes"]["v"] == {"N": "1.5"}
        gone = await host.ask("DeleteItem", TableName="Things", Key=KEY, ReturnValues="ALL_OLD")
        assert gone == {"Attributes": KEY}
        assert await host.ask("GetItem", TableName="Things", Key=KEY) == {}
        assert await host.ask("DeleteItem", TableName="Things", Key=KEY) == {}

    with_tables(scenario)


def test_a_failed_condition_changes_nothing_and_may_show_the_item() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        await host.ask("PutItem", TableName="Things", Item={**KEY, "v": {"N": "1"}})
        answer = await host.ask(
            "PutItem",
            TableName="Things",
            Item={**KEY, "v": {"N": "2"}},
            ConditionExpression="attribute_not_exists(p)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        refused = failure(answer, "ConditionalCheckFailedException")
        assert refused.members["Item"]["v"] == {"N": "1"}
        found = await host.ask("GetItem", TableName="Things", Key=KEY)
        assert found["Item"]["v"] == {"N": "1"}

    with_tables(scenario)


def test_update_creates_counts_and_returns_what_was_asked_for() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        for expected in ("1", "2"):
            answer = await host.ask(
                "UpdateItem",
                TableName="Things",
                Key=KEY,
                UpdateExpression="ADD hits :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="UPDATED_NEW",
                ReturnConsumedCapacity="TOTAL",
            )
            assert answer["Attributes"] == {"hits": {"N": expected}}
            assert answer["ConsumedCapacity"] == {"TableName": "Things", "CapacityUnits": 1.0}

    with_tables(scenario)


@pytest.mark.parametrize(
    ("operation", "request_", "code", "message"),
    [
        ("GetItem", {"TableName": "Nope", "Key": KEY}, "ResourceNotFoundException", "not found"),
        ("GetItem", {"Key": {"q": {"S": "k"}}}, "ValidationException", "does not match the schema"),
        ("GetItem", {"Key": {"p": {"N": "1"}}}, "ValidationException", "does not match the schema"),
        ("PutItem", {"Item": {"v": {"S": "x"}}}, "ValidationException", "Missing the key p"),
        ("PutItem", {"Item": {"p": {"N": "1"}}}, "ValidationException", "Type mismatch for key p"),
        (
            "PutItem",
            {"Item": {"p": {"S": ""}}},
            "ValidationException",
            "empty string value. Key: p",
        ),
        ("PutItem", {"Item": {"p": {"S": "x" * 2049}}}, "ValidationException", "of2048 bytes"),
        (
            "PutItem",
            {"Item": {**KEY, "v": {"S": "x" * 409_600}}},
            "ValidationException",
            "Item size has exceeded",
        ),
        (
            "PutItem",
            {"Item": KEY, "Expected": {}, "ConditionExpression": "p = q"},
            "ValidationException",
            "parameters: {Expected} Expression parameters: {ConditionExpression}",
        ),
        (
            "PutItem",
            {"Item": KEY, "ReturnValues": "ALL_NEW"},
            "ValidationException",
            "can only be ALL_OLD or NONE",
        ),
        ("Query", {}, "ValidationException", "must be specified"),
        (
            "Query",
            {"IndexName": "idx", "KeyConditions": KEY_IS_K},
            "ValidationException",
            "specified index: idx",
        ),
        ("UpdateTable", {}, "ValidationException", "At least one of"),
        ("DeleteTable", {"TableName": "Nope"}, "ResourceNotFoundException", "Table: Nope"),
    ],
)
def test_bad_requests_get_awss_errors(
    operation: str, request_: dict[str, Any], code: str, message: str
) -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        answer = await host.ask(operation, **{"TableName": "Things", **request_})
        failure(answer, code, message)
        assert (await host.ask("Scan", TableName="Things"))["Count"] == 0

    with_tables(scenario)


def test_a_table_is_made_once_listed_in_pages_and_deleted_with_its_items() -> None:
    async def scenario(host: TableHost) -> None:
        for name in ("Aaa", "Bbb", "Ccc"):
            await create(host, name)
        again = await host.ask(
            "CreateTable",
            TableName="Aaa",
            KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        failure(again, "ResourceInUseException", "Table already exists: Aaa")
        page = await host.ask("ListTables", Limit=2)
        assert page == {"TableNames": ["Aaa", "Bbb"], "LastEvaluatedTableName": "Bbb"}
        rest = await host.ask("ListTables", ExclusiveStartTableName="Bbb")
        assert rest == {"TableNames": ["Ccc"]}
        await host.ask("PutItem", TableName="Aaa", Item=KEY)
        await host.ask("DeleteTable", TableName="Aaa")
        failure(await host.ask("DescribeTable", TableName="Aaa"), "ResourceNotFoundException")
        await create(host, "Aaa")
        assert (await host.ask("Scan", TableName="Aaa"))["Count"] == 0

    with_tables(scenario)


def test_two_accounts_have_tables_of_one_name() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        other = "111111111111"
        missing = await host.ask("DescribeTable", other, TableName="Things")
        failure(missing, "ResourceNotFoundException")
        made = await host.ask(
            "CreateTable",
            other,
            TableName="Things",
            KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        assert f":{other}:" in made["TableDescription"]["TableArn"]
        await host.ask("PutItem", TableName="Things", Item=KEY)
        assert (await host.ask("Scan", TableName="Things"))["Count"] == 1
        assert (await host.ask("Scan", other, TableName="Things"))["Count"] == 0

    with_tables(scenario)


SORT_KEYS = st.lists(
    st.one_of(
        st.text("ab", min_size=1, max_size=4),
        st.builds(lambda n, t: "x" * n + t, st.integers(460, 480), st.text("ab", max_size=3)),
        st.builds(lambda t: "x" * 600 + t, st.text("ab", max_size=3)),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)


@settings(max_examples=40)
@given(SORT_KEYS, st.integers(1, 4), st.booleans())
def test_pages_of_a_query_make_up_the_whole_in_order(
    keys: list[str], limit: int, forward: bool
) -> None:
    async def scenario(host: TableHost) -> list[str]:
        await create(host, sort="S")
        for key in keys:
            item = {**KEY, "s": {"S": key}}
            await host.ask("PutItem", TableName="Things", Item=item)
        await host.ask("PutItem", TableName="Things", Item={"p": {"S": "other"}, "s": {"S": "a"}})
        found: list[str] = []
        more: dict[str, Any] = {}
        while True:
            page = await host.ask(
                "Query",
                TableName="Things",
                KeyConditionExpression="p = :p",
                ExpressionAttributeValues={":p": {"S": "k"}},
                Limit=limit,
                ScanIndexForward=forward,
                **more,
            )
            found += [item["s"]["S"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    expected = sorted(keys, key=str.encode, reverse=not forward)
    assert with_tables(scenario) == expected


@settings(max_examples=25)
@given(
    st.lists(st.integers(-50, 50), unique=True, max_size=10),
    st.sampled_from(["=", "<", "<=", ">", ">="]),
    st.integers(-50, 50),
)
def test_sort_conditions_select_what_they_say(
    numbers: list[int], operator: str, bound: int
) -> None:
    async def scenario(host: TableHost) -> list[int]:
        await create(host, sort="N")
        for number in numbers:
            item = {**KEY, "s": {"N": str(number)}}
            await host.ask("PutItem", TableName="Things", Item=item)
        page = await host.ask(
            "Query",
            TableName="Things",
            KeyConditionExpression=f"p = :p AND s {operator} :b",
            ExpressionAttributeValues={":p": {"S": "k"}, ":b": {"N": str(bound)}},
        )
        return [int(item["s"]["N"]) for item in page["Items"]]

    chosen = {
        "=": lambda n: n == bound,
        "<": lambda n: n < bound,
        "<=": lambda n: n <= bound,
        ">": lambda n: n > bound,
        ">=": lambda n: n >= bound,
    }[operator]
    assert with_tables(scenario) == sorted(filter(chosen, numbers))


@settings(max_examples=15)
@given(st.integers(1, 7), st.integers(1, 5))
def test_segments_of_a_scan_part_the_table(total: int, limit: int) -> None:
    async def scenario(host: TableHost) -> list[str]:
        await create(host)
        for number in range(30):
            await host.ask("PutItem", TableName="Things", Item={"p": {"S": f"k{number}"}})
        found = []
        for segment in range(total):
            more: dict[str, Any] = {}
            while True:
                page = await host.ask(
                    "Scan",
                    TableName="Things",
                    Segment=segment,
                    TotalSegments=total,
                    Limit=limit,
                    **more,
                )
                found += [item["p"]["S"] for item in page["Items"]]
                if "LastEvaluatedKey" not in page:
                    break
                more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return found

    found = with_tables(scenario)
    assert sorted(found) == sorted(f"k{number}" for number in range(30))


def test_a_transaction_is_all_or_nothing_and_done_once_by_its_token() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        put = {"Put": {"TableName": "Things", "Item": KEY}}
        check = {
            "ConditionCheck": {
                "TableName": "Things",
                "Key": {"p": {"S": "absent"}},
                "ConditionExpression": "attribute_exists(p)",
            }
        }
        cancelled = failure(
            await host.ask("TransactWriteItems", TransactItems=[put, check]),
            "TransactionCanceledException",
            "[None, ConditionalCheckFailed]",
        )
        codes = [reason["Code"] for reason in cancelled.members["CancellationReasons"]]
        assert codes == ["None", "ConditionalCheckFailed"]
        assert await host.ask("GetItem", TableName="Things", Key=KEY) == {}
        add = {
            "Update": {
                "TableName": "Things",
                "Key": KEY,
                "UpdateExpression": "ADD n :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        }
        for _ in range(2):
            done = await host.ask("TransactWriteItems", TransactItems=[add], ClientRequestToken="t")
            assert not isinstance(done, ServiceError)
        found = await host.ask("GetItem", TableName="Things", Key=KEY)
        assert found["Item"]["n"] == {"N": "1"}
        other = await host.ask("TransactWriteItems", TransactItems=[put], ClientRequestToken="t")
        failure(other, "IdempotentParameterMismatchException")
        twice = await host.ask("TransactWriteItems", TransactItems=[add, add])
        failure(twice, "ValidationException", "multiple operations on one item")

    with_tables(scenario)


def test_batches_check_everything_before_they_write() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        puts = [{"PutRequest": {"Item": {"p": {"S": f"k{n}"}}}} for n in range(26)]
        too_many = await host.ask("BatchWriteItem", RequestItems={"Things": puts})
        failure(too_many, "ValidationException", "less than or equal to 25")
        double = await host.ask("BatchWriteItem", RequestItems={"Things": [puts[0], puts[0]]})
        failure(double, "ValidationException", "duplicates")
        wrong = [puts[0], {"PutRequest": {"Item": {"q": {"S": "x"}}}}]
        failure(
            await host.ask("BatchWriteItem", RequestItems={"Things": wrong}), "ValidationException"
        )
        assert (await host.ask("Scan", TableName="Things"))["Count"] == 0
        done = await host.ask("BatchWriteItem", RequestItems={"Things": puts[:25]})
        assert done == {"UnprocessedItems": {}}
        keys = [{"p": {"S": "k3"}}, {"p": {"S": "absent"}}]
        got = await host.ask("BatchGetItem", RequestItems={"Things": {"Keys": keys}})
        assert got["Responses"] == {"Things": [{"p": {"S": "k3"}}]}

    with_tables(scenario)


JUNK = st.one_of(
    st.none(),
    st.integers(),
    st.text("ab1.", max_size=3),
    st.lists(st.text("ab", max_size=2), max_size=2),
)
WIRE_VALUES = st.recursive(
    st.one_of(
        st.dictionaries(
            st.sampled_from(["S", "N", "B", "SS", "NULL", "BOOL", "X"]), JUNK, max_size=2
        ),
        st.text("ab", max_size=3).map(lambda t: {"S": t}),
        st.integers(-99, 99).map(lambda n: {"N": f"{n}.0"}),
        st.just({"B": "YWJj"}),
        st.just({"BOOL": True}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda members: {"L": members}),
        st.dictionaries(st.sampled_from("xy"), inner, max_size=2).map(lambda m: {"M": m}),
    ),
    max_leaves=4,
)


@settings(max_examples=150)
@given(
    st.sampled_from(["PutItem", "GetItem"]),
    st.dictionaries(st.sampled_from(["p", "v", "w"]), WIRE_VALUES, max_size=3),
    st.one_of(st.just("Things"), st.just("Nope"), JUNK),
    st.booleans(),
)
def test_the_fast_path_says_what_the_long_one_says(
    operation: str, item: dict[str, Any], table: Any, keyed: bool
) -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        content = {**KEY, **item} if keyed else item
        member = "Item" if operation == "PutItem" else "Key"
        body = json.dumps({"TableName": table, member: content}).encode()
        long_status, long_body = host.post(operation, body, fast=False)
        after_long = host.post("Scan", b'{"TableName": "Things"}', fast=False)[1]
        fast_status, fast_body = host.post(operation, body, fast=True)
        after_fast = host.post("Scan", b'{"TableName": "Things"}', fast=False)[1]
        assert (fast_status, fast_body) == (long_status, long_body)
        assert after_fast == after_long

    with_tables(scenario)


def test_the_fast_path_is_taken_at_all() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        taken = host.dynamodb.fast["DynamoDB_20120810.PutItem"]
        body = json.dumps({"TableName": "Things", "Item": KEY}).encode()
        assert taken("000000000000", body) == b"{}"
        assert host.post("GetItem", b'{"TableName":"Things","Key":{"p":{"S":"k"}}}', fast=True) == (
            200,
            b'{"Item":{"p":{"S":"k"}}}',
        )

    with_tables(scenario)

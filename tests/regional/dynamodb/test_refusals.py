"""What DynamoDB says of requests that are wrong, word for word, and what it looks at first."""

import json
from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.refusedrequests import (
    EMPTY_KEY,
    INVALID,
    KEY,
    KEYS,
    LEGACY,
    ORDER,
    PARAMETERS,
    SHAPES,
    SYNTAX,
    THINGS,
    UNFIT,
    UPDATES,
    broken,
    detected,
    put,
    update,
)
from tests.regional.dynamodb.tablehost import TableHost, create, with_tables


def check_refused(
    case: tuple[str, dict[str, Any]], message: str, code: str = "ValidationException"
) -> None:
    """Expect an error, and nothing changed."""

    async def scenario(host: TableHost) -> None:
        await create(host)
        operation, request = case
        answer = await host.ask(operation, **request)
        assert isinstance(answer, ServiceError), answer
        assert (answer.code, answer.message) == (code, message or answer.message)
        assert (await host.ask("Scan", TableName="Things"))["Count"] == 0

    with_tables(scenario)


@pytest.mark.parametrize(("case", "message"), SHAPES)
def test_shapes(case: tuple[str, dict[str, Any]], message: str) -> None:
    check_refused(case, message)


@pytest.mark.parametrize(("case", "message"), PARAMETERS)
def test_parameters_that_do_not_go_together(case: tuple[str, dict[str, Any]], message: str) -> None:
    check_refused(case, message)


@pytest.mark.parametrize(("case", "message"), LEGACY)
def test_the_parameters_of_old(case: tuple[str, dict[str, Any]], message: str) -> None:
    check_refused(case, INVALID + message)


@pytest.mark.parametrize(("case", "message"), KEYS)
def test_keys(case: tuple[str, dict[str, Any]], message: str) -> None:
    check_refused(case, message)


@pytest.mark.parametrize(("case", "code"), ORDER)
def test_the_table_is_looked_for_after_the_request_makes_sense(
    case: tuple[str, dict[str, Any]], code: str
) -> None:
    check_refused(case, "", code)


@pytest.mark.parametrize(("text", "message"), SYNTAX)
def test_conditions_are_told_the_gravest_fault(text: str, message: str) -> None:
    values = {":v": {"S": "x"}}
    check_refused(
        put(ConditionExpression=text, ExpressionAttributeValues=values),
        f"Invalid ConditionExpression: {message}",
    )


@pytest.mark.parametrize(("text", "message"), UPDATES)
def test_updates_are_told_the_gravest_fault(text: str, message: str) -> None:
    check_refused(update(UpdateExpression=text), f"Invalid UpdateExpression: {message}")


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            {"Put": {**THINGS, "Item": {"p": {"N": "5"}}}},
            INVALID + "Type mismatch for key p expected: S actual: N",
        ),
        ({"Delete": {**THINGS, "Key": {"p": {"N": "5"}}}}, UNFIT),
        (
            {"Update": {**THINGS, "Key": KEY, "UpdateExpression": "SET a = b"}},
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            {
                "Update": {
                    **THINGS,
                    "Key": KEY,
                    "UpdateExpression": "SET a = :v",
                    "ExpressionAttributeValues": {":v": {"S": "x" * 409_600}},
                }
            },
            "Item size to update has exceeded the maximum allowed size",
        ),
    ],
)
def test_an_action_that_cannot_be_done_cancels_its_transaction_and_says_why(
    action: dict[str, Any], message: str
) -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        other = {"Put": {**THINGS, "Item": {"p": {"S": "other"}}}}
        answer = await host.ask("TransactWriteItems", TransactItems=[other, action])
        assert isinstance(answer, ServiceError), answer
        assert answer.code == "TransactionCanceledException"
        assert answer.message.endswith("specific reasons [None, ValidationError]")
        reasons = answer.members["CancellationReasons"]
        assert reasons == [{"Code": "None"}, {"Code": "ValidationError", "Message": message}]
        assert (await host.ask("Scan", TableName="Things"))["Count"] == 0

    with_tables(scenario)


def test_a_transaction_with_an_empty_key_or_one_item_twice_fails_as_a_whole() -> None:
    empty = {"Delete": {**THINGS, "Key": {"p": {"S": ""}}}}
    check_refused(("TransactWriteItems", {"TransactItems": [empty]}), EMPTY_KEY)
    twice = [{"Put": {**THINGS, "Item": KEY}}, {"Delete": {**THINGS, "Key": KEY}}]
    told = "Transaction request cannot include multiple operations on one item"
    check_refused(("TransactWriteItems", {"TransactItems": twice}), told)
    gets = [{"Get": {**THINGS, "Key": KEY}}] * 2
    check_refused(("TransactGetItems", {"TransactItems": gets}), told)


def test_a_bad_table_name_is_told_before_bad_parameters() -> None:
    case = put(TableName="a;b", ConditionExpression="", Expected={})
    rule = "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    check_refused(case, detected(broken("'a;b'", "tableName", rule)))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"TableName": 23}, "NUMBER_VALUE cannot be converted to String"),
        ({"TableName": True}, "TRUE_VALUE cannot be converted to String"),
        ({"TableName": []}, "Unrecognized collection type class java.lang.String"),
        ({"TableName": {}}, "Start of structure or map found where not expected"),
        ({"TableName": "Things", "Key": "23"}, "Unexpected field type"),
        ({"TableName": "Things", "Key": {"p": "23"}}, "Unexpected value type in payload"),
        (
            {"TableName": "Things", "Key": KEY, "ConsistentRead": "true"},
            "Unexpected token received from parser",
        ),
        (
            {"TableName": "Things", "Key": {"p": {"B": 1}}},
            "only base-64-encoded strings are convertible to bytes",
        ),
        (
            {"TableName": "Things", "Key": {"p": {"B": "23456"}}},
            "Base64 encoded length is expected a multiple of 4 bytes but found: 5",
        ),
        (
            {"TableName": "Things", "Key": {"p": {"B": "+/+="}}},
            "Invalid last non-pad Base64 character dectected",
        ),
        (
            {"TableName": "Things", "Key": {"p": {"N": 123}}},
            "NUMBER_VALUE cannot be converted to String",
        ),
    ],
)
def test_the_wrong_types_are_no_serialisation(body: dict[str, Any], message: str) -> None:
    async def scenario(host: TableHost) -> None:
        status, answer = host.post("GetItem", json.dumps(body).encode(), fast=True)
        told = json.loads(answer)
        assert status == 400
        assert told["__type"].endswith("#SerializationException")
        assert (told.get("Message") or told.get("message")) == message

    with_tables(scenario)


def test_a_global_table_of_no_regions_is_refused() -> None:
    told = f"{INVALID}ReplicationGroup must name each region once"
    groups: list[list[dict[str, str]]] = [[], [{}], [{"RegionName": "us-west-2"}, {}]]
    for group in groups:
        check_refused(
            ("CreateGlobalTable", {"GlobalTableName": "Things", "ReplicationGroup": group}), told
        )


def test_a_refused_change_of_consistency_changes_no_billing() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        both: dict[str, Any] = {
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            "MultiRegionConsistency": "STRONG",
        }
        answer = await host.ask("UpdateTable", TableName="Things", **both)
        assert isinstance(answer, ServiceError)
        table = (await host.ask("DescribeTable", TableName="Things"))["Table"]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"

    with_tables(scenario)

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


def check(
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
    check(case, message)


@pytest.mark.parametrize(("case", "message"), PARAMETERS)
def test_parameters_that_do_not_go_together(case: tuple[str, dict[str, Any]], message: str) -> None:
    check(case, message)


@pytest.mark.parametrize(("case", "message"), LEGACY)
def test_the_parameters_of_old(case: tuple[str, dict[str, Any]], message: str) -> None:
    check(case, INVALID + message)


@pytest.mark.parametrize(("case", "message"), KEYS)
def test_keys(case: tuple[str, dict[str, Any]], message: str) -> None:
    check(case, message)


@pytest.mark.parametrize(("case", "code"), ORDER)
def test_the_table_is_looked_for_after_the_request_makes_sense(
    case: tuple[str, dict[str, Any]], code: str
) -> None:
    check(case, "", code)


@pytest.mark.parametrize(("text", "message"), SYNTAX)
def test_conditions_are_told_the_gravest_fault(text: str, message: str) -> None:
    values = {":v": {"S": "x"}}
    check(
        put(ConditionExpression=text, ExpressionAttributeValues=values),
        f"Invalid ConditionExpression: {message}",
    )


@pytest.mark.parametrize(("text", "message"), UPDATES)
def test_updates_are_told_the_gravest_fault(text: str, message: str) -> None:
    check(update(UpdateExpression=text), f"Invalid UpdateExpression: {message}")


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
    check(("TransactWriteItems", {"TransactItems": [empty]}), EMPTY_KEY)
    twice = [{"Put": {**THINGS, "Item": KEY}}, {"Delete": {**THINGS, "Key": KEY}}]
    told = "Transaction request cannot include multiple operations on one item"
    check(("TransactWriteItems", {"TransactItems": twice}), told)
    gets = [{"Get": {**THINGS, "Key": KEY}}] * 2
    check(("TransactGetItems", {"TransactItems": gets}), told)


def test_a_bad_table_name_is_told_before_bad_parameters() -> None:
    case = put(TableName="a;b", ConditionExpression="", Expected={})
    rule = "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    check(case, detected(broken("'a;b'", "tableName", rule)))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"TableName": 23}, "NUMBER_VALUE cannot be converted to String"),
        ({"TableName": True}, "TRUE_VALUE cannot be converted to String"),
        ({"TableName": "Things", "Key": "23"}, "Unexpected field type"),
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

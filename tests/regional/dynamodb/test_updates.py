"""What updates make, what they return, and what they refuse to make."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import TableHost, create, with_tables

KEY = {"p": {"S": "k"}}
THINGS: dict[str, Any] = {"TableName": "Things"}


def test_updates_that_only_take_away_make_no_item() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        values = {":s": {"SS": ["a"]}}
        removals: list[dict[str, Any]] = [
            {"UpdateExpression": "REMOVE a"},
            {"UpdateExpression": "REMOVE a.b, c[1]"},
            {"UpdateExpression": "DELETE a :s", "ExpressionAttributeValues": values},
            {"AttributeUpdates": {"a": {"Action": "DELETE"}}},
        ]
        for request in removals:
            wanted = {**THINGS, "Key": KEY, "ReturnValues": "ALL_NEW"}
            assert await host.ask("UpdateItem", **wanted, **request) == {}
        assert (await host.ask("Scan", TableName="Things"))["Count"] == 0
        assert await host.ask("UpdateItem", **THINGS, Key=KEY, AttributeUpdates={}) == {}
        assert (await host.ask("Scan", TableName="Things"))["Items"] == [KEY]

    with_tables(scenario)


RETURNED = [
    ("SET a.b = :v", "UPDATED_OLD", {"a": {"M": {"b": {"S": "dog"}}}}),
    ("SET a.b = :v", "UPDATED_NEW", {"a": {"M": {"b": {"N": "7"}}}}),
    ("SET a.c[1] = :v", "UPDATED_OLD", {"a": {"M": {"c": {"L": [{"N": "2"}]}}}}),
    ("SET a.c[1] = :v", "UPDATED_NEW", {"a": {"M": {"c": {"L": [{"N": "7"}]}}}}),
    ("SET a.c[100] = :v", "UPDATED_NEW", None),
    ("SET a.x = :v", "UPDATED_OLD", None),
    (
        "REMOVE a.c[1], a.c[3] SET d = :v",
        "UPDATED_OLD",
        {"a": {"M": {"c": {"L": [{"N": "2"}]}}}, "d": {"S": "cat"}},
    ),
    (
        "REMOVE a.c[1] SET e = :v",
        "UPDATED_NEW",
        {"a": {"M": {"c": {"L": [{"N": "3"}]}}}, "e": {"N": "7"}},
    ),
    ("REMOVE d SET e = :v", "ALL_OLD", "all"),
]


@pytest.mark.parametrize(("text", "wanted", "attributes"), RETURNED)
def test_updates_return_what_they_touched_and_no_more(
    text: str, wanted: str, attributes: Any
) -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        numbers = {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]}
        item = {**KEY, "a": {"M": {"b": {"S": "dog"}, "c": numbers}}, "d": {"S": "cat"}}
        await host.ask("PutItem", **THINGS, Item=item)
        answer = await host.ask(
            "UpdateItem",
            **THINGS,
            Key=KEY,
            UpdateExpression=text,
            ExpressionAttributeValues={":v": {"N": "7"}},
            ReturnValues=wanted,
        )
        assert answer.get("Attributes") == (item if attributes == "all" else attributes)

    with_tables(scenario)


def test_set_beyond_a_lists_end_appends_in_the_order_of_the_indexes() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        await host.ask("PutItem", **THINGS, Item={**KEY, "l": {"L": [{"S": "a"}, {"S": "b"}]}})
        answer = await host.ask(
            "UpdateItem",
            **THINGS,
            Key=KEY,
            UpdateExpression="SET l[84] = :four, l[37] = :three, l[1] = :two REMOVE l[0]",
            ExpressionAttributeValues={
                ":two": {"S": "2"},
                ":three": {"S": "3"},
                ":four": {"S": "4"},
            },
            ReturnValues="ALL_NEW",
        )
        assert answer["Attributes"]["l"] == {"L": [{"S": "2"}, {"S": "3"}, {"S": "4"}]}

    with_tables(scenario)


def test_arithmetic_is_exact_to_38_digits_and_refused_beyond() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)

        async def total(one: str, other: str) -> Any:
            return await host.ask(
                "UpdateItem",
                **THINGS,
                Key=KEY,
                UpdateExpression="SET n = :a + :b",
                ExpressionAttributeValues={":a": {"N": one}, ":b": {"N": other}},
                ReturnValues="UPDATED_NEW",
            )

        nines = "9" * 38
        assert (await total(nines, "-" + "9" * 37))["Attributes"]["n"] == {"N": "9" + "0" * 37}
        assert (await total(nines, "1"))["Attributes"]["n"] == {"N": "1" + "0" * 38}
        assert (await total("0.1", "0.2"))["Attributes"]["n"] == {"N": "0.3"}
        for one, other in (("9e125", "9e125"), ("1e50", "-1"), ("1e125", "1e-130")):
            refused = await total(one, other)
            assert isinstance(refused, ServiceError)
            assert refused.message.startswith("Number overflow")

    with_tables(scenario)


def test_deep_values_are_refused_wherever_they_are_put() -> None:
    deep: dict[str, Any] = {"S": "x"}
    for _ in range(31):
        deep = {"L": [deep]}
    told = (
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels "
        "beyond supported limit"
    )

    async def scenario(host: TableHost) -> None:
        await create(host)
        await host.ask("PutItem", **THINGS, Item={**KEY, "m": {"M": {}}, "d": deep})
        for text, values in (
            ("SET m.x = :deep", {":deep": deep}),
            ("SET m.x = d", None),
        ):
            request = {"UpdateExpression": text, "ExpressionAttributeValues": values}
            given: dict[str, Any] = {n: v for n, v in request.items() if v is not None}
            answer = await host.ask("UpdateItem", **THINGS, Key=KEY, **given)
            assert isinstance(answer, ServiceError)
            assert answer.message == told
        answer = await host.ask("PutItem", **THINGS, Item={**KEY, "d": {"L": [deep]}})
        assert isinstance(answer, ServiceError)
        assert answer.message == told

    with_tables(scenario)

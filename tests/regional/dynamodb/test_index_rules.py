"""What CreateTable refuses of indexes, in AWS's words."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import TableHost, with_tables


def _create(**more: Any) -> dict[str, Any]:
    schema = [{"AttributeName": "p", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "p", "AttributeType": "S"}]
    return {
        "TableName": "Things",
        "KeySchema": schema,
        "AttributeDefinitions": attributes,
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def _index(*keys: str, name: str = "Index", **projection: Any) -> dict[str, Any]:
    schema = [
        {"AttributeName": key, "KeyType": kind}
        for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
    ]
    projection = projection or {"ProjectionType": "ALL"}
    return {"IndexName": name, "KeySchema": schema, "Projection": projection}


UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
SORTED = {
    "KeySchema": _index("p", "s")["KeySchema"],
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("p", "s", "a")
    ],
}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"GlobalSecondaryIndexes": []}, "List of GlobalSecondaryIndexes is empty"),
        ({"LocalSecondaryIndexes": []}, "List of LocalSecondaryIndexes is empty"),
        (
            {"GlobalSecondaryIndexes": [_index("q")]},
            (
                "Some index key attributes are not defined in AttributeDefinitions. Keys: [q], "
                "AttributeDefinitions: [p]"
            ),
        ),
        (
            {**SORTED, "GlobalSecondaryIndexes": [_index("p", ProjectionType="INCLUDE")]},
            (
                "Some AttributeDefinitions are not used. AttributeDefinitions: [p, s, a], keys "
                "used: [p, s]"
            ),
        ),
        (
            {"GlobalSecondaryIndexes": [_index("p", ProjectionType="INCLUDE")]},
            "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        ),
        (
            {"GlobalSecondaryIndexes": [_index("p", ProjectionType="ALL", NonKeyAttributes=["a"])]},
            "ProjectionType is ALL, but NonKeyAttributes is specified",
        ),
        (
            {
                "GlobalSecondaryIndexes": [
                    _index("p", ProjectionType="INCLUDE", NonKeyAttributes=["a", "a"])
                ]
            },
            "Duplicate element in NonKeyAttributes: a",
        ),
        (
            {"GlobalSecondaryIndexes": [_index("p", NonKeyAttributes=["a"])]},
            "Unknown ProjectionType: null",
        ),
        (
            {"GlobalSecondaryIndexes": [_index("p"), _index("p")]},
            "Duplicate index name: Index",
        ),
        (
            {"GlobalSecondaryIndexes": [_index("p", name=f"Index{n}") for n in range(21)]},
            "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        ),
        (
            {
                **SORTED,
                "LocalSecondaryIndexes": [_index("p", "a", name=f"L-{n}") for n in range(6)],
            },
            "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
        ),
        (
            {"LocalSecondaryIndexes": [_index("p")]},
            (
                "Table KeySchema does not have a range key, which is required when specifying a "
                "LocalSecondaryIndex"
            ),
        ),
        (
            {**SORTED, "LocalSecondaryIndexes": [_index("a", "s")]},
            (
                "Index KeySchema does not have the same leading hash key as table KeySchema for "
                "index: Index. index hash key: a, table hash key: p"
            ),
        ),
        (
            {
                **SORTED,
                "LocalSecondaryIndexes": [_index("p", name="One")],
                "GlobalSecondaryIndexes": [_index("a")],
            },
            "Index KeySchema does not have a range key for index: One",
        ),
        (
            {"GlobalSecondaryIndexes": [{**_index("p"), "ProvisionedThroughput": UNITS}]},
            (
                "ProvisionedThroughput should not be specified for index: Index when BillingMode "
                "is PAY_PER_REQUEST"
            ),
        ),
        (
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": UNITS,
                "GlobalSecondaryIndexes": [_index("p")],
            },
            "ProvisionedThroughput is not specified for index: Index",
        ),
        (
            {
                "GlobalSecondaryIndexes": [
                    _index(
                        "p",
                        name=f"Index{n}",
                        ProjectionType="INCLUDE",
                        NonKeyAttributes=[f"{m}" for m in range(17)],
                    )
                    for n in range(6)
                ]
            },
            (
                "Number of attributes projected into secondary indexes exceeds the per-table limit "
                "of 100"
            ),
        ),
    ],
)
def test_indexes_that_cannot_be_are_refused(more: dict[str, Any], message: str) -> None:
    async def scenario(host: TableHost) -> tuple[str, Any]:
        answer = await host.ask("CreateTable", **_create(**more))
        assert isinstance(answer, ServiceError), answer
        shown = f"{answer.code}: {answer.message}"
        return shown, (await host.ask("ListTables"))["TableNames"]

    wanted = f"ValidationException: One or more parameter values were invalid: {message}"
    assert with_tables(scenario) == (wanted, [])

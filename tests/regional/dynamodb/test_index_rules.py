"""Rules of indexes, in AWS's words: what CreateTable refuses, and what their owners set."""

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
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": UNITS,
                "GlobalSecondaryIndexes": [
                    {
                        **_index("p"),
                        "ProvisionedThroughput": UNITS,
                        "OnDemandThroughput": {"MaxReadRequestUnits": 5},
                    }
                ],
            },
            (
                "MaxReadRequestUnits for OnDemandThroughput for index: Index cannot be specified "
                "when table BillingMode is PROVISIONED."
            ),
        ),
        (
            {
                "GlobalSecondaryIndexes": [
                    {**_index("p"), "OnDemandThroughput": {"MaxWriteRequestUnits": -1}}
                ]
            },
            (
                "Requested MaxWriteRequestUnits for OnDemandThroughput for index : Index is "
                "outside of valid range"
            ),
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


def test_an_index_has_maxima_and_warm_throughput_of_its_own() -> None:
    async def scenario(host: TableHost) -> None:
        maxima = {"MaxReadRequestUnits": 50, "MaxWriteRequestUnits": 60}
        index = {**_index("p"), "OnDemandThroughput": maxima}
        await host.ask("CreateTable", **_create(GlobalSecondaryIndexes=[index]))

        async def described() -> Any:
            table = (await host.ask("DescribeTable", TableName="Things"))["Table"]
            assert "OnDemandThroughput" not in table
            return table["GlobalSecondaryIndexes"][0]

        async def update(**change: Any) -> Any:
            update = {"Update": {"IndexName": "Index", **change}}
            return await host.ask(
                "UpdateTable", TableName="Things", GlobalSecondaryIndexUpdates=[update]
            )

        assert (await described())["OnDemandThroughput"] == maxima
        for _ in range(2):  # the same again is no mistake
            await update(OnDemandThroughput={"MaxReadRequestUnits": -1})
            shown = await described()
            assert shown["OnDemandThroughput"] == {"MaxWriteRequestUnits": 60}
        cold = await update(WarmThroughput={"ReadUnitsPerSecond": 100})
        assert isinstance(cold, ServiceError)
        assert cold.message.endswith(
            "for index Index is lower than current WarmThroughput, decreasing WarmThroughput is "
            "not supported"
        )
        await update(WarmThroughput={"WriteUnitsPerSecond": 4001})
        warm = (await described())["WarmThroughput"]
        assert (warm["ReadUnitsPerSecond"], warm["WriteUnitsPerSecond"]) == (12_000, 4001)

    with_tables(scenario)


def test_units_of_an_index_decrease_four_times_a_day() -> None:
    async def scenario(host: TableHost) -> None:
        units = {"ReadCapacityUnits": 10, "WriteCapacityUnits": 10}
        paid = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
        index = {**_index("p"), "ProvisionedThroughput": units}
        await host.ask("CreateTable", **_create(GlobalSecondaryIndexes=[index], **paid))
        answers = []
        for reads in (9, 8, 7, 6, 5):
            fewer = {"ReadCapacityUnits": reads, "WriteCapacityUnits": 10}
            update = {"Update": {"IndexName": "Index", "ProvisionedThroughput": fewer}}
            answers.append(
                await host.ask(
                    "UpdateTable", TableName="Things", GlobalSecondaryIndexUpdates=[update]
                )
            )
        assert [isinstance(answer, ServiceError) for answer in answers] == [False] * 4 + [True]
        assert answers[-1].code == "LimitExceededException"
        table = (await host.ask("DescribeTable", TableName="Things"))["Table"]
        shown = table["GlobalSecondaryIndexes"][0]
        assert shown["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 4
        assert shown["ProvisionedThroughput"]["ReadCapacityUnits"] == 6
        assert shown["WarmThroughput"]["ReadUnitsPerSecond"] == 10
        assert table["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 0

    with_tables(scenario)

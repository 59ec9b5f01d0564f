"""Throttling: capacity that can be short, where a world is set so."""

from collections.abc import Awaitable, Callable
from typing import Any

from antipodes.runtime.virtual import Simulation
from antipodes.service.contract import ServiceError, Settings
from tests.regional.dynamodb.tablehost import REGION, TableHost, create, with_tables
from tests.regional.dynamodb.test_operations import failure
from tests.regional.dynamodb.test_tables import ON_DEMAND, provisioned, units
from tests.runtime.worlds import FakeLinks

SHORT = "ProvisionedThroughputExceededException"
KEY = {"p": {"S": "k"}}


def with_throttling(scenario: Callable[[TableHost], Awaitable[Any]]) -> None:
    """Run a scenario in a region whose tables' capacity can be short."""
    simulation = Simulation(FakeLinks(0.0), seed=1)
    runtime = simulation.boot(REGION)

    async def play() -> Any:
        return await scenario(TableHost(runtime, Settings(throttling=True)))

    async def main() -> Any:
        return await runtime.spawn(play(), "scenario")

    try:
        simulation.run(main())
    finally:
        simulation.close()


async def count(host: TableHost, operation: str, tries: int, **request: Any) -> int:
    """How many of some requests, all at once, are admitted."""
    admitted = 0
    for _ in range(tries):
        answer = await host.ask(operation, TableName="Things", **request)
        if isinstance(answer, ServiceError):
            assert answer.code in {SHORT, "ThrottlingException"}, answer
        else:
            admitted += 1
    return admitted


def test_a_table_takes_its_units_a_second_and_what_it_saved_in_five_minutes() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **provisioned(2, 5))
        assert await count(host, "PutItem", 9, Item=KEY) == 5
        assert await count(host, "GetItem", 9, Key=KEY) == 4
        await host.runtime.sleep(1)
        assert await count(host, "PutItem", 9, Item=KEY) == 5
        assert await count(host, "GetItem", 9, Key=KEY, ConsistentRead=True) == 2
        await host.runtime.sleep(3600)
        assert await count(host, "PutItem", 2000, Item=KEY) == 1500
        refused = await host.ask("PutItem", TableName="Things", Item=KEY)
        error = failure(refused, SHORT, "The level of configured provisioned throughput for the")
        (reason,) = error.members["ThrottlingReasons"]
        assert reason["reason"] == "TableWriteProvisionedThroughputExceeded"
        assert reason["resource"].endswith(":table/Things")

    with_throttling(scenario)


def test_what_costs_more_leaves_a_debt() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **provisioned(5, 5))
        large = {**KEY, "v": {"S": "x" * 20 * 1024}}
        assert await host.ask("PutItem", TableName="Things", Item=large) == {}
        await host.runtime.sleep(3)  # 21 were taken of 5, 15 come back
        failure(await host.ask("PutItem", TableName="Things", Item=KEY), SHORT)
        await host.runtime.sleep(1)
        assert await count(host, "DeleteItem", 9, Key=KEY) == 1
        failure(await host.ask("PutItem", TableName="Things", Item=KEY), SHORT)

    with_throttling(scenario)


def test_batches_come_back_with_what_there_was_no_capacity_for() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **provisioned(1, 5))
        puts = [{"PutRequest": {"Item": {"p": {"S": str(n)}}}} for n in range(8)]
        answer = await host.ask("BatchWriteItem", RequestItems={"Things": puts})
        assert answer["UnprocessedItems"] == {"Things": puts[5:]}
        refused = await host.ask("BatchWriteItem", RequestItems={"Things": puts[5:]})
        failure(refused, SHORT)
        keys = [{"p": {"S": str(n)}} for n in range(8)]
        answer = await host.ask("BatchGetItem", RequestItems={"Things": {"Keys": keys}})
        assert len(answer["Responses"]["Things"]) == 2
        assert answer["UnprocessedKeys"] == {"Things": {"Keys": keys[2:]}}
        await host.runtime.sleep(60)
        answer = await host.ask("BatchGetItem", RequestItems=answer["UnprocessedKeys"])
        assert len(answer["Responses"]["Things"]) == 3
        assert answer["UnprocessedKeys"] == {}

    with_throttling(scenario)


def test_a_transaction_without_capacity_is_cancelled_whole() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **provisioned(5, 1))
        await create(host, "Plenty")
        await host.ask("PutItem", TableName="Things", Item=KEY)
        actions = [{"Put": {"TableName": name, "Item": KEY}} for name in ("Plenty", "Things")]
        refused = await host.ask("TransactWriteItems", TransactItems=actions)
        error = failure(refused, "TransactionCanceledException", "None, ProvisionedThroughput")
        codes = [reason["Code"] for reason in error.members["CancellationReasons"]]
        assert codes == ["None", "ProvisionedThroughputExceeded"]
        assert await host.ask("GetItem", TableName="Plenty", Key=KEY) == {}
        await host.runtime.sleep(1)
        assert await host.ask("TransactWriteItems", TransactItems=actions) == {}
        await host.runtime.sleep(1)  # it cost two
        assert await count(host, "PutItem", 1, Item=KEY) == 0

    with_throttling(scenario)


def test_a_global_index_has_its_own_units_and_holds_writes_back() -> None:
    async def scenario(host: TableHost) -> None:
        asked = provisioned(50, 50)
        asked["AttributeDefinitions"] = [
            {"AttributeName": name, "AttributeType": "S"} for name in ("p", "v")
        ]
        index = {
            "IndexName": "by-v",
            "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
            "ProvisionedThroughput": units(1, 3),
        }
        await host.ask("CreateTable", TableName="Things", **asked, GlobalSecondaryIndexes=[index])
        written, answer = 0, None
        for number in range(9):
            item = {"p": {"S": str(number)}, "v": {"S": "x"}}
            answer = await host.ask("PutItem", TableName="Things", Item=item)
            written += not isinstance(answer, ServiceError)
        assert written == 3
        error = failure(answer, SHORT, "one or more global secondary indexes of the table")
        assert error.members["ThrottlingReasons"][0]["resource"].endswith("/index/by-v")
        question: dict[str, Any] = {
            "KeyConditionExpression": "v = :v",
            "ExpressionAttributeValues": {":v": {"S": "x"}},
        }
        assert await count(host, "Query", 9, IndexName="by-v", **question) == 2
        assert await count(host, "GetItem", 9, Key=KEY) == 9

    with_throttling(scenario)


def test_maxima_of_on_demand_tables_are_kept_and_others_have_plenty() -> None:
    async def scenario(host: TableHost) -> None:
        maxima = {"MaxWriteRequestUnits": 3}
        await host.ask("CreateTable", TableName="Things", **ON_DEMAND, OnDemandThroughput=maxima)
        assert await count(host, "PutItem", 9, Item=KEY) == 3
        refused = await host.ask("PutItem", TableName="Things", Item=KEY)
        error = failure(refused, "ThrottlingException", "the maximum OnDemandThroughput")
        (reason,) = error.members["throttlingReasons"]
        assert reason["reason"] == "TableWriteMaxOnDemandThroughputExceeded"
        await host.runtime.sleep(60)
        assert await count(host, "PutItem", 9, Item=KEY) == 3
        assert await count(host, "GetItem", 100, Key=KEY) == 100

    with_throttling(scenario)


def test_answers_tell_of_capacity_what_was_asked_and_no_more() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        question: dict[str, Any] = {
            "KeyConditionExpression": "p = :p",
            "ExpressionAttributeValues": {":p": KEY["p"]},
        }
        told.append(await host.ask("PutItem", TableName="Things", Item=KEY))
        for wanted in ("NONE", "TOTAL", "INDEXES"):
            asked = {"TableName": "Things", "ReturnConsumedCapacity": wanted}
            told.append(await host.ask("GetItem", Key=KEY, **asked))
            told.append(await host.ask("Query", **asked, **question))
            gets = [{"Get": {"TableName": "Things", "Key": KEY}}]
            told.append(
                await host.ask(
                    "TransactGetItems", TransactItems=gets, ReturnConsumedCapacity=wanted
                )
            )
            statement = "SELECT * FROM Things WHERE p = 'k'"
            told.append(
                await host.ask(
                    "ExecuteStatement", Statement=statement, ReturnConsumedCapacity=wanted
                )
            )

    told: list[Any] = []
    with_throttling(scenario)
    metered = list(told)
    told.clear()
    with_tables(scenario)
    assert metered == told

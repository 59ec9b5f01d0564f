"""Consumed capacity and throttled requests in CloudWatch, where capacity is metered."""

from typing import Any

from antipodes.hosting.simulated import SimulatedWorld
from antipodes.service.contract import ServiceError, Settings
from tests.regional.dynamodb.test_tables import provisioned

W = "us-west-2"


async def total(world: SimulatedWorld, metric: str, **dimensions: str) -> float:
    """The sum of a metric of the table over the last hour."""
    now = world.region(W).runtime.wall()
    named = {"TableName": "Things", **dimensions}
    found = await world.call(
        W,
        "cloudwatch",
        "GetMetricStatistics",
        {
            "Namespace": "AWS/DynamoDB",
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in named.items()],
            "StartTime": now - 3600,
            "EndTime": now + 60,
            "Period": 3600,
            "Statistics": ["Sum"],
        },
    )
    return float(sum(point["Sum"] for point in found["Datapoints"]))


def play(scenario: Any, **settings: Any) -> None:
    world = SimulatedWorld((W,), seed=1, settings=Settings(seed=1, **settings))

    async def main() -> None:
        await world.start()
        created = {"TableName": "Things", **provisioned(5, 5)}
        await world.call(W, "dynamodb", "CreateTable", created)
        await scenario(world)

    try:
        world.run(main())
    finally:
        world.close()


async def use(world: SimulatedWorld) -> int:
    """Write nine times and read twice; how often that was refused."""
    refused, item = 0, {"p": {"S": "k"}}
    for _ in range(9):
        try:
            await world.call(W, "dynamodb", "PutItem", {"TableName": "Things", "Item": item})
        except ServiceError as error:
            refused += error.code == "ProvisionedThroughputExceededException"
    for _ in range(2):
        await world.call(W, "dynamodb", "GetItem", {"TableName": "Things", "Key": item})
    await world.outside.sleep(61)
    return refused


def test_a_minute_of_reads_writes_and_refusals_is_published() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        refused = await use(world)
        assert refused > 0
        assert await total(world, "ConsumedWriteCapacityUnits") == 9 - refused
        assert await total(world, "ConsumedReadCapacityUnits") == 1
        assert await total(world, "WriteThrottleEvents") == refused
        assert await total(world, "ThrottledRequests", Operation="PutItem") == refused
        assert await total(world, "ThrottledRequests", Operation="GetItem") == 0

    play(scenario, throttling=True)


def test_a_world_without_throttling_measures_nothing() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        assert await use(world) == 0
        assert await total(world, "ConsumedWriteCapacityUnits") == 0

    play(scenario)

"""ReplicationLatency in CloudWatch of the region that wrote: in peace, in a cut, under a pause."""

from typing import Any

from antipodes.hosting.simulated import SimulatedWorld
from antipodes.service.contract import Settings

W, E = "us-west-2", "eu-central-1"
ACCOUNT = "000000000000"


async def latency(world: SimulatedWorld, statistic: str, region: str = W) -> dict[int, float]:
    """The metric by minute, as published in a region for its way to the other one."""
    now = world.region(region).runtime.wall()
    other = E if region == W else W
    found = await world.call(
        region,
        "cloudwatch",
        "GetMetricStatistics",
        {
            "Namespace": "AWS/DynamoDB",
            "MetricName": "ReplicationLatency",
            "Dimensions": [
                {"Name": "TableName", "Value": "Items"},
                {"Name": "ReceivingRegion", "Value": other},
            ],
            "StartTime": now - 3600,
            "EndTime": now + 60,
            "Period": 60,
            "Statistics": [statistic],
        },
    )
    return {int(point["Timestamp"]): point[statistic] for point in found["Datapoints"]}


async def global_table(world: SimulatedWorld) -> None:
    definition = {
        "TableName": "Items",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    await world.call(W, "dynamodb", "CreateTable", definition)
    update = {"TableName": "Items", "ReplicaUpdates": [{"Create": {"RegionName": E}}]}
    await world.call(W, "dynamodb", "UpdateTable", update)
    await world.outside.sleep(5)


async def write(world: SimulatedWorld, region: str, seconds: int) -> None:
    """Write once a second."""
    for number in range(seconds):
        item = {"k": {"S": f"{region} {number}"}}
        await world.call(region, "dynamodb", "PutItem", {"TableName": "Items", "Item": item})
        await world.outside.sleep(1)


def play(scenario: Any, **settings: Any) -> None:
    world = SimulatedWorld((W, E), seed=1, settings=Settings(seed=1, **settings))

    async def main() -> None:
        await world.start()
        await global_table(world)
        await scenario(world)

    try:
        world.run(main())
    finally:
        world.close()


def test_the_metric_is_the_distance_and_status_tells_percentiles() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        distance_ms = world.world.rtt_ms(W, E) / 2
        await write(world, W, 150)
        await world.outside.sleep(60)
        found = await latency(world, "Average")
        assert len(found) >= 2
        assert all(distance_ms <= value < distance_ms + 10 for value in found.values())
        assert sum((await latency(world, "SampleCount")).values()) == 150
        assert await latency(world, "Average", E) == {}
        (way,) = world.region(E).status()["replication"]
        shown = way["latency_ms"]["Items"]
        assert distance_ms <= shown["p50"] <= shown["p99"] <= shown["max"] < distance_ms + 10

    play(scenario)


def test_a_delay_shows_in_the_metric() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        distance_ms = world.world.rtt_ms(W, E) / 2
        await write(world, W, 60)
        await world.outside.sleep(70)
        found = await latency(world, "Minimum")
        assert found
        assert all(3000 + distance_ms <= value < 3020 + distance_ms for value in found.values())

    play(scenario, replication_delay="3")


def test_the_metric_rises_while_a_region_is_cut_off() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        await write(world, W, 60)
        world.simulation.kill(E)
        await write(world, W, 240)
        most = await latency(world, "Maximum")
        assert max(most.values()) > 150_000
        assert list(most.values()) == sorted(most.values())

    play(scenario)


def test_the_metric_rises_while_replication_is_paused() -> None:
    async def scenario(world: SimulatedWorld) -> None:
        dynamodb: Any = world.region(E).service("dynamodb")
        dynamodb.globaltables.pauses.pause(ACCOUNT, "Items", "p", 600.0)
        await write(world, W, 240)
        assert max((await latency(world, "Maximum")).values()) > 150_000

    play(scenario)

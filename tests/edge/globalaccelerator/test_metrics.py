"""AWS/GlobalAccelerator in us-west-2: what flowed, while it flowed."""

from typing import Any

import pytest

from antipodes.edge.globalaccelerator import metrics
from tests.edge.globalaccelerator.test_flows import build_bare, connect
from tests.edge.globalaccelerator.worlds import ACCOUNT, E, Stage, W, play

NAMESPACE = "AWS/GlobalAccelerator"


async def sums(stage: Stage, metric: str, **dimensions: str) -> float:
    """A metric's sum over the last hour."""
    now = stage.simulated.hosts[W].runtime.wall()
    found = await stage.simulated.call(
        W,
        "cloudwatch",
        "GetMetricStatistics",
        {
            "Namespace": NAMESPACE,
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": text} for name, text in dimensions.items()],
            "StartTime": now - 3600,
            "EndTime": now + 60,
            "Period": 3600,
            "Statistics": ["Sum"],
        },
    )
    total: float = sum(point["Sum"] for point in found["Datapoints"])
    return total


async def listed(stage: Stage) -> list[dict[str, Any]]:
    found = await stage.simulated.call(W, "cloudwatch", "ListMetrics", {"Namespace": NAMESPACE})
    known: list[dict[str, Any]] = found["Metrics"]
    return known


def test_flows_and_bytes_are_counted_by_every_dimension_and_nothing_while_nothing_flows() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        await stage.wait(120)
        assert await listed(stage) == []
        for _ in range(3):
            assert await stage.ask("sao-paulo") == W
        assert await stage.ask("frankfurt", address=stage.addresses[1]) == E
        await stage.wait(70)
        accelerator = stage.accelerator.rpartition("/")[2]
        listener = stage.listener.rpartition("/")[2]
        one = {"Accelerator": accelerator}
        for expected, more in (
            (4, {}),
            (4, {"Listener": listener}),
            (3, {"Listener": listener, "EndpointGroup": W}),
            (1, {"Listener": listener, "EndpointGroup": E}),
            (3, {"SourceRegion": "NA"}),
            (1, {"SourceRegion": "EU"}),
            (3, {"DestinationEdge": "SA"}),
            (4, {"TransportProtocol": "TCP"}),
            (1, {"AcceleratorIPAddress": stage.addresses[1]}),
        ):
            assert await sums(stage, "NewFlowCount", **one, **more) == expected, more
        sent = await sums(stage, "ProcessedBytesIn", **one)
        assert sent > 4 * len("GET / HTTP/1.1")
        assert await sums(stage, "ProcessedBytesOut", **one) > sent
        group = {**one, "Listener": listener, "EndpointGroup": W}
        assert await sums(stage, "HealthyEndpointCount", **group) == 1
        assert await sums(stage, "UnhealthyEndpointCount", **group) == 0
        before = await listed(stage)
        head = stage.edge.changes.head
        await stage.wait(300)
        assert await listed(stage) == before
        assert await sums(stage, "NewFlowCount", **one) == 4
        assert stage.edge.changes.head == head

    play(scenario)


def test_what_a_long_flow_carries_is_counted_though_others_left_before_they_were_joined() -> None:
    """The far side of the one that left comes, and ends, when its flow is over already."""

    async def scenario(stage: Stage) -> None:
        await build_bare(stage)
        long = await connect(stage, "sao-paulo")
        hasty = await connect(stage, "sao-paulo")
        hasty.stream.close()
        await stage.wait(130)  # minutes in which nothing flows
        long.stream.write(b"hello")
        await stage.wait(70)
        accelerator = stage.accelerator.rpartition("/")[2]
        assert await sums(stage, "ProcessedBytesIn", Accelerator=accelerator) == len(b"hello")

    play(scenario)


@pytest.mark.parametrize(
    ("region", "area"),
    [
        ("us-west-2", "NA"),
        ("eu-central-1", "EU"),
        ("ap-northeast-1", "AP"),
        ("ap-southeast-2", "AP"),
    ],
)
def test_asia_and_oceania_are_one_area(region: str, area: str) -> None:
    assert metrics.area_of_region(region) == area


def test_many_numbers_take_several_calls_and_such_as_are_too_old_are_given_up() -> None:
    async def scenario(stage: Stage) -> None:
        home = stage.simulated.region(W)
        flow = ["edge/FRA", "TCP", "198.18.0.1", 1, 0, 0, 0]
        rows = [[ACCOUNT, "a", f"l{number}", "", *flow] for number in range(600)]
        for days in (20, 0):
            told = metrics.told(home.runtime.wall() - days * 86_400, rows, [])
            await home.runtime.spawn(metrics.publish(home, told), "publish")
        for listener in ("l0", "l599"):
            assert await sums(stage, "NewFlowCount", Accelerator="a", Listener=listener) == 1
        assert await sums(stage, "NewFlowCount", Accelerator="a") == 600

    play(scenario)


def test_flows_without_an_endpoint_are_counted_as_dropped() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.accelerate(regions=())
        await stage.wait(70)
        assert await stage.is_refused("frankfurt")
        await stage.wait(70)
        accelerator = stage.accelerator.rpartition("/")[2]
        dropped = await sums(stage, "Flows_Dropped_No_Endpoint_Found", Accelerator=accelerator)
        assert dropped == 1

    play(scenario)


def test_what_flows_while_the_home_is_away_is_told_when_it_is_back() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        stage.simulated.kill(W)
        assert await stage.ask("frankfurt") == E
        await stage.wait(90)
        await stage.simulated.restart(W)
        await stage.wait(10)
        accelerator = stage.accelerator.rpartition("/")[2]
        assert await sums(stage, "NewFlowCount", Accelerator=accelerator) == 1

    play(scenario)

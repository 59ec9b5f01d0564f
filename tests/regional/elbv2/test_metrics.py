"""What application load balancers tell CloudWatch, and when."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.regional.cloudwatch.api import CloudWatch
from antipodes.regional.elbv2 import metrics
from antipodes.regional.elbv2.metrics import NAMESPACE, NETWORK_NAMESPACE
from tests.regional.elbv2.hosts import FUNCTION, Front, Region, fixed
from tests.regional.elbv2.networks import ZONES, Network


class Watched(Region):
    kinds = (*Region.kinds, CloudWatch)

    def measured(self, metric: str, *parts: str) -> dict[str, float]:
        """All that was published of a metric, for these last parts of ARNs."""
        dimensions = []
        for part in parts:
            kind, name, number = part.rpartition(":")[2].split("/")[-3:]
            named = "TargetGroup" if kind == "targetgroup" else "LoadBalancer"
            dimensions.append({"Name": named, "Value": f"{kind}/{name}/{number}"})
        wall = self.runtime.wall()
        found = self.client("cloudwatch").get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=metric,
            Dimensions=dimensions,
            StartTime=wall - wall % 60 - 3_600,
            EndTime=wall - wall % 60 + 60,
            Period=3_600,
            Statistics=["Sum", "SampleCount", "Minimum", "Maximum", "Average"],
        )["Datapoints"]
        measured: dict[str, float] = {
            name: sum(point[name] for point in found) for name in ("Sum", "SampleCount")
        }
        return measured

    def names(self) -> set[str]:
        listed = self.client("cloudwatch").list_metrics(Namespace=NAMESPACE)["Metrics"]
        return {one["MetricName"] for one in listed}


@pytest.fixture
def region() -> Iterator[Watched]:
    region = Watched()
    yield region
    region.close()


def test_what_requests_came_to_is_told_once_a_minute(region: Watched) -> None:
    front = region.serving(lambda event: {"statusCode": 404 if "lost" in event["path"] else 200})
    region.functions.takes_s = 0.5
    for target in ("/", "/", "/lost"):
        region.ask(front.door, target=target)
    assert region.names() == set()
    region.wait(60)
    for parts in ((front.arn,), (front.arn, front.group)):
        assert region.measured("RequestCount", *parts)["Sum"] == 3
        assert region.measured("HTTPCode_Target_2XX_Count", *parts)["Sum"] == 2
        assert region.measured("HTTPCode_Target_4XX_Count", *parts)["Sum"] == 1
        took = region.measured("TargetResponseTime", *parts)
        assert took["SampleCount"] == 3
        assert took["Sum"] == pytest.approx(1.5)
    assert not any(name.startswith("HTTPCode_ELB") for name in region.names())
    head = region.host.store.head
    region.wait(600)
    assert region.host.store.head == head  # nothing more is told where nothing comes


def rule(region: Region, front: Front, path: str, priority: int, action: dict[str, Any]) -> None:
    region.client("elbv2").create_rule(
        ListenerArn=front.listener,
        Priority=priority,
        Conditions=[{"Field": "path-pattern", "Values": [path]}],
        Actions=[action],
    )


def test_what_a_load_balancer_answers_itself_is_told_apart(region: Watched) -> None:
    front = region.serving(lambda _: "no answer")
    redirect = {"StatusCode": "HTTP_301", "Host": "elsewhere"}
    rule(region, front, "/moved", 1, {"Type": "redirect", "RedirectConfig": redirect})
    rule(region, front, "/fixed", 2, fixed("x", "403"))
    for target in ("/", "/moved", "/fixed", "/fixed"):
        region.ask(front.door, target=target)
    region.client("elbv2").deregister_targets(
        TargetGroupArn=front.group, Targets=[{"Id": FUNCTION}]
    )
    region.ask(front.door)
    region.wait(60)
    told = {name: region.measured(name, front.arn)["Sum"] for name in region.names()}
    assert told == {
        "RequestCount": 1,  # where there was a target
        "HTTPCode_ELB_3XX_Count": 1,
        "HTTPCode_ELB_4XX_Count": 2,
        "HTTPCode_ELB_5XX_Count": 2,
        "HTTPCode_ELB_502_Count": 1,
        "HTTPCode_ELB_503_Count": 1,
        "HTTP_Redirect_Count": 1,
        "HTTP_Fixed_Response_Count": 2,
    }


def test_no_more_is_counted_than_there_is_room_for(
    region: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "KEYS_MAX", 2)
    front = region.serving(lambda _: {"statusCode": 200})
    for _ in range(3):
        region.ask(front.door)
    region.wait(60)
    assert region.names() == {"RequestCount"}
    for parts in ((front.arn,), (front.arn, front.group)):
        assert region.measured("RequestCount", *parts)["Sum"] == 3


class WatchedNetwork(Network):
    kinds = (*Network.kinds, CloudWatch)


def test_new_flows_are_told_by_the_zone_of_their_node() -> None:
    network = WatchedNetwork()
    here, there = ZONES[:2]
    flows = network.serving_flows("told", network.machine(here, 10), network.machine(there, 10))
    for zone in (here, there, there):
        flows.connect(flows.node(zone))
    network.wait(60)
    wall = network.runtime.wall()
    listed = network.client("cloudwatch").list_metrics(Namespace=NETWORK_NAMESPACE)["Metrics"]
    told: dict[tuple[str, ...], float] = {}
    for metric in listed:
        found = network.client("cloudwatch").get_metric_statistics(
            **metric,
            StartTime=wall - wall % 60 - 3_600,
            EndTime=wall - wall % 60 + 60,
            Period=3_600,
            Statistics=["Sum"],
        )["Datapoints"]
        zones = [d["Value"] for d in metric["Dimensions"] if d["Name"] == "AvailabilityZone"]
        told[metric["MetricName"], *zones] = sum(point["Sum"] for point in found)
    network.close()
    counts = {(): 3, (here,): 1, (there,): 2}
    names = ("NewFlowCount", "NewFlowCount_TCP")
    assert told == {(name, *zones): count for name in names for zones, count in counts.items()}

"""Which targets a node may use, and when it has too few: the thresholds, a target at a time."""

import pytest

from antipodes.regional.elbv2 import zonal
from antipodes.regional.elbv2.attributes import DNS_COUNT, DNS_SHARE, ROUTING_COUNT, ROUTING_SHARE
from antipodes.regional.elbv2.model import HealthCheck, Target, TargetGroup

TARGETS = tuple(Target(f"172.31.0.{n}", 80, "us-west-2a") for n in range(10, 14))


def group(**attributes: str) -> TargetGroup:
    check = HealthCheck(
        enabled=True,
        port="traffic-port",
        path="",
        interval_s=30,
        timeout_s=10,
        healthy_threshold=5,
        unhealthy_threshold=2,
        matcher="",
        protocol="TCP",
    )
    return TargetGroup(
        *("0", "us-west-2", "g", "1", "ip", 80, "vpc", check, TARGETS),
        attributes=attributes,
        protocol="TCP",
    )


@pytest.mark.parametrize(
    ("count", "share", "least"),
    [("1", "off", 1), ("3", "off", 3), ("1", "50", 2), ("3", "50", 3), ("1", "51", 3)],
)
def test_both_thresholds_hold_and_each_is_reached_with_as_many_as_it_says(
    count: str, share: str, least: int
) -> None:
    routing = group(**{ROUTING_COUNT: count, ROUTING_SHARE: share})
    dns = group(**{DNS_COUNT: count, DNS_SHARE: share})
    for healthy in range(len(TARGETS) + 1):
        well = TARGETS[:healthy]
        used = zonal.usable(TARGETS, routing, well.__contains__)
        assert used == list(well if healthy >= least else TARGETS)
        assert zonal.answers(TARGETS, dns, well.__contains__) == (healthy >= least)


def test_a_zone_without_any_threshold_always_answers() -> None:
    assert zonal.answers((), group(**{DNS_COUNT: "off"}), lambda _: False)
    assert not zonal.answers((), group(), lambda _: False)

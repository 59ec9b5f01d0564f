"""What a zonal shift does to names, targets and flows, and where it does nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.regional.zonalshift.api import ZonalShift
from tests.regional.elbv2.hosts import forward
from tests.regional.elbv2.networks import ZONES, Machine, Network

A, B = ZONES[:2]
AWAY = "usw2-az1"
HTTP = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"


class Shiftable(Network):
    """Load balancers, and zonal shifts of them."""

    kinds = (*Network.kinds, ZonalShift)

    def opt_in(self, arn: str) -> None:
        self.set_balancer(arn, "zonal_shift.config.enabled")

    def set_balancer(self, arn: str, key: str) -> None:
        attributes = [{"Key": key, "Value": "true"}]
        self.client("elbv2").modify_load_balancer_attributes(
            LoadBalancerArn=arn, Attributes=attributes
        )

    def shift(self, arn: str) -> str:
        started = self.client("arc-zonal-shift").start_zonal_shift(
            resourceIdentifier=arn, awayFrom=AWAY, expiresIn="10m", comment=""
        )
        identity: str = started["zonalShiftId"]
        return identity

    def overrides(self, group: str) -> dict[str, str]:
        described = self.client("elbv2").describe_target_health(TargetGroupArn=group)
        return {
            one["Target"]["Id"]: one["AdministrativeOverride"]["State"]
            for one in described["TargetHealthDescriptions"]
        }


@pytest.fixture
def network() -> Iterator[Shiftable]:
    network = Shiftable()
    yield network
    network.close()


class Web:
    """An application load balancer with a machine in each of two zones."""

    def __init__(self, network: Shiftable) -> None:
        self.network = network
        self.here, self.there = network.machine(A, 60, port=80), network.machine(B, 60, port=80)
        self.here.answer, self.there.answer = HTTP + b"a", HTTP + b"b"
        group = {"TargetType": "ip", "Protocol": "HTTP", "Port": 80, "VpcId": network.vpc()}
        self.group = network.group("web", HealthCheckIntervalSeconds=10, **group)
        network.register(self.group, {"Id": self.here.address}, {"Id": self.there.address})
        self.balancer: Any = network.balancer("web")
        self.arn: str = self.balancer["LoadBalancerArn"]
        network.opt_in(self.arn)
        network.listener(self.balancer, forward(self.group))
        network.wait(1)
        self.nodes = network.told_name(self.balancer)

    def served_by(self, door: str) -> set[bytes]:
        """Who answers several requests."""
        return {self.network.ask(f"{door}:80").body for _ in range(6)}


def test_an_application_load_balancer_leaves_a_zone_and_comes_back(network: Shiftable) -> None:
    web = Web(network)
    assert web.served_by(web.nodes[B]) == {b"a", b"b"}
    assert set(network.overrides(web.group).values()) == {"no_override"}
    network.shift(web.arn)
    assert A not in network.told_name(web.balancer)
    assert web.served_by(web.nodes[B]) == {b"b"}
    assert web.served_by(web.nodes[A]) == {b"b"}, "who still knows the address is not turned away"
    assert network.overrides(web.group) == {
        web.here.address: "zonal_shift_active",
        web.there.address: "no_override",
    }
    network.wait(601)
    assert network.told_name(web.balancer) == web.nodes
    assert web.served_by(web.nodes[B]) == {b"a", b"b"}


def test_what_comes_through_an_accelerator_is_not_shifted(network: Shiftable) -> None:
    web = Web(network)
    network.shift(web.arn)
    assert web.served_by(f"elb/{web.arn.partition('/')[2]}") == {b"a", b"b"}


def test_a_shift_to_nothing_healthy_changes_nothing_for_targets(network: Shiftable) -> None:
    web = Web(network)
    web.there.stop()
    network.wait(60)
    network.shift(web.arn)
    assert web.served_by(web.nodes[B]) == {b"a"}


def test_a_shift_holds_after_a_restart_of_the_region(network: Shiftable) -> None:
    web = Web(network)
    network.shift(web.arn)
    network.restart()
    network.wait(1)
    assert A not in network.told_name(web.balancer)
    assert web.served_by(web.nodes[B]) == {b"b"}


def served(flows: Any, zone: str, machines: tuple[Machine, ...]) -> list[int]:
    """How many of several flows to a node each machine gets."""
    before = [len(machine.served) for machine in machines]
    for _ in range(8):
        flows.connect(flows.node(zone))
    return [len(m.served) - count for m, count in zip(machines, before, strict=True)]


def test_a_network_load_balancer_without_cross_zone_is_shifted_by_dns_alone(
    network: Shiftable,
) -> None:
    machines = network.machine(A, 10), network.machine(B, 10)
    flows = network.serving_flows("plain", *machines)
    network.opt_in(flows.arn)
    network.shift(flows.arn)
    assert network.told_name(flows.balancer) == {B: flows.nodes[B]}
    assert network.told_zonal(flows.balancer) == flows.nodes, "zonal names always exist"
    assert served(flows, A, machines) == [8, 0]
    assert network.overrides(flows.group)[machines[0].address] == "zonal_shift_delegated_to_dns"


def test_with_cross_zone_new_flows_avoid_the_zone_and_open_ones_stay(network: Shiftable) -> None:
    machines = network.machine(A, 10), network.machine(B, 10)
    flows = network.serving_flows("crossing", *machines)
    network.opt_in(flows.arn)
    network.set_balancer(flows.arn, "load_balancing.cross_zone.enabled")
    opened = [flows.connect(flows.node(B)) for _ in range(12)]
    assert all(machine.served for machine in machines)
    identity = network.shift(flows.arn)
    assert served(flows, B, machines) == [0, 8]
    assert not any(heard.over for heard in opened)
    network.client("arc-zonal-shift").cancel_zonal_shift(zonalShiftId=identity)
    assert network.told_name(flows.balancer) == flows.nodes
    assert served(flows, B, machines)[0] > 0

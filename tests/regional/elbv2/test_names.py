"""What the change log says of load balancers' names, and the hosted zones they are in."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.regional.elbv2 import hostedzones
from antipodes.regional.elbv2.names import KIND
from tests.regional.elbv2.hosts import Region
from tests.regional.elbv2.networks import ZONES, Network


@pytest.fixture(scope="module")
def shared() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


def told(region: Region) -> dict[str, Any]:
    """What the log says of every name, latest last."""
    entries, _ = region.host.changes.read(0, 10_000, (KIND,))
    return dict(entry.payload for entry in entries)


def test_a_name_is_told_when_a_balancer_is_made_and_when_it_goes(shared: Region) -> None:
    balancer = shared.balancer("told")
    name = balancer["DNSName"].lower()
    document = told(shared)[name]
    assert document["zone_id"] == balancer["CanonicalHostedZoneId"] == "Z1H1FL5HABSF5"
    assert document["arn"] == balancer["LoadBalancerArn"]
    assert (document["type"], document["scheme"]) == ("application", "internet-facing")
    assert document["zonal"] == {}
    zones = [zone["ZoneName"] for zone in balancer["AvailabilityZones"]]
    assert list(document["addresses"]) == zones
    shared.client("elbv2").delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    assert told(shared)[name] is None


def test_a_name_is_told_in_the_same_group_as_its_balancer(shared: Region) -> None:
    """Whatever of the two survives, so does the other."""
    groups: list[int] = []
    store = shared.host.store
    store.on_append(groups.append)
    before = store.head
    shared.balancer("grouped")
    assert store.head == before + 1
    assert groups == [store.head]


def test_who_is_behind_can_ask_for_all_names(shared: Region) -> None:
    name = shared.balancer("asked")["DNSName"].lower()
    every = dict(shared.host.changes.answers[KIND](None))
    assert every[name] == told(shared)[name]


def test_nothing_is_told_twice() -> None:
    region = Region()
    region.balancer("once")
    head = region.host.store.head
    region.restart()
    region.wait(120)
    assert region.host.store.head == head
    region.close()


def test_every_region_and_type_has_its_own_hosted_zone() -> None:
    made_up = hostedzones.hosted_zone("sa-west-1", network=True)
    assert made_up.startswith("Z")
    assert made_up != hostedzones.hosted_zone("sa-west-1", network=False)
    assert hostedzones.hosted_zone("us-west-2", network=True) == "Z18D5FSROUN65G"


def test_what_a_full_disk_did_not_take_is_told_with_the_next_change() -> None:
    network = Network()
    first = [network.machine(zone, 10) for zone in ZONES[:2]]
    second = [network.machine(zone, 11) for zone in ZONES[:2]]
    one, other = network.serving_flows("one", *first), network.serving_flows("other", *second)
    network.simulation.set_disk(network.place, full=True)
    first[1].stop()
    network.wait(25)
    assert network.told_name(one.balancer) == one.nodes
    network.simulation.set_disk(network.place, full=False)
    network.wait(25)
    assert network.told_name(one.balancer) == one.nodes
    second[1].stop()
    network.wait(25)
    for flows in (one, other):
        assert network.told_name(flows.balancer) == {ZONES[0]: flows.nodes[ZONES[0]]}
    network.close()

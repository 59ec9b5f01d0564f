"""Internal application load balancers: where their nodes are, and who reaches them."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.runtime.contract import Address, Gone
from antipodes.service.http import HttpClient, HttpResponse
from antipodes.world.faults import DarkPlace
from tests.regional.elbv2.hosts import fixed
from tests.regional.elbv2.networks import ZONES, Flows, Network, place_of

A, B, C = ZONES[:3]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


def internal(network: Network, name: str, *zones: str) -> dict[str, Any]:
    subnets = [network.subnet(zone) for zone in zones]
    made = network.client("elbv2").create_load_balancer(
        Name=name, Subnets=subnets, Scheme="internal"
    )
    balancer: dict[str, Any] = made["LoadBalancers"][0]
    network.listener(balancer, fixed(name))
    return balancer


def asked(network: Network, place: str, door: str) -> HttpResponse:
    """What a machine in the region hears from a door at a place."""
    client = HttpClient(network.machines)
    response: HttpResponse = network.run_on_machines(
        client.request(Address(place, door), "GET", "/", keep_alive=False)
    )
    return response


def test_its_nodes_have_addresses_of_their_subnets(network: Network) -> None:
    balancer = internal(network, "inside", A, B)
    assert balancer["Scheme"] == "internal"
    assert balancer["DNSName"].startswith("internal-inside-")
    assert balancer["DNSName"].endswith(".us-west-2.elb.amazonaws.com")
    told = network.told_name(balancer)
    assert told == {A: "172.31.0.4", B: "172.31.16.4"}
    for zone, address in told.items():
        assert asked(network, place_of(zone), f"{address}:80").body == b"inside"
        with pytest.raises(Gone):
            asked(network, network.place, f"{address}:80")
    door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80"
    assert network.ask(door).body == b"inside"  # as an accelerator does


def test_no_two_nodes_have_one_address_and_a_zone_can_be_added(network: Network) -> None:
    balancer = internal(network, "second", A, B)
    first = network.told_name(balancer)
    assert first == {A: "172.31.0.5", B: "172.31.16.5"}
    subnets = [network.subnet(zone) for zone in (A, B, C)]
    network.client("elbv2").set_subnets(
        LoadBalancerArn=balancer["LoadBalancerArn"], Subnets=subnets
    )
    network.wait(11)
    assert network.told_name(balancer) == {**first, C: "172.31.32.4"}
    assert asked(network, place_of(C), "172.31.32.4:80").body == b"second"


def test_a_network_load_balancer_reaches_it_by_its_addresses(network: Network) -> None:
    balancer = internal(network, "behind", A, B)
    front = network.nlb("front")
    group = network.flows("front", Port=80)
    targets = [{"Id": address} for address in network.told_name(balancer).values()]
    network.register(group, *targets)
    flows = Flows(network, front, group, network.listening(front, group))
    network.wait(1)
    answer = asked(network, place_of(A), flows.node(A).port)
    assert answer.body == b"behind"


def test_a_dark_zone_takes_its_node_along(network: Network) -> None:
    balancer = internal(network, "dark", A, B)
    told = network.told_name(balancer)
    handle = network.links.install(DarkPlace(place_of(B)))
    network.wait(40)
    assert network.told_name(balancer) == {A: told[A]}
    with pytest.raises(Gone):
        asked(network, place_of(B), f"{told[B]}:80")
    network.restart()
    assert network.told_name(balancer) == {A: told[A]}  # nothing else is known yet
    network.links.heal(handle)
    network.wait(60)
    assert network.told_name(balancer) == told
    assert asked(network, place_of(B), f"{told[B]}:80").body == b"dark"


def test_one_is_gone_with_its_doors(network: Network) -> None:
    balancer = internal(network, "short", A, B)
    address = network.told_name(balancer)[A]
    assert asked(network, place_of(A), f"{address}:80").status == 200
    network.client("elbv2").delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    with pytest.raises(Gone):
        asked(network, place_of(A), f"{address}:80")

"""Datagrams through network load balancers."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.runtime.contract import Address, Datagram
from tests.regional.elbv2.networks import CLIENT, PORT, ZONES, Flows, Machine, Network

A = ZONES[0]


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


class Speaker:
    """A client with a door of its own, and the answers that it got."""

    def __init__(self, network: Network, to: Address, source_ip: str = CLIENT) -> None:
        self.network = network
        self.to = to
        self.source_ip = source_ip
        self.heard: list[Datagram] = []
        address = Address(network.city.place, "")
        opening = network.city.listen_datagrams(address, self.heard.append)
        self.door: Any = network.run_in_city(opening)

    def say(self, data: bytes) -> bytes:
        """Send something, and return the answer, if there is one within a second."""
        before = len(self.heard)
        self.door.send(self.to, data, source_ip=self.source_ip)
        self.network.wait(1)
        return self.heard[-1].data if len(self.heard) > before else b""


def talking(network: Network, *machines: Machine, protocol: str = "UDP") -> Flows:
    for machine in machines:
        machine.listen_datagrams()
    return network.serving_flows("talk", *machines, Protocol=protocol)


def test_a_conversation_keeps_to_its_target_until_it_is_idle(network: Network) -> None:
    machines = [network.machine(A, last) for last in (10, 11, 12)]
    flows = talking(network, *machines)
    speakers = [Speaker(network, flows.node(A)) for _ in range(9)]
    first = [speaker.say(b"one") for speaker in speakers]
    assert {*first} == {machine.answer for machine in machines}
    assert [speaker.say(b"two") for speaker in speakers] == first
    assert all(d.source_ip == CLIENT for machine in machines for d in machine.datagrams)
    assert {speaker.heard[-1].source for speaker in speakers} == {flows.node(A)}
    conversations = network.elbv2.network.conversations
    assert len(conversations) == 9
    network.wait(121)
    assert len(conversations) == 0
    assert speakers[0].say(b"three") == first[0]  # by hash: the same targets are there


def test_the_door_for_accelerators_takes_datagrams_too(network: Network) -> None:
    flows = talking(network, network.machine(A, 10))
    speaker = Speaker(network, Address(network.place, flows.door))
    assert speaker.say(b"hello") == b"172.31.0.10"


def test_a_target_that_turns_unhealthy_loses_its_conversations(network: Network) -> None:
    bad, good = network.machine(A, 10), network.machine(A, 11)
    flows = talking(network, bad, good)
    speakers = [Speaker(network, flows.node(A)) for _ in range(8)]
    first = [speaker.say(b"one") for speaker in speakers]
    assert {*first} == {bad.answer, good.answer}
    bad.stop()  # of the health checks' door: datagrams are still answered
    network.wait(30)
    assert {speaker.say(b"two") for speaker in speakers} == {good.answer}


def test_a_deregistered_target_keeps_its_conversations_for_the_delay_only(
    network: Network,
) -> None:
    leaving, staying = network.machine(A, 10), network.machine(A, 11)
    flows = talking(network, leaving, staying)
    network.set_group(flows.group, **{"deregistration_delay.timeout_seconds": "60"})
    speakers = [Speaker(network, flows.node(A)) for _ in range(8)]
    first = [speaker.say(b"one") for speaker in speakers]
    assert {*first} == {leaving.answer, staying.answer}
    network.client("elbv2").deregister_targets(
        TargetGroupArn=flows.group, Targets=[{"Id": leaving.address}]
    )
    network.wait(30)
    assert [speaker.say(b"two") for speaker in speakers] == first
    network.wait(30)
    assert {speaker.say(b"three") for speaker in speakers} == {staying.answer}


def test_one_listener_for_both(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = talking(network, machine, protocol="TCP_UDP")
    assert Speaker(network, flows.node(A)).say(b"hello") == machine.answer
    heard = flows.connect(flows.node(A))
    assert heard.data == machine.answer
    assert machine.served[-1].accepted.peer_ip == CLIENT  # always preserved


def test_datagrams_to_nobody_are_dropped(network: Network) -> None:
    balancer = network.nlb("empty", A)
    group = network.flows("empty", Protocol="UDP")
    listener = network.listening(balancer, group, "UDP")
    flows = Flows(network, balancer, group, listener)
    assert Speaker(network, flows.node(A)).say(b"hello") == b""
    assert (
        Speaker(network, Address(flows.node(A).place, f"{flows.nodes[A]}:{PORT + 1}")).say(b"x")
        == b""
    )


def test_conversations_end_with_their_balancer(network: Network) -> None:
    flows = talking(network, network.machine(A, 10))
    speaker = Speaker(network, flows.node(A))
    assert speaker.say(b"hello")
    network.client("elbv2").delete_load_balancer(LoadBalancerArn=flows.arn)
    assert speaker.say(b"hello") == b""
    assert len(network.elbv2.network.conversations) == 0

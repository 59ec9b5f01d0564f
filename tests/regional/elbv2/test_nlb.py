"""Network load balancers at work: which target a flow goes to, and that it stays there."""

from collections.abc import Iterator

import pytest

from antipodes.regional.elbv2 import nlb
from antipodes.runtime.contract import Accepted, Address, Gone, PlainReceiver, Stream
from antipodes.world.faults import DarkPlace
from tests.regional.elbv2.networks import (
    CLIENT,
    PORT,
    TRACE,
    ZONES,
    Flows,
    Machine,
    Network,
    place_of,
)

A, B = ZONES[:2]


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


def test_a_connection_reaches_a_target_and_comes_back(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = network.serving_flows("one", machine)
    for to in (None, flows.node(A)):
        heard = flows.connect(to)
        assert (heard.data, heard.over) == (machine.answer, False)
        assert machine.served[-1].data == b"hello"
        heard.stream.close()
        network.wait(1)
        assert (heard.over, heard.reset) == (True, False)
        assert machine.served[-1].over
        assert not machine.served[-1].reset
    assert network.elbv2.network.flows == 0
    spans = network.simulation.journal.spans(TRACE)
    assert [span["name"] for span in spans] == ["nlb.flow"] * 2


def test_without_targets_a_connection_is_reset(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = network.serving_flows("none", machine)
    elbv2 = network.client("elbv2")
    elbv2.deregister_targets(TargetGroupArn=flows.group, Targets=[{"Id": machine.address}])
    assert flows.connect(flows.node(A)).reset


def test_connections_spread_over_targets_and_stay(network: Network) -> None:
    machines = [network.machine(A, last) for last in (10, 11, 12)]
    flows = network.serving_flows("spread", *machines)
    for _ in range(60):
        flows.connect().stream.write(b"again")
    network.wait(1)
    counts = [len(machine.served) for machine in machines]
    assert sum(counts) == 60
    assert min(counts) >= 8
    assert all(heard.data == b"helloagain" for machine in machines for heard in machine.served)


def test_33_cross_zone_is_off_and_the_target_group_may_say_otherwise(network: Network) -> None:
    here, there = network.machine(A, 10), network.machine(B, 10)
    flows = network.serving_flows("crossing", here, there)
    for _ in range(8):
        flows.connect(flows.node(A))
    assert (len(here.served), len(there.served)) == (8, 0)
    elbv2 = network.client("elbv2")
    on = [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}]
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=flows.arn, Attributes=on)
    for _ in range(16):
        flows.connect(flows.node(A))
    assert len(there.served) > 2
    network.set_group(flows.group, **{"load_balancing.cross_zone.enabled": "false"})
    before = len(there.served)
    for _ in range(8):
        flows.connect(flows.node(A))
    assert len(there.served) == before


def test_34_a_zone_without_a_healthy_target_leaves_the_answer_but_not_its_zonal_name(
    network: Network,
) -> None:
    here, there = network.machine(A, 10), network.machine(B, 10)
    flows = network.serving_flows("zonal", here, there)
    name = flows.balancer["DNSName"]
    assert name == f"zonal-{flows.arn.rpartition('/')[2]}.elb.us-west-2.amazonaws.com"
    assert network.told_name(flows.balancer) == flows.nodes
    there.stop()
    network.wait(30)
    assert network.states(flows.group)[there.address] == (
        "unhealthy",
        "Target.FailedHealthChecks",
    )
    assert network.told_name(flows.balancer) == {A: flows.nodes[A]}
    here.stop()
    network.wait(30)
    assert network.told_name(flows.balancer) == flows.nodes  # all bad is all good
    there.start()
    network.wait(60)
    assert network.told_name(flows.balancer) == {B: flows.nodes[B]}


def test_29_when_all_targets_are_unhealthy_all_get_flows(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = network.serving_flows(
        "open", machine, HealthCheckProtocol="HTTP", HealthCheckPath="/health"
    )
    network.wait(60)  # it answers, but not in HTTP
    assert network.states(flows.group)[machine.address][0] == "unhealthy"
    assert flows.connect().data == machine.answer


def test_a_target_that_turns_unhealthy_has_its_connections_reset(network: Network) -> None:
    bad, good = network.machine(A, 10), network.machine(A, 11)
    flows = network.serving_flows("ended", bad, good)
    heard = [flows.connect() for _ in range(12)]
    on_bad = [one for one in heard if one.data == bad.answer]
    assert on_bad
    assert len(on_bad) < len(heard)
    bad.stop()  # no new connections; those that it has go on
    network.wait(30)
    assert [one.reset for one in heard] == [one in on_bad for one in heard]


def test_connections_are_kept_when_the_unhealthy_target_is_the_only_one(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = network.serving_flows("kept", machine)
    heard = flows.connect()
    machine.stop()
    network.wait(60)
    assert network.states(flows.group)[machine.address][0] == "unhealthy"
    assert not heard.over


def test_an_unhealthy_target_may_keep_its_connections_for_a_while(network: Network) -> None:
    bad, good = network.machine(A, 10), network.machine(A, 11)
    flows = network.serving_flows("while", bad, good)
    ends = "target_health_state.unhealthy.connection_termination.enabled"
    keeps = "target_health_state.unhealthy.draining_interval_seconds"
    network.set_group(flows.group, **{ends: "false", keeps: "120"})
    heard = [flows.connect() for _ in range(12)]
    bad.stop()
    network.wait(30)
    assert network.states(flows.group)[bad.address] == (
        "unhealthy.draining",
        "Target.FailedHealthChecks",
    )
    assert not any(one.over for one in heard)
    network.wait(120)
    assert network.states(flows.group)[bad.address][0] == "unhealthy"
    assert {one.data for one in heard if one.reset} == {bad.answer}


@pytest.mark.parametrize("ends", [True, False])
def test_38_a_deregistered_target_drains_for_the_whole_delay(network: Network, ends: bool) -> None:
    going, staying = network.machine(A, 10), network.machine(A, 11)
    flows = network.serving_flows("going", going, staying)
    network.set_group(
        flows.group,
        **{"deregistration_delay.connection_termination.enabled": str(ends).lower()},
    )
    heard = [flows.connect() for _ in range(12)]
    mine = [one for one in heard if one.data == going.answer]
    network.client("elbv2").deregister_targets(
        TargetGroupArn=flows.group, Targets=[{"Id": going.address}]
    )
    for _ in range(12):
        assert flows.connect().data == staying.answer
    network.wait(280 - 12)
    assert network.states(flows.group)[going.address] == (
        "draining",
        "Target.DeregistrationInProgress",
    )
    assert not any(one.over for one in heard)
    network.wait(40)
    assert list(network.states(flows.group)) == [staying.address]
    assert [one.reset for one in mine] == [ends] * len(mine)


def test_a_quiet_connection_is_forgotten_and_then_reset(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = network.serving_flows("quiet", machine)
    first = flows.connect()
    network.wait(340)
    first.stream.write(b"still here")
    network.wait(340)
    assert not first.over
    assert network.elbv2.network.flows == 1
    network.wait(20)
    assert network.elbv2.network.flows == 0
    assert not first.over  # nobody says a word
    first.stream.write(b"too late")
    network.wait(1)
    assert first.reset
    assert machine.served[-1].data == b"hellostill here"
    assert not machine.served[-1].over  # the target never hears of it


def test_the_idle_timeout_is_the_listeners(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = network.serving_flows("patient", machine)
    elbv2 = network.client("elbv2")
    key = "tcp.idle_timeout.seconds"
    shown = elbv2.describe_listener_attributes(ListenerArn=flows.listener)["Attributes"]
    assert shown == [{"Key": key, "Value": "350"}]
    wanted = [{"Key": key, "Value": "60"}]
    assert (
        elbv2.modify_listener_attributes(ListenerArn=flows.listener, Attributes=wanted)[
            "Attributes"
        ]
        == wanted
    )
    flows.connect()
    network.wait(61)
    assert network.elbv2.network.flows == 0


def test_whose_address_a_target_sees(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = network.serving_flows("seen", machine)
    flows.connect()
    assert machine.served[-1].accepted.peer_ip == flows.nodes[A]
    network.set_group(flows.group, **{"preserve_client_ip.enabled": "true"})
    flows.connect()
    assert machine.served[-1].accepted.peer_ip == CLIENT


def test_a_target_that_connects_to_itself_waits_in_vain(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = network.serving_flows("hairpin", machine)
    assert flows.connect(source_ip=machine.address).data == machine.answer
    network.set_group(flows.group, **{"preserve_client_ip.enabled": "true"})
    heard = flows.connect(source_ip=machine.address)
    network.wait(60)
    assert not heard.data
    assert not heard.over


def test_proxy_protocol_tells_the_target_and_is_in_health_checks(network: Network) -> None:
    machine = network.machine(A, 10)
    machine.answer = b""
    flows = network.serving_flows("proxied", machine)
    network.set_group(flows.group, **{"proxy_protocol_v2.enabled": "true"})
    machine.heard.clear()
    network.wait(11)
    signature = b"\r\n\r\n\x00\r\nQUIT\n"
    assert machine.heard[-1].data == signature + b"\x20\x00\x00\x00"
    flows.connect(flows.node(A))
    data = machine.served[-1].data
    assert data[:16] == signature + b"\x21\x11\x00\x0c"
    assert ".".join(map(str, data[16:20])) == CLIENT
    assert ".".join(map(str, data[20:24])) == flows.nodes[A]
    assert int.from_bytes(data[26:28]) == PORT
    assert data[28:] == b"hello"


def test_with_stickiness_a_client_stays_with_its_target(network: Network) -> None:
    machines = [network.machine(A, last) for last in (10, 11, 12, 13)]
    flows = network.serving_flows("sticky", *machines)
    network.set_group(flows.group, **{"stickiness.enabled": "true"})
    chosen = set()
    for last in range(12):
        answers = {flows.connect(source_ip=f"198.19.128.{last}").data for _ in range(3)}
        assert len(answers) == 1
        chosen |= answers
    assert len(chosen) > 1


def test_35_health_checks_name_the_node_and_the_listeners_port(network: Network) -> None:
    machine = network.machine(A, 10)
    machine.answer = b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n"
    flows = network.serving_flows(
        "named", machine, HealthCheckProtocol="HTTP", HealthCheckPath="/up"
    )
    request = machine.served[0].data.decode()
    assert request.startswith("GET /up HTTP/1.1\r\n")
    assert f"\r\nHost: {flows.nodes[A]}:{PORT}\r\n" in request
    assert "\r\nUser-Agent: ELB-HealthChecker/2.0\r\n" in request
    assert network.states(flows.group)[machine.address] == ("healthy", "")  # 31: 200-399


def test_31_the_matcher_is_wider_than_an_application_load_balancers(network: Network) -> None:
    group = network.flows("matcher", HealthCheckProtocol="HTTP")
    described = network.client("elbv2").describe_target_groups(TargetGroupArns=[group])
    one = described["TargetGroups"][0]
    assert one["Matcher"] == {"HttpCode": "200-399"}
    assert (one["HealthCheckTimeoutSeconds"], one["UnhealthyThresholdCount"]) == (6, 2)
    plain = network.flows("over-tcp")
    one = network.client("elbv2").describe_target_groups(TargetGroupArns=[plain])["TargetGroups"][0]
    assert "Matcher" not in one
    assert (one["HealthCheckProtocol"], one["HealthCheckTimeoutSeconds"]) == ("TCP", 10)


def test_a_group_by_weight(network: Network) -> None:
    light, heavy = network.machine(A, 10), network.machine(A, 11)
    balancer = network.nlb("weighted", A)
    groups = [network.flows("light", light), network.flows("heavy", heavy)]
    made = network.client("elbv2").create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TCP",
        Port=PORT,
        DefaultActions=[
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": [
                        {"TargetGroupArn": groups[0], "Weight": 1},
                        {"TargetGroupArn": groups[1], "Weight": 9},
                    ]
                },
            }
        ],
    )
    network.wait(1)
    flows = Flows(network, balancer, groups[0], made["Listeners"][0]["ListenerArn"])
    for _ in range(50):
        flows.connect()
    assert 0 < len(light.served) < 15
    assert len(light.served) + len(heavy.served) == 50


def test_a_dark_zone_takes_its_node_along(network: Network) -> None:
    here, there = network.machine(A, 10), network.machine(B, 10)
    flows = network.serving_flows("dark", here, there)
    assert flows.connect(flows.node(B)).data == there.answer
    handle = network.links.install(DarkPlace(flows.node(B).place))
    network.wait(40)
    assert network.told_name(flows.balancer) == {A: flows.nodes[A]}
    with pytest.raises(Gone):
        flows.connect(flows.node(B))
    assert flows.connect().data == here.answer
    network.links.heal(handle)
    network.wait(60)
    assert network.told_name(flows.balancer) == flows.nodes


def test_one_visit_in_vain_says_nothing_of_a_zone(network: Network) -> None:
    here, there = network.machine(A, 10), network.machine(B, 10)
    flows = network.serving_flows("twice", here, there)
    head = network.host.store.head
    handle = network.links.install(DarkPlace(flows.node(B).place))
    network.wait(15)
    network.links.heal(handle)
    network.wait(30)
    assert network.host.store.head == head
    assert flows.connect(flows.node(B)).data == there.answer


def test_after_a_restart_targets_that_are_never_checked_are_not_waited_for(
    network: Network,
) -> None:
    here, there, elsewhere = (network.machine(zone, 10) for zone in ZONES[:3])
    balancer = network.nlb("waits", A, B)
    group = network.flows("waits", here, there, elsewhere)
    flows = Flows(network, balancer, group, network.listening(balancer, group))
    network.restart()
    network.wait(15)
    there.stop()
    network.wait(25)
    assert network.told_name(balancer) == {A: flows.nodes[A]}


def test_what_checks_take_for_well(network: Network) -> None:
    cases: dict[str, list[tuple[bytes, bool, str]]] = {
        "TCP": [(b"", False, "healthy"), (b"", True, "unhealthy")],
        "HTTP": [
            (b"HTTP/1.1 200 OK\r\n", False, "healthy"),
            (b"HTTP/1.1 500 No\r\n", False, "unhealthy"),
            (b"SSH-2.0\r\n", False, "unhealthy"),
            (b"a" * 20_000, False, "unhealthy"),
            (b"", True, "unhealthy"),
        ],
    }
    ended: list[str] = []

    class Answers(PlainReceiver):
        def __init__(self, accepted: Accepted) -> None:
            self.address = accepted.local.port.partition(":")[0]

        def connection_made(self, stream: Stream) -> None:
            answer, ends, _ = by_address[self.address]
            stream.write(answer)
            if ends:
                stream.close()

        def connection_lost(self, error: Exception | None) -> None:
            ended.append(self.address)

    by_address: dict[str, tuple[bytes, bool, str]] = {}
    groups = []
    for number, (protocol, answers) in enumerate(cases.items()):
        group = network.flows(protocol, HealthCheckProtocol=protocol)
        for case in answers:
            address = f"172.31.0.{70 + len(by_address)}"
            by_address[address] = case
            at = Address(place_of(A), f"{address}:{PORT}")
            network.run_on_machines(network.machines.listen(at, Answers))
            network.register(group, {"Id": address})
        network.listening(network.nlb(f"checks-{number}", A), group)
        groups.append(group)
    network.wait(12)
    states = {address: s for group in groups for address, (s, _) in network.states(group).items()}
    assert states == {address: state for address, (_, _, state) in by_address.items()}
    # No check waits for its time to run out: there were two of each.
    assert all(ended.count(address) == 2 for address in by_address)


def test_a_flow_more_than_can_be_is_refused(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nlb, "FLOWS_MAX", 2)
    flows = network.serving_flows("many", network.machine(A, 10))
    first, *_, last = [flows.connect() for _ in range(3)]
    assert (first.data, first.over) == (b"172.31.0.10", False)
    assert (last.data, last.reset) == (b"", True)
    first.stream.close()
    network.wait(1)
    assert flows.connect().data == b"172.31.0.10"


def test_a_dark_zone_leaves_the_answer_though_its_targets_are_elsewhere(network: Network) -> None:
    site = Machine(network, "us-west-2", "10.9.8.7")
    balancer = network.nlb("elsewhere", A, B)
    group = network.flows("elsewhere")
    network.register(group, {"Id": site.address, "AvailabilityZone": "all"})
    flows = Flows(network, balancer, group, network.listening(balancer, group))
    network.wait(1)
    handle = network.links.install(DarkPlace(flows.node(B).place))
    network.wait(30)
    assert network.told_name(balancer) == {A: flows.nodes[A]}
    for _ in range(4):
        assert flows.connect().data == site.answer  # by the door for accelerators
    head = network.host.store.head
    network.restart()
    network.wait(30)
    assert network.host.store.head == head  # still lost, and nothing else was said meanwhile
    network.links.heal(handle)
    network.wait(15)
    assert network.told_name(balancer) == flows.nodes


def test_everything_is_taken_up_again_after_a_restart(network: Network) -> None:
    here, there = network.machine(A, 10), network.machine(B, 10)
    flows = network.serving_flows("again", here, there)
    there.stop()
    network.wait(30)
    head = network.host.store.head
    network.restart()
    network.wait(0.1)
    assert network.host.store.head == head  # what is not known yet changes no answer
    assert network.told_name(flows.balancer) == {A: flows.nodes[A]}
    network.wait(30)
    assert network.host.store.head == head
    assert flows.connect().data == here.answer


def test_deleting_a_balancer_ends_its_connections(network: Network) -> None:
    machine = network.machine(A, 10)
    flows = network.serving_flows("gone", machine)
    heard = flows.connect()
    network.client("elbv2").delete_load_balancer(LoadBalancerArn=flows.arn)
    network.wait(1)
    assert heard.reset
    with pytest.raises(Gone):
        flows.connect()

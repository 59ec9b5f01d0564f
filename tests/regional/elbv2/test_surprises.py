"""What emulators get wrong about application load balancers, numbered as in the list of facts.

Those of network load balancers are in `test_nlb.py`, under the same numbers.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.regional.elbv2.hosts import FUNCTION, Front, forward
from tests.regional.elbv2.networks import ZONES, Network

A, B = ZONES[:2]
HEALTHY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


def in_front(network: Network, name: str, group: str) -> Front:
    balancer = network.balancer(name)
    listener = network.listener(balancer, forward(group))
    network.wait(1)
    return Front(balancer, group, listener)


def pages(network: Network, name: str, *machines: Any, **more: Any) -> str:
    more = {"TargetType": "ip", "Protocol": "HTTP", "Port": 80, "VpcId": network.vpc(), **more}
    group = network.group(name, **more)
    if machines:
        network.register(group, *({"Id": machine.address} for machine in machines))
    return group


def of_function(network: Network, name: str, **more: Any) -> str:
    group = network.group(name, **more)
    network.register(group, {"Id": FUNCTION})
    return group


def echo(event: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": 200, "body": repr(event.get("queryStringParameters"))}


def test_29_all_unhealthy_is_all_healthy_and_503_is_for_no_targets(network: Network) -> None:
    machine = network.machine(A, 10, port=80)
    machine.answer = b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno"
    group = pages(network, "s29", machine)
    front = in_front(network, "s29", group)
    network.wait(60)
    assert network.states(group)[machine.address] == ("unhealthy", "Target.ResponseCodeMismatch")
    assert network.ask(front.door).body == b"no"
    elbv2 = network.client("elbv2")
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": machine.address}])
    assert network.ask(front.door).status == 503


def test_30_functions_are_not_checked_and_still_get_requests(network: Network) -> None:
    network.functions.add(echo)
    group = of_function(network, "s30")
    front = in_front(network, "s30", group)
    described = network.client("elbv2").describe_target_groups(TargetGroupArns=[group])
    one = described["TargetGroups"][0]
    assert not one["HealthCheckEnabled"]
    assert (one["HealthCheckIntervalSeconds"], one["HealthCheckTimeoutSeconds"]) == (35, 30)
    assert network.states(group)[FUNCTION] == ("unavailable", "Target.HealthCheckDisabled")
    assert network.ask(front.door).status == 200


def test_31_only_200_is_well(network: Network) -> None:
    machine = network.machine(A, 11, port=80)
    machine.answer = b"HTTP/1.1 204 None\r\n\r\n"
    group = pages(network, "s31", machine)
    described = network.client("elbv2").describe_target_groups(TargetGroupArns=[group])
    assert described["TargetGroups"][0]["Matcher"] == {"HttpCode": "200"}
    in_front(network, "s31", group)
    network.wait(60)
    assert network.states(group)[machine.address] == ("unhealthy", "Target.ResponseCodeMismatch")


def test_32_the_very_first_check_that_passes_is_enough(network: Network) -> None:
    machine = network.machine(A, 12, port=80)
    machine.answer = HEALTHY
    group = pages(network, "s32", machine, HealthyThresholdCount=10)
    in_front(network, "s32", group)
    assert network.states(group)[machine.address] == ("healthy", "")
    machine.stop()
    network.wait(90)
    assert network.states(group)[machine.address][0] == "unhealthy"
    machine.start()
    network.wait(240)
    assert network.states(group)[machine.address][0] == "unhealthy"  # now all ten count
    network.wait(90)
    assert network.states(group)[machine.address][0] == "healthy"


def test_33_nodes_use_the_targets_of_all_zones(network: Network) -> None:
    machines = [network.machine(zone, 13, port=80) for zone in (A, B)]
    for machine in machines:
        machine.answer = HEALTHY
    group = pages(network, "s33", *machines)
    front = in_front(network, "s33", group)
    before = [len(machine.heard) for machine in machines]
    address = next(iter(network.told_name({"DNSName": front.name}).values()))
    for _ in range(4):
        assert network.ask(f"{address}:80").status == 200
    assert [len(machine.heard) for machine in machines] > before
    assert all(len(m.heard) > heard for m, heard in zip(machines, before, strict=True))


def test_35_health_checks_name_the_target(network: Network) -> None:
    machine = network.machine(B, 14, port=81)
    machine.answer = HEALTHY
    group = pages(network, "s35", machine, HealthCheckPort="81")
    in_front(network, "s35", group)
    assert f"\r\nhost: {machine.address}:81\r\n".encode() in machine.served[0].data.lower()


@pytest.mark.parametrize("many", [False, True])
def test_36_the_last_of_a_repeated_key_is_kept_and_values_stay_encoded(
    network: Network, many: bool
) -> None:
    network.functions.add(lambda event: {"statusCode": 200, "body": repr(_query(event))})
    name = f"s36-{many}".lower()
    group = of_function(network, name)
    network.set_group(group, **{"lambda.multi_value_headers.enabled": str(many).lower()})
    front = in_front(network, name, group)
    body = network.ask(front.door, target="/?a=1&a=%20b").body.decode()
    assert body == ("{'a': ['1', '%20b']}" if many else "{'a': '%20b'}")


def _query(event: dict[str, Any]) -> Any:
    return event.get("queryStringParameters") or event.get("multiValueQueryStringParameters")


def test_37_what_a_function_cannot_be_given_or_give(network: Network) -> None:
    network.functions.add(echo)
    group = of_function(network, "s37")
    front = in_front(network, "s37", group)
    large = b"x" * ((1 << 20) + 1)
    assert network.ask(front.door, "POST", body=large).status == 413
    for wrong in (
        lambda _: {"statusCode": 200, "body": "x" * (1 << 20)},
        lambda _: b"no json",
        lambda _: {"body": "without a status"},
        lambda _: ValueError("in the function"),
    ):
        network.functions.add(wrong)
        assert network.ask(front.door).status == 502


def test_38_a_deregistered_target_drains_for_the_whole_delay_though_idle(network: Network) -> None:
    machine = network.machine(A, 15, port=80)
    machine.answer = HEALTHY
    group = pages(network, "s38", machine)
    in_front(network, "s38", group)
    elbv2 = network.client("elbv2")
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": machine.address}])
    network.wait(295)
    draining = ("draining", "Target.DeregistrationInProgress")
    assert network.states(group) == {machine.address: draining}
    network.wait(10)
    assert network.states(group) == {}

"""Custom routing: ports that stand for addresses and ports of subnets, and what is let through."""

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.edge.globalaccelerator import mappings
from antipodes.edge.globalaccelerator.model import Destinations, Group, Listener, Subnet
from antipodes.service.contract import ServiceError
from antipodes.world import addresses
from tests.edge.globalaccelerator.clients import Machine, Sender
from tests.edge.globalaccelerator.requests import refused
from tests.edge.globalaccelerator.worlds import PROPAGATION_S, TURNED_S, E, Stage, W, play

LOW, HIGH = 10_000, 30_000


# Arithmetic.


@st.composite
def listeners(draw: st.DrawFn) -> tuple[Listener, Group]:
    """A listener, with a group to which subnets were added and from which some were removed."""
    ranges = draw(st.lists(st.integers(16, 200), min_size=1, max_size=3))
    ports, start = [], 1000
    for size in ranges:
        ports.append((start, start + size - 1))
        start += size + draw(st.integers(1, 50))
    parts = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    destinations = tuple(
        Destinations(100 * n, 100 * n + size - 1, ("TCP",)) for n, size in enumerate(parts, 1)
    )
    group = Group("g", W, destinations=destinations)
    listener = Listener("l", tuple(ports), groups=(group,), protocol="")
    for number in range(draw(st.integers(0, 6))):
        network = f"10.0.{number}.0/28"
        wanted = mappings.address_count(IPv4Network(network)) * mappings.port_count(destinations)
        try:
            segments = mappings.take_ports(listener, wanted)
        except ServiceError:
            continue
        subnets = (*group.subnets, Subnet(f"subnet-{number}", f"{W}/usw2-az1", network, segments))
        if draw(st.booleans()) and len(subnets) > 1:
            subnets = subnets[1:]
        group = Group("g", W, destinations=destinations, subnets=subnets)
        listener = Listener("l", tuple(ports), groups=(group,), protocol="")
    return listener, group


@given(listeners())
@settings(max_examples=30, deadline=None)
def test_every_port_stands_for_one_thing_and_every_thing_has_one_port(
    case: tuple[Listener, Group],
) -> None:
    listener, group = case
    seen: dict[tuple[str, int], int] = {}
    for subnet in group.subnets:
        found = list(mappings.targets(group, subnet, mappings.numbers_of(subnet)))
        assert len(found) == 11 * mappings.port_count(group.destinations)
        hosts = [str(ip) for ip in IPv4Network(subnet.network)][4:-1]
        assert sorted({target.address for target in found}) == sorted(hosts)
        for target in found:
            assert listener.covers(target.port)
            assert mappings.target(listener, target.port) == target
            assert (target.address, target.destination_port) not in seen
            seen[target.address, target.destination_port] = target.port
        for host in map(str, IPv4Network("10.0.0.0/23")):
            numbers = mappings.numbers_of_address(group, subnet, host)
            expected = [target for target in found if target.address == host]
            assert list(mappings.targets(group, subnet, numbers)) == expected
    assert len({*seen.values()}) == len(seen)


@given(
    listeners().filter(lambda case: bool(case[1].subnets)),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(4, 14), st.integers(100, 102))),
)
@settings(max_examples=40, deadline=None)
def test_what_is_allowed_is_what_was_said_last(
    case: tuple[Listener, Group], said: list[tuple[bool, bool, int, int]]
) -> None:
    _, group = case
    subnet = group.subnets[0]
    network = IPv4Network(subnet.network)
    expected = {(str(network[n]), port): False for n in range(4, 15) for port in range(100, 103)}
    for is_open, is_all, number, port in said:
        address = str(network[number])
        if is_all:
            subnet = mappings.with_all(subnet, is_open=is_open)
            expected = dict.fromkeys(expected, is_open)
        else:
            ports = [] if port == 102 else [port]
            subnet = mappings.with_some(group, subnet, [address], ports, is_open=is_open)
            for each in ports or range(100, 103):
                expected[address, each] = is_open
        assert {key: mappings.is_open(subnet, *key) for key in expected} == expected


# The API.


async def build(stage: Stage, **more: Any) -> tuple[str, str, list[dict[str, Any]]]:
    """A custom routing accelerator; returns its listener, its group and the region's subnets."""
    made = await stage.call("CreateCustomRoutingAccelerator", Name="c", IdempotencyToken="c")
    stage.accelerator = made["Accelerator"]["AcceleratorArn"]
    stage.addresses = made["Accelerator"]["IpSets"][0]["IpAddresses"]
    made = await stage.call(
        "CreateCustomRoutingListener",
        AcceleratorArn=stage.accelerator,
        PortRanges=[{"FromPort": LOW, "ToPort": HIGH}],
        IdempotencyToken="l",
    )
    listener = made["Listener"]["ListenerArn"]
    destinations = [
        {"FromPort": 80, "ToPort": 80, "Protocols": ["TCP"]},
        {"FromPort": 5004, "ToPort": 5005, "Protocols": ["UDP", "TCP"]},
    ]
    made = await stage.call(
        "CreateCustomRoutingEndpointGroup",
        ListenerArn=listener,
        EndpointGroupRegion=E,
        DestinationConfigurations=destinations,
        IdempotencyToken="g",
        **more,
    )
    group = made["EndpointGroup"]["EndpointGroupArn"]
    subnets = (await stage.simulated.call(E, "ec2", "DescribeSubnets", {}))["Subnets"]
    return listener, group, subnets


async def add(stage: Stage, group: str, *names: str) -> Any:
    parts = [{"EndpointId": name} for name in names]
    return await stage.call(
        "AddCustomRoutingEndpoints", EndpointGroupArn=group, EndpointConfigurations=parts
    )


async def port_of(stage: Stage, subnet: str, address: str, port: int) -> int:
    found = await stage.call(
        "ListCustomRoutingPortMappingsByDestination", EndpointId=subnet, DestinationAddress=address
    )
    [mapping] = [
        one
        for one in found["DestinationPortMappings"]
        if one["DestinationSocketAddress"] == {"IpAddress": address, "Port": port}
    ]
    sockets = mapping["AcceleratorSocketAddresses"]
    assert [socket["IpAddress"] for socket in sockets] == stage.addresses
    number: int = sockets[0]["Port"]
    return number


def test_flows_reach_exactly_the_address_and_port_that_their_port_stands_for() -> None:
    async def scenario(stage: Stage) -> None:
        _, group, subnets = await build(stage)
        name, network = subnets[0]["SubnetId"], IPv4Network(subnets[0]["CidrBlock"])
        await add(stage, group, name)
        hosts = [str(network[number]) for number in (4, 77, 4094)]
        zone = f"{E}/{subnets[0]['AvailabilityZoneId']}"
        machines = [await Machine(stage, E, f"{host}:5005", host, zone).start() for host in hosts]
        ports = [await port_of(stage, name, host, 5005) for host in hosts]
        all_of_them = {"EndpointGroupArn": group, "EndpointId": name}
        await stage.call("AllowCustomRoutingTraffic", AllowAllTrafficToEndpoint=True, **all_of_them)
        await stage.wait(PROPAGATION_S + 5)
        client = addresses.client_ip("city/sao-paulo", 0)
        for host, port, machine in zip(hosts, ports, machines, strict=True):
            sender = await Sender(stage, "sao-paulo").start()
            assert await sender.ask(b"udp", port, stage.addresses[1]) == f"{host} udp"
            stream, person = await stage.connect("sao-paulo", port)
            stream.write(b"tcp")
            await stage.wait(2)
            assert person.data == f"{host} tcp".encode()
            assert machine.came == [client, client]  # always preserved

    play(scenario)


def test_all_traffic_is_denied_until_it_is_allowed_and_denied_again() -> None:
    async def scenario(stage: Stage) -> None:
        _, group, subnets = await build(stage)
        name, network = subnets[1]["SubnetId"], IPv4Network(subnets[1]["CidrBlock"])
        await add(stage, group, name)
        host = str(network[9])
        zone = f"{E}/{subnets[1]['AvailabilityZoneId']}"
        await Machine(stage, E, f"{host}:80", place=zone).start()
        port = await port_of(stage, name, host, 80)

        async def is_open() -> bool:
            await stage.wait(PROPAGATION_S + 5)
            return not await stage.is_refused("frankfurt", port)

        assert not await is_open()
        some = {"EndpointGroupArn": group, "EndpointId": name, "DestinationAddresses": [host]}
        await stage.call("AllowCustomRoutingTraffic", DestinationPorts=[5004], **some)
        assert not await is_open()
        await stage.call("AllowCustomRoutingTraffic", DestinationPorts=[80], **some)
        assert await is_open()
        shown = await stage.call(
            "DescribeCustomRoutingAccelerator", AcceleratorArn=stage.accelerator
        )
        assert shown["Accelerator"]["Status"] == "DEPLOYED"
        await stage.call(
            "DenyCustomRoutingTraffic",
            EndpointGroupArn=group,
            EndpointId=name,
            DenyAllTrafficToEndpoint=True,
        )
        assert not await is_open()
        udp_only = await stage.call(
            "ListCustomRoutingPortMappings", AcceleratorArn=stage.accelerator
        )
        assert {one["DestinationTrafficState"] for one in udp_only["PortMappings"]} == {"DENY"}

    play(scenario)


def test_mappings_come_in_pages_and_do_not_change_while_others_come_and_go() -> None:
    async def scenario(stage: Stage) -> None:
        _, group, subnets = await build(stage)
        names = [subnet["SubnetId"] for subnet in subnets]
        host = str(IPv4Network(subnets[0]["CidrBlock"])[300])

        async def pages(**more: Any) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            token: dict[str, Any] = {}
            while True:
                page = await stage.call(
                    "ListCustomRoutingPortMappings",
                    AcceleratorArn=stage.accelerator,
                    MaxResults=5000,
                    **token,
                    **more,
                )
                found += page["PortMappings"]
                if "NextToken" not in page:
                    return found
                token = {"NextToken": page["NextToken"]}

        await add(stage, group, names[0])
        first = await pages()
        assert len(first) == 4091 * 3
        assert len({one["AcceleratorPort"] for one in first}) == len(first)
        before = await port_of(stage, names[0], host, 5004)
        by = {"EndpointId": names[0], "DestinationAddress": host, "MaxResults": 2}
        operation = "ListCustomRoutingPortMappingsByDestination"
        page = await stage.call(operation, **by)
        rest = await stage.call(operation, **by, NextToken=page.pop("NextToken"))
        one = [mapping for part in (page, rest) for mapping in part["DestinationPortMappings"]]
        assert [mapping["DestinationSocketAddress"]["Port"] for mapping in one] == [80, 5004, 5005]
        assert {*rest} == {"DestinationPortMappings"}
        # A second subnet needs 12,273 more ports, and the listener has 20,001.
        with pytest.raises(ServiceError) as caught:
            await add(stage, group, names[1])
        assert caught.value.code == "LimitExceededException"
        assert await pages(EndpointGroupArn=group) == first
        assert await port_of(stage, names[0], host, 5004) == before
        await stage.call(
            "RemoveCustomRoutingEndpoints", EndpointGroupArn=group, EndpointIds=[names[0]]
        )
        assert await pages() == []
        await add(stage, group, names[1])
        assert len(await pages()) == len(first)

    play(scenario)


@pytest.mark.parametrize(
    ("operation", "more", "code"),
    [
        (
            "AddCustomRoutingEndpoints",
            {"EndpointConfigurations": [{"EndpointId": "subnet-1"}]},
            "InvalidArgumentException",
        ),
        (
            "AddCustomRoutingEndpoints",
            {"EndpointConfigurations": [{"EndpointId": "i-1"}]},
            "InvalidArgumentException",
        ),
        (
            "AddCustomRoutingEndpoints",
            {"EndpointConfigurations": [{"EndpointId": "SUBNET"}]},
            "EndpointAlreadyExistsException",
        ),
        (
            "RemoveCustomRoutingEndpoints",
            {"EndpointIds": ["subnet-1"]},
            "EndpointNotFoundException",
        ),
        ("AllowCustomRoutingTraffic", {"EndpointId": "SUBNET"}, "InvalidArgumentException"),
        (
            "AllowCustomRoutingTraffic",
            {"EndpointId": "subnet-1", "AllowAllTrafficToEndpoint": True},
            "InvalidArgumentException",
        ),
        (
            "AllowCustomRoutingTraffic",
            {
                "EndpointId": "SUBNET",
                "AllowAllTrafficToEndpoint": True,
                "DestinationPorts": [80],
            },
            "InvalidArgumentException",
        ),
        (
            "DenyCustomRoutingTraffic",
            {"EndpointId": "SUBNET", "DestinationAddresses": ["172.31.0.1"]},
            "InvalidArgumentException",
        ),
        (
            "DenyCustomRoutingTraffic",
            {"EndpointId": "SUBNET", "DestinationAddresses": ["nowhere"]},
            "InvalidArgumentException",
        ),
        (
            "DenyCustomRoutingTraffic",
            {
                "EndpointId": "SUBNET",
                "DestinationAddresses": ["172.31.0.9"],
                "DestinationPorts": [81],
            },
            "InvalidArgumentException",
        ),
    ],
)
def test_a_bad_edit_is_refused_and_changes_nothing(
    operation: str, more: dict[str, Any], code: str
) -> None:
    async def scenario(stage: Stage) -> None:
        _, group, subnets = await build(stage)
        name = subnets[0]["SubnetId"]
        await add(stage, group, name)
        given = _with(name, more)
        head = stage.simulated.region(W).changes.head
        assert await refused(stage, operation, EndpointGroupArn=group, **given) == code
        assert stage.simulated.region(W).changes.head == head

    play(scenario)


def _with(subnet: str, part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _with(subnet, value) for key, value in part.items()}
    if isinstance(part, list):
        return [_with(subnet, value) for value in part]
    return subnet if part == "SUBNET" else part


def test_listeners_are_wide_grow_and_never_shrink_and_kinds_do_not_mix() -> None:
    async def scenario(stage: Stage) -> None:
        listener, group, subnets = await build(stage)

        def ports(low: int, high: int) -> dict[str, Any]:
            return {"PortRanges": [{"FromPort": low, "ToPort": high}]}

        one = {"ListenerArn": listener}
        for low, high in ((LOW + 1, HIGH), (LOW, LOW + 99), (0, HIGH)):
            code = await refused(stage, "UpdateCustomRoutingListener", **one, **ports(low, high))
            assert code in {"InvalidPortRangeException", "ValidationException"}
        await stage.call("UpdateCustomRoutingListener", **one, **ports(LOW - 5, HIGH + 5))
        new = {"AcceleratorArn": stage.accelerator, "IdempotencyToken": "m"}
        code = await refused(stage, "CreateCustomRoutingListener", **new, **ports(1, 15))
        assert code == "InvalidPortRangeException"
        code = await refused(stage, "CreateCustomRoutingListener", **new, **ports(LOW, LOW + 20))
        assert code == "InvalidPortRangeException"
        for operation, request, code in (
            ("DescribeAccelerator", {"AcceleratorArn": stage.accelerator}, "Accelerator"),
            ("DescribeListener", one, "Listener"),
            ("DescribeEndpointGroup", {"EndpointGroupArn": group}, "EndpointGroup"),
        ):
            assert await refused(stage, operation, **request) == f"{code}NotFoundException"
        assert (await stage.call("ListAccelerators"))["Accelerators"] == []
        code = await refused(
            stage,
            "UpdateCustomRoutingAccelerator",
            AcceleratorArn=stage.accelerator,
            IpAddressType="DUAL_STACK",
        )
        assert code == "InvalidArgumentException"
        await add(stage, group, subnets[0]["SubnetId"])
        await delete(stage, listener, group)

    play(scenario)


async def delete(stage: Stage, listener: str, group: str) -> None:
    whole = {"AcceleratorArn": stage.accelerator}
    code = await refused(stage, "DeleteCustomRoutingAccelerator", **whole)
    assert code == "AcceleratorNotDisabledException"
    await stage.call("UpdateCustomRoutingAccelerator", Enabled=False, **whole)
    code = await refused(stage, "DeleteCustomRoutingAccelerator", **whole)
    assert code == "AssociatedListenerFoundException"
    code = await refused(stage, "DeleteCustomRoutingListener", ListenerArn=listener)
    assert code == "AssociatedEndpointGroupFoundException"
    await stage.call("DeleteCustomRoutingEndpointGroup", EndpointGroupArn=group)
    await stage.call("DeleteCustomRoutingListener", ListenerArn=listener)
    await stage.call("DeleteCustomRoutingAccelerator", **whole)
    code = await refused(stage, "ListCustomRoutingPortMappings", **whole)
    assert code == "AcceleratorNotFoundException"
    await stage.wait(TURNED_S)


def test_two_edits_of_subnets_at_once_conflict() -> None:
    async def scenario(stage: Stage) -> None:
        _, group, subnets = await build(stage)
        names = [subnet["SubnetId"] for subnet in subnets]
        runtime = stage.simulated.outside
        first = runtime.spawn(add(stage, group, names[0]), "the first")
        await stage.wait(0.01)
        code = await refused(
            stage,
            "AddCustomRoutingEndpoints",
            EndpointGroupArn=group,
            EndpointConfigurations=[{"EndpointId": names[1]}],
        )
        assert code == "ConflictException"
        await first
        shown = await stage.call("DescribeCustomRoutingEndpointGroup", EndpointGroupArn=group)
        found = [one["EndpointId"] for one in shown["EndpointGroup"]["EndpointDescriptions"]]
        assert found == [names[0]]

    play(scenario)

"""Dual-stack accelerators, port overrides, and edits that meet."""

from typing import Any

from antipodes.world.faults import ControlPlane
from tests.edge.globalaccelerator.clients import Machine
from tests.edge.globalaccelerator.requests import create, grouped, listen, refused
from tests.edge.globalaccelerator.worlds import PROPAGATION_S, TURNED_S, E, Stage, W, fault, play


def test_a_dual_stack_accelerator_is_reached_at_all_four_addresses_until_it_is_not() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        arn = {"AcceleratorArn": stage.accelerator}
        made = (await stage.call("UpdateAccelerator", IpAddressType="DUAL_STACK", **arn))[
            "Accelerator"
        ]
        assert [found["IpAddressFamily"] for found in made["IpSets"]] == ["IPv4", "IPv6"]
        name, dual = made["DnsName"], made["DualStackDnsName"]
        assert dual == name.replace(".", ".dualstack.", 1)
        assert len(made["Events"]) == 1
        await stage.wait(PROPAGATION_S + 5)
        first, second = made["IpSets"][1]["IpAddresses"]
        assert first.startswith("2001:2:0:a::")
        assert second.startswith("2001:2:0:b::")
        for address in (*stage.addresses, first, second):
            assert await stage.ask("frankfurt", address=address) == E
        edge = stage.world.anycast_edge("city/frankfurt")
        assert stage.plane.addresses_of(edge, name) == tuple(stage.addresses)
        assert stage.plane.addresses_of(edge, dual) == (*stage.addresses, first, second)
        made = (await stage.call("UpdateAccelerator", IpAddressType="IPV4", **arn))["Accelerator"]
        assert "DualStackDnsName" not in made
        assert len(made["Events"]) == 2
        await stage.wait(PROPAGATION_S + 5)
        assert await stage.ask("frankfurt", address=first) == "reset"
        assert stage.plane.addresses_of(edge, dual) == tuple(stage.addresses)

    play(scenario)


def test_an_overridden_port_leads_to_another_one_at_the_endpoints() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.accelerate(regions=())
        listener = await stage.listen("TCP", 1000, 1001)
        name, address = await stage.elastic(E)
        for port in (1000, 1001, 2000):
            await Machine(stage, E, f"{address}:{port}", str(port)).start()
        overrides = [{"ListenerPort": 1000, "EndpointPort": 2000}]
        await stage.call(
            "CreateEndpointGroup",
            ListenerArn=listener,
            EndpointGroupRegion=E,
            EndpointConfigurations=[{"EndpointId": name}],
            PortOverrides=overrides,
            IdempotencyToken="g",
        )
        await stage.wait(TURNED_S)
        for port, reached in ((1000, b"2000 x"), (1001, b"1001 x")):
            stream, person = await stage.connect("frankfurt", port)
            stream.write(b"x")
            await stage.wait(2)
            assert person.data == reached

    play(scenario)


def test_overrides_and_listeners_do_not_get_into_each_others_way() -> None:
    async def scenario(stage: Stage) -> None:
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80, 81))["Listener"]["ListenerArn"]

        def over(*pairs: tuple[int, int]) -> dict[str, Any]:
            return {"PortOverrides": [{"ListenerPort": a, "EndpointPort": b} for a, b in pairs]}

        group = await grouped(stage, listener, **over((80, 8080), (81, 8081)))
        assert group["PortOverrides"] == over((80, 8080), (81, 8081))["PortOverrides"]
        one = {"EndpointGroupArn": group["EndpointGroupArn"]}
        for pairs in (((82, 8080),), ((80, 81),), ((80, 8080), (81, 8080)), ((80, 1), (80, 2))):
            code = await refused(stage, "UpdateEndpointGroup", **one, **over(*pairs))
            assert code == "InvalidArgumentException", pairs
        ports = [{"FromPort": 8000, "ToPort": 9000}]
        code = await refused(
            stage,
            "CreateListener",
            AcceleratorArn=arn,
            Protocol="TCP",
            PortRanges=ports,
            IdempotencyToken="m",
        )
        assert code == "InvalidPortRangeException"
        await listen(stage, arn, 9443, name="another")
        code = await refused(stage, "UpdateEndpointGroup", **one, **over((80, 9443)))
        assert code == "InvalidArgumentException"
        fewer = [{"FromPort": 80, "ToPort": 80}]
        code = await refused(stage, "UpdateListener", ListenerArn=listener, PortRanges=fewer)
        assert code == "InvalidArgumentException"
        other = await grouped(stage, listener, E, **over((80, 9080)))
        two = {"EndpointGroupArn": other["EndpointGroupArn"]}
        code = await refused(stage, "UpdateEndpointGroup", **two, **over((81, 8080)))
        assert code == "InvalidArgumentException"
        # The guide forbids the same endpoint port "from a different listener port" only.
        await stage.call("UpdateEndpointGroup", **two, **over((80, 8080), (81, 8081)))
        await stage.call("UpdateEndpointGroup", PortOverrides=[], **one)

    play(scenario)


def test_a_change_while_another_is_being_made_is_refused() -> None:
    async def scenario(stage: Stage) -> None:
        balancer = await stage.bare_balancer(E)
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        group = (await grouped(stage, listener, E))["EndpointGroupArn"]
        adding = stage.call(
            "AddEndpoints",
            EndpointGroupArn=group,
            EndpointConfigurations=[{"EndpointId": balancer}],
        )
        first = stage.simulated.outside.spawn(adding, "the first")
        await stage.wait(0.01)
        for operation, request in (
            ("UpdateAccelerator", {"AcceleratorArn": arn, "Enabled": False}),
            ("DeleteEndpointGroup", {"EndpointGroupArn": group}),
            ("UpdateAcceleratorAttributes", {"AcceleratorArn": arn}),
            ("DeleteAccelerator", {"AcceleratorArn": arn}),
        ):
            code = await refused(stage, operation, **request)
            assert code == "TransactionInProgressException", operation
        await stage.call("DescribeAcceleratorAttributes", AcceleratorArn=arn)
        tags = [{"Key": "a", "Value": "1"}]
        await stage.call("TagResource", ResourceArn=arn, Tags=tags)
        await first
        assert await stage.call("ListTagsForResource", ResourceArn=arn) == {"Tags": tags}
        await stage.call("UpdateAccelerator", AcceleratorArn=arn, Enabled=False)

    play(scenario)


def test_endpoints_of_a_region_that_does_not_answer_cannot_be_added_but_can_be_removed() -> None:
    async def scenario(stage: Stage) -> None:
        balancer, other = [await stage.bare_balancer(E, name) for name in ("one", "two")]
        arn = (await create(stage))["AcceleratorArn"]
        listener = (await listen(stage, arn, 80))["Listener"]["ListenerArn"]
        group = await grouped(stage, listener, E, EndpointConfigurations=[{"EndpointId": balancer}])
        one = {"EndpointGroupArn": group["EndpointGroupArn"]}
        new = {"EndpointConfigurations": [{"EndpointId": other}]}
        with fault(stage, ControlPlane("elbv2", E)):
            code = await refused(stage, "AddEndpoints", **one, **new)
            assert code == "InternalServiceErrorException"
        stage.simulated.kill(E)
        assert await refused(stage, "AddEndpoints", **one, **new) == "InternalServiceErrorException"
        known = {"EndpointConfigurations": [{"EndpointId": balancer, "Weight": 9}]}
        await stage.call("UpdateEndpointGroup", **one, **known)
        await stage.call("RemoveEndpoints", EndpointIdentifiers=[{"EndpointId": balancer}], **one)
        await stage.call("UpdateEndpointGroup", TrafficDialPercentage=0.0, **one)

    play(scenario, regions=(W, E))

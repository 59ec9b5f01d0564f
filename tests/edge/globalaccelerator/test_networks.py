"""Network load balancers as endpoints: connections and datagrams, health, clients' addresses."""

from typing import Any

import pytest

from antipodes.world import addresses
from tests.edge.globalaccelerator.clients import Machine, Sender
from tests.edge.globalaccelerator.requests import refused
from tests.edge.globalaccelerator.worlds import TURNED_S, E, Stage, W, play

PORT = 7000


async def build(stage: Stage, region: str, **more: Any) -> tuple[str, Machine]:
    """A network load balancer with one machine behind it."""
    subnets = (await stage.simulated.call(region, "ec2", "DescribeSubnets", {}))["Subnets"]
    first = subnets[0]
    made = await stage.elb(
        region,
        "CreateLoadBalancer",
        Name="net",
        Type="network",
        Subnets=[first["SubnetId"]],
        **more,
    )
    balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
    made = await stage.elb(
        region,
        "CreateTargetGroup",
        Name="machines",
        Protocol="TCP_UDP",
        Port=PORT,
        VpcId=first["VpcId"],
        TargetType="ip",
        HealthCheckIntervalSeconds=10,
    )
    group = made["TargetGroups"][0]["TargetGroupArn"]
    address = first["CidrBlock"].replace(".0/20", ".10")
    zone = f"{region}/{first['AvailabilityZoneId']}"
    machine = await Machine(stage, region, f"{address}:{PORT}", place=zone).start()
    await stage.elb(region, "RegisterTargets", TargetGroupArn=group, Targets=[{"Id": address}])
    await stage.elb(
        region,
        "CreateListener",
        LoadBalancerArn=balancer,
        Protocol="TCP_UDP",
        Port=PORT,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    return balancer, machine


def test_connections_and_datagrams_reach_machines_and_their_health_is_the_balancers() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.accelerate(regions=())
        machines: dict[str, Machine] = {}
        for region in stage.regions:
            stage.balancers[region], machines[region] = await build(stage, region)
        for protocol in ("TCP", "UDP"):
            listener = await stage.listen(protocol, PORT)
            for region in stage.regions:
                made = await stage.call(
                    "CreateEndpointGroup",
                    ListenerArn=listener,
                    EndpointGroupRegion=region,
                    EndpointConfigurations=[{"EndpointId": stage.balancers[region]}],
                    IdempotencyToken=f"{protocol} {region}",
                )
                stage.groups[region] = made["EndpointGroup"]["EndpointGroupArn"]
                [endpoint] = made["EndpointGroup"]["EndpointDescriptions"]
                assert endpoint["ClientIPPreservationEnabled"] is False
        await stage.wait(2 * TURNED_S)

        async def served() -> list[str]:
            stream, person = await stage.connect("frankfurt", PORT)
            stream.write(b"tcp")
            sender = await Sender(stage, "frankfurt").start()
            answer = await sender.ask(b"udp", PORT)
            return [person.data.decode(), answer]

        assert await served() == [f"{E} tcp", f"{E} udp"]
        machines[E].stop()
        await stage.wait(2 * TURNED_S)
        assert await stage.state(E) == "UNHEALTHY"
        assert await served() == [f"{W} tcp", f"{W} udp"]

    play(scenario)


def test_clients_are_preserved_only_by_balancers_with_security_groups() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.accelerate(regions=())
        listener = await stage.listen("TCP", PORT)
        without, _ = await build(stage, W)
        found = await stage.simulated.call(E, "ec2", "DescribeSecurityGroups", {})
        groups = [group["GroupId"] for group in found["SecurityGroups"]]
        balancer, machine = await build(stage, E, SecurityGroups=groups)

        def group(region: str, arn: str) -> dict[str, Any]:
            part = {"EndpointId": arn, "ClientIPPreservationEnabled": True}
            return {
                "ListenerArn": listener,
                "EndpointGroupRegion": region,
                "EndpointConfigurations": [part],
                "IdempotencyToken": region,
            }

        code = await refused(stage, "CreateEndpointGroup", **group(W, without))
        assert code == "InvalidArgumentException"
        await stage.call("CreateEndpointGroup", **group(E, balancer))
        await stage.wait(2 * TURNED_S)
        machine.came.clear()
        stream, person = await stage.connect("sao-paulo", PORT)
        stream.write(b"x")
        await stage.wait(2)
        assert person.data == f"{E} x".encode()
        assert addresses.client_ip("city/sao-paulo", 0) in machine.came

    play(scenario)


@pytest.mark.parametrize("is_preserved", [True, False])
def test_an_application_balancer_tells_its_targets_the_clients_address(
    *, is_preserved: bool
) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.accelerate(regions=())
        balancer = await stage.bare_balancer(E)
        subnet = (await stage.simulated.call(E, "ec2", "DescribeSubnets", {}))["Subnets"][0]
        made = await stage.elb(
            E,
            "CreateTargetGroup",
            Name="web",
            Protocol="HTTP",
            Port=PORT,
            VpcId=subnet["VpcId"],
            TargetType="ip",
        )
        group = made["TargetGroups"][0]["TargetGroupArn"]
        address = subnet["CidrBlock"].replace(".0/20", ".10")
        zone = f"{E}/{subnet['AvailabilityZoneId']}"
        web = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        machine = await Machine(stage, E, f"{address}:{PORT}", web, zone).start(udp=False)
        await stage.elb(E, "RegisterTargets", TargetGroupArn=group, Targets=[{"Id": address}])
        await stage.elb(
            E,
            "CreateListener",
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        part = {"EndpointId": balancer, "ClientIPPreservationEnabled": is_preserved}
        await stage.call(
            "CreateEndpointGroup",
            ListenerArn=stage.listener,
            EndpointGroupRegion=E,
            EndpointConfigurations=[part],
            IdempotencyToken="g",
        )
        await stage.wait(2 * TURNED_S)
        machine.heard = b""
        stream, _ = await stage.connect("sao-paulo")
        stream.write(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n")
        await stage.wait(2)
        client = addresses.client_ip("city/sao-paulo", 0).encode()
        assert b"GET /hello" in machine.heard
        assert (b"X-Forwarded-For: " + client in machine.heard) == is_preserved

    play(scenario)

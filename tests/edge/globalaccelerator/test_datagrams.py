"""Listeners of UDP: flows of datagrams, pinned while they move; and addresses that are probed."""

from typing import Any

from antipodes.world import addresses
from tests.edge.globalaccelerator.clients import Machine, Sender
from tests.edge.globalaccelerator.requests import refused
from tests.edge.globalaccelerator.worlds import TURNED_S, E, Stage, W, play

PORT = 5004
LONG_S = 3 * 30 + TURNED_S  # until three probes have failed, and everybody has heard


async def build(
    stage: Stage, protocol: str = "UDP", *, tcp: bool = True, **group: Any
) -> dict[str, Machine]:
    """An accelerator with an Elastic IP address in each region, and machines that answer there."""
    await stage.accelerate(regions=())
    listener = await stage.listen(protocol, PORT)
    machines = {}
    for region in stage.regions:
        name, address = await stage.elastic(region)
        machines[region] = await Machine(stage, region, f"{address}:{PORT}").start(tcp=tcp)
        made = await stage.call(
            "CreateEndpointGroup",
            ListenerArn=listener,
            EndpointGroupRegion=region,
            EndpointConfigurations=[{"EndpointId": name}],
            IdempotencyToken=region,
            **group,
        )
        stage.groups[region] = made["EndpointGroup"]["EndpointGroupArn"]
    await stage.wait(LONG_S)
    return machines


def test_datagrams_go_to_the_nearest_region_and_their_answers_come_back() -> None:
    async def scenario(stage: Stage) -> None:
        machines = await build(stage)
        for city, region in (("sao-paulo", W), ("frankfurt", E)):
            for address in stage.addresses:
                sender = await Sender(stage, city).start()
                assert await sender.ask(b"hello", PORT, address) == f"{region} hello"
        assert stage.plane.flows == 4
        # An elastic address sees the edge, not the client.
        client = addresses.client_ip("city/frankfurt", 0)
        assert client not in machines[E].came

    play(scenario)


def test_a_flow_of_datagrams_is_pinned_while_it_moves_and_forgotten_after_30_seconds() -> None:
    async def scenario(stage: Stage) -> None:
        await build(stage)
        sender = await Sender(stage, "frankfurt").start()
        assert await sender.ask(b"1", PORT) == f"{E} 1"
        empty = {"EndpointGroupArn": stage.groups[E], "EndpointConfigurations": []}
        await stage.call("UpdateEndpointGroup", **empty)
        for number in range(int(TURNED_S / 25) + 1):
            await stage.wait(23)
            assert await sender.ask(b"%d" % number, PORT) == f"{E} {number}"
        await stage.wait(29)
        assert stage.plane.flows == 0
        assert await sender.ask(b"after", PORT) == f"{W} after"

    play(scenario)


def test_surprise_8_udp_listeners_are_health_checked_over_tcp() -> None:
    """Nobody takes connections on the listener's port: unhealthy, so what is left is fail-open."""

    async def scenario(stage: Stage) -> None:
        machines = await build(stage)
        assert [await stage.state(region) for region in (W, E)] == ["HEALTHY"] * 2
        machines[E].stop()
        await stage.wait(LONG_S)
        assert [await stage.state(region) for region in (W, E)] == ["HEALTHY", "UNHEALTHY"]
        sender = await Sender(stage, "frankfurt").start()
        assert await sender.ask(b"hello", PORT) == f"{W} hello"

    play(scenario)


def test_a_port_of_udp_takes_no_connections_and_one_of_tcp_no_datagrams() -> None:
    async def scenario(stage: Stage) -> None:
        await build(stage)
        both = await stage.listen("TCP", PORT)  # unique for each protocol only
        assert await stage.is_refused("frankfurt", PORT)
        sender = await Sender(stage, "frankfurt").start()
        assert await sender.ask(b"hello", 80) == ""
        await stage.call("DeleteListener", ListenerArn=both)

    play(scenario)


def test_a_disabled_accelerator_takes_no_datagrams() -> None:
    async def scenario(stage: Stage) -> None:
        await build(stage)
        await stage.call("UpdateAccelerator", AcceleratorArn=stage.accelerator, Enabled=False)
        await stage.wait(TURNED_S)
        sender = await Sender(stage, "frankfurt").start()
        assert await sender.ask(b"hello", PORT) == ""
        assert stage.plane.flows == 0

    play(scenario)


def test_probes_keep_to_their_groups_settings() -> None:
    """Every 10 seconds, over HTTP on another port, and five outcomes in a row change a mind."""

    async def scenario(stage: Stage) -> None:
        settings: dict[str, Any] = {
            "HealthCheckPort": 81,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPath": "/well",
            "HealthCheckIntervalSeconds": 10,
            "ThresholdCount": 5,
        }
        machines = await build(stage, "TCP", **settings)
        assert [await stage.state(region) for region in (W, E)] == ["UNHEALTHY"] * 2
        door = machines[E].address.port.replace(f":{PORT}", ":81")
        moved = "HTTP/1.1 399 Moved\r\nContent-Length: 0\r\n\r\n"  # the last that is well
        well = await Machine(stage, E, door, moved).start()
        await stage.wait(4 * 10 - 5)
        assert await stage.state(E) == "UNHEALTHY"
        await stage.wait(10 + 10 + 5)
        assert await stage.state(E) == "HEALTHY"
        well.name = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        await stage.wait(6 * 10 + 5)
        assert await stage.state(E) == "UNHEALTHY"

    play(scenario)


def test_probes_are_made_every_30_seconds_and_the_first_outcome_counts_at_once() -> None:
    """By default; three outcomes in a row change a mind."""

    async def scenario(stage: Stage) -> None:
        machines = await build(stage, "TCP")
        assert await stage.state(E) == "HEALTHY"
        machines[E].stop()
        await stage.wait(30 + 30 - 5)
        assert await stage.state(E) == "HEALTHY"
        await stage.wait(30 + 20)
        assert await stage.state(E) == "UNHEALTHY"
        shown = await stage.call("DescribeEndpointGroup", EndpointGroupArn=stage.groups[E])
        one = {"EndpointId": shown["EndpointGroup"]["EndpointDescriptions"][0]["EndpointId"]}
        group = {"EndpointGroupArn": stage.groups[E]}
        await stage.call("RemoveEndpoints", EndpointIdentifiers=[one], **group)
        await machines[E].start(udp=False)
        await stage.call("AddEndpoints", EndpointConfigurations=[one], **group)
        assert await stage.state(E) == "INITIAL"
        await stage.wait(15)
        assert await stage.state(E) == "HEALTHY"

    play(scenario)


def test_a_probe_that_cannot_be_made_and_a_client_that_cannot_be_preserved_are_refused() -> None:
    async def scenario(stage: Stage) -> None:
        await build(stage)
        group = {"EndpointGroupArn": stage.groups[E]}
        name, _ = await stage.elastic(E)
        for code, operation, more in (
            ("NotImplemented", "UpdateEndpointGroup", {"HealthCheckProtocol": "HTTPS"}),
            (
                "InvalidArgumentException",
                "AddEndpoints",
                {
                    "EndpointConfigurations": [
                        {"EndpointId": name, "ClientIPPreservationEnabled": True}
                    ]
                },
            ),
            (
                "InvalidArgumentException",  # nobody has that
                "AddEndpoints",
                {"EndpointConfigurations": [{"EndpointId": "eipalloc-0123456789abcdef0"}]},
            ),
        ):
            assert await refused(stage, operation, **group, **more) == code

    play(scenario)

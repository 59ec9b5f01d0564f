"""Names and doors at the edge: who is found there, and when no longer."""

from ipaddress import IPv4Address

import pytest

from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, REFUSED, Answer
from antipodes.fabric.dns.names import to_wire
from antipodes.runtime.contract import Address, Gone
from antipodes.service.dnsclient import DnsClient
from tests.edge.globalaccelerator.worlds import PROPAGATION_S, TURNED_S, Stage, W, play

A, TTL_S = 1, 60


async def ask(stage: Stage, name: str, city: str = "frankfurt") -> Answer:
    """What the edge nearest to a city answers to a name."""
    runtime = stage.simulated.outside.at(f"city/{city}")
    door = Address(stage.world.anycast_edge(f"city/{city}"), "53")
    return await DnsClient(runtime).ask(door, to_wire(name or "."), A)


async def delete(stage: Stage) -> None:
    """Delete the accelerator, in the steps that takes."""
    for group in stage.groups.values():
        await stage.call("DeleteEndpointGroup", EndpointGroupArn=group)
    await stage.call("DeleteListener", ListenerArn=stage.listener)
    whole = {"AcceleratorArn": stage.accelerator}
    await stage.call("UpdateAccelerator", Enabled=False, **whole)
    await stage.call("DeleteAccelerator", **whole)


def test_a_name_has_both_addresses_in_any_order_at_every_location() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.accelerate(regions=())
        await stage.wait(PROPAGATION_S + 5)
        seen: dict[tuple[str, ...], None] = {}
        for city in ("frankfurt", "sao-paulo", "tokyo") * 4:
            answer = await ask(stage, stage.name, city)
            assert {record.ttl for record in answer.answers} == {TTL_S}
            found = tuple(str(IPv4Address(record.rdata)) for record in answer.answers)
            assert sorted(found) == sorted(stage.addresses)
            seen[found] = None
        assert len(seen) == 2

    play(scenario)


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        ("", REFUSED),
        ("a0123456789abcdef.awsglobalaccelerator.com", NXDOMAIN),
        ("example.com", REFUSED),
    ],
)
def test_a_name_that_nobody_has_is_not_found(name: str, rcode: int) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.accelerate(regions=())
        await stage.wait(PROPAGATION_S + 5)
        assert (await ask(stage, name)).rcode == rcode

    play(scenario)


def test_a_disabled_accelerator_keeps_its_name_and_a_deleted_one_loses_it_and_its_doors() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.balancer(W)
        await stage.accelerate()
        await stage.wait(TURNED_S)
        assert await stage.ask("sao-paulo") == W
        whole = {"AcceleratorArn": stage.accelerator}
        await stage.call("UpdateAccelerator", Enabled=False, **whole)
        await stage.wait(PROPAGATION_S + 5)
        assert (await ask(stage, stage.name)).rcode == NOERROR
        await stage.connect("sao-paulo")  # is taken, to be reset
        await delete(stage)
        await stage.wait(2)
        assert (await ask(stage, stage.name)).rcode == NOERROR  # not heard yet
        await stage.wait(PROPAGATION_S + 5)
        assert (await ask(stage, stage.name)).rcode == NXDOMAIN
        with pytest.raises(Gone):
            await stage.connect("sao-paulo")

    play(scenario, regions=(W,))


def test_doors_of_addresses_that_an_accelerator_has_no_longer_are_closed() -> None:
    async def scenario(stage: Stage) -> None:
        async def turn(address_type: str) -> list[str]:
            whole = {"AcceleratorArn": stage.accelerator}
            changed = await stage.call("UpdateAccelerator", IpAddressType=address_type, **whole)
            await stage.wait(PROPAGATION_S + 5)
            sets = changed["Accelerator"]["IpSets"]
            return [address for one in sets for address in one["IpAddresses"]]

        await stage.accelerate(regions=())
        both = await turn("DUAL_STACK")
        for address in both:
            await stage.connect("frankfurt", address=address)
        assert await turn("IPV4") == both[:2]
        for address in both[2:]:
            with pytest.raises(Gone):
                await stage.connect("frankfurt", address=address)
        assert await turn("DUAL_STACK") == both
        for address in both:
            await stage.connect("frankfurt", address=address)

    play(scenario)


def test_a_deleted_accelerator_stays_deleted_when_the_edge_starts_again() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.accelerate(regions=())
        await stage.wait(PROPAGATION_S + 5)
        await delete(stage)
        await stage.wait(2)
        stage.simulated.kill("edge")
        await stage.simulated.restart("edge")
        assert (await ask(stage, stage.name)).rcode == NXDOMAIN
        with pytest.raises(Gone):
            await stage.connect("frankfurt")

    play(scenario)

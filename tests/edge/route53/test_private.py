"""Private zones, as a region's networks see them."""

from typing import Any

import msgspec

from antipodes.edge.route53.model import HostedZone, RecordSet, Vpc
from antipodes.edge.route53.private import PrivateZones
from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, REFUSED
from antipodes.fabric.dns.names import to_text, to_wire
from antipodes.fabric.dns.rdata import RTYPES, rdata_text
from tests.edge.route53.asked import APEX, a
from tests.edge.route53.test_health import TURNED_S, check
from tests.edge.route53.worlds import HOME, TOLD_S, E, Stage, W, play

VPC = "vpc-1"


async def hold(stage: Stage, zone_id: str, name: str, *records: RecordSet, vpc: str = VPC) -> None:
    """A private zone of a network in us-west-2."""
    zone = HostedZone(zone_id, "1", name, ("ns",), private=True, vpcs=(Vpc(W, vpc),))
    await stage.say("route53/zone", [zone_id, msgspec.to_builtins(zone)])
    await stage.put(msgspec.structs.replace(APEX[0], name=name), *records, zone_id=zone_id)


def values(zones: PrivateZones, name: str, rtype: str = "A", vpc: str = VPC) -> list[str]:
    answer = zones.answer(to_wire(name), RTYPES[rtype], vpc)
    return [rdata_text(rtype, record.rdata) for record in answer.answers]


async def opened(stage: Stage, place: str = W) -> PrivateZones:
    """What a region knows once somebody has asked there."""
    host = stage.simulated.region(place)
    zones = PrivateZones(host)
    await host.runtime.spawn(zones.ready(), "first question")
    return zones


def test_surprise_23_a_private_zone_is_a_dead_end() -> None:
    async def scenario(stage: Stage) -> None:
        txt = RecordSet("only.example.com.", "TXT", ttl=1, values=('"t"',))
        await stage.hold(a("only", "192.0.2.1"), a("public", "192.0.2.2"))
        await hold(stage, "Z1", "example.com.", txt)
        await hold(
            stage, "Z2", "com.", RecordSet("public.example.com.", "A", ttl=1, values=("192.0.2.3",))
        )
        await stage.wait(TOLD_S)
        zones = await opened(stage)
        assert zones.answer(to_wire("only.example.com"), RTYPES["A"], VPC).rcode == NOERROR
        assert values(zones, "only.example.com") == []
        assert zones.answer(to_wire("public.example.com"), RTYPES["A"], VPC).rcode == NXDOMAIN
        found = zones.zone_of(to_wire("www.sub.example.com"), VPC)
        assert found is not None
        assert to_text(found) == "example.com."
        assert await stage.values("tokyo", "only.example.com") == ["192.0.2.1"]

    play(scenario)


def test_only_its_networks_see_a_zone_and_its_region_is_where_they_are() -> None:
    async def scenario(stage: Stage) -> None:
        near = a("app", "10.0.0.1", set_identifier="w", region=W)
        far = a("app", "10.0.0.2", set_identifier="e", region=E)
        await hold(stage, "Z1", "example.com.", near, far)
        await stage.wait(5)
        zones = await opened(stage)
        assert values(zones, "app.example.com") == ["10.0.0.1"]
        assert zones.zone_of(to_wire("app.example.com"), "vpc-2") is None
        other = await opened(stage, E)
        assert other.zone_of(to_wire("app.example.com"), VPC) is None
        assert (await stage.ask("tokyo", "app.example.com")).rcode == REFUSED

    play(scenario)


def test_a_region_goes_on_alone_by_what_it_heard_and_by_the_health_it_heard_of() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.check(check("w", ip="198.19.3.99"))
        pair: list[Any] = [
            a("app", "10.0.0.1", set_identifier="1", failover="PRIMARY", health_check="w"),
            a("app", "10.0.0.2", set_identifier="2", failover="SECONDARY"),
        ]
        await hold(stage, "Z1", "example.com.", *pair)
        await stage.wait(5)
        zones = await opened(stage)
        assert values(zones, "app.example.com") == ["10.0.0.1"]
        await stage.wait(TURNED_S)
        assert values(zones, "app.example.com") == ["10.0.0.2"]
        await stage.put(a("new", "10.0.0.3"), zone_id="Z1")
        assert values(zones, "new.example.com") == []
        await stage.wait(TOLD_S)
        assert values(zones, "new.example.com") == ["10.0.0.3"]
        stage.simulated.kill(HOME)
        stage.simulated.kill("edge")
        stage.simulated.kill(W)
        await stage.simulated.restart(W)
        again = await opened(stage)
        assert values(again, "app.example.com") == ["10.0.0.2"]
        assert values(again, "new.example.com") == ["10.0.0.3"]

    play(scenario)

"""A simulated world in which somebody tells Route 53's log of zones, and people ask in cities."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from antipodes.edge.route53.model import (
    HEALTH_CHECK_KIND,
    RECORDS_KIND,
    ZONE_KIND,
    HealthCheck,
    HostedZone,
    RecordSet,
)
from antipodes.edge.route53.plane import DnsPlane
from antipodes.fabric.dns.message import Answer
from antipodes.fabric.dns.names import to_wire
from antipodes.fabric.dns.rdata import RTYPES, rdata_text
from antipodes.hosting.edge import EdgeHost
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.runtime.contract import Address
from antipodes.service.contract import Settings
from antipodes.service.dnsclient import DnsClient
from antipodes.world import addresses
from tests.edge.route53.asked import APEX

HOME, W, E = "us-east-1", "us-west-2", "eu-central-1"
PROPAGATION_S = 60.0
TOLD_S = PROPAGATION_S + 5


class Stage:
    """A world with a zone in it."""

    def __init__(self, regions: tuple[str, ...] = (W, E), seed: int = 3) -> None:
        settings = Settings(seed=seed, propagation_s=PROPAGATION_S)
        self.simulated = SimulatedWorld(regions, seed=seed, settings=settings)
        self.world = self.simulated.world

    def run(self, scenario: Callable[["Stage"], Coroutine[Any, Any, None]]) -> None:
        """Start the world and play a scenario in it."""

        async def main() -> None:
            await self.simulated.start()
            await self.simulated.outside.spawn(scenario(self), "scenario")

        try:
            self.simulated.run(main())
        finally:
            self.simulated.close()

    async def wait(self, seconds: float) -> None:
        await self.simulated.outside.sleep(seconds)

    @property
    def plane(self) -> DnsPlane:
        host = self.simulated.hosts["edge"]
        assert isinstance(host, EdgeHost)
        return host.names

    async def say(self, kind: str, payload: Any, place: str = HOME) -> None:
        """Say something in a region's log."""
        host = self.simulated.region(place)
        host.changes.append(kind, payload)
        await host.store.committed()

    async def hold(self, *records: RecordSet, zone_id: str = "Z0") -> None:
        """Hold the zone example.com with these records."""
        zone = HostedZone(zone_id, "1", "example.com.", ("ns-1.awsdns-1.com",))
        await self.say(ZONE_KIND, [zone_id, msgspec.to_builtins(zone)])
        await self.put(*APEX, *records, zone_id=zone_id)

    async def put(self, *records: RecordSet, zone_id: str = "Z0") -> None:
        """Put records."""
        await self.change(records, (), zone_id=zone_id)

    async def change(
        self,
        upserts: Sequence[RecordSet],
        deleted: Sequence[RecordSet],
        zone_id: str = "Z0",
    ) -> None:
        """Change records of a zone at once."""
        told = [zone_id, msgspec.to_builtins(list(upserts)), [list(d.key) for d in deleted], "C1"]
        await self.say(RECORDS_KIND, told)

    async def check(self, check: HealthCheck | str) -> None:
        """Make a health check, or delete one."""
        told = msgspec.to_builtins(check) if isinstance(check, HealthCheck) else None
        await self.say(HEALTH_CHECK_KIND, [getattr(check, "id", check), told])

    async def ask(self, city: str, name: str, rtype: str = "A", **options: Any) -> Answer:
        """What the nearest edge location says to somebody in a city."""
        place = f"city/{city}"
        runtime = self.simulated.outside.at(place)
        door = Address(self.world.anycast_edge(place), "53")
        client = DnsClient(runtime)
        ip = addresses.client_ip(place, 0)
        return await client.ask(door, to_wire(name), RTYPES[rtype], source_ip=ip, **options)

    async def values(self, city: str, name: str, rtype: str = "A", **options: Any) -> list[str]:
        """The values of an answer."""
        answer = await self.ask(city, name, rtype, **options)
        return [rdata_text(rtype, r.rdata) for r in answer.answers if r.rtype == RTYPES[rtype]]


def play(
    scenario: Callable[[Stage], Coroutine[Any, Any, None]],
    regions: tuple[str, ...] = (W, E),
    seed: int = 3,
) -> None:
    """Play a scenario in a world of its own."""
    Stage(regions, seed).run(scenario)

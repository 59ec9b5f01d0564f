"""One edge location, told of zones at once, and asked in wire form as anybody asks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from antipodes.edge.route53.answering import Answerer
from antipodes.edge.route53.clients import Clients
from antipodes.edge.route53.locations import Location, Room, Shared
from antipodes.edge.route53.model import HostedZone, RecordSet
from antipodes.edge.route53.zones import Zones
from antipodes.fabric.dns.edns import Subnet
from antipodes.fabric.dns.message import Answer, Query, encode_query, parse_answer, parse_query
from antipodes.fabric.dns.names import to_text, to_wire
from antipodes.fabric.dns.rdata import RTYPES, rdata_text, rtype_text
from antipodes.hosting.links import WorldLinks
from antipodes.runtime.contract import Address
from antipodes.runtime.virtual import Simulation
from antipodes.service.dnsserver import Asker
from antipodes.world import addresses
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World

EDGE = "edge/FRA"
ZONE = "Z0"
APEX = (
    RecordSet(
        "example.com.",
        "SOA",
        ttl=900,
        values=("ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",),
    ),
    RecordSet(
        "example.com.", "NS", ttl=172800, values=("ns-1.awsdns-1.com.", "ns-2.awsdns-2.net.")
    ),
)


class Nobody:
    """There are no accelerators, unless they are put here."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, ...]] = {}
        self._dependent: list[Callable[[], None]] = []

    def put(self, name: str, *found: str) -> None:
        self._names[name] = found
        for notify in self._dependent:
            notify()

    def addresses_of(self, _: str, name: str) -> tuple[str, ...]:
        return self._names.get(name, ())

    def on_change(self, _: str, notify: Callable[[], None]) -> None:
        self._dependent.append(notify)


class Asked:
    """The location, and what it said."""

    def __init__(self, simulation: Simulation, world: World, kept_max: int) -> None:
        runtime = simulation.boot("edge")
        self.zones = Zones()
        self.accelerators = Nobody()
        self.point = 0.0  # what is drawn
        self.shared = Shared(
            self.zones, Clients(world), self.accelerators, Room(kept_max), lambda: self.point
        )
        self.location = Location(runtime, world, EDGE, 60.0, self.shared)
        self.answerer = Answerer(self.location, self.shared)
        self.hold(ZONE, "example.com.", APEX)

    def hold(self, zone_id: str, name: str, records: Sequence[RecordSet], **options: Any) -> None:
        """A zone of that name, with records."""
        self.zones.advance()
        self.zones.put_zone(HostedZone(zone_id, "1", name, ("ns-1.awsdns-1.com",), **options))
        self.zones.change(zone_id, records, ())
        self.location.advance(self.zones.version)

    def put(self, *records: RecordSet, zone_id: str = ZONE) -> None:
        """Put records into a zone."""
        self.zones.advance()
        self.zones.change(zone_id, records, ())
        self.location.advance(self.zones.version)

    def delete(self, *records: RecordSet, zone_id: str = ZONE) -> None:
        """Delete records of a zone."""
        self.zones.advance()
        self.zones.change(zone_id, (), [record.key for record in records])
        self.location.advance(self.zones.version)

    def turn(self, **verdicts: bool) -> None:
        """Health checks have these verdicts."""
        for health_check, healthy in verdicts.items():
            self.location.learn_verdict(health_check, healthy)

    def ask(
        self,
        name: str,
        rtype: str = "A",
        *,
        city: str = "frankfurt",
        subnet: Subnet | None = None,
        at: float = 0.0,
    ) -> Answer:
        """What somebody in a city is answered, as an express answer too where there is one."""
        data = encode_query(7, to_wire(name), RTYPES[rtype], subnet=subnet)
        query = parse_query(data)
        assert isinstance(query, Query)
        self.point = at
        place = f"city/{city}"
        ip = addresses.client_ip(place, 0)
        asker = Asker(place, ip, Address(EDGE, "53"), "", tcp=False)
        answer = self.answerer.answer(query, asker)
        assert self.answerer.answer(query, asker) == answer
        assert self.answerer.express(data, place, ip) in (None, answer)
        return parse_answer(answer)

    def values(self, name: str, rtype: str = "A", **options: Any) -> list[str]:
        """The values of an answer, all of them for the name that was asked."""
        answer = self.ask(name, rtype, **options)
        assert all(record.name == to_wire(name) for record in answer.answers)
        return [rdata_text(rtype, record.rdata) for record in answer.answers]

    def spread(self, name: str, rtype: str = "A", **options: Any) -> list[str]:
        """The first values of a hundred answers, evenly drawn."""
        return [self.values(name, rtype, **options, at=(n + 0.5) / 100)[0] for n in range(100)]


def shown(answer: Answer) -> list[str]:
    """The records of an answer as people write them."""
    lines = []
    for name, rtype, ttl, rdata in answer.answers:
        kind = rtype_text(rtype)
        lines.append(f"{to_text(name)} {ttl} {kind} {rdata_text(kind, rdata)}")
    return lines


@contextmanager
def asked(
    regions: Sequence[str] = ("us-west-2", "eu-central-1"), kept_max: int = 1000
) -> Iterator[Asked]:
    """A location in a world of these regions, which keeps so much of what it has worked out."""
    world = World(load_atlas(), tuple(regions), seed=1)
    simulation = Simulation(WorldLinks(world), seed=1)
    try:
        yield Asked(simulation, world, kept_max)
    finally:
        simulation.close()


def a(name: str, *values: str, ttl: int = 60, **options: Any) -> RecordSet:
    """An A record set below example.com."""
    full = f"{name}.example.com." if name else "example.com."
    return RecordSet(full, "A", ttl=ttl, values=values, **options)

"""A world of two regions whose edge only answers names, and knows what a test lets it know."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address

from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, REFUSED, RR, Query, encode_answer
from antipodes.fabric.dns.names import is_within, to_text, to_wire
from antipodes.hosting.links import WorldLinks
from antipodes.runtime.contract import Address, Runtime
from antipodes.runtime.virtual import Simulation
from antipodes.service.dnsserver import Asker, DnsServer
from antipodes.world import addresses
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World

W, E = "us-west-2", "eu-central-1"
CITY = "city/sao-paulo"
ACCELERATOR = "a0123456789abcdef.awsglobalaccelerator.com"
BALANCER = f"globalapp-1.{W}.elb.amazonaws.com"
BALANCER_IP = addresses.region_address(W, 7)
OTHER_IP = addresses.region_address(W, 9)
APP, MISSING = "app.example.com", "missing.example.com"
TTL_S, NEGATIVE_TTL_S = 60, 20
A, CNAME, SOA, TXT, ANY = 1, 5, 6, 16, 255
ZONES = ("example.com", "amazonaws.com", "awsglobalaccelerator.com")


def address(name: str, ip: str, ttl: int = TTL_S) -> RR:
    """An A record."""
    return RR(to_wire(name), A, ttl, IPv4Address(ip).packed)


def cname(name: str, to: str, ttl: int = 300) -> RR:
    """A CNAME record."""
    return RR(to_wire(name), CNAME, ttl, to_wire(to))


def soa(zone: str) -> RR:
    """The SOA record of a zone."""
    names = to_wire(f"ns.{zone}") + to_wire(f"root.{zone}")
    return RR(to_wire(zone), SOA, 900, names + bytes(16) + NEGATIVE_TTL_S.to_bytes(4, "big"))


class Authority:
    """The authoritative server of an edge: notes who asks what, and answers as zones would."""

    def __init__(self, runtime: Runtime) -> None:
        self.records = [
            address(BALANCER, BALANCER_IP),
            address(BALANCER, addresses.region_address(W, 8)),
            address(ACCELERATOR, "198.18.0.1"),
            address(ACCELERATOR, "198.18.128.1"),
            cname(APP, BALANCER),
        ]
        self.asked: list[tuple[str, str]] = []  # the place that was asked, and for what
        self.askers: list[Asker] = []
        self.runtime = runtime
        self.server = DnsServer(runtime, self.answer)

    async def open(self) -> None:
        """Listen at every edge location."""
        await self.server.listen(Address("edge/*", "53"))

    def put(self, *records: RR) -> None:
        """Let these records replace what there is of their names."""
        names = {record.name for record in records}
        self.records = [record for record in self.records if record.name not in names]
        self.records += records

    def remove(self, name: str) -> None:
        """Let there be nothing of a name."""
        self.records = [record for record in self.records if record.name != to_wire(name)]

    def answer(self, query: Query, asker: Asker) -> bytes:
        """Answer for a name: its records, its CNAME, or that there are none."""
        self.asked.append((asker.local.place, to_text(query.name).removesuffix(".")))
        self.askers.append(asker)
        zone = next((zone for zone in ZONES if is_within(query.name, to_wire(zone))), "")
        if not zone:
            return encode_answer(query, REFUSED)
        there = [record for record in self.records if record.name == query.name]
        found = [record for record in there if record.rtype in {query.rtype, CNAME}]
        if found:
            return encode_answer(query, NOERROR, found, authoritative=True)
        rcode = NOERROR if there else NXDOMAIN
        return encode_answer(query, rcode, (), (soa(zone),), authoritative=True)


class Scene:
    """The world, its edge, and somebody in a city."""

    def __init__(self, speed: float = 1.0) -> None:
        self.world = World(load_atlas(), (W, E), seed=1)
        self.simulation = Simulation(WorldLinks(self.world), seed=1, speed=speed)
        self.outside = self.simulation.boot("outside", "laptop")
        self.runtime = self.outside.at(CITY)
        self.edge = Authority(self.simulation.boot("edge"))

    async def open(self) -> None:
        """Open the doors."""
        await self.edge.open()


def perform(scene: Scene, scenario: Callable[[], Awaitable[None]]) -> None:
    """Open a scene and let something happen in it."""

    async def opened() -> None:
        await scene.open()
        await scenario()

    async def main() -> None:
        await scene.outside.spawn(opened(), "scenario")

    try:
        scene.simulation.run(main())
    finally:
        scene.simulation.close()

"""A city's DNS resolver: it asks the nearest edge location, remembers, and answers the city.

The edge is authoritative for every name of the world: hosted zones, load balancers, accelerators.
The resolver asks where anycast leads from its city, over the world's links; what it remembers, for
how long, and how it strays from the standard is its behaviour (fabric/dns/cache.py has them),
chosen for each city: that is what makes the long tail of a failover by DNS. What an address means
is then a matter of the address plan: an anycast address is where the nearest edge location is, any
other is in its region.
"""

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache

from antipodes.fabric.dns.cache import HONOUR, Behaviour, Known, parse_behaviour
from antipodes.fabric.dns.message import SERVFAIL, Answer
from antipodes.fabric.dns.names import InvalidName, to_text, to_wire
from antipodes.runtime.contract import Address, Gone, Runtime, TimedOut
from antipodes.service.dnsclient import DnsClient
from antipodes.service.recursion import FAILED, LookUp, Recursion
from antipodes.world import addresses
from antipodes.world.errors import WorldError
from antipodes.world.world import World

DOOR = "53"
TRIES_S = (0.8, 1.6, 2.4)  # how long each attempt waits, as resolvers back off
DOORS_MAX = NAMES_MAX = 1000
EVERYWHERE = "default"  # instead of a city: the behaviour of all that are not named

# Of a region's default network: its resolver, and a machine that nobody has.
NETWORK_RESOLVER = f"{addresses.VPC_RESOLVER_IP}:{DOOR}"
NETWORK_S_MAX = 10.0  # the resolver itself tries for five seconds at every link of a chain
MACHINE_IP = "172.31.15.200"

_A, _SOA = 1, 6
_API = re.compile(r"(?:[a-z0-9-]+\.)+([a-z]{2}-[a-z-]+-\d)\.amazonaws\.com")
_LABELLED = re.compile(r"[a-z0-9_*-]+(?:\.[a-z0-9_*-]+)+")
_OUTSIDE = (".localhost.localstack.cloud", ".internal", ".local")  # what the laptop is called


class NoSuchName(Exception):
    """The name, or its address, does not exist in this world, or nobody says where it is."""


def plain_name(host: str) -> str:
    """A host's name without port, trailing dot, or the `.localhost` that browsers need.

    An address of IPv6 stands in brackets where a port may follow.
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
    return name.rstrip(".").lower().removesuffix(".localhost")


def belongs(host: str) -> bool | None:
    """Whether a host is inside the world; None: only a resolver can tell."""
    name = plain_name(host)
    if addresses.is_anycast(name) or addresses.place_of(name) is not None:
        return True
    outside = f".{name}".endswith(_OUTSIDE)
    if _LABELLED.fullmatch(name) is None or outside or _is_address(name):
        return False
    if name.endswith(".amazonaws.com"):
        return ".elb." in name
    return None


@lru_cache(NAMES_MAX)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@lru_cache(NAMES_MAX)
def _wire(name: str) -> bytes:
    return to_wire(name)


@lru_cache(NAMES_MAX)
def _address(rdata: bytes) -> str:
    return str(ipaddress.IPv4Address(rdata))


def behaviours(world: World, chosen: Mapping[str, str]) -> dict[str, Behaviour]:
    """The resolvers' behaviours by city as a place, and for all others (EVERYWHERE).

    Raises UnknownBehaviour, or WorldError for what is no city.
    """
    found = {EVERYWHERE: HONOUR}
    for name, text in chosen.items():
        place = name if name == EVERYWHERE else world.place(name)
        if place != EVERYWHERE and not place.startswith("city/"):
            raise WorldError(f"{name} is not a city: only cities have resolvers to choose")
        found[place] = parse_behaviour(text)
    return found


class Resolver:
    """The resolver of one city."""

    def __init__(
        self, runtime: Runtime, world: World, chosen: Mapping[str, Behaviour] | None = None
    ) -> None:
        self._runtime = runtime
        self._world = world
        self.source_ip, self.source_ip6 = self._addresses_here()
        self._client = DnsClient(runtime)
        chosen = chosen or {}
        behaviour = chosen.get(runtime.place, chosen.get(EVERYWHERE, HONOUR))
        self._look_up: LookUp = Recursion(runtime, self._ask, behaviour).resolve
        self._doors: dict[tuple[str, int], Address] = {}
        self._doors_version = -1

    async def look_up(self, name: bytes, rtype: int) -> Known:
        """What is known of a name and a type, asked for if need be."""
        return await self._look_up(name, rtype)

    def _addresses_here(self) -> tuple[str, str]:
        """Where the city's questions and connections come from, by IPv4 and IPv6."""
        place = self._runtime.place
        return addresses.client_ip(place, 0), addresses.client_ip6(place, 0)

    async def resolve(self, host: str) -> str:
        """Return an address of a name (the first of the answer), or the address itself."""
        return (await self.addresses(host))[0]

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return all addresses in the answer to a name, or the address itself."""
        name = plain_name(host)
        if _is_address(name):
            return (str(ipaddress.ip_address(name)),)
        try:
            known = await self._look_up(_wire(name), _A)
        except InvalidName:
            raise NoSuchName(f"{name}: no name at all") from None
        found = tuple(_address(record.rdata) for record in known.records if record.rtype == _A)
        if found:
            return found
        if known.rcode == SERVFAIL:
            raise NoSuchName(f"{name}: nobody says where it is")
        raise NoSuchName(f"{name}: no such name in this world")

    async def knows(self, host: str) -> bool:
        """Whether a Host header names something inside the world."""
        inside = belongs(host)
        if inside is None:
            try:
                await self.resolve(host)
            except NoSuchName:
                return False
            return True
        return inside

    async def _ask(self, name: bytes, rtype: int) -> Answer:
        """Ask where anycast leads, which may be elsewhere at the next attempt."""
        started = self._runtime.now()
        authority = Address("", "")
        for try_s in TRIES_S:
            authority = Address(self.edge(), DOOR)
            try:
                answer = await self._client.ask(
                    authority, name, rtype, timeout_s=try_s, tries=1, source_ip=self.source_ip
                )
            except (Gone, TimedOut):
                continue
            dns = to_text(name).removesuffix(".")
            self._runtime.journal.span("", "dns", started, dns=dns, authority=authority.place)
            return answer
        raise TimedOut(f"no answer from {authority.place}")

    def door(self, address: str, port: int) -> Address:
        """Where an address is, seen from this city."""
        if self._doors_version != self._world.version or len(self._doors) >= DOORS_MAX:
            self._doors.clear()
            self._doors_version = self._world.version
        door = self._doors.get((address, port))
        if door is None:
            door = self._doors[address, port] = Address(self._place(address), f"{address}:{port}")
        return door

    def _place(self, address: str) -> str:
        if address.startswith("127."):
            return "laptop"
        if addresses.is_anycast(address):
            return self.edge()
        place = addresses.place_of(address)
        if place is None:
            raise NoSuchName(f"{address}: no such address in this world")
        return place

    def close(self) -> None:
        """Ask no more."""
        self._client.close()

    def edge(self) -> str:
        """The edge location that anycast addresses lead to from here, now."""
        return self._world.anycast_edge(self._runtime.place)

    def api_region(self, host: str) -> str | None:
        """The region of an AWS API endpoint's name."""
        found = _API.fullmatch(plain_name(host))
        return found.group(1) if found and found.group(1) in self._world.regions else None


class NetworkResolver(Resolver):
    """What a machine in a region's network goes by: its resolver; it keeps nothing.

    It also reaches what cities do not, the private addresses of its network and those of sites, and
    has no IPv6. Unless told otherwise it stands in the default network.
    """

    def __init__(
        self,
        runtime: Runtime,
        world: World,
        *,
        server: str = NETWORK_RESOLVER,
        address: str = MACHINE_IP,
    ) -> None:
        self._server = Address(runtime.place, server)
        self._machine_ip = address
        super().__init__(runtime, world)
        self._look_up = self._ask_network

    def _addresses_here(self) -> tuple[str, str]:
        return self._machine_ip, ""

    async def _ask_network(self, name: bytes, rtype: int) -> Known:
        try:
            answer = await self._client.ask(
                self._server,
                name,
                rtype,
                recursion=True,
                timeout_s=NETWORK_S_MAX,
                tries=1,
                source_ip=self.source_ip,
            )
        except (Gone, TimedOut):
            return FAILED
        soa = next((record for record in answer.authority if record.rtype == _SOA), None)
        return Known(answer.rcode, answer.answers, soa)

    def _place(self, address: str) -> str:
        ip = ipaddress.ip_address(address)
        if ip.version != addresses.VPC_NETWORK.version:
            raise NoSuchName(f"{address}: the default network has no IPv6")
        if ip in addresses.VPC_NETWORK:
            return self._runtime.place
        return self._world.site_of(address) or super()._place(address)

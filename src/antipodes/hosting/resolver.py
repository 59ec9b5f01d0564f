"""A city's DNS resolver: asks whoever is authoritative, over the world's links, and caches.

Names of accelerators are answered by the nearest edge location, names of load balancers by their
region. An answer is kept for its TTL (an interval of the world, so it shrinks with the speed), a
missing name for NEGATIVE_TTL_S. What a name means is then a matter of the address plan: an
anycast address is where the nearest edge location is, any other is in its region.
"""

import ipaddress
import re
from http import HTTPStatus
from typing import NamedTuple

import orjson

from antipodes.runtime.contract import Address, Gone, Runtime, TimedOut
from antipodes.service.http import HttpClient
from antipodes.world import addresses
from antipodes.world.world import World

NEGATIVE_TTL_S = 5.0
QUERY_S_MAX = 5.0
CACHE_MAX = 1000

_ACCELERATOR = re.compile(r"a[0-9a-f]{16}\.awsglobalaccelerator\.com")
_BALANCER = re.compile(r"[a-z0-9-]+\.([a-z0-9-]+)\.elb\.amazonaws\.com")
_API = re.compile(r"(?:[a-z0-9-]+\.)+([a-z]{2}-[a-z-]+-\d)\.amazonaws\.com")


class NoSuchName(Exception):
    """The name, or its address, does not exist in this world."""


class Cached(NamedTuple):
    """One kept answer."""

    addresses: tuple[str, ...]
    until: float


def plain_name(host: str) -> str:
    """A host's name without port, trailing dot, or the `.localhost` that browsers need."""
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
    return name.rstrip(".").lower().removesuffix(".localhost")


def is_world_name(host: str) -> bool:
    """Whether a Host header names something inside the world."""
    name = plain_name(host)
    return bool(_ACCELERATOR.fullmatch(name) or _BALANCER.fullmatch(name)) or (
        addresses.is_anycast(name) or addresses.place_of(name) is not None
    )


class Resolver:
    """The resolver of one city."""

    def __init__(self, runtime: Runtime, world: World) -> None:
        self._runtime = runtime
        self._world = world
        self._client = HttpClient(runtime)
        self._cache: dict[str, Cached] = {}
        self._doors: dict[tuple[str, int], Address] = {}
        self._doors_version = -1

    async def resolve(self, host: str) -> str:
        """Return an address of a name (the first of the answer), or the address itself."""
        name = plain_name(host)
        cached = self._cache.get(name)
        if cached is None or cached.until <= self._runtime.now():
            try:
                return str(ipaddress.ip_address(name))
            except ValueError:
                pass
            cached = await self._ask(name)
            if len(self._cache) >= CACHE_MAX:
                self._cache.pop(next(iter(self._cache)))
            self._cache[name] = cached
        if not cached.addresses:
            raise NoSuchName(f"{name}: no such name in this world")
        return cached.addresses[0]

    def _authority(self, name: str) -> Address:
        if _ACCELERATOR.fullmatch(name):
            return Address(self._world.anycast_edge(self._runtime.place), "dns")
        balancer = _BALANCER.fullmatch(name)
        if balancer is not None and balancer.group(1) in self._world.regions:
            return Address(balancer.group(1), "dns")
        raise NoSuchName(f"{name}: no such name in this world")

    async def _ask(self, name: str) -> Cached:
        authority = self._authority(name)
        started = self._runtime.now()
        try:
            async with self._runtime.timeout(QUERY_S_MAX):
                response = await self._client.request(authority, "GET", f"/?name={name}")
        except (Gone, TimedOut) as error:
            raise NoSuchName(f"{name}: no answer from {authority.place}: {error}") from None
        self._runtime.journal.span("", "dns", started, dns=name, authority=authority.place)
        now = self._runtime.now()
        if response.status != HTTPStatus.OK:
            return Cached((), now + self._runtime.interval(NEGATIVE_TTL_S))
        answer = orjson.loads(response.body)
        ttl = self._runtime.interval(float(answer["ttl"]))
        return Cached(tuple(answer["addresses"]), now + ttl)

    def door(self, address: str, port: int) -> Address:
        """Where an address is, seen from this city."""
        if self._doors_version != self._world.version or len(self._doors) >= CACHE_MAX:
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
            return self._world.anycast_edge(self._runtime.place)
        place = addresses.place_of(address)
        if place is None:
            raise NoSuchName(f"{address}: no such address in this world")
        return place

    def edge(self) -> str:
        """The edge location that anycast addresses lead to from here, now."""
        return self._world.anycast_edge(self._runtime.place)

    def api_region(self, host: str) -> str | None:
        """The region of an AWS API endpoint's name."""
        found = _API.fullmatch(plain_name(host))
        return found.group(1) if found and found.group(1) in self._world.regions else None

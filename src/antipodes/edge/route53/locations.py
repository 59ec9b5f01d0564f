"""What one place knows of Route 53: an edge location, or a region with private zones.

It knows zones up to a change, health checks' verdicts, balancers' names and accelerators, each as
it has heard of it.
"""

import ipaddress
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from antipodes.edge.route53.answers import Target
from antipodes.edge.route53.clients import Clients
from antipodes.edge.route53.model import ACCELERATOR_ZONE, CidrCollection
from antipodes.edge.route53.zones import Zones
from antipodes.fabric.dns.names import labels, to_text
from antipodes.fabric.dns.rdata import RTYPES
from antipodes.runtime.contract import Runtime
from antipodes.service.news import Hearer
from antipodes.world.world import World

KEPT_MAX = 100_000  # plans, by all places together
OURS_TTL_S = 60  # of balancers' and accelerators' names; the latter's is not published
ADDRESS_TYPES = {4: RTYPES["A"], 16: RTYPES["AAAA"]}
_WILD = b"\x01*"
_DUAL_STACK = b"\x09dualstack"


class Balancer(msgspec.Struct, frozen=True):
    """What the name of a load balancer means, or of an endpoint, which has no ARN."""

    zone_id: str
    addresses: dict[str, str]
    arn: str = ""
    zonal: dict[str, str] = {}


class Accelerators(Protocol):
    """What edge locations know of accelerators."""

    def addresses_of(self, place: str, name: str) -> tuple[str, ...]:
        """The addresses of an accelerator's name, as a location knows it."""

    def on_change(self, place: str, notify: Callable[[], None]) -> None:
        """Call whenever a location has heard of a change."""


class Room:
    """How much may still be kept."""

    def __init__(self, most: int = KEPT_MAX) -> None:
        self._most = self._left = most
        self._keepers: list[Callable[[], None]] = []

    def join(self, forget: Callable[[], None]) -> None:
        """Ask somebody to forget all he keeps whenever there is no more room."""
        self._keepers.append(forget)

    def take(self) -> None:
        """Something more is kept."""
        if not self._left:
            for forget in self._keepers:
                forget()
            self._left = self._most
        self._left -= 1


class Shared(NamedTuple):
    """What all locations of a host have in common."""

    zones: Zones
    clients: Clients
    accelerators: Accelerators
    room: Room
    chance: Callable[[], float]


class Location(Hearer):
    """One edge location."""

    def __init__(
        self, runtime: Runtime, world: World, place: str, propagation_s: float, shared: Shared
    ) -> None:
        super().__init__(runtime, world, place, propagation_s)
        self.version = shared.zones.version
        self.verdicts: dict[str, bool] = {}
        self.balancers: dict[bytes, Balancer] = {}
        self.balancers_healthy: dict[str, bool] = {}
        self._shared = shared
        shared.accelerators.on_change(place, self.changed)

    # What it hears of.

    def advance(self, version: int) -> None:
        """Go by the zones as they were after a change."""
        self.version = version
        self.changed()

    def learn_verdict(self, health_check: str, healthy: bool | None) -> None:  # noqa: FBT001 - news
        """A health check's verdict; None if there is none any more."""
        if healthy is None:
            self.verdicts.pop(health_check, None)
        else:
            self.verdicts[health_check] = healthy
        self.changed()

    def learn_balancer(self, name: bytes, balancer: Balancer | None) -> None:
        """What a balancer's name means."""
        if balancer is None:
            self.balancers.pop(name, None)
        else:
            self.balancers[name] = balancer
        self.changed()

    def learn_balancer_health(self, arn: str, healthy: bool | None) -> None:  # noqa: FBT001 - news
        """Whether a balancer is healthy; None if nobody asks any more."""
        if healthy is None:
            self.balancers_healthy.pop(arn, None)
        else:
            self.balancers_healthy[arn] = healthy
        self.changed()

    # What it knows.

    def is_healthy(self, health_check: str) -> bool:
        """A health check's verdict; healthy while there is none."""
        return self.verdicts.get(health_check, True)

    def collection(self, collection_id: str) -> CidrCollection | None:
        """A CIDR collection."""
        return self._shared.zones.collection(collection_id, self.version)

    def rtt_ms(self, place: str, region: str) -> float:
        """How far a region is from a client."""
        return self._shared.clients.rtt_ms(place, region)

    def target(self, zone_id: str, name: bytes, rtype: int) -> Target | None:
        """What an alias stands for that leads out of its zone."""
        if zone_id == ACCELERATOR_ZONE:
            return self.accelerator(name, rtype)
        return self.balancer(name.removeprefix(_DUAL_STACK), rtype)

    def accelerator(self, name: bytes, rtype: int) -> Target | None:
        """What an accelerator's name means."""
        text = to_text(name).rstrip(".")
        found = self._shared.accelerators.addresses_of(self.place, text)
        return Target(_of_type(found, rtype), OURS_TTL_S, healthy=True) if found else None

    def balancer(self, name: bytes, rtype: int) -> Target | None:
        """What a balancer's name means, or that of one of its zones."""
        zone = next(labels(name), b"")
        balancer = self.balancers.get(name) or self._wild(name)
        if balancer is not None:
            addresses = tuple(balancer.addresses.values())
        else:
            balancer = self.balancers.get(name[len(zone) + 1 :])
            address = balancer.zonal.get(zone.decode("latin-1")) if balancer is not None else None
            if balancer is None or address is None:
                return None
            addresses = (address,)
        healthy = self.balancers_healthy.get(balancer.arn, True)
        return Target(_of_type(addresses, rtype), OURS_TTL_S, healthy=healthy)

    def _wild(self, name: bytes) -> Balancer | None:
        """What has all names below one, and that one itself."""
        found, below = self.balancers.get(_WILD + name), name
        for label in labels(name):
            below = below[len(label) + 1 :]
            found = found or self.balancers.get(_WILD + below)
        return found


def _of_type(addresses: tuple[str, ...], rtype: int) -> tuple[bytes, ...]:
    packed = (ipaddress.ip_address(address).packed for address in addresses)
    return tuple(address for address in packed if ADDRESS_TYPES[len(address)] == rtype)

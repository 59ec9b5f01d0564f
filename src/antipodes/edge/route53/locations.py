"""What one edge location knows of Route 53, and what it answers.

It knows zones up to a change, health checks' verdicts, balancers' names and accelerators, each as
it has heard of it. What it has worked out for a question is kept until anything that it knows
changes; all that the locations keep together is bounded.
"""

import ipaddress
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from antipodes.edge.route53.answers import Picks, Plan, Planner, Reply, Target, Turns, referral
from antipodes.edge.route53.clients import Clients
from antipodes.edge.route53.model import ACCELERATOR_ZONE, CidrCollection
from antipodes.edge.route53.policies import Block, Client
from antipodes.edge.route53.zones import Match, Zone, Zones
from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, REFUSED, RR, Query
from antipodes.fabric.dns.names import is_within, labels, to_text, to_wire
from antipodes.fabric.dns.precompiled import Answers, Ready, Tail, answered, precompiled
from antipodes.fabric.dns.rdata import RTYPES, rdata_wire
from antipodes.runtime.contract import Runtime
from antipodes.service.dnsserver import Asker
from antipodes.service.news import Hearer
from antipodes.world.world import World

A, AAAA, SOA = RTYPES["A"], RTYPES["AAAA"], RTYPES["SOA"]
KEPT_MAX = 100_000  # plans, by all locations together
OURS_TTL_S = 60  # of balancers' and accelerators' names; the latter's is not published
ADDRESS_TYPES = {4: A, 16: AAAA}
_DUAL_STACK = b"\x09dualstack"
_ACCELERATORS = to_wire("awsglobalaccelerator.com")
_BALANCERS = to_wire("elb.amazonaws.com")
_OURS_SOA = "ns-0.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 60"
_NOWHERE = Tail(0x8000 | REFUSED, 0, 0, 0, b"")


class Balancer(msgspec.Struct, frozen=True):
    """What a load balancer's name means."""

    zone_id: str
    addresses: dict[str, str]
    arn: str
    zonal: dict[str, str] = {}


class Accelerators(Protocol):
    """What edge locations know of accelerators."""

    def addresses_of(self, place: str, name: str) -> tuple[str, ...]:
        """The addresses of an accelerator's name, as a location knows it."""

    def heard(self, place: str) -> int:
        """How often a location has heard of a change."""


class Room:
    """How much may still be kept."""

    def __init__(self) -> None:
        self._left = KEPT_MAX
        self._keepers: list[Callable[[], None]] = []

    def join(self, forget: Callable[[], None]) -> None:
        """Ask somebody to forget all he keeps whenever there is no more room."""
        self._keepers.append(forget)

    def take(self) -> None:
        """Something more is kept."""
        if not self._left:
            for forget in self._keepers:
                forget()
            self._left = KEPT_MAX
        self._left -= 1


class Shared(NamedTuple):
    """What all locations of a host have in common."""

    zones: Zones
    clients: Clients
    accelerators: Accelerators
    room: Room
    chance: Callable[[], float]


class _Known:
    """What was worked out for one question, by whom it was asked for if that matters."""

    __slots__ = ("by_network", "by_place", "match", "picks", "plan", "tail", "zone")

    def __init__(self, zone: Zone | None, match: Match | None) -> None:
        self.zone = zone
        self.match = match
        self.tail: Tail | None = None
        self.plan: Plan | None = None  # for anybody
        self.by_place: dict[str, Plan] = {}
        self.by_network: dict[tuple[str, Block | None], Plan] = {}
        self.picks: dict[tuple[str, Block | None], Picks] = {}


class _ByChance:
    """Chooses for anybody."""

    def __init__(self, chance: Callable[[], float], picks: Picks) -> None:
        self._chance = chance
        self._draw = picks.draw

    def __call__(self, _place: str, _ip: str) -> Ready:
        return self._draw(self._chance())


class _ByClient:
    """Chooses for a client who is known, by where he is."""

    def __init__(self, edge: str, shared: Shared, known: _Known) -> None:
        self._edge = edge
        self._shared = shared
        self._known = known

    def __call__(self, place: str, ip: str) -> Ready | None:
        client = self._shared.clients.find(self._edge, place, ip, None)
        kept = self._known.picks
        picks = kept.get((client.place, None)) or kept.get((client.place, client.network))
        if picks is None:
            return None
        if len(picks.answers) == 1:
            return picks.answers[0]
        return picks.draw(self._shared.chance())


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
        self._ready = Answers()
        self._shared = shared
        self._known: dict[tuple[bytes, int, bool], _Known] = {}
        self._accelerators_heard = 0
        shared.room.join(self._forget)

    # What it hears of.

    def advance(self, version: int) -> None:
        """Go by the zones as they were after a change."""
        self.version = version
        self._forget()

    def learn_verdict(self, health_check: str, healthy: bool | None) -> None:  # noqa: FBT001 - news
        """A health check's verdict; None if there is none any more."""
        if healthy is None:
            self.verdicts.pop(health_check, None)
        else:
            self.verdicts[health_check] = healthy
        self._forget()

    def learn_balancer(self, name: bytes, balancer: Balancer | None) -> None:
        """What a balancer's name means."""
        if balancer is None:
            self.balancers.pop(name, None)
        else:
            self.balancers[name] = balancer
        self._forget()

    def learn_balancer_health(self, arn: str, healthy: bool | None) -> None:  # noqa: FBT001 - news
        """Whether a balancer is healthy; None if nobody asks any more."""
        if healthy is None:
            self.balancers_healthy.pop(arn, None)
        else:
            self.balancers_healthy[arn] = healthy
        self._forget()

    def _forget(self) -> None:
        """What was worked out may be wrong by now."""
        if self._known:
            self._known = {}
            self._ready.clear()

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
            return self._accelerator(name, rtype)
        return self._balancer(name.removeprefix(_DUAL_STACK), rtype)

    def _accelerator(self, name: bytes, rtype: int) -> Target | None:
        text = to_text(name).rstrip(".")
        found = self._shared.accelerators.addresses_of(self.place, text)
        return Target(_of_type(found, rtype), OURS_TTL_S, healthy=True) if found else None

    def _balancer(self, name: bytes, rtype: int) -> Target | None:
        balancer = self.balancers.get(name)
        if balancer is not None:
            addresses = tuple(balancer.addresses.values())
        else:
            zone = next(labels(name), b"")
            balancer = self.balancers.get(name[len(zone) + 1 :])
            address = balancer.zonal.get(zone.decode("latin-1")) if balancer is not None else None
            if balancer is None or address is None:
                return None
            addresses = (address,)
        healthy = self.balancers_healthy.get(balancer.arn, True)
        return Target(_of_type(addresses, rtype), OURS_TTL_S, healthy=healthy)

    # What it answers.

    def express(self, data: bytes, place: str, ip: str) -> bytes | None:
        """The answer to a usual question, if it has been worked out for who asks."""
        self._hear_of_accelerators()
        return self._ready.answer(data, place, ip)

    def answer(self, query: Query, asker: Asker) -> bytes:
        """The answer to a question."""
        self._hear_of_accelerators()
        known = self._find(query.name, query.rtype)
        if known.tail is not None:
            return answered(query, known.tail)
        plan = known.plan
        if plan is not None:
            return answered(query, plan.draw(self._shared.chance))
        client = self._shared.clients.find(self.place, asker.place, asker.ip, query.subnet)
        plan = known.by_place.get(client.place)
        if plan is not None and plan.by_network:
            plan = known.by_network.get((client.place, client.network))
        if plan is None:
            plan = self._plan(known, query, client)
        scope = 0
        if query.subnet is not None and (plan.by_place or plan.by_network):
            scope = query.subnet.prefix
        return answered(query, plan.draw(self._shared.chance), scope=scope)

    def _hear_of_accelerators(self) -> None:
        heard = self._shared.accelerators.heard(self.place)
        if heard != self._accelerators_heard:
            self._accelerators_heard = heard
            self._forget()

    def _find(self, name: bytes, rtype: int) -> _Known:
        """What is known of a question, if only where its answer is to be found."""
        known = self._known.get((name, rtype, True))
        if known is not None:
            return known
        ours = self._ours(name, rtype)
        if ours is not None:
            return ours
        zone = self._shared.zones.find(name, self.version)
        if zone is None:
            known = _Known(None, None)
            known.tail = _NOWHERE
            return known
        match = zone.match(name, rtype, self.version)
        if match.delegated:
            return self._referral(zone, match)
        key = match.owner, rtype if match.node is not None else 0, match.owner == name
        known = self._known.get(key)
        if known is None:
            known = self._keep(key, _Known(zone, match))
        return known

    def _keep(self, key: tuple[bytes, int, bool], known: _Known) -> _Known:
        self._shared.room.take()
        self._known[key] = known
        return known

    def _referral(self, zone: Zone, match: Match) -> _Known:
        key = match.owner, 0, False
        known = self._known.get(key)
        if known is None:
            known = self._keep(key, _Known(zone, match))
            known.tail = referral(match, zone, self.version)
        return known

    def _plan(self, known: _Known, query: Query, client: Client) -> Plan:
        assert known.zone is not None, "a question without a zone has been answered"
        assert known.match is not None, "a question without a zone has been answered"
        plan = Planner(known.zone, self, client).plan(known.match, query.name, query.rtype)
        if plan.by_place or plan.by_network:
            self._shared.room.take()
            known.by_place[client.place] = plan
            if plan.by_network:
                known.by_network[client.place, client.network] = plan
        else:
            known.plan = plan
        if known.match.owner == query.name:
            self._express_from_now_on(known, query, client, plan)
        return plan

    def _express_from_now_on(self, known: _Known, query: Query, client: Client, plan: Plan) -> None:
        """Let a plan answer usual questions without parsing them."""
        picks = plan.picks(query.name)
        if picks is None:
            return
        if known.plan is None:
            self._shared.room.take()
            known.picks[client.place, client.network if plan.by_network else None] = picks
            choose = _ByClient(self.place, self._shared, known)
            self._ready.put(query.name, query.rtype, choose)
        elif len(picks.answers) == 1:
            self._ready.put(query.name, query.rtype, picks.answers[0])
        else:
            self._ready.put(query.name, query.rtype, _ByChance(self._shared.chance, picks))

    # Names of AWS's own.

    def _ours(self, name: bytes, rtype: int) -> _Known | None:
        """A name of an accelerator or a balancer, or one beside them; None for all others."""
        apex = _our_zone(name)
        if apex is None:
            return None
        accelerator = apex == _ACCELERATORS
        found = {
            kind: self._accelerator(name, kind) if accelerator else self._balancer(name, kind)
            for kind in ADDRESS_TYPES.values()
        }
        target = found.get(rtype)
        addresses = target.addresses if target is not None else ()
        records = tuple(RR(name, rtype, OURS_TTL_S, address) for address in addresses)
        exists = name == apex or any(kind is not None for kind in found.values())
        known = _Known(None, None)
        if len(records) > 1:
            known.plan = Plan(
                name, Turns(records), anywhere=False, by_place=False, by_network=False
            )
        else:
            soa = RR(apex, SOA, OURS_TTL_S, rdata_wire("SOA", _OURS_SOA))
            reply = Reply(records, NOERROR if exists else NXDOMAIN, () if records else (soa,))
            known.tail = precompiled(name, reply.answers, reply.authority, rcode=reply.rcode)
        return self._keep((name, rtype, True), known) if exists else known


def _of_type(addresses: tuple[str, ...], rtype: int) -> tuple[bytes, ...]:
    packed = (ipaddress.ip_address(address).packed for address in addresses)
    return tuple(address for address in packed if ADDRESS_TYPES[len(address)] == rtype)


def _our_zone(name: bytes) -> bytes | None:
    """The zone of AWS's that a name is in, of those that are here."""
    if is_within(name, _ACCELERATORS):
        return _ACCELERATORS
    if is_within(name, _BALANCERS):
        return _BALANCERS
    if not name.endswith(b"\x09amazonaws\x03com\x00"):
        return None
    parts = list(labels(name))
    if len(parts) < 4 or parts[-4] != b"elb":  # noqa: PLR2004 - elb.REGION.amazonaws.com
        return None
    at = len(name) - sum(len(part) + 1 for part in parts[-4:]) - 1
    return name[at:]

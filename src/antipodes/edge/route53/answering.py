"""What one place answers: to anybody who asks at the edge, or in one network of private zones.

What was worked out for a question is kept until anything that the place knows changes; all that is
kept together is bounded. Usual questions for what is kept are answered without being parsed.
"""

from collections.abc import Callable

from antipodes.edge.route53.answers import Picks, Plan, Planner, Reply, Turns, referral
from antipodes.edge.route53.locations import ADDRESS_TYPES, OURS_TTL_S, Location, Shared
from antipodes.edge.route53.policies import Block, Client
from antipodes.edge.route53.zones import Match, Zone
from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, REFUSED, RR, Query
from antipodes.fabric.dns.names import is_within, labels, to_wire
from antipodes.fabric.dns.precompiled import Answers, Ready, Tail, answered, precompiled
from antipodes.fabric.dns.rdata import RTYPES, rdata_wire
from antipodes.service.dnsserver import Asker

SOA = RTYPES["SOA"]
_ACCELERATORS = to_wire("awsglobalaccelerator.com")
_BALANCERS = to_wire("elb.amazonaws.com")
_ENDPOINTS = to_wire("vpce.amazonaws.com")
_OURS_SOA = "ns-0.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 60"
_NOWHERE = Tail(0x8000 | REFUSED, 0, 0, 0, b"")


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
        self._certain: dict[tuple[str, str], Ready] = {}  # by who asks, where nothing is drawn

    def __call__(self, place: str, ip: str) -> Ready | None:
        certain = self._certain.get((place, ip))
        if certain is not None:
            return certain
        client = self._shared.clients.find(self._edge, place, ip, None)
        kept = self._known.picks
        picks = kept.get((client.place, None)) or kept.get((client.place, client.network))
        if picks is None:
            return None
        if len(picks.answers) == 1:
            self._shared.room.take()
            self._certain[place, ip] = picks.answers[0]
            return picks.answers[0]
        return picks.draw(self._shared.chance())


class Answerer:
    """Answers by what a location knows: for public zones, or those that a network sees."""

    def __init__(
        self, location: Location, shared: Shared, vpc: tuple[str, str] | None = None
    ) -> None:
        self._location = location
        self._shared = shared
        self._vpc = vpc
        self._ready = Answers()
        # The answer to a usual question (a message, the asker's place and IP address), if it has
        # been worked out for who asks.
        self.express = self._ready.answer
        self._known: dict[tuple[bytes, int, bool], _Known] = {}
        location.on_change(self.forget)
        shared.room.join(self.forget)

    def forget(self) -> None:
        """What was worked out may be wrong by now."""
        if self._known or len(self._ready):
            self._known = {}
            self._ready.clear()

    def answer(self, query: Query, asker: Asker) -> bytes:
        """The answer to a question."""
        known = self._find(query.name, query.rtype)
        if known.tail is not None:
            return answered(query, known.tail)
        plan, client = known.plan, None
        if plan is None:
            place = self._location.place
            client = self._shared.clients.find(place, asker.place, asker.ip, query.subnet)
            plan = known.by_place.get(client.place)
            if plan is not None and plan.by_network:
                plan = known.by_network.get((client.place, client.network))
        if plan is None:
            assert client is not None, "without a plan for anybody, somebody asks"
            plan = self._plan(known, query, client)
        elif not plan.asked_again:
            plan.asked_again = True
            self._express_from_now_on(known, query, client, plan)
        scope = 0
        if query.subnet is not None and (plan.by_place or plan.by_network):
            scope = query.subnet.prefix
        return answered(query, plan.draw(self._shared.chance), scope=scope)

    def _find(self, name: bytes, rtype: int) -> _Known:
        """What is known of a question, if only where its answer is to be found."""
        known = self._known.get((name, rtype, True))
        if known is not None:
            return known
        ours = self._ours(name, rtype) if self._vpc is None else None
        if ours is not None:
            return ours
        zone = self.zone(name)
        if zone is None:
            known = _Known(None, None)
            known.tail = _NOWHERE
            return known
        match = zone.match(name, rtype, self._location.version)
        if match.delegated:
            return self._referral(zone, match)
        key = match.owner, rtype if match.node is not None else 0, match.owner == name
        known = self._known.get(key)
        if known is None:
            known = self._keep(key, _Known(zone, match))
        return known

    def zone(self, name: bytes) -> Zone | None:
        """The zone that answers for a name."""
        zones, version = self._shared.zones, self._location.version
        if self._vpc is None:
            return zones.find(name, version)
        return zones.find_private(name, self._vpc, version)

    def _keep(self, key: tuple[bytes, int, bool], known: _Known) -> _Known:
        self._shared.room.take()
        self._known[key] = known
        return known

    def _referral(self, zone: Zone, match: Match) -> _Known:
        key = match.owner, 0, False
        known = self._known.get(key)
        if known is None:
            known = self._keep(key, _Known(zone, match))
            known.tail = referral(match, zone, self._location.version)
        return known

    def _plan(self, known: _Known, query: Query, client: Client) -> Plan:
        assert known.zone is not None, "a question without a zone has been answered"
        assert known.match is not None, "a question without a zone has been answered"
        plan = Planner(known.zone, self._location, client).plan(
            known.match, query.name, query.rtype
        )
        if plan.by_place or plan.by_network:
            self._shared.room.take()
            known.by_place[client.place] = plan
            if plan.by_network:
                known.by_network[client.place, client.network] = plan
        else:
            known.plan = plan
        return plan

    def _express_from_now_on(
        self, known: _Known, query: Query, client: Client | None, plan: Plan
    ) -> None:
        """Let a plan that is asked for again answer usual questions without parsing them."""
        if known.match is not None and known.match.owner != query.name:
            return  # under a wildcard there is no end of names
        if known.zone is not None and known.zone.hosted.logs_queries:
            return  # every question has to be seen
        picks = plan.picks(query.name)
        if picks is None:
            return
        if client is not None:
            self._shared.room.take()
            known.picks[client.place, client.network if plan.by_network else None] = picks
            choose = _ByClient(self._location.place, self._shared, known)
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
            kind: self._location.accelerator(name, kind)
            if accelerator
            else self._location.balancer(name, kind)
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


def _our_zone(name: bytes) -> bytes | None:
    """The zone of AWS's that a name is in, of those that are here."""
    if is_within(name, _ACCELERATORS):
        return _ACCELERATORS
    if is_within(name, _BALANCERS):
        return _BALANCERS
    if not name.endswith(b"\x09amazonaws\x03com\x00"):
        return None
    parts = list(labels(name))
    if is_within(name, _ENDPOINTS):
        return _ENDPOINTS
    if len(parts) < 4 or parts[-4] != b"elb":  # noqa: PLR2004 - elb.REGION.amazonaws.com
        return None
    at = len(name) - sum(len(part) + 1 for part in parts[-4:]) - 1
    return name[at:]

"""The data plane: authoritative DNS at every edge location.

The edge's host follows the control plane's log in us-east-1 and every region's log of load
balancers' names into its own store, so that a restart answers what was last heard, and the loss of
either changes nothing (static stability). Each location hears of a change in its own time. Health
is judged by the checkers of this host and travels to the locations as well, sooner than edits do:
AWS publishes no time, here it takes up to a sixth of the propagation.
"""

from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address
from typing import Any

import msgspec

from antipodes.edge.route53.answers import A
from antipodes.edge.route53.clients import Clients
from antipodes.edge.route53.health import CONTROL_KIND, Health
from antipodes.edge.route53.locations import Accelerators, Location, Room, Shared
from antipodes.edge.route53.model import HEALTH_CHECK_KIND, HealthCheck
from antipodes.edge.route53.replica import KINDS, Replica
from antipodes.fabric.dns.message import (
    REFUSED,
    Query,
    encode_answer,
    encode_query,
    parse_answer,
    parse_query,
)
from antipodes.fabric.dns.names import InvalidName, to_wire
from antipodes.replication.changelog import Entry
from antipodes.replication.follower import Follower
from antipodes.replication.logserver import Refused
from antipodes.runtime.contract import Address, Datagram, Gone, TimedOut
from antipodes.service.contract import Host
from antipodes.service.dnsserver import Asker, DnsServer
from antipodes.service.planes import CLUSTER_REGIONS

HOME = "us-east-1"
DOOR = "53"
HEALTH_SHARE = 1 / 6
BALANCER_KIND = "elbv2/name"
ALARM_QUERY = "cloudwatch/judge"
ALIASES_MAX = 8  # CNAMEs, from zone to zone

Change = Callable[[Location], None]


class DnsPlane:
    """The DNS servers of all edge locations of one host."""

    def __init__(self, host: Host, accelerators: Accelerators) -> None:
        self._host = host
        self._runtime = host.runtime
        self._world = host.world
        self._replica = Replica(host.store)
        self._health_s = host.settings.propagation_s * HEALTH_SHARE
        shared = Shared(
            self._replica.zones,
            Clients(host.world),
            accelerators,
            Room(),
            host.runtime.chance("route53/answers").random,
        )
        self._health = Health(
            host, self._replica, self._tell_health, self._lookup, self._alarm_state
        )
        self._followers: dict[str, Follower] = {}
        self._locations = {
            place: Location(host.runtime, host.world, place, host.settings.propagation_s, shared)
            for place in host.world.edges()
        }

    async def start(self) -> None:
        """Take up what was last heard, open the doors and follow the logs."""
        self._load()
        self._health.load(list(self._locations.values()))
        self._world.on_change(self._reconsider)
        server = DnsServer(self._runtime, self._answer, express=self._express)
        await server.listen(Address("edge/*", DOOR))
        for source in dict.fromkeys((HOME, *self._world.regions)):
            self._follow(source)
        self._health.start()
        self._follow_clusters()

    def _follow(self, source: str) -> None:
        """Listen to what a region says."""
        own = KINDS if source == HOME else ()
        follower = Follower(
            self._runtime,
            self._host.store,
            source=source,
            name="route53",
            kinds=(*own, BALANCER_KIND, CONTROL_KIND),
            apply=partial(self._hear, source),
        )
        self._followers[source] = follower
        self._runtime.spawn(follower.run(), f"follow the names of {source}")

    def _follow_clusters(self) -> None:
        """Listen to where routing controls are turned, once something goes by one."""
        if any(check.routing_control for check in self._replica.checks().values()):
            for source in CLUSTER_REGIONS:
                if source not in self._followers:
                    self._follow(source)

    def _load(self) -> None:
        self._replica.load()
        balancers = [(to_wire(name), balancer) for name, balancer in self._replica.balancers()]
        for location in self._locations.values():
            location.advance(self._replica.zones.version)
            for name, balancer in balancers:
                location.learn_balancer(name, balancer)

    def _reconsider(self) -> None:
        for location in self._locations.values():
            location.reconsider()

    # Questions.

    def _express(self, datagram: Datagram) -> bytes | None:
        data, source, source_ip, local, _ = datagram
        location = self._locations.get(local.place)
        return location.express(data, source.place, source_ip) if location is not None else None

    def _answer(self, query: Query, asker: Asker) -> bytes:
        location = self._locations.get(asker.local.place)
        if location is None:
            return encode_answer(query, REFUSED)
        return location.answer(query, asker)

    # News.

    def _hear(self, source: str, entries: list[Entry]) -> None:
        own = [entry for entry in entries if entry.kind in KINDS]
        if own:
            version = self._replica.zones.advance()
            for entry in own:
                self._replica.hear(entry.kind, entry.payload)
                if entry.kind == HEALTH_CHECK_KIND:
                    self._health.hear_of_check(entry.payload[0])
                    self._follow_clusters()
            self._tell((source,), lambda here: self._advance(here, version))
        for entry in entries:
            if entry.kind == BALANCER_KIND:
                self._hear_of_balancer(source, *entry.payload)
            elif entry.kind == CONTROL_KIND:
                self._health.hear_of_control(*entry.payload)
        self._health.hear_of_targets()

    def _tell(
        self, sources: tuple[str, ...], change: Change, *, propagation_s: float | None = None
    ) -> None:
        for location in self._locations.values():
            location.hear(sources, change, propagation_s=propagation_s)

    def _tell_health(self, sources: tuple[str, ...], change: Change) -> None:
        self._tell(sources, change, propagation_s=self._health_s)

    def _advance(self, location: Location, version: int) -> None:
        """A location has heard of a change; what nobody goes by any more is forgotten."""
        before = location.version
        location.advance(version)
        oldest = min(other.version for other in self._locations.values())
        if before < oldest:
            self._replica.zones.forget(oldest)

    def _hear_of_balancer(self, region: str, name: str, told: Any) -> None:
        balancer = self._replica.hear_of_balancer(region, name, told)
        wire = to_wire(name.lower())
        self._tell_health((region,), lambda here: here.learn_balancer(wire, balancer))

    # What health checkers ask.

    def _lookup(self, region: str, name: str) -> list[str]:
        """A name's IPv4 addresses, as the nearest location answers a region's resolver."""
        edge = self._world.anycast_edge(region)
        asker = Asker(region, "", Address(edge, DOOR), "", tcp=False)
        try:
            wanted = to_wire(name.lower())
        except InvalidName:
            return []
        for _ in range(ALIASES_MAX):
            query = parse_query(encode_query(0, wanted, A), tcp=True)
            assert isinstance(query, Query), "a name asks for itself"
            answer = parse_answer(self._answer(query, asker))
            found = [str(IPv4Address(r.rdata)) for r in answer.answers if r.rtype == A]
            if found or not answer.answers:
                return found
            wanted = answer.answers[-1].rdata  # of a CNAME that leads out of its zone
        return []

    async def _alarm_state(self, check: HealthCheck) -> str:
        """The state of an alarm as its region judges it by its metric; nothing where it is away."""
        alarm = check.alarm
        follower = self._followers.get(alarm.region) if alarm is not None else None
        if follower is None:
            return ""
        try:
            told: str = await follower.query(
                ALARM_QUERY, [check.account, msgspec.to_builtins(alarm)]
            )
        except (Gone, TimedOut, Refused):
            return ""
        return told

    def status(self) -> dict[str, Any]:
        """What each location has heard, and what is on its way to it."""
        return {
            place: {
                "version": location.version,
                "heard": location.heard,
                "pending": location.pending,
                "unhealthy": [check for check, well in location.verdicts.items() if not well],
            }
            for place, location in self._locations.items()
        }

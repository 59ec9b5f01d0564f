"""The data plane: authoritative DNS at every edge location.

It answers from what each location has heard (`knowledge`) and by the verdicts of this host's
checkers (`health`), so that the loss of the control plane changes nothing (static stability).
"""

from ipaddress import IPv4Address
from typing import Any

import msgspec

from antipodes.edge.route53.answering import Answerer
from antipodes.edge.route53.copying import CONTROL_KIND, HOME, NAME_KINDS
from antipodes.edge.route53.health import Health
from antipodes.edge.route53.knowledge import Knowledge
from antipodes.edge.route53.locations import Accelerators
from antipodes.edge.route53.model import HEALTH_CHECK_KIND, ZONE_KIND, HealthCheck
from antipodes.edge.route53.querylog import QueryLog
from antipodes.fabric.dns.message import (
    REFUSED,
    Query,
    encode_answer,
    encode_query,
    parse_answer,
    parse_query,
)
from antipodes.fabric.dns.names import InvalidName, to_wire
from antipodes.fabric.dns.rdata import RTYPES
from antipodes.replication.changelog import Entry
from antipodes.replication.logserver import Refused
from antipodes.runtime.contract import Address, Datagram, Gone, TimedOut
from antipodes.service.contract import Host
from antipodes.service.dnsserver import Asker, DnsServer
from antipodes.service.planes import CLUSTER_REGIONS

A = RTYPES["A"]
DOOR = "53"
ALARM_QUERY = "cloudwatch/judge"
ALIASES_MAX = 8  # CNAMEs, from zone to zone


class DnsPlane:
    """The DNS servers of all edge locations of one host."""

    def __init__(self, host: Host, accelerators: Accelerators) -> None:
        self._runtime = host.runtime
        self._world = host.world
        self._knowledge = Knowledge(host, accelerators, host.world.edges())
        self._answerers = {
            place: Answerer(location, self._knowledge.shared)
            for place, location in self._knowledge.locations.items()
        }
        self._lanes = {place: answerer.express for place, answerer in self._answerers.items()}
        self._query_log = QueryLog(host)
        self._health = Health(host, self._knowledge, self._lookup, self._alarm_state)

    async def start(self) -> None:
        """Take up what was last heard, open the doors, follow the logs, begin to check."""
        self._knowledge.load()
        for zone in self._knowledge.replica.zones:
            self._query_log.hear_of_zone(zone.id, logs=zone.hosted.logs_queries)
        self._health.load()
        server = DnsServer(self._runtime, self._answer, express=self._express)
        await server.listen(Address("edge/*", DOOR))
        for source in dict.fromkeys((HOME, *self._world.regions)):
            self._follow(source)
        self._health.start()
        self._follow_clusters()

    def _follow(self, source: str) -> None:
        self._knowledge.follow(source, (*NAME_KINDS, CONTROL_KIND), self._hear)

    def _follow_clusters(self) -> None:
        """Listen to where routing controls are turned, once something goes by one."""
        checks = self._knowledge.replica.checks()
        if any(check.routing_control for check in checks.values()):
            for source in CLUSTER_REGIONS:
                if source not in self._knowledge.followers:
                    self._follow(source)

    def _hear(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.kind == ZONE_KIND:
                zone_id, told = entry.payload
                logs = told is not None and bool(told.get("logs_queries"))
                self._query_log.hear_of_zone(zone_id, logs=logs)
            elif entry.kind == HEALTH_CHECK_KIND:
                self._health.hear_of_check(entry.payload[0])
                self._follow_clusters()
            elif entry.kind == CONTROL_KIND:
                self._health.hear_of_control(*entry.payload)
        self._health.hear_of_targets()

    # Questions.

    def _express(self, datagram: Datagram) -> bytes | None:
        data, source, source_ip, local, _ = datagram
        express = self._lanes.get(local[0])
        return express(data, source[0], source_ip) if express is not None else None

    def _answer(self, query: Query, asker: Asker) -> bytes:
        answerer = self._answerers.get(asker.local.place)
        if answerer is None:
            return encode_answer(query, REFUSED)
        answer = answerer.answer(query, asker)
        if self._query_log:
            zone = answerer.zone(query.name)
            if zone is not None:
                self._query_log.note(zone.id, query, asker, answer)
        return answer

    # What health checkers ask.

    def _lookup(self, region: str, name: str) -> list[str]:
        """A name's IPv4 addresses, as the nearest location answers a region's resolver."""
        edge = self._world.anycast_edge(region)
        asker = Asker(region, "", Address(edge, DOOR), "", tcp=True)
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
        follower = self._knowledge.followers.get(alarm.region) if alarm is not None else None
        if follower is None:
            return ""
        copied = [check.account, msgspec.to_builtins(alarm)]
        try:
            told: str = await follower.query(ALARM_QUERY, copied)
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
            for place, location in self._knowledge.locations.items()
        }

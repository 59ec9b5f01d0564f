"""Private zones, as a region knows them: what only networks see, answered inside the region.

A region hears of them when somebody first asks there, and from then on for ever; what it heard is
on its own disk, so that it answers without the control plane, the edge, or any other region. Health
comes from the edge's checkers. Whoever asks is where the region is: Route 53 goes by the region of
the network whose resolver asks.

Not known inside a region: accelerators as targets of aliases, which have no answer there.
"""

from collections.abc import Callable
from typing import Any

from antipodes.edge.route53.answering import Answerer
from antipodes.edge.route53.copying import EDGE, HOME, NAME_KINDS, VERDICTS_QUERY
from antipodes.edge.route53.health import BALANCER_HEALTH_KIND, HEALTH_KIND, Verdict
from antipodes.edge.route53.knowledge import Knowledge
from antipodes.fabric.dns.message import Answer, Query, encode_query, parse_answer, parse_query
from antipodes.replication.changelog import Entry
from antipodes.runtime.contract import Address
from antipodes.service.contract import Host
from antipodes.service.dnsserver import Asker
from antipodes.service.records import Records

FIRST_S = 5.0  # how long the first who asks waits to hear of what there is
LOOK_S = 0.05


class NoAccelerators:
    """Nobody inside a region knows of accelerators."""

    def addresses_of(self, _place: str, _name: str) -> tuple[str, ...]:
        """No addresses."""
        return ()

    def on_change(self, _place: str, _notify: Callable[[], None]) -> None:
        """There is none."""


class PrivateZones:
    """The private zones of one region's networks."""

    def __init__(self, host: Host) -> None:
        self._place = host.place
        self._runtime = host.runtime
        self._world = host.world
        self._knowledge = Knowledge(host, NoAccelerators(), (host.place,), name="private-zones")
        self._location = self._knowledge.locations[host.place]
        self._verdicts = Records(host.store, "names/verdict", Verdict)
        self._balancers = Records(host.store, "names/balancer-verdict", Verdict)
        self._answerers: dict[str, Answerer] = {}
        self._begun = False
        self._waited = False
        self._began_empty = True

    async def ready(self) -> None:
        """Begin to hear of zones, when first asked to; return when what there was is known."""
        if not self._begun:
            self._begun = True
            self._begin()
        until = self._runtime.now() + self._runtime.deadline(FIRST_S)
        while not self._waited and self._runtime.now() < until:
            if self._began_empty and not self._has_heard():
                await self._runtime.sleep(LOOK_S)
            else:
                self._waited = True
        self._waited = True

    def _begin(self) -> None:
        self._knowledge.load()
        for _, check_id, verdict in self._verdicts.all():
            self._location.learn_verdict(check_id, verdict.healthy)
        for _, arn, verdict in self._balancers.all():
            self._location.learn_balancer_health(arn, verdict.healthy)
        self._began_empty = next(iter(self._knowledge.replica.zones), None) is None
        for source in dict.fromkeys((HOME, *self._world.regions)):
            self._knowledge.follow(source, NAME_KINDS, _nothing_more)
        self._knowledge.follow(EDGE, (HEALTH_KIND, BALANCER_HEALTH_KIND), self._hear_of_health)

    def _has_heard(self) -> bool:
        """Whether nothing is missing of what the control plane has said; then all is in force.

        Nor of what is said here, of this region's own names.
        """
        for source in (HOME, self._place):
            told = self._knowledge.followers[source]
            if not told.connected or told.pending or self._knowledge.copying.has_to_copy(source):
                return False
        self._knowledge.advance(self._location, self._knowledge.replica.zones.version)
        return True

    def _hear_of_health(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.kind == VERDICTS_QUERY:
                self._hear_all_of_health(entry.payload)
            else:
                self._hear_one(entry.kind, *entry.payload)

    def _hear_all_of_health(self, said: list[list[Any]]) -> None:
        """These are all verdicts that there are."""
        told = {(kind, name): healthy for kind, name, healthy in said}
        known = ((HEALTH_KIND, self._verdicts), (BALANCER_HEALTH_KIND, self._balancers))
        gone = {(kind, name): None for kind, kept in known for _, name, _ in kept.all()}
        for (kind, name), healthy in {**gone, **told}.items():
            self._hear_one(kind, name, healthy)

    def _hear_one(self, kind: str, name: str, healthy: Any) -> None:
        checks = kind == HEALTH_KIND
        self._keep(self._verdicts if checks else self._balancers, name, healthy)
        if checks:
            self._location.learn_verdict(name, healthy)
        else:
            self._location.learn_balancer_health(name, healthy)

    def _keep(self, records: Records[Verdict], name: str, healthy: Any) -> None:
        if healthy is None:
            records.delete("", name)
        else:
            records.put("", name, Verdict(healthy))

    # Questions.

    def _answerer(self, vpc: str) -> Answerer:
        answerer = self._answerers.get(vpc)
        if answerer is None:
            shared = self._knowledge.shared
            answerer = self._answerers[vpc] = Answerer(self._location, shared, (self._place, vpc))
        return answerer

    def zone_of(self, name: bytes, vpc: str) -> bytes | None:
        """The most specific private zone of a network that a name is in."""
        zone = self._answerer(vpc).zone(name)
        return zone.name if zone is not None else None

    def answer(self, name: bytes, rtype: int, vpc: str) -> Answer:
        """What the private zone that a name is in says of it."""
        query = parse_query(encode_query(0, name, rtype), tcp=True)
        assert isinstance(query, Query), "a name asks for itself"
        asker = Asker(self._place, "", Address(self._place, "53"), "", tcp=True)
        return parse_answer(self._answerer(vpc).answer(query, asker))


def _nothing_more(_: list[Entry]) -> None:
    """Zones and names have been taken already."""

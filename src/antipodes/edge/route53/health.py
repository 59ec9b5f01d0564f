"""What the edge decides about health: verdicts, kept on its disk, said in its log, told to places.

Checkers judge endpoints, three places ask balancers, routing controls are heard of from the five
regions of their clusters. A verdict is durable here before anybody outside hears of it, so that a
restart begins with what was thought last; it is told from the regions of the checkers, so that it
reaches every location that any of them reaches, whatever has become of a control plane.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec

from antipodes.edge.route53.balancers import PLACES, BalancerChecks
from antipodes.edge.route53.checkers import REGIONS, STATUS, Fleet, Measured
from antipodes.edge.route53.copying import VERDICTS_QUERY
from antipodes.edge.route53.knowledge import Knowledge
from antipodes.edge.route53.locations import Location
from antipodes.edge.route53.model import (
    MEASURED_KIND,
    OBSERVATIONS_KIND,
    HealthCheck,
    Observation,
)
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

HEALTH_KIND, BALANCER_HEALTH_KIND = "route53/health", "route53/balancer-health"
ON = "On"


class Verdict(msgspec.Struct, frozen=True):
    """What was decided."""

    healthy: bool


class Control(msgspec.Struct, frozen=True):
    """A routing control, and how new that is: greater numbers are newer."""

    on: bool
    number: int


class Health:
    """The health of everything that records go by."""

    def __init__(
        self,
        host: Host,
        knowledge: Knowledge,
        lookup: Callable[[str, str], list[str]],
        alarm_state: Callable[[HealthCheck], Awaitable[str]],
    ) -> None:
        self._host = host
        self._runtime = host.runtime
        self._replica = knowledge.replica
        self._locations = list(knowledge.locations.values())
        self._tell = knowledge.tell_health
        self.lookup = lookup
        self.alarm_state = alarm_state
        store = host.store
        self._verdicts = Records(store, "route53/verdict", Verdict)
        self._balancers = Records(store, "route53/balancer-verdict", Verdict)
        self._controls = Records(store, "route53/routing-control", Control)
        host.changes.serve(VERDICTS_QUERY, self._tell_verdicts)
        self._fleet = Fleet(host.runtime, host.world, self)
        self._checks = BalancerChecks(
            host.runtime, self._replica.evaluated_balancers, self._balancer_decided
        )

    def load(self) -> None:
        """Let every location know what was decided last."""
        for _, check_id, verdict in self._verdicts.all():
            for location in self._locations:
                location.learn_verdict(check_id, verdict.healthy)
        for _, arn, verdict in self._balancers.all():
            for location in self._locations:
                location.learn_balancer_health(arn, verdict.healthy)

    def _tell_verdicts(self, _: Any) -> list[Any]:
        """For followers that are behind: every verdict there is."""
        kept = ((HEALTH_KIND, self._verdicts), (BALANCER_HEALTH_KIND, self._balancers))
        return [
            [kind, name, verdict.healthy]
            for kind, verdicts in kept
            for _, name, verdict in verdicts.all()
        ]

    def start(self) -> None:
        """Begin to check."""
        checks = self._replica.checks()
        for check in sorted(checks.values(), key=_parents_last):
            known = self._verdicts.get("", check.id)
            self._fleet.put(check, verdict=known.healthy if known is not None else None)
        self._checks.look()

    def hear_of_check(self, check_id: str) -> None:
        """A health check was made, changed or deleted."""
        check = self._replica.check(check_id)
        if check is not None:
            self._fleet.put(check)
            return
        self._fleet.drop(check_id)
        if self._verdicts.get("", check_id) is not None:
            self._verdicts.delete("", check_id)
            self._host.changes.append(HEALTH_KIND, [check_id, None])
        self.observed(check_id, [])
        self._tell(REGIONS, lambda here: here.learn_verdict(check_id, None), check_id)

    def hear_of_targets(self) -> None:
        """Balancers, or the aliases that go by them, may have changed."""
        wanted = dict.fromkeys(self._replica.evaluated_balancers())
        for _, arn, _ in list(self._balancers.all()):
            if arn not in wanted:
                self._balancers.delete("", arn)
                self._host.changes.append(BALANCER_HEALTH_KIND, [arn, None])
                self._tell(PLACES, partial(_forget_balancer, arn), arn)
        self._checks.look()

    def hear_of_control(self, arn: str, state: str | None, number: int) -> None:
        """A cluster's endpoint has said what a routing control is."""
        known = self._controls.get("", arn)
        if known is not None and known.number >= number:
            return
        self._controls.put("", arn, Control(state == ON, number))
        self._fleet.control_changed(arn)

    # What checkers ask.

    def control(self, arn: str) -> bool:
        """Whether a routing control is on; one that nobody has heard of is off."""
        known = self._controls.get("", arn)
        return known is not None and known.on

    def decided(self, check: HealthCheck, healthy: bool) -> None:  # noqa: FBT001 - an outcome
        """A health check's verdict has changed."""
        self._keep(self._verdicts, HEALTH_KIND, check.id, healthy=healthy)
        self._runtime.journal.record("health-check", check=check.id, healthy=healthy)
        # Always the same way, whatever regions a check names: news of it must not overtake news.
        self._tell(REGIONS, lambda here: here.learn_verdict(check.id, healthy), check.id)

    def observed(self, check_id: str, observations: list[Observation]) -> None:
        """A checker has changed its mind, or nobody probes any more."""
        try:
            told = msgspec.to_builtins(observations)
            self._host.changes.append(OBSERVATIONS_KIND, [check_id, told])
        except DiskFull:  # the next change of a mind tells of this one, too
            self._runtime.journal.sometimes("route53.observation-not-kept")

    def measured(self, rows: list[Measured]) -> None:
        """A minute is over: the control plane's region publishes what it was like."""
        for row in rows:  # the disk may not have taken all of it when it was decided
            healthy, known = row.values[STATUS] > 0, self._verdicts.get("", row.health_check)
            if healthy != (known is None or known.healthy):
                self._keep(self._verdicts, HEALTH_KIND, row.health_check, healthy=healthy)
        try:
            self._host.changes.append(MEASURED_KIND, [self._runtime.wall(), rows])
        except DiskFull:
            self._runtime.journal.sometimes("route53.measures-not-told")

    def _balancer_decided(self, arn: str, healthy: bool) -> None:  # noqa: FBT001 - an outcome
        known = self._balancers.get("", arn)
        if known is not None and known.healthy == healthy:
            return
        self._keep(self._balancers, BALANCER_HEALTH_KIND, arn, healthy=healthy)
        self._runtime.journal.record("balancer-health", balancer=arn, healthy=healthy)
        self._tell(PLACES, lambda here: here.learn_balancer_health(arn, healthy), arn)

    def _keep(self, records: Records[Verdict], kind: str, name: str, *, healthy: bool) -> None:
        try:
            records.put("", name, Verdict(healthy))
            self._host.changes.append(kind, [name, healthy])
        except DiskFull:  # the locations hear of it all the same
            self._runtime.journal.sometimes("route53.verdict-not-kept")


def _forget_balancer(arn: str, location: Location) -> None:
    location.learn_balancer_health(arn, None)


def _parents_last(check: HealthCheck) -> tuple[bool, str]:
    return bool(check.children), check.id

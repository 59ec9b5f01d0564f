"""The fleet of health checkers: two in each of eight regions, which probe over the world.

Every checker has an opinion of every endpoint it probes and changes it after as many outcomes in a
row as the check's threshold. An endpoint is healthy while more than 18 % of its checkers say so; so
one region's broken link changes nothing, and most of the fleet has to be wrong to be wrong about an
endpoint. A checker that has not probed yet thinks what was thought last, of a new endpoint that it
is healthy.

From these verdicts follow those of calculated checks; routing controls and alarms are heard of, not
probed. A disabled check is healthy; then an inverted one is turned around.

Facts: Route 53's Developer Guide, "How Route 53 determines the status of health checks", "Values
that you specify when you create or update health checks". How many checkers there are is not
published; at 30 s an endpoint is said to see a request about every two seconds.
"""

from collections.abc import Awaitable, Coroutine
from typing import Any, NamedTuple, Protocol

from antipodes.edge.route53.model import PROBED, HealthCheck, Observation
from antipodes.edge.route53.probes import Outcome, address_of, failed, port_of, probe
from antipodes.runtime.contract import Address, Runtime, Task
from antipodes.world import addresses
from antipodes.world.world import World

REGIONS = (
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
)
EACH = 2
HEALTHY_SHARE = 0.18  # more than that
ALARM_S = 60.0
MEASURED_S = 60.0
STATUS = "HealthCheckStatus"  # a metric: 1 or 0
CALCULATED, RECOVERY_CONTROL, ALARM = "CALCULATED", "RECOVERY_CONTROL", "CLOUDWATCH_METRIC"


class Seat(NamedTuple):
    """Where a checker stands, and what its requests come from."""

    region: str
    ip: str


def seats(regions: tuple[str, ...]) -> tuple[Seat, ...]:
    """The checkers of these regions; of all where none are named."""
    return tuple(
        Seat(region, addresses.checker_address(region, n + 1))
        for region in REGIONS
        if region in regions or not regions
        for n in range(EACH)
    )


class Measured(NamedTuple):
    """What a minute of a health check was like."""

    account: str
    health_check: str
    values: dict[str, float]  # by metric
    spans: list[list[Any]]  # metric, region, count, sum, least and most of milliseconds


class Surroundings(Protocol):
    """What checkers ask of the edge they belong to."""

    def lookup(self, region: str, name: str) -> list[str]:
        """The IPv4 addresses of a name, as a resolver in a region finds them."""

    def decided(self, check: HealthCheck, healthy: bool) -> None:  # noqa: FBT001 - an outcome
        """A verdict has changed."""

    def observed(self, check_id: str, observations: list[Observation]) -> None:
        """A checker has changed its mind."""

    def measured(self, rows: list[Measured]) -> None:
        """A minute is over."""

    def control(self, arn: str) -> bool:
        """Whether a routing control is on."""

    def alarm_state(self, check: HealthCheck) -> Awaitable[str]:
        """The state of a check's alarm, judged by its metric; nothing while it is not known."""


class _Checker:
    """One checker and one endpoint."""

    def __init__(self, seat: Seat, *, opinion: bool) -> None:
        self.seat = seat
        self.opinion = opinion
        self.against = 0  # outcomes in a row that say otherwise
        self.seen: Observation | None = None

    def took(self, outcome: Outcome, threshold: int, now: float) -> bool:
        """Take an outcome; return whether it is worth telling."""
        before, region, ip = self.seen, *self.seat
        failure, failed_at = (before.failure, before.failed_at) if before is not None else ("", 0.0)
        if not outcome.healthy:
            failure, failed_at = outcome.status, now
        self.seen = Observation(region, ip, outcome.status, now, failure, failed_at)
        self.against = self.against + 1 if outcome.healthy != self.opinion else 0
        if self.against >= threshold:
            self.opinion = outcome.healthy
            self.against = 0
            return True
        return before is None


class _Watched:
    """One health check at work."""

    def __init__(self, check: HealthCheck) -> None:
        self.check = check
        self.checkers: list[_Checker] = []
        self.times_ms: dict[tuple[str, str], list[float]] = {}  # of a minute, by metric and region
        self.tasks: list[Task] = []
        self.alarm_healthy = True

    def stop(self) -> None:
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            task.cancel()


class Fleet:
    """All checkers."""

    def __init__(self, runtime: Runtime, world: World, around: Surroundings) -> None:
        self._runtime = runtime
        self._world = world
        self._around = around
        self._watched: dict[str, _Watched] = {}
        self._verdicts: dict[str, bool] = {}
        self._measures = False

    def put(self, check: HealthCheck, *, verdict: bool | None = None) -> None:
        """Begin to watch, or go on with other settings; `verdict` is what was decided before."""
        before = self._watched.get(check.id)
        if before is not None:
            before.stop()
        watched = self._watched[check.id] = _Watched(check)
        if verdict is not None:
            self._verdicts[check.id] = verdict
        known = verdict is not None and not check.disabled
        opinion = verdict != check.inverted if known else True
        if before is not None:
            watched.alarm_healthy = before.alarm_healthy
        elif check.type == ALARM:
            watched.alarm_healthy = opinion
        if check.type in PROBED:
            opinions = {c.seat: c for c in before.checkers} if before is not None else {}
            for seat in seats(check.regions):
                checker = opinions.get(seat) or _Checker(seat, opinion=opinion)
                watched.checkers.append(checker)
                if not check.disabled:
                    self._spawn(watched, self._check_for_ever(watched, checker), "health checker")
        elif check.type == ALARM and not check.disabled:
            self._spawn(watched, self._watch_alarm(watched), "alarm of a health check")
        self._judge(watched)
        if not self._measures:
            self._measures = True
            self._runtime.later(self._runtime.interval(MEASURED_S), self._measure)

    def _spawn(self, watched: _Watched, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        watched.tasks.append(self._runtime.spawn(coroutine, name))

    def drop(self, check_id: str) -> None:
        """Watch no more."""
        watched = self._watched.pop(check_id, None)
        self._verdicts.pop(check_id, None)
        if watched is not None:
            watched.stop()
            self._judge_parents(check_id)

    def control_changed(self, arn: str) -> None:
        """A routing control was turned."""
        for watched in list(self._watched.values()):
            if watched.check.routing_control == arn:
                self._judge(watched)

    # Probing.

    async def _check_for_ever(self, watched: _Watched, checker: _Checker) -> None:
        check, seat = watched.check, checker.seat
        runtime = self._runtime.at(seat.region)
        interval_s = runtime.interval(check.interval_s)
        chance = runtime.chance(f"health-check/{check.id}/{seat.ip}")
        due = runtime.now() + chance.uniform(0, interval_s)
        while True:
            await runtime.sleep(max(0.0, due - runtime.now()))
            outcome = await self._probe(runtime, check, seat)
            if check.measures_latency:
                for metric, value in outcome.times_ms.items():
                    watched.times_ms.setdefault((metric, seat.region), []).append(value)
            if checker.took(outcome, check.threshold, runtime.wall()):
                seen = [other.seen for other in watched.checkers if other.seen is not None]
                self._around.observed(check.id, seen)
                self._judge(watched)
            due = max(due + interval_s, runtime.now())

    async def _probe(self, runtime: Runtime, check: HealthCheck, seat: Seat) -> Outcome:
        ip = address_of(check)
        if not ip:
            found = self._around.lookup(seat.region, check.domain)
            if not found:
                return failed("DNS resolution failed: no address was found")
            ip = found[0]
        place = self._place(seat.region, ip)
        if place is None:
            return failed("Connection timed out: nobody in this world has that address")
        return await probe(runtime, Address(place, f"{ip}:{port_of(check)}"), check, seat.ip)

    def _place(self, region: str, ip: str) -> str | None:
        """Where an address is, seen from a region."""
        if addresses.is_anycast(ip):
            return self._world.anycast_edge(region)
        return addresses.place_of(ip)

    async def _watch_alarm(self, watched: _Watched) -> None:
        check = watched.check
        while True:
            state = await self._around.alarm_state(check)
            if state in ("OK", "ALARM"):
                watched.alarm_healthy = state == "OK"
            elif check.insufficient_data in ("Healthy", "Unhealthy"):
                watched.alarm_healthy = check.insufficient_data == "Healthy"
            self._judge(watched)
            await self._runtime.sleep(self._runtime.interval(ALARM_S))

    # Measures.

    def _measure(self) -> None:
        """Tell what a minute was like; no more once there is nothing to watch."""
        if not self._watched:
            self._measures = False
            return
        self._runtime.later(self._runtime.interval(MEASURED_S), self._measure)
        self._around.measured([self._measured(watched) for watched in self._watched.values()])

    def _measured(self, watched: _Watched) -> Measured:
        check = watched.check
        values: dict[str, float] = {STATUS: float(self._verdicts[check.id])}
        if watched.checkers:
            well = sum(checker.opinion for checker in watched.checkers)
            values["HealthCheckPercentageHealthy"] = 100.0 * well / len(watched.checkers)
        if check.type == CALCULATED:
            well = sum(self._verdicts.get(child, True) for child in check.children)
            values["ChildHealthCheckHealthyCount"] = float(well)
        times, watched.times_ms = watched.times_ms, {}
        spans = [[*key, len(v), sum(v), min(v), max(v)] for key, v in times.items()]
        return Measured(check.account, check.id, values, spans)

    # Verdicts.

    def _judge(self, watched: _Watched) -> None:
        check = watched.check
        verdict = (check.disabled or self._is_well(watched)) != check.inverted
        before = self._verdicts.get(check.id, True)
        self._verdicts[check.id] = verdict
        if verdict != before:
            self._around.decided(check, verdict)
            self._judge_parents(check.id)

    def _is_well(self, watched: _Watched) -> bool:
        check = watched.check
        if check.type == CALCULATED:
            well = sum(self._verdicts.get(child, True) for child in check.children)
            return well >= check.health_threshold
        if check.type == RECOVERY_CONTROL:
            return self._around.control(check.routing_control)
        if check.type == ALARM:
            return watched.alarm_healthy
        return is_healthy([checker.opinion for checker in watched.checkers])

    def _judge_parents(self, child: str) -> None:
        """Calculated checks are no children, so this goes up one step only."""
        for watched in list(self._watched.values()):
            if child in watched.check.children:
                self._judge(watched)


def is_healthy(opinions: list[bool]) -> bool:
    """Whether enough checkers think so."""
    return not opinions or sum(opinions) > HEALTHY_SHARE * len(opinions)

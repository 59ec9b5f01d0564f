"""Whether targets are well: probes at a group's own interval, timeout and thresholds.

Every target of a group that some load balancer forwards to has one prober, which stands for the
nodes of all zones (AWS probes from each of them). A function is invoked with the health check's
event; an address is asked by HTTP, on a new connection. What probers know lives in memory: a host
that restarts begins with `initial`, and the first check that passes makes a target healthy again.

States and reasons: the Application Load Balancer user guide, target-group-health-checks.
"""

from collections.abc import Callable
from typing import NamedTuple

from antipodes.regional.elbv2 import attributes, lambdaformat
from antipodes.regional.elbv2.groups import TRAFFIC_PORT, matcher_takes
from antipodes.regional.elbv2.invoking import Failed, invoke
from antipodes.regional.elbv2.model import LAMBDA, HealthCheck, Target, TargetGroup
from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import Address, Gone, Task, TimedOut
from antipodes.service.contract import Host, Response
from antipodes.service.http import HttpClient

HEALTHY, UNHEALTHY, INITIAL = "healthy", "unhealthy", "initial"


class Outcome(NamedTuple):
    """What one probe found; no reason: it passed."""

    reason: str = ""
    description: str = ""


class Health(NamedTuple):
    """What is known of a target: its state, why, and how often the same was seen in a row."""

    state: str = INITIAL
    reason: str = "Elb.InitialHealthChecking"
    description: str = "Initial health checks in progress"
    passed: int = 0
    failed: int = 0


_NOT_IN_USE = Health(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
_DRAINING = Health(
    "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
)
_DISABLED = Health("unavailable", "Target.HealthCheckDisabled", "Health checks are disabled")
_REGISTERING = Health(INITIAL, "Elb.RegistrationInProgress", "Target registration is in progress")
NOT_REGISTERED = Health(
    "unused", "Target.NotRegistered", "Target is not registered to the target group"
)


def after(health: Health, outcome: Outcome, check: HealthCheck) -> Health:
    """Return what is known after one more probe; the very first success is enough."""
    if not outcome.reason:
        passed = health.passed + 1
        if health.state != UNHEALTHY or passed >= check.healthy_threshold:
            return Health(HEALTHY, "", "", passed)
        return health._replace(passed=passed, failed=0)
    failed = health.failed + 1
    if health.state == UNHEALTHY or failed >= check.unhealthy_threshold:
        return Health(UNHEALTHY, outcome.reason, outcome.description, 0, failed)
    if health.state == INITIAL:
        return Health(failed=failed)
    return health._replace(passed=0, failed=failed)


def describe(health: Health) -> Response:
    """Describe a target's health; a healthy one has no reason."""
    response: Response = {"State": health.state}
    if health.reason:
        response |= {"Reason": health.reason, "Description": health.description}
    return response


class _Prober:
    """The probing of one target."""

    def __init__(self, check: HealthCheck) -> None:
        self.check = check
        self.health = _REGISTERING
        self.task: Task


class Probes:
    """All probers of this host."""

    def __init__(self, host: Host, registry: Registry) -> None:
        self._host = host
        self._registry = registry
        self._probers: dict[tuple[str, str], _Prober] = {}
        self._notified: list[Callable[[], None]] = []

    def on_change(self, notify: Callable[[], None]) -> None:
        """Call after every change of a target's state."""
        self._notified.append(notify)

    def reconcile(self) -> None:
        """Begin to probe what should be probed and is not, and the other way round."""
        wanted = {
            (group.arn, target.key): (group, target)
            for group in self._registry.used_groups()
            if group.check.enabled
            for target in group.registered()
        }
        for key, prober in list(self._probers.items()):
            found = wanted.get(key)
            if found is None:
                prober.task.cancel()
                del self._probers[key]
            elif found[0].check != prober.check:
                prober.task.cancel()
                prober.check = found[0].check
                self._begin(prober, *found)
        for key, found in wanted.items():
            if key not in self._probers:
                prober = self._probers[key] = _Prober(found[0].check)
                self._begin(prober, *found)

    def _begin(self, prober: _Prober, group: TargetGroup, target: Target) -> None:
        work = self._probe_for_ever(prober, group, target)
        prober.task = self._host.runtime.spawn(work, f"probing {target.key} of {group.name}")

    async def _probe_for_ever(self, prober: _Prober, group: TargetGroup, target: Target) -> None:
        runtime = self._host.runtime
        while True:
            started = runtime.now()
            # The group as it is now: its attributes may have changed meanwhile.
            current = self._registry.groups.get(group.account, group.key) or group
            outcome = await self._probe(current, target)
            before = prober.health
            prober.health = after(before, outcome, prober.check)
            if before.state != prober.health.state:
                runtime.journal.record(
                    "elb.health",
                    group=group.arn,
                    target=target.id,
                    before=before.state,
                    after=prober.health.state,
                    reason=prober.health.reason,
                )
                for notify in self._notified:
                    notify()
            interval = runtime.interval(prober.check.interval_s)
            await runtime.sleep(max(0.0, started + interval - runtime.now()))

    async def _probe(self, group: TargetGroup, target: Target) -> Outcome:
        ask = self._ask_function if group.target_type == LAMBDA else self._ask_address
        try:
            status = await ask(group, target)
        except TimedOut:
            return Outcome("Target.Timeout", "Request timed out")
        except (Failed, Gone, lambdaformat.BadAnswer):
            return Outcome("Target.FailedHealthChecks", "Health checks failed")
        if matcher_takes(group.check.matcher, status):
            return Outcome()
        return Outcome(
            "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]"
        )

    async def _ask_function(self, group: TargetGroup, target: Target) -> int:
        known = attributes.OF_GROUP[LAMBDA]
        multi = attributes.value(known, group.attributes, attributes.MULTI_VALUE) == "true"
        payload = await invoke(
            self._host,
            target.id,
            lambdaformat.check_event(group.arn, group.check.path, multi_value=multi),
            account=group.account,
            trace="",
            seconds=self._host.runtime.deadline(group.check.timeout_s),
        )
        return lambdaformat.parse_answer(payload, multi_value=multi).status

    async def _ask_address(self, group: TargetGroup, target: Target) -> int:
        runtime, check = self._host.runtime, group.check
        port = target.port if check.port == TRAFFIC_PORT else int(check.port)
        door = f"{target.id}:{port}"
        headers = {"host": door, "user-agent": lambdaformat.CHECK_AGENT}
        client = HttpClient(runtime)
        async with runtime.timeout(runtime.deadline(check.timeout_s)):
            response = await client.request(
                Address("laptop", door), "GET", check.path, headers=headers, keep_alive=False
            )
        return response.status

    # What others ask.

    def health(self, group: TargetGroup, target: Target, *, used: bool) -> Health:
        """Return what is known of a target of a group."""
        if target.gone_at:
            return _DRAINING
        if not used:
            return _NOT_IN_USE
        if not group.check.enabled:
            return _DISABLED
        prober = self._probers.get((group.arn, target.key))
        return prober.health if prober is not None else _REGISTERING

    def takes_requests(self, group: TargetGroup, target: Target) -> bool:
        """Whether a target is known to be well, or nobody checks."""
        health = self.health(group, target, used=True)
        return health.state == HEALTHY or health is _DISABLED

    def targets(self, group: TargetGroup) -> list[Target]:
        """Return where a group's requests may go: its healthy targets, or all if there is none."""
        registered = list(group.registered())
        well = [target for target in registered if self.takes_requests(group, target)]
        return well or registered

    def is_healthy(self, group: TargetGroup) -> bool:
        """Whether a group has a target that is well."""
        return any(self.takes_requests(group, target) for target in group.registered())

"""Whether targets are well: probes at a group's own interval, timeout and thresholds.

Every target of a group that some load balancer forwards to has one prober, which stands for the
nodes of all zones (AWS probes from each of them, and those of a network load balancer agree on what
they found). A function is invoked with the health check's
event; an address is asked by HTTP, on a new connection. What probers know lives in memory: a host
that restarts begins with `initial`, and the first check that passes makes a target healthy again.

States and reasons: the Application Load Balancer user guide, target-group-health-checks.
"""

from collections.abc import Callable
from typing import NamedTuple

from antipodes.regional.elbv2 import (
    attributes,
    lambdaformat,
    nlbattributes,
    nlbprobes,
    targets,
    zonal,
)
from antipodes.regional.elbv2.enforcing import Networks
from antipodes.regional.elbv2.groups import TRAFFIC_PORT, matcher_takes
from antipodes.regional.elbv2.invoking import Failed, invoke
from antipodes.regional.elbv2.model import LAMBDA, TCP, HealthCheck, Target, TargetGroup
from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import Gone, Task, TimedOut
from antipodes.service.contract import Host, Response
from antipodes.service.http import HttpClient

HEALTHY, UNHEALTHY, INITIAL = "healthy", "unhealthy", "initial"
UNHEALTHY_DRAINING = "unhealthy.draining"


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
_NOT_ENABLED = Health(
    "unused",
    "Target.NotInUse",
    "Target is in an Availability Zone that is not enabled for the load balancer",
)
_UNUSABLE = Health(
    "unused",
    "Target.IpUnusable",
    "The IP address cannot be used as a target, as it is in use by a load balancer",
)
_DRAINING = Health(
    "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
)
_DISABLED = Health("unavailable", "Target.HealthCheckDisabled", "Health checks are disabled")
_FAILED = Outcome("Target.FailedHealthChecks", "Health checks failed")
_REGISTERING = Health(INITIAL, "Elb.RegistrationInProgress", "Target registration is in progress")
NOT_REGISTERED = Health(
    "unused", "Target.NotRegistered", "Target is not registered to the target group"
)


def _port(group: TargetGroup, target: Target) -> int:
    return target.port if group.check.port == TRAFFIC_PORT else int(group.check.port)


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
        self.changed_at = 0.0
        self.task: Task


class Probes:
    """All probers of this host."""

    def __init__(self, host: Host, registry: Registry, networks: Networks) -> None:
        self._host = host
        self._registry = registry
        self._networks = networks
        self._probers: dict[tuple[str, str], _Prober] = {}
        self._notified: list[Callable[[TargetGroup, Target, str], None]] = []
        # By group, worked out until a target's health or the registry changes.
        self._usable: dict[str, list[Target]] = {}
        self._usable_at = registry.version

    def on_change(self, notify: Callable[[TargetGroup, Target, str], None]) -> None:
        """Call with the new state after every change of a target's."""
        self._notified.append(notify)

    def reconcile(self) -> None:
        """Begin to probe what should be probed and is not, and the other way round."""
        self._usable.clear()
        nodes = self._registry.addresses()
        wanted = {
            (group.arn, target.key): (group, target)
            for group in self._registry.used_groups()
            if group.check.enabled
            for target in group.registered()
            if target.id not in nodes and self._is_enabled(group, target)
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
                prober.changed_at = runtime.now()
                self._usable.clear()
                runtime.journal.record(
                    "elb.health",
                    group=group.arn,
                    target=target.id,
                    before=before.state,
                    after=prober.health.state,
                    reason=prober.health.reason,
                )
                for notify in self._notified:
                    notify(current, target, prober.health.state)
            interval = runtime.interval(prober.check.interval_s)
            await runtime.sleep(max(0.0, started + interval - runtime.now()))

    async def _probe(self, group: TargetGroup, target: Target) -> Outcome:
        ask = self._ask_address
        if group.target_type == LAMBDA:
            ask = self._ask_function
        elif group.is_zonal:
            ask = self._ask_flow
        try:
            if self._networks.enforces and group.target_type != LAMBDA:
                await self._networks.check(group, target, _port(group, target))
            status = await ask(group, target)
        except TimedOut:
            return _FAILED if group.is_zonal else Outcome("Target.Timeout", "Request timed out")
        except (Failed, Gone, lambdaformat.BadAnswer):
            return _FAILED
        if group.check.protocol == TCP or matcher_takes(group.check.matcher, status):
            return Outcome()
        if group.is_zonal:
            return _FAILED
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
        port = _port(group, target)
        client = HttpClient(runtime)
        headers = {
            "host": f"{target.address or target.id}:{port}",
            "user-agent": lambdaformat.CHECK_AGENT,
        }
        async with runtime.timeout(runtime.deadline(check.timeout_s)):
            response = await client.request(
                targets.door(self._host, group, target, port),
                "GET",
                check.path,
                headers=headers,
                keep_alive=False,
            )
        return response.status

    async def _ask_flow(self, group: TargetGroup, target: Target) -> int:
        runtime = self._host.runtime
        async with runtime.timeout(runtime.deadline(group.check.timeout_s)):
            return await nlbprobes.status_of(
                self._host, self._registry, group, target, _port(group, target)
            )

    def _is_enabled(self, group: TargetGroup, target: Target) -> bool:
        """Whether a target's zone is one of the load balancer's, where that matters."""
        if not group.is_zonal or target.zone in zonal.ANYWHERE:
            return True
        users = self._registry.users_of(group)
        return any(target.zone == zone.name for user in users for zone in user.zones)

    # What others ask.

    def health(self, group: TargetGroup, target: Target, *, used: bool) -> Health:
        """Return what is known of a target of a group."""
        if target.gone_at:
            return _DRAINING
        if not used:
            return _NOT_IN_USE
        if not group.check.enabled:
            return _DISABLED
        if target.id in self._registry.addresses():  # nodes cannot be targets
            return _UNUSABLE
        if not self._is_enabled(group, target):
            return _NOT_ENABLED
        prober = self._probers.get((group.arn, target.key))
        if prober is None:
            return _REGISTERING
        if prober.health.state == UNHEALTHY and self._keeps_flows(prober, group):
            return prober.health._replace(state=UNHEALTHY_DRAINING)
        return prober.health

    def _keeps_flows(self, prober: _Prober, group: TargetGroup) -> bool:
        """Whether an unhealthy target still has the time to end what it has begun."""
        seconds = nlbattributes.keeps_unhealthy_s(group)
        since = self._host.runtime.now() - prober.changed_at
        return seconds > 0 and since < self._host.runtime.interval(seconds)

    def takes_requests(self, group: TargetGroup, target: Target) -> bool:
        """Whether a target is known to be well, or nobody checks."""
        if target.gone_at:
            return False
        if not group.check.enabled:
            return True
        prober = self._probers.get((group.arn, target.key))  # none, where its zone is not enabled
        return prober is not None and prober.health.state == HEALTHY

    def usable(self, group: TargetGroup) -> list[Target]:
        """Return where a group's requests may go: its healthy targets, or all if there is none."""
        if self._usable_at != self._registry.version:
            self._usable.clear()
            self._usable_at = self._registry.version
        found = self._usable.get(group.arn)
        if found is None:
            registered = list(group.registered())
            well = [target for target in registered if self.takes_requests(group, target)]
            found = self._usable[group.arn] = well or registered
        return found

    def is_healthy(self, group: TargetGroup) -> bool:
        """Whether a group has a target that is well."""
        return any(self.takes_requests(group, target) for target in group.registered())

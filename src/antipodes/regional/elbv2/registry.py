"""What is registered: the service's records in the host's store, found by ARN and by relation.

`version` is another one after every change, and after a group of changes that was rolled back, so
that the data plane can keep what it worked out until then.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from antipodes.regional.elbv2 import model
from antipodes.regional.elbv2.model import Listener, LoadBalancer, Record, Rule, TargetGroup
from antipodes.runtime.contract import Store
from antipodes.service.contract import Call
from antipodes.service.records import Records

R = TypeVar("R", LoadBalancer, TargetGroup, Listener, Rule)
T = TypeVar("T")


class Registry:
    """Load balancers, target groups, listeners and rules of all accounts in this region."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changes = 0
        # Relations, worked out until the next change.
        self._worked_out: dict[tuple[str, str], Any] = {}
        self._worked_out_at = self.version
        self.balancers = Records(store, "elbv2/balancer", LoadBalancer)
        self.groups = Records(store, "elbv2/group", TargetGroup)
        self.listeners = Records(store, "elbv2/listener", Listener)
        self.rules = Records(store, "elbv2/rule", Rule)

    @property
    def version(self) -> tuple[int, int]:
        """What is registered now, told apart from what was before."""
        return self._changes, self._store.failures

    # Changes.

    def put(self, record: Record) -> None:
        """Create or replace."""
        self._changes += 1
        match record:
            case LoadBalancer():
                self.balancers.put(record.account, record.key, record)
            case TargetGroup():
                self.groups.put(record.account, record.key, record)
            case Listener():
                self.listeners.put(record.account, record.key, record)
            case Rule():
                self.rules.put(record.account, record.key, record)

    def delete(self, record: Record) -> None:
        """Remove, with everything below it."""
        self._changes += 1
        match record:
            case LoadBalancer():
                for listener in self.listeners_of(record):
                    self.delete(listener)
                self.balancers.delete(record.account, record.key)
            case TargetGroup():
                self.groups.delete(record.account, record.key)
            case Listener():
                for rule in self.rules_of(record):
                    self.delete(rule)
                self.listeners.delete(record.account, record.key)
            case Rule():
                self.rules.delete(record.account, record.key)

    # By ARN.

    def balancer(self, call: Call, arn: str) -> LoadBalancer:
        """Return the load balancer of that ARN."""
        return self._find(call, arn, "loadbalancer", self.balancers)

    def group(self, call: Call, arn: str) -> TargetGroup:
        """Return the target group of that ARN."""
        return self._find(call, arn, "targetgroup", self.groups)

    def listener(self, call: Call, arn: str) -> Listener:
        """Return the listener of that ARN."""
        return self._find(call, arn, "listener", self.listeners)

    def rule(self, call: Call, arn: str) -> Rule | Listener:
        """Return the rule of that ARN; its listener, where it is a default rule."""
        key = self._key(call, arn, "listener-rule")
        rule = self.rules.get(call.account, key)
        if rule is not None:
            return rule
        listener = self.listeners.get(call.account, key.rpartition("/")[0])
        if listener is None or listener.default_rule_arn != arn:
            raise model.not_found("listener-rule", arn)
        return listener

    def _find(self, call: Call, arn: str, kind: str, records: Records[R]) -> R:
        record = records.get(call.account, self._key(call, arn, kind))
        if record is None:
            raise model.not_found(kind, arn)
        return record

    def _key(self, call: Call, arn: str, kind: str) -> str:
        parsed = model.parse_arn(arn)
        if parsed is None or parsed[2] != kind:
            raise model.invalid(f"'{arn}' is not a valid {kind} ARN")
        region, account, _, key = parsed
        if (region, account) != (call.region, call.account):
            raise model.not_found(kind, arn)
        return key

    # By relation.

    def _once(self, relation: str, of: str, work_out: Callable[[], T]) -> T:
        """Return what is worked out once until something changes: it takes many records."""
        if self._worked_out_at != self.version:
            self._worked_out.clear()
            self._worked_out_at = self.version
        key = relation, of
        if key not in self._worked_out:
            self._worked_out[key] = work_out()
        found: T = self._worked_out[key]
        return found

    def balancer_named(self, account: str, name: str) -> LoadBalancer | None:
        """Return the account's load balancer of that name."""
        return _first(self.balancers.list(account), lambda balancer: balancer.name == name)

    def group_named(self, account: str, name: str) -> TargetGroup | None:
        """Return the account's target group of that name."""
        return _first(self.groups.list(account), lambda group: group.name == name)

    def listeners_of(self, balancer: LoadBalancer) -> list[Listener]:
        """Return a load balancer's listeners, by port."""
        listeners = self.listeners.list(balancer.account)
        found = [listener for listener in listeners if listener.balancer == balancer.key]
        return sorted(found, key=lambda listener: listener.port)

    def rules_of(self, listener: Listener) -> list[Rule]:
        """Return a listener's rules, by priority, without the default rule."""
        rules = self.rules.list(listener.account)
        found = [rule for rule in rules if rule.listener == listener.key]
        return sorted(found, key=lambda rule: rule.priority)

    def groups_of(self, balancer: LoadBalancer) -> Mapping[str, None]:
        """Return the ARNs of the target groups that a load balancer may forward to."""

        def work_out() -> dict[str, None]:
            found: dict[str, None] = {}
            for listener in self.listeners_of(balancer):
                found |= self.groups_of_listener(listener)
            return found

        return self._once("groups", balancer.arn, work_out)

    def groups_of_listener(self, listener: Listener) -> dict[str, None]:
        """Return the ARNs of the target groups that a listener may forward to."""
        found = model.groups_of(listener.actions)
        for rule in self.rules_of(listener):
            found |= model.groups_of(rule.actions)
        return found

    def group_of(self, arn: str) -> TargetGroup | None:
        """Return the target group that an action names, if it is still there."""
        parsed = model.parse_arn(arn)
        assert parsed is not None, f"{arn} was checked when it came in"
        return self.groups.get(parsed[1], parsed[3])

    def addresses(self) -> Mapping[str, None]:
        """Return the addresses of all load balancers' nodes."""

        def work_out() -> dict[str, None]:
            zones = [zone for _, _, one in self.balancers.all() for zone in one.zones]
            return {zone.address: None for zone in zones if zone.address}

        return self._once("addresses", "", work_out)

    def groups_with(self, arn: str) -> list[TargetGroup]:
        """Return the target groups in which a load balancer is a target."""
        return [
            group
            for _, _, group in self.groups.all()
            if any(target.id == arn for target in group.registered())
        ]

    def users_of(self, group: TargetGroup) -> Sequence[LoadBalancer]:
        """Return the load balancers that forward to a target group: one at most."""

        def work_out() -> dict[str, list[LoadBalancer]]:
            users: dict[str, list[LoadBalancer]] = {}
            for balancer in self.balancers.list(group.account):
                for arn in self.groups_of(balancer):
                    users.setdefault(arn, []).append(balancer)
            return users

        return self._once("users", group.account, work_out).get(group.arn, ())

    def used_groups(self) -> Iterator[TargetGroup]:
        """Yield every target group that some load balancer forwards to."""
        for _, _, balancer in self.balancers.all():
            yield from self.used_by(balancer)

    def used_by(self, balancer: LoadBalancer) -> Iterator[TargetGroup]:
        """Yield every target group that a load balancer may forward to."""
        for arn in self.groups_of(balancer):
            group = self.group_of(arn)
            if group is not None:
                yield group


def _first(records: list[R], fits: Callable[[R], bool]) -> R | None:
    return next((record for record in records if fits(record)), None)

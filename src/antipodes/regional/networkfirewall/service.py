"""Network Firewall in one region: what its operations share."""

from typing import TypeVar

from antipodes.regional.networkfirewall import compiling, model
from antipodes.regional.networkfirewall.model import (
    FIREWALL,
    GROUPS,
    POLICY,
    STATEFUL,
    STATELESS,
    Firewall,
    Policy,
    Record,
    RuleGroup,
)
from antipodes.service.appliances import KnownFirewalls
from antipodes.service.contract import Call, Host, Operations, Request, Response, Service
from antipodes.service.drawing import uuid
from antipodes.service.paging import InvalidToken, page_at
from antipodes.service.records import Records

operations = Operations()
PAGE_MAX = 100
R = TypeVar("R", Firewall, Policy, RuleGroup)
_NOUNS = {
    FIREWALL: "firewall",
    POLICY: "firewall policy",
    **dict.fromkeys(GROUPS.values(), "rule group"),
}


class NetworkFirewall(Service):
    """Network Firewall in one region."""

    name = "network-firewall"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.firewalls = Records(host.store, "network-firewall/firewall", Firewall)
        self.policies = Records(host.store, "network-firewall/policy", Policy)
        self._groups = {
            kind: Records(host.store, f"network-firewall/{name}", RuleGroup)
            for kind, name in GROUPS.items()
        }
        self._known = KnownFirewalls(host.store)
        self._chance = host.runtime.chance("network-firewall/ids")

    def new_id(self) -> str:
        """A new id, or a new token."""
        return uuid(self._chance)

    # Finding.

    def groups(self, kind: str) -> Records[RuleGroup]:
        """The rule groups of a type."""
        return self._groups[kind]

    def firewall(self, call: Call, request: Request) -> Firewall:
        """The firewall that a request names."""
        names = request.get("FirewallName"), request.get("FirewallArn")
        return self._find(call, self.firewalls, FIREWALL, *names)

    def policy(self, call: Call, request: Request) -> Policy:
        """The policy that a request names."""
        names = request.get("FirewallPolicyName"), request.get("FirewallPolicyArn")
        return self._find(call, self.policies, POLICY, *names)

    def group(self, call: Call, request: Request) -> RuleGroup:
        """The rule group that a request names, by its ARN or by name and type."""
        name, arn = request.get("RuleGroupName"), request.get("RuleGroupArn")
        kind = request.get("Type")
        parsed = model.parse_arn(arn) if arn else None
        if parsed is not None:
            kinds = {resource: one for one, resource in GROUPS.items()}
            kind = kinds.get(parsed[2])
        if kind not in GROUPS:
            raise model.invalid("A rule group is named by its ARN, or by its name and type")
        return self._find(call, self._groups[kind], GROUPS[kind], name, arn)

    def _find(
        self, call: Call, records: Records[R], kind: str, name: str | None, arn: str | None
    ) -> R:
        noun = _NOUNS[kind]
        if not name and not arn:
            raise model.invalid(f"The name or the ARN of the {noun} must be specified")
        if arn:
            parsed = model.parse_arn(arn)
            if parsed is None or parsed[2] != kind or (name and name != parsed[3]):
                raise model.invalid(f"'{arn}' is not the ARN of this {noun}")
            if parsed[:2] != (call.region, call.account):
                raise model.not_found(noun)
            name = parsed[3]
        found = records.get(call.account, name or "")
        if found is None:
            raise model.not_found(noun)
        return found

    def tagged(self, call: Call, arn: str) -> Record:
        """Whatever has an ARN."""
        parsed = model.parse_arn(arn)
        kind = parsed[2] if parsed is not None else ""
        if kind == FIREWALL:
            return self.firewall(call, {"FirewallArn": arn})
        if kind == POLICY:
            return self.policy(call, {"FirewallPolicyArn": arn})
        return self.group(call, {"RuleGroupArn": arn})

    def put(self, record: Record) -> None:
        """Keep a record, and let networks go by what it says."""
        match record:
            case Firewall():
                self.firewalls.put(record.account, record.name, record)
            case Policy():
                self.policies.put(record.account, record.name, record)
            case RuleGroup():
                self._groups[record.type].put(record.account, record.name, record)
        self.publish(record.account)

    # Relations.

    def referenced(self, policy: Policy) -> dict[str, RuleGroup]:
        """The rule groups of a policy, by ARN."""
        found = {}
        for kind, records in self._groups.items():
            by_arn = {one.arn: one for one in records.list(policy.account)}
            for reference in references(policy, kind):
                arn = reference["ResourceArn"]
                found[arn] = by_arn[arn]
        return found

    def capacities(self, policy: Policy) -> dict[str, int]:
        """The capacity of a policy's groups, by type."""
        groups = self.referenced(policy).values()
        return {kind: sum(g.capacity for g in groups if g.type == kind) for kind in GROUPS}

    def users_of_policy(self, policy: Policy) -> int:
        """How many firewalls go by a policy."""
        return sum(one.policy == policy.arn for one in self.firewalls.list(policy.account))

    def users_of_group(self, group: RuleGroup) -> int:
        """How many policies have a rule group."""
        return sum(
            any(one["ResourceArn"] == group.arn for one in references(policy, group.type))
            for policy in self.policies.list(group.account)
        )

    def publish(self, account: str) -> None:
        """Tell networks what the firewalls of an account go by."""
        policies = {one.arn: one for one in self.policies.list(account)}
        for one in self.firewalls.list(account):
            policy = policies[one.policy]
            groups = self.referenced(policy)
            self._known.tell(account, compiling.firewall(one.arn, policy, groups, one.home))

    def forget(self, firewall: Firewall) -> None:
        """Delete a firewall."""
        self.firewalls.delete(firewall.account, firewall.name)
        self._known.forget(firewall.account, firewall.arn)


def references(policy: Policy, kind: str) -> list[Request]:
    """The references of a policy to rule groups of a type."""
    member = {STATELESS: "StatelessRuleGroupReferences", STATEFUL: "StatefulRuleGroupReferences"}
    found: list[Request] = policy.document.get(member[kind]) or []
    return found


def page(items: list[Response], request: Request, member: str) -> Response:
    """One page of a list."""
    size = request.get("MaxResults") or PAGE_MAX
    try:
        found, following = page_at(items, request.get("NextToken"), size)
    except InvalidToken:
        raise model.invalid("The NextToken value is not valid") from None
    response: Response = {member: list(found)}
    return {**response, "NextToken": following} if following else response

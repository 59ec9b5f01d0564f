"""What a policy's rules say, told in the words of the network model.

Stateless rules come first: by the priorities of their groups in the policy, then by their own. The
first that fits passes a packet, drops it, or forwards it to the stateful rules, and so do the
policy's default actions with what none of them fits. Stateful rules are looked at by action (pass,
drop, reject, alert) or, in strict order, by the groups' priorities and as they are written. An
alert changes nothing, and is left out.

What is walked stands for a flow, and not for the packets that open it: where those are let through
and all that follow them are dropped, as `aws:drop_established` has it, the flow is dropped.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from antipodes.fabric.network import packets
from antipodes.fabric.network.spaces import Range
from antipodes.fabric.network.topology import (
    ALL_PORTS,
    ANYWHERE,
    DROP,
    LOOK,
    PASS,
    Firewall,
    FirewallRule,
)
from antipodes.regional.networkfirewall import sets, suricata
from antipodes.regional.networkfirewall.model import STATELESS, Policy, RuleGroup
from antipodes.regional.networkfirewall.suricata import HeaderRule

STRICT_ORDER = "STRICT_ORDER"
DROPS = ("aws:drop_strict", "aws:drop_established")
VERDICTS = {"aws:pass": PASS, "aws:drop": DROP, "aws:forward_to_sfe": LOOK}
HOME, ELSEWHERE = "HOME_NET", "EXTERNAL_NET"
_PROTOCOLS = {
    "ip": (),
    "tcp": (packets.TCP,),
    "udp": (packets.UDP,),
    "icmp": (packets.ICMP, packets.ICMPV6),
}
Variables = Mapping[str, Sequence[str]]


def firewall(
    arn: str, policy: Policy, groups: Mapping[str, RuleGroup], home: Sequence[str]
) -> Firewall:
    """A firewall by a policy; `home` are the prefixes of its network."""
    document = policy.document
    options = document.get("StatefulEngineOptions") or {}
    variables = (document.get("PolicyVariables") or {}).get("RuleVariables") or {}
    if HOME in variables:
        home = variables[HOME]["Definition"]
    drops = any(one in DROPS for one in document.get("StatefulDefaultActions") or ())
    return Firewall(
        arn,
        tuple(_screen(document, groups)),
        tuple(_rules(document, groups, home)),
        DROP if drops else PASS,
        options.get("StreamExceptionPolicy") != "CONTINUE",
    )


def _screen(document: dict[str, Any], groups: Mapping[str, RuleGroup]) -> Iterator[FirewallRule]:
    references = document.get("StatelessRuleGroupReferences") or ()
    for reference in sorted(references, key=lambda one: one["Priority"]):
        yield from stateless(groups[reference["ResourceArn"]])
    verdict = VERDICTS[document["StatelessDefaultActions"][0]]
    yield FirewallRule("stateless default", verdict)


def stateless(group: RuleGroup) -> Iterator[FirewallRule]:
    """The rules of a stateless group, in order."""
    source = group.document["RulesSource"]["StatelessRulesAndCustomActions"]
    for rule in sorted(source["StatelessRules"], key=lambda one: one["Priority"]):
        definition = rule["RuleDefinition"]
        match = definition["MatchAttributes"]
        yield FirewallRule(
            f"{group.name} {rule['Priority']}",
            VERDICTS[definition["Actions"][0]],
            _prefixes(match.get("Sources")),
            _prefixes(match.get("Destinations")),
            tuple(match.get("Protocols") or ()),
            _ranges(match.get("SourcePorts")),
            _ranges(match.get("DestinationPorts")),
        )


def _prefixes(given: Sequence[dict[str, str]] | None) -> tuple[str, ...]:
    if not given:
        return ANYWHERE
    texts = [one["AddressDefinition"] for one in given]
    return tuple(prefix for text in texts for prefix in sets.addresses(text, {}))


def _ranges(given: Sequence[dict[str, int]] | None) -> tuple[Range, ...]:
    if not given:
        return ALL_PORTS
    return tuple((one["FromPort"], one["ToPort"]) for one in given)


def _rules(
    document: dict[str, Any], groups: Mapping[str, RuleGroup], home: Sequence[str]
) -> Iterator[FirewallRule]:
    references = document.get("StatefulRuleGroupReferences") or ()
    options = document.get("StatefulEngineOptions") or {}
    is_strict = options.get("RuleOrder") == STRICT_ORDER
    if is_strict:
        references = sorted(references, key=lambda one: one["Priority"])
    written = [
        (rule, groups[one["ResourceArn"]])
        for one in references
        for rule in header_rules(groups[one["ResourceArn"]])
    ]
    if not is_strict:
        written.sort(key=lambda pair: suricata.ACTIONS.index(pair[0].action))
    for rule, group in written:
        if rule.action != suricata.ALERT:
            yield from _told(rule, group, variables_of(group, home))


def header_rules(group: RuleGroup) -> list[HeaderRule]:
    """The rules of a stateful group, as they are written. Raises NotTakenError."""
    source = group.document["RulesSource"]
    if source.get("RulesString"):
        return suricata.parsed(source["RulesString"])
    return suricata.of_tuples(source["StatefulRules"])


def variables_of(group: RuleGroup, home: Sequence[str]) -> Variables:
    """What the names mean that a group's rules may use."""
    given = group.document.get("RuleVariables") or {}
    found: dict[str, Sequence[str]] = {HOME: home, ELSEWHERE: [f"!${HOME}"]}
    for kind in ("IPSets", "PortSets"):
        found |= {name: one["Definition"] for name, one in (given.get(kind) or {}).items()}
    return found


def _told(rule: HeaderRule, group: RuleGroup, variables: Variables) -> Iterator[FirewallRule]:
    verdict = PASS if rule.action == suricata.PASS else DROP
    one = sets.addresses(rule.source, variables), sets.ports(rule.source_port, variables)
    two = sets.addresses(rule.target, variables), sets.ports(rule.target_port, variables)
    for (sources, source_ports), (targets, target_ports) in (
        ((one, two), (two, one)) if rule.direction == suricata.BOTH_WAYS else ((one, two),)
    ):
        yield FirewallRule(
            f"{group.name} {rule.sid}",
            verdict,
            sources,
            targets,
            _PROTOCOLS[rule.protocol],
            source_ports,
            target_ports,
        )


def check(group: RuleGroup) -> int:
    """Return what capacity a group's rules take. Raises NotTakenError and UnreadableError."""
    if group.type == STATELESS:
        return sum(_weight(rule) for rule in stateless(group))
    variables = variables_of(group, ("10.0.0.0/8",))
    written = header_rules(group)
    for rule in written:
        list(_told(rule, group, variables))
    return len(written)


def _weight(rule: FirewallRule) -> int:
    """One for each combination of what a rule names."""
    found = max(1, len(rule.protocols))
    for named, everything in (
        (rule.sources, ANYWHERE),
        (rule.targets, ANYWHERE),
        (rule.source_ports, ALL_PORTS),
        (rule.target_ports, ALL_PORTS),
    ):
        found *= 1 if named == everything else len(named)
    return found

"""Appliances that look at what passes, behind interfaces that hand packets to them.

A packet that a route leads to an inspection is handed to one appliance, and comes back into the
subnet of the inspection's interface, as it went. The flow chooses the appliance, the same in both
directions if the same are there to choose from; an answer that comes by the inspection of another
zone meets an appliance that has not seen what it answers.

A firewall's screen keeps no state: it drops, passes, or has the rest look. What its rules pass,
they pass as a flow: answers are not looked at again. What passes because no rule was for it is not
remembered as passed: a rule may still drop what answers it.

Sources: AWS PrivateLink Guide, "Gateway Load Balancer endpoints"; Gateway Load Balancer guide,
"Asymmetric flows"; Network Firewall Developer Guide, "How Network Firewall filters network
traffic", "Managing evaluation order for Suricata compatible rules".
"""

from collections.abc import Iterator, Sequence
from itertools import product

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.index import Index
from antipodes.fabric.network.nodes import (
    Allowed,
    End,
    Hop,
    Judged,
    Key,
    Lookup,
    Node,
    Permit,
    Rule,
    Sieve,
    Spread,
)
from antipodes.fabric.network.spaces import PROTOCOLS, Box, everything, minus_all
from antipodes.fabric.network.subnets import VIA, always, filter_into
from antipodes.fabric.network.topology import DROP, LOOK, PASS, Firewall, FirewallRule

MTU = 8500  # bytes
_OTHERWISE = "otherwise"
_NOT_SEEN = "not seen"  # what this would be the answer to


def filter_inspect(index: Index, inspection_id: str) -> Sieve:
    """Into the subnet where packets are handed to appliances."""
    found = index.topology.inspections[inspection_id]
    subnet = index.subnet_of(index.topology.interfaces[found.interface])
    return filter_into(index, subnet, ("inspect", inspection_id))


def inspect(index: Index, inspection_id: str) -> Node:
    """To one of the appliances, by the flow."""
    found = index.topology.inspections[inspection_id]
    zone = index.subnet_of(index.topology.interfaces[found.interface]).zone
    hop = Hop("inspection", inspection_id, zone, mtu=MTU, charge=found.charge)
    if not found.appliances:
        return always(End(outcomes.NO_APPLIANCE, hop))
    firewall = _firewall(index, inspection_id)
    first = "screen" if firewall.screen else "seen"
    return Spread(hop, tuple((first, inspection_id, one.id) for one in found.appliances))


def inspected(index: Index, inspection_id: str) -> Lookup:
    """Back from an appliance, as it went."""
    found = index.topology.inspections[inspection_id]
    return always(("wire", index.topology.interfaces[found.interface].subnet, VIA))


def screen(index: Index, inspection_id: str, appliance: str) -> Sieve:
    """At rules that keep no state: what they drop ends here."""
    hop = _hop(index, inspection_id, appliance)
    firewall = _firewall(index, inspection_id)
    rules = tuple(
        Judged(box, one.verdict != DROP, Rule(firewall.id, one.name))
        for one in firewall.screen
        for box in _boxes(index, one)
    )
    rest = Judged(everything(index.version), True, Rule(firewall.id, _OTHERWISE))  # noqa: FBT003 - it passes
    refused = End(outcomes.REFUSED_BY_FIREWALL, hop)
    return Sieve(hop, (*rules, rest), ("screened", inspection_id, appliance), refused)


def screened(index: Index, inspection_id: str, appliance: str) -> Sieve:
    """What they do not drop passes, or is looked at."""
    firewall = _firewall(index, inspection_id)
    rules = tuple(
        Judged(box, one.verdict == PASS, Rule(firewall.id, one.name))
        for one in firewall.screen
        if one.verdict in {PASS, LOOK}
        for box in _boxes(index, one)
    )
    return Sieve(None, rules, ("inspected", inspection_id), ("seen", inspection_id, appliance))


def seen(index: Index, inspection_id: str, appliance: str) -> Permit:
    """At an appliance, which remembers what it has seen."""
    hop = _hop(index, inspection_id, appliance)
    firewall = _firewall(index, inspection_id)
    to: Key = ("inspected", inspection_id)
    if firewall.rules or firewall.otherwise == DROP:
        to = ("passing", inspection_id, appliance)
    anything = Allowed(everything(index.version), Rule(firewall.id, "no rules"))
    refused = End(outcomes.REFUSED_BY_FIREWALL, hop, Rule(firewall.id, _NOT_SEEN))
    shown = None if to[0] == "passing" else hop
    return Permit(
        shown, f"seen {appliance} {hop.place}", (anything,), to, refused, strict=firewall.strict
    )


def passing(index: Index, inspection_id: str, appliance: str) -> Permit:
    """What a rule passes, passes as a flow."""
    firewall, hop = _firewall(index, inspection_id), _hop(index, inspection_id, appliance)
    return Permit(
        hop,
        f"passed {appliance} {hop.place}",
        tuple(_passed(index, firewall)),
        ("inspected", inspection_id),
        ("dropping", inspection_id, appliance),
    )


def dropping(index: Index, inspection_id: str, appliance: str) -> Sieve:
    """What no rule passes: dropped by one, or done with as all else is."""
    hop = _hop(index, inspection_id, appliance)
    firewall = _firewall(index, inspection_id)
    passes = firewall.otherwise == PASS
    rest = Judged(everything(index.version), passes, Rule(firewall.id, _OTHERWISE))
    dropped = [one for one in _judged(index, firewall.rules, firewall) if not one.passes]
    refused = End(outcomes.REFUSED_BY_FIREWALL, hop)
    return Sieve(hop, (*dropped, rest), ("inspected", inspection_id), refused)


def _firewall(index: Index, inspection_id: str) -> Firewall:
    name = index.topology.inspections[inspection_id].firewall
    return index.topology.firewalls.get(name) or Firewall(name)


def _hop(index: Index, inspection_id: str, appliance: str) -> Hop:
    found = index.topology.inspections[inspection_id].appliances
    return Hop("appliance", appliance, next(one.zone for one in found if one.id == appliance))


def _judged(index: Index, rules: Sequence[FirewallRule], of: Firewall) -> Iterator[Judged]:
    for one in rules:
        for box in _boxes(index, one):
            yield Judged(box, one.verdict == PASS, Rule(of.id, one.name))


def _passed(index: Index, firewall: Firewall) -> Iterator[Allowed]:
    """What ordered rules pass, as rules of which any does."""
    before: list[Box] = []
    for box, passes, rule in _judged(index, firewall.rules, firewall):
        if passes:
            for left in minus_all([box], before):
                yield Allowed(left, rule)
        else:
            before.append(box)


def _boxes(index: Index, of: FirewallRule) -> Iterator[Box]:
    protocols = [(one, one) for one in of.protocols] or [PROTOCOLS]
    sources, targets = index.ranges(of.sources), index.ranges(of.targets)
    yield from product(sources, targets, protocols, of.source_ports, of.target_ports)

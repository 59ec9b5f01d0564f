"""What routes lead to beside networks: services, and firewalls that look at what passes.

Sources: AWS PrivateLink Guide, "Gateway endpoints", "Gateway Load Balancer endpoints"; Network
Firewall Developer Guide, "How Network Firewall filters network traffic".
"""

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.index import Index
from antipodes.fabric.network.nodes import (
    Allowed,
    End,
    Hop,
    Judged,
    Lookup,
    Node,
    Permit,
    Rule,
    Sieve,
    Spread,
)
from antipodes.fabric.network.packets import ICMP, TCP
from antipodes.fabric.network.spaces import PROTOCOL, TARGET, Box, everything, minus_all, replaced
from antipodes.fabric.network.subnets import STRAIGHT, VIA, always, filter_into, judged

_OFFERED = (TCP, ICMP)


def service(index: Index, service_id: str) -> Sieve:
    """At a service, which answers from its own addresses into the network it is reached from."""
    found = index.topology.services[service_id]
    hop = Hop("service", service_id, index.topology.networks[found.network].region)
    whole = everything(index.version)
    rules = [
        Judged(replaced(whole, PROTOCOL, (one, one)), True, Rule(service_id, "offered"))  # noqa: FBT003 - it passes
        for one in _OFFERED
    ]
    return Sieve(hop, tuple(rules), ("served", service_id), End(outcomes.NOT_OFFERED, hop))


def served(index: Index, service_id: str) -> Lookup:
    """A service has a packet."""
    found = index.topology.services[service_id]
    hop = Hop("service", service_id, index.topology.networks[found.network].region)
    back = ("network", found.network, STRAIGHT)
    return always(End(outcomes.DELIVERED, hop, back=back))


# Firewalls.


def filter_inspect(index: Index, inspection_id: str) -> Sieve:
    """Into the subnet where packets are handed to a firewall."""
    found = index.topology.inspections[inspection_id]
    subnet = index.subnet_of(index.topology.interfaces[found.interface])
    return filter_into(index, subnet, ("inspect", inspection_id))


def inspect(index: Index, inspection_id: str) -> Node:
    """To a firewall, in this zone or in one that the flow chooses."""
    found = index.topology.inspections[inspection_id]
    zone = index.subnet_of(index.topology.interfaces[found.interface]).zone
    hop = Hop("inspection", inspection_id, zone, mtu=8500, charge="inspection")
    zones = found.zones or (zone,)
    return Spread(hop, tuple(("firewall", inspection_id, one) for one in zones))


def firewall(index: Index, inspection_id: str, zone: str) -> Node:
    """In a firewall, which allows what the first entry that fits allows."""
    found = index.topology.inspections[inspection_id]
    hop = Hop("firewall", found.firewall, zone)
    refused = End(outcomes.REFUSED_BY_FIREWALL, hop)
    rules = judged(index, found.entries, TARGET, found.firewall)
    allowed: tuple[Allowed, ...] = (
        Allowed(everything(index.version), Rule(found.firewall, "no entry")),
    )
    if rules:
        allowed = _any_of(rules)
    tracker = f"{found.firewall} {zone}"
    return Permit(hop, tracker, allowed, ("inspected", inspection_id), refused, strict=True)


def _any_of(rules: tuple[Judged, ...]) -> tuple[Allowed, ...]:
    """What ordered rules allow, as rules of which any allows."""
    before: list[Box] = []
    found = []
    for box, passes, rule in rules:
        if passes:
            found += [Allowed(left, rule) for left in minus_all([box], before)]
        before.append(box)
    return tuple(found)


def inspected(index: Index, inspection_id: str) -> Lookup:
    """Back from a firewall, as it went."""
    found = index.topology.inspections[inspection_id]
    return always(("wire", index.topology.interfaces[found.interface].subnet, VIA))

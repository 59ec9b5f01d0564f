"""Inside a network: from an interface to the router of its subnet, and from there to another.

An interface sends through its groups. What is for its own subnet goes there straight; all else
crosses the subnet's filter to the router, whose table decides. What the router sends into a subnet
crosses that one's filter. A filter sees nothing that stays inside of its subnet.

Rules that name a group hold for what comes from its members straight, not for what somebody has
forwarded: then the interface that sent it is another. So `via` says how a packet has come:
`STRAIGHT`, `VIA` somebody who forwards, or by a hub, whose id it is.

Source: Amazon VPC User Guide, "Route tables", "Network ACLs", "Security groups".
"""

from collections.abc import Sequence

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.index import Index
from antipodes.fabric.network.nodes import (
    Allowed,
    End,
    Entry,
    Hop,
    Judged,
    Key,
    Lookup,
    Node,
    Permit,
    Rule,
    Sieve,
)
from antipodes.fabric.network.packets import ICMP, ICMPV6, TCP, UDP
from antipodes.fabric.network.spaces import (
    PROTOCOL,
    SOURCE,
    TARGET,
    TARGET_PORT,
    Box,
    Range,
    everything,
    flattened,
    replaced,
)
from antipodes.fabric.network.topology import (
    ANY,
    DOOR,
    EGRESS,
    FORWARDER,
    GATEWAY,
    HUB,
    INSPECTION,
    INTERFACE,
    LOCAL,
    PEERING,
    PRIVATE,
    PROPAGATED,
    RELAY,
    SERVICE,
    TRANSLATOR,
    FilterEntry,
    Group,
    Interface,
    Network,
    Route,
    Subnet,
)

STRAIGHT, VIA = "straight", "via"
_HAVE_PORTS = frozenset({ICMP, TCP, UDP, ICMPV6})


def table(
    entries: Sequence[tuple[Range, Key | End, Rule]],
    otherwise: Key | End,
    *,
    field: int = TARGET,
    hop: Hop | None = None,
) -> Lookup:
    """A lookup by nested or disjoint ranges, of which the innermost counts, or the first."""
    flat = flattened([(one, number) for number, (one, _, _) in enumerate(entries)])
    return Lookup(
        hop,
        field,
        tuple(low for low, _, _ in flat),
        tuple(high for _, high, _ in flat),
        tuple(Entry(*entries[what][1:]) for _, _, what in flat),
        otherwise,
    )


def always(to: Key | End, hop: Hop | None = None) -> Lookup:
    """Everything goes one way."""
    return Lookup(hop, TARGET, (), (), (), to)


def only(index: Index, field: int, values: Sequence[int], to: Key, refused: End) -> Sieve:
    """Lets those pass whose address is one of some."""
    whole = everything(index.version)
    rules = tuple(
        Judged(replaced(whole, field, (value, value)), True, Rule(refused.hop.id, "own address"))  # noqa: FBT003 - it passes
        for value in values
    )
    return Sieve(None, rules, to, refused)


def interface_hop(index: Index, interface: Interface) -> Hop:
    """An interface, on a packet's way."""
    return Hop("interface", interface.id, index.subnet_of(interface).zone)


# Out of an interface.


def out(index: Index, interface_id: str, via: str) -> Node:
    """An interface sends."""
    interface = index.topology.interfaces[interface_id]
    if not interface.up:
        return always(End(outcomes.NOT_RUNNING, interface_hop(index, interface)))
    if not interface.checks or via != STRAIGHT:
        return out_of_groups(index, interface_id, via)
    refused = End(outcomes.SOURCE_CHECK, interface_hop(index, interface))
    own = index.addresses(interface.addresses)
    return only(index, SOURCE, own, ("groups-out", interface_id, via), refused)


def out_of_groups(index: Index, interface_id: str, via: str) -> Permit:
    """It sends what its groups allow."""
    interface = index.topology.interfaces[interface_id]
    return by_groups(index, interface, ("wire", interface.subnet, via), TARGET, via)


def by_groups(  # noqa: PLR0913, PLR0917 - whose, which way, and where to
    index: Index, interface: Interface, to: Key, peer: int, via: str, tracker: str = ""
) -> Permit:
    """What the groups of an interface allow, towards it or from it."""
    tracker = tracker or interface.id
    refused = End(outcomes.REFUSED_BY_GROUPS, interface_hop(index, interface))
    if interface.groups is None:
        free = Allowed(everything(index.version), Rule(interface.id, "no groups"))
        return Permit(interface_hop(index, interface), tracker, (free,), to, refused)
    own, names = index.network_of(interface).id, interface.groups
    found = ("groups", own, names, peer, via)  # many interfaces have the same
    rules = index.once(found, lambda: _allowed_by(index, own, names, peer, via))
    return Permit(interface_hop(index, interface), tracker, rules, to, refused)


def _allowed_by(
    index: Index, own: str, names: Sequence[str], peer: int, via: str
) -> tuple[Allowed, ...]:
    groups = [index.topology.groups[name] for name in names]
    return tuple(one for group in groups for one in _allowed(index, own, group, peer, via))


def _allowed(index: Index, own: str, group: Group, peer: int, via: str) -> list[Allowed]:
    found = []
    for rule in group.inbound if peer == SOURCE else group.outbound:
        peers = index.ranges(rule.prefixes)
        if rule.group in index.topology.groups:
            members = _counting(index, own, rule.group, peer, via)
            texts = [address for member in members for address in member.addresses]
            peers += [(address, address) for address in index.addresses(texts)]
        for one in peers:
            box = _box(index, peer, one, rule.protocol, rule.ports)
            found.append(Allowed(box, Rule(group.id, rule.name)))
    return found


def _counting(index: Index, own: str, name: str, peer: int, via: str) -> list[Interface]:
    """The members of a group that a rule of a network's group means, for what has come so."""
    group, members = index.topology.groups[name], index.members_of[name]
    if group.others:
        return [one for one in members if _counts(index, own, index.network_of(one).id, peer, via)]
    return members if _counts(index, own, group.network, peer, via) else []


def _counts(index: Index, own: str, other: str, peer: int, via: str) -> bool:
    """Whether a rule of a network's group may mean members in another network."""
    if via in {STRAIGHT, VIA}:
        return via == STRAIGHT and index.are_joined(own, other)
    return peer == SOURCE and index.counts_across(via, own, other)


def _box(index: Index, field: int, peer: Range, protocol: int, ports: Range) -> Box:
    """Packets with a peer, of a protocol, to ports."""
    box = replaced(everything(index.version), field, peer)
    if protocol == ANY:
        return box
    box = replaced(box, PROTOCOL, (protocol, protocol))
    return replaced(box, TARGET_PORT, ports) if protocol in _HAVE_PORTS else box


# Between the interfaces of a subnet, and its router.


def wire(index: Index, subnet_id: str, via: str) -> Lookup:
    """Something was sent in a subnet: to its own addresses, or to the router."""
    subnet = index.topology.subnets[subnet_id]
    here = [
        (one, ("arrive", subnet_id, via), Rule(subnet_id, "own prefix"))
        for one in index.ranges(subnet.prefixes)
    ]
    return table(here, ("filter-out", subnet_id, via))


def filter_out(index: Index, subnet_id: str, via: str) -> Sieve:
    """Out of a subnet, to its router."""
    subnet = index.topology.subnets[subnet_id]
    entries = index.topology.filters[subnet.filter].outbound
    return _filter(index, subnet, entries, TARGET, ("routes", subnet_id, via))


def filter_in(index: Index, subnet_id: str, via: str) -> Sieve:
    """Into a subnet, for one of its addresses."""
    return filter_into(index, index.topology.subnets[subnet_id], ("arrive", subnet_id, via))


def filter_in_to(index: Index, interface_id: str, via: str) -> Sieve:
    """Into a subnet, for an interface that a route names, whatever the address."""
    subnet = index.subnet_of(index.topology.interfaces[interface_id])
    return filter_into(index, subnet, ("to", interface_id, via))


def filter_into(index: Index, subnet: Subnet, to: Key) -> Sieve:
    """Into a subnet, to whatever stands in it."""
    return _filter(index, subnet, index.topology.filters[subnet.filter].inbound, SOURCE, to)


def _filter(
    index: Index, subnet: Subnet, entries: Sequence[FilterEntry], peer: int, to: Key
) -> Sieve:
    hop = Hop("filter", subnet.filter, subnet.zone)
    name = subnet.filter
    rules = index.once(("filter", name, peer), lambda: judged(index, entries, peer, name))
    return Sieve(hop, rules, to, End(outcomes.REFUSED_BY_FILTER, hop))


def judged(index: Index, entries: Sequence[FilterEntry], peer: int, of: str) -> tuple[Judged, ...]:
    """Entries of a filter, as the rules of a sieve; their prefixes are the peers'."""
    return tuple(
        Judged(
            _box(index, peer, one, entry.protocol, entry.ports), entry.allows, Rule(of, entry.name)
        )
        for entry in entries
        for one in index.ranges((entry.prefix,))
    )


# The router.


def routes(index: Index, subnet_id: str, via: str) -> Lookup:
    """Where the router of a subnet sends what has come out of it."""
    subnet = index.topology.subnets[subnet_id]
    network = index.topology.networks[subnet.network]
    name = subnet.table or network.table
    hop = Hop("table", name, subnet.zone)
    entries = [
        (one, target(index, network, route, hop, via, subnet_id), Rule(name, route.name))
        for route, one in preferred(index, network, index.topology.tables[name].routes)
    ]
    return table(entries, End(outcomes.NO_ROUTE, hop), hop=hop)


def preferred(index: Index, network: Network, found: Sequence[Route]) -> list[tuple[Route, Range]]:
    """Routes by prefix, those that count before others to the same prefix.

    What is learnt never takes the place of the network's own prefixes, nor of a part of them; and
    of what is learnt over lines nothing is left once they are down.
    """
    own = index.ranges(network.prefixes)
    pairs = [(route, one) for route in found for one in index.ranges(route.prefixes)]
    return sorted(
        (
            (route, (low, high))
            for route, (low, high) in pairs
            if route.origin != PROPAGATED
            or (
                _is_announced(index, route)
                and not any(first <= low and high <= last for first, last in own)
            )
        ),
        key=lambda pair: pair[0].origin,
    )


def _is_announced(index: Index, route: Route) -> bool:
    """Whether a learnt route is heard over any line, if it comes from a private gateway."""
    gateway = index.topology.private_gateways.get(route.to.id)
    if route.to.kind != PRIVATE or gateway is None:
        return True
    return any(
        set(route.prefixes) <= set(one.prefixes)
        and any(index.topology.lines[name].up for name in one.lines)
        for one in gateway.routes
    )


def target(  # noqa: PLR0913, PLR0917 - a route, and where it is looked at
    index: Index, network: Network, route: Route, hop: Hop, via: str, subnet_id: str = ""
) -> Key | End:
    """Where a route leads."""
    kind, name = route.to
    if route.blackhole:
        return End(outcomes.BLACKHOLE, hop, Rule(hop.id, route.name))
    if kind == TRANSLATOR:
        kind, name = INTERFACE, index.topology.translators[name].interface
    if kind in {INTERFACE, INSPECTION}:
        return _in_a_subnet(index, kind, name, via, subnet_id)
    if kind == GATEWAY and subnet_id and _is_redirected(index, name, subnet_id):
        return End(outcomes.REDIRECTED, hop, Rule(hop.id, route.name))
    beyond: dict[str, Key] = {
        LOCAL: ("network", network.id, via),
        GATEWAY: ("gateway", name),
        EGRESS: ("gateway", name),
        SERVICE: ("service", name),
        PRIVATE: ("private-gateway", name),
        HUB: ("hub", name, network.id, hop.place),
        PEERING: ("peering", name, network.id, via),
    }
    return beyond[kind]


def _is_redirected(index: Index, gateway_id: str, subnet_id: str) -> bool:
    """Whether what comes in by a gateway for a subnet is led to something in another one."""
    topology = index.topology
    name = topology.gateways[gateway_id].table
    if not name:
        return False
    for low, high in index.ranges(topology.subnets[subnet_id].prefixes):
        around = [
            (last - first, route)
            for route in topology.tables[name].routes
            for first, last in index.ranges(route.prefixes)
            if first <= low and high <= last
        ]
        kind, to = min(around, key=lambda pair: pair[0])[1].to if around else (LOCAL, "")
        if kind == INSPECTION:
            to = topology.inspections[to].interface
        if kind in {INTERFACE, INSPECTION} and topology.interfaces[to].subnet != subnet_id:
            return True
    return False


def _in_a_subnet(index: Index, kind: str, name: str, via: str, subnet_id: str) -> Key:
    """To something that stands in a subnet: past its filter, unless that is where we are."""
    inspects = kind == INSPECTION
    interface = index.topology.inspections[name].interface if inspects else name
    stays = index.topology.interfaces[interface].subnet == subnet_id
    if inspects:
        return ("inspect", name) if stays else ("filter-inspect", name)
    return ("to" if stays else "filter-in-to", name, via)


def network(index: Index, network_id: str, via: str) -> Lookup:
    """Into a network, for one of its subnets."""
    entries = [
        (one, ("filter-in", subnet.id, via), Rule(network_id, subnet.id))
        for subnet in index.subnets_in[network_id]
        for one in index.ranges(subnet.prefixes)
    ]
    region = index.topology.networks[network_id].region
    return table(entries, End(outcomes.NO_SUBNET, Hop("network", network_id, region)))


# Into an interface.


def arrive(index: Index, subnet_id: str, via: str) -> Lookup:
    """In a subnet, for one of its addresses."""
    subnet = index.topology.subnets[subnet_id]
    entries = [
        ((address, address), ("to", interface.id, via), Rule(subnet_id, interface.id))
        for interface in index.interfaces_in[subnet_id]
        for address in index.addresses(interface.addresses)
    ]
    return table(entries, End(outcomes.NO_ADDRESS, Hop("subnet", subnet_id, subnet.zone)))


def to(index: Index, interface_id: str, via: str) -> Node:
    """An interface is handed a packet."""
    interface = index.topology.interfaces[interface_id]
    if not interface.checks:
        return into_groups(index, interface_id, via)
    refused = End(outcomes.TARGET_CHECK, interface_hop(index, interface))
    own = index.addresses(interface.addresses)
    return only(index, TARGET, own, ("groups-in", interface_id, via), refused)


def into_groups(index: Index, interface_id: str, via: str) -> Permit:
    """It takes what its groups allow."""
    interface = index.topology.interfaces[interface_id]
    return by_groups(index, interface, ("at", interface_id), SOURCE, via)


def at(index: Index, interface_id: str) -> Lookup:
    """What stands behind an interface has a packet."""
    interface = index.topology.interfaces[interface_id]
    hop = interface_hop(index, interface)
    if not interface.up:
        return always(End(outcomes.NOT_RUNNING, hop))
    otherwise: Key | End = End(outcomes.NOT_FORWARDED, hop)
    mine: Key | End = End(outcomes.DELIVERED, hop, back=("out", interface_id, STRAIGHT))
    if interface.kind == TRANSLATOR:
        mine, otherwise = ("restore", interface.of), ("translate", interface.of)
    elif interface.kind in {DOOR, RELAY}:
        mine = ("door" if interface.kind == DOOR else "relay-back", interface_id)
    elif interface.kind == FORWARDER:
        otherwise = ("out", interface_id, VIA)
    own = [
        ((address, address), mine, Rule(interface_id, "own address"))
        for address in index.addresses(interface.addresses)
    ]
    return table(own, otherwise)

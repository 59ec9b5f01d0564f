"""Rules of groups that allow nothing more, spaces that overlap, and ways that cross zones."""

from collections.abc import Iterable, Iterator

from antipodes.fabric.network.index import Index
from antipodes.fabric.network.spaces import SOURCE, Box, Range, minus_all, prefix
from antipodes.fabric.network.subnets import judged
from antipodes.fabric.network.topology import (
    DOOR,
    FAR_HUB,
    HOST,
    INSPECTION,
    NETWORK,
    TRANSLATOR,
    FilterEntry,
    Group,
    GroupRule,
    Topology,
)
from antipodes.questions.findings import Finding

FAMILIES = (4, 6)
Space = tuple[str, int, Range]  # a prefix, its family, and what it is


# Rules.


def rule_findings(topology: Topology) -> Iterator[Finding]:
    """Rules, of groups with members, that allow nothing, or nothing that others do not."""
    indexes = [Index(topology, version) for version in FAMILIES]
    for name, members in indexes[0].members_of.items():
        if not members or name not in topology.groups:
            continue
        group = topology.groups[name]
        for rules in (group.inbound, group.outbound):
            for rule in rules:
                yield from _rule(topology, indexes, group, rule, rules)


def _rule(
    topology: Topology,
    indexes: list[Index],
    group: Group,
    rule: GroupRule,
    rules: tuple[GroupRule, ...],
) -> Iterator[Finding]:
    ids = group.id, rule.name
    if rule.group:
        if rule.group not in topology.groups:
            said = f"the rule {rule.name} of {group.id} names {rule.group}, which is not there"
            yield Finding("rule without effect", (*ids, rule.group), said)
        elif not indexes[0].members_of.get(rule.group):
            said = f"the rule {rule.name} of {group.id} names {rule.group}, and nobody is in it"
            yield Finding("rule without effect", (*ids, rule.group), said)
        elif others := [one for one in rules if one.group == rule.group and _is_wider(one, rule)]:
            yield _covered(ids, others)
        return
    if not rule.prefixes:
        yield Finding(
            "rule without effect", ids, f"the rule {rule.name} of {group.id} names nobody"
        )
        return
    others = [one for one in rules if one is not rule and one.prefixes]
    if all(not minus_all(_boxes(index, rule), _all(index, others)) for index in indexes):
        wanted = [one for one in others if any(_touch(index, one, rule) for index in indexes)]
        yield _covered(ids, wanted)


def _covered(ids: tuple[str, str], others: Iterable[GroupRule]) -> Finding:
    names = ", ".join(one.name for one in others)
    said = f"all that the rule {ids[1]} of {ids[0]} allows is allowed by {names}"
    return Finding("rule without effect", ids, said)


def _is_wider(one: GroupRule, other: GroupRule) -> bool:
    if one is other:
        return False
    any_ports = one.protocol < 0
    inside = one.ports[0] <= other.ports[0] and other.ports[1] <= one.ports[1]
    return any_ports or (one.protocol == other.protocol and inside)


def _boxes(index: Index, rule: GroupRule) -> list[Box]:
    entries = [
        FilterEntry(rule.name, prefix, True, rule.protocol, rule.ports)  # noqa: FBT003 - it allows
        for prefix in rule.prefixes
    ]
    return [one.box for one in judged(index, entries, SOURCE, rule.name)]


def _all(index: Index, rules: Iterable[GroupRule]) -> list[Box]:
    return [box for rule in rules for box in _boxes(index, rule)]


def _touch(index: Index, one: GroupRule, other: GroupRule) -> bool:
    mine = _boxes(index, other)
    return minus_all(mine, _boxes(index, one)) != mine


# Spaces.


def overlap_findings(topology: Topology) -> Iterator[Finding]:
    """Networks and sites that are joined, and have addresses in common."""
    for by, joined in _joined(topology):
        spaces = [(name, [(one, *prefix(one)) for one in own]) for name, own in joined]
        for number, (name, mine) in enumerate(spaces):
            for other, far in spaces[:number]:
                both = _common(mine, far)
                if name != other and both:
                    said = f"{other} and {name} both have {both}, and {by} joins them"
                    yield Finding("overlap", (by, other, name), said)


def _joined(topology: Topology) -> Iterator[tuple[str, list[tuple[str, tuple[str, ...]]]]]:
    """What joins which spaces."""
    networks = topology.networks
    for peering in topology.peerings.values():
        if peering.active:
            yield (
                peering.id,
                [(one, networks[one].prefixes) for one in peering.networks if one in networks],
            )
    for hub in topology.hubs:
        around = _around(topology, hub)
        attached = dict.fromkeys(
            one.of
            for one in topology.attachments.values()
            if one.hub in around and one.kind == NETWORK and one.of in networks
        )
        found = [(one, networks[one].prefixes) for one in attached]
        yield hub, [*found, *_sites(topology, hub)]
    for gateway in topology.private_gateways.values():
        if gateway.network in networks:
            own_prefixes = networks[gateway.network].prefixes
            yield gateway.id, [(gateway.network, own_prefixes), *_sites(topology, gateway.id)]


def _around(topology: Topology, hub: str) -> list[str]:
    """A hub, and those that come after it and are attached to it."""
    found = [hub]
    for one in topology.attachments.values():
        far = topology.attachments.get(one.of)
        if one.kind == FAR_HUB and one.hub == hub and far is not None and far.hub > hub:
            found.append(far.hub)
    return found


def _sites(topology: Topology, to: str) -> list[tuple[str, tuple[str, ...]]]:
    ends = {to, *(one.id for one in topology.attachments.values() if one.hub == to)}
    names = dict.fromkeys(one.site for one in topology.lines.values() if one.to.id in ends)
    return [(name, topology.sites[name].prefixes) for name in names if name in topology.sites]


def _common(left: Iterable[Space], right: Iterable[Space]) -> str:
    """What two have in common; of two prefixes of which one is in the other, that is the inner."""
    found = [
        one if high - low < last - first else other
        for one, family, (low, high) in left
        for other, version, (first, last) in right
        if family == version and low <= last and first <= high
    ]
    return ", ".join(dict.fromkeys(found))


# Zones.


def zone_findings(topology: Topology) -> Iterator[Finding]:
    """Subnets that go by something in another zone, which costs and fails with that zone."""
    hosts = (one for one in topology.interfaces.values() if one.kind == HOST)
    users = dict.fromkeys(one.subnet for one in hosts if not one.of.startswith("vpce-"))
    for subnet in topology.subnets.values():
        if subnet.id not in users:
            continue
        table = topology.tables[subnet.table or topology.networks[subnet.network].table]
        for route in table.routes:
            zone = _zone_of(topology, *route.to) if not route.blackhole else ""
            if zone and zone != subnet.zone:
                said = (
                    f"{subnet.id} in {subnet.zone} goes by {route.to.id} in {zone}: what it sends "
                    "crosses zones, and stops with either"
                )
                yield Finding("another zone", (subnet.id, route.to.id), said)
    yield from _endpoints(topology, users)


def _zone_of(topology: Topology, kind: str, name: str) -> str:
    if kind == TRANSLATOR:
        interface = topology.translators[name].interface
    elif kind == INSPECTION:
        interface = topology.inspections[name].interface
    else:
        return ""
    return topology.subnets[topology.interfaces[interface].subnet].zone


def _endpoints(topology: Topology, users: Iterable[str]) -> Iterator[Finding]:
    """Interface endpoints that have nothing in a zone where hosts of their network are."""
    zones: dict[str, dict[str, None]] = {}
    networks: dict[str, str] = {}
    for one in topology.interfaces.values():
        if one.kind in {HOST, DOOR} and one.of.startswith("vpce-"):
            subnet = topology.subnets[one.subnet]
            zones.setdefault(one.of, {})[subnet.zone] = None
            networks[one.of] = subnet.network
    for name, own in zones.items():
        inside = [topology.subnets[one] for one in users]
        for zone in sorted({one.zone for one in inside if one.network == networks[name]}):
            if zone not in own:
                said = (
                    f"hosts in {zone} reach {name} in {', '.join(own)} only: what they send "
                    "crosses zones, and stops with either"
                )
                yield Finding("another zone", (networks[name], name, zone), said)

"""Routes that do nothing, and routes that are missing.

A route is shadowed where others win for every address of it, whatever is learnt: without it, no
packet goes anywhere else. One that somebody has written is unused where nothing comes to it, as
things are, that a host, a site, a service or the internet could send, first or in answer, whatever
its source is and whatever groups and firewalls allow: more comes to routes in this way of counting
than does in truth, so what is called unused is so.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from antipodes.fabric.network.fabric import ON_THE_INTERNET, Fabric, from_site
from antipodes.fabric.network.nodes import End, Key, Lookup, Node, Permit, Restore, Rule
from antipodes.fabric.network.reaching import Followed, parts
from antipodes.fabric.network.spaces import (
    TARGET,
    Box,
    Range,
    everything,
    flattened,
    minus_all,
    prefix,
)
from antipodes.fabric.network.subnets import STRAIGHT, VIA, preferred
from antipodes.fabric.network.topology import (
    HUB,
    LINE,
    LOCAL,
    NETWORK,
    PROPAGATED,
    HubTable,
    Network,
    Route,
    Table,
    Topology,
)
from antipodes.questions.findings import Finding

_WHOLE = frozenset({"0.0.0.0/0", "::/0"})
_COVERED_MIN = 2  # networks that make a route a summary of them
_NAMED_MAX = 4


def route_findings(topology: Topology) -> Iterator[Finding]:
    """All findings about routes."""
    fabrics = {version: Fabric(topology, version) for version in _families(topology)}
    shadowed = dict(_all_shadowed(topology, fabrics))
    for (table, name), winners in shadowed.items():
        by = ", ".join(winners) or "the network's own prefixes"
        said = f"the route {name} of {table} is never taken: all of its addresses go by {by}"
        yield Finding("shadowed route", (table, name), said)
    yield from _blackholes(topology)
    taken = dict.fromkeys(rule for fabric in fabrics.values() for rule in _taken(fabric))
    for own, network in _tables(topology).values():
        for route in own.routes:
            known = (
                route.origin == PROPAGATED
                or (own.id, route.name) in shadowed
                or Rule(own.id, route.name) in taken
            )
            if route.to.kind != LOCAL and not known:
                yield _unused(own.id, route.name, network.id)
    for hub_table in topology.hub_tables.values():
        for known_to in hub_table.routes:
            key = hub_table.id, known_to.name
            written = known_to.origin != PROPAGATED
            if written and key not in shadowed and Rule(*key) not in taken:
                yield _unused(hub_table.id, known_to.name, hub_table.hub)
    yield from _missing(topology)


def _families(topology: Topology) -> list[int]:
    """The families that anything has addresses of."""
    spaces = [one.prefixes for one in topology.networks.values()]
    spaces += [one.prefixes for one in topology.sites.values()]
    return sorted({prefix(one)[0] for own in spaces for one in own})


def _unused(table: str, name: str, of: str) -> Finding:
    said = (
        f"nothing that can be sent in these networks, to them or in answer to them comes to the "
        f"route {name} of {table}, in {of}"
    )
    return Finding("unused route", (table, name), said)


def _tables(topology: Topology) -> dict[str, tuple[Table, Network]]:
    """The tables that networks with anything in them go by, with their networks."""
    found: dict[str, str] = {one.table: one.id for one in topology.networks.values()}
    found.update((one.table, one.network) for one in topology.subnets.values())
    found.update((one.table, one.network) for one in topology.gateways.values())
    found.update((one.table, one.network) for one in topology.private_gateways.values())
    inside = (topology.subnets[one.subnet].network for one in topology.interfaces.values())
    used = dict.fromkeys(inside)
    return {
        name: (topology.tables[name], topology.networks[network])
        for name, network in found.items()
        if name in topology.tables and network in used
    }


# Shadowed.


def _all_shadowed(
    topology: Topology, fabrics: dict[int, Fabric]
) -> Iterator[tuple[tuple[str, str], list[str]]]:
    for table, network in _tables(topology).values():
        for route in table.routes:
            if route.to.kind == LOCAL or not route.prefixes:
                continue
            certain = [one for one in table.routes if one is route or one.origin != PROPAGATED]
            orders = [preferred(one.index, network, certain) for one in fabrics.values()]
            winners = _winners(route, orders)
            if winners or (winners is not None and _is_inside(route, network)):
                yield (table.id, route.name), winners
    for hub_table in topology.hub_tables.values():
        yield from _shadowed_in_hub(topology, hub_table, fabrics)


def _is_inside(route: Route, network: Network) -> bool:
    """Whether a route is to parts of its own network; a learnt one that is not may come back."""
    own = [prefix(one) for one in network.prefixes]
    return all(
        any(family == version and first <= low and high <= last for family, (first, last) in own)
        for version, (low, high) in map(prefix, route.prefixes)
    )


def _shadowed_in_hub(
    topology: Topology, table: HubTable, fabrics: dict[int, Fabric]
) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Routes over lines win for as long as these are up: they shadow nothing."""
    lines = {one.id for one in topology.attachments.values() if one.kind == LINE}
    ordered = sorted(table.routes, key=lambda one: one.origin)
    for route in table.routes:
        certain = [
            one for one in ordered if one is route or not lines.intersection(one.attachments)
        ]
        orders = [
            [(one, ends) for one in certain for ends in fabric.index.ranges(one.prefixes)]
            for fabric in fabrics.values()
        ]
        winners = _winners(route, orders)
        if winners:
            yield (table.id, route.name), winners


def _winners(route: object, orders: Iterable[list[tuple[Any, Range]]]) -> list[str] | None:
    """Who wins for all addresses of a route, or None if it does for some of them."""
    winners: dict[str, None] = {}
    for order in orders:
        own = [ends for one, ends in order if one is route]
        for low, high, number in flattened([(ends, n) for n, (_, ends) in enumerate(order)]):
            if order[number][0] is route:
                return None
            if any(low <= last and first <= high for first, last in own):
                winners[order[number][0].name] = None
    return list(winners)


def _blackholes(topology: Topology) -> Iterator[Finding]:
    for table in topology.tables.values():
        for route in table.routes:
            if route.blackhole:
                said = (
                    f"the route {route.name} of {table.id} leads to {route.to.id}, which is gone "
                    "or stopped: it still wins, and drops"
                )
                yield Finding("blackhole", (table.id, route.name, route.to.id), said)
    for hub_table in topology.hub_tables.values():
        for one in hub_table.routes:
            if one.blackhole:
                said = f"the route {one.name} of {hub_table.id} drops what it is for"
                yield Finding("blackhole", (hub_table.id, one.name), said)


# Taken by anything.


def _taken(fabric: Fabric) -> dict[Rule, None]:
    """The rules that any packet may come to, if groups and firewalls let all pass."""
    found: dict[Rule, None] = {}
    seen: dict[Key, list[Box]] = {}
    waiting = deque(_sent(fabric))
    while waiting:
        key, box = waiting.popleft()
        known = seen.setdefault(key, [])
        new = minus_all([box], known)
        known += new
        node = _open(fabric.node(key))
        for piece in new:
            for to, followed, rule in parts(node, Followed(piece, piece, 0)):
                if rule is not None:
                    found[rule] = None
                if not isinstance(to, End):
                    waiting.append((to, followed.box))
                elif to.rule is not None:
                    found[to.rule] = None
    return found


def _open(node: Node) -> Node:
    """A point that remembers flows, as it is for answers to any."""
    if isinstance(node, Permit | Restore):
        return Lookup(node.hop, TARGET, (), (), (), node.to)
    return node


def _sent(fabric: Fabric) -> Iterator[tuple[Key, Box]]:
    """All that may be sent: from subnets with anything in them, sites, and the internet."""
    topology, whole = fabric.index.topology, everything(fabric.index.version)
    yield ON_THE_INTERNET, whole
    for name in dict.fromkeys(one.subnet for one in topology.interfaces.values()):
        yield ("wire", name, STRAIGHT), whole
    for translator in topology.translators.values():
        subnet = topology.interfaces[translator.interface].subnet
        yield ("wire", subnet, VIA), whole  # what it gives back to whom it is for
    for service in topology.services.values():
        yield ("network", service.network, STRAIGHT), whole
    for site in topology.sites:
        yield from_site(site), whole


# Missing.


def _missing(topology: Topology) -> Iterator[Finding]:
    """Networks of a hub that a summary to it leaves out."""
    ranges = {name: _ranges(one.prefixes) for name, one in topology.networks.items()}
    attached: dict[str, dict[str, None]] = {}
    for one in topology.attachments.values():
        if one.kind == NETWORK and one.of in ranges:
            attached.setdefault(one.hub, {})[one.of] = None
    for table, network in _tables(topology).values():
        to = [(route, _ranges(route.prefixes)) for route in table.routes]
        every = [part for _, parts_of in to for part in parts_of]
        for route, own in to:
            if route.to.kind != HUB or _WHOLE.intersection(route.prefixes):
                continue
            beside = [name for name in attached.get(route.to.id, ()) if name != network.id]
            covered = [name for name in beside if _meet(own, ranges[name])]
            left = [name for name in beside if not _meet(every, ranges[name])]
            if len(covered) >= _COVERED_MIN:
                yield from (_left_out(topology, table.id, route, name, covered) for name in left)


def _left_out(
    topology: Topology, table: str, route: Route, name: str, covered: list[str]
) -> Finding:
    prefixes = ", ".join(topology.networks[name].prefixes)
    others = ", ".join(covered[:_NAMED_MAX]) + (", ..." if len(covered) > _NAMED_MAX else "")
    said = (
        f"{route.name} of {table} leads to {others} by {route.to.id}, and no route of it leads to "
        f"{name} ({prefixes}), which is attached as well"
    )
    return Finding("missing in a summary", (table, route.name, name), said)


def _ranges(prefixes: Iterable[str]) -> list[tuple[int, Range]]:
    return [prefix(one) for one in prefixes]


def _meet(left: Iterable[tuple[int, Range]], right: Iterable[tuple[int, Range]]) -> bool:
    """Whether any range of the one has anything in common with any of the other."""
    return any(
        family == version and low <= last and first <= high
        for family, (low, high) in left
        for version, (first, last) in right
    )

"""Hubs: what many networks are attached to, with tables of their own.

An attachment brings packets to the table that it is associated with; that table, and none other,
says over which attachment they go on. Whether the answer comes back is for the other side's table.

A hub reaches into a network by an interface in each of some zones; only who is in such a zone can
send to it. It keeps packets in the zone they come from. Where a network's attachment is sticky,
both directions of a flow take the interface that a hash of the flow gives, whatever their zone: or
a firewall behind it would see one direction only. The filter of an interface's subnet sees what
goes to the hub as it comes in, and what comes from it as it goes out.

Sources: Transit Gateways guide, "How transit gateways work", "Network ACLs", "Appliance mode".
"""

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.index import Index
from antipodes.fabric.network.nodes import End, Hop, Key, Lookup, Node, Rule, Spread
from antipodes.fabric.network.subnets import VIA, always, filter_into, table
from antipodes.fabric.network.topology import FAR_HUB, LINE, PROPAGATED, Attachment, HubRoute

MTU = 8500  # bytes


def _hop(index: Index, attachment: Attachment, charge: str = "") -> Hop:
    region = index.topology.hubs[attachment.hub].region
    return Hop("attachment", attachment.id, region, mtu=MTU, charge=charge)


def _carries(index: Index, attachment: Attachment) -> bool:
    return attachment.available and (attachment.ipv6 or index.version == 4)  # noqa: PLR2004 - IPv4


def hub(index: Index, hub_id: str, network_id: str, zone: str) -> Node:
    """From a network's router to a hub, in a zone."""
    found = index.topology.hubs.get(hub_id)
    if found is None:
        return always(End(outcomes.UNKNOWN, Hop("hub", hub_id)))
    hop = Hop("hub", hub_id, found.region)
    name = index.attached.get((hub_id, network_id))
    if name is None:
        return always(End(outcomes.NOT_ATTACHED, hop))
    interface = index.zones_of(index.topology.attachments[name]).get(zone)
    if interface is None:
        return always(End(outcomes.NOT_IN_ZONE, hop))
    return filter_into(index, index.subnet_of(interface), ("attached", name, zone))


def attached(index: Index, attachment_id: str, zone: str) -> Lookup:
    """In a hub, from an attachment: its table decides. `zone` is empty where nobody knows it."""
    attachment = index.topology.attachments[attachment_id]
    charge = "" if attachment.kind == FAR_HUB else "hub"  # the sender pays, at the first hub only
    hop = _hop(index, attachment, charge)
    if not _carries(index, attachment):
        return always(End(outcomes.NOT_ATTACHED, hop))
    if not attachment.table:
        return always(End(outcomes.NOT_ASSOCIATED, hop))
    return always(("hub-routes", attachment.table, attachment_id, zone), hop)


def routes(index: Index, table_id: str, from_attachment: str, zone: str) -> Lookup:
    """Where a table of a hub sends packets."""
    found = index.topology.hub_tables[table_id]
    hop = Hop("hub table", table_id, index.topology.hubs[found.hub].region)
    entries: list[tuple[tuple[int, int], Key | End, Rule]] = []
    carrying = [(route, _carrying(index, route)) for route in found.routes]
    for route, up in sorted(carrying, key=_place):
        rule = Rule(table_id, route.name)
        to: Key | End = End(outcomes.BLACKHOLE, hop, rule)
        if not route.blackhole:
            if not up and route.origin == PROPAGATED:
                continue  # nobody announces it any more
            names = up or route.attachments  # what is put there leads to where nothing is up
            to = ("ways", *names, from_attachment, zone)
            if len(names) == 1:
                to = ("over", names[0], from_attachment, zone)
        entries += [(one, to, rule) for one in index.ranges(route.prefixes)]
    return table(entries, End(outcomes.NO_ROUTE, hop), hop=hop)


def _place(one: tuple[HubRoute, tuple[str, ...]]) -> tuple[int, bool]:
    """Where a route stands among others: behind those of its origin that carry, if it does not."""
    route, up = one
    return route.origin, not (up or route.blackhole)


def _carrying(index: Index, route: HubRoute) -> tuple[str, ...]:
    """The attachments of a route, without the lines that are down; a blackhole carries nothing."""

    def is_up(name: str) -> bool:
        found = index.topology.attachments.get(name)
        return found is None or found.kind != LINE or index.topology.lines[found.of].up

    return route.attachments if route.blackhole else tuple(filter(is_up, route.attachments))


def ways(_index: Index, *parts: str) -> Spread:
    """Over one of several attachments, by the flow."""
    *names, from_attachment, zone = parts
    return Spread(None, tuple(("over", name, from_attachment, zone) for name in names))


def over(index: Index, attachment_id: str, from_attachment: str, zone: str) -> Node:
    """Out of a hub, over an attachment."""
    attachment = index.topology.attachments[attachment_id]
    hop = _hop(index, attachment)
    if not _carries(index, attachment):
        return always(End(outcomes.NOT_ATTACHED, hop))
    if attachment.kind == FAR_HUB:
        if attachment.of not in index.topology.attachments:
            return always(End(outcomes.UNKNOWN, hop))
        return always(("attached", attachment.of, ""), hop)
    if attachment.kind == LINE:
        return always(("line", attachment.of), hop)
    via = VIA
    came = index.topology.attachments[from_attachment]
    if came.hub == attachment.hub and index.counts_across(attachment.hub, came.of, attachment.of):
        via = attachment.hub
    zones = index.zones_of(attachment)
    if not zones:
        is_elsewhere = attachment.of not in index.topology.networks
        return always(End(outcomes.UNKNOWN if is_elsewhere else outcomes.NOT_ATTACHED, hop))
    if not attachment.sticky and zone in zones:
        return always(("carried", zones[zone].id, via), hop)
    choices = tuple(("carried", zones[name].id, via) for name in sorted(zones))
    return Spread(hop, choices)


def carried(index: Index, interface_id: str, via: str) -> Lookup:
    """Out of a hub's interface: to its own subnet straight, and else by the subnet's router."""
    interface = index.topology.interfaces[interface_id]
    return always(("wire", interface.subnet, via))

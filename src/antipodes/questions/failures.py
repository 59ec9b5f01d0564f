"""What may fail by itself, and a topology in which it has.

A zone takes with it what stands in it, a region also what it has as a whole (hubs, gateways,
services); the link between two regions what joins them, a gateway the lines that end there. Routes
that somebody has written stay, and lead to nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import msgspec

from antipodes.fabric.network.topology import (
    EGRESS,
    FAR_HUB,
    FORWARDER,
    GATEWAY,
    PRIVATE,
    SERVICE,
    Attachment,
    Inspection,
    Interface,
    Ref,
    Relay,
    Route,
    Table,
    Topology,
)

CLOSED = "closed"  # the table of a gateway that has failed
T = TypeVar("T", bound=msgspec.Struct)
_changed = msgspec.structs.replace


class Failure(NamedTuple):
    """One thing that has failed."""

    kind: str
    id: str


def failures(topology: Topology) -> Iterator[Failure]:
    """Everything that may fail by itself, the large things first."""
    regions = [network.region for network in topology.networks.values()]
    regions += [hub.region for hub in topology.hubs.values()]
    for kind, names in (
        ("region", sorted(set(regions))),
        ("link", sorted(set(_links(topology)))),
        ("zone", sorted({subnet.zone for subnet in topology.subnets.values()})),
        ("hub", topology.hubs),
        ("attachment", topology.attachments),
        ("gateway", topology.gateways),
        ("private gateway", topology.private_gateways),
        ("translator", topology.translators),
        ("line", topology.lines),
        ("appliance", _appliances(topology)),
    ):
        for name in names:
            yield Failure(kind, name)


def without(topology: Topology, failure: Failure) -> Topology:
    """The topology, in which one thing has failed."""
    return _FAIL[failure.kind](topology, failure.id)


def _appliances(topology: Topology) -> Iterable[str]:
    found = [one.id for one in topology.interfaces.values() if one.kind == FORWARDER]
    found += [one.id for of in topology.inspections.values() for one in of.appliances]
    return dict.fromkeys(found)


# Links between regions.


def _link(left: str, right: str) -> str:
    return " to ".join(sorted((left, right)))


def _links(topology: Topology) -> Iterator[str]:
    for name in (*topology.peerings, *topology.attachments):
        link = _link_of(topology, name)
        if link:
            yield link


def _link_of(topology: Topology, name: str) -> str:
    """The link between regions that a peering or a hub's attachment goes over."""
    peering, attachment = topology.peerings.get(name), topology.attachments.get(name)
    ends: list[str] = []
    if peering is not None:
        joined = [topology.networks.get(one) for one in peering.networks]
        ends = [one.region for one in joined if one is not None]
    elif attachment is not None and attachment.kind == FAR_HUB:
        far = topology.attachments.get(attachment.of)
        if far is not None:
            hubs = [topology.hubs.get(one.hub) for one in (attachment, far)]
            ends = [one.region for one in hubs if one is not None]
    return _link(*ends) if len(set(ends)) > 1 else ""


def _without_link(topology: Topology, link: str) -> Topology:
    cut = [name for name in topology.attachments if _link_of(topology, name) == link]
    peerings = {
        name: _changed(one, active=False) if _link_of(topology, name) == link else one
        for name, one in topology.peerings.items()
    }
    return _changed(_without_attachments(topology, cut), peerings=peerings)


# What stands in zones.


def _each(
    things: Mapping[str, T], which: Callable[[T], bool], change: Callable[[T], T]
) -> dict[str, T]:
    return {name: change(one) if which(one) else one for name, one in things.items()}


def _without_interfaces(topology: Topology, names: Iterable[str]) -> Topology:
    gone = frozenset(names)

    def left(one: Attachment) -> Attachment:
        return _changed(one, interfaces=tuple(i for i in one.interfaces if i not in gone))

    def silent(one: Inspection) -> Inspection:
        return _changed(one, appliances=())

    return _changed(
        topology,
        doors=_each(
            topology.doors, lambda one: one.relay in gone, lambda one: _changed(one, relay="")
        ),
        relays=_each(topology.relays, lambda _: True, lambda one: _healthy(topology, one, gone)),
        interfaces=_each(
            topology.interfaces,
            lambda one: one.id in gone,
            lambda one: _changed(one, up=False),
        ),
        attachments=_each(topology.attachments, lambda one: bool(one.interfaces), left),
        inspections=_each(topology.inspections, lambda one: one.interface in gone, silent),
    )


def _healthy(topology: Topology, relay: Relay, gone: frozenset[str]) -> Relay:
    """A relay, with those of its targets that are still there; if none is, with all."""
    network = topology.subnets[topology.interfaces[relay.interface].subnet].network
    lost = {
        address
        for one in topology.interfaces.values()
        if one.id in gone and topology.subnets[one.subnet].network == network
        for address in one.addresses
    }
    ports = []
    for port in relay.ports:
        left = tuple(target for target in port.targets if target[0] not in lost)
        ports.append(_changed(port, targets=left or port.targets))
    return _changed(relay, ports=tuple(ports))


def _without_zone(topology: Topology, zone: str) -> Topology:
    names = _standing(topology, lambda one: topology.subnets[one.subnet].zone == zone)
    return _without_appliances(_without_interfaces(topology, names), lambda of: of == zone)


def _standing(topology: Topology, which: Callable[[Interface], bool]) -> list[str]:
    return [one.id for one in topology.interfaces.values() if which(one)]


def _without_appliances(topology: Topology, zone: Callable[[str], bool]) -> Topology:
    def left(one: Inspection) -> Inspection:
        return _changed(one, appliances=tuple(a for a in one.appliances if not zone(a.zone)))

    return _changed(
        topology, inspections=_each(topology.inspections, lambda one: bool(one.appliances), left)
    )


def _without_appliance(topology: Topology, name: str) -> Topology:
    def left(one: Inspection) -> Inspection:
        return _changed(one, appliances=tuple(a for a in one.appliances if a.id != name))

    found = _without_interfaces(topology, (name,))
    inspections = _each(found.inspections, lambda one: bool(one.appliances), left)
    return _changed(found, inspections=inspections)


def _without_translator(topology: Topology, name: str) -> Topology:
    return _without_interfaces(topology, (topology.translators[name].interface,))


# Hubs, and the ways out of networks.


def _without_attachments(topology: Topology, names: Iterable[str]) -> Topology:
    gone = set(names)
    gone |= {one.id for one in topology.attachments.values() if one.of in gone}
    return _changed(
        topology,
        attachments=_each(
            topology.attachments,
            lambda one: one.id in gone,
            lambda one: _changed(one, available=False),
        ),
        lines=_each(
            topology.lines, lambda one: one.to.id in gone, lambda one: _changed(one, up=False)
        ),
    )


def _without_attachment(topology: Topology, name: str) -> Topology:
    return _without_attachments(topology, (name,))


def _without_hub(topology: Topology, name: str) -> Topology:
    own = [one.id for one in topology.attachments.values() if one.hub == name]
    return _without_attachments(topology, own)


def _leading_nowhere(topology: Topology, kinds: Iterable[str], name: str) -> dict[str, Table]:
    refs = [Ref(kind, name) for kind in kinds]

    def dropped(one: Route) -> Route:
        return _changed(one, blackhole=True) if one.to in refs else one

    def changed(one: Table) -> Table:
        return _changed(one, routes=tuple(map(dropped, one.routes)))

    return _each(
        topology.tables, lambda one: any(route.to in refs for route in one.routes), changed
    )


def _without_gateway(topology: Topology, name: str) -> Topology:
    tables = _leading_nowhere(topology, (GATEWAY, EGRESS), name)
    gateway = _changed(topology.gateways[name], table=CLOSED)
    return _changed(
        topology,
        tables={**tables, CLOSED: Table(CLOSED, ())},
        gateways={**topology.gateways, name: gateway},
    )


def _without_private_gateway(topology: Topology, name: str) -> Topology:
    tables = _leading_nowhere(topology, (PRIVATE,), name)
    gateway = _changed(topology.private_gateways[name], table=CLOSED, routes=())
    return _changed(
        topology,
        tables={**tables, CLOSED: Table(CLOSED, ())},
        private_gateways={**topology.private_gateways, name: gateway},
        lines=_each(
            topology.lines, lambda one: one.to.id == name, lambda one: _changed(one, up=False)
        ),
    )


def _without_line(topology: Topology, name: str) -> Topology:
    line = _changed(topology.lines[name], up=False)
    return _changed(topology, lines={**topology.lines, name: line})


def _without_region(topology: Topology, region: str) -> Topology:
    own = [one.id for one in topology.networks.values() if one.region == region]
    inside = {one.id for one in topology.subnets.values() if one.network in own}
    found = _without_interfaces(topology, _standing(topology, lambda one: one.subnet in inside))
    found = _without_appliances(found, lambda zone: zone.startswith(f"{region}/"))
    hubs = [hub.id for hub in topology.hubs.values() if hub.region == region]
    for hub in hubs:
        found = _without_hub(found, hub)
    for gateway in topology.gateways.values():
        if gateway.network in own:
            found = _without_gateway(found, gateway.id)
    for private in topology.private_gateways.values():
        if private.network in own:
            found = _without_private_gateway(found, private.id)
    for service in topology.services.values():
        if service.network in own:
            found = _changed(found, tables=_leading_nowhere(found, (SERVICE,), service.id))
    peerings = _each(
        found.peerings,
        lambda one: any(name in own for name in one.networks),
        lambda one: _changed(one, active=False),
    )
    return _changed(found, peerings=peerings)


_FAIL: dict[str, Callable[[Topology, str], Topology]] = {
    "region": _without_region,
    "link": _without_link,
    "zone": _without_zone,
    "hub": _without_hub,
    "attachment": _without_attachment,
    "gateway": _without_gateway,
    "private gateway": _without_private_gateway,
    "translator": _without_translator,
    "line": _without_line,
    "appliance": _without_appliance,
}

"""A network that can be asked: compiled point by point, when one is first come to."""

from collections.abc import Callable
from typing import Any, NamedTuple

from antipodes.fabric.network import firewalls, gateways, hubs, relays, services, sites, subnets
from antipodes.fabric.network.index import Index
from antipodes.fabric.network.nodes import Key, Node
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.points import Memory, Points
from antipodes.fabric.network.topology import Topology
from antipodes.fabric.network.walking import Walk, walk_points

COMPILED: dict[str, Callable[..., Any]] = {
    "out": subnets.out,
    "groups-out": subnets.out_of_groups,
    "wire": subnets.wire,
    "filter-out": subnets.filter_out,
    "routes": subnets.routes,
    "network": subnets.network,
    "filter-in": subnets.filter_in,
    "filter-in-to": subnets.filter_in_to,
    "arrive": subnets.arrive,
    "to": subnets.to,
    "groups-in": subnets.into_groups,
    "at": subnets.at,
    "gateway": gateways.gateway,
    "let-out": gateways.let_out,
    "let-in": gateways.let_in,
    "publish": gateways.publish,
    "published": gateways.published,
    "internet": gateways.internet,
    "enter": gateways.enter,
    "entered": gateways.entered,
    "private": gateways.private,
    "edge": gateways.edge,
    "translate": gateways.translate,
    "restore": gateways.restore,
    "peering": gateways.peering,
    "service": services.service,
    "served": services.served,
    "filter-inspect": firewalls.filter_inspect,
    "inspect": firewalls.inspect,
    "screen": firewalls.screen,
    "screened": firewalls.screened,
    "seen": firewalls.seen,
    "passing": firewalls.passing,
    "dropping": firewalls.dropping,
    "inspected": firewalls.inspected,
    "door": relays.door,
    "relay-in": relays.relay_in,
    "relay": relays.relay,
    "relay-port": relays.relay_port,
    "relay-spread": relays.relay_spread,
    "relay-to": relays.relay_to,
    "relay-back": relays.relay_back,
    "hub": hubs.hub,
    "attached": hubs.attached,
    "hub-routes": hubs.routes,
    "ways": hubs.ways,
    "over": hubs.over,
    "carried": hubs.carried,
    "from-site": sites.from_site,
    "site": sites.site,
    "lines": sites.lines,
    "line": sites.line,
    "from-line": sites.from_line,
    "private-gateway": sites.private_gateway,
    "from-private": sites.from_private,
    "private-edge": sites.private_edge,
}
ON_THE_INTERNET = gateways.ON_THE_INTERNET
WALKS_MAX = 100_000


class Both(NamedTuple):
    """A packet's way, and its answer's where it has come to somebody."""

    there: Walk
    back: Walk | None


class Fabric:
    """One family of addresses of a topology."""

    def __init__(self, topology: Topology, version: int = 4) -> None:
        self.index = Index(topology, version)
        self._nodes: dict[Key, Node] = {}
        self._points = Points(self.node, version)
        self._walks: dict[tuple[Key, Packet], Both] = {}

    def node(self, key: Key) -> Node:
        """What happens at a point."""
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = COMPILED[key[0]](self.index, *key[1:])
        return found

    def walk(self, start: Key, packet: Packet) -> Both:
        """The way of a packet and of its answer, from an interface or from the internet."""
        key = start, packet
        found = self._walks.get(key)
        if found is None:
            if len(self._walks) >= WALKS_MAX:
                self._walks.clear()
            found = self._walks[key] = self._walk(start, packet)
        return found

    def _walk(self, start: Key, packet: Packet) -> Both:
        memory = Memory()
        there = walk_points(self._points, start, packet, memory)
        if there.end.back is None:
            return Both(there, None)
        answer = there.packet.reply()
        back = walk_points(self._points, there.end.back, answer, memory, reply=True)
        return Both(there, back)


def from_site(site_id: str) -> Key:
    """The point where a site sends."""
    return ("from-site", site_id)


def from_interface(interface_id: str) -> Key:
    """The point where an interface sends."""
    return ("out", interface_id, subnets.STRAIGHT)


def into_groups(interface_id: str) -> Key:
    """The point where an interface's groups judge what somebody has handed on to it."""
    return ("groups-in", interface_id, subnets.VIA)

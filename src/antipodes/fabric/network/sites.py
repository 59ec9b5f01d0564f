"""Sites of somebody's own, and the lines and tunnels that lead to them.

A site sends by the routes that it has learnt, over one line or by the flow over several alike. A
private gateway takes what is for its network, or for another site that it has a line to, and sends
over one line only. What is down carries nothing, and the next best route is taken.

Sources: Site-to-Site VPN User Guide, "Route tables and route priority", "VPN CloudHub"; Direct
Connect User Guide, "Routing policies and BGP communities".
"""

from collections.abc import Sequence

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.gateways import into
from antipodes.fabric.network.index import Index
from antipodes.fabric.network.nodes import End, Hop, Key, Lookup, Node, Rule, Spread
from antipodes.fabric.network.spaces import Range
from antipodes.fabric.network.subnets import VIA, always, table
from antipodes.fabric.network.topology import PRIVATE, LineRoute


def from_site(index: Index, site_id: str) -> Lookup:
    """A site sends."""
    site = index.topology.sites[site_id]
    hop = Hop("site", site_id, site.place)
    here = [
        (one, ("site", site_id), Rule(site_id, "own prefix")) for one in index.ranges(site.prefixes)
    ]
    away = _over(index, site.routes, site_id, "from-line", share=True)
    return table([*here, *away], End(outcomes.NO_ROUTE, hop), hop=hop)


def site(index: Index, site_id: str) -> Lookup:
    """At a site."""
    found = index.topology.sites[site_id]
    hop = Hop("site", site_id, found.place)
    delivered = End(outcomes.DELIVERED, hop, back=("from-site", site_id))
    here = [(one, delivered, Rule(site_id, "own prefix")) for one in index.ranges(found.prefixes)]
    return table(here, End(outcomes.NO_ADDRESS, hop))


def _over(
    index: Index, routes: Sequence[LineRoute], of: str, point: str, *, share: bool
) -> list[tuple[Range, Key | End, Rule]]:
    """Routes over lines that are up, the best first."""
    found: list[tuple[Range, Key | End, Rule]] = []
    for route in sorted(routes, key=lambda route: route.rank):
        up = [name for name in route.lines if index.topology.lines[name].up]
        if up:
            chosen = up if share else up[:1]
            to = (point, chosen[0]) if len(chosen) == 1 else ("lines", point, *chosen)
            found += [(one, to, Rule(of, route.name)) for one in index.ranges(route.prefixes)]
    return found


def lines(_index: Index, point: str, *names: str) -> Spread:
    """Over one of several lines, by the flow."""
    return Spread(None, tuple((point, name) for name in names))


def _hop(index: Index, line_id: str, *, outwards: bool = False) -> Hop:
    """A line, which is paid for in the direction to its site."""
    found = index.topology.lines[line_id]
    place = index.topology.sites[found.site].place
    charge = found.charge if outwards else ""
    return Hop("line", line_id, place, found.mtu, found.gbps, charge)


def line(index: Index, line_id: str) -> Node:
    """Over a line, to its site."""
    found = index.topology.lines[line_id]
    if not found.up:
        return always(End(outcomes.NOT_CONNECTED, _hop(index, line_id)))
    return always(("site", found.site), _hop(index, line_id, outwards=True))


def from_line(index: Index, line_id: str) -> Node:
    """Over a line, from its site."""
    found = index.topology.lines[line_id]
    if not found.up:
        return always(End(outcomes.NOT_CONNECTED, _hop(index, line_id)))
    kind, name = found.to
    to = ("from-private", name) if kind == PRIVATE else ("attached", name, "")
    return always(to, _hop(index, line_id))


def _gateway_hop(index: Index, gateway_id: str) -> Hop:
    network = index.topology.networks.get(index.topology.private_gateways[gateway_id].network)
    return Hop("private gateway", gateway_id, network.region if network is not None else "")


def private_gateway(index: Index, gateway_id: str) -> Lookup:
    """Out of a network, to a site."""
    found, hop = index.topology.private_gateways[gateway_id], _gateway_hop(index, gateway_id)
    away = _over(index, found.routes, gateway_id, "line", share=False)
    return table(away, End(outcomes.NO_ROUTE, hop), hop=hop)


def from_private(index: Index, gateway_id: str) -> Lookup:
    """From a site: into the network, or to another site."""
    found, hop = index.topology.private_gateways[gateway_id], _gateway_hop(index, gateway_id)
    network = index.topology.networks.get(found.network)
    own = [
        (one, ("private-edge", gateway_id), Rule(gateway_id, "own network"))
        for one in index.ranges(network.prefixes if network is not None else ())
    ]
    away = _over(index, found.routes, gateway_id, "line", share=False)
    return table([*own, *away], End(outcomes.NO_ROUTE, hop), hop=hop)


def private_edge(index: Index, gateway_id: str) -> Lookup:
    """Into the network, by the gateway's table if it has one.

    What that leads to an inspection is dropped (Amazon VPC User Guide, "Gateway route tables").
    """
    found = index.topology.private_gateways[gateway_id]
    return into(index, found.network, found.table, VIA, internet=False)

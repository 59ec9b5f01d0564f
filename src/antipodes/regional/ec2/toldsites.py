"""Customers' sites, and the tunnels to them, told in the words of `fabric.network`.

A site has what its routers announce and what static routes lead to it. It learns what the other
end tells it: of a VPN gateway the prefixes of its VPC, and of other sites at that gateway whatever
comes from another AS, since a router takes no route that has its own number in it. Where routes are
static, somebody has told the router of the VPC.

Sources: Site-to-Site VPN User Guide, "Route tables and route priority", "VPN CloudHub".
"""

from collections.abc import Iterable
from typing import Any

from antipodes.fabric.network import topology as told
from antipodes.regional.ec2 import vpns
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import RouteTable
from antipodes.regional.ec2.modelvpn import VpnGateway
from antipodes.regional.ec2.vpns import Leading

MTU = 1446  # bytes, through a tunnel
STATIC_RANK, LEARNT_RANK = 1, 2  # at a VPN gateway; Direct Connect's routes are before both


def edge(gateway: str, tables: Iterable[RouteTable]) -> str:
    """The table that says where goes what comes in by a gateway, if there is one."""
    return next((table.id for table in tables for _, of in table.gateways if of == gateway), "")


def told_sites(estate: Estate, account: str) -> dict[str, Any]:
    """Sites, lines and private gateways, by id."""
    leading = vpns.leading(estate, account)
    gateways = {one.id: one for one in estate.vpn_gateways.list(account)}
    learnt: dict[str, list[told.LineRoute]] = {}
    for one in leading:
        prefixes = _learnt(estate, gateways[one.connection.gateway], one, leading)
        learnt.setdefault(one.site, []).append(
            told.LineRoute(one.connection.gateway, prefixes, one.lines, LEARNT_RANK)
        )
    tables = estate.tables.list(account)
    return {
        "sites": _sites(estate, account, leading, learnt),
        "lines": {line.id: line for one in leading for line in _lines(one)},
        "private_gateways": {
            one.id: told.PrivateGateway(one.id, one.vpc, _known(one, leading), edge(one.id, tables))
            for one in gateways.values()
        },
    }


def _sites(
    estate: Estate,
    account: str,
    leading: Iterable[Leading],
    learnt: dict[str, list[told.LineRoute]],
) -> dict[str, told.Site]:
    routers: dict[str, list[str]] = {}
    prefixes: dict[str, dict[str, None]] = {}
    for customer in estate.customers.list(account):
        site = vpns.site_of(estate, customer)
        routers.setdefault(site, []).append(customer.id)
        prefixes.setdefault(site, {}).update(dict.fromkeys(vpns.announced(estate, customer)))
    for one in leading:
        prefixes[one.site].update(dict.fromkeys(one.prefixes))
    places = {one.place: one for one in estate.host.world.sites}
    found = {}
    for name, of in routers.items():
        place = places.get(name)
        routes = _together(learnt.get(name, []))
        found[name] = told.Site(
            *(name, "" if place is None else place.place, tuple(prefixes[name]), routes),
            routers=tuple(of),
            point=None if place is None else (place.lat, place.lon),
            link="" if place is None else place.link,
        )
    return found


def _together(routes: Iterable[told.LineRoute]) -> tuple[told.LineRoute, ...]:
    """Routes to the same prefixes from the same gateway, over all lines that lead there."""
    found: dict[tuple[str, tuple[str, ...], int], list[str]] = {}
    for one in routes:
        found.setdefault((one.name, one.prefixes, one.rank), []).extend(one.lines)
    return tuple(
        told.LineRoute(name, prefixes, tuple(lines), rank)
        for (name, prefixes, rank), lines in found.items()
    )


def _lines(of: Leading) -> Iterable[told.Line]:
    gbps = vpns.GBPS[vpns.LARGE if of.connection.large else vpns.STANDARD]
    to = told.Ref(told.PRIVATE, of.connection.gateway)
    for name, is_up in zip(of.lines, of.up, strict=True):
        yield told.Line(name, of.site, to, is_up, MTU, gbps)


def _learnt(
    estate: Estate, gateway: VpnGateway, of: Leading, leading: Iterable[Leading]
) -> tuple[str, ...]:
    """What a site hears at its end of a connection."""
    vpc = estate.vpcs.find(gateway.account, gateway.vpc) if gateway.vpc else None
    found = dict.fromkeys(one.prefix for one in vpc.prefixes) if vpc is not None else {}
    for other in leading:
        if (
            other.connection.gateway == gateway.id
            and not of.connection.static
            and other.site != of.site
            and other.asn != of.asn
        ):
            found |= dict.fromkeys(other.prefixes)
    return tuple(found)


def _known(of: VpnGateway, leading: Iterable[Leading]) -> tuple[told.LineRoute, ...]:
    """What a VPN gateway sends over its lines."""
    return tuple(
        told.LineRoute(
            prefix,
            (prefix,),
            one.lines,
            STATIC_RANK if one.connection.static else LEARNT_RANK,
        )
        for one in leading
        if one.connection.gateway == of.id
        for prefix in one.prefixes
    )

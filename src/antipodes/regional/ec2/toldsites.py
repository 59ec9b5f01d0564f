"""Customers' sites, and the tunnels to them, told in the words of `fabric.network`.

A site has what its routers announce and what static routes lead to it. It learns what the other
end tells it: of a VPN gateway the prefixes of its VPC, of a transit gateway the routes of the table
that its attachment is associated with; and of other sites there what comes from another AS, since a
router takes no route that has its own number in it. Where routes are static, somebody has told the
router of them; nobody has of other sites at a VPN gateway.

Sources: Site-to-Site VPN User Guide, "Route tables and route priority", "VPN CloudHub".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from antipodes.fabric.network import topology as told
from antipodes.regional.ec2 import hubs, vpns
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import RouteTable
from antipodes.regional.ec2.modelhubs import HubAttachment
from antipodes.regional.ec2.modelvpn import VpnGateway
from antipodes.regional.ec2.vpns import Leading

ATTACHMENT = "attachment"  # of a hub, as what a line leads to
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
        if one.attachment:
            prefixes = _learnt_of_hub(estate, one, leading)
        else:
            prefixes = _learnt(estate, gateways[one.connection.gateway], one, leading)
        at = one.connection.gateway or one.connection.hub
        route = told.LineRoute(at, prefixes, one.lines, LEARNT_RANK)
        learnt.setdefault(one.site, []).append(route)
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
    for number, (name, is_up) in enumerate(zip(of.lines, of.up, strict=True), 1):
        to = told.Ref(told.PRIVATE, of.connection.gateway)
        if of.attachment:
            to = told.Ref(ATTACHMENT, f"{of.attachment}/{number}")
        yield told.Line(name, of.site, to, is_up, MTU, gbps)


def _learnt(
    estate: Estate, gateway: VpnGateway, of: Leading, leading: Iterable[Leading]
) -> tuple[str, ...]:
    """What a site hears at its end of a connection."""
    vpc = estate.vpcs.find(gateway.account, gateway.vpc) if gateway.vpc else None
    found = dict.fromkeys(one.prefix for one in vpc.prefixes) if vpc is not None else {}
    for other in leading:
        if other.connection.gateway == gateway.id and _is_heard(of, other):
            found |= dict.fromkeys(other.prefixes)
    return tuple(found)


def _is_heard(of: Leading, other: Leading) -> bool:
    """Whether a site takes what another one announces from whoever both are connected to."""
    is_other = other.site != of.site and other.asn != of.asn
    return is_other and not of.connection.static


def _learnt_of_hub(estate: Estate, of: Leading, leading: Iterable[Leading]) -> tuple[str, ...]:
    """What a site hears of a transit gateway: the routes of the table of its attachment."""
    attachment = estate.attachments.get(of.connection.account, of.attachment)
    if not attachment.table:
        return ()
    own = {
        one.attachment
        for one in leading
        if one.attachment
        and not _is_heard(of, one)
        and (one.site == of.site or not of.connection.static)
    }
    table = estate.hub_tables.get(attachment.account, attachment.table)
    return tuple(
        route.prefix
        for route in hubs.routes(estate, table)
        if any(name not in own for name in route.attachments)
    )


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


def tunnels(estate: Estate, account: str) -> dict[str, tuple[Leading, bool]]:
    """What leads over attachments that are VPN connections, and whether it is spread over both."""
    hubs_ = {one.id: one for one in estate.hubs.list(account)}
    return {
        one.attachment: (one, hubs_[one.connection.hub].spreads and not one.connection.static)
        for one in vpns.leading(estate, account)
        if one.attachment
    }


def attachments(
    of: Mapping[str, tuple[Leading, bool]], kept: Mapping[str, HubAttachment]
) -> dict[str, told.Attachment]:
    """A VPN connection's attachment is told as two, one for each tunnel."""
    return {
        f"{name}/{number}": told.Attachment(
            f"{name}/{number}", kept[name].hub, told.LINE, line, table=kept[name].table
        )
        for name, (one, _) in of.items()
        for number, line in enumerate(one.lines, 1)
    }


def ways(
    over: Sequence[str], names: Mapping[str, str], of: Mapping[str, tuple[Leading, bool]]
) -> Iterable[tuple[str, ...]]:
    """The attachments that a route leads over, the first choice first.

    A VPN connection is two; where it is not spread, the second is for when the first is down.
    """
    if len(over) == 1 and over[0] in of and not of[over[0]][1]:
        return [(f"{over[0]}/{number}",) for number, _ in enumerate(of[over[0]][0].up, 1)]
    return [
        tuple(
            one
            for name in over
            for one in (
                [f"{name}/{number}" for number, _ in enumerate(of[name][0].up, 1)]
                if name in of
                else [names[name]]
            )
        )
    ]

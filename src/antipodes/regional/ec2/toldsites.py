"""Customers' sites, and the lines to them, told in the words of `fabric.network`.

A site has what its routers announce and what static routes lead to it. It learns what the other
end tells it: of a VPN gateway the prefixes of its VPC, of a transit gateway the routes of the table
that its attachment is associated with, and by a Direct Connect gateway those that are allowed; and
of other sites there what comes from another AS, since a router takes no route that has its own
number in it. Where routes are static, somebody has told the router of them; nobody has of other
sites at a VPN gateway.

Sources: Site-to-Site VPN User Guide, "Route tables and route priority", "VPN CloudHub"; Direct
Connect User Guide, "Allowed prefixes interactions".
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, NamedTuple

from antipodes.fabric.network import topology as told
from antipodes.regional.ec2 import hubs, vpns
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.hubroutes import ALWAYS_SPREAD, VPN, Entry
from antipodes.regional.ec2.leading import Leading, leading
from antipodes.regional.ec2.model import RouteTable
from antipodes.regional.ec2.modelhubs import HubAttachment
from antipodes.regional.ec2.modelvpn import VpnGateway

ATTACHMENT = "attachment"  # of a hub, as what a line leads to


class Part(NamedTuple):
    """One line of an attachment, which is told as an attachment of its own."""

    name: str
    line: str
    of: Leading


class Parts(NamedTuple):
    """All lines of an attachment, and whether flows are spread over those alike."""

    all: tuple[Part, ...]
    spread: bool


def edge(gateway: str, tables: Iterable[RouteTable]) -> str:
    """The table that says where goes what comes in by a gateway, if there is one."""
    return next((table.id for table in tables for _, of in table.gateways if of == gateway), "")


def told_sites(estate: Estate, account: str) -> dict[str, Any]:
    """Sites, lines and private gateways, by id."""
    found = leading(estate, account)
    gateways = {one.id: one for one in estate.vpn_gateways.list(account)}
    ends = {part.line: part.name for of in parts(estate, account).values() for part in of.all}
    tables = estate.tables.list(account)
    return {
        "sites": _sites(estate, account, found, gateways),
        "lines": {line.id: line for one in found for line in _lines(one, ends)},
        "private_gateways": {
            one.id: told.PrivateGateway(one.id, one.vpc, _known(one, found), edge(one.id, tables))
            for one in gateways.values()
        },
    }


def _sites(
    estate: Estate,
    account: str,
    found: Sequence[Leading],
    gateways: Mapping[str, VpnGateway],
) -> dict[str, told.Site]:
    routers: dict[str, list[str]] = {one.site: [] for one in found}
    prefixes: dict[str, dict[str, None]] = {one.site: {} for one in found}
    known: list[vpns.Router] = [*estate.customers.list(account)]
    for router in (*known, *estate.connect_peers.list(account)):
        site = vpns.site_of(estate, router)
        routers.setdefault(site, []).append(router.id)
        prefixes.setdefault(site, {}).update(dict.fromkeys(vpns.announced(estate, router)))
    learnt: dict[str, list[told.LineRoute]] = {name: [] for name in routers}
    tables = _tables(estate, account, found)
    for one in found:
        prefixes[one.site].update(dict.fromkeys(one.prefixes))
        if one.attachment:
            at = estate.attachments.get(account, one.attachment).hub
            heard = one.hears or _of_hub(tables, one, found)
        else:
            at = one.gateway
            heard = _of_gateway(estate, gateways[at], one, found)
        learnt[one.site].append(told.LineRoute(at, heard, one.lines, one.rank))
    places = {one.place: one for one in estate.host.world.sites}
    sites = {}
    for name, of in routers.items():
        place = places.get(name)
        sites[name] = told.Site(
            *(name, "" if place is None else place.place, tuple(prefixes[name])),
            routes=_together(learnt[name]),
            routers=tuple(of),
            point=None if place is None else (place.lat, place.lon),
            link="" if place is None else place.link,
        )
    return sites


def _together(routes: Iterable[told.LineRoute]) -> tuple[told.LineRoute, ...]:
    """Routes to the same prefixes from the same gateway, over all lines that lead there."""
    found: dict[tuple[str, tuple[str, ...], int], list[str]] = {}
    for one in routes:
        found.setdefault((one.name, one.prefixes, one.rank), []).extend(one.lines)
    return tuple(
        told.LineRoute(name, prefixes, tuple(lines), rank)
        for (name, prefixes, rank), lines in found.items()
    )


def _lines(of: Leading, ends: Mapping[str, str]) -> Iterable[told.Line]:
    for name, is_up in zip(of.lines, of.up, strict=True):
        to = told.Ref(told.PRIVATE, of.gateway)
        if of.attachment:
            to = told.Ref(ATTACHMENT, ends[name])
        yield told.Line(name, of.site, to, is_up, of.mtu, of.gbps, of.charge)


# What a site hears at its end.


def _of_gateway(
    estate: Estate, gateway: VpnGateway, of: Leading, found: Iterable[Leading]
) -> tuple[str, ...]:
    vpc = estate.vpcs.find(gateway.account, gateway.vpc) if gateway.vpc else None
    own = [one.prefix for one in vpc.prefixes] if vpc is not None else []
    if of.hears:
        allowed = [IPv4Network(one) for one in of.hears]
        own = [one for one in own if any(IPv4Network(one).subnet_of(wide) for wide in allowed)]
    others = [one for one in found if one.gateway == gateway.id and _is_heard(of, one)]
    return tuple(dict.fromkeys((*own, *(prefix for one in others for prefix in one.prefixes))))


def _is_heard(of: Leading, other: Leading) -> bool:
    """Whether a site takes what another one announces from whoever both are connected to."""
    return of.relayed and other.site != of.site and other.asn != of.asn


def _tables(estate: Estate, account: str, found: Iterable[Leading]) -> dict[str, tuple[Entry, ...]]:
    """The routes of the table that each attachment goes by, if it goes by any."""
    by_table: dict[str, tuple[Entry, ...]] = {}
    by_attachment = {}
    for name in dict.fromkeys(one.attachment for one in found if one.attachment):
        attachment = estate.attachments.get(account, name)
        if attachment.table and attachment.table not in by_table:
            table = estate.hub_tables.get(account, attachment.table)
            by_table[attachment.table] = hubs.routes(estate, table)
        by_attachment[name] = by_table.get(attachment.table, ())
    return by_attachment


def _of_hub(
    tables: Mapping[str, Sequence[Entry]], of: Leading, found: Iterable[Leading]
) -> tuple[str, ...]:
    """The routes of the table that an attachment goes by, but for the site's own."""
    own = {
        one.attachment
        for one in found
        if one.attachment and (one.site == of.site or (of.relayed and not _is_heard(of, one)))
    }
    return tuple(
        route.prefix
        for route in tables.get(of.attachment, ())
        if any(name not in own for name in route.attachments)
    )


def _known(of: VpnGateway, found: Iterable[Leading]) -> tuple[told.LineRoute, ...]:
    """What a VPN gateway sends over its lines."""
    return tuple(
        told.LineRoute(prefix, (prefix,), one.lines, one.rank)
        for one in found
        if one.gateway == of.id
        for prefix in one.prefixes
    )


# Attachments of transit gateways.


def parts(estate: Estate, account: str) -> dict[str, Parts]:
    """The lines of attachments that are of VPN, Direct Connect or Connect, by id."""
    by_attachment: dict[str, list[Leading]] = {}
    for one in leading(estate, account):
        by_attachment.setdefault(one.attachment, []).append(one)
    found = {}
    for attachment in estate.attachments.list(account):
        hub = estate.hubs.find(account, attachment.hub)
        if hub is None or attachment.kind not in {VPN, *ALWAYS_SPREAD}:
            continue
        over = by_attachment.get(attachment.id, [])
        every = [(line, one) for one in over for line in one.lines]
        found[attachment.id] = Parts(
            tuple(
                Part(f"{attachment.id}/{number}", line, one)
                for number, (line, one) in enumerate(every, 1)
            ),
            attachment.kind in ALWAYS_SPREAD
            or (hub.spreads and not any(one.static for one in over)),
        )
    return found


def attachments(
    of: Mapping[str, Parts], kept: Mapping[str, HubAttachment]
) -> dict[str, told.Attachment]:
    """An attachment is told as several, one for each of its lines."""
    return {
        part.name: told.Attachment(
            part.name, kept[name].hub, told.LINE, part.line, table=kept[name].table
        )
        for name, found in of.items()
        for part in found.all
    }


def ways(
    prefix: str, over: Sequence[str], names: Mapping[str, str], of: Mapping[str, Parts]
) -> list[tuple[str, ...]]:
    """The attachments that a route to a prefix leads over, the first choice first.

    Lines that flows are not spread over are a choice each, for when those before are down.
    """
    if len(over) == 1 and over[0] in of and not of[over[0]].spread:
        return [(part.name,) for part in of[over[0]].all]
    if len(over) == 1 and over[0] in of:
        return _alike(prefix, of[over[0]].all)
    found: list[str] = []
    for name in over:
        found += _alike(prefix, of[name].all)[0] if name in of else [names[name]]
    return [tuple(found)]


def _alike(prefix: str, lines: Sequence[Part]) -> list[tuple[str, ...]]:
    """The lines over which a prefix is heard, those of one AS together; those of the first count.

    Those that are up come before others; where it is heard over none, it is said of all.
    """
    heard = [part for part in lines if prefix in part.of.prefixes] or lines
    heard = sorted(heard, key=lambda part: not any(part.of.up))
    return [
        tuple(part.name for part in heard if part.of.asn == number)
        for number in dict.fromkeys(part.of.asn for part in heard)
    ] or [()]

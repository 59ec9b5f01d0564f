"""Which routes a transit gateway's table has: those that were put there, and what it has learnt.

Pure, and the one place that knows: what is shown, and what is walked, both come from `routes_of`.
Of several routes to one prefix the table has one only: a static one before one of a prefix list,
before what attachments offer; of those, VPCs' before Direct Connect's, and so on down to peers';
of one kind, the shorter AS path, then the lower MED, then what was learnt from outside. What is
alike in all of that is used together where the kind spreads; elsewhere the earlier offer counts.

A VPC's prefix that overlaps one that the table has already learnt of another VPC is not learnt: the
earlier is the one that was attached, or became a VPC's prefix, first. Prefix lists that collide go
by their ids; AWS leaves it open.

Sources: Transit Gateways guide, "How AWS Transit Gateway works"; CreateTransitGatewayVpcAttachment.
"""

from bisect import bisect, insort
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import groupby
from types import MappingProxyType
from typing import NamedTuple

from antipodes.fabric.network.topology import LISTED, PROPAGATED, STATIC
from antipodes.regional.ec2.model import Vpc
from antipodes.regional.ec2.modelhubs import HubAttachment, HubRoute, HubTable
from antipodes.service.contract import ServiceError

VPC = "vpc"
VPN, DIRECT, CONNECT = "vpn", "direct-connect-gateway", "connect"
KINDS = (  # of attachments that offer prefixes, the best first, by AWS's names but for the fourth
    VPC,
    DIRECT,
    CONNECT,
    "vpn-over-direct-connect",
    VPN,
    "vpn-concentrator",
    "client-vpn",
    "peering",
)
ALWAYS_SPREAD = frozenset({DIRECT, CONNECT})
_VPNS = frozenset({"vpn-over-direct-connect", "vpn"})
_FOUR = 4


class Offer(NamedTuple):
    """A prefix that an attachment offers to tables; `since` says when, and orders what is alike."""

    prefix: str
    attachment: str
    kind: str = VPC
    since: tuple[float, int] = (0.0, 0)
    path: tuple[int, ...] = ()
    med: int = 0
    inside: bool = False  # learnt by iBGP


class Announced(NamedTuple):
    """What is heard by BGP over an attachment, and the AS path that it has come."""

    prefixes: tuple[str, ...]
    path: tuple[int, ...]
    med: int = 0


class Listed(NamedTuple):
    """A prefix list that a table refers to; without an attachment what is in it is dropped."""

    id: str
    prefixes: tuple[str, ...]
    attachment: str = ""


class Entry(NamedTuple):
    """The route to a prefix that a table has; without attachments it is a blackhole."""

    prefix: str
    attachments: tuple[str, ...] = ()
    origin: int = STATIC
    list: str = ""


def network(text: str, parameter: str) -> IPv4Network | IPv6Network:
    """A prefix of either family; refuse what is none."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block.",
        ) from None


def _place(prefix: str) -> tuple[int, int, int]:
    """Where a prefix stands among others: by family, address and length."""
    found = ip_network(prefix)
    return found.version, int(found.network_address), found.prefixlen


def apart(offers: Iterable[Offer]) -> list[Offer]:
    """What is offered, without VPCs' prefixes that overlap earlier ones."""
    kept = []
    taken: dict[int, list[tuple[int, int]]] = {4: [], 6: []}  # first and last addresses, disjoint
    for offer in sorted(offers, key=lambda one: (one.since, one.attachment, one.prefix)):
        if offer.kind == VPC:
            found = ip_network(offer.prefix)
            first, last = int(found.network_address), int(found.broadcast_address)
            ranges = taken[found.version]
            beside = ranges[max(bisect(ranges, (first, last)) - 1, 0) :][:2]
            if any(low <= last and first <= high for low, high in beside):
                continue
            insort(ranges, (first, last))
        kept.append(offer)
    return kept


def _merit(offer: Offer) -> tuple[int, int, int, bool]:
    return KINDS.index(offer.kind), len(offer.path), offer.med, offer.inside


def best(offers: Iterable[Offer], *, spreads: bool) -> tuple[str, ...]:
    """The attachments over which a prefix is reached that all of these offer."""
    first, *others = sorted(
        offers, key=lambda one: (_merit(one), one.since, one.attachment, one.path)
    )
    if first.kind not in ALWAYS_SPREAD and not (spreads and first.kind in _VPNS):
        return (first.attachment,)
    alike = (one for one in others if _merit(one) == _merit(first) and one.path == first.path)
    return tuple(sorted({first.attachment: None} | {one.attachment: None for one in alike}))


def entries(
    static: Iterable[HubRoute],
    offers: Iterable[Offer],
    *,
    lists: Iterable[Listed] = (),
    there: Iterable[str],
    spreads: bool = True,
) -> tuple[Entry, ...]:
    """The routes of a table, one to a prefix; `there` are the attachments that there are."""
    known = frozenset(there)

    def over(attachment: str) -> tuple[str, ...]:
        return (attachment,) if attachment in known else ()

    found: dict[str, Entry] = {}
    by_prefix = sorted(apart(offers), key=lambda one: one.prefix)
    for prefix, same in groupby(by_prefix, key=lambda one: one.prefix):
        found[prefix] = Entry(prefix, best(same, spreads=spreads), PROPAGATED)
    for one in sorted(lists, reverse=True):
        for prefix in one.prefixes:
            found[prefix] = Entry(prefix, over(one.attachment), LISTED, one.id)
    for route in static:
        found[route.destination] = Entry(route.destination, over(route.attachment))
    return tuple(sorted(found.values(), key=lambda entry: _place(entry.prefix)))


def learnt(
    table: HubTable,
    attachments: Mapping[str, HubAttachment],
    vpcs: Mapping[str, Vpc],
    announced: Mapping[str, Sequence[Announced]] = MappingProxyType({}),
) -> list[Offer]:
    """What the attachments that a table learns from offer to it."""
    offers = []
    for name in table.learns:
        attachment = attachments.get(name)
        if attachment is not None and name in announced:
            since = attachment.made_at, attachment.number
            offers += [
                Offer(prefix, name, attachment.kind, since, heard.path, heard.med)
                for heard in announced[name]
                for prefix in heard.prefixes
            ]
        vpc = vpcs.get(attachment.of) if attachment is not None else None
        if attachment is None or vpc is None:
            continue
        for one in (*vpc.prefixes, *(vpc.prefixes6 if attachment.ipv6 else ())):
            since = max(attachment.made_at, one.made_at), attachment.number
            offers.append(Offer(one.prefix, name, attachment.kind, since))
    return offers


def routes_of(  # noqa: PLR0913 - all that a table's routes follow from
    table: HubTable,
    attachments: Mapping[str, HubAttachment],
    vpcs: Mapping[str, Vpc],
    *,
    lists: Mapping[str, Sequence[str]] = MappingProxyType({}),
    announced: Mapping[str, Sequence[Announced]] = MappingProxyType({}),
    spreads: bool = True,
) -> tuple[Entry, ...]:
    """The routes of a table, from what is kept: attachments, VPCs and lists' prefixes, by id.

    `announced` is what is heard over attachments, by their ids.
    """
    offers = learnt(table, attachments, vpcs, announced)
    listed = [
        Listed(one.list, tuple(lists.get(one.list, ())), one.attachment) for one in table.lists
    ]
    return entries(table.routes, offers, lists=listed, there=attachments, spreads=spreads)


def standby(
    table: HubTable,
    attachments: Mapping[str, HubAttachment],
    announced: Mapping[str, Sequence[Announced]],
    *,
    spreads: bool = True,
) -> list[Entry]:
    """What a table would use once it hears a prefix of nobody better any more, the best first."""
    by_prefix: dict[str, list[Offer]] = {}
    for offer in learnt(table, attachments, {}, announced):
        by_prefix.setdefault(offer.prefix, []).append(offer)
    found = []
    for prefix, offers in by_prefix.items():
        chosen = best(offers, spreads=spreads)
        while offers := [one for one in offers if one.attachment not in chosen]:
            chosen = best(offers, spreads=spreads)
            found.append(Entry(prefix, chosen, PROPAGATED))
    return found


def found_by(routes: Sequence[Entry], name: str, values: Sequence[str]) -> list[Entry]:
    """The routes that one of the searches by prefix finds, for any of several values."""
    asked = [network(value, "Filter") for value in values]
    chosen: dict[str, None] = {}
    for value in asked:
        chosen |= dict.fromkeys(route.prefix for route in _SEARCHES[name](routes, value))
    return [route for route in routes if route.prefix in chosen]


def _covers(outer: IPv4Network | IPv6Network, inner: IPv4Network | IPv6Network) -> bool:
    return (
        outer.version == inner.version
        and outer.network_address <= inner.network_address  # type: ignore[operator] # one version
        and inner.broadcast_address <= outer.broadcast_address  # type: ignore[operator] # likewise
    )


def _exact(routes: Sequence[Entry], value: IPv4Network | IPv6Network) -> list[Entry]:
    return [route for route in routes if ip_network(route.prefix) == value]


def _inside(routes: Sequence[Entry], value: IPv4Network | IPv6Network) -> list[Entry]:
    return [route for route in routes if _covers(value, ip_network(route.prefix))]


def _around(routes: Sequence[Entry], value: IPv4Network | IPv6Network) -> list[Entry]:
    return [route for route in routes if _covers(ip_network(route.prefix), value)]


def _longest(routes: Sequence[Entry], value: IPv4Network | IPv6Network) -> list[Entry]:
    around = _around(routes, value)
    return sorted(around, key=lambda route: ip_network(route.prefix).prefixlen)[-1:]


_SEARCHES = {
    "route-search.exact-match": _exact,
    "route-search.subnet-of-match": _inside,
    "route-search.supernet-of-match": _around,
    "route-search.longest-prefix-match": _longest,
}
SEARCHES = tuple(_SEARCHES)

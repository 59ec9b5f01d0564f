"""Which lines lead to the gateways of a region, by what is kept of Direct Connect in all of them.

A private virtual interface leads to one VPN gateway, or by a Direct Connect gateway to all that are
associated with it; a transit one to the associated transit gateways. Nothing leads from one of
those to another.
"""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING, NamedTuple

from antipodes.regional.directconnect.model import (
    PRIVATE,
    TRANSIT_GATEWAY,
    VPN_GATEWAY,
    Connection,
    Interface,
)
from antipodes.service.lines import Joined, PrivateLine

if TYPE_CHECKING:
    from antipodes.regional.directconnect.service import DirectConnect

PREFIXES, SITE, DOWN = "antipodes:prefixes", "antipodes:site", "antipodes:down"
GBPS = {"1Gbps": 1.0, "10Gbps": 10.0, "100Gbps": 100.0, "400Gbps": 400.0}


class Found(NamedTuple):
    """What EC2 is told."""

    joined: tuple[Joined, ...]
    lines: tuple[PrivateLine, ...]


def found(service: "DirectConnect", account: str) -> Found:
    """The lines to an account's gateways in this region."""
    gateways = {one.id for one in service.gateways.live(account)}
    own = [one for one in service.associations.here(account) if one.via in gateways]
    connections = {one.id: one for one in service.connections.live(account)}
    lines: list[PrivateLine] = []
    for one in service.interfaces.live(account):
        connection = connections.get(one.connection)
        if connection is None:
            continue
        if one.gateway and one.region == service.place:
            lines.append(_line(one, connection, one.gateway, ()))
        wanted = VPN_GATEWAY if one.kind == PRIVATE else TRANSIT_GATEWAY
        lines += [
            _line(one, connection, association.gateway, association.allowed)
            for association in own
            if one.via and association.via == one.via and association.kind == wanted
        ]
    joined = tuple(Joined(one.gateway, one.via) for one in own)
    return Found(joined, tuple(lines))


def _line(
    of: Interface, connection: Connection, gateway: str, allowed: tuple[str, ...]
) -> PrivateLine:
    tags = dict(connection.tags) | dict(of.tags)
    name = tags.get(SITE, "").strip()
    return PrivateLine(
        of.id,
        gateway,
        of.via,
        f"site/{name}" if name else connection.id,
        of.region,
        of.asn,
        tuple(announced(tags.get(PREFIXES, ""))),
        allowed,
        GBPS[connection.bandwidth],
        of.mtu,
        up=is_up(of, connection),
    )


def is_up(of: Interface, connection: Connection) -> bool:
    """Whether nobody says that a virtual interface, or its connection, is down."""
    return not any(dict(one.tags).get(DOWN) for one in (of, connection))


def announced(text: str) -> Iterator[str]:
    """The prefixes that a tag names; raises ValueError."""
    for one in text.replace(",", " ").split():
        yield str(ip_network(one, strict=False))

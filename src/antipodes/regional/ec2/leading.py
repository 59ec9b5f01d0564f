"""What leads to customers' sites: VPN connections, lines of Direct Connect, and Connect peers.

Everything that is said of routes to sites follows from this: what VPN gateways propagate, what
transit gateways hear, and what is told to who walks packets.
"""

from collections.abc import Sequence
from typing import NamedTuple

from antipodes.regional.ec2 import connects, vpns
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.hubroutes import DIRECT, Announced
from antipodes.regional.ec2.model import Route, RouteTable
from antipodes.regional.ec2.modelhubs import ConnectPeer
from antipodes.regional.ec2.modelvpn import VpnConnection
from antipodes.service.lines import PrivateLine

PROPAGATED_MAX = 100  # routes of a table
PROPAGATED_ORIGIN = "EnableVgwRoutePropagation"
DIRECT_RANK, STATIC_RANK, LEARNT_RANK = range(3)  # at a VPN gateway, and at a site
TUNNEL_MTU = 1446  # bytes
TUNNEL_MED = 100  # of what comes without one over a VPN or over Connect


class Leading(NamedTuple):
    """One or more lines alike from a site to a gateway, or to an attachment of a transit gateway.

    What a site `hears` is all that it is told, unless it is named; `relayed` is whether it hears of
    other sites, too.
    """

    lines: tuple[str, ...]
    up: tuple[bool, ...]
    site: str
    asn: int  # of the site
    prefixes: tuple[str, ...]  # that are reached
    gateway: str
    attachment: str
    rank: int
    mtu: int
    gbps: float
    charge: str  # for each gigabyte that leaves for the site; none if it stays in the region
    hears: tuple[str, ...] = ()
    relayed: bool = True
    med: int = 0
    connected: str = ""  # the Connect peer that it is

    @property
    def static(self) -> bool:
        """Whether nothing is said by BGP."""
        return self.rank == STATIC_RANK


def leading(estate: Estate, account: str) -> list[Leading]:
    """Everything of an account's that leads to sites: lines first, of tunnels the first made."""
    attachments = {
        (one.hub, one.of): one.id for one in estate.attachments.list(account) if one.kind == DIRECT
    }
    found = [
        _line(estate, one, attachments.get((one.gateway, one.via), ""))
        for one in estate.lines.of(account)
        if not one.gateway.startswith("tgw-") or (one.gateway, one.via) in attachments
    ]
    peers = sorted(estate.connect_peers.list(account), key=lambda one: (one.made_at, one.id))
    found += [_peer(estate, one, tuple(found)) for one in peers]
    connections = sorted(estate.vpns.list(account), key=lambda one: (one.made_at, one.number))
    return [*found, *(_tunnels(estate, one) for one in connections)]


def _line(estate: Estate, of: PrivateLine, attachment: str) -> Leading:
    is_up = of.up and not vpns.is_cut(estate, of.site, of.entry)
    prefixes = of.prefixes or vpns.networks_of(estate, of.site)
    return Leading(
        *((f"{of.id}/{of.gateway}",), (is_up,), of.site, of.asn, prefixes),
        gateway="" if attachment else of.gateway,
        attachment=attachment,
        rank=DIRECT_RANK,
        mtu=of.mtu,
        gbps=of.gbps,
        charge="line",
        hears=of.hears,
        relayed=not of.via,
    )


def _tunnels(estate: Estate, of: VpnConnection) -> Leading:
    customer = estate.customers.get(of.account, of.customer)
    up = vpns.up(estate, of)
    return Leading(
        tuple(f"{of.id}/{number}" for number, _ in enumerate(up, 1)),
        *(up, vpns.site_of(estate, customer), customer.asn, vpns.heard(estate, of)),
        gateway=of.gateway,
        attachment=vpns.attachment_of(estate, of).id if of.hub else "",
        rank=STATIC_RANK if of.static else LEARNT_RANK,
        mtu=TUNNEL_MTU,
        gbps=vpns.GBPS[vpns.LARGE if of.large else vpns.STANDARD],
        charge="tunnel",
        relayed=not of.static,
        med=TUNNEL_MED,
    )


def _peer(estate: Estate, of: ConnectPeer, lines: Sequence[Leading]) -> Leading:
    """A tunnel over a VPC, or over whatever lines lead to the attachment that carries it.

    By iBGP a transit gateway takes no route that begins in its own AS.
    """
    attachment = estate.attachments.get(of.account, of.attachment)
    over = estate.attachments.find(of.account, attachment.of)
    site, mtu, charge = vpns.site_of(estate, of), connects.MTU, ""
    is_up = over is not None and not vpns.is_cut(estate, site, estate.host.place)
    if is_up and over is not None and over.kind == DIRECT:
        carrying = [one for one in lines if one.attachment == over.id and any(one.up)]
        is_up = bool(carrying)
        mtu = min((mtu, *(one.mtu - connects.HEADERS for one in carrying)))
        charge = "line"
    elif is_up and over is not None:
        is_up = connects.reaches(estate, over, of)
    is_outside = of.asn != estate.hubs.get(of.account, of.hub).asn
    return Leading(
        *((f"{of.id}/{connects.PROTOCOL}",), (is_up,), site, of.asn),
        vpns.announced(estate, of) if is_outside else (),
        gateway="",
        attachment=of.attachment,
        rank=LEARNT_RANK,
        mtu=mtu,
        gbps=connects.GBPS,
        charge=charge,
        med=TUNNEL_MED,
        connected=of.id,
    )


def announced_over(estate: Estate, account: str) -> dict[str, list[Announced]]:
    """What transit gateways hear by BGP, by attachment: over what is up."""
    found: dict[str, list[Announced]] = {}
    for one in leading(estate, account):
        if one.attachment and not one.static and any(one.up):
            heard = Announced(one.prefixes, (one.asn,), one.med)
            found.setdefault(one.attachment, []).append(heard)
    return found


def propagated(estate: Estate, table: RouteTable) -> tuple[Route, ...]:
    """The routes that VPN gateways propagate to a table: what is reached over what is up."""
    if not table.propagates:
        return ()
    found: dict[tuple[str, str], None] = {}
    for one in leading(estate, table.account):
        if one.gateway in table.propagates and any(one.up):
            found |= dict.fromkeys((prefix, one.gateway) for prefix in one.prefixes)
    routes = [Route(prefix, gateway, PROPAGATED_ORIGIN) for prefix, gateway in found]
    return tuple(routes[:PROPAGATED_MAX])

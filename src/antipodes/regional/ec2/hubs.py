"""What transit gateways, and what is attached to them, may be.

Quotas are AWS's defaults (Transit Gateways guide, "Quotas"); of those, 5,000 attachments to a hub
are more than can be reached. The codes of the errors for too many tables, routes and hubs of a VPC
are not documented, and follow the one for gateways.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol, TypeVar

import msgspec

from antipodes.regional.ec2 import leading, prefixlists
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.hubroutes import CONNECT, VPC, Entry, network, routes_of
from antipodes.regional.ec2.interfaces import Interfaces, Plan, Wanted
from antipodes.regional.ec2.model import Subnet, Vpc
from antipodes.regional.ec2.modelhubs import (
    AVAILABLE,
    ConnectPeer,
    Hub,
    HubAttachment,
    HubTable,
)
from antipodes.regional.ec2.modelvpn import CustomerGateway, VpnConnection, VpnGateway
from antipodes.regional.ec2.table import Table
from antipodes.service.contract import Request, ServiceError

HUBS_MAX = 5  # of an account in a region
TABLES_MAX = 20  # of a hub
ROUTES_MAX = 10_000  # of all tables of a hub
PREFIXES_MAX = 5  # of a hub's own
ENDED_SHOWN_S = 2 * 3600.0
HUB_SWITCHES = {
    "AutoAcceptSharedAttachments": "accepts",
    "VpnEcmpSupport": "spreads",
    "DnsSupport": "dns",
    "SecurityGroupReferencingSupport": "references",
}
ATTACHMENT_SWITCHES = {
    "DnsSupport": "dns",
    "Ipv6Support": "ipv6",
    "SecurityGroupReferencingSupport": "references",
    "ApplianceModeSupport": "appliance",
}
DEFAULTS = (  # flags of options, the tables that go with them, and where those are kept
    ("DefaultRouteTableAssociation", "AssociationDefaultRouteTableId", "associates"),
    ("DefaultRouteTablePropagation", "PropagationDefaultRouteTableId", "propagates"),
)
KIND = "transit_gateway"  # of interfaces
MANAGER = "amazon-aws"
PEERING = "peering"  # the kind of attachments of other hubs
DELETED, PENDING, REJECTED = "deleted", "pendingAcceptance", "rejected"
HUBS_OF_VPC_MAX = 5
_ASNS = (range(64512, 65535), range(4_200_000_000, 4_294_967_295))
_LINK_LOCAL = IPv4Network("169.254.0.0/16")
_LENGTH_MAX = {4: 24, 6: 64}

H = TypeVar(
    "H", Hub, HubAttachment, ConnectPeer, HubTable, CustomerGateway, VpnGateway, VpnConnection
)


class _Ending(Protocol):
    @property
    def ended_at(self) -> float | None: ...


def end(estate: Estate, table: Table[H], ended: Table[H], of: H) -> None:
    """Take away what came to its end, and keep it apart for as long as it is shown."""
    now = estate.host.runtime.wall()
    for one in ended.list(of.account):
        if not _is_shown(one, now):
            ended.delete(one.account, one.id)
    estate.remove(table, of.account, of.id)
    ended.put(of.account, of.id, msgspec.structs.replace(of, ended_at=now))


def seen(estate: Estate, table: Table[H], ended: Table[H], account: str) -> list[H]:
    """What is shown to an account: what is there, and what came to its end lately."""
    now = estate.host.runtime.wall()
    return table.list(account) + [one for one in ended.list(account) if _is_shown(one, now)]


def _is_shown(of: _Ending, now: float) -> bool:
    return of.ended_at is not None and now - of.ended_at < ENDED_SHOWN_S


def switches(options: Request, known: Mapping[str, str]) -> dict[str, bool]:
    """The fields that options turn on and off."""
    return {
        field: options[name] == "enable"
        for name, field in known.items()
        if options.get(name) is not None
    }


def asn(options: Request, otherwise: int) -> int:
    """The number of Amazon's side of BGP: a private one."""
    number: int | None = options.get("AmazonSideAsn")
    if number is None:
        return otherwise
    if not any(number in numbers for numbers in _ASNS):
        raise ServiceError(
            "InvalidParameterValue", f"The Amazon side ASN {number} is not a private one."
        )
    return number


def prefixes(blocks: Sequence[str], beside: Iterable[str] = ()) -> tuple[str, ...]:
    """A hub's own prefixes: large enough, and beside each other and what is attached."""
    found: list[IPv4Network | IPv6Network] = []
    taken = [network(text, "TransitGatewayCidrBlocks") for text in beside]
    for text in blocks:
        one = network(text, "TransitGatewayCidrBlocks")
        if one.prefixlen > _LENGTH_MAX[one.version] or one.overlaps(_LINK_LOCAL):
            raise ServiceError("InvalidParameterValue", f"The CIDR block {text} is not allowed.")
        if any(one.overlaps(other) for other in (*found, *taken)):
            raise ServiceError("InvalidParameterValue", f"The CIDR block {text} overlaps another.")
        found.append(one)
    if len(found) > PREFIXES_MAX:
        raise ServiceError(
            "InvalidParameterValue", f"A transit gateway has at most {PREFIXES_MAX} CIDR blocks."
        )
    return tuple(str(one) for one in found)


def attachments_of(estate: Estate, hub: Hub) -> list[HubAttachment]:
    """What is attached to a hub, in the order of attaching."""
    found = (one for one in estate.attachments.list(hub.account) if one.hub == hub.id)
    return sorted(found, key=lambda one: one.number)


def available(estate: Estate, account: str, hub: str) -> dict[str, HubAttachment]:
    """What is attached to a hub of an account and can carry packets, by id."""
    found = (one for one in estate.attachments.list(account) if one.hub == hub)
    return {one.id: one for one in found if one.state == AVAILABLE}


def accounts_of(of: HubAttachment) -> tuple[str, ...]:
    """Who sees an attachment: the hub's owner, and a VPC's owner if that is another."""
    return (of.account, of.owner) if of.owner and of.kind == VPC else (of.account,)


def keep(estate: Estate, of: HubAttachment) -> None:
    """Keep an attachment, for all who see it."""
    for account in accounts_of(of):
        estate.attachments.put(account, of.id, of)


def end_attachment(estate: Estate, of: HubAttachment, state: str) -> None:
    """End an attachment: nobody learns from it any more, and its interfaces are gone."""
    withdraw(estate, of, of.subnets)
    for table in estate.hub_tables.list(of.account):
        if of.id in table.learns:
            learns = tuple(name for name in table.learns if name != of.id)
            estate.hub_tables.put(
                table.account, table.id, msgspec.structs.replace(table, learns=learns)
            )
    now = estate.host.runtime.wall()
    ended = msgspec.structs.replace(of, state=state, ended_at=now)
    for account in accounts_of(of):
        for one in estate.ended_attachments.list(account):
            if not _is_shown(one, now):
                estate.ended_attachments.delete(account, one.id)
        estate.remove(estate.attachments, account, of.id)
        estate.ended_attachments.put(account, of.id, ended)


def start(estate: Estate, of: HubAttachment) -> HubAttachment:
    """Let an attachment carry packets, with the hub's default tables; return it."""
    hub = estate.hubs.get(of.account, of.hub)
    started = msgspec.structs.replace(of, state=AVAILABLE, table=hub.associates)
    keep(estate, started)
    if hub.propagates:
        table = estate.hub_tables.get(hub.account, hub.propagates)
        learns = (*table.learns, of.id)
        estate.hub_tables.put(hub.account, table.id, msgspec.structs.replace(table, learns=learns))
    return started


def vpcs_of(estate: Estate, attachments: Iterable[HubAttachment]) -> dict[str, Vpc]:
    """The VPCs that are attached, whoever's they are, by id."""
    found = (estate.vpcs.find(one.owner or one.account, one.of) for one in attachments)
    return {one.id: one for one in found if one is not None}


def tables_of(estate: Estate, hub: Hub) -> list[HubTable]:
    """The tables of a hub."""
    return [one for one in estate.hub_tables.list(hub.account) if one.hub == hub.id]


def attachment_in(estate: Estate, table: HubTable, name: str) -> HubAttachment:
    """An attachment of a table's hub; one of another hub is not found."""
    found = estate.attachments.get(table.account, name)
    if found.hub != table.hub:
        raise estate.attachments.missing(name)
    if found.state != AVAILABLE:
        raise ServiceError("IncorrectState", f"{name} is in invalid state")
    return found


def attachment_asked(estate: Estate, table: HubTable, request: Request) -> str:
    """The attachment that a request for a route of a table names; none for a blackhole."""
    if request.get("Blackhole"):
        return ""
    if not request.get("TransitGatewayAttachmentId"):
        raise ServiceError(
            "MissingParameter",
            "The request must contain the parameter TransitGatewayAttachmentId",
        )
    found = attachment_in(estate, table, request["TransitGatewayAttachmentId"])
    if found.kind == CONNECT:
        raise ServiceError(
            "UnsupportedOperation",
            f"{found.id} is a Connect attachment, over which no static routes lead.",
        )
    return found.id


def check_routes(estate: Estate, table: HubTable, more: int) -> None:
    """Refuse more routes than the tables of a hub may have; a list counts as all it may have."""
    tables = tables_of(estate, estate.hubs.get(table.account, table.hub))
    listed = [
        prefixlists.weight(estate, one.account, reference.list)
        for one in tables
        for reference in one.lists
    ]
    if sum(len(one.routes) for one in tables) + sum(listed) + more > ROUTES_MAX:
        raise ServiceError(
            "TransitGatewayRouteLimitExceeded",
            "The maximum number of routes of the transit gateway has been reached.",
        )


def check_growth(estate: Estate, name: str, more: int) -> None:
    """Refuse so many more entries of a prefix list where that would be too many routes."""
    referring: dict[str, list[HubTable]] = {}
    for table in estate.hub_tables.all():
        if any(one.list == name for one in table.lists):
            referring.setdefault(table.hub, []).append(table)
    for tables in referring.values():
        check_routes(estate, tables[0], more * len(tables))


def routes(estate: Estate, table: HubTable) -> tuple[Entry, ...]:
    """The routes that a table has now."""
    attachments = available(estate, table.account, table.hub)
    vpcs = vpcs_of(estate, attachments.values())
    lists = {
        one.list: prefixlists.prefixes_of(estate, table.account, one.list) for one in table.lists
    }
    spreads = estate.hubs.get(table.account, table.hub).spreads
    return routes_of(
        *(table, attachments, vpcs),
        lists=lists,
        announced=leading.announced_over(estate, table.account),
        spreads=spreads,
    )


def default_tables(estate: Estate, hub: Hub, options: Request) -> dict[str, str]:
    """The default tables that a change of options makes; the flag and the table go together.

    To enable needs a table, now or already; to disable forgets it, and takes none.
    """
    change = {}
    for flag, member, field in DEFAULTS:
        had: str = getattr(hub, field)
        name: str = options.get(member) or ""
        enabled = options[flag] == "enable" if options.get(flag) else bool(had)
        if name and not enabled:
            raise ServiceError(
                "InvalidParameterCombination", f"disable {flag} conflicts with {member} {name}"
            )
        if enabled and not (name or had):
            raise ServiceError(
                "InvalidParameterCombination", f"enable {flag} conflicts with {member} null"
            )
        if name and estate.hub_tables.get(hub.account, name).hub != hub.id:
            raise estate.hub_tables.missing(name)
        change[field] = (name or had) if enabled else ""
    return change


def subnets_given(
    estate: Estate, account: str, vpc: str, names: Sequence[str], beside: Iterable[str] = ()
) -> list[Subnet]:
    """Subnets of a VPC to reach into it by: one in a zone, beside those that serve already."""
    zones = {estate.subnets.get(account, name).zone for name in beside}
    found = []
    for name in names:
        subnet = estate.subnets.get(account, name)
        if subnet.vpc != vpc:
            raise estate.subnets.missing(name)
        if subnet.zone in zones:
            raise ServiceError("DuplicateSubnetsInSameZone", "Duplicate Subnets for same AZ")
        zones.add(subnet.zone)
        found.append(subnet)
    return found


def plan(interfaces: Interfaces, account: str, attachment: str, subnets: Iterable[Subnet]) -> Plan:
    """Plan an attachment's interfaces in subnets."""
    description = f"Network Interface for Transit Gateway Attachment {attachment}"
    wanted = Wanted(KIND, description, groups=(), manager=MANAGER, of=attachment)
    planned = Plan(interfaces, account)
    for subnet in subnets:
        planned.add(subnet, wanted)
    return planned


def withdraw(estate: Estate, attachment: HubAttachment, subnets: Iterable[str]) -> None:
    """Take an attachment's interfaces out of subnets."""
    gone = frozenset(subnets)
    account = attachment.owner or attachment.account
    for one in estate.interfaces.list(account):
        if one.of == attachment.id and one.subnet in gone:
            estate.remove(estate.interfaces, account, one.id)

"""What transit gateways, and what is attached to them, may be.

Quotas are AWS's defaults (Transit Gateways guide, "Quotas"); the codes of the errors for those of
tables, attachments and routes are not documented, and follow the one for gateways.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network

from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.hubroutes import network
from antipodes.regional.ec2.interfaces import INTERFACES_MAX, Interfaces, Wanted
from antipodes.regional.ec2.model import Subnet
from antipodes.regional.ec2.modelhubs import Hub, HubAttachment, HubTable
from antipodes.service.contract import Request, ServiceError

HUBS_MAX = 5  # of an account in a region
TABLES_MAX = 20  # of a hub
ROUTES_MAX = 10_000  # of all tables of a hub
ATTACHMENTS_MAX = 5_000  # of a hub
HUBS_PER_VPC_MAX = 5
PREFIXES_MAX = 5  # of a hub's own
HUB_SWITCHES = {
    "AutoAcceptSharedAttachments": "accepts",
    "VpnEcmpSupport": "spreads",
    "DnsSupport": "dns",
    "SecurityGroupReferencingSupport": "references",
}
ATTACHMENT_SWITCHES = {
    "DnsSupport": "dns",
    "SecurityGroupReferencingSupport": "references",
    "ApplianceModeSupport": "appliance",
}
DEFAULTS = (  # flags of options, the tables that go with them, and where those are kept
    ("DefaultRouteTableAssociation", "AssociationDefaultRouteTableId", "associates"),
    ("DefaultRouteTablePropagation", "PropagationDefaultRouteTableId", "propagates"),
)
KIND = "transit_gateway"  # of interfaces
MANAGER = "amazon-aws"
_ASNS = (range(64512, 65535), range(4_200_000_000, 4_294_967_295))
_LINK_LOCAL = IPv4Network("169.254.0.0/16")
_LENGTH_MAX = {4: 24, 6: 64}


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


def tables_of(estate: Estate, hub: Hub) -> list[HubTable]:
    """The tables of a hub."""
    return [one for one in estate.hub_tables.list(hub.account) if one.hub == hub.id]


def attachment_in(estate: Estate, table: HubTable, name: str) -> HubAttachment:
    """An attachment of a table's hub; one of another hub is not found."""
    found = estate.attachments.get(table.account, name)
    if found.hub != table.hub:
        raise estate.attachments.missing(name)
    return found


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


def check_room(estate: Estate, interfaces: Interfaces, subnets: Sequence[Subnet]) -> None:
    """Refuse subnets in which there is no room for one more interface each."""
    if not subnets:
        return
    if estate.interfaces.count(subnets[0].account) + len(subnets) > INTERFACES_MAX:
        raise ServiceError(
            "NetworkInterfaceLimitExceeded",
            "The maximum number of network interfaces has been reached.",
        )
    for subnet in subnets:
        interfaces.address(subnet)


def reach(interfaces: Interfaces, attachment: str, subnets: Iterable[Subnet]) -> None:
    """Make an attachment's interfaces in subnets."""
    description = f"Network Interface for Transit Gateway Attachment {attachment}"
    for subnet in subnets:
        interfaces.make(
            subnet, Wanted(KIND, description, groups=(), manager=MANAGER, of=attachment)
        )


def withdraw(estate: Estate, attachment: HubAttachment, subnets: Iterable[str]) -> None:
    """Take an attachment's interfaces out of subnets."""
    gone = frozenset(subnets)
    for one in estate.interfaces.list(attachment.account):
        if one.of == attachment.id and one.subnet in gone:
            estate.remove(estate.interfaces, attachment.account, one.id)

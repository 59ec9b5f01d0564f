"""What Connect attachments of transit gateways, and the GRE tunnels over them, may be.

Nobody looks into the tunnels' own packets: over a VPC a tunnel reaches its appliance if the VPC has
the address of it, on an interface whose instance runs, or if the address is outside of the VPC.

Sources: Transit Gateways guide, "Connect attachments and Connect peers", "Quotas".
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

from antipodes.regional.ec2 import prefixlists, targets
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.hubroutes import CONNECT, DIRECT, VPC
from antipodes.regional.ec2.modelhubs import AVAILABLE, ConnectPeer, Hub, HubAttachment
from antipodes.service.contract import Request, ServiceError

PROTOCOL = "gre"
PEERS_MAX = 4  # of a Connect attachment
GBPS = 5.0  # of one peer
MTU = 8500  # bytes
HEADERS = 24  # bytes of GRE, and of IP around it
_TRANSPORTS = (VPC, DIRECT)
_INSIDE = IPv4Network("169.254.0.0/16")
_INSIDE_LENGTH = 29
_RESERVED = frozenset((*(f"169.254.{n}.0/29" for n in range(6)), "169.254.169.248/29"))
_ASNS = range(1, 4_294_967_295)

Address = IPv4Address | IPv6Address


def transport(estate: Estate, account: str, request: Request) -> HubAttachment:
    """The attachment that a new one is to be carried by."""
    found = estate.attachments.get(account, request["TransportTransitGatewayAttachmentId"])
    if found.kind not in _TRANSPORTS:
        raise ServiceError(
            "InvalidParameterValue",
            f"{found.id} is an attachment of type {found.kind}, which carries no Connect "
            "attachments.",
        )
    if found.state != AVAILABLE:
        raise ServiceError("IncorrectState", f"{found.id} is in invalid state")
    return found


def find(estate: Estate, account: str, name: str) -> HubAttachment:
    """The Connect attachment of that id."""
    found = estate.attachments.get(account, name)
    if found.kind != CONNECT:
        raise estate.attachments.missing(name)
    return found


def carried(estate: Estate, account: str, name: str) -> list[HubAttachment]:
    """The Connect attachments that an attachment is the transport of."""
    attached = estate.attachments.list(account)
    return [one for one in attached if one.kind == CONNECT and one.of == name]


def check_carries_none(estate: Estate, of: HubAttachment) -> None:
    """Refuse to take an attachment away that Connect attachments are carried by."""
    found = carried(estate, of.account, of.id)
    if found:
        names = ", ".join(one.id for one in found)
        raise ServiceError(
            "IncorrectState", f"{of.id} has non-deleted Connect Attachments: {names}."
        )


def peers_of(estate: Estate, of: HubAttachment) -> list[ConnectPeer]:
    """The tunnels of a Connect attachment."""
    return [one for one in estate.connect_peers.list(of.account) if one.attachment == of.id]


def beside(estate: Estate, hub: Hub) -> list[ConnectPeer]:
    """All tunnels of a hub."""
    return [one for one in estate.connect_peers.list(hub.account) if one.hub == hub.id]


# What a tunnel may be.


def inside(blocks: Sequence[str], taken: Iterable[ConnectPeer]) -> str:
    """The prefix that BGP is spoken in, which no other tunnel of the hub has."""
    for text in blocks:
        if ":" in text:
            raise ServiceError(
                "UnsupportedOperation", "An inside CIDR block of IPv6 is not offered here"
            )
    if len(blocks) != 1:
        raise ServiceError(
            "InvalidParameterValue", "InsideCidrBlocks is to have one CIDR block of IPv4."
        )
    found = prefixlists.parsed(blocks[0], "insideCidrBlocks", 4)
    text = str(found)
    if found.prefixlen != _INSIDE_LENGTH or found.network_address not in _INSIDE:
        raise ServiceError(
            "InvalidParameterValue",
            f"The inside CIDR block {blocks[0]} is not a /{_INSIDE_LENGTH} of {_INSIDE}.",
        )
    if text in _RESERVED:
        raise ServiceError("InvalidParameterValue", f"The inside CIDR block {text} is reserved.")
    if any(one.inside == text for one in taken):
        raise ServiceError(
            "InvalidParameterValue",
            f"The inside CIDR block {text} is another Connect peer's of the transit gateway.",
        )
    return text


def _address(text: str, parameter: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter {parameter} is invalid. This is not a valid IP address.",
        ) from None


def ends(hub: Hub, request: Request, taken: Iterable[ConnectPeer]) -> tuple[str, str]:
    """The tunnel's ends, at the hub and at the appliance; no two tunnels have both in common."""
    peer = _address(request["PeerAddress"], "peerAddress")
    blocks = [ip_network(one) for one in hub.prefixes]
    pairs = {(one.address, one.peer) for one in taken}
    text = request.get("TransitGatewayAddress")
    if not text:
        used = {address for address, _ in pairs}
        free = (
            str(one)
            for block in blocks
            if block.version == peer.version
            for one in block.hosts()
            if str(one) not in used
        )
        found = next(free, "")
        if not found:
            raise ServiceError(
                "IncorrectState",
                f"{hub.id} has no free address of IPv{peer.version} in its CIDR blocks.",
            )
        return found, str(peer)
    own = _address(text, "transitGatewayAddress")
    if own.version != peer.version:
        raise ServiceError(
            "InvalidParameterCombination",
            "TransitGatewayAddress and PeerAddress are not of one IP address family.",
        )
    if not any(own in block for block in blocks):
        raise ServiceError(
            "InvalidParameterValue", f"{own} is in no CIDR block of the transit gateway."
        )
    if (str(own), str(peer)) in pairs:
        raise ServiceError(
            "InvalidParameterValue",
            f"Another Connect peer of the transit gateway leads from {own} to {peer}.",
        )
    return str(own), str(peer)


def asn(hub: Hub, request: Request) -> int:
    """The number of the appliance's AS; the hub's own where none is given."""
    number: int | None = (request.get("BgpOptions") or {}).get("PeerAsn")
    if number is None:
        return hub.asn
    if number not in _ASNS:
        raise ServiceError(
            "InvalidParameterValue", f"Value ({number}) for parameter PeerAsn is invalid."
        )
    return number


def check_prefixes(estate: Estate, hub: Hub, kept: Iterable[str]) -> None:
    """Refuse to take prefixes from a hub that ends of tunnels are in."""
    blocks = [ip_network(one) for one in kept]
    for one in beside(estate, hub):
        if not any(ip_address(one.address) in block for block in blocks):
            raise ServiceError("IncorrectState", f"{one.id} has the address {one.address}.")


# What is known of a tunnel.


def reaches(estate: Estate, over: HubAttachment, of: ConnectPeer) -> bool:
    """Whether a tunnel over a VPC comes to an appliance."""
    vpc = estate.vpcs.find(over.owner or over.account, over.of)
    if vpc is None:
        return False
    peer = ip_address(of.peer)
    if not any(peer in ip_network(one.prefix) for one in (*vpc.prefixes, *vpc.prefixes6)):
        return True
    for one in estate.interfaces.all():
        addresses = (*(known.address for known in one.addresses), *one.addresses6)
        if one.vpc == vpc.id and of.peer in addresses:
            name = one.attached.instance if one.attached is not None else ""
            instance = estate.instances.find(one.account, name) if name else None
            return instance is None or instance.state == targets.RUNNING
    return False

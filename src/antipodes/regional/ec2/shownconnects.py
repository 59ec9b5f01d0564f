"""Connect attachments of transit gateways, and their peers, as the API shows them."""

from collections.abc import Set as AbstractSet
from ipaddress import ip_network

from antipodes.regional.ec2 import connects, leading, tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Filters, Thing, at
from antipodes.regional.ec2.hubs import DELETED
from antipodes.regional.ec2.modelhubs import AVAILABLE, ConnectPeer, Hub, HubAttachment

_TAGS: Filters = {"tag-key": at("Tags", "Key")}
CONNECT_FILTERS: Filters = {
    "options.protocol": at("Options", "Protocol"),
    "state": at("State"),
    "transit-gateway-attachment-id": at("TransitGatewayAttachmentId"),
    "transit-gateway-id": at("TransitGatewayId"),
    "transport-transit-gateway-attachment-id": at("TransportTransitGatewayAttachmentId"),
    **_TAGS,
}
PEER_FILTERS: Filters = {
    "state": at("State"),
    "transit-gateway-attachment-id": at("TransitGatewayAttachmentId"),
    "transit-gateway-connect-peer-id": at("TransitGatewayConnectPeerId"),
    **_TAGS,
}


def connect(estate: Estate, of: HubAttachment) -> Thing:
    """A Connect attachment."""
    return {
        "TransitGatewayAttachmentId": of.id,
        "TransportTransitGatewayAttachmentId": of.of,
        "TransitGatewayId": of.hub,
        "State": of.state,
        "CreationTime": of.made_at,
        "Options": {"Protocol": connects.PROTOCOL},
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def up(estate: Estate, account: str) -> frozenset[str]:
    """The peers of an account whose sessions of BGP are up, by id."""
    found = leading.leading(estate, account)
    return frozenset(one.connected for one in found if one.connected and any(one.up))


def peer(estate: Estate, hub: Hub | None, of: ConnectPeer, speaking: AbstractSet[str]) -> Thing:
    """A peer, with its two sessions; `speaking` are those whose sessions are up."""
    theirs, *ours = (str(one) for one in list(ip_network(of.inside).hosts())[:3])
    session = {
        "PeerAsn": of.asn,
        "PeerAddress": theirs,
        "BgpStatus": "up" if of.id in speaking else "down",
    }
    if hub is not None:
        session["TransitGatewayAsn"] = hub.asn
    return {
        "TransitGatewayAttachmentId": of.attachment,
        "TransitGatewayConnectPeerId": of.id,
        "State": AVAILABLE if of.ended_at is None else DELETED,
        "CreationTime": of.made_at,
        "ConnectPeerConfiguration": {
            "TransitGatewayAddress": of.address,
            "PeerAddress": of.peer,
            "InsideCidrBlocks": [of.inside],
            "Protocol": connects.PROTOCOL,
            "BgpConfigurations": [session | {"TransitGatewayAddress": own} for own in ours],
        },
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }

"""Records as the API shows them."""

from typing import Any

from antipodes.regional.directconnect import joining, tags
from antipodes.regional.directconnect.model import (
    TRANSIT,
    Association,
    Connection,
    Gateway,
    Interface,
)

Thing = dict[str, Any]
_LONG = 2_147_483_648  # numbers of ASes from here on have a member of their own


def connection(of: Connection, state: str = "available") -> Thing:
    """A connection."""
    found: Thing = {
        "ownerAccount": of.account,
        "connectionId": of.id,
        "connectionName": of.name,
        "connectionState": state,
        "region": of.region,
        "location": of.location,
        "bandwidth": of.bandwidth,
        "jumboFrameCapable": True,
        "macSecCapable": False,
        "hasLogicalRedundancy": "unknown",
        "tags": tags.shown(of.tags),
    }
    return found | {"providerName": of.provider} if of.provider else found


def interface(of: Interface, connection: Connection, state: str = "") -> Thing:
    """A virtual interface, with its one session of BGP."""
    is_up = joining.is_up(of, connection)
    peer = {
        "bgpPeerId": of.id.replace("dxvif", "dxpeer"),
        "authKey": of.key,
        "addressFamily": "ipv4",
        "amazonAddress": of.amazon,
        "customerAddress": of.customer,
        "bgpPeerState": "available",
        "bgpStatus": "up" if is_up else "down",
        **_asn(of.asn),
    }
    found: Thing = {
        "ownerAccount": of.account,
        "virtualInterfaceId": of.id,
        "location": connection.location,
        "connectionId": of.connection,
        "virtualInterfaceType": of.kind,
        "virtualInterfaceName": of.name,
        "vlan": of.vlan,
        "amazonSideAsn": of.amazon_asn,
        "authKey": of.key,
        "amazonAddress": of.amazon,
        "customerAddress": of.customer,
        "addressFamily": "ipv4",
        "virtualInterfaceState": state or ("available" if is_up else "down"),
        "mtu": of.mtu,
        "jumboFrameCapable": True,
        "virtualGatewayId": of.gateway,
        "directConnectGatewayId": of.via,
        "routeFilterPrefixes": [],
        "bgpPeers": [peer],
        "region": of.region,
        "tags": tags.shown(of.tags),
        "siteLinkEnabled": False,
    }
    return found | _asn(of.asn)


def _asn(number: int) -> Thing:
    return {"asnLong": number} if number >= _LONG else {"asn": number, "asnLong": number}


def gateway(of: Gateway, state: str = "available") -> Thing:
    """A Direct Connect gateway."""
    return {
        "directConnectGatewayId": of.id,
        "directConnectGatewayName": of.name,
        "amazonSideAsn": of.asn,
        "ownerAccount": of.account,
        "directConnectGatewayState": state,
        "tags": tags.shown(of.tags),
    }


def association(of: Association, state: str = "associated") -> Thing:
    """What is associated with a Direct Connect gateway."""
    found: Thing = {
        "associationId": of.id,
        "associationState": state,
        "directConnectGatewayId": of.via,
        "directConnectGatewayOwnerAccount": of.account,
        "associatedGateway": {
            "id": of.gateway,
            "type": of.kind,
            "ownerAccount": of.account,
            "region": of.region,
        },
        "allowedPrefixesToDirectConnectGateway": [{"cidr": one} for one in of.allowed],
    }
    if of.gateway.startswith("vgw-"):
        found |= {
            "virtualGatewayId": of.gateway,
            "virtualGatewayRegion": of.region,
            "virtualGatewayOwnerAccount": of.account,
        }
    return found


def attachment(of: Interface) -> Thing:
    """What is attached to a Direct Connect gateway."""
    kind = "TransitVirtualInterface" if of.kind == TRANSIT else "PrivateVirtualInterface"
    return {
        "directConnectGatewayId": of.via,
        "virtualInterfaceId": of.id,
        "virtualInterfaceRegion": of.region,
        "virtualInterfaceOwnerAccount": of.account,
        "attachmentState": "attached",
        "attachmentType": kind,
    }

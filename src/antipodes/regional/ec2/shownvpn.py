"""Customer gateways, VPN gateways and VPN connections as the API shows them."""

from antipodes.regional.ec2 import tags, vpnconfiguration, vpns
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.modelvpn import CustomerGateway, Tunnel, VpnConnection, VpnGateway

_EXTENDED_ASNS = 2_147_483_648  # from here on they have a member of their own
_SHOWN = {  # what is called otherwise than in requests
    "DPDTimeoutSeconds": "DpdTimeoutSeconds",
    "DPDTimeoutAction": "DpdTimeoutAction",
    "IKEVersions": "IkeVersions",
}


def state(of: CustomerGateway | VpnGateway | VpnConnection) -> str:
    """The state of what is there, or has come to its end."""
    return "available" if of.ended_at is None else "deleted"


def customer_gateway(estate: Estate, of: CustomerGateway) -> Thing:
    """A customer gateway."""
    found: Thing = {
        "CustomerGatewayId": of.id,
        "State": state(of),
        "Type": vpns.TYPE,
        "IpAddress": of.address,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }
    found["BgpAsnExtended" if of.asn >= _EXTENDED_ASNS else "BgpAsn"] = str(of.asn)
    if of.device:
        found["DeviceName"] = of.device
    return found


def vpn_gateway(estate: Estate, of: VpnGateway) -> Thing:
    """A VPN gateway."""
    found: Thing = {
        "VpnGatewayId": of.id,
        "State": state(of),
        "Type": vpns.TYPE,
        "AmazonSideAsn": of.asn,
        "VpcAttachments": [{"VpcId": of.vpc, "State": "attached"}] if of.vpc else [],
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }
    return found | {"AvailabilityZone": of.zone} if of.zone else found


def connection(estate: Estate, of: VpnConnection) -> Thing:
    """A VPN connection; one that has ended has no tunnels any more."""
    found: Thing = {
        "VpnConnectionId": of.id,
        "State": state(of),
        "Type": vpns.TYPE,
        "Category": "VPN",
        "CustomerGatewayId": of.customer,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }
    found |= {"TransitGatewayId": of.hub} if of.hub else {"VpnGatewayId": of.gateway}
    if of.ended_at is not None:
        return found
    routes = [
        {"DestinationCidrBlock": one, "Source": "Static", "State": "available"} for one in of.routes
    ]
    return found | {
        "GatewayAssociationState": "associated",
        "Options": _options(of),
        "Routes": routes,
        "VgwTelemetry": _telemetry(estate, of),
        "CustomerGatewayConfiguration": vpnconfiguration.written(estate, of),
    }


def _options(of: VpnConnection) -> Thing:
    return {
        "EnableAcceleration": False,
        "StaticRoutesOnly": of.static,
        "LocalIpv4NetworkCidr": of.local,
        "RemoteIpv4NetworkCidr": of.remote,
        "OutsideIpAddressType": "PublicIpv4",
        "TunnelInsideIpVersion": "ipv4",
        "TunnelBandwidth": vpns.LARGE if of.large else vpns.STANDARD,
        "TunnelOptions": [_tunnel(one) for one in of.tunnels],
    }


def _tunnel(of: Tunnel) -> Thing:
    """A tunnel, with what was chosen for it."""
    lists = {name: [{"Value": one} for one in values] for name, values in of.allowed.items()}
    return {
        "OutsideIpAddress": of.outside,
        "TunnelInsideCidr": of.inside,
        "PreSharedKey": of.key,
        **{_SHOWN.get(name, name): value for name, value in (of.chosen | lists).items()},
    }


def _telemetry(estate: Estate, of: VpnConnection) -> list[Thing]:
    """How Amazon's ends of the tunnels are, and how many routes each takes."""
    accepted = len(vpns.heard(estate, of))
    return [
        {
            "OutsideIpAddress": tunnel.outside,
            "Status": "UP" if is_up else "DOWN",
            "StatusMessage": _status(of, accepted) if is_up else "IPSEC IS DOWN",
            "AcceptedRouteCount": accepted if is_up else 0,
            "LastStatusChange": of.made_at,
        }
        for tunnel, is_up in zip(of.tunnels, vpns.up(estate, of), strict=True)
    ]


def _status(of: VpnConnection, accepted: int) -> str:
    return "IPSEC IS UP" if of.static else f"{accepted} BGP ROUTES"

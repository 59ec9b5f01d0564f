"""Customer gateways and VPN gateways as the API shows them."""

from antipodes.regional.ec2 import tags, vpns
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.modelvpn import CustomerGateway, VpnConnection, VpnGateway

_EXTENDED_ASNS = 2_147_483_648  # from here on they have a member of their own


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

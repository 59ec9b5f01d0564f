"""Filters over customer gateways, VPN gateways and VPN connections."""

from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Filters, Thing, at

_TAGS: Filters = {"tag-key": at("Tags", "Key")}
CUSTOMER_FILTERS: Filters = {
    "bgp-asn": lambda thing: [thing.get("BgpAsn") or thing["BgpAsnExtended"]],
    "customer-gateway-id": at("CustomerGatewayId"),
    "ip-address": at("IpAddress"),
    "state": at("State"),
    "type": at("Type"),
    **_TAGS,
}
GATEWAY_FILTERS: Filters = {
    "vpn-gateway-id": at("VpnGatewayId"),
    "amazon-side-asn": at("AmazonSideAsn"),
    "attachment.state": at("VpcAttachments", "State"),
    "attachment.vpc-id": at("VpcAttachments", "VpcId"),
    "availability-zone": at("AvailabilityZone"),
    "state": at("State"),
    "type": at("Type"),
    **_TAGS,
}
_CONNECTION_FILTERS: Filters = {
    "customer-gateway-configuration": at("CustomerGatewayConfiguration"),
    "customer-gateway-id": at("CustomerGatewayId"),
    "option.static-routes-only": at("Options", "StaticRoutesOnly"),
    "route.destination-cidr-block": at("Routes", "DestinationCidrBlock"),
    "state": at("State"),
    "transit-gateway-id": at("TransitGatewayId"),
    "type": at("Type"),
    "vpn-connection-id": at("VpnConnectionId"),
    "vpn-gateway-id": at("VpnGatewayId"),
    **_TAGS,
}


def connections(estate: Estate, account: str) -> Filters:
    """Those over VPN connections, of which one asks after the customer gateways."""
    asns = {one.id: str(one.asn) for one in estate.customers.list(account)}

    def asn(thing: Thing) -> list[str]:
        found = asns.get(thing["CustomerGatewayId"])
        return [] if found is None else [found]

    return {**_CONNECTION_FILTERS, "bgp-asn": asn}

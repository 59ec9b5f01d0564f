"""Filters over customer gateways, VPN gateways and VPN connections."""

from antipodes.regional.ec2.filters import Filters, at

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

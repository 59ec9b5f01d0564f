"""Filters over route tables, internet gateways, prefix lists and DHCP options."""

from collections.abc import Callable, Iterable
from typing import Any

from antipodes.regional.ec2.filters import Filters, Thing


def _member(name: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [thing[name]]


def _among(many: str, name: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [one[name] for one in thing[many] if name in one]


_TAGS: Filters = {"tag-key": _among("Tags", "Key")}
GATEWAY_FILTERS: Filters = {
    "internet-gateway-id": _member("InternetGatewayId"),
    "owner-id": _member("OwnerId"),
    "attachment.state": _among("Attachments", "State"),
    "attachment.vpc-id": _among("Attachments", "VpcId"),
    **_TAGS,
}
EGRESS_GATEWAY_FILTERS: Filters = _TAGS
OPTION_FILTERS: Filters = {
    "dhcp-options-id": _member("DhcpOptionsId"),
    "owner-id": _member("OwnerId"),
    "key": _among("DhcpConfigurations", "Key"),
    "value": lambda thing: [
        value["Value"] for one in thing["DhcpConfigurations"] for value in one["Values"]
    ],
    **_TAGS,
}
TABLE_FILTERS: Filters = {
    "route-table-id": _member("RouteTableId"),
    "vpc-id": _member("VpcId"),
    "owner-id": _member("OwnerId"),
    "association.gateway-id": _among("Associations", "GatewayId"),
    "association.main": _among("Associations", "Main"),
    "association.route-table-association-id": _among("Associations", "RouteTableAssociationId"),
    "association.route-table-id": _among("Associations", "RouteTableId"),
    "association.subnet-id": _among("Associations", "SubnetId"),
    "route.destination-cidr-block": _among("Routes", "DestinationCidrBlock"),
    "route.destination-ipv6-cidr-block": _among("Routes", "DestinationIpv6CidrBlock"),
    "route.destination-prefix-list-id": _among("Routes", "DestinationPrefixListId"),
    "route.egress-only-internet-gateway-id": _among("Routes", "EgressOnlyInternetGatewayId"),
    "route.gateway-id": _among("Routes", "GatewayId"),
    "route.instance-id": _among("Routes", "InstanceId"),
    "route.nat-gateway-id": _among("Routes", "NatGatewayId"),
    "route.transit-gateway-id": _among("Routes", "TransitGatewayId"),
    "route.vpc-peering-connection-id": _among("Routes", "VpcPeeringConnectionId"),
    "route.origin": _among("Routes", "Origin"),
    "route.state": _among("Routes", "State"),
    **_TAGS,
}
LIST_FILTERS: Filters = {
    "prefix-list-id": _member("PrefixListId"),
    "prefix-list-name": _member("PrefixListName"),
    "owner-id": lambda thing: [thing["OwnerId"]] if "OwnerId" in thing else [],
    **_TAGS,
}
SERVICE_LIST_FILTERS: Filters = {
    "prefix-list-id": _member("PrefixListId"),
    "prefix-list-name": _member("PrefixListName"),
}

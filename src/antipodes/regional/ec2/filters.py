"""Filters over what is described.

A filter names a function from such a document to the values it may match; a filter that is not in
a table is refused by name, since a script that leans on it would otherwise get too much.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from antipodes.service.contract import ServiceError

FILTERS_MAX = 50
FILTER_VALUES_MAX = 200

Thing = dict[str, Any]
Filters = Mapping[str, Callable[[Thing], Iterable[Any]]]


def at(*path: str) -> Callable[[Thing], Iterable[Any]]:
    """What is at the end of a path, through all of the lists on the way; nothing if it ends."""

    def read(thing: Thing) -> Iterable[Any]:
        found: list[Any] = [thing]
        for name in path:
            parts = [one[name] for one in found if name in one]
            found = [x for part in parts for x in (part if isinstance(part, list) else [part])]
        return found

    return read


def _member(name: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [thing[name]]


def _optional(name: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [thing[name]] if name in thing else []


def _inner(outer: str, name: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [thing[outer][name]] if name in thing.get(outer, {}) else []


def _each(outer: str, name: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [one[name] for one in thing.get(outer, [])]


def _both(names: Sequence[str], member: str) -> Filters:
    return {name: _member(member) for name in names}


_TAGS: Filters = {
    "tag-key": lambda thing: [tag["Key"] for tag in thing["Tags"]],
}
_ASSOCIATED = "Ipv6CidrBlockAssociationSet"
_SIX: Filters = {
    "ipv6-cidr-block-association.ipv6-cidr-block": at(_ASSOCIATED, "Ipv6CidrBlock"),
    "ipv6-cidr-block-association.association-id": at(_ASSOCIATED, "AssociationId"),
    "ipv6-cidr-block-association.state": at(_ASSOCIATED, "Ipv6CidrBlockState", "State"),
}
REGION_FILTERS: Filters = {
    "region-name": _member("RegionName"),
    "endpoint": _member("Endpoint"),
    "opt-in-status": _member("OptInStatus"),
}
ZONE_FILTERS: Filters = {
    "region-name": _member("RegionName"),
    "zone-name": _member("ZoneName"),
    "zone-id": _member("ZoneId"),
    "zone-type": _member("ZoneType"),
    "group-name": _member("GroupName"),
    "network-border-group": _member("NetworkBorderGroup"),
    "opt-in-status": _member("OptInStatus"),
    "state": _member("State"),
}
VPC_FILTERS: Filters = {
    "vpc-id": _member("VpcId"),
    "owner-id": _member("OwnerId"),
    "state": _member("State"),
    **_both(("cidr", "cidr-block", "cidrBlock"), "CidrBlock"),
    "cidr-block-association.cidr-block": at("CidrBlockAssociationSet", "CidrBlock"),
    "cidr-block-association.association-id": at("CidrBlockAssociationSet", "AssociationId"),
    "cidr-block-association.state": at("CidrBlockAssociationSet", "CidrBlockState", "State"),
    **_SIX,
    "ipv6-cidr-block-association.ipv6-pool": at(_ASSOCIATED, "Ipv6Pool"),
    **_both(("is-default", "isDefault"), "IsDefault"),
    **_both(("dhcp-options-id", "dhcpOptionsId"), "DhcpOptionsId"),
    **_TAGS,
}
SUBNET_FILTERS: Filters = {
    "subnet-id": _member("SubnetId"),
    "subnet-arn": _member("SubnetArn"),
    "vpc-id": _member("VpcId"),
    "owner-id": _member("OwnerId"),
    "state": _member("State"),
    "available-ip-address-count": _member("AvailableIpAddressCount"),
    "map-public-ip-on-launch": _member("MapPublicIpOnLaunch"),
    **_both(("availability-zone", "availabilityZone"), "AvailabilityZone"),
    **_both(("availability-zone-id", "availabilityZoneId"), "AvailabilityZoneId"),
    **_both(("cidr", "cidr-block", "cidrBlock"), "CidrBlock"),
    **_both(("default-for-az", "defaultForAz"), "DefaultForAz"),
    "ipv6-native": _member("Ipv6Native"),
    "enable-dns64": _member("EnableDns64"),
    **_SIX,
    **_TAGS,
}
ADDRESS_FILTERS: Filters = {
    "allocation-id": _member("AllocationId"),
    "public-ip": _member("PublicIp"),
    "domain": _member("Domain"),
    "network-border-group": _member("NetworkBorderGroup"),
    "association-id": at("AssociationId"),
    "instance-id": at("InstanceId"),
    "network-interface-id": at("NetworkInterfaceId"),
    "network-interface-owner-id": at("NetworkInterfaceOwnerId"),
    "private-ip-address": at("PrivateIpAddress"),
    **_TAGS,
}
PATH_FILTERS: Filters = {
    "source": _member("Source"),
    "protocol": _member("Protocol"),
    "destination": lambda thing: [thing["Destination"]] if "Destination" in thing else [],
    "filter-at-source.source-address": at("FilterAtSource", "SourceAddress"),
    "filter-at-source.destination-address": at("FilterAtSource", "DestinationAddress"),
    "filter-at-destination.source-address": at("FilterAtDestination", "SourceAddress"),
    "filter-at-destination.destination-address": at("FilterAtDestination", "DestinationAddress"),
    **_TAGS,
}
ANALYSIS_FILTERS: Filters = {
    "path-found": _member("NetworkPathFound"),
    "status": _member("Status"),
    **_TAGS,
}
TAG_FILTERS: Filters = {
    "key": _member("Key"),
    "value": _member("Value"),
    "resource-id": _member("ResourceId"),
    "resource-type": _member("ResourceType"),
}
GROUP_FILTERS: Filters = {
    "group-id": _member("GroupId"),
    "group-name": _member("GroupName"),
    "description": _member("Description"),
    "vpc-id": _member("VpcId"),
    "owner-id": _member("OwnerId"),
    **_TAGS,
}

_OPTIONS = {
    "options.amazon-side-asn": "AmazonSideAsn",
    "options.association-default-route-table-id": "AssociationDefaultRouteTableId",
    "options.auto-accept-shared-attachments": "AutoAcceptSharedAttachments",
    "options.default-route-table-association": "DefaultRouteTableAssociation",
    "options.default-route-table-propagation": "DefaultRouteTablePropagation",
    "options.dns-support": "DnsSupport",
    "options.propagation-default-route-table-id": "PropagationDefaultRouteTableId",
    "options.vpn-ecmp-support": "VpnEcmpSupport",
}
HUB_FILTERS: Filters = {
    "transit-gateway-id": _member("TransitGatewayId"),
    "owner-id": _member("OwnerId"),
    "state": _member("State"),
    **{name: _inner("Options", member) for name, member in _OPTIONS.items()},
    **_TAGS,
}
HUB_VPC_FILTERS: Filters = {
    "transit-gateway-attachment-id": _member("TransitGatewayAttachmentId"),
    "transit-gateway-id": _member("TransitGatewayId"),
    "vpc-id": _member("VpcId"),
    "state": _member("State"),
    **_TAGS,
}
HUB_RESOURCE_FILTERS: Filters = {
    "transit-gateway-attachment-id": _member("TransitGatewayAttachmentId"),
    "resource-id": _member("ResourceId"),
    "resource-type": _member("ResourceType"),
}
HUB_ATTACHMENT_FILTERS: Filters = {
    **HUB_RESOURCE_FILTERS,
    "association.state": _inner("Association", "State"),
    "association.transit-gateway-route-table-id": _inner(
        "Association", "TransitGatewayRouteTableId"
    ),
    "resource-owner-id": _member("ResourceOwnerId"),
    "state": _member("State"),
    "transit-gateway-id": _member("TransitGatewayId"),
    "transit-gateway-owner-id": _member("TransitGatewayOwnerId"),
    **_TAGS,
}
HUB_PEERING_FILTERS: Filters = {
    "transit-gateway-attachment-id": _member("TransitGatewayAttachmentId"),
    "state": _member("State"),
    **_TAGS,
}
HUB_TABLE_FILTERS: Filters = {
    "default-association-route-table": _member("DefaultAssociationRouteTable"),
    "default-propagation-route-table": _member("DefaultPropagationRouteTable"),
    "state": _member("State"),
    "transit-gateway-id": _member("TransitGatewayId"),
    "transit-gateway-route-table-id": _member("TransitGatewayRouteTableId"),
    **_TAGS,
}
HUB_PROPAGATION_FILTERS: Filters = {
    "transit-gateway-route-table-id": _member("TransitGatewayRouteTableId"),
}
_ROUTE_ATTACHMENT = {
    "attachment.transit-gateway-attachment-id": "TransitGatewayAttachmentId",
    "attachment.resource-id": "ResourceId",
    "attachment.resource-type": "ResourceType",
}
HUB_ROUTE_FILTERS: Filters = {
    "type": _member("Type"),
    "state": _member("State"),
    "prefix-list-id": _optional("PrefixListId"),
    **{
        name: _each("TransitGatewayAttachments", member)
        for name, member in _ROUTE_ATTACHMENT.items()
    },
}


def _inside(side: str, name: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [thing[side][name]] if name in thing[side] else []


PEERING_FILTERS: Filters = {
    "vpc-peering-connection-id": _member("VpcPeeringConnectionId"),
    "status-code": _inside("Status", "Code"),
    "status-message": _inside("Status", "Message"),
    "requester-vpc-info.cidr-block": _inside("RequesterVpcInfo", "CidrBlock"),
    "requester-vpc-info.owner-id": _inside("RequesterVpcInfo", "OwnerId"),
    "requester-vpc-info.vpc-id": _inside("RequesterVpcInfo", "VpcId"),
    "accepter-vpc-info.cidr-block": _inside("AccepterVpcInfo", "CidrBlock"),
    "accepter-vpc-info.owner-id": _inside("AccepterVpcInfo", "OwnerId"),
    "accepter-vpc-info.vpc-id": _inside("AccepterVpcInfo", "VpcId"),
    **_TAGS,
}

HUB_REFERENCE_FILTERS: Filters = {
    "prefix-list-id": _member("PrefixListId"),
    "prefix-list-owner-id": _member("PrefixListOwnerId"),
    "state": _member("State"),
    "is-blackhole": _member("Blackhole"),
    **{
        name: _inner("TransitGatewayAttachment", member)
        for name, member in _ROUTE_ATTACHMENT.items()
    },
}
ENDPOINT_FILTERS: Filters = {
    "vpc-endpoint-id": _member("VpcEndpointId"),
    "vpc-endpoint-type": _member("VpcEndpointType"),
    "vpc-endpoint-state": _member("State"),
    "vpc-id": _member("VpcId"),
    "service-name": _member("ServiceName"),
    "service-region": _member("ServiceRegion"),
    "ip-address-type": _member("IpAddressType"),
    **_TAGS,
}
ENDPOINT_SERVICE_FILTERS: Filters = {
    "service-name": _member("ServiceName"),
    "service-region": _member("ServiceRegion"),
    "service-type": lambda thing: [one["ServiceType"] for one in thing["ServiceType"]],
    "owner": _member("Owner"),
    "supported-ip-address-types": lambda thing: thing["SupportedIpAddressTypes"],
    **_TAGS,
}

LINK_SERVICE_FILTERS: Filters = {
    "service-name": _member("ServiceName"),
    "service-id": _member("ServiceId"),
    "service-state": _member("ServiceState"),
    "supported-ip-address-types": lambda thing: thing["SupportedIpAddressTypes"],
    **_TAGS,
}
LINK_PERMISSION_FILTERS: Filters = {
    "principal": _member("Principal"),
    "principal-type": _member("PrincipalType"),
}
LINK_CONNECTION_FILTERS: Filters = {
    "service-id": _member("ServiceId"),
    "vpc-endpoint-id": _member("VpcEndpointId"),
    "vpc-endpoint-owner": _member("VpcEndpointOwner"),
    "vpc-endpoint-state": _member("VpcEndpointState"),
    "ip-address-type": _member("IpAddressType"),
}


def filtered(
    things: Iterable[Thing], wanted: Sequence[Mapping[str, Any]], known: Filters
) -> list[Thing]:
    """Return the things that match every filter, each by any of its values."""
    if len(wanted) > FILTERS_MAX:
        raise ServiceError("FilterLimitExceeded", f"The maximum of filters is {FILTERS_MAX}")
    found = list(things)
    for one in wanted:
        name, values = one.get("Name") or "", one.get("Values") or []
        if len(values) > FILTER_VALUES_MAX:
            raise ServiceError(
                "FilterLimitExceeded", f"The maximum of filter values is {FILTER_VALUES_MAX}"
            )
        read = known.get(name)
        if read is None and name.startswith("tag:") and "tag-key" in known:
            read = _tag_values(name.removeprefix("tag:"))
        if read is None:
            raise ServiceError("InvalidParameterValue", f"The filter '{name}' is invalid")
        found = [thing for thing in found if _matches(read(thing), values)]
    return found


def _tag_values(key: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [tag["Value"] for tag in thing["Tags"] if tag["Key"] == key]


def _matches(actual: Iterable[Any], values: Sequence[str]) -> bool:
    texts = [str(v).lower() if isinstance(v, bool) else str(v) for v in actual]
    return any(_pattern(value).fullmatch(text) for value in values for text in texts)


def _pattern(value: str) -> "re.Pattern[str]":
    """Return a filter's value as a pattern; a backslash takes the meaning of `*` and `?` away."""
    parts = re.split(r"(\\[*?\\])", value)
    literal = (
        re.escape(part[1:])
        if re.fullmatch(r"\\[*?\\]", part)
        else "".join(_wild(character) for character in part)
        for part in parts
    )
    return re.compile("".join(literal), re.DOTALL)


def _wild(character: str) -> str:
    return {"*": ".*", "?": "."}.get(character) or re.escape(character)

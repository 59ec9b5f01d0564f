"""The default network of an account in a region, regions and zones, and filters over all of them.

Things are the documents that the API shows. A filter names a function from such a document to the
values it may match; a filter that is not in a table is refused by name, since a script that leans
on it would otherwise get too much.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from antipodes.service.contract import ServiceError
from antipodes.world.addresses import VPC_NETWORK
from antipodes.world.atlas import Region, Zone

SUBNET_PREFIX = 20
SUBNET_RESERVED = 5  # addresses of each subnet that AWS keeps
FILTERS_MAX = 50
FILTER_VALUES_MAX = 200
TAGS_MAX = 50
TAG_KEY_LENGTH_MAX = 128

Thing = dict[str, Any]
Filters = Mapping[str, Callable[[Thing], Iterable[Any]]]


def identifier(prefix: str, *of: str) -> str:
    """Return an id that follows from what it is the id of."""
    return f"{prefix}-{hashlib.sha256('/'.join(of).encode()).hexdigest()[:17]}"


def tags_given(specifications: Sequence[Thing], kind: str) -> dict[str, str]:
    """Return the tags that a request gives to what it makes; refuse those for something else."""
    tags: dict[str, str] = {}
    for one in specifications:
        if one.get("ResourceType") != kind:
            raise ServiceError(
                "InvalidParameterValue",
                f"'{one.get('ResourceType')}' is not a valid taggable resource type for this "
                "operation.",
            )
        for tag in one.get("Tags") or []:
            key = tag.get("Key") or ""
            if not key or key.lower().startswith("aws:") or len(key) > TAG_KEY_LENGTH_MAX:
                raise ServiceError("InvalidParameterValue", f"Tag key '{key}' is not valid.")
            if key in tags:
                raise ServiceError("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
            tags[key] = tag.get("Value") or ""
    if len(tags) > TAGS_MAX:
        raise ServiceError("TagLimitExceeded", f"A resource has at most {TAGS_MAX} tags.")
    return tags


def vpc_id(account: str, region: str) -> str:
    """Return the id of the default VPC."""
    return identifier("vpc", account, region)


def region(of: Region) -> Thing:
    """Describe a region."""
    return {
        "RegionName": of.code,
        "Endpoint": f"ec2.{of.code}.amazonaws.com",
        "OptInStatus": "opt-in-not-required",
    }


def zone(of: Zone) -> Thing:
    """Describe a zone."""
    return {
        "State": "available",
        "OptInStatus": "opt-in-not-required",
        "Messages": [],
        "RegionName": of.region,
        "ZoneName": of.name,
        "ZoneId": of.id,
        "GroupName": f"{of.region}-zg-1",
        "NetworkBorderGroup": of.region,
        "ZoneType": "availability-zone",
    }


def vpc(account: str, region_code: str) -> Thing:
    """Describe the default VPC."""
    return {
        "VpcId": vpc_id(account, region_code),
        "OwnerId": account,
        "CidrBlock": str(VPC_NETWORK),
        "CidrBlockAssociationSet": [
            {
                "AssociationId": identifier("vpc-cidr-assoc", account, region_code),
                "CidrBlock": str(VPC_NETWORK),
                "CidrBlockState": {"State": "associated"},
            }
        ],
        "DhcpOptionsId": identifier("dopt", account, region_code),
        "InstanceTenancy": "default",
        "IsDefault": True,
        "State": "available",
        "Tags": [],
    }


def subnets(account: str, of: Region) -> list[Thing]:
    """Describe the default subnets: a /20 for each zone, in the order of the zones."""
    networks = VPC_NETWORK.subnets(new_prefix=SUBNET_PREFIX)
    return [
        _subnet(account, zone, network) for zone, network in zip(of.zones, networks, strict=False)
    ]


def _subnet(account: str, of: Zone, network: IPv4Network) -> Thing:
    subnet_id = identifier("subnet", account, of.id)
    return {
        "SubnetId": subnet_id,
        "SubnetArn": f"arn:aws:ec2:{of.region}:{account}:subnet/{subnet_id}",
        "OwnerId": account,
        "VpcId": vpc_id(account, of.region),
        "AvailabilityZone": of.name,
        "AvailabilityZoneId": of.id,
        "CidrBlock": str(network),
        "AvailableIpAddressCount": network.num_addresses - SUBNET_RESERVED,
        "DefaultForAz": True,
        "MapPublicIpOnLaunch": True,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "Ipv6Native": False,
        "EnableDns64": False,
        "State": "available",
        "Tags": [],
    }


def security_group(account: str, region_code: str) -> Thing:
    """Describe the default security group: in from itself, out to everywhere."""
    group_id = identifier("sg", account, region_code)
    inside: Thing = {"IpProtocol": "-1", "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": []}
    return {
        "GroupId": group_id,
        "GroupName": "default",
        "Description": "default VPC security group",
        "OwnerId": account,
        "VpcId": vpc_id(account, region_code),
        "SecurityGroupArn": f"arn:aws:ec2:{region_code}:{account}:security-group/{group_id}",
        "IpPermissions": [
            {**inside, "UserIdGroupPairs": [{"UserId": account, "GroupId": group_id}]}
        ],
        "IpPermissionsEgress": [
            {**inside, "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "UserIdGroupPairs": []}
        ],
        "Tags": [],
    }


# Filters.


def _member(name: str) -> Callable[[Thing], Iterable[Any]]:
    return lambda thing: [thing[name]]


def _both(names: Sequence[str], member: str) -> Filters:
    return {name: _member(member) for name in names}


_TAGS: Filters = {
    "tag-key": lambda thing: [tag["Key"] for tag in thing["Tags"]],
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
    **_both(("cidr", "cidr-block", "cidrBlock", "cidr-block-association.cidr-block"), "CidrBlock"),
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
    "map-public-ip-on-launch": _member("MapPublicIpOnLaunch"),
    **_both(("availability-zone", "availabilityZone"), "AvailabilityZone"),
    **_both(("availability-zone-id", "availabilityZoneId"), "AvailabilityZoneId"),
    **_both(("cidr", "cidr-block", "cidrBlock"), "CidrBlock"),
    **_both(("default-for-az", "defaultForAz"), "DefaultForAz"),
    **_TAGS,
}
ADDRESS_FILTERS: Filters = {
    "allocation-id": _member("AllocationId"),
    "public-ip": _member("PublicIp"),
    "domain": _member("Domain"),
    "network-border-group": _member("NetworkBorderGroup"),
    **_TAGS,
}
GROUP_FILTERS: Filters = {
    "group-id": _member("GroupId"),
    "group-name": _member("GroupName"),
    "description": _member("Description"),
    "vpc-id": _member("VpcId"),
    "owner-id": _member("OwnerId"),
    **_TAGS,
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

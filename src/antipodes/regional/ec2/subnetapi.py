"""EC2's operations on subnets."""

from ipaddress import IPv4Network
from typing import Any

import msgspec

from antipodes.regional.ec2 import defaults, filters, ipv6, kinds, prefixes, shown
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.model import Association, Subnet
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError
from antipodes.world.atlas import Zone

SUBNETS_MAX = 200  # of a VPC, by AWS's default quota
_NOT_OFFERED = (
    "OutpostArn",
    "Ipv6Native",
    "Ipv4IpamPoolId",
    "Ipv4NetmaskLength",
    "Ipv6IpamPoolId",
    "Ipv6NetmaskLength",
)
_NOT_MODIFIED = (
    "CustomerOwnedIpv4Pool",
    "MapCustomerOwnedIpOnLaunch",
    "EnableDns64",
    "PrivateDnsHostnameTypeOnLaunch",
    "EnableResourceNameDnsARecordOnLaunch",
    "EnableResourceNameDnsAAAARecordOnLaunch",
    "EnableLniAtDeviceIndex",
    "DisableLniAtDeviceIndex",
)
_ATTRIBUTES = {  # by their names in requests and in records
    "MapPublicIpOnLaunch": "maps_public_ip",
    "AssignIpv6AddressOnCreation": "assigns_ipv6",
}


@operations("CreateSubnet")
def create_subnet(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED)
    estate = service.estate
    vpc = estate.vpcs.get(call.account, request["VpcId"])
    if not request.get("CidrBlock"):
        raise ServiceError("MissingParameter", "The request must contain the parameter cidrBlock")
    zone = _zone(service, request)
    beside = [one for one in estate.subnets.list(call.account) if one.vpc == vpc.id]
    network = prefixes.of_subnet(
        request["CidrBlock"],
        [one.prefix for one in vpc.prefixes],
        [one.prefix for one in beside],
    )
    text6 = request.get("Ipv6CidrBlock")
    prefix6 = ipv6.of_subnet(text6, vpc, beside) if text6 else ""
    tags = tags_given(request.get("TagSpecifications") or [], kinds.SUBNET.resource)
    if len(beside) >= SUBNETS_MAX:
        raise ServiceError("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
    check_dry_run(request)
    name, association = estate.subnets.new_id(), estate.new_id("aclassoc")
    made = Subnet(
        *(name, call.account, vpc.id, zone.id, str(network), vpc.acl),
        acl_association=association,
        prefixes6=(Association(estate.new_id("subnet-cidr-assoc"), prefix6),) if prefix6 else (),
    )
    estate.subnets.put(call.account, name, made)
    estate.tag(call.account, name, tags)
    return {"Subnet": shown.subnet(estate, made, service.region.zones)}


def _zone(service: Ec2, request: Request) -> Zone:
    """The zone that a request names, by name or id; without one, the first."""
    name, zone_id = request.get("AvailabilityZone"), request.get("AvailabilityZoneId")
    if name and zone_id:
        raise ServiceError(
            "InvalidParameterCombination",
            "Only one of AvailabilityZone and AvailabilityZoneId can be given.",
        )
    for zone in service.region.zones:
        if zone.name == name or zone.id == zone_id or not (name or zone_id):
            return zone
    names = ", ".join(zone.name for zone in service.region.zones)
    raise ServiceError(
        "InvalidParameterValue",
        f"Value ({name or zone_id}) for parameter availabilityZone is invalid. Subnets can "
        f"currently only be created in the following availability zones: {names}.",
    )


@operations("CreateDefaultSubnet")
def create_default_subnet(service: Ec2, call: Call, request: Request) -> Response:
    estate, zone = service.estate, _zone(service, request)
    if not (request.get("AvailabilityZone") or request.get("AvailabilityZoneId")):
        raise ServiceError("MissingParameter", "The request must contain an Availability Zone")
    vpc = next((one for one in estate.vpcs.list(call.account) if one.default), None)
    if vpc is None:
        raise ServiceError(
            "DefaultVpcDoesNotExist", "There is no default VPC for this account in this region."
        )
    beside = [one for one in estate.subnets.list(call.account) if one.vpc == vpc.id]
    if any(one.default and one.zone == zone.id for one in beside):
        raise ServiceError(
            "DefaultSubnetAlreadyExistsInAvailabilityZone",
            f"A default subnet already exists in {zone.name}.",
        )
    check_dry_run(request)
    made = defaults.subnet(call.account, vpc, service.region, zone)
    estate.subnets.put(call.account, made.id, made)
    return {"Subnet": shown.subnet(estate, made, service.region.zones)}


@operations("DescribeSubnets")
def describe_subnets(service: Ec2, call: Call, request: Request) -> Response:
    estate, zones = service.estate, service.region.zones
    found = sorted(estate.subnets.all_usable(call.account), key=_place)
    occupied = service.interfaces.occupied(one.account for one in found)
    subnets = [shown.subnet(estate, one, zones, occupied[one.id]) for one in found]
    things = shown.for_account(call.account, subnets)
    return described(kinds.SUBNET, things, request, filters.SUBNET_FILTERS)


def _place(of: Subnet) -> tuple[bool, str, IPv4Network]:
    """Where a subnet is shown: the default network's first, then network by network."""
    return not of.default, of.vpc, IPv4Network(of.prefix)


@operations("DeleteSubnet")
def delete_subnet(service: Ec2, call: Call, request: Request) -> Response:
    subnet = service.estate.subnets.get(call.account, request["SubnetId"])
    if service.interfaces.in_subnet(subnet):
        raise ServiceError(
            "DependencyViolation",
            f"The subnet '{subnet.id}' has dependencies and cannot be deleted.",
        )
    check_dry_run(request)
    service.estate.remove(service.estate.subnets, call.account, subnet.id)
    return {}


@operations("ModifySubnetAttribute")
def modify_subnet_attribute(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_MODIFIED)
    subnet = service.estate.subnets.get(call.account, request["SubnetId"])
    given = [member for member in _ATTRIBUTES if request.get(member) is not None]
    if len(given) != 1:
        raise ServiceError(
            "InvalidParameterCombination" if given else "MissingParameter",
            "The request must contain one attribute to modify.",
        )
    value = bool(request[given[0]].get("Value"))
    if given == ["AssignIpv6AddressOnCreation"] and value and not subnet.prefixes6:
        raise ServiceError(
            "InvalidParameterValue",
            "Invalid value 'true' for assign-ipv6-address-on-creation. Cannot set "
            "assign-ipv6-address-on-creation to true unless the subnet has an IPv6 CIDR block "
            f"associated with it: {subnet.id} has none.",
        )
    change: dict[str, Any] = {_ATTRIBUTES[given[0]]: value}
    changed = msgspec.structs.replace(subnet, **change)
    service.estate.subnets.put(call.account, subnet.id, changed)
    return {}

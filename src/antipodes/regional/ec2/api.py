"""EC2's API, 2016-11-15: one thin function per operation."""

import re
from collections.abc import Sequence

from antipodes.regional.ec2 import model
from antipodes.regional.ec2.elastic import ElasticAddresses
from antipodes.regional.ec2.model import Filters, Thing
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.world.atlas import Region

operations = Operations()

_DIGITS = re.compile(r"[0-9]{1,9}")


class Ec2(Service):
    """Amazon EC2 in one region: the default network, and elastic addresses."""

    name = "ec2"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.elastic = ElasticAddresses(host)

    @property
    def region(self) -> Region:
        """This region in the atlas."""
        region: Region = self.host.world.atlas.region(self.host.place)
        return region


def _named(
    things: list[Thing], names: Sequence[str] | None, member: str, code: str, noun: str
) -> list[Thing]:
    """Return the things that a request lists by name; all where it lists none."""
    if not names:
        return things
    there = {thing[member] for thing in things}
    missing = [name for name in names if name not in there]
    if missing:
        raise ServiceError(code, f"The {noun} '{missing[0]}' does not exist")
    return [thing for thing in things if thing[member] in names]


def _found(things: list[Thing], request: Request, known: Filters, member: str) -> Response:
    """Return what is left after the filters, a page at a time."""
    if request.get("DryRun"):
        raise ServiceError(
            "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412
        )
    found = model.filtered(things, request.get("Filters") or [], known)
    token = request.get("NextToken") or "0"
    if _DIGITS.fullmatch(token) is None:
        raise ServiceError("InvalidParameterValue", f"Unable to parse pagination token: {token}")
    start = int(token)
    end = start + (request.get("MaxResults") or len(found) or 1)
    response: Response = {member: found[start:end]}
    if end < len(found):
        response["NextToken"] = str(end)
    return response


@operations("DescribeRegions")
def describe_regions(service: Ec2, call: Call, request: Request) -> Response:
    world = service.host.world
    regions = [model.region(world.atlas.region(code)) for code in world.regions]
    names = request.get("RegionNames")
    regions = _named(regions, names, "RegionName", "InvalidParameterValue", "region")
    return _found(regions, request, model.REGION_FILTERS, "Regions")


@operations("DescribeAvailabilityZones")
def describe_availability_zones(service: Ec2, call: Call, request: Request) -> Response:
    zones = [model.zone(zone) for zone in service.region.zones]
    for names, member in (("ZoneNames", "ZoneName"), ("ZoneIds", "ZoneId")):
        zones = _named(zones, request.get(names), member, "InvalidParameterValue", "zone")
    return _found(zones, request, model.ZONE_FILTERS, "AvailabilityZones")


@operations("DescribeVpcs")
def describe_vpcs(service: Ec2, call: Call, request: Request) -> Response:
    vpcs = [model.vpc(call.account, call.region)]
    vpcs = _named(vpcs, request.get("VpcIds"), "VpcId", "InvalidVpcID.NotFound", "vpc ID")
    return _found(vpcs, request, model.VPC_FILTERS, "Vpcs")


@operations("DescribeSubnets")
def describe_subnets(service: Ec2, call: Call, request: Request) -> Response:
    names = request.get("SubnetIds")
    subnets = model.subnets(call.account, service.region)
    subnets = _named(subnets, names, "SubnetId", "InvalidSubnetID.NotFound", "subnet ID")
    return _found(subnets, request, model.SUBNET_FILTERS, "Subnets")


@operations("DescribeSecurityGroups")
def describe_security_groups(service: Ec2, call: Call, request: Request) -> Response:
    groups = [model.security_group(call.account, call.region)]
    for names, member in (("GroupIds", "GroupId"), ("GroupNames", "GroupName")):
        noun = "security group"
        groups = _named(groups, request.get(names), member, "InvalidGroup.NotFound", noun)
    return _found(groups, request, model.GROUP_FILTERS, "SecurityGroups")


def _check_dry_run(request: Request) -> None:
    if request.get("DryRun"):
        raise ServiceError(
            "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412
        )


@operations("AllocateAddress")
def allocate_address(service: Ec2, call: Call, request: Request) -> Response:
    for member in ("Address", "PublicIpv4Pool", "CustomerOwnedIpv4Pool", "IpamPoolId"):
        if request.get(member):
            raise ServiceError("UnsupportedOperation", f"{member} is not offered here")
    if request.get("Domain") == "standard":
        raise ServiceError("UnsupportedOperation", "Domain 'standard' is not offered any more")
    if request.get("NetworkBorderGroup") not in {None, service.host.place}:
        raise ServiceError("InvalidParameterValue", "NetworkBorderGroup must be this Region")
    tags = model.tags_given(request.get("TagSpecifications") or [], "elastic-ip")
    _check_dry_run(request)
    made = service.elastic.allocate(call.account, tags)
    return {
        "PublicIp": made["PublicIp"],
        "AllocationId": made["AllocationId"],
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": service.host.place,
        "Domain": "vpc",
    }


@operations("DescribeAddresses")
def describe_addresses(service: Ec2, call: Call, request: Request) -> Response:
    found = service.elastic.list(call.account)
    for names, member, code in (
        ("AllocationIds", "AllocationId", "InvalidAllocationID.NotFound"),
        ("PublicIps", "PublicIp", "InvalidAddress.NotFound"),
    ):
        found = _named(found, request.get(names), member, code, "address")
    return _found(found, request, model.ADDRESS_FILTERS, "Addresses")


@operations("ReleaseAddress")
async def release_address(service: Ec2, call: Call, request: Request) -> Response:
    if not request.get("AllocationId"):
        raise ServiceError("MissingParameter", "AllocationId is required")
    _check_dry_run(request)
    await service.elastic.release(call.account, request["AllocationId"])
    return {}

"""EC2's operations on regions, zones and elastic addresses."""

from antipodes.regional.ec2 import filters, shown
from antipodes.regional.ec2.answering import check_dry_run, named, page
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError


@operations("DescribeRegions")
def describe_regions(service: Ec2, call: Call, request: Request) -> Response:
    world = service.host.world
    regions = [shown.region(world.atlas.region(code)) for code in world.regions]
    names = request.get("RegionNames")
    regions = named(regions, names, "RegionName", "InvalidParameterValue", "region")
    return page(regions, request, filters.REGION_FILTERS, "Regions")


@operations("DescribeAvailabilityZones")
def describe_availability_zones(service: Ec2, call: Call, request: Request) -> Response:
    zones = [shown.zone(zone) for zone in service.region.zones]
    for names, member in (("ZoneNames", "ZoneName"), ("ZoneIds", "ZoneId")):
        zones = named(zones, request.get(names), member, "InvalidParameterValue", "zone")
    return page(zones, request, filters.ZONE_FILTERS, "AvailabilityZones")


@operations("AllocateAddress")
def allocate_address(service: Ec2, call: Call, request: Request) -> Response:
    for member in ("Address", "PublicIpv4Pool", "CustomerOwnedIpv4Pool", "IpamPoolId"):
        if request.get(member):
            raise ServiceError("UnsupportedOperation", f"{member} is not offered here")
    if request.get("Domain") == "standard":
        raise ServiceError("UnsupportedOperation", "Domain 'standard' is not offered any more")
    if request.get("NetworkBorderGroup") not in {None, service.host.place}:
        raise ServiceError("InvalidParameterValue", "NetworkBorderGroup must be this Region")
    tags = tags_given(request.get("TagSpecifications") or [], "elastic-ip")
    check_dry_run(request)
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
        found = named(found, request.get(names), member, code, "address")
    return page(found, request, filters.ADDRESS_FILTERS, "Addresses")


@operations("ReleaseAddress")
async def release_address(service: Ec2, call: Call, request: Request) -> Response:
    if not request.get("AllocationId"):
        raise ServiceError("MissingParameter", "AllocationId is required")
    await service.elastic.check_unused(call.account, request["AllocationId"])
    check_dry_run(request)
    service.elastic.release(call.account, request["AllocationId"])
    return {}

"""EC2's operations on VPCs."""

from typing import Any

import msgspec

from antipodes.regional.ec2 import defaults, filters, groups, ipv6, kinds, prefixes, shown
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

VPCS_MAX = 5  # of an account in a region, by AWS's default quota
_NOT_OFFERED = (
    "Ipv4IpamPoolId",
    "Ipv6IpamPoolId",
    "Ipv6Pool",
    "Ipv6CidrBlock",
    "VpcEncryptionControl",
)
# Attributes by their names in requests, in descriptions, and in records.
_ATTRIBUTES = {
    "EnableDnsSupport": ("enableDnsSupport", "dns_support"),
    "EnableDnsHostnames": ("enableDnsHostnames", "dns_hostnames"),
    "EnableNetworkAddressUsageMetrics": ("enableNetworkAddressUsageMetrics", "usage_metrics"),
}


@operations("CreateVpc")
def create_vpc(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED)
    check_border(service.host.place, request)
    if not request.get("CidrBlock"):
        raise ServiceError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' is required")
    network = prefixes.of_network(request["CidrBlock"])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.VPC.resource)
    tenancy = request.get("InstanceTenancy") or "default"
    if tenancy not in {"default", "dedicated"}:
        raise ServiceError("UnsupportedTenancy", f"The tenancy '{tenancy}' is not supported.")
    estate = service.estate
    if estate.vpcs.count(call.account) >= VPCS_MAX:
        raise ServiceError("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
    check_dry_run(request)

    def name(prefix: str, *_: str) -> str:
        return estate.new_id(prefix)

    wanted = defaults.Wanted(call.account, network, name, tenancy=tenancy)
    made = defaults.network(estate, wanted)
    if request.get("AmazonProvidedIpv6CidrBlock"):
        made, _ = ipv6.join(estate, made)
    estate.tag(call.account, made.id, tags)
    service.names.made(call.account, made.id)
    answer = {"Vpc": shown.vpc(estate, made) | {"State": "pending"}}
    for one in answer["Vpc"].get("Ipv6CidrBlockAssociationSet", []):
        one["Ipv6CidrBlockState"] = {"State": "associating"}
    return answer


def check_border(region: str, request: Request) -> None:
    """Refuse IPv6 that is announced elsewhere than in the region as a whole."""
    border = request.get("Ipv6CidrBlockNetworkBorderGroup")
    if border not in {None, "", region}:
        raise ServiceError(
            "UnsupportedOperation", "Ipv6CidrBlockNetworkBorderGroup is not offered here"
        )


@operations("CreateDefaultVpc")
def create_default_vpc(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    if any(vpc.default for vpc in estate.vpcs.list(call.account)):
        raise ServiceError(
            "DefaultVpcAlreadyExists",
            "A Default VPC already exists for this account in this region.",
        )
    check_dry_run(request)
    made = defaults.make(estate, call.account, service.region)
    service.names.made(call.account, made.id)
    return {"Vpc": shown.vpc(estate, made) | {"State": "pending"}}


@operations("DescribeVpcs")
def describe_vpcs(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = [shown.vpc(estate, one) for one in estate.vpcs.all_usable(call.account)]
    vpcs = shown.for_account(call.account, seen)
    return described(kinds.VPC, vpcs, request, filters.VPC_FILTERS)


@operations("DeleteVpc")
def delete_vpc(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    vpc = estate.vpcs.get(account, request["VpcId"])
    tables = [one for one in estate.tables.list(account) if one.vpc == vpc.id]
    acls = [one for one in estate.acls.list(account) if one.vpc == vpc.id]
    own = [one for one in estate.groups.all_usable(account) if one.vpc == vpc.id]
    others: list[object] = [
        *service.peerings.holding(account, vpc.id),
        *(one for one in estate.endpoints.list(account) if one.vpc == vpc.id),
        *(one for one in estate.subnets.list(account) if one.vpc == vpc.id),
        *(one for one in estate.gateways.list(account) if one.vpc == vpc.id),
        *(one for one in estate.egress_gateways.list(account) if one.vpc == vpc.id),
        *(one for one in estate.attachments.list(account) if one.of == vpc.id),
        *(one for one in estate.groups.all() if vpc.id in one.others),
        *(one for one in estate.vpn_gateways.list(account) if one.vpc == vpc.id),
    ]
    if others or len(tables) > 1 or len(acls) > 1 or len(own) > 1:
        raise ServiceError(
            "DependencyViolation", f"The vpc '{vpc.id}' has dependencies and cannot be deleted."
        )
    check_dry_run(request)
    estate.remove(estate.tables, account, vpc.table)
    estate.remove(estate.acls, account, vpc.acl)
    groups.remove(estate, estate.groups.get(account, vpc.group))
    estate.remove(estate.vpcs, account, vpc.id)
    service.names.gone(vpc.id)
    return {}


@operations("DescribeVpcAttribute")
def describe_vpc_attribute(service: Ec2, call: Call, request: Request) -> Response:
    vpc = service.estate.vpcs.usable(call.account, request["VpcId"])
    check_dry_run(request)
    for member, (asked, field) in _ATTRIBUTES.items():
        if request.get("Attribute") == asked:
            return {"VpcId": vpc.id, member: {"Value": getattr(vpc, field)}}
    raise ServiceError("InvalidParameterValue", f"Value ({request.get('Attribute')}) is invalid.")


@operations("ModifyVpcAttribute")
def modify_vpc_attribute(service: Ec2, call: Call, request: Request) -> Response:
    vpc = service.estate.vpcs.get(call.account, request["VpcId"])
    given = [member for member in _ATTRIBUTES if request.get(member) is not None]
    if not given:
        raise ServiceError("MissingParameter", "The request must contain an attribute to modify.")
    if len(given) > 1:
        raise ServiceError(
            "InvalidParameterCombination", "Only one attribute can be modified at a time."
        )
    field = _ATTRIBUTES[given[0]][1]
    change: dict[str, Any] = {field: bool(request[given[0]].get("Value"))}
    service.estate.vpcs.put(call.account, vpc.id, msgspec.structs.replace(vpc, **change))
    return {}

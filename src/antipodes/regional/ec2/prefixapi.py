"""EC2's operations on the prefixes of VPCs, and on those of IPv6 of subnets."""

from ipaddress import IPv4Network

import msgspec

from antipodes.regional.ec2 import defaults, ipv6, prefixes, shown
from antipodes.regional.ec2.answering import not_offered
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import Association, Route, Subnet, Vpc
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.vpcapi import check_border
from antipodes.service.contract import Call, Request, Response, ServiceError

PREFIXES_MAX = 5  # of IPv4 of a VPC, by AWS's default quota
_NOT_OFFERED = ("Ipv4IpamPoolId", "Ipv6IpamPoolId", "Ipv6Pool", "Ipv6CidrBlock")


@operations("AssociateVpcCidrBlock")
def associate_vpc_cidr_block(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED)
    check_border(service.host.place, request)
    vpc = service.estate.vpcs.get(call.account, request["VpcId"])
    text, provided = request.get("CidrBlock"), request.get("AmazonProvidedIpv6CidrBlock")
    if bool(text) == bool(provided):
        raise ServiceError(
            "InvalidParameterCombination" if text else "MissingParameter",
            "The request must contain exactly one of cidrBlock and amazonProvidedIpv6CidrBlock",
        )
    if text:
        return _with_ipv4(service, vpc, text)
    ipv6.check_number(vpc)
    changed, made = ipv6.join(service.estate, vpc)
    service.peerings.prefixes_changed(changed)
    return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": _six(service, made, "associating")}


def _six(service: Ec2, of: Association, state: str) -> Thing:
    told = shown.provided(of, service.host.place)
    return told | {"Ipv6CidrBlockState": {"State": state}}


def _with_ipv4(service: Ec2, vpc: Vpc, text: str) -> Response:
    estate = service.estate
    tables = [one for one in estate.tables.list(vpc.account) if one.vpc == vpc.id]
    routed = [
        route.destination
        for table in tables
        for route in table.routes
        if route.target != "local" and "." in route.destination
    ]
    network = prefixes.further(text, [one.prefix for one in vpc.prefixes], routed)
    if len(vpc.prefixes) >= PREFIXES_MAX:
        raise ServiceError(
            "CidrBlockLimitExceeded", f"A VPC has at most {PREFIXES_MAX} IPv4 CIDR blocks."
        )
    service.peerings.check_prefix(vpc, str(network))
    now = service.host.runtime.wall()
    made = Association(estate.new_id("vpc-cidr-assoc"), str(network), now)
    changed = msgspec.structs.replace(vpc, prefixes=(*vpc.prefixes, made))
    estate.vpcs.put(vpc.account, vpc.id, changed)
    service.peerings.prefixes_changed(changed)
    for table in tables:
        local = Route(made.prefix, "local", defaults.LOCAL_ORIGIN)
        routes = (*table.routes, local)
        estate.tables.put(vpc.account, table.id, msgspec.structs.replace(table, routes=routes))
    state = {"AssociationId": made.id, "CidrBlock": made.prefix}
    return {
        "VpcId": vpc.id,
        "CidrBlockAssociation": state | {"CidrBlockState": {"State": "associating"}},
    }


@operations("DisassociateVpcCidrBlock")
def disassociate_vpc_cidr_block(service: Ec2, call: Call, request: Request) -> Response:
    estate, name = service.estate, request["AssociationId"]
    for vpc in estate.vpcs.list(call.account):
        for number, one in enumerate(vpc.prefixes):
            if one.id == name:
                return _disassociated(service, vpc, number)
        for one in vpc.prefixes6:
            if one.id == name:
                service.peerings.prefixes_changed(ipv6.leave(estate, vpc, one))
                told = _six(service, one, "disassociating")
                return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": told}
    raise ServiceError(
        "InvalidVpcCidrBlockAssociationID.NotFound",
        f"The vpc CIDR block association ID '{name}' does not exist",
    )


def _disassociated(service: Ec2, vpc: Vpc, number: int) -> Response:
    estate, gone = service.estate, vpc.prefixes[number]
    if number == 0:
        raise ServiceError(
            "OperationNotPermitted",
            f"The vpc CIDR block with association ID {gone.id} may not be disassociated. It is the "
            "primary IPv4 CIDR block of the VPC",
        )
    network = IPv4Network(gone.prefix)
    for subnet in estate.subnets.list(vpc.account):
        if subnet.vpc == vpc.id and IPv4Network(subnet.prefix).subnet_of(network):
            raise ServiceError(
                "DependencyViolation",
                f"The CIDR block {gone.prefix} of the vpc '{vpc.id}' has dependencies and cannot "
                "be disassociated.",
            )
    kept = tuple(one for one in vpc.prefixes if one is not gone)
    changed = msgspec.structs.replace(vpc, prefixes=kept)
    estate.vpcs.put(vpc.account, vpc.id, changed)
    service.peerings.prefixes_changed(changed)
    for table in estate.tables.list(vpc.account):
        if table.vpc == vpc.id:
            routes = tuple(one for one in table.routes if one.destination != gone.prefix)
            without = msgspec.structs.replace(table, routes=routes)
            estate.tables.put(vpc.account, table.id, without)
    state = {"AssociationId": gone.id, "CidrBlock": gone.prefix}
    return {
        "VpcId": vpc.id,
        "CidrBlockAssociation": state | {"CidrBlockState": {"State": "disassociating"}},
    }


@operations("AssociateSubnetCidrBlock")
def associate_subnet_cidr_block(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, ("Ipv6IpamPoolId", "Ipv6NetmaskLength"))
    estate = service.estate
    subnet = estate.subnets.get(call.account, request["SubnetId"])
    if not request.get("Ipv6CidrBlock"):
        raise ServiceError(
            "MissingParameter", "The request must contain the parameter ipv6CidrBlock"
        )
    vpc = estate.vpcs.get(call.account, subnet.vpc)
    beside = [one for one in estate.subnets.list(call.account) if one.vpc == vpc.id]
    prefix = ipv6.of_subnet(request["Ipv6CidrBlock"], vpc, beside)
    if subnet.prefixes6:
        raise ServiceError(
            "InvalidSubnet.Conflict", f"The subnet '{subnet.id}' already has an IPv6 CIDR block"
        )
    made = Association(estate.new_id("subnet-cidr-assoc"), prefix, service.host.runtime.wall())
    return _kept(service, msgspec.structs.replace(subnet, prefixes6=(made,)), made, "associating")


@operations("DisassociateSubnetCidrBlock")
def disassociate_subnet_cidr_block(service: Ec2, call: Call, request: Request) -> Response:
    estate, name = service.estate, request["AssociationId"]
    for subnet in estate.subnets.list(call.account):
        for one in subnet.prefixes6:
            if one.id == name:
                ipv6.check_free(subnet, one, service.interfaces.in_subnet(subnet))
                without = msgspec.structs.replace(subnet, prefixes6=())
                return _kept(service, without, one, "disassociating")
    raise ServiceError(
        "InvalidSubnetCidrBlockAssociationID.NotFound",
        f"The subnet CIDR block association ID '{name}' does not exist",
    )


def _kept(service: Ec2, subnet: Subnet, of: Association, state: str) -> Response:
    service.estate.subnets.put(subnet.account, subnet.id, subnet)
    told = shown.prefix6(of) | {"Ipv6CidrBlockState": {"State": state}}
    return {"SubnetId": subnet.id, "Ipv6CidrBlockAssociation": told}

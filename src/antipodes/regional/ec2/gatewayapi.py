"""EC2's operations on internet gateways, egress-only ones among them."""

import msgspec

from antipodes.regional.ec2 import kinds, routefilters, shownroutes
from antipodes.regional.ec2.answering import check_dry_run, described
from antipodes.regional.ec2.model import EgressGateway, InternetGateway
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.shown import for_account
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.service.contract import Call, Request, Response, ServiceError

GATEWAYS_MAX = 5  # of an account in a region, by AWS's default quota


@operations("CreateInternetGateway")
def create_internet_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    tags = tags_given(request.get("TagSpecifications") or [], kinds.INTERNET_GATEWAY.resource)
    if estate.gateways.count(call.account) >= GATEWAYS_MAX:
        raise ServiceError(
            "InternetGatewayLimitExceeded",
            "The maximum number of internet gateways has been reached.",
        )
    check_dry_run(request)
    made = InternetGateway(estate.gateways.new_id(), call.account)
    estate.gateways.put(call.account, made.id, made)
    estate.tag(call.account, made.id, tags)
    return {"InternetGateway": shownroutes.gateway(estate, made)}


@operations("DescribeInternetGateways")
def describe_internet_gateways(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = [shownroutes.gateway(estate, one) for one in estate.gateways.all_usable(call.account)]
    found = for_account(call.account, seen)
    return described(kinds.INTERNET_GATEWAY, found, request, routefilters.GATEWAY_FILTERS)


@operations("AttachInternetGateway")
def attach_internet_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    gateway = estate.gateways.get(account, request["InternetGatewayId"])
    vpc = estate.vpcs.get(account, request["VpcId"])
    if gateway.vpc:
        raise ServiceError(
            "Resource.AlreadyAssociated",
            f"resource {gateway.id} is already attached to network {gateway.vpc}",
        )
    if any(one.vpc == vpc.id for one in estate.gateways.list(account)):
        raise ServiceError(
            "InvalidParameterValue", f"Network {vpc.id} already has an internet gateway attached"
        )
    check_dry_run(request)
    estate.gateways.put(account, gateway.id, msgspec.structs.replace(gateway, vpc=vpc.id))
    return {}


@operations("DetachInternetGateway")
def detach_internet_gateway(service: Ec2, call: Call, request: Request) -> Response:
    """Routes to the gateway stay, and lead nowhere; public addresses and tables hold it."""
    estate, account = service.estate, call.account
    gateway = estate.gateways.get(account, request["InternetGatewayId"])
    vpc = estate.vpcs.get(account, request["VpcId"])
    if gateway.vpc != vpc.id:
        raise ServiceError(
            "Gateway.NotAttached", f"resource {gateway.id} is not attached to network {vpc.id}"
        )
    mapped = [
        address.public
        for interface in estate.shared.all_in(account, estate.interfaces.list)
        for address in interface.addresses
        if interface.vpc == vpc.id and address.public
    ]
    if mapped:
        raise ServiceError(
            "DependencyViolation",
            f"Network {vpc.id} has some mapped public address(es). Please unmap those public "
            "address(es) before detaching the gateway.",
        )
    for table in estate.tables.list(account):
        if any(name == gateway.id for _, name in table.gateways):
            raise ServiceError(
                "DependencyViolation",
                f"{gateway.id} is associated with route table {table.id} and cannot be detached.",
            )
    check_dry_run(request)
    estate.gateways.put(account, gateway.id, msgspec.structs.replace(gateway, vpc=""))
    return {}


@operations("DeleteInternetGateway")
def delete_internet_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    gateway = estate.gateways.get(call.account, request["InternetGatewayId"])
    if gateway.vpc:
        raise ServiceError(
            "DependencyViolation",
            f"The internetGateway '{gateway.id}' has dependencies and cannot be deleted.",
        )
    check_dry_run(request)
    estate.remove(estate.gateways, call.account, gateway.id)
    return {}


@operations("CreateEgressOnlyInternetGateway")
def create_egress_only_internet_gateway(service: Ec2, call: Call, request: Request) -> Response:
    """One to a VPC, of which an account has no more than it may have gateways."""
    estate, account, token = service.estate, call.account, token_of(request)
    vpc = estate.vpcs.get(account, request["VpcId"])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.EGRESS_GATEWAY.resource)
    again: Response = {"ClientToken": token.name} if token is not None else {}
    own = estate.egress_gateways.list(account)
    for one in repeated(own, token):
        return {"EgressOnlyInternetGateway": shownroutes.egress_gateway(estate, one)} | again
    if any(one.vpc == vpc.id for one in own):
        raise ServiceError(
            "InvalidParameterValue",
            f"Network {vpc.id} already has an egress-only internet gateway attached",
        )
    check_dry_run(request)
    made = EgressGateway(estate.egress_gateways.new_id(), account, vpc.id, token)
    estate.egress_gateways.put(account, made.id, made)
    estate.tag(account, made.id, tags)
    return {"EgressOnlyInternetGateway": shownroutes.egress_gateway(estate, made)} | again


@operations("DescribeEgressOnlyInternetGateways")
def describe_egress_only_internet_gateways(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    own = estate.egress_gateways.list(call.account)
    found = [shownroutes.egress_gateway(estate, one) for one in own]
    return described(kinds.EGRESS_GATEWAY, found, request, routefilters.EGRESS_GATEWAY_FILTERS)


@operations("DeleteEgressOnlyInternetGateway")
def delete_egress_only_internet_gateway(service: Ec2, call: Call, request: Request) -> Response:
    """Routes to it stay, and lead nowhere."""
    estate = service.estate
    gateway = estate.egress_gateways.get(call.account, request["EgressOnlyInternetGatewayId"])
    check_dry_run(request)
    estate.remove(estate.egress_gateways, call.account, gateway.id)
    return {"ReturnCode": True}

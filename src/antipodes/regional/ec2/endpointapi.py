"""EC2's operations on VPC endpoints."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antipodes.regional.ec2 import (
    endpoints,
    endpointservices,
    filters,
    inspections,
    kinds,
    links,
    shownendpoint,
    shownlinks,
)
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered, page
from antipodes.regional.ec2.endpoints import invalid
from antipodes.regional.ec2.endpointservices import GATEWAY, INSPECTED, INTERFACE, EndpointService
from antipodes.regional.ec2.model import Subnet, Vpc
from antipodes.regional.ec2.modellinks import LinkService
from antipodes.regional.ec2.modelpeers import Endpoint
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.service.contract import Call, Request, Response, ServiceError

_NOT_OFFERED = ("ServiceNetworkArn", "ResourceConfigurationArn")
_OF_INTERFACES = (
    *("SubnetIds", "SecurityGroupIds", "SubnetConfigurations", "PrivateDnsEnabled"),
    *("AddSubnetIds", "RemoveSubnetIds", "AddSecurityGroupIds", "RemoveSecurityGroupIds"),
)
_OF_GATEWAYS = ("RouteTableIds", "AddRouteTableIds", "RemoveRouteTableIds")
_RECORD_TYPES = {GATEWAY: (None, "service-defined", "ipv4"), INTERFACE: (None, "ipv4")}


@operations("CreateVpcEndpoint")
def create_vpc_endpoint(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    kind = request.get("VpcEndpointType") or GATEWAY
    leads_to, link = _asked_service(service, call, request, kind)
    vpc = estate.vpcs.get(account, request["VpcId"])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.ENDPOINT.resource)
    token = token_of(request)
    for one in repeated(estate.endpoints.list(account), token):
        return _answer(service, one, token.name if token else "")
    of = _wanted(service, request, vpc, leads_to, kind)
    if link is not None:
        of = _connected(service, of, link)
    subnets, addresses = _subnets(service, request, vpc)
    if kind == INSPECTED:
        inspections.check_one_subnet(subnets)
    _check_zones(service, of, subnets)
    planned, own = endpoints.plan(service.interfaces, of, subnets, addresses)
    endpoints.check_number(estate, vpc, kind)
    check_dry_run(request)
    planned.keep()
    made = msgspec.structs.replace(of, interfaces=own, token=token)
    estate.endpoints.put(account, made.id, made)
    service.names.publish()
    estate.tag(account, made.id, tags)
    return _answer(service, made, token.name if token else "")


def _asked_service(
    service: Ec2, call: Call, request: Request, kind: str
) -> tuple[EndpointService, LinkService | None]:
    """The service that an endpoint shall lead to; refuse members of the other type."""
    not_offered(request, _NOT_OFFERED)
    region = service.region.code
    if request.get("ServiceRegion") not in {None, "", region}:
        raise ServiceError("UnsupportedOperation", "ServiceRegion is not offered here")
    if not request.get("ServiceName"):
        raise ServiceError("MissingParameter", "The request must contain the parameter ServiceName")
    found, link = endpoints.service_of(service.estate, call, request["ServiceName"], kind)
    _check_members(request, kind)
    if link is not None and request.get("PolicyDocument"):
        raise _no_policy(found.name)
    return found, link


def _no_policy(name: str) -> ServiceError:
    return invalid(f"Endpoint policies are not supported by the service {name}.")


def _connected(service: Ec2, of: Endpoint, link: LinkService) -> Endpoint:
    """An endpoint of a customer's service, with its connection."""
    return msgspec.structs.replace(
        of,
        provider=link.account,
        connection=service.estate.new_id("vpce-con"),
        standing=links.standing(link),
    )


def _check_zones(service: Ec2, of: Endpoint, subnets: Sequence[Subnet]) -> None:
    """Refuse subnets in zones that a customer's service is not offered in."""
    link = links.by_name(service.estate, of.service)
    if link is not None:
        full = endpointservices.named(of.service).full(service.region.code)
        links.check_zones(link, full, [(one.id, one.zone) for one in subnets])


def _check_members(request: Request, kind: str) -> None:
    if kind == INSPECTED:
        inspections.check_members(request)
    for member in _OF_INTERFACES if kind == GATEWAY else _OF_GATEWAYS:
        if request.get(member):
            raise invalid(f"{member} is not valid for endpoints of type {kind}.")
    if request.get("IpAddressType") not in {None, "ipv4"}:
        raise ServiceError("UnsupportedOperation", "IpAddressType other than ipv4 is not offered")
    options = request.get("DnsOptions") or {}
    not_offered(options, ("PrivateDnsPreference", "PrivateDnsSpecifiedDomains"))
    if options.get("DnsRecordIpType") not in _RECORD_TYPES.get(kind, (None,)):
        raise ServiceError("UnsupportedOperation", "DnsRecordIpType: only of IPv4 is offered")
    if kind == GATEWAY and options.get("PrivateDnsOnlyForInboundResolverEndpoint"):
        raise invalid("PrivateDnsOnlyForInboundResolverEndpoint is not valid for a gateway.")


def _wanted(
    service: Ec2, request: Request, vpc: Vpc, leads_to: EndpointService, kind: str
) -> Endpoint:
    """The endpoint that is to be, without its interfaces."""
    estate = service.estate
    options, private = request.get("DnsOptions") or {}, request.get("PrivateDnsEnabled")
    policy = request.get("PolicyDocument")
    of = Endpoint(
        estate.endpoints.new_id(),
        vpc.account,
        vpc.id,
        leads_to.name,
        kind,
        _checked(service, policy) if policy else "",
        tuple(dict.fromkeys(request.get("RouteTableIds") or ())),
        made_at=service.host.runtime.wall(),
    )
    if kind == INSPECTED:
        return of
    if kind == GATEWAY:
        endpoints.check_tables(estate, vpc, of.service, of.tables)
        return of
    of = msgspec.structs.replace(
        of,
        groups=service.interfaces.groups(
            vpc.account, vpc.id, request.get("SecurityGroupIds") or None
        ),
        private_names=leads_to.prefers_private_names if private is None else bool(private),
        private_for_inbound=bool(options.get("PrivateDnsOnlyForInboundResolverEndpoint")),
    )
    endpoints.check_private_names(estate, vpc, of)
    return of


def _subnets(service: Ec2, request: Request, vpc: Vpc) -> tuple[list[Subnet], dict[str, str]]:
    """The subnets that an endpoint shall be in, and the addresses that are chosen there."""
    names, addresses = list(request.get("SubnetIds") or ()), {}
    for one in request.get("SubnetConfigurations") or ():
        not_offered(one, ("Ipv6",))
        if not one.get("SubnetId"):
            raise ServiceError("MissingParameter", "A subnet configuration must name its subnet")
        names.append(one["SubnetId"])
        if one.get("Ipv4"):
            addresses[one["SubnetId"]] = str(one["Ipv4"])
    found = endpoints.check_subnets(service.estate, vpc, list(dict.fromkeys(names)))
    return found, addresses


def _answer(service: Ec2, made: Endpoint, token: str) -> Response:
    found = shownendpoint.endpoint(service.estate, made, service.region.zones)
    if made.type != GATEWAY and made.standing == links.AVAILABLE:
        found["State"] = "pending"
    return {"VpcEndpoint": found} | ({"ClientToken": token} if token else {})


@operations("DescribeVpcEndpoints")
def describe_vpc_endpoints(service: Ec2, call: Call, request: Request) -> Response:
    estate, zones = service.estate, service.region.zones
    found = [
        shownendpoint.endpoint(estate, one, zones) for one in estate.endpoints.list(call.account)
    ]
    return described(kinds.ENDPOINT, found, request, filters.ENDPOINT_FILTERS)


@operations("ModifyVpcEndpoint")
def modify_vpc_endpoint(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    of = estate.endpoints.get(call.account, request["VpcEndpointId"])
    inspections.check_own(of)
    not_offered(request, ("SubnetConfigurations",))
    _check_members(request, of.type)
    vpc = estate.vpcs.get(of.account, of.vpc)
    after = _with_policy(service, of, request)
    if of.type == GATEWAY:
        there = [one for one in of.tables if estate.tables.find(of.account, one) is not None]
        tables = _changed(there, request, "RouteTableIds")
        endpoints.check_tables(estate, vpc, of.service, tables, besides=of.id)
        check_dry_run(request)
        after = msgspec.structs.replace(after, tables=tables)
        estate.endpoints.put(of.account, of.id, after)
        return {"Return": True}
    if of.type == INSPECTED:
        not_offered(request, ("AddSubnetIds", "RemoveSubnetIds"))
        check_dry_run(request)
        return {"Return": True}
    return _modify_interfaces(service, request, vpc, after)


def _checked(service: Ec2, policy: str) -> str:
    return endpoints.checked_policy(policy, enforced=service.guard.enforces)


def _with_policy(service: Ec2, of: Endpoint, request: Request) -> Endpoint:
    policy = request.get("PolicyDocument")
    if policy and request.get("ResetPolicy"):
        raise ServiceError(
            "InvalidParameterCombination", "A policy cannot be both given and reset."
        )
    if policy and of.provider:
        raise _no_policy(of.service)
    if policy:
        return msgspec.structs.replace(of, policy=_checked(service, policy))
    return msgspec.structs.replace(of, policy="") if request.get("ResetPolicy") else of


def _changed(before: Sequence[str], request: Request, member: str) -> tuple[str, ...]:
    """A list of ids, with what a request adds and without what it removes."""
    removed = request.get(f"Remove{member}") or ()
    kept = [one for one in before if one not in removed]
    return tuple(dict.fromkeys((*kept, *(request.get(f"Add{member}") or ()))))


def _modify_interfaces(service: Ec2, request: Request, vpc: Vpc, of: Endpoint) -> Response:
    estate, changes = service.estate, _name_changes(request)
    groups = _changed(of.groups, request, "SecurityGroupIds")
    if not groups:
        raise invalid("An interface endpoint has at least one security group.")
    changes["groups"] = service.interfaces.groups(of.account, vpc.id, groups)
    after = msgspec.structs.replace(of, **changes)
    endpoints.check_private_names(estate, vpc, after)
    removed = request.get("RemoveSubnetIds") or ()
    kept = tuple(one for one in of.interfaces if one.subnet not in removed)
    there = {one.subnet for one in kept}
    added = [one for one in request.get("AddSubnetIds") or () if one not in there]
    subnets = endpoints.check_subnets(estate, vpc, list(dict.fromkeys(added)), kept)
    _check_zones(service, of, subnets)
    planned, own = endpoints.plan(service.interfaces, after, subnets, {})
    check_dry_run(request)
    endpoints.remove_interfaces(estate, of, [one for one in of.interfaces if one not in kept])
    planned.keep()
    after = msgspec.structs.replace(after, interfaces=(*kept, *own))
    endpoints.regroup(estate, after)
    estate.endpoints.put(of.account, of.id, after)
    service.names.publish()
    return {"Return": True}


def _name_changes(request: Request) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if request.get("PrivateDnsEnabled") is not None:
        changes["private_names"] = bool(request["PrivateDnsEnabled"])
    inbound = (request.get("DnsOptions") or {}).get("PrivateDnsOnlyForInboundResolverEndpoint")
    if inbound is not None:
        changes["private_for_inbound"] = bool(inbound)
    return changes


@operations("DeleteVpcEndpoints")
def delete_vpc_endpoints(service: Ec2, call: Call, request: Request) -> Response:
    """Each on its own: what cannot be deleted is told of, and the others go."""
    estate = service.estate
    check_dry_run(request)
    failed: list[dict[str, Any]] = []
    for name in request["VpcEndpointIds"]:
        try:
            of = estate.endpoints.get(call.account, name)
            inspections.check_own(of)
            endpoints.remove(estate, of)
        except ServiceError as error:
            told = {"Code": error.code, "Message": error.message}
            failed.append({"ResourceId": name, "Error": told})
    service.names.publish()
    return {"Unsuccessful": failed}


@operations("DescribeVpcEndpointServices")
def describe_vpc_endpoint_services(service: Ec2, call: Call, request: Request) -> Response:
    """Amazon's services here, and customers' that the caller may connect to; no other region's."""
    estate, region, zones = service.estate, service.region.code, service.region.zones
    names, regions = request.get("ServiceNames"), request.get("ServiceRegions")
    offered = [
        endpointservices.shown(one, kind, region, zones)
        for one in endpointservices.SERVICES
        for kind in one.types
    ]
    offered += [
        shownlinks.detail(estate, one, zones)
        for one in estate.links.all()
        if links.is_permitted(one, call)
    ]
    there = {one["ServiceName"] for one in offered}
    for name in names or ():
        if name not in there:
            raise endpoints.no_service(name)
    found = [
        one
        for one in offered
        if (not names or one["ServiceName"] in names) and (not regions or region in regions)
    ]
    response = page(found, request, filters.ENDPOINT_SERVICE_FILTERS, "ServiceDetails")
    shown = [one["ServiceName"] for one in response["ServiceDetails"]]
    return response | {"ServiceNames": list(dict.fromkeys(shown))}

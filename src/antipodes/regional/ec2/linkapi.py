"""EC2's operations on endpoint services of customers, and on their connections."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from antipodes.regional.ec2 import filters, kinds, links, shownlinks
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered, page
from antipodes.regional.ec2.endpointservices import INSPECTED, INTERFACE
from antipodes.regional.ec2.modellinks import LinkService, Permission
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.service.contract import Call, Request, Response, ServiceError

_MEMBERS = {INTERFACE: "NetworkLoadBalancerArns", INSPECTED: "GatewayLoadBalancerArns"}
_NOT_OFFERED = ("PrivateDnsName", "RemovePrivateDnsName", "RemoveSupportedRegions")


@operations("CreateVpcEndpointServiceConfiguration")
async def create_vpc_endpoint_service_configuration(
    service: Ec2, call: Call, request: Request
) -> Response:
    estate = service.estate
    _check_offered(service, request, "")
    tags = tags_given(request.get("TagSpecifications") or [], kinds.ENDPOINT_SERVICE.resource)
    token = token_of(request)
    for one in repeated(estate.links.list(call.account), token):
        return _created(service, one)
    asked = [kind for kind, member in _MEMBERS.items() if request.get(member)]
    if len(asked) != 1:
        raise links.invalid(
            "exactly one of network_load_balancer_arn or gateway_load_balancer_arn is a required "
            "member"
        )
    arns = list(dict.fromkeys(request[_MEMBERS[asked[0]]]))
    zones = await _checked(service, call, asked[0], arns)
    check_dry_run(request)
    accepts = not request.get("AcceptanceRequired", True)
    made = LinkService(
        *(estate.links.new_id(), call.account, asked[0], tuple(arns), zones, accepts),
        token=token,
    )
    estate.links.put(call.account, made.id, made)
    estate.tag(call.account, made.id, tags)
    return _created(service, made)


def _check_offered(service: Ec2, request: Request, prefix: str) -> None:
    not_offered(request, _NOT_OFFERED)
    if any(one != "ipv4" for one in request.get(f"{prefix}SupportedIpAddressTypes") or ()):
        raise ServiceError("UnsupportedOperation", "Only services of IPv4 are offered here")
    if any(one != service.region.code for one in request.get(f"{prefix}SupportedRegions") or ()):
        raise ServiceError("UnsupportedOperation", "Services of other regions are not offered here")


async def _checked(
    service: Ec2, call: Call, kind: str, arns: Sequence[str], besides: str = ""
) -> tuple[str, ...]:
    """The zones of load balancers that may be behind a service."""
    request: Request = {"LoadBalancerArns": list(arns)}
    answer = await service.host.call(
        "elbv2", "DescribeLoadBalancers", request, account=call.account, trace=call.trace
    )
    found = answer["LoadBalancers"]
    links.check_balancers(service.estate, kind, found, besides)
    return links.zones_of(found, {zone.name: zone.id for zone in service.region.zones})


def _created(service: Ec2, made: LinkService) -> Response:
    shown = shownlinks.configuration(service.estate, made, service.region.zones)
    token = {"ClientToken": made.token.name} if made.token is not None else {}
    return {"ServiceConfiguration": shown} | token


@operations("DescribeVpcEndpointServiceConfigurations")
def describe_vpc_endpoint_service_configurations(
    service: Ec2, call: Call, request: Request
) -> Response:
    estate, zones = service.estate, service.region.zones
    found = [
        shownlinks.configuration(estate, one, zones) for one in estate.links.list(call.account)
    ]
    return described(kinds.ENDPOINT_SERVICE, found, request, filters.LINK_SERVICE_FILTERS)


@operations("ModifyVpcEndpointServiceConfiguration")
async def modify_vpc_endpoint_service_configuration(
    service: Ec2, call: Call, request: Request
) -> Response:
    """Whatever else it asks for, the zones are those of the load balancers afterwards."""
    estate = service.estate
    _check_offered(service, request, "Add")
    if request.get("RemoveSupportedIpAddressTypes"):
        raise links.invalid("A service supports at least one IP address type.")
    of = estate.links.get(call.account, request["ServiceId"])
    arns = _changed_balancers(of, request)
    zones = await _checked(service, call, of.type, arns, besides=of.id)
    if estate.links.get(call.account, of.id) != of:  # somebody else has changed it meanwhile
        return await modify_vpc_endpoint_service_configuration(service, call, request)
    if set(of.balancers) - set(arns):
        links.check_free(estate, of)
    check_dry_run(request)
    required = request.get("AcceptanceRequired")
    changed = msgspec.structs.replace(
        of,
        balancers=arns,
        zones=zones,
        accepts=of.accepts if required is None else not required,
    )
    estate.links.put(of.account, of.id, changed)
    return {"Return": True}


def _changed_balancers(of: LinkService, request: Request) -> tuple[str, ...]:
    other = _MEMBERS[INSPECTED if of.type == INTERFACE else INTERFACE]
    own = _MEMBERS[of.type]
    if request.get(f"Add{other}") or request.get(f"Remove{other}"):
        raise links.invalid(f"{other} cannot be changed of a service of type {of.type}.")
    removed = request.get(f"Remove{own}") or ()
    kept = [one for one in of.balancers if one not in removed]
    changed = tuple(dict.fromkeys((*kept, *(request.get(f"Add{own}") or ()))))
    if not changed:
        raise links.invalid("A service has at least one load balancer.")
    return changed


@operations("DeleteVpcEndpointServiceConfigurations")
def delete_vpc_endpoint_service_configurations(
    service: Ec2, call: Call, request: Request
) -> Response:
    """Each on its own: what cannot be deleted is told of, and the others go."""
    estate = service.estate
    check_dry_run(request)

    def delete(name: str) -> None:
        of = estate.links.find(call.account, name)
        if of is None:
            message = f"The VpcEndpointService Id '{name}' does not exist"
            raise ServiceError("InvalidVpcEndpointService.NotFound", message)
        links.check_free(estate, of)
        estate.remove(estate.links, call.account, name)

    return _each(request["ServiceIds"], delete)


def _each(names: Sequence[str], do: Callable[[str], None]) -> Response:
    """Do something with each of several; return those with which it could not be done."""
    failed: list[dict[str, Any]] = []
    for name in names:
        try:
            do(name)
        except ServiceError as error:
            told = {"Code": error.code, "Message": error.message}
            failed.append({"ResourceId": name, "Error": told})
    return {"Unsuccessful": failed}


# Who may connect.


@operations("ModifyVpcEndpointServicePermissions")
def modify_vpc_endpoint_service_permissions(service: Ec2, call: Call, request: Request) -> Response:
    """Connections that there are stay, whoever is permitted."""
    estate = service.estate
    if request.get("PermissionType") not in {None, "vpc-endpoint"}:
        raise ServiceError("UnsupportedOperation", "PermissionType: only vpc-endpoint is offered")
    of = estate.links.get(call.account, request["ServiceId"])
    added = list(dict.fromkeys(request.get("AddAllowedPrincipals") or ()))
    for principal in added:
        links.kind_of(principal)
    check_dry_run(request)
    removed = request.get("RemoveAllowedPrincipals") or ()
    kept = [one for one in of.permitted if one.principal not in removed]
    there = {one.principal for one in kept}
    new = [
        Permission(estate.new_id("vpce-svc-perm"), principal)
        for principal in added
        if principal not in there
    ]
    changed = msgspec.structs.replace(of, permitted=(*kept, *new))
    estate.links.put(of.account, of.id, changed)
    shown = [shownlinks.permission(of, one) for one in new]
    return {"AddedPrincipals": shown, "ReturnValue": True}


@operations("DescribeVpcEndpointServicePermissions")
def describe_vpc_endpoint_service_permissions(
    service: Ec2, call: Call, request: Request
) -> Response:
    of = service.estate.links.get(call.account, request["ServiceId"])
    found = [{**shownlinks.permission(of, one), "Tags": []} for one in of.permitted]
    return page(found, request, filters.LINK_PERMISSION_FILTERS, "AllowedPrincipals")


# Connections.


@operations("DescribeVpcEndpointConnections")
def describe_vpc_endpoint_connections(service: Ec2, call: Call, request: Request) -> Response:
    estate, zones = service.estate, service.region.zones
    found = [
        shownlinks.connection(estate, of, one, zones)
        for of in estate.links.list(call.account)
        for one in links.connections(estate, of)
    ]
    return page(found, request, filters.LINK_CONNECTION_FILTERS, "VpcEndpointConnections")


@operations("AcceptVpcEndpointConnections")
def accept_vpc_endpoint_connections(service: Ec2, call: Call, request: Request) -> Response:
    return _stand(service, call, request, links.AVAILABLE)


@operations("RejectVpcEndpointConnections")
def reject_vpc_endpoint_connections(service: Ec2, call: Call, request: Request) -> Response:
    return _stand(service, call, request, links.REJECTED)


def _stand(service: Ec2, call: Call, request: Request, wanted: str) -> Response:
    not_offered(request, ("TransitGatewayAttachmentIds",))
    estate = service.estate
    of = estate.links.get(call.account, request["ServiceId"])
    check_dry_run(request)
    return _each(request["VpcEndpointIds"], lambda name: links.stand(estate, of, name, wanted))

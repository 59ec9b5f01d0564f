"""Operations on endpoints, one thin function each."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antipodes.regional.route53resolver import model
from antipodes.regional.route53resolver.model import Endpoint, Ip
from antipodes.regional.route53resolver.service import (
    Route53Resolver,
    check_new,
    filtered,
    operations,
    page,
    shown_time,
)
from antipodes.service.contract import Call, Request, Response

_UNMODELLED = (
    "OutpostArn",
    "PreferredInstanceType",
    "RniEnhancedMetricsEnabled",
    "TargetNameServerMetricsEnabled",
    "Dns64Enabled",
    "Ipv6InternetAccessEnabled",
)
_FILTERS = {
    "creatorrequestid": lambda endpoint: endpoint.creator,
    "direction": lambda endpoint: endpoint.direction,
    "hostvpcid": lambda endpoint: endpoint.vpc,
    "name": lambda endpoint: endpoint.name,
    "ipaddresscount": lambda endpoint: str(len(endpoint.ips)),
}


def _refuse_unmodelled(request: Request) -> None:
    for member in _UNMODELLED:
        if request.get(member):
            raise model.invalid(f"{member} is not offered here", member)
    if request.get("ResolverEndpointType") not in {None, "IPV4"}:
        raise model.invalid("Only IPV4 endpoints are offered here", "ResolverEndpointType")
    if (request.get("Protocols") or ["Do53"]) != ["Do53"]:
        raise model.invalid("Only plain DNS (Do53) is offered here", "Protocols")


def _shown(service: Route53Resolver, call: Call, endpoint: Endpoint) -> Response:
    ready = endpoint.ready_at <= service.now
    return {
        "Id": endpoint.id,
        "CreatorRequestId": endpoint.creator,
        "Arn": service.arn(call, endpoint.kind, endpoint.id),
        "Name": endpoint.name,
        "SecurityGroupIds": list(endpoint.groups),
        "Direction": endpoint.direction,
        "IpAddressCount": len(endpoint.ips),
        "HostVPCId": endpoint.vpc,
        "Status": "OPERATIONAL" if ready else "CREATING",
        "StatusMessage": "This Resolver Endpoint is operational."
        if ready
        else "The Resolver Endpoint is being created.",
        "CreationTime": shown_time(endpoint.created_at),
        "ModificationTime": shown_time(endpoint.changed_at),
        "ResolverEndpointType": "IPV4",
        "Protocols": ["Do53"],
    }


async def _new_ips(
    service: Route53Resolver, call: Call, plain: Sequence[dict[str, Any]]
) -> tuple[tuple[Ip, ...], str]:
    """Addresses for an endpoint, and their VPC."""
    if any(part.get("Ipv6") for part in plain):
        raise model.invalid("IPv6 addresses are not offered here", "IpAddresses")
    subnets = await service.subnets(call, [part["SubnetId"] for part in plain])
    taken = service.taken()
    for subnet in subnets.values():
        taken |= {*service.lent.taken(call.account, subnet.id)}
    ips: list[Ip] = []
    for part in plain:
        subnet = subnets[part["SubnetId"]]
        address = model.address_in(subnet, call.region, part.get("Ip") or "", taken)
        taken.add(address)
        identity = model.identifier("rni", address, call.region, str(service.now))
        ips.append(Ip(identity, subnet.id, address, service.now))
    vpcs = dict.fromkeys(subnet.vpc for subnet in subnets.values())
    if len(vpcs) > 1:
        raise model.invalid("All subnets of an endpoint must be in one VPC", "IpAddresses")
    if len(ips) > model.IPS_MAX:
        raise model.too_many("IP addresses of an endpoint", model.IPS_MAX)
    return tuple(ips), next(iter(vpcs))


@operations("CreateResolverEndpoint")
async def create_resolver_endpoint(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    _refuse_unmodelled(request)
    direction, creator = request["Direction"], request["CreatorRequestId"]
    if direction == "INBOUND_DELEGATION":
        raise model.invalid("Delegation to endpoints is not offered here", "Direction")
    name = model.check_name(request.get("Name"))
    tags = model.tags_of(request.get("Tags"))
    groups = request["SecurityGroupIds"]
    if not groups:
        raise model.invalid("An endpoint needs a security group", "SecurityGroupIds")
    ips, vpc = await _new_ips(service, call, request["IpAddresses"])
    await service.check_groups(call, groups, vpc)
    known = service.endpoints.list(call.account)
    check_new(known, creator, "resolver endpoint", model.ENDPOINTS_MAX)
    now = service.now
    delay_s = service.host.runtime.interval(service.host.settings.control_plane_delay_s)
    short = "in" if direction == "INBOUND" else "out"
    endpoint = Endpoint(
        model.identifier(f"rslvr-{short}", call.account, call.region, creator, str(now)),
        call.account,
        creator,
        direction,
        vpc,
        tuple(groups),
        ips,
        name,
        tags,
        now,
        now,
        now + delay_s,
    )
    service.put(endpoint)
    service.occupy(endpoint)
    await service.resolvers.open(endpoint)
    return {"ResolverEndpoint": _shown(service, call, endpoint)}


@operations("GetResolverEndpoint")
def get_resolver_endpoint(service: Route53Resolver, call: Call, request: Request) -> Response:
    endpoint = service.endpoint(call, request["ResolverEndpointId"])
    return {"ResolverEndpoint": _shown(service, call, endpoint)}


@operations("ListResolverEndpoints")
def list_resolver_endpoints(service: Route53Resolver, call: Call, request: Request) -> Response:
    known = service.endpoints.list(call.account)
    filters: dict[str, Any] = {
        **_FILTERS,
        "status": lambda endpoint: _shown(service, call, endpoint)["Status"],
    }
    found = filtered(known, request.get("Filters"), filters)
    return page(request, found, "ResolverEndpoints", lambda one: _shown(service, call, one))


@operations("UpdateResolverEndpoint")
def update_resolver_endpoint(service: Route53Resolver, call: Call, request: Request) -> Response:
    _refuse_unmodelled(request)
    if request.get("UpdateIpAddresses"):
        raise model.invalid("IPv6 addresses are not offered here", "UpdateIpAddresses")
    endpoint = service.endpoint(call, request["ResolverEndpointId"])
    if "Name" in request:
        name = model.check_name(request["Name"])
        endpoint = msgspec.structs.replace(endpoint, name=name, changed_at=service.now)
        service.put(endpoint)
    return {"ResolverEndpoint": _shown(service, call, endpoint)}


@operations("DeleteResolverEndpoint")
def delete_resolver_endpoint(service: Route53Resolver, call: Call, request: Request) -> Response:
    endpoint = service.endpoint(call, request["ResolverEndpointId"])
    using = [rule.id for rule in service.rules.list(call.account) if rule.endpoint == endpoint.id]
    if using:
        raise model.refused(
            f"Cannot delete resolver endpoint '{endpoint.id}': the resolver rules "
            f"{', '.join(using)} forward by it. Delete them first."
        )
    service.resolvers.close(endpoint)
    service.endpoints.delete(call.account, endpoint.id)
    service.leave(endpoint)
    service.resolvers.forget()
    shown = {**_shown(service, call, endpoint), "Status": "DELETING"}
    return {"ResolverEndpoint": {**shown, "StatusMessage": "Deleting the Resolver Endpoint."}}


# Its addresses.


@operations("AssociateResolverEndpointIpAddress")
async def associate_resolver_endpoint_ip_address(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    plain = request["IpAddress"]
    if not plain.get("SubnetId"):
        raise model.invalid("A subnet is needed", "IpAddress")
    new, vpc = await _new_ips(service, call, [plain])
    endpoint = service.endpoint(call, request["ResolverEndpointId"])
    ips = (*endpoint.ips, *new)
    if len(ips) > model.IPS_MAX:
        raise model.too_many("IP addresses of an endpoint", model.IPS_MAX)
    if vpc != endpoint.vpc:
        raise model.invalid("All subnets of an endpoint must be in one VPC", "IpAddress")
    endpoint = msgspec.structs.replace(endpoint, ips=ips, changed_at=service.now)
    service.put(endpoint)
    service.occupy(endpoint)
    await service.resolvers.open(endpoint)
    return {"ResolverEndpoint": _shown(service, call, endpoint)}


@operations("DisassociateResolverEndpointIpAddress")
def disassociate_resolver_endpoint_ip_address(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    endpoint = service.endpoint(call, request["ResolverEndpointId"])
    plain = request["IpAddress"]
    gone = next(
        (
            ip
            for ip in endpoint.ips
            if (plain.get("IpId") or ip.id) == ip.id
            and (plain.get("SubnetId") or ip.subnet) == ip.subnet
            and (plain.get("Ip") or ip.address) == ip.address
        ),
        None,
    )
    if gone is None or not (plain.get("IpId") or plain.get("Ip")):
        wanted = plain.get("IpId") or plain.get("Ip") or ""
        raise model.not_found("Resolver endpoint IP address", wanted)
    if len(endpoint.ips) <= model.IPS_MIN:
        raise model.refused(f"A resolver endpoint needs {model.IPS_MIN} IP addresses at least")
    service.resolvers.close(msgspec.structs.replace(endpoint, ips=(gone,)))
    ips = tuple(ip for ip in endpoint.ips if ip is not gone)
    endpoint = msgspec.structs.replace(endpoint, ips=ips, changed_at=service.now)
    service.put(endpoint)
    service.occupy(endpoint)
    return {"ResolverEndpoint": _shown(service, call, endpoint)}


@operations("ListResolverEndpointIpAddresses")
def list_resolver_endpoint_ip_addresses(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    endpoint = service.endpoint(call, request["ResolverEndpointId"])
    ready = endpoint.ready_at <= service.now

    def shown(ip: Ip) -> Response:
        return {
            "IpId": ip.id,
            "SubnetId": ip.subnet,
            "Ip": ip.address,
            "Status": "ATTACHED" if ready else "CREATING",
            "StatusMessage": "This IP address is operational." if ready else "Being created.",
            "CreationTime": shown_time(ip.created_at),
            "ModificationTime": shown_time(ip.created_at),
        }

    return page(request, endpoint.ips, "IpAddresses", shown)

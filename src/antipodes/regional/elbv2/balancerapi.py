"""Operations on load balancers."""

from collections.abc import Iterable

import msgspec

from antipodes.regional.elbv2 import attributes, gateways, knownattributes, model
from antipodes.regional.elbv2.control import check_balancer, page_of
from antipodes.regional.elbv2.model import LoadBalancer, Zone
from antipodes.regional.elbv2.service import ElbV2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

replace = msgspec.structs.replace


@operations("CreateLoadBalancer")
async def create_load_balancer(service: ElbV2, call: Call, request: Request) -> Response:
    name = request["Name"]
    model.check_name(name, "Load balancer")
    check_balancer(request)
    kind = request.get("Type") or model.APPLICATION
    scheme = "" if kind == model.GATEWAY else request.get("Scheme") or model.INTERNET_FACING
    tags = model.merge_tags({}, request.get("Tags"))
    present = service.registry.balancer_named(call.account, name)
    has = present.zones if present is not None else ()
    vpc, zones = await service.placing.zones(call, request, kind=kind, scheme=scheme, present=has)
    security: tuple[str, ...] = ()
    if kind == model.APPLICATION or request.get("SecurityGroups"):
        security = await service.security_groups(call, vpc, request.get("SecurityGroups") or ())
    wall = service.host.runtime.wall()
    if present is not None:
        _check_same(present, (kind, scheme, _chosen(zones), security, tags))
        return {"LoadBalancers": [model.describe_balancer(present, wall)]}
    others = [one for one in service.registry.balancers.list(call.account) if one.kind == kind]
    most = model.GATEWAYS_MAX if kind == model.GATEWAY else model.BALANCERS_MAX
    if len(others) >= most:
        raise ServiceError(
            "TooManyLoadBalancers", f"The limit of {most} {kind} load balancers was reached"
        )
    placed = await service.placing.with_addresses(call, zones, kind=kind, scheme=scheme)
    delay = service.host.runtime.interval(service.host.settings.control_plane_delay_s)
    balancer = LoadBalancer(
        account=call.account,
        region=call.region,
        name=name,
        id=service.new_id(),
        number=service.new_number(),
        vpc=vpc,
        zones=placed,
        security_groups=security,
        created_at=wall,
        active_at=wall + delay if delay else 0.0,
        tags=tags,
        kind=kind,
        scheme=scheme,
    )
    service.registry.put(balancer)
    service.placing.occupy(balancer)
    await service.settle()
    return {"LoadBalancers": [model.describe_balancer(balancer, wall)]}


def _check_same(present: LoadBalancer, wanted: tuple[object, ...]) -> None:
    """Refuse a second load balancer of a name; the same once more is no mistake."""
    zones = _chosen(present.zones)
    has = (present.kind, present.scheme, zones, present.security_groups, present.tags)
    if has != wanted:
        raise ServiceError(
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{present.name}' exists, but with different "
            "settings",
        )


def _chosen(zones: Iterable[Zone]) -> list[tuple[str, str]]:
    """What whoever made a load balancer has chosen: subnets, and addresses in them."""
    return [(zone.subnet, zone.address if zone.chosen else "") for zone in zones]


@operations("SetSubnets")
async def set_subnets(service: ElbV2, call: Call, request: Request) -> Response:
    balancer = service.registry.balancer(call, request["LoadBalancerArn"])
    if request.get("IpAddressType") not in {None, "ipv4"}:
        raise model.not_offered(f"IpAddressType '{request['IpAddressType']}'")
    if request.get("EnablePrefixForIpv6SourceNat") not in {None, "off"}:
        raise model.not_offered("EnablePrefixForIpv6SourceNat")
    kind, scheme = balancer.kind, balancer.scheme
    before = {zone.subnet: zone for zone in balancer.zones}
    vpc, zones = await service.placing.zones(
        call, request, kind=kind, scheme=scheme, present=balancer.zones
    )
    if vpc != balancer.vpc:
        raise ServiceError("InvalidSubnet", f"The subnets are not in the VPC '{balancer.vpc}'")
    if any(z.chosen and z.address != before.get(z.subnet, z).address for z in zones):
        raise model.invalid("The address of a zone that is enabled cannot be changed")
    zones = [before.get(zone.subnet, zone) for zone in zones]
    if balancer.is_gateway:
        gateways.check_kept(balancer, [zone.subnet for zone in zones])
    placed = await service.placing.with_addresses(call, zones, kind=kind, scheme=scheme)
    changed = replace(service.registry.balancer(call, balancer.arn), zones=placed)
    service.registry.put(changed)
    service.placing.occupy(changed)
    await service.settle()
    described = model.describe_balancer(changed, service.host.runtime.wall())
    return {"AvailabilityZones": described["AvailabilityZones"], "IpAddressType": "ipv4"}


@operations("DescribeLoadBalancers")
def describe_load_balancers(service: ElbV2, call: Call, request: Request) -> Response:
    arns, names = request.get("LoadBalancerArns"), request.get("Names")
    if arns and names:
        raise model.invalid("Load balancers can be named by ARN or by name, not both")
    if arns:
        found = [service.registry.balancer(call, arn) for arn in arns]
    else:
        found = service.registry.balancers.list(call.account)
    if names:
        there = {balancer.name: balancer for balancer in found}
        missing = [name for name in names if name not in there]
        if missing:
            raise ServiceError("LoadBalancerNotFound", f"Load balancers '{missing}' not found")
        found = [there[name] for name in names]
    page, more = page_of(found, request)
    wall = service.host.runtime.wall()
    return {"LoadBalancers": [model.describe_balancer(one, wall) for one in page], **more}


@operations("DeleteLoadBalancer")
async def delete_load_balancer(service: ElbV2, call: Call, request: Request) -> Response:
    try:
        balancer = service.registry.balancer(call, request["LoadBalancerArn"])
    except ServiceError as error:
        if error.code != "LoadBalancerNotFound":
            raise
        return {}  # deleting what is gone succeeds
    service.check_deletable(balancer)
    await service.check_unlinked(balancer)
    service.registry.delete(balancer)
    service.placing.leave(balancer)
    await service.settle()
    return {}


@operations("ModifyLoadBalancerAttributes")
async def modify_load_balancer_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    balancer = service.registry.balancer(call, request["LoadBalancerArn"])
    known, wanted = knownattributes.of(balancer), request["Attributes"]
    changed = attributes.changed(known, balancer.attributes, wanted)
    service.registry.put(replace(balancer, attributes=changed))
    await service.settle()
    return {"Attributes": attributes.shown(known, changed)}


@operations("DescribeLoadBalancerAttributes")
def describe_load_balancer_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    balancer = service.registry.balancer(call, request["LoadBalancerArn"])
    return {"Attributes": attributes.shown(knownattributes.of(balancer), balancer.attributes)}

"""Operations on instances and their health, one thin function each."""

from collections.abc import Mapping
from typing import Any

import msgspec

from antipodes.regional.servicediscovery import checking, model, shown, working
from antipodes.regional.servicediscovery.model import Instance, MapService, Namespace
from antipodes.regional.servicediscovery.registry import invalid
from antipodes.regional.servicediscovery.service import ServiceDiscovery, operations, page
from antipodes.service.contract import Call, Request, Response, ServiceError

OF_SERVICE_MAX, OF_NAMESPACE_MAX = 1000, 2000  # instances, by AWS's default quotas
UNHEALTHY_S = 30.0  # from word that an instance is ill to its counting as that


def namespace_of(service: ServiceDiscovery, of: MapService) -> Namespace:
    """The namespace that a service is in."""
    found = service.namespaces.get(of.account, of.namespace)
    assert found is not None, "a namespace stays while it has services"
    return found


@operations("RegisterInstance")
async def register_instance(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    found = service.map_service(call, request["ServiceId"])
    checking.attributes(found, request["Attributes"])
    attributes = await _filled(service, call, request["Attributes"])
    zone = await _alias_zone(service, call, attributes)
    found = service.map_service(call, request["ServiceId"])
    namespace, name = namespace_of(service, found), request["InstanceId"]
    there = {one.id for one in service.instances(found)}
    if name not in there:
        _check_room(service, namespace, len(there))
    first = attributes.get(checking.FIRST_HEALTH) or model.HEALTHY
    creator = request.get("CreatorRequestId") or ""
    made = Instance(name, found.id, attributes, creator, first, first, alias_zone=zone)
    return working.begin(service, model.REGISTER, namespace, found, made)


def _check_room(service: ServiceDiscovery, namespace: Namespace, in_service: int) -> None:
    number = sum(service.count(one) for one in service.services_in(namespace))
    if in_service >= OF_SERVICE_MAX or number >= OF_NAMESPACE_MAX:
        raise ServiceError(
            "ResourceLimitExceeded",
            f"A service has at most {OF_SERVICE_MAX} instances, and a namespace "
            f"{OF_NAMESPACE_MAX}.",
        )


async def _filled(
    service: ServiceDiscovery, call: Call, given: Mapping[str, str]
) -> dict[str, str]:
    """Attributes, with the primary address of a machine that is named among them."""
    machine = given.get(checking.MACHINE)
    if machine is None:
        return dict(given)
    asked: Any = {"InstanceIds": [machine]}
    try:
        told = await service.host.call(
            "ec2", "DescribeInstances", asked, account=call.account, trace=call.trace
        )
    except ServiceError as error:
        raise invalid(f"{checking.MACHINE}: {error.message}") from None
    addresses = [
        one["PrivateIpAddress"]
        for reservation in told["Reservations"]
        for one in reservation["Instances"]
        if "PrivateIpAddress" in one
    ]
    if not addresses:
        raise invalid(f"{checking.MACHINE}: '{machine}' has no private address.")
    return {**given, checking.IPV4: addresses[0]}


async def _alias_zone(service: ServiceDiscovery, call: Call, attributes: Mapping[str, str]) -> str:
    """The hosted zone of the load balancer that is named, if one is; it is in this region."""
    name = attributes.get(checking.ALIAS)
    if name is None:
        return ""
    wanted = name.lower().rstrip(".").removeprefix("dualstack.")
    told = await service.host.call(
        "elbv2", "DescribeLoadBalancers", {}, account=call.account, trace=call.trace
    )
    for one in told["LoadBalancers"]:
        if one["DNSName"].lower() == wanted:
            zone: str = one["CanonicalHostedZoneId"]
            return zone
    raise invalid(f"{checking.ALIAS}: no load balancer here has the name '{name}'.")


@operations("DeregisterInstance")
def deregister_instance(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    found = service.map_service(call, request["ServiceId"])
    gone = service.instance(found, request["InstanceId"])
    namespace = namespace_of(service, found)
    return working.begin(service, model.DEREGISTER, namespace, found, gone)


@operations("GetInstance")
def get_instance(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    found = service.map_service(call, request["ServiceId"])
    instance = service.instance(found, request["InstanceId"])
    return {"ResourceOwner": call.account, "Instance": shown.instance(instance, call.account)}


@operations("ListInstances")
def list_instances(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    found = service.instances(service.map_service(call, request["ServiceId"]))
    told = page(
        request,
        found,
        "Instances",
        lambda one: shown.instance(one, call.account, summary=True),
    )
    return {"ResourceOwner": call.account, **told}


@operations("GetInstancesHealthStatus")
def get_instances_health_status(
    service: ServiceDiscovery, call: Call, request: Request
) -> Response:
    found = service.map_service(call, request["ServiceId"])
    names = request.get("Instances")
    asked = (
        [service.instance(found, name) for name in dict.fromkeys(names)]
        if names
        else service.instances(found)
    )
    now = service.now
    told = page(request, asked, "Status", lambda one: (one.id, shown.health(found, one, now)))
    return {**told, "Status": dict(told["Status"])}


@operations("UpdateInstanceCustomHealthStatus")
def update_instance_custom_health_status(
    service: ServiceDiscovery, call: Call, request: Request
) -> Response:
    """What is healthy is so at once; what is ill, if nobody says otherwise for half a minute."""
    found = service.map_service(call, request["ServiceId"])
    instance = service.instance(found, request["InstanceId"])
    if not found.custom_health:
        raise ServiceError(
            "CustomHealthNotFound", "The service has no health check that is a custom one."
        )
    now, said = service.now, request["Status"]
    counts_at = now + service.host.runtime.interval(UNHEALTHY_S)
    if said == model.HEALTHY:
        counts_at = now
    elif instance.said == said:
        counts_at = instance.counts_at
    changed = msgspec.structs.replace(
        instance, health=model.health_of(instance, now), said=said, counts_at=counts_at
    )
    service.put_instance(found, changed)
    if found.records:
        namespace = namespace_of(service, found)
        service.publishing.work(namespace)
        service.publishing.work_at(namespace, counts_at)
    return {}

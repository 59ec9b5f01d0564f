"""What custom routing does otherwise, and its subnets: one thin function per operation.

Listeners and groups of both kinds are described, listed and deleted alike (`listenerapi`,
`groupapi`).
"""

from typing import Any

import msgspec

from antipodes.edge.globalaccelerator import checks, mappings, shapes
from antipodes.edge.globalaccelerator.errors import conflicting, invalid, missing
from antipodes.edge.globalaccelerator.model import (
    CUSTOM,
    Accelerator,
    Group,
    Listener,
    Subnet,
)
from antipodes.edge.globalaccelerator.resources import Resource, named
from antipodes.edge.globalaccelerator.service import (
    GlobalAccelerator,
    check_new_group,
    check_new_listener,
    operations,
    with_group,
    with_listener,
)
from antipodes.service.contract import Call, ServiceError

Request = dict[str, Any]
SUBNET = "subnet"


# Listeners.


@operations("CreateCustomRoutingListener")
def create_listener(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = service.find_accelerator(call, request["AcceleratorArn"], CUSTOM)
    service.check_free(found.arn)
    token = request["IdempotencyToken"]
    for known in found.listeners:
        if known.token == token:
            return {"Listener": shapes.listener(found, known)}
    check_new_listener(found)
    ports = checks.custom_ports(found, request["PortRanges"])
    listener = Listener(service.new_id(8), ports, token=token, protocol="")
    changed = service.save(with_listener(found, listener))
    return {"Listener": shapes.listener(changed, listener)}


@operations("UpdateCustomRoutingListener")
def update_listener(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"], CUSTOM)
    service.check_free(accelerator.arn)
    ports = checks.custom_ports(accelerator, request["PortRanges"], listener)
    changed = msgspec.structs.replace(listener, ports=ports)
    saved = service.save(with_listener(accelerator, changed))
    return {"Listener": shapes.listener(saved, changed)}


# Endpoint groups.


@operations("CreateCustomRoutingEndpointGroup")
def create_group(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"], CUSTOM)
    service.check_free(accelerator.arn)
    region, token = request["EndpointGroupRegion"], request["IdempotencyToken"]
    for known in listener.groups:
        if known.token == token:
            return {"EndpointGroup": shapes.custom_group(accelerator, listener, known)}
    check_new_group(service, accelerator, listener, region)
    destinations = checks.destinations(request["DestinationConfigurations"])
    group = Group(service.new_id(12), region, token=token, destinations=destinations)
    saved = service.save(with_group(accelerator, listener, group))
    return {"EndpointGroup": shapes.custom_group(saved, listener, group)}


# Subnets.


def _busy(arn: str) -> ServiceError:
    return conflicting(f"Endpoints of {arn} are being changed by another request")


@operations("AddCustomRoutingEndpoints")
async def add_endpoints(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"], CUSTOM)
    with service.transaction(accelerator.arn, _busy):
        changed, added = group, []
        for part in request["EndpointConfigurations"]:
            found = await _network(service, accelerator, changed, part)
            at = msgspec.structs.replace(
                listener, groups=tuple(changed if g.id == group.id else g for g in listener.groups)
            )
            wanted = mappings.address_count(mappings.check_network(found.door))
            wanted *= mappings.port_count(group.destinations)
            subnet = Subnet(
                part["EndpointId"],
                found.place,
                found.door,
                mappings.take_ports(at, wanted),
                attachment=part.get("AttachmentArn") or "",
            )
            added.append(subnet)
            changed = msgspec.structs.replace(changed, subnets=(*changed.subnets, subnet))
        checks.count_endpoints(changed.subnets)
        service.save(with_group(accelerator, listener, changed))
    return {
        "EndpointDescriptions": [{"EndpointId": subnet.id} for subnet in added],
        "EndpointGroupArn": accelerator.group_arn(listener, group),
    }


async def _network(
    service: GlobalAccelerator, accelerator: Accelerator, group: Group, part: dict[str, Any]
) -> Resource:
    """Return a subnet that may be added."""
    name, attachment = part.get("EndpointId") or "", part.get("AttachmentArn") or ""
    of = named(name)
    if of.kind != SUBNET or of.region not in {"", group.region}:
        raise invalid(f"EndpointId {name} is not the id of a subnet in {group.region}")
    if _subnet(group, name) is not None:
        raise ServiceError(
            "EndpointAlreadyExistsException", f"{name} is in the endpoint group already"
        )
    owner = of.account or accelerator.account
    if owner != accelerator.account or attachment:
        service.lending.check(accelerator, owner, name, attachment)
    return await service.resources.find(owner, group.region, of)


@operations("RemoveCustomRoutingEndpoints")
def remove_endpoints(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"], CUSTOM)
    service.check_free(accelerator.arn, _busy)
    names = request["EndpointIds"]
    for name in names:
        if _subnet(group, name) is None:
            raise missing("Endpoint", name)
    kept = tuple(subnet for subnet in group.subnets if subnet.id not in names)
    changed = msgspec.structs.replace(group, subnets=kept)
    service.save(with_group(accelerator, listener, changed))
    return {}


def _subnet(group: Group, name: str) -> Subnet | None:
    return next((subnet for subnet in group.subnets if subnet.id == name), None)


# What is allowed.


def _allow(
    service: GlobalAccelerator, call: Call, request: Request, *, everything: str, is_open: bool
) -> dict[str, Any]:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"], CUSTOM)
    service.check_free(accelerator.arn, _busy)
    name = request["EndpointId"]
    subnet = _subnet(group, name)
    if subnet is None:
        raise invalid(f"{name} is not an endpoint of the group")
    addresses, ports = request.get("DestinationAddresses"), request.get("DestinationPorts")
    if request.get(everything):
        if addresses or ports:
            raise invalid(f"DestinationAddresses and ports exclude {everything}")
        changed = mappings.with_all(subnet, is_open=is_open)
    else:
        if not addresses:
            raise invalid(f"DestinationAddresses is required without {everything}")
        for port in ports or ():
            if not any(part.low <= port <= part.high for part in group.destinations):
                raise invalid(f"{port} is not a destination port of the endpoint group")
        changed = mappings.with_some(group, subnet, addresses, ports or [], is_open=is_open)
    subnets = tuple(changed if known.id == name else known for known in group.subnets)
    group = msgspec.structs.replace(group, subnets=subnets)
    service.save(with_group(accelerator, listener, group))
    return {}


@operations("AllowCustomRoutingTraffic")
def allow_traffic(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    return _allow(service, call, request, everything="AllowAllTrafficToEndpoint", is_open=True)


@operations("DenyCustomRoutingTraffic")
def deny_traffic(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    return _allow(service, call, request, everything="DenyAllTrafficToEndpoint", is_open=False)

"""Endpoint groups, and what is a standard one's own: one thin function per operation.

Only what is new to a group is looked up in its region; meanwhile nobody else may change the
accelerator.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from antipodes.edge.globalaccelerator import checks, shapes
from antipodes.edge.globalaccelerator.errors import invalid
from antipodes.edge.globalaccelerator.model import CUSTOM, Accelerator, Endpoint, Group, Listener
from antipodes.edge.globalaccelerator.resources import named
from antipodes.edge.globalaccelerator.service import (
    GlobalAccelerator,
    check_new_group,
    of_either,
    operations,
    page,
    with_group,
    without_group,
)
from antipodes.service.contract import Call

Request = dict[str, Any]


def _shown(
    service: GlobalAccelerator, accelerator: Accelerator, listener: Listener, group: Group
) -> dict[str, Any]:
    if accelerator.routing == CUSTOM:
        return shapes.custom_group(accelerator, listener, group)
    return shapes.group(accelerator, listener, group, service.states(group))


async def _endpoints(
    service: GlobalAccelerator,
    accelerator: Accelerator,
    group: Group,
    given: Iterable[dict[str, Any]],
) -> dict[str, Endpoint]:
    """Return the endpoints that a request names, looked up where they are new."""
    known = {endpoint.arn: endpoint for endpoint in group.endpoints}
    found: dict[str, Endpoint] = {}
    for part in given:
        name = part.get("EndpointId") or ""
        if name in found:
            raise invalid(f"Endpoint {name} is given more than once")
        if name in known and _is_known(part, known[name]):
            weight = checks.weight_of(part)
            found[name] = msgspec.structs.replace(known[name], weight=weight)
        else:
            found[name] = await _looked_up(service, accelerator, group, part)
    checks.count_endpoints(found)
    return found


def _is_known(part: dict[str, Any], endpoint: Endpoint) -> bool:
    """Whether a request says of an endpoint what is known, its weight aside."""
    preserves, attachment = part.get("ClientIPPreservationEnabled"), part.get("AttachmentArn")
    keeps_address = preserves in {None, endpoint.preserves_client_ip}
    return keeps_address and attachment in {None, "", endpoint.attachment}


async def _looked_up(
    service: GlobalAccelerator, accelerator: Accelerator, group: Group, part: dict[str, Any]
) -> Endpoint:
    name, attachment = part.get("EndpointId") or "", part.get("AttachmentArn") or ""
    of = named(name)
    if of.region not in {"", group.region}:
        raise invalid(f"Endpoint {name} is not in the endpoint group's Region {group.region}")
    owner = of.account or accelerator.account
    if owner != accelerator.account or attachment:
        service.lending.check(accelerator, owner, name, attachment)
    resource = await service.resources.find(owner, group.region, of)
    preserves = checks.preserves(part.get("ClientIPPreservationEnabled"), resource)
    return Endpoint(
        name,
        group.region,
        resource.door,
        name,
        weight=checks.weight_of(part),
        preserves_client_ip=preserves,
        attachment=attachment,
    )


def _with_endpoints(group: Group, endpoints: Iterable[Endpoint]) -> Group:
    probed = tuple(group.probed(endpoint) for endpoint in endpoints)
    checks.count_endpoints(probed)
    checks.check_probes(group, probed)
    return msgspec.structs.replace(group, endpoints=probed)


@operations("CreateEndpointGroup")
async def create_endpoint_group(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"])
    region, token = request["EndpointGroupRegion"], request["IdempotencyToken"]
    for known in listener.groups:
        if known.token == token:
            return {"EndpointGroup": _shown(service, accelerator, listener, known)}
    with service.transaction(accelerator.arn):
        check_new_group(service, accelerator, listener, region)
        group = Group(service.new_id(12), region, port=listener.ports[0][0], token=token)
        group = checks.group_settings(request, group)
        overrides = request.get("PortOverrides") or []
        ports = checks.overrides(accelerator, listener, overrides, group.id)
        group = msgspec.structs.replace(group, overrides=ports)
        given = request.get("EndpointConfigurations") or []
        endpoints = await _endpoints(service, accelerator, group, given)
        group = _with_endpoints(group, endpoints.values())
        saved = service.save(with_group(accelerator, listener, group))
    return {"EndpointGroup": _shown(service, saved, listener, group)}


@of_either("Describe{}EndpointGroup")
def describe_endpoint_group(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"], routing)
    return {"EndpointGroup": _shown(service, accelerator, listener, group)}


@of_either("List{}EndpointGroups")
def list_endpoint_groups(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"], routing)
    shown = [_shown(service, accelerator, listener, group) for group in listener.groups]
    return page(shown, request, "EndpointGroups")


@operations("UpdateEndpointGroup")
async def update_endpoint_group(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"])
    with service.transaction(accelerator.arn):
        changed = checks.group_settings(request, group)
        if request.get("PortOverrides") is not None:
            given = request["PortOverrides"]
            ports = checks.overrides(accelerator, listener, given, group.id)
            changed = msgspec.structs.replace(changed, overrides=ports)
        endpoints: Iterable[Endpoint] = changed.endpoints
        if request.get("EndpointConfigurations") is not None:
            wanted = request["EndpointConfigurations"]
            endpoints = (await _endpoints(service, accelerator, changed, wanted)).values()
        changed = _with_endpoints(changed, endpoints)
        saved = service.save(with_group(accelerator, listener, changed))
    return {"EndpointGroup": _shown(service, saved, listener, changed)}


@of_either("Delete{}EndpointGroup")
def delete_endpoint_group(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"], routing)
    service.check_free(accelerator.arn)
    service.save(without_group(accelerator, listener, group))
    return {}


@operations("AddEndpoints")
async def add_endpoints(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"])
    with service.transaction(accelerator.arn):
        added = await _endpoints(service, accelerator, group, request["EndpointConfigurations"])
        # One that is known already is replaced where it stands.
        endpoints = {endpoint.arn: endpoint for endpoint in group.endpoints} | added
        changed = _with_endpoints(group, endpoints.values())
        saved = service.save(with_group(accelerator, listener, changed))
    shown = _shown(service, saved, listener, changed)
    return {
        "EndpointGroupArn": shown["EndpointGroupArn"],
        "EndpointDescriptions": shown["EndpointDescriptions"],
    }


@operations("RemoveEndpoints")
def remove_endpoints(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"])
    service.check_free(accelerator.arn)
    names = [part["EndpointId"] for part in request["EndpointIdentifiers"]]
    known = {endpoint.arn for endpoint in group.endpoints}
    for name in names:
        if name not in known:
            raise invalid(f"Endpoint {name} is not in the endpoint group")
    kept = tuple(endpoint for endpoint in group.endpoints if endpoint.arn not in names)
    changed = msgspec.structs.replace(group, endpoints=kept)
    service.save(with_group(accelerator, listener, changed))
    return {}

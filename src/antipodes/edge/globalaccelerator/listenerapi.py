"""Listeners, and what is a standard one's own: one thin function per operation."""

from typing import Any

import msgspec

from antipodes.edge.globalaccelerator import checks, shapes
from antipodes.edge.globalaccelerator.errors import invalid
from antipodes.edge.globalaccelerator.model import Listener
from antipodes.edge.globalaccelerator.service import (
    GlobalAccelerator,
    check_new_listener,
    of_either,
    operations,
    page,
    with_listener,
    without_listener,
)
from antipodes.service.contract import Call

Request = dict[str, Any]


@operations("CreateListener")
def create_listener(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = service.find_accelerator(call, request["AcceleratorArn"])
    service.check_free(found.arn)
    for known in found.listeners:
        if known.token == request["IdempotencyToken"]:
            return {"Listener": shapes.listener(found, known)}
    check_new_listener(found)
    protocol = request["Protocol"]
    ports = checks.listener_ports(found, request["PortRanges"], protocol)
    affinity = request.get("ClientAffinity") or "NONE"
    token = request["IdempotencyToken"]
    listener = Listener(service.new_id(8), ports, affinity, token=token, protocol=protocol)
    changed = service.save(with_listener(found, listener))
    return {"Listener": shapes.listener(changed, listener)}


@of_either("Describe{}Listener")
def describe_listener(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"], routing)
    return {"Listener": shapes.listener(accelerator, listener)}


@of_either("List{}Listeners")
def list_listeners(service: GlobalAccelerator, call: Call, request: Request, routing: str) -> Any:
    found = service.find_accelerator(call, request["AcceleratorArn"], routing)
    shown = [shapes.listener(found, listener) for listener in found.listeners]
    return page(shown, request, "Listeners")


@operations("UpdateListener")
def update_listener(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"])
    service.check_free(accelerator.arn)
    protocol = request.get("Protocol") or listener.protocol
    ranges = request.get("PortRanges") or [
        {"FromPort": low, "ToPort": high} for low, high in listener.ports
    ]
    ports = checks.listener_ports(accelerator, ranges, protocol, listener.id)
    affinity = request.get("ClientAffinity") or listener.affinity
    changed = msgspec.structs.replace(listener, ports=ports, protocol=protocol, affinity=affinity)
    for group in listener.groups:
        for outer, inner in group.overrides:
            if not changed.covers(outer) or changed.covers(inner):
                raise invalid(f"A port override of {outer} to {inner} would not be valid any more")
    saved = service.save(with_listener(accelerator, changed))
    return {"Listener": shapes.listener(saved, changed)}


@of_either("Delete{}Listener")
def delete_listener(service: GlobalAccelerator, call: Call, request: Request, routing: str) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"], routing)
    service.check_free(accelerator.arn)
    service.save(without_listener(accelerator, listener))
    return {}

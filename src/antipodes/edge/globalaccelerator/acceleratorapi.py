"""Accelerators, of standard and of custom routing: one thin function per operation."""

from typing import Any

import msgspec

from antipodes.edge.globalaccelerator import checks, model, shapes
from antipodes.edge.globalaccelerator.errors import conflicting, invalid, not_offered
from antipodes.edge.globalaccelerator.model import (
    CUSTOM,
    EVENTS_MAX,
    IPV4,
    Accelerator,
    Event,
)
from antipodes.edge.globalaccelerator.service import (
    ACCELERATOR_KIND,
    GlobalAccelerator,
    check_new_accelerator,
    of_either,
    page,
)
from antipodes.service.contract import Call, ServiceError

Request = dict[str, Any]
FLOW_LOGS = ("FlowLogsEnabled", "FlowLogsS3Bucket", "FlowLogsS3Prefix")


@of_either("Create{}Accelerator")
def create_accelerator(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    name = checks.name_of(request["Name"])
    address_type = _address_type(request, routing)
    token = request["IdempotencyToken"]
    for known in service.of_account(call.account, routing):
        if known.token == token:
            return {"Accelerator": shapes.accelerator(known, service.now())}
    check_new_accelerator(service, call.account, routing)
    chosen = request.get("IpAddresses") or []
    usable = service.usable_ranges(call.account)
    service.ranges.check_usable(usable, chosen, service.used_addresses())
    now = service.now()
    addresses, addresses6 = service.next_addresses()
    number = service.new_id(16)
    created = Accelerator(
        account=call.account,
        id=service.new_uuid(),
        name=name,
        dns_name=f"a{number}.{model.DOMAIN}",
        addresses=service.ranges.placed(usable, chosen, addresses),
        created=now,
        modified=now,
        deployed_at=now,
        token=token,
        enabled=request.get("Enabled") is not False,
        tags=checks.tags(request.get("Tags")),
        routing=routing,
        addresses6=addresses6,
        address_type=address_type,
        dual_name=f"a{number}.dualstack.{model.DOMAIN}",
    )
    return {"Accelerator": shapes.accelerator(service.save(created), service.now())}


def _address_type(request: Request, routing: str) -> str:
    given: str = request.get("IpAddressType") or IPV4
    if routing == CUSTOM and given != IPV4:
        raise invalid("A custom routing accelerator has the IpAddressType IPV4")
    return given


@of_either("Update{}Accelerator")
def update_accelerator(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    found = service.find_accelerator(call, request["AcceleratorArn"], routing)
    service.check_free(found.arn)
    changes: Request = {}
    if request.get("Name") is not None:
        changes["name"] = checks.name_of(request["Name"])
    if request.get("Enabled") is not None:
        changes["enabled"] = bool(request["Enabled"])
    if request.get("IpAddressType") is not None:
        address_type = _address_type(request, routing)
        if request.get("IpAddresses"):
            raise conflicting("IpAddressType and IpAddresses cannot be changed together")
        if address_type != found.address_type:
            message = f"The IP address type was changed from {found.address_type} to {address_type}"
            event = Event(message, service.now())
            changes["address_type"] = address_type
            changes["events"] = (*found.events, event)[-EVENTS_MAX:]
    if request.get("IpAddresses"):
        changes["addresses"] = _new_addresses(service, found, request["IpAddresses"])
    changed = service.save(msgspec.structs.replace(found, **changes))
    return {"Accelerator": shapes.accelerator(changed, service.now())}


def _new_addresses(
    service: GlobalAccelerator, found: Accelerator, chosen: list[str]
) -> tuple[str, ...]:
    """The addresses of an accelerator when some are replaced; those that it has may be named."""
    new = [address for address in chosen if address not in found.addresses]
    usable = service.usable_ranges(found.account, found.arn)
    service.ranges.check_usable(usable, new, service.used_addresses())
    return service.ranges.placed(usable, new, found.addresses)


@of_either("Delete{}Accelerator")
def delete_accelerator(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    found = service.find_accelerator(call, request["AcceleratorArn"], routing)
    service.check_free(found.arn)
    if found.enabled:
        raise ServiceError(
            "AcceleratorNotDisabledException", "The accelerator must be disabled before deletion"
        )
    if found.listeners:
        raise ServiceError(
            "AssociatedListenerFoundException", "The accelerator has a listener associated with it"
        )
    service.accelerators.delete(found.account, found.id)
    service.host.changes.append(ACCELERATOR_KIND, [found.account, found.id, None])
    return {}


@of_either("List{}Accelerators")
def list_accelerators(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    now = service.now()
    found = service.of_account(call.account, routing)
    return page([shapes.accelerator(a, now) for a in found], request, "Accelerators")


@of_either("Describe{}Accelerator")
def describe_accelerator(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    found = service.find_accelerator(call, request["AcceleratorArn"], routing)
    return {"Accelerator": shapes.accelerator(found, service.now())}


@of_either("Describe{}AcceleratorAttributes")
def describe_attributes(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    service.find_accelerator(call, request["AcceleratorArn"], routing)
    return {"AcceleratorAttributes": {"FlowLogsEnabled": False}}


@of_either("Update{}AcceleratorAttributes")
def update_attributes(
    service: GlobalAccelerator, call: Call, request: Request, routing: str
) -> Any:
    found = service.find_accelerator(call, request["AcceleratorArn"], routing)
    if request.get("FlowLogsEnabled") and not request.get("FlowLogsS3Bucket"):
        raise invalid("FlowLogsS3Bucket is required when flow logs are enabled")
    if any(request.get(member) for member in FLOW_LOGS):
        raise not_offered("flow logs")
    service.check_free(found.arn)
    return {"AcceleratorAttributes": {"FlowLogsEnabled": False}}

"""Custom routing's port mappings: one thin function per operation.

Mappings are computed, not stored, so that a page costs no more than what is on it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from antipodes.edge.globalaccelerator import mappings
from antipodes.edge.globalaccelerator.errors import missing
from antipodes.edge.globalaccelerator.mappings import Target
from antipodes.edge.globalaccelerator.model import (
    CUSTOM,
    IPV4,
    Accelerator,
    Group,
    Listener,
    Subnet,
)
from antipodes.edge.globalaccelerator.service import PAGE, GlobalAccelerator, operations
from antipodes.service.contract import Call, ServiceError
from antipodes.service.numbers import whole_number

Request = dict[str, Any]


class Behind(NamedTuple):
    """A subnet, and what it is behind."""

    accelerator: Accelerator
    listener: Listener
    group: Group
    subnet: Subnet

    @property
    def group_arn(self) -> str:
        """The ARN of its group."""
        return self.accelerator.group_arn(self.listener, self.group)


def _behind(accelerator: Accelerator) -> Iterator[Behind]:
    for listener in accelerator.listeners:
        for group in listener.groups:
            for subnet in group.subnets:
                yield Behind(accelerator, listener, group, subnet)


def _window(request: Request, size: int) -> tuple[int, int]:
    """The first and the last of a list that are on the page."""
    token = request.get("NextToken") or "0"
    start = whole_number(token)
    if not 0 <= start <= size:
        raise ServiceError("InvalidNextTokenException", "The NextToken value is not valid")
    return start, start + (request.get("MaxResults") or PAGE)


def _state(target: Target) -> str:
    return "ALLOW" if target.is_open else "DENY"


@operations("ListCustomRoutingPortMappings")
def list_mappings(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    accelerator = service.find_accelerator(call, request["AcceleratorArn"], CUSTOM)
    wanted = request.get("EndpointGroupArn")
    if wanted:
        owner, _, _ = service.find_group(call, wanted, CUSTOM)
        if owner.id != accelerator.id:
            raise missing("EndpointGroup", wanted)
    subnets = [b for b in _behind(accelerator) if not wanted or b.group_arn == wanted]
    size = sum(mappings.size_of(behind.subnet) for behind in subnets)
    start, stop = _window(request, size)
    shown: list[dict[str, Any]] = []
    before = 0
    for behind in subnets:
        some = mappings.targets(
            behind.group, behind.subnet, max(0, start - before), max(0, stop - before)
        )
        shown += [_mapping(behind, target) for target in some]
        before += mappings.size_of(behind.subnet)
    return {"PortMappings": shown, **({"NextToken": str(stop)} if stop < size else {})}


def _mapping(behind: Behind, target: Target) -> dict[str, Any]:
    return {
        "AcceleratorPort": target.port,
        "EndpointGroupArn": behind.group_arn,
        "EndpointId": behind.subnet.id,
        "DestinationSocketAddress": {"IpAddress": target.address, "Port": target.destination_port},
        "Protocols": list(target.protocols),
        "DestinationTrafficState": _state(target),
    }


@operations("ListCustomRoutingPortMappingsByDestination")
def list_mappings_by_destination(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    name, address = request["EndpointId"], request["DestinationAddress"]
    subnets = [
        behind
        for accelerator in service.of_account(call.account, CUSTOM)
        for behind in _behind(accelerator)
        if behind.subnet.id == name
    ]
    if not subnets:
        raise missing("Endpoint", name)
    found = [
        _destination(behind, target)
        for behind in subnets
        for target in mappings.targets_of_address(behind.group, behind.subnet, address)
    ]
    start, stop = _window(request, len(found))
    more = {"NextToken": str(stop)} if stop < len(found) else {}
    return {"DestinationPortMappings": found[start:stop], **more}


def _destination(behind: Behind, target: Target) -> dict[str, Any]:
    return {
        "AcceleratorArn": behind.accelerator.arn,
        "AcceleratorSocketAddresses": [
            {"IpAddress": address, "Port": target.port} for address in behind.accelerator.addresses
        ],
        "EndpointGroupArn": behind.group_arn,
        "EndpointId": behind.subnet.id,
        "EndpointGroupRegion": behind.group.region,
        "DestinationSocketAddress": {"IpAddress": target.address, "Port": target.destination_port},
        "IpAddressType": IPV4,
        "DestinationTrafficState": _state(target),
    }

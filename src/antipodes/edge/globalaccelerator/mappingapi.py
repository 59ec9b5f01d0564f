"""Custom routing's port mappings: one thin function per operation.

Mappings are computed, not stored, so that a page costs no more than what is on it.
"""

from collections.abc import Callable, Iterator
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
from antipodes.edge.globalaccelerator.service import GlobalAccelerator, operations, page
from antipodes.service.contract import Call

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


def _page(
    parts: list[tuple[Behind, range]],
    request: Request,
    member: str,
    shown: Callable[[Behind, Target], dict[str, Any]],
) -> dict[str, Any]:
    """One page of what some ports of subnets stand for."""
    answer = page(range(sum(len(numbers) for _, numbers in parts)), request, member)
    start, stop = answer[member].start, answer[member].stop
    answer[member] = []
    for behind, numbers in parts:
        some = numbers[max(0, start) : max(0, stop)]
        targets = mappings.targets(behind.group, behind.subnet, some)
        answer[member] += [shown(behind, target) for target in targets]
        start, stop = start - len(numbers), stop - len(numbers)
    return answer


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
    parts = [(behind, mappings.numbers_of(behind.subnet)) for behind in subnets]
    return _page(parts, request, "PortMappings", _mapping)


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
    parts = [
        (behind, mappings.numbers_of_address(behind.group, behind.subnet, address))
        for behind in subnets
    ]
    return _page(parts, request, "DestinationPortMappings", _destination)


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

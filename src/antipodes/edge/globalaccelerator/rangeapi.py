"""Addresses of a customer's own: one thin function per operation."""

from typing import Any

from antipodes.edge.globalaccelerator.ranges import Range
from antipodes.edge.globalaccelerator.service import GlobalAccelerator, operations, page
from antipodes.service.contract import Call

Request = dict[str, Any]


def _shown(service: GlobalAccelerator, of: Range) -> dict[str, Any]:
    return {
        "Cidr": of.cidr,
        "State": of.state(service.now()),
        "Events": [{"Message": e.message, "Timestamp": e.at} for e in of.events],
    }


@operations("ProvisionByoipCidr")
def provision_cidr(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = service.ranges.provision(call.account, request["Cidr"])
    return {"ByoipCidr": _shown(service, found)}


@operations("AdvertiseByoipCidr")
def advertise_cidr(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = service.ranges.advertise(call.account, request["Cidr"])
    return {"ByoipCidr": _shown(service, found)}


@operations("WithdrawByoipCidr")
def withdraw_cidr(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = service.ranges.withdraw(call.account, request["Cidr"])
    return {"ByoipCidr": _shown(service, found)}


@operations("DeprovisionByoipCidr")
def deprovision_cidr(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    used = service.used_addresses()
    found = service.ranges.deprovision(call.account, request["Cidr"], used)
    return {"ByoipCidr": _shown(service, found)}


@operations("ListByoipCidrs")
def list_cidrs(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    shown = [_shown(service, found) for found in service.ranges.of(call.account)]
    return page(shown, request, "ByoipCidrs")

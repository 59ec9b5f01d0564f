"""EC2's operations on elastic addresses' associations, and on interfaces' addresses."""

from ipaddress import AddressValueError, IPv6Address

from antipodes.regional.ec2 import associating
from antipodes.regional.ec2.addresswishes import check_six
from antipodes.regional.ec2.answering import check_dry_run, not_offered
from antipodes.regional.ec2.instancetypes import check_room
from antipodes.regional.ec2.interfaces import Addresses, check_number, taken
from antipodes.regional.ec2.model import Interface, PrivateAddress
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

_NOT_OFFERED = ("Ipv4Prefixes", "Ipv4PrefixCount")
_NOT_OFFERED6 = ("Ipv6Prefixes", "Ipv6PrefixCount")


@operations("AssociateAddress")
async def associate_address(service: Ec2, call: Call, request: Request) -> Response:
    """In a VPC an address moves from where it is, unless the request says that it may not."""
    known = associating.asked_for(service, call.account, request)
    if await service.elastic.is_balancers(known):
        raise associating.managed()
    known = associating.asked_for(service, call.account, request)
    interface, private = associating.place_asked_for(service, call.account, request)
    mapped = service.elastic.mapped(call.account).get(known.id)
    associating.check_movable(known, mapped, request)
    check_dry_run(request)
    there = mapped is not None and (mapped.interface.id, mapped.to.address)
    if mapped is not None and there == (interface.id, private):
        return {"AssociationId": mapped.to.association}
    association = associating.associate(service, known, interface, private)
    if mapped is not None:
        service.instances.lend_again(mapped.interface)
    return {"AssociationId": association}


@operations("DisassociateAddress")
def disassociate_address(service: Ec2, call: Call, request: Request) -> Response:
    name, public = request.get("AssociationId"), request.get("PublicIp")
    if not name and not public:
        raise ServiceError("MissingParameter", "Either AssociationId or PublicIp is required")
    for mapped in service.elastic.mapped(call.account).values():
        if mapped.to.association == name or mapped.to.public == public:
            if mapped.interface.manager:
                raise associating.managed()
            check_dry_run(request)
            associating.unmap(service, mapped)
            service.instances.lend_again(mapped.interface)
            return {}
    if name:
        raise ServiceError(
            "InvalidAssociationID.NotFound", f"The association ID '{name}' does not exist"
        )
    raise ServiceError("InvalidAddress.NotFound", f"Address '{public}' is not associated.")


@operations("AssignPrivateIpAddresses")
def assign_private_ip_addresses(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED)
    interface = service.interfaces.own(call.account, request["NetworkInterfaceId"])
    wanted = list(dict.fromkeys(request.get("PrivateIpAddresses") or []))
    number = request.get("SecondaryPrivateIpAddressCount")
    if bool(wanted) == (number is not None):
        raise ServiceError(
            "InvalidParameterCombination" if wanted else "MissingParameter",
            "Either addresses or a number of addresses is required, and not both.",
        )
    if number is not None and number < 1:
        raise ServiceError("InvalidParameterValue", "The number of addresses is at least 1.")
    moved = _moved(service, interface, wanted) if request.get("AllowReassignment") else {}
    subnet = service.interfaces.subnet_of(interface)
    beside = service.interfaces.in_subnet(subnet)
    free = Addresses(subnet, [one for one in taken(beside, subnet.id) if one not in moved])
    own = {one.address for one in interface.addresses}
    new = [one for one in wanted if one not in own] or [""] * (number or 0)
    _check_room(service, interface, len(interface.addresses) + len(new))
    given = [free.take(one) for one in new]
    for source in dict.fromkeys(one.id for one, _ in moved.values()):
        found = service.estate.interfaces.get(call.account, source)
        kept = tuple(one for one in found.addresses if one.address not in moved)
        service.interfaces.change(found, addresses=kept)
    added = tuple(moved[one][1] if one in moved else PrivateAddress(one) for one in given)
    service.interfaces.change(interface, addresses=(*interface.addresses, *added))
    return {
        "NetworkInterfaceId": interface.id,
        "AssignedPrivateIpAddresses": [{"PrivateIpAddress": one} for one in wanted or given],
    }


def _moved(
    service: Ec2, to: Interface, wanted: list[str]
) -> dict[str, tuple[Interface, PrivateAddress]]:
    """Which of the addresses others have, as secondary ones: those may move, with what is theirs.

    A primary one stays where it is.
    """
    return {
        address.address: (one, address)
        for one in service.estate.interfaces.list(to.account)
        if one.subnet == to.subnet and one.id != to.id and not one.manager
        for address in one.addresses[1:]
        if address.address in wanted
    }


def _check_room(service: Ec2, interface: Interface, number: int) -> None:
    check_number(number)
    if interface.attached is not None and interface.attached.instance:
        instance = service.instances.get(interface.account, interface.attached.instance)
        check_room(instance.type, [number])


@operations("UnassignPrivateIpAddresses")
def unassign_private_ip_addresses(service: Ec2, call: Call, request: Request) -> Response:
    """An elastic address that was mapped to one of them is mapped to nothing then."""
    not_offered(request, _NOT_OFFERED)
    interface = service.interfaces.own(call.account, request["NetworkInterfaceId"])
    wanted = request.get("PrivateIpAddresses") or []
    if not wanted:
        raise ServiceError("MissingParameter", "The request must contain privateIpAddress")
    first, *others = interface.addresses
    if first.address in wanted:
        raise ServiceError(
            "InvalidParameterValue", f"{first.address} is a primary address, which stays."
        )
    if any(one not in {known.address for known in others} for one in wanted):
        raise ServiceError(
            "InvalidParameterValue",
            f"Some of the specified addresses are not assigned to interface {interface.id}",
        )
    kept = tuple(one for one in others if one.address not in wanted)
    service.interfaces.change(interface, addresses=(first, *kept))
    return {}


@operations("AssignIpv6Addresses")
def assign_ipv6_addresses(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED6)
    interface = service.interfaces.own(call.account, request["NetworkInterfaceId"])
    wanted = list(dict.fromkeys(request.get("Ipv6Addresses") or []))
    number = request.get("Ipv6AddressCount")
    check_six(wanted, number)
    if not wanted and not number:
        raise ServiceError(
            "MissingParameter", "Either ipv6Addresses or ipv6AddressCount is required"
        )
    subnet = service.interfaces.subnet_of(interface)
    beside = service.interfaces.in_subnet(subnet)
    free = Addresses(subnet, taken(beside, subnet.id, six=True), six=True)
    _check_room(service, interface, len(interface.addresses6) + (number or len(wanted)))
    given = [free.take(one) for one in wanted or [""] * (number or 0)]
    service.interfaces.change(interface, addresses6=(*interface.addresses6, *given))
    return {"NetworkInterfaceId": interface.id, "AssignedIpv6Addresses": given}


@operations("UnassignIpv6Addresses")
def unassign_ipv6_addresses(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED6)
    interface = service.interfaces.own(call.account, request["NetworkInterfaceId"])
    wanted = [_canonical(one) for one in request.get("Ipv6Addresses") or []]
    if not wanted:
        raise ServiceError("MissingParameter", "The request must contain ipv6Addresses")
    if any(one not in interface.addresses6 for one in wanted):
        raise ServiceError(
            "InvalidParameterValue",
            f"Some of the specified addresses are not assigned to interface {interface.id}",
        )
    kept = tuple(one for one in interface.addresses6 if one not in wanted)
    service.interfaces.change(interface, addresses6=kept)
    return {"NetworkInterfaceId": interface.id, "UnassignedIpv6Addresses": wanted}


def _canonical(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise ServiceError("InvalidParameterValue", f"invalid IP address: '{text}'") from None

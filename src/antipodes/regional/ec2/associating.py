"""Which elastic address is mapped to which private one.

Source: Amazon EC2 User Guide, "Elastic IP addresses"; EC2 API Reference, AssociateAddress.
"""

from antipodes.regional.ec2.elastic import Mapped
from antipodes.regional.ec2.interfaces import Interfaces
from antipodes.regional.ec2.model import Elastic, Interface, PrivateAddress
from antipodes.regional.ec2.service import Ec2
from antipodes.service.contract import Request, ServiceError


def asked_for(service: Ec2, account: str, request: Request) -> Elastic:
    """The elastic address that a request names."""
    allocation, public = request.get("AllocationId"), request.get("PublicIp")
    if allocation and public:
        raise ServiceError(
            "InvalidParameterCombination", "You may specify public IP or allocation ID, not both."
        )
    if allocation:
        return service.estate.addresses.get(account, allocation)
    if not public:
        raise ServiceError("MissingParameter", "Either public IP or allocation ID is required")
    for known in service.estate.addresses.list(account):
        if known.address == public:
            return known
    raise ServiceError("InvalidAddress.NotFound", f"Address '{public}' not found.")


def place_asked_for(service: Ec2, account: str, request: Request) -> tuple[Interface, str]:
    """The interface, and the private address of it, that a request names."""
    interfaces, instance = service.interfaces, request.get("InstanceId")
    name = request.get("NetworkInterfaceId")
    if bool(name) == bool(instance):
        raise ServiceError(
            "InvalidParameterCombination" if name else "MissingParameter",
            "Either a network interface ID or an instance ID is required, and not both.",
        )
    found = interfaces.own(account, name) if name else _only_one(service, account, instance or "")
    if not service.elastic.has_way_out(found.vpc):
        raise ServiceError(
            "Gateway.NotAttached", f"Network {found.vpc} is not attached to any internet gateway"
        )
    wanted = request.get("PrivateIpAddress")
    there = [one.address for one in found.addresses]
    if wanted and wanted not in there:
        raise ServiceError(
            "InvalidParameterValue", f"Invalid value '{wanted}' for PrivateIpAddress."
        )
    return found, wanted or there[0]


def _only_one(service: Ec2, account: str, name: str) -> Interface:
    instance = service.instances.get(account, name)
    if instance.state == "terminated":
        raise ServiceError(
            "InvalidInstanceID", f"The instance '{name}' is not in a valid state for this."
        )
    return only(service.interfaces, account, name)


def only(interfaces: Interfaces, account: str, instance: str) -> Interface:
    """The interface of an instance that has one only; raises InvalidInstanceID."""
    found = interfaces.of_instance(account, instance)
    if len(found) != 1:
        raise ServiceError(
            "InvalidInstanceID",
            f"There are multiple interfaces attached to instance '{instance}'. Please specify an "
            "interface ID for the operation instead.",
        )
    return found[0]


def check_movable(known: Elastic, mapped: Mapped | None, request: Request) -> None:
    """Refuse to take an address from where it is, if it may not be."""
    if mapped is None:
        return
    if mapped.interface.manager:
        raise managed()
    if request.get("AllowReassociation") is False:
        raise ServiceError(
            "Resource.AlreadyAssociated",
            f"resource {known.id} is already associated with associate-id {mapped.to.association}",
        )


def managed() -> ServiceError:
    """The error for an address that a service uses."""
    return ServiceError(
        "AuthFailure", "You do not have permission to access the specified resource."
    )


def associate(service: Ec2, known: Elastic, to: Interface, private: str) -> str:
    """Map an elastic address, from wherever it is, to a private one; return the association."""
    interfaces, association = service.interfaces, service.estate.new_id("eipassoc")
    before = service.elastic.mapped(known.account).get(known.id)
    if before is not None:
        unmap(service, before)
    found = service.estate.interfaces.get(to.account, to.id)
    mapped = PrivateAddress(private, known.address, known.id, association)
    interfaces.remap(found, private, mapped)
    return association


def unmap(service: Ec2, mapped: Mapped) -> None:
    """Take an elastic address from where it is."""
    interface, to = mapped
    found = service.estate.interfaces.get(interface.account, interface.id)
    service.interfaces.remap(found, to.address, PrivateAddress(to.address))

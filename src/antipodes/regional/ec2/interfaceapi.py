"""EC2's operations on network interfaces."""

from typing import Any

from antipodes.regional.ec2 import interfacefilters, kinds, showninterfaces
from antipodes.regional.ec2.addresswishes import wishes
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.instancetypes import check_room
from antipodes.regional.ec2.interfaces import Plan, Wanted, room
from antipodes.regional.ec2.model import Attached, Interface
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.shown import for_account
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.service.contract import Call, Request, Response, ServiceError

_NOT_OFFERED = ("InterfaceType", "EnablePrimaryIpv6", "Operator")
_NOT_MODIFIED = (
    "EnaSrdSpecification",
    "EnablePrimaryIpv6",
    "ConnectionTrackingSpecification",
    "AssociatePublicIpAddress",
    "AssociatedSubnetIds",
)
_MODIFIED = ("Description", "SourceDestCheck", "Groups", "Attachment")


def shown(service: Ec2, of: Interface) -> Thing:
    """An interface, as answers have it."""
    found = showninterfaces.interface(service.estate, of, service.region.zones)
    found.pop("Tags")
    return found


@operations("CreateNetworkInterface")
def create_network_interface(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED)
    estate, token = service.estate, token_of(request)
    for one in repeated(estate.interfaces.list(call.account), token):
        return {"NetworkInterface": shown(service, one), "ClientToken": request["ClientToken"]}
    subnet = estate.subnets.usable(call.account, request["SubnetId"])
    wished = wishes(request)
    groups = request.get("Groups")
    tags = tags_given(request.get("TagSpecifications") or [], kinds.INTERFACE.resource)
    wanted = Wanted(
        description=request.get("Description") or "",
        groups=tuple(groups) if groups else None,
        token=token,
        **wished._asdict(),
    )
    plan = Plan(service.interfaces, call.account)
    made = plan.add(subnet, wanted)
    check_dry_run(request)
    plan.keep()
    estate.tag(call.account, made.id, tags)
    answer = {"NetworkInterface": shown(service, made) | {"Status": showninterfaces.PENDING}}
    return answer | ({"ClientToken": token.name} if token else {})


@operations("DescribeNetworkInterfaces")
def describe_network_interfaces(service: Ec2, call: Call, request: Request) -> Response:
    estate, zones = service.estate, service.region.zones
    seen = [
        showninterfaces.interface(estate, one, zones)
        for one in estate.interfaces.all_usable(call.account)
    ]
    found = for_account(call.account, seen)
    answer = described(kinds.INTERFACE, found, request, interfacefilters.INTERFACE_FILTERS)
    for one in answer["NetworkInterfaces"]:
        one.pop("Tags")
    return answer


@operations("DeleteNetworkInterface")
def delete_network_interface(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    interface = service.interfaces.own(call.account, request["NetworkInterfaceId"])
    if interface.attached is not None:
        raise ServiceError(
            "InvalidParameterValue", f"Network interface '{interface.id}' is currently in use."
        )
    check_dry_run(request)
    estate.remove(estate.interfaces, call.account, interface.id)
    return {}


@operations("DescribeNetworkInterfaceAttribute")
def describe_network_interface_attribute(service: Ec2, call: Call, request: Request) -> Response:
    estate, wanted = service.estate, request.get("Attribute")
    interface = estate.interfaces.get(call.account, request["NetworkInterfaceId"])
    check_dry_run(request)
    answer: Response = {"NetworkInterfaceId": interface.id}
    if wanted == "description":
        return answer | {"Description": {"Value": interface.description}}
    if wanted == "sourceDestCheck":
        return answer | {"SourceDestCheck": {"Value": interface.checks}}
    if wanted == "groupSet":
        return answer | {"Groups": showninterfaces.groups(estate, interface)}
    if wanted == "attachment":
        attached = interface.attached
        return answer | ({"Attachment": showninterfaces.attachment(attached)} if attached else {})
    if wanted == "associatePublicIpAddress":
        return answer | {"AssociatePublicIpAddress": is_lent(interface)}
    raise ServiceError("InvalidParameterValue", f"Value ({wanted}) for attribute is invalid.")


def is_lent(of: Interface) -> bool:
    """Whether an interface has a public address that is not an elastic one."""
    return bool(of.addresses[0].public and not of.addresses[0].allocation)


@operations("ModifyNetworkInterfaceAttribute")
def modify_network_interface_attribute(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_MODIFIED)
    interface = service.interfaces.own(call.account, request["NetworkInterfaceId"])
    given = [member for member in _MODIFIED if request.get(member)]
    if not given:
        raise ServiceError("MissingParameter", "The request must contain an attribute to modify.")
    if len(given) > 1:
        raise ServiceError(
            "InvalidParameterCombination", "Only one attribute can be modified at a time."
        )
    change: dict[str, Any]
    if given == ["Description"]:
        change = {"description": request["Description"].get("Value") or ""}
    elif given == ["SourceDestCheck"]:
        change = {"checks": bool(request["SourceDestCheck"].get("Value"))}
    elif given == ["Groups"]:
        groups = service.interfaces.groups(call.account, interface.vpc, request["Groups"])
        change = {"groups": groups}
    else:
        change = {"attached": _attachment_changed(interface, request["Attachment"])}
    check_dry_run(request)
    service.interfaces.change(interface, **change)
    return {}


def _attachment_changed(interface: Interface, wanted: Request) -> Attached:
    not_offered(wanted, ("EnaQueueCount", "DefaultEnaQueueCount"))
    attached, name = interface.attached, wanted.get("AttachmentId")
    if attached is None or attached.id != name:
        raise _no_attachment(name)
    if wanted.get("DeleteOnTermination") is None:
        raise ServiceError("MissingParameter", "The request must contain deleteOnTermination.")
    ends = bool(wanted["DeleteOnTermination"])
    return Attached(
        *(attached.id, attached.instance, attached.owner, attached.device, ends, attached.at)
    )


def _no_attachment(name: object) -> ServiceError:
    return ServiceError(
        "InvalidAttachmentID.NotFound", f"The attachment ID '{name}' does not exist"
    )


@operations("ResetNetworkInterfaceAttribute")
def reset_network_interface_attribute(service: Ec2, call: Call, request: Request) -> Response:
    interface = service.interfaces.own(call.account, request["NetworkInterfaceId"])
    check_dry_run(request)
    if request.get("SourceDestCheck") is not None:
        service.interfaces.change(interface, checks=True)
    return {}


@operations("AttachNetworkInterface")
def attach_network_interface(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, ("NetworkCardIndex", "EnaSrdSpecification", "EnaQueueCount"))
    estate, account, number = service.estate, call.account, request["DeviceIndex"]
    interface = service.interfaces.own(account, request["NetworkInterfaceId"])
    instance = service.instances.get(account, request["InstanceId"])
    if interface.attached is not None:
        raise ServiceError("InvalidNetworkInterface.InUse", f"Interface: [{interface.id}] in use.")
    service.instances.check_state(instance, ("running", "stopped"), "attached to")
    if instance.zone != interface.zone:
        raise ServiceError(
            "InvalidParameterCombination",
            "You may not attach a network interface to an instance if they are not in the same "
            "availability zone",
        )
    beside = service.interfaces.of_instance(account, instance.id)
    if number < 0:
        raise ServiceError("InvalidParameterValue", f"Invalid device index: {number}")
    if any(one.attached is not None and one.attached.device == number for one in beside):
        raise ServiceError(
            "InvalidParameterValue",
            f"Instance '{instance.id}' already has an interface attached at device index "
            f"'{number}'.",
        )
    check_room(instance.type, [room(one) for one in (*beside, interface)])
    check_dry_run(request)
    now, name = estate.host.runtime.wall(), estate.new_id("eni-attach")
    attached = Attached(name, instance.id, account, number, at=now)
    service.interfaces.change(interface, attached=attached)
    return {"AttachmentId": name, "NetworkCardIndex": 0}


@operations("DetachNetworkInterface")
def detach_network_interface(service: Ec2, call: Call, request: Request) -> Response:
    """Whether it is forced makes no difference, since no machine has to agree."""
    name = request["AttachmentId"]
    for interface in service.estate.interfaces.list(call.account):
        attached = interface.attached
        if attached is None or attached.id != name:
            continue
        if interface.manager:
            raise ServiceError(
                "OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments."
            )
        if attached.device == 0:
            raise ServiceError(
                "OperationNotPermitted",
                "The network interface at device index 0 cannot be detached.",
            )
        check_dry_run(request)
        service.interfaces.change(interface, attached=None)
        return {}
    raise _no_attachment(name)

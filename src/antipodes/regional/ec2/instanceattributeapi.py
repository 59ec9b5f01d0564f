"""EC2's operations on instances' attributes."""

from collections.abc import Mapping

from antipodes.regional.ec2 import associating, showninterfaces
from antipodes.regional.ec2.answering import check_dry_run, not_offered
from antipodes.regional.ec2.instances import STOPPED
from antipodes.regional.ec2.instancetypes import check_room, check_type
from antipodes.regional.ec2.model import Instance
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

_NOT_OFFERED = (
    *("EnclaveOptions", "BlockDeviceMappings", "Kernel", "Ramdisk", "UserData"),
    *("InstanceInitiatedShutdownBehavior", "EbsOptimized", "SriovNetSupport", "EnaSupport"),
)
# What can be changed, by its names in requests, in their other form and in descriptions, and where
# it is kept if it is a yes or no of the instance.
_SWITCHES: Mapping[str, str] = {"DisableApiTermination": "stays", "DisableApiStop": "runs_on"}
_MODIFIED = ("SourceDestCheck", "Groups", "InstanceType", *_SWITCHES)
_TRUE, _FALSE = "true", "false"


def _member(attribute: str) -> str:
    """An attribute by the name of its member: sourceDestCheck is SourceDestCheck."""
    return attribute[0].upper() + attribute[1:]


@operations("ModifyInstanceAttribute")
def modify_instance_attribute(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED)
    instance = service.instances.get(call.account, request["InstanceId"])
    given = {name: request[name] for name in _MODIFIED if request.get(name)}
    if request.get("Attribute"):
        member, value = _member(request["Attribute"]), request.get("Value")
        if member not in _MODIFIED or member == "Groups" or value is None:
            raise ServiceError(
                "UnsupportedOperation", f"Attribute {request['Attribute']} cannot be modified so"
            )
        given[member] = {"Value": value}
    if not given:
        raise ServiceError("MissingParameter", "The request must contain an attribute to modify.")
    if len(given) > 1:
        raise ServiceError(
            "InvalidParameterCombination", "Only one attribute can be modified at a time."
        )
    [(member, wanted)] = given.items()
    if member in _SWITCHES:
        switched = {_SWITCHES[member]: _switch(wanted)}
        check_dry_run(request)
        service.instances.change(instance, **switched)
    elif member == "InstanceType":
        _change_type(service, instance, request, str(wanted.get("Value") or ""))
    else:
        _change_interface(service, instance, request, member, wanted)
    return {}


def _switch(wanted: Request) -> bool:
    """A yes or no, which is a text in the other form of a request."""
    value = wanted.get("Value")
    if isinstance(value, str) and value not in {_TRUE, _FALSE}:
        raise ServiceError("InvalidParameterValue", f"Value ({value}) is neither true nor false.")
    return value is True or value == _TRUE


def _change_type(service: Ec2, instance: Instance, request: Request, name: str) -> None:
    check_type(name)
    if service.instances.state(instance) != STOPPED:
        raise ServiceError(
            "IncorrectInstanceState",
            f"The instance '{instance.id}' is not in the 'stopped' state.",
        )
    interfaces = service.interfaces.of_instance(instance.account, instance.id)
    check_room(name, [len(one.addresses) for one in interfaces])
    check_dry_run(request)
    service.instances.change(instance, type=name)


def _change_interface(
    service: Ec2, instance: Instance, request: Request, member: str, wanted: object
) -> None:
    """Change the check or the groups of the interface of an instance that has one only."""
    interfaces = service.interfaces
    _check_there(instance)
    interface = associating.only(interfaces, instance.account, instance.id)
    if member == "SourceDestCheck":
        assert isinstance(wanted, dict), "the model says that it is a structure"
        checks = _switch(wanted)
        check_dry_run(request)
        interfaces.change(interface, checks=checks)
        return
    assert isinstance(wanted, list), "the model says that it is a list"
    groups = interfaces.groups(instance.account, interface.vpc, wanted)
    check_dry_run(request)
    interfaces.change(interface, groups=groups)


def _check_there(instance: Instance) -> None:
    if instance.state == "terminated":
        raise ServiceError(
            "IncorrectInstanceState",
            f"The instance '{instance.id}' is terminated, and has no interfaces.",
        )


@operations("DescribeInstanceAttribute")
def describe_instance_attribute(service: Ec2, call: Call, request: Request) -> Response:
    instance = service.instances.get(call.account, request["InstanceId"])
    check_dry_run(request)
    member = _member(request["Attribute"])
    answer: Response = {"InstanceId": instance.id}
    if member in _SWITCHES:
        return answer | {member: {"Value": getattr(instance, _SWITCHES[member])}}
    if member == "InstanceType":
        return answer | {member: {"Value": instance.type}}
    if member == "InstanceInitiatedShutdownBehavior":
        return answer | {member: {"Value": "stop"}}
    if member == "UserData":
        return answer | {member: {"Value": instance.data} if instance.data else {}}
    if member == "EbsOptimized":
        return answer | {member: {"Value": instance.for_disks}}
    if member == "SourceDestCheck":
        _check_there(instance)
        interface = associating.only(service.interfaces, instance.account, instance.id)
        return answer | {member: {"Value": interface.checks}}
    if member == "GroupSet":
        _check_there(instance)
        interface = service.interfaces.of_instance(instance.account, instance.id)[0]
        return answer | {"Groups": showninterfaces.groups(service.estate, interface)}
    raise ServiceError("UnsupportedOperation", f"{request['Attribute']} is not offered here")

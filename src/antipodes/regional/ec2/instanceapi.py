"""EC2's operations on instances: they launch and describe them, and change their states."""

import base64
from collections.abc import Callable, Sequence

from antipodes.regional.ec2 import interfacefilters, kinds, showninstances
from antipodes.regional.ec2.answering import check_dry_run, named, not_offered, page
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.instances import ON_THE_WAY, RUNNING, STOPPED, TERMINATED
from antipodes.regional.ec2.launching import Launching, launch_of
from antipodes.regional.ec2.model import Instance, Interface
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.service.contract import Call, Request, Response, ServiceError

RESULTS_MIN, RESULTS_MAX = 5, 1000
_TAGGED = (kinds.INSTANCE.resource, kinds.INTERFACE.resource)


def _shown(
    service: Ec2, account: str, instances: Sequence[Instance], state: str = ""
) -> list[Thing]:
    """Instances, in a state that they are told to be in or in the one that they are in."""
    interfaces, zones = service.interfaces.by_instance(account), service.region.zones
    return [
        showninstances.instance(
            service.estate,
            one,
            state or service.instances.state(one),
            interfaces.get(one.id, []),
            zones,
        )
        for one in instances
    ]


@operations("RunInstances")
def run_instances(service: Ec2, call: Call, request: Request) -> Response:
    """No machine is started: an instance is a place, and its interfaces are what can be reached."""
    estate, account, token = service.estate, call.account, token_of(request)
    again = repeated(service.instances.list(account), token)
    if again:
        return showninstances.reservations(_shown(service, account, again))[0]
    given = request.get("TagSpecifications") or []
    other = [one for one in given if one.get("ResourceType") not in _TAGGED]
    tags_given(other, kinds.INSTANCE.resource)
    tags = {
        kind: tags_given([one for one in given if one.get("ResourceType") == kind], kind)
        for kind in _TAGGED
    }
    launching = Launching(service, launch_of(service, account, request, token))
    launching.plan()
    check_dry_run(request)
    service.instances.forget_gone(account)
    for interface in launching.keep():
        estate.tag(account, interface.id, tags[kinds.INTERFACE.resource])
    for instance in launching.made:
        estate.tag(account, instance.id, tags[kinds.INSTANCE.resource])
    made = _shown(service, account, launching.made, ON_THE_WAY[RUNNING])
    return showninstances.reservations(made)[0]


@operations("DescribeInstances")
def describe_instances(service: Ec2, call: Call, request: Request) -> Response:
    _check_page(request, "instancesSet")
    kind = kinds.INSTANCE
    found = _shown(service, call.account, service.instances.list(call.account))
    found = named(found, request.get(kind.asked), kind.member, kind.unknown, kind.noun)
    answer = page(found, request, interfacefilters.INSTANCE_FILTERS, kind.many)
    answer["Reservations"] = showninstances.reservations(answer.pop(kind.many))
    return answer


def _check_page(request: Request, names: str) -> None:
    most = request.get("MaxResults")
    if most is None:
        return
    if request.get("InstanceIds"):
        raise ServiceError(
            "InvalidParameterCombination",
            f"The parameter {names} cannot be used with the parameter maxResults",
        )
    if not RESULTS_MIN <= most <= RESULTS_MAX:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({most}) for parameter maxResults is invalid. Expecting a value between "
            f"{RESULTS_MIN} and {RESULTS_MAX}.",
        )


@operations("DescribeInstanceStatus")
def describe_instance_status(service: Ec2, call: Call, request: Request) -> Response:
    _check_page(request, "InstanceId")
    kind, instances, zones = kinds.INSTANCE, service.instances, service.region.zones
    found = [
        showninstances.status(one, instances.state(one), zones)
        for one in instances.list(call.account)
    ]
    found = named(found, request.get(kind.asked), kind.member, kind.unknown, kind.noun)
    if not request.get("IncludeAllInstances"):
        found = [one for one in found if one["InstanceState"]["Name"] == RUNNING]
    return page(found, request, interfacefilters.STATUS_FILTERS, "InstanceStatuses")


@operations("GetConsoleOutput")
def get_console_output(service: Ec2, call: Call, request: Request) -> Response:
    instance = service.instances.get(call.account, request["InstanceId"])
    check_dry_run(request)
    text = base64.b64encode(showninstances.NO_MACHINE.encode()).decode()
    return {"InstanceId": instance.id, "Timestamp": instance.started_at, "Output": text}


@operations("StartInstances")
def start_instances(service: Ec2, call: Call, request: Request) -> Response:
    found = service.instances.several(call.account, request["InstanceIds"])
    free, interfaces = service.elastic.free(), service.interfaces.by_instance(call.account)
    lent: dict[str, str] = {}
    for one in found:
        service.instances.check_state(one, (RUNNING, STOPPED, ON_THE_WAY[RUNNING]), "started")
        if one.state == STOPPED:
            lent[one.id] = next(free) if service.instances.is_lent(one, interfaces[one.id]) else ""
    check_dry_run(request)
    return {
        "StartingInstances": _changed(
            service,
            found,
            RUNNING,
            lambda one, its: service.instances.start(one, its, lent[one.id]),
        )
    }


@operations("StopInstances")
def stop_instances(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, ("Hibernate",))
    found = service.instances.several(call.account, request["InstanceIds"])
    for one in found:
        service.instances.check_state(one, (RUNNING, STOPPED, ON_THE_WAY[STOPPED]), "stopped")
        if one.runs_on:
            raise _protected(one, "stopped", "disableApiStop")
    check_dry_run(request)
    return {"StoppingInstances": _changed(service, found, STOPPED, service.instances.stop)}


@operations("TerminateInstances")
def terminate_instances(service: Ec2, call: Call, request: Request) -> Response:
    found = service.instances.several(call.account, request["InstanceIds"])
    for one in found:
        if one.stays:
            raise _protected(one, "terminated", "disableApiTermination")
    check_dry_run(request)
    ended = _changed(service, found, TERMINATED, service.instances.terminate)
    service.instances.forget_gone(call.account)
    return {"TerminatingInstances": ended}


def _protected(instance: Instance, verb: str, attribute: str) -> ServiceError:
    return ServiceError(
        "OperationNotPermitted",
        f"The instance '{instance.id}' may not be {verb}. Modify its '{attribute}' instance "
        "attribute and try again.",
    )


def _changed(
    service: Ec2,
    instances: Sequence[Instance],
    state: str,
    change: Callable[[Instance, Sequence[Interface]], None],
) -> list[Thing]:
    """Change those that are not bound for a state yet; tell where all were and where they go."""
    interfaces = service.interfaces.by_instance(instances[0].account) if instances else {}
    told = []
    for one in instances:
        before = now = service.instances.state(one)
        if one.state != state:
            change(one, interfaces.get(one.id, []))
            now = ON_THE_WAY[state]
        told.append(
            {
                "InstanceId": one.id,
                "CurrentState": showninstances.state(now),
                "PreviousState": showninstances.state(before),
            }
        )
    return told


@operations("RebootInstances")
def reboot_instances(service: Ec2, call: Call, request: Request) -> Response:
    """An instance keeps all that it has, and there is no machine that could lose anything."""
    for one in service.instances.several(call.account, request["InstanceIds"]):
        service.instances.check_state(one, (RUNNING, ON_THE_WAY[RUNNING]), "rebooted")
    check_dry_run(request)
    return {}

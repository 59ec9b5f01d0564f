"""The actions that have an effect in this world: what they take, and whether it makes sense.

Names, parameters and limits are those of the actions reference (AWS FIS User Guide). Two differ:
API errors can be injected into every service of this world (AWS: ec2 and kinesis), and a function
needs no extension to be disturbed.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from antipodes.regional.fis.model import Action, duration_s, invalid
from antipodes.service.contract import Host
from antipodes.wire import models
from antipodes.world.errors import UnknownPlace
from antipodes.world.places import kind_of

WAIT = "aws:fis:wait"
PAUSE_REPLICATION = "aws:dynamodb:global-table-pause-replication"
DISRUPT = "aws:network:disrupt-connectivity"
ROUTE_TABLES = "aws:network:route-table-disrupt-cross-region-connectivity"
TRANSIT_GATEWAYS = "aws:network:transit-gateway-disrupt-cross-region-connectivity"
DELAY = "aws:lambda:invocation-add-delay"
ERROR = "aws:lambda:invocation-error"
RESPONSE = "aws:lambda:invocation-http-integration-response"
API_INTERNAL = "aws:fis:inject-api-internal-error"
API_THROTTLE = "aws:fis:inject-api-throttle-error"
API_UNAVAILABLE = "aws:fis:inject-api-unavailable-error"
ZONAL_SHIFT = "aws:arc:start-zonal-autoshift"

TABLE, SUBNET, GATEWAY = "aws:dynamodb:global-table", "aws:ec2:subnet", "aws:ec2:transit-gateway"
FUNCTION, ROLE = "aws:lambda:function", "aws:iam:role"
MANAGED = "aws:arc:zonal-shift-managed-resource"

SCOPES = ("all", "availability-zone", "vpc")
BALANCERS = {"ALB": "/app/", "NLB": "/net/"}  # managed resources by type, and in their ARNs
AUTOSHIFT_DEFAULT = "ENABLED"
DELAY_MS_DEFAULT, DELAY_MS_MAX = 1000, 900_000
PERCENT_DEFAULT = 100

Check = Callable[[Host, str, str], None]  # of a value, and where it stands


class Parameter(NamedTuple):
    """One thing that an action or a target can be told."""

    description: str
    required: bool
    check: Check


class Kind(NamedTuple):
    """One action that there is."""

    description: str
    parameters: Mapping[str, Parameter]
    target: str = ""  # what actions call their target
    resource_type: str = ""


class ResourceType(NamedTuple):
    """One type of resource that actions are for."""

    description: str
    parameters: Mapping[str, Parameter] = {}


def _anything(_host: Host, _value: str, _where: str) -> None:
    """Whatever it is, it is looked up when the experiment starts."""


def _duration(_host: Host, value: str, where: str) -> None:
    duration_s(value, where)


def _number(least: int, most: int) -> Check:
    def check(_host: Host, value: str, where: str) -> None:
        if not (value.isascii() and value.isdecimal()) or not least <= int(value) <= most:
            raise invalid(f"{where}: {value} is not a number from {least} to {most}.")

    return check


def _one_of(*values: str) -> Check:
    def check(_host: Host, value: str, where: str) -> None:
        if value not in values:
            raise invalid(f"{where}: {value} is not available here: {', '.join(values)}.")

    return check


def _other_region(host: Host, value: str, where: str) -> None:
    try:
        place = host.world.place(value)
    except UnknownPlace as error:
        raise invalid(f"{where}: {error}.") from None
    if place != value or kind_of(place) != "region" or place == host.place:
        raise invalid(f"{where}: {value} is not the code of another Region.")


def _zone(host: Host, value: str, where: str) -> None:
    zones = host.world.atlas.region(host.place).zones
    if not any(value in (zone.id, zone.name) for zone in zones):
        raise invalid(f"{where}: {value} is not an Availability Zone of {host.place}.")


def _types(_host: Host, value: str, where: str) -> None:
    for name in names_in(value):
        if name not in BALANCERS:
            raise invalid(f"{where}: {name} is not available here: {', '.join(BALANCERS)}.")


def _service(host: Host, value: str, where: str) -> None:
    if value == "fis" or host.service(value) is None:
        raise invalid(f"{where}: no errors can be injected into {value} in this Region.")


def _operations(service: str, value: str, where: str) -> None:
    for name in names_in(value):
        if models.service(service).operation(name) is None:
            raise invalid(f"{where}: {service} has no operation {name}.")


def names_in(listed: str) -> list[str]:
    """The names in a parameter that lists them with commas."""
    return [name.strip() for name in listed.split(",")]


_DURATION = Parameter("How long, in ISO 8601 format.", required=True, check=_duration)
_INVOCATION: Mapping[str, Parameter] = {
    "duration": _DURATION,
    "invocationPercentage": Parameter(
        "The percentage of invocations (1-100).", required=False, check=_number(1, 100)
    ),
}
_PREVENT = Parameter(
    "Whether the function is left alone.", required=True, check=_one_of("true", "false")
)
_API: Mapping[str, Parameter] = {
    "duration": _DURATION,
    "service": Parameter("The service, by its API's name.", required=True, check=_service),
    "percentage": Parameter(
        "The percentage of calls (1-100).", required=True, check=_number(1, 100)
    ),
    "operations": Parameter("The operations, with commas.", required=True, check=_anything),
}
_CROSS_REGION: Mapping[str, Parameter] = {
    "duration": _DURATION,
    "region": Parameter("The Region to isolate.", required=True, check=_other_region),
}

ACTIONS: Mapping[str, Kind] = {
    WAIT: Kind("Let time pass.", {"duration": _DURATION}),
    PAUSE_REPLICATION: Kind(
        "Pause a global table's replication into and out of this Region.",
        {"duration": _DURATION},
        "Tables",
        TABLE,
    ),
    DISRUPT: Kind(
        "Deny traffic to and from subnets.",
        {
            "duration": _DURATION,
            "scope": Parameter("What is denied.", required=True, check=_one_of(*SCOPES)),
        },
        "Subnets",
        SUBNET,
    ),
    ROUTE_TABLES: Kind(
        "Block traffic from subnets to another Region.", _CROSS_REGION, "Subnets", SUBNET
    ),
    TRANSIT_GATEWAYS: Kind(
        "Block traffic of transit gateways to another Region.",
        _CROSS_REGION,
        "TransitGateways",
        GATEWAY,
    ),
    DELAY: Kind(
        "Delay the start of functions.",
        {
            **_INVOCATION,
            "startupDelayMilliseconds": Parameter(
                "By how much (0-900000).", required=False, check=_number(0, DELAY_MS_MAX)
            ),
        },
        "Functions",
        FUNCTION,
    ),
    ERROR: Kind(
        "Let invocations of functions fail.",
        {**_INVOCATION, "preventExecution": _PREVENT},
        "Functions",
        FUNCTION,
    ),
    RESPONSE: Kind(
        "Replace the HTTP responses of functions.",
        {
            **_INVOCATION,
            "preventExecution": _PREVENT,
            "statusCode": Parameter("The HTTP status.", required=True, check=_number(0, 999)),
            "contentTypeHeader": Parameter("The content type.", required=True, check=_anything),
        },
        "Functions",
        FUNCTION,
    ),
    API_INTERNAL: Kind("Let calls of an API fail.", _API, "Roles", ROLE),
    API_THROTTLE: Kind("Throttle calls of an API.", _API, "Roles", ROLE),
    API_UNAVAILABLE: Kind("Make an API unavailable.", _API, "Roles", ROLE),
    ZONAL_SHIFT: Kind(
        "Shift resources away from a zone.",
        {
            "duration": _DURATION,
            "availabilityZoneIdentifier": Parameter(
                "The zone, by name or ID.", required=True, check=_zone
            ),
            "managedResourceTypes": Parameter(
                "Types of resources, with commas.", required=False, check=_types
            ),
            "zonalAutoshiftStatus": Parameter(
                "Of the resources to shift.",
                required=False,
                check=_one_of(AUTOSHIFT_DEFAULT, "DISABLED", "ANY"),
            ),
        },
        "ManagedResources",
        MANAGED,
    ),
}

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    TABLE: ResourceType("A DynamoDB global table with a replica in this Region."),
    SUBNET: ResourceType(
        "A subnet of a VPC.",
        {
            "availabilityZoneIdentifier": Parameter(
                "The zone, by name or ID.", required=False, check=_anything
            ),
            "vpc": Parameter("The VPC.", required=False, check=_anything),
        },
    ),
    GATEWAY: ResourceType("A transit gateway."),
    MANAGED: ResourceType("A load balancer that zonal shifts are enabled for."),
    ROLE: ResourceType("An IAM role."),
    FUNCTION: ResourceType(
        "A Lambda function.",
        {
            "functionQualifier": Parameter(
                "A version or alias.", required=False, check=_one_of("$LATEST")
            )
        },
    ),
}


def check_parameters(
    host: Host, known: Mapping[str, Parameter], given: Mapping[str, str], where: str
) -> None:
    """Refuse parameters that are missing, unknown or senseless."""
    for name, parameter in known.items():
        if name in given:
            parameter.check(host, given[name], f"{where}: parameter {name}")
        elif parameter.required:
            raise invalid(f"{where}: the parameter {name} is required.")
    for name in given:
        if name not in known:
            raise invalid(f"{where}: there is no parameter {name}.")


def check_action(host: Host, name: str, action: Action, targets: Mapping[str, Any]) -> None:
    """Refuse an action that cannot be carried out; `targets` are the template's."""
    where = f"Action {name}"
    kind = ACTIONS.get(action.action_id)
    if kind is None:
        raise invalid(
            f"{where}: {action.action_id} is not available in this world. "
            f"Available: {', '.join(ACTIONS)}."
        )
    check_parameters(host, kind.parameters, action.parameters, where)
    if "operations" in kind.parameters:
        _operations(action.parameters["service"], action.parameters["operations"], where)
    wanted = {kind.target} if kind.target else set()
    if set(action.targets) != wanted:
        raise invalid(f"{where}: {action.action_id} needs {kind.target or 'no'} targets.")
    for target in action.targets.values():
        if target not in targets:
            raise invalid(f"{where}: there is no target {target} in the template.")
        if targets[target].resource_type != kind.resource_type:
            raise invalid(
                f"{where}: the target {target} is of type {targets[target].resource_type}, "
                f"{action.action_id} is for {kind.resource_type}."
            )


def describe(region: str, identity: str, *, whole: bool) -> dict[str, Any]:
    """An action as the API shows it, or as the list does."""
    kind = ACTIONS[identity]
    described: dict[str, Any] = {
        "id": identity,
        "arn": f"arn:aws:fis:{region}::action/{identity}",
        "description": kind.description,
        "targets": {kind.target: {"resourceType": kind.resource_type}} if kind.target else {},
        "tags": {},
    }
    if whole:
        described["parameters"] = _documents(kind.parameters)
    return described


def describe_type(name: str, *, whole: bool) -> dict[str, Any]:
    """A resource type as the API shows it, or as the list does."""
    kind = RESOURCE_TYPES[name]
    described: dict[str, Any] = {"resourceType": name, "description": kind.description}
    if whole:
        described["parameters"] = _documents(kind.parameters)
    return described


def _documents(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    return {
        name: {"description": parameter.description, "required": parameter.required}
        for name, parameter in parameters.items()
    }

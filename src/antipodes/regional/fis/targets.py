"""From a template's targets to resources: found once, when the experiment starts, by asking.

Tables, subnets and functions are what this region's own services list. Roles and transit gateways
are taken at their word, by ARN only: a role needs no record here to be assumed, and gateways do not
exist here but for the traffic between regions that one of them would carry.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, NamedTuple

from antipodes.regional.fis import actions
from antipodes.regional.fis.model import Experiment, Target, check_selection, chosen, invalid
from antipodes.service.contract import Host, ServiceError

TAKEN_AT_THEIR_WORD = {actions.ROLE: "role/", actions.GATEWAY: "transit-gateway/"}
_ARN_PARTS = 6


class Unresolved(Exception):
    """A target's resources are not there."""

    def __init__(self, message: str, location: str) -> None:
        super().__init__(message)
        self.location = location


class Resource(NamedTuple):
    """Something that might be a target."""

    arn: str
    description: Mapping[str, Any]


Ask = Callable[..., Awaitable[dict[str, Any]]]


def check_target(host: Host, name: str, target: Target) -> None:
    """Refuse a target that cannot be resolved in any circumstances."""
    where = f"Target {name}"
    kind = actions.RESOURCE_TYPES.get(target.resource_type)
    if kind is None:
        raise invalid(
            f"{where}: there are no resources of type {target.resource_type} in this world. "
            f"Available: {', '.join(actions.RESOURCE_TYPES)}."
        )
    check_selection(target.selection_mode, where)
    by_arn, by_others = target.resource_arns, target.resource_tags or target.filters
    if by_arn and by_others:
        raise invalid(f"{where}: resource ARNs go with neither tags nor filters.")
    if not (by_arn or by_others or target.parameters):
        raise invalid(f"{where}: name its resources by ARN, tag, filter or parameter.")
    if target.resource_type in TAKEN_AT_THEIR_WORD and not by_arn:
        raise invalid(f"{where}: {target.resource_type} is named by ARN here.")
    actions.check_parameters(host, kind.parameters, target.parameters, where)


async def resolve(host: Host, experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """Return the resources of every target. Raises Unresolved, and what services raise."""
    account = experiment.template.account

    async def ask(service: str, operation: str, **request: Any) -> dict[str, Any]:
        return await host.call(service, operation, request, account=account)

    chance = host.runtime.chance("fis/targets")
    resolved: dict[str, tuple[str, ...]] = {}
    for name, target in sorted(experiment.template.targets.items()):
        found = await _found(host, ask, account, name, target)
        number = chosen(target.selection_mode, len(found))
        picked = found if number == len(found) else sorted(chance.sample(found, number))
        if not picked and (target.resource_arns or experiment.template.empty_mode == "fail"):
            raise Unresolved(f"Target {name} resolved no resources.", f"targets.{name}")
        resolved[name] = tuple(picked)
    return resolved


async def _found(host: Host, ask: Ask, account: str, name: str, target: Target) -> list[str]:
    """Return the ARNs of all that a target describes, sorted."""
    if target.resource_type in TAKEN_AT_THEIR_WORD:
        for arn in target.resource_arns:
            _check_arn(host, account, name, target.resource_type, arn)
        return sorted(set(target.resource_arns))
    there = {r.arn: r for r in await _LISTS[target.resource_type](ask)}
    if target.resource_arns:
        wanted = [arn.removesuffix(":$LATEST") for arn in target.resource_arns]
        for arn in wanted:
            if arn not in there:
                raise Unresolved(f"Target {name}: {arn} was not found.", f"targets.{name}")
        return sorted(set(wanted))
    return [
        arn
        for arn, resource in sorted(there.items())
        if _has_place(resource, target.parameters)
        and all(_matches(resource, path.path, path.values) for path in target.filters)
        and await _is_tagged(ask, target, resource)
    ]


def _check_arn(host: Host, account: str, name: str, resource_type: str, arn: str) -> None:
    parts = arn.split(":", _ARN_PARTS - 1)
    region = "" if resource_type == actions.ROLE else host.place
    start = TAKEN_AT_THEIR_WORD[resource_type]
    if len(parts) < _ARN_PARTS or parts[3:5] != [region, account] or not parts[5].startswith(start):
        message = f"Target {name}: {arn} is no {resource_type} of this account and Region."
        raise Unresolved(message, f"targets.{name}")


async def _tables(ask: Ask) -> list[Resource]:
    """The tables that have replicas elsewhere."""
    found, page = [], await ask("dynamodb", "ListTables")
    names = list(page["TableNames"])
    while last := page.get("LastEvaluatedTableName"):
        page = await ask("dynamodb", "ListTables", ExclusiveStartTableName=last)
        names += page["TableNames"]
    for name in names:
        try:
            table = (await ask("dynamodb", "DescribeTable", TableName=name))["Table"]
        except ServiceError:
            continue  # deleted since
        if table.get("Replicas"):
            found.append(Resource(table["TableArn"], table))
    return found


async def _subnets(ask: Ask) -> list[Resource]:
    subnets = (await ask("ec2", "DescribeSubnets"))["Subnets"]
    return [Resource(subnet["SubnetArn"], subnet) for subnet in subnets]


async def _functions(ask: Ask) -> list[Resource]:
    page = await ask("lambda", "ListFunctions")
    functions = list(page["Functions"])
    while marker := page.get("NextMarker"):
        page = await ask("lambda", "ListFunctions", Marker=marker)
        functions += page["Functions"]
    return [Resource(function["FunctionArn"], function) for function in functions]


async def _managed(ask: Ask) -> list[Resource]:
    page = await ask("arc-zonal-shift", "ListManagedResources")
    items = list(page["items"])
    while token := page.get("nextToken"):
        page = await ask("arc-zonal-shift", "ListManagedResources", nextToken=token)
        items += page["items"]
    return [Resource(item["arn"], item) for item in items]


_LISTS: Mapping[str, Callable[[Ask], Awaitable[list[Resource]]]] = {
    actions.TABLE: _tables,
    actions.SUBNET: _subnets,
    actions.FUNCTION: _functions,
    actions.MANAGED: _managed,
}


def _has_place(resource: Resource, parameters: Mapping[str, str]) -> bool:
    """Whether a subnet is in the zone and the VPC that the parameters name."""
    described = resource.description
    zone, vpc = parameters.get("availabilityZoneIdentifier"), parameters.get("vpc")
    zones = (described.get("AvailabilityZone"), described.get("AvailabilityZoneId"))
    return (zone is None or zone in zones) and (vpc is None or vpc == described.get("VpcId"))


def _matches(resource: Resource, path: str, values: tuple[str, ...]) -> bool:
    return any(_text(found) in values for found in _at(resource.description, path.split(".")))


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    """What stands at a path; lists are gone through on the way."""
    if isinstance(value, list):
        for each in value:
            yield from _at(each, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _is_tagged(ask: Ask, target: Target, resource: Resource) -> bool:
    """Whether a resource has all of a target's tags."""
    if not target.resource_tags:
        return True
    if target.resource_type == actions.TABLE:
        listed = await ask("dynamodb", "ListTagsOfResource", ResourceArn=resource.arn)
        tags = {tag["Key"]: tag["Value"] for tag in listed.get("Tags", ())}
    elif target.resource_type == actions.FUNCTION:
        tags = (await ask("lambda", "ListTags", Resource=resource.arn)).get("Tags") or {}
    elif target.resource_type == actions.MANAGED:
        told = await ask("elbv2", "DescribeTags", ResourceArns=[resource.arn])
        tags = {tag["Key"]: tag["Value"] for tag in told["TagDescriptions"][0]["Tags"]}
    else:
        tags = {tag["Key"]: tag["Value"] for tag in resource.description.get("Tags", ())}
    return all(tags.get(key) == value for key, value in target.resource_tags.items())

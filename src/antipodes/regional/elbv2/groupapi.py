"""Operations on target groups and targets."""

import msgspec

from antipodes.regional.elbv2 import (
    attributes,
    groups,
    health,
    knownattributes,
    model,
    targets,
)
from antipodes.regional.elbv2.control import page_of
from antipodes.regional.elbv2.model import LAMBDA, TargetGroup
from antipodes.regional.elbv2.service import ElbV2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

replace = msgspec.structs.replace


@operations("CreateTargetGroup")
async def create_target_group(service: ElbV2, call: Call, request: Request) -> Response:
    name = request["Name"]
    model.check_name(name, "Target group")
    kind, protocol = groups.check_type(request)
    check = groups.health_check(kind, protocol, request)
    tags = model.merge_tags({}, request.get("Tags"))
    if kind != LAMBDA:
        await service.check_network(call, request["VpcId"])
    group = TargetGroup(
        account=call.account,
        region=call.region,
        name=name,
        id=service.new_id(),
        target_type=kind,
        port=request.get("Port") or 0,
        vpc=request.get("VpcId") or "",
        check=check,
        tags=tags,
        protocol=protocol,
    )
    present = service.registry.group_named(call.account, name)
    if present is not None:
        changing = {"targets": present.targets, "attributes": present.attributes}
        if replace(group, id=present.id, **changing) != present:
            raise ServiceError(
                "DuplicateTargetGroupName",
                f"A target group with the same name '{name}' exists, but with different settings",
            )
        return {"TargetGroups": [service.describe_group(present)]}
    others = service.registry.groups.list(call.account)
    if len(others) >= model.GROUPS_MAX:
        raise ServiceError(
            "TooManyTargetGroups", f"The limit of {model.GROUPS_MAX} target groups was reached"
        )
    if group.is_gateway and sum(one.is_gateway for one in others) >= model.GATEWAY_GROUPS_MAX:
        raise ServiceError(
            "TooManyTargetGroups",
            f"The limit of {model.GATEWAY_GROUPS_MAX} GENEVE target groups was reached",
        )
    service.registry.put(group)
    return {"TargetGroups": [service.describe_group(group)]}


@operations("DescribeTargetGroups")
def describe_target_groups(service: ElbV2, call: Call, request: Request) -> Response:
    names, arns = request.get("Names"), request.get("TargetGroupArns")
    balancer_arn = request.get("LoadBalancerArn")
    if sum(map(bool, (names, arns, balancer_arn))) > 1:
        raise model.invalid("Target groups can be named in one way only")
    if balancer_arn:
        arns = [*service.registry.groups_of(service.registry.balancer(call, balancer_arn))]
        found = [service.registry.group(call, arn) for arn in arns]
    elif arns:
        found = [service.registry.group(call, arn) for arn in arns]
    else:
        found = service.registry.groups.list(call.account)
    if names:
        found = [group for group in found if group.name in names]
        if len(found) < len({*names}):
            raise model.not_found("targetgroup", "")
    page, more = page_of(found, request)
    return {"TargetGroups": [service.describe_group(group) for group in page], **more}


@operations("ModifyTargetGroup")
async def modify_target_group(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    check = groups.health_check(group.target_type, group.protocol, request, group.check)
    changed = replace(group, check=check)
    service.registry.put(changed)
    await service.settle()
    return {"TargetGroups": [service.describe_group(changed)]}


@operations("DeleteTargetGroup")
async def delete_target_group(service: ElbV2, call: Call, request: Request) -> Response:
    try:
        group = service.registry.group(call, request["TargetGroupArn"])
    except ServiceError as error:
        if error.code != "TargetGroupNotFound":
            raise
        return {}  # deleting what is gone succeeds
    if service.registry.users_of(group):
        raise ServiceError(
            "ResourceInUse",
            f"Target group '{group.arn}' is currently in use by a listener or a rule",
        )
    service.registry.delete(group)
    await service.settle()
    return {}


@operations("ModifyTargetGroupAttributes")
async def modify_target_group_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    known = knownattributes.of(group)
    values = attributes.changed(known, group.attributes, request["Attributes"])
    changed = replace(group, attributes=values)
    knownattributes.check_thresholds(changed)
    knownattributes.check_choice(changed)
    service.registry.put(changed)
    await service.settle()
    return {"Attributes": attributes.shown(known, values)}


@operations("DescribeTargetGroupAttributes")
def describe_target_group_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    return {"Attributes": attributes.shown(knownattributes.of(group), group.attributes)}


# Targets.


@operations("RegisterTargets")
async def register_targets(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    added = [
        await targets.checked(
            service.host,
            service.registry,
            group,
            groups.target_of(group, wanted),
            wanted.get("Port") or 0,
        )
        for wanted in request["Targets"]
    ]
    # The group as it is now: checking may have taken a while.
    group = service.registry.group(call, group.arn)
    group = replace(group, targets=group.present(service.host.runtime.wall()))
    service.registry.put(groups.with_targets(group, added))
    await service.settle()
    return {}


@operations("DeregisterTargets")
async def deregister_targets(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    keys = [groups.target_of(group, wanted).key for wanted in request["Targets"]]
    runtime = service.host.runtime
    gone_at = 0.0
    if group.target_type != LAMBDA and service.registry.users_of(group):
        delay = int(knownattributes.value(group, attributes.DRAINING))
        gone_at = runtime.wall() + runtime.interval(delay) if delay else 0.0
    group = replace(group, targets=group.present(runtime.wall()))
    service.registry.put(groups.without_targets(group, keys, gone_at))
    await service.settle()
    return {}


@operations("DescribeTargetHealth")
def describe_target_health(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    if request.get("Include"):
        raise model.not_offered("Include")
    users = service.registry.users_of(group)
    used = bool(users)
    present = {target.key: target for target in group.present(service.host.runtime.wall())}
    wanted = [groups.target_of(group, one) for one in request.get("Targets") or []]
    descriptions: list[Response] = []
    for target in wanted or list(present.values()):
        known = present.get(target.key)
        state = (
            health.NOT_REGISTERED
            if known is None
            else service.probes.health(group, known, used=used)
        )
        described: Response = {
            "Target": model.describe_target(known or target),
            "TargetHealth": health.describe(state),
        }
        if target.port:
            own = group.check.port == groups.TRAFFIC_PORT
            described["HealthCheckPort"] = str(target.port) if own else group.check.port
        described |= service.shifted.describe(users, group, known or target)
        descriptions.append(described)
    return {"TargetHealthDescriptions": descriptions}

"""Elastic Load Balancing's API, 2015-12-01: one thin function per operation."""

import msgspec

from antipodes.regional.elbv2 import attributes, conditions, groups, health, model
from antipodes.regional.elbv2.control import (
    Balancing,
    check_balancer,
    check_http,
    own_rule,
    page_of,
)
from antipodes.regional.elbv2.model import LAMBDA, Listener, LoadBalancer, Rule, TargetGroup
from antipodes.service.contract import Call, Operations, Request, Response, ServiceError

operations = Operations()

replace = msgspec.structs.replace


class ElbV2(Balancing):
    """Elastic Load Balancing v2 in one region."""

    name = "elbv2"
    operations = operations


# Load balancers.


@operations("CreateLoadBalancer")
async def create_load_balancer(service: ElbV2, call: Call, request: Request) -> Response:
    name = request["Name"]
    model.check_name(name, "Load balancer")
    check_balancer(request)
    tags = model.merge_tags({}, request.get("Tags"))
    vpc, zones = await service.zones(call, request)
    security = await service.security_groups(call, vpc, request.get("SecurityGroups") or ())
    wall = service.host.runtime.wall()
    present = service.registry.balancer_named(call.account, name)
    if present is not None:
        same = [zone.subnet for zone in present.zones] == [zone.subnet for zone in zones]
        if not same or present.security_groups != security or present.tags != tags:
            raise ServiceError(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{name}' exists, but with different settings",
            )
        return {"LoadBalancers": [model.describe_balancer(present, wall)]}
    if len(service.registry.balancers.list(call.account)) >= model.BALANCERS_MAX:
        raise ServiceError(
            "TooManyLoadBalancers",
            f"The limit of {model.BALANCERS_MAX} application load balancers was reached",
        )
    delay = service.host.runtime.interval(service.host.settings.control_plane_delay_s)
    balancer = LoadBalancer(
        account=call.account,
        region=call.region,
        name=name,
        id=service.new_id(),
        number=service.new_number(),
        vpc=vpc,
        zones=service.with_addresses(zones),
        security_groups=security,
        created_at=wall,
        active_at=wall + delay if delay else 0.0,
        tags=tags,
    )
    service.registry.put(balancer)
    await service.settle()
    return {"LoadBalancers": [model.describe_balancer(balancer, wall)]}


@operations("DescribeLoadBalancers")
def describe_load_balancers(service: ElbV2, call: Call, request: Request) -> Response:
    arns, names = request.get("LoadBalancerArns"), request.get("Names")
    if arns and names:
        raise model.invalid("Load balancers can be named by ARN or by name, not both")
    if arns:
        found = [service.registry.balancer(call, arn) for arn in arns]
    else:
        found = service.registry.balancers.list(call.account)
    if names:
        there = {balancer.name: balancer for balancer in found}
        missing = [name for name in names if name not in there]
        if missing:
            raise ServiceError("LoadBalancerNotFound", f"Load balancers '{missing}' not found")
        found = [there[name] for name in names]
    page, more = page_of(found, request)
    wall = service.host.runtime.wall()
    return {"LoadBalancers": [model.describe_balancer(one, wall) for one in page], **more}


@operations("DeleteLoadBalancer")
async def delete_load_balancer(service: ElbV2, call: Call, request: Request) -> Response:
    try:
        balancer = service.registry.balancer(call, request["LoadBalancerArn"])
    except ServiceError as error:
        if error.code != "LoadBalancerNotFound":
            raise
        return {}  # deleting what is gone succeeds
    key = attributes.DELETION_PROTECTION
    if attributes.value(attributes.OF_BALANCER, balancer.attributes, key) == "true":
        raise ServiceError(
            "OperationNotPermitted",
            f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is "
            "enabled",
        )
    service.registry.delete(balancer)
    await service.settle()
    return {}


@operations("ModifyLoadBalancerAttributes")
def modify_load_balancer_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    balancer = service.registry.balancer(call, request["LoadBalancerArn"])
    known, wanted = attributes.OF_BALANCER, request["Attributes"]
    changed = attributes.changed(known, balancer.attributes, wanted)
    service.registry.put(replace(balancer, attributes=changed))
    return {"Attributes": attributes.shown(known, changed)}


@operations("DescribeLoadBalancerAttributes")
def describe_load_balancer_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    balancer = service.registry.balancer(call, request["LoadBalancerArn"])
    return {"Attributes": attributes.shown(attributes.OF_BALANCER, balancer.attributes)}


# Target groups.


@operations("CreateTargetGroup")
async def create_target_group(service: ElbV2, call: Call, request: Request) -> Response:
    name = request["Name"]
    model.check_name(name, "Target group")
    kind = groups.check_type(request)
    check = groups.health_check(kind, request)
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
    if len(service.registry.groups.list(call.account)) >= model.GROUPS_MAX:
        raise ServiceError(
            "TooManyTargetGroups", f"The limit of {model.GROUPS_MAX} target groups was reached"
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
    check = groups.health_check(group.target_type, request, group.check)
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
def modify_target_group_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    known = attributes.OF_GROUP[group.target_type]
    changed = attributes.changed(known, group.attributes, request["Attributes"])
    service.registry.put(replace(group, attributes=changed))
    return {"Attributes": attributes.shown(known, changed)}


@operations("DescribeTargetGroupAttributes")
def describe_target_group_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    known = attributes.OF_GROUP[group.target_type]
    return {"Attributes": attributes.shown(known, group.attributes)}


# Targets.


@operations("RegisterTargets")
async def register_targets(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    targets = [groups.target_of(group, wanted) for wanted in request["Targets"]]
    for wanted, target in zip(request["Targets"], targets, strict=True):
        await service.check_target(group, target, wanted.get("Port") or 0)
    # The group as it is now: checking may have taken a while.
    group = service.registry.group(call, group.arn)
    group = replace(group, targets=group.present(service.host.runtime.wall()))
    service.registry.put(groups.with_targets(group, targets))
    await service.settle()
    return {}


@operations("DeregisterTargets")
async def deregister_targets(service: ElbV2, call: Call, request: Request) -> Response:
    group = service.registry.group(call, request["TargetGroupArn"])
    keys = [groups.target_of(group, wanted).key for wanted in request["Targets"]]
    runtime = service.host.runtime
    gone_at = 0.0
    if group.target_type != LAMBDA and service.registry.users_of(group):
        known = attributes.OF_GROUP[group.target_type]
        delay = int(attributes.value(known, group.attributes, attributes.DRAINING))
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
    used = bool(service.registry.users_of(group))
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
        descriptions.append(described)
    return {"TargetHealthDescriptions": descriptions}


# Listeners.


@operations("CreateListener")
async def create_listener(service: ElbV2, call: Call, request: Request) -> Response:
    balancer = service.registry.balancer(call, request["LoadBalancerArn"])
    check_http(request)
    for member, noun in (("Protocol", "protocol"), ("Port", "port")):
        if not request.get(member):
            raise model.invalid(f"A {noun} must be specified")
    made = service.actions(call, balancer, request["DefaultActions"])
    tags = model.merge_tags({}, request.get("Tags"))
    present = service.check_port(balancer, request["Port"])
    if present is not None:
        if (present.actions, present.tags) != (made, tags):
            raise ServiceError("DuplicateListener", "A listener already exists on this port")
        return {"Listeners": [model.describe_listener(present)]}
    if len(service.registry.listeners_of(balancer)) >= model.LISTENERS_MAX:
        raise ServiceError(
            "TooManyListeners", f"A load balancer has at most {model.LISTENERS_MAX} listeners"
        )
    listener = Listener(
        account=call.account,
        region=call.region,
        balancer=balancer.key,
        id=service.new_id(),
        port=request["Port"],
        actions=made,
        default_rule_id=service.new_id(),
        tags=tags,
    )
    service.registry.put(listener)
    await service.settle()
    return {"Listeners": [model.describe_listener(listener)]}


@operations("DescribeListeners")
def describe_listeners(service: ElbV2, call: Call, request: Request) -> Response:
    arn, arns = request.get("LoadBalancerArn"), request.get("ListenerArns")
    if bool(arn) == bool(arns):
        raise model.invalid("You must specify either listener ARNs or a load balancer ARN")
    if arn:
        found = service.registry.listeners_of(service.registry.balancer(call, arn))
    else:
        found = [service.registry.listener(call, one) for one in arns or ()]
    page, more = page_of(found, request)
    return {"Listeners": [model.describe_listener(listener) for listener in page], **more}


@operations("ModifyListener")
async def modify_listener(service: ElbV2, call: Call, request: Request) -> Response:
    listener = service.registry.listener(call, request["ListenerArn"])
    check_http(request)
    balancer = service.balancer_of(listener)
    port = request.get("Port") or listener.port
    if service.check_port(balancer, port, but=listener.key) is not None:
        raise ServiceError("DuplicateListener", "A listener already exists on this port")
    made = listener.actions
    if request.get("DefaultActions"):
        made = service.actions(call, balancer, request["DefaultActions"])
    changed = replace(listener, port=port, actions=made)
    service.registry.put(changed)
    await service.settle()
    return {"Listeners": [model.describe_listener(changed)]}


@operations("DeleteListener")
async def delete_listener(service: ElbV2, call: Call, request: Request) -> Response:
    service.registry.delete(service.registry.listener(call, request["ListenerArn"]))
    await service.settle()
    return {}


# Rules.


@operations("CreateRule")
async def create_rule(service: ElbV2, call: Call, request: Request) -> Response:
    listener = service.registry.listener(call, request["ListenerArn"])
    balancer = service.balancer_of(listener)
    if request.get("Transforms"):
        raise model.not_offered("Transforms of a rule")
    wanted = conditions.normalised(request["Conditions"])
    made = service.actions(call, balancer, request["Actions"])
    tags = model.merge_tags({}, request.get("Tags"))
    service.check_priority(listener, request["Priority"])
    listeners = service.registry.listeners_of(balancer)
    if sum(len(service.registry.rules_of(one)) for one in listeners) >= model.RULES_MAX:
        raise ServiceError("TooManyRules", f"A load balancer has at most {model.RULES_MAX} rules")
    rule = Rule(
        account=call.account,
        region=call.region,
        listener=listener.key,
        id=service.new_id(),
        priority=request["Priority"],
        conditions=wanted,
        actions=made,
        tags=tags,
    )
    service.registry.put(rule)
    await service.settle()
    return {"Rules": [model.describe_rule(rule)]}


@operations("DescribeRules")
def describe_rules(service: ElbV2, call: Call, request: Request) -> Response:
    arn, arns = request.get("ListenerArn"), request.get("RuleArns")
    if bool(arn) == bool(arns):
        raise model.invalid("You must specify either rule ARNs or a listener ARN")
    if arn:
        listener = service.registry.listener(call, arn)
        rules: list[Rule | Listener] = [*service.registry.rules_of(listener), listener]
    else:
        rules = [service.registry.rule(call, one) for one in arns or ()]
    page, more = page_of(rules, request)
    described = [
        model.describe_default_rule(rule)
        if isinstance(rule, Listener)
        else model.describe_rule(rule)
        for rule in page
    ]
    return {"Rules": described, **more}


@operations("ModifyRule")
async def modify_rule(service: ElbV2, call: Call, request: Request) -> Response:
    arn = request["RuleArn"]
    rule = own_rule(service.registry.rule(call, arn), arn, "be modified")
    if request.get("Transforms"):
        raise model.not_offered("Transforms of a rule")
    wanted, made = rule.conditions, rule.actions
    if request.get("Conditions"):
        wanted = conditions.normalised(request["Conditions"])
    if request.get("Actions"):
        listener = service.registry.listeners.get(rule.account, rule.listener)
        assert listener is not None, f"{arn} outlived its listener"
        made = service.actions(call, service.balancer_of(listener), request["Actions"])
    changed = replace(rule, conditions=wanted, actions=made)
    service.registry.put(changed)
    await service.settle()
    return {"Rules": [model.describe_rule(changed)]}


@operations("DeleteRule")
async def delete_rule(service: ElbV2, call: Call, request: Request) -> Response:
    arn = request["RuleArn"]
    rule = own_rule(service.registry.rule(call, arn), arn, "be deleted")
    service.registry.delete(rule)
    await service.settle()
    return {}


@operations("SetRulePriorities")
def set_rule_priorities(service: ElbV2, call: Call, request: Request) -> Response:
    wanted: dict[str, tuple[Rule, int]] = {}
    for pair in request["RulePriorities"]:
        arn = pair.get("RuleArn") or ""
        rule = own_rule(service.registry.rule(call, arn), arn, "have its priority set")
        if not pair.get("Priority") or arn in wanted:
            raise model.invalid(f"Rule '{arn}' must be given one priority")
        wanted[arn] = (rule, pair["Priority"])
    moved = [rule.key for rule, _ in wanted.values()]
    changed: dict[tuple[str, int], Rule] = {}
    for rule, priority in wanted.values():
        listener = service.registry.listeners.get(rule.account, rule.listener)
        assert listener is not None, f"{rule.arn} outlived its listener"
        service.check_priority(listener, priority, but=moved)
        if (rule.listener, priority) in changed:
            raise ServiceError("PriorityInUse", f"Priority '{priority}' is given twice")
        changed[rule.listener, priority] = replace(rule, priority=priority)
    for rule in changed.values():
        service.registry.put(rule)
    return {"Rules": [model.describe_rule(rule) for rule in changed.values()]}


# Tags.


@operations("AddTags")
def add_tags(service: ElbV2, call: Call, request: Request) -> Response:
    records = [service.tagged(call, arn) for arn in request["ResourceArns"]]
    changed = [
        replace(record, tags=model.merge_tags(record.tags, request["Tags"])) for record in records
    ]
    for record in changed:
        service.registry.put(record)
    return {}


@operations("RemoveTags")
def remove_tags(service: ElbV2, call: Call, request: Request) -> Response:
    gone = request["TagKeys"]
    records = [service.tagged(call, arn) for arn in request["ResourceArns"]]
    for record in records:
        tags = {key: value for key, value in record.tags.items() if key not in gone}
        service.registry.put(replace(record, tags=tags))
    return {}


@operations("DescribeTags")
def describe_tags(service: ElbV2, call: Call, request: Request) -> Response:
    descriptions = []
    for arn in request["ResourceArns"]:
        tags = service.tagged(call, arn).tags
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        descriptions.append({"ResourceArn": arn, "Tags": pairs})
    return {"TagDescriptions": descriptions}

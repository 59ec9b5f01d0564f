"""Operations on listeners and rules."""

import msgspec

from antipodes.regional.elbv2 import (
    attributes,
    conditions,
    knownattributes,
    listeners,
    model,
    transforms,
)
from antipodes.regional.elbv2.control import own_rule, page_of
from antipodes.regional.elbv2.model import Listener, Rule
from antipodes.regional.elbv2.service import ElbV2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

replace = msgspec.structs.replace


@operations("CreateListener")
async def create_listener(service: ElbV2, call: Call, request: Request) -> Response:
    balancer = service.registry.balancer(call, request["LoadBalancerArn"])
    protocol = listeners.check_protocol(balancer, request)
    for member, noun in (("Protocol", "protocol"), ("Port", "port")):
        if not (request.get(member) or balancer.is_gateway):
            raise model.invalid(f"A {noun} must be specified")
    port = request.get("Port") or 0
    certificates = service.certificates.chosen(call, request, None)
    policy = service.certificates.policy(request, None)
    made = service.actions(call, balancer, protocol, request["DefaultActions"])
    tags = model.merge_tags({}, request.get("Tags"))
    present = service.check_port(balancer, port)
    if present is not None:
        same = (present.actions, present.tags, present.protocol) == (made, tags, protocol)
        if not same and balancer.is_gateway:
            raise ServiceError("TooManyListeners", "A gateway load balancer has one listener")
        if not same or present.certificates[:1] != certificates:
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
        port=port,
        actions=made,
        default_rule_id=service.new_id(),
        tags=tags,
        protocol=protocol,
        certificates=certificates,
        ssl_policy=policy,
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
    balancer = service.balancer_of(listener)
    protocol = listeners.check_protocol(balancer, request, listener.protocol)
    port = request.get("Port") or listener.port
    if service.check_port(balancer, port, but=listener.key) is not None:
        raise ServiceError("DuplicateListener", "A listener already exists on this port")
    made = service.actions(
        call, balancer, protocol, request.get("DefaultActions") or listener.actions
    )
    changed = replace(
        listener,
        port=port,
        actions=made,
        protocol=protocol,
        certificates=service.certificates.chosen(call, request, listener),
        ssl_policy=service.certificates.policy(request, listener),
    )
    service.registry.put(changed)
    await service.settle()
    return {"Listeners": [model.describe_listener(changed)]}


@operations("DeleteListener")
async def delete_listener(service: ElbV2, call: Call, request: Request) -> Response:
    service.registry.delete(service.registry.listener(call, request["ListenerArn"]))
    await service.settle()
    return {}


@operations("DescribeListenerAttributes")
def describe_listener_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    listener = service.registry.listener(call, request["ListenerArn"])
    return {"Attributes": attributes.shown(knownattributes.of(listener), listener.attributes)}


@operations("ModifyListenerAttributes")
def modify_listener_attributes(service: ElbV2, call: Call, request: Request) -> Response:
    listener = service.registry.listener(call, request["ListenerArn"])
    known = knownattributes.of(listener)
    values = attributes.changed(known, listener.attributes, request["Attributes"])
    service.registry.put(replace(listener, attributes=values))
    return {"Attributes": attributes.shown(known, values)}


# Rules.


@operations("CreateRule")
async def create_rule(service: ElbV2, call: Call, request: Request) -> Response:
    listener = service.registry.listener(call, request["ListenerArn"])
    balancer = service.balancer_of(listener)
    if balancer.is_network:
        raise model.not_offered("A rule of a network load balancer, which has to be dual-stack,")
    if balancer.is_gateway:
        raise model.invalid("The listener of a gateway load balancer has its default rule only")
    wanted = conditions.normalised(request["Conditions"])
    rewrites = transforms.normalised(request.get("Transforms") or ())
    made = service.actions(call, balancer, listener.protocol, request["Actions"])
    tags = model.merge_tags({}, request.get("Tags"))
    service.check_priority(listener, request["Priority"])
    others = service.registry.listeners_of(balancer)
    if sum(len(service.registry.rules_of(one)) for one in others) >= model.RULES_MAX:
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
        transforms=rewrites,
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
    wanted, made, rewrites = rule.conditions, rule.actions, rule.transforms
    if request.get("Transforms"):
        if request.get("ResetTransforms"):
            raise model.invalid("Either transforms or their reset can be specified, not both")
        rewrites = transforms.normalised(request["Transforms"])
    elif request.get("ResetTransforms"):
        rewrites = ()
    if request.get("Conditions"):
        wanted = conditions.normalised(request["Conditions"])
    if request.get("Actions"):
        listener = service.registry.listeners.get(rule.account, rule.listener)
        assert listener is not None, f"{arn} outlived its listener"
        balancer = service.balancer_of(listener)
        made = service.actions(call, balancer, listener.protocol, request["Actions"])
    changed = replace(rule, conditions=wanted, actions=made, transforms=rewrites)
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

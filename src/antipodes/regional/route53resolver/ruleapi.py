"""Operations on rules and on which VPCs go by them, one thin function each."""

from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.regional.route53resolver import model
from antipodes.regional.route53resolver.model import Association, Rule
from antipodes.regional.route53resolver.service import (
    Route53Resolver,
    check_new,
    check_targets,
    filtered,
    operations,
    page,
    shown_time,
)
from antipodes.service.contract import Call, Request, Response

_FILTERS: dict[str, Callable[[Rule], str]] = {
    "creatorrequestid": lambda rule: rule.creator,
    "domainname": lambda rule: rule.domain,
    "name": lambda rule: rule.name,
    "resolverendpointid": lambda rule: rule.endpoint,
    "status": lambda _: "COMPLETE",
    "type": lambda rule: rule.type,
}
_ASSOCIATION_FILTERS: dict[str, Callable[[Association], str]] = {
    "name": lambda association: association.name,
    "resolverruleid": lambda association: association.of,
    "status": lambda _: "COMPLETE",
    "vpcid": lambda association: association.vpc,
}


def _shown(service: Route53Resolver, call: Call, rule: Rule) -> Response:
    own = rule.id != model.INTERNET_RULE
    arn = f"arn:aws:route53resolver:{call.region}:{rule.account}:{rule.kind}/{rule.id}"
    if not own:
        arn = f"arn:aws:route53resolver:{call.region}::autodefined-rule/{rule.id}"
    shown: Response = {
        "Id": rule.id,
        "CreatorRequestId": rule.creator,
        "Arn": arn,
        "DomainName": rule.domain,
        "Status": "COMPLETE",
        "StatusMessage": "",
        "RuleType": rule.type,
        "Name": rule.name,
        "OwnerId": rule.account,
        "ShareStatus": _share_status(service, call, rule),
        "CreationTime": shown_time(rule.created_at),
        "ModificationTime": shown_time(rule.changed_at),
    }
    if rule.targets:
        shown["TargetIps"] = [
            {"Ip": target.ip, "Port": target.port, "Protocol": "Do53"} for target in rule.targets
        ]
    if rule.endpoint:
        shown["ResolverEndpointId"] = rule.endpoint
    if not own:
        shown = {k: v for k, v in shown.items() if k not in {"CreatorRequestId", "CreationTime"}}
    return shown


def _share_status(service: Route53Resolver, call: Call, rule: Rule) -> str:
    if rule.account == call.account:
        given = service.sharing.is_given(rule.account, model.SHARED_RULE, rule.id)
        return "SHARED_BY_ME" if given else "NOT_SHARED"
    return "NOT_SHARED" if rule.id == model.INTERNET_RULE else "SHARED_WITH_ME"


def _check_forwarding(
    service: Route53Resolver, call: Call, request: Request, targets: tuple[Any, ...]
) -> str:
    """The endpoint that a rule forwards by."""
    if not targets:
        raise model.invalid("A FORWARD rule needs target IP addresses", "TargetIps")
    identity = request.get("ResolverEndpointId")
    if not identity:
        raise model.invalid("A FORWARD rule needs a resolver endpoint", "ResolverEndpointId")
    endpoint = service.endpoint(call, identity)
    if endpoint.direction != "OUTBOUND":
        raise model.refused(
            f"Resolver endpoint '{identity}' is not outbound: rules forward by outbound ones"
        )
    return endpoint.id


@operations("CreateResolverRule")
def create_resolver_rule(service: Route53Resolver, call: Call, request: Request) -> Response:
    kind, creator = request["RuleType"], request["CreatorRequestId"]
    if kind == "RECURSIVE":
        raise model.refused("[RSLVR-00718] Cannot create a rule with type RECURSIVE")
    if kind == "DELEGATE" or request.get("DelegationRecord"):
        raise model.invalid("Delegation is not offered here", "RuleType")
    name = model.check_name(request.get("Name"))
    domain = model.domain_of(request.get("DomainName"))
    tags = model.tags_of(request.get("Tags"))
    targets = model.targets_of(request.get("TargetIps"))
    endpoint = ""
    if kind == "FORWARD":
        endpoint = _check_forwarding(service, call, request, targets)
    elif targets or request.get("ResolverEndpointId"):
        raise model.invalid("A SYSTEM rule has no targets and no endpoint", "TargetIps")
    known = service.rules.list(call.account)
    check_new(known, creator, "resolver rule", model.RULES_MAX)
    now = service.now
    rule = Rule(
        model.identifier("rslvr-rr", call.account, call.region, creator, str(now)),
        call.account,
        creator,
        kind,
        domain,
        name,
        targets,
        endpoint,
        tags,
        now,
        now,
    )
    service.put(rule)
    return {"ResolverRule": _shown(service, call, rule)}


@operations("GetResolverRule")
def get_resolver_rule(service: Route53Resolver, call: Call, request: Request) -> Response:
    return {"ResolverRule": _shown(service, call, service.rule(call, request["ResolverRuleId"]))}


@operations("ListResolverRules")
def list_resolver_rules(service: Route53Resolver, call: Call, request: Request) -> Response:
    known = service.usable_rules(call.account)
    found = filtered(known, request.get("Filters"), _FILTERS)
    return page(request, found, "ResolverRules", lambda rule: _shown(service, call, rule))


@operations("UpdateResolverRule")
def update_resolver_rule(service: Route53Resolver, call: Call, request: Request) -> Response:
    rule, config = _own(service, call, request["ResolverRuleId"]), request["Config"]
    if "Name" in config:
        rule = msgspec.structs.replace(rule, name=model.check_name(config["Name"]))
    if rule.type != "FORWARD" and (config.get("TargetIps") or config.get("ResolverEndpointId")):
        raise model.invalid("A SYSTEM rule has no targets and no endpoint", "TargetIps")
    if config.get("TargetIps"):
        rule = msgspec.structs.replace(rule, targets=model.targets_of(config["TargetIps"]))
    if config.get("ResolverEndpointId"):
        endpoint = _check_forwarding(service, call, config, rule.targets)
        rule = msgspec.structs.replace(rule, endpoint=endpoint)
    for _, _, association in service.associations.all():
        if association.of == rule.id:
            check_targets(rule, association.vpc, service.endpoints.list(association.account))
    rule = msgspec.structs.replace(rule, changed_at=service.now)
    service.put(rule)
    return {"ResolverRule": _shown(service, call, rule)}


def _own(service: Route53Resolver, call: Call, identity: str) -> Rule:
    rule = _made(service, call, identity)
    if rule.account != call.account:
        raise model.denied(identity)
    return rule


def _made(service: Route53Resolver, call: Call, identity: str) -> Rule:
    rule = service.rule(call, identity)
    if rule.id == model.INTERNET_RULE:
        raise model.refused(f"Resolver rule '{identity}' is there by itself and cannot be changed")
    return rule


@operations("DeleteResolverRule")
def delete_resolver_rule(service: Route53Resolver, call: Call, request: Request) -> Response:
    rule = _own(service, call, request["ResolverRuleId"])
    if any(
        association.of == rule.id
        for account in dict.fromkeys(one.account for _, _, one in service.associations.all())
        for association in service.rules_in_use(account)
    ):
        raise model.in_use(f"Resolver rule '{rule.id}' is associated with VPCs", "ResolverRule")
    service.rules.delete(call.account, rule.id)
    service.resolvers.forget()
    return {"ResolverRule": {**_shown(service, call, rule), "Status": "DELETING"}}


# Which VPCs go by a rule.


def _shown_association(association: Association) -> Response:
    return {
        "Id": association.id,
        "ResolverRuleId": association.of,
        "Name": association.name,
        "VPCId": association.vpc,
        "Status": "COMPLETE",
        "StatusMessage": "",
    }


@operations("AssociateResolverRule")
async def associate_resolver_rule(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    vpc = request["VPCId"]
    rule = _made(service, call, request["ResolverRuleId"])
    name = model.check_name(request.get("Name"))
    await service.check_vpc(call, vpc)
    known = service.rules_in_use(call.account)
    for other in known:
        if other.vpc == vpc and other.of == rule.id:
            raise model.exists("resolver rule association", other.id)
        if other.vpc == vpc and service.rule(call, other.of).domain == rule.domain:
            raise model.refused(
                "[RSLVR-00802] Cannot associate rules with same domain name with same VPC. "
                f'Conflict with resolver rule "{other.of}"'
            )
    if len(known) >= model.ASSOCIATIONS_MAX:
        raise model.too_many("resolver rule associations", model.ASSOCIATIONS_MAX)
    check_targets(rule, vpc, service.endpoints.list(call.account))
    identity = model.identifier("rslvr-rrassoc", rule.id, vpc, str(service.now))
    owner = rule.account if rule.account != call.account else ""
    association = Association(identity, call.account, rule.id, vpc, name, service.now, owner)
    service.associations.put(call.account, association.id, association)
    service.resolvers.forget()
    return {"ResolverRuleAssociation": _shown_association(association)}


@operations("DisassociateResolverRule")
def disassociate_resolver_rule(service: Route53Resolver, call: Call, request: Request) -> Response:
    vpc, identity = request["VPCId"], request["ResolverRuleId"]
    for association in service.rules_in_use(call.account):
        if association.vpc == vpc and association.of == identity:
            service.associations.delete(call.account, association.id)
            service.resolvers.forget()
            shown = {**_shown_association(association), "Status": "DELETING"}
            return {"ResolverRuleAssociation": shown}
    raise model.not_found("Resolver rule association", f"{identity} {vpc}")


@operations("GetResolverRuleAssociation")
def get_resolver_rule_association(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    association = service.association(call, request["ResolverRuleAssociationId"])
    return {"ResolverRuleAssociation": _shown_association(association)}


@operations("ListResolverRuleAssociations")
def list_resolver_rule_associations(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    known = service.rules_in_use(call.account)
    found = filtered(known, request.get("Filters"), _ASSOCIATION_FILTERS)
    return page(request, found, "ResolverRuleAssociations", _shown_association)

"""EC2's operations on the rules of security groups."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from antipodes.regional.ec2 import groupfilters, groups, kinds, rules, showngroups
from antipodes.regional.ec2.answering import check_dry_run, described
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import GroupRule, SecurityGroup
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

_RULE = kinds.SECURITY_GROUP_RULE


@operations("AuthorizeSecurityGroupIngress")
def authorize_security_group_ingress(service: Ec2, call: Call, request: Request) -> Response:
    return _authorized(service, call, request, egress=False)


@operations("AuthorizeSecurityGroupEgress")
def authorize_security_group_egress(service: Ec2, call: Call, request: Request) -> Response:
    return _authorized(service, call, request, egress=True)


def _authorized(service: Ec2, call: Call, request: Request, *, egress: bool) -> Response:
    estate = service.estate
    group = groups.asked(estate, call.account, request)
    given = groups.permissions(request, egress=egress)
    referenced = partial(groups.referenced, estate, group, egress=egress)
    new = rules.said(given, egress=egress, referenced=referenced)
    tags = tags_given(request.get("TagSpecifications") or [], _RULE.resource)
    groups.check_rules(estate, call.account, group.rules, new)
    check_dry_run(request)
    made = [msgspec.structs.replace(one, id=estate.new_id(_RULE.prefix)) for one in new]
    groups.replace(estate, group, (*group.rules, *made))
    for one in made:
        estate.tag(call.account, one.id, tags)
    return {
        "Return": True,
        "SecurityGroupRules": [showngroups.rule(estate, group, one) for one in made],
    }


@operations("RevokeSecurityGroupIngress")
def revoke_security_group_ingress(service: Ec2, call: Call, request: Request) -> Response:
    return _revoked(service, call, request, egress=False)


@operations("RevokeSecurityGroupEgress")
def revoke_security_group_egress(service: Ec2, call: Call, request: Request) -> Response:
    return _revoked(service, call, request, egress=True)


def _revoked(service: Ec2, call: Call, request: Request, *, egress: bool) -> Response:
    """In a default VPC what is not there is told; in others it is an error, and nothing goes."""
    estate = service.estate
    group = groups.asked(estate, call.account, request)
    names = request.get("SecurityGroupRuleIds")
    if names:
        if groups.says_rules(request):
            raise ServiceError(
                "InvalidParameterCombination",
                "Rules are revoked by their ids or by their properties, not by both",
            )
        unwanted = [_of(group, name, egress=egress) for name in names]
    else:
        unwanted = _found(estate, group, request, egress=egress)
    taken = rules.without(group.rules, unwanted)
    vpc = estate.vpcs.find(call.account, group.vpc)
    if taken.unknown and not (vpc is not None and vpc.default):
        raise _not_there()
    check_dry_run(request)
    groups.replace(estate, group, taken.kept)
    response: Response = {
        "Return": True,
        "RevokedSecurityGroupRules": [showngroups.revoked(group, one) for one in taken.gone],
    }
    if taken.unknown:
        response["UnknownIpPermissions"] = showngroups.permissions(estate, group, taken.unknown)
    return response


def _found(
    estate: Estate, group: SecurityGroup, request: Request, *, egress: bool
) -> list[GroupRule]:
    """The rules that a request describes, be they there or not."""
    given = groups.permissions(request, egress=egress)
    return rules.said(given, egress=egress, referenced=partial(groups.mentioned, estate, group))


def _of(group: SecurityGroup, name: str | None, *, egress: bool | None = None) -> GroupRule:
    """The rule of a group, by its id, of one direction or of any."""
    for rule in group.rules:
        if rule.id == name and egress in (None, rule.egress):
            return rule
    raise ServiceError(_RULE.unknown, f"The {_RULE.noun} '{name}' does not exist")


def _not_there() -> ServiceError:
    return ServiceError(
        "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
    )


@operations("DescribeSecurityGroupRules")
def describe_security_group_rules(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    found = [
        showngroups.rule(estate, group, rule)
        for group in estate.groups.list(call.account)
        for rule in group.rules
    ]
    return described(_RULE, found, request, groupfilters.RULE_FILTERS)


@operations("ModifySecurityGroupRules")
def modify_security_group_rules(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    group = groups.asked(estate, call.account, request)
    if not request["SecurityGroupRules"]:
        raise ServiceError(
            "MissingParameter", "The request must contain the parameter SecurityGroupRule"
        )
    changed: dict[str, GroupRule] = {}
    for update in request["SecurityGroupRules"]:
        rule = _of(group, update.get("SecurityGroupRuleId"))
        _check_once(changed, rule)
        referenced = partial(groups.referenced, estate, group, egress=rule.egress)
        changed[rule.id] = rules.modified(rule, update.get("SecurityGroupRule") or {}, referenced)
    kept = [rule for rule in group.rules if rule.id not in changed]
    groups.check_rules(estate, call.account, kept, list(changed.values()))
    check_dry_run(request)
    groups.replace(estate, group, [changed.get(rule.id, rule) for rule in group.rules])
    return {"Return": True}


def _check_once(changed: Mapping[str, Any], rule: GroupRule) -> None:
    if rule.id in changed:
        raise ServiceError(
            "InvalidParameterValue", f"The rule {rule.id} must not appear multiple times"
        )


@operations("UpdateSecurityGroupRuleDescriptionsIngress")
def update_descriptions_ingress(service: Ec2, call: Call, request: Request) -> Response:
    return _described_anew(service, call, request, egress=False)


@operations("UpdateSecurityGroupRuleDescriptionsEgress")
def update_descriptions_egress(service: Ec2, call: Call, request: Request) -> Response:
    return _described_anew(service, call, request, egress=True)


def _described_anew(service: Ec2, call: Call, request: Request, *, egress: bool) -> Response:
    estate = service.estate
    group = groups.asked(estate, call.account, request)
    by_id = request.get("SecurityGroupRuleDescriptions")
    if by_id and request.get("IpPermissions"):
        raise ServiceError(
            "InvalidParameterCombination",
            "Rules are described by their ids or by their properties, not by both",
        )
    changed: dict[str, GroupRule] = {}
    if by_id:
        for one in by_id:
            rule = _of(group, one.get("SecurityGroupRuleId"), egress=egress)
            _check_once(changed, rule)
            changed[rule.id] = rules.described(rule, one.get("Description"))
    else:
        texts = {
            rules.identity(one): one.description
            for one in _found(estate, group, request, egress=egress)
        }
        for rule in group.rules:
            if rules.identity(rule) in texts:
                text = texts.pop(rules.identity(rule))
                changed[rule.id] = rules.described(rule, text)
        if texts:
            raise _not_there()
    check_dry_run(request)
    groups.replace(estate, group, [changed.get(rule.id, rule) for rule in group.rules])
    return {"Return": True}

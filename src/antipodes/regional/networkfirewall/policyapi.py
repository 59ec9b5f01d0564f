"""Operations on firewall policies."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antipodes.regional.networkfirewall import groupapi, model, sets
from antipodes.regional.networkfirewall.compiling import DROPS, HOME, STRICT_ORDER
from antipodes.regional.networkfirewall.groupapi import check_actions, check_encryption
from antipodes.regional.networkfirewall.model import GROUPS, STATEFUL, STATELESS, Policy
from antipodes.regional.networkfirewall.service import (
    NetworkFirewall,
    operations,
    page,
    references,
)
from antipodes.service.contract import Call, Request, Response

replace = msgspec.structs.replace
_NOT_OFFERED = (
    *("StatelessCustomActions", "TLSInspectionConfigurationArn", "EnableTLSSessionHolding"),
    "Route53ResolvedIPValidation",
)
_DEFAULTS = (*DROPS, "aws:alert_strict", "aws:alert_established")


@operations("CreateFirewallPolicy")
def create_firewall_policy(service: NetworkFirewall, call: Call, request: Request) -> Response:
    name = request["FirewallPolicyName"]
    check_encryption(request)
    made = Policy(
        account=call.account,
        region=call.region,
        name=name,
        id=service.new_id(),
        token=service.new_id(),
        document=request["FirewallPolicy"],
        description=request.get("Description") or "",
        changed_at=service.host.runtime.wall(),
        tags=model.tags_given({}, request.get("Tags")),
    )
    _check(service, made)
    if service.policies.get(call.account, name) is not None:
        raise model.invalid(f"A firewall policy named {name} exists already")
    if service.policies.count(call.account) >= model.POLICIES_MAX:
        raise model.limited(f"An account has at most {model.POLICIES_MAX} firewall policies")
    if not request.get("DryRun"):
        service.put(made)
    return _answer(service, made)


def _answer(service: NetworkFirewall, of: Policy) -> Response:
    shown = model.show_policy(of, service.capacities(of), service.users_of_policy(of))
    return {"UpdateToken": of.token, "FirewallPolicyResponse": shown}


def _check(service: NetworkFirewall, of: Policy) -> None:
    """Refuse a policy that cannot be."""
    document = of.document
    for member in _NOT_OFFERED:
        if document.get(member):
            raise model.not_offered(member)
    check_actions(document["StatelessDefaultActions"])
    check_actions(document["StatelessFragmentDefaultActions"])
    _check_defaults(document)
    _check_home(document)
    for kind in GROUPS:
        _check_references(service, of, kind)
    for kind, capacity in service.capacities(of).items():
        if capacity > model.CAPACITY_MAX:
            raise model.limited(
                f"The {kind} rule groups of a policy have at most {model.CAPACITY_MAX} capacity"
            )


def _check_defaults(document: dict[str, Any]) -> None:
    actions = document.get("StatefulDefaultActions") or []
    for action in actions:
        if action not in _DEFAULTS:
            raise model.not_offered(f"The stateful default action {action}")
    if actions and _order(document) != STRICT_ORDER:
        raise model.invalid("StatefulDefaultActions can be specified for the strict order only")
    if len({*actions}) != len(actions):
        raise model.invalid("A stateful default action was specified more than once")
    if set(DROPS) <= {*actions}:
        raise model.invalid("At most one of the stateful default actions can drop")


def _order(document: dict[str, Any]) -> str:
    found: str = (document.get("StatefulEngineOptions") or {}).get(
        "RuleOrder"
    ) or "DEFAULT_ACTION_ORDER"
    return found


def _check_home(document: dict[str, Any]) -> None:
    variables = (document.get("PolicyVariables") or {}).get("RuleVariables") or {}
    for name, one in variables.items():
        if name != HOME:
            raise model.invalid(f"{HOME} is the only variable of a policy, and not {name}")
        try:
            sets.addresses(f"[{','.join(one['Definition'])}]", {})
        except sets.UnreadableError as error:
            raise model.invalid(f"The variable {name} is invalid: {error}") from None


def _check_references(service: NetworkFirewall, of: Policy, kind: str) -> None:
    found = references(of, kind)
    there = {one.arn: one for one in service.groups(kind).list(of.account)}
    arns = [one["ResourceArn"] for one in found]
    if len(arns) > model.GROUPS_OF_POLICY_MAX:
        raise model.limited(
            f"A policy has at most {model.GROUPS_OF_POLICY_MAX} rule groups of a type"
        )
    if len({*arns}) != len(arns):
        raise model.invalid("A rule group was referenced more than once")
    for arn in arns:
        if arn not in there:
            raise model.invalid(f"The {kind} rule group {arn} does not exist")
    _check_priorities(of, kind, found)
    for one in found if kind == STATEFUL else ():
        for member in ("Override", "DeepThreatInspection"):
            if one.get(member):
                raise model.not_offered(f"{member} of a rule group")
        if groupapi.order(there[one["ResourceArn"]]) != _order(of.document):
            raise model.invalid("The rule order of a policy and its rule groups must be the same")


def _check_priorities(of: Policy, kind: str, found: Sequence[dict[str, Any]]) -> None:
    given = [one["Priority"] for one in found if one.get("Priority") is not None]
    has_some = kind == STATELESS or _order(of.document) == STRICT_ORDER
    if len(given) != (len(found) if has_some else 0):
        raise model.invalid(
            "Rule groups have a priority where they are stateless, or looked at in strict order, "
            "and otherwise none"
        )
    if len({*given}) != len(given):
        raise model.invalid("The priorities of a policy's rule groups must be unique")


@operations("DescribeFirewallPolicy")
def describe_firewall_policy(service: NetworkFirewall, call: Call, request: Request) -> Response:
    found = service.policy(call, request)
    return {**_answer(service, found), "FirewallPolicy": found.document}


@operations("UpdateFirewallPolicy")
def update_firewall_policy(service: NetworkFirewall, call: Call, request: Request) -> Response:
    check_encryption(request)
    found = service.policy(call, request)
    model.check_token(found, request["UpdateToken"], needed=True)
    changed = replace(
        found,
        document=request["FirewallPolicy"],
        description=request.get("Description") or "",
        token=service.new_id(),
        changed_at=service.host.runtime.wall(),
    )
    if _order(changed.document) != _order(found.document):
        raise model.invalid("The rule order of a firewall policy cannot be changed")
    _check(service, changed)
    if not request.get("DryRun"):
        service.put(changed)
    return _answer(service, changed)


@operations("DeleteFirewallPolicy")
def delete_firewall_policy(service: NetworkFirewall, call: Call, request: Request) -> Response:
    found = service.policy(call, request)
    if service.users_of_policy(found):
        raise model.refused(f"{found.arn} is in use by a firewall")
    shown = _answer(service, found)["FirewallPolicyResponse"]
    service.policies.delete(found.account, found.name)
    return {"FirewallPolicyResponse": shown | {"FirewallPolicyStatus": "DELETING"}}


@operations("ListFirewallPolicies")
def list_firewall_policies(service: NetworkFirewall, call: Call, request: Request) -> Response:
    shown: list[Response] = [
        {"Name": one.name, "Arn": one.arn} for one in service.policies.list(call.account)
    ]
    return page(shown, request, "FirewallPolicies")

"""Operations on rule groups."""

from typing import Any

import msgspec

from antipodes.regional.networkfirewall import compiling, model
from antipodes.regional.networkfirewall.model import GROUPS, STATEFUL, STATELESS, RuleGroup
from antipodes.regional.networkfirewall.service import NetworkFirewall, operations, page
from antipodes.regional.networkfirewall.sets import UnreadableError
from antipodes.regional.networkfirewall.suricata import NotTakenError
from antipodes.service.contract import Call, Request, Response

replace = msgspec.structs.replace
_NOT_OFFERED = (
    *("FirewallRuleGroup", "IpsRuleGroup", "SourceMetadata", "AnalyzeRuleGroup"),
    "SummaryConfiguration",
)
_SOURCES = {
    STATELESS: ("StatelessRulesAndCustomActions",),
    STATEFUL: ("RulesString", "StatefulRules"),
}
_WITH_PORTS = frozenset({6, 17})
_IN_ORDER = "DEFAULT_ACTION_ORDER"


@operations("CreateRuleGroup")
def create_rule_group(service: NetworkFirewall, call: Call, request: Request) -> Response:
    kind, name = request["Type"], request["RuleGroupName"]
    _check_offered(request)
    if kind not in GROUPS:
        raise model.not_offered(f"A rule group of type {kind}")
    capacity = request["Capacity"]
    if not 1 <= capacity <= model.CAPACITY_MAX:
        raise model.invalid(f"The capacity of a rule group is from 1 to {model.CAPACITY_MAX}")
    made = RuleGroup(
        account=call.account,
        region=call.region,
        name=name,
        id=service.new_id(),
        token=service.new_id(),
        type=kind,
        capacity=capacity,
        consumed=0,
        document=_document(request, kind),
        description=request.get("Description") or "",
        changed_at=service.host.runtime.wall(),
        tags=model.tags_given({}, request.get("Tags")),
    )
    made = _checked(made)
    if service.groups(kind).get(call.account, name) is not None:
        raise model.invalid(f"A rule group named {name} exists already")
    if service.groups(kind).count(call.account) >= model.GROUPS_MAX:
        raise model.limited(f"An account has at most {model.GROUPS_MAX} rule groups of a type")
    if not request.get("DryRun"):
        service.put(made)
    return {"UpdateToken": made.token, "RuleGroupResponse": model.show_group(made, 0)}


def _check_offered(request: Request) -> None:
    for member in _NOT_OFFERED:
        if request.get(member):
            raise model.not_offered(member)
    check_encryption(request)


def check_encryption(request: Request) -> None:
    """Refuse keys of customers."""
    given = request.get("EncryptionConfiguration") or {}
    if given.get("Type") not in {None, "AWS_OWNED_KMS_KEY"} or given.get("KeyId"):
        raise model.not_offered("EncryptionConfiguration with a key of a customer")


def _document(request: Request, kind: str) -> dict[str, Any]:
    """The rules that a request gives."""
    document, text = request.get("RuleGroup"), request.get("Rules")
    if bool(document) == bool(text):
        raise model.invalid("Either RuleGroup or Rules must be specified, and not both")
    if text:
        if kind == STATELESS:
            raise model.invalid("Rules can be specified for stateful rule groups only")
        return {"RulesSource": {"RulesString": text}}
    found: dict[str, Any] = document or {}
    source = found["RulesSource"]
    given = [member for member in source if source[member]]
    if "RulesSourceList" in given:
        raise model.not_offered("RulesSourceList, a list of domains,")
    if len(given) != 1 or given[0] not in _SOURCES[kind]:
        raise model.invalid(
            f"A rule group of type {kind} has exactly one of {', '.join(_SOURCES[kind])}"
        )
    if (found.get("ReferenceSets") or {}).get("IPSetReferences"):
        raise model.not_offered("IPSetReferences")
    if (found.get("RuleVariables") or {}).get("ContextSets"):
        raise model.not_offered("ContextSets")
    if kind == STATELESS:
        _check_stateless(found)
    return found


def _check_stateless(document: dict[str, Any]) -> None:
    for member in ("RuleVariables", "StatefulRuleOptions"):
        if document.get(member):
            raise model.invalid(f"{member} can be specified for stateful rule groups only")
    source = document["RulesSource"]["StatelessRulesAndCustomActions"]
    if source.get("CustomActions"):
        raise model.not_offered("CustomActions")
    priorities = [rule["Priority"] for rule in source["StatelessRules"]]
    if len({*priorities}) != len(priorities):
        raise model.invalid("The priorities of a rule group's rules must be unique")
    for rule in source["StatelessRules"]:
        check_actions(rule["RuleDefinition"]["Actions"])
        match = rule["RuleDefinition"]["MatchAttributes"]
        if match.get("TCPFlags"):
            raise model.not_offered("TCPFlags")
        for member in ("SourcePorts", "DestinationPorts"):
            protocols = match.get("Protocols") or ()
            if match.get(member) and not (protocols and _WITH_PORTS.issuperset(protocols)):
                raise model.invalid(f"{member} can be specified for protocols 6 and 17 only")
            for one in match.get(member) or ():
                if one["FromPort"] > one["ToPort"]:
                    raise model.invalid(f"{member} begin after their end")


def check_actions(actions: list[str]) -> None:
    """Refuse what is not one action that every stateless rule can have."""
    if len(actions) != 1 or actions[0] not in compiling.VERDICTS:
        raise model.invalid(
            f"Stateless actions are exactly one of {', '.join(compiling.VERDICTS)}; custom actions "
            "are not offered here"
        )


def _checked(of: RuleGroup) -> RuleGroup:
    """A rule group, with what its rules take of its capacity; refuse rules that cannot be."""
    try:
        consumed = compiling.check(of)
    except (NotTakenError, UnreadableError) as error:
        raise model.invalid(f"The rules are invalid: {error}") from None
    if consumed > of.capacity:
        raise model.invalid(
            f"The rules take {consumed} of the rule group's capacity, which is {of.capacity}"
        )
    return replace(of, consumed=consumed)


def order(of: RuleGroup) -> str:
    """The order in which a stateful group's rules are to be looked at."""
    options = of.document.get("StatefulRuleOptions") or {}
    found: str = options.get("RuleOrder") or _IN_ORDER
    return found


@operations("DescribeRuleGroup")
def describe_rule_group(service: NetworkFirewall, call: Call, request: Request) -> Response:
    for member in ("AnalyzeRuleGroup", "RuleOutputFormat"):
        if request.get(member):
            raise model.not_offered(member)
    found = service.group(call, request)
    shown = model.show_group(found, service.users_of_group(found))
    return {"UpdateToken": found.token, "RuleGroup": found.document, "RuleGroupResponse": shown}


@operations("DescribeRuleGroupMetadata")
def describe_rule_group_metadata(
    service: NetworkFirewall, call: Call, request: Request
) -> Response:
    found = service.group(call, request)
    shown: Response = {
        "RuleGroupArn": found.arn,
        "RuleGroupName": found.name,
        "Type": found.type,
        "Capacity": found.capacity,
        "LastModifiedTime": found.changed_at,
    }
    if found.description:
        shown["Description"] = found.description
    if found.type == STATEFUL:
        shown["StatefulRuleOptions"] = {"RuleOrder": order(found)}
    return shown


@operations("UpdateRuleGroup")
def update_rule_group(service: NetworkFirewall, call: Call, request: Request) -> Response:
    _check_offered(request)
    found = service.group(call, request)
    model.check_token(found, request["UpdateToken"], needed=True)
    changed = _checked(
        replace(
            found,
            document=_document(request, found.type),
            description=request.get("Description") or "",
            token=service.new_id(),
            changed_at=service.host.runtime.wall(),
        )
    )
    if order(changed) != order(found):
        raise model.invalid("The rule order of a rule group cannot be changed")
    if not request.get("DryRun"):
        service.put(changed)
    shown = model.show_group(changed, service.users_of_group(changed))
    return {"UpdateToken": changed.token, "RuleGroupResponse": shown}


@operations("DeleteRuleGroup")
def delete_rule_group(service: NetworkFirewall, call: Call, request: Request) -> Response:
    found = service.group(call, request)
    if service.users_of_group(found):
        raise model.refused(f"{found.arn} is in use by a firewall policy")
    service.groups(found.type).delete(found.account, found.name)
    return {"RuleGroupResponse": model.show_group(found, 0) | {"RuleGroupStatus": "DELETING"}}


@operations("ListRuleGroups")
def list_rule_groups(service: NetworkFirewall, call: Call, request: Request) -> Response:
    kinds = [one for one in GROUPS if request.get("Type") in {None, one}]
    if request.get("Scope") == "MANAGED" or request.get("ManagedType"):
        raise model.not_offered("Rule groups that are managed by AWS")
    found = [one for kind in kinds for one in service.groups(kind).list(call.account)]
    shown: list[Response] = [{"Name": one.name, "Arn": one.arn} for one in found]
    return page(shown, request, "RuleGroups")

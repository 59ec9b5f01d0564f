"""Rule groups and policies, made in a few words."""

from typing import Any

ALL, DROP, FORWARD = "aws:pass", "aws:drop", "aws:forward_to_sfe"


def stateless(priority: int, action: str, **match: Any) -> dict[str, Any]:
    """One stateless rule; `sources` and `targets` are prefixes."""
    addresses = {
        name: [{"AddressDefinition": one} for one in match.pop(asked)]
        for name, asked in (("Sources", "sources"), ("Destinations", "targets"))
        if asked in match
    }
    definition = {"MatchAttributes": {**addresses, **match}, "Actions": [action]}
    return {"RuleDefinition": definition, "Priority": priority}


def stateful(  # noqa: PLR0913 - what a header has
    action: str,
    protocol: str,
    source: str,
    target: str,
    port: str = "ANY",
    *,
    sid: int = 1,
    direction: str = "FORWARD",
) -> dict[str, Any]:
    """One stateful rule, as a 5-tuple."""
    header = {
        "Protocol": protocol,
        "Source": source,
        "SourcePort": "ANY",
        "Direction": direction,
        "Destination": target,
        "DestinationPort": port,
    }
    options = [{"Keyword": "sid", "Settings": [str(sid)]}]
    return {"Action": action, "Header": header, "RuleOptions": options}


class Policies:
    """Makes them in a region."""

    def __init__(self, firewalls: Any) -> None:
        self.firewalls = firewalls

    def group(self, name: str, *rules: dict[str, Any], order: str = "", **more: Any) -> str:
        """A group of stateless rules, or of stateful ones."""
        kind = "STATELESS" if rules and "Priority" in rules[0] else "STATEFUL"
        source: dict[str, Any] = {"StatefulRules": list(rules)}
        if kind == "STATELESS":
            source = {"StatelessRulesAndCustomActions": {"StatelessRules": list(rules)}}
        group: dict[str, Any] = {"RulesSource": source}
        if order:
            group["StatefulRuleOptions"] = {"RuleOrder": order}
        made = self.firewalls.create_rule_group(
            RuleGroupName=name, Type=kind, Capacity=100, RuleGroup=group, **more
        )
        return str(made["RuleGroupResponse"]["RuleGroupArn"])

    def text(self, name: str, rules: str, order: str = "", **more: Any) -> str:
        """A group of stateful rules in Suricata's words."""
        group: dict[str, Any] = {"RulesSource": {"RulesString": rules}}
        if order:
            group["StatefulRuleOptions"] = {"RuleOrder": order}
        made = self.firewalls.create_rule_group(
            RuleGroupName=name, Type="STATEFUL", Capacity=100, RuleGroup=group, **more
        )
        return str(made["RuleGroupResponse"]["RuleGroupArn"])

    def document(self, *groups: str, default: str = FORWARD, **more: Any) -> dict[str, Any]:
        """A policy of groups, in order."""
        document: dict[str, Any] = {
            "StatelessDefaultActions": [default],
            "StatelessFragmentDefaultActions": [default],
            **more,
        }
        options = document.get("StatefulEngineOptions") or {}
        for number, arn in enumerate(groups, 1):
            kind = "Stateless" if ":stateless-" in arn else "Stateful"
            reference: dict[str, Any] = {"ResourceArn": arn}
            if kind == "Stateless" or options.get("RuleOrder") == "STRICT_ORDER":
                reference["Priority"] = number
            document.setdefault(f"{kind}RuleGroupReferences", []).append(reference)
        return document

    def policy(self, name: str, *groups: str, **more: Any) -> str:
        """A policy of groups, in order."""
        made = self.firewalls.create_firewall_policy(
            FirewallPolicyName=name, FirewallPolicy=self.document(*groups, **more)
        )
        return str(made["FirewallPolicyResponse"]["FirewallPolicyArn"])

"""Rule groups and policies: made, shown, changed, deleted, and what of them is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.regional.ec2.worlds import refusal
from tests.regional.elbv2.hosts import Region
from tests.regional.networkfirewall.policies import (
    ALL,
    DROP,
    FORWARD,
    Policies,
    stateful,
    stateless,
)

INVALID, REFUSED, MISSING = (
    "InvalidRequestException",
    "InvalidOperationException",
    "ResourceNotFoundException",
)
WEB = stateful("PASS", "TCP", "ANY", "10.0.0.0/8", "443")
STRICT: dict[str, Any] = {"RuleOrder": "STRICT_ORDER"}


@pytest.fixture
def policies(firewalls: Any) -> Policies:
    return Policies(firewalls)


def message(function: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(**request)
    said: str = caught.value.response["Error"]["Message"]
    return said


def test_a_group_is_made_shown_changed_and_deleted(
    policies: Policies, firewalls: Any, region: Region
) -> None:
    rules = [
        stateless(10, DROP, sources=["10.0.0.0/24", "10.0.1.0/24"], Protocols=[6, 17]),
        stateless(1, ALL),
    ]
    arn = policies.group("flat", *rules, Tags=[{"Key": "team", "Value": "net"}])
    assert arn.endswith(":stateless-rulegroup/flat")
    region.restart()
    found = firewalls.describe_rule_group(RuleGroupArn=arn)
    shown = found["RuleGroupResponse"]
    assert (shown["Type"], shown["Capacity"], shown["ConsumedCapacity"]) == ("STATELESS", 100, 5)
    assert (shown["RuleGroupStatus"], shown["NumberOfAssociations"]) == ("ACTIVE", 0)
    assert shown["Tags"] == [{"Key": "team", "Value": "net"}]
    source = found["RuleGroup"]["RulesSource"]["StatelessRulesAndCustomActions"]
    assert source["StatelessRules"] == rules
    change = {
        "RuleGroupArn": arn,
        "RuleGroup": {
            "RulesSource": {"StatelessRulesAndCustomActions": {"StatelessRules": rules[1:]}}
        },
    }
    update = firewalls.update_rule_group
    assert refusal(update, UpdateToken="0" * 8 + "-0000-0000-0000-" + "0" * 12, **change) == (
        "InvalidTokenException"
    )
    answer = update(UpdateToken=found["UpdateToken"], DryRun=True, **change)
    assert answer["RuleGroupResponse"]["ConsumedCapacity"] == 1
    answer = update(UpdateToken=found["UpdateToken"], **change)
    assert answer["UpdateToken"] != found["UpdateToken"]
    assert refusal(update, UpdateToken=found["UpdateToken"], **change) == "InvalidTokenException"
    named = {"RuleGroupName": "flat", "Type": "STATELESS"}
    [one] = firewalls.list_rule_groups(Type="STATELESS")["RuleGroups"]
    assert one == {"Name": "flat", "Arn": arn}
    assert firewalls.list_rule_groups(Type="STATEFUL")["RuleGroups"] == []
    assert firewalls.describe_rule_group_metadata(**named)["Capacity"] == 100
    gone = firewalls.delete_rule_group(**named)["RuleGroupResponse"]
    assert gone["RuleGroupStatus"] == "DELETING"
    assert refusal(firewalls.describe_rule_group, **named) == MISSING


def test_a_group_that_cannot_be(policies: Policies) -> None:
    ports = [{"FromPort": 80, "ToPort": 80}]
    for rules in (
        [stateless(1, ALL), stateless(1, DROP)],
        [stateless(1, "publish")],
        [stateless(1, ALL, DestinationPorts=ports)],
        [stateless(1, ALL, DestinationPorts=ports, Protocols=[6, 1])],
        [stateless(1, ALL, Protocols=[6], TCPFlags=[{"Flags": ["SYN"]}])],
        [stateless(1, ALL, sources=["10.0.0.0/24"] * 101)],
        [stateful("PASS", "TLS", "ANY", "ANY")],
        [stateful("PASS", "TCP", "$NOBODY", "ANY")],
        [stateful("PASS", "TCP", "ANY", "ANY", "web")],
        [WEB, WEB],
        [],
    ):
        with pytest.raises(ClientError, match=INVALID):
            policies.group("odd", *rules)
    policies.group("there", WEB)
    with pytest.raises(ClientError, match="exists"):
        policies.group("there", WEB)
    assert len(policies.firewalls.list_rule_groups()["RuleGroups"]) == 1


def test_what_is_not_offered_is_named(policies: Policies, firewalls: Any) -> None:
    create = firewalls.create_rule_group
    named = {"RuleGroupName": "odd", "Type": "STATEFUL", "Capacity": 10}
    domains = {
        "Targets": [".example.com"],
        "TargetTypes": ["TLS_SNI"],
        "GeneratedRulesType": "DENYLIST",
    }
    listed: dict[str, Any] = {"RulesSource": {"RulesSourceList": domains}}
    assert "RulesSourceList" in message(create, RuleGroup=listed, **named)
    text = 'drop tls any any -> any any (tls.sni; content:"example.com"; sid:1;)'
    assert "tls.sni" in message(create, Rules=text, **named)
    assert "AnalyzeRuleGroup" in message(create, Rules=text, AnalyzeRuleGroup=True, **named)
    key = {"Type": "CUSTOMER_KMS", "KeyId": "key"}
    assert "EncryptionConfiguration" in message(
        create, Rules=text, EncryptionConfiguration=key, **named
    )
    applications = "aws:drop_established_app_layer"
    document = policies.document(StatefulDefaultActions=[applications])
    asked = {"FirewallPolicyName": "odd", "FirewallPolicy": document}
    assert applications in message(firewalls.create_firewall_policy, **asked)
    document = policies.document(TLSInspectionConfigurationArn="arn:aws:x")
    asked["FirewallPolicy"] = document
    assert "TLSInspection" in message(firewalls.create_firewall_policy, **asked)
    assert "managed by AWS" in message(firewalls.list_rule_groups, Scope="MANAGED")


def test_a_group_may_be_given_as_text(firewalls: Any) -> None:
    text = "pass tcp any any -> any 443 (sid:1;)"
    made = firewalls.create_rule_group(
        RuleGroupName="text", Type="STATEFUL", Capacity=3, Rules=text
    )
    arn = made["RuleGroupResponse"]["RuleGroupArn"]
    found = firewalls.describe_rule_group(RuleGroupArn=arn)
    assert found["RuleGroup"] == {"RulesSource": {"RulesString": text}}
    both = {"Rules": text, "RuleGroup": {"RulesSource": {"RulesString": text}}}
    named = {"RuleGroupName": "both", "Type": "STATEFUL", "Capacity": 3}
    assert refusal(firewalls.create_rule_group, **both, **named) == INVALID
    assert refusal(firewalls.create_rule_group, **named) == INVALID
    flat = {**named, "Type": "STATELESS", "Rules": text}
    assert refusal(firewalls.create_rule_group, **flat) == INVALID


def test_a_policy_is_made_shown_changed_and_deleted(
    policies: Policies, firewalls: Any, region: Region
) -> None:
    flat, deep = policies.group("flat", stateless(1, FORWARD)), policies.group("deep", WEB)
    arn = policies.policy("one", flat, deep)
    region.restart()
    found = firewalls.describe_firewall_policy(FirewallPolicyArn=arn)
    assert found["FirewallPolicy"] == policies.document(flat, deep)
    shown = found["FirewallPolicyResponse"]
    assert shown["ConsumedStatelessRuleCapacity"] == 100
    assert shown["ConsumedStatefulRuleCapacity"] == 100
    assert refusal(firewalls.delete_rule_group, RuleGroupArn=flat) == REFUSED
    response = firewalls.describe_rule_group(RuleGroupArn=flat)["RuleGroupResponse"]
    assert response["NumberOfAssociations"] == 1
    change = {"FirewallPolicyArn": arn, "UpdateToken": found["UpdateToken"]}
    update = firewalls.update_firewall_policy
    ordered = policies.document(StatefulEngineOptions=STRICT)
    assert refusal(update, FirewallPolicy=ordered, **change) == INVALID
    answer = update(FirewallPolicy=policies.document(deep, default=DROP), **change)
    assert answer["FirewallPolicyResponse"]["ConsumedStatelessRuleCapacity"] == 0
    again = {"FirewallPolicy": policies.document(deep), **change}
    assert refusal(update, **again) == "InvalidTokenException"
    firewalls.delete_rule_group(RuleGroupArn=flat)
    assert firewalls.list_firewall_policies()["FirewallPolicies"] == [{"Name": "one", "Arn": arn}]
    firewalls.delete_firewall_policy(FirewallPolicyName="one")
    assert refusal(firewalls.describe_firewall_policy, FirewallPolicyArn=arn) == MISSING


def test_a_policy_that_cannot_be(policies: Policies, firewalls: Any) -> None:
    flat, deep = policies.group("flat", stateless(1, FORWARD)), policies.group("deep", WEB)
    strict = policies.group("strict", WEB, order="STRICT_ORDER")
    twice = policies.document(flat)
    twice["StatelessRuleGroupReferences"] *= 2
    ranked = policies.document(deep)
    ranked["StatefulRuleGroupReferences"][0]["Priority"] = 1
    bare = policies.document(strict, StatefulEngineOptions=STRICT)
    del bare["StatefulRuleGroupReferences"][0]["Priority"]
    home = {"RuleVariables": {"HOME_NET": {"Definition": ["nowhere"]}}}
    other = {"RuleVariables": {"SERVERS": {"Definition": ["10.0.0.0/8"]}}}
    for document in (
        twice,
        ranked,
        bare,
        policies.document(f"{deep}x"),
        policies.document(strict),
        policies.document(deep, StatefulEngineOptions=STRICT),
        policies.document(default="aws:reject"),
        policies.document(StatefulDefaultActions=["aws:drop_strict"]),
        policies.document(
            StatefulEngineOptions=STRICT,
            StatefulDefaultActions=["aws:drop_strict", "aws:drop_established"],
        ),
        policies.document(PolicyVariables=home),
        policies.document(PolicyVariables=other),
    ):
        asked = {"FirewallPolicyName": "odd", "FirewallPolicy": document}
        assert refusal(firewalls.create_firewall_policy, **asked) == INVALID
    assert firewalls.list_firewall_policies()["FirewallPolicies"] == []


def test_tags(policies: Policies, firewalls: Any) -> None:
    arn = policies.policy("one")
    firewalls.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    firewalls.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    firewalls.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert firewalls.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    own = [{"Key": "aws:x", "Value": "1"}]
    assert refusal(firewalls.tag_resource, ResourceArn=arn, Tags=own) == INVALID
    other = f"{arn}x"
    assert refusal(firewalls.list_tags_for_resource, ResourceArn=other) == MISSING

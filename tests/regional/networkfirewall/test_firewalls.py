"""Firewalls: made, shown, changed, deleted, and where packets go by their rules."""

from typing import Any

import pytest

from tests.regional.ec2.networks import Networks
from tests.regional.ec2.worlds import refusal
from tests.regional.elbv2.hosts import ACCOUNT, Region
from tests.regional.networkfirewall.policies import (
    ALL,
    DROP,
    FORWARD,
    Policies,
    stateful,
    stateless,
)

A, B = "us-west-2a", "us-west-2b"
BOTH = ("delivered", "delivered")
INVALID, REFUSED = "InvalidRequestException", "InvalidOperationException"
STRICT: dict[str, Any] = {"RuleOrder": "STRICT_ORDER"}


class Guarded(Networks):
    """Hosts in two zones, that reach each other by way of a firewall's endpoints."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        self.region = region
        self.firewalls = region.client("network-firewall")
        self.policies = Policies(self.firewalls)
        self.net = self.vpc("10.0.0.0/16")
        group = self.group(self.net, "0.0.0.0/0")
        self.fires, self.machines, self.tables = {}, {}, {}
        for number, zone in enumerate((A, B)):
            place = self.subnet(self.net, f"10.0.{number}.0/24", zone)
            self.fires[zone] = self.subnet(self.net, f"10.0.{10 + number}.0/24", zone)
            self.machines[zone] = self.instance(place, group)
            table = self.ec2.create_route_table(VpcId=self.net)["RouteTable"]["RouteTableId"]
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=place)
            self.tables[zone] = table

    def wanted(self, policy: str, *zones: str, **more: Any) -> dict[str, Any]:
        """A request for a firewall."""
        return {
            "FirewallName": "fire",
            "FirewallPolicyArn": policy,
            "VpcId": self.net,
            "SubnetMappings": [{"SubnetId": self.fires[zone]} for zone in zones or (A,)],
            **more,
        }

    def guard(self, *groups: str, **more: Any) -> str:
        """Have a firewall by a policy of rule groups between the two, in zone A."""
        policy = self.policies.policy("policy", *groups, **more)
        made = self.firewalls.create_firewall(**self.wanted(policy))
        self.lead(A, A)
        self.lead(B, A)
        arn: str = made["Firewall"]["FirewallArn"]
        return arn

    def endpoints(self) -> dict[str, str]:
        """The firewall's endpoints, by zone."""
        status = self.firewalls.describe_firewall(FirewallName="fire")["FirewallStatus"]
        states = status["SyncStates"]
        return {zone: one["Attachment"]["EndpointId"] for zone, one in states.items()}

    def lead(self, zone: str, by: str) -> None:
        """Lead what a zone's hosts send to the other by the endpoint in a zone."""
        self.ec2.create_route(
            RouteTableId=self.tables[zone],
            DestinationCidrBlock="10.0.1.0/24" if zone == A else "10.0.0.0/24",
            VpcEndpointId=self.endpoints()[by],
        )

    def there(self, **more: Any) -> tuple[str, str]:
        return self.outcomes(self.machines[A], self.machines[B], **more)

    def back(self, **more: Any) -> tuple[str, str]:
        return self.outcomes(self.machines[B], self.machines[A], **more)

    def rule(self, **more: Any) -> list[str]:
        """The rules that an appliance has looked at, on the way there."""
        hops = self.ask(self.machines[A], self.machines[B], **more)["forward"]["hops"]
        return [hop["rule"] for hop in hops if hop["kind"] == "appliance" and hop["rule"]]


@pytest.fixture
def guarded(region: Region) -> Guarded:
    return Guarded(region)


def test_a_firewall_is_made_shown_and_deleted(guarded: Guarded) -> None:
    firewalls, ec2 = guarded.firewalls, guarded.ec2
    policy = guarded.policies.policy("policy")
    made = firewalls.create_firewall(
        **guarded.wanted(policy, A, B, Tags=[{"Key": "a", "Value": "1"}], DeleteProtection=True)
    )
    assert made["FirewallStatus"]["Status"] == "PROVISIONING"
    arn = made["Firewall"]["FirewallArn"]
    assert arn.endswith(":firewall/fire")
    guarded.region.restart()
    found = firewalls.describe_firewall(FirewallArn=arn)
    assert found["Firewall"] == made["Firewall"]
    status = found["FirewallStatus"]
    assert (status["Status"], status["ConfigurationSyncStateSummary"]) == ("READY", "IN_SYNC")
    assert set(status["SyncStates"]) == {A, B}
    state = status["SyncStates"][A]
    assert state["Attachment"]["SubnetId"] == guarded.fires[A]
    assert state["Config"][policy]["SyncStatus"] == "IN_SYNC"
    [endpoint] = ec2.describe_vpc_endpoints(VpcEndpointIds=[guarded.endpoints()[A]])["VpcEndpoints"]
    assert (endpoint["VpcEndpointType"], endpoint["State"]) == ("GatewayLoadBalancer", "available")
    assert endpoint["RequesterManaged"] is True
    assert {"Key": "Firewall", "Value": arn} in endpoint["Tags"]
    assert {"Key": "Name", "Value": f"fire ({A})"} in endpoint["Tags"]
    networks: Any = guarded.region.host.service("ec2")
    assert networks.networks()[ACCOUNT]["names"][arn] == "fire"
    own = {"VpcEndpointIds": [endpoint["VpcEndpointId"]]}
    [failed] = ec2.delete_vpc_endpoints(**own)["Unsuccessful"]
    assert failed["Error"]["Code"] == "InvalidParameter"
    assert firewalls.list_firewalls(VpcIds=[guarded.net])["Firewalls"] == [
        {"FirewallName": "fire", "FirewallArn": arn}
    ]
    assert firewalls.list_firewalls(VpcIds=["vpc-0"])["Firewalls"] == []
    assert refusal(firewalls.delete_firewall_policy, FirewallPolicyArn=policy) == REFUSED
    assert refusal(firewalls.delete_firewall, FirewallArn=arn) == REFUSED
    firewalls.update_firewall_delete_protection(FirewallArn=arn, DeleteProtection=False)
    gone = firewalls.delete_firewall(FirewallArn=arn)
    assert gone["FirewallStatus"]["Status"] == "DELETING"
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    assert refusal(firewalls.describe_firewall, FirewallArn=arn) == "ResourceNotFoundException"
    firewalls.delete_firewall_policy(FirewallPolicyArn=policy)


def test_a_firewall_that_cannot_be(guarded: Guarded) -> None:
    policy, create = guarded.policies.policy("policy"), guarded.firewalls.create_firewall
    twin = guarded.subnet(guarded.net, "10.0.20.0/24", A)
    both = [{"SubnetId": one} for one in (guarded.fires[A], twin)]
    other = guarded.subnet(guarded.vpc("10.1.0.0/16"), "10.1.0.0/24", B)
    mistakes: tuple[dict[str, Any], ...] = (
        {"FirewallPolicyArn": f"{policy}x"},
        {"VpcId": "vpc-0123456789abcdef0"},
        {"SubnetMappings": []},
        {"SubnetMappings": both},
        {"SubnetMappings": [{"SubnetId": other}]},
        {"SubnetMappings": [{"SubnetId": "subnet-0123456789abcdef0"}]},
        {"SubnetMappings": [{"SubnetId": guarded.fires[A], "IPAddressType": "DUALSTACK"}]},
        {"TransitGatewayId": "tgw-0123456789abcdef0"},
    )
    for more in mistakes:
        assert refusal(create, **guarded.wanted(policy, **more)) == INVALID
    small = guarded.subnet(guarded.net, "10.0.30.0/28", A)
    for _ in range(11):
        guarded.ec2.create_network_interface(SubnetId=small)
    full = [{"SubnetId": guarded.fires[B]}, {"SubnetId": small}]
    assert refusal(create, **guarded.wanted(policy, SubnetMappings=full)) == INVALID
    assert guarded.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    create(**guarded.wanted(policy))
    assert refusal(create, **guarded.wanted(policy)) == INVALID
    assert len(guarded.firewalls.list_firewalls()["Firewalls"]) == 1


def test_subnets_and_policy_change_unless_they_are_protected(guarded: Guarded) -> None:
    firewalls, policies = guarded.firewalls, guarded.policies
    one, two = policies.policy("one"), policies.policy("two", default=DROP)
    firewalls.create_firewall(**guarded.wanted(one))
    token = firewalls.describe_firewall(FirewallName="fire")["UpdateToken"]
    named = {"FirewallName": "fire"}
    more = {"SubnetMappings": [{"SubnetId": guarded.fires[B]}], **named}
    answer = firewalls.associate_subnets(UpdateToken=token, **more)
    assert len(answer["SubnetMappings"]) == 2
    stale = {"UpdateToken": token, **more}
    assert refusal(firewalls.associate_subnets, **stale) == "InvalidTokenException"
    assert refusal(firewalls.associate_subnets, **more) == INVALID
    guarded.lead(A, A)
    assert guarded.there()[0] == "delivered"
    answer = firewalls.associate_firewall_policy(FirewallPolicyArn=two, **named)
    assert answer["FirewallPolicyArn"] == two
    assert guarded.there()[0] == "refused by firewall"
    gone = {"SubnetIds": [guarded.fires[A]], **named}
    firewalls.disassociate_subnets(**gone)
    assert list(guarded.endpoints()) == [B]
    assert guarded.there()[0] == "blackhole"
    assert refusal(firewalls.disassociate_subnets, **gone) == INVALID
    firewalls.update_subnet_change_protection(SubnetChangeProtection=True, **named)
    firewalls.update_firewall_policy_change_protection(FirewallPolicyChangeProtection=True, **named)
    firewalls.update_firewall_description(Description="closed", **named)
    gone["SubnetIds"] = [guarded.fires[B]]
    assert refusal(firewalls.disassociate_subnets, **gone) == REFUSED
    more["SubnetMappings"] = [{"SubnetId": guarded.fires[A]}]
    assert refusal(firewalls.associate_subnets, **more) == REFUSED
    change = {"FirewallPolicyArn": one, **named}
    assert refusal(firewalls.associate_firewall_policy, **change) == REFUSED
    shown = firewalls.describe_firewall(**named)["Firewall"]
    assert (shown["Description"], shown["FirewallPolicyArn"]) == ("closed", two)


def test_stateless_rules_go_by_priority_of_group_and_rule(guarded: Guarded) -> None:
    web = [{"FromPort": 443, "ToPort": 443}]
    first = guarded.policies.group(
        "first",
        stateless(2, DROP, Protocols=[6]),
        stateless(1, ALL, Protocols=[6], DestinationPorts=web),
        stateless(3, FORWARD, Protocols=[17]),
    )
    second = guarded.policies.group("second", stateless(1, ALL))
    guarded.guard(first, second)
    assert guarded.rule() == ["first 1"]
    # Nothing is remembered of what passes so: the answer is dropped.
    assert guarded.there() == ("delivered", "refused by firewall")
    assert guarded.there(port=80)[0] == "refused by firewall"
    assert guarded.there(protocol="udp") == BOTH
    assert guarded.there(protocol="icmp") == BOTH


def test_stateful_rules_go_by_action(guarded: Guarded) -> None:
    text = """
    drop tcp any any -> 10.0.1.0/24 any (sid:1;)
    alert ip any any -> any any (sid:2;)
    pass tcp $HOME_NET any -> 10.0.1.0/24 443 (sid:3;)
    drop udp any any <> any 53 (sid:4;)
    reject tcp any any -> any 8080 (sid:5;)
    """
    guarded.guard(guarded.policies.text("rules", text))
    assert guarded.there() == BOTH
    assert guarded.rule() == ["stateless default", "rules 3"]
    assert guarded.there(port=80)[0] == "refused by firewall"
    # What nothing passed is dropped where a rule drops it: here, the answer.
    assert guarded.back() == ("delivered", "refused by firewall")
    assert guarded.back(port=8080)[0] == "refused by firewall"
    assert guarded.there(protocol="udp", port=53)[0] == "refused by firewall"
    assert guarded.there(protocol="udp", port=123) == BOTH


def test_stateful_rules_go_in_strict_order(guarded: Guarded) -> None:
    policies = guarded.policies
    order = "STRICT_ORDER"
    first = policies.group(
        "first",
        stateful("DROP", "TCP", "ANY", "10.0.1.0/24", "22", sid=1),
        stateful("PASS", "TCP", "$HOME_NET", "ANY", sid=2),
        order=order,
    )
    second = policies.text("second", "drop ip any any -> any any (sid:1;)", order)
    strict: dict[str, Any] = {"StatefulEngineOptions": STRICT}
    guarded.guard(first, **strict, StatefulDefaultActions=["aws:drop_strict"])
    assert guarded.there() == BOTH
    assert guarded.there(port=22)[0] == "refused by firewall"
    assert guarded.there(protocol="udp")[0] == "refused by firewall"
    named = {"FirewallPolicyName": "policy"}

    def update(*groups: str, **more: Any) -> None:
        token = guarded.firewalls.describe_firewall_policy(**named)["UpdateToken"]
        document = policies.document(*groups, **strict, **more)
        guarded.firewalls.update_firewall_policy(
            UpdateToken=token, FirewallPolicy=document, **named
        )

    update(second, first)
    assert guarded.there()[0] == "refused by firewall"
    update(first, second)
    assert guarded.there() == BOTH
    update()
    assert guarded.there(protocol="udp") == BOTH
    update(first, StatefulDefaultActions=["aws:drop_established", "aws:alert_established"])
    assert guarded.there() == BOTH
    assert guarded.there(protocol="udp")[0] == "refused by firewall"


def test_a_groups_change_counts_at_once_and_after_a_restart(guarded: Guarded) -> None:
    arn = guarded.policies.text("rules", "drop ip any any -> any any (sid:1;)")
    guarded.guard(arn)
    assert guarded.there()[0] == "refused by firewall"
    token = guarded.firewalls.describe_rule_group(RuleGroupArn=arn)["UpdateToken"]
    guarded.firewalls.update_rule_group(
        RuleGroupArn=arn, UpdateToken=token, Rules="pass ip any any -> any any (sid:1;)"
    )
    assert guarded.there() == BOTH


def test_home_is_the_network_or_what_the_policy_says(guarded: Guarded) -> None:
    text = "drop ip $EXTERNAL_NET any -> any any (sid:1;)"
    home = {"RuleVariables": {"HOME_NET": {"Definition": ["10.0.0.0/24"]}}}
    rules = guarded.policies.text("rules", text)
    guarded.guard(rules)
    assert guarded.there() == BOTH
    other = guarded.policies.policy("other", rules, PolicyVariables=home)
    guarded.firewalls.associate_firewall_policy(FirewallName="fire", FirewallPolicyArn=other)
    assert guarded.there() == ("delivered", "refused by firewall")
    assert guarded.back()[0] == "refused by firewall"


def test_an_answer_that_comes_to_another_zone_is_refused(guarded: Guarded) -> None:
    policies, firewalls = guarded.policies, guarded.firewalls
    policy = policies.policy("policy")
    firewalls.create_firewall(**guarded.wanted(policy, A, B))
    guarded.lead(A, A)
    guarded.lead(B, B)
    assert guarded.there() == ("delivered", "refused by firewall")
    goes_on = {"StatefulEngineOptions": {"StreamExceptionPolicy": "CONTINUE"}}
    other = policies.policy("other", **goes_on)
    firewalls.associate_firewall_policy(FirewallName="fire", FirewallPolicyArn=other)
    assert guarded.there() == BOTH


def test_an_analysis_shows_the_rules_that_let_a_packet_pass(guarded: Guarded) -> None:
    ec2, policies = guarded.ec2, guarded.policies
    flat = policies.group("flat", stateless(7, FORWARD, sources=["10.0.0.0/24"]))
    deep = policies.text("deep", "pass tcp any any -> 10.0.1.0/24 443 (sid:9;)")
    guarded.guard(flat, deep)
    ends = {"Source": guarded.machines[A], "Destination": guarded.machines[B]}

    def analysed(port: int) -> dict[str, Any]:
        made = ec2.create_network_insights_path(
            Protocol="tcp", ClientToken=str(port), DestinationPort=port, **ends
        )
        path = made["NetworkInsightsPath"]["NetworkInsightsPathId"]
        begun = ec2.start_network_insights_analysis(
            NetworkInsightsPathId=path, ClientToken=str(port)
        )
        name = begun["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
        wanted = {"NetworkInsightsAnalysisIds": [name]}
        answer = ec2.describe_network_insights_analyses(**wanted)
        found: dict[str, Any] = answer["NetworkInsightsAnalyses"][0]
        return found

    parts = analysed(443)["ForwardPathComponents"]
    [screened] = [one["FirewallStatelessRule"] for one in parts if "FirewallStatelessRule" in one]
    assert (screened["RuleGroupArn"], screened["Priority"]) == (flat, 7)
    assert (screened["RuleAction"], screened["Sources"]) == ("forward_to_sfe", ["10.0.0.0/24"])
    [passed] = [one["FirewallStatefulRule"] for one in parts if "FirewallStatefulRule" in one]
    assert (passed["RuleGroupArn"], passed["Protocol"]) == (deep, "tcp")
    assert passed["DestinationPorts"] == [{"From": 443, "To": 443}]
    token = guarded.firewalls.describe_rule_group(RuleGroupArn=deep)["UpdateToken"]
    guarded.firewalls.update_rule_group(
        RuleGroupArn=deep, UpdateToken=token, Rules="drop ip any any -> any any (sid:9;)"
    )
    blocked = analysed(80)
    assert not blocked["NetworkPathFound"]
    [why] = blocked["Explanations"]
    assert why["ExplanationCode"] == "FIREWALL_RULES_RESTRICTION"
    assert why["Component"]["Id"].endswith(":firewall/fire")

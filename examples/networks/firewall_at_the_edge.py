"""A managed firewall between a network and the internet.

A server has a public address, and stands behind an endpoint of Network Firewall. Three tables bring
both directions of every conversation past it. The internet gateway's own table leads what comes in
for the servers' subnet to the endpoint; the servers' table leads what goes out there as well; and
the table of the endpoint's subnet leads what the firewall has passed to the gateway.

The policy hands everything to stateful rules, in strict order, and drops what none of them passes.
A rule that passes the first packet of a conversation passes all of it, so there is a rule for each
way in which conversations may begin, and none for answers.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
SERVERS, FIRE = "10.0.0.0/24", "10.0.1.0/28"
FORWARD = ["aws:forward_to_sfe"]
RULES = """
pass tcp any any -> $HOME_NET 443 (msg:"visitors"; sid:1;)
pass tcp $HOME_NET any -> $EXTERNAL_NET 443 (msg:"updates"; sid:2;)
"""


def firewall(lab, of, subnet):
    """A firewall with an endpoint in a subnet; the endpoint's id."""
    guard = lab.client("network-firewall")
    order = {"RuleOrder": "STRICT_ORDER"}
    group = guard.create_rule_group(
        RuleGroupName="conversations",
        Type="STATEFUL",
        Capacity=10,
        RuleGroup={"RulesSource": {"RulesString": RULES}, "StatefulRuleOptions": order},
    )["RuleGroupResponse"]["RuleGroupArn"]
    policy = guard.create_firewall_policy(
        FirewallPolicyName="policy",
        FirewallPolicy={
            "StatelessDefaultActions": FORWARD,
            "StatelessFragmentDefaultActions": FORWARD,
            "StatefulRuleGroupReferences": [{"ResourceArn": group, "Priority": 1}],
            "StatefulEngineOptions": order,
            "StatefulDefaultActions": ["aws:drop_strict"],
        },
    )["FirewallPolicyResponse"]["FirewallPolicyArn"]
    guard.create_firewall(
        FirewallName="firewall",
        FirewallPolicyArn=policy,
        VpcId=of,
        SubnetMappings=[{"SubnetId": subnet}],
    )
    status = guard.describe_firewall(FirewallName="firewall")["FirewallStatus"]
    [zone] = status["SyncStates"].values()
    return zone["Attachment"]["EndpointId"]


def rule_of(way):
    """The rule by which the firewall has let something pass."""
    names = [hop["rule"] for hop in way["hops"] if hop["kind"] == "appliance"]
    return names[-1] if names else "no rule"


def play(lab):
    ec2 = lab.client("ec2")
    vpc = parts.vpc(ec2, "network", "10.0.0.0/16")
    gateway = parts.internet_gateway(ec2, "gateway", vpc)
    servers, fire = (
        parts.subnet(ec2, name, vpc, prefix)
        for name, prefix in (("servers", SERVERS), ("fire", FIRE))
    )
    endpoint = firewall(lab, vpc, fire)
    fire_table = parts.table(ec2, "fire table", vpc, fire)
    parts.route(ec2, fire_table, parts.EVERYTHING, GatewayId=gateway)
    servers_table = parts.table(ec2, "servers table", vpc, servers)
    parts.route(ec2, servers_table, parts.EVERYTHING, VpcEndpointId=endpoint)
    edge = parts.table(ec2, "edge table", vpc)
    parts.route(ec2, edge, SERVERS, VpcEndpointId=endpoint)
    edge_association = ec2.associate_route_table(RouteTableId=edge, GatewayId=gateway)
    group = parts.group(ec2, "everybody", vpc, parts.EVERYTHING)
    server = parts.instance(ec2, "server", servers, group)
    address = ec2.allocate_address(TagSpecifications=parts.tagged("elastic-ip", "server"))
    ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=server)
    public = address["PublicIp"]

    walk = lab.ask("A visitor", "internet", public, back="left")
    lab.check("Passed by", rule_of(walk["forward"]), "conversations 1")
    lab.draw("A visitor, past the firewall", "internet", public)
    walk = lab.ask("The server fetches an update", server, "internet", expects="left")
    lab.check("Passed by", rule_of(walk["forward"]), "conversations 2")
    refused = {"expects": "refused by firewall", "back": None}
    lab.ask("A stranger at another door", "internet", public, port=22, **refused)
    lab.ask("The server sends mail", server, "internet", port=25, **refused)

    lab.say("""
        Somebody rebuilds the gateway, and forgets its table. What comes in goes to the server
        straight, past no rule; only its answers come to the firewall, which has not seen what they
        answer.
    """)
    ec2.disassociate_route_table(AssociationId=edge_association["AssociationId"])
    walk = lab.ask(
        "A stranger, without the gateway's table",
        "internet",
        public,
        port=22,
        back="refused by firewall",
    )
    lab.check("On the way in, passed by", rule_of(walk["forward"]), "no rule")
    ec2.associate_route_table(RouteTableId=edge, GatewayId=gateway)

    lab.say("""
        Or the servers' table is led to the gateway again, as it was before there was a firewall.
        A subnet whose way in is led past something has no straight way out.
    """)
    ec2.replace_route(
        RouteTableId=servers_table,
        DestinationCidrBlock=parts.EVERYTHING,
        GatewayId=gateway,
    )
    lab.ask("A visitor who gets no answer", "internet", public, back="redirected")


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

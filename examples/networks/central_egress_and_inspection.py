"""One way out for many networks, past a firewall.

Two networks reach each other and the internet by one transit gateway only, and everything that they
send passes an appliance on the way. The appliances stand behind a Gateway Load Balancer in a
security network, which has three subnets in each of two zones: one for the transit gateway, one for
an endpoint of the load balancer, and a public one for a NAT gateway.

A packet from a network comes out of the transit gateway in one of the zones, is led to that zone's
endpoint and past its appliance, and goes on by the table of the endpoint's subnet: to the NAT
gateway if it is for the internet, back to the transit gateway if it is for the other network. What
comes back from the internet is led to the same endpoint by the public subnet's table.

Appliances remember what they have seen, and refuse answers to what they have not. Between two
networks in two zones, only the transit gateway's appliance mode brings the answer to the appliance
that has seen the question: both directions of a flow then take one zone, whatever zones their
senders are in.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
ZONES = ("a", "b")
INSIDE = "10.0.0.0/8"


def appliances_of(way):
    """The appliances that a way has passed, by name."""
    met = dict.fromkeys(hop["name"] for hop in way["hops"] if hop["kind"] == "appliance")
    return " and ".join(met) or "none"


def fleet(lab, of):
    """A Gateway Load Balancer with an appliance in each zone, offered as an endpoint service."""
    ec2, elb = lab.client("ec2"), lab.client("elbv2")
    subnets = {
        zone: parts.subnet(ec2, f"appliances {zone}", of, f"10.100.3{number}.0/24", zone)
        for number, zone in enumerate(ZONES)
    }
    group = parts.group(ec2, "appliances", of, "10.100.0.0/16", protocol="udp", port=6081)
    balancer = elb.create_load_balancer(
        Name="inspection", Type="gateway", Subnets=list(subnets.values())
    )["LoadBalancers"][0]["LoadBalancerArn"]
    targets = elb.create_target_group(
        Name="inspection", Protocol="GENEVE", Port=6081, VpcId=of, TargetType="instance"
    )["TargetGroups"][0]["TargetGroupArn"]
    for zone, subnet in subnets.items():
        machine = parts.instance(ec2, f"firewall {zone}", subnet, group)
        elb.register_targets(TargetGroupArn=targets, Targets=[{"Id": machine}])
    elb.create_listener(
        LoadBalancerArn=balancer,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}],
    )
    made = ec2.create_vpc_endpoint_service_configuration(
        GatewayLoadBalancerArns=[balancer],
        AcceptanceRequired=False,
        TagSpecifications=parts.tagged("vpc-endpoint-service", "inspection"),
    )
    return made["ServiceConfiguration"]["ServiceName"]


def endpoint(ec2, name, of, subnet, service):
    """An endpoint of the load balancer, which routes may lead to."""
    made = ec2.create_vpc_endpoint(
        VpcEndpointType="GatewayLoadBalancer",
        ServiceName=service,
        VpcId=of,
        SubnetIds=[subnet],
        TagSpecifications=parts.tagged("vpc-endpoint", name),
    )
    return made["VpcEndpoint"]["VpcEndpointId"]


def security_network(lab, hub, spokes, security):
    """The network of appliances, attached: its attachment, and the public tables.

    In each zone it has a side for the hub, one for the endpoint, and a public one.
    """
    ec2 = lab.client("ec2")
    vpc = parts.vpc(ec2, "security network", "10.100.0.0/16")
    service = fleet(lab, vpc)
    gateway = parts.internet_gateway(ec2, "way out", vpc)
    sides, tables = {}, {}
    for number, zone in enumerate(ZONES):
        for third, side in enumerate(("hub", "fire", "public")):
            name = f"{side} side {zone}"
            prefix = f"10.100.{10 * third + number}.0/24"
            sides[side, zone] = parts.subnet(ec2, name, vpc, prefix, zone)
            tables[side, zone] = parts.table(ec2, f"{name} table", vpc, sides[side, zone])
        fire = endpoint(ec2, f"endpoint {zone}", vpc, sides["fire", zone], service)
        parts.route(ec2, tables["public", zone], parts.EVERYTHING, GatewayId=gateway)
        out = parts.nat_gateway(ec2, f"out {zone}", sides["public", zone])
        parts.route(ec2, tables["fire", zone], parts.EVERYTHING, NatGatewayId=out)
        parts.route(ec2, tables["hub", zone], parts.EVERYTHING, VpcEndpointId=fire)
        parts.route(ec2, tables["public", zone], INSIDE, VpcEndpointId=fire)
    hub_sides = [sides["hub", zone] for zone in ZONES]
    appliance_mode = {"ApplianceModeSupport": "enable"}
    attachment = parts.attach(ec2, "security attachment", hub, vpc, *hub_sides, **appliance_mode)
    for zone in ZONES:
        parts.route(ec2, tables["fire", zone], INSIDE, TransitGatewayId=hub)
    parts.associate(ec2, security, attachment)
    parts.hub_route(ec2, spokes, parts.EVERYTHING, attachment)
    return attachment, [tables["public", zone] for zone in ZONES]


def play(lab):
    ec2 = lab.client("ec2")
    hub = parts.hub(ec2, "hub")
    spokes, security = parts.hub_table(ec2, "spokes", hub), parts.hub_table(ec2, "security", hub)
    inspected, public_tables = security_network(lab, hub, spokes, security)
    hosts, attachments = {}, {}
    for number, (name, zone) in enumerate(zip(("one", "two"), ZONES, strict=True), 1):
        vpc = parts.vpc(ec2, f"{name} network", f"10.{number}.0.0/16")
        subnet = parts.subnet(ec2, f"{name} subnet", vpc, f"10.{number}.0.0/24", zone)
        group = parts.group(ec2, f"{name} group", vpc, INSIDE)
        hosts[name] = parts.instance(ec2, f"{name} host", subnet, group)
        attachments[name] = parts.attach(ec2, f"{name} attachment", hub, vpc, subnet)
        parts.route(ec2, parts.main_table(ec2, vpc), parts.EVERYTHING, TransitGatewayId=hub)
    parts.associate(ec2, spokes, *attachments.values())
    parts.propagate(ec2, security, *attachments.values())
    one, two = hosts.values()

    walk = lab.ask(
        "A host goes out to the internet, and is answered", one, "internet", expects="left"
    )
    there, back = appliances_of(walk["forward"]), appliances_of(walk["return"])
    lab.check("Who sees both directions", there, back)
    lab.check("Inspected, each way", walk["forward"]["charges"].count("inspection"), 1)
    lab.draw("Out to the internet, past an appliance", one, "internet")
    walk = lab.ask("A host reaches the other network", one, two)
    there, back = appliances_of(walk["forward"]), appliances_of(walk["return"])
    lab.check("Who sees both directions", there, back)
    charges = walk["forward"]["charges"]
    lab.check("Inspected, each way", charges.count("inspection"), 1)
    lab.check("How often the hub is charged, each way", charges.count("hub"), 2)
    forget_appliance_mode(lab, inspected, one, two)
    forget_a_propagation(lab, spokes, attachments, one, two)
    forget_the_way_back(lab, hub, public_tables, one)


def forget_appliance_mode(lab, inspected, one, two):
    lab.say("""
        Somebody attaches the security network again, and forgets appliance mode. The hub then keeps
        packets in the zone that they come from. The two hosts are in two zones: the question passes
        the appliance of the one, the answer comes to that of the other, which has not seen the
        question.
    """)

    def turn(mode):
        lab.client("ec2").modify_transit_gateway_vpc_attachment(
            TransitGatewayAttachmentId=inspected, Options={"ApplianceModeSupport": mode}
        )

    turn("disable")
    walk = lab.ask(
        "Without appliance mode the answer is refused", one, two, back="refused by firewall"
    )
    lab.check("The question met", appliances_of(walk["forward"]), "firewall a")
    lab.check("The answer met", appliances_of(walk["return"]), "firewall b")
    lab.draw("Without appliance mode", one, two)
    turn("enable")


def forget_a_propagation(lab, spokes, attachments, one, two):
    ec2 = lab.client("ec2")
    lab.say("""
        A table of the hub that was there before still learns one of the networks. A learnt route is
        more specific than the one that leads everything to the security network, so what is for
        that network goes past all appliances. Its answers do not, and are refused. When both are
        learnt, all works again, and nothing is looked at: no test of reach will find that.
    """)
    parts.propagate(ec2, spokes, attachments["two"])
    walk = lab.ask(
        "One of them learnt: an answer without a question", one, two, back="refused by firewall"
    )
    lab.check("The question met", appliances_of(walk["forward"]), "none")
    parts.propagate(ec2, spokes, attachments["one"])
    walk = lab.ask("Both learnt: past all appliances", one, two)
    lab.check("The question met", appliances_of(walk["forward"]), "none")
    lab.check("The answer met", appliances_of(walk["return"]), "none")
    for attachment in attachments.values():
        ec2.disable_transit_gateway_route_table_propagation(
            TransitGatewayRouteTableId=spokes, TransitGatewayAttachmentId=attachment
        )
    walk = lab.ask("With the tables as they should be", one, two)
    lab.check("Inspected", walk["forward"]["charges"].count("inspection"), 1)


def forget_the_way_back(lab, hub, public_tables, one):
    ec2 = lab.client("ec2")
    lab.say("""
        The public subnets need a way back: what returns from the internet comes out of the NAT
        gateway there, for an address of a network. Without it, the table leads that to the internet
        gateway, which takes nothing for private addresses. Led to the hub instead of to the
        endpoint it arrives, and the appliance never sees an answer.
    """)
    for table in public_tables:
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock=INSIDE)
    lab.ask("Without a way back", one, "internet", expects="left", back="private address")
    for table in public_tables:
        parts.route(ec2, table, INSIDE, TransitGatewayId=hub)
    walk = lab.ask("A way back that misses the appliance", one, "internet", expects="left")
    lab.check("Inspected, on the way there", walk["forward"]["charges"].count("inspection"), 1)
    lab.check("The answer met", appliances_of(walk["return"]), "none")


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

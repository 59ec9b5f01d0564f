"""A software-defined data centre, connected to one VPC, and through a hub to all.

A data centre of virtual machines in the cloud, as VMware's is, comes with an interface in one VPC
of the customer's, the connected one. What stands there is near: its databases, file systems and
endpoints are used without any gateway in between. But the interface leads into that VPC and no
further. Neither its peerings nor its ways to the internet take what comes from the data centre:
there is no transit.

For all other VPCs the data centre has a VPN with BGP to a transit gateway, over two tunnels at
once. It announces its own prefixes there, and hears those of every VPC that the table of its
attachment has learnt. Its traffic to the connected VPC stays on the interface.

No call of EC2's makes such an interface. A VPN gateway stands for it here, with the same manners:
it takes what is for its VPC, and nothing else. The data centre is a site with two routers.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
SDDC, ASN = "10.50.0.0/16", 65050
MACHINE = "10.50.1.10"


def built(ec2):
    """Three VPCs with a machine each; the VPCs, their subnets and the machines, by name."""
    vpcs, subnets, hosts = {}, {}, {}
    for name, start in (("connected", "10.1"), ("orders", "10.2"), ("billing", "10.3")):
        vpcs[name] = parts.vpc(ec2, f"{name} network", f"{start}.0.0/16")
        subnets[name] = parts.subnet(ec2, f"{name} subnet", vpcs[name], f"{start}.0.0/24")
        group = parts.group(ec2, f"{name} group", vpcs[name], "10.0.0.0/8")
        hosts[name] = parts.instance(ec2, f"{name} host", subnets[name], group)
    return vpcs, subnets, hosts


def play(lab):
    ec2 = lab.client("ec2")
    vpcs, subnets, hosts = built(ec2)
    interface = parts.site(ec2, "sddc interface", "203.0.113.50", ASN, SDDC)
    edge = parts.site(ec2, "sddc edge", "203.0.113.51", ASN, SDDC)
    ec2.create_tags(Resources=[interface, edge], Tags=[{"Key": "antipodes:site", "Value": "sddc"}])
    gateway = parts.vpn_gateway(ec2, "connected gateway", vpcs["connected"])
    parts.vpn(ec2, "connected line", interface, VpnGatewayId=gateway)

    lab.ask("The data centre reaches the connected VPC", MACHINE, hosts["connected"])
    lab.ask("And is reached from there", hosts["connected"], MACHINE)

    peer(lab, ec2, vpcs, hosts)
    join(lab, ec2, vpcs, subnets, hosts, edge)
    near = lab.ask("The connected VPC is where it was", MACHINE, hosts["connected"])
    gateways = [hop["id"] for hop in near["forward"]["hops"] if hop["kind"] == "private gateway"]
    lab.check("By its own interface", set(gateways), {gateway})


def peer(lab, ec2, vpcs, hosts):
    """What peering does not do."""
    lab.say("""
        The orders are in a VPC that is peered with the connected one. Somebody adds the route to
        the data centre, by the peering, and wonders.
    """)
    peering = ec2.create_vpc_peering_connection(
        VpcId=vpcs["orders"],
        PeerVpcId=vpcs["connected"],
        TagSpecifications=parts.tagged("vpc-peering-connection", "orders peering"),
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    orders = parts.main_table(ec2, vpcs["orders"])
    connected = parts.main_table(ec2, vpcs["connected"])
    parts.route(ec2, orders, "10.1.0.0/16", VpcPeeringConnectionId=peering)
    parts.route(ec2, connected, "10.2.0.0/16", VpcPeeringConnectionId=peering)
    parts.route(ec2, orders, SDDC, VpcPeeringConnectionId=peering)
    lab.ask("The two VPCs reach each other", hosts["orders"], hosts["connected"])
    lab.ask(
        "The peering leads into the connected VPC, and no further",
        hosts["orders"],
        MACHINE,
        expects="not in the peer",
        back=None,
    )
    lab.ask(
        "And the data centre knows of nothing behind it",
        MACHINE,
        hosts["orders"],
        expects="no route",
        back=None,
    )


def join(lab, ec2, vpcs, subnets, hosts, edge):  # noqa: PLR0913, PLR0917 - all that was built
    """What the hub does."""
    lab.say("""
        So the data centre gets a VPN to the transit gateway that the other VPCs are attached to.
        The table `sddc` decides what it hears, the table `networks` where VPCs' packets go.
    """)
    hub = parts.hub(ec2, "hub")
    networks, heard = parts.hub_table(ec2, "networks", hub), parts.hub_table(ec2, "sddc", hub)
    line = parts.attachment_of(ec2, parts.vpn(ec2, "hub line", edge, TransitGatewayId=hub))
    parts.associate(ec2, heard, line)
    for name in ("orders", "billing"):
        attachment = parts.attach(ec2, f"{name} attachment", hub, vpcs[name], subnets[name])
        parts.associate(ec2, networks, attachment)
        parts.propagate(ec2, heard, attachment)
    orders = parts.main_table(ec2, vpcs["orders"])
    ec2.replace_route(RouteTableId=orders, DestinationCidrBlock=SDDC, TransitGatewayId=hub)
    billing = parts.main_table(ec2, vpcs["billing"])
    parts.route(ec2, billing, SDDC, TransitGatewayId=hub)
    lab.ask(
        "Its packets arrive, and no answer comes: nobody told VPCs' table of the data centre",
        MACHINE,
        hosts["orders"],
        back="no route",
    )
    parts.propagate(ec2, networks, line)
    walk = lab.ask("The data centre reaches the orders", MACHINE, hosts["orders"])
    lab.draw("A data centre through a hub", MACHINE, hosts["orders"])
    lab.check("One flow has, in Gbps", walk["forward"]["gbps"], 1.25)
    lab.ask("It reaches the billing", MACHINE, hosts["billing"])
    lab.ask("The billing reaches it", hosts["billing"], MACHINE)
    lab.ask(
        "VPCs that are for the data centre only stay apart",
        hosts["billing"],
        hosts["orders"],
        expects="no route",
        back=None,
    )


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

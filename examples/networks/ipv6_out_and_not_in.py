"""IPv6: out, and not in, by an egress-only gateway.

Addresses of IPv6 are public, so nothing has to be translated, and nothing hides a host either. A
private subnet leads `::/0` to an egress-only gateway: it lets out what hosts begin, and lets in
what answers that. A public subnet leads the same prefix to an internet gateway, which lets in what
security groups allow. Routes of IPv4 say nothing of IPv6: `0.0.0.0/0` covers none of it.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
OUTSIDE = "2001:2::1"  # somebody on the internet
EVERYWHERE = "::/0"


def with_ipv6(ec2, made, prefix6):
    """A subnet that gives each interface an address of IPv6 as well."""
    ec2.associate_subnet_cidr_block(SubnetId=made, Ipv6CidrBlock=prefix6)
    ec2.modify_subnet_attribute(SubnetId=made, AssignIpv6AddressOnCreation={"Value": True})


def address6(ec2, machine):
    """The address of IPv6 of an instance."""
    [found] = ec2.describe_instances(InstanceIds=[machine])["Reservations"]
    return found["Instances"][0]["Ipv6Address"]


def play(lab):
    ec2 = lab.client("ec2")
    vpc = parts.vpc(ec2, "network", "10.0.0.0/16")
    given = ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    start = given["Ipv6CidrBlockAssociation"]["Ipv6CidrBlock"].partition("::")[0]
    public = parts.subnet(ec2, "public", vpc, "10.0.0.0/24")
    private = parts.subnet(ec2, "private", vpc, "10.0.1.0/24", "b")
    with_ipv6(ec2, public, f"{start}::/64")
    with_ipv6(ec2, private, f"{start}:1::/64")
    gateway = parts.internet_gateway(ec2, "gateway", vpc)
    out_only = ec2.create_egress_only_internet_gateway(
        VpcId=vpc, TagSpecifications=parts.tagged("egress-only-internet-gateway", "out only")
    )["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    tables = {
        "public": parts.table(ec2, "public", vpc, public),
        "private": parts.table(ec2, "private", vpc, private),
    }
    parts.route6(ec2, tables["public"], EVERYWHERE, GatewayId=gateway)
    parts.route6(ec2, tables["private"], EVERYWHERE, EgressOnlyInternetGatewayId=out_only)
    group = parts.group(ec2, "web", vpc, "10.0.0.0/16")
    web = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}]
    web[0]["Ipv6Ranges"] = [{"CidrIpv6": EVERYWHERE}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=web)
    server = parts.instance(ec2, "server", public, group)
    worker = parts.instance(ec2, "worker", private, group)
    lab.draw("Two ways out, one way in", worker, OUTSIDE)
    lab.ask("The worker gets an answer from outside", worker, OUTSIDE, expects="left")
    lab.ask("The server is reached", OUTSIDE, address6(ec2, server), back="left")
    lab.say(
        "The security group lets both be reached, and only one can be: what somebody outside "
        "begins comes in by the internet gateway, and the worker's answer would have to leave by a "
        "gateway that has not seen the question."
    )
    lab.ask(
        "The worker cannot answer what it did not ask",
        *(OUTSIDE, address6(ec2, worker)),
        back="not an answer",
    )
    lab.ask("No route of IPv4 leads out", worker, "internet", expects="no route", back=None)
    lab.say(
        "Somebody who thinks of private hosts as of those of IPv4, which have no public address, "
        "leads the private subnet to the internet gateway."
    )
    ec2.replace_route(
        RouteTableId=tables["private"], DestinationIpv6CidrBlock=EVERYWHERE, GatewayId=gateway
    )
    lab.ask("The worker is open to the world", OUTSIDE, address6(ec2, worker), back="left")


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

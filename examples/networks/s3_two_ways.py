"""S3 by two ways: a gateway inside, an interface endpoint for the office.

A gateway endpoint for S3 costs nothing and has no limit, but it is a route: it works for the
subnets whose tables have it, and for nobody who comes from outside. An interface endpoint is an
address in the VPC, so whoever is routed there can use it, the office over a VPN too; it is paid for
by the hour and by the gigabyte. A VPC has both when machines inside use the one, and the office the
other.

The name decides who takes which. With private DNS for inbound resolver endpoints only, machines in
the VPC go on to see S3's public addresses, which the gateway's route is for. The office forwards
its questions for `amazonaws.com` to an inbound endpoint, and is told the private ones.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
S3 = f"s3.{REGIONS[0]}.amazonaws.com"
OFFICE, ASN = "192.168.0.0/16", 65010
SOMEBODY = "192.168.5.5"


def play(lab):
    ec2 = lab.client("ec2")
    vpc = parts.vpc(ec2, "network", "10.0.0.0/16")
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        parts.subnet(ec2, f"subnet {zone}", vpc, f"10.0.{number}.0/24", zone)
        for number, zone in enumerate("ab")
    ]
    group = parts.group(ec2, "inside and office", vpc, "10.0.0.0/16", OFFICE)
    machine = parts.instance(ec2, "machine", subnets[0], group)
    router = parts.site(ec2, "office", "203.0.113.1", ASN, OFFICE)
    gateway = parts.vpn_gateway(ec2, "way to the office", vpc)
    parts.vpn(ec2, "line", router, VpnGatewayId=gateway)
    door = inbound(lab, subnets, group)

    lab.say("At first there is nothing but the name.")
    [public] = lab.resolve(S3, REGIONS[0], vpc)
    lab.ask("S3 from inside", machine, public, expects="no route", back=None)

    table = parts.main_table(ec2, vpc)
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGIONS[0]}.s3",
        RouteTableIds=[table],
        TagSpecifications=parts.tagged("vpc-endpoint", "gateway to S3"),
    )
    lab.say("With a gateway endpoint there is a route, for those inside.")
    lab.ask("S3 from inside", machine, public)
    lab.draw("Inside, by the gateway endpoint", machine, public)
    lab.ask("And from the office, no", SOMEBODY, public, expects="no route", back=None)

    made = interface(ec2, vpc, subnets, group)
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])
    private = sorted(one["PrivateIpAddress"] for one in found["NetworkInterfaces"])
    lab.say("The office comes to an interface endpoint, and is told of it by the inbound endpoint.")
    lab.check("What the office is told", sorted(lab.resolve(S3, REGIONS[0], door)), private)
    lab.ask("S3 from the office", SOMEBODY, private[0])
    lab.ask("The question itself", SOMEBODY, door, protocol="udp", port=53)
    lab.check("What machines inside are told", lab.resolve(S3, REGIONS[0], vpc), [public])
    lab.draw("The office, by the interface endpoint", SOMEBODY, private[0])

    lab.say(
        "Somebody turns private DNS on for all. Everything works, and all that the machines "
        "read goes by the interface endpoint from now on, and is paid for."
    )
    everybody = {"PrivateDnsOnlyForInboundResolverEndpoint": False}
    ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], DnsOptions=everybody)
    lab.check("What machines inside are told", sorted(lab.resolve(S3, REGIONS[0], vpc)), private)


def interface(ec2, vpc, subnets, group):
    """An interface endpoint for S3, with private names for those who ask from outside."""
    return ec2.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGIONS[0]}.s3",
        SubnetIds=subnets,
        SecurityGroupIds=[group],
        PrivateDnsEnabled=True,
        DnsOptions={"PrivateDnsOnlyForInboundResolverEndpoint": True},
        TagSpecifications=parts.tagged("vpc-endpoint", "interface of S3"),
    )["VpcEndpoint"]


def inbound(lab, subnets, group):
    """An address at which the office asks the VPC's resolver."""
    client = lab.client("route53resolver")
    made = client.create_resolver_endpoint(
        CreatorRequestId="for the office",
        Direction="INBOUND",
        SecurityGroupIds=[group],
        IpAddresses=[{"SubnetId": subnet} for subnet in subnets],
    )["ResolverEndpoint"]["Id"]
    found = client.list_resolver_endpoint_ip_addresses(ResolverEndpointId=made)
    return found["IpAddresses"][0]["Ip"]


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

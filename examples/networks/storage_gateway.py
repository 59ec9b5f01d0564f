"""A storage gateway in an office, over a private endpoint.

A file gateway is a machine in the office that keeps files in a bucket. Its ways are private: a VPN
to a VPC, and there two interface endpoints, one for S3, and one for Storage Gateway, by which the
machine is activated and told what to do. It is given the endpoints' own names, so nothing is hidden
and no rule is needed: such names are public, and mean private addresses wherever they are asked
for. Buckets are below `bucket.` and access points below `accesspoint.`; one endpoint serves any
number of gateways. A zonal name keeps a gateway to one zone.

The endpoints' security groups have to know the office, and the VPC's table the way back to it.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
OFFICE, ASN = "192.168.0.0/16", 65010
GATEWAY = "192.168.10.20"


def play(lab):
    ec2 = lab.client("ec2")
    vpc = parts.vpc(ec2, "network", "10.0.0.0/16")
    subnets = [
        parts.subnet(ec2, f"subnet {zone}", vpc, f"10.0.{number}.0/24", zone)
        for number, zone in enumerate("ab")
    ]
    group = parts.group(ec2, "endpoint group", vpc, "10.0.0.0/16", protocol="tcp", port=443)
    made = endpoint(ec2, "s3", vpc, subnets, group)
    router = parts.site(ec2, "office", "203.0.113.1", ASN, OFFICE)
    line = parts.vpn_gateway(ec2, "way to the office", vpc)
    parts.vpn(ec2, "line", router, VpnGatewayId=line)

    lab.say("The names that the gateway is given are below the endpoint's own.")
    regional, *zonal = [one["DnsName"].removeprefix("*.") for one in made["DnsEntries"]]
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])
    there = {one["AvailabilityZone"]: one["PrivateIpAddress"] for one in found["NetworkInterfaces"]}
    both = sorted(there.values())
    for kind in ("files.bucket", "share-000000000000.accesspoint"):
        answer = sorted(lab.resolve(f"{kind}.{regional}", REGIONS[0], vpc))
        lab.check(f"{kind}, by the name for the region", answer, both)
    [answer] = lab.resolve(f"files.bucket.{zonal[0]}", REGIONS[0], vpc)
    lab.check("By the name for the first zone", answer, there[f"{REGIONS[0]}a"])

    lab.say("The group knows the VPC's own prefix only.")
    lab.ask("The gateway", GATEWAY, answer, expects="refused by groups", back=None)
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    office = {**permission, "IpRanges": [{"CidrIp": OFFICE}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[office])
    walk = lab.ask("Now it gets there, and is answered", GATEWAY, answer)
    [source] = {hop["packet"].split()[1].split(":")[0] for hop in walk["forward"]["hops"]}
    lab.check("The endpoint sees the gateway's own address", source, GATEWAY)
    lab.draw("A file gateway and its bucket", GATEWAY, answer)

    lab.say("Its orders come by another endpoint, which needs more ports than 443.")
    orders = parts.group(ec2, "orders group", vpc, OFFICE, protocol="tcp", port=443)
    told = endpoint(ec2, "storagegateway", vpc, subnets, orders)
    name = told["DnsEntries"][0]["DnsName"]
    [door, _] = sorted(lab.resolve(name, REGIONS[0], vpc))
    lab.ask("It is activated", GATEWAY, door)
    lab.ask("And hears nothing", GATEWAY, door, expects="refused by groups", back=None, port=1026)
    for first, last in ((1026, 1028), (1031, 1031), (2222, 2222)):
        ports = {"IpProtocol": "tcp", "FromPort": first, "ToPort": last}
        permission = {**ports, "IpRanges": [{"CidrIp": OFFICE}]}
        ec2.authorize_security_group_ingress(GroupId=orders, IpPermissions=[permission])
    for port in (1026, 1027, 1028, 1031, 2222):
        lab.ask(f"With port {port}, it does", GATEWAY, door, port=port)

    lab.say("Without the route that the VPN gateway tells the table of, no answer comes back.")
    table = parts.main_table(ec2, vpc)
    ec2.disable_vgw_route_propagation(RouteTableId=table, GatewayId=line)
    lab.ask("The gateway", GATEWAY, answer, back="no route")


def endpoint(ec2, service, vpc, subnets, group):
    """An interface endpoint that is called by its own names."""
    made = ec2.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGIONS[0]}.{service}",
        SubnetIds=subnets,
        SecurityGroupIds=[group],
        PrivateDnsEnabled=False,
        TagSpecifications=parts.tagged("vpc-endpoint", f"{service} endpoint"),
    )
    return made["VpcEndpoint"]


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

"""Endpoints in other regions, by rules for names.

An application in us-east-1 uses buckets in us-west-2, privately: its VPC is peered with one there
that has an interface endpoint for S3. Routes lead to the endpoint, but the name
`s3.us-west-2.amazonaws.com` is hidden in the far VPC only. So that VPC's resolver has to be asked:
it has an inbound endpoint, and at home an outbound endpoint and a rule forward two domains to it,
`us-west-2.amazonaws.com` for the usual names and `us-west-2.vpce.amazonaws.com` for the endpoints'
own. The questions go over the same peering, by port 53, and the inbound endpoint's security group
has to let them in.

What the far resolver does not know privately it asks the public DNS for, so a rule for a region
without an endpoint changes nothing, and nobody notices.
"""

import lab as laboratory
import parts

HOME, WEST, OHIO = "us-east-1", "us-west-2", "us-east-2"
REGIONS = (HOME, WEST, OHIO)
PREFIXES = {HOME: "10.1", WEST: "10.2", OHIO: "10.3"}


def play(lab):
    ec2 = {region: lab.client("ec2", region) for region in REGIONS}
    networks = {region: network(ec2[region], region) for region in REGIONS}
    home, _, home_group = networks[HOME]
    worker = parts.instance(ec2[HOME], "worker", networks[HOME][1][0], home_group)
    for region in (WEST, OHIO):
        join(lab, ec2, networks, region)
    inside = endpoint(ec2[WEST], *networks[WEST])
    outbound, sources = resolver(lab, HOME, "OUTBOUND", networks[HOME])
    doors = {
        region: resolver(lab, region, "INBOUND", networks[region])[1] for region in (WEST, OHIO)
    }

    lab.say("Without a rule the name is public, and there is no way to the internet.")
    [public] = lab.resolve(s3(WEST), HOME, home)
    lab.ask("The public address", worker, public, expects="no route", back=None)

    lab.say("With the rule, the far resolver is asked, and answers with the endpoint's addresses.")
    for domain in (f"{WEST}.amazonaws.com", f"{WEST}.vpce.amazonaws.com"):
        forward(lab, domain, outbound, doors[WEST], home)
    lab.check("S3 in the west is", sorted(lab.resolve(s3(WEST), HOME, home)), inside)
    bucket = f"photos.{s3(WEST)}"
    lab.check("So is a bucket", sorted(lab.resolve(bucket, HOME, home)), inside)
    lab.ask("The endpoint", worker, inside[0])
    questions = {"protocol": "udp", "port": 53}
    lab.ask("The question itself", sources[0], doors[WEST][0], **questions)
    lab.draw("A bucket in another region", worker, inside[0])

    lab.say(
        "Ohio has the peering, the inbound endpoint and the rule. Nobody has made an endpoint for "
        "S3 there: the far resolver finds the public address, and the packets go nowhere."
    )
    forward(lab, f"{OHIO}.amazonaws.com", outbound, doors[OHIO], home)
    [public] = lab.resolve(s3(OHIO), HOME, home)
    lab.ask("Ohio's public address", worker, public, expects="no route", back=None)

    lab.say("Somebody tidies the groups in the west: questions are not let in any more.")
    ec2[WEST].revoke_security_group_ingress(
        GroupId=networks[WEST][2],
        IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
    )
    lab.ask(
        "The question",
        sources[0],
        doors[WEST][0],
        expects="refused by groups",
        back=None,
        **questions,
    )


def s3(region):
    """The name that S3 is called by in a region."""
    return f"s3.{region}.amazonaws.com"


def network(ec2, region):
    """A VPC that resolves private names, its subnets in two zones, and a group for all."""
    prefix = PREFIXES[region]
    vpc = parts.vpc(ec2, f"{region} network", f"{prefix}.0.0/16")
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        parts.subnet(ec2, f"{region} {zone}", vpc, f"{prefix}.{number}.0/24", zone)
        for number, zone in enumerate("ab")
    ]
    return vpc, subnets, parts.group(ec2, f"{region} group", vpc, "10.0.0.0/8")


def join(lab, ec2, networks, region):
    """Peer a region's VPC with the one at home, with routes on both sides."""
    home, far = networks[HOME][0], networks[region][0]
    made = ec2[HOME].create_vpc_peering_connection(
        VpcId=home,
        PeerVpcId=far,
        PeerRegion=region,
        TagSpecifications=parts.tagged("vpc-peering-connection", f"home to {region}"),
    )
    peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    def has(client, code):
        filters = [
            {"Name": "vpc-peering-connection-id", "Values": [peering]},
            {"Name": "status-code", "Values": [code]},
        ]
        return client.describe_vpc_peering_connections(Filters=filters)["VpcPeeringConnections"]

    lab.until(lambda: has(ec2[region], "pending-acceptance"))
    ec2[region].accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    lab.until(lambda: has(ec2[HOME], "active"))
    for near, other in ((HOME, region), (region, HOME)):
        table = parts.main_table(ec2[near], networks[near][0])
        prefix = f"{PREFIXES[other]}.0.0/16"
        parts.route(ec2[near], table, prefix, VpcPeeringConnectionId=peering)


def endpoint(ec2, vpc, subnets, group):
    """An interface endpoint for S3 with private names; its addresses."""
    made = ec2.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{ec2.meta.region_name}.s3",
        SubnetIds=subnets,
        SecurityGroupIds=[group],
        PrivateDnsEnabled=True,
        TagSpecifications=parts.tagged("vpc-endpoint", "buckets"),
    )["VpcEndpoint"]
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])
    return sorted(one["PrivateIpAddress"] for one in found["NetworkInterfaces"])


def resolver(lab, region, direction, of):
    """An endpoint of a VPC's resolver: its id, and its addresses."""
    client, (_, subnets, group) = lab.client("route53resolver", region), of
    made = client.create_resolver_endpoint(
        CreatorRequestId=f"{direction} {region}",
        Direction=direction,
        SecurityGroupIds=[group],
        IpAddresses=[{"SubnetId": subnet} for subnet in subnets],
    )["ResolverEndpoint"]["Id"]
    found = client.list_resolver_endpoint_ip_addresses(ResolverEndpointId=made)
    return made, [one["Ip"] for one in found["IpAddresses"]]


def forward(lab, domain, outbound, doors, vpc):
    """A rule at home: who asks for a domain asks there."""
    client = lab.client("route53resolver", HOME)
    rule = client.create_resolver_rule(
        CreatorRequestId=domain,
        DomainName=domain,
        RuleType="FORWARD",
        ResolverEndpointId=outbound,
        TargetIps=[{"Ip": door} for door in doors],
    )["ResolverRule"]["Id"]
    client.associate_resolver_rule(ResolverRuleId=rule, VPCId=vpc)


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

"""A private line to two regions, and a tunnel for when it is down.

An office has a line of Direct Connect into one region. A Direct Connect gateway joins it to VPCs
in two: each VPC has a VPN gateway, and both are associated. The line is one, the session of BGP is
one, and the office hears of both VPCs. They do not hear of each other: the gateway leads between
lines and VPCs, never from one VPC to another.

Behind the line stands a VPN, which announces the same prefixes. While the line is up it carries
everything, since Direct Connect counts before VPN at a VPN gateway, and before a longer way at the
office; when it goes down, its routes go, and the tunnel's are the best that are left.

A VPN gateway is in one region, and so is its tunnel. A backup for two regions is two connections.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2", "eu-central-1")
OFFICE, ASN = "192.168.0.0/16", 65010
STARTS = dict(zip(REGIONS, ("10.1", "10.2"), strict=True))
SITE = {"antipodes:site": "office"}


def built(lab, region):
    """A machine in a VPC of a region, and the VPN gateway there."""
    ec2, start = lab.client("ec2", region), STARTS[region]
    vpc = parts.vpc(ec2, f"{region} network", f"{start}.0.0/16")
    subnet = parts.subnet(ec2, f"{region} subnet", vpc, f"{start}.0.0/24")
    group = parts.group(ec2, f"{region} group", vpc, OFFICE, "10.0.0.0/8")
    host = parts.instance(ec2, f"{region} host", subnet, group)
    return host, parts.vpn_gateway(ec2, f"{region} gateway", vpc)


def tunnel(lab, region, gateway):
    """A VPN connection of the office to a region."""
    ec2 = lab.client("ec2", region)
    router = parts.site(ec2, f"{region} router", "203.0.113.1", ASN, OFFICE)
    ec2.create_tags(Resources=[router], Tags=[{"Key": key, "Value": SITE[key]} for key in SITE])
    return parts.vpn(ec2, f"{region} tunnel", router, VpnGatewayId=gateway)


def line(lab, gateways):
    """A line of the office's, joined to VPN gateways of all regions; its virtual interface."""
    dx = lab.client("directconnect")
    made = dx.create_direct_connect_gateway(directConnectGatewayName="office gateway")
    via = made["directConnectGateway"]["directConnectGatewayId"]
    for region, gateway in gateways.items():
        there = lab.client("directconnect", region)
        lab.until(
            lambda there=there: there.describe_direct_connect_gateways()["directConnectGateways"]
        )
        there.create_direct_connect_gateway_association(
            directConnectGatewayId=via, gatewayId=gateway
        )
    said = {**SITE, "antipodes:prefixes": OFFICE}
    connection = dx.create_connection(
        location=dx.describe_locations()["locations"][0]["locationCode"],
        bandwidth="10Gbps",
        connectionName="office line",
        tags=[{"key": key, "value": said[key]} for key in said],
    )
    wanted = {"virtualInterfaceName": "office", "vlan": 101, "asn": ASN, "mtu": 9001}
    return dx.create_private_virtual_interface(
        connectionId=connection["connectionId"],
        newPrivateVirtualInterface={**wanted, "directConnectGatewayId": via},
    )


def carrier(walk):
    """What carried a packet between the office and a region: a line, or a tunnel."""
    lines = [hop["id"] for hop in walk["forward"]["hops"] if hop["kind"] == "line"]
    [found] = {one.partition("/")[0] for one in lines}
    return found


def hears(lab, region):
    """Whether a region's VPC hears of the office; regions tell each other, which takes a while."""
    filters = [{"Name": "route.origin", "Values": ["EnableVgwRoutePropagation"]}]
    return bool(lab.client("ec2", region).describe_route_tables(Filters=filters)["RouteTables"])


def play(lab):
    made = {region: built(lab, region) for region in REGIONS}
    hosts = {region: host for region, (host, _) in made.items()}
    near, far = (hosts[region] for region in REGIONS)
    gateways = {region: gateway for region, (_, gateway) in made.items()}
    interface = line(lab, gateways)
    name = interface["virtualInterfaceId"]
    backup = tunnel(lab, REGIONS[0], gateways[REGIONS[0]])

    lab.until(lambda: hears(lab, REGIONS[1]))
    walk = lab.ask("The office reaches the near region", "office", near)
    lab.check("By the line", carrier(walk), name)
    lab.check("One flow has, in Gbps", walk["forward"]["gbps"], 10.0)
    walk = lab.ask("It reaches the far region", "office", far)
    lab.check("By the same line", carrier(walk), name)
    lab.draw("A line to two regions", "office", far)
    lab.ask("The far region reaches the office", far, "office")
    lab.ask("The regions do not reach each other", near, far, expects="no route", back=None)

    lab.say("An excavator finds the line.")
    dx = lab.client("directconnect")
    arn = f"arn:aws:directconnect:{REGIONS[0]}:{interface['ownerAccount']}:dxvif/{name}"
    dx.tag_resource(resourceArn=arn, tags=[{"key": "antipodes:down", "value": "yes"}])
    walk = lab.ask("The near region is reached", "office", near)
    lab.check("By the tunnel", carrier(walk), backup)
    lab.check("One flow has, in Gbps", walk["forward"]["gbps"], 1.25)
    lab.until(lambda: not hears(lab, REGIONS[1]))
    lab.ask("The far region is not", "office", far, expects="no route", back=None)

    lab.say("So the far region gets a tunnel of its own.")
    second = tunnel(lab, REGIONS[1], gateways[REGIONS[1]])
    walk = lab.ask("Now it is", "office", far)
    lab.check("By that tunnel", carrier(walk), second)
    dx.untag_resource(resourceArn=arn, tagKeys=["antipodes:down"])
    walk = lab.ask("The line is mended, and carries everything again", "office", near)
    lab.check("By the line", carrier(walk), name)


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

"""A cluster of three nodes over two regions.

A database that must not lose a write has a node in each of two zones, which write synchronously:
a write is done when both have it, so every write waits for the way there and back between the
zones. A third node in another region has what was written asynchronously: it takes over when the
first region is lost, and no write waits for it.

So the two kinds of replication go by two kinds of links. Between the zones it is the network
itself, with a round trip of a millisecond or two; between the regions it is a peering of the two
VPCs, with the distance in between. The first VPC has a prefix outside of the private ranges,
11.0.0.0/16, which is allowed and stays inside: to a VPC that is its own address space, whoever has
it on the internet. For names to mean the nodes' own addresses across the peering, its DNS option
is on for both sides, and DNS hostnames are on in both VPCs.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2", "us-east-1")
FIRST, SECOND = "11.0.0.0/16", "10.8.0.0/16"
REPLICATION = 5022


def play(lab):
    west, east = (lab.client("ec2", region) for region in REGIONS)
    home = parts.vpc(west, "first region", FIRST)
    away = parts.vpc(east, "second region", SECOND)
    subnets = [
        parts.subnet(west, "zone a", home, "11.0.1.0/24", "a"),
        parts.subnet(west, "zone b", home, "11.0.2.0/24", "b"),
        parts.subnet(east, "second zone a", away, "10.8.1.0/24", "a"),
    ]
    both = FIRST, SECOND
    near = parts.group(west, "nodes", home, *both, protocol="tcp", port=REPLICATION)
    far = parts.group(east, "far nodes", away, *both, protocol="tcp", port=REPLICATION)
    one = parts.instance(west, "node one", subnets[0], near)
    two = parts.instance(west, "node two", subnets[1], near)
    three = parts.instance(east, "node three", subnets[2], far)
    peering = peer(lab, west, home, east, away)
    parts.route(west, parts.main_table(west, home), SECOND, VpcPeeringConnectionId=peering)
    parts.route(east, parts.main_table(east, away), FIRST, VpcPeeringConnectionId=peering)

    lab.say("**Synchronous**, between the zones: every write waits for the way there and back.")
    walk = lab.ask("The first node and the second", one, two, port=REPLICATION)
    lab.check("By way of nothing but the network", joins(walk), [])
    lab.check("A write waits less than two milliseconds", round_trip(walk) < 2, expected=True)
    lab.check("Charged for each gigabyte", walk["forward"]["charges"], ["zone crossed"])
    lab.draw("Synchronous between zones", one, two, port=REPLICATION)

    lab.say(
        "**Asynchronous**, over the peering: nothing waits, and what is on its way may be lost."
    )
    for name, node in (("first", one), ("second", two)):
        walk = lab.ask(f"The {name} node and the third", node, three, port=REPLICATION)
        lab.check("By the peering", joins(walk), [peering])
        lab.check("A round trip of tens of milliseconds", round_trip(walk) > 20, expected=True)
    lab.check("The largest packet, in bytes", walk["forward"]["mtu"], 8500)
    lab.check("Charged for each gigabyte", walk["forward"]["charges"], ["region crossed"])
    lab.draw("Asynchronous between regions", one, three, port=REPLICATION)

    lab.say("""
        What takes one pair apart leaves another together: the zones need nothing of the second
        region, and the second node goes on sending to the third when the first zone is lost.
    """)
    lab.question("cuts", "node one", "node two", "--port", str(REPLICATION), status=1)
    lab.question("cuts", "node two", "node three", "--port", str(REPLICATION), status=1)

    lab.say("""
        Somebody adds a second prefix to the first VPC and a node in it. The peering knows of it at
        once; the table in the second region and its group do not.
    """)
    west.associate_vpc_cidr_block(VpcId=home, CidrBlock="11.1.0.0/16")
    more = parts.subnet(west, "zone c", home, "11.1.3.0/24", "c")
    late = parts.group(west, "late nodes", home, *both, protocol="tcp", port=REPLICATION)
    four = parts.instance(west, "node four", more, late)
    ask = "The new node is refused in the second region"
    lab.ask(ask, four, three, port=REPLICATION, expects="refused by groups", back=None)
    lab.ask(
        "and is not reached from there",
        three,
        four,
        port=REPLICATION,
        expects="no route",
        back=None,
    )
    parts.route(east, parts.main_table(east, away), "11.1.0.0/16", VpcPeeringConnectionId=peering)
    permission = {"IpProtocol": "tcp", "FromPort": REPLICATION, "ToPort": REPLICATION}
    ranges = {**permission, "IpRanges": [{"CidrIp": "11.1.0.0/16"}]}
    east.authorize_security_group_ingress(GroupId=far, IpPermissions=[ranges])
    lab.ask("With a route and a rule it takes part", four, three, port=REPLICATION)


def peer(lab, west, home, east, away):
    """Peer the two VPCs, and let private names mean private addresses over it."""
    peering = west.create_vpc_peering_connection(
        VpcId=home,
        PeerVpcId=away,
        PeerRegion=REGIONS[1],
        TagSpecifications=parts.tagged("vpc-peering-connection", "between the regions"),
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    def is_seen(ec2, code):
        filters = [
            {"Name": "vpc-peering-connection-id", "Values": [peering]},
            {"Name": "status-code", "Values": [code]},
        ]
        found = ec2.describe_vpc_peering_connections(Filters=filters)
        return bool(found["VpcPeeringConnections"])

    lab.until(lambda: is_seen(east, "pending-acceptance"))
    east.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    lab.until(lambda: is_seen(west, "active") and is_seen(east, "active"))
    for ec2, vpc, side in ((west, home, "Requester"), (east, away, "Accepter")):
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        options = {f"{side}PeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": True}}
        ec2.modify_vpc_peering_connection_options(VpcPeeringConnectionId=peering, **options)
    return peering


def joins(walk):
    """What joins networks, of all that a packet passes."""
    kinds = ("peering", "attachment", "gateway")
    return [hop["id"] for hop in walk["forward"]["hops"] if hop["kind"] in kinds]


def round_trip(walk):
    """The way there and back, in milliseconds."""
    return walk["forward"]["latency_ms"] + walk["return"]["latency_ms"]


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

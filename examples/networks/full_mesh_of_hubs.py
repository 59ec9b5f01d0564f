"""A full mesh of transit gateways, over eight regions.

Every region has one hub, and every two hubs are peered: 28 peerings, and seven static routes in
each region, one for each other region. Any network reaches any other over one peering, so the way
is as short as the world allows, and no region stands between two others.

The price is in the numbers: a ninth region would need eight more peerings and sixteen more routes,
and nothing tells of one that is missing but the packets that do not arrive.
"""

from itertools import combinations

import lab as laboratory
import parts

REGIONS = (
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "sa-east-1",
)
PREFIXES = {region: f"10.{number}.0.0/16" for number, region in enumerate(REGIONS, 1)}
DEFAULTS = {"DefaultRouteTableAssociation": "enable", "DefaultRouteTablePropagation": "enable"}


def region_of(ec2, region):
    """A region's hub, its table, and a host in the network at it."""
    prefix = PREFIXES[region]
    hub = parts.hub(ec2, f"{region} hub", **DEFAULTS)
    vpc = parts.vpc(ec2, f"{region} network", prefix)
    subnet = parts.subnet(ec2, f"{region} subnet", vpc, prefix.replace("/16", "/24"))
    group = parts.group(ec2, f"{region} group", vpc, "10.0.0.0/8")
    host = parts.instance(ec2, f"{region} host", subnet, group)
    parts.attach(ec2, f"{region} attachment", hub, vpc, subnet)
    parts.route(ec2, parts.main_table(ec2, vpc), "10.0.0.0/8", TransitGatewayId=hub)
    return (ec2, hub), parts.default_table(ec2, hub), host


def play(lab):
    clients = {region: lab.client("ec2", region) for region in REGIONS}
    hubs, tables, hosts = {}, {}, {}
    for region, ec2 in clients.items():
        hubs[region], tables[region], hosts[region] = region_of(ec2, region)
    peerings = {}
    for one, other in combinations(REGIONS, 2):
        name = parts.peer_hubs(lab, f"{one} and {other}", hubs[one], hubs[other])
        peerings[one, other] = peerings[other, one] = name
        parts.hub_route(clients[one], tables[one], PREFIXES[other], name)
        parts.hub_route(clients[other], tables[other], PREFIXES[one], name)
    lab.check("Peerings", len(peerings) // 2, 28)

    lab.say("Every two regions, and how long a packet takes from one to the other.")
    took = {}
    for one, other in combinations(REGIONS, 2):
        walk = lab.ask(f"From {one} to {other}", hosts[one], hosts[other])
        took[one, other] = walk["forward"]["latency_ms"]
    far, near = max(took, key=took.get), min(took, key=took.get)
    lab.check("The nearest two", near, ("eu-west-1", "eu-central-1"))
    lab.draw("Between the farthest two", *(hosts[region] for region in far))

    lab.say("""
        A peering is deleted. Its routes are still there, and lead nowhere: the others go around
        nothing by themselves.
    """)
    one, other = "us-east-1", "sa-east-1"
    gone = peerings[one, other]
    clients[one].delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=gone)
    lab.until(lambda: is_gone(clients[other], gone))
    lab.ask(
        "The two are cut off from each other",
        hosts[one],
        hosts[other],
        expects="blackhole",
        back=None,
    )
    lab.say("""
        A route in each of the two, to a third hub that knows both, brings them together again: a
        hub sends on what comes over one peering by another. It takes longer, and costs more: two
        borders between regions are crossed.
    """)
    middle = "us-west-2"
    for region, far_region in ((one, other), (other, one)):
        clients[region].replace_transit_gateway_route(
            TransitGatewayRouteTableId=tables[region],
            DestinationCidrBlock=PREFIXES[far_region],
            TransitGatewayAttachmentId=peerings[region, middle],
        )
    walk = lab.ask("Around, by a third hub", hosts[one], hosts[other])
    forward = walk["forward"]
    lab.check("Slower than before", forward["latency_ms"] > took[one, other], expected=True)
    charges = ["hub", "region crossed", "region crossed"]
    lab.check("Charged for each gigabyte", forward["charges"], charges)


def is_gone(ec2, peering):
    """Whether a region knows that a peering is deleted."""
    [found] = ec2.describe_transit_gateway_peering_attachments(
        TransitGatewayAttachmentIds=[peering]
    )["TransitGatewayPeeringAttachments"]
    return found["State"] == "deleted"


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

"""A second region, by peering of two transit gateways.

Each region has a hub with a spoke and a network of shared services. Peering joins the hubs, so that
the directories of both regions can follow each other, while the spokes of a region keep to it.

Nothing is learnt over a peering: each region's table `shared services` has a static route to the
other region's shared network. What comes in over the peering goes by the table `spokes`, as if the
other region were one more spoke: it reaches the shared network, and no spoke.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2", "eu-central-1")
STARTS = {"us-west-2": 10, "eu-central-1": 20}  # 10.10 and 10.11, 10.20 and 10.21


def region_of(ec2):
    """A region's hub with its two tables, and its hosts."""
    region = ec2.meta.region_name
    hub = parts.hub(ec2, f"{region} hub")
    tables = {name: parts.hub_table(ec2, f"{region} {name}", hub) for name in ("spokes", "shared")}
    hosts = {}
    for more, (name, other) in enumerate((("shared", "spokes"), ("spokes", "shared"))):
        title, start = f"{region} {name}", f"10.{STARTS[region] + more}"
        vpc = parts.vpc(ec2, f"{title} network", f"{start}.0.0/16")
        subnet = parts.subnet(ec2, f"{title} subnet", vpc, f"{start}.0.0/24")
        group = parts.group(ec2, f"{title} group", vpc, "10.0.0.0/8")
        hosts[name] = parts.instance(ec2, f"{title} host", subnet, group)
        attachment = parts.attach(ec2, f"{title} attachment", hub, vpc, subnet)
        parts.associate(ec2, tables[name], attachment)
        parts.propagate(ec2, tables[other], attachment)
        parts.route(ec2, parts.main_table(ec2, vpc), "10.0.0.0/8", TransitGatewayId=hub)
    return hub, tables, hosts


def play(lab):
    west, east = (lab.client("ec2", region) for region in REGIONS)
    west_hub, west_tables, here = region_of(west)
    east_hub, east_tables, there = region_of(east)
    peering = parts.peer_hubs(lab, "between regions", (west, west_hub), (east, east_hub))
    parts.associate(west, west_tables["spokes"], peering)
    parts.associate(east, east_tables["spokes"], peering)

    lab.say("The west knows its way to the east. Somebody still has to tell the east.")
    parts.hub_route(west, west_tables["shared"], "10.20.0.0/16", peering)
    lab.ask("The directories, one way only", here["shared"], there["shared"], back="no route")
    parts.hub_route(east, east_tables["shared"], "10.10.0.0/16", peering)
    walk = lab.ask("The directories, both ways", here["shared"], there["shared"])
    forward = walk["forward"]
    lab.check("The largest packet, in bytes", forward["mtu"], 8500)
    lab.check("Charged for each gigabyte", forward["charges"], ["hub", "region crossed"])
    lab.draw("The directories of two regions", here["shared"], there["shared"])
    for text, target in (
        ("A spoke does not leave its region", there["shared"]),
        ("Nor does it reach another region's spoke", there["spokes"]),
    ):
        lab.ask(text, here["spokes"], target, expects="no route", back=None)
    lab.ask(
        "What is shared reaches no spoke of the other region",
        here["shared"],
        there["spokes"],
        expects="no route",
        back=None,
    )

    lab.say("""
        To save typing, somebody gives the western spokes one route to everything that is private.
        Now they send to the other region, and are let in there like any spoke: all that keeps them
        apart is that the answer has no way home.
    """)
    parts.hub_route(west, west_tables["spokes"], "10.0.0.0/8", peering)
    lab.ask(
        "A spoke's packets arrive in the other region",
        here["spokes"],
        there["shared"],
        back="no route",
    )


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

"""A hub, its spokes, and what they share.

Three networks are attached to one transit gateway. The spokes are kept apart from each other, and
both reach the network of shared services: a directory, a registry, a build server.

Two tables of the gateway do it. The packets of the spokes go by the table `spokes`, which has
learnt the shared network and nothing else, so from one spoke there is no way to another. The
packets of the shared network go by the table `shared services`, which has learnt every spoke.
Association says which table an attachment's packets go by; propagation says which tables learn its
prefixes. Neither follows from the other, and an answer goes by the table of whoever answers.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
NETWORKS = {"one": "10.1", "two": "10.2", "shared": "10.3"}


def play(lab):
    ec2 = lab.client("ec2")
    hub = parts.hub(ec2, "hub")
    hosts, attachments = {}, {}
    for name, start in NETWORKS.items():
        vpc = parts.vpc(ec2, f"{name} network", f"{start}.0.0/16")
        subnet = parts.subnet(ec2, f"{name} subnet", vpc, f"{start}.0.0/24")
        group = parts.group(ec2, f"{name} group", vpc, "10.0.0.0/8")
        hosts[name] = parts.instance(ec2, f"{name} host", subnet, group)
        attachments[name] = parts.attach(ec2, f"{name} attachment", hub, vpc, subnet)
        parts.route(ec2, parts.main_table(ec2, vpc), "10.0.0.0/8", TransitGatewayId=hub)
    spokes = parts.hub_table(ec2, "spokes", hub)
    shared = parts.hub_table(ec2, "shared services", hub)
    parts.associate(ec2, spokes, attachments["one"], attachments["two"])
    parts.associate(ec2, shared, attachments["shared"])
    parts.propagate(ec2, spokes, attachments["shared"])
    parts.propagate(ec2, shared, attachments["one"], attachments["two"])

    walk = lab.ask("A spoke reaches what is shared", hosts["one"], hosts["shared"])
    forward = walk["forward"]
    lab.check("The largest packet, in bytes", forward["mtu"], 8500)
    lab.check("Charged for each gigabyte, to who sends it", forward["charges"], ["hub"])
    lab.ask("What is shared reaches a spoke", hosts["shared"], hosts["two"])
    lab.ask(
        "A spoke does not reach another",
        hosts["one"],
        hosts["two"],
        expects="no route",
        back=None,
    )
    lab.draw("A spoke and what is shared", hosts["one"], hosts["shared"])

    lab.say("""
        Somebody builds the third spoke, associates it, sees the route to the shared network in its
        table, and forgets that the shared network has to learn of the spoke as well. Its packets
        arrive, and no answer ever comes back.
    """)
    vpc = parts.vpc(ec2, "three network", "10.4.0.0/16")
    subnet = parts.subnet(ec2, "three subnet", vpc, "10.4.0.0/24")
    group = parts.group(ec2, "three group", vpc, "10.0.0.0/8")
    host = parts.instance(ec2, "three host", subnet, group)
    attachment = parts.attach(ec2, "three attachment", hub, vpc, subnet)
    parts.route(ec2, parts.main_table(ec2, vpc), "10.0.0.0/8", TransitGatewayId=hub)
    parts.associate(ec2, spokes, attachment)
    lab.ask("The new spoke sends, and is not answered", host, hosts["shared"], back="no route")
    parts.propagate(ec2, shared, attachment)
    lab.ask("Once the shared network has learnt of it, it is", host, hosts["shared"])


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

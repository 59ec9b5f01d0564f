"""Inspection between the subnets of one network.

Within a network every subnet reaches every other by the local route. A route that is more specific
than that one takes part of it away: here, what the bastion's subnet and the application's send each
other is led to the interface of an appliance in a third subnet.

Such a route is for a whole subnet, and leads to an interface, a NAT gateway or an endpoint that
hands packets to appliances. Both directions need one, or the appliance sees half of each
conversation. An instance takes only what is for its own addresses, and sends only what is from
them, until its source/destination check is turned off. Behind an appliance, rules of security
groups that name other groups do not hold; they have to name addresses.

Appliances are chained by giving each a subnet of its own, whose table leads on to the next. In one
subnet, the table would be the same before and after an appliance.
"""

import lab as laboratory
import parts
from botocore.exceptions import ClientError

REGIONS = ("us-west-2",)
BASTION, APPLICATION = "10.0.0.0/24", "10.0.1.0/24"
PREFIXES = {
    "bastion": BASTION,
    "application": APPLICATION,
    "first": "10.0.2.0/28",
    "second": "10.0.2.16/28",
}


class Network:
    """One network: in each subnet an instance, and a table of its own."""

    def __init__(self, ec2):
        self.ec2 = ec2
        vpc = parts.vpc(ec2, "network", "10.0.0.0/16")
        group = parts.group(ec2, "inside", vpc, "10.0.0.0/16")
        self.machines, self.interfaces, self.tables = {}, {}, {}
        for name, prefix in PREFIXES.items():
            subnet = parts.subnet(ec2, f"{name} subnet", vpc, prefix)
            self.tables[name] = parts.table(ec2, f"{name} table", vpc, subnet)
            self.machines[name] = parts.instance(ec2, name, subnet, group)
            self.interfaces[name] = parts.interface_of(ec2, self.machines[name])
        self.ends = self.machines["bastion"], self.machines["application"]

    def lead(self, name, prefix, to):
        """A route in a subnet's table, by an appliance."""
        interface = self.interfaces[to]
        parts.route(self.ec2, self.tables[name], prefix, NetworkInterfaceId=interface)

    def check_addresses(self, name, wanted):
        """Have an instance take and send only what is its own, or anything."""
        self.ec2.modify_instance_attribute(
            InstanceId=self.machines[name], SourceDestCheck={"Value": wanted}
        )

    def met(self, way):
        """The appliances that a way has passed, in order."""
        names = {self.interfaces[name]: name for name in ("first", "second")}
        met = [names[hop["id"]] for hop in way["hops"] if hop["id"] in names]
        return " and ".join(dict.fromkeys(met)) or "none"


def play(lab):
    network = Network(lab.client("ec2"))
    walk = lab.ask("By the local route, straight", *network.ends)
    lab.check("Appliances met", network.met(walk["forward"]), "none")
    lab.say("""
        Each of the two subnets gets a route to the other, by the first appliance. It is an ordinary
        instance still, and takes nothing that is not for it.
    """)
    network.lead("bastion", APPLICATION, "first")
    network.lead("application", BASTION, "first")
    lab.ask("The appliance checks", *network.ends, expects="destination check", back=None)
    network.check_addresses("first", wanted=False)
    walk = lab.ask("It does not check any more", *network.ends)
    lab.check("Appliances met there", network.met(walk["forward"]), "first")
    lab.check("And on the way back", network.met(walk["return"]), "first")
    hops = [hop["id"] for hop in walk["forward"]["hops"]]
    passed = hops.count(network.interfaces["first"])
    lab.check("How often its interface sees a packet: in, and out", passed, 2)
    lab.draw("Between subnets, by an appliance", *network.ends)
    lab.say("A route for a part of a subnet is refused.")
    try:
        network.lead("bastion", "10.0.1.0/25", "first")
        code = "none"
    except ClientError as error:
        code = error.response["Error"]["Code"]
    lab.check("The error for half of a subnet", code, "InvalidParameterValue")
    chain(lab, network)
    replace_an_appliance(lab, network)


def chain(lab, network):
    lab.say("""
        A second appliance, in a subnet of its own. What comes out of the first one's subnet for
        the application is led to it, and the other way round. The first step back, from the
        application, has to lead to the second.
    """)
    network.check_addresses("second", wanted=False)
    network.lead("first", APPLICATION, "second")
    network.lead("second", BASTION, "first")
    walk = lab.ask("The way back is as it was", *network.ends)
    lab.check("Appliances met there", network.met(walk["forward"]), "first and second")
    lab.check("And on the way back", network.met(walk["return"]), "first")
    network.ec2.replace_route(
        RouteTableId=network.tables["application"],
        DestinationCidrBlock=BASTION,
        NetworkInterfaceId=network.interfaces["second"],
    )
    walk = lab.ask("Chained, both ways", *network.ends)
    lab.check("Appliances met there", network.met(walk["forward"]), "first and second")
    lab.check("And on the way back", network.met(walk["return"]), "second and first")
    lab.draw("By two appliances, one after the other", *network.ends)


def replace_an_appliance(lab, network):
    lab.say("""
        Somebody replaces the second appliance, and the new one checks again. Then it is stopped:
        its routes are black holes, and nothing goes around it.
    """)
    network.check_addresses("second", wanted=True)
    lab.ask("One of them checks", *network.ends, expects="destination check", back=None)
    network.ec2.stop_instances(InstanceIds=[network.machines["second"]])
    lab.ask("One of them is stopped", *network.ends, expects="blackhole", back=None)


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

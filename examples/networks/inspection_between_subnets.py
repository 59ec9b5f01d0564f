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


def play(lab):
    ec2 = lab.client("ec2")
    vpc = parts.vpc(ec2, "network", "10.0.0.0/16")
    group = parts.group(ec2, "inside", vpc, "10.0.0.0/16")
    machines, interfaces, tables = {}, {}, {}
    for name, prefix in PREFIXES.items():
        subnet = parts.subnet(ec2, f"{name} subnet", vpc, prefix)
        tables[name] = parts.table(ec2, f"{name} table", vpc, subnet)
        machines[name] = parts.instance(ec2, name, subnet, group)
        interfaces[name] = parts.interface_of(ec2, machines[name])

    def lead(name, prefix, to):
        ec2.create_route(
            RouteTableId=tables[name],
            DestinationCidrBlock=prefix,
            NetworkInterfaceId=interfaces[to],
        )

    def check_addresses(name, wanted):
        ec2.modify_instance_attribute(InstanceId=machines[name], SourceDestCheck={"Value": wanted})

    def met(way):
        """The appliances that a way has passed, in order."""
        names = {interfaces[name]: name for name in ("first", "second")}
        return list(dict.fromkeys(names[hop["id"]] for hop in way["hops"] if hop["id"] in names))

    ends = machines["bastion"], machines["application"]
    walk = lab.ask("By the local route, straight", *ends)
    lab.check("Appliances met", met(walk["forward"]), [])

    lab.say("""
        Each of the two subnets gets a route to the other, by the first appliance. It is an ordinary
        instance still, and takes nothing that is not for it.
    """)
    lead("bastion", APPLICATION, "first")
    lead("application", BASTION, "first")
    lab.ask("The appliance checks", *ends, expects="destination check", back=None)
    check_addresses("first", wanted=False)
    walk = lab.ask("It does not check any more", *ends)
    lab.check("Appliances met there", met(walk["forward"]), ["first"])
    lab.check("And on the way back", met(walk["return"]), ["first"])
    passed = [hop["id"] for hop in walk["forward"]["hops"]].count(interfaces["first"])
    lab.check("How often its interface sees a packet: in, and out", passed, 2)
    lab.draw("Between subnets, by an appliance", *ends)

    lab.say("A route for a part of a subnet is refused.")
    try:
        lead("bastion", "10.0.1.0/25", "first")
        code = ""
    except ClientError as error:
        code = error.response["Error"]["Code"]
    lab.check("Half of the application's subnet", code, "InvalidParameterValue")

    lab.say("""
        A second appliance, in a subnet of its own. What comes out of the first one's subnet for
        the application is led to it, and the other way round. The first step back, from the
        application, has to lead to the second.
    """)
    check_addresses("second", wanted=False)
    lead("first", APPLICATION, "second")
    lead("second", BASTION, "first")
    walk = lab.ask("The way back is as it was", *ends)
    lab.check("Appliances met there", met(walk["forward"]), ["first", "second"])
    lab.check("And on the way back", met(walk["return"]), ["first"])
    ec2.replace_route(
        RouteTableId=tables["application"],
        DestinationCidrBlock=BASTION,
        NetworkInterfaceId=interfaces["second"],
    )
    walk = lab.ask("Chained, both ways", *ends)
    lab.check("Appliances met there", met(walk["forward"]), ["first", "second"])
    lab.check("And on the way back", met(walk["return"]), ["second", "first"])
    lab.draw("By two appliances, one after the other", *ends)
    replace_an_appliance(lab, ends, machines["second"])


def replace_an_appliance(lab, ends, appliance):
    ec2 = lab.client("ec2")
    lab.say("""
        Somebody replaces the second appliance, and the new one checks again. Then it is stopped:
        its routes are black holes, and nothing goes around it.
    """)
    ec2.modify_instance_attribute(InstanceId=appliance, SourceDestCheck={"Value": True})
    lab.ask("One of them checks", *ends, expects="destination check", back=None)
    ec2.stop_instances(InstanceIds=[appliance])
    lab.ask("One of them is stopped", *ends, expects="blackhole", back=None)


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

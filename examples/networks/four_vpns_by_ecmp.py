"""Ten gigabits per second over four VPN connections.

A tunnel of a VPN connection carries 1.25 Gbps. A connection has two, and a transit gateway can use
both at once, and those of further connections as well: over paths of equal worth it spreads flows
(equal-cost multipath). Four connections are eight tunnels, 10 Gbps in all.

Three things have to come together. The transit gateway needs `VpnEcmpSupport`, which it has unless
somebody turns it off. The connections need BGP: static routes are not spread. And the paths have to
be equal, the AS path too, so every router of the site announces the same prefixes with the same
number. A flow keeps to one tunnel, or its packets would overtake each other; so one flow never gets
more than 1.25 Gbps, and it takes many of them to fill the line.

The connections have a table of their own at the gateway, `wan`: what the site hears is what is in
it. A VPN gateway, attached to one VPC without a transit gateway, spreads nothing: it sends over one
tunnel, however many there are.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
OFFICE, ASN = "192.168.0.0/16", 65010
SOMEBODY = "192.168.5.5"
FLOWS = range(8000, 8016)
GBPS = 1.25


def tunnel(walk):
    """The tunnel that a packet took."""
    [found] = {hop["id"] for hop in walk["forward"]["hops"] if hop["kind"] == "line"}
    return found


def network(ec2, name, start):
    """A VPC with one machine."""
    vpc = parts.vpc(ec2, f"{name} network", f"{start}.0.0/16")
    subnet = parts.subnet(ec2, f"{name} subnet", vpc, f"{start}.0.0/24")
    group = parts.group(ec2, f"{name} group", vpc, OFFICE)
    return vpc, subnet, parts.instance(ec2, f"{name} host", subnet, group)


def play(lab):
    ec2 = lab.client("ec2")
    hub = parts.hub(ec2, "hub")
    vpc, subnet, host = network(ec2, "app", "10.1")
    app = parts.attach(ec2, "app attachment", hub, vpc, subnet)
    parts.route(ec2, parts.main_table(ec2, vpc), OFFICE, TransitGatewayId=hub)
    router = parts.site(ec2, "office", "203.0.113.1", ASN, OFFICE)
    lines = [
        parts.vpn(ec2, f"line {number}", router, TransitGatewayId=hub) for number in range(1, 5)
    ]
    attachments = [parts.attachment_of(ec2, line) for line in lines]
    spokes, wan = parts.hub_table(ec2, "spokes", hub), parts.hub_table(ec2, "wan", hub)
    parts.associate(ec2, spokes, app)
    parts.propagate(ec2, spokes, *attachments)
    parts.associate(ec2, wan, *attachments)
    parts.propagate(ec2, wan, app)

    walk = lab.ask("A machine reaches the office", host, SOMEBODY)
    lab.draw("Four VPNs by ECMP", host, SOMEBODY)
    lab.check("One flow has, in Gbps", walk["forward"]["gbps"], GBPS)
    lab.check("The largest packet, in bytes", walk["forward"]["mtu"], 1446)
    again = lab.ask("The same flow once more", host, SOMEBODY)
    lab.check("It keeps to its tunnel", tunnel(again), tunnel(walk))

    def used(machine):
        return {
            tunnel(lab.ask(f"A flow to port {port}", machine, SOMEBODY, port=port))
            for port in FLOWS
        }

    lab.say("Sixteen flows to different ports:")
    tunnels = used(host)
    lab.check("Tunnels that carry some of them", len(tunnels), 8)
    lab.check("What eight tunnels have together, in Gbps", len(tunnels) * GBPS, 10.0)
    lab.ask("The office reaches the machine", "office", host)

    lab.say("""
        A tunnel goes down, as it does for AWS's own maintenance. Its flows are spread over the
        others, and nothing is lost but 1.25 Gbps.
    """)
    line, _, number = tunnel(walk).partition("/")
    ec2.create_tags(Resources=[line], Tags=[{"Key": "antipodes:tunnels-down", "Value": number}])
    moved = lab.ask("The flow that was in it", host, SOMEBODY)
    lab.check("Tunnels that it has had", len({tunnel(walk), tunnel(moved)}), 2)
    ec2.delete_tags(Resources=[line], Tags=[{"Key": "antipodes:tunnels-down"}])

    lab.say("""
        Somebody copies the design with a VPN gateway: four routers, four connections, eight
        tunnels that are all up. One of them carries everything.
    """)
    vpc, _, other = network(ec2, "other", "10.2")
    gateway = parts.vpn_gateway(ec2, "vpn gateway", vpc)
    for number in range(2, 6):
        router = parts.site(ec2, f"office {number}", f"203.0.113.{number}", ASN, OFFICE)
        parts.vpn(ec2, f"plain line {number}", router, VpnGatewayId=gateway)
    lab.check("Tunnels that carry the same flows", len(used(other)), 1)


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

"""Out, and not in, by a NAT gateway.

Hosts in a private subnet have no public address. What they send to the internet goes to a NAT
gateway in a public subnet, leaves as the gateway's own, and its answers find their way back. Nobody
outside can begin anything: the gateway takes answers only.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)


def play(lab):
    ec2 = lab.client("ec2")
    vpc = parts.vpc(ec2, "network", "10.0.0.0/16")
    public = parts.subnet(ec2, "public", vpc, "10.0.0.0/24")
    private = parts.subnet(ec2, "private", vpc, "10.0.1.0/24")
    gateway = parts.internet_gateway(ec2, "gateway", vpc)
    table = parts.table(ec2, "public", vpc, public)
    parts.route(ec2, table, "0.0.0.0/0", GatewayId=gateway)
    nat = parts.nat_gateway(ec2, "translator", public)
    parts.route(ec2, parts.main_table(ec2, vpc), "0.0.0.0/0", NatGatewayId=nat)
    group = parts.group(ec2, "own network", vpc, "10.0.0.0/16")
    host = parts.instance(ec2, "worker", private, group)
    lab.ask("A private host gets an answer from the internet", host, "internet", expects="left")
    lab.draw("A private host and the internet", host, "internet")
    [found] = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    outside = found["NatGatewayAddresses"][0]["PublicIp"]
    lab.ask(
        "Nobody out there can begin",
        *("internet", outside),
        expects="not translated",
        back=None,
    )
    lab.say("The gateway is deleted. Its route stays, and drops what it still wins.")
    ec2.delete_nat_gateway(NatGatewayId=nat)
    lab.ask("Nothing goes out", host, "internet", expects="blackhole", back=None)


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

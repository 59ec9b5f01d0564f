"""A database in another account, by a private link.

Reports are made in one account, and the orders that they are about are in a database in another
one's VPC. Both VPCs have the same addresses, so neither a peering nor a transit gateway can join
them. A private link joins no networks: the owner of the database puts a network load balancer in
front of it, offers that as an endpoint service, and permits the other account. There an interface
endpoint is an address of the own VPC. What is sent to it leaves the load balancer as the load
balancer's own, answers come back by it, and nothing can be begun the other way.

The load balancer knows addresses, not names. A managed database keeps its name and not its address:
when it moves, the link goes on to lead to where it was.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
READER = "111111111111"
PREFIX, PORT = "10.0.0.0/16", 5432
FIRST, SECOND = "10.0.0.20", "10.0.0.30"
REPORTS = "10.0.1.77"


def play(lab):
    ec2, reader = lab.client("ec2"), lab.client("ec2", account=READER)
    vpc, subnets, group = network(ec2, "orders")
    database = parts.instance(ec2, "database", subnets[0], group, address=FIRST)
    register, balancer = balanced(lab, vpc, subnets)
    register(FIRST)
    service = offered(ec2, balancer)
    own, own_subnets, own_group = network(reader, "reports")
    reports = parts.instance(reader, "reports", own_subnets[1], own_group, address=REPORTS)
    link = connected(reader, service, own, own_subnets[:1], own_group)
    [door] = lab.resolve(link["DnsEntries"][0]["DnsName"], REGIONS[0], own)

    def ask(text, **expected):
        return lab.ask(text, reports, door, port=PORT, account=READER, **expected)

    lab.say("The endpoint leads nowhere until the owner of the service has accepted it.")
    ask("The reports ask the database", expects="not joined", back=None)
    ec2.accept_vpc_endpoint_connections(
        ServiceId=service["ServiceId"], VpcEndpointIds=[link["VpcEndpointId"]]
    )
    walk = ask("Now they get there, and are answered")
    lab.check(
        "What the database sees",
        walk["forward"]["hops"][-1]["packet"].split()[-1],
        f"{FIRST}:{PORT}",
    )
    sender = walk["return"]["hops"][-1]["packet"].split()[1]
    lab.check("Who answers, as the reports see it", sender, f"{door}:{PORT}")
    lab.ask(
        "Another port is not offered",
        reports,
        door,
        account=READER,
        expects="not offered",
        back=None,
    )
    lab.ask(
        "The database cannot begin anything: the reports' address is nobody's where it stands",
        database,
        REPORTS,
        expects="no such address",
        back=None,
    )
    lab.draw("A private link between two accounts")
    moved(lab, ec2, ask, (subnets, group, database), register)


def moved(lab, ec2, ask, place, register):
    """The database has another address."""
    subnets, group, database = place
    lab.say("""
        The database is moved, as a managed one is when its machine fails: its name leads to the
        new address at once, and the load balancer's target is the old one.
    """)
    ec2.terminate_instances(InstanceIds=[database])
    parts.instance(ec2, "moved database", subnets[0], group, address=SECOND)
    ask("The reports ask the database", expects="no such address", back=None)
    register(SECOND, FIRST)
    ask("Once somebody has told the load balancer, they are answered")


def network(ec2, name):
    """A VPC with two subnets, and a group for all in it."""
    vpc = parts.vpc(ec2, name, PREFIX)
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        parts.subnet(ec2, f"{name} {zone}", vpc, f"10.0.{number}.0/24", zone)
        for number, zone in enumerate("ab")
    ]
    return vpc, subnets, parts.group(ec2, f"{name} group", vpc, PREFIX)


def balanced(lab, vpc, subnets):
    """A load balancer in front of databases: what changes its targets, and its ARN."""
    elbv2 = lab.client("elbv2")
    made = elbv2.create_load_balancer(
        Name="orders", Type="network", Scheme="internal", Subnets=subnets
    )
    balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
    made = elbv2.create_target_group(
        Name="databases", Protocol="TCP", Port=PORT, VpcId=vpc, TargetType="ip"
    )
    targets = made["TargetGroups"][0]["TargetGroupArn"]
    elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="TCP",
        Port=PORT,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}],
    )

    def register(address, instead_of=""):
        elbv2.register_targets(TargetGroupArn=targets, Targets=[{"Id": address}])
        if instead_of:
            elbv2.deregister_targets(TargetGroupArn=targets, Targets=[{"Id": instead_of}])

    return register, balancer


def offered(ec2, balancer):
    """An endpoint service that one other account may connect to."""
    service = ec2.create_vpc_endpoint_service_configuration(
        NetworkLoadBalancerArns=[balancer],
        TagSpecifications=parts.tagged("vpc-endpoint-service", "orders"),
    )["ServiceConfiguration"]
    ec2.modify_vpc_endpoint_service_permissions(
        ServiceId=service["ServiceId"], AddAllowedPrincipals=[f"arn:aws:iam::{READER}:root"]
    )
    return service


def connected(ec2, service, vpc, subnets, group):
    """An endpoint of it."""
    made = ec2.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=vpc,
        ServiceName=service["ServiceName"],
        SubnetIds=subnets,
        SecurityGroupIds=[group],
        TagSpecifications=parts.tagged("vpc-endpoint", "link"),
    )
    return made["VpcEndpoint"]


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

"""Business intelligence reaches a database in another account, and in another region.

A reporting tool keeps an interface in a subnet of its own account; the database is another
account's. There are four ways, and each is right somewhere.

| way | when |
|---|---|
| a shared subnet | one organization and region; costs least, and the tool stands there itself |
| peering | another organization or region; routes on both sides, no hours |
| a transit gateway | one is there, or a policy forbids peering; shared with the other account |
| PrivateLink | addresses overlap, or one port is all that may be reached |

`antipodes network choose database` says which of them are possible for two given hosts, and what
each costs. Whichever is built, the connection is validated by a walk on the database's port, there
and back: what most often is missing is the way back.
"""

import lab as laboratory
import parts

REGIONS = ("us-west-2", "us-east-1")
OTHER = "111122223333"  # the account that has the database
PORT = 5439
ADDRESS, MOVED = "10.2.1.10", "10.2.1.20"


def play(lab):
    tools, data = lab.client("ec2"), lab.client("ec2", account=OTHER)
    reports = parts.vpc(tools, "reports", "10.1.0.0/16")
    front = parts.subnet(tools, "reports subnet", reports, "10.1.0.0/24")
    tool = parts.instance(
        tools, "reader", front, parts.group(tools, "readers", reports, "10.1.0.0/16")
    )
    ledger = parts.vpc(data, "ledger", "10.2.0.0/16")
    shelves = [
        parts.subnet(data, f"ledger subnet {zone}", ledger, f"10.2.{number}.0/24", zone)
        for number, zone in enumerate("ab")
    ]
    open_to = ("10.1.0.0/16", "10.2.0.0/16")
    taken = parts.group(data, "database group", ledger, *open_to, protocol="tcp", port=PORT)
    database = parts.instance(data, "database", shelves[1], taken, address=ADDRESS)
    lab.question("choose", "database", "reader", "database", "--gb-month", "500")
    here, there = (tools, reports, front), (data, ledger, shelves)
    by_peering(lab, here, there, tool, database)
    by_hub(lab, here, there, tool, database)
    by_link(lab, here, there, tool)
    by_sharing(lab, there, tools, taken)
    in_another_region(lab, here, tool)


def by_peering(lab, here, there, tool, database):
    (tools, reports, _), (data, ledger, _) = here, there
    lab.say("**By peering.** One account asks for it, and the other accepts.")
    peering = tools.create_vpc_peering_connection(
        VpcId=reports,
        PeerVpcId=ledger,
        PeerOwnerId=OTHER,
        TagSpecifications=parts.tagged("vpc-peering-connection", "reports to ledger"),
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    data.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    going, coming = parts.main_table(tools, reports), parts.main_table(data, ledger)
    parts.route(tools, going, "10.2.0.0/16", VpcPeeringConnectionId=peering)
    lab.ask("The way back was forgotten", tool, database, port=PORT, back="no route")
    lab.draw("Peering without a route back", tool, database, port=PORT)
    parts.route(data, coming, "10.1.0.0/16", VpcPeeringConnectionId=peering)
    lab.ask("The connection is valid", tool, database, port=PORT)
    lab.question("cuts", "reader", "database", "--port", str(PORT), status=1)
    tools.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    tools.delete_route(RouteTableId=going, DestinationCidrBlock="10.2.0.0/16")
    data.delete_route(RouteTableId=coming, DestinationCidrBlock="10.1.0.0/16")


def by_hub(lab, here, there, tool, database):
    (tools, reports, front), (data, ledger, shelves) = here, there
    lab.say("""
        **By a transit gateway.** The account of the tool has one, and shares it by Resource Access
        Manager; the other attaches its VPC, which has to be accepted.
    """)
    hub = parts.hub(tools, "hub")
    share(lab, f"transit-gateway/{hub}", lab.account, OTHER)
    own = parts.attach(tools, "reports attachment", hub, reports, front)
    other = parts.attach(data, "ledger attachment", hub, ledger, *shelves)
    tools.accept_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=other)
    table = parts.hub_table(tools, "joined", hub)
    parts.associate(tools, table, own, other)
    parts.propagate(tools, table, own, other)
    going, coming = parts.main_table(tools, reports), parts.main_table(data, ledger)
    parts.route(tools, going, "10.2.0.0/16", TransitGatewayId=hub)
    parts.route(data, coming, "10.1.0.0/16", TransitGatewayId=hub)
    walk = lab.ask("The connection is valid", tool, database, port=PORT)
    lab.check("Charged for each gigabyte", walk["forward"]["charges"][:1], ["hub"])
    lab.draw("A transit gateway for two accounts", tool, database, port=PORT)
    tools.delete_route(RouteTableId=going, DestinationCidrBlock="10.2.0.0/16")
    data.delete_route(RouteTableId=coming, DestinationCidrBlock="10.1.0.0/16")


def by_link(lab, here, there, tool):
    (tools, reports, front), (data, ledger, shelves) = here, there
    lab.say("""
        **By PrivateLink.** Before the database stands a network load balancer, with the database's
        address as its target. No route leads anywhere: the tool sees an address of its own subnet.
    """)
    elbv2 = lab.client("elbv2", account=OTHER)
    balancer = elbv2.create_load_balancer(
        Name="database", Type="network", Scheme="internal", Subnets=shelves
    )["LoadBalancers"][0]["LoadBalancerArn"]
    across = {"Key": "load_balancing.cross_zone.enabled", "Value": "true"}
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[across])
    targets = elbv2.create_target_group(
        Name="database", Protocol="TCP", Port=PORT, VpcId=ledger, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=targets, Targets=[{"Id": ADDRESS}])
    forward = {"Type": "forward", "TargetGroupArn": targets}
    elbv2.create_listener(
        LoadBalancerArn=balancer, Protocol="TCP", Port=PORT, DefaultActions=[forward]
    )
    service = data.create_vpc_endpoint_service_configuration(
        NetworkLoadBalancerArns=[balancer], AcceptanceRequired=False
    )["ServiceConfiguration"]
    data.modify_vpc_endpoint_service_permissions(
        ServiceId=service["ServiceId"],
        AddAllowedPrincipals=[f"arn:aws:iam::{lab.account}:root"],
    )
    group = parts.group(tools, "endpoint group", reports, "10.1.0.0/16", protocol="tcp", port=PORT)
    endpoint = tools.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=reports,
        ServiceName=service["ServiceName"],
        SubnetIds=[front],
        SecurityGroupIds=[group],
        TagSpecifications=parts.tagged("vpc-endpoint", "to the database"),
    )["VpcEndpoint"]["VpcEndpointId"]
    lab.ask("The connection is valid", tool, endpoint, port=PORT)
    lab.draw("A private link", tool, endpoint, port=PORT)
    lab.say("""
        The database fails over: its name now means another address, and the target of the load
        balancer is still the old one. Somebody has to watch for that and change the target.
    """)
    filters = [{"Name": "private-ip-address", "Values": [ADDRESS]}]
    [found] = data.describe_instances(Filters=filters)["Reservations"]
    machine = found["Instances"][0]
    data.terminate_instances(InstanceIds=[machine["InstanceId"]])
    taken = [one["GroupId"] for one in machine["SecurityGroups"]]
    parts.instance(data, "database again", shelves[1], *taken, address=MOVED)
    ask = "The link leads to where the database was"
    lab.ask(ask, tool, endpoint, port=PORT, expects="no such address", back=None)
    elbv2.deregister_targets(TargetGroupArn=targets, Targets=[{"Id": ADDRESS}])
    elbv2.register_targets(TargetGroupArn=targets, Targets=[{"Id": MOVED}])
    lab.ask("With the target changed, it is valid again", tool, endpoint, port=PORT)


def by_sharing(lab, there, tools, taken):
    data, ledger, (_, shelf) = there
    lab.say("""
        **By a shared subnet.** The database's account shares its subnet, and the tool stands there
        itself. Nothing is joined, and neither account sees what the other has.
    """)
    share(lab, f"subnet/{shelf}", OTHER, lab.account)
    group = parts.group(tools, "guests", ledger, "10.2.0.0/16")
    guest = parts.instance(tools, "reader as a guest", shelf, group)
    [found] = data.describe_security_groups(GroupIds=[taken])["SecurityGroups"]
    lab.check("Whose group the database is in", found["OwnerId"], OTHER)
    walk = lab.ask("The connection is valid", guest, MOVED, port=PORT)
    lab.check("Charged for each gigabyte", walk["forward"]["charges"], [])
    lab.draw("A shared subnet", guest, MOVED, port=PORT)


def in_another_region(lab, here, tool):
    lab.say("""
        **In another region** subnets are not shared, and distance comes in. A second database
        stands there, and peering costs least again.
    """)
    tools, reports, _ = here
    data = lab.client("ec2", REGIONS[1], OTHER)
    archive = parts.vpc(data, "archive", "10.3.0.0/16")
    shelf = parts.subnet(data, "archive subnet", archive, "10.3.0.0/24")
    taken = parts.group(data, "archive group", archive, "10.1.0.0/16", protocol="tcp", port=PORT)
    database = parts.instance(data, "archived database", shelf, taken)
    lab.question("choose", "database", "reader", "archived database", "--gb-month", "500")
    peering = tools.create_vpc_peering_connection(
        VpcId=reports,
        PeerVpcId=archive,
        PeerOwnerId=OTHER,
        PeerRegion=REGIONS[1],
        TagSpecifications=parts.tagged("vpc-peering-connection", "reports to archive"),
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    def is_seen(ec2, code):
        names = {"Name": "vpc-peering-connection-id", "Values": [peering]}
        states = {"Name": "status-code", "Values": [code]}
        found = ec2.describe_vpc_peering_connections(Filters=[names, states])
        return bool(found["VpcPeeringConnections"])

    lab.until(lambda: is_seen(data, "pending-acceptance"))
    data.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    lab.until(lambda: is_seen(tools, "active") and is_seen(data, "active"))
    going, coming = parts.main_table(tools, reports), parts.main_table(data, archive)
    parts.route(tools, going, "10.3.0.0/16", VpcPeeringConnectionId=peering)
    parts.route(data, coming, "10.1.0.0/16", VpcPeeringConnectionId=peering)
    walk = lab.ask("The connection is valid", tool, database, port=PORT)
    lab.check("Charged for each gigabyte", walk["forward"]["charges"], ["region crossed"])
    lab.draw("A peering between regions and accounts", tool, database, port=PORT)


def share(lab, resource, owner, other):
    """Let another account use something."""
    made = lab.client("ram", account=owner).create_resource_share(
        name="reports",
        resourceArns=[f"arn:aws:ec2:{REGIONS[0]}:{owner}:{resource}"],
        principals=[other],
    )["resourceShare"]["resourceShareArn"]
    ram = lab.client("ram", account=other)
    asked = ram.get_resource_share_invitations(resourceShareArns=[made])
    for one in asked["resourceShareInvitations"]:
        arn = one["resourceShareInvitationArn"]
        ram.accept_resource_share_invitation(resourceShareInvitationArn=arn)


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

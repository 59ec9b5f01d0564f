"""Networks of two accounts: a subnet and a hub that are shared.

One account has the network: its subnets, routes, gateways and the hub. Another account, a team's,
has applications. The network's owner shares a subnet with the team by Resource Access Manager, and
the team launches in it as if it were its own; the owner sees what stands there, and cannot touch
it. The owner shares the hub too, and the team attaches a network of its own, which waits until the
owner has accepted it.

Neither account can change what is the other's. The team brings its own security groups, since the
owner's are not for it.
"""

import lab as laboratory
import parts
from botocore.exceptions import ClientError

REGIONS = ("us-west-2",)
TEAM = "111111111111"
DEFAULTS = {"DefaultRouteTableAssociation": "enable", "DefaultRouteTablePropagation": "enable"}


def share(lab, name, arn):
    """Share a resource of the owner's with the team, which accepts; the share's ARN."""
    made = lab.client("ram").create_resource_share(
        name=name, resourceArns=[arn], principals=[TEAM]
    )["resourceShare"]
    team = lab.client("ram", account=TEAM)
    [invitation] = team.get_resource_share_invitations(
        resourceShareArns=[made["resourceShareArn"]]
    )["resourceShareInvitations"]
    team.accept_resource_share_invitation(
        resourceShareInvitationArn=invitation["resourceShareInvitationArn"]
    )
    return made["resourceShareArn"]


def refusal(call, **request):
    """What is answered to a call that is refused."""
    try:
        call(**request)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "nothing"


def play(lab):
    owner, team = lab.client("ec2"), lab.client("ec2", account=TEAM)
    vpc = parts.vpc(owner, "company network", "10.1.0.0/16")
    applications = parts.subnet(owner, "applications", vpc, "10.1.0.0/24")
    data = parts.subnet(owner, "data", vpc, "10.1.1.0/24")
    group = parts.group(owner, "clients", vpc, "10.0.0.0/8", protocol="tcp", port=5432)
    database = parts.instance(owner, "database", data, group)
    shared, application = in_a_shared_subnet(lab, owner, team, applications, database)
    over_a_shared_hub(lab, owner, team, (vpc, data), database)

    lab.say("""
        The owner ends the share of the subnet. What stands there stays, and goes on; nothing more
        can be launched in it.
    """)
    lab.client("ram").delete_resource_share(resourceShareArn=shared)
    lab.ask("The application still reaches the database", application, database, port=5432)
    code = refusal(team.create_network_interface, SubnetId=applications)
    lab.check("The team's next interface there", code, "InvalidSubnetID.NotFound")


def in_a_shared_subnet(lab, owner, team, applications, database):
    """Share a subnet; the share, and what the team has in it."""
    [subnet] = owner.describe_subnets(SubnetIds=[applications])["Subnets"]
    shared = share(lab, "subnet", subnet["SubnetArn"])
    lab.say("The team launches in the subnet that is shared with it, with a group of its own.")
    group = parts.group(team, "team group", subnet["VpcId"], "10.1.0.0/16")
    application = parts.instance(team, "application", applications, group)
    lab.ask("The application reaches the database", application, database, port=5432, account=TEAM)
    lab.ask(
        "And no other port of it",
        application,
        database,
        port=22,
        expects="refused by groups",
        back=None,
    )
    [seen] = owner.describe_network_interfaces(
        Filters=[{"Name": "subnet-id", "Values": [applications]}]
    )["NetworkInterfaces"]
    lab.check("Whose the interface is that the owner sees", seen["OwnerId"], TEAM)
    name = seen["NetworkInterfaceId"]
    code = refusal(owner.delete_network_interface, NetworkInterfaceId=name)
    lab.check("The owner deletes it", code, "UnauthorizedOperation")
    code = refusal(team.delete_subnet, SubnetId=applications)
    lab.check("The team deletes the subnet", code, "UnauthorizedOperation")
    return shared, application


def over_a_shared_hub(lab, owner, team, network, database):
    """Share a hub, to which the team attaches a network of its own."""
    vpc, data = network
    hub = parts.hub(owner, "hub", **DEFAULTS)
    parts.attach(owner, "company attachment", hub, vpc, data)
    parts.route(owner, parts.main_table(owner, vpc), "10.2.0.0/16", TransitGatewayId=hub)
    [gateway] = owner.describe_transit_gateways(TransitGatewayIds=[hub])["TransitGateways"]
    share(lab, "hub", gateway["TransitGatewayArn"])
    lab.say("The team attaches a network of its own to the hub; its owner has the last word.")
    own = parts.vpc(team, "team network", "10.2.0.0/16")
    subnet = parts.subnet(team, "team subnet", own, "10.2.0.0/24")
    report = parts.instance(
        team, "report", subnet, parts.group(team, "report group", own, "10.0.0.0/8")
    )
    attachment = parts.attach(team, "team attachment", hub, own, subnet)
    [found] = owner.describe_transit_gateway_vpc_attachments(
        TransitGatewayAttachmentIds=[attachment]
    )["TransitGatewayVpcAttachments"]
    lab.check("How the attachment stands", found["State"], "pendingAcceptance")
    owner.accept_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachment)
    parts.route(team, parts.main_table(team, own), "10.1.0.0/16", TransitGatewayId=hub)
    lab.ask("From the team's own network, over the hub", report, database, port=5432)
    lab.draw("Two accounts and one hub", report, database, port=5432)


if __name__ == "__main__":
    laboratory.main(REGIONS, play)

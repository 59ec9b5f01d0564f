"""A transit gateway that another account attaches its VPC to."""

from typing import Any

import pytest

from antipodes.fabric.network.together import together
from antipodes.hosting.reports import networks_as
from antipodes.questions.walking import Asked, as_record, walked
from tests.regional.ec2.networks import Networks
from tests.regional.ec2.test_hubs import make, place
from tests.regional.ec2.worlds import refusal
from tests.regional.elbv2.hosts import ACCOUNT, Region
from tests.regional.ram.accounts import OTHER, lend


def shared(region: Region, **options: str) -> str:
    """The id of a hub that the other account may use."""
    made = make(region.client("ec2"), **options)
    lend(region, made["TransitGatewayArn"])
    return str(made["TransitGatewayId"])


def attach(region: Region, hub: str, prefix: str = "10.2.0.0/16") -> dict[str, Any]:
    """The other account's VPC at a hub."""
    theirs = region.client("ec2", account=OTHER)
    vpc, subnets = place(theirs, prefix)
    made: dict[str, Any] = theirs.create_transit_gateway_vpc_attachment(
        TransitGatewayId=hub, VpcId=vpc, SubnetIds=subnets
    )["TransitGatewayVpcAttachment"]
    return made


def states(region: Region) -> list[tuple[str, str]]:
    """What both accounts see of the one attachment: its state, and whose VPC it is of."""
    found = []
    for account in (ACCOUNT, OTHER):
        ec2 = region.client("ec2", account=account)
        [one] = ec2.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"]
        [same] = ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"]
        assert (same["TransitGatewayOwnerId"], same["ResourceOwnerId"]) == (ACCOUNT, OTHER)
        found.append((one["State"], one["VpcOwnerId"]))
    return found


def test_a_shared_hub_is_seen_and_is_its_owners(region: Region) -> None:
    hub = shared(region)
    region.restart()
    theirs = region.client("ec2", account=OTHER)
    [found] = theirs.describe_transit_gateways()["TransitGateways"]
    assert (found["TransitGatewayId"], found["OwnerId"]) == (hub, ACCOUNT)
    for call, more in (
        (theirs.delete_transit_gateway, {}),
        (theirs.modify_transit_gateway, {"Description": "mine"}),
        (theirs.create_transit_gateway_route_table, {}),
    ):
        assert refusal(call, TransitGatewayId=hub, **more) == "UnauthorizedOperation"
    code = refusal(
        region.client("ec2", account="222222222222").delete_transit_gateway, TransitGatewayId=hub
    )
    assert code == "InvalidTransitGatewayID.NotFound"


def test_what_another_account_attaches_waits_for_the_hubs_owner(region: Region) -> None:
    hub = shared(region)
    made = attach(region, hub)
    assert made["State"] == "pendingAcceptance"
    named = {"TransitGatewayAttachmentId": made["TransitGatewayAttachmentId"]}
    assert states(region) == [("pendingAcceptance", OTHER)] * 2
    mine, theirs = region.client("ec2"), region.client("ec2", account=OTHER)
    again = {key: made[key] for key in ("TransitGatewayId", "VpcId", "SubnetIds")}
    code = refusal(theirs.create_transit_gateway_vpc_attachment, **again)
    assert code == "DuplicateTransitGatewayAttachment"
    accept = theirs.accept_transit_gateway_vpc_attachment
    assert refusal(accept, **named) == "UnauthorizedOperation"
    assert refusal(mine.delete_transit_gateway, TransitGatewayId=hub) == "IncorrectState"
    accept = mine.accept_transit_gateway_vpc_attachment
    assert refusal(accept, **named, DryRun=True) == "DryRunOperation"
    region.restart()
    assert accept(**named)["TransitGatewayVpcAttachment"]["State"] == "pending"
    assert refusal(accept, **named) == "IncorrectState"
    assert states(region) == [("available", OTHER)] * 2
    [table] = mine.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"]
    [route] = mine.search_transit_gateway_routes(
        TransitGatewayRouteTableId=table["TransitGatewayRouteTableId"],
        Filters=[{"Name": "type", "Values": ["propagated"]}],
    )["Routes"]
    assert route["DestinationCidrBlock"] == "10.2.0.0/16"
    modify = mine.modify_transit_gateway_vpc_attachment
    assert refusal(modify, **named) == "UnauthorizedOperation"
    theirs.modify_transit_gateway_vpc_attachment(
        **named, Options={"ApplianceModeSupport": "enable"}
    )
    region.client("ram").delete_resource_share(
        resourceShareArn=region.client("ram").get_resource_shares(resourceOwner="SELF")[
            "resourceShares"
        ][0]["resourceShareArn"]
    )
    assert states(region) == [("available", OTHER)] * 2  # what is attached stays
    theirs.delete_transit_gateway_vpc_attachment(**named)
    assert states(region) == [("deleted", OTHER)] * 2
    theirs.delete_subnet(SubnetId=made["SubnetIds"][0])
    missing = refusal(theirs.create_transit_gateway_vpc_attachment, **again)
    assert missing == "InvalidTransitGatewayID.NotFound"


def test_an_attachment_is_rejected(region: Region) -> None:
    made = attach(region, shared(region))
    named = {"TransitGatewayAttachmentId": made["TransitGatewayAttachmentId"]}
    mine, theirs = region.client("ec2"), region.client("ec2", account=OTHER)
    assert refusal(mine.reject_transit_gateway_vpc_attachment, **named, DryRun=True) == (
        "DryRunOperation"
    )
    told = mine.reject_transit_gateway_vpc_attachment(**named)["TransitGatewayVpcAttachment"]
    assert told["State"] == "rejected"
    assert states(region) == [("rejected", OTHER)] * 2
    theirs.delete_subnet(SubnetId=made["SubnetIds"][0])


def test_a_hub_that_accepts_by_itself(region: Region) -> None:
    made = attach(region, shared(region, AutoAcceptSharedAttachments="enable"))
    assert made["State"] == "pending"
    assert states(region) == [("available", OTHER)] * 2


def test_a_vpc_is_at_five_hubs_at_most(region: Region) -> None:
    hub = shared(region)
    theirs = region.client("ec2", account=OTHER)
    vpc, subnets = place(theirs, "10.2.0.0/16")
    for _ in range(5):
        theirs.create_transit_gateway_vpc_attachment(
            TransitGatewayId=make(theirs)["TransitGatewayId"], VpcId=vpc, SubnetIds=subnets
        )
    create = theirs.create_transit_gateway_vpc_attachment
    code = refusal(create, TransitGatewayId=hub, VpcId=vpc, SubnetIds=subnets)
    assert code == "TransitGatewayAttachmentLimitExceeded"


@pytest.mark.parametrize("asking", [ACCOUNT, OTHER])
def test_packets_pass_between_the_networks_of_two_accounts(region: Region, asking: str) -> None:
    hub = shared(region, AutoAcceptSharedAttachments="enable")
    hosts = []
    for number, account in enumerate((ACCOUNT, OTHER), 1):
        networks = Networks(region, account)
        vpc = networks.vpc(f"10.{number}.0.0/16")
        subnet = networks.subnet(vpc, f"10.{number}.0.0/24")
        hosts.append(networks.instance(subnet, networks.group(vpc, "10.0.0.0/8")))
        networks.ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=hub, VpcId=vpc, SubnetIds=[subnet]
        )
        networks.route(vpc, "10.0.0.0/8", TransitGatewayId=hub)
    service: Any = region.host.services["ec2"]
    told = service.networks()
    topology = together(networks_as(asking, {"here": told}).values())
    record = as_record(walked(topology, Asked(hosts[0], hosts[1])), lambda *_: 0.5)
    assert record["reached"]
    alone = together([told[asking]])  # what one account can know of it
    asked = Asked(hosts[0], "10.2.0.99") if asking == ACCOUNT else Asked(hosts[1], "10.1.0.99")
    record = as_record(walked(alone, asked), lambda *_: 0.5)
    assert record["forward"]["outcome"] == "unknown"


def test_a_site_of_the_other_account_is_not_attached(region: Region) -> None:
    hub, theirs = shared(region), region.client("ec2", account=OTHER)
    made = theirs.create_customer_gateway(Type="ipsec.1", IpAddress="203.0.113.1")
    asked = {"CustomerGatewayId": made["CustomerGateway"]["CustomerGatewayId"]}
    create = theirs.create_vpn_connection
    code = refusal(create, Type="ipsec.1", TransitGatewayId=hub, **asked)
    assert code == "UnauthorizedOperation"
    assert theirs.describe_vpn_connections()["VpnConnections"] == []

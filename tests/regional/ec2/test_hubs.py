"""Transit gateways, what is attached to them, and their tables, by boto3."""

from typing import Any

import pytest

from antipodes.regional.ec2 import hubs
from antipodes.regional.ec2.interfaces import Wanted
from antipodes.regional.ec2.service import Ec2
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region

ACCOUNT = "000000000000"
NO_DEFAULTS = {"DefaultRouteTableAssociation": "disable", "DefaultRouteTablePropagation": "disable"}


def make(ec2: Any, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = ec2.create_transit_gateway(Options=options)["TransitGateway"]
    return found


def place(ec2: Any, prefix: str, zones: str = "a") -> tuple[str, list[str]]:
    """A VPC, with a subnet in each of some zones."""
    vpc = ec2.create_vpc(CidrBlock=prefix)["Vpc"]["VpcId"]
    start = prefix.rpartition(".")[0].rpartition(".")[0]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"{start}.{number}.0/24", AvailabilityZone=f"us-west-2{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    ]
    return vpc, subnets


def attach(ec2: Any, hub: str, vpc: str, subnets: list[str], **more: Any) -> str:
    name: str = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=hub, VpcId=vpc, SubnetIds=subnets, **more
    )["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    return name


def routes(ec2: Any, table: str, **filters: str) -> dict[str, str]:
    """What a table leads to: the resource behind a prefix, or its state."""
    asked = [
        one
        for name, value in (filters or {"state": "*"}).items()
        for one in named(name.replace("__", ".").replace("_", "-"), value)
    ]
    told = ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=table, Filters=asked)
    assert not told["AdditionalRoutesAvailable"]
    return {
        one["DestinationCidrBlock"]: one["TransitGatewayAttachments"][0]["ResourceId"]
        if one["State"] == "active"
        else one["State"]
        for one in told["Routes"]
    }


def test_a_hub_with_all_defaults_and_after_a_restart(region: Region) -> None:
    ec2 = region.client("ec2")
    made = ec2.create_transit_gateway(
        Description="core", TagSpecifications=tagged("transit-gateway", Name="core")
    )["TransitGateway"]
    assert made["State"] == "pending"
    options = made["Options"]
    table = options.pop("AssociationDefaultRouteTableId")
    assert options.pop("PropagationDefaultRouteTableId") == table
    assert options == {
        "AmazonSideAsn": 64512,
        "AutoAcceptSharedAttachments": "disable",
        "DefaultRouteTableAssociation": "enable",
        "DefaultRouteTablePropagation": "enable",
        "VpnEcmpSupport": "enable",
        "DnsSupport": "enable",
        "SecurityGroupReferencingSupport": "disable",
        "MulticastSupport": "disable",
    }
    region.restart()
    ec2 = region.client("ec2")
    [found] = ec2.describe_transit_gateways(Filters=named("tag:Name", "core"))["TransitGateways"]
    assert (found["State"], found["Description"]) == ("available", "core")
    assert found["CreationTime"] == made["CreationTime"]
    [default] = ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"]
    assert default["TransitGatewayRouteTableId"] == table
    assert default["DefaultAssociationRouteTable"]
    assert default["DefaultPropagationRouteTable"]
    told = ec2.describe_tags(Filters=named("resource-type", "transit-gateway"))["Tags"]
    assert [one["ResourceId"] for one in told] == [made["TransitGatewayId"]]


def test_an_attachment_goes_by_the_default_table_which_learns_its_prefixes(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2)
    table = hub["Options"]["AssociationDefaultRouteTableId"]
    vpc, subnets = place(ec2, "10.1.0.0/16", "ab")
    made = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=hub["TransitGatewayId"],
        VpcId=vpc,
        SubnetIds=subnets,
        Options={"ApplianceModeSupport": "enable"},
        TagSpecifications=tagged("transit-gateway-attachment", Name="spoke"),
    )["TransitGatewayVpcAttachment"]
    assert made["State"] == "pending"
    assert made["Options"] == {
        "DnsSupport": "enable",
        "SecurityGroupReferencingSupport": "enable",
        "Ipv6Support": "disable",
        "ApplianceModeSupport": "enable",
    }
    region.restart()
    ec2 = region.client("ec2")
    [found] = ec2.describe_transit_gateway_vpc_attachments(Filters=named("vpc-id", vpc))[
        "TransitGatewayVpcAttachments"
    ]
    assert found == made | {"State": "available"}
    [seen] = ec2.describe_transit_gateway_attachments(
        Filters=named("association.transit-gateway-route-table-id", table)
    )["TransitGatewayAttachments"]
    assert (seen["ResourceType"], seen["ResourceId"]) == ("vpc", vpc)
    assert seen["Association"] == {"TransitGatewayRouteTableId": table, "State": "associated"}
    assert routes(ec2, table) == {"10.1.0.0/16": vpc}
    ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.2.0.0/16")
    assert routes(ec2, table, type="propagated") == {"10.1.0.0/16": vpc, "10.2.0.0/16": vpc}
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"AmazonSideAsn": 64511}, "InvalidParameterValue"),
        ({"AmazonSideAsn": 65535}, "InvalidParameterValue"),
        ({"MulticastSupport": "enable"}, "UnsupportedOperation"),
        ({"DnsSupport": "perhaps"}, "InvalidParameterValue"),
        ({"TransitGatewayCidrBlocks": ["10.0.0.0/25"]}, "InvalidParameterValue"),
        ({"TransitGatewayCidrBlocks": ["fd00::/65"]}, "InvalidParameterValue"),
        ({"TransitGatewayCidrBlocks": ["169.254.8.0/24"]}, "InvalidParameterValue"),
        ({"TransitGatewayCidrBlocks": ["10.0.0.0/24", "10.0.0.0/16"]}, "InvalidParameterValue"),
        (
            {"TransitGatewayCidrBlocks": [f"10.{n}.0.0/24" for n in range(6)]},
            "InvalidParameterValue",
        ),
    ],
)
def test_a_hub_that_cannot_be(ec2: Any, options: dict[str, Any], code: str) -> None:
    assert refusal(ec2.create_transit_gateway, Options=options) == code
    assert refusal(ec2.create_transit_gateway, DryRun=True) == "DryRunOperation"
    assert ec2.describe_transit_gateways()["TransitGateways"] == []
    assert ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"] == []


def test_five_hubs_to_an_account(region: Region) -> None:
    ec2 = region.client("ec2")
    made = [make(ec2)["TransitGatewayId"] for _ in range(5)]
    assert refusal(ec2.create_transit_gateway) == "TransitGatewayLimitExceeded"
    other = region.client("ec2", account="111111111111")
    make(other)
    code = refusal(other.describe_transit_gateways, TransitGatewayIds=made[:1])
    assert code == "InvalidTransitGatewayID.NotFound"
    ec2.delete_transit_gateway(TransitGatewayId=made[0])
    make(ec2)


def test_a_table_of_its_own_comes_with_either_default(ec2: Any) -> None:
    for flag in NO_DEFAULTS:
        options = make(ec2, **{flag: "disable"})["Options"]
        members = {"AssociationDefaultRouteTableId", "PropagationDefaultRouteTableId"}
        assert len(members & options.keys()) == 1
    assert len(ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"]) == 2
    bare = make(ec2, **NO_DEFAULTS)
    filters = named("transit-gateway-id", bare["TransitGatewayId"])
    told = ec2.describe_transit_gateway_route_tables(Filters=filters)
    assert told["TransitGatewayRouteTables"] == []
    found = ec2.describe_transit_gateways(
        Filters=named("options.default-route-table-association", "disable")
    )["TransitGateways"]
    assert len(found) == 2


def test_a_hub_is_modified(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2, TransitGatewayCidrBlocks=["10.9.0.0/24", "10.9.1.0/24"])
    name = {"TransitGatewayId": hub["TransitGatewayId"]}
    changed = ec2.modify_transit_gateway(
        **name,
        Description="hub",
        Options={
            "AmazonSideAsn": 4200000000,
            "VpnEcmpSupport": "disable",
            "DnsSupport": "disable",
            "SecurityGroupReferencingSupport": "enable",
            "AutoAcceptSharedAttachments": "enable",
            "AddTransitGatewayCidrBlocks": ["10.9.2.0/24"],
            "RemoveTransitGatewayCidrBlocks": ["10.9.0.0/24"],
        },
    )["TransitGateway"]
    assert changed["State"] == "modifying"
    region.restart()
    ec2 = region.client("ec2")
    [found] = ec2.describe_transit_gateways(TransitGatewayIds=[hub["TransitGatewayId"]])[
        "TransitGateways"
    ]
    assert found == changed | {"State": "available"}
    options = found["Options"]
    assert options["TransitGatewayCidrBlocks"] == ["10.9.1.0/24", "10.9.2.0/24"]
    assert (options["AmazonSideAsn"], options["VpnEcmpSupport"]) == (4200000000, "disable")
    assert (
        options["AssociationDefaultRouteTableId"]
        == (hub["Options"]["AssociationDefaultRouteTableId"])
    )
    attach(ec2, hub["TransitGatewayId"], *place(ec2, "10.1.0.0/16"))
    for wrong, code in (
        ({"EncryptionSupport": "enable"}, "UnsupportedOperation"),
        ({"AmazonSideAsn": 1}, "InvalidParameterValue"),
        ({"RemoveTransitGatewayCidrBlocks": ["10.9.0.0/24"]}, "InvalidParameterValue"),
        ({"AddTransitGatewayCidrBlocks": ["10.1.4.0/24"]}, "InvalidParameterValue"),
    ):
        assert refusal(ec2.modify_transit_gateway, **name, Options=wrong) == code
    assert refusal(ec2.modify_transit_gateway, **name, DryRun=True) == "DryRunOperation"
    code = refusal(ec2.modify_transit_gateway, TransitGatewayId="tgw-1")
    assert code == "InvalidTransitGatewayID.NotFound"


def test_a_default_and_its_table_are_changed_together(ec2: Any) -> None:
    hub = make(ec2, DefaultRouteTablePropagation="disable")
    name = {"TransitGatewayId": hub["TransitGatewayId"]}
    table = ec2.create_transit_gateway_route_table(**name)["TransitGatewayRouteTable"]
    assert table["State"] == "pending"
    own = table["TransitGatewayRouteTableId"]
    foreign = make(ec2)["Options"]["AssociationDefaultRouteTableId"]
    for wrong, code in (
        ({"DefaultRouteTablePropagation": "enable"}, "InvalidParameterCombination"),
        ({"PropagationDefaultRouteTableId": own}, "InvalidParameterCombination"),
        (
            {"DefaultRouteTableAssociation": "disable", "AssociationDefaultRouteTableId": own},
            "InvalidParameterCombination",
        ),
        ({"AssociationDefaultRouteTableId": foreign}, "InvalidRouteTableID.NotFound"),
        ({"AssociationDefaultRouteTableId": "tgw-rtb-1"}, "InvalidRouteTableID.NotFound"),
    ):
        assert refusal(ec2.modify_transit_gateway, **name, Options=wrong) == code
    changed = ec2.modify_transit_gateway(
        **name,
        Options={
            "AssociationDefaultRouteTableId": own,
            "DefaultRouteTablePropagation": "enable",
            "PropagationDefaultRouteTableId": own,
        },
    )["TransitGateway"]["Options"]
    assert changed["AssociationDefaultRouteTableId"] == own
    assert changed["PropagationDefaultRouteTableId"] == own
    [found] = ec2.describe_transit_gateway_route_tables(
        Filters=named("default-propagation-route-table", "true")
        + named("transit-gateway-id", hub["TransitGatewayId"])
    )["TransitGatewayRouteTables"]
    assert found["TransitGatewayRouteTableId"] == own
    code = refusal(ec2.delete_transit_gateway_route_table, TransitGatewayRouteTableId=own)
    assert code == "IncorrectState"
    off = ec2.modify_transit_gateway(**name, Options=NO_DEFAULTS)["TransitGateway"]["Options"]
    assert not {"AssociationDefaultRouteTableId", "PropagationDefaultRouteTableId"} & off.keys()
    ec2.delete_transit_gateway_route_table(TransitGatewayRouteTableId=own)


def test_a_hub_goes_with_its_tables_and_without_attachments(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2)
    name = {"TransitGatewayId": hub["TransitGatewayId"]}
    vpc, subnets = place(ec2, "10.1.0.0/16")
    attached = {"TransitGatewayAttachmentId": attach(ec2, hub["TransitGatewayId"], vpc, subnets)}
    assert refusal(ec2.delete_transit_gateway, **name) == "IncorrectState"
    code = refusal(ec2.delete_transit_gateway_vpc_attachment, **attached, DryRun=True)
    assert code == "DryRunOperation"
    gone = ec2.delete_transit_gateway_vpc_attachment(**attached)["TransitGatewayVpcAttachment"]
    assert gone["State"] == "deleting"
    assert refusal(ec2.delete_transit_gateway, **name, DryRun=True) == "DryRunOperation"
    assert ec2.delete_transit_gateway(**name)["TransitGateway"]["State"] == "deleting"
    assert refusal(ec2.delete_transit_gateway, **name) == "InvalidTransitGatewayID.NotFound"
    code = refusal(ec2.delete_transit_gateway_vpc_attachment, **attached)
    assert code == "InvalidTransitGatewayAttachmentID.NotFound"
    region.restart()
    ec2 = region.client("ec2")
    [table] = ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"]
    [ended] = ec2.describe_transit_gateways(TransitGatewayIds=[name["TransitGatewayId"]])[
        "TransitGateways"
    ]
    [once] = ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"]
    assert {one["State"] for one in (table, ended, once)} == {"deleted"}
    assert "Association" not in once
    ec2.delete_subnet(SubnetId=subnets[0])
    ec2.delete_vpc(VpcId=vpc)


def test_what_came_to_its_end_is_shown_for_two_hours(region: Region) -> None:
    ec2 = region.client("ec2")
    first, second = (make(ec2)["TransitGatewayId"] for _ in range(2))
    ec2.delete_transit_gateway(TransitGatewayId=first)
    region.wait(hubs.ENDED_SHOWN_S - 60)
    filters = named("state", "deleted")
    [found] = ec2.describe_transit_gateways(Filters=filters)["TransitGateways"]
    assert found["TransitGatewayId"] == first
    region.wait(120)
    assert ec2.describe_transit_gateways(Filters=filters)["TransitGateways"] == []
    ec2.delete_transit_gateway(TransitGatewayId=second)
    [found] = ec2.describe_transit_gateways()["TransitGateways"]
    assert found["TransitGatewayId"] == second


def test_interfaces_of_an_attachment(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2)["TransitGatewayId"]
    vpc, (one, two, three) = place(ec2, "10.1.0.0/16", "abc")
    name = attach(ec2, hub, vpc, [one, two])
    assert addresses(ec2, name) == {one: "10.1.0.4", two: "10.1.1.4"}
    assert refusal(ec2.delete_subnet, SubnetId=one) == "DependencyViolation"
    changed = ec2.modify_transit_gateway_vpc_attachment(
        TransitGatewayAttachmentId=name,
        AddSubnetIds=[three],
        RemoveSubnetIds=[one],
        Options={"ApplianceModeSupport": "enable", "DnsSupport": "disable"},
    )["TransitGatewayVpcAttachment"]
    assert changed["State"] == "modifying"
    assert changed["SubnetIds"] == [two, three]
    assert changed["Options"]["ApplianceModeSupport"] == "enable"
    region.restart()
    ec2 = region.client("ec2")
    assert addresses(ec2, name) == {two: "10.1.1.4", three: "10.1.2.4"}
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=name)
    assert addresses(ec2, name) == {}
    ec2.delete_subnet(SubnetId=two)


def addresses(ec2: Any, attachment: str) -> dict[str, str]:
    """Where an attachment has interfaces."""
    filters = named("interface-type", "transit_gateway") + named("description", f"*{attachment}")
    found = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert all(one["RequesterManaged"] and one["Groups"] == [] for one in found)
    return {one["SubnetId"]: one["PrivateIpAddress"] for one in found}


def test_an_attachment_that_cannot_be(ec2: Any) -> None:
    hub = make(ec2)["TransitGatewayId"]
    vpc, (one, two) = place(ec2, "10.1.0.0/16", "ab")
    again = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.9.0/24", AvailabilityZone="us-west-2a")[
        "Subnet"
    ]["SubnetId"]
    _, (foreign,) = place(ec2, "10.2.0.0/16")
    create = ec2.create_transit_gateway_vpc_attachment
    request = {"TransitGatewayId": hub, "VpcId": vpc, "SubnetIds": [one]}
    for wrong, code in (
        ({"TransitGatewayId": "tgw-1"}, "InvalidTransitGatewayID.NotFound"),
        ({"VpcId": "vpc-1"}, "InvalidVpcID.NotFound"),
        ({"SubnetIds": ["subnet-1"]}, "InvalidSubnetID.NotFound"),
        ({"SubnetIds": [foreign]}, "InvalidSubnetID.NotFound"),
        ({"SubnetIds": [one, again]}, "DuplicateSubnetsInSameZone"),
        ({"TagSpecifications": tagged("vpc", a="b")}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ):
        assert refusal(create, **{**request, **wrong}) == code
    assert ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"] == []
    name = attach(ec2, hub, vpc, [one])
    assert refusal(create, **request) == "DuplicateTransitGatewayAttachment"
    modify = ec2.modify_transit_gateway_vpc_attachment
    for change, code in (
        ({"RemoveSubnetIds": [one]}, "InsufficientSubnetsException"),
        ({"RemoveSubnetIds": [two]}, "InvalidSubnetID.NotFound"),
        ({"AddSubnetIds": [again]}, "DuplicateSubnetsInSameZone"),
        ({"AddSubnetIds": [foreign]}, "InvalidSubnetID.NotFound"),
        ({"AddSubnetIds": [two], "DryRun": True}, "DryRunOperation"),
    ):
        assert refusal(modify, TransitGatewayAttachmentId=name, **change) == code
    code = refusal(modify, TransitGatewayAttachmentId="tgw-attach-1")
    assert code == "InvalidTransitGatewayAttachmentID.NotFound"
    [found] = ec2.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"]
    assert found["SubnetIds"] == [one]


def test_a_full_subnet_takes_no_attachment_and_nothing_is_made(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2)["TransitGatewayId"]
    vpc, (wide,) = place(ec2, "10.1.0.0/16")
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.9.0/28", AvailabilityZone="us-west-2b")
    full = made["Subnet"]["SubnetId"]
    service = region.host.service("ec2")
    assert isinstance(service, Ec2)
    for _ in range(11):
        service.interfaces.make(service.estate.subnets.get(ACCOUNT, full), Wanted())
    code = refusal(
        ec2.create_transit_gateway_vpc_attachment,
        TransitGatewayId=hub,
        VpcId=vpc,
        SubnetIds=[wide, full],
    )
    assert code == "InsufficientFreeAddressesInSubnet"
    assert {one.subnet for one in service.estate.interfaces.list(ACCOUNT)} == {full}

"""Transit gateways, what is attached to them, and their tables, by boto3."""

from typing import Any

from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region

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

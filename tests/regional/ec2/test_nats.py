"""NAT gateways made and deleted by boto3."""

from typing import Any

import pytest

from antipodes.service.contract import Settings
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, Region


@pytest.fixture
def subnet(ec2: Any) -> str:
    """A default subnet, in a network with a gateway to the internet."""
    name: str = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    return name


def make(ec2: Any, subnet: str, **more: Any) -> dict[str, Any]:
    """A private gateway, unless the request says otherwise."""
    more.setdefault("ConnectivityType", "private")
    answer: dict[str, Any] = ec2.create_nat_gateway(SubnetId=subnet, **more)
    gateway: dict[str, Any] = answer["NatGateway"]
    return gateway


def shown(ec2: Any, name: str) -> dict[str, Any]:
    [found] = ec2.describe_nat_gateways(NatGatewayIds=[name])["NatGateways"]
    gateway: dict[str, Any] = found
    return gateway


def test_a_public_gateway_has_an_elastic_address(region: Region, subnet: str) -> None:
    ec2 = region.client("ec2")
    made = ec2.allocate_address()
    answer = ec2.create_nat_gateway(
        SubnetId=subnet,
        AllocationId=made["AllocationId"],
        ClientToken="once",
        TagSpecifications=tagged("natgateway", Name="way-out"),
    )
    name = answer["NatGateway"]["NatGatewayId"]
    assert (answer["NatGateway"]["State"], answer["ClientToken"]) == ("pending", "once")
    region.restart()
    ec2 = region.client("ec2")
    found = shown(ec2, name)
    [address] = found["NatGatewayAddresses"]
    assert (found["State"], found["ConnectivityType"]) == ("available", "public")
    assert found["Tags"] == [{"Key": "Name", "Value": "way-out"}]
    assert address["PublicIp"] == made["PublicIp"]
    assert (address["Status"], address["IsPrimary"]) == ("succeeded", True)
    asked = {"NetworkInterfaceIds": [address["NetworkInterfaceId"]]}
    [interface] = ec2.describe_network_interfaces(**asked)["NetworkInterfaces"]
    assert (interface["InterfaceType"], interface["Groups"]) == ("nat_gateway", [])
    assert (interface["RequesterManaged"], interface["Status"]) == (True, "in-use")
    assert interface["Attachment"]["InstanceOwnerId"] == "amazon-aws"
    assert interface["PrivateIpAddress"] == address["PrivateIp"]
    assert not interface["SourceDestCheck"]
    [told] = ec2.describe_addresses()["Addresses"]
    assert told["AssociationId"] == address["AssociationId"]
    again = {"SubnetId": subnet, "AllocationId": made["AllocationId"], "ClientToken": "once"}
    tags = tagged("natgateway", Name="way-out")
    repeated = ec2.create_nat_gateway(**again, TagSpecifications=tags)["NatGateway"]
    assert repeated["NatGatewayId"] == name
    assert refusal(ec2.create_nat_gateway, **again) == "IdempotentParameterMismatch"
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[name])


def test_what_is_a_gateways_is_nobody_elses(ec2: Any, subnet: str) -> None:
    allocation = ec2.allocate_address()["AllocationId"]
    made = make(ec2, subnet, ConnectivityType="public", AllocationId=allocation)
    [address] = shown(ec2, made["NatGatewayId"])["NatGatewayAddresses"]
    interface = {"NetworkInterfaceId": address["NetworkInterfaceId"]}
    [told] = ec2.describe_network_interfaces()["NetworkInterfaces"]
    attachment = told["Attachment"]["AttachmentId"]
    assert refusal(ec2.delete_network_interface, **interface) == "OperationNotPermitted"
    assert refusal(ec2.detach_network_interface, AttachmentId=attachment) == "OperationNotPermitted"
    code = refusal(ec2.modify_network_interface_attribute, **interface, Groups=["sg-1"])
    assert code == "OperationNotPermitted"
    code = refusal(ec2.assign_private_ip_addresses, **interface, SecondaryPrivateIpAddressCount=1)
    assert code == "OperationNotPermitted"
    code = refusal(ec2.disassociate_address, AssociationId=address["AssociationId"])
    assert code == "AuthFailure"
    mine = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    code = refusal(
        ec2.associate_address,
        AllocationId=allocation,
        NetworkInterfaceId=mine["NetworkInterfaceId"],
    )
    assert code == "AuthFailure"
    assert refusal(ec2.release_address, AllocationId=allocation) == "InvalidIPAddress.InUse"


def test_a_deleted_gateway_is_seen_for_an_hour(region: Region, subnet: str) -> None:
    ec2 = region.client("ec2")
    allocation = ec2.allocate_address()["AllocationId"]
    made = make(ec2, subnet, ConnectivityType="public", AllocationId=allocation)
    name = made["NatGatewayId"]
    assert refusal(ec2.delete_nat_gateway, NatGatewayId=name, DryRun=True) == "DryRunOperation"
    assert ec2.delete_nat_gateway(NatGatewayId=name)["NatGatewayId"] == name
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert "AssociationId" not in ec2.describe_addresses()["Addresses"][0]
    ec2.release_address(AllocationId=allocation)
    region.wait(3599.0)
    gone = shown(ec2, name)
    assert (gone["State"], "DeleteTime" in gone) == ("deleted", True)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[name])
    ec2.delete_nat_gateway(NatGatewayId=name)
    region.wait(2.0)
    assert refusal(ec2.describe_nat_gateways, NatGatewayIds=[name]) == "NatGatewayNotFound"
    assert refusal(ec2.delete_nat_gateway, NatGatewayId=name) == "NatGatewayNotFound"


def test_a_private_gateway_has_none(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    found = shown(ec2, make(ec2, subnet, PrivateIpAddress="10.0.0.77")["NatGatewayId"])
    [address] = found["NatGatewayAddresses"]
    assert (found["ConnectivityType"], found["VpcId"]) == ("private", vpc)
    assert (address["PrivateIp"], "PublicIp" in address) == ("10.0.0.77", False)
    code = refusal(ec2.delete_subnet, SubnetId=subnet)
    assert code == "DependencyViolation"
    ids = [
        one["NatGatewayId"]
        for one in ec2.describe_nat_gateways(Filter=named("vpc-id", vpc))["NatGateways"]
    ]
    assert ids == [found["NatGatewayId"]]
    assert ec2.describe_nat_gateways(Filter=named("state", "deleted"))["NatGateways"] == []


def test_a_gateway_without_a_way_out_fails(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    allocation = ec2.allocate_address()["AllocationId"]
    public = {"ConnectivityType": "public", "AllocationId": allocation}
    made = make(ec2, subnet, **public)
    assert made["State"] == "pending"
    found = shown(ec2, made["NatGatewayId"])
    assert (found["State"], found["FailureCode"]) == ("failed", "Gateway.NotAttached")
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    default = ec2.describe_subnets(Filters=named("default-for-az", "true"))["Subnets"][0]
    assert shown(ec2, make(ec2, default["SubnetId"], **public)["NatGatewayId"])["State"] == (
        "available"
    )
    second = shown(ec2, make(ec2, default["SubnetId"], **public)["NatGatewayId"])
    assert second["FailureCode"] == "Resource.AlreadyAssociated"
    ec2.delete_nat_gateway(NatGatewayId=second["NatGatewayId"])
    assert shown(ec2, second["NatGatewayId"])["State"] == "deleted"
    region.wait(3601.0)
    told = ec2.describe_nat_gateways()["NatGateways"]
    assert [one["State"] for one in told] == ["available"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"SubnetId": "subnet-1"}, "InvalidSubnetID.NotFound"),
        ({"ConnectivityType": "public"}, "MissingParameter"),
        (
            {"ConnectivityType": "public", "AllocationId": "eipalloc-1"},
            "InvalidAllocationID.NotFound",
        ),
        ({"AllocationId": "eipalloc-1"}, "InvalidParameterCombination"),
        ({"PrivateIpAddress": "10.0.0.9"}, "InvalidParameterValue"),
        ({"SecondaryPrivateIpAddressCount": 1}, "UnsupportedOperation"),
        ({"AvailabilityMode": "regional"}, "UnsupportedOperation"),
        ({"TagSpecifications": tagged("vpc", a="b")}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_a_gateway_that_cannot_be(still: Any, request_: dict[str, Any], code: str) -> None:
    subnet = still.describe_subnets()["Subnets"][0]["SubnetId"]
    request = {"SubnetId": subnet, "ConnectivityType": "private", **request_}
    assert refusal(still.create_nat_gateway, **request) == code
    assert still.describe_nat_gateways()["NatGateways"] == []
    assert still.describe_network_interfaces()["NetworkInterfaces"] == []


def test_five_gateways_to_a_zone(ec2: Any, subnet: str) -> None:
    made = [make(ec2, subnet) for _ in range(5)]
    asked = {"SubnetId": subnet, "ConnectivityType": "private"}
    assert refusal(ec2.create_nat_gateway, **asked) == "NatGatewayLimitExceeded"
    other = ec2.describe_subnets()["Subnets"]
    elsewhere = next(one["SubnetId"] for one in other if one["SubnetId"] != subnet)
    make(ec2, elsewhere)
    ec2.delete_nat_gateway(NatGatewayId=made[0]["NatGatewayId"])
    make(ec2, subnet)


def test_where_changes_take_a_while_a_gateway_passes_through_states() -> None:
    region = Region(settings=Settings(account=ACCOUNT, control_plane_delay_s=30.0))
    ec2 = region.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    name = make(ec2, subnet)["NatGatewayId"]
    assert shown(ec2, name)["State"] == "pending"
    region.wait(31.0)
    assert shown(ec2, name)["State"] == "available"
    ec2.delete_nat_gateway(NatGatewayId=name)
    assert shown(ec2, name)["State"] == "deleting"
    region.wait(31.0)
    assert shown(ec2, name)["State"] == "deleted"
    region.close()

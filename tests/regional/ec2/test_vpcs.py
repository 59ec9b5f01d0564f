"""VPCs and subnets made, changed and deleted by boto3, and what is refused."""

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.ec2 import prefixes
from antipodes.service.contract import ServiceError
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region


def make(ec2: Any, prefix: str = "10.0.0.0/16", **more: Any) -> str:
    name: str = ec2.create_vpc(CidrBlock=prefix, **more)["Vpc"]["VpcId"]
    return name


def test_a_vpc_comes_with_a_group_and_is_there_after_a_restart(region: Region) -> None:
    ec2 = region.client("ec2")
    made = ec2.create_vpc(
        CidrBlock="10.0.3.7/16", TagSpecifications=tagged("vpc", Name="main", use="tests")
    )["Vpc"]
    assert (made["CidrBlock"], made["IsDefault"], made["State"]) == (
        "10.0.0.0/16",
        False,
        "pending",
    )
    region.restart()
    ec2 = region.client("ec2")
    [found] = ec2.describe_vpcs(VpcIds=[made["VpcId"]])["Vpcs"]
    assert found == made | {"State": "available"}
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"Name": "main", "use": "tests"}
    [same] = ec2.describe_vpcs(Filters=named("tag:Name", "ma*"))["Vpcs"]
    assert same == found
    groups = ec2.describe_security_groups(Filters=named("vpc-id", made["VpcId"]))
    [group] = groups["SecurityGroups"]
    assert group["GroupName"] == "default"
    [inside] = group["IpPermissions"]
    assert [pair["GroupId"] for pair in inside["UserIdGroupPairs"]] == [group["GroupId"]]
    [outside] = group["IpPermissionsEgress"]
    assert outside["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    ec2.get_waiter("vpc_available").wait(VpcIds=[made["VpcId"]])


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"CidrBlock": "10.0.0.0/15"}, "InvalidVpc.Range"),
        ({"CidrBlock": "10.0.0.0/29"}, "InvalidVpc.Range"),
        ({"CidrBlock": "169.254.0.0/16"}, "InvalidVpc.Range"),
        ({"CidrBlock": "10.0.0.0"}, "InvalidParameterValue"),
        ({"CidrBlock": "ten"}, "InvalidParameterValue"),
        ({"CidrBlock": "fd00::/56"}, "InvalidParameterValue"),
        ({}, "MissingParameter"),
        ({"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "host"}, "UnsupportedTenancy"),
        ({"CidrBlock": "10.0.0.0/16", "Ipv6Pool": "mine"}, "UnsupportedOperation"),
        ({"CidrBlock": "10.0.0.0/16", "Ipv4IpamPoolId": "ipam-pool-1"}, "UnsupportedOperation"),
        ({"CidrBlock": "10.0.0.0/16", "DryRun": True}, "DryRunOperation"),
        (
            {"CidrBlock": "10.0.0.0/16", "TagSpecifications": tagged("subnet", a="b")},
            "InvalidParameterValue",
        ),
    ],
)
def test_a_vpc_that_cannot_be(ec2: Any, request_: dict[str, Any], code: str) -> None:
    assert refusal(ec2.create_vpc, **request_) == code
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1


def test_five_vpcs_to_an_account(region: Region) -> None:
    ec2 = region.client("ec2")
    made = [make(ec2, f"10.{number}.0.0/16") for number in range(4)]
    assert refusal(ec2.create_vpc, CidrBlock="10.9.0.0/16") == "VpcLimitExceeded"
    make(region.client("ec2", account="111111111111"))
    ec2.delete_vpc(VpcId=made[0])
    make(ec2)


def test_a_vpc_with_something_in_it_is_not_deleted(ec2: Any) -> None:
    vpc = make(ec2)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    assert refusal(ec2.describe_vpcs, VpcIds=[vpc]) == "InvalidVpcID.NotFound"
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "InvalidVpcID.NotFound"
    groups = ec2.describe_security_groups(Filters=named("vpc-id", vpc))["SecurityGroups"]
    assert groups == []


def test_the_default_vpc_can_be_deleted_and_made_again(ec2: Any) -> None:
    [vpc] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    assert refusal(ec2.create_default_vpc) == "DefaultVpcAlreadyExists"
    assert refusal(ec2.delete_vpc, VpcId=vpc["VpcId"]) == "DependencyViolation"
    subnets = ec2.describe_subnets()["Subnets"]
    ec2.delete_subnet(SubnetId=subnets[0]["SubnetId"])
    zone = subnets[0]["AvailabilityZone"]
    assert ec2.create_default_subnet(AvailabilityZone=zone)["Subnet"] == subnets[0]
    code = refusal(ec2.create_default_subnet, AvailabilityZone=zone)
    assert code == "DefaultSubnetAlreadyExistsInAvailabilityZone"
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    [gateway] = ec2.describe_internet_gateways()["InternetGateways"]
    name = {"InternetGatewayId": gateway["InternetGatewayId"]}
    ec2.detach_internet_gateway(VpcId=vpc["VpcId"], **name)
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    assert ec2.describe_vpcs()["Vpcs"] == []
    assert refusal(ec2.create_default_subnet, AvailabilityZone=zone) == "DefaultVpcDoesNotExist"
    other = make(ec2)
    ec2.attach_internet_gateway(VpcId=other, **name)
    made = ec2.create_default_vpc()["Vpc"]
    assert ec2.describe_subnets(Filters=named("default-for-az", "true"))["Subnets"] == subnets
    gateways = ec2.describe_internet_gateways()["InternetGateways"]
    attached = {one["Attachments"][0]["VpcId"]: one["InternetGatewayId"] for one in gateways}
    assert attached[other] == gateway["InternetGatewayId"]  # it is not taken away again
    [table] = ec2.describe_route_tables(Filters=named("vpc-id", made["VpcId"]))["RouteTables"]
    [out] = [one for one in table["Routes"] if one["DestinationCidrBlock"] == "0.0.0.0/0"]
    assert (out["GatewayId"], out["State"]) == (attached[made["VpcId"]], "active")


def test_attributes_of_a_vpc(ec2: Any) -> None:
    vpc = make(ec2)

    def attribute(name: str) -> bool:
        told = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)
        value: bool = told[name[0].upper() + name[1:]]["Value"]
        return value

    assert attribute("enableDnsSupport")
    assert not attribute("enableDnsHostnames")
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert attribute("enableDnsHostnames")
    [default] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    told = ec2.describe_vpc_attribute(VpcId=default["VpcId"], Attribute="enableDnsHostnames")
    assert told["EnableDnsHostnames"]["Value"]
    both = {"EnableDnsHostnames": {"Value": True}, "EnableDnsSupport": {"Value": True}}
    code = refusal(ec2.modify_vpc_attribute, VpcId=vpc, **both)
    assert code == "InvalidParameterCombination"
    assert refusal(ec2.modify_vpc_attribute, VpcId=vpc) == "MissingParameter"


def test_further_prefixes_of_a_vpc(ec2: Any) -> None:
    vpc = make(ec2)
    added = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")
    association = added["CidrBlockAssociation"]
    assert association["CidrBlockState"]["State"] == "associating"
    [found] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    states = {
        one["CidrBlock"]: one["CidrBlockState"]["State"] for one in found["CidrBlockAssociationSet"]
    }
    assert states == {"10.0.0.0/16": "associated", "10.1.0.0/16": "associated"}
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.2.0/24")["Subnet"]["SubnetId"]
    name = {"AssociationId": association["AssociationId"]}
    assert refusal(ec2.disassociate_vpc_cidr_block, **name) == "DependencyViolation"
    ec2.delete_subnet(SubnetId=subnet)
    ec2.disassociate_vpc_cidr_block(**name)
    code = refusal(ec2.disassociate_vpc_cidr_block, **name)
    assert code == "InvalidVpcCidrBlockAssociationID.NotFound"
    primary = found["CidrBlockAssociationSet"][0]["AssociationId"]
    code = refusal(ec2.disassociate_vpc_cidr_block, AssociationId=primary)
    assert code == "OperationNotPermitted"
    for number in range(2, 6):
        ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock=f"10.{number}.0.0/16")
    code = refusal(ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="10.9.0.0/16")
    assert code == "CidrBlockLimitExceeded"


@pytest.mark.parametrize(
    ("own", "further", "ok"),
    [
        ("10.2.0.0/16", "10.2.128.0/17", False),  # overlaps
        ("10.2.0.0/16", "172.16.0.0/16", False),
        ("10.2.0.0/16", "192.168.0.0/16", False),
        ("10.2.0.0/16", "198.19.0.0/16", False),
        ("10.2.0.0/16", "100.64.0.0/16", True),
        ("10.2.0.0/16", "11.0.0.0/16", True),
        ("10.1.0.0/16", "10.0.0.0/24", False),  # of 10.0.0.0/15, the first half is kept back
        ("10.2.0.0/16", "10.0.0.0/24", True),
        ("172.16.0.0/16", "172.31.0.0/24", False),
        ("172.16.0.0/16", "172.20.0.0/16", True),
        ("11.0.0.0/16", "10.0.0.0/16", False),  # a public one is joined by public ones
        ("100.64.0.0/16", "10.0.0.0/16", False),
        ("100.64.0.0/16", "100.65.0.0/16", True),
        ("192.168.0.0/16", "169.254.0.0/16", False),
    ],
)
def test_what_prefix_may_join_another(own: str, further: str, *, ok: bool) -> None:
    if ok:
        assert str(prefixes.further(further, [own], [])) == further
    else:
        with pytest.raises(ServiceError) as caught:
            prefixes.further(further, [own], [])
        assert caught.value.code == "InvalidVpc.Range"


def test_a_prefix_may_not_swallow_a_route() -> None:
    for text, ok in (("10.1.0.0/16", False), ("10.1.2.0/24", False), ("10.1.2.0/25", True)):
        if ok:
            prefixes.further(text, ["10.0.0.0/16"], ["10.1.2.0/24"])
        else:
            with pytest.raises(ServiceError):
                prefixes.further(text, ["10.0.0.0/16"], ["10.1.2.0/24"])


def test_subnets_of_a_vpc(ec2: Any) -> None:
    vpc = make(ec2)
    made = ec2.create_subnet(
        VpcId=vpc,
        CidrBlock="10.0.1.0/24",
        AvailabilityZone="us-west-2b",
        TagSpecifications=tagged("subnet", Name="b"),
    )["Subnet"]
    assert (made["AvailabilityZone"], made["AvailableIpAddressCount"]) == ("us-west-2b", 251)
    assert not made["MapPublicIpOnLaunch"]
    ec2.modify_subnet_attribute(SubnetId=made["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    [found] = ec2.describe_subnets(Filters=named("vpc-id", vpc))["Subnets"]
    assert found == made | {"MapPublicIpOnLaunch": True}
    by_id = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/28", AvailabilityZoneId="usw2-az1")
    assert by_id["Subnet"]["AvailableIpAddressCount"] == 11
    assert by_id["Subnet"]["AvailabilityZoneId"] == "usw2-az1"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"CidrBlock": "10.0.0.128/25"}, "InvalidSubnet.Conflict"),
        ({"CidrBlock": "10.1.0.0/24"}, "InvalidSubnet.Range"),
        ({"CidrBlock": "10.0.0.0/29"}, "InvalidSubnet.Range"),
        ({"CidrBlock": "x"}, "InvalidParameterValue"),
        ({}, "MissingParameter"),
        ({"CidrBlock": "10.0.9.0/24", "AvailabilityZone": "mars-1a"}, "InvalidParameterValue"),
        ({"CidrBlock": "10.0.9.0/24", "VpcId": "vpc-1"}, "InvalidVpcID.NotFound"),
        ({"CidrBlock": "10.0.9.0/24", "Ipv6Native": True}, "UnsupportedOperation"),
        (
            {
                "CidrBlock": "10.0.9.0/24",
                "AvailabilityZone": "us-west-2a",
                "AvailabilityZoneId": "usw2-az1",
            },
            "InvalidParameterCombination",
        ),
    ],
)
def test_a_subnet_that_cannot_be(ec2: Any, request_: dict[str, Any], code: str) -> None:
    vpc = make(ec2)
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
    assert refusal(ec2.create_subnet, **{"VpcId": vpc, **request_}) == code
    assert len(ec2.describe_subnets(Filters=named("vpc-id", vpc))["Subnets"]) == 1


def test_tags_of_anything(ec2: Any) -> None:
    vpc = make(ec2, TagSpecifications=tagged("vpc", a="1"))
    address = ec2.allocate_address()["AllocationId"]
    ec2.create_tags(Resources=[vpc, address], Tags=[{"Key": "b", "Value": "2"}, {"Key": "a"}])
    told = ec2.describe_tags(Filters=named("resource-id", vpc, address))["Tags"]
    assert [(one["ResourceType"], one["Key"], one.get("Value", "")) for one in told] == [
        ("elastic-ip", "a", ""),
        ("elastic-ip", "b", "2"),
        ("vpc", "a", ""),
        ("vpc", "b", "2"),
    ]
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "b", "Value": "3"}, {"Key": "a"}])
    ec2.delete_tags(Resources=[address])
    told = ec2.describe_tags()["Tags"]
    assert [(one["ResourceId"], one["Key"]) for one in told] == [(vpc, "b")]
    assert refusal(ec2.create_tags, Resources=["vpc-1"], Tags=[{"Key": "a"}]) == (
        "InvalidVpcID.NotFound"
    )
    assert refusal(ec2.create_tags, Resources=["x-1"], Tags=[{"Key": "a"}]) == "InvalidID"
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    assert refusal(ec2.create_tags, Resources=[vpc], Tags=many) == "TagLimitExceeded"
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_tags()["Tags"] == []


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_a_networks_prefix_is_canonical_or_refused(address: int, length: int) -> None:
    text = f"{IPv4Network(address)[0]}/{length}"
    whole = IPv4Network(text, strict=False)
    if 16 <= length <= 28 and not whole.overlaps(IPv4Network("169.254.0.0/16")):
        assert prefixes.of_network(text) == whole
    else:
        with pytest.raises(ServiceError) as caught:
            prefixes.of_network(text)
        assert caught.value.code == "InvalidVpc.Range"

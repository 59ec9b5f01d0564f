"""Internet gateways and DHCP options, by boto3."""

from typing import Any

from tests.regional.ec2.nets import Net
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region


def make_vpc(ec2: Any, prefix: str = "10.0.0.0/16") -> str:
    return str(ec2.create_vpc(CidrBlock=prefix)["Vpc"]["VpcId"])


def make_gateway(ec2: Any, **more: Any) -> str:
    made = ec2.create_internet_gateway(**more)["InternetGateway"]
    assert made["Attachments"] == []
    return str(made["InternetGatewayId"])


def test_a_gateway_is_attached_to_one_vpc_and_stays_so(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc, other = make_vpc(ec2), make_vpc(ec2)
    gateway = make_gateway(ec2, TagSpecifications=tagged("internet-gateway", Name="door"))
    second = make_gateway(ec2)
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    code = refusal(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=other)
    assert code == "Resource.AlreadyAssociated"
    code = refusal(ec2.attach_internet_gateway, InternetGatewayId=second, VpcId=vpc)
    assert code == "InvalidParameterValue"
    region.restart()
    ec2 = region.client("ec2")
    wanted = named("attachment.vpc-id", vpc)
    [found] = ec2.describe_internet_gateways(Filters=wanted)["InternetGateways"]
    assert found["InternetGatewayId"] == gateway
    assert found["Attachments"] == [{"VpcId": vpc, "State": "available"}]
    assert found["Tags"] == [{"Key": "Name", "Value": "door"}]
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    code = refusal(ec2.delete_internet_gateway, InternetGatewayId=gateway)
    assert code == "DependencyViolation"
    code = refusal(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=other)
    assert code == "Gateway.NotAttached"
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    code = refusal(ec2.describe_internet_gateways, InternetGatewayIds=[gateway])
    assert code == "InvalidInternetGatewayID.NotFound"
    assert ec2.describe_tags()["Tags"] == []
    ec2.delete_vpc(VpcId=vpc)


def test_a_gateway_stays_while_public_addresses_are_mapped(net: Net) -> None:
    ec2, at = net.ec2, {"InternetGatewayId": net.gateway, "VpcId": net.vpc}
    address = ec2.allocate_address()["AllocationId"]
    mapped = ec2.associate_address(AllocationId=address, NetworkInterfaceId=net.appliance)
    assert refusal(ec2.detach_internet_gateway, **at) == "DependencyViolation"
    ec2.disassociate_address(AssociationId=mapped["AssociationId"])
    assert refusal(ec2.detach_internet_gateway, **at, DryRun=True) == "DryRunOperation"
    ec2.detach_internet_gateway(**at)
    wanted = named("attachment.vpc-id", net.vpc)
    assert ec2.describe_internet_gateways(Filters=wanted)["InternetGateways"] == []


def test_five_gateways_to_an_account_one_of_them_the_default_networks(ec2: Any) -> None:
    assert refusal(ec2.create_internet_gateway, DryRun=True) == "DryRunOperation"
    for _ in range(4):
        make_gateway(ec2)
    assert refusal(ec2.create_internet_gateway) == "InternetGatewayLimitExceeded"


def test_options_of_a_network(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc = make_vpc(ec2)
    made = ec2.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name", "Values": ["corp.example"]},
            {"Key": "domain-name-servers", "Values": ["10.0.0.9", "AmazonProvidedDNS"]},
            {"Key": "ntp-servers", "Values": ["169.254.169.123", "fd00:ec2::123"]},
            {"Key": "netbios-node-type", "Values": ["2"]},
        ],
        TagSpecifications=tagged("dhcp-options", Name="corp"),
    )["DhcpOptions"]
    name = made["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=name, VpcId=vpc)
    region.restart()
    ec2 = region.client("ec2")
    [found] = ec2.describe_dhcp_options(Filters=named("key", "ntp-servers"))["DhcpOptions"]
    assert found == made
    [told] = ec2.describe_vpcs(Filters=named("dhcp-options-id", name))["Vpcs"]
    assert told["VpcId"] == vpc
    assert refusal(ec2.delete_dhcp_options, DhcpOptionsId=name) == "DependencyViolation"
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"] == "default"
    ec2.delete_dhcp_options(DhcpOptionsId=name)
    code = refusal(ec2.associate_dhcp_options, DhcpOptionsId=name, VpcId=vpc)
    assert code == "InvalidDhcpOptionID.NotFound"
    code = refusal(ec2.describe_dhcp_options, DhcpOptionsIds=[name])
    assert code == "InvalidDhcpOptionID.NotFound"


def test_options_that_cannot_be(ec2: Any) -> None:
    before = ec2.describe_dhcp_options()["DhcpOptions"]
    for key, values in (
        ("colour", ["red"]),
        ("domain-name-servers", ["nowhere"]),
        ("domain-name-servers", [f"10.0.0.{number}" for number in range(5)]),
        ("netbios-name-servers", ["fd00::1"]),
        ("netbios-node-type", ["3"]),
        ("ipv6-address-preferred-lease-time", ["139"]),
        ("domain-name", ["a", "b"]),
        ("domain-name", []),
    ):
        wanted = [{"Key": key, "Values": values}]
        code = refusal(ec2.create_dhcp_options, DhcpConfigurations=wanted)
        assert (key, code) == (key, "InvalidParameterValue")
    assert refusal(ec2.create_dhcp_options, DhcpConfigurations=[]) == "MissingParameter"
    assert ec2.describe_dhcp_options()["DhcpOptions"] == before


def test_a_new_network_has_the_default_options_even_after_they_were_deleted(ec2: Any) -> None:
    [default] = ec2.describe_dhcp_options()["DhcpOptions"]
    [vpc] = ec2.describe_vpcs()["Vpcs"]
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc["VpcId"])
    ec2.delete_dhcp_options(DhcpOptionsId=default["DhcpOptionsId"])
    made = make_vpc(ec2)
    assert ec2.describe_dhcp_options()["DhcpOptions"] == [default]
    [told] = ec2.describe_vpcs(VpcIds=[made])["Vpcs"]
    assert told["DhcpOptionsId"] == default["DhcpOptionsId"]

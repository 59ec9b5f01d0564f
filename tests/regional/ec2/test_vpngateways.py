"""Customer gateways and VPN gateways, by boto3."""

from typing import Any

import pytest

from tests.regional.ec2.nets import Net
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region

TYPE = "ipsec.1"


def customer(ec2: Any, address: str = "203.0.113.12", **more: Any) -> str:
    made = ec2.create_customer_gateway(Type=TYPE, IpAddress=address, **more)["CustomerGateway"]
    return str(made["CustomerGatewayId"])


def gateway(ec2: Any, **more: Any) -> str:
    return str(ec2.create_vpn_gateway(Type=TYPE, **more)["VpnGateway"]["VpnGatewayId"])


def test_a_customer_gateway_is_kept_found_and_deleted(region: Region) -> None:
    ec2 = region.client("ec2")
    tags = tagged("customer-gateway", Name="office")
    made = customer(ec2, BgpAsn=65010, DeviceName="router", TagSpecifications=tags)
    large = customer(ec2, BgpAsnExtended=4_200_000_000)
    region.restart()
    ec2 = region.client("ec2")
    [found] = ec2.describe_customer_gateways(CustomerGatewayIds=[made])["CustomerGateways"]
    assert found["State"] == "available"
    assert (found["IpAddress"], found["BgpAsn"], found["Type"]) == ("203.0.113.12", "65010", TYPE)
    assert (found["DeviceName"], found["Tags"]) == ("router", [{"Key": "Name", "Value": "office"}])
    for wanted in (named("bgp-asn", "4200000000"), named("tag:Name", "nobody")):
        shown = ec2.describe_customer_gateways(Filters=wanted)["CustomerGateways"]
        assert [one["CustomerGatewayId"] for one in shown] == [large][: len(shown)]
    ec2.get_waiter("customer_gateway_available").wait(CustomerGatewayIds=[made])
    ec2.delete_customer_gateway(CustomerGatewayId=made)
    [found] = ec2.describe_customer_gateways(CustomerGatewayIds=[made])["CustomerGateways"]
    assert (found["State"], found["Tags"]) == ("deleted", [])
    code = refusal(ec2.delete_customer_gateway, CustomerGatewayId=made)
    assert code == "InvalidCustomerGatewayID.NotFound"


def test_the_same_customer_gateway_again_is_the_one_that_is_there(ec2: Any) -> None:
    made = customer(ec2)
    assert customer(ec2) == made
    assert customer(ec2, BgpAsn=65000) == made
    others = {customer(ec2, "203.0.113.13"), customer(ec2, BgpAsn=65001)}
    assert made not in others | {customer(ec2, DeviceName="second")}


@pytest.mark.parametrize(
    ("code", "request_"),
    [
        ("MissingParameter", {}),
        ("InvalidParameterValue", {"IpAddress": "nowhere"}),
        ("InvalidParameterValue", {"IpAddress": "2001:db8::1"}),
        ("InvalidParameterValue", {"IpAddress": "203.0.113.1", "BgpAsn": 0}),
        ("InvalidParameterValue", {"IpAddress": "203.0.113.1", "BgpAsn": 7224}),
        ("InvalidParameterValue", {"IpAddress": "203.0.113.1", "BgpAsnExtended": 65000}),
        (
            "InvalidParameterCombination",
            {"IpAddress": "203.0.113.1", "BgpAsn": 1, "BgpAsnExtended": 4_200_000_000},
        ),
        ("InvalidParameterValue", {"IpAddress": "203.0.113.1", "DeviceName": "x" * 256}),
        ("UnsupportedOperation", {"CertificateArn": "arn:aws:acm:us-west-2:0:certificate/1"}),
        ("DryRunOperation", {"IpAddress": "203.0.113.1", "DryRun": True}),
        (
            "InvalidParameterValue",
            {
                "IpAddress": "203.0.113.1",
                "TagSpecifications": tagged("customer-gateway", **{"antipodes:prefixes": "ten"}),
            },
        ),
    ],
)
def test_what_no_customer_gateway_can_be(still: Any, code: str, request_: dict[str, Any]) -> None:
    before = still.describe_customer_gateways()["CustomerGateways"]
    assert refusal(still.create_customer_gateway, Type=TYPE, **request_) == code
    assert still.describe_customer_gateways()["CustomerGateways"] == before


def test_tags_that_say_what_a_site_is_are_read_when_they_are_given(ec2: Any) -> None:
    made = customer(ec2)

    def tag(key: str, value: str) -> str:
        return refusal(ec2.create_tags, Resources=[made], Tags=[{"Key": key, "Value": value}])

    assert tag("antipodes:prefixes", "10.0.0.0/8,everything") == "InvalidParameterValue"
    assert tag("antipodes:site", "two words") == "InvalidParameterValue"
    assert tag("antipodes:tunnels-down", "3") == "InvalidParameterValue"
    good = [
        {"Key": "antipodes:prefixes", "Value": "10.0.0.0/8, 192.168.0.0/16"},
        {"Key": "antipodes:site", "Value": "call-centre"},
    ]
    ec2.create_tags(Resources=[made], Tags=good)
    [found] = ec2.describe_customer_gateways(Filters=named("tag-key", "antipodes:site"))[
        "CustomerGateways"
    ]
    assert found["CustomerGatewayId"] == made


def test_a_vpn_gateway_is_attached_to_one_vpc_and_stays_so(region: Region) -> None:
    net = Net(region)
    ec2 = net.ec2
    made = gateway(ec2, AmazonSideAsn=65100, TagSpecifications=tagged("vpn-gateway", Name="door"))
    second = gateway(ec2, AvailabilityZone="us-west-2a")
    answer = ec2.attach_vpn_gateway(VpnGatewayId=made, VpcId=net.vpc)["VpcAttachment"]
    assert answer == {"VpcId": net.vpc, "State": "attaching"}
    other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    code = refusal(ec2.attach_vpn_gateway, VpnGatewayId=made, VpcId=other)
    assert code == "VpnGatewayAttachmentLimitExceeded"
    code = refusal(ec2.attach_vpn_gateway, VpnGatewayId=second, VpcId=net.vpc)
    assert code == "InvalidVpcState"
    region.restart()
    ec2 = region.client("ec2")
    wanted = named("attachment.vpc-id", net.vpc)
    [found] = ec2.describe_vpn_gateways(Filters=wanted)["VpnGateways"]
    assert (found["VpnGatewayId"], found["AmazonSideAsn"]) == (made, 65100)
    assert found["VpcAttachments"] == [{"VpcId": net.vpc, "State": "attached"}]
    [found] = ec2.describe_vpn_gateways(VpnGatewayIds=[second])["VpnGateways"]
    assert (found["AvailabilityZone"], found["AmazonSideAsn"]) == ("us-west-2a", 64512)
    assert refusal(ec2.delete_vpc, VpcId=net.vpc) == "DependencyViolation"
    assert refusal(ec2.delete_vpn_gateway, VpnGatewayId=made) == "IncorrectState"
    code = refusal(ec2.detach_vpn_gateway, VpnGatewayId=made, VpcId=other)
    assert code == "InvalidVpnGatewayAttachment.NotFound"
    ec2.detach_vpn_gateway(VpnGatewayId=made, VpcId=net.vpc)
    ec2.delete_vpn_gateway(VpnGatewayId=made)
    [found] = ec2.describe_vpn_gateways(VpnGatewayIds=[made])["VpnGateways"]
    assert found["State"] == "deleted"
    code = refusal(ec2.attach_vpn_gateway, VpnGatewayId=made, VpcId=net.vpc)
    assert code == "InvalidVpnGatewayID.NotFound"


def test_a_vpn_gateway_as_a_target_and_with_a_table_of_its_own(net: Net) -> None:
    ec2, made = net.ec2, gateway(net.ec2)
    assert net.refused("192.168.0.0/16", GatewayId=made) == "InvalidParameterValue"
    ec2.attach_vpn_gateway(VpnGatewayId=made, VpcId=net.vpc)
    net.create("192.168.0.0/16", GatewayId=made)
    assert net.routes()["192.168.0.0/16"] == (made, "active")
    edge = net.make()
    ec2.associate_route_table(RouteTableId=edge, GatewayId=made)
    code = refusal(ec2.detach_vpn_gateway, VpnGatewayId=made, VpcId=net.vpc)
    assert code == "DependencyViolation"
    [association] = net.described(edge)["Associations"]
    assert association["GatewayId"] == made
    ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
    ec2.detach_vpn_gateway(VpnGatewayId=made, VpcId=net.vpc)
    assert net.routes()["192.168.0.0/16"] == (made, "blackhole")


def test_what_no_vpn_gateway_can_be(still: Any) -> None:
    before = still.describe_vpn_gateways()["VpnGateways"]
    create = still.create_vpn_gateway
    assert refusal(create, Type="ipsec.2") == "InvalidParameterValue"
    assert refusal(create, Type=TYPE, AmazonSideAsn=1) == "InvalidParameterValue"
    assert refusal(create, Type=TYPE, AvailabilityZone="us-west-1a") == "InvalidZone.NotFound"
    assert refusal(create, Type=TYPE, DryRun=True) == "DryRunOperation"
    assert still.describe_vpn_gateways()["VpnGateways"] == before


def test_quotas_of_gateways(ec2: Any) -> None:
    for _ in range(5):
        gateway(ec2)
    assert refusal(ec2.create_vpn_gateway, Type=TYPE) == "VpnGatewayLimitExceeded"
    for number in range(50):
        customer(ec2, f"198.51.100.{number + 1}")
    code = refusal(ec2.create_customer_gateway, Type=TYPE, IpAddress="198.51.100.99")
    assert code == "CustomerGatewayLimitExceeded"

"""Reachability Analyzer, asked for some ways only."""

from typing import Any

import pytest

from tests.regional.ec2.test_insights import Online, ids
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import ACCOUNT, REGION, Region

OWN = f"arn:aws:ec2:{REGION}:{ACCOUNT}"


class Translated(Online):
    """The same, where the private host leaves by a NAT gateway."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        ec2 = self.ec2
        [subnet] = {one["SubnetId"] for one in self.interfaces(self.web)}
        address = ec2.allocate_address()
        made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])
        self.nat: str = made["NatGateway"]["NatGatewayId"]
        self.outside: str = address["PublicIp"]
        self.by_nat = f"{OWN}:natgateway/{self.nat}"
        self.route(self.network, "0.0.0.0/0", NatGatewayId=self.nat)


@pytest.fixture
def translated(region: Region) -> Translated:
    return Translated(region)


def codes(found: dict[str, Any]) -> list[str]:
    assert not found["NetworkPathFound"]
    assert found["ForwardPathComponents"]
    return [one["ExplanationCode"] for one in found["Explanations"]]


def test_what_is_sent_is_narrowed_at_the_source(translated: Translated) -> None:
    online = translated
    [at_data] = online.interfaces(online.data)
    where = at_data["PrivateIpAddress"]
    filtered = {
        "SourcePortRange": {"FromPort": 53, "ToPort": 54},
        "DestinationAddress": where,
        "DestinationPortRange": {"FromPort": 5432, "ToPort": 5433},
    }
    found = online.asked(online.web, FilterAtSource=filtered)
    assert found["NetworkPathFound"]
    sent = found["ForwardPathComponents"][1]["OutboundHeader"]
    assert sent["DestinationAddresses"] == [f"{where}/32"]
    assert sent["SourcePortRanges"] == [{"From": 53, "To": 53}]
    assert sent["DestinationPortRanges"] == [{"From": 5432, "To": 5432}]
    spoofed = online.asked(online.web, online.data, FilterAtSource={"SourceAddress": "10.0.9.9"})
    assert codes(spoofed) == ["ENI_SOURCE_DEST_CHECK_RESTRICTION"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    rule["IpRanges"] = [{"CidrIp": "55.3.0.0/16"}]
    online.ec2.authorize_security_group_ingress(GroupId=online.open, IpPermissions=[rule])
    trusted, other = ({"SourceAddress": f"55.{n}.0.1"} for n in (3, 4))
    assert online.asked(online.gateway, online.web, FilterAtSource=trusted)["NetworkPathFound"]
    blocked = online.asked(online.gateway, online.web, FilterAtSource=other)
    assert codes(blocked) == ["ENI_SG_RULES_MISMATCH"]


def test_what_arrives_is_judged_after_translation(translated: Translated) -> None:
    online = translated

    def arriving(**header: Any) -> dict[str, Any]:
        return online.asked(online.data, online.gateway, FilterAtDestination=header)

    assert arriving(SourceAddress=online.outside)["NetworkPathFound"]
    [at_data] = online.interfaces(online.data)
    private = arriving(SourceAddress=at_data["PrivateIpAddress"])
    assert codes(private) == ["FILTER_AT_DESTINATION_SOURCE_ADDRESS"]
    low = {"FromPort": 1, "ToPort": 1023}  # from which no translator sends
    assert codes(arriving(SourcePortRange=low)) == ["FILTER_AT_DESTINATION_SOURCE_PORT_RANGE"]
    both = arriving(SourceAddress="10.9.9.9", SourcePortRange=low)
    assert codes(both) == [
        "FILTER_AT_DESTINATION_SOURCE_ADDRESS",
        "FILTER_AT_DESTINATION_SOURCE_PORT_RANGE",
    ]
    high = {"FromPort": 5000, "ToPort": 5000}
    found = arriving(SourcePortRange=high, DestinationPortRange={"FromPort": 443})
    assert found["NetworkPathFound"]
    header = found["ForwardPathComponents"][-1]["OutboundHeader"]
    assert header["SourcePortRanges"] == [{"From": 5000, "To": 5000}]
    assert header["DestinationPortRanges"] == [{"From": 443, "To": 443}]
    wrong = online.asked(
        online.web, online.data, FilterAtDestination={"DestinationAddress": "10.0.1.99"}
    )
    assert codes(wrong) == ["FILTER_AT_DESTINATION_DESTINATION_ADDRESS"]


def test_ways_by_and_around_what_is_named(translated: Translated) -> None:
    online = translated

    def by(source: str, **how: Any) -> dict[str, Any]:
        return online.asked(source, online.gateway, how=how)

    found = by(online.data, FilterInArns=[online.by_nat])
    assert found["NetworkPathFound"]
    assert found["FilterInArns"] == [online.by_nat]
    assert "nat" in ids(found["ForwardPathComponents"])
    around = by(online.data, FilterOutArns=[online.by_nat])
    assert codes(around) == ["COMPONENT_FILTER_RESTRICTION"]
    assert around["Explanations"][0]["Component"] == {"Id": online.nat, "Arn": online.by_nat}
    assert by(online.web, FilterOutArns=[online.by_nat])["NetworkPathFound"]
    assert codes(by(online.web, FilterInArns=[online.by_nat])) == ["COMPONENT_FILTER_RESTRICTION"]


def test_ways_by_a_hub_are_by_its_attachments(region: Region) -> None:
    online = Online(region)
    ec2 = online.ec2
    other = online.vpc("10.1.0.0/16")
    subnets = [online.subnet(other, "10.1.0.0/24")]
    subnets += {one["SubnetId"] for one in online.interfaces(online.web)}
    host = online.instance(subnets[0], online.group(other, "10.0.0.0/8"))
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    attachments = [
        ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=hub, VpcId=vpc, SubnetIds=[subnet]
        )["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
        for vpc, subnet in zip((other, online.network), subnets, strict=True)
    ]
    ec2.create_route(
        RouteTableId=online.table, DestinationCidrBlock="10.1.0.0/16", TransitGatewayId=hub
    )
    arns = [f"{OWN}:transit-gateway/{hub}"]
    arns += [f"{OWN}:transit-gateway-attachment/{one}" for one in attachments]
    found = online.asked(online.web, host, how={"FilterInArns": arns})
    assert found["NetworkPathFound"]
    for arn in arns:
        around = online.asked(online.web, host, how={"FilterOutArns": [arn]})
        assert codes(around) == ["COMPONENT_FILTER_RESTRICTION"]


def test_filters_that_cannot_be(translated: Translated) -> None:
    online, ec2 = translated, translated.ec2
    ask, usual = ec2.create_network_insights_path, {"Source": online.web, "Protocol": "tcp"}
    header = {"SourceAddress": "10.0.0.1"}
    wrong, backwards = {"SourceAddress": "999.0.0.1"}, {"FromPort": 2, "ToPort": 1}
    combination, value = "InvalidParameterCombination", "InvalidParameterValue"
    for more, code in (
        ({"FilterAtSource": header, "SourceIp": "10.0.0.1"}, combination),
        ({"FilterAtSource": header, "DestinationPort": 80}, combination),
        ({"FilterAtDestination": header, "DestinationIp": "10.0.0.1"}, combination),
        ({"FilterAtSource": wrong}, value),
        ({"FilterAtSource": {"SourcePortRange": backwards}}, value),
    ):
        assert refusal(ask, **usual, Destination=online.data, **more) == code
    assert refusal(ask, **usual, FilterAtSource=header) == "MissingParameter"
    made = ask(**usual, Destination=online.data, FilterAtDestination=header)["NetworkInsightsPath"]
    assert made["FilterAtDestination"] == header
    told = ec2.describe_network_insights_paths(
        Filters=named("filter-at-destination.source-address", "10.0.0.1")
    )
    assert told["NetworkInsightsPaths"] == [made]
    path = {"NetworkInsightsPathId": made["NetworkInsightsPathId"]}
    for arn in (
        online.nat,
        f"{OWN}:instance/{online.web}",
        online.by_nat.replace(REGION, "eu-west-1"),
        online.by_nat.replace(ACCOUNT, "111111111111"),
    ):
        code = refusal(ec2.start_network_insights_analysis, **path, FilterInArns=[arn])
        assert code == "InvalidParameterValue"

"""Reachability Analyzer, asked by boto3."""

from itertools import count
from typing import Any

import pytest

from tests.regional.ec2.networks import Networks
from tests.regional.ec2.worlds import refusal, tagged
from tests.regional.elbv2.hosts import Region


class Online(Networks):
    """A public host and a private one in a network with a gateway."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        self._tokens = count()
        ec2 = self.ec2
        self.network = self.vpc("10.0.0.0/16")
        public, private = (self.subnet(self.network, f"10.0.{n}.0/24") for n in range(2))
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.network)
        self.table = ec2.create_route_table(VpcId=self.network)["RouteTable"]["RouteTableId"]
        ec2.create_route(
            RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.gateway
        )
        ec2.associate_route_table(RouteTableId=self.table, SubnetId=public)
        ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})
        self.open = self.group(self.network, "10.0.0.0/16")
        self.web, self.data = self.instance(public, self.open), self.instance(private, self.open)

    def interfaces(self, instance: str) -> list[dict[str, Any]]:
        """The interfaces of an instance."""
        [found] = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        attached: list[dict[str, Any]] = found["Instances"][0]["NetworkInterfaces"]
        return attached

    def asked(
        self, source: str, destination: str = "", how: Any = None, **more: Any
    ) -> dict[str, Any]:
        """What an analysis says, that is begun with more if need be."""
        ends = {"Source": source} | ({"Destination": destination} if destination else {})
        ends |= {"Protocol": "tcp", "ClientToken": str(next(self._tokens)), **more}
        made = self.ec2.create_network_insights_path(**ends)["NetworkInsightsPath"]
        begun = self.ec2.start_network_insights_analysis(
            NetworkInsightsPathId=made["NetworkInsightsPathId"],
            ClientToken=made["CreatedDate"].isoformat(),
            **(how or {}),
        )["NetworkInsightsAnalysis"]
        assert begun["Status"] == "running"
        name = begun["NetworkInsightsAnalysisId"]
        told = self.ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[name])
        [found] = told["NetworkInsightsAnalyses"]
        assert found["Status"] == "succeeded"
        self.ec2.delete_network_insights_path(NetworkInsightsPathId=made["NetworkInsightsPathId"])
        code = refusal(
            self.ec2.describe_network_insights_analyses, NetworkInsightsAnalysisIds=[name]
        )
        assert code == "InvalidNetworkInsightsAnalysisId.NotFound"
        result: dict[str, Any] = found
        return result


@pytest.fixture
def online(region: Region) -> Online:
    return Online(region)


def ids(components: list[dict[str, Any]]) -> list[str]:
    """The parts of a way, by the first part of each id."""
    assert [one["SequenceNumber"] for one in components] == list(range(1, len(components) + 1))
    return [one["Component"]["Id"].partition("-")[0] for one in components]


def test_a_way_and_its_answers_are_shown_part_by_part(online: Online) -> None:
    found = online.asked(online.web, online.data, DestinationPort=5432)
    assert found["NetworkPathFound"]
    forward = found["ForwardPathComponents"]
    assert ids(forward) == ["i", "eni", "sg", "acl", "rtb", "acl", "sg", "eni", "i"]
    assert [one["Component"]["Id"] for one in (forward[0], forward[-1])] == [
        online.web,
        online.data,
    ]
    directions = [one["SecurityGroupRule"]["Direction"] for one in (forward[2], forward[6])]
    assert directions == ["egress", "ingress"]
    assert forward[6]["SecurityGroupRule"]["Cidr"] == "10.0.0.0/16"
    acls = [forward[3]["AclRule"], forward[5]["AclRule"]]
    assert [(one["RuleNumber"], one["Egress"]) for one in acls] == [(100, True), (100, False)]
    assert forward[4]["RouteTableRoute"]["GatewayId"] == "local"
    assert forward[1]["OutboundHeader"]["DestinationPortRanges"] == [{"From": 5432, "To": 5432}]
    assert ids(found["ReturnPathComponents"])[-1] == "i"


def test_out_of_a_gateway_and_in_by_it(online: Online) -> None:
    found = online.asked(online.web, online.gateway)
    assert found["NetworkPathFound"]
    assert "igw" in ids(found["ForwardPathComponents"])
    blocked = online.asked(online.gateway, online.web, DestinationPort=443)
    assert not blocked["NetworkPathFound"]
    [why] = blocked["Explanations"]
    assert (why["ExplanationCode"], why["Direction"]) == ("ENI_SG_RULES_MISMATCH", "ingress")
    assert why["SecurityGroups"] == [{"Id": online.open}]
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    permission["IpRanges"] = [{"CidrIp": "0.0.0.0/0"}]
    online.ec2.authorize_security_group_ingress(GroupId=online.open, IpPermissions=[permission])
    assert online.asked(online.gateway, online.web)["NetworkPathFound"]  # by some port
    blocked = online.asked(online.gateway, online.web, DestinationPort=80)
    assert not blocked["NetworkPathFound"]


def test_a_thing_reaches_itself_where_its_groups_let_it(online: Online) -> None:
    found = online.asked(online.web, online.web)
    assert found["NetworkPathFound"]
    assert ids(found["ForwardPathComponents"]) == ["i", "eni", "sg", "eni", "sg", "eni", "i"]


def test_an_instance_sends_by_its_first_interface(online: Online) -> None:
    ec2 = online.ec2
    [subnet] = {one["SubnetId"] for one in online.interfaces(online.web)}
    large = {"ImageId": "ami-0123456789abcdef0", "InstanceType": "m5.4xlarge"}
    made = ec2.run_instances(**large, MinCount=1, MaxCount=1, SubnetId=subnet)
    host = made["Instances"][0]["InstanceId"]
    [primary] = online.interfaces(host)
    for device in range(1, 7):
        name = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        ec2.attach_network_interface(
            NetworkInterfaceId=name["NetworkInterfaceId"], InstanceId=host, DeviceIndex=device
        )
    forward = online.asked(host, online.data)["ForwardPathComponents"]
    assert forward[1]["Component"]["Id"] == primary["NetworkInterfaceId"]


def test_why_nothing_arrives(online: Online) -> None:
    ec2 = online.ec2

    def code(*ends: str, **more: Any) -> str:
        found = online.asked(*ends, **more)
        assert not found["NetworkPathFound"]
        [why] = found["Explanations"]
        text: str = why["ExplanationCode"]
        return text

    assert code(online.data, online.gateway) == "NO_ROUTE_TO_DESTINATION"
    assert code(online.gateway, online.data) == "NO_SOURCE_OR_DESTINATION"  # has no public address
    assert code(online.data, DestinationIp="10.0.7.7") == "NO_POSSIBLE_DESTINATION"
    filters = [{"Name": "vpc-id", "Values": [online.network]}]
    [acl] = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    ec2.create_network_acl_entry(
        NetworkAclId=acl["NetworkAclId"],
        RuleNumber=50,
        Protocol="6",
        RuleAction="deny",
        Egress=False,
        CidrBlock="10.0.0.0/24",
        PortRange={"From": 5432, "To": 5432},
    )
    assert code(online.web, online.data, DestinationPort=5432) == "SUBNET_ACL_RESTRICTION"
    assert online.asked(online.web, online.data, DestinationPort=5433)["NetworkPathFound"]


def test_questions_that_cannot_be(online: Online) -> None:
    ec2 = online.ec2
    ask = ec2.create_network_insights_path
    usual = {"Source": online.web, "Protocol": "tcp", "ClientToken": "t"}
    assert refusal(ask, **usual) == "MissingParameter"
    assert refusal(ask, **usual, Destination="i-0123456789abcdef0") == "InvalidInstanceID.NotFound"
    assert refusal(ask, **usual, Destination="tgw-0123456789abcdef0") == "InvalidParameterValue"
    assert refusal(ask, **usual, Destination=online.data, DryRun=True) == "DryRunOperation"
    code = refusal(ask, **usual, Destination=online.data, SourceIp="999.0.0.1")
    assert code == "InvalidParameterValue"
    tags = tagged("network-insights-path", Name="data")
    made = ask(**usual, Destination=online.data, TagSpecifications=tags)["NetworkInsightsPath"]
    again = ask(**usual, Destination=online.data, TagSpecifications=tags)["NetworkInsightsPath"]
    assert again == made
    assert refusal(ask, **usual, Destination=online.web) == "IdempotentParameterMismatch"
    told = ec2.describe_network_insights_paths(Filters=[{"Name": "tag:Name", "Values": ["data"]}])
    assert told["NetworkInsightsPaths"] == [made]
    code = refusal(
        ec2.start_network_insights_analysis, NetworkInsightsPathId="nip-1", ClientToken="t"
    )
    assert code == "InvalidNetworkInsightsPathId.NotFound"

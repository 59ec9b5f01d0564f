"""Scopes in a few words, and what they find."""

from itertools import count
from typing import Any

from tests.regional.ec2.networks import ACCOUNT, Networks
from tests.regional.elbv2.hosts import Region


def of(*names: str) -> dict[str, Any]:
    return {"ResourceStatement": {"Resources": list(names)}}


def kind(*names: str) -> dict[str, Any]:
    return {"ResourceStatement": {"ResourceTypes": [f"AWS::EC2::{name}" for name in names]}}


def header(**fields: list[str]) -> dict[str, Any]:
    return {"PacketHeaderStatement": fields}


class Scopes(Networks):
    """Networks that are asked about by scopes."""

    def __init__(self, region: Region, account: str = ACCOUNT) -> None:
        super().__init__(region, account)
        self.region = region
        self._tokens = count()

    def asked(self, *matches: dict[str, Any], excluding: Any = ()) -> list[list[dict[str, Any]]]:
        """The components of what a scope finds."""
        return self.found(self.scope(*matches, excluding=excluding))

    def scope(self, *matches: dict[str, Any], excluding: Any = ()) -> str:
        made = self.ec2.create_network_insights_access_scope(
            MatchPaths=list(matches), ExcludePaths=list(excluding), ClientToken=self.token()
        )
        return str(made["NetworkInsightsAccessScope"]["NetworkInsightsAccessScopeId"])

    def interface(self, instance: str) -> str:
        [found] = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        return str(found["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"])

    def token(self) -> str:
        return f"token {next(self._tokens)}"

    def analysed(self, scope: str) -> dict[str, Any]:
        ec2 = self.ec2
        begun = ec2.start_network_insights_access_scope_analysis(
            NetworkInsightsAccessScopeId=scope, ClientToken=self.token()
        )["NetworkInsightsAccessScopeAnalysis"]
        assert begun["Status"] == "running"
        name = begun["NetworkInsightsAccessScopeAnalysisId"]
        [found] = ec2.describe_network_insights_access_scope_analyses(
            NetworkInsightsAccessScopeAnalysisIds=[name]
        )["NetworkInsightsAccessScopeAnalyses"]
        return dict(found)

    def found(self, scope: str) -> list[list[dict[str, Any]]]:
        analysis = self.analysed(scope)
        assert analysis["Status"] == "succeeded"
        told = self.ec2.get_network_insights_access_scope_analysis_findings(
            NetworkInsightsAccessScopeAnalysisId=analysis["NetworkInsightsAccessScopeAnalysisId"]
        )
        assert told["AnalysisStatus"] == "succeeded"
        assert analysis["FindingsFound"] == ("true" if told["AnalysisFindings"] else "false")
        return [one["FindingComponents"] for one in told["AnalysisFindings"]]


def ends(findings: list[list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """Sources and targets of findings, each pair once."""
    pairs = ((one[0]["Component"]["Id"], one[-1]["Component"]["Id"]) for one in findings)
    return list(dict.fromkeys(pairs))


def parts(finding: list[dict[str, Any]]) -> list[str]:
    assert [one["SequenceNumber"] for one in finding] == list(range(1, len(finding) + 1))
    return [one["Component"]["Id"].rpartition("-")[0] for one in finding]


class Shop(Scopes):
    """A public web host and a private data host in a network with a gateway."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        ec2 = self.ec2
        self.network = self.vpc("10.0.0.0/16")
        self.front, self.back = (self.subnet(self.network, f"10.0.{n}.0/24") for n in range(2))
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.network)
        self.table = ec2.create_route_table(VpcId=self.network)["RouteTable"]["RouteTableId"]
        ec2.create_route(
            RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.gateway
        )
        ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.front)
        ec2.modify_subnet_attribute(SubnetId=self.front, MapPublicIpOnLaunch={"Value": True})
        self.group_of_web = self.allowing("web", 80, "0.0.0.0/0")
        self.group_of_data = self.allowing("data", 5432, "10.0.0.0/24")
        self.web = self.instance(self.front, self.group_of_web)
        self.data = self.instance(self.back, self.group_of_data)
        self.at_web, self.at_data = map(self.interface, (self.web, self.data))

    def allowing(self, name: str, port: int, prefix: str) -> str:
        """A group that lets one port in."""
        made = self.ec2.create_security_group(VpcId=self.network, GroupName=name, Description=name)[
            "GroupId"
        ]
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        permission["IpRanges"] = [{"CidrIp": prefix}]
        self.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[permission])
        return str(made)

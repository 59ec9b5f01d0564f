"""VPN connections of transit gateways: what their tables learn, and how flows are spread."""

from typing import Any

import pytest

from antipodes.fabric.network.together import together
from antipodes.fabric.network.topology import Topology
from antipodes.questions import failures
from antipodes.questions.walking import Asked, walked
from tests.regional.ec2.networks import ACCOUNT, Networks
from tests.regional.ec2.test_vpngateways import TYPE, customer, gateway
from tests.regional.ec2.worlds import refusal, tagged
from tests.regional.elbv2.hosts import Region

BOTH = ("delivered", "delivered")
OFFICE = "192.168.0.0/16"


class Hubbed(Networks):
    """A VPC with an instance, attached to a transit gateway, and routes to it."""

    def __init__(self, region: Region, **options: str) -> None:
        super().__init__(region)
        self.hub = str(
            self.ec2.create_transit_gateway(Options=options)["TransitGateway"]["TransitGatewayId"]
        )
        self.net = self.vpc("10.0.0.0/16")
        self.host = self.spoke(self.net, "10.0.0.0/24")

    def spoke(self, net: str, prefix: str) -> str:
        part = self.subnet(net, prefix)
        self.ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=self.hub, VpcId=net, SubnetIds=[part]
        )
        self.route(net, "0.0.0.0/0", TransitGatewayId=self.hub)
        return self.instance(part, self.group(net, "0.0.0.0/0"))

    def office(self, number: int, prefixes: str = "", asn: int = 65010) -> str:
        return customer(
            self.ec2,
            f"203.0.113.{number}",
            BgpAsn=asn,
            TagSpecifications=tagged("customer-gateway", **{"antipodes:prefixes": prefixes}),
        )

    def connect(self, router: str, **options: Any) -> str:
        made = self.ec2.create_vpn_connection(
            Type=TYPE, CustomerGatewayId=router, TransitGatewayId=self.hub, Options=options
        )["VpnConnection"]
        return str(made["VpnConnectionId"])

    def attachments(self) -> dict[str, dict[str, Any]]:
        shown = self.ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"]
        return {one["ResourceId"]: one for one in shown}

    def table(self) -> str:
        shown = self.ec2.describe_transit_gateways()["TransitGateways"][0]
        return str(shown["Options"]["AssociationDefaultRouteTableId"])

    def routes(self) -> dict[str, tuple[str, list[str]]]:
        """Types of routes and what they lead to, by prefix."""
        found = self.ec2.search_transit_gateway_routes(
            TransitGatewayRouteTableId=self.table(),
            Filters=[{"Name": "state", "Values": ["active", "blackhole"]}],
        )["Routes"]
        return {
            one["DestinationCidrBlock"]: (
                one["Type"],
                sorted(to["ResourceId"] for to in one.get("TransitGatewayAttachments", [])),
            )
            for one in found
        }

    def topology(self) -> Topology:
        return together([self._service.networks()[ACCOUNT]])

    def lines(self, source: str, target: str) -> set[str]:
        """The tunnels that flows from many ports take."""
        topology, found = self.topology(), set()
        for port in range(40000, 40100):
            walk = walked(topology, Asked(source, target, from_port=port)).there
            assert walk.end.outcome == "delivered"
            found |= {step.hop.id for step in walk.steps if step.hop.kind == "line"}
        return found

    def break_tunnels(self, connection: str, which: str) -> None:
        tags = [{"Key": "antipodes:tunnels-down", "Value": which}]
        self.ec2.create_tags(Resources=[connection], Tags=tags)


@pytest.fixture
def hubbed(region: Region) -> Hubbed:
    return Hubbed(region)


def test_a_connection_is_attached_learnt_and_taken_away(hubbed: Hubbed, region: Region) -> None:
    vpn = hubbed.connect(hubbed.office(1, OFFICE))
    found = hubbed.attachments()[vpn]
    assert (found["ResourceType"], found["State"]) == ("vpn", "available")
    assert found["Association"]["TransitGatewayRouteTableId"] == hubbed.table()
    assert hubbed.routes() == {
        "10.0.0.0/16": ("propagated", [hubbed.net]),
        OFFICE: ("propagated", [vpn]),
    }
    delete = hubbed.ec2.delete_transit_gateway
    assert refusal(delete, TransitGatewayId=hubbed.hub) == "IncorrectState"
    asked = {"TransitGatewayAttachmentId": found["TransitGatewayAttachmentId"]}
    code = refusal(hubbed.ec2.delete_transit_gateway_vpc_attachment, **asked)
    assert code == "InvalidTransitGatewayAttachmentID.NotFound"
    region.restart()
    ec2 = region.client("ec2")
    [shown] = ec2.describe_vpn_connections(VpnConnectionIds=[vpn])["VpnConnections"]
    assert shown["TransitGatewayId"] == hubbed.hub
    assert "VpnGatewayId" not in shown
    assert "<transit_gateway_id>" in shown["CustomerGatewayConfiguration"]
    ec2.delete_vpn_connection(VpnConnectionId=vpn)
    assert hubbed.attachments()[vpn]["State"] == "deleted"
    assert hubbed.routes() == {"10.0.0.0/16": ("propagated", [hubbed.net])}


def test_flows_are_spread_over_all_tunnels_of_equal_worth(hubbed: Hubbed) -> None:
    router = hubbed.office(1, OFFICE)
    vpns = [hubbed.connect(router) for _ in range(4)]
    assert hubbed.routes()[OFFICE] == ("propagated", sorted(vpns))
    every = {f"{vpn}/{number}" for vpn in vpns for number in (1, 2)}
    assert hubbed.lines(hubbed.host, "192.168.5.5") == every
    assert hubbed.lines("192.168.5.5", hubbed.host) == every
    assert hubbed.outcomes(hubbed.host, router) == BOTH
    again = [hubbed.ask(hubbed.host, "192.168.5.5", from_port=40001) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0]["forward"]["gbps"] == 1.25
    hubbed.break_tunnels(vpns[0], "1")
    assert hubbed.lines(hubbed.host, "192.168.5.5") == every - {f"{vpns[0]}/1"}
    hubbed.break_tunnels(vpns[0], "1,2")
    assert hubbed.routes()[OFFICE] == ("propagated", sorted(vpns[1:]))


def test_another_number_is_another_path_and_the_first_counts(hubbed: Hubbed) -> None:
    first = hubbed.connect(hubbed.office(1, OFFICE, 65010))
    second = hubbed.connect(hubbed.office(2, OFFICE, 65020))
    assert hubbed.routes()[OFFICE] == ("propagated", [first])
    assert hubbed.lines(hubbed.host, "192.168.5.5") == {f"{first}/1", f"{first}/2"}
    cut = failures.without(hubbed.topology(), failures.Failure("line", f"{first}/1"))
    cut = failures.without(cut, failures.Failure("line", f"{first}/2"))
    walk = walked(cut, Asked(hubbed.host, "192.168.5.5")).there
    assert walk.steps[-1].hop.kind == "site"  # by the second, which the table does not show yet
    hubbed.break_tunnels(first, "1,2")
    assert hubbed.routes()[OFFICE] == ("propagated", [second])


def test_without_support_for_it_one_tunnel_carries_all(region: Region) -> None:
    hubbed = Hubbed(region, VpnEcmpSupport="disable")
    router = hubbed.office(1, OFFICE)
    first, _ = (hubbed.connect(router) for _ in range(2))
    assert hubbed.lines(hubbed.host, "192.168.5.5") == {f"{first}/1"}
    hubbed.break_tunnels(first, "1")
    assert hubbed.lines(hubbed.host, "192.168.5.5") == {f"{first}/2"}


def test_static_routes_are_the_tables_own_and_are_not_spread(hubbed: Hubbed) -> None:
    vpn = hubbed.connect(hubbed.office(1), StaticRoutesOnly=True)
    asked = {"VpnConnectionId": vpn, "DestinationCidrBlock": OFFICE}
    code = refusal(hubbed.ec2.create_vpn_connection_route, **asked)
    assert code == "InvalidVpnConnection.InvalidType"
    assert OFFICE not in hubbed.routes()
    attachment = hubbed.attachments()[vpn]["TransitGatewayAttachmentId"]
    hubbed.ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=hubbed.table(),
        DestinationCidrBlock=OFFICE,
        TransitGatewayAttachmentId=attachment,
    )
    assert hubbed.routes()[OFFICE] == ("static", [vpn])
    assert hubbed.outcomes("192.168.5.5", hubbed.host) == BOTH
    assert hubbed.lines(hubbed.host, "192.168.5.5") == {f"{vpn}/1"}
    hubbed.break_tunnels(vpn, "1")
    assert hubbed.lines(hubbed.host, "192.168.5.5") == {f"{vpn}/2"}
    hubbed.break_tunnels(vpn, "1,2")
    assert hubbed.routes()[OFFICE] == ("static", [vpn])  # and nothing is there
    assert hubbed.outcomes(hubbed.host, "192.168.5.5")[0] == "not connected"


def test_a_site_learns_the_table_that_its_attachment_goes_by(hubbed: Hubbed) -> None:
    router = hubbed.office(1, OFFICE, 65010)
    branch = hubbed.office(2, "172.20.0.0/16", 65020)
    vpn = hubbed.connect(router)
    hubbed.connect(branch)
    assert hubbed.outcomes(router, branch) == BOTH
    attachment = hubbed.attachments()[vpn]["TransitGatewayAttachmentId"]
    ec2 = hubbed.ec2
    ec2.disassociate_transit_gateway_route_table(
        TransitGatewayRouteTableId=hubbed.table(), TransitGatewayAttachmentId=attachment
    )
    assert hubbed.outcomes(router, hubbed.host) == ("no route", "")
    made = ec2.create_transit_gateway_route_table(TransitGatewayId=hubbed.hub)
    table = made["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    ec2.associate_transit_gateway_route_table(
        TransitGatewayRouteTableId=table, TransitGatewayAttachmentId=attachment
    )
    spoke = hubbed.attachments()[hubbed.net]["TransitGatewayAttachmentId"]
    ec2.enable_transit_gateway_route_table_propagation(
        TransitGatewayRouteTableId=table, TransitGatewayAttachmentId=spoke
    )
    ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=table, DestinationCidrBlock="10.9.0.0/16", Blackhole=True
    )
    assert hubbed.outcomes(router, hubbed.host) == BOTH
    for target in (branch, "10.9.0.1"):  # nobody has told the site of these
        hops = hubbed.ask(router, target)["forward"]["hops"]
        assert {hop["kind"] for hop in hops} == {"site"}


def test_a_connection_moves_between_gateways_of_both_kinds(hubbed: Hubbed) -> None:
    router, door = hubbed.office(1, OFFICE), gateway(hubbed.ec2)
    vpn, modify = hubbed.connect(router), hubbed.ec2.modify_vpn_connection
    large = hubbed.connect(router, TunnelBandwidth="large")
    [shown] = hubbed.ec2.describe_vpn_connections(VpnConnectionIds=[large])["VpnConnections"]
    assert shown["Options"]["TunnelBandwidth"] == "large"
    code = refusal(modify, VpnConnectionId=large, VpnGatewayId=door)
    assert code == "InvalidParameterCombination"
    modify(VpnConnectionId=vpn, VpnGatewayId=door)
    assert hubbed.attachments()[vpn]["State"] == "deleted"
    assert hubbed.routes()[OFFICE] == ("propagated", [large])
    assert hubbed.ask(hubbed.host, "192.168.5.5")["forward"]["gbps"] == 5.0
    modify(VpnConnectionId=vpn, TransitGatewayId=hubbed.hub)
    assert hubbed.routes()[OFFICE] == ("propagated", sorted((vpn, large)))
    static = hubbed.ec2.create_vpn_connection(
        Type=TYPE,
        CustomerGatewayId=router,
        VpnGatewayId=door,
        Options={"StaticRoutesOnly": True},
    )["VpnConnection"]["VpnConnectionId"]
    hubbed.ec2.create_vpn_connection_route(VpnConnectionId=static, DestinationCidrBlock=OFFICE)
    code = refusal(modify, VpnConnectionId=static, TransitGatewayId=hubbed.hub)
    assert code == "IncorrectState"


def test_an_analysis_goes_over_a_tunnel_and_names_what_aws_has(hubbed: Hubbed) -> None:
    vpn = hubbed.connect(hubbed.office(1, OFFICE))
    ec2 = hubbed.ec2

    def asked(address: str) -> dict[str, Any]:
        path = ec2.create_network_insights_path(
            Source=hubbed.host, DestinationIp=address, Protocol="tcp", ClientToken=address
        )["NetworkInsightsPath"]["NetworkInsightsPathId"]
        begun = ec2.start_network_insights_analysis(
            NetworkInsightsPathId=path, ClientToken=address
        )["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
        told = ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[begun])
        found: dict[str, Any] = told["NetworkInsightsAnalyses"][0]
        return found

    found = asked("192.168.5.5")
    assert found["NetworkPathFound"]
    parts = [one["Component"]["Id"] for one in found["ForwardPathComponents"]]
    attachment = hubbed.attachments()[vpn]["TransitGatewayAttachmentId"]
    assert [vpn, attachment] == [one for one in (vpn, attachment) if one in parts]
    hubbed.break_tunnels(vpn, "1,2")
    missed = asked("192.168.5.6")
    assert not missed["NetworkPathFound"]
    codes = [one["ExplanationCode"] for one in missed["Explanations"]]
    assert codes == ["TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT"]

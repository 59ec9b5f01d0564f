"""Walks from VPCs to sites over VPN gateways and back, and what is propagated; by boto3."""

from typing import Any

import pytest

from antipodes.world.atlas import Site, load_atlas
from antipodes.world.faults import CutLink
from antipodes.world.world import World
from tests.regional.ec2.networks import Networks
from tests.regional.ec2.test_vpngateways import TYPE, customer, gateway
from tests.regional.ec2.worlds import refusal, tagged
from tests.regional.elbv2.hosts import Region

BOTH = ("delivered", "delivered")
OFFICE = "192.168.0.0/16"
ORIGIN = "EnableVgwRoutePropagation"


class Joined(Networks):
    """A VPC with an instance, and a VPN gateway whose routes its main table learns."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        self.net = self.vpc("10.0.0.0/16")
        self.part = self.subnet(self.net, "10.0.0.0/24")
        self.host = self.instance(self.part, self.group(self.net, "0.0.0.0/0"))
        self.gateway = gateway(self.ec2)
        self.ec2.attach_vpn_gateway(VpnGatewayId=self.gateway, VpcId=self.net)
        wanted = [{"Name": "vpc-id", "Values": [self.net]}]
        [table] = self.ec2.describe_route_tables(Filters=wanted)["RouteTables"]
        self.table = str(table["RouteTableId"])
        self.ec2.enable_vgw_route_propagation(GatewayId=self.gateway, RouteTableId=self.table)

    def office(self, number: int, *static: str, **tags: str) -> tuple[str, str]:
        """A customer gateway, and its connection: a static one where it has such routes."""
        made = customer(
            self.ec2,
            f"203.0.113.{number}",
            BgpAsn=65000 + number,
            TagSpecifications=tagged("customer-gateway", **tags),
        )
        options = {"StaticRoutesOnly": bool(static)}
        asked = {"CustomerGatewayId": made, "VpnGatewayId": self.gateway, "Options": options}
        vpn = self.ec2.create_vpn_connection(Type=TYPE, **asked)["VpnConnection"]
        name = str(vpn["VpnConnectionId"])
        for prefix in static:
            self.ec2.create_vpn_connection_route(VpnConnectionId=name, DestinationCidrBlock=prefix)
        return made, name

    def break_tunnels(self, connection: str, which: str) -> None:
        tags = [{"Key": "antipodes:tunnels-down", "Value": which}]
        self.ec2.create_tags(Resources=[connection], Tags=tags)

    def propagated(self) -> list[str]:
        [table] = self.ec2.describe_route_tables(RouteTableIds=[self.table])["RouteTables"]
        return [
            route["DestinationCidrBlock"]
            for route in table["Routes"]
            if route["Origin"] == ORIGIN
            and (route["GatewayId"], route["State"]) == (self.gateway, "active")
        ]

    def lines(self, source: str, target: str, **more: Any) -> list[str]:
        hops = self.ask(source, target, **more)["forward"]["hops"]
        return [hop["id"] for hop in hops if hop["kind"] == "line"]


@pytest.fixture
def joined(region: Region) -> Joined:
    return Joined(region)


def announces(*prefixes: str) -> dict[str, str]:
    return {"antipodes:prefixes": ",".join(prefixes)}


def test_a_site_and_a_vpc_by_what_they_learn_of_each_other(joined: Joined, region: Region) -> None:
    made, vpn = joined.office(1, Name="office", **announces(OFFICE))
    assert joined.propagated() == [OFFICE]
    region.restart()
    assert joined.outcomes(joined.host, "192.168.5.5") == BOTH
    for name in (made, "office", "192.168.5.5"):
        assert joined.outcomes(name, joined.host) == BOTH
        assert joined.outcomes(joined.host, name) == BOTH
    record = joined.ask(joined.host, made)["forward"]
    assert (record["mtu"], record["gbps"]) == (1446, 1.25)
    assert record["charges"] == ["tunnel"]
    assert joined.ask(made, joined.host)["forward"]["charges"] == []
    assert joined.lines(joined.host, made) == [f"{vpn}/1"]
    assert joined.outcomes(joined.host, "192.169.0.1")[0] == "no route"
    assert joined.outcomes(made, "10.1.0.1")[0] == "no route"


def test_one_tunnel_carries_all_to_a_site_and_the_other_when_it_is_down(joined: Joined) -> None:
    made, vpn = joined.office(1, **announces(OFFICE))
    ports = range(20)
    used = {joined.lines(joined.host, made, port=port)[0] for port in ports}
    assert used == {f"{vpn}/1"}
    assert {joined.lines(made, joined.host, port=port)[0] for port in ports} == {
        f"{vpn}/1",
        f"{vpn}/2",
    }
    joined.break_tunnels(vpn, "1")
    assert joined.lines(joined.host, made) == [f"{vpn}/2"]
    assert {joined.lines(made, joined.host, port=port)[0] for port in ports} == {f"{vpn}/2"}
    joined.break_tunnels(vpn, "1,2")
    assert joined.propagated() == []
    assert joined.outcomes(joined.host, "192.168.5.5") == ("no route", "")
    assert joined.outcomes(made, joined.host) == ("no route", "")


def test_static_routes_are_propagated_and_before_those_of_bgp(joined: Joined) -> None:
    _, learnt = joined.office(1, **announces(OFFICE))
    _, static = joined.office(2, OFFICE)
    assert joined.propagated() == [OFFICE]
    assert joined.lines(joined.host, "192.168.5.5") == [f"{static}/1"]
    joined.break_tunnels(static, "1 2")
    assert joined.lines(joined.host, "192.168.5.5") == [f"{learnt}/1"]


def test_the_longest_prefix_counts_before_all_that(joined: Joined) -> None:
    _, learnt = joined.office(1, **announces("192.168.5.0/24"))
    joined.office(2, OFFICE)
    assert joined.lines(joined.host, "192.168.5.5") == [f"{learnt}/1"]


def test_what_is_propagated_is_never_before_the_vpcs_own(joined: Joined) -> None:
    joined.office(1, **announces("10.0.0.0/25", "10.0.0.0/8"))
    assert joined.lines(joined.host, "10.0.0.99") == []
    assert len(joined.lines(joined.host, "10.77.0.1")) == 1


def test_a_static_route_of_the_table_is_before_what_is_propagated(joined: Joined) -> None:
    joined.office(1, **announces(OFFICE))
    joined.route(joined.net, OFFICE, GatewayId=joined.gateway)
    [table] = joined.ec2.describe_route_tables(RouteTableIds=[joined.table])["RouteTables"]
    origins = [one["Origin"] for one in table["Routes"] if one["DestinationCidrBlock"] == OFFICE]
    assert sorted(origins) == ["CreateRoute", ORIGIN]
    assert joined.outcomes(joined.host, "192.168.5.5") == BOTH
    asked = {"RouteTableId": joined.table, "DestinationCidrBlock": OFFICE}
    joined.ec2.delete_route(**asked)
    assert refusal(joined.ec2.delete_route, **asked) == "InvalidParameterValue"
    code = refusal(joined.ec2.replace_route, GatewayId=joined.gateway, **asked)
    assert code == "InvalidParameterValue"


def test_who_does_not_propagate_knows_nothing_of_sites(joined: Joined) -> None:
    joined.office(1, **announces(OFFICE))
    asked = {"GatewayId": joined.gateway, "RouteTableId": joined.table}
    joined.ec2.enable_vgw_route_propagation(**asked)
    joined.ec2.disable_vgw_route_propagation(**asked)
    assert joined.propagated() == []
    assert joined.outcomes(joined.host, "192.168.5.5") == ("no route", "")
    other = gateway(joined.ec2)
    enable = joined.ec2.enable_vgw_route_propagation
    code = refusal(enable, GatewayId=other, RouteTableId=joined.table)
    assert code == "Gateway.NotAttached"
    edge = joined.ec2.create_route_table(VpcId=joined.net)["RouteTable"]["RouteTableId"]
    joined.ec2.associate_route_table(RouteTableId=edge, GatewayId=joined.gateway)
    code = refusal(enable, GatewayId=joined.gateway, RouteTableId=edge)
    assert code == "RouteNotSupported"
    joined.ec2.disassociate_route_table(
        AssociationId=joined.ec2.describe_route_tables(RouteTableIds=[edge])["RouteTables"][0][
            "Associations"
        ][0]["RouteTableAssociationId"]
    )
    enable(**asked)
    joined.ec2.detach_vpn_gateway(VpnGatewayId=joined.gateway, VpcId=joined.net)
    assert joined.propagated() == []


def test_sites_at_one_gateway_reach_each_other_if_their_numbers_differ(joined: Joined) -> None:
    office, _ = joined.office(1, **announces(OFFICE))
    branch, _ = joined.office(2, **announces("172.20.0.0/16"))
    assert joined.outcomes(office, branch) == BOTH
    joined.ec2.detach_vpn_gateway(VpnGatewayId=joined.gateway, VpcId=joined.net)
    assert joined.outcomes(office, branch) == BOTH  # without any VPC, too
    assert joined.outcomes(office, joined.host)[0] == "no route"
    shop = customer(
        joined.ec2,
        "203.0.113.77",
        BgpAsn=65001,  # the office's
        TagSpecifications=tagged("customer-gateway", **announces("172.21.0.0/16")),
    )
    asked = {"CustomerGatewayId": shop, "VpnGatewayId": joined.gateway}
    joined.ec2.create_vpn_connection(Type=TYPE, **asked)
    assert joined.outcomes(shop, branch) == BOTH
    assert joined.outcomes(shop, office)[0] == "no route"


def test_the_gateways_own_table_leads_through_an_appliance(joined: Joined) -> None:
    made, _ = joined.office(1, **announces(OFFICE))
    middle = joined.subnet(joined.net, "10.0.1.0/24")
    appliance = joined.instance(middle)
    found = joined.ec2.describe_instances(InstanceIds=[appliance])["Reservations"][0]["Instances"]
    interface = found[0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    edge = joined.ec2.create_route_table(VpcId=joined.net)["RouteTable"]["RouteTableId"]
    joined.ec2.create_route(
        RouteTableId=edge, DestinationCidrBlock="10.0.0.0/24", NetworkInterfaceId=interface
    )
    joined.ec2.associate_route_table(RouteTableId=edge, GatewayId=joined.gateway)
    hops = [hop["id"] for hop in joined.ask(made, joined.host)["forward"]["hops"]]
    assert interface in hops


def test_a_site_of_the_world_has_its_networks_its_distance_and_its_faults() -> None:
    home = Site("call-centre", 51.5, -0.1, "GB", ("10.20.0.0/16",), link="private")
    world = World(load_atlas(), ("us-west-2",), sites=(home,))
    region = Region(world=world)
    joined = Joined(region)
    _, vpn = joined.office(1, **{"antipodes:site": "call-centre"})
    assert joined.propagated() == ["10.20.0.0/16"]
    for name in ("site/call-centre", "call-centre"):
        assert joined.outcomes(joined.host, name) == BOTH
    way = joined.ask(joined.host, "call-centre")["forward"]
    assert (way["latency_ms"], way["charges"]) == (0.5, ["tunnel"])
    fault = world.install(CutLink("site/call-centre", "us-west-2"))
    assert joined.propagated() == []
    [found] = joined.ec2.describe_vpn_connections(VpnConnectionIds=[vpn])["VpnConnections"]
    assert {one["Status"] for one in found["VgwTelemetry"]} == {"DOWN"}
    world.heal(fault)
    assert joined.propagated() == ["10.20.0.0/16"]
    region.close()

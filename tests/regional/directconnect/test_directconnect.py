"""Direct Connect in one region, by boto3: lines, gateways, and what they reach."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.world.atlas import Site, load_atlas
from antipodes.world.faults import CutLink
from antipodes.world.world import World
from tests.regional.directconnect.lined import ASN, OFFICE, TYPE, Lined, LinedRegion, announces
from tests.regional.ec2.worlds import refusal
from tests.regional.elbv2.hosts import Region

BOTH = ("delivered", "delivered")
REFUSED = "DirectConnectClientException"


@pytest.fixture
def region() -> Iterator[Region]:
    region = LinedRegion()
    yield region
    region.close()


@pytest.fixture
def lined(region: Region) -> Lined:
    return Lined(region)


def test_a_connection_is_kept_found_and_deleted(lined: Lined, region: Region) -> None:
    made = lined.connection("1Gbps", Name="line")
    region.restart()
    dx = region.client("directconnect")
    [found] = dx.describe_connections(connectionId=made)["connections"]
    assert (found["connectionState"], found["bandwidth"]) == ("available", "1Gbps")
    assert (found["region"], found["tags"]) == ("us-west-2", [{"key": "Name", "value": "line"}])
    assert dx.delete_connection(connectionId=made)["connectionState"] == "deleting"
    assert dx.describe_connections()["connections"] == []
    assert refusal(dx.describe_connections, connectionId=made) == REFUSED


def test_a_private_interface_leads_to_a_vpn_gateway(lined: Lined, region: Region) -> None:
    door, connection = lined.door(), lined.connection(**announces(OFFICE))
    made = lined.private(connection, virtualGatewayId=door, mtu=9001)
    name = made["virtualInterfaceId"]
    assert (made["virtualInterfaceState"], made["virtualInterfaceType"]) == ("pending", "private")
    assert made["amazonAddress"].endswith("/30")
    assert lined.propagated() == [OFFICE]
    known = lined.dx.describe_virtual_gateways()["virtualGateways"]
    assert known == [{"virtualGatewayId": door, "virtualGatewayState": "available"}]
    region.restart()
    [found] = region.client("directconnect").describe_virtual_interfaces()["virtualInterfaces"]
    assert (found["virtualInterfaceState"], found["virtualGatewayId"]) == ("available", door)
    assert found["bgpPeers"][0]["bgpStatus"] == "up"
    assert lined.outcomes(lined.host, "10.20.1.1") == BOTH
    assert lined.outcomes("10.20.1.1", lined.host) == BOTH
    assert lined.outcomes(connection, lined.host) == BOTH
    way = lined.ask(lined.host, "10.20.1.1")["forward"]
    assert (way["mtu"], way["gbps"]) == (9001, 10.0)
    assert lined.lines(lined.host, "10.20.1.1") == [name]
    lined.dx.tag_resource(
        resourceArn=f"arn:aws:directconnect:us-west-2:000000000000:dxvif/{name}",
        tags=[{"key": "antipodes:down", "value": "yes"}],
    )
    [found] = lined.dx.describe_virtual_interfaces(connectionId=connection)["virtualInterfaces"]
    assert (found["virtualInterfaceState"], found["bgpPeers"][0]["bgpStatus"]) == ("down", "down")
    assert lined.propagated() == []
    assert lined.outcomes(lined.host, "10.20.1.1") == ("no route", "")


def test_a_line_of_a_site_of_the_world_is_down_while_its_link_is_cut() -> None:
    home = Site("office", 51.5, -0.1, "GB", (OFFICE,), link="private")
    world = World(load_atlas(), ("us-west-2",), sites=(home,))
    region = LinedRegion(world=world)
    lined = Lined(region)
    door, connection = lined.door(), lined.connection(**{"antipodes:site": "office"})
    lined.private(connection, virtualGatewayId=door)
    assert lined.propagated() == [OFFICE]
    assert lined.outcomes(lined.host, "site/office") == BOTH
    fault = world.install(CutLink("site/office", "us-west-2"))
    assert lined.propagated() == []
    world.heal(fault)
    assert lined.propagated() == [OFFICE]
    region.close()


def test_a_line_is_before_a_tunnel_and_the_tunnel_is_there_when_it_is_down(lined: Lined) -> None:
    door, ec2 = lined.door(), lined.ec2
    both = {"antipodes:site": "office", **announces(OFFICE)}
    tags = [{"Key": key, "Value": value} for key, value in both.items()]
    router = ec2.create_customer_gateway(
        Type=TYPE,
        IpAddress="203.0.113.1",
        BgpAsn=ASN,
        TagSpecifications=[{"ResourceType": "customer-gateway", "Tags": tags}],
    )["CustomerGateway"]["CustomerGatewayId"]
    asked = {"CustomerGatewayId": router, "VpnGatewayId": door}
    vpn = ec2.create_vpn_connection(Type=TYPE, **asked)["VpnConnection"]["VpnConnectionId"]
    connection = lined.connection(**both)
    line = lined.private(connection, virtualGatewayId=door)["virtualInterfaceId"]
    assert lined.propagated() == [OFFICE]
    assert lined.lines(lined.host, "site/office") == [line]
    assert lined.lines("office", lined.host) == [line]
    lined.dx.delete_virtual_interface(virtualInterfaceId=line)
    assert lined.lines(lined.host, "site/office") == [vpn]
    assert lined.lines("office", lined.host) == [vpn]


def test_allowed_prefixes_filter_what_a_site_hears_of_a_vpn_gateway(lined: Lined) -> None:
    door, via = lined.door(), lined.gateway()
    connection = lined.connection(**announces(OFFICE))
    association = lined.associate(via, door, "10.0.0.0/15")
    lined.private(connection, directConnectGatewayId=via)
    assert lined.outcomes("10.20.1.1", lined.host) == BOTH
    lined.dx.update_direct_connect_gateway_association(
        associationId=association,
        addAllowedPrefixesToDirectConnectGateway=[{"cidr": "10.0.0.0/24"}],
        removeAllowedPrefixesToDirectConnectGateway=[{"cidr": "10.0.0.0/15"}],
    )
    assert lined.outcomes("10.20.1.1", lined.host) == ("no route", "")  # narrower than the VPC's
    assert lined.propagated() == [OFFICE]
    found = lined.dx.describe_direct_connect_gateway_associations(associationId=association)
    [shown] = found["directConnectGatewayAssociations"]
    assert shown["allowedPrefixesToDirectConnectGateway"] == [{"cidr": "10.0.0.0/24"}]
    assert shown["associatedGateway"]["type"] == "virtualPrivateGateway"
    for asked in ({"directConnectGatewayId": via}, {"associatedGatewayId": door}):
        found = lined.dx.describe_direct_connect_gateway_associations(**asked)
        assert found["directConnectGatewayAssociations"] == [shown]
    assert refusal(lined.ec2.delete_vpn_gateway, VpnGatewayId=door) == "IncorrectState"
    lined.ec2.detach_vpn_gateway(VpnGatewayId=door, VpcId=lined.net)
    assert refusal(lined.ec2.delete_vpn_gateway, VpnGatewayId=door) == "IncorrectState"
    lined.dx.delete_direct_connect_gateway_association(
        directConnectGatewayId=via, virtualGatewayId=door
    )
    lined.ec2.delete_vpn_gateway(VpnGatewayId=door)


class Hubbed(Lined):
    """A VPC at a transit gateway, that a Direct Connect gateway is associated with."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        made = self.ec2.create_transit_gateway(Options={"AmazonSideAsn": 64900})["TransitGateway"]
        self.hub = str(made["TransitGatewayId"])
        self.ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=self.hub, VpcId=self.net, SubnetIds=[self.part]
        )
        self.route(self.net, OFFICE, TransitGatewayId=self.hub)
        self.via = self.gateway()
        self.association = self.associate(self.via, self.hub, "10.0.0.0/16")

    def attachment(self) -> dict[str, Any]:
        wanted = [{"Name": "resource-id", "Values": [self.via]}]
        shown = self.ec2.describe_transit_gateway_attachments(Filters=wanted)
        found: dict[str, Any] = shown["TransitGatewayAttachments"][0]
        return found

    def learnt(self) -> list[str]:
        """What the prefix of the office leads to."""
        [hub] = self.ec2.describe_transit_gateways()["TransitGateways"]
        found = self.ec2.search_transit_gateway_routes(
            TransitGatewayRouteTableId=hub["Options"]["AssociationDefaultRouteTableId"],
            Filters=[{"Name": "route-search.exact-match", "Values": [OFFICE]}],
        )["Routes"]
        return [to["ResourceType"] for one in found for to in one["TransitGatewayAttachments"]]


def test_a_transit_interface_leads_to_a_transit_gateway(region: Region) -> None:
    hubbed = Hubbed(region)
    found = hubbed.attachment()
    assert (found["ResourceType"], found["State"]) == ("direct-connect-gateway", "available")
    assert hubbed.learnt() == []
    lines = [
        hubbed.transit(
            hubbed.connection(**announces(OFFICE), **{"antipodes:site": "office"}),
            hubbed.via,
            mtu=8500,
        )["virtualInterfaceId"]
        for _ in range(2)
    ]
    assert hubbed.learnt() == ["direct-connect-gateway"]
    assert hubbed.outcomes(hubbed.host, "office") == BOTH
    assert hubbed.outcomes("office", hubbed.host) == BOTH
    assert hubbed.outcomes("office", "10.1.0.1")[0] == "no route"  # is not allowed
    used = {
        line
        for port in range(30)
        for line in [
            hop["id"].partition("/")[0]
            for hop in hubbed.ask(hubbed.host, "office", from_port=port + 40000)["forward"]["hops"]
            if hop["kind"] == "line"
        ]
    }
    assert used == set(lines)
    delete = hubbed.dx.delete_direct_connect_gateway
    assert refusal(delete, directConnectGatewayId=hubbed.via) == REFUSED
    code = refusal(hubbed.ec2.delete_transit_gateway, TransitGatewayId=hubbed.hub)
    assert code == "IncorrectState"
    hubbed.dx.delete_direct_connect_gateway_association(associationId=hubbed.association)
    assert hubbed.attachment()["State"] == "deleted"
    assert hubbed.learnt() == []
    shown = hubbed.dx.describe_direct_connect_gateway_attachments(directConnectGatewayId=hubbed.via)
    attached = shown["directConnectGatewayAttachments"]
    assert {one["virtualInterfaceId"] for one in attached} == set(lines)
    for line in lines:
        hubbed.dx.delete_virtual_interface(virtualInterfaceId=line)
    delete(directConnectGatewayId=hubbed.via)
    assert hubbed.dx.describe_direct_connect_gateways()["directConnectGateways"] == []


def test_what_no_connection_can_be(lined: Lined) -> None:
    create, [first, *_] = lined.dx.create_connection, lined.dx.describe_locations()["locations"]
    good = {"location": first["locationCode"], "bandwidth": "1Gbps", "connectionName": "line"}
    for wrong in (
        {"location": "nowhere"},
        {"bandwidth": "3Gbps"},
        {"lagId": "dxlag-1"},
        {"billingMode": "FlatRateTier1"},
        {"tags": [{"key": "antipodes:prefixes", "value": "ten"}]},
        {"tags": [{"key": "aws:name", "value": "x"}]},
    ):
        assert refusal(create, **{**good, **wrong}) == REFUSED
    twice = [{"key": "a", "value": "1"}] * 2
    assert refusal(create, **good, tags=twice) == "DuplicateTagKeysException"
    many = [{"key": str(n), "value": ""} for n in range(51)]
    assert refusal(create, **good, tags=many) == "TooManyTagsException"
    assert lined.dx.describe_connections()["connections"] == []
    for _ in range(10):
        create(**good)
    assert refusal(create, **good) == REFUSED


def test_what_no_virtual_interface_can_be(lined: Lined) -> None:
    door, connection, via = lined.door(), lined.connection(), lined.gateway()

    def refused(name: str = connection, **wrong: Any) -> str:
        good = {"virtualInterfaceName": "x", "vlan": 5, "asn": ASN, "virtualGatewayId": door}
        wanted = {**good, **wrong}
        create = lined.dx.create_private_virtual_interface
        return refusal(create, connectionId=name, newPrivateVirtualInterface=wanted)

    for wrong in (
        {"vlan": 0},
        {"vlan": 4095},
        {"asn": 0},
        {"mtu": 8500},
        {"addressFamily": "ipv6"},
        {"enableSiteLink": True},
        {"virtualGatewayId": "vgw-1"},
        {"virtualGatewayId": ""},
        {"directConnectGatewayId": via},
        {"directConnectGatewayId": "none", "virtualGatewayId": ""},
        {"amazonAddress": "169.254.1.1/30"},
        {"amazonAddress": "169.254.1.1/30", "customerAddress": "169.254.2.2/30"},
    ):
        assert refused(**wrong) == REFUSED
    assert refused("dxcon-1") == REFUSED
    lined.private(connection, 5, virtualGatewayId=door)
    assert refused() == REFUSED  # the VLAN is taken
    assert refusal(lined.dx.delete_connection, connectionId=connection) == REFUSED
    lined.private(connection, 6, directConnectGatewayId=via)
    wanted = {"vlan": 7, "asn": ASN, "directConnectGatewayId": via}
    create = lined.dx.create_transit_virtual_interface
    code = refusal(create, connectionId=connection, newTransitVirtualInterface=wanted)
    assert code == REFUSED  # a private one is attached
    made = lined.private(
        connection,
        8,
        virtualGatewayId=door,
        amazonAddress="169.254.9.1/30",
        customerAddress="169.254.9.2/30",
    )
    assert (made["amazonAddress"], made["asn"]) == ("169.254.9.1/30", ASN)


def test_what_no_association_can_be(lined: Lined) -> None:
    via, door = lined.gateway(), lined.door()
    create = lined.dx.create_direct_connect_gateway_association

    def refused(gateway: str, *allowed: str, of: str = via) -> bool:
        wanted = [{"cidr": one} for one in allowed]
        asked = {"directConnectGatewayId": of, "gatewayId": gateway}
        more = {"addAllowedPrefixesToDirectConnectGateway": wanted}
        return refusal(create, **asked, **more) == REFUSED

    alone = lined.ec2.create_vpn_gateway(Type=TYPE)["VpnGateway"]["VpnGatewayId"]
    hub = lined.ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    assert refused(alone)  # is not attached
    assert refused("vgw-1")
    assert refused("tgw-1", "10.0.0.0/8")
    assert refused(door, "ten")
    assert refused(door, of="none")
    assert refused(hub, "10.0.0.0/8")  # has the same number
    lined.associate(via, door)
    assert refused(door)
    other = lined.gateway(amazonSideAsn=65100)
    assert refused(hub, of=other)  # without prefixes
    lined.associate(other, hub, "10.0.0.0/8")
    assert refused(door, of=other)  # of the other kind
    second = lined.ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    assert refused(second, "10.1.0.0/16", of=other)  # overlaps
    code = refusal(
        lined.dx.create_direct_connect_gateway, directConnectGatewayName="x", amazonSideAsn=1
    )
    assert code == REFUSED


def test_tags_are_given_shown_and_taken(lined: Lined) -> None:
    via = lined.gateway(tags=[{"key": "a", "value": "1"}])
    arn = f"arn:aws:directconnect::000000000000:dx-gateway/{via}"
    lined.dx.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    lined.dx.untag_resource(resourceArn=arn, tagKeys=["a"])
    [found] = lined.dx.describe_tags(resourceArns=[arn])["resourceTags"]
    assert found == {"resourceArn": arn, "tags": [{"key": "b", "value": "2"}]}
    lined.dx.update_direct_connect_gateway(
        directConnectGatewayId=via, newDirectConnectGatewayName="new"
    )
    [shown] = lined.dx.describe_direct_connect_gateways(directConnectGatewayId=via)[
        "directConnectGateways"
    ]
    assert (shown["directConnectGatewayName"], shown["tags"]) == ("new", found["tags"])
    wrong = "arn:aws:directconnect::0:dxlag/x"
    assert refusal(lined.dx.describe_tags, resourceArns=[wrong]) == REFUSED


def test_connect_over_direct_connect_is_up_with_its_lines(region: Region) -> None:
    hubbed = Hubbed(region)
    ec2, behind = hubbed.ec2, "192.168.0.0/16"
    ec2.modify_transit_gateway(
        TransitGatewayId=hubbed.hub, Options={"AddTransitGatewayCidrBlocks": ["192.0.2.0/24"]}
    )
    connect = ec2.create_transit_gateway_connect(
        TransportTransitGatewayAttachmentId=hubbed.attachment()["TransitGatewayAttachmentId"],
        Options={"Protocol": "gre"},
    )["TransitGatewayConnect"]["TransitGatewayAttachmentId"]
    tags = [{"Key": "antipodes:prefixes", "Value": behind}]
    kind = "transit-gateway-connect-peer"
    ec2.create_transit_gateway_connect_peer(
        TransitGatewayAttachmentId=connect,
        PeerAddress="10.20.0.1",
        InsideCidrBlocks=["169.254.6.0/29"],
        BgpOptions={"PeerAsn": 65020},
        TagSpecifications=[{"ResourceType": kind, "Tags": tags}],
    )
    hubbed.route(hubbed.net, behind, TransitGatewayId=hubbed.hub)
    assert hubbed.outcomes(hubbed.host, "192.168.5.5")[0] == "no route"
    hubbed.transit(hubbed.connection(**announces(OFFICE)), hubbed.via, mtu=1500)
    assert hubbed.outcomes(hubbed.host, "192.168.5.5") == BOTH
    assert hubbed.ask(hubbed.host, "192.168.5.5")["forward"]["mtu"] == 1476
    hubbed.dx.delete_direct_connect_gateway_association(associationId=hubbed.association)
    assert hubbed.outcomes(hubbed.host, "192.168.5.5")[0] == "no route"

"""Connect attachments of transit gateways: tunnels to appliances, and what is behind those."""

from typing import Any

import pytest

from antipodes.fabric.network.together import together
from antipodes.questions import failures
from antipodes.questions.walking import Asked, walked
from tests.regional.ec2.networks import ACCOUNT, Networks
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region

BOTH = ("delivered", "delivered")
BRANCH, ANYONE = "192.168.0.0/16", "192.168.5.5"
GONE = "InvalidTransitGatewayAttachmentID.NotFound"
NO_PEER = "InvalidTransitGatewayConnectPeerID.NotFound"


class Connected(Networks):
    """A VPC with an instance, one with two appliances, and Connect over the second."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        made = self.ec2.create_transit_gateway(
            Options={"TransitGatewayCidrBlocks": ["192.0.2.0/24"]}
        )["TransitGateway"]
        self.hub: str = made["TransitGatewayId"]
        self.default: str = made["Options"]["AssociationDefaultRouteTableId"]
        self.net, self.edge = self.vpc("10.0.0.0/16"), self.vpc("10.9.0.0/16")
        part = self.subnet(self.net, "10.0.0.0/24")
        self.spoke = self.attach(self.net, part)
        self.route(self.net, "0.0.0.0/0", TransitGatewayId=self.hub)
        self.host = self.instance(part, self.group(self.net, "0.0.0.0/0"))
        back = self.subnet(self.edge, "10.9.0.0/24")
        self.transport = self.attach(self.edge, back)
        self.appliances = [self.instance(back) for _ in range(2)]
        self.connect = self.over(self.transport)

    def attach(self, net: str, part: str) -> str:
        made = self.ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=self.hub, VpcId=net, SubnetIds=[part]
        )["TransitGatewayVpcAttachment"]
        return str(made["TransitGatewayAttachmentId"])

    def over(self, transport: str) -> str:
        made = self.ec2.create_transit_gateway_connect(
            TransportTransitGatewayAttachmentId=transport, Options={"Protocol": "gre"}
        )["TransitGatewayConnect"]
        assert made["State"] == "pending"
        return str(made["TransitGatewayAttachmentId"])

    def address(self, number: int) -> str:
        """That of an appliance."""
        asked = {"InstanceIds": [self.appliances[number]]}
        [one] = self.ec2.describe_instances(**asked)["Reservations"][0]["Instances"]
        return str(one["PrivateIpAddress"])

    def peer(
        self, number: int, prefixes: str = "", asn: int = 65010, at: int = 0, **more: Any
    ) -> dict[str, Any]:
        asked = {
            "TransitGatewayAttachmentId": self.connect,
            "PeerAddress": self.address(at),
            "InsideCidrBlocks": [f"169.254.{number}.0/29"],
            "BgpOptions": {"PeerAsn": asn},
            **more,
        }
        tags = {"antipodes:prefixes": prefixes, "antipodes:site": "branch"} if prefixes else {}
        if tags:
            asked["TagSpecifications"] = tagged("transit-gateway-connect-peer", **tags)
        made = self.ec2.create_transit_gateway_connect_peer(**asked)
        found: dict[str, Any] = made["TransitGatewayConnectPeer"]
        return found

    def name(self, *words: Any, **more: Any) -> str:
        return str(self.peer(*words, **more)["TransitGatewayConnectPeerId"])

    def statuses(self) -> dict[str, str]:
        """Of the first of each peer's sessions."""
        shown = self.ec2.describe_transit_gateway_connect_peers()["TransitGatewayConnectPeers"]
        return {
            one["TransitGatewayConnectPeerId"]: one["ConnectPeerConfiguration"][
                "BgpConfigurations"
            ][0]["BgpStatus"]
            for one in shown
        }

    def learnt(self) -> list[tuple[str, str]]:
        """What the prefix of the branch leads to."""
        found = self.ec2.search_transit_gateway_routes(
            TransitGatewayRouteTableId=self.default,
            Filters=named("route-search.exact-match", BRANCH),
        )["Routes"]
        return [
            (to["ResourceType"], to["TransitGatewayAttachmentId"])
            for one in found
            for to in one["TransitGatewayAttachments"]
        ]

    def tunnels(self, without: str = "") -> set[str]:
        """The tunnels that flows from many ports take."""
        topology, found = together([self._service.networks()[ACCOUNT]]), set()
        if without:
            topology = failures.without(topology, failures.Failure("line", f"{without}/gre"))
        for port in range(40000, 40040):
            walk = walked(topology, Asked(self.host, ANYONE, from_port=port)).there
            assert walk.end.outcome == "delivered"
            found |= {step.hop.id for step in walk.steps if step.hop.kind == "line"}
        return {one.partition("/")[0] for one in found}


@pytest.fixture
def connected(region: Region) -> Connected:
    return Connected(region)


def test_a_connect_is_attached_and_associated_as_others_are(
    connected: Connected, region: Region
) -> None:
    ec2, name = connected.ec2, connected.connect
    region.restart()
    ec2 = region.client("ec2")
    [shown] = ec2.describe_transit_gateway_connects(
        Filters=named("transport-transit-gateway-attachment-id", connected.transport)
    )["TransitGatewayConnects"]
    assert shown["TransitGatewayAttachmentId"] == name
    assert shown["TransitGatewayId"] == connected.hub
    assert (shown["State"], shown["Options"]) == ("available", {"Protocol": "gre"})
    asked = {"TransitGatewayAttachmentIds": [name]}
    [one] = ec2.describe_transit_gateway_attachments(**asked)["TransitGatewayAttachments"]
    assert (one["ResourceType"], one["ResourceId"]) == ("connect", connected.transport)
    assert one["Association"]["TransitGatewayRouteTableId"] == connected.default
    learning = ec2.get_transit_gateway_route_table_propagations(
        TransitGatewayRouteTableId=connected.default
    )["TransitGatewayRouteTablePropagations"]
    assert name in {one["TransitGatewayAttachmentId"] for one in learning}
    other = connected.over(connected.transport)  # one attachment carries several
    carrying = {"TransitGatewayAttachmentId": connected.transport}
    assert refusal(ec2.delete_transit_gateway_vpc_attachment, **carrying) == "IncorrectState"
    gone = ec2.delete_transit_gateway_connect(TransitGatewayAttachmentId=other)
    assert gone["TransitGatewayConnect"]["State"] == "deleting"
    ec2.delete_transit_gateway_connect(TransitGatewayAttachmentId=name)
    shown = ec2.describe_transit_gateway_connects()["TransitGatewayConnects"]
    assert {one["State"] for one in shown} == {"deleted"}
    ec2.delete_transit_gateway_vpc_attachment(**carrying)


def test_a_peer_is_shown_with_both_its_sessions(connected: Connected, region: Region) -> None:
    made = connected.peer(6)
    assert made["State"] == "pending"
    name = made["TransitGatewayConnectPeerId"]
    region.restart()
    ec2 = region.client("ec2")
    asked = {"TransitGatewayConnectPeerIds": [name]}
    [shown] = ec2.describe_transit_gateway_connect_peers(**asked)["TransitGatewayConnectPeers"]
    session = {
        "TransitGatewayAsn": 64512,
        "PeerAsn": 65010,
        "PeerAddress": "169.254.6.1",
        "BgpStatus": "up",
    }
    assert shown["State"] == "available"
    assert shown["ConnectPeerConfiguration"] == {
        "TransitGatewayAddress": "192.0.2.1",
        "PeerAddress": connected.address(0),
        "InsideCidrBlocks": ["169.254.6.0/29"],
        "Protocol": "gre",
        "BgpConfigurations": [
            session | {"TransitGatewayAddress": "169.254.6.2"},
            session | {"TransitGatewayAddress": "169.254.6.3"},
        ],
    }
    second = connected.peer(7)["ConnectPeerConfiguration"]["TransitGatewayAddress"]
    assert second == "192.0.2.2"  # the first that is free
    over = {"TransitGatewayAttachmentId": connected.connect}
    assert refusal(ec2.delete_transit_gateway_connect, **over) == "IncorrectState"
    modify = {"RemoveTransitGatewayCidrBlocks": ["192.0.2.0/24"]}
    hub = {"TransitGatewayId": connected.hub, "Options": modify}
    assert refusal(ec2.modify_transit_gateway, **hub) == "IncorrectState"
    ec2.delete_transit_gateway_connect_peer(TransitGatewayConnectPeerId=name)
    found = ec2.describe_transit_gateway_connect_peers(Filters=named("state", "deleted"))
    [gone] = found["TransitGatewayConnectPeers"]
    assert gone["TransitGatewayConnectPeerId"] == name
    again = {"TransitGatewayConnectPeerId": name}
    assert refusal(ec2.delete_transit_gateway_connect_peer, **again) == NO_PEER


def test_packets_go_over_all_peers_that_announce_alike(connected: Connected) -> None:
    names = {connected.name(6, BRANCH), connected.name(7, BRANCH, at=1)}
    assert connected.learnt() == [("connect", connected.connect)]
    assert connected.outcomes(connected.host, ANYONE) == BOTH
    assert connected.outcomes("site/branch", connected.host) == BOTH
    asked = connected.ask(connected.host, ANYONE)["forward"]
    assert (asked["mtu"], asked["gbps"]) == (8500, 5.0)
    assert connected.tunnels() == names
    one = min(names)
    assert connected.tunnels(without=one) == names - {one}


def test_of_peers_of_two_numbers_the_first_counts_while_it_is_there(connected: Connected) -> None:
    first = connected.name(6, BRANCH, 65010)
    second = connected.name(7, BRANCH, 65020, at=1)
    assert connected.tunnels() == {first}
    assert connected.tunnels(without=first) == {second}
    connected.ec2.stop_instances(InstanceIds=[connected.appliances[0]])
    assert connected.statuses() == {first: "down", second: "up"}
    assert connected.tunnels() == {second}
    connected.ec2.stop_instances(InstanceIds=[connected.appliances[1]])
    assert connected.learnt() == []
    assert connected.outcomes(connected.host, ANYONE) == ("no route", "")


def test_a_peer_in_the_gateways_own_as_is_not_learnt_from(connected: Connected) -> None:
    name = connected.name(6, BRANCH, BgpOptions={})
    assert connected.statuses() == {name: "up"}
    assert connected.learnt() == []


def test_a_peer_that_nobody_has_the_address_of_is_down(connected: Connected) -> None:
    lost = connected.name(6, BRANCH, PeerAddress="10.9.0.250")
    beyond = connected.name(7, PeerAddress="172.16.0.1")  # behind something in the VPC
    assert connected.statuses() == {lost: "down", beyond: "up"}
    assert connected.learnt() == []


def test_what_the_tag_says_is_announced_from_then_on(connected: Connected) -> None:
    name = connected.name(6)
    assert connected.learnt() == []
    tag = {"Key": "antipodes:prefixes", "Value": BRANCH}
    connected.ec2.create_tags(Resources=[name], Tags=[tag])
    assert connected.learnt() == [("connect", connected.connect)]
    assert connected.outcomes(name, connected.host) == BOTH
    connected.ec2.disable_transit_gateway_route_table_propagation(
        TransitGatewayRouteTableId=connected.default,
        TransitGatewayAttachmentId=connected.connect,
    )
    assert connected.learnt() == []


def test_no_static_route_leads_over_connect(connected: Connected) -> None:
    code = refusal(
        connected.ec2.create_transit_gateway_route,
        TransitGatewayRouteTableId=connected.default,
        DestinationCidrBlock=BRANCH,
        TransitGatewayAttachmentId=connected.connect,
    )
    assert code == "UnsupportedOperation"


def test_what_can_be_no_connect_is_refused(connected: Connected) -> None:
    create, options = connected.ec2.create_transit_gateway_connect, {"Protocol": "gre"}

    def refused(transport: str, **more: Any) -> str:
        asked = {"TransportTransitGatewayAttachmentId": transport, "Options": options, **more}
        return refusal(create, **asked)

    assert refused("tgw-attach-0") == GONE
    assert refused(connected.connect) == "InvalidParameterValue"
    assert refused(connected.transport, Options={"Protocol": "udp"}) == "InvalidParameterValue"
    assert refused(connected.transport, DryRun=True) == "DryRunOperation"
    asked = {"TransitGatewayAttachmentId": connected.transport}
    assert refusal(connected.ec2.delete_transit_gateway_connect, **asked) == GONE
    assert len(connected.ec2.describe_transit_gateway_connects()["TransitGatewayConnects"]) == 1


def test_what_can_be_no_peer_is_refused(connected: Connected) -> None:
    def refused(**more: Any) -> str:
        return refusal(connected.peer, number=6, **more)

    wrong = "InvalidParameterValue"
    reserved = [f"169.254.{number}.0/29" for number in range(6)]
    for block in (*reserved, "169.254.169.248/29", "169.254.6.0/30", "10.0.0.0/29", "any"):
        assert refused(InsideCidrBlocks=[block]) == wrong, block
    assert refused(InsideCidrBlocks=["169.254.6.0/29", "169.254.7.0/29"]) == wrong
    assert refused(InsideCidrBlocks=["fd00::/125"]) == "UnsupportedOperation"
    assert refused(PeerAddress="10.9.0") == wrong
    assert refused(PeerAddress="2001:db8::1") == "IncorrectState"  # no prefix of that family
    assert refused(TransitGatewayAddress="192.0.3.1") == wrong
    mixed = refused(TransitGatewayAddress="192.0.2.9", PeerAddress="2001:db8::1")
    assert mixed == "InvalidParameterCombination"
    assert refused(BgpOptions={"PeerAsn": 0}) == wrong
    assert refused(TransitGatewayAttachmentId=connected.transport) == GONE
    assert refused(DryRun=True) == "DryRunOperation"
    assert connected.statuses() == {}
    own = "192.0.2.9"
    connected.peer(6, TransitGatewayAddress=own)
    assert refused() == wrong  # the inside prefix is taken
    assert (
        refusal(connected.peer, number=7, TransitGatewayAddress=own) == wrong
    )  # and the pair of addresses
    for number in (7, 8, 9):
        connected.peer(number)
    assert refusal(connected.peer, number=10) == "TransitGatewayConnectPeerLimitExceeded"
    bare = connected.ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    part = connected.subnet(connected.edge, "10.9.1.0/24")
    connected.hub = bare
    other = connected.over(connected.attach(connected.edge, part))
    assert refused(TransitGatewayAttachmentId=other) == "IncorrectState"  # no CIDR blocks

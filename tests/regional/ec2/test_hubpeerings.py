"""Peering of transit gateways in one region: asked for, accepted, rejected, deleted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.ec2 import peering
from antipodes.regional.ec2.modelhubs import HubPeering, PeeredHub
from antipodes.regional.ec2.modelpeers import Standing
from tests.regional.ec2.networks import Networks
from tests.regional.ec2.test_hubs import make
from tests.regional.ec2.test_hubtables import pair, table
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, REGION, Region

OTHER = "111111111111"
W, E = "us-west-2", "eu-central-1"
HOUR_S = 3600.0


def ask(ec2: Any, hub: str, peer: str, account: str = ACCOUNT, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = ec2.create_transit_gateway_peering_attachment(
        TransitGatewayId=hub,
        PeerTransitGatewayId=peer,
        PeerAccountId=account,
        PeerRegion=REGION,
        **more,
    )["TransitGatewayPeeringAttachment"]
    return made


def seen(ec2: Any, name: str) -> str:
    """The state in which somebody sees a peering; nothing if it is not seen."""
    found = ec2.describe_transit_gateway_peering_attachments(
        Filters=named("transit-gateway-attachment-id", name)
    )["TransitGatewayPeeringAttachments"]
    return str(found[0]["State"]) if found else ""


def attachments(ec2: Any) -> dict[str, dict[str, Any]]:
    """The attachments of other hubs, by hub."""
    found = ec2.describe_transit_gateway_attachments(Filters=named("resource-type", "peering"))
    return {one["TransitGatewayId"]: one for one in found["TransitGatewayAttachments"]}


@pytest.fixture
def hubs(ec2: Any) -> tuple[str, str]:
    """Two hubs of one account."""
    return make(ec2)["TransitGatewayId"], make(ec2)["TransitGatewayId"]


def test_a_peering_from_its_request_to_its_end(region: Region, hubs: tuple[str, str]) -> None:
    ec2 = region.client("ec2")
    made = ask(ec2, *hubs, TagSpecifications=tagged("transit-gateway-attachment", Name="both"))
    name, far = made["TransitGatewayAttachmentId"], made["AccepterTransitGatewayAttachmentId"]
    assert made["State"] == "initiatingRequest"
    assert made["RequesterTgwInfo"] == {
        "TransitGatewayId": hubs[0],
        "OwnerId": ACCOUNT,
        "Region": REGION,
    }
    region.restart()
    ec2 = region.client("ec2")
    assert seen(ec2, name) == "pendingAcceptance"
    assert {one["State"] for one in attachments(ec2).values()} == {"pendingAcceptance"}
    accepted = ec2.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=far)
    assert accepted["TransitGatewayPeeringAttachment"]["State"] == "pending"
    region.restart()
    ec2 = region.client("ec2")
    assert seen(ec2, name) == "available"
    shown = attachments(ec2)
    assert shown[hubs[0]]["TransitGatewayAttachmentId"] == name
    assert shown[hubs[1]]["TransitGatewayAttachmentId"] == far
    assert shown[hubs[0]]["ResourceId"] == hubs[1]
    assert shown[hubs[0]]["Association"]["State"] == "associated"
    assert shown[hubs[0]]["Tags"] == [{"Key": "Name", "Value": "both"}]
    assert refusal(ec2.delete_transit_gateway, TransitGatewayId=hubs[1]) == "IncorrectState"
    gone = ec2.delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=name)
    assert gone["TransitGatewayPeeringAttachment"]["State"] == "deleting"
    region.restart()
    ec2 = region.client("ec2")
    assert seen(ec2, name) == "deleted"
    assert {one["State"] for one in attachments(ec2).values()} == {"deleted"}
    ec2.delete_transit_gateway(TransitGatewayId=hubs[1])
    region.wait(2 * HOUR_S)
    assert (seen(ec2, name), attachments(ec2)) == ("", {})


def test_another_account_is_asked_and_rejects(region: Region) -> None:
    mine, theirs = region.client("ec2"), region.client("ec2", account=OTHER)
    hub, peer = (make(client)["TransitGatewayId"] for client in (mine, theirs))
    made = ask(mine, hub, peer, OTHER)
    name, far = made["TransitGatewayAttachmentId"], made["AccepterTransitGatewayAttachmentId"]
    assert seen(mine, name) == seen(theirs, name) == "pendingAcceptance"
    [found] = attachments(theirs).values()
    owners = found["TransitGatewayOwnerId"], found["ResourceOwnerId"]
    assert (found["ResourceId"], *owners) == (hub, OTHER, ACCOUNT)
    reject = {"TransitGatewayAttachmentId": name}
    wrong = refusal(mine.reject_transit_gateway_peering_attachment, **reject)
    assert wrong == "OperationNotPermitted"
    answer = theirs.reject_transit_gateway_peering_attachment(TransitGatewayAttachmentId=far)
    assert answer["TransitGatewayPeeringAttachment"]["State"] == "rejected"
    assert seen(mine, name) == "rejected"
    assert attachments(mine)[hub]["State"] == "rejected"
    for operation in ("accept", "reject", "delete"):
        call = getattr(theirs, f"{operation}_transit_gateway_peering_attachment")
        assert refusal(call, **reject) == "IncorrectState"
    again = ask(mine, hub, peer, OTHER)["TransitGatewayAttachmentId"]
    theirs.delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=again)
    assert seen(mine, again) == "deleted"


def test_a_hub_that_is_not_there_fails_and_only_who_asked_sees_it(region: Region) -> None:
    mine, theirs = region.client("ec2"), region.client("ec2", account=OTHER)
    hub = make(mine)["TransitGatewayId"]
    name = ask(mine, hub, "tgw-0123456789abcdef0", OTHER)["TransitGatewayAttachmentId"]
    [found] = mine.describe_transit_gateway_peering_attachments()[
        "TransitGatewayPeeringAttachments"
    ]
    assert (found["State"], found["Status"]["Code"]) == ("failed", "failed")
    assert seen(theirs, name) == ""
    assert attachments(mine)[hub]["State"] == "failed"


def test_requests_that_cannot_be(ec2: Any, hubs: tuple[str, str]) -> None:
    request = {
        "TransitGatewayId": hubs[0],
        "PeerTransitGatewayId": hubs[1],
        "PeerAccountId": ACCOUNT,
        "PeerRegion": REGION,
    }
    refused: list[tuple[dict[str, Any], str]] = [
        ({"TransitGatewayId": "tgw-0123456789abcdef0"}, "InvalidTransitGatewayID.NotFound"),
        ({"PeerAccountId": "me"}, "InvalidParameterValue"),
        ({"PeerRegion": "mars-north-1"}, "InvalidParameterValue"),
        ({"PeerTransitGatewayId": hubs[0]}, "InvalidParameterValue"),
        ({"TagSpecifications": tagged("vpc", a="b")}, "InvalidParameterValue"),
        ({"Options": {"DynamicRouting": "enable"}}, "IncorrectState"),
        ({"Options": {"AllowMultipathResilience": True}}, "UnsupportedOperation"),
        ({"DryRun": True}, "DryRunOperation"),
    ]
    create = ec2.create_transit_gateway_peering_attachment
    for more, code in refused:
        assert (more, refusal(create, **(request | more))) == (more, code)
    name = create(**request)["TransitGatewayPeeringAttachment"]["TransitGatewayAttachmentId"]
    turned = request | {"TransitGatewayId": hubs[1], "PeerTransitGatewayId": hubs[0]}
    for again in (request, turned):
        assert refusal(create, **again) == "DuplicateTransitGatewayAttachment"
    for operation in ("accept", "reject", "delete"):
        call = getattr(ec2, f"{operation}_transit_gateway_peering_attachment")
        rehearsal = refusal(call, TransitGatewayAttachmentId=name, DryRun=True)
        missing = refusal(call, TransitGatewayAttachmentId="tgw-attach-0123456789abcdef0")
        assert rehearsal == "DryRunOperation"
        assert missing == "InvalidTransitGatewayAttachmentID.NotFound"
    assert seen(ec2, name) == "pendingAcceptance"


def test_ten_requests_may_be_pending(ec2: Any) -> None:
    hub = make(ec2)["TransitGatewayId"]
    for number in range(10):  # that region is not there to answer
        ec2.create_transit_gateway_peering_attachment(
            TransitGatewayId=hub,
            PeerTransitGatewayId=f"tgw-{number:017x}",
            PeerAccountId=ACCOUNT,
            PeerRegion=E,
        )
    code = refusal(
        ec2.create_transit_gateway_peering_attachment,
        TransitGatewayId=hub,
        PeerTransitGatewayId="tgw-0",
        PeerAccountId=ACCOUNT,
        PeerRegion=REGION,
    )
    assert code == "TransitGatewayPeeringAttachmentLimitExceeded"


def test_fifty_peerings_to_a_hub(region: Region, hubs: tuple[str, str]) -> None:
    client = region.client("ec2")
    name = ask(client, *hubs)["TransitGatewayAttachmentId"]
    service: Any = region.host.services["ec2"]
    for number in range(50):
        one = HubPeering(
            f"tgw-attach-{number:017x}",
            PeeredHub(OTHER, REGION, f"tgw-{number:017x}", f"tgw-attach-{number:017x}"),
            PeeredHub(ACCOUNT, REGION, hubs[1], f"tgw-attach-f{number:016x}"),
            Standing(peering.ACTIVE),
            0.0,
        )
        service.estate.hub_peerings.put(ACCOUNT, one.id, one)
    accept = client.accept_transit_gateway_peering_attachment
    code = "TransitGatewayPeeringAttachmentLimitExceeded"
    assert refusal(accept, TransitGatewayAttachmentId=name) == code


def test_descriptions_are_found_by_their_sides(region: Region) -> None:
    mine, theirs = region.client("ec2"), region.client("ec2", account=OTHER)
    hub, peer = (make(client)["TransitGatewayId"] for client in (mine, theirs))
    ask(mine, hub, peer, OTHER)
    for client, name, value, number in (
        (mine, "local-owner-id", ACCOUNT, 1),
        (mine, "remote-owner-id", ACCOUNT, 0),
        (theirs, "remote-owner-id", ACCOUNT, 1),
        (theirs, "transit-gateway-id", peer, 1),
        (theirs, "transit-gateway-id", hub, 0),
        (theirs, "state", "pending*", 1),
    ):
        found = client.describe_transit_gateway_peering_attachments(Filters=named(name, value))
        assert len(found["TransitGatewayPeeringAttachments"]) == number, (name, value)


def test_only_static_routes_and_only_once_it_is_accepted(ec2: Any, hubs: tuple[str, str]) -> None:
    name = ask(ec2, *hubs)["TransitGatewayAttachmentId"]
    own = table(ec2, hubs[0])
    route = {**pair(own, name), "DestinationCidrBlock": "10.2.0.0/16"}
    associate = ec2.associate_transit_gateway_route_table
    assert refusal(ec2.create_transit_gateway_route, **route) == "IncorrectState"
    assert refusal(associate, **pair(own, name)) == "IncorrectState"
    ec2.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=name)
    propagate = ec2.enable_transit_gateway_route_table_propagation
    assert refusal(propagate, **pair(own, name)) == "UnsupportedOperation"
    assert refusal(associate, **pair(own, name)) == "Resource.AlreadyAssociated"
    made = ec2.create_transit_gateway_route(**route)["Route"]
    assert made["TransitGatewayAttachments"][0] == {
        "TransitGatewayAttachmentId": name,
        "ResourceId": hubs[1],
        "ResourceType": "peering",
    }
    for operation in ("modify", "delete"):
        call = getattr(ec2, f"{operation}_transit_gateway_vpc_attachment")
        code = refusal(call, TransitGatewayAttachmentId=name)
        assert code == "InvalidTransitGatewayAttachmentID.NotFound"
    ec2.delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=name)
    [found] = ec2.search_transit_gateway_routes(
        TransitGatewayRouteTableId=own, Filters=named("type", "static")
    )["Routes"]
    assert found["State"] == "blackhole"


def test_packets_pass_between_two_hubs_of_one_region(region: Region) -> None:
    networks = Networks(region)
    ec2 = networks.ec2
    hosts, hubs_, tables = [], [], []
    for number in (1, 2):
        vpc = networks.vpc(f"10.{number}.0.0/16")
        subnet = networks.subnet(vpc, f"10.{number}.0.0/24")
        hosts.append(networks.instance(subnet, networks.group(vpc, "10.0.0.0/8")))
        made = make(ec2)
        hubs_.append(made["TransitGatewayId"])
        tables.append(made["Options"]["AssociationDefaultRouteTableId"])
        ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=hubs_[-1], VpcId=vpc, SubnetIds=[subnet]
        )
        networks.route(vpc, "10.0.0.0/8", TransitGatewayId=hubs_[-1])
    name = ask(ec2, *hubs_)["TransitGatewayAttachmentId"]
    ec2.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=name)
    for number, (hub, own) in enumerate(zip(hubs_, tables, strict=True)):
        found = attachments(ec2)[hub]["TransitGatewayAttachmentId"]
        assert networks.outcomes(*hosts) == (("no route", "") if not number else ONE_WAY)
        ec2.create_transit_gateway_route(
            DestinationCidrBlock=f"10.{2 - number}.0.0/16", **pair(own, found)
        )
    ec2.create_tags(Resources=[name], Tags=[{"Key": "Name", "Value": "bridge"}])
    record = networks.ask(*hosts)
    assert record["reached"]
    assert f"{name}@{REGION}" in {hop["id"] for hop in record["forward"]["hops"]}
    assert networks.names()[f"{name}@{REGION}"] == "bridge"
    assert record["forward"]["charges"] == ["hub"]  # once: the sender's attachment
    ec2.delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=name)
    assert networks.outcomes(*hosts)[0] == "blackhole"


ONE_WAY = ("delivered", "no route")


@st.composite
def copies(draw: st.DrawFn) -> HubPeering:
    """Some copy of one peering: its steps in any order."""
    here, there = (PeeredHub(ACCOUNT, place, f"tgw-{place}", "tgw-attach-1") for place in (W, E))
    steps = (*peering.LIVE, *peering.ENDED, "deleting")
    since, by = st.sampled_from([1.0, 2.0]), st.sampled_from(["requester", "accepter"])
    standing = Standing(draw(st.sampled_from(steps)), draw(since), draw(by))
    return HubPeering("tgw-attach-1", here, there, standing, 0.0)


@given(copies(), copies(), copies())
def test_copies_are_joined_alike_in_any_order(
    one: HubPeering, two: HubPeering, three: HubPeering
) -> None:
    joined = peering.joined_hubs
    assert joined(one, one) == one
    assert joined(one, two) == joined(two, one)
    assert joined(joined(one, two), three) == joined(one, joined(two, three))


@given(copies(), copies())
def test_once_both_have_heard_nothing_is_under_way(one: HubPeering, two: HubPeering) -> None:
    here = peering.joined_hubs(one, peering.confirmed(two))
    there = peering.joined_hubs(two, peering.confirmed(here))
    here = peering.joined_hubs(here, peering.confirmed(there))
    there = peering.joined_hubs(there, peering.confirmed(here))
    assert here == there

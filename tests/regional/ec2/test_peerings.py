"""Peering in one region: asked for, accepted, rejected, deleted, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.ec2 import peering
from antipodes.regional.ec2.modelpeers import PeeredNetwork, Peering, Standing
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, REGION, Region

OTHER = "111111111111"
HOUR_S, DAY_S = 3600.0, 86400.0


def network(ec2: Any, prefix: str) -> str:
    name: str = ec2.create_vpc(CidrBlock=prefix)["Vpc"]["VpcId"]
    return name


def ask(ec2: Any, vpc: str, peer: str, **more: Any) -> Any:
    return ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer, **more)[
        "VpcPeeringConnection"
    ]


def status(ec2: Any, name: str) -> str:
    """How far a connection has come; nothing if it is not seen."""
    found = ec2.describe_vpc_peering_connections(Filters=named("vpc-peering-connection-id", name))[
        "VpcPeeringConnections"
    ]
    return str(found[0]["Status"]["Code"]) if found else ""


@pytest.fixture
def pair(ec2: Any) -> tuple[str, str]:
    """Two VPCs of one account."""
    return network(ec2, "10.0.0.0/16"), network(ec2, "10.1.0.0/16")


def joined(ec2: Any, pair: tuple[str, str]) -> str:
    """The id of an active connection of them."""
    name: str = ask(ec2, *pair)["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    return name


def test_a_connection_from_its_request_to_its_end(region: Region, pair: tuple[str, str]) -> None:
    ec2 = region.client("ec2")
    made = ask(ec2, *pair, TagSpecifications=tagged("vpc-peering-connection", Name="both"))
    name = made["VpcPeeringConnectionId"]
    assert made["Status"] == {
        "Code": "initiating-request",
        "Message": f"Initiating Request to {ACCOUNT}",
    }
    assert made["RequesterVpcInfo"]["CidrBlock"] == "10.0.0.0/16"
    assert made["AccepterVpcInfo"] == {"OwnerId": ACCOUNT, "VpcId": pair[1], "Region": REGION}
    region.restart()
    ec2 = region.client("ec2")
    assert status(ec2, name) == "pending-acceptance"
    waiting = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[name])
    [found] = waiting["VpcPeeringConnections"]
    left = found["ExpirationTime"].timestamp() - region.runtime.wall()
    assert 7 * DAY_S - 60 < left <= 7 * DAY_S
    assert found["Tags"] == [{"Key": "Name", "Value": "both"}]
    accepted = ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert accepted["VpcPeeringConnection"]["Status"]["Code"] == "provisioning"
    region.restart()
    ec2 = region.client("ec2")
    [found] = ec2.describe_vpc_peering_connections(
        Filters=named("accepter-vpc-info.cidr-block", "10.1.*")
    )["VpcPeeringConnections"]
    assert found["Status"] == {"Code": "active", "Message": "Active"}
    assert "ExpirationTime" not in found
    assert found["AccepterVpcInfo"]["CidrBlockSet"] == [{"CidrBlock": "10.1.0.0/16"}]
    ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[name])
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert status(ec2, name) == "deleted"
    ec2.get_waiter("vpc_peering_connection_deleted").wait(VpcPeeringConnectionIds=[name])
    region.wait(2 * HOUR_S - 60)
    assert status(ec2, name) == "deleted"
    region.wait(120)
    assert status(ec2, name) == ""
    assert (
        refusal(ec2.describe_vpc_peering_connections, VpcPeeringConnectionIds=[name])
        == "InvalidVpcPeeringConnectionID.NotFound"
    )


def test_another_account_is_asked_and_both_see_it(region: Region) -> None:
    mine, theirs = region.client("ec2"), region.client("ec2", account=OTHER)
    vpc, peer = network(mine, "10.0.0.0/16"), network(theirs, "10.1.0.0/16")
    name = ask(mine, vpc, peer, PeerOwnerId=OTHER)["VpcPeeringConnectionId"]
    assert status(theirs, name) == status(mine, name) == "pending-acceptance"
    accept = {"VpcPeeringConnectionId": name}
    assert refusal(mine.accept_vpc_peering_connection, **accept) == "OperationNotPermitted"
    assert refusal(mine.reject_vpc_peering_connection, **accept) == "OperationNotPermitted"
    assert refusal(theirs.delete_vpc_peering_connection, **accept) == "OperationNotPermitted"
    theirs.create_tags(Resources=[name], Tags=[{"Key": "mine", "Value": "no"}])
    assert mine.describe_tags(Filters=named("resource-id", name))["Tags"] == []
    theirs.accept_vpc_peering_connection(**accept)
    assert status(mine, name) == "active"
    theirs.delete_vpc_peering_connection(**accept)
    region.wait(2 * HOUR_S)
    assert (status(theirs, name), status(mine, name)) == ("", "deleted")
    region.wait(2 * DAY_S)
    assert status(mine, name) == ""


def test_a_rejection_is_seen_for_two_days_by_who_asked(region: Region) -> None:
    mine, theirs = region.client("ec2"), region.client("ec2", account=OTHER)
    vpc, peer = network(mine, "10.0.0.0/16"), network(theirs, "10.1.0.0/16")
    name = ask(mine, vpc, peer, PeerOwnerId=OTHER)["VpcPeeringConnectionId"]
    theirs.reject_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert status(mine, name) == "rejected"
    for operation in ("accept", "reject", "delete"):
        client = mine if operation == "delete" else theirs
        call = getattr(client, f"{operation}_vpc_peering_connection")
        assert refusal(call, VpcPeeringConnectionId=name) == "InvalidStateTransition"
    region.wait(2 * HOUR_S)
    assert (status(theirs, name), status(mine, name)) == ("", "rejected")
    region.wait(2 * DAY_S)
    assert status(mine, name) == ""


def test_a_request_expires_after_seven_days(region: Region, pair: tuple[str, str]) -> None:
    ec2 = region.client("ec2")
    name = ask(ec2, *pair)["VpcPeeringConnectionId"]
    region.wait(7 * DAY_S)
    assert status(ec2, name) == "expired"
    assert (
        refusal(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=name)
        == "InvalidStateTransition"
    )
    again = ask(ec2, *pair)["VpcPeeringConnectionId"]
    region.wait(2 * DAY_S)
    assert (status(ec2, name), status(ec2, again)) == ("", "pending-acceptance")


@pytest.mark.parametrize("prefix", ["10.0.0.0/16", "10.0.128.0/24"])
def test_overlapping_networks_fail_and_only_who_asked_sees_it(region: Region, prefix: str) -> None:
    mine, theirs = region.client("ec2"), region.client("ec2", account=OTHER)
    vpc, peer = network(mine, "10.0.0.0/16"), network(theirs, prefix)
    name = ask(mine, vpc, peer, PeerOwnerId=OTHER)["VpcPeeringConnectionId"]
    assert (status(mine, name), status(theirs, name)) == ("failed", "")
    assert (
        refusal(mine.delete_vpc_peering_connection, VpcPeeringConnectionId=name)
        == "InvalidStateTransition"
    )
    region.wait(2 * HOUR_S)
    assert status(mine, name) == ""


def test_a_vpc_that_is_not_there_fails_and_a_default_one_is(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc = network(ec2, "10.0.0.0/16")
    name = ask(ec2, vpc, "vpc-0123456789abcdef0")["VpcPeeringConnectionId"]
    assert status(ec2, name) == "failed"
    theirs = region.client("ec2", account=OTHER)
    [default] = theirs.describe_vpcs()["Vpcs"]
    name = ask(ec2, vpc, default["VpcId"], PeerOwnerId=OTHER)["VpcPeeringConnectionId"]
    assert status(theirs, name) == "pending-acceptance"


def test_a_request_that_cannot_be(ec2: Any, pair: tuple[str, str]) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"VpcId": "vpc-0123456789abcdef0"}, "InvalidVpcID.NotFound"),
        ({"PeerOwnerId": "me"}, "InvalidParameterValue"),
        ({"PeerRegion": "mars-north-1"}, "InvalidParameterValue"),
        ({"PeerVpcId": ""}, "MissingParameter"),
        ({"TagSpecifications": tagged("vpc", a="b")}, "InvalidParameterValue"),
        (
            {"RequesterPeeringConnectionOptions": {"AllowMultipathResilience": True}},
            "UnsupportedOperation",
        ),
        ({"DryRun": True}, "DryRunOperation"),
    ]
    for more, code in refused:
        request = {"VpcId": pair[0], "PeerVpcId": pair[1], **more}
        assert (more, refusal(ec2.create_vpc_peering_connection, **request)) == (more, code)
    assert ec2.describe_vpc_peering_connections()["VpcPeeringConnections"] == []


def test_one_connection_to_a_pair(ec2: Any, pair: tuple[str, str]) -> None:
    name = ask(ec2, *pair)["VpcPeeringConnectionId"]
    for vpc, peer in (pair, pair[::-1]):
        code = refusal(ec2.create_vpc_peering_connection, VpcId=vpc, PeerVpcId=peer)
        assert code == "VpcPeeringConnectionAlreadyExists"
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert ask(ec2, *pair)["VpcPeeringConnectionId"] != name


def test_twenty_five_requests_of_a_vpc_may_be_outstanding(region: Region) -> None:
    ec2 = region.client("ec2")
    vpc = network(ec2, "10.0.0.0/16")
    for number in range(25):  # that region is not there to answer
        ask(ec2, vpc, f"vpc-{number:017x}", PeerRegion="eu-central-1")
    code = refusal(ec2.create_vpc_peering_connection, VpcId=vpc, PeerVpcId="vpc-0")
    assert code == "OutstandingVpcPeeringConnectionLimitExceeded"


def test_fifty_connections_to_a_vpc(region: Region, pair: tuple[str, str]) -> None:
    ec2: Any = region.host.services["ec2"]
    client = region.client("ec2")
    asked = ask(client, *pair)["VpcPeeringConnectionId"]
    for number in range(50):
        one = Peering(
            f"pcx-{number:017x}",
            PeeredNetwork(OTHER, REGION, f"vpc-{number:017x}"),
            PeeredNetwork(ACCOUNT, REGION, pair[1]),
            Standing(peering.ACTIVE),
            0.0,
        )
        ec2.estate.peerings.put(ACCOUNT, one.id, one)
    code = "VpcPeeringConnectionsPerVpcLimitExceeded"
    assert refusal(client.accept_vpc_peering_connection, VpcPeeringConnectionId=asked) == code
    assert refusal(client.create_vpc_peering_connection, VpcId=pair[1], PeerVpcId="vpc-0") == code


@pytest.mark.parametrize("operation", ["accept", "reject", "delete"])
def test_rehearsals_and_connections_that_are_not_there(
    ec2: Any, pair: tuple[str, str], operation: str
) -> None:
    name = ask(ec2, *pair)["VpcPeeringConnectionId"]
    call = getattr(ec2, f"{operation}_vpc_peering_connection")
    assert refusal(call, VpcPeeringConnectionId=name, DryRun=True) == "DryRunOperation"
    assert status(ec2, name) == "pending-acceptance"
    missing = refusal(call, VpcPeeringConnectionId="pcx-0123456789abcdef0")
    assert missing == "InvalidVpcPeeringConnectionID.NotFound"


def test_names_are_resolved_across_when_both_have_names(ec2: Any, pair: tuple[str, str]) -> None:
    name = ask(ec2, *pair)["VpcPeeringConnectionId"]

    def modify(**options: Any) -> Any:
        wanted = {"AllowDnsResolutionFromRemoteVpc": True, **options}
        return {
            "VpcPeeringConnectionId": name,
            "RequesterPeeringConnectionOptions": wanted,
            "AccepterPeeringConnectionOptions": wanted,
        }

    change = ec2.modify_vpc_peering_connection_options
    assert refusal(change, **modify()) == "OperationNotPermitted"
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    code = "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled"
    assert refusal(change, **modify()) == code
    for vpc in pair:
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert refusal(change, VpcPeeringConnectionId=name) == "MissingParameter"
    classic = modify(AllowEgressFromLocalVpcToRemoteClassicLink=True)
    assert refusal(change, **classic) == "UnsupportedOperation"
    assert refusal(change, DryRun=True, **modify()) == "DryRunOperation"
    changed = change(**modify())
    assert changed["AccepterPeeringConnectionOptions"]["AllowDnsResolutionFromRemoteVpc"] is True
    [found] = ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    for side in ("RequesterVpcInfo", "AccepterVpcInfo"):
        assert found[side]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] is True


def test_another_accounts_options_are_its_own(region: Region) -> None:
    mine, theirs = region.client("ec2"), region.client("ec2", account=OTHER)
    vpc, peer = network(mine, "10.0.0.0/16"), network(theirs, "10.1.0.0/16")
    name = ask(mine, vpc, peer, PeerOwnerId=OTHER)["VpcPeeringConnectionId"]
    theirs.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    off = {"AllowDnsResolutionFromRemoteVpc": False}
    change = mine.modify_vpc_peering_connection_options
    request = {"VpcPeeringConnectionId": name, "AccepterPeeringConnectionOptions": off}
    assert refusal(change, **request) == "OperationNotPermitted"
    change(VpcPeeringConnectionId=name, RequesterPeeringConnectionOptions=off)


def test_further_prefixes_of_vpcs_that_are_peered(ec2: Any, pair: tuple[str, str]) -> None:
    name = ask(ec2, *pair)["VpcPeeringConnectionId"]
    add = ec2.associate_vpc_cidr_block
    assert refusal(add, VpcId=pair[0], CidrBlock="10.8.0.0/16") == "OperationNotPermitted"
    add(VpcId=pair[1], CidrBlock="10.2.0.0/16")
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert refusal(add, VpcId=pair[0], CidrBlock="10.2.0.0/24") == "InvalidVpc.Range"
    made = add(VpcId=pair[0], CidrBlock="10.3.0.0/16")["CidrBlockAssociation"]
    [found] = ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    blocks = [one["CidrBlock"] for one in found["RequesterVpcInfo"]["CidrBlockSet"]]
    assert blocks == ["10.0.0.0/16", "10.3.0.0/16"]
    ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])
    [found] = ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    assert len(found["RequesterVpcInfo"]["CidrBlockSet"]) == 1


def test_a_pending_request_fails_when_the_accepter_comes_to_overlap(
    ec2: Any,
) -> None:
    peer = network(ec2, "10.5.0.0/16")
    name = ask(ec2, network(ec2, "10.4.0.0/16"), peer)["VpcPeeringConnectionId"]
    ec2.associate_vpc_cidr_block(VpcId=peer, CidrBlock="10.4.0.0/24")
    assert status(ec2, name) == "failed"


def test_a_vpc_that_is_peered_cannot_be_deleted(ec2: Any, pair: tuple[str, str]) -> None:
    name = ask(ec2, *pair)["VpcPeeringConnectionId"]
    assert refusal(ec2.delete_vpc, VpcId=pair[0]) == "DependencyViolation"
    ec2.delete_vpc(VpcId=pair[1])  # who is asked owes nothing
    code = refusal(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=name)
    assert code == "InvalidVpcID.NotFound"
    other = network(ec2, "10.1.0.0/16")
    name = joined(ec2, (pair[0], other))
    assert refusal(ec2.delete_vpc, VpcId=other) == "DependencyViolation"
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=name)
    ec2.delete_vpc(VpcId=other)


def test_a_route_leads_to_a_connection_while_it_is_active(ec2: Any, pair: tuple[str, str]) -> None:
    name = ask(ec2, *pair)["VpcPeeringConnectionId"]
    [table] = ec2.describe_route_tables(Filters=named("vpc-id", pair[0]))["RouteTables"]
    route = {
        "RouteTableId": table["RouteTableId"],
        "DestinationCidrBlock": "10.1.0.0/16",
        "VpcPeeringConnectionId": name,
    }

    def state() -> str:
        [found] = ec2.describe_route_tables(RouteTableIds=[table["RouteTableId"]])["RouteTables"]
        by_target = {one.get("VpcPeeringConnectionId"): one["State"] for one in found["Routes"]}
        return str(by_target[name])

    ec2.create_route(**route)
    assert state() == "blackhole"
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert state() == "active"
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert state() == "blackhole"
    route["DestinationCidrBlock"] = "10.9.0.0/16"
    assert refusal(ec2.create_route, **route) == "InvalidVpcPeeringConnectionID.NotFound"


@st.composite
def copies(draw: st.DrawFn) -> Peering:
    """Some copy of one connection: sides as their regions said them, steps of any order."""

    def side(region: str) -> PeeredNetwork:
        revision = draw(st.integers(0, 3))
        prefixes = (f"10.{revision}.0.0/16",)
        return PeeredNetwork(
            ACCOUNT, region, f"vpc-{region}", prefixes, resolves=revision > 1, revision=revision
        )

    steps = (*peering.LIVE, "failed", "rejected", "deleting", "deleted")
    standing = Standing(
        draw(st.sampled_from(steps)),
        draw(st.sampled_from([1.0, 2.0])),
        draw(st.sampled_from(["requester", "accepter"])),
    )
    return Peering("pcx-1", side("a"), side("b"), standing, 9.0)


@given(copies(), copies(), copies())
def test_copies_are_joined_alike_in_any_order(one: Peering, two: Peering, three: Peering) -> None:
    assert peering.joined(one, one) == one
    both = peering.joined(one, two)
    assert both == peering.joined(two, one)
    assert peering.joined(both, three) == peering.joined(one, peering.joined(two, three))
    assert peering.joined(both, two) == both


@given(copies(), copies())
def test_once_both_have_heard_nothing_is_under_way(one: Peering, two: Peering) -> None:
    here = peering.joined(one, peering.confirmed(two))
    there = peering.joined(two, peering.confirmed(here))
    here = peering.joined(here, peering.confirmed(there))
    there = peering.joined(there, peering.confirmed(here))
    assert here == there

"""Prefix lists, by boto3: versions, limits, references, and the lists of services."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.ec2 import prefixlists, routes
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import PrefixEntry, PrefixList
from antipodes.service.contract import ServiceError
from antipodes.world.atlas import load_atlas
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, Region


def make(ec2: Any, *entries: str, **more: Any) -> dict[str, Any]:
    wanted = {"PrefixListName": "offices", "MaxEntries": 3, "AddressFamily": "IPv4"} | more
    given = [{"Cidr": entry, "Description": f"at {entry}"} for entry in entries]
    made: dict[str, Any] = ec2.create_managed_prefix_list(Entries=given, **wanted)["PrefixList"]
    return made


def entries(ec2: Any, name: str, **more: Any) -> list[str]:
    told = ec2.get_managed_prefix_list_entries(PrefixListId=name, **more)["Entries"]
    return [one["Cidr"] for one in told]


def described(ec2: Any, name: str) -> dict[str, Any]:
    [one] = ec2.describe_managed_prefix_lists(PrefixListIds=[name])["PrefixLists"]
    found: dict[str, Any] = one
    return found


@pytest.fixture(scope="module")
def shared() -> Iterator[Any]:
    """A region's EC2 that refusals leave as it is."""
    region = Region()
    yield region.client("ec2")
    region.close()


def test_a_list_has_versions(region: Region) -> None:
    ec2 = region.client("ec2")
    made = make(
        ec2, "10.9.0.0/16", "10.1.2.3/16", TagSpecifications=tagged("prefix-list", Name="x")
    )
    name = made["PrefixListId"]
    assert (made["Version"], made["State"]) == (1, "create-in-progress")
    assert made["PrefixListArn"] == f"arn:aws:ec2:us-west-2:{ACCOUNT}:prefix-list/{name}"
    assert described(ec2, name) == made | {"State": "create-complete"}
    assert entries(ec2, name) == ["10.1.0.0/16", "10.9.0.0/16"]
    changed = ec2.modify_managed_prefix_list(
        PrefixListId=name,
        CurrentVersion=1,
        AddEntries=[{"Cidr": "10.2.0.0/16"}],
        RemoveEntries=[{"Cidr": "10.9.0.0/16"}],
    )["PrefixList"]
    assert (changed["Version"], changed["State"]) == (1, "modify-in-progress")
    assert described(ec2, name) == changed | {"Version": 2, "State": "modify-complete"}
    late = {"CurrentVersion": 1, "AddEntries": [{"Cidr": "10.3.0.0/16"}]}
    code = refusal(ec2.modify_managed_prefix_list, PrefixListId=name, **late)
    assert code == "PrefixListVersionMismatch"
    region.restart()
    assert described(ec2, name)["State"] == "modify-complete"
    assert entries(ec2, name) == ["10.1.0.0/16", "10.2.0.0/16"]
    assert entries(ec2, name, TargetVersion=1) == ["10.1.0.0/16", "10.9.0.0/16"]
    back = {"PrefixListId": name, "PreviousVersion": 1}
    code = refusal(ec2.restore_managed_prefix_list_version, **back, CurrentVersion=1)
    assert code == "PrefixListVersionMismatch"
    told = ec2.restore_managed_prefix_list_version(**back, CurrentVersion=2)["PrefixList"]
    assert (told["Version"], told["State"]) == (2, "restore-in-progress")
    assert described(ec2, name) == told | {"Version": 3, "State": "restore-complete"}
    assert entries(ec2, name) == entries(ec2, name, TargetVersion=1)
    for version in (0, 4):
        code = refusal(entries, ec2=ec2, name=name, TargetVersion=version)
        assert code == "InvalidParameterValue"
    gone = ec2.delete_managed_prefix_list(PrefixListId=name)["PrefixList"]
    assert gone["State"] == "delete-in-progress"
    code = refusal(ec2.describe_managed_prefix_lists, PrefixListIds=[name])
    assert code == "InvalidPrefixListID.NotFound"
    assert not Estate(region.host).list_versions.list(ACCOUNT)
    assert ec2.describe_tags()["Tags"] == []


def test_a_name_and_a_size_are_no_new_version(ec2: Any) -> None:
    name = make(ec2, "10.1.0.0/16", "10.2.0.0/16")["PrefixListId"]
    told = ec2.modify_managed_prefix_list(PrefixListId=name, PrefixListName="rooms", MaxEntries=2)
    assert told["PrefixList"]["Version"] == 1
    [one] = ec2.describe_managed_prefix_lists(Filters=named("prefix-list-name", "rooms"))[
        "PrefixLists"
    ]
    assert (one["MaxEntries"], one["PrefixListId"]) == (2, name)
    [page] = ec2.get_managed_prefix_list_entries(PrefixListId=name, MaxResults=1)["Entries"]
    assert page == {"Cidr": "10.1.0.0/16", "Description": "at 10.1.0.0/16"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"AddressFamily": "ipv4"}, "InvalidParameterValue"),
        ({"PrefixListName": ""}, "InvalidParameterValue"),
        ({"PrefixListName": "com.amazonaws.x"}, "InvalidParameterValue"),
        ({"PrefixListName": "x" * 256}, "InvalidParameterValue"),
        ({"MaxEntries": 0}, "InvalidParameterValue"),
        ({"MaxEntries": 1001}, "InvalidParameterValue"),
        ({"Entries": [{"Cidr": "fd00::/56"}]}, "InvalidParameterValue"),
        ({"Entries": [{"Cidr": "10.0.0.0"}]}, "InvalidParameterValue"),
        ({"Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "10.1.0.0/8"}]}, "InvalidParameterValue"),
        (
            {"Entries": [{"Cidr": f"10.{n}.0.0/16"} for n in range(4)]},
            "PrefixListMaxEntriesExceeded",
        ),
        ({"TagSpecifications": tagged("vpc", a="b")}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_a_list_that_cannot_be(shared: Any, request_: dict[str, Any], code: str) -> None:
    ec2 = shared
    wanted = {"PrefixListName": "x", "MaxEntries": 3, "AddressFamily": "IPv4"} | request_
    assert refusal(ec2.create_managed_prefix_list, **wanted) == code
    own = ec2.describe_managed_prefix_lists(Filters=named("owner-id", ACCOUNT))
    assert own["PrefixLists"] == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, "MissingParameter"),
        ({"AddEntries": [{"Cidr": "10.3.0.0/16"}]}, "MissingParameter"),
        ({"CurrentVersion": 2, "PrefixListName": "y"}, "PrefixListVersionMismatch"),
        (
            {"CurrentVersion": 1, "AddEntries": [{"Cidr": "10.1.0.0/16"}]},
            "InvalidPrefixListModification",
        ),
        (
            {"CurrentVersion": 1, "RemoveEntries": [{"Cidr": "10.3.0.0/16"}]},
            "InvalidPrefixListModification",
        ),
        (
            {
                "CurrentVersion": 1,
                "AddEntries": [{"Cidr": "10.1.0.0/16"}],
                "RemoveEntries": [{"Cidr": "10.1.0.0/16"}],
            },
            "InvalidParameterValue",
        ),
        (
            {
                "CurrentVersion": 1,
                "AddEntries": [{"Cidr": f"10.{n}.0.0/16"} for n in range(3, 5)],
            },
            "PrefixListMaxEntriesExceeded",
        ),
        (
            {
                "CurrentVersion": 1,
                "AddEntries": [{"Cidr": f"10.{n}.0.0/16"} for n in range(3, 104)],
            },
            "InvalidParameterValue",
        ),
        ({"MaxEntries": 1}, "PrefixListMaxEntriesExceeded"),
        ({"MaxEntries": 0}, "InvalidParameterValue"),
        (
            {"MaxEntries": 4, "CurrentVersion": 1, "AddEntries": [{"Cidr": "10.3.0.0/16"}]},
            "InvalidParameterCombination",
        ),
        ({"PrefixListName": "com.amazonaws.y"}, "InvalidParameterValue"),
        ({"PrefixListName": "y", "DryRun": True}, "DryRunOperation"),
    ],
)
def test_a_change_that_cannot_be(shared: Any, request_: dict[str, Any], code: str) -> None:
    ec2 = shared
    name = make(ec2, "10.1.0.0/16", "10.2.0.0/16")["PrefixListId"]
    before = described(ec2, name)
    assert refusal(ec2.modify_managed_prefix_list, PrefixListId=name, **request_) == code
    assert described(ec2, name) == before
    assert entries(ec2, name) == ["10.1.0.0/16", "10.2.0.0/16"]
    ec2.delete_managed_prefix_list(PrefixListId=name)


def test_an_older_version_must_fit_into_the_list(ec2: Any) -> None:
    name = make(ec2, "10.1.0.0/16", "10.2.0.0/16")["PrefixListId"]
    gone = [{"Cidr": "10.2.0.0/16"}]
    ec2.modify_managed_prefix_list(PrefixListId=name, CurrentVersion=1, RemoveEntries=gone)
    ec2.modify_managed_prefix_list(PrefixListId=name, MaxEntries=1)
    back = {"PrefixListId": name, "CurrentVersion": 2}
    code = refusal(ec2.restore_managed_prefix_list_version, **back, PreviousVersion=1)
    assert code == "PrefixListMaxEntriesExceeded"
    code = refusal(ec2.restore_managed_prefix_list_version, **back, PreviousVersion=3)
    assert code == "InvalidParameterValue"


def test_a_list_is_made_once_however_often_it_is_asked_for(ec2: Any) -> None:
    first = make(ec2, ClientToken="again")["PrefixListId"]
    assert make(ec2, ClientToken="again")["PrefixListId"] == first
    other = {"PrefixListName": "y", "MaxEntries": 3, "AddressFamily": "IPv4"}
    code = refusal(ec2.create_managed_prefix_list, **other, ClientToken="again")
    assert code == "IdempotentParameterMismatch"


def test_a_hundred_lists_to_an_account_and_the_oldest_version_goes(region: Region) -> None:
    ec2, estate = region.client("ec2"), Estate(region.host)
    name = make(ec2)["PrefixListId"]
    known = estate.lists.get(ACCOUNT, name)
    for number in range(99):
        estate.lists.put(ACCOUNT, f"pl-{number}", msgspec.structs.replace(known, id=f"pl-{number}"))
    wanted = {"PrefixListName": "x", "MaxEntries": 3, "AddressFamily": "IPv4"}
    assert refusal(ec2.create_managed_prefix_list, **wanted) == "ResourceLimitExceeded"
    old = msgspec.structs.replace(known, version=1000)
    prefixlists.keep(estate, old, [PrefixEntry("10.0.0.0/8")])
    more = [{"Cidr": "10.1.0.0/16"}]
    ec2.modify_managed_prefix_list(PrefixListId=name, CurrentVersion=1000, AddEntries=more)
    assert estate.lists.get(ACCOUNT, name).oldest == 2
    code = refusal(entries, ec2=ec2, name=name, TargetVersion=1)
    assert code == "InvalidParameterValue"
    assert entries(ec2, name, TargetVersion=1000) == ["10.0.0.0/8"]


def test_who_refers_to_a_list_holds_it_and_counts_all_that_it_may_have(region: Region) -> None:
    ec2, estate = region.client("ec2"), Estate(region.host)
    name = make(ec2, "10.9.0.0/16", MaxEntries=48)["PrefixListId"]
    [vpc] = ec2.describe_vpcs()["Vpcs"]
    [gateway] = ec2.describe_internet_gateways()["InternetGateways"]
    table = ec2.create_route_table(VpcId=vpc["VpcId"])["RouteTable"]["RouteTableId"]
    to = {"RouteTableId": table, "GatewayId": gateway["InternetGatewayId"]}
    ec2.create_route(**to, DestinationPrefixListId=name)
    ec2.create_route(**to, DestinationCidrBlock="10.1.0.0/16")
    ec2.create_route(**to, DestinationCidrBlock="10.2.0.0/16")
    code = refusal(ec2.create_route, **to, DestinationCidrBlock="10.3.0.0/16")
    assert code == "RouteLimitExceeded"
    code = refusal(ec2.modify_managed_prefix_list, PrefixListId=name, MaxEntries=49)
    assert code == "RouteLimitExceeded"
    assert refusal(ec2.create_route, **to, DestinationPrefixListId=name) == "RouteAlreadyExists"
    code = refusal(ec2.create_route, **to, DestinationPrefixListId="pl-1")
    assert code == "InvalidPrefixListID.NotFound"
    code = refusal(
        ec2.associate_route_table, RouteTableId=table, GatewayId=gateway["InternetGatewayId"]
    )
    assert code == "RouteNotSupported"
    group = next(one for one in estate.groups.list(ACCOUNT))
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [_named(name)]}
    ec2.authorize_security_group_ingress(GroupId=group.id, IpPermissions=[rule])
    further = [rule | {"FromPort": 80, "ToPort": 80}]
    code = refusal(ec2.authorize_security_group_ingress, GroupId=group.id, IpPermissions=further)
    assert code == "RulesPerSecurityGroupLimitExceeded"  # 1 + 48 + 48
    told = ec2.get_managed_prefix_list_associations(PrefixListId=name)["PrefixListAssociations"]
    assert told == [
        {"ResourceId": table, "ResourceOwner": ACCOUNT},
        {"ResourceId": group.id, "ResourceOwner": ACCOUNT},
    ]
    ec2.revoke_security_group_ingress(GroupId=group.id, IpPermissions=[rule])
    code = refusal(ec2.delete_managed_prefix_list, PrefixListId=name)
    assert code == "DependencyViolation"
    wanted = named("route.destination-prefix-list-id", name)
    [found] = ec2.describe_route_tables(Filters=wanted)["RouteTables"]
    assert [one.get("DestinationPrefixListId") for one in found["Routes"]][1] == name
    ec2.delete_route(RouteTableId=table, DestinationPrefixListId=name)
    ec2.delete_managed_prefix_list(PrefixListId=name)
    code = refusal(ec2.delete_route, RouteTableId=table, DestinationPrefixListId=name)
    assert code == "InvalidPrefixListID.NotFound"


def test_a_list_does_not_outgrow_the_groups_that_name_it(region: Region) -> None:
    ec2 = region.client("ec2")
    name = make(ec2, MaxEntries=59)["PrefixListId"]
    [group] = ec2.describe_security_groups()["SecurityGroups"]
    rule = {"IpProtocol": "-1", "PrefixListIds": [_named(name)]}
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[rule])
    code = refusal(ec2.modify_managed_prefix_list, PrefixListId=name, MaxEntries=60)
    assert code == "RulesPerSecurityGroupLimitExceeded"
    absent = [{"IpProtocol": "-1", "PrefixListIds": [_named("pl-1")]}]
    to = {"GroupId": group["GroupId"], "IpPermissions": absent}
    code = refusal(ec2.authorize_security_group_ingress, **to)
    assert code == "InvalidPrefixListID.NotFound"


def _named(name: str) -> dict[str, str]:
    return {"PrefixListId": name}


def test_every_region_has_the_lists_of_two_services(ec2: Any) -> None:
    names = ["com.amazonaws.us-west-2.dynamodb", "com.amazonaws.us-west-2.s3"]
    told = ec2.describe_managed_prefix_lists(Filters=named("owner-id", "AWS"))["PrefixLists"]
    assert sorted(one["PrefixListName"] for one in told) == names
    short = ec2.describe_prefix_lists(Filters=named("prefix-list-name", *names))["PrefixLists"]
    assert [one["PrefixListId"] for one in short] == [one["PrefixListId"] for one in told]
    for one in short:
        name = one["PrefixListId"]
        assert entries(ec2, name) == one["Cidrs"]
        assert described(ec2, name)["State"] == "create-complete"
        associations = ec2.get_managed_prefix_list_associations(PrefixListId=name)
        assert associations["PrefixListAssociations"] == []
        code = refusal(ec2.modify_managed_prefix_list, PrefixListId=name, PrefixListName="mine")
        assert code == "OperationNotPermitted"
        assert refusal(ec2.delete_managed_prefix_list, PrefixListId=name) == "OperationNotPermitted"
    own = make(ec2)["PrefixListId"]
    code = refusal(ec2.describe_prefix_lists, PrefixListIds=[own])
    assert code == "InvalidPrefixListID.NotFound"
    theirs = refusal(ec2.get_managed_prefix_list_entries, PrefixListId="pl-1")
    assert theirs == "InvalidPrefixListID.NotFound"


def test_no_two_regions_services_have_an_address_in_common(region: Region) -> None:
    estate = Estate(region.host)
    found = [
        (one.id, IPv4Network(prefix))
        for place in load_atlas().regions
        for one in prefixlists.in_region(place.code, load_atlas())
        for prefix in one.prefixes
    ]
    ordered = sorted(network for _, network in found)
    assert all(a[-1] < b[0] for a, b in pairwise(ordered))
    assert len({name for name, _ in found}) == len(found) == 2 * len(load_atlas().regions)
    own = prefixlists.of_services(estate)
    assert prefixlists.prefixes_of(estate, ACCOUNT, own[0].id) == own[0].prefixes
    assert prefixlists.prefixes_of(estate, ACCOUNT, "pl-1") == ()


def test_the_table_of_a_list_of_ipv6_counts_apart(region: Region) -> None:
    ec2, estate = region.client("ec2"), Estate(region.host)
    name = make(ec2, "fd00::/56", AddressFamily="IPv6", MaxEntries=50)["PrefixListId"]
    assert prefixlists.is_six(estate, ACCOUNT, name)
    [vpc] = ec2.describe_vpcs()["Vpcs"]
    [gateway] = ec2.describe_internet_gateways()["InternetGateways"]
    table = ec2.create_route_table(VpcId=vpc["VpcId"])["RouteTable"]["RouteTableId"]
    to = {"RouteTableId": table, "GatewayId": gateway["InternetGatewayId"]}
    ec2.create_route(**to, DestinationPrefixListId=name)
    ec2.create_route(**to, DestinationCidrBlock="0.0.0.0/0")
    code = refusal(ec2.create_route, **to, DestinationIpv6CidrBlock="::/0")
    assert code == "RouteLimitExceeded"
    known = estate.tables.get(ACCOUNT, table)
    assert routes.index(known, name) == 1


_PREFIXES = st.builds(
    lambda address, length: str(IPv4Network((address, length), strict=False)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 32),
)


@given(st.sets(_PREFIXES, max_size=8), st.sets(_PREFIXES, max_size=8), st.data())
def test_a_change_is_what_was_without_what_goes_with_what_comes(
    had: set[str], add: set[str], data: st.DataObject
) -> None:
    remove = data.draw(st.sets(st.sampled_from(sorted(had)))) if had else set[str]()
    known = PrefixList("pl-1", ACCOUNT, "x", "IPv4", 10)
    asked = (
        [{"Cidr": prefix} for prefix in sorted(add)],
        [{"Cidr": prefix} for prefix in sorted(remove)],
    )
    before = [PrefixEntry(prefix) for prefix in sorted(had)]
    if add & had:
        with pytest.raises(ServiceError):
            prefixlists.changed(known, before, *asked)
    else:
        found = prefixlists.changed(known, before, *asked)
        assert {one.prefix for one in found} == had - remove | add

"""Prefix lists in the route tables of transit gateways, by boto3."""

from typing import Any

import msgspec

from antipodes.regional.ec2 import hubs
from antipodes.regional.ec2.modelhubs import HubRoute
from antipodes.regional.ec2.service import Ec2
from tests.regional.ec2.test_hubs import ACCOUNT, make, routes
from tests.regional.ec2.test_hubtables import route, spoke
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import Region

SITES = ("10.1.0.0/16", "192.168.0.0/24")


def listed(ec2: Any, *prefixes: str, entries_max: int = 5) -> str:
    made = ec2.create_managed_prefix_list(
        PrefixListName="sites",
        AddressFamily="IPv4",
        MaxEntries=entries_max,
        Entries=[{"Cidr": prefix} for prefix in prefixes],
    )
    name: str = made["PrefixList"]["PrefixListId"]
    return name


def test_a_list_is_a_route_for_each_of_its_entries(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2)
    default = hub["Options"]["PropagationDefaultRouteTableId"]
    one, _ = spoke(ec2, hub["TransitGatewayId"], "10.1.0.0/16")
    two, over_two = spoke(ec2, hub["TransitGatewayId"], "10.2.0.0/16")
    name = listed(ec2, *SITES)
    own = {"TransitGatewayRouteTableId": default, "PrefixListId": name}
    over = {**own, "TransitGatewayAttachmentId": over_two}
    create = ec2.create_transit_gateway_prefix_list_reference
    assert refusal(create, **over, DryRun=True) == "DryRunOperation"
    made = create(**over)["TransitGatewayPrefixListReference"]
    assert made == {
        **own,
        "PrefixListOwnerId": ACCOUNT,
        "State": "pending",
        "Blackhole": False,
        "TransitGatewayAttachment": {
            "TransitGatewayAttachmentId": over_two,
            "ResourceId": two,
            "ResourceType": "vpc",
        },
    }
    region.restart()
    ec2 = region.client("ec2")
    told = ec2.get_transit_gateway_prefix_list_references(
        TransitGatewayRouteTableId=default, Filters=named("attachment.resource-id", two)
    )["TransitGatewayPrefixListReferences"]
    assert told == [made | {"State": "available"}]
    expected = {"10.1.0.0/16": two, "10.2.0.0/16": two, "192.168.0.0/24": two}
    assert routes(ec2, default) == expected
    assert routes(ec2, default, prefix_list_id=name).keys() == {*SITES}
    ec2.create_transit_gateway_route(**route(default, "192.168.0.0/24"))
    assert routes(ec2, default) == expected | {"192.168.0.0/24": "blackhole"}
    ec2.modify_managed_prefix_list(
        PrefixListId=name, CurrentVersion=1, RemoveEntries=[{"Cidr": "10.1.0.0/16"}]
    )
    assert routes(ec2, default)["10.1.0.0/16"] == one
    assert refusal(ec2.delete_managed_prefix_list, PrefixListId=name) == "DependencyViolation"
    told = ec2.get_managed_prefix_list_associations(PrefixListId=name)["PrefixListAssociations"]
    assert [one["ResourceId"] for one in told] == [default]
    ec2.delete_transit_gateway_prefix_list_reference(**own)
    ec2.delete_managed_prefix_list(PrefixListId=name)


def test_a_reference_is_changed_and_taken_away(ec2: Any) -> None:
    hub = make(ec2)
    default = hub["Options"]["PropagationDefaultRouteTableId"]
    one, over_one = spoke(ec2, hub["TransitGatewayId"], "10.1.0.0/16")
    own = {"TransitGatewayRouteTableId": default, "PrefixListId": listed(ec2, "10.8.0.0/16")}
    create = ec2.create_transit_gateway_prefix_list_reference
    modify = ec2.modify_transit_gateway_prefix_list_reference
    delete = ec2.delete_transit_gateway_prefix_list_reference
    over = {**own, "TransitGatewayAttachmentId": over_one}
    assert refusal(modify, **over) == "InvalidRoute.NotFound"
    assert refusal(delete, **own) == "InvalidRoute.NotFound"
    assert create(**own, Blackhole=True)["TransitGatewayPrefixListReference"]["Blackhole"]
    assert routes(ec2, default)["10.8.0.0/16"] == "blackhole"
    assert refusal(create, **own, Blackhole=True) == "RouteAlreadyExists"
    assert refusal(modify, **over, DryRun=True) == "DryRunOperation"
    changed = modify(**over)["TransitGatewayPrefixListReference"]
    assert (changed["State"], changed["Blackhole"]) == ("modifying", False)
    assert routes(ec2, default)["10.8.0.0/16"] == one
    for wrong, code in (
        ({"PrefixListId": "pl-1"}, "InvalidPrefixListID.NotFound"),
        (
            {"TransitGatewayAttachmentId": "tgw-attach-1"},
            "InvalidTransitGatewayAttachmentID.NotFound",
        ),
        ({"TransitGatewayRouteTableId": "tgw-rtb-1"}, "InvalidRouteTableID.NotFound"),
    ):
        assert refusal(modify, **{**over, **wrong}) == code
        assert refusal(create, **{**over, **wrong}) == code
    assert refusal(modify, **own) == "MissingParameter"
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=over_one)
    assert routes(ec2, default) == {"10.8.0.0/16": "blackhole"}
    assert refusal(delete, **own, DryRun=True) == "DryRunOperation"
    gone = delete(**own)["TransitGatewayPrefixListReference"]
    assert gone["State"] == "deleting"
    assert routes(ec2, default) == {}


def test_a_list_counts_as_all_the_routes_that_it_may_have(region: Region) -> None:
    ec2 = region.client("ec2")
    default = make(ec2)["Options"]["PropagationDefaultRouteTableId"]
    service = region.host.service("ec2")
    assert isinstance(service, Ec2)
    many = tuple(
        HubRoute(f"10.{number >> 8}.{number & 255}.0/24") for number in range(hubs.ROUTES_MAX - 5)
    )
    kept = service.estate.hub_tables.get(ACCOUNT, default)
    service.estate.hub_tables.put(ACCOUNT, default, msgspec.structs.replace(kept, routes=many))
    own = {"TransitGatewayRouteTableId": default, "Blackhole": True}
    create = ec2.create_transit_gateway_prefix_list_reference
    large = listed(ec2, "11.0.0.0/16", entries_max=6)
    code = refusal(create, PrefixListId=large, **own)
    assert code == "TransitGatewayRouteLimitExceeded"
    small = listed(ec2, "11.0.0.0/16")
    create(PrefixListId=small, **own)
    code = refusal(ec2.create_transit_gateway_route, **route(default, "12.0.0.0/8"))
    assert code == "TransitGatewayRouteLimitExceeded"
    code = refusal(ec2.modify_managed_prefix_list, PrefixListId=small, MaxEntries=6)
    assert code == "TransitGatewayRouteLimitExceeded"

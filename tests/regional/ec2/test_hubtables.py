"""Route tables of transit gateways by boto3: who goes by them, and what they lead to."""

from typing import Any

import msgspec

from antipodes.regional.ec2 import hubs
from antipodes.regional.ec2.modelhubs import HubRoute
from antipodes.regional.ec2.service import Ec2
from tests.regional.ec2.test_hubs import ACCOUNT, NO_DEFAULTS, attach, make, place, routes
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region


def table(ec2: Any, hub: str, **more: Any) -> str:
    made = ec2.create_transit_gateway_route_table(TransitGatewayId=hub, **more)
    name: str = made["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    return name


def pair(table: str, attachment: str) -> dict[str, str]:
    return {"TransitGatewayRouteTableId": table, "TransitGatewayAttachmentId": attachment}


def route(table: str, prefix: str, attachment: str = "") -> dict[str, Any]:
    over = {"TransitGatewayAttachmentId": attachment} if attachment else {"Blackhole": True}
    return {"TransitGatewayRouteTableId": table, "DestinationCidrBlock": prefix, **over}


def spoke(ec2: Any, hub: str, prefix: str) -> tuple[str, str]:
    """A VPC and its attachment."""
    vpc, subnets = place(ec2, prefix)
    return vpc, attach(ec2, hub, vpc, subnets)


def test_a_table_of_ones_own(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2)["TransitGatewayId"]
    name = table(ec2, hub, TagSpecifications=tagged("transit-gateway-route-table", Name="spokes"))
    region.restart()
    ec2 = region.client("ec2")
    [found] = ec2.describe_transit_gateway_route_tables(Filters=named("tag:Name", "spokes"))[
        "TransitGatewayRouteTables"
    ]
    assert (found["TransitGatewayRouteTableId"], found["State"]) == (name, "available")
    assert not found["DefaultAssociationRouteTable"]
    assert not found["DefaultPropagationRouteTable"]
    for _ in range(18):
        table(ec2, hub)
    create, delete = ec2.create_transit_gateway_route_table, ec2.delete_transit_gateway_route_table
    code = refusal(create, TransitGatewayId=hub)
    assert code == "TransitGatewayRouteTableLimitExceeded"
    assert refusal(create, TransitGatewayId="tgw-1") == "InvalidTransitGatewayID.NotFound"
    own = {"TransitGatewayRouteTableId": name}
    assert refusal(delete, **own, DryRun=True) == "DryRunOperation"
    assert delete(**own)["TransitGatewayRouteTable"]["State"] == "deleting"
    assert refusal(delete, **own) == "InvalidRouteTableID.NotFound"
    assert refusal(create, TransitGatewayId=hub, DryRun=True) == "DryRunOperation"


def test_an_attachment_goes_by_one_table(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2, **NO_DEFAULTS)["TransitGatewayId"]
    one, two = table(ec2, hub), table(ec2, hub)
    vpc, name = spoke(ec2, hub, "10.1.0.0/16")
    associate = ec2.associate_transit_gateway_route_table
    assert refusal(associate, **pair(one, name), DryRun=True) == "DryRunOperation"
    assert associate(**pair(one, name))["Association"]["State"] == "associating"
    assert refusal(associate, **pair(two, name)) == "Resource.AlreadyAssociated"
    region.restart()
    ec2 = region.client("ec2")
    told = ec2.get_transit_gateway_route_table_associations(
        TransitGatewayRouteTableId=one, Filters=named("resource-type", "vpc")
    )["Associations"]
    assert told == [
        {
            "TransitGatewayAttachmentId": name,
            "ResourceId": vpc,
            "ResourceType": "vpc",
            "State": "associated",
        }
    ]
    code = refusal(ec2.delete_transit_gateway_route_table, TransitGatewayRouteTableId=one)
    assert code == "IncorrectState"
    disassociate = ec2.disassociate_transit_gateway_route_table
    assert refusal(disassociate, **pair(two, name)) == "InvalidAssociation.NotFound"
    assert refusal(disassociate, **pair(one, name), DryRun=True) == "DryRunOperation"
    assert disassociate(**pair(one, name))["Association"]["State"] == "disassociating"
    ec2.associate_transit_gateway_route_table(**pair(two, name))
    ec2.delete_transit_gateway_route_table(TransitGatewayRouteTableId=one)
    foreign = table(ec2, make(ec2)["TransitGatewayId"])
    ec2.disassociate_transit_gateway_route_table(**pair(two, name))
    for wrong, code in (
        (pair("tgw-rtb-1", name), "InvalidRouteTableID.NotFound"),
        (pair(two, "tgw-attach-1"), "InvalidTransitGatewayAttachmentID.NotFound"),
        (pair(foreign, name), "InvalidTransitGatewayAttachmentID.NotFound"),
    ):
        assert refusal(ec2.associate_transit_gateway_route_table, **wrong) == code


def test_association_says_nothing_of_propagation(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2, **NO_DEFAULTS)["TransitGatewayId"]
    one, two = table(ec2, hub), table(ec2, hub)
    vpc, name = spoke(ec2, hub, "10.1.0.0/16")
    ec2.associate_transit_gateway_route_table(**pair(one, name))
    enable = ec2.enable_transit_gateway_route_table_propagation
    assert refusal(enable, **pair(two, name), DryRun=True) == "DryRunOperation"
    assert enable(**pair(two, name))["Propagation"]["State"] == "enabled"
    code = refusal(enable, **pair(two, name))
    assert code == "TransitGatewayRouteTablePropagation.Duplicate"
    assert refusal(enable, TransitGatewayRouteTableId=two) == "MissingParameter"
    announced = {"TransitGatewayRouteTableAnnouncementId": "tgw-rtb-announcement-1"}
    assert refusal(enable, **pair(one, name), **announced) == "UnsupportedOperation"
    region.restart()
    ec2 = region.client("ec2")
    assert (routes(ec2, one), routes(ec2, two)) == ({}, {"10.1.0.0/16": vpc})
    [told] = ec2.get_transit_gateway_route_table_propagations(
        TransitGatewayRouteTableId=two, Filters=named("resource-id", vpc)
    )["TransitGatewayRouteTablePropagations"]
    assert (told["TransitGatewayAttachmentId"], told["State"]) == (name, "enabled")
    told = ec2.get_transit_gateway_attachment_propagations(TransitGatewayAttachmentId=name)
    assert told["TransitGatewayAttachmentPropagations"] == [
        {"TransitGatewayRouteTableId": two, "State": "enabled"}
    ]
    disable = ec2.disable_transit_gateway_route_table_propagation
    code = refusal(disable, **pair(one, name))
    assert code == "TransitGatewayRouteTablePropagation.NotFound"
    assert refusal(disable, **pair(two, name), DryRun=True) == "DryRunOperation"
    assert disable(**pair(two, name))["Propagation"]["State"] == "disabled"
    assert routes(ec2, two) == {}


def test_a_deleted_attachment_is_forgotten_by_all_who_learn_from_it(ec2: Any) -> None:
    hub = make(ec2)
    default = hub["Options"]["PropagationDefaultRouteTableId"]
    vpc, name = spoke(ec2, hub["TransitGatewayId"], "10.1.0.0/16")
    ec2.create_transit_gateway_route(**route(default, "192.168.0.0/16", name))
    assert routes(ec2, default) == {"10.1.0.0/16": vpc, "192.168.0.0/16": vpc}
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=name)
    assert routes(ec2, default) == {"192.168.0.0/16": "blackhole"}
    told = ec2.get_transit_gateway_route_table_propagations(TransitGatewayRouteTableId=default)
    assert told["TransitGatewayRouteTablePropagations"] == []
    told = ec2.get_transit_gateway_route_table_associations(TransitGatewayRouteTableId=default)
    assert told["Associations"] == []


def test_of_vpcs_that_overlap_only_the_first_is_propagated(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2)
    default = hub["Options"]["PropagationDefaultRouteTableId"]
    first, attached = spoke(ec2, hub["TransitGatewayId"], "10.1.0.0/16")
    second, _ = spoke(ec2, hub["TransitGatewayId"], "10.1.0.0/20")
    assert routes(ec2, default) == {"10.1.0.0/16": first}
    region.wait(1)
    ec2.associate_vpc_cidr_block(VpcId=second, CidrBlock="10.2.0.0/16")
    region.wait(1)
    ec2.associate_vpc_cidr_block(VpcId=first, CidrBlock="10.2.0.0/24")
    assert routes(ec2, default) == {"10.1.0.0/16": first, "10.2.0.0/16": second}
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attached)
    assert routes(ec2, default) == {"10.1.0.0/20": second, "10.2.0.0/16": second}


def test_static_routes(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2)
    default = hub["Options"]["PropagationDefaultRouteTableId"]
    (one, over_one), (two, over_two) = (
        spoke(ec2, hub["TransitGatewayId"], prefix) for prefix in ("10.1.0.0/16", "10.2.0.0/16")
    )
    create = ec2.create_transit_gateway_route
    made = create(**route(default, "0.0.0.0/0", over_one))["Route"]
    assert (made["Type"], made["State"]) == ("static", "active")
    assert made["TransitGatewayAttachments"][0]["TransitGatewayAttachmentId"] == over_one
    assert create(**route(default, "10.1.7.9/24"))["Route"] == {
        "DestinationCidrBlock": "10.1.7.0/24",
        "Type": "static",
        "State": "blackhole",
    }
    create(**route(default, "10.2.0.0/16", over_one))  # hides what is propagated
    create(**route(default, "fd00::/8", over_two))
    assert refusal(create, **route(default, "0.0.0.0/0", over_two)) == "RouteAlreadyExists"
    region.restart()
    ec2 = region.client("ec2")
    expected = {
        "0.0.0.0/0": one,
        "10.1.0.0/16": one,
        "10.1.7.0/24": "blackhole",
        "10.2.0.0/16": one,
        "fd00::/8": two,
    }
    assert routes(ec2, default) == expected
    replace = ec2.replace_transit_gateway_route
    assert refusal(replace, **route(default, "0.0.0.0/0"), DryRun=True) == "DryRunOperation"
    replace(**route(default, "0.0.0.0/0", over_two))
    replace(**route(default, "10.1.7.0/24", over_two))
    replace(**route(default, "10.8.0.0/16"))  # makes one
    expected |= {"0.0.0.0/0": two, "10.1.7.0/24": two, "10.8.0.0/16": "blackhole"}
    assert routes(ec2, default) == expected
    delete = ec2.delete_transit_gateway_route
    own = {"TransitGatewayRouteTableId": default, "DestinationCidrBlock": "10.2.0.0/16"}
    assert refusal(delete, **own, DryRun=True) == "DryRunOperation"
    assert delete(**own)["Route"]["State"] == "deleted"
    assert routes(ec2, default) == expected | {"10.2.0.0/16": two}
    assert refusal(delete, **own) == "InvalidRoute.NotFound"


def test_a_route_that_cannot_be(ec2: Any) -> None:
    hub = make(ec2)
    default = hub["Options"]["PropagationDefaultRouteTableId"]
    _, name = spoke(ec2, hub["TransitGatewayId"], "10.1.0.0/16")
    foreign = make(ec2)["Options"]["PropagationDefaultRouteTableId"]
    for wrong, code in (
        (route(default, "10.0.0.0", name), "InvalidParameterValue"),
        (route(default, "ten/8", name), "InvalidParameterValue"),
        (route("tgw-rtb-1", "10.0.0.0/8", name), "InvalidRouteTableID.NotFound"),
        (route(foreign, "10.0.0.0/8", name), "InvalidTransitGatewayAttachmentID.NotFound"),
        (
            route(default, "10.0.0.0/8", "tgw-attach-1"),
            "InvalidTransitGatewayAttachmentID.NotFound",
        ),
        (route(default, "10.0.0.0/8", name) | {"DryRun": True}, "DryRunOperation"),
        (
            {"TransitGatewayRouteTableId": default, "DestinationCidrBlock": "10.0.0.0/8"},
            "MissingParameter",
        ),
    ):
        assert refusal(ec2.create_transit_gateway_route, **wrong) == code
        assert refusal(ec2.replace_transit_gateway_route, **wrong) == code
    assert len(routes(ec2, default)) == 1


def test_ten_thousand_routes_to_a_hub(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2)["TransitGatewayId"]
    full, other = table(ec2, hub), table(ec2, hub)
    service = region.host.service("ec2")
    assert isinstance(service, Ec2)
    many = tuple(
        HubRoute(f"10.{number >> 8}.{number & 255}.0/24") for number in range(hubs.ROUTES_MAX - 1)
    )
    kept = service.estate.hub_tables.get(ACCOUNT, full)
    service.estate.hub_tables.put(ACCOUNT, full, msgspec.structs.replace(kept, routes=many))
    ec2.create_transit_gateway_route(**route(other, "10.0.0.0/8"))
    code = refusal(ec2.create_transit_gateway_route, **route(other, "11.0.0.0/8"))
    assert code == "TransitGatewayRouteLimitExceeded"
    ec2.replace_transit_gateway_route(**route(other, "10.0.0.0/8"))
    told = ec2.search_transit_gateway_routes(
        TransitGatewayRouteTableId=full, Filters=named("state", "blackhole")
    )
    assert len(told["Routes"]) == 1000
    assert told["AdditionalRoutesAvailable"]


def test_searches_are_put_together(ec2: Any) -> None:
    hub = make(ec2)
    default = hub["Options"]["PropagationDefaultRouteTableId"]
    one, over_one = spoke(ec2, hub["TransitGatewayId"], "10.1.0.0/16")
    two, _ = spoke(ec2, hub["TransitGatewayId"], "10.2.0.0/16")
    ec2.create_transit_gateway_route(**route(default, "0.0.0.0/0", over_one))
    ec2.create_transit_gateway_route(**route(default, "10.1.4.0/24"))
    for filters, found in (
        ({"type": "static"}, {"0.0.0.0/0": one, "10.1.4.0/24": "blackhole"}),
        ({"state": "blackhole"}, {"10.1.4.0/24": "blackhole"}),
        ({"attachment__resource_id": two}, {"10.2.0.0/16": two}),
        ({"attachment__resource_type": "vpn"}, {}),
        (
            {"attachment__transit_gateway_attachment_id": over_one, "type": "propagated"},
            {"10.1.0.0/16": one},
        ),
        ({"route_search__exact_match": "10.2.0.0/16"}, {"10.2.0.0/16": two}),
        ({"route_search__longest_prefix_match": "10.1.4.4"}, {"10.1.4.0/24": "blackhole"}),
        ({"route_search__longest_prefix_match": "10.1.4.4", "type": "propagated"}, {}),
        (
            {"route_search__subnet_of_match": "10.1.0.0/16"},
            {"10.1.0.0/16": one, "10.1.4.0/24": "blackhole"},
        ),
        (
            {"route_search__supernet_of_match": "10.1.0.0/20", "type": "propagated"},
            {"10.1.0.0/16": one},
        ),
    ):
        assert routes(ec2, default, **filters) == found
    search = ec2.search_transit_gateway_routes
    told = search(TransitGatewayRouteTableId=default, Filters=named("state", "*"), MaxResults=5)
    assert (len(told["Routes"]), told["AdditionalRoutesAvailable"]) == (4, False)
    for wrong, code in (
        (named("route-search.exact-match", "ten"), "InvalidParameterValue"),
        (named("color", "blue"), "InvalidParameterValue"),
        ([], "MissingParameter"),
    ):
        assert refusal(search, TransitGatewayRouteTableId=default, Filters=wrong) == code
    code = refusal(search, TransitGatewayRouteTableId="tgw-rtb-1", Filters=named("state", "*"))
    assert code == "InvalidRouteTableID.NotFound"
    code = refusal(
        search, TransitGatewayRouteTableId=default, Filters=named("state", "*"), DryRun=True
    )
    assert code == "DryRunOperation"


def test_spokes_that_reach_the_shared_network_and_not_each_other(ec2: Any) -> None:
    hub = make(ec2, **NO_DEFAULTS)["TransitGatewayId"]
    spokes, shared = table(ec2, hub), table(ec2, hub)
    (one, over_one), (two, over_two), (middle, over_middle) = (
        spoke(ec2, hub, f"10.{number}.0.0/16") for number in (1, 2, 3)
    )
    for name in (over_one, over_two):
        ec2.associate_transit_gateway_route_table(**pair(spokes, name))
        ec2.enable_transit_gateway_route_table_propagation(**pair(shared, name))
    ec2.associate_transit_gateway_route_table(**pair(shared, over_middle))
    ec2.enable_transit_gateway_route_table_propagation(**pair(spokes, over_middle))
    assert routes(ec2, spokes) == {"10.3.0.0/16": middle}
    assert routes(ec2, shared) == {"10.1.0.0/16": one, "10.2.0.0/16": two}

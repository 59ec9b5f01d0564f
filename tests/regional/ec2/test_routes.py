"""Routes made, replaced and deleted by boto3, and what is refused."""

from collections.abc import Iterator
from ipaddress import IPv4Network

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.ec2 import routes
from antipodes.regional.ec2.model import Route
from antipodes.service.contract import ServiceError
from tests.regional.ec2.nets import Net
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import ACCOUNT, Region


@pytest.fixture(scope="module")
def shared() -> Iterator[Net]:
    region = Region()
    yield Net(region)
    region.close()


def test_routes_are_made_replaced_and_deleted(net: Net) -> None:
    ec2, table = net.ec2, net.table
    net.create("0.0.0.0/0", GatewayId=net.gateway)
    net.create("192.168.7.9/16", InstanceId=net.instance)
    ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", GatewayId=net.gateway)
    net.region.restart()
    found = net.described()["Routes"]
    assert found[1:] == [
        {
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": net.gateway,
            "Origin": "CreateRoute",
            "State": "active",
        },
        {
            "DestinationCidrBlock": "192.168.0.0/16",
            "NetworkInterfaceId": net.appliance,
            "InstanceId": net.instance,
            "InstanceOwnerId": ACCOUNT,
            "Origin": "CreateRoute",
            "State": "active",
        },
        {
            "DestinationIpv6CidrBlock": "::/0",
            "GatewayId": net.gateway,
            "Origin": "CreateRoute",
            "State": "active",
        },
    ]
    ec2.replace_route(
        RouteTableId=table,
        DestinationCidrBlock="0.0.0.0/0",
        NetworkInterfaceId=net.appliance,
    )
    assert net.routes()["0.0.0.0/0"] == (net.appliance, "active")
    gone = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert refusal(ec2.delete_route, **gone, DryRun=True) == "DryRunOperation"
    ec2.delete_route(**gone)
    assert list(net.routes()) == ["10.0.0.0/16", "192.168.0.0/16", "::/0"]
    assert refusal(ec2.delete_route, **gone) == "InvalidRoute.NotFound"
    code = refusal(ec2.replace_route, **gone, GatewayId=net.gateway)
    assert code == "InvalidParameterValue"
    [one] = ec2.describe_route_tables(Filters=named("route.gateway-id", net.gateway))["RouteTables"]
    assert one["RouteTableId"] == table


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"GatewayId": "igw-1"}, "InvalidInternetGatewayID.NotFound"),
        ({"GatewayId": "vgw-1"}, "InvalidVpnGatewayID.NotFound"),
        ({"GatewayId": "local"}, "InvalidGatewayID.NotFound"),
        ({"GatewayId": "eni-1"}, "InvalidGatewayID.NotFound"),
        ({"NetworkInterfaceId": "eni-1"}, "InvalidNetworkInterfaceID.NotFound"),
        ({"NetworkInterfaceId": "igw-1"}, "InvalidNetworkInterfaceID.NotFound"),
        ({"NatGatewayId": "nat-1"}, "NatGatewayNotFound"),
        ({"InstanceId": "i-1"}, "InvalidInstanceID.NotFound"),
        ({"TransitGatewayId": "tgw-1"}, "InvalidTransitGatewayID.NotFound"),
        ({"VpcPeeringConnectionId": "pcx-1"}, "InvalidVpcPeeringConnectionID.NotFound"),
        ({"VpcEndpointId": "vpce-1"}, "InvalidVpcEndpointId.NotFound"),
        ({"EgressOnlyInternetGatewayId": "eigw-1"}, "InvalidGatewayID.NotFound"),
        ({"CarrierGatewayId": "cagw-1"}, "UnsupportedOperation"),
        ({"NatGatewayId": "nat-1", "GatewayId": "igw-1"}, "InvalidParameterCombination"),
        ({"InstanceId": "i-1", "GatewayId": "igw-1"}, "InvalidParameterCombination"),
        ({}, "MissingParameter"),
    ],
)
def test_one_target_that_is_there(shared: Net, request_: dict[str, str], code: str) -> None:
    assert shared.refused("0.0.0.0/0", **request_) == code


def test_an_instance_with_two_interfaces_is_no_target(net: Net) -> None:
    made = net.ec2.create_network_interface(SubnetId=net.back)["NetworkInterface"]
    net.ec2.attach_network_interface(
        NetworkInterfaceId=made["NetworkInterfaceId"], InstanceId=net.instance, DeviceIndex=1
    )
    assert net.refused("0.0.0.0/0", InstanceId=net.instance) == "InvalidInstanceID"


def test_one_destination_that_is_a_prefix_and_not_there_yet(net: Net) -> None:
    to = {"NetworkInterfaceId": net.appliance}
    for text in ("10.9.0.0", "here", "fd00::/56", "10.9.0.0/33"):
        assert net.refused(text, **to) == "InvalidParameterValue"
    for text in ("10.0.0.0/16", "10.0.3.3/16"):
        assert net.refused(text, **to) == "RouteAlreadyExists"
    more = {"DestinationIpv6CidrBlock": "::/0"}
    assert net.refused("0.0.0.0/0", **to, **more) == "InvalidParameterCombination"
    code = refusal(net.ec2.create_route, RouteTableId=net.table, **to)
    assert code == "MissingParameter"
    code = refusal(
        net.ec2.create_route, RouteTableId=net.table, DestinationIpv6CidrBlock="10.0.0.0/8", **to
    )
    assert code == "InvalidParameterValue"
    assert net.refused("0.0.0.0/0", **to, DryRun=True) == "DryRunOperation"


def test_an_endpoints_route_counts_as_one_and_is_no_gateways(net: Net) -> None:
    ec2, estate = net.ec2, net.estate
    table = estate.tables.get(ACCOUNT, net.table)
    further = tuple(Route(f"172.16.{n}.0/24", net.appliance) for n in range(49))
    almost = msgspec.structs.replace(table, routes=table.routes + further)
    estate.tables.put(ACCOUNT, table.id, almost)
    asked = {"VpcId": net.vpc, "RouteTableIds": [net.table]}
    dynamodb, s3 = (f"com.amazonaws.us-west-2.{name}" for name in ("dynamodb", "s3"))
    ec2.create_vpc_endpoint(ServiceName=s3, **asked)
    assert refusal(ec2.create_vpc_endpoint, ServiceName=dynamodb, **asked) == "RouteLimitExceeded"
    assert net.refused("0.0.0.0/0", GatewayId=net.gateway) == "RouteLimitExceeded"
    estate.tables.put(ACCOUNT, table.id, table)
    edge = {"RouteTableId": net.table, "GatewayId": net.gateway}
    assert refusal(ec2.associate_route_table, **edge) == "RouteNotSupported"
    other = net.make()
    ec2.associate_route_table(RouteTableId=other, GatewayId=net.gateway)
    asked = {"VpcId": net.vpc, "RouteTableIds": [other]}
    assert refusal(ec2.create_vpc_endpoint, ServiceName=s3, **asked) == "RouteNotSupported"


def test_a_part_of_the_network_is_led_away_as_a_whole_subnet_only(net: Net) -> None:
    """Surprise 1: no half a subnet, no two of them, and not to a gateway."""
    to = {"NetworkInterfaceId": net.appliance}
    for text in ("10.0.0.0/25", "10.0.0.0/23", "10.0.9.0/24", "10.0.0.0/17"):
        assert net.refused(text, **to) == "InvalidParameterValue"
    assert net.refused("10.0.0.0/24", GatewayId=net.gateway) == "InvalidParameterValue"
    net.create("10.0.0.0/24", **to)
    assert net.routes()["10.0.0.0/24"] == (net.appliance, "active")
    net.create("10.0.0.0/8", GatewayId=net.gateway)  # less specific than local: anywhere
    assert net.routes()["10.0.0.0/8"] == (net.gateway, "active")


def test_a_local_route_is_led_elsewhere_and_back_and_never_deleted(net: Net) -> None:
    """Surprise 4."""
    ec2, own = net.ec2, {"RouteTableId": net.table, "DestinationCidrBlock": "10.0.0.0/16"}
    assert refusal(ec2.replace_route, **own, GatewayId=net.gateway) == "InvalidParameterValue"
    ec2.replace_route(**own, NetworkInterfaceId=net.appliance)
    assert net.routes()["10.0.0.0/16"] == (net.appliance, "active")
    assert net.described()["Routes"][0]["Origin"] == "CreateRouteTable"
    assert refusal(ec2.delete_route, **own) == "InvalidParameterValue"
    code = refusal(ec2.replace_route, **own, LocalTarget=True, GatewayId=net.gateway)
    assert code == "InvalidParameterCombination"
    assert refusal(ec2.replace_route, **own) == "MissingParameter"
    assert refusal(ec2.replace_route, **own, LocalTarget=True, DryRun=True) == "DryRunOperation"
    ec2.replace_route(**own, LocalTarget=True)
    assert net.routes()["10.0.0.0/16"] == ("local", "active")
    assert refusal(ec2.delete_route, **own) == "InvalidParameterValue"
    net.create("0.0.0.0/0", GatewayId=net.gateway)
    out = {"RouteTableId": net.table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert refusal(ec2.replace_route, **out, LocalTarget=True) == "InvalidParameterValue"


def test_a_route_whose_target_is_gone_stays_as_a_blackhole(net: Net) -> None:
    """Surprise 11."""
    ec2 = net.ec2
    net.create("0.0.0.0/0", GatewayId=net.gateway)
    net.create("10.9.0.0/16", NetworkInterfaceId=net.appliance)
    ec2.detach_internet_gateway(InternetGatewayId=net.gateway, VpcId=net.vpc)
    assert net.routes()["0.0.0.0/0"] == (net.gateway, "blackhole")
    [default] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    [taken] = ec2.describe_internet_gateways(Filters=named("attachment.vpc-id", default["VpcId"]))[
        "InternetGateways"
    ]
    ec2.detach_internet_gateway(
        InternetGatewayId=taken["InternetGatewayId"], VpcId=default["VpcId"]
    )
    ec2.attach_internet_gateway(InternetGatewayId=net.gateway, VpcId=default["VpcId"])
    assert net.routes()["0.0.0.0/0"] == (net.gateway, "blackhole")
    ec2.detach_internet_gateway(InternetGatewayId=net.gateway, VpcId=default["VpcId"])
    ec2.attach_internet_gateway(InternetGatewayId=net.gateway, VpcId=net.vpc)
    assert net.routes()["0.0.0.0/0"] == (net.gateway, "active")
    ec2.stop_instances(InstanceIds=[net.instance])
    assert net.routes()["10.9.0.0/16"] == (net.appliance, "blackhole")
    ec2.start_instances(InstanceIds=[net.instance])
    assert net.routes()["10.9.0.0/16"] == (net.appliance, "active")
    ec2.terminate_instances(InstanceIds=[net.instance])
    net.region.restart()
    assert net.routes()["10.9.0.0/16"] == (net.appliance, "blackhole")
    code = refusal(
        ec2.create_route,
        RouteTableId=net.table,
        DestinationCidrBlock="10.8.0.0/16",
        NetworkInterfaceId=net.appliance,
    )
    assert code == "InvalidNetworkInterfaceID.NotFound"
    wanted = [*named("vpc-id", net.vpc), *named("route.state", "blackhole")]
    [one] = ec2.describe_route_tables(Filters=wanted)["RouteTables"]
    assert one["RouteTableId"] == net.table


def test_routes_lead_to_peers_from_their_request_on(net: Net) -> None:
    ec2 = net.ec2
    peer = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    asked = ec2.create_vpc_peering_connection(VpcId=net.vpc, PeerVpcId=peer)
    name = asked["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    assert net.refused("10.0.0.0/24", VpcPeeringConnectionId=name) == "InvalidParameterValue"
    net.create("10.1.0.0/16", VpcPeeringConnectionId=name)
    assert net.routes()["10.1.0.0/16"] == (name, "blackhole")
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert net.routes()["10.1.0.0/16"] == (name, "active")
    [default] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    apart = {"RouteTableId": net.make(default["VpcId"]), "VpcPeeringConnectionId": name}
    code = refusal(ec2.create_route, DestinationCidrBlock="10.1.0.0/16", **apart)
    assert code == "InvalidParameterValue"
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert net.routes()["10.1.0.0/16"] == (name, "blackhole")
    code = net.refused("10.2.0.0/16", VpcPeeringConnectionId=name)
    assert code == "InvalidVpcPeeringConnectionID.NotFound"


def test_routes_lead_to_a_hub_from_networks_attached_to_it(net: Net) -> None:
    ec2 = net.ec2
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    code = net.refused("10.0.0.0/8", TransitGatewayId=hub)
    assert code == "InvalidTransitGatewayID.NotFound"
    attached = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=hub, VpcId=net.vpc, SubnetIds=[net.back]
    )["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    net.create("10.0.0.0/8", TransitGatewayId=hub)
    assert net.routes()["10.0.0.0/8"] == (hub, "active")
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attached)
    assert net.routes()["10.0.0.0/8"] == (hub, "blackhole")


def test_a_nat_gateway_takes_one_family(net: Net) -> None:
    made = net.ec2.create_nat_gateway(SubnetId=net.front, ConnectivityType="private")
    nat = made["NatGateway"]["NatGatewayId"]
    net.create("0.0.0.0/0", NatGatewayId=nat)
    net.create("10.0.1.0/24", NatGatewayId=nat)
    six = {"RouteTableId": net.table, "NatGatewayId": nat}
    code = refusal(net.ec2.create_route, DestinationIpv6CidrBlock="::/0", **six)
    assert code == "InvalidParameterValue"
    net.ec2.create_route(DestinationIpv6CidrBlock="64:ff9b::/96", **six)
    assert net.routes()["64:ff9b::/96"] == (nat, "active")
    net.ec2.delete_nat_gateway(NatGatewayId=nat)
    assert net.routes()["0.0.0.0/0"] == (nat, "blackhole")
    assert net.refused("10.8.0.0/16", NatGatewayId=nat) == "NatGatewayNotFound"


def test_an_interface_that_nothing_has_takes_no_packets(net: Net) -> None:
    made = net.ec2.create_network_interface(SubnetId=net.back)["NetworkInterface"]
    name = made["NetworkInterfaceId"]
    net.create("0.0.0.0/0", NetworkInterfaceId=name)
    assert net.routes()["0.0.0.0/0"] == (name, "blackhole")
    net.ec2.attach_network_interface(
        NetworkInterfaceId=name, InstanceId=net.instance, DeviceIndex=1
    )
    assert net.routes()["0.0.0.0/0"] == (name, "active")


def test_addresses_of_the_instances_services_are_no_destination(net: Net) -> None:
    """Surprise 13."""
    to = {"NetworkInterfaceId": net.appliance}
    for text in ("169.254.168.0/22", "169.254.170.2/32"):
        assert net.refused(text, **to) == "InvalidParameterValue"
    for text, ok in (("fd00:ec2::/32", False), ("fd00:ec2::253/128", False), ("fd00::/16", True)):
        request = {"RouteTableId": net.table, "DestinationIpv6CidrBlock": text, **to}
        if ok:
            net.ec2.create_route(**request)
        else:
            assert refusal(net.ec2.create_route, **request) == "InvalidParameterValue"
    net.create("169.254.0.0/16", **to)
    assert list(net.routes()) == ["10.0.0.0/16", "fd00::/16", "169.254.0.0/16"]


def test_fifty_routes_of_a_family_to_a_table(net: Net) -> None:
    estate = net.estate
    table = estate.tables.get(ACCOUNT, net.table)
    further = tuple(Route(f"172.16.{n}.0/24", net.appliance) for n in range(50))
    full = msgspec.structs.replace(table, routes=table.routes + further)
    estate.tables.put(ACCOUNT, table.id, full)
    assert net.refused("0.0.0.0/0", GatewayId=net.gateway) == "RouteLimitExceeded"
    net.ec2.create_route(
        RouteTableId=net.table, DestinationIpv6CidrBlock="::/0", GatewayId=net.gateway
    )
    net.ec2.delete_route(RouteTableId=net.table, DestinationCidrBlock="172.16.3.0/24")
    net.create("0.0.0.0/0", GatewayId=net.gateway)
    assert len(net.routes()) == 1 + 50 + 1


@given(st.integers(0, 2**16 - 1), st.integers(8, 28))
def test_what_is_more_specific_than_local_is_a_subnet_or_refused(
    shared: Net, low: int, length: int
) -> None:
    """Of all prefixes around 10.0.0.0/16, those inside it must be one of its subnets."""
    estate, vpc = shared.estate, shared.vpc
    to = str(IPv4Network((10 << 24 | low, length), strict=False))
    known = estate.tables.get(ACCOUNT, shared.table)
    inside = IPv4Network(to).subnet_of(IPv4Network("10.0.0.0/16"))
    whole = to in {"10.0.0.0/16", *routes.subnets(estate, estate.vpcs.get(ACCOUNT, vpc))}
    if whole or not inside:
        routes.check(estate, known, to, shared.appliance)
        return
    with pytest.raises(ServiceError) as caught:
        routes.check(estate, known, to, shared.appliance)
    assert caught.value.code == "InvalidParameterValue"

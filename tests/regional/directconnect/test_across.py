"""A Direct Connect gateway joins VPN gateways of several regions, whichever is asked."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.directconnect.model import Gateway, newer
from antipodes.testing.virtualworld import VirtualWorld
from tests.regional.directconnect.lined import ASN, OFFICE, TYPE

W, E = "us-west-2", "eu-central-1"
ACCOUNT = "000000000000"


def vpc(world: VirtualWorld, region: str, start: str) -> tuple[str, str]:
    """A machine in a VPC of a region, and the VPN gateway there."""
    ec2 = world.client("ec2", region, account=ACCOUNT)
    net = ec2.create_vpc(CidrBlock=f"{start}.0.0/16")["Vpc"]["VpcId"]
    part = ec2.create_subnet(VpcId=net, CidrBlock=f"{start}.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=net, GroupName="open", Description="open")["GroupId"]
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    host = ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=part, SecurityGroupIds=[group]
    )["Instances"][0]["InstanceId"]
    door = ec2.create_vpn_gateway(Type=TYPE)["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpnGatewayId=door, VpcId=net)
    filters = [{"Name": "vpc-id", "Values": [net]}]
    [table] = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    ec2.enable_vgw_route_propagation(GatewayId=door, RouteTableId=table["RouteTableId"])
    return host, door


def outcomes(world: VirtualWorld, source: str, target: str) -> bool:
    return world.network("walk", source, target, account=ACCOUNT).status == 0


def test_a_gateway_is_known_everywhere_and_joins_two_regions_and_not_their_vpcs() -> None:
    with VirtualWorld((W, E)) as world:
        west, door = vpc(world, W, "10.1")
        east, far = vpc(world, E, "10.2")
        here, there = (world.client("directconnect", region, account=ACCOUNT) for region in (W, E))
        made = here.create_direct_connect_gateway(directConnectGatewayName="joined")
        via = made["directConnectGateway"]["directConnectGatewayId"]
        asked = {"directConnectGatewayId": via}

        def known(client: Any) -> list[Any]:
            found: list[Any] = client.describe_direct_connect_gateways()["directConnectGateways"]
            return found

        world.wait_until(lambda: known(there))
        assert known(there) == known(here)
        here.create_direct_connect_gateway_association(gatewayId=door, **asked)
        there.create_direct_connect_gateway_association(gatewayId=far, **asked)
        location = here.describe_locations()["locations"][0]["locationCode"]
        connection = here.create_connection(
            location=location,
            bandwidth="10Gbps",
            connectionName="line",
            tags=[
                {"key": "antipodes:prefixes", "value": OFFICE},
                {"key": "antipodes:site", "value": "office"},
            ],
        )["connectionId"]
        wanted = {"virtualInterfaceName": "x", "vlan": 5, "asn": ASN, **asked}
        line = here.create_private_virtual_interface(
            connectionId=connection, newPrivateVirtualInterface=wanted
        )["virtualInterfaceId"]
        world.wait_until(
            lambda: outcomes(world, west, "office") and outcomes(world, east, "office")
        )
        assert outcomes(world, "office", west)
        assert outcomes(world, "office", east)
        assert not outcomes(world, west, east)
        assert there.describe_connections()["connections"] == []
        attachments = there.describe_direct_connect_gateway_attachments(**asked)
        [attached] = attachments["directConnectGatewayAttachments"]
        assert (attached["virtualInterfaceId"], attached["virtualInterfaceRegion"]) == (line, W)
        there.delete_direct_connect_gateway_association(virtualGatewayId=door, **asked)
        world.wait_until(lambda: not outcomes(world, west, "office"))
        assert outcomes(world, east, "office")


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from("ab")), min_size=1))
def test_copies_come_to_the_same_in_whatever_order(said: list[tuple[int, bool, str]]) -> None:
    records = [
        Gateway("id", ACCOUNT, W, version=version, ended=ended, name=name)
        for version, ended, name in said
    ]

    def heard(order: list[Gateway]) -> Gateway | None:
        known = None
        for one in (*order, *order):
            known = newer(known, one)
        return known

    assert heard(records) == heard(records[::-1]) == heard(sorted(records, key=str))


def test_what_a_cut_holds_up_arrives_after_it_and_both_come_to_the_same() -> None:
    with VirtualWorld((W, E)) as world:
        here, there = (world.client("directconnect", region, account=ACCOUNT) for region in (W, E))

        def names() -> list[list[str]]:
            shown = [one.describe_direct_connect_gateways() for one in (here, there)]
            return [
                [one["directConnectGatewayName"] for one in told["directConnectGateways"]]
                for told in shown
            ]

        made = here.create_direct_connect_gateway(directConnectGatewayName="first")
        asked = {"directConnectGatewayId": made["directConnectGateway"]["directConnectGatewayId"]}
        world.wait_until(lambda: names() == [["first"], ["first"]])
        cut = world.cut(W, E)
        here.update_direct_connect_gateway(newDirectConnectGatewayName="west", **asked)
        there.update_direct_connect_gateway(newDirectConnectGatewayName="east", **asked)
        here.create_direct_connect_gateway(directConnectGatewayName="second")
        world.advance(seconds=30.0)
        assert [sorted(one) for one in names()] == [["second", "west"], ["east"]]
        cut.heal()
        world.wait_until(lambda: len(names()[1]) == 2)
        world.wait_until(lambda: sorted(names()[0]) == sorted(names()[1]))
        there.delete_direct_connect_gateway(**asked)
        world.wait_until(lambda: names() == [["second"], ["second"]])

"""Walks of IPv6: inside a network, out of it by either gateway, and to other networks."""

from typing import Any

import pytest

from tests.regional.ec2.networks import Networks
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region

BOTH = ("delivered", "delivered")


class SixNetworks(Networks):
    """Networks that have IPv6, with subnets that give each interface an address of it."""

    def six(self, prefix: str) -> tuple[str, str, str]:
        """A network, an instance in it, and that one's address."""
        made = self.ec2.create_vpc(CidrBlock=prefix, AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        name = made["VpcId"]
        whole = made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        own = whole.replace("/56", "/64")
        subnet = self.ec2.create_subnet(
            VpcId=name, CidrBlock=prefix.replace("/16", "/24"), Ipv6CidrBlock=own
        )["Subnet"]["SubnetId"]
        self.ec2.modify_subnet_attribute(
            SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True}
        )
        group = self.group(name, "0.0.0.0/0")
        everybody = [{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=everybody)
        instance = self.instance(subnet, group)
        [told] = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        return name, instance, told["Instances"][0]["Ipv6Address"]

    def main(self, vpc: str) -> dict[str, Any]:
        wanted = [*named("vpc-id", vpc), *named("association.main", "true")]
        [table] = self.ec2.describe_route_tables(Filters=wanted)["RouteTables"]
        found: dict[str, Any] = table
        return found

    def route6(self, vpc: str, prefix: str, **target: str) -> None:
        name = self.main(vpc)["RouteTableId"]
        self.ec2.create_route(RouteTableId=name, DestinationIpv6CidrBlock=prefix, **target)

    def egress_only(self, vpc: str, **more: Any) -> str:
        made = self.ec2.create_egress_only_internet_gateway(VpcId=vpc, **more)
        name: str = made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
        return name

    def prefix(self, vpc: str) -> str:
        [found] = self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
        prefix: str = found["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        return prefix


@pytest.fixture
def networks(region: Region) -> SixNetworks:
    return SixNetworks(region)


def test_a_gateway_that_only_lets_out(networks: SixNetworks) -> None:
    vpc, instance, address = networks.six("10.0.0.0/16")
    gateway = networks.egress_only(vpc)
    assert networks.outcomes(instance, "internet", ipv6=True)[0] == "no route"
    networks.route6(vpc, "::/0", EgressOnlyInternetGatewayId=gateway)
    assert networks.outcomes(instance, "internet", ipv6=True) == ("left", "delivered")
    assert networks.outcomes(instance, "internet")[0] == "no route"
    assert networks.outcomes("internet", address) == ("not an answer", "")
    assert networks.outcomes("internet", instance, ipv6=True) == ("not an answer", "")
    networks.ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)
    [route] = [one for one in networks.main(vpc)["Routes"] if one.get("State") == "blackhole"]
    assert route["EgressOnlyInternetGatewayId"] == gateway
    assert networks.outcomes(instance, "internet", ipv6=True) == ("blackhole", "")


def test_an_internet_gateway_needs_no_public_addresses(networks: SixNetworks) -> None:
    vpc, instance, address = networks.six("10.0.0.0/16")
    made = networks.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    networks.ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
    networks.route6(vpc, "::/0", GatewayId=made)
    assert networks.outcomes(instance, "internet", ipv6=True) == ("left", "delivered")
    assert networks.outcomes("internet", address) == ("delivered", "left")
    assert networks.outcomes(instance, "internet")[0] == "no route"


def test_peered_networks(networks: SixNetworks) -> None:
    one, first, _ = networks.six("10.0.0.0/16")
    two, second, address = networks.six("10.1.0.0/16")
    made = networks.ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=two)
    name = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    accepted = networks.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    sides = accepted["VpcPeeringConnection"]
    assert sides["AccepterVpcInfo"]["Ipv6CidrBlockSet"] == [{"Ipv6CidrBlock": networks.prefix(two)}]
    networks.route6(one, networks.prefix(two), VpcPeeringConnectionId=name)
    assert networks.outcomes(first, address) == ("delivered", "no route")
    networks.route6(two, networks.prefix(one), VpcPeeringConnectionId=name)
    assert networks.outcomes(first, second, ipv6=True) == BOTH
    assert networks.outcomes(first, second)[0] == "no route"


def test_a_transit_gateway_carries_it_where_attachments_support_it(networks: SixNetworks) -> None:
    ec2 = networks.ec2
    hub = ec2.create_transit_gateway()["TransitGateway"]
    sides = [networks.six("10.0.0.0/16"), networks.six("10.1.0.0/16")]
    names = []
    for vpc, _, _ in sides:
        [subnet] = ec2.describe_subnets(Filters=named("vpc-id", vpc))["Subnets"]
        made = ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=hub["TransitGatewayId"],
            VpcId=vpc,
            SubnetIds=[subnet["SubnetId"]],
            Options={"Ipv6Support": "enable"},
        )["TransitGatewayVpcAttachment"]
        assert made["Options"]["Ipv6Support"] == "enable"
        names.append(made["TransitGatewayAttachmentId"])
        networks.route6(vpc, "2001:db8::/32", TransitGatewayId=hub["TransitGatewayId"])
    (_, first, _), (_, _, address) = sides
    assert networks.outcomes(first, address) == BOTH
    table = hub["Options"]["PropagationDefaultRouteTableId"]
    found = ec2.search_transit_gateway_routes(
        TransitGatewayRouteTableId=table, Filters=named("type", "propagated")
    )["Routes"]
    prefixes = {networks.prefix(vpc) for vpc, _, _ in sides} | {"10.0.0.0/16", "10.1.0.0/16"}
    assert {one["DestinationCidrBlock"] for one in found} == prefixes
    ec2.modify_transit_gateway_vpc_attachment(
        TransitGatewayAttachmentId=names[1], Options={"Ipv6Support": "disable"}
    )
    assert networks.outcomes(first, address) == ("no route", "")
    ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=table,
        DestinationCidrBlock="2001:db8::/32",
        TransitGatewayAttachmentId=names[1],
    )
    assert networks.outcomes(first, address) == ("not attached", "")


# The operations on gateways that only let out.


def test_one_is_made_found_and_survives(region: Region, networks: SixNetworks) -> None:
    vpc, *_ = networks.six("10.0.0.0/16")
    tags = tagged("egress-only-internet-gateway", Name="out")
    name = networks.egress_only(vpc, TagSpecifications=tags, ClientToken="once")
    assert networks.egress_only(vpc, TagSpecifications=tags, ClientToken="once") == name
    region.restart()
    ec2 = region.client("ec2")
    wanted = named("tag:Name", "out")
    [found] = ec2.describe_egress_only_internet_gateways(Filters=wanted)[
        "EgressOnlyInternetGateways"
    ]
    assert found == {
        "EgressOnlyInternetGatewayId": name,
        "Attachments": [{"VpcId": vpc, "State": "attached"}],
        "Tags": [{"Key": "Name", "Value": "out"}],
    }
    assert refusal(ec2.create_egress_only_internet_gateway, VpcId=vpc) == "InvalidParameterValue"
    for one in ec2.describe_instances()["Reservations"]:
        ec2.terminate_instances(InstanceIds=[one["Instances"][0]["InstanceId"]])
    for subnet in ec2.describe_subnets(Filters=named("vpc-id", vpc))["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for group in ec2.describe_security_groups(Filters=named("group-name", "open"))[
        "SecurityGroups"
    ]:
        ec2.delete_security_group(GroupId=group["GroupId"])
    assert refusal(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    gone = {"EgressOnlyInternetGatewayId": name}
    assert refusal(ec2.delete_egress_only_internet_gateway, **gone, DryRun=True) == (
        "DryRunOperation"
    )
    assert ec2.delete_egress_only_internet_gateway(**gone)["ReturnCode"] is True
    ec2.delete_vpc(VpcId=vpc)
    assert refusal(ec2.delete_egress_only_internet_gateway, **gone) == "InvalidGatewayID.NotFound"


def test_it_takes_no_ipv4_and_there_is_one_to_a_network(networks: SixNetworks) -> None:
    ec2 = networks.ec2
    vpcs = [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]]
    vpcs += [networks.vpc(f"10.{number}.0.0/16") for number in range(1)]
    gateways = [networks.egress_only(vpc) for vpc in vpcs]
    table = networks.main(vpcs[0])["RouteTableId"]
    route = {"RouteTableId": table, "EgressOnlyInternetGatewayId": gateways[0]}
    wrong = {"RouteTableId": table, "EgressOnlyInternetGatewayId": gateways[1]}
    assert refusal(ec2.create_route, **route, DestinationCidrBlock="10.9.0.0/16") == (
        "InvalidParameterValue"
    )
    assert refusal(ec2.create_route, **wrong, DestinationIpv6CidrBlock="::/0") == (
        "InvalidParameterValue"
    )
    request: dict[str, Any] = {"VpcId": vpcs[0], "DryRun": True}
    assert refusal(ec2.create_egress_only_internet_gateway, **request) == "InvalidParameterValue"
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateways[0])
    assert refusal(ec2.create_egress_only_internet_gateway, **request) == "DryRunOperation"
    found = ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    assert len(found) == len(gateways) - 1

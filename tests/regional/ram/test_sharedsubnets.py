"""A subnet that another account has things in."""

from typing import Any

import pytest

from antipodes.fabric.network.together import together
from antipodes.hosting.reports import networks_as
from antipodes.questions.walking import Asked, as_record, walked
from tests.regional.ec2.networks import Networks
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import ACCOUNT, Region
from tests.regional.ram.accounts import OTHER, lend, share


class House:
    """A VPC with two subnets, of which the other account may use the first."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.owner = Networks(region)
        self.guest = Networks(region, OTHER)
        self.vpc = self.owner.vpc("10.1.0.0/16")
        self.front = self.owner.subnet(self.vpc, "10.1.0.0/24")
        self.back = self.owner.subnet(self.vpc, "10.1.1.0/24", "us-west-2b")
        [found] = self.owner.ec2.describe_subnets(SubnetIds=[self.front])["Subnets"]
        self.arn: str = found["SubnetArn"]
        self.share = lend(region, self.arn)

    def outcomes(self, source: str, target: str) -> tuple[str, str]:
        """How a packet and its answer end."""
        service: Any = self.region.host.services["ec2"]
        told = networks_as(ACCOUNT, {"here": service.networks()})
        record = as_record(walked(together(told.values()), Asked(source, target)), lambda *_: 0.5)
        back = record["return"]
        return record["forward"]["outcome"], back["outcome"] if back else ""


@pytest.fixture
def house(region: Region) -> House:
    return House(region)


def ids(things: list[dict[str, Any]], member: str) -> set[str]:
    """The ids of things."""
    return {one[member] for one in things}


def test_a_guest_sees_the_network_and_whose_it_is(house: House) -> None:
    owner, guest = house.owner.ec2, house.guest.ec2
    owner.create_tags(Resources=[house.vpc, house.front], Tags=[{"Key": "Name", "Value": "x"}])
    house.region.restart()
    [subnet] = guest.describe_subnets(Filters=named("owner-id", ACCOUNT))["Subnets"]
    [vpc] = guest.describe_vpcs(Filters=named("owner-id", ACCOUNT))["Vpcs"]
    assert (subnet["SubnetId"], vpc["VpcId"]) == (house.front, house.vpc)
    assert subnet["Tags"] == vpc["Tags"] == []
    attribute = guest.describe_vpc_attribute(VpcId=house.vpc, Attribute="enableDnsSupport")
    assert attribute["EnableDnsSupport"] == {"Value": True}
    within = named("vpc-id", house.vpc)
    [table] = guest.describe_route_tables(Filters=within)["RouteTables"]
    [acl] = guest.describe_network_acls(Filters=within)["NetworkAcls"]
    assert table["OwnerId"] == acl["OwnerId"] == ACCOUNT
    stranger = house.region.client("ec2", account="222222222222")
    assert stranger.describe_vpcs(Filters=within)["Vpcs"] == []


def test_a_guest_changes_nothing_of_the_network(house: House) -> None:
    guest, vpc, subnet = house.guest.ec2, house.vpc, house.front
    [table] = guest.describe_route_tables(Filters=named("vpc-id", vpc))["RouteTables"]
    name = table["RouteTableId"]
    gateway = guest.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    refused: list[tuple[Any, dict[str, Any]]] = [
        (guest.delete_subnet, {"SubnetId": subnet}),
        (
            guest.modify_subnet_attribute,
            {"SubnetId": subnet, "MapPublicIpOnLaunch": {"Value": True}},
        ),
        (guest.delete_vpc, {"VpcId": vpc}),
        (guest.modify_vpc_attribute, {"VpcId": vpc, "EnableDnsHostnames": {"Value": True}}),
        (guest.create_subnet, {"VpcId": vpc, "CidrBlock": "10.1.2.0/24"}),
        (guest.create_route_table, {"VpcId": vpc}),
        (guest.associate_route_table, {"RouteTableId": name, "SubnetId": subnet}),
        (
            guest.create_route,
            {"RouteTableId": name, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway},
        ),
        (guest.create_network_acl, {"VpcId": vpc}),
        (guest.attach_internet_gateway, {"VpcId": vpc, "InternetGatewayId": gateway}),
        (guest.create_nat_gateway, {"SubnetId": subnet, "ConnectivityType": "private"}),
        (guest.create_tags, {"Resources": [subnet], "Tags": [{"Key": "a", "Value": "b"}]}),
        (guest.create_vpc_peering_connection, {"VpcId": vpc, "PeerVpcId": vpc}),
    ]
    for call, request in refused:
        assert (request, refusal(call, **request)) == (request, "UnauthorizedOperation")


def test_what_a_guest_makes_is_its_own_and_the_owner_sees_it(house: House) -> None:
    owner, guest = house.owner.ec2, house.guest.ec2
    group = house.guest.group(house.vpc, "10.0.0.0/8")
    machine = house.guest.instance(house.front, group)
    [found] = guest.describe_network_interfaces()["NetworkInterfaces"]
    name = found["NetworkInterfaceId"]
    assert (found["OwnerId"], found["SubnetId"]) == (OTHER, house.front)
    house.region.restart()
    [seen] = owner.describe_network_interfaces()["NetworkInterfaces"]
    assert (seen["NetworkInterfaceId"], seen["OwnerId"]) == (name, OTHER)
    assert owner.describe_instances()["Reservations"] == []
    groups = owner.describe_security_groups(Filters=named("vpc-id", house.vpc))["SecurityGroups"]
    assert group in ids(groups, "GroupId")
    for call, request in (
        (owner.delete_network_interface, {"NetworkInterfaceId": name}),
        (owner.delete_security_group, {"GroupId": group}),
        (
            owner.modify_network_interface_attribute,
            {"NetworkInterfaceId": name, "SourceDestCheck": {"Value": False}},
        ),
        (
            owner.create_network_interface,
            {"SubnetId": house.front, "Groups": [group]},
        ),
    ):
        assert refusal(call, **request) == "UnauthorizedOperation"
    guest.modify_network_interface_attribute(
        NetworkInterfaceId=name, SourceDestCheck={"Value": False}
    )
    guest.assign_private_ip_addresses(NetworkInterfaceId=name, SecondaryPrivateIpAddressCount=1)
    guest.stop_instances(InstanceIds=[machine])
    guest.terminate_instances(InstanceIds=[machine])
    guest.delete_security_group(GroupId=group)
    assert owner.describe_network_interfaces()["NetworkInterfaces"] == []


def test_addresses_of_a_subnet_are_given_out_once(house: House) -> None:
    owner, guest = house.owner.ec2, house.guest.ec2
    group = house.guest.group(house.vpc, "10.0.0.0/8")
    taken = []
    for client, more in ((owner, {}), (guest, {"Groups": [group]}), (owner, {})):
        made = client.create_network_interface(SubnetId=house.front, **more)["NetworkInterface"]
        taken.append(made["PrivateIpAddress"])
    assert taken == ["10.1.0.4", "10.1.0.5", "10.1.0.6"]
    wanted = {"SubnetId": house.front, "Groups": [group], "PrivateIpAddress": "10.1.0.4"}
    assert refusal(guest.create_network_interface, **wanted) == "InvalidIPAddress.InUse"
    for client in (owner, guest):
        [found] = client.describe_subnets(SubnetIds=[house.front])["Subnets"]
        assert found["AvailableIpAddressCount"] == 251 - 3


def test_a_guest_needs_a_group_of_its_own(house: House) -> None:
    guest = house.guest.ec2
    code = refusal(guest.create_network_interface, SubnetId=house.front)
    assert code == "UnauthorizedOperation"
    theirs = house.owner.group(house.vpc, "10.0.0.0/8")
    code = refusal(guest.create_network_interface, SubnetId=house.front, Groups=[theirs])
    assert code == "InvalidGroup.NotFound"
    code = refusal(guest.create_network_interface, SubnetId=house.back)
    assert code == "InvalidSubnetID.NotFound"


def test_packets_pass_inside_of_a_shared_network(house: House) -> None:
    """Through the owner's tables and ACLs, with each side's own groups, by account and id."""
    theirs = house.guest.group(house.vpc, "10.1.1.0/24")
    mine = house.owner.ec2.create_security_group(
        VpcId=house.vpc, GroupName="named", Description="named"
    )["GroupId"]
    guest = house.guest.instance(house.front, theirs)
    owner = house.owner.instance(house.back, mine)
    assert house.outcomes(owner, guest) == ("delivered", "delivered")
    assert house.outcomes(guest, owner)[0] == "refused by groups"
    pair = {"GroupId": theirs, "UserId": OTHER}
    house.owner.ec2.authorize_security_group_ingress(
        GroupId=mine, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [pair]}]
    )
    assert house.outcomes(guest, owner) == ("delivered", "delivered")


def test_a_guest_has_public_addresses_by_the_owners_gateway(house: House) -> None:
    owner, guest = house.owner.ec2, house.guest.ec2
    gateway = owner.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    attached = {"InternetGatewayId": gateway, "VpcId": house.vpc}
    owner.attach_internet_gateway(**attached)
    [seen] = guest.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"]
    assert seen["OwnerId"] == ACCOUNT
    house.owner.route(house.vpc, "0.0.0.0/0", GatewayId=gateway)
    machine = house.guest.instance(house.front, house.guest.group(house.vpc, "0.0.0.0/0"))
    address = guest.allocate_address()
    guest.associate_address(AllocationId=address["AllocationId"], InstanceId=machine)
    assert house.outcomes("internet", address["PublicIp"]) == ("delivered", "left")
    assert refusal(owner.detach_internet_gateway, **attached) == "DependencyViolation"


def test_names_of_guests_machines_are_known_inside(house: House) -> None:
    house.guest.instance(house.front, house.guest.group(house.vpc, "10.0.0.0/8"))
    service: Any = house.region.host.services["ec2"]
    name = "ip-10-1-0-4.us-west-2.compute.internal"
    assert service.names.own(ACCOUNT, house.vpc, name) == ("10.1.0.4",)


def test_reachability_is_analysed_from_where_a_guest_stands(house: House) -> None:
    group = house.guest.group(house.vpc, "10.0.0.0/8")
    one, two = (house.guest.instance(house.front, group) for _ in range(2))
    guest = house.guest.ec2
    path = guest.create_network_insights_path(Source=one, Destination=two, Protocol="tcp")
    name = path["NetworkInsightsPath"]["NetworkInsightsPathId"]
    guest.start_network_insights_analysis(NetworkInsightsPathId=name)
    [found] = guest.describe_network_insights_analyses()["NetworkInsightsAnalyses"]
    assert found["NetworkPathFound"] is True


def test_what_a_guest_has_stays_when_the_subnet_is_shared_no_more(house: House) -> None:
    owner, guest = house.owner.ec2, house.guest.ec2
    group = house.guest.group(house.vpc, "10.0.0.0/8")
    machine = house.guest.instance(house.front, group)
    house.region.client("ram").delete_resource_share(resourceShareArn=house.share)
    assert guest.describe_subnets(Filters=named("owner-id", ACCOUNT))["Subnets"] == []
    code = refusal(guest.create_network_interface, SubnetId=house.front, Groups=[group])
    assert code == "InvalidSubnetID.NotFound"
    [found] = guest.describe_instances(InstanceIds=[machine])["Reservations"]
    assert found["Instances"][0]["SubnetId"] == house.front
    assert refusal(owner.delete_subnet, SubnetId=house.front) == "DependencyViolation"
    guest.terminate_instances(InstanceIds=[machine])
    for subnet in (house.front, house.back):
        owner.delete_subnet(SubnetId=subnet)
    assert refusal(owner.delete_vpc, VpcId=house.vpc) == "DependencyViolation"
    guest.delete_security_group(GroupId=group)
    owner.delete_vpc(VpcId=house.vpc)


def test_a_default_subnet_is_not_shared(region: Region) -> None:
    found = region.client("ec2").describe_subnets(Filters=named("default-for-az", "true"))
    arn = found["Subnets"][0]["SubnetArn"]
    create = region.client("ram").create_resource_share
    code = refusal(create, name="x", resourceArns=[arn], principals=[OTHER])
    assert code == "OperationNotPermittedException"
    assert region.client("ram").get_resource_shares(resourceOwner="SELF")["resourceShares"] == []


def test_a_subnet_that_is_offered_is_not_used_before_it_is_accepted(region: Region) -> None:
    owner = Networks(region)
    subnet = owner.subnet(owner.vpc("10.1.0.0/16"), "10.1.0.0/24")
    [found] = owner.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    share(region, found["SubnetArn"])
    guest = region.client("ec2", account=OTHER)
    assert guest.describe_subnets(Filters=named("owner-id", ACCOUNT))["Subnets"] == []
    assert refusal(guest.delete_subnet, SubnetId=subnet) == "InvalidSubnetID.NotFound"

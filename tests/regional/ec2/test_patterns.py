"""Networks made with ordinary EC2 calls, and what is asked of them."""

from typing import Any

import pytest

from antipodes.fabric.network.together import together
from antipodes.hosting.reports import networks_as
from antipodes.questions.walking import Asked, as_record, walked
from tests.regional.ec2.networks import Networks
from tests.regional.elbv2.hosts import Region


@pytest.fixture
def networks(region: Region) -> Networks:
    return Networks(region)


OTHER = "111111111111"
BOTH = ("delivered", "delivered")


def test_hub_and_spoke_with_shared_services(networks: Networks) -> None:
    """Spokes reach what is shared, and not each other (network.md 2.9, T1)."""
    ec2 = networks.ec2
    off = {"DefaultRouteTableAssociation": "disable", "DefaultRouteTablePropagation": "disable"}
    hub = ec2.create_transit_gateway(Options=off)["TransitGateway"]["TransitGatewayId"]
    hosts, attachments = {}, {}
    for number, name in enumerate(("one", "two", "shared"), 1):
        vpc = networks.vpc(f"10.{number}.0.0/16")
        subnet = networks.subnet(vpc, f"10.{number}.0.0/24")
        hosts[name] = networks.instance(subnet, networks.group(vpc, "10.0.0.0/8"))
        made = ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=hub, VpcId=vpc, SubnetIds=[subnet]
        )["TransitGatewayVpcAttachment"]
        attachments[name] = made["TransitGatewayAttachmentId"]
        networks.route(vpc, "0.0.0.0/0", TransitGatewayId=hub)
    tables = {
        name: ec2.create_transit_gateway_route_table(TransitGatewayId=hub)[
            "TransitGatewayRouteTable"
        ]["TransitGatewayRouteTableId"]
        for name in ("spokes", "shared")
    }
    for name, attachment in attachments.items():
        own, other = ("shared", "spokes") if name == "shared" else ("spokes", "shared")
        ec2.associate_transit_gateway_route_table(
            TransitGatewayRouteTableId=tables[own], TransitGatewayAttachmentId=attachment
        )
        ec2.enable_transit_gateway_route_table_propagation(
            TransitGatewayRouteTableId=tables[other], TransitGatewayAttachmentId=attachment
        )
    assert networks.outcomes(hosts["one"], hosts["shared"]) == BOTH
    assert networks.outcomes(hosts["shared"], hosts["two"]) == BOTH
    assert networks.outcomes(hosts["one"], hosts["two"])[0] == "no route"
    ec2.disable_transit_gateway_route_table_propagation(
        TransitGatewayRouteTableId=tables["shared"],
        TransitGatewayAttachmentId=attachments["one"],
    )
    assert networks.outcomes(hosts["one"], hosts["shared"]) == ("delivered", "no route")
    record = networks.ask(hosts["two"], hosts["shared"])
    assert record["forward"]["mtu"] == 8500
    assert record["forward"]["charges"] == ["hub"]


def test_private_hosts_go_out_by_a_translator(networks: Networks) -> None:
    ec2 = networks.ec2
    vpc = networks.vpc("10.0.0.0/16")
    public, private = networks.subnet(vpc, "10.0.0.0/24"), networks.subnet(vpc, "10.0.1.0/24")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address()
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address["AllocationId"])
    name = nat["NatGateway"]["NatGatewayId"]
    networks.route(vpc, "0.0.0.0/0", NatGatewayId=name)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=public)
    host = networks.instance(private, networks.group(vpc, "10.0.0.0/16"))
    record = networks.ask(host, "internet")
    assert record["reached"]
    assert record["forward"]["hops"][-1]["packet"].startswith(f"tcp {address['PublicIp']}:")
    assert "translator" in record["forward"]["charges"]
    assert networks.outcomes("internet", address["PublicIp"])[0] == "not translated"
    ec2.delete_nat_gateway(NatGatewayId=name)
    assert networks.outcomes(host, "internet")[0] == "blackhole"


def test_peers_in_one_region(networks: Networks) -> None:
    ec2 = networks.ec2
    hosts, vpcs = [], []
    for number in (1, 2):
        vpc = networks.vpc(f"10.{number}.0.0/16")
        subnet = networks.subnet(vpc, f"10.{number}.0.0/24")
        hosts.append(networks.instance(subnet, networks.group(vpc, "10.0.0.0/8")))
        vpcs.append(vpc)
    made = ec2.create_vpc_peering_connection(VpcId=vpcs[0], PeerVpcId=vpcs[1])
    name = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    networks.route(vpcs[0], "10.2.0.0/16", VpcPeeringConnectionId=name)
    assert networks.outcomes(*hosts)[0] == "blackhole"
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert networks.outcomes(*hosts) == ("delivered", "no route")
    networks.route(vpcs[1], "10.1.0.0/16", VpcPeeringConnectionId=name)
    assert networks.outcomes(*hosts) == BOTH
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert networks.outcomes(*hosts)[0] == "blackhole"


def test_more_specific_routes_lead_through_an_appliance(networks: Networks) -> None:
    """Inspection between subnets, and its break: the appliance's source/destination check on."""
    ec2 = networks.ec2
    vpc = networks.vpc("10.0.0.0/16")
    group = networks.group(vpc, "10.0.0.0/16")
    subnets = {
        name: networks.subnet(vpc, f"10.0.{number}.0/24")
        for number, name in enumerate(("bastion", "app", "appliance"))
    }
    hosts = {name: networks.instance(subnet, group) for name, subnet in subnets.items()}
    [found] = ec2.describe_instances(InstanceIds=[hosts["appliance"]])["Reservations"]
    interface = found["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    for name, prefix in (("bastion", "10.0.1.0/24"), ("app", "10.0.0.0/24")):
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(
            RouteTableId=table, DestinationCidrBlock=prefix, NetworkInterfaceId=interface
        )
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[name])
    assert networks.outcomes(hosts["bastion"], hosts["app"])[0] == "destination check"
    ec2.modify_instance_attribute(InstanceId=hosts["appliance"], SourceDestCheck={"Value": False})
    assert networks.outcomes(hosts["bastion"], hosts["app"]) == BOTH
    hops = networks.ask(hosts["bastion"], hosts["app"])["forward"]["hops"]
    assert sum(hop["id"] == interface for hop in hops) == 2
    ec2.terminate_instances(InstanceIds=[hosts["appliance"]])
    assert networks.outcomes(hosts["bastion"], hosts["app"])[0] == "blackhole"


def test_prefix_lists_stand_for_what_they_have(networks: Networks) -> None:
    ec2 = networks.ec2
    hosts, vpcs = [], []
    for number in (1, 2):
        vpc = networks.vpc(f"10.{number}.0.0/16")
        subnet = networks.subnet(vpc, f"10.{number}.0.0/24")
        hosts.append(networks.instance(subnet, networks.group(vpc, "10.0.0.0/8")))
        vpcs.append(vpc)
    made = ec2.create_vpc_peering_connection(VpcId=vpcs[0], PeerVpcId=vpcs[1])
    peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    networks.route(vpcs[1], "10.1.0.0/16", VpcPeeringConnectionId=peering)
    lists = ec2.create_managed_prefix_list(
        PrefixListName="there", AddressFamily="IPv4", MaxEntries=2, Entries=[]
    )["PrefixList"]
    filters = [{"Name": "vpc-id", "Values": [vpcs[0]]}]
    [table] = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    ec2.create_route(
        RouteTableId=table["RouteTableId"],
        DestinationPrefixListId=lists["PrefixListId"],
        VpcPeeringConnectionId=peering,
    )
    assert networks.outcomes(*hosts)[0] == "no route"
    ec2.modify_managed_prefix_list(
        PrefixListId=lists["PrefixListId"],
        CurrentVersion=1,
        AddEntries=[{"Cidr": "10.2.0.0/16"}],
    )
    assert networks.outcomes(*hosts) == BOTH


def test_peers_of_two_accounts(region: Region) -> None:
    """What one account knows ends at the peering; together, packets cross it."""
    mine, theirs = Networks(region), Networks(region, OTHER)
    hosts, vpcs = [], []
    for number, networks in enumerate((mine, theirs), 1):
        vpc = networks.vpc(f"10.{number}.0.0/16")
        subnet = networks.subnet(vpc, f"10.{number}.0.0/24")
        hosts.append(networks.instance(subnet, networks.group(vpc, "10.0.0.0/8")))
        vpcs.append(vpc)
    made = mine.ec2.create_vpc_peering_connection(
        VpcId=vpcs[0], PeerVpcId=vpcs[1], PeerOwnerId=OTHER
    )
    name = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    theirs.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    mine.route(vpcs[0], "10.2.0.0/16", VpcPeeringConnectionId=name)
    theirs.route(vpcs[1], "10.1.0.0/16", VpcPeeringConnectionId=name)
    assert mine.outcomes(hosts[0], "10.2.0.4")[0] == "unknown"
    service: Any = region.host.services["ec2"]
    told = networks_as(OTHER, {"here": service.networks()})
    record = as_record(walked(together(told.values()), Asked(hosts[0], hosts[1])), lambda *_: 0.5)
    assert record["reached"]

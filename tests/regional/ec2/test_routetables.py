"""Route tables and what goes by them, by boto3."""

from typing import Any

from antipodes.regional.ec2.model import RouteTable
from tests.regional.ec2.nets import Net
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT


def test_a_table_begins_with_a_local_route_for_each_prefix(net: Net) -> None:
    ec2 = net.ec2
    ec2.associate_vpc_cidr_block(VpcId=net.vpc, CidrBlock="100.64.0.0/16")
    made = ec2.create_route_table(
        VpcId=net.vpc, TagSpecifications=tagged("route-table", Name="new")
    )["RouteTable"]
    local = {"GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}
    assert made["Routes"] == [
        {"DestinationCidrBlock": prefix} | local for prefix in ("10.0.0.0/16", "100.64.0.0/16")
    ]
    assert made["Associations"] == []
    net.region.restart()
    assert net.described(made["RouteTableId"]) == made
    [same] = ec2.describe_route_tables(Filters=named("tag:Name", "new"))["RouteTables"]
    assert same == made
    ec2.delete_route_table(RouteTableId=made["RouteTableId"])
    code = refusal(ec2.describe_route_tables, RouteTableIds=[made["RouteTableId"]])
    assert code == "InvalidRouteTableID.NotFound"
    assert ec2.describe_tags()["Tags"] == []


def test_a_table_is_made_once_however_often_it_is_asked_for(net: Net) -> None:
    ec2, token = net.ec2, "again"
    first = ec2.create_route_table(VpcId=net.vpc, ClientToken=token)
    assert (
        ec2.create_route_table(VpcId=net.vpc, ClientToken=token)["RouteTable"]
        == (first["RouteTable"])
    )
    [default] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    code = refusal(ec2.create_route_table, VpcId=default["VpcId"], ClientToken=token)
    assert code == "IdempotentParameterMismatch"


def test_tables_that_cannot_be(net: Net) -> None:
    ec2, account = net.ec2, ACCOUNT
    assert refusal(ec2.create_route_table, VpcId="vpc-1") == "InvalidVpcID.NotFound"
    assert refusal(ec2.create_route_table, VpcId=net.vpc, DryRun=True) == "DryRunOperation"
    estate = net.estate
    for number in range(198):  # with the main one and the one of `net`: 200
        name = f"rtb-{number}"
        estate.tables.put(account, name, RouteTable(name, account, net.vpc, ()))
    assert refusal(ec2.create_route_table, VpcId=net.vpc) == "RouteTableLimitExceeded"
    assert refusal(ec2.delete_vpc, VpcId=net.vpc) == "DependencyViolation"


def test_a_subnet_goes_by_the_main_table_until_it_has_one(net: Net) -> None:
    ec2 = net.ec2
    made = ec2.associate_route_table(RouteTableId=net.table, SubnetId=net.front)
    assert made["AssociationState"] == {"State": "associated"}
    name = made["AssociationId"]
    again = ec2.associate_route_table(RouteTableId=net.table, SubnetId=net.front)
    assert again["AssociationId"] == name
    other = net.make()
    code = refusal(ec2.associate_route_table, RouteTableId=other, SubnetId=net.front)
    assert code == "Resource.AlreadyAssociated"
    assert refusal(ec2.delete_route_table, RouteTableId=net.table) == "DependencyViolation"
    [one] = net.described()["Associations"]
    assert one == {
        "Main": False,
        "RouteTableAssociationId": name,
        "RouteTableId": net.table,
        "SubnetId": net.front,
        "AssociationState": {"State": "associated"},
    }
    moved = ec2.replace_route_table_association(AssociationId=name, RouteTableId=other)
    assert moved["NewAssociationId"] != name
    assert moved["AssociationState"] == {"State": "associated"}
    net.region.restart()
    assert net.described()["Associations"] == []
    [one] = net.described(other)["Associations"]
    assert (one["SubnetId"], one["RouteTableAssociationId"]) == (
        net.front,
        moved["NewAssociationId"],
    )
    ec2.disassociate_route_table(AssociationId=moved["NewAssociationId"])
    assert net.described(other)["Associations"] == []
    code = refusal(ec2.disassociate_route_table, AssociationId=name)
    assert code == "InvalidAssociationID.NotFound"


def test_a_deleted_subnet_holds_no_table(net: Net) -> None:
    net.ec2.associate_route_table(RouteTableId=net.table, SubnetId=net.front)
    net.ec2.delete_subnet(SubnetId=net.front)
    assert net.described()["Associations"] == []
    net.ec2.delete_route_table(RouteTableId=net.table)
    assert [net.main()["RouteTableId"]] == [
        one["RouteTableId"]
        for one in net.ec2.describe_route_tables(Filters=named("vpc-id", net.vpc))["RouteTables"]
    ]


def test_another_table_can_become_the_main_one(net: Net) -> None:
    ec2, before = net.ec2, net.main()
    [association] = before["Associations"]
    name = association["RouteTableAssociationId"]
    assert refusal(ec2.disassociate_route_table, AssociationId=name) == "InvalidParameterValue"
    code = refusal(ec2.delete_route_table, RouteTableId=before["RouteTableId"])
    assert code == "DependencyViolation"
    ec2.replace_route_table_association(AssociationId=name, RouteTableId=net.table)
    net.region.restart()
    assert net.main()["RouteTableId"] == net.table
    assert net.estate.vpcs.get(ACCOUNT, net.vpc).table == net.table
    ec2.delete_route_table(RouteTableId=before["RouteTableId"])
    code = refusal(ec2.describe_route_tables, RouteTableIds=[before["RouteTableId"]])
    assert code == "InvalidRouteTableID.NotFound"


def test_a_table_is_of_one_network(net: Net) -> None:
    ec2 = net.ec2
    [default] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    other = net.make(default["VpcId"])
    code = refusal(ec2.associate_route_table, RouteTableId=other, SubnetId=net.front)
    assert code == "InvalidParameterValue"
    main = net.main()["Associations"][0]["RouteTableAssociationId"]
    code = refusal(ec2.replace_route_table_association, AssociationId=main, RouteTableId=other)
    assert code == "InvalidParameterValue"
    for to in ({"GatewayId": net.gateway}, {"NetworkInterfaceId": net.appliance}):
        code = refusal(
            ec2.create_route, RouteTableId=other, DestinationCidrBlock="10.9.0.0/16", **to
        )
        assert code == "InvalidParameterValue"
    assert refusal(ec2.associate_route_table, RouteTableId=net.table) == "MissingParameter"
    both = {"SubnetId": net.front, "GatewayId": net.gateway}
    code = refusal(ec2.associate_route_table, RouteTableId=net.table, **both)
    assert code == "InvalidParameterCombination"


def test_the_table_of_a_gateway_leads_to_its_subnets_only(net: Net) -> None:
    """Surprise 6."""
    ec2, table = net.ec2, net.table
    edge = {"RouteTableId": table, "GatewayId": net.gateway}
    net.create("0.0.0.0/0", NetworkInterfaceId=net.appliance)
    assert refusal(ec2.associate_route_table, **edge) == "RouteNotSupported"
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    main = net.main()["RouteTableId"]
    code = refusal(ec2.associate_route_table, RouteTableId=main, GatewayId=net.gateway)
    assert code == "InvalidParameterValue"
    for name in ("eni-1", "nat-1", "x"):
        code = refusal(ec2.associate_route_table, RouteTableId=table, GatewayId=name)
        assert code == "InvalidGatewayID.NotFound"
    made = ec2.associate_route_table(**edge)["AssociationId"]
    assert ec2.associate_route_table(**edge)["AssociationId"] == made
    other = net.make()
    code = refusal(ec2.associate_route_table, RouteTableId=other, GatewayId=net.gateway)
    assert code == "Resource.AlreadyAssociated"
    assert net.refused("0.0.0.0/0", NetworkInterfaceId=net.appliance) == "RouteNotSupported"
    assert net.refused("10.9.0.0/16", NetworkInterfaceId=net.appliance) == "RouteNotSupported"
    net.create("10.0.0.0/24", NetworkInterfaceId=net.appliance)
    net.region.restart()
    [one] = ec2.describe_route_tables(Filters=named("association.gateway-id", net.gateway))[
        "RouteTables"
    ]
    assert one["Associations"] == [
        {
            "Main": False,
            "RouteTableAssociationId": made,
            "RouteTableId": table,
            "GatewayId": net.gateway,
            "AssociationState": {"State": "associated"},
        }
    ]
    code = refusal(ec2.detach_internet_gateway, InternetGatewayId=net.gateway, VpcId=net.vpc)
    assert code == "DependencyViolation"
    top = net.main()["Associations"][0]["RouteTableAssociationId"]
    code = refusal(ec2.replace_route_table_association, AssociationId=top, RouteTableId=table)
    assert code == "InvalidParameterValue"
    moved = ec2.replace_route_table_association(AssociationId=made, RouteTableId=other)
    assert net.described()["Associations"] == []
    assert net.described(other)["Associations"][0]["GatewayId"] == net.gateway
    ec2.disassociate_route_table(AssociationId=moved["NewAssociationId"])
    assert net.described(other)["Associations"] == []


def test_a_new_prefix_of_the_network_is_local_in_every_table(net: Net) -> None:
    net.create("100.64.0.0/24", NetworkInterfaceId=net.appliance)
    code = refusal(net.ec2.associate_vpc_cidr_block, VpcId=net.vpc, CidrBlock="100.64.0.0/16")
    assert code == "InvalidVpc.Range"
    net.ec2.associate_vpc_cidr_block(VpcId=net.vpc, CidrBlock="100.65.0.0/16")
    assert net.routes()["100.65.0.0/16"] == ("local", "active")


def test_networks_of_another_account_are_not_there(net: Net) -> None:
    theirs = net.region.client("ec2", account="111111111111")
    code = refusal(theirs.describe_route_tables, RouteTableIds=[net.table])
    assert code == "InvalidRouteTableID.NotFound"
    code = refusal(theirs.attach_internet_gateway, InternetGatewayId=net.gateway, VpcId=net.vpc)
    assert code == "InvalidInternetGatewayID.NotFound"


def test_what_is_only_rehearsed_changes_nothing(net: Net) -> None:
    ec2, spare = net.ec2, net.make()
    held = ec2.associate_route_table(RouteTableId=net.table, SubnetId=net.front)["AssociationId"]
    loose = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    options = [{"Key": "domain-name", "Values": ["corp.example"]}]
    dhcp = ec2.create_dhcp_options(DhcpConfigurations=options)["DhcpOptions"]["DhcpOptionsId"]
    wanted = {"PrefixListName": "x", "MaxEntries": 1, "AddressFamily": "IPv4"}
    listed = ec2.create_managed_prefix_list(**wanted)["PrefixList"]["PrefixListId"]
    to = {"RouteTableId": net.table, "DestinationCidrBlock": "10.0.0.0/16"}
    versions = {"PrefixListId": listed, "PreviousVersion": 1, "CurrentVersion": 1}
    default = _default(net)
    before = _everything(net)
    for function, request in (
        (ec2.delete_route_table, {"RouteTableId": spare}),
        (ec2.associate_route_table, {"RouteTableId": spare, "SubnetId": net.back}),
        (ec2.associate_route_table, {"RouteTableId": spare, "GatewayId": net.gateway}),
        (ec2.disassociate_route_table, {"AssociationId": held}),
        (ec2.replace_route_table_association, {"AssociationId": held, "RouteTableId": spare}),
        (ec2.replace_route, to | {"NetworkInterfaceId": net.appliance}),
        (ec2.attach_internet_gateway, {"InternetGatewayId": loose, "VpcId": default}),
        (ec2.delete_internet_gateway, {"InternetGatewayId": loose}),
        (ec2.create_dhcp_options, {"DhcpConfigurations": options}),
        (ec2.associate_dhcp_options, {"DhcpOptionsId": dhcp, "VpcId": net.vpc}),
        (ec2.delete_dhcp_options, {"DhcpOptionsId": dhcp}),
        (ec2.restore_managed_prefix_list_version, versions),
        (ec2.delete_managed_prefix_list, {"PrefixListId": listed}),
    ):
        assert refusal(function, **request, DryRun=True) == "DryRunOperation", function
    assert _everything(net) == before


def _default(net: Net) -> str:
    """The default network, which has lost its gateway."""
    ec2 = net.ec2
    [vpc] = ec2.describe_vpcs(Filters=named("is-default", "true"))["Vpcs"]
    name: str = vpc["VpcId"]
    for gateway in ec2.describe_internet_gateways(Filters=named("attachment.vpc-id", name))[
        "InternetGateways"
    ]:
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=name)
    return name


def _everything(net: Net) -> list[Any]:
    ec2 = net.ec2
    return [
        ec2.describe_route_tables()["RouteTables"],
        ec2.describe_internet_gateways()["InternetGateways"],
        ec2.describe_dhcp_options()["DhcpOptions"],
        ec2.describe_managed_prefix_lists()["PrefixLists"],
        ec2.describe_vpcs()["Vpcs"],
    ]

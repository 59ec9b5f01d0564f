"""VPC endpoints: gateway endpoints and their routes, interface endpoints and their names."""

import json
from ipaddress import IPv4Network
from typing import Any

import pytest

from antipodes.fabric.network.fabric import Fabric, from_interface
from antipodes.fabric.network.packets import Packet
from antipodes.regional.ec2 import endpoints
from antipodes.regional.ec2.interfaces import Wanted
from antipodes.regional.ec2.topology import topology
from tests.fabric.network.worlds import told
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, REGION, Region

S3, DYNAMODB, KMS = (f"com.amazonaws.{REGION}.{name}" for name in ("s3", "dynamodb", "kms"))
POLICY = json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*"}]})


class Network:
    """A VPC, its main table, and a subnet in each of two zones."""

    def __init__(self, ec2: Any, prefix: str = "10.0") -> None:
        self.ec2 = ec2
        self.vpc: str = ec2.create_vpc(CidrBlock=f"{prefix}.0.0/16")["Vpc"]["VpcId"]
        zones = ec2.describe_availability_zones()["AvailabilityZones"][:2]
        self.zones: list[str] = [zone["ZoneName"] for zone in zones]
        self.subnets: list[str] = [
            ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"{prefix}.{number}.0/24", AvailabilityZone=zone
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate(self.zones)
        ]

    def name(self) -> None:
        """Give the VPC names."""
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})

    def table(self) -> str:
        """The VPC's main table."""
        found = self.ec2.describe_route_tables(Filters=named("vpc-id", self.vpc))
        return str(found["RouteTables"][0]["RouteTableId"])

    def gateway(self, service: str = S3, **more: Any) -> Any:
        """A gateway endpoint."""
        made = self.ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName=service, **more)
        return made["VpcEndpoint"]

    def interface(self, service: str = KMS, **more: Any) -> Any:
        """An interface endpoint in both subnets."""
        request = {
            "VpcId": self.vpc,
            "ServiceName": service,
            "VpcEndpointType": "Interface",
            "SubnetIds": self.subnets,
            **more,
        }
        return self.ec2.create_vpc_endpoint(**request)["VpcEndpoint"]

    def endpoint(self, made: Any) -> Any:
        """An endpoint, as it is shown."""
        names = [made["VpcEndpointId"]]
        [found] = self.ec2.describe_vpc_endpoints(VpcEndpointIds=names)["VpcEndpoints"]
        return found

    def routes(self) -> dict[str, str]:
        """The main table's routes to prefix lists: of the list, to what."""
        found = self.ec2.describe_route_tables(RouteTableIds=[self.table()])["RouteTables"][0]
        return {
            route["DestinationPrefixListId"]: route["GatewayId"]
            for route in found["Routes"]
            if "DestinationPrefixListId" in route
        }


@pytest.fixture
def network(ec2: Any) -> Network:
    return Network(ec2)


def list_of(ec2: Any, service: str) -> str:
    """The id of a service's prefix list."""
    found = ec2.describe_prefix_lists(Filters=named("prefix-list-name", service))
    return str(found["PrefixLists"][0]["PrefixListId"])


def test_a_gateway_endpoint_is_a_route_and_nothing_else(region: Region) -> None:
    network = Network(region.client("ec2"))
    made = network.gateway(
        RouteTableIds=[network.table()], TagSpecifications=tagged("vpc-endpoint", Name="s3")
    )
    assert (made["State"], made["VpcEndpointType"]) == ("available", "Gateway")
    region.restart()
    found = network.endpoint(made)
    assert found == made
    assert (found["OwnerId"], found["NetworkInterfaceIds"]) == (ACCOUNT, [])
    assert json.loads(found["PolicyDocument"])["Statement"][0]["Effect"] == "Allow"
    ec2 = network.ec2
    assert network.routes() == {list_of(ec2, S3): made["VpcEndpointId"]}
    other = network.gateway(DYNAMODB, RouteTableIds=[network.table()])
    assert network.routes()[list_of(ec2, DYNAMODB)] == other["VpcEndpointId"]
    filters = named("service-name", DYNAMODB) + named("vpc-id", network.vpc)
    [same] = ec2.describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
    assert same == other
    gone = [made["VpcEndpointId"], "vpce-0123456789abcdef0"]
    [failed] = ec2.delete_vpc_endpoints(VpcEndpointIds=gone)["Unsuccessful"]
    assert failed["ResourceId"] == gone[1]
    assert failed["Error"]["Code"] == "InvalidVpcEndpointId.NotFound"
    assert list(network.routes().values()) == [other["VpcEndpointId"]]


def test_tables_join_and_leave_a_gateway_endpoint(network: Network) -> None:
    ec2, table = network.ec2, network.table()
    made = network.gateway()
    change = {"VpcEndpointId": made["VpcEndpointId"]}
    assert network.routes() == {}
    ec2.modify_vpc_endpoint(**change, AddRouteTableIds=[table], PolicyDocument=POLICY)
    assert network.endpoint(made)["RouteTableIds"] == [table]
    assert network.endpoint(made)["PolicyDocument"] == POLICY
    twice = {"VpcId": network.vpc, "ServiceName": S3, "RouteTableIds": [table]}
    assert refusal(ec2.create_vpc_endpoint, **twice) == "RouteAlreadyExists"
    ec2.modify_vpc_endpoint(**change, AddRouteTableIds=[table])
    ec2.modify_vpc_endpoint(**change, RemoveRouteTableIds=[table], ResetPolicy=True)
    assert network.routes() == {}
    assert network.endpoint(made)["PolicyDocument"] == endpoints.DEFAULT_POLICY
    other = Network(ec2, "10.1")
    strange = {**change, "AddRouteTableIds": [other.table()]}
    assert refusal(ec2.modify_vpc_endpoint, **strange) == "InvalidParameter"


def test_an_interface_endpoint_has_an_interface_in_each_zone(region: Region) -> None:
    network = Network(region.client("ec2"))
    network.name()
    made = network.interface()
    assert made["State"] == "pending"
    region.restart()
    found = network.endpoint(made)
    assert found == made | {"State": "available"}
    name = found["VpcEndpointId"]
    own = [entry["DnsName"] for entry in found["DnsEntries"]]
    below = f".kms.{REGION}.vpce.amazonaws.com"
    label = own[0].removeprefix(f"{name}-").removesuffix(below)
    assert own == [
        f"{name}-{label}{below}",
        *(f"{name}-{label}-{zone}{below}" for zone in network.zones),
        f"kms.{REGION}.amazonaws.com",
    ]
    assert found["PrivateDnsEnabled"] is True
    [group] = found["Groups"]
    assert group["GroupName"] == "default"
    ec2 = network.ec2
    interfaces = ec2.describe_network_interfaces(NetworkInterfaceIds=found["NetworkInterfaceIds"])
    for one in interfaces["NetworkInterfaces"]:
        assert (one["InterfaceType"], one["RequesterManaged"]) == ("vpc_endpoint", True)
        assert one["Groups"][0]["GroupId"] == group["GroupId"]
    assert refusal(ec2.delete_subnet, SubnetId=network.subnets[0]) == "DependencyViolation"
    assert refusal(ec2.delete_vpc, VpcId=network.vpc) == "DependencyViolation"
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[name])["Unsuccessful"] == []
    assert refusal(ec2.describe_vpc_endpoints, VpcEndpointIds=[name]) == (
        "InvalidVpcEndpointId.NotFound"
    )
    for subnet in network.subnets:
        ec2.delete_subnet(SubnetId=subnet)


def test_subnets_and_groups_of_an_interface_endpoint_change(network: Network) -> None:
    ec2 = network.ec2
    made = network.interface(SubnetIds=network.subnets[:1], PrivateDnsEnabled=False)
    change = {"VpcEndpointId": made["VpcEndpointId"]}
    default = made["Groups"][0]["GroupId"]
    group = ec2.create_security_group(GroupName="of", Description="it", VpcId=network.vpc)
    ec2.modify_vpc_endpoint(
        **change, AddSubnetIds=network.subnets[1:], AddSecurityGroupIds=[group["GroupId"]]
    )
    found = network.endpoint(made)
    assert found["SubnetIds"] == network.subnets
    assert {one["GroupId"] for one in found["Groups"]} == {default, group["GroupId"]}
    ec2.modify_vpc_endpoint(
        **change, RemoveSubnetIds=network.subnets[:1], RemoveSecurityGroupIds=[default]
    )
    [left] = network.endpoint(made)["NetworkInterfaceIds"]
    assert left == found["NetworkInterfaceIds"][1]
    shown = ec2.describe_network_interfaces(NetworkInterfaceIds=[left])["NetworkInterfaces"]
    assert [one["GroupId"] for one in shown[0]["Groups"]] == [group["GroupId"]]
    last = {**change, "RemoveSecurityGroupIds": [group["GroupId"]]}
    assert refusal(ec2.modify_vpc_endpoint, **last) == "InvalidParameter"
    ec2.delete_subnet(SubnetId=network.subnets[0])


def test_addresses_can_be_chosen(network: Network) -> None:
    chosen = [{"SubnetId": network.subnets[0], "Ipv4": "10.0.0.77"}]
    made = network.interface(SubnetConfigurations=chosen, PrivateDnsEnabled=False)
    interfaces = network.ec2.describe_network_interfaces(
        NetworkInterfaceIds=made["NetworkInterfaceIds"]
    )["NetworkInterfaces"]
    by_subnet = {one["SubnetId"]: one["PrivateIpAddress"] for one in interfaces}
    assert by_subnet == {network.subnets[0]: "10.0.0.77", network.subnets[1]: "10.0.1.4"}


def test_private_names_need_names_and_nobody_else_with_them(network: Network) -> None:
    ec2 = network.ec2
    request = {"VpcId": network.vpc, "ServiceName": KMS, "VpcEndpointType": "Interface"}
    assert refusal(ec2.create_vpc_endpoint, **request) == "InvalidParameter"
    network.name()
    network.interface(SubnetIds=[])
    assert refusal(ec2.create_vpc_endpoint, **request) == "InvalidParameter"
    made = network.interface(SubnetIds=[], PrivateDnsEnabled=False)
    change = {"VpcEndpointId": made["VpcEndpointId"], "PrivateDnsEnabled": True}
    assert refusal(ec2.modify_vpc_endpoint, **change) == "InvalidParameter"
    unnamed = request | {"ServiceName": DYNAMODB, "PrivateDnsEnabled": True}
    assert refusal(ec2.create_vpc_endpoint, **unnamed) == "InvalidParameter"


def test_s3_answers_outside_by_its_interface_and_inside_by_its_gateway(network: Network) -> None:
    network.name()
    inbound = {"PrivateDnsOnlyForInboundResolverEndpoint": True}
    request = {
        "VpcId": network.vpc,
        "ServiceName": S3,
        "VpcEndpointType": "Interface",
        "PrivateDnsEnabled": True,
        "DnsOptions": inbound,
    }
    ec2 = network.ec2
    assert refusal(ec2.create_vpc_endpoint, **request) == "InvalidParameter"
    gateway = network.gateway()
    plain = network.interface(S3)
    assert plain["PrivateDnsEnabled"] is False
    made = ec2.create_vpc_endpoint(**request)["VpcEndpoint"]
    assert made["DnsOptions"]["PrivateDnsOnlyForInboundResolverEndpoint"] is True
    assert made["DnsEntries"][0]["DnsName"].startswith(f"*.{made['VpcEndpointId']}-")
    names = [gateway["VpcEndpointId"]]
    [failed] = ec2.delete_vpc_endpoints(VpcEndpointIds=names)["Unsuccessful"]
    assert failed["Error"]["Code"] == "OperationNotPermitted"
    change = {"VpcEndpointId": made["VpcEndpointId"]}
    ec2.modify_vpc_endpoint(
        **change, DnsOptions={"PrivateDnsOnlyForInboundResolverEndpoint": False}
    )
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=names)["Unsuccessful"] == []


def test_a_gateway_endpoint_that_cannot_be(network: Network) -> None:
    for more, code in (
        ({"VpcId": "vpc-0123456789abcdef0"}, "InvalidVpcID.NotFound"),
        ({"ServiceName": ""}, "MissingParameter"),
        ({"ServiceName": f"com.amazonaws.{REGION}.abacus"}, "InvalidServiceName"),
        ({"ServiceName": KMS}, "InvalidParameter"),  # it has no gateway endpoints
        ({"VpcEndpointType": "GatewayLoadBalancer"}, "InvalidParameter"),
        ({"ServiceRegion": "eu-central-1"}, "UnsupportedOperation"),
        ({"IpAddressType": "dualstack"}, "UnsupportedOperation"),
        ({"RouteTableIds": ["rtb-0123456789abcdef0"]}, "InvalidRouteTableID.NotFound"),
        ({"SubnetIds": ["subnet-0123456789abcdef0"]}, "InvalidParameter"),
        ({"PolicyDocument": "{"}, "InvalidPolicyDocument"),
        ({"PolicyDocument": POLICY + " " * 20480}, "InvalidPolicyDocument"),
        ({"TagSpecifications": tagged("vpc", a="b")}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ):
        request = {"VpcId": network.vpc, "ServiceName": S3, **more}
        assert (more, refusal(network.ec2.create_vpc_endpoint, **request)) == (more, code)
    assert network.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []


def test_an_interface_endpoint_that_cannot_be_leaves_nothing(network: Network) -> None:
    ec2 = network.ec2
    more = ec2.create_subnet(
        VpcId=network.vpc, CidrBlock="10.0.9.0/24", AvailabilityZone=network.zones[0]
    )["Subnet"]["SubnetId"]
    other = Network(ec2, "10.1")
    chosen = [{"SubnetId": network.subnets[1], "Ipv4": "10.0.1.1"}]
    for given, code in (
        ({"SubnetIds": [network.subnets[0], more]}, "DuplicateSubnetsInSameZone"),
        ({"SubnetIds": other.subnets}, "InvalidParameter"),
        ({"SubnetIds": ["subnet-0123456789abcdef0"]}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"SubnetConfigurations": chosen}, "InvalidParameterValue"),
        ({"RouteTableIds": [network.table()]}, "InvalidParameter"),
        ({"DryRun": True}, "DryRunOperation"),
    ):
        request = {
            "VpcId": network.vpc,
            "ServiceName": KMS,
            "VpcEndpointType": "Interface",
            "SubnetIds": network.subnets,
            "PrivateDnsEnabled": False,
            **given,
        }
        assert refusal(ec2.create_vpc_endpoint, **request) == code
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_a_request_that_is_sent_again_makes_one_endpoint(network: Network) -> None:
    made = network.gateway(ClientToken="once")
    assert network.gateway(ClientToken="once") == made
    again = {"VpcId": network.vpc, "ServiceName": DYNAMODB, "ClientToken": "once"}
    code = refusal(network.ec2.create_vpc_endpoint, **again)
    assert code == "IdempotentParameterMismatch"


def test_twenty_gateway_endpoints_to_a_region(network: Network) -> None:
    for _ in range(20):
        network.gateway()
    request = {"VpcId": network.vpc, "ServiceName": S3}
    assert refusal(network.ec2.create_vpc_endpoint, **request) == "VpcEndpointLimitExceeded"
    network.interface(PrivateDnsEnabled=False)


def test_services_by_type(ec2: Any) -> None:
    found = ec2.describe_vpc_endpoint_services(Filters=named("service-type", "Gateway"))
    assert found["ServiceNames"] == [DYNAMODB, S3]
    found = ec2.describe_vpc_endpoint_services(ServiceNames=[KMS])
    [kms] = found["ServiceDetails"]
    assert kms["PrivateDnsName"] == f"kms.{REGION}.amazonaws.com"
    assert kms["ServiceType"] == [{"ServiceType": "Interface"}]
    missing = [f"com.amazonaws.{REGION}.abacus"]
    code = refusal(ec2.describe_vpc_endpoint_services, ServiceNames=missing)
    assert code == "InvalidServiceName"
    first = ec2.describe_vpc_endpoint_services(MaxResults=5)
    assert len(first["ServiceDetails"]) == 5
    assert first["NextToken"]


def test_a_gateway_endpoints_routes_are_its_own(network: Network) -> None:
    ec2, table = network.ec2, network.table()
    made = network.gateway(RouteTableIds=[table])
    to = {"RouteTableId": table, "DestinationPrefixListId": list_of(ec2, S3)}
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=network.vpc)
    assert refusal(ec2.create_route, **to, GatewayId=internet) == "RouteAlreadyExists"
    assert refusal(ec2.replace_route, **to, GatewayId=internet) == "InvalidParameterValue"
    assert refusal(ec2.delete_route, **to) == "InvalidParameterValue"
    target = {"DestinationCidrBlock": "192.0.2.0/24", "VpcEndpointId": made["VpcEndpointId"]}
    assert refusal(ec2.create_route, RouteTableId=table, **target) == "RouteNotSupported"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    ec2.create_route(**to, GatewayId=internet)
    again = {"VpcId": network.vpc, "ServiceName": S3, "RouteTableIds": [table]}
    assert refusal(ec2.create_vpc_endpoint, **again) == "RouteAlreadyExists"


def test_what_is_told_of_endpoints_can_be_walked(region: Region, network: Network) -> None:
    service: Any = region.host.service("ec2")
    subnet = service.estate.subnets.get(ACCOUNT, network.subnets[0])
    first = service.interfaces.make(subnet, Wanted())
    [prefix] = network.ec2.describe_prefix_lists(Filters=named("prefix-list-name", S3))[
        "PrefixLists"
    ][0]["Cidrs"]

    def send(target: str) -> tuple[str, str]:
        fabric = Fabric(topology(service.estate, ACCOUNT))
        packet = Packet.of(first.addresses[0].address, target, target_port=443)
        return told(fabric.walk(from_interface(first.id), packet))

    bucket = str(IPv4Network(prefix)[7])
    assert send(bucket)[0] == "no route"
    network.gateway(RouteTableIds=[network.table()])
    assert send(bucket) == ("delivered", "delivered")
    made = network.interface(SubnetIds=network.subnets[1:], PrivateDnsEnabled=False)
    [name] = made["NetworkInterfaceIds"]
    keys = service.estate.interfaces.get(ACCOUNT, name).addresses[0].address
    assert send(keys) == ("delivered", "delivered")


def test_a_table_that_is_gone_is_not_shown(network: Network) -> None:
    table = network.ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    made = network.gateway(RouteTableIds=[table])
    network.ec2.delete_route_table(RouteTableId=table)
    assert network.endpoint(made)["RouteTableIds"] == []
    network.ec2.modify_vpc_endpoint(
        VpcEndpointId=made["VpcEndpointId"], AddRouteTableIds=[network.table()]
    )
    assert network.endpoint(made)["RouteTableIds"] == [network.table()]

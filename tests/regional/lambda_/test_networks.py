"""Functions in VPCs: their interfaces, and what they call where networks are enforced."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.testing.virtualworld import VirtualWorld
from tests.regional.lambda_.hosts import ROLE, package

REGION = "us-west-2"
CODE = """
import boto3
def handler(event, context):
    return boto3.client("dynamodb").list_tables()["TableNames"]
def takes(event, context):
    import time
    client = boto3.client("sts")
    client.get_caller_identity()
    began = time.time()
    client.get_caller_identity()
    return time.time() - began
def asks(event, context):
    import botocore.exceptions
    service, operation, request = event
    try:
        getattr(boto3.client(service), operation)(**request)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], str(error)
    return "", ""
"""
WENT_LATE = "Task timed out after 3.00 seconds"


class Site:
    """A VPC with a subnet that leads nowhere and one that leads out, and whom to ask."""

    def __init__(self, sim: VirtualWorld, account: str = "000000000000") -> None:
        self.sim, self.account = sim, account
        self.ec2, self.functions = (
            sim.client(name, region=REGION, account=account) for name in ("ec2", "lambda")
        )
        self.vpc: str = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.within, self.front = (
            str(self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=prefix)["Subnet"]["SubnetId"])
            for prefix in ("10.0.0.0/24", "10.0.1.0/24")
        )
        self.group = self.group_of(self.vpc)

    def group_of(self, vpc: str) -> str:
        wanted = [{"Name": "vpc-id", "Values": [vpc]}]
        [found] = self.ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]
        return str(found["GroupId"])

    def at(self, *subnets: str, group: str = "") -> dict[str, Any]:
        groups = [group or self.group] if subnets else []
        return {"SubnetIds": list(subnets), "SecurityGroupIds": groups}

    def make(self, name: str, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=ROLE,
            **{"Handler": "app.handler", "Code": {"ZipFile": package(CODE)}, **more},
        )
        return made

    def call(self, name: str) -> Any:
        """What becomes of a function, when news of the network has reached everybody."""
        self.sim.advance(seconds=2)
        return json.load(self.functions.invoke(FunctionName=name)["Payload"])

    def is_answered(self, name: str) -> bool:
        said = self.call(name)
        if said == []:
            return True
        assert said["errorMessage"].endswith(WENT_LATE)
        return False

    def interfaces(self, name: str) -> list[dict[str, Any]]:
        wanted = [{"Name": "description", "Values": [f"AWS Lambda VPC ENI-{name}-*"]}]
        found: list[dict[str, Any]] = self.ec2.describe_network_interfaces(Filters=wanted)[
            "NetworkInterfaces"
        ]
        return found

    def table_of(self, subnet: str) -> str:
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return str(table)

    def main_table(self) -> str:
        wanted = [{"Name": "vpc-id", "Values": [self.vpc]}]
        [found] = self.ec2.describe_route_tables(Filters=wanted)["RouteTables"]
        return str(found["RouteTableId"])


@pytest.fixture(scope="module")
def enforced() -> Iterator[VirtualWorld]:
    with VirtualWorld((REGION,), network_enforce=True) as sim:
        yield sim


@pytest.fixture
def site(enforced: VirtualWorld, request: pytest.FixtureRequest) -> Site:
    """A site in an account of the test's own."""
    return Site(enforced, f"{len(request.node.name):012d}")


def test_a_gateway_endpoint_lets_a_function_call_and_only_while_it_is_there(site: Site) -> None:
    site.make("inside", VpcConfig=site.at(site.within))
    assert not site.is_answered("inside")
    made = site.ec2.create_vpc_endpoint(
        VpcId=site.vpc,
        ServiceName=f"com.amazonaws.{REGION}.dynamodb",
        RouteTableIds=[site.main_table()],
    )
    assert site.is_answered("inside")
    site.make("new", VpcConfig=site.at(site.within))  # what is not known of yet is asked again
    assert json.load(site.functions.invoke(FunctionName="new")["Payload"]) == []
    site.ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpoint"]["VpcEndpointId"]])
    assert not site.is_answered("inside")
    site.functions.update_function_configuration(FunctionName="inside", VpcConfig=site.at())
    assert site.is_answered("inside")


def test_a_function_calls_by_a_nat_gateway_and_not_from_a_public_subnet(site: Site) -> None:
    gateway = site.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    site.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=site.vpc)
    everything = {"DestinationCidrBlock": "0.0.0.0/0"}
    site.ec2.create_route(RouteTableId=site.table_of(site.front), GatewayId=gateway, **everything)
    site.make("outward", VpcConfig=site.at(site.front))
    assert not site.is_answered("outward")  # its interface has no public address
    allocation = site.ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = site.ec2.create_nat_gateway(SubnetId=site.front, AllocationId=allocation)
    nat_id = nat["NatGateway"]["NatGatewayId"]
    site.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat_id])
    site.ec2.create_route(
        RouteTableId=site.table_of(site.within), NatGatewayId=nat_id, **everything
    )
    config = site.at(site.within)
    site.functions.update_function_configuration(FunctionName="outward", VpcConfig=config)
    assert site.is_answered("outward")


def test_a_call_takes_what_its_way_takes(site: Site) -> None:
    """To an endpoint in the function's own zone, and to one in another zone."""
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        site.ec2.modify_vpc_attribute(VpcId=site.vpc, **{attribute: {"Value": True}})
    near, far = (
        str(
            site.ec2.create_subnet(
                VpcId=site.vpc, CidrBlock=prefix, AvailabilityZone=f"{REGION}{zone}"
            )["Subnet"]["SubnetId"]
        )
        for zone, prefix in (("a", "10.0.2.0/24"), ("b", "10.0.3.0/24"))
    )
    site.ec2.create_vpc_endpoint(
        VpcId=site.vpc,
        VpcEndpointType="Interface",
        ServiceName=f"com.amazonaws.{REGION}.sts",
        SubnetIds=[near],
    )
    for name, subnet in (("near", near), ("far", far)):
        site.make(name, VpcConfig=site.at(subnet), Handler="app.takes")
    assert site.call("near") < site.call("far")


def test_groups_hold_a_function_back(site: Site) -> None:
    site.ec2.create_vpc_endpoint(
        VpcId=site.vpc,
        ServiceName=f"com.amazonaws.{REGION}.dynamodb",
        RouteTableIds=[site.main_table()],
    )
    made = site.ec2.create_security_group(VpcId=site.vpc, GroupName="mute", Description="mute")
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    site.ec2.revoke_security_group_egress(GroupId=made["GroupId"], IpPermissions=everything)
    site.make("mute", VpcConfig=site.at(site.within, group=made["GroupId"]))
    assert not site.is_answered("mute")
    https = [{**everything[0], "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}]
    site.ec2.authorize_security_group_egress(GroupId=made["GroupId"], IpPermissions=https)
    assert site.is_answered("mute")


def test_the_policy_of_an_endpoint_says_what_may_be_called(site: Site) -> None:
    kept, other = (
        f"arn:aws:dynamodb:{REGION}:{site.account}:table/{name}" for name in ("kept", "other")
    )
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "dynamodb:*Item", "Resource": kept}
    denied = {**allowed, "Effect": "Deny", "Action": "dynamodb:DeleteItem"}
    listed = {**allowed, "Action": "dynamodb:ListTables", "Resource": "*"}
    made = site.ec2.create_vpc_endpoint(
        VpcId=site.vpc,
        ServiceName=f"com.amazonaws.{REGION}.dynamodb",
        RouteTableIds=[site.main_table()],
        PolicyDocument=json.dumps({"Statement": [allowed, denied, listed]}),
    )["VpcEndpoint"]
    site.make("asking", Handler="app.asks", VpcConfig=site.at(site.within))

    def asked(operation: str, **request: Any) -> list[str]:
        site.sim.advance(seconds=2)
        event = json.dumps(["dynamodb", operation, request])
        answer = site.functions.invoke(FunctionName="asking", Payload=event)
        found: list[str] = json.load(answer["Payload"])
        return found

    key = {"Key": {"id": {"S": "1"}}}
    assert asked("list_tables") == ["", ""]
    assert asked("get_item", TableName="kept", **key)[0] == "ResourceNotFoundException"
    assert asked("get_item", TableName=kept, **key)[0] == "ResourceNotFoundException"
    for operation, request, action, on in (
        ("get_item", {"TableName": "other", **key}, "GetItem", other),
        ("delete_item", {"TableName": "kept", **key}, "DeleteItem", kept),
        ("describe_table", {"TableName": "kept"}, "DescribeTable", kept),
        (
            "transact_write_items",
            {"TransactItems": [{"Delete": {"TableName": "kept", **key}}]},
            *("DeleteItem", kept),
        ),
        (
            "batch_get_item",
            {"RequestItems": {"other": {"Keys": [key["Key"]]}}},
            *("BatchGetItem", other),
        ),
    ):
        code, said = asked(operation, **request)
        assert code == "AccessDeniedException"
        assert f"/{ROLE.rpartition('/')[2]}/asking is not authorized to perform" in said
        assert f"dynamodb:{action} on resource: {on} because no VPC endpoint policy" in said
    site.ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], ResetPolicy=True)
    assert asked("describe_table", TableName="kept")[0] == "ResourceNotFoundException"


def test_an_interface_endpoint_lets_a_function_call_what_its_policy_allows(site: Site) -> None:
    site.make("caller", Handler="app.asks", VpcConfig=site.at(site.within))
    event = json.dumps(["sts", "get_caller_identity", {}])

    def asked() -> Any:
        site.sim.advance(seconds=2)
        return json.load(site.functions.invoke(FunctionName="caller", Payload=event)["Payload"])

    assert asked()["errorMessage"].endswith(WENT_LATE)
    site.ec2.modify_vpc_attribute(VpcId=site.vpc, EnableDnsHostnames={"Value": True})
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    made = site.ec2.create_vpc_endpoint(
        VpcId=site.vpc,
        ServiceName=f"com.amazonaws.{REGION}.sts",
        VpcEndpointType="Interface",
        SubnetIds=[site.front],
        PrivateDnsEnabled=True,
        PolicyDocument=json.dumps({"Statement": {**statement, "Action": "sts:Get*"}}),
    )["VpcEndpoint"]
    site.sim.advance(seconds=60)
    assert asked() == ["", ""]
    elsewhere = {**statement, "Condition": {"StringNotEquals": {"aws:SourceVpc": site.vpc}}}
    site.ec2.modify_vpc_endpoint(
        VpcEndpointId=made["VpcEndpointId"],
        PolicyDocument=json.dumps({"Statement": elsewhere}),
    )
    code, said = asked()
    assert code == "AccessDenied"
    assert "no VPC endpoint policy allows the sts:GetCallerIdentity action" in said


def test_a_policy_that_cannot_be_judged_is_refused_where_it_would_be(site: Site) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    found = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::1:role/*"}}
    with pytest.raises(ClientError, match="ArnLike is not offered") as caught:
        site.ec2.create_vpc_endpoint(
            VpcId=site.vpc,
            ServiceName=f"com.amazonaws.{REGION}.dynamodb",
            PolicyDocument=json.dumps({"Statement": {**statement, "Condition": found}}),
        )
    assert caught.value.response["Error"]["Code"] == "InvalidPolicyDocument"


def test_where_networks_are_not_enforced_a_function_calls_from_anywhere() -> None:
    with VirtualWorld((REGION,)) as sim:
        site = Site(sim)
        site.make("free", VpcConfig=site.at(site.within))
        assert site.is_answered("free")


def test_a_function_has_an_interface_in_each_subnet_until_it_is_gone(site: Site) -> None:
    made = site.make("two", VpcConfig=site.at(site.within, site.front))
    assert made["VpcConfig"] == {
        **site.at(site.within, site.front),
        "VpcId": site.vpc,
        "Ipv6AllowedForDualStack": False,
    }
    before = site.interfaces("two")
    assert sorted(one["SubnetId"] for one in before) == sorted([site.within, site.front])
    assert {one["InterfaceType"] for one in before} == {"lambda"}
    assert all(one["RequesterManaged"] and one["Status"] == "in-use" for one in before)
    with pytest.raises(ClientError, match="DependencyViolation"):
        site.ec2.delete_subnet(SubnetId=site.front)

    site.sim.restart(REGION)
    assert site.interfaces("two") == before
    found = site.functions.get_function_configuration(FunctionName="two")
    assert found["VpcConfig"] == made["VpcConfig"]

    site.functions.update_function_configuration(FunctionName="two", Timeout=4, VpcConfig={})
    assert site.interfaces("two") == before
    config = site.at(site.within)
    site.functions.update_function_configuration(FunctionName="two", VpcConfig=config)
    assert [one["SubnetId"] for one in site.interfaces("two")] == [site.within]
    site.ec2.delete_subnet(SubnetId=site.front)
    site.functions.delete_function(FunctionName="two")
    assert site.interfaces("two") == []
    site.ec2.delete_subnet(SubnetId=site.within)


def test_where_no_function_can_be(site: Site) -> None:
    other = Site(site.sim, site.account)
    full = site.ec2.create_subnet(VpcId=site.vpc, CidrBlock="10.0.2.0/28")["Subnet"]["SubnetId"]
    for _ in range(11):
        site.ec2.create_network_interface(SubnetId=full)
    for config, words in (
        (site.at(site.within, "subnet-0123456789abcdef0"), "InvalidSubnetID.NotFound"),
        (site.at(site.within, group="sg-0123456789abcdef0"), "InvalidGroup.NotFound"),
        (site.at(site.within, other.within), "same VPC"),
        (site.at(site.within, group=other.group), "same VPC"),
        (site.at(site.within, full), "InsufficientFreeAddressesInSubnet"),
    ):
        with pytest.raises(ClientError, match=words) as caught:
            site.make("nowhere", VpcConfig=config)
        assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert site.interfaces("nowhere") == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        site.functions.get_function(FunctionName="nowhere")

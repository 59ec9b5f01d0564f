"""Nodes that face the internet stand in subnets, by interfaces that EC2 shows."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.regional.ec2.networks import Networks
from tests.regional.elbv2.hosts import Region


@pytest.fixture
def networks() -> Any:
    region = Region()
    yield Networks(region), region
    region.close()


def nodes(ec2: Any, name: str) -> dict[str, str]:
    """A load balancer's interfaces: the subnet of each, and its public address."""
    filters = [{"Name": "description", "Values": [f"ELB */{name}/*"]}]
    found = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert all(one["RequesterManaged"] for one in found)
    return {one["SubnetId"]: one["Association"]["PublicIp"] for one in found}


def test_the_internet_reaches_nodes_as_groups_and_routes_let_it(networks: Any) -> None:
    made, region = networks
    ec2, elbv2 = made.ec2, region.client("elbv2")
    vpc = made.vpc("10.0.0.0/16")
    zones = "us-west-2a", "us-west-2b", "us-west-2c"
    one, two, three = (
        made.subnet(vpc, f"10.0.{number}.0/24", zone) for number, zone in enumerate(zones)
    )
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    group = made.group(vpc, "0.0.0.0/0")
    [balancer] = elbv2.create_load_balancer(
        Name="open", Subnets=[one, two], SecurityGroups=[group]
    )["LoadBalancers"]
    assert set(before := nodes(ec2, "open")) == {one, two}
    assert made.outcomes("internet", before[one]) == ("delivered", "no route")
    made.route(vpc, "0.0.0.0/0", GatewayId=gateway)
    assert made.outcomes("internet", before[one]) == ("delivered", "left")

    arn = balancer["LoadBalancerArn"]
    elbv2.set_subnets(LoadBalancerArn=arn, Subnets=[two, three])
    after = nodes(ec2, "open")
    assert (set(after), after[two]) == ({two, three}, before[two])
    region.restart()
    assert nodes(ec2, "open") == after
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert nodes(ec2, "open") == {}


def test_a_subnet_without_free_addresses_takes_no_node(networks: Any) -> None:
    made, region = networks
    ec2, elbv2 = made.ec2, region.client("elbv2")
    vpc = made.vpc("10.0.0.0/16")
    full, other = made.subnet(vpc, "10.0.0.0/28"), made.subnet(vpc, "10.0.1.0/24", "us-west-2b")
    for _ in range(11):
        ec2.create_network_interface(SubnetId=full)
    with pytest.raises(ClientError) as refused:
        elbv2.create_load_balancer(Name="late", Subnets=[other, full])
    assert refused.value.response["Error"]["Code"] == "InvalidSubnet"
    assert elbv2.describe_load_balancers()["LoadBalancers"] == []
    assert nodes(ec2, "late") == {}

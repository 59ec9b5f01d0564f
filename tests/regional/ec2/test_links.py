"""Endpoint services of one's own: who may connect, who is accepted, and where a packet goes."""

from typing import Any

import pytest

from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import ACCOUNT, REGION, Region

CONSUMER, STRANGER = "111111111111", "222222222222"


class Provider:
    """A VPC with a network load balancer, and a service that offers it."""

    def __init__(self, region: Region, **more: Any) -> None:
        self.region = region
        self.ec2, self.elbv2 = region.client("ec2"), region.client("elbv2")
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        self.zones: list[str] = [zone["ZoneName"] for zone in zones]
        self.vpc, self.subnets = self.network(self.ec2, "10.1")
        self.balancer = self.balance("database")
        self.request = {"NetworkLoadBalancerArns": [self.balancer], **more}
        made = self.ec2.create_vpc_endpoint_service_configuration(**self.request)
        self.service: dict[str, Any] = made["ServiceConfiguration"]
        self.id: str = self.service["ServiceId"]

    def network(self, ec2: Any, prefix: str) -> tuple[str, list[str]]:
        """A VPC, with a subnet in each of three zones."""
        vpc = ec2.create_vpc(CidrBlock=f"{prefix}.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"{prefix}.{number}.0/24", AvailabilityZone=zone
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate(self.zones[:3])
        ]
        return vpc, subnets

    def balance(self, name: str, number: int = 2) -> str:
        """An internal load balancer in some of the subnets; its ARN."""
        made = self.elbv2.create_load_balancer(
            Name=name, Type="network", Scheme="internal", Subnets=self.subnets[:number]
        )
        return str(made["LoadBalancers"][0]["LoadBalancerArn"])

    def allow(self, *principals: str) -> None:
        self.ec2.modify_vpc_endpoint_service_permissions(
            ServiceId=self.id, AddAllowedPrincipals=list(principals)
        )

    def shown(self) -> Any:
        found = self.ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[self.id])
        return found["ServiceConfigurations"][0]

    def states(self) -> dict[str, str]:
        """How each connection stands."""
        found = self.ec2.describe_vpc_endpoint_connections(Filters=named("service-id", self.id))
        return {
            one["VpcEndpointId"]: one["VpcEndpointState"] for one in found["VpcEndpointConnections"]
        }


class Consumer:
    """Another account, with a VPC of its own."""

    def __init__(self, provider: Provider, account: str = CONSUMER) -> None:
        self.provider = provider
        self.ec2 = provider.region.client("ec2", account=account)
        self.vpc, self.subnets = provider.network(self.ec2, "10.2")

    def request(self, **more: Any) -> dict[str, Any]:
        return {
            "VpcId": self.vpc,
            "ServiceName": self.provider.service["ServiceName"],
            "VpcEndpointType": "Interface",
            "SubnetIds": self.subnets[:1],
            **more,
        }

    def connect(self, **more: Any) -> Any:
        return self.ec2.create_vpc_endpoint(**self.request(**more))["VpcEndpoint"]

    def state(self, endpoint: Any) -> str:
        names = [endpoint["VpcEndpointId"]]
        found = self.ec2.describe_vpc_endpoints(VpcEndpointIds=names)["VpcEndpoints"]
        return str(found[0]["State"])


@pytest.fixture
def provider(region: Region) -> Provider:
    return Provider(region)


def test_a_service_is_offered_where_its_load_balancer_stands(region: Region) -> None:
    tags = tagged("vpc-endpoint-service", Name="database")
    provider = Provider(region, TagSpecifications=tags, ClientToken="once")
    service = provider.service
    assert service["ServiceName"] == f"com.amazonaws.vpce.{REGION}.{provider.id}"
    assert service["BaseEndpointDnsNames"] == [f"{provider.id}.{REGION}.vpce.amazonaws.com"]
    assert service["AvailabilityZones"] == provider.zones[:2]
    assert service["NetworkLoadBalancerArns"] == [provider.balancer]
    assert (service["AcceptanceRequired"], service["ServiceState"]) == (True, "Available")
    assert service["Tags"] == [{"Key": "Name", "Value": "database"}]
    region.restart()
    again = provider.ec2.create_vpc_endpoint_service_configuration(**provider.request)
    assert again["ServiceConfiguration"] == provider.shown() == service


def test_a_service_that_cannot_be(provider: Provider) -> None:
    ec2, other = provider.ec2, provider.balance("other")
    public = provider.elbv2.create_load_balancer(
        Name="public", Type="network", Subnets=provider.subnets[:1]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    application = provider.elbv2.create_load_balancer(
        Name="web", Scheme="internal", Subnets=provider.subnets[:2]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    good = {"NetworkLoadBalancerArns": [other]}
    for wrong, code in (
        ({}, "InvalidParameter"),
        ({**good, "GatewayLoadBalancerArns": [other]}, "InvalidParameter"),
        ({"GatewayLoadBalancerArns": [other]}, "InvalidParameter"),
        ({"NetworkLoadBalancerArns": [application]}, "InvalidParameter"),
        ({"NetworkLoadBalancerArns": [provider.balancer]}, "InvalidParameter"),
        ({"NetworkLoadBalancerArns": [public]}, "UnsupportedOperation"),
        ({"NetworkLoadBalancerArns": [other[:-1] + "0"]}, "LoadBalancerNotFound"),
        ({**good, "PrivateDnsName": "db.example.com"}, "UnsupportedOperation"),
        ({**good, "SupportedIpAddressTypes": ["ipv6"]}, "UnsupportedOperation"),
        ({**good, "SupportedRegions": ["eu-central-1"]}, "UnsupportedOperation"),
        ({**good, "DryRun": True}, "DryRunOperation"),
    ):
        found = refusal(ec2.create_vpc_endpoint_service_configuration, **wrong)
        assert (wrong, found) == (wrong, code)
    found = ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]
    assert [one["ServiceId"] for one in found] == [provider.id]


def test_load_balancers_and_their_zones_come_and_go(provider: Provider) -> None:
    ec2, wide = provider.ec2, provider.balance("wide", 3)
    modify = {"ServiceId": provider.id}
    ec2.modify_vpc_endpoint_service_configuration(
        **modify, AddNetworkLoadBalancerArns=[wide], AcceptanceRequired=False
    )
    assert provider.shown()["AvailabilityZones"] == provider.zones[:3]
    assert provider.shown()["AcceptanceRequired"] is False
    Consumer(provider, ACCOUNT).connect()
    gone = {**modify, "RemoveNetworkLoadBalancerArns": [wide]}
    change = ec2.modify_vpc_endpoint_service_configuration
    assert refusal(change, **gone) == "ExistingVpcEndpointConnections"
    for wrong, code in (
        ({"RemoveNetworkLoadBalancerArns": [wide, provider.balancer]}, "InvalidParameter"),
        ({"AddGatewayLoadBalancerArns": [wide]}, "InvalidParameter"),
        ({"RemoveSupportedIpAddressTypes": ["ipv4"]}, "InvalidParameter"),
        ({"PrivateDnsName": "db.example.com"}, "UnsupportedOperation"),
        ({"DryRun": True}, "DryRunOperation"),
        ({"ServiceId": "vpce-svc-0123456789abcdef0"}, "InvalidVpcEndpointServiceId.NotFound"),
    ):
        assert refusal(change, **{**modify, **wrong}) == code
    named = {"LoadBalancerArn": provider.balancer}
    assert refusal(provider.elbv2.delete_load_balancer, **named) == "ResourceInUse"


def test_who_is_permitted_sees_a_service_and_connects(provider: Provider) -> None:
    consumer = Consumer(provider)
    name = provider.service["ServiceName"]
    assert refusal(consumer.ec2.create_vpc_endpoint, **consumer.request()) == "InvalidServiceName"
    ask = consumer.ec2.describe_vpc_endpoint_services
    assert refusal(ask, ServiceNames=[name]) == "InvalidServiceName"
    principal = f"arn:aws:iam::{CONSUMER}:root"
    provider.allow(principal)
    [seen] = ask(ServiceNames=[name])["ServiceDetails"]
    assert (seen["Owner"], seen["AvailabilityZones"]) == (ACCOUNT, provider.zones[:2])
    made = consumer.connect()
    assert made["DnsEntries"][0]["DnsName"].endswith(f".{provider.id}.{REGION}.vpce.amazonaws.com")
    stranger = Consumer(provider, STRANGER)
    assert refusal(stranger.ec2.create_vpc_endpoint, **stranger.request()) == "InvalidServiceName"
    provider.ec2.modify_vpc_endpoint_service_permissions(
        ServiceId=provider.id, RemoveAllowedPrincipals=[principal], AddAllowedPrincipals=["*"]
    )
    [left] = provider.ec2.describe_vpc_endpoint_service_permissions(ServiceId=provider.id)[
        "AllowedPrincipals"
    ]
    assert (left["Principal"], left["PrincipalType"]) == ("*", "All")
    stranger.connect()
    assert consumer.state(made) == "pendingAcceptance"


def test_a_role_is_permitted_alone(provider: Provider) -> None:
    consumer = Consumer(provider)
    provider.allow(f"arn:aws:iam::{CONSUMER}:role/networks")
    assert refusal(consumer.ec2.create_vpc_endpoint, **consumer.request()) == "InvalidServiceName"
    change = provider.ec2.modify_vpc_endpoint_service_permissions
    for wrong, code in (
        ({"AddAllowedPrincipals": ["everybody"]}, "InvalidPrincipal"),
        ({"AddAllowedPrincipals": [f"arn:aws:iam::{CONSUMER}:user/jo"]}, "UnsupportedOperation"),
        ({"PermissionType": "transit-gateway-attachment"}, "UnsupportedOperation"),
        ({"AddAllowedPrincipals": ["*"], "DryRun": True}, "DryRunOperation"),
        ({"ServiceId": "vpce-svc-0123456789abcdef0"}, "InvalidVpcEndpointServiceId.NotFound"),
    ):
        assert refusal(change, **{"ServiceId": provider.id, **wrong}) == code


def test_connections_are_accepted_and_rejected(provider: Provider, region: Region) -> None:
    provider.allow("*")
    consumer = Consumer(provider)
    made = consumer.connect()
    name = made["VpcEndpointId"]
    request = {"ServiceId": provider.id, "VpcEndpointIds": [name]}
    assert (made["State"], provider.states()) == ("pendingAcceptance", {name: "pendingAcceptance"})
    assert refusal(provider.ec2.accept_vpc_endpoint_connections, **request, DryRun=True) == (
        "DryRunOperation"
    )
    assert provider.ec2.accept_vpc_endpoint_connections(**request)["Unsuccessful"] == []
    region.restart()
    assert (consumer.state(made), provider.states()) == ("available", {name: "available"})
    [failed] = provider.ec2.accept_vpc_endpoint_connections(**request)["Unsuccessful"]
    assert failed["Error"]["Code"] == "InvalidState"
    strange = request | {"VpcEndpointIds": ["vpce-0123456789abcdef0"]}
    [failed] = provider.ec2.reject_vpc_endpoint_connections(**strange)["Unsuccessful"]
    assert failed["Error"]["Code"] == "InvalidVpcEndpointId.NotFound"
    delete = provider.ec2.delete_vpc_endpoint_service_configurations
    [failed] = delete(ServiceIds=[provider.id])["Unsuccessful"]
    assert failed["Error"]["Code"] == "ExistingVpcEndpointConnections"
    provider.ec2.reject_vpc_endpoint_connections(**request)
    assert consumer.state(made) == "rejected"
    assert delete(ServiceIds=[provider.id])["Unsuccessful"] == []
    [failed] = delete(ServiceIds=[provider.id])["Unsuccessful"]
    assert failed["Error"]["Code"] == "InvalidVpcEndpointService.NotFound"
    assert consumer.state(made) == "rejected"
    consumer.ec2.delete_vpc_endpoints(VpcEndpointIds=[name])


def test_an_endpoint_of_a_service_that_cannot_be(provider: Provider) -> None:
    consumer = Consumer(provider, ACCOUNT)
    for wrong, code in (
        ({"SubnetIds": consumer.subnets}, "InvalidParameter"),  # it is not in the third zone
        ({"PrivateDnsEnabled": True}, "InvalidParameter"),
        ({"PolicyDocument": '{"Statement": [{}]}'}, "InvalidParameter"),
        ({"VpcEndpointType": "Gateway", "SubnetIds": []}, "InvalidParameter"),
        ({"ServiceName": provider.id}, "InvalidServiceName"),
    ):
        request = consumer.request(**wrong)
        assert (wrong, refusal(consumer.ec2.create_vpc_endpoint, **request)) == (wrong, code)
    made = consumer.connect()
    for wrong in ({"AddSubnetIds": consumer.subnets[2:]}, {"PolicyDocument": '{"Statement": [1]}'}):
        request = {"VpcEndpointId": made["VpcEndpointId"], **wrong}
        assert refusal(consumer.ec2.modify_vpc_endpoint, **request) == "InvalidParameter"

"""Endpoint services of one's own: who may connect, who is accepted, and where a packet goes."""

from typing import Any

import pytest

from tests.regional.ec2.networks import Networks
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


class Link:
    """A database behind a load balancer in two zones, and who comes to it by an endpoint."""

    def __init__(self, region: Region) -> None:
        self.networks = Networks(region)
        self.provider = provider = Provider(region, AcceptanceRequired=False)
        self.elbv2 = provider.elbv2
        made = self.elbv2.create_target_group(
            Name="databases", Protocol="TCP", Port=5432, VpcId=provider.vpc, TargetType="ip"
        )
        self.targets: str = made["TargetGroups"][0]["TargetGroupArn"]
        forward = {"Type": "forward", "TargetGroupArn": self.targets}
        self.elbv2.create_listener(
            LoadBalancerArn=provider.balancer, Protocol="TCP", Port=443, DefaultActions=[forward]
        )
        self.consumer = Consumer(provider, ACCOUNT)
        self.host = self.networks.instance(self.consumer.subnets[1])
        group = self.networks.group(self.consumer.vpc, "10.2.0.0/16")
        made = self.consumer.connect(SecurityGroupIds=[group])
        self.endpoint: str = made["VpcEndpointId"]
        described = provider.ec2.describe_network_interfaces(
            NetworkInterfaceIds=made["NetworkInterfaceIds"]
        )
        self.door: str = described["NetworkInterfaces"][0]["PrivateIpAddress"]

    def database(self, number: int, *prefixes: str) -> tuple[str, str]:
        """An instance in the provider's network, which lets prefixes in; and its address."""
        ec2, vpc = self.provider.ec2, self.provider.vpc
        group = ec2.create_security_group(VpcId=vpc, GroupName=f"db {number}", Description="db")
        for prefix in prefixes:
            ec2.authorize_security_group_ingress(
                GroupId=group["GroupId"],
                IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": prefix}]}],
            )
        name = self.networks.instance(self.provider.subnets[number], group["GroupId"])
        found = ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]
        return name, found["PrivateIpAddress"]

    def register(self, *addresses: str) -> None:
        targets = [{"Id": address} for address in addresses]
        self.elbv2.register_targets(TargetGroupArn=self.targets, Targets=targets)

    def outcomes(self, port: int = 443) -> tuple[str, str]:
        return self.networks.outcomes(self.host, self.door, port=port)


@pytest.fixture
def link(region: Region) -> Link:
    return Link(region)


def test_a_packet_goes_on_to_a_target_as_the_load_balancers_own(link: Link) -> None:
    assert link.outcomes() == ("no target", "")
    assert link.outcomes(80) == ("not offered", "")
    name, address = link.database(0, "10.1.0.0/24")  # where the load balancer is, not who asks
    link.register(address)
    assert link.outcomes() == ("delivered", "delivered")
    found = link.networks.ask(link.host, link.door)
    last = found["forward"]["hops"][-1]
    assert last["packet"].endswith(f"> {address}:5432")
    assert last["packet"].startswith("tcp 10.1.0.")
    assert found["return"]["hops"][-1]["packet"].startswith(f"tcp {link.door}:443 > 10.2.")
    assert "link" in found["forward"]["charges"]
    assert [hop["id"] for hop in found["forward"]["hops"]][-1].startswith("eni-")
    link.provider.ec2.terminate_instances(InstanceIds=[name])
    assert link.outcomes() == ("no such address", "")  # the link that breaks when it moves


def test_a_link_that_nobody_has_let_in_leads_nowhere(link: Link) -> None:
    _, address = link.database(0, "10.1.0.0/16")
    link.register(address)
    names = {"ServiceId": link.provider.id, "VpcEndpointIds": [link.endpoint]}
    link.provider.ec2.reject_vpc_endpoint_connections(**names)
    assert link.outcomes() == ("not joined", "")
    link.provider.ec2.accept_vpc_endpoint_connections(**names)
    assert link.outcomes() == ("delivered", "delivered")


def test_a_node_sends_to_its_own_zone_unless_it_crosses_zones(link: Link, region: Region) -> None:
    _, address = link.database(1, "10.1.0.0/16")
    link.register(address)
    assert link.outcomes() == ("no target", "")
    crosses = [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}]
    link.elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=link.provider.balancer, Attributes=crosses
    )
    region.restart()
    assert Networks(region).outcomes(link.host, link.door) == ("delivered", "delivered")


def test_load_balancers_stand_in_networks_by_interfaces_of_their_own(link: Link) -> None:
    ec2, balancer = link.provider.ec2, link.provider.balancer
    filters = [
        *named("interface-type", "network_load_balancer"),
        *named("vpc-id", link.provider.vpc),
    ]
    found = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert {one["SubnetId"] for one in found} == {*link.provider.subnets[:2]}
    assert {one["Description"] for one in found} == {
        f"ELB {balancer.partition('loadbalancer/')[2]}"
    }
    assert all(one["RequesterManaged"] for one in found)
    _, address = link.database(0)
    assert address not in {one["PrivateIpAddress"] for one in found}
    subnet = link.provider.subnets[0]
    assert refusal(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    other = link.provider.balance("other")
    before = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    link.elbv2.delete_load_balancer(LoadBalancerArn=other)
    after = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert (len(before), len(after)) == (4, 2)


def test_reachability_is_explained_as_far_as_the_targets(link: Link) -> None:
    ec2, tokens = link.provider.ec2, iter("abcd")

    def analysed(port: int, **more: Any) -> dict[str, Any]:
        path = ec2.create_network_insights_path(
            Source=link.host,
            DestinationPort=port,
            Protocol="tcp",
            ClientToken=next(tokens),
            **(more or {"DestinationIp": link.door}),
        )["NetworkInsightsPath"]["NetworkInsightsPathId"]
        name = ec2.start_network_insights_analysis(NetworkInsightsPathId=path, ClientToken=path)
        names = [name["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]]
        found = ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=names)
        analysis: dict[str, Any] = found["NetworkInsightsAnalyses"][0]
        return analysis

    def why(port: int) -> list[str]:
        return [one["ExplanationCode"] for one in analysed(port)["Explanations"]]

    assert why(80) == ["ELBV2_LISTENER_PORT_RESTRICTION"]
    assert why(443) == ["ELBV2_NO_TARGETS_IN_AZ"]
    _, address = link.database(0, "10.1.0.0/16")
    link.register(address)
    found = analysed(443)
    assert found["NetworkPathFound"]
    assert found["ForwardPathComponents"][-1]["Component"]["Id"].startswith("i-")
    assert found["ReturnPathComponents"]
    [endpoint] = ec2.describe_vpc_endpoints(VpcEndpointIds=[link.endpoint])["VpcEndpoints"]
    [interface] = endpoint["NetworkInterfaceIds"]
    assert analysed(443, Destination=interface)["NetworkPathFound"]


def test_a_load_balancers_addresses_are_nobody_elses(region: Region) -> None:
    networks, ec2, elbv2 = Networks(region), region.client("ec2"), region.client("elbv2")
    network = networks.vpc("10.3.0.0/16")
    subnet, other = (networks.subnet(network, f"10.3.{number}.0/24") for number in range(2))
    machine = networks.instance(subnet)
    made = elbv2.create_load_balancer(
        Name="beside", Type="network", Scheme="internal", Subnets=[subnet]
    )
    balancer = made["LoadBalancers"][0]["LoadBalancerArn"]

    def taken(of: str) -> list[str]:
        filters = named("subnet-id", of)
        found = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        return sorted(one["PrivateIpAddress"] for one in found)

    assert taken(subnet) == ["10.3.0.4", "10.3.0.5"]
    networks.instance(subnet)
    assert taken(subnet) == ["10.3.0.4", "10.3.0.5", "10.3.0.6"]
    chosen = [{"SubnetId": subnet, "PrivateIPv4Address": "10.3.0.6"}]
    request = {"Name": "on", "Type": "network", "Scheme": "internal", "SubnetMappings": chosen}
    assert refusal(elbv2.create_load_balancer, **request) == "ResourceInUse"
    elbv2.set_subnets(LoadBalancerArn=balancer, Subnets=[other])
    assert (taken(subnet), taken(other)) == (["10.3.0.4", "10.3.0.6"], ["10.3.1.4"])
    region.restart()
    assert Networks(region).outcomes(machine, "10.3.1.4") == ("delivered", "delivered")

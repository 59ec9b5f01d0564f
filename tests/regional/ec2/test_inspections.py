"""Endpoints of Gateway Load Balancers: what they may be, and where packets go by them."""

from typing import Any

import pytest

from tests.regional.ec2.networks import Networks
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import Region, forward

A, B = "us-west-2a", "us-west-2b"
BOTH = ("delivered", "delivered")


class Inspected(Networks):
    """A network of appliances behind a load balancer, offered as a service, and one of hosts."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        self.elbv2 = region.client("elbv2")
        self.appliances = self.vpc("10.9.0.0/16")
        self.homes = {
            zone: self.subnet(self.appliances, f"10.9.{number}.0/24", zone)
            for number, zone in enumerate((A, B))
        }
        made = self.elbv2.create_load_balancer(
            Name="fleet", Type="gateway", Subnets=list(self.homes.values())
        )
        self.balancer: str = made["LoadBalancers"][0]["LoadBalancerArn"]
        made = self.elbv2.create_target_group(
            Name="fleet", Protocol="GENEVE", Port=6081, VpcId=self.appliances
        )
        self.fleet: str = made["TargetGroups"][0]["TargetGroupArn"]
        self.elbv2.create_listener(
            LoadBalancerArn=self.balancer, DefaultActions=[forward(self.fleet)]
        )
        made = self.ec2.create_vpc_endpoint_service_configuration(
            GatewayLoadBalancerArns=[self.balancer], AcceptanceRequired=False
        )
        self.service: dict[str, Any] = made["ServiceConfiguration"]
        self.hosts = self.vpc("10.0.0.0/16")
        self.gateway: str = self.ec2.create_internet_gateway()["InternetGateway"][
            "InternetGatewayId"
        ]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.hosts)
        group = self.group(self.hosts, "0.0.0.0/0")
        self.places, self.fires, self.machines, self.tables = {}, {}, {}, {}
        for number, zone in enumerate((A, B)):
            self.places[zone] = self.subnet(self.hosts, f"10.0.{number}.0/24", zone)
            self.fires[zone] = self.subnet(self.hosts, f"10.0.{10 + number}.0/24", zone)
            self.machines[zone] = self.instance(self.places[zone], group)
            table = self.ec2.create_route_table(VpcId=self.hosts)["RouteTable"]["RouteTableId"]
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=self.places[zone])
            self.tables[zone] = table

    def appliance(self, zone: str) -> str:
        """One more, registered."""
        made = self.instance(self.homes[zone])
        self.elbv2.register_targets(TargetGroupArn=self.fleet, Targets=[{"Id": made}])
        return made

    def wanted(self, zone: str = A, **more: Any) -> dict[str, Any]:
        """A request for an endpoint."""
        return {
            "VpcEndpointType": "GatewayLoadBalancer",
            "ServiceName": self.service["ServiceName"],
            "VpcId": self.hosts,
            "SubnetIds": [self.fires[zone]],
            **more,
        }

    def endpoint(self, zone: str = A) -> str:
        made = self.ec2.create_vpc_endpoint(**self.wanted(zone))["VpcEndpoint"]
        assert made["State"] == "pending"
        name: str = made["VpcEndpointId"]
        return name

    def lead(self, zone: str, prefix: str, endpoint: str) -> None:
        self.ec2.create_route(
            RouteTableId=self.tables[zone], DestinationCidrBlock=prefix, VpcEndpointId=endpoint
        )

    def met(self, source: str, target: str, **more: Any) -> list[list[str]]:
        """The appliances that a packet and its answer have passed."""
        record = self.ask(source, target, **more)
        return [
            [hop["id"] for hop in way["hops"] if hop["kind"] == "appliance"] if way else []
            for way in (record["forward"], record["return"])
        ]


@pytest.fixture
def inspected(region: Region) -> Inspected:
    return Inspected(region)


def test_an_endpoint_is_one_interface_in_one_subnet(inspected: Inspected, region: Region) -> None:
    ec2, name = inspected.ec2, inspected.endpoint()
    region.restart()
    [shown] = ec2.describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"]
    assert (shown["VpcEndpointType"], shown["State"]) == ("GatewayLoadBalancer", "available")
    assert shown["SubnetIds"] == [inspected.fires[A]]
    assert (shown["Groups"], shown["DnsEntries"]) == ([], [])
    assert "PolicyDocument" not in shown
    [interface] = ec2.describe_network_interfaces(NetworkInterfaceIds=shown["NetworkInterfaceIds"])[
        "NetworkInterfaces"
    ]
    assert interface["InterfaceType"] == "gateway_load_balancer_endpoint"
    assert (interface["RequesterManaged"], interface["Groups"]) == (True, [])
    assert refusal(ec2.delete_subnet, SubnetId=inspected.fires[A]) == "DependencyViolation"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[name])
    filters = named("interface-type", "gateway_load_balancer_endpoint")
    assert ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []


def test_what_an_endpoint_cannot_be_is_refused(inspected: Inspected) -> None:
    ec2, create = inspected.ec2, inspected.ec2.create_vpc_endpoint
    both = list(inspected.fires.values())
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    mistakes: tuple[dict[str, Any], ...] = (
        {"SubnetIds": both},
        {"SubnetIds": []},
        {"SecurityGroupIds": [group]},
        {"PrivateDnsEnabled": True},
        {"RouteTableIds": [inspected.tables[A]]},
        {"PolicyDocument": '{"Statement": [{"Effect": "Allow"}]}'},
        {"SubnetIds": [inspected.subnet(inspected.hosts, "10.0.30.0/24", "us-west-2c")]},
    )
    for more in mistakes:
        assert refusal(create, **inspected.wanted(**more)) == "InvalidParameter"
    assert refusal(create, **inspected.wanted(DryRun=True)) == "DryRunOperation"
    other = inspected.wanted(VpcEndpointType="Interface")
    assert refusal(create, **other) == "InvalidParameter"
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    name = inspected.endpoint()
    change = {"VpcEndpointId": name, "AddSubnetIds": both[1:]}
    assert refusal(ec2.modify_vpc_endpoint, **change) == "UnsupportedOperation"


def test_routes_lead_to_it(inspected: Inspected) -> None:
    ec2, name = inspected.ec2, inspected.endpoint()
    inspected.lead(A, "10.0.1.0/24", name)
    part = {"RouteTableId": inspected.tables[A], "VpcEndpointId": name}
    code = refusal(ec2.create_route, DestinationCidrBlock="10.0.1.0/25", **part)
    assert code == "InvalidParameterValue"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[name])
    [table] = ec2.describe_route_tables(RouteTableIds=[inspected.tables[A]])["RouteTables"]
    states = {one["DestinationCidrBlock"]: one["State"] for one in table["Routes"]}
    assert states["10.0.1.0/24"] == "blackhole"


def test_a_connection_that_is_not_accepted_is_a_blackhole(inspected: Inspected) -> None:
    ec2, service = inspected.ec2, inspected.service["ServiceId"]
    inspected.appliance(A)
    ec2.modify_vpc_endpoint_service_configuration(ServiceId=service, AcceptanceRequired=True)
    made = ec2.create_vpc_endpoint(**inspected.wanted())["VpcEndpoint"]
    assert made["State"] == "pendingAcceptance"
    name = made["VpcEndpointId"]
    inspected.lead(A, "10.0.1.0/24", name)
    ends = inspected.machines[A], inspected.machines[B]
    assert inspected.outcomes(*ends)[0] == "blackhole"
    ec2.accept_vpc_endpoint_connections(ServiceId=service, VpcEndpointIds=[name])
    # The appliance in zone A has seen it; the answer goes back without it, which nobody minds.
    assert inspected.outcomes(*ends) == BOTH


def test_an_appliance_of_the_zone_looks_at_both_directions(inspected: Inspected) -> None:
    """Between two zones: one endpoint for both directions, then one in each zone."""
    ends = inspected.machines[A], inspected.machines[B]
    one, two = inspected.endpoint(A), inspected.endpoint(B)
    inspected.lead(A, "10.0.1.0/24", one)
    inspected.lead(B, "10.0.0.0/24", one)
    assert inspected.outcomes(*ends)[0] == "no appliance"
    fleet = [inspected.appliance(A)]
    assert inspected.met(*ends) == [fleet, fleet]
    inspected.ec2.replace_route(
        RouteTableId=inspected.tables[B], DestinationCidrBlock="10.0.0.0/24", VpcEndpointId=two
    )
    assert inspected.outcomes(*ends) == ("delivered", "no appliance")
    fleet.append(inspected.appliance(B))
    # The appliance of zone B has not seen what it is an answer to.
    assert inspected.outcomes(*ends) == ("delivered", "refused by firewall")
    across = [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}]
    inspected.elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=inspected.balancer, Attributes=across
    )
    assert inspected.outcomes(*ends) == BOTH
    for port in range(40000, 40010):
        there, back = inspected.met(*ends, from_port=port)
        assert there == back
        assert there[0] in fleet
    inspected.ec2.stop_instances(InstanceIds=fleet[:1])
    assert inspected.met(*ends) == [fleet[1:], fleet[1:]]
    inspected.ec2.stop_instances(InstanceIds=fleet[1:])
    assert inspected.outcomes(*ends)[0] == "no appliance"


def test_what_comes_from_the_internet_is_looked_at_by_the_gateways_table(
    inspected: Inspected,
) -> None:
    ec2, name = inspected.ec2, inspected.endpoint(A)
    fleet = [inspected.appliance(A)]
    address = ec2.allocate_address()
    ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=inspected.machines[A])
    edge = ec2.create_route_table(VpcId=inspected.hosts)["RouteTable"]["RouteTableId"]
    far = {"RouteTableId": edge, "VpcEndpointId": name}
    ec2.create_route(DestinationCidrBlock="10.0.0.0/24", **far)
    ec2.associate_route_table(RouteTableId=edge, GatewayId=inspected.gateway)
    code = refusal(ec2.create_route, DestinationCidrBlock="0.0.0.0/0", **far)
    assert code == "RouteNotSupported"
    inspected.route(inspected.hosts, "0.0.0.0/0", GatewayId=inspected.gateway)
    inspected.lead(A, "0.0.0.0/0", name)
    public = address["PublicIp"]
    assert inspected.met("internet", public) == [fleet, fleet]
    assert inspected.outcomes("internet", public) == ("delivered", "left")
    assert inspected.outcomes(inspected.machines[A], "internet")[0] == "left"
    # The way in is led past an appliance, so the subnet has no straight way out any more.
    straight = {"RouteTableId": inspected.tables[A], "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.replace_route(GatewayId=inspected.gateway, **straight)
    assert inspected.outcomes("internet", public) == ("delivered", "redirected")
    assert inspected.outcomes(inspected.machines[A], "internet")[0] == "redirected"
    assert _why(ec2, inspected.machines[A], inspected.gateway) == "INGRESS_RTB_TRAFFIC_REDIRECTION"
    instance = inspected.instance(inspected.fires[B])
    ec2.modify_instance_attribute(InstanceId=instance, SourceDestCheck={"Value": False})
    [found] = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    [interface] = found["Instances"][0]["NetworkInterfaces"]
    ec2.replace_route(
        RouteTableId=edge,
        DestinationCidrBlock="10.0.0.0/24",
        NetworkInterfaceId=interface["NetworkInterfaceId"],
    )
    assert inspected.outcomes("internet", public)[0] == "no public address"
    assert _why(ec2, inspected.gateway, inspected.machines[A]) == "INGRESS_RTB_NO_PUBLIC_IP"


def _why(ec2: Any, source: str, target: str) -> str:
    """Why nothing gets from one thing to another, by AWS's analysis."""
    path = ec2.create_network_insights_path(
        Source=source, Destination=target, Protocol="tcp", ClientToken=source
    )["NetworkInsightsPath"]["NetworkInsightsPathId"]
    ec2.start_network_insights_analysis(NetworkInsightsPathId=path, ClientToken=source)
    [found] = ec2.describe_network_insights_analyses(NetworkInsightsPathId=path)[
        "NetworkInsightsAnalyses"
    ]
    [why] = found["Explanations"]
    code: str = why["ExplanationCode"]
    return code


def test_another_accounts_appliances(inspected: Inspected, region: Region) -> None:
    """A provider permits an account, whose packets pass the provider's appliances."""
    guest = Networks(region, "111111111111")
    vpc = guest.vpc("10.7.0.0/16")
    fire, *places = (guest.subnet(vpc, f"10.7.{number}.0/24") for number in range(3))
    request = {**inspected.wanted(), "VpcId": vpc, "SubnetIds": [fire]}
    create = guest.ec2.create_vpc_endpoint
    assert refusal(create, **request) == "InvalidServiceName"
    inspected.ec2.modify_vpc_endpoint_service_permissions(
        ServiceId=inspected.service["ServiceId"],
        AddAllowedPrincipals=["arn:aws:iam::111111111111:root"],
    )
    name = create(**request)["VpcEndpoint"]["VpcEndpointId"]
    group = guest.group(vpc, "10.7.0.0/16")
    for number, place in enumerate(places):
        table = guest.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        guest.ec2.associate_route_table(RouteTableId=table, SubnetId=place)
        other = f"10.7.{2 - number}.0/24"
        guest.ec2.create_route(RouteTableId=table, DestinationCidrBlock=other, VpcEndpointId=name)
    fleet = [inspected.appliance(A)]
    ends = [guest.instance(place, group) for place in places]
    record = guest.ask(*ends)
    assert record["reached"]
    for way in (record["forward"], record["return"]):
        assert [hop["id"] for hop in way["hops"] if hop["kind"] == "appliance"] == fleet


def test_an_analysis_recommends_appliance_mode(inspected: Inspected) -> None:
    ec2 = inspected.ec2
    inspected.endpoint(A)
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    made = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=hub, VpcId=inspected.hosts, SubnetIds=list(inspected.fires.values())
    )["TransitGatewayVpcAttachment"]
    spoke = inspected.vpc("10.2.0.0/16")
    place = inspected.subnet(spoke, "10.2.0.0/24")
    host = inspected.instance(place, inspected.group(spoke, "0.0.0.0/0"))
    ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=hub, VpcId=spoke, SubnetIds=[place])
    inspected.route(spoke, "10.0.0.0/16", TransitGatewayId=hub)

    def details(token: str) -> list[list[str]]:
        path = ec2.create_network_insights_path(
            Source=host, Destination=inspected.machines[A], Protocol="tcp", ClientToken=token
        )["NetworkInsightsPath"]["NetworkInsightsPathId"]
        ec2.start_network_insights_analysis(NetworkInsightsPathId=path, ClientToken=token)
        [found] = ec2.describe_network_insights_analyses(NetworkInsightsPathId=path)[
            "NetworkInsightsAnalyses"
        ]
        return [
            [one["AdditionalDetailType"] for one in part.get("AdditionalDetails", ())]
            for part in found["ForwardPathComponents"]
            if part["Component"]["Id"].startswith("tgw-attach-")
        ]

    assert details("one") == [[], ["TRANSIT_GATEWAY_APPLIANCE_MODE_RECOMMENDED"]]
    ec2.modify_transit_gateway_vpc_attachment(
        TransitGatewayAttachmentId=made["TransitGatewayAttachmentId"],
        Options={"ApplianceModeSupport": "enable"},
    )
    assert details("two") == [[], []]

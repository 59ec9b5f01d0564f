"""What people ask Network Access Analyzer for: a hole found, closed, and not found again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.regional.networkfirewall.api import NetworkFirewall
from antipodes.regional.resourcegroups.api import ResourceGroups
from tests.regional.ec2.scoping import Scopes, Shop, ends, header, kind, of, parts
from tests.regional.ec2.test_links import Link
from tests.regional.elbv2.hosts import ACCOUNT, REGION, Region
from tests.regional.networkfirewall.policies import Policies, stateful


class Grouped(Region):
    kinds = (*Region.kinds, ResourceGroups, NetworkFirewall)


@pytest.fixture
def region() -> Iterator[Grouped]:
    region = Grouped()
    yield region
    region.close()


@pytest.fixture
def shop(region: Grouped) -> Shop:
    return Shop(region)


def test_finance_is_isolated_from_development(region: Grouped) -> None:
    nets = Scopes(region)
    ec2 = nets.ec2
    finance, development = nets.vpc("10.1.0.0/16"), nets.vpc("10.2.0.0/16")
    for number, vpc in enumerate((finance, development), 1):
        group = nets.group(vpc, "10.0.0.0/8")
        nets.instance(nets.subnet(vpc, f"10.{number}.0.0/24"), group)
    one, other = of(finance), of(development)
    apart = {"Source": one, "Destination": other}, {"Source": other, "Destination": one}
    assert nets.asked(*apart) == []
    peering = ec2.create_vpc_peering_connection(VpcId=finance, PeerVpcId=development)
    name = peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert nets.asked(*apart) == []
    nets.route(development, "10.1.0.0/16", VpcPeeringConnectionId=name)
    findings = nets.asked(*apart)  # no answer comes back, but packets do come
    assert len(ends(findings)) == 1
    assert parts(findings[0]) == ["eni", "sg", "acl", "rtb", "pcx", "acl", "sg", "eni"]
    assert {one[0]["OutboundHeader"]["Protocol"] for one in findings} == {"6", "17"}
    by_peering = [{"ThroughResources": [of(name)]}]
    assert nets.asked(*apart, excluding=by_peering) == []
    [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [development]}])[
        "RouteTables"
    ]
    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="10.1.0.0/16")
    assert nets.asked(*apart) == []


def test_what_leaves_goes_by_the_translator(shop: Shop) -> None:
    """Private hosts may leave by the NAT gateway; that of a public subnet leaves past it."""
    ec2 = shop.ec2
    address = ec2.allocate_address()
    made = ec2.create_nat_gateway(SubnetId=shop.front, AllocationId=address["AllocationId"])
    nat = made["NatGateway"]["NatGatewayId"]
    shop.route(shop.network, "0.0.0.0/0", NatGatewayId=nat)
    out = {"Source": of(shop.network), "Destination": kind("InternetGateway")}
    every = shop.asked(out)
    assert set(ends(every)) == {(shop.at_web, shop.gateway), (shop.at_data, shop.gateway)}
    by = shop.asked(out | {"ThroughResources": [of(nat)]})
    assert ends(by) == [(shop.at_data, shop.gateway)]
    for through in (kind("NatGateway"), of(nat)):
        past = shop.asked(out, excluding=[{"ThroughResources": [through]}])
        assert ends(past) == [(shop.at_web, shop.gateway)]
    translated = next(one for one in by[0] if one["Component"]["Id"] == nat)
    private = made["NatGateway"]["NatGatewayAddresses"][0]["PrivateIp"]
    assert translated["OutboundHeader"]["SourceAddresses"] == [f"{private}/32"]
    public = header(SourceAddresses=[f"{private}/32"])
    assert shop.asked(out | {"Destination": kind("InternetGateway") | public}) == by
    assert shop.asked(out | {"Source": of(shop.back) | public}) == []


class Walled(Scopes):
    """Apps whose subnet leaves by a firewall, which passes what is for port 443."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        ec2 = self.ec2
        self.network = self.vpc("10.0.0.0/16")
        self.apps, place = (self.subnet(self.network, f"10.0.{n}.0/24") for n in range(2))
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.network)
        ec2.modify_subnet_attribute(SubnetId=self.apps, MapPublicIpOnLaunch={"Value": True})
        self.app = self.instance(self.apps, self.group(self.network, "10.0.0.0/16"))
        self.route(self.network, "0.0.0.0/0", GatewayId=self.gateway)
        firewalls = region.client("network-firewall")
        policies = Policies(firewalls)
        web = policies.group("web", stateful("PASS", "TCP", "ANY", "ANY", "443"), order=STRICT)
        strict = {"RuleOrder": STRICT}
        policy = policies.policy(
            "policy",
            web,
            StatefulEngineOptions=strict,
            StatefulDefaultActions=["aws:drop_strict"],
        )
        made = firewalls.create_firewall(
            FirewallName="wall",
            FirewallPolicyArn=policy,
            VpcId=self.network,
            SubnetMappings=[{"SubnetId": place}],
        )
        self.firewall = made["Firewall"]["FirewallArn"]
        [endpoint] = ec2.describe_vpc_endpoints()["VpcEndpoints"]
        self.endpoint = endpoint["VpcEndpointId"]
        self.table = ec2.create_route_table(VpcId=self.network)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.apps)


STRICT = "STRICT_ORDER"


def test_web_apps_leave_by_the_firewall(region: Region) -> None:
    """What leaves past it is found; and of what leaves by it, what it passes."""
    nets = Walled(region)
    out = {"Source": of(nets.apps), "Destination": kind("InternetGateway")}
    types = ("AWS::NetworkFirewall::Firewall", "AWS::NetworkFirewall::NetworkFirewall")
    by_it = [
        *({"ResourceStatement": {"ResourceTypes": [one]}} for one in types),
        *(of(nets.firewall), of(nets.endpoint), kind("VPCEndpoint")),
    ]

    def lead(**target: str) -> None:
        nets.ec2.create_route(RouteTableId=nets.table, DestinationCidrBlock="0.0.0.0/0", **target)

    lead(GatewayId=nets.gateway)
    for one in by_it:
        past = nets.asked(out, excluding=[{"ThroughResources": [one]}])
        assert {finding[0]["OutboundHeader"]["Protocol"] for finding in past} == {"6", "17"}
    nets.ec2.delete_route(RouteTableId=nets.table, DestinationCidrBlock="0.0.0.0/0")
    lead(VpcEndpointId=nets.endpoint)
    for one in by_it:
        assert nets.asked(out, excluding=[{"ThroughResources": [one]}]) == []
    [found] = nets.asked(out)
    assert parts(found)[:4] == ["eni", "sg", "acl", "rtb"]
    names = [one["Component"]["Id"] for one in found]
    assert names[5:7] == [nets.endpoint, "wall"]
    assert found[6]["Component"]["Arn"] == nets.firewall
    sent = found[0]["OutboundHeader"]
    assert (sent["Protocol"], sent["DestinationPortRanges"]) == ("6", [{"From": 443, "To": 443}])


def test_the_internet_comes_in_by_the_balancer_alone(region: Region) -> None:
    """Once the web host is shut to all but the balancer, nothing is left; then a hole is."""
    shop = Shop(region)
    ec2 = shop.ec2
    made = region.client("elbv2").create_load_balancer(
        Name="front", Type="network", Subnets=[shop.front]
    )
    balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
    into = {"Source": kind("InternetGateway"), "Destination": of(shop.network)}
    filters = [{"Name": "interface-type", "Values": ["network_load_balancer"]}]
    [node] = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    at_balancer = node["NetworkInterfaceId"]
    assert set(ends(shop.asked(into))) == {
        (shop.gateway, shop.at_web),
        (shop.gateway, at_balancer),
    }
    types = {"ResourceStatement": {"ResourceTypes": ["AWS::ElasticLoadBalancingV2::LoadBalancer"]}}
    by_it = [{"ThroughResources": [of(balancer)]}]
    for excluding in (by_it, [{"ThroughResources": [types]}]):
        assert ends(shop.asked(into, excluding=excluding)) == [(shop.gateway, shop.at_web)]
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    everybody = rule | {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_ingress(GroupId=shop.group_of_web, IpPermissions=[everybody])
    inside = rule | {"IpRanges": [{"CidrIp": "10.0.0.0/24"}]}
    ec2.authorize_security_group_ingress(GroupId=shop.group_of_web, IpPermissions=[inside])
    assert shop.asked(into, excluding=by_it) == []
    trusted = rule | {"IpRanges": [{"CidrIp": "55.3.0.0/16"}]}
    ec2.authorize_security_group_ingress(GroupId=shop.group_of_data, IpPermissions=[trusted])
    assert shop.asked(into, excluding=by_it) == []  # it has no public address
    open_to_the_world = shop.instance(shop.front, shop.group_of_data)
    [found] = shop.asked(into, excluding=by_it)
    assert found[-1]["Component"]["Id"] == shop.interface(open_to_the_world)
    assert found[0]["InboundHeader"]["SourceAddresses"] == ["55.3.0.0/16"]


class Bastions(Shop):
    """Hosts that are bastions by their tag, one of them open for more than SSH."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        self.groups = region.client("resource-groups")
        query = {
            "ResourceTypeFilters": ["AWS::EC2::Instance"],
            "TagFilters": [{"Key": "Role", "Values": ["bastion"]}],
        }
        made = self.groups.create_group(
            Name="bastions",
            ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)},
        )
        self.arn = made["Group"]["GroupArn"]
        self.of_bastions = self.allowing("ssh", 22, "0.0.0.0/0")
        self.bastion = self.instance(self.front, self.of_bastions)
        self.into = {"Source": kind("InternetGateway"), "Destination": of(self.arn)}

    def tag(self, *instances: str) -> None:
        tags = [{"Key": "Role", "Value": "bastion"}]
        self.ec2.create_tags(Resources=list(instances), Tags=tags)


def test_bastions_are_come_to_by_ssh_alone(region: Grouped) -> None:
    nets = Bastions(region)
    assert nets.asked(nets.into) == []  # nothing is tagged yet
    nets.tag(nets.bastion)
    [found] = nets.asked(nets.into)
    assert found[-1]["Component"]["Id"] == nets.interface(nets.bastion)
    by_ssh = [{"Destination": header(DestinationPorts=["22"])}]
    assert nets.asked(nets.into, excluding=by_ssh) == []
    nets.tag(nets.web)
    [found] = nets.asked(nets.into, excluding=by_ssh)
    assert found[-1]["Component"]["Id"] == nets.at_web
    assert found[0]["InboundHeader"]["DestinationPortRanges"] == [{"From": 80, "To": 80}]


def test_a_group_of_many_members_is_read_to_its_end(region: Grouped) -> None:
    nets = Bastions(region)
    for prefix in range(51):
        nets.ec2.create_tags(
            Resources=[
                nets.ec2.create_network_interface(SubnetId=nets.back)["NetworkInterface"][
                    "NetworkInterfaceId"
                ]
            ],
            Tags=[{"Key": "Role", "Value": "bastion"}, {"Key": "n", "Value": str(prefix)}],
        )
    nets.tag(nets.bastion)
    query = {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "Role"}]}
    nets.groups.update_group_query(
        Group="bastions",
        ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)},
    )
    assert len(ends(nets.asked({"Source": of(nets.web), "Destination": of(nets.arn)}))) == 1
    assert len(ends(nets.asked({"Source": of(nets.arn), "Destination": of(nets.data)}))) == 1


def test_a_group_that_is_gone_fails_the_analysis(region: Grouped) -> None:
    nets = Bastions(region)
    scope = nets.scope(nets.into)
    nets.groups.delete_group(Group="bastions")
    analysis: dict[str, Any] = nets.analysed(scope)
    assert (analysis["Status"], analysis["FindingsFound"]) == ("failed", "unknown")
    assert f"arn:aws:resource-groups:{REGION}:{ACCOUNT}:group/bastions" in analysis["StatusMessage"]
    told = nets.ec2.get_network_insights_access_scope_analysis_findings(
        NetworkInsightsAccessScopeAnalysisId=analysis["NetworkInsightsAccessScopeAnalysisId"]
    )
    assert (told["AnalysisStatus"], told["AnalysisFindings"]) == ("failed", [])


OUT = "OutboundHeader"


def test_a_service_is_come_to_by_its_endpoints_and_no_way_else(region: Region) -> None:
    link, nets = Link(region), Scopes(region)
    database, address = link.database(0, "10.1.0.0/24")
    link.register(address)
    target = nets.interface(database)
    service, balancer = link.provider.id, link.provider.balancer
    across = {"Source": of(link.consumer.vpc), "Destination": of(link.provider.vpc)}
    findings = nets.asked(across)
    assert ends(findings) == [(nets.interface(link.host), target)]
    found, other = findings  # from ports that the balancer keeps, and from those that it does not
    assert "SourcePortRanges" in next(one["OutboundHeader"] for one in other[1:] if OUT in one)
    assert found[0][OUT]["DestinationPortRanges"] == [{"From": 443, "To": 443}]
    name = balancer.partition("loadbalancer/")[2]
    [at_balancer] = [one for one in found if one["Component"]["Id"] == name]
    assert at_balancer["Component"]["Arn"] == balancer
    changed = at_balancer["OutboundHeader"]
    assert changed["DestinationAddresses"] == [f"{address}/32"]
    assert changed["DestinationPortRanges"] == [{"From": 5432, "To": 5432}]
    types = {"ResourceStatement": {"ResourceTypes": ["AWS::ElasticLoadBalancingV2::LoadBalancer"]}}
    for through in (
        types,
        of(balancer),
        of(link.endpoint),
        kind("VPCEndpointService"),
        of(service),
    ):
        assert nets.asked(across, excluding=[{"ThroughResources": [through]}]) == []
        assert nets.asked(across | {"ThroughResources": [through]}) == findings
    for target_of in (kind("VPCEndpoint"), of(service), of(link.endpoint)):
        ways = nets.asked({"Source": of(link.consumer.vpc), "Destination": target_of})
        assert {one[-1]["Subnet"]["Id"] for one in ways} == {link.consumer.subnets[0]}
        assert parts(ways[0])[-2:] == ["sg", "eni"]
    for source in (of(service), kind("VPCEndpointService")):
        ways = nets.asked({"Source": source, "Destination": of(link.provider.vpc)})
        assert ends(ways) == [(service, target)]
    assert nets.asked({"Source": of(link.endpoint)}) == []

"""What names mean inside of networks: endpoints, machines, and what hides what."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.testing.virtualworld import VirtualWorld

W, HOME = "us-west-2", "us-east-1"
KMS, S3 = (f"{name}.{W}.amazonaws.com" for name in ("kms", "s3"))
IMAGE = "ami-0123456789abcdef0"


@pytest.fixture(scope="module")
def world() -> Iterator[VirtualWorld]:
    with VirtualWorld((W, HOME), seed=1) as world:
        yield world


class Network:
    """A VPC with names, and a subnet in each of two zones."""

    made = 0
    account = ""  # of all that a test makes

    def __init__(self, world: VirtualWorld, region: str = W) -> None:
        Network.made += 1
        self.world, self.region = world, region
        self.ec2 = world.client("ec2", region, account=self.account)
        self.prefix = f"10.{Network.made}"
        self.vpc: str = self.ec2.create_vpc(CidrBlock=f"{self.prefix}.0.0/16")["Vpc"]["VpcId"]
        self.attribute(EnableDnsHostnames=True)
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc,
                CidrBlock=f"{self.prefix}.{number}.0/24",
                AvailabilityZone=f"{region}{zone}",
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        self.group: str = self.ec2.describe_security_groups(
            Filters=[{"Name": "vpc-id", "Values": [self.vpc]}]
        )["SecurityGroups"][0]["GroupId"]

    def client(self, service: str) -> Any:
        return self.world.client(service, self.region, account=self.account)

    def attribute(self, **attributes: bool) -> None:
        for name, value in attributes.items():
            self.ec2.modify_vpc_attribute(VpcId=self.vpc, **{name: {"Value": value}})

    def endpoint(self, service: str, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.ec2.create_vpc_endpoint(
            VpcId=self.vpc,
            ServiceName=f"com.amazonaws.{self.region}.{service}",
            **{"VpcEndpointType": "Interface", "SubnetIds": self.subnets, **more},
        )["VpcEndpoint"]
        return made

    def addresses(self, endpoint: dict[str, Any]) -> list[str]:
        """Where an endpoint is, zone by zone."""
        names = endpoint["NetworkInterfaceIds"]
        found = self.ec2.describe_network_interfaces(NetworkInterfaceIds=names)
        there = found["NetworkInterfaces"]
        by_zone = {one["AvailabilityZone"]: one["PrivateIpAddress"] for one in there}
        return [by_zone[zone] for zone in sorted(by_zone)]

    def instance(self) -> dict[str, Any]:
        made = self.ec2.run_instances(
            ImageId=IMAGE,
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[
                {
                    "DeviceIndex": 0,
                    "SubnetId": self.subnets[0],
                    "AssociatePublicIpAddress": True,
                }
            ],
        )
        names = [made["Instances"][0]["InstanceId"]]
        found = self.ec2.describe_instances(InstanceIds=names)["Reservations"]
        instance: dict[str, Any] = found[0]["Instances"][0]
        return instance

    def resolve(self, name: str) -> list[str]:
        return sorted(self.world.resolve(name, self.region, self.vpc))


@pytest.fixture(autouse=True)
def _account() -> None:
    Network.account = f"{int(Network.account or 0) + 1:012d}"


@pytest.fixture
def network(world: VirtualWorld) -> Network:
    return Network(world)


def test_an_endpoints_own_names_mean_private_addresses_everywhere(
    world: VirtualWorld, network: Network
) -> None:
    made = network.endpoint("kms")
    there = network.addresses(made)
    regional, *zonal = [entry["DnsName"] for entry in made["DnsEntries"]][:3]
    other = Network(world)
    for asker in (network, other):
        assert asker.resolve(regional) == sorted(there)
        assert [asker.resolve(name) for name in zonal] == [[one] for one in there]
    world.advance(seconds=60)
    far = Network(world, HOME)
    assert far.resolve(regional) == sorted(there)
    assert far.resolve(zonal[1]) == [there[1]]
    assert far.resolve(f"other.{regional}") == []
    network.ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    assert other.resolve(regional) == []
    world.advance(seconds=130)
    assert far.resolve(regional) == []


def test_private_names_are_for_their_own_network(world: VirtualWorld, network: Network) -> None:
    other = Network(world)
    [public] = network.resolve(KMS)
    assert not public.startswith("10.")
    made = network.endpoint("kms")
    there = network.addresses(made)
    assert network.resolve(KMS) == sorted(there)
    assert other.resolve(KMS) == [public]
    assert network.resolve(f"key.{KMS}") == []  # what is hidden does not fall through
    network.ec2.modify_vpc_endpoint(
        VpcEndpointId=made["VpcEndpointId"], RemoveSubnetIds=network.subnets[:1]
    )
    assert network.resolve(KMS) == [there[1]]
    network.attribute(EnableDnsHostnames=False)
    assert network.resolve(KMS) == [public]
    network.attribute(EnableDnsHostnames=True)
    network.ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    assert network.resolve(KMS) == [public]
    network.attribute(EnableDnsSupport=False)
    assert network.resolve(KMS) == []


def test_s3_is_answered_with_all_that_is_below_it(network: Network) -> None:
    made = network.endpoint("s3", PrivateDnsEnabled=True)
    there = sorted(network.addresses(made))
    assert network.resolve(f"photos.{S3}") == network.resolve(S3) == there
    own = made["DnsEntries"][0]["DnsName"].removeprefix("*.")
    assert network.resolve(f"photos.bucket.{own}") == there
    network.world.advance(seconds=60)
    assert Network(network.world, HOME).resolve(f"photos.bucket.{own}") == there


def test_private_names_may_be_for_those_who_ask_from_outside(
    world: VirtualWorld, network: Network
) -> None:
    gateway = {"VpcEndpointType": "Gateway", "SubnetIds": []}
    network.endpoint("s3", **gateway)
    inbound = {"PrivateDnsOnlyForInboundResolverEndpoint": True}
    made = network.endpoint("s3", PrivateDnsEnabled=True, DnsOptions=inbound)
    there = sorted(network.addresses(made))
    [public] = network.resolve(S3)
    assert public not in there
    doors = _endpoint(network, "INBOUND")
    far = Network(world, HOME)
    _forward(far, S3, doors)
    assert far.resolve(S3) == []  # nothing leads there
    _join(far, network)
    assert far.resolve(S3) == there


def _join(near: Network, far: Network) -> None:
    """Peer two networks of different regions."""
    made = near.ec2.create_vpc_peering_connection(
        VpcId=near.vpc, PeerVpcId=far.vpc, PeerRegion=far.region
    )
    names = [made["VpcPeeringConnection"]["VpcPeeringConnectionId"]]

    def code(of: Network) -> str:
        found = of.ec2.describe_vpc_peering_connections(
            Filters=[{"Name": "vpc-peering-connection-id", "Values": names}]
        )["VpcPeeringConnections"]
        return str(found[0]["Status"]["Code"]) if found else ""

    near.world.wait_until(lambda: code(far) == "pending-acceptance")
    far.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=names[0])
    near.world.wait_until(lambda: code(near) == "active")


def _endpoint(network: Network, direction: str) -> list[str]:
    """An endpoint of the network's resolver; the addresses of an inbound one, the id of others."""
    resolver = network.client("route53resolver")
    made = resolver.create_resolver_endpoint(
        CreatorRequestId=f"{direction} {network.vpc}",
        SecurityGroupIds=[network.group],
        Direction=direction,
        IpAddresses=[{"SubnetId": subnet} for subnet in network.subnets],
    )["ResolverEndpoint"]
    if direction == "OUTBOUND":
        return [made["Id"]]
    found = resolver.list_resolver_endpoint_ip_addresses(ResolverEndpointId=made["Id"])
    return [one["Ip"] for one in found["IpAddresses"]]


def _forward(network: Network, domain: str, targets: list[str]) -> None:
    resolver = network.client("route53resolver")
    rule = resolver.create_resolver_rule(
        CreatorRequestId=f"{domain} {network.vpc}",
        RuleType="FORWARD",
        DomainName=domain,
        TargetIps=[{"Ip": target} for target in targets],
        ResolverEndpointId=_endpoint(network, "OUTBOUND")[0],
    )["ResolverRule"]
    resolver.associate_resolver_rule(ResolverRuleId=rule["Id"], VPCId=network.vpc)


def test_a_rule_beats_private_names(world: VirtualWorld, network: Network) -> None:
    network.endpoint("kms")
    other = Network(world)
    doors = _endpoint(other, "INBOUND")
    _forward(network, KMS, doors)
    assert network.resolve(KMS) == other.resolve(KMS)


@pytest.mark.parametrize("region", [W, HOME])
def test_machines_have_names_that_mean_private_addresses_inside(
    world: VirtualWorld, region: str
) -> None:
    network, other = Network(world, region), Network(world, region)
    made = network.instance()
    private, public = made["PrivateDnsName"], made["PublicDnsName"]
    assert network.resolve(private) == [made["PrivateIpAddress"]]
    assert network.resolve(public) == [made["PrivateIpAddress"]]
    assert other.resolve(private) == []
    assert other.resolve(public) == [made["PublicIpAddress"]]
    joined = network.ec2.create_vpc_peering_connection(VpcId=other.vpc, PeerVpcId=network.vpc)
    name = joined["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    network.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert other.resolve(public) == [made["PublicIpAddress"]]
    allowed = {"AllowDnsResolutionFromRemoteVpc": True}
    network.ec2.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=name, AccepterPeeringConnectionOptions=allowed
    )
    assert other.resolve(public) == other.resolve(private) == [made["PrivateIpAddress"]]
    network.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    assert network.resolve(private) == []


def test_an_endpoint_of_the_resolver_stands_in_subnets_by_interfaces(
    world: VirtualWorld, network: Network
) -> None:
    ec2, doors = network.ec2, _endpoint(network, "INBOUND")
    filters = [{"Name": "vpc-id", "Values": [network.vpc]}]
    found = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert sorted(one["PrivateIpAddress"] for one in found) == sorted(doors)
    assert all(one["Description"].startswith("Route 53 Resolver: rslvr-in-") for one in found)
    assert {group["GroupId"] for one in found for group in one["Groups"]} == {network.group}
    asker = network.instance()
    account = network.account
    there: dict[str, Any] = {"protocol": "udp", "port": 53, "account": account}
    walk = world.walk(asker["InstanceId"], doors[0], **there)
    assert walk["reached"]  # they are in one group
    ec2.revoke_security_group_ingress(
        GroupId=network.group,
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": network.group}]}],
    )
    walk = world.walk(asker["InstanceId"], doors[0], **there)
    assert walk["forward"]["outcome"] == "refused by groups"
    resolver = network.client("route53resolver")
    [made] = resolver.list_resolver_endpoints()["ResolverEndpoints"]
    resolver.delete_resolver_endpoint(ResolverEndpointId=made["Id"])
    left = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert [one["Attachment"]["InstanceId"] for one in left] == [asker["InstanceId"]]
    network.group = Network(world).group
    with pytest.raises(ClientError, match="is not in"):
        _endpoint(network, "OUTBOUND")


def _hub(network: Network) -> tuple[str, str]:
    """A transit gateway to which a network is attached, with a way there; and its table."""
    ec2 = network.ec2
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=hub, VpcId=network.vpc, SubnetIds=network.subnets
    )
    filters = [{"Name": "transit-gateway-id", "Values": [hub]}]
    [table] = ec2.describe_transit_gateway_route_tables(Filters=filters)[
        "TransitGatewayRouteTables"
    ]
    return hub, table["TransitGatewayRouteTableId"]


def test_rules_lead_over_transit_gateways_that_are_peered(
    world: VirtualWorld, network: Network
) -> None:
    far = Network(world, HOME)
    made = far.endpoint("kms")
    (near_hub, table), (far_hub, _) = _hub(network), _hub(far)
    peered = network.ec2.create_transit_gateway_peering_attachment(
        TransitGatewayId=near_hub,
        PeerTransitGatewayId=far_hub,
        PeerAccountId=network.account,
        PeerRegion=HOME,
    )["TransitGatewayPeeringAttachment"]["TransitGatewayAttachmentId"]

    def state(of: Network) -> str:
        found = of.ec2.describe_transit_gateway_peering_attachments(
            Filters=[{"Name": "transit-gateway-attachment-id", "Values": [peered]}]
        )["TransitGatewayPeeringAttachments"]
        return str(found[0]["State"]) if found else ""

    world.wait_until(lambda: state(far) == "pendingAcceptance")
    far.ec2.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=peered)
    world.wait_until(lambda: state(network) == "available")
    usual = f"kms.{HOME}.amazonaws.com"
    _forward(network, usual, _endpoint(far, "INBOUND"))
    assert network.resolve(usual) == []  # nothing leads there
    network.ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=table,
        DestinationCidrBlock=f"{far.prefix}.0.0/16",
        TransitGatewayAttachmentId=peered,
    )
    world.advance(seconds=10)  # what was not answered is not remembered for long
    assert network.resolve(usual) == sorted(far.addresses(made))

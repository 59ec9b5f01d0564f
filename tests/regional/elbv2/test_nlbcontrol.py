"""What may be a network load balancer, its listeners, its target groups and its targets."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.regional.ec2.api import Ec2
from antipodes.regional.elbv2.api import ElbV2
from antipodes.regional.iam.api import Iam
from antipodes.regional.sts.api import Sts
from antipodes.runtime.contract import Address
from antipodes.service.contract import Call, Operations, Request, Response, ServiceError
from antipodes.world.addresses import place_of
from tests.regional.elbv2.hosts import FakeLambda, fixed, forward
from tests.regional.elbv2.networks import PORT, ZONES, Flows, Network
from tests.regional.elbv2.test_control import refusal

A, B, C = ZONES[:3]
INSTANCES = {
    "i-running": ("running", "172.31.0.20"),
    "i-stopped": ("stopped", "172.31.0.21"),
}


class MoreEc2(Ec2):
    """Instances whose ids and addresses a test may choose."""

    operations = Operations()


for _name in Ec2.operations:
    if _name == "DescribeInstances":
        continue
    _handler = Ec2.operations.get(_name)
    assert _handler is not None
    MoreEc2.operations(_name)(_handler)


@MoreEc2.operations("DescribeInstances")
def describe_instances(_service: MoreEc2, _call: Call, request: Request) -> Response:
    found = [(i, *INSTANCES[i]) for i in request["InstanceIds"] if i in INSTANCES]
    if not found:
        raise ServiceError("InvalidInstanceID.NotFound", "no such instance")
    instances = [
        {
            "InstanceId": name,
            "State": {"Name": state},
            "PrivateIpAddress": address,
            "Placement": {"AvailabilityZone": A},
            "VpcId": VPC[0],
        }
        for name, state, address in found
    ]
    return {"Reservations": [{"Instances": instances}]}


VPC: list[str] = []


class MoreNetwork(Network):
    kinds = (Sts, Iam, MoreEc2, ElbV2, FakeLambda)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    network = MoreNetwork()
    VPC[:] = [network.vpc()]
    yield network
    network.close()


def test_one_zone_is_enough_and_its_address_is_in_the_zone(network: Network) -> None:
    balancer = network.nlb("one-zone", B)
    assert balancer["Type"] == "network"
    assert balancer["CanonicalHostedZoneId"] == "Z18D5FSROUN65G"
    assert "/net/one-zone/" in balancer["LoadBalancerArn"]
    assert balancer["AvailabilityZones"][0]["LoadBalancerAddresses"] == []
    assert "SecurityGroups" not in balancer
    (address,) = network.told_name(balancer).values()
    assert place_of(address) == f"us-west-2/{_zone_id(B)}"


def _zone_id(zone: str) -> str:
    return {A: "usw2-az1", B: "usw2-az2", C: "usw2-az3"}[zone]


def test_the_same_name_again_is_the_same_or_refused(network: Network) -> None:
    first = network.nlb("twice", A)
    assert network.nlb("twice", A)["LoadBalancerArn"] == first["LoadBalancerArn"]
    subnets = [network.subnet(zone) for zone in (A, B)]
    create = network.client("elbv2").create_load_balancer
    assert refusal(create, Name="twice", Subnets=subnets) == "DuplicateLoadBalancerName"


def test_zones_can_be_added_and_addresses_stay(network: Network) -> None:
    balancer = network.nlb("growing", A)
    before = network.told_name(balancer)
    set_subnets = network.client("elbv2").set_subnets
    subnets = [network.subnet(zone) for zone in (A, C)]
    answer = set_subnets(LoadBalancerArn=balancer["LoadBalancerArn"], Subnets=subnets)
    assert [zone["ZoneName"] for zone in answer["AvailabilityZones"]] == [A, C]
    after = network.told_name(balancer)
    assert list(after) == [A, C]
    assert after[A] == before[A]


def test_an_internal_one_has_addresses_of_its_subnets(network: Network) -> None:
    mappings = [
        {"SubnetId": network.subnet(A), "PrivateIPv4Address": "172.31.0.100"},
        {"SubnetId": network.subnet(B)},
    ]
    balancer = network.nlb("inside", Subnets=[], SubnetMappings=mappings, Scheme="internal")
    assert balancer["Scheme"] == "internal"
    # 172.31.16.4 is the one that faces the internet has
    assert network.told_name(balancer) == {A: "172.31.0.100", B: "172.31.16.5"}
    shown = [zone["LoadBalancerAddresses"] for zone in balancer["AvailabilityZones"]]
    assert shown == [[{"PrivateIPv4Address": "172.31.0.100"}], []]
    for address in ("172.31.0.100", "172.31.0.3", "172.31.16.9", "x"):
        wrong = [{"SubnetId": network.subnet(A), "PrivateIPv4Address": address}]
        code = refusal(
            network.nlb, name="wrong", Subnets=[], SubnetMappings=wrong, Scheme="internal"
        )
        assert code in {"ResourceInUse", "ValidationError"}


def test_elastic_addresses_are_those_that_ec2_knows(network: Network) -> None:
    allocated = network.client("ec2").allocate_address(Domain="vpc")
    mapping = {"SubnetId": network.subnet(A), "AllocationId": allocated["AllocationId"]}
    machine = network.machine(A, 60)
    balancer = network.nlb("elastic", Subnets=[], SubnetMappings=[mapping])
    assert network.told_name(balancer) == {A: allocated["PublicIp"]}
    group = network.flows("elastic", machine)
    flows = Flows(network, balancer, group, network.listening(balancer, group))
    network.wait(1)
    to = Address(network.place, f"{allocated['PublicIp']}:{PORT}")
    assert flows.connect(to).data == machine.answer
    again = refusal(network.nlb, name="elastic-2", Subnets=[], SubnetMappings=[mapping])
    assert again == "ResourceInUse"
    unknown = {**mapping, "AllocationId": "eipalloc-2"}
    code = refusal(network.nlb, name="elastic-3", Subnets=[], SubnetMappings=[unknown])
    assert code == "AllocationIdNotFound"


def test_elastic_addresses_that_a_load_balancer_has_may_be_named_again(network: Network) -> None:
    ec2, elbv2 = network.client("ec2"), network.client("elbv2")
    one, other = (ec2.allocate_address()["AllocationId"] for _ in range(2))
    first = {"SubnetId": network.subnet(A), "AllocationId": one}
    twice = [first, {**first, "SubnetId": network.subnet(B)}]
    assert refusal(network.nlb, name="kept", Subnets=[], SubnetMappings=twice) == "ResourceInUse"
    balancer = network.nlb("kept", Subnets=[], SubnetMappings=[first])
    again = network.nlb("kept", Subnets=[], SubnetMappings=[first])
    assert again["LoadBalancerArn"] == balancer["LoadBalancerArn"]
    swapped = [{**first, "AllocationId": other}]
    code = refusal(network.nlb, name="kept", Subnets=[], SubnetMappings=swapped)
    assert code == "DuplicateLoadBalancerName"
    which = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
    assert refusal(elbv2.set_subnets, **which, SubnetMappings=swapped) == "ValidationError"
    both = [first, {"SubnetId": network.subnet(B), "AllocationId": other}]
    zones = elbv2.set_subnets(**which, SubnetMappings=both)["AvailabilityZones"]
    assert [z["LoadBalancerAddresses"][0]["AllocationId"] for z in zones] == [one, other]
    elbv2.delete_load_balancer(**which)


def test_an_elastic_address_is_shown_where_it_is_and_kept_while_it_is_used(
    network: Network,
) -> None:
    ec2, elb = network.client("ec2"), network.client("elbv2")
    allocated = ec2.allocate_address(Domain="vpc")
    one = {"AllocationId": allocated["AllocationId"]}
    mappings = [{"SubnetId": network.subnet(A), **one}]
    code = refusal(network.nlb, name="elastic", Subnets=[], SubnetMappings=mappings)
    assert code == "DuplicateLoadBalancerName"  # which has another address
    made = network.nlb("elastic-shown", Subnets=[], SubnetMappings=mappings)
    balancer = made["LoadBalancerArn"]
    [shown] = elb.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"]
    [zone] = shown["AvailabilityZones"]
    assert zone["LoadBalancerAddresses"] == [{"IpAddress": allocated["PublicIp"], **one}]
    assert refusal(ec2.release_address, **one) == "InvalidIPAddress.InUse"
    assert len(ec2.describe_addresses(AllocationIds=[one["AllocationId"]])["Addresses"]) == 1
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    ec2.release_address(**one)
    assert refusal(ec2.release_address, **one) == "InvalidAllocationID.NotFound"


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("InvalidConfigurationRequest", {"IpAddressType": "dualstack"}),
        ("InvalidConfigurationRequest", {"IpamPools": {"Ipv4IpamPoolId": "ipam-pool-1"}}),
        ("InvalidConfigurationRequest", {"EnablePrefixForIpv6SourceNat": "on"}),
        ("ValidationError", {"Subnets": []}),
        ("SubnetNotFound", {"Subnets": ["subnet-1"]}),
    ],
)
def test_a_network_load_balancer_that_is_refused(
    network: Network, code: str, change: dict[str, Any]
) -> None:
    assert refusal(network.nlb, name="refused", **change) == code


def test_zones_run_out_of_addresses(network: Network) -> None:
    for number in range(30):
        network.nlb(f"many-{number}", ZONES[3])
    assert refusal(network.nlb, name="one-more", Subnets=[network.subnet(ZONES[3])]) == (
        "InsufficientCapacity"
    )


@pytest.mark.parametrize(
    ("listener", "group", "fits"),
    [
        ("TCP", "TCP", True),
        ("TCP", "TCP_UDP", True),
        ("UDP", "TCP_UDP", True),
        ("TCP_UDP", "TCP_UDP", True),
        ("TCP", "UDP", False),
        ("UDP", "TCP", False),
        ("TCP_UDP", "TCP", False),
        ("TCP", "HTTP", False),
    ],
)
def test_which_listener_forwards_to_which_group(
    network: Network, listener: str, group: str, fits: bool
) -> None:
    name = f"{listener}-to-{group}".replace("_", "")
    balancer = network.nlb(name, A)
    made = network.flows(name, Protocol=group)
    if fits:
        network.listening(balancer, made, listener)
    else:
        assert refusal(network.listening, balancer=balancer, group=made, protocol=listener) == (
            "IncompatibleProtocols"
        )


def test_what_a_listener_cannot_be(network: Network) -> None:
    balancer, group = network.nlb("listeners", A), network.flows("listeners")
    arn = balancer["LoadBalancerArn"]
    create = network.client("elbv2").create_listener
    request = {"LoadBalancerArn": arn, "Port": 80, "DefaultActions": [forward(group)]}
    for protocol in ("HTTP", "HTTPS", "QUIC"):
        assert refusal(create, **request, Protocol=protocol) == "UnsupportedProtocol"
    request["DefaultActions"] = [fixed("no")]
    assert refusal(create, **request, Protocol="TCP") == "ValidationError"
    listener = network.listening(balancer, group)
    rule = {
        "Priority": 1,
        "Conditions": [{"Field": "path-pattern", "Values": ["/x"]}],
        "Actions": [forward(group)],
    }
    create_rule = network.client("elbv2").create_rule
    assert refusal(create_rule, ListenerArn=listener, **rule) == "InvalidConfigurationRequest"
    of_http = network.group("of-http", TargetType="ip", Protocol="HTTP", Port=80, VpcId=VPC[0])
    modify = network.client("elbv2").modify_listener
    code = refusal(modify, ListenerArn=listener, DefaultActions=[forward(of_http)])
    assert code == "IncompatibleProtocols"


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("ValidationError", {"HealthCheckPath": "/x"}),
        ("ValidationError", {"Matcher": {"HttpCode": "200"}}),
        ("ValidationError", {"HealthCheckProtocol": "HTTP", "Matcher": {"HttpCode": "600"}}),
        ("ValidationError", {"HealthCheckTimeoutSeconds": 11}),
        ("ValidationError", {"ProtocolVersion": "HTTP1"}),
        ("InvalidConfigurationRequest", {"HealthCheckProtocol": "HTTPS"}),
        ("ValidationError", {"TargetType": "alb", "HealthCheckProtocol": "TCP"}),
    ],
)
def test_a_group_that_is_refused(network: Network, code: str, change: dict[str, Any]) -> None:
    assert refusal(network.flows, name="refused", **change) == code


def test_a_health_check_changes_from_tcp_to_http(network: Network) -> None:
    group = network.flows("changing")
    modify = network.client("elbv2").modify_target_group
    made = modify(TargetGroupArn=group, HealthCheckProtocol="HTTP", HealthCheckPath="/x")
    assert made["TargetGroups"][0]["HealthCheckPath"] == "/x"
    assert made["TargetGroups"][0]["Matcher"] == {"HttpCode": "200-399"}
    made = modify(TargetGroupArn=group, HealthCheckProtocol="TCP")
    assert "HealthCheckPath" not in made["TargetGroups"][0]


def test_attributes_by_kind_of_target_and_protocol(network: Network) -> None:
    def shown(name: str, **more: Any) -> dict[str, str]:
        describe = network.client("elbv2").describe_target_group_attributes
        pairs = describe(TargetGroupArn=network.flows(name, **more))["Attributes"]
        return {pair["Key"]: pair["Value"] for pair in pairs}

    preserves, ends = (
        "preserve_client_ip.enabled",
        ("deregistration_delay.connection_termination.enabled"),
    )
    for name, more, expected in (
        ("by-ip", {}, ("false", "false")),
        ("by-instance", {"TargetType": "instance"}, ("true", "false")),
        ("by-udp", {"Protocol": "UDP"}, ("true", "true")),
        ("by-alb", {"TargetType": "alb"}, ("true", "false")),
    ):
        attributes = shown(name, **more)
        assert (attributes[preserves], attributes[ends]) == expected
    group = network.flows("fixed-alb", TargetType="alb")
    change = {
        "TargetGroupArn": group,
        "Attributes": [{"Key": "stickiness.enabled", "Value": "true"}],
    }
    modify = network.client("elbv2").modify_target_group_attributes
    assert refusal(modify, **change) == "InvalidConfigurationRequest"
    group = network.flows("fixed-udp", Protocol="UDP")
    change = {"TargetGroupArn": group, "Attributes": [{"Key": preserves, "Value": "false"}]}
    assert refusal(modify, **change) == "InvalidConfigurationRequest"


def test_a_zone_cannot_leave_later_than_its_node_sends_to_all(network: Network) -> None:
    group = network.flows("thresholds")
    dns = "target_group_health.dns_failover.minimum_healthy_targets.count"
    routing = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"
    network.set_group(group, **{dns: "3", routing: "2"})
    code = refusal(network.set_group, group=group, **{routing: "4"})
    assert code == "InvalidConfigurationRequest"
    network.set_group(group, **{dns: "off", routing: "4"})


def test_where_an_address_may_be(network: Network) -> None:
    group = network.flows("where")
    network.register(group, {"Id": "172.31.16.9"}, {"Id": "10.9.8.7", "AvailabilityZone": "all"})
    network.register(group, {"Id": "10.9.8.8", "AvailabilityZone": B})
    described = network.client("elbv2").describe_target_health(TargetGroupArn=group)
    zones = {
        one["Target"]["Id"]: one["Target"]["AvailabilityZone"]
        for one in described["TargetHealthDescriptions"]
    }
    assert zones == {"172.31.16.9": B, "10.9.8.7": "all", "10.9.8.8": B}
    register = network.client("elbv2").register_targets
    for target, code in (
        ({"Id": "10.9.8.9"}, "ValidationError"),
        ({"Id": "172.31.16.9", "AvailabilityZone": A}, "ValidationError"),
        ({"Id": "10.9.8.9", "AvailabilityZone": "eu-central-1a"}, "ValidationError"),
        ({"Id": "203.0.113.1", "AvailabilityZone": "all"}, "InvalidTarget"),
        ({"Id": "i-running"}, "InvalidTarget"),
        (
            {"Id": "172.31.16.8", "QuicServerId": "0x0123456789abcdef"},
            "InvalidConfigurationRequest",
        ),
    ):
        assert refusal(register, TargetGroupArn=group, Targets=[target]) == code


def test_an_instance_is_what_ec2_says_it_is(network: Network) -> None:
    machine = network.machine(A, 20)
    group = network.flows("instances", TargetType="instance")
    balancer = network.nlb("instances", A)
    network.listening(balancer, group)
    network.register(group, {"Id": "i-running"})
    network.wait(1)
    assert network.states(group) == {"i-running": ("healthy", "")}
    assert machine.heard
    register = network.client("elbv2").register_targets
    for name in ("i-stopped", "i-unknown"):
        code = refusal(register, TargetGroupArn=group, Targets=[{"Id": name}])
        assert code == "InvalidTarget"


def test_a_target_in_a_zone_that_is_not_enabled_is_unused(network: Network) -> None:
    here, there = network.machine(A, 30), network.machine(B, 30)
    balancer, group = network.nlb("enabled", A), network.flows("enabled", here, there)
    assert network.states(group)[here.address] == ("unused", "Target.NotInUse")
    network.listening(balancer, group)
    network.wait(1)
    assert network.states(group) == {
        here.address: ("healthy", ""),
        there.address: ("unused", "Target.NotInUse"),
    }
    assert not there.heard  # never probed


def test_an_address_of_a_load_balancer_cannot_be_used(network: Network) -> None:
    inside = network.nlb("in-use", C, Scheme="internal")
    (address,) = network.told_name(inside).values()
    balancer, group = network.nlb("of-in-use", C), network.flows("of-in-use")
    network.listening(balancer, group)
    network.register(group, {"Id": address})
    network.wait(1)
    assert network.states(group) == {address: ("unused", "Target.IpUnusable")}
    network.client("elbv2").delete_load_balancer(LoadBalancerArn=inside["LoadBalancerArn"])
    network.wait(1)
    assert network.states(group)[address][0] == "initial"


def test_an_application_load_balancer_as_target(network: Network) -> None:
    front = network.serving(
        lambda event: {"statusCode": 200, "body": event["headers"].get("x-forwarded-for", "")}
    )
    group = network.flows("alb", TargetType="alb", Port=80, HealthCheckProtocol="HTTP")
    register = network.client("elbv2").register_targets
    other = network.nlb("other", A)["LoadBalancerArn"]
    network.client("elbv2").create_listener(
        LoadBalancerArn=other,
        Protocol="TCP",
        Port=80,
        DefaultActions=[forward(network.flows("behind-other"))],
    )
    assert refusal(register, TargetGroupArn=group, Targets=[{"Id": other}]) == "InvalidTarget"
    wrong = network.flows("alb-9", TargetType="alb", Port=9)
    assert refusal(register, TargetGroupArn=wrong, Targets=[{"Id": front.arn}]) == "InvalidTarget"
    network.register(group, {"Id": front.arn})
    balancer = network.nlb("before-alb", A)
    network.listening(balancer, group)
    network.wait(1)
    assert network.states(group) == {front.arn: ("healthy", "")}
    door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:{PORT}"
    answer = network.ask(door, "GET", "/", source_ip="198.19.130.1")
    assert answer.body == b"198.19.130.1"  # always preserved
    delete = network.client("elbv2").delete_load_balancer
    assert refusal(delete, LoadBalancerArn=front.arn) == "ResourceInUse"


def test_an_application_load_balancer_reaches_machines_in_zones(network: Network) -> None:
    machine = network.machine(B, 40, port=80)
    machine.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    group = network.group("machines", TargetType="ip", Protocol="HTTP", Port=80, VpcId=VPC[0])
    network.register(group, {"Id": machine.address})
    balancer = network.balancer("machines")
    network.listener(balancer, forward(group))
    network.wait(1)
    door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80"
    assert network.ask(door).body == b"hi"
    assert b"\r\nhost: 172.31.16.40:80\r\n" in machine.served[0].data.lower()  # 35


def test_protection_and_accelerators_health(network: Network) -> None:
    machine = network.machine(A, 50)
    flows = network.serving_flows("protected", machine)
    told = network.told("elb-health", f"/{flows.arn}")
    assert told["state"] == "healthy"
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    elbv2 = network.client("elbv2")
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=flows.arn, Attributes=on)
    code = refusal(elbv2.delete_load_balancer, LoadBalancerArn=flows.arn)
    assert code == "OperationNotPermitted"
    fixed_ones = [
        {"Key": "dns_record.client_routing_policy", "Value": "availability_zone_affinity"}
    ]
    code = refusal(
        elbv2.modify_load_balancer_attributes, LoadBalancerArn=flows.arn, Attributes=fixed_ones
    )
    assert code == "InvalidConfigurationRequest"

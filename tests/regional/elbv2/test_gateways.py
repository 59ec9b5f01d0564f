"""Gateway load balancers: what they may be, and which appliances they say take flows."""

from typing import Any

import pytest

from antipodes.service.appliances import KnownAppliances
from tests.regional.elbv2.hosts import ACCOUNT, forward
from tests.regional.elbv2.networks import ZONES, Network
from tests.regional.elbv2.test_control import refusal

A, B, C = ZONES[:3]


class Gateway(Network):
    """A region with what gateway load balancers need around them."""

    def gateway(self, name: str, *zones: str, **more: Any) -> dict[str, Any]:
        more = {"Subnets": [self.subnet(zone) for zone in zones or (A, B)], **more}
        made = self.client("elbv2").create_load_balancer(Name=name, Type="gateway", **more)
        balancer: dict[str, Any] = made["LoadBalancers"][0]
        return balancer

    def appliances(self, name: str, **more: Any) -> str:
        made = {"TargetType": "ip", "Protocol": "GENEVE", "Port": 6081, "VpcId": self.vpc()}
        return self.group(name, **{**made, **more})

    def listen(self, balancer: dict[str, Any], group: str) -> dict[str, Any]:
        made = self.client("elbv2").create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], DefaultActions=[forward(group)]
        )
        listener: dict[str, Any] = made["Listeners"][0]
        return listener

    def taking(self, balancer: dict[str, Any]) -> dict[str, list[str]]:
        """The appliances that are told of, by zone."""
        found = KnownAppliances(self.host.store).behind(ACCOUNT, balancer["LoadBalancerArn"])
        assert found is not None
        return {zone: [one.id for one in some] for zone, some in found.zones.items()}


@pytest.fixture(scope="module")
def gateway() -> Any:
    gateway = Gateway()
    yield gateway
    gateway.close()


@pytest.fixture
def elbv2(gateway: Gateway) -> Any:
    return gateway.client("elbv2")


def test_one_has_neither_a_name_nor_a_scheme_nor_groups(gateway: Gateway, elbv2: Any) -> None:
    made = gateway.gateway("bare", A)
    assert "/gwy/bare/" in made["LoadBalancerArn"]
    assert made["Type"] == "gateway"
    assert not {"DNSName", "Scheme", "SecurityGroups", "CanonicalHostedZoneId"} & made.keys()
    [zone] = made["AvailabilityZones"]
    assert (zone["ZoneName"], zone["LoadBalancerAddresses"]) == (A, [])
    assert gateway.gateway("bare", A) == made
    assert elbv2.describe_load_balancers(Names=["bare"])["LoadBalancers"] == [made]
    elbv2.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    assert refusal(elbv2.describe_load_balancers, Names=["bare"]) == "LoadBalancerNotFound"


@pytest.mark.parametrize(
    "more",
    [
        {"Scheme": "internal"},
        {"SecurityGroups": ["sg-0"]},
        {"mapping": {"PrivateIPv4Address": "172.31.0.9"}},
        {"mapping": {"AllocationId": "eipalloc-0"}},
    ],
)
def test_what_one_cannot_have_is_refused(
    gateway: Gateway, elbv2: Any, more: dict[str, Any]
) -> None:
    mapping = {"SubnetId": gateway.subnet(A), **more.pop("mapping", {})}
    made = {"Name": "odd", "Type": "gateway", "SubnetMappings": [mapping], **more}
    assert refusal(elbv2.create_load_balancer, **made) == "ValidationError"


def test_its_subnets_need_room_and_are_kept(gateway: Gateway, elbv2: Any) -> None:
    ec2 = gateway.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    small = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/28")["Subnet"]["SubnetId"]
    for _ in range(4):
        ec2.create_network_interface(SubnetId=small)
    assert (
        refusal(elbv2.create_load_balancer, Name="small", Type="gateway", Subnets=[small])
        == "InvalidSubnet"
    )
    arn = gateway.gateway("kept", A)["LoadBalancerArn"]
    both = [gateway.subnet(A), gateway.subnet(B)]
    answer = elbv2.set_subnets(LoadBalancerArn=arn, Subnets=both)
    assert [zone["ZoneName"] for zone in answer["AvailabilityZones"]] == [A, B]
    assert (
        refusal(elbv2.set_subnets, LoadBalancerArn=arn, Subnets=both[:1])
        == "InvalidConfigurationRequest"
    )


def test_its_target_group_has_one_port_and_checks_of_its_own(gateway: Gateway, elbv2: Any) -> None:
    arn = gateway.appliances("checked")
    [group] = elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (group["Protocol"], group["Port"]) == ("GENEVE", 6081)
    assert (group["HealthCheckProtocol"], group["HealthCheckPort"]) == ("TCP", "80")
    assert (group["HealthCheckIntervalSeconds"], group["HealthCheckTimeoutSeconds"]) == (10, 5)
    changed = elbv2.modify_target_group(TargetGroupArn=arn, HealthCheckProtocol="HTTP")
    assert changed["TargetGroups"][0]["Matcher"] == {"HttpCode": "200-399"}
    wide = {"TargetGroupArn": arn, "Matcher": {"HttpCode": "200-499"}}
    assert refusal(elbv2.modify_target_group, **wide) == "ValidationError"
    asked = {"Name": "odd", "Protocol": "GENEVE", "VpcId": gateway.vpc(), "TargetType": "ip"}
    assert refusal(elbv2.create_target_group, Port=6082, **asked) == "ValidationError"
    odd = {"TargetGroupArn": arn, "Targets": [{"Id": "172.31.0.9", "Port": 80}]}
    assert refusal(elbv2.register_targets, **odd) == "ValidationError"


def test_attributes(gateway: Gateway, elbv2: Any) -> None:
    arn = gateway.appliances("attributes")

    def modify(**values: str) -> Any:
        pairs = [{"Key": key.replace("__", "."), "Value": values[key]} for key in values]
        return elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=pairs)

    both = {"target_failover__on_unhealthy": "rebalance"}
    assert refusal(modify, **both) == "ValidationError"
    both["target_failover__on_deregistration"] = "rebalance"
    sticky = {"stickiness__enabled": "true", "stickiness__type": "source_ip_dest_ip_proto"}
    answer = modify(**both, **sticky)["Attributes"]
    found = {one["Key"]: one["Value"] for one in answer}
    assert found == {
        "deregistration_delay.timeout_seconds": "300",
        "stickiness.enabled": "true",
        "stickiness.type": "source_ip_dest_ip_proto",
        "target_failover.on_deregistration": "rebalance",
        "target_failover.on_unhealthy": "rebalance",
    }
    assert refusal(modify, stickiness__type="lb_cookie") == "ValidationError"
    balancer = gateway.gateway("attributes")["LoadBalancerArn"]
    shown = elbv2.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
    assert {one["Key"]: one["Value"] for one in shown} == {
        "deletion_protection.enabled": "false",
        "load_balancing.cross_zone.enabled": "false",
    }


def test_it_has_one_listener_for_all_packets(gateway: Gateway, elbv2: Any) -> None:
    balancer, arn = gateway.gateway("listens"), gateway.appliances("listens")
    made = gateway.listen(balancer, arn)
    assert not {"Port", "Protocol"} & made.keys()
    assert "/gwy/listens/" in made["ListenerArn"]
    assert gateway.listen(balancer, arn) == made
    of = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
    other = gateway.appliances("another")
    second = {**of, "DefaultActions": [forward(other)]}
    assert refusal(elbv2.create_listener, **second) == "TooManyListeners"
    assert refusal(elbv2.create_listener, Port=80, **second) == "ValidationError"
    assert refusal(elbv2.create_listener, Protocol="GENEVE", **second) == "ValidationError"
    listener = {"ListenerArn": made["ListenerArn"]}
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
    assert refusal(elbv2.modify_listener, DefaultActions=fixed, **listener) == "ValidationError"
    plain = gateway.flows("plain")
    assert (
        refusal(elbv2.modify_listener, DefaultActions=[forward(plain)], **listener)
        == "IncompatibleProtocols"
    )
    changed = elbv2.modify_listener(DefaultActions=[forward(other)], **listener)
    assert changed["Listeners"][0]["DefaultActions"][0]["TargetGroupArn"] == other
    shown = elbv2.describe_listener_attributes(**listener)["Attributes"]
    assert {"Key": "tcp.idle_timeout.seconds", "Value": "350"} in shown
    [rule] = elbv2.describe_rules(**listener)["Rules"]
    assert rule["IsDefault"]
    conditions = [{"Field": "path-pattern", "Values": ["/a"]}]
    rules = {**listener, "Priority": 1, "Conditions": conditions, "Actions": [forward(other)]}
    assert refusal(elbv2.create_rule, **rules) == "ValidationError"


def test_flows_go_to_healthy_targets_of_the_zone_or_to_any_of_them(
    gateway: Gateway, elbv2: Any
) -> None:
    machines = [
        gateway.machine(zone, last, 80) for zone, last in ((A, 20), (A, 21), (B, 20), (C, 20))
    ]
    one, two, three, _ = (machine.address for machine in machines)
    machines[0].stop()
    machines[2].stop()
    balancer, group = gateway.gateway("told"), gateway.appliances("told")
    gateway.register(group, *({"Id": machine.address} for machine in machines))
    assert gateway.taking(balancer) == {A: [], B: []}
    gateway.listen(balancer, group)
    assert gateway.taking(balancer) == {A: [one, two], B: [three]}
    gateway.wait(30)
    assert gateway.taking(balancer) == {A: [two], B: [three]}
    health = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    states = {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in health}
    assert [states[machine.address] for machine in machines] == [
        "unhealthy",
        "healthy",
        "unhealthy",
        "unused",
    ]
    across = [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}]
    arn = balancer["LoadBalancerArn"]
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=across)
    assert gateway.taking(balancer) == {A: [two], B: [two]}
    gateway.restart()
    assert gateway.taking(balancer) == {A: [two], B: [two]}
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": two}])
    assert gateway.taking(balancer) == {A: [one, three], B: [one, three]}
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert KnownAppliances(gateway.host.store).behind(ACCOUNT, arn) is None

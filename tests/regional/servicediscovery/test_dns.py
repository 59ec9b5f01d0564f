"""Namespaces with hosted zones: what Route 53 has of them, and what resolvers answer."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antipodes.testing.virtualworld import VirtualWorld
from antipodes.world.addresses import VPC_RESOLVER_IP
from tests.regional.ec2.worlds import refusal

W = "us-west-2"
HOME = "us-east-1"


@pytest.fixture(scope="module")
def world() -> Iterator[VirtualWorld]:
    with VirtualWorld((W,), seed=2) as world:
        yield world


class Named:
    """An account of its own, its default network, and a short way to make things."""

    numbers = 100

    def __init__(self, world: VirtualWorld, account: str = "") -> None:
        Named.numbers += 1
        self.world = world
        self.account = account or f"{Named.numbers:012d}"
        self.api = world.client("servicediscovery", W, account=self.account)
        self.dns = world.client("route53", W, account=self.account)
        ec2 = world.client("ec2", W, account=self.account)
        self.vpc: str = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]

    def ended(self, made: dict[str, Any]) -> dict[str, Any]:
        """An operation, when it has ended."""

        def operation() -> dict[str, Any] | None:
            found: dict[str, Any] = self.api.get_operation(OperationId=made["OperationId"])
            return found["Operation"] if found["Operation"]["Status"] != "PENDING" else None

        found = self.world.wait_until(operation)
        assert found is not None
        return found

    def done(self, made: dict[str, Any]) -> dict[str, Any]:
        found = self.ended(made)
        assert found["Status"] == "SUCCESS", found
        return found

    def private(self, name: str = "corp", **more: Any) -> str:
        made = self.api.create_private_dns_namespace(Name=name, Vpc=self.vpc, **more)
        found: str = self.done(made)["Targets"]["NAMESPACE"]
        return found

    def service(self, namespace: str, *types: str, name: str = "db", **more: Any) -> str:
        config = {"DnsRecords": [{"Type": one, "TTL": 60} for one in types], **more}
        made = self.api.create_service(Name=name, NamespaceId=namespace, DnsConfig=config)
        found: str = made["Service"]["Id"]
        return found

    def register(self, service: str, name: str, **attributes: str) -> dict[str, Any]:
        made = self.api.register_instance(ServiceId=service, InstanceId=name, Attributes=attributes)
        return self.done(made)

    def zone(self, namespace: str) -> str:
        found = self.api.get_namespace(Id=namespace)["Namespace"]
        zone: str = found["Properties"]["DnsProperties"]["HostedZoneId"]
        return zone

    def records(self, namespace: str) -> dict[tuple[str, str, str], Any]:
        """What a zone has besides its own records: by name, type and set identifier."""
        told = self.dns.list_resource_record_sets(HostedZoneId=self.zone(namespace))
        return {
            (one["Name"], one["Type"], one.get("SetIdentifier", "")): one
            for one in told["ResourceRecordSets"]
            if one["Type"] not in {"NS", "SOA"}
        }

    def values(self, namespace: str) -> dict[str, str]:
        """The values of those of one type, by set identifier."""
        return {
            name: one["ResourceRecords"][0]["Value"]
            for (_, _, name), one in self.records(namespace).items()
        }

    def soa(self, namespace: str) -> int:
        told = self.dns.list_resource_record_sets(HostedZoneId=self.zone(namespace))
        [soa] = [one for one in told["ResourceRecordSets"] if one["Type"] == "SOA"]
        ttl: int = soa["TTL"]
        return ttl


@pytest.fixture
def named(world: VirtualWorld) -> Named:
    return Named(world)


def test_a_private_namespace_has_a_zone_that_its_network_sees(world: VirtualWorld) -> None:
    named = Named(world, "000000000000")
    namespace = named.private(Description="ours")
    told = named.api.get_namespace(Id=namespace)["Namespace"]
    assert (told["Type"], told["Properties"]["DnsProperties"]["SOA"]) == (
        "DNS_PRIVATE",
        {"TTL": 15},
    )
    zone = named.dns.get_hosted_zone(Id=named.zone(namespace))
    assert zone["VPCs"] == [{"VPCRegion": W, "VPCId": named.vpc}]
    assert zone["HostedZone"]["Config"] == {"Comment": "ours", "PrivateZone": True}
    assert named.soa(namespace) == 15
    service = named.service(namespace, "A")
    named.register(service, "one", AWS_INSTANCE_IPV4="10.0.0.1")
    named.register(service, "two", AWS_INSTANCE_IPV4="10.0.0.2")
    found = named.records(namespace)["db.corp.", "A", "one"]
    assert (found["TTL"], found["MultiValueAnswer"]) == (60, True)
    assert found["ResourceRecords"] == [{"Value": "10.0.0.1"}]
    assert named.values(namespace) == {"one": "10.0.0.1", "two": "10.0.0.2"}
    named.world.advance(minutes=2)
    assert sorted(world.resolve("db.corp", W, VPC_RESOLVER_IP)) == ["10.0.0.1", "10.0.0.2"]
    assert refusal(named.api.delete_namespace, Id=namespace) == "ResourceInUse"
    for name in ("one", "two"):
        named.done(named.api.deregister_instance(ServiceId=service, InstanceId=name))
    assert named.records(namespace) == {}
    named.api.delete_service(Id=service)
    named.done(named.api.delete_namespace(Id=namespace))
    assert named.dns.list_hosted_zones()["HostedZones"] == []


def test_settings_that_change_reach_the_zone(named: Named) -> None:
    properties = {"DnsProperties": {"SOA": {"TTL": 100}}}
    namespace = named.private(Properties=properties)
    assert named.soa(namespace) == 100
    service = named.service(namespace, "A")
    named.register(service, "one", AWS_INSTANCE_IPV4="10.0.0.1")
    change = {"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 5}]}, "Description": "quick"}
    named.done(named.api.update_service(Id=service, Service=change))
    assert named.records(namespace)["db.corp.", "A", "one"]["TTL"] == 5
    told = named.api.get_service(Id=service)["Service"]
    assert (told["Description"], told["DnsConfig"]["DnsRecords"]) == (
        "quick",
        [{"Type": "A", "TTL": 5}],
    )
    other = {"DnsConfig": {"DnsRecords": [{"Type": "AAAA", "TTL": 5}]}}
    assert refusal(named.api.update_service, Id=service, Service=other) == "InvalidInput"
    named.done(named.api.update_service(Id=service, Service={}))
    assert named.records(namespace) == {}
    assert named.api.get_service(Id=service)["Service"]["Type"] == "HTTP"
    change = {"Properties": {"DnsProperties": {"SOA": {"TTL": 30}}}}
    named.done(named.api.update_private_dns_namespace(Id=namespace, Namespace=change))
    assert named.soa(namespace) == 30
    wrong = {"Id": namespace, "Namespace": change}
    assert refusal(named.api.update_public_dns_namespace, **wrong) == "InvalidInput"


def test_what_records_are_made_of(named: Named) -> None:
    namespace = named.private()
    both = named.service(namespace, "A", "AAAA", name="both")
    ports = named.service(namespace, "SRV", name="_db._tcp")
    other = named.service(namespace, "CNAME", name="other", RoutingPolicy="WEIGHTED")
    six = {"AWS_INSTANCE_IPV6": "2001:db8::1"}
    named.register(both, "i", AWS_INSTANCE_IPV4="10.0.0.1", **six)
    named.register(ports, "i", AWS_INSTANCE_PORT="5432", AWS_INSTANCE_IPV4="10.0.0.2")
    named.register(other, "i", AWS_INSTANCE_CNAME="www.example.com")
    found = {
        key[:2]: one["ResourceRecords"][0]["Value"] for key, one in named.records(namespace).items()
    }
    assert found == {
        ("both.corp.", "A"): "10.0.0.1",
        ("both.corp.", "AAAA"): "2001:db8::1",
        ("_db._tcp.corp.", "SRV"): "1 1 5432 i._db._tcp.corp",
        ("i._db._tcp.corp.", "A"): "10.0.0.2",
        ("other.corp.", "CNAME"): "www.example.com",
    }
    assert named.records(namespace)["other.corp.", "CNAME", "i"]["Weight"] == 1
    # Registered again without an address, its record goes.
    named.register(ports, "i", AWS_INSTANCE_PORT="5433", **six)
    assert ("i._db._tcp.corp.", "A", "i") not in named.records(namespace)
    for service, attributes in (
        (both, {"AWS_INSTANCE_IPV4": "10.0.0.1"}),
        (ports, {"AWS_INSTANCE_IPV4": "10.0.0.1"}),
        (ports, {"AWS_INSTANCE_PORT": "1"}),
        (other, {}),
        (both, {"AWS_EC2_INSTANCE_ID": "i-12345678901234567"}),
        (both, {"AWS_ALIAS_DNS_NAME": "lb.example.com"}),
    ):
        request = {"ServiceId": service, "InstanceId": "x", "Attributes": attributes}
        assert refusal(named.api.register_instance, **request) == "InvalidInput"


def test_services_that_dns_cannot_have(named: Named) -> None:
    namespace = named.private()
    configs: tuple[Any, ...] = (
        {"DnsRecords": []},
        {"DnsRecords": [{"Type": "A", "TTL": 1}, {"Type": "SRV", "TTL": 1}]},
        {"DnsRecords": [{"Type": "A", "TTL": 1}, {"Type": "A", "TTL": 2}]},
        {"DnsRecords": [{"Type": "CNAME", "TTL": 1}]},
        None,
    )
    for config in configs:
        request: dict[str, Any] = {"Name": "db", "NamespaceId": namespace}
        request |= {"DnsConfig": config} if config is not None else {}
        assert refusal(named.api.create_service, **request) == "InvalidInput"


def test_an_alias_leads_to_a_load_balancer(named: Named) -> None:
    ec2 = named.world.client("ec2", W, account=named.account)
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"][:2]]
    elb = named.world.client("elbv2", W, account=named.account)
    [balancer] = elb.create_load_balancer(Name="app", Subnets=subnets)["LoadBalancers"]
    namespace = named.private()
    service = named.service(namespace, "A", RoutingPolicy="WEIGHTED")
    named.register(service, "app", AWS_ALIAS_DNS_NAME=balancer["DNSName"])
    target = named.records(namespace)["db.corp.", "A", "app"]["AliasTarget"]
    assert target["HostedZoneId"] == balancer["CanonicalHostedZoneId"]
    assert target["DNSName"].rstrip(".").lower() == balancer["DNSName"].lower()
    unknown = {"AWS_ALIAS_DNS_NAME": f"x{balancer['DNSName']}"}
    request = {"ServiceId": service, "InstanceId": "x", "Attributes": unknown}
    assert refusal(named.api.register_instance, **request) == "InvalidInput"


def test_names_lead_to_who_is_well_and_to_all_if_nobody_is(named: Named) -> None:
    namespace = named.private()
    config = {"DnsRecords": [{"Type": "A", "TTL": 60}]}
    service = named.api.create_service(
        Name="db", NamespaceId=namespace, DnsConfig=config, HealthCheckCustomConfig={}
    )["Service"]["Id"]
    for number in (1, 2):
        named.register(service, f"i{number}", AWS_INSTANCE_IPV4=f"10.0.0.{number}")

    def say(name: str, status: str) -> None:
        named.api.update_instance_custom_health_status(
            ServiceId=service, InstanceId=name, Status=status
        )

    say("i1", "UNHEALTHY")
    named.world.advance(seconds=25)
    assert {*named.values(namespace)} == {"i1", "i2"}
    named.world.restart(W)
    named.world.advance(seconds=10)
    assert {*named.values(namespace)} == {"i2"}
    say("i2", "UNHEALTHY")
    named.world.advance(seconds=35)
    assert {*named.values(namespace)} == {"i1", "i2"}
    say("i2", "HEALTHY")
    named.world.advance(seconds=5)
    assert {*named.values(namespace)} == {"i2"}


def test_what_route_53_refuses_fails(named: Named) -> None:
    made = named.api.create_private_dns_namespace(Name="corp", Vpc="vpc-1")
    failed = named.ended(made)
    assert (failed["Status"], failed["ErrorCode"]) == ("FAIL", "CANNOT_CREATE_HOSTED_ZONE")
    assert named.api.list_namespaces()["Namespaces"] == []
    namespace = named.private()
    service = named.service(namespace, "A")
    named.dns.delete_hosted_zone(Id=named.zone(namespace))
    failed = named.ended(
        named.api.register_instance(
            ServiceId=service, InstanceId="a", Attributes={"AWS_INSTANCE_IPV4": "10.0.0.1"}
        )
    )
    assert (failed["Status"], failed["ErrorCode"]) == ("FAIL", "HOSTED_ZONE_NOT_FOUND")
    assert named.api.list_instances(ServiceId=service)["Instances"] == []
    named.api.delete_service(Id=service)
    named.done(named.api.delete_namespace(Id=namespace))


def test_what_the_home_region_cannot_hear_waits_for_it(named: Named) -> None:
    """Everything else goes on; and what was asked for survives a restart."""
    namespace = named.private()
    service = named.service(namespace, "A")
    named.register(service, "one", AWS_INSTANCE_IPV4="10.0.0.1")
    cut = named.world.cut(W, HOME)
    request: dict[str, Any] = {
        "ServiceId": service,
        "InstanceId": "two",
        "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.2"},
    }
    made = named.api.register_instance(**request)
    another = named.api.create_public_dns_namespace(Name="example.com")
    named.world.advance(seconds=60)
    pending = named.api.get_operation(OperationId=made["OperationId"])["Operation"]
    assert pending["Status"] == "PENDING"
    assert refusal(named.api.register_instance, **request) == "DuplicateRequest"
    assert refusal(named.api.delete_service, Id=service) == "ResourceInUse"
    assert refusal(named.api.create_public_dns_namespace, Name="example.com") == (
        "NamespaceAlreadyExists"
    )
    asked = {"NamespaceName": "corp", "ServiceName": "db"}
    found = named.api.discover_instances(**asked)["Instances"]
    assert [one["InstanceId"] for one in found] == ["one"]
    named.world.restart(W)
    cut.heal()
    named.done(made)
    assert {*named.values(namespace)} == {"one", "two"}
    public = named.done(another)["Targets"]["NAMESPACE"]
    assert named.dns.get_hosted_zone(Id=named.zone(public))["HostedZone"]["Name"] == "example.com."


def test_a_home_that_was_killed_is_waited_for_and_not_brought_back(named: Named) -> None:
    killed = named.world.kill(HOME)
    made = named.api.create_public_dns_namespace(Name="example.net")
    named.world.advance(seconds=120)
    pending = named.api.get_operation(OperationId=made["OperationId"])["Operation"]
    assert pending["Status"] == "PENDING"
    killed.heal()
    named.done(made)


def test_two_namespaces_of_one_name_are_told_apart(named: Named) -> None:
    first = named.private("shop")
    second = named.done(named.api.create_http_namespace(Name="shop"))["Targets"]["NAMESPACE"]
    names = [
        named.api.get_namespace(Id=one)["Namespace"]["Properties"]["HttpProperties"]["HttpName"]
        for one in (first, second)
    ]
    assert names[0] == "shop"
    assert names[1].startswith("shop-")
    assert (
        refusal(named.api.create_private_dns_namespace, Name="shop", Vpc=named.vpc)
        == "NamespaceAlreadyExists"
    )


INSTANCES = ("a", "b", "c")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("register"), st.sampled_from(INSTANCES), st.integers(1, 9)),
        st.tuples(st.just("deregister"), st.sampled_from(INSTANCES), st.none()),
        st.tuples(st.just("ill"), st.sampled_from(INSTANCES), st.booleans()),
        st.tuples(st.sampled_from(["cut", "restart", "wait"]), st.none(), st.none()),
    ),
    max_size=8,
)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_zone_ends_up_with_what_is_registered_and_well(world: VirtualWorld, steps: Any) -> None:
    """Whatever is cut or restarted meanwhile, and whatever was asked for while it was."""
    named = Named(world)
    namespace = named.private()
    config = {"DnsRecords": [{"Type": "A", "TTL": 60}]}
    service = named.api.create_service(
        Name="db", NamespaceId=namespace, DnsConfig=config, HealthCheckCustomConfig={}
    )["Service"]["Id"]
    for kind, name, value in steps:
        one = {"ServiceId": service, "InstanceId": name}
        with suppress(named.api.exceptions.InstanceNotFound, named.api.exceptions.DuplicateRequest):
            if kind == "register":
                attributes = {"AWS_INSTANCE_IPV4": f"10.0.0.{value}"}
                named.api.register_instance(**one, Attributes=attributes)
            elif kind == "deregister":
                named.api.deregister_instance(**one)
            elif kind == "ill":
                status = "UNHEALTHY" if value else "HEALTHY"
                named.api.update_instance_custom_health_status(**one, Status=status)
        if kind == "cut":
            world.cut(W, HOME)
        elif kind == "restart":
            world.restart(W)
        elif kind == "wait":
            world.advance(seconds=40)
    world.heal()
    world.advance(seconds=120)
    listed = named.api.list_instances(ServiceId=service)["Instances"]
    there = {one["Id"]: one["Attributes"]["AWS_INSTANCE_IPV4"] for one in listed}
    health = named.api.get_instances_health_status(ServiceId=service)["Status"]
    well = {name: value for name, value in there.items() if health[name] == "HEALTHY"}
    assert named.values(namespace) == (well or there)
    assert {one["Status"] for one in named.api.list_operations()["Operations"]} == {"SUCCESS"}

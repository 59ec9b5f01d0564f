"""Namespaces that only the API finds, their services and instances, asked by boto3."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antipodes.testing.virtualworld import VirtualWorld
from tests.regional.ec2.worlds import refusal

W = "us-west-2"


@pytest.fixture(scope="module")
def world() -> Iterator[VirtualWorld]:
    with VirtualWorld((W,), seed=1) as world:
        yield world


class Maps:
    """An account of its own, and a short way to make things."""

    numbers = 0

    def __init__(self, world: VirtualWorld) -> None:
        Maps.numbers += 1
        self.world = world
        self.account = f"{Maps.numbers:012d}"
        self.api = world.client("servicediscovery", W, account=self.account)

    def namespace(self, name: str = "shop", **more: Any) -> str:
        made = self.api.create_http_namespace(Name=name, **more)
        operation = self.operation(made["OperationId"])
        assert operation["Status"] == "SUCCESS"
        found: str = operation["Targets"]["NAMESPACE"]
        return found

    def service(self, namespace: str, name: str = "cart", **more: Any) -> str:
        made = self.api.create_service(Name=name, NamespaceId=namespace, **more)
        found: str = made["Service"]["Id"]
        return found

    def operation(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get_operation(OperationId=name)["Operation"]
        return found

    def register(self, service: str, name: str, **attributes: str) -> str:
        made = self.api.register_instance(ServiceId=service, InstanceId=name, Attributes=attributes)
        found: str = made["OperationId"]
        return found

    def discovered(self, **more: Any) -> list[str]:
        found = self.api.discover_instances(
            **{"NamespaceName": "shop", "ServiceName": "cart", **more}
        )
        return sorted(one["InstanceId"] for one in found["Instances"])

    def revision(self) -> int:
        asked = {"NamespaceName": "shop", "ServiceName": "cart"}
        found: int = self.api.discover_instances_revision(**asked)["InstancesRevision"]
        return found


@pytest.fixture
def maps(world: VirtualWorld) -> Maps:
    return Maps(world)


def test_a_namespace_lives_and_ends(maps: Maps) -> None:
    tags = [{"Key": "stage", "Value": "test"}]
    name = maps.namespace(Description="all shops", CreatorRequestId="once", Tags=tags)
    found = maps.api.get_namespace(Id=name)["Namespace"]
    assert (found["Name"], found["Type"], found["ServiceCount"]) == ("shop", "HTTP", 0)
    assert found["Properties"]["HttpProperties"] == {"HttpName": "shop"}
    assert (found["Description"], found["CreatorRequestId"]) == ("all shops", "once")
    assert maps.api.get_namespace(Id=found["Arn"])["Namespace"]["Id"] == name
    assert maps.api.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"] == tags
    again = refusal(maps.api.create_http_namespace, Name="shop")
    assert again == "NamespaceAlreadyExists"
    changed = maps.api.update_http_namespace(Id=name, Namespace={"Description": "less"})
    assert maps.operation(changed["OperationId"])["Type"] == "UPDATE_NAMESPACE"
    [listed] = maps.api.list_namespaces(Filters=[{"Name": "TYPE", "Values": ["HTTP"]}])[
        "Namespaces"
    ]
    assert (listed["Id"], listed["Description"]) == (name, "less")
    begins = {"Name": "NAME", "Values": ["sh"], "Condition": "BEGINS_WITH"}
    assert len(maps.api.list_namespaces(Filters=[begins])["Namespaces"]) == 1
    service = maps.service(name)
    assert refusal(maps.api.delete_namespace, Id=name) == "ResourceInUse"
    maps.api.delete_service(Id=service)
    gone = maps.operation(maps.api.delete_namespace(Id=name)["OperationId"])
    assert (gone["Type"], gone["Status"]) == ("DELETE_NAMESPACE", "SUCCESS")
    assert refusal(maps.api.get_namespace, Id=name) == "NamespaceNotFound"
    asked = {"ResourceARN": found["Arn"]}
    assert refusal(maps.api.list_tags_for_resource, **asked) == "ResourceNotFoundException"


def test_another_account_finds_nothing(world: VirtualWorld, maps: Maps) -> None:
    name = maps.namespace()
    maps.service(name)
    found, other = maps.api.get_namespace(Id=name)["Namespace"], Maps(world)
    assert refusal(other.api.get_namespace, Id=found["Arn"]) == "NamespaceNotFound"
    asked = {"NamespaceName": "shop", "ServiceName": "cart"}
    assert refusal(other.api.discover_instances, **asked) == "NamespaceNotFound"
    own = refusal(maps.api.discover_instances, **asked, OwnerAccount=other.account)
    assert own == "NamespaceNotFound"


def test_a_service_lives_and_ends(maps: Maps) -> None:
    namespace = maps.namespace()
    name = maps.service(namespace, Description="carts", CreatorRequestId="x")
    found = maps.api.get_service(Id=name)["Service"]
    assert (found["Type"], found["InstanceCount"]) == ("HTTP", 0)
    assert (found["NamespaceId"], found["Description"]) == (namespace, "carts")
    taken = {"Name": "cart", "NamespaceId": namespace}
    assert refusal(maps.api.create_service, **taken) == "ServiceAlreadyExists"
    assert maps.service(namespace, "CART") != name  # names that no DNS knows keep their case
    wanted = [{"Name": "NAMESPACE_ID", "Values": [namespace]}]
    assert len(maps.api.list_services(Filters=wanted)["Services"]) == 2
    assert refusal(maps.api.update_service, Id=name, Service={}) == "InvalidInput"
    maps.register(name, "one")
    assert refusal(maps.api.delete_service, Id=name) == "ResourceInUse"
    maps.api.deregister_instance(ServiceId=name, InstanceId="one")
    maps.api.delete_service(Id=name)
    assert refusal(maps.api.get_service, Id=name) == "ServiceNotFound"


def test_a_service_has_attributes_of_its_own(maps: Maps) -> None:
    name = maps.service(maps.namespace())
    many = {f"key{number}": "v" for number in range(30)}
    maps.api.update_service_attributes(ServiceId=name, Attributes=many)
    told = maps.api.get_service_attributes(ServiceId=name)["ServiceAttributes"]
    assert told["Attributes"] == many
    one_more = {"ServiceId": name, "Attributes": {"more": "v"}}
    assert refusal(maps.api.update_service_attributes, **one_more) == (
        "ServiceAttributesLimitExceededException"
    )
    maps.api.delete_service_attributes(ServiceId=name, Attributes=["key0"])
    maps.api.update_service_attributes(**one_more)
    missing = {"ServiceId": name, "Attributes": ["key0"]}
    assert refusal(maps.api.delete_service_attributes, **missing) == "InvalidInput"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"NamespaceId": "ns-1"}, "NamespaceNotFound"),
        ({"NamespaceId": None}, "InvalidInput"),
        ({"Name": "-"}, "InvalidInput"),
        ({"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 60}]}}, "InvalidInput"),
        ({"HealthCheckConfig": {"Type": "TCP"}}, "InvalidInput"),
        ({"HealthCheckConfig": {"Type": "TCP"}, "HealthCheckCustomConfig": {}}, "InvalidInput"),
    ],
)
def test_services_that_cannot_be(maps: Maps, change: dict[str, Any], code: str) -> None:
    request = {"Name": "cart", "NamespaceId": maps.namespace(), **change}
    given = {name: value for name, value in request.items() if value is not None}
    assert refusal(maps.api.create_service, **given) == code
    assert maps.api.list_services()["Services"] == []


def test_instances_are_found_by_their_attributes(maps: Maps) -> None:
    service = maps.service(maps.namespace())
    revision = maps.revision()
    for name, zone, version in (("a", "az1", "v1"), ("b", "az2", "v1"), ("c", "az2", "v2")):
        operation = maps.operation(maps.register(service, name, az=zone, version=version))
        assert (operation["Type"], operation["Status"]) == ("REGISTER_INSTANCE", "SUCCESS")
        assert operation["Targets"] == {"INSTANCE": name}
    assert maps.revision() == revision + 3
    assert maps.discovered() == ["a", "b", "c"]
    assert maps.discovered(QueryParameters={"az": "az2"}) == ["b", "c"]
    assert maps.discovered(QueryParameters={"az": "az2", "version": "v1"}) == ["b"]
    assert maps.discovered(QueryParameters={"az": "az3"}) == []
    assert maps.discovered(OptionalParameters={"az": "az3"}) == ["a", "b", "c"]
    both = {"QueryParameters": {"version": "v1"}, "OptionalParameters": {"az": "az2"}}
    assert maps.discovered(**both) == ["b"]
    assert len(maps.discovered(MaxResults=2)) == 2
    [told] = maps.api.discover_instances(
        NamespaceName="shop", ServiceName="cart", QueryParameters={"version": "v2"}
    )["Instances"]
    assert told["HealthStatus"] == "UNKNOWN"
    assert told["Attributes"] == {"az": "az2", "version": "v2"}
    maps.register(service, "a", az="az3")  # again: it is another now
    assert maps.api.get_instance(ServiceId=service, InstanceId="a")["Instance"]["Attributes"] == {
        "az": "az3"
    }
    listed = maps.api.list_instances(ServiceId=service, MaxResults=2)
    more = maps.api.list_instances(ServiceId=service, NextToken=listed["NextToken"])
    assert [one["Id"] for one in (*listed["Instances"], *more["Instances"])] == ["a", "b", "c"]
    maps.api.deregister_instance(ServiceId=service, InstanceId="a")
    asked = {"ServiceId": service, "InstanceId": "a"}
    assert refusal(maps.api.deregister_instance, **asked) == "InstanceNotFound"
    assert refusal(maps.api.get_instance, **asked) == "InstanceNotFound"
    assert maps.revision() == revision + 5


def test_the_order_is_drawn_by_lot(maps: Maps) -> None:
    service = maps.service(maps.namespace())
    for number in range(6):
        maps.register(service, f"i{number}")
    asked = {"NamespaceName": "shop", "ServiceName": "cart"}
    orders = {
        tuple(one["InstanceId"] for one in maps.api.discover_instances(**asked)["Instances"])
        for _ in range(8)
    }
    assert len(orders) > 1


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["1", "2"]), max_size=6))
def test_the_two_kinds_of_filters_narrow_alike(maps: Maps, zones: dict[str, str]) -> None:
    namespace = maps.namespace(f"n{maps.world.now}-{len(maps.api.list_namespaces()['Namespaces'])}")
    service = maps.service(namespace)
    for name, zone in zones.items():
        maps.register(service, name, az=zone)
    shop = maps.api.get_namespace(Id=namespace)["Namespace"]["Name"]
    for zone in ("1", "2"):
        own = sorted(name for name in zones if zones[name] == zone)
        of = {"NamespaceName": shop, "QueryParameters": {"az": zone}}
        assert maps.discovered(**of) == own
        of = {"NamespaceName": shop, "OptionalParameters": {"az": zone}}
        assert maps.discovered(**of) == (own or sorted(zones))
    for name in zones:
        maps.api.deregister_instance(ServiceId=service, InstanceId=name)
    maps.api.delete_service(Id=service)
    maps.api.delete_namespace(Id=namespace)


def test_an_instance_is_ill_when_nobody_says_otherwise_for_half_a_minute(maps: Maps) -> None:
    service = maps.service(maps.namespace(), HealthCheckCustomConfig={"FailureThreshold": 1})
    maps.register(service, "a")
    maps.register(service, "b", AWS_INIT_HEALTH_STATUS="UNHEALTHY", az="az2")

    def health() -> dict[str, str]:
        found: dict[str, str] = maps.api.get_instances_health_status(ServiceId=service)["Status"]
        return found

    def say(name: str, status: str) -> None:
        maps.api.update_instance_custom_health_status(
            ServiceId=service, InstanceId=name, Status=status
        )

    assert health() == {"a": "HEALTHY", "b": "UNHEALTHY"}
    assert maps.discovered(HealthStatus="HEALTHY") == ["a"]
    assert maps.discovered(HealthStatus="UNHEALTHY") == ["b"]
    say("a", "UNHEALTHY")
    maps.world.advance(seconds=20)
    say("a", "UNHEALTHY")  # the half minute goes on
    assert health()["a"] == "HEALTHY"
    maps.world.advance(seconds=11)
    assert health()["a"] == "UNHEALTHY"
    assert maps.discovered(HealthStatus="HEALTHY") == []
    assert maps.discovered(HealthStatus="HEALTHY_OR_ELSE_ALL") == ["a", "b"]
    say("a", "HEALTHY")
    ill = {"OptionalParameters": {"az": "az2"}, "HealthStatus": "HEALTHY"}
    assert maps.discovered(**ill) == ["a"]  # rather than nobody
    say("b", "HEALTHY")
    say("b", "UNHEALTHY")
    assert health() == {"a": "HEALTHY", "b": "HEALTHY"}
    say("b", "HEALTHY")
    maps.world.advance(seconds=60)
    assert health() == {"a": "HEALTHY", "b": "HEALTHY"}
    asked = {"ServiceId": service, "Instances": ["c"]}
    assert refusal(maps.api.get_instances_health_status, **asked) == "InstanceNotFound"
    plain = maps.service(maps.namespace("other"))
    maps.register(plain, "a")
    wrong = {"ServiceId": plain, "InstanceId": "a", "Status": "HEALTHY"}
    assert refusal(maps.api.update_instance_custom_health_status, **wrong) == "CustomHealthNotFound"


def test_a_machine_brings_its_address(maps: Maps) -> None:
    ec2 = maps.world.client("ec2", W, account=maps.account)
    made = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"][0]
    service = maps.service(maps.namespace())
    maps.register(service, "a", AWS_EC2_INSTANCE_ID=made["InstanceId"])
    found = maps.api.get_instance(ServiceId=service, InstanceId="a")["Instance"]["Attributes"]
    assert found["AWS_INSTANCE_IPV4"] == made["PrivateIpAddress"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"AWS_EC2_INSTANCE_ID": "i-12345678901234567"},
        {"AWS_EC2_INSTANCE_ID": "i-12345678901234567", "color": "red"},
        {"AWS_INIT_HEALTH_STATUS": "HEALTHY"},
        {"AWS_INSTANCE_IPV4": "2001:db8::1"},
        {"AWS_INSTANCE_PORT": "70000"},
        {"AWS_ALIAS_DNS_NAME": "lb.example.com"},
        {"AWS_COLOR": "red"},
        {f"key{number}": "v" for number in range(31)},
        {f"key{number}": "v" * 1024 for number in range(5)},
    ],
)
def test_attributes_that_cannot_be(maps: Maps, attributes: dict[str, str]) -> None:
    service = maps.service(maps.namespace())
    request = {"ServiceId": service, "InstanceId": "a", "Attributes": attributes}
    assert refusal(maps.api.register_instance, **request) == "InvalidInput"
    assert (
        maps.api.list_operations(Filters=[{"Name": "SERVICE_ID", "Values": [service]}])[
            "Operations"
        ]
        == []
    )


def test_operations_are_listed_and_tags_changed(maps: Maps) -> None:
    namespace = maps.namespace()
    service = maps.service(namespace)
    maps.register(service, "a")

    def listed(name: str, *values: str, condition: str = "EQ") -> int:
        wanted = [{"Name": name, "Values": list(values), "Condition": condition}]
        return len(maps.api.list_operations(Filters=wanted)["Operations"])

    assert listed("TYPE", "REGISTER_INSTANCE") == 1
    assert listed("STATUS", "SUCCESS", "FAIL", condition="IN") == 2
    assert listed("NAMESPACE_ID", namespace) == 2
    assert listed("UPDATE_DATE", "0", "4102444800", condition="BETWEEN") == 2
    assert listed("UPDATE_DATE", "0", "1", condition="BETWEEN") == 0
    for wrong in (
        {"Name": "TYPE", "Values": ["a", "b"]},
        {"Name": "UPDATE_DATE", "Values": ["x", "y"], "Condition": "BETWEEN"},
        {"Name": "TYPE", "Values": ["a"], "Condition": "BEGINS_WITH"},
    ):
        assert refusal(maps.api.list_operations, Filters=[wrong]) == "InvalidInput"
    assert refusal(maps.api.get_operation, OperationId="x") == "OperationNotFound"
    arn = maps.api.get_service(Id=service)["Service"]["Arn"]
    maps.api.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}])
    maps.api.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    maps.api.untag_resource(ResourceARN=arn, TagKeys=["a"])
    told = maps.api.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert told == [{"Key": "b", "Value": "2"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert refusal(maps.api.tag_resource, ResourceARN=arn, Tags=many) == "TooManyTagsException"

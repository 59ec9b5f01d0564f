"""All that an edge has, made, changed and taken away as a deployment tool does; and bad guests."""

import random
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.fabric.dns.message import encode_query, parse_answer
from antipodes.fabric.dns.names import to_wire
from antipodes.fabric.dns.rdata import RTYPES
from tests.e2e.worlds import RunningWorld, wait
from tests.fabric.dns.fuzzing import broken, packet, taken

W, FILES = "us-west-2", 256
SOON = {"Delay": 0.2, "MaxAttempts": 150}
QUESTION = encode_query(7, to_wire("www.example.com"), RTYPES["A"])
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, most))  # as few as some systems give
    try:
        running = RunningWorld("--propagation", "2", "--speed", "20", regions=(W,))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (least, most))
    with running:
        yield running


def refusal(function: Callable[..., Any], **request: Any) -> str:
    """The code that a request is refused with."""
    with pytest.raises(ClientError) as caught:
        function(**request)
    code: str = caught.value.response["Error"]["Code"]
    return code


class Stack:
    """Every kind of thing once, in the order in which one needs the other."""

    def __init__(self, world: RunningWorld) -> None:
        ec2 = world.client("ec2", W)
        self.subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]][:2]
        self.vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        self.wall = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        self.route53 = world.client("route53")
        self.acm, self.elb = world.client("acm", W), world.client("elbv2", W)
        self.ga, self.resolver = (
            world.client("globalaccelerator", W),
            world.client("route53resolver", W),
        )

    def create(self) -> None:
        made = self.route53.create_hosted_zone(Name="example.com", CallerReference="stack")
        self.zone = made["HostedZone"]["Id"]
        config = {"Type": "TCP", "IPAddress": "198.19.6.9", "Port": 80}
        checked = self.route53.create_health_check(CallerReference="c", HealthCheckConfig=config)
        self.check = checked["HealthCheck"]["Id"]
        self.certify()
        self.balance()
        self.accelerate()
        self.forward()
        self.records = [
            alias("alb.example.com", self.alb["CanonicalHostedZoneId"], self.alb["DNSName"]),
            alias("www.example.com", "Z2BJ6XQ5FK7U4H", self.accelerator["DnsName"]),
            {
                "Name": "w.example.com",
                "Type": "A",
                "SetIdentifier": "one",
                "Weight": 1,
                "TTL": 60,
                "HealthCheckId": self.check,
                "ResourceRecords": [{"Value": "192.0.2.1"}],
            },
        ]
        self.change("CREATE", *self.records)

    def change(self, action: str, *records: dict[str, Any]) -> None:
        changes = [{"Action": action, "ResourceRecordSet": record} for record in records]
        made = self.route53.change_resource_record_sets(
            HostedZoneId=self.zone, ChangeBatch={"Changes": changes}
        )
        waiter = self.route53.get_waiter("resource_record_sets_changed")
        waiter.wait(Id=made["ChangeInfo"]["Id"], WaiterConfig=SOON)

    def certify(self) -> None:
        asked = self.acm.request_certificate(DomainName="example.com", ValidationMethod="DNS")
        self.certificate = asked["CertificateArn"]
        described = self.acm.describe_certificate(CertificateArn=self.certificate)["Certificate"]
        assert described["Status"] == "PENDING_VALIDATION"
        proof = described["DomainValidationOptions"][0]["ResourceRecord"]
        self.proof = {
            "Name": proof["Name"],
            "Type": proof["Type"],
            "TTL": 60,
            "ResourceRecords": [{"Value": proof["Value"]}],
        }
        self.change("CREATE", self.proof)
        waiter = self.acm.get_waiter("certificate_validated")
        waiter.wait(CertificateArn=self.certificate, WaiterConfig=SOON)

    def balance(self) -> None:
        self.alb = self.balancer("web", "application")
        self.nlb = self.balancer("net", "network")
        self.http = self.group("web", "HTTP")
        self.tcp = self.group("net", "TCP")
        self.https_listener = self.listener(
            self.alb, self.http, "HTTPS", 443, Certificates=[{"CertificateArn": self.certificate}]
        )
        self.tcp_listener = self.listener(self.nlb, self.tcp, "TCP", 5000)
        self.elb.register_targets(TargetGroupArn=self.tcp, Targets=[{"Id": "172.31.0.9"}])
        arns = [self.alb["LoadBalancerArn"], self.nlb["LoadBalancerArn"]]
        waiter = self.elb.get_waiter("load_balancer_available")
        waiter.wait(LoadBalancerArns=arns, WaiterConfig=SOON)

    def balancer(self, name: str, kind: str) -> dict[str, Any]:
        made = self.elb.create_load_balancer(Name=name, Type=kind, Subnets=self.subnets)
        found: dict[str, Any] = made["LoadBalancers"][0]
        return found

    def group(self, name: str, protocol: str) -> str:
        made = self.elb.create_target_group(
            Name=name, Protocol=protocol, Port=80, VpcId=self.vpc, TargetType="ip"
        )
        arn: str = made["TargetGroups"][0]["TargetGroupArn"]
        return arn

    def listener(
        self, balancer: dict[str, Any], group: str, protocol: str, port: int, **more: Any
    ) -> str:
        made = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol=protocol,
            Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
            **more,
        )
        arn: str = made["Listeners"][0]["ListenerArn"]
        return arn

    def accelerate(self) -> None:
        self.accelerator = self.ga.create_accelerator(Name="stack")["Accelerator"]
        ports = [{"FromPort": 443, "ToPort": 443}]
        made = self.ga.create_listener(
            AcceleratorArn=self.accelerator["AcceleratorArn"], Protocol="TCP", PortRanges=ports
        )
        self.ga_listener = made["Listener"]["ListenerArn"]
        made = self.ga.create_endpoint_group(
            ListenerArn=self.ga_listener,
            EndpointGroupRegion=W,
            EndpointConfigurations=[{"EndpointId": self.alb["LoadBalancerArn"]}],
        )
        self.ga_group = made["EndpointGroup"]["EndpointGroupArn"]
        self.deployed()

    def deployed(self) -> None:
        arn = self.accelerator["AcceleratorArn"]
        wait(
            lambda: (
                self.ga.describe_accelerator(AcceleratorArn=arn)["Accelerator"]["Status"]
                == "DEPLOYED"
            )
        )

    def forward(self) -> None:
        made = self.resolver.create_resolver_endpoint(
            CreatorRequestId="stack",
            SecurityGroupIds=[self.wall],
            Direction="OUTBOUND",
            IpAddresses=[{"SubnetId": subnet} for subnet in self.subnets],
        )
        self.endpoint = made["ResolverEndpoint"]["Id"]
        made = self.resolver.create_resolver_rule(
            CreatorRequestId="stack",
            RuleType="FORWARD",
            DomainName="corp.example",
            TargetIps=[{"Ip": "198.19.6.9", "Port": 53}],
            ResolverEndpointId=self.endpoint,
        )
        self.rule = made["ResolverRule"]["Id"]
        made = self.resolver.associate_resolver_rule(ResolverRuleId=self.rule, VPCId=self.vpc)
        self.association = made["ResolverRuleAssociation"]["Id"]
        wait(lambda: self.endpoint_status() == "OPERATIONAL")

    def endpoint_status(self) -> str:
        found = self.resolver.get_resolver_endpoint(ResolverEndpointId=self.endpoint)
        status: str = found["ResolverEndpoint"]["Status"]
        return status

    def refuse(self) -> None:
        """In the wrong order, nothing goes."""
        arn = self.accelerator["AcceleratorArn"]
        ga, elb, resolver = self.ga, self.elb, self.resolver
        assert refusal(self.route53.delete_hosted_zone, Id=self.zone) == "HostedZoneNotEmpty"
        assert refusal(ga.delete_accelerator, AcceleratorArn=arn) in {
            "AcceleratorNotDisabledException",
            "AssociatedListenerFoundException",
        }
        code = refusal(ga.delete_listener, ListenerArn=self.ga_listener)
        assert code == "AssociatedEndpointGroupFoundException"
        assert refusal(elb.delete_target_group, TargetGroupArn=self.http) == "ResourceInUse"
        assert refusal(elb.delete_target_group, TargetGroupArn=self.tcp) == "ResourceInUse"
        code = refusal(self.acm.delete_certificate, CertificateArn=self.certificate)
        assert code == "ResourceInUseException"
        code = refusal(resolver.delete_resolver_rule, ResolverRuleId=self.rule)
        assert code == "ResourceInUseException"
        code = refusal(resolver.delete_resolver_endpoint, ResolverEndpointId=self.endpoint)
        assert code in {"InvalidRequestException", "ResourceInUseException"}

    def modify(self) -> None:
        """A tool's second run, with other figures."""
        self.records[2]["Weight"] = 7
        self.change("UPSERT", self.records[2])
        self.route53.update_health_check(HealthCheckId=self.check, FailureThreshold=5)
        self.elb.modify_target_group(TargetGroupArn=self.http, HealthCheckPath="/up")
        self.elb.modify_listener(ListenerArn=self.tcp_listener, Port=5001)
        self.ga.update_endpoint_group(EndpointGroupArn=self.ga_group, TrafficDialPercentage=50)
        self.resolver.update_resolver_rule(
            ResolverRuleId=self.rule, Config={"TargetIps": [{"Ip": "198.19.6.10", "Port": 5353}]}
        )
        sets = self.route53.list_resource_record_sets(HostedZoneId=self.zone)
        weights = [record.get("Weight") for record in sets["ResourceRecordSets"]]
        assert [weight for weight in weights if weight] == [7]
        check = self.route53.get_health_check(HealthCheckId=self.check)["HealthCheck"]
        assert check["HealthCheckConfig"]["FailureThreshold"] == 5
        [group] = self.elb.describe_target_groups(TargetGroupArns=[self.http])["TargetGroups"]
        assert group["HealthCheckPath"] == "/up"
        [listener] = self.elb.describe_listeners(ListenerArns=[self.tcp_listener])["Listeners"]
        assert listener["Port"] == 5001
        dialled = self.ga.describe_endpoint_group(EndpointGroupArn=self.ga_group)["EndpointGroup"]
        assert dialled["TrafficDialPercentage"] == 50
        rule = self.resolver.get_resolver_rule(ResolverRuleId=self.rule)["ResolverRule"]
        assert [target["Ip"] for target in rule["TargetIps"]] == ["198.19.6.10"]

    def delete(self) -> None:
        arn = self.accelerator["AcceleratorArn"]
        self.change("DELETE", *self.records)
        self.ga.delete_endpoint_group(EndpointGroupArn=self.ga_group)
        self.ga.delete_listener(ListenerArn=self.ga_listener)
        self.ga.update_accelerator(AcceleratorArn=arn, Enabled=False)
        self.deployed()
        self.ga.delete_accelerator(AcceleratorArn=arn)
        for listener in (self.https_listener, self.tcp_listener):
            self.elb.delete_listener(ListenerArn=listener)
        balancers = [self.alb["LoadBalancerArn"], self.nlb["LoadBalancerArn"]]
        for balancer in balancers:
            self.elb.delete_load_balancer(LoadBalancerArn=balancer)
        self.elb.get_waiter("load_balancers_deleted").wait(
            LoadBalancerArns=balancers, WaiterConfig=SOON
        )
        for group in (self.http, self.tcp):
            self.elb.delete_target_group(TargetGroupArn=group)
        self.acm.delete_certificate(CertificateArn=self.certificate)
        self.resolver.disassociate_resolver_rule(ResolverRuleId=self.rule, VPCId=self.vpc)
        wait(lambda: not self.associations())
        self.resolver.delete_resolver_rule(ResolverRuleId=self.rule)
        self.resolver.delete_resolver_endpoint(ResolverEndpointId=self.endpoint)
        wait(lambda: not self.resolver.list_resolver_endpoints()["ResolverEndpoints"])
        self.change("DELETE", self.proof)
        self.route53.delete_health_check(HealthCheckId=self.check)
        self.route53.delete_hosted_zone(Id=self.zone)

    def associations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.resolver.list_resolver_rule_associations()[
            "ResolverRuleAssociations"
        ]
        return [one for one in found if one["ResolverRuleId"] == self.rule]

    def left(self) -> list[Any]:
        """All that is there of anything."""
        rules = self.resolver.list_resolver_rules()["ResolverRules"]
        return [
            *self.route53.list_hosted_zones()["HostedZones"],
            *self.route53.list_health_checks()["HealthChecks"],
            *self.acm.list_certificates()["CertificateSummaryList"],
            *self.elb.describe_load_balancers()["LoadBalancers"],
            *self.elb.describe_target_groups()["TargetGroups"],
            *self.ga.list_accelerators()["Accelerators"],
            *self.resolver.list_resolver_endpoints()["ResolverEndpoints"],
            *(rule for rule in rules if rule["OwnerId"] != "Route 53 Resolver"),
        ]


def alias(name: str, zone: str, target: str) -> dict[str, Any]:
    """An alias record of something that the stack has."""
    aimed = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": True}
    return {"Name": name, "Type": "A", "AliasTarget": aimed}


def test_an_edge_stack_is_created_changed_and_deleted(world: RunningWorld) -> None:
    stack = Stack(world)
    assert stack.left() == []
    stack.create()
    assert len(stack.left()) == 10
    stack.refuse()
    assert len(stack.left()) == 10
    stack.modify()
    stack.delete()
    assert stack.left() == []


# Guests who mean no good, at the real doors.


def ports(world: RunningWorld) -> tuple[int, int]:
    """The front door's port and a city's."""
    return world.port, int(world.ask("/cities/tokyo")["port"])


def is_answering(port: int) -> bool:
    """Whether an ordinary question is answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        asking.sendto(QUESTION, ("127.0.0.1", port))
        return parse_answer(asking.recv(4096)).id == 7


@pytest.mark.parametrize("which", [0, 1], ids=["front", "city"])
def test_broken_questions_are_answered_as_they_deserve(world: RunningWorld, which: int) -> None:
    port, chance = ports(world)[which], random.Random(which)
    last = encode_query(0xFFFF, to_wire("www.example.com"), RTYPES["A"], recursion=True)
    most: dict[bytes, int] = {}  # that an answer may have, by its id
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        for _ in range(100):
            data = broken(packet(chance), chance)
            most[data[:2]] = max(most.get(data[:2], 0), min(max(taken(data), 512), 1232))
            asking.sendto(data, ("127.0.0.1", port))
            asking.sendto(last, ("127.0.0.1", port))
            while (answer := asking.recv(65_535))[:2] != last[:2]:
                assert len(answer) <= most[answer[:2]]
                assert answer[2] & 0x80
    with socket.create_connection(("127.0.0.1", port), timeout=10) as asking:
        for _ in range(30):
            data = broken(packet(chance), chance)
            asking.sendall(len(data).to_bytes(2, "big") + data)
        asking.sendall(len(last).to_bytes(2, "big") + last)
        while (answer := message(asking))[:2] != last[:2]:
            assert answer[2] & 0x80


def message(asking: socket.socket) -> bytes:
    """The next message of a stream."""
    whole = asking.makefile("rb", buffering=0)
    size = int.from_bytes(exactly(whole, 2), "big")
    return exactly(whole, size)


def exactly(source: Any, size: int) -> bytes:
    """So many bytes."""
    found = b""
    while len(found) < size:
        more = source.read(size - len(found))
        assert more, "the stream has ended"
        found += more
    return found


def test_a_thousand_idle_connections_keep_nobody_out(world: RunningWorld) -> None:
    with ExitStack() as held:
        for port in ports(world):
            for said in (b"", b"\x00", b"GET / HT", b"\x05") * 150:
                guest = held.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                guest.sendall(said)
            assert is_answering(port)
        assert world.ask("/health")["status"] == "running"
        assert world.client("route53").list_hosted_zones()["HostedZones"] == []
    assert is_answering(world.port)


def test_who_resets_in_the_middle_of_everything_leaves_nothing_broken(world: RunningWorld) -> None:
    reset = struct.pack("ii", 1, 0)
    for port in ports(world):
        for said in (
            b"\x00\x1d",
            b"GET / HTTP/1.1\r\nHost: \xb2:\xc2\xb2\r\n\r\n",
            b"CONNECT a:\xb2 H\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), 10) as guest:
                guest.sendall(said)
                guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        assert is_answering(port)
    assert world.ask("/health")["status"] == "running"

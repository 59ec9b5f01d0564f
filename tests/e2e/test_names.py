"""Names from the laptop: an ordinary DNS client, an ordinary proxy, and a world of processes."""

import sys
from collections.abc import Iterator
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest

from tests.e2e.worlds import RunningWorld, run, wait

W, LOOPBACK = "us-west-2", "127.0.0.1"
APP, ANSWER_S_MAX = "app.shop.example", 10.0
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    options = ("--propagation", "0.2", "--resolver", "sao-paulo=clamp:300")
    with RunningWorld(*options, regions=(W,)) as running:
        deploy(running)
        wait(lambda: ask(running.port, APP).answer)
        yield running


def deploy(world: RunningWorld) -> None:
    """A balancer that answers by itself, and a zone with an alias for it."""
    ec2, elbv2 = world.client("ec2", W), world.client("elbv2", W)
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    made = elbv2.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]
    fixed = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "open"}
    elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}],
    )
    route53 = world.client("route53")
    zone = route53.create_hosted_zone(Name="shop.example", CallerReference="names")["HostedZone"]
    alias = {
        "HostedZoneId": made["CanonicalHostedZoneId"],
        "DNSName": made["DNSName"],
        "EvaluateTargetHealth": False,
    }
    sets: list[dict[str, Any]] = [
        {"Name": "lb.shop.example", "Type": "A", "AliasTarget": alias},
        {"Name": APP, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": alias["DNSName"]}]},
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in sets]
    route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": changes})


def ask(port: int, name: str, *, tcp: bool = False) -> dns.message.Message:
    """Ask a port of this machine for an address."""
    query = dns.message.make_query(name, "A")
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, LOOPBACK, port=port, timeout=ANSWER_S_MAX)


def city_port(world: RunningWorld, city: str = "sao-paulo") -> int:
    """The port number of a city, as what runs there is told."""
    script = "import os; print(os.environ['ANTIPODES_DNS'])"
    done = run("at", city, "--", sys.executable, "-c", script, state=world.state)
    host, _, port = done.stdout.strip().partition(":")
    assert host == LOOPBACK, done.stderr
    return int(port)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_the_endpoint_and_a_city_answer_dns(world: RunningWorld, tcp: bool) -> None:
    edge = ask(world.port, APP, tcp=tcp)
    assert edge.flags & dns.flags.AA
    assert [rrset.ttl for rrset in edge.answer] == [60]
    city = ask(city_port(world), APP, tcp=tcp)
    assert city.flags & dns.flags.RA
    assert [rrset.rdtype.name for rrset in city.answer] == ["CNAME", "A"]
    assert all(rrset.ttl > 200 for rrset in city.answer), "it clamps"
    missing = ask(city_port(world), "missing.shop.example", tcp=tcp)
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert missing.authority[0].name.to_text() == "shop.example."


def test_names_of_zones_lead_somewhere_through_a_city_and_at_the_endpoint(
    world: RunningWorld,
) -> None:
    proxy = f"http://{LOOPBACK}:{city_port(world)}"
    through_city = build_opener(ProxyHandler({"http": proxy}))
    direct = build_opener(ProxyHandler({}))
    for name in (APP, "lb.shop.example"):
        with through_city.open(f"http://{name}/", timeout=ANSWER_S_MAX) as answer:
            assert answer.read() == b"open"
        for host in (name, f"{name}.localhost:{world.port}"):
            request = Request(f"{world.url}/", headers={"Host": host})
            with direct.open(request, timeout=ANSWER_S_MAX) as answer:
                assert answer.read() == b"open"
    assert "city/sao-paulo" in run("status", state=world.state).stdout


def test_a_host_that_nobody_knows_is_the_endpoint(world: RunningWorld) -> None:
    """As containers call it, for example."""
    request = Request(f"{world.url}/?Action=GetCallerIdentity", headers={"Host": "my.aws.test"})
    with pytest.raises(OSError, match="HTTP Error 4"):
        build_opener(ProxyHandler({})).open(request, timeout=ANSWER_S_MAX)


def test_a_behaviour_that_there_is_not_is_refused(world: RunningWorld) -> None:
    state = world.state.parent / "other"
    for choice, complaint in (
        ("sao-paulo=sometimes", "is no behaviour of a resolver"),
        ("us-west-2=honour", "is not a city"),
    ):
        done = run("up", "--port", "0", "--resolver", choice, state=state)
        assert done.returncode == 2
        assert complaint in done.stderr

"""What health checkers see of an endpoint, by every protocol, and what takes how long."""

from ipaddress import IPv6Address

import pytest

from antipodes.edge.route53.service import Route53
from antipodes.hosting.edge import EdgeHost
from antipodes.regional.acm.certificates import issue, new_authority
from antipodes.runtime.contract import Address, PlainReceiver, Stream
from antipodes.service.http import HttpServer
from antipodes.service.tls import Credential, ServerTls
from antipodes.world import addresses
from tests.edge.route53.asked import a
from tests.edge.route53.test_health import (
    IP_E,
    IP_W,
    TURNED_S,
    Endpoint,
    answers,
    built,
    check,
    observations,
    pair,
)
from tests.edge.route53.worlds import HOME, TOLD_S, E, Stage, W, play


def test_https_is_probed_over_tls_and_latency_is_measured() -> None:
    async def scenario(stage: Stage) -> None:
        secure = {"type": "HTTPS", "port": 443, "ip": "", "domain": "www.example.com"}
        checks = (
            check("w", **secure, sends_server_name=True, measures_latency=True),
            check("plain", type="HTTPS", measures_latency=True),  # at a port without TLS
        )
        endpoint = await Endpoint(stage, W, IP_W).open()
        runtime = stage.simulated.region(W).runtime
        home = stage.simulated.region(HOME).service("route53")
        assert isinstance(home, Route53)
        home.follow_edge()  # as its own checks make it do
        authority = new_authority("Tests", 1.8e9, 7)
        made = issue(authority, ("www.example.com",), "EC_prime256v1", 1.8e9, 9)
        tls = ServerTls(runtime, [Credential(made.certificate, made.key)])
        server = HttpServer(runtime, endpoint.answer)
        door = Address(W, f"{IP_W}:443")
        await runtime.listen(door, lambda accepted: tls.receiver(server.receiver(accepted)))
        for one in checks:
            await stage.check(one)
        await stage.hold(a("www", IP_W))
        await stage.wait(TOLD_S + TURNED_S)
        seen = await observations(stage, "w")
        assert {o.status for o in seen} == {"Success: HTTP Status Code 200, OK"}
        assert all(o.status.startswith("Failure") for o in await observations(stage, "plain"))
        measured = {}
        for metric in ("HealthCheckStatus", "ConnectionTime", "SSLHandshakeTime"):
            for id_ in ("w", "plain"):
                measured[metric, id_] = await measures(stage, metric, id_)
        assert measured["HealthCheckStatus", "w"]["Minimum"] == 1.0
        assert measured["HealthCheckStatus", "plain"]["Minimum"] == 0.0
        far, near = measured["ConnectionTime", "w"]["Maximum"], stage.world.rtt_ms(W, W)
        assert far >= stage.world.rtt_ms("sa-east-1", W) > near
        assert measured["SSLHandshakeTime", "w"]["Maximum"] >= far - 1

    play(scenario, regions=(HOME, W))


async def measures(stage: Stage, metric: str, health_check: str) -> dict[str, float]:
    """The minute's least and most of a metric, over all that was published."""
    now = stage.simulated.outside.wall()
    request = {
        "Namespace": "AWS/Route53",
        "MetricName": metric,
        "Dimensions": [{"Name": "HealthCheckId", "Value": health_check}],
        "StartTime": now - 3600,
        "EndTime": now + 60,
        "Period": 3600,
        "Statistics": ["Minimum", "Maximum"],
    }
    told = await stage.simulated.call(HOME, "cloudwatch", "GetMetricStatistics", request, "1")
    points = told["Datapoints"]
    return {
        "Minimum": min((point["Minimum"] for point in points), default=-1.0),
        "Maximum": max((point["Maximum"] for point in points), default=-1.0),
    }


def test_a_string_has_to_be_in_the_first_5120_bytes() -> None:
    async def scenario(stage: Stage) -> None:
        matching = check("w", type="HTTP_STR_MATCH", search_string="Fine")
        endpoint = await built(stage, matching)
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_E]  # the case matters
        endpoint.body = b"x" * 5116 + b"Fine" + b"x" * 9000
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_W]
        endpoint.body = b"x" * 5117 + b"Fine"
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_E]
        agent = endpoint.asked[0].headers["user-agent"]
        assert agent.startswith("Amazon-Route53-Health-Check-Service (ref w;")
        assert endpoint.asked[0].headers["host"] == IP_W

    play(scenario)


class Literal(PlainReceiver):
    """Answers whatever comes with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._stream: Stream | None = None

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        assert data, "somebody asks"
        assert self._stream is not None
        self._stream.write(self._answer)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nfine",
            "Failure: HTTP Status Code 101, Switching Protocols",
        ),
        (
            b"HTTP/1.1 100 A\r\n\r\nHTTP/1.1 200 B\r\nContent-Length: 4\r\n\r\nfine",
            "Success: HTTP Status Code 200, OK",
        ),
    ],
)
def test_what_comes_before_an_answer_is_none_and_another_protocol_is_no_success(
    answer: bytes, status: str
) -> None:
    async def scenario(stage: Stage) -> None:
        runtime = stage.simulated.region(W).runtime
        await runtime.listen(Address(W, f"{IP_W}:80"), lambda _: Literal(answer))
        await stage.check(check("w", type="HTTP_STR_MATCH", search_string="fine"))
        await stage.wait(TURNED_S)
        assert {o.status for o in await observations(stage, "w")} == {status}

    play(scenario)


def test_an_endpoint_of_ipv6_is_found_however_its_address_is_written() -> None:
    async def scenario(stage: Stage) -> None:
        endpoint = Endpoint(stage, W, "")
        ip = str(IPv6Address(addresses.ANYCAST6_A + 77))
        runtime = stage.simulated.region(W).runtime
        server = HttpServer(runtime, endpoint.answer)
        edge = stage.simulated.hosts["edge"]
        assert isinstance(edge, EdgeHost)
        await edge.runtime.listen(Address("edge/*", f"{ip}:8080"), server.receiver)
        await stage.check(check("w", ip=IPv6Address(ip).exploded.upper(), port=8080))
        await stage.wait(TURNED_S)
        seen = await observations(stage, "w")
        assert {o.status for o in seen} == {"Success: HTTP Status Code 200, OK"}
        assert endpoint.asked[0].headers["host"] == f"[{ip}]:8080"

    play(scenario)


def test_tcp_is_satisfied_with_a_connection_and_names_are_resolved_every_time() -> None:
    async def scenario(stage: Stage) -> None:
        tcp = check("w", type="TCP")
        named = check("named", ip="", domain="target.example.com")
        records = (
            *pair(),
            a("target", IP_W),
            a("other", "192.0.2.1", set_identifier="1", failover="PRIMARY", health_check="named"),
            a("other", "192.0.2.2", set_identifier="2", failover="SECONDARY"),
        )
        endpoint = await built(stage, tcp, named, records=records)
        endpoint.status = 500
        await stage.wait(TURNED_S)
        assert await answers(stage) == [IP_W]
        assert await answers(stage, "other.example.com") == ["192.0.2.2"]
        await Endpoint(stage, E, IP_E).open()
        await stage.put(a("target", IP_E))
        await stage.wait(TOLD_S + TURNED_S)
        assert await answers(stage, "other.example.com") == ["192.0.2.1"]
        await stage.change((), [a("target", IP_E)])
        await stage.wait(TOLD_S + TURNED_S)
        assert await answers(stage, "other.example.com") == ["192.0.2.2"]
        assert "DNS resolution failed" in (await observations(stage, "named"))[0].status

    play(scenario)

"""The data plane: requests from a city, through rules, to functions and addresses."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.runtime.contract import Address, Gone, PlainReceiver, Stream
from antipodes.service.contract import ServiceError
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer
from tests.regional.elbv2.hosts import ACCOUNT, FUNCTION, Behaviour, Front, Region, fixed, forward

TRACE = "1-5759e988-bd862e3fe1be46a994272793"


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


def echo(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "statusDescription": "200 Fine",
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(event),
    }


def test_a_request_reaches_the_function_and_its_answer_comes_back(region: Region) -> None:
    front = region.serving(echo)
    response = region.ask(
        front.door,
        "POST",
        "/put/foobar?value=a%20b",
        headers={"Host": "Example.com:80", "X-Forwarded-For": "203.0.113.1", "X-A": "1"},
        body=b"hello",
        trace=TRACE,
    )
    event = json.loads(response.body)
    assert (response.status, response.reason) == (200, "Fine")
    assert dict(response.headers)["Server"] == "awselb/2.0"
    assert event["requestContext"] == {"elb": {"targetGroupArn": front.group}}
    assert (event["httpMethod"], event["path"]) == ("POST", "/put/foobar")
    assert event["queryStringParameters"] == {"value": "a%20b"}
    assert (event["body"], event["isBase64Encoded"]) == ("aGVsbG8=", True)
    headers = event["headers"]
    assert headers["host"] == "example.com"
    assert headers["x-a"] == "1"
    assert headers["x-forwarded-for"] == "203.0.113.1, 198.19.128.9"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", "80")
    assert headers["x-amzn-trace-id"] == f"Root={TRACE}"


def test_every_request_leaves_a_span(region: Region) -> None:
    front = region.serving(echo)
    region.ask(front.door, trace=TRACE)
    [span] = [
        span for span in region.simulation.journal.spans(TRACE) if span["name"] == "alb.request"
    ]
    assert span["rule"] == "default"
    assert span["target_group"] == front.group
    assert span["target"] == FUNCTION
    assert (span["status"], span["target_status"]) == (200, 200)


def test_the_nodes_of_all_zones_serve(region: Region) -> None:
    front = region.serving(echo)
    for address in region.addresses(front.name):
        assert region.ask(f"{address}:80").status == 200


def test_multi_value_headers(region: Region) -> None:
    front = region.serving(
        lambda event: {
            "statusCode": 200,
            "multiValueHeaders": {"Set-Cookie": event["multiValueHeaders"]["cookie"]},
        }
    )
    region.client("elbv2").modify_target_group_attributes(
        TargetGroupArn=front.group,
        Attributes=[{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}],
    )
    response = region.ask(front.door, headers=[("Cookie", "a=1"), ("Cookie", "b=2")])
    cookies = [value for name, value in response.headers if name == "Set-Cookie"]
    assert cookies == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (ValueError("no"), 502),
        ("not an answer", 502),
        (ServiceError("TooManyRequestsException", "slowly", 429), 502),
        (ServiceError("ResourceNotFoundException", "gone", 404), 502),
        ({"statusCode": 418}, 418),
    ],
)
def test_what_goes_wrong_in_a_function(region: Region, outcome: Any, status: int) -> None:
    front = region.serving(lambda _: outcome)
    response = region.ask(front.door)
    assert response.status == status
    if status == 502:
        assert b"<h1>502 Bad Gateway</h1>" in response.body


def test_a_function_that_is_too_slow_is_not_waited_for_but_goes_on(region: Region) -> None:
    ended: list[float] = []

    def slow(_: Any) -> dict[str, Any]:
        ended.append(region.runtime.now())
        return {"statusCode": 200}

    front = region.serving(slow)
    region.functions.takes_s = 90
    started = region.runtime.now()
    response = region.ask(front.door)
    assert (response.status, region.runtime.now() - started) == (504, 60)
    assert ended == []
    region.wait(31)
    assert len(ended) == 1


def test_a_body_that_is_too_large_for_a_function(region: Region) -> None:
    front = region.serving(echo)
    assert region.ask(front.door, "POST", body=b"x" * 1_000_001).status == 413
    assert region.functions.events == []


def test_a_group_without_targets_is_a_503(region: Region) -> None:
    front = region.serving(echo)
    targets = [{"Id": FUNCTION}]
    elbv2 = region.client("elbv2")
    elbv2.deregister_targets(TargetGroupArn=front.group, Targets=targets)
    response = region.ask(front.door)
    assert (response.status, response.reason) == (503, "Service Temporarily Unavailable")
    assert len(response.body) == 162


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "TRACE"}, 405),
        ({"target": "/" + "a" * 17_000}, 414),
        ({"headers": {"X-Forwarded-For": ",".join(["1.1.1.1"] * 31)}}, 463),
    ],
)
def test_requests_that_no_rule_sees(region: Region, request_: dict[str, Any], status: int) -> None:
    front = region.serving(echo)
    assert region.ask(front.door, **request_).status == status
    assert region.functions.events == []


def add_rule(region: Region, front: Front, priority: int, action: Any, **condition: Any) -> str:
    made = region.client("elbv2").create_rule(
        ListenerArn=front.listener, Priority=priority, Conditions=[condition], Actions=[action]
    )
    return str(made["Rules"][0]["RuleArn"])


def test_the_first_rule_that_fits_decides_and_changes_take_effect(region: Region) -> None:
    front = region.serving(lambda _: {"statusCode": 200, "body": "function"})
    paths = {"Field": "path-pattern", "Values": ["/a*"]}
    hosts = {"Field": "host-header", "Values": ["*.example.com"]}
    rule = add_rule(region, front, 10, fixed("path", "404"), **paths)
    add_rule(region, front, 20, fixed("host"), **hosts)

    def body(target: str, host: str) -> tuple[int, bytes]:
        response = region.ask(front.door, target=target, headers={"Host": host})
        return response.status, response.body

    assert body("/ab?x", "www.example.com") == (404, b"path")
    assert body("/b", "www.example.com") == (200, b"host")
    assert body("/b", "example.com") == (200, b"function")
    region.client("elbv2").set_rule_priorities(RulePriorities=[{"RuleArn": rule, "Priority": 30}])
    assert body("/ab", "www.example.com") == (200, b"host")
    region.client("elbv2").delete_rule(RuleArn=rule)
    assert body("/ab", "example.com") == (200, b"function")


def test_rules_about_the_client_go_by_its_address_not_by_what_it_says(region: Region) -> None:
    front = region.serving(echo)
    config = {"Values": ["198.19.128.9/32"]}
    add_rule(region, front, 1, fixed("you"), Field="source-ip", SourceIpConfig=config)
    assert region.ask(front.door).body == b"you"
    liar = {"X-Forwarded-For": "198.19.128.9"}
    other = region.ask(front.door, source_ip="198.19.128.10", headers=liar)
    assert other.body != b"you"


def test_a_redirect(region: Region) -> None:
    config = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    front = region.serving(echo)
    region.client("elbv2").modify_listener(
        ListenerArn=front.listener,
        DefaultActions=[{"Type": "redirect", "RedirectConfig": config}],
    )
    response = region.ask(front.door, target="/a?b=1", headers={"Host": "example.com"})
    assert response.status == 301
    assert dict(response.headers)["Location"] == "https://example.com:443/a?b=1"


def saying(body: str) -> Behaviour:
    return lambda _: {"statusCode": 200, "body": body}


def test_weights_share_requests_out(region: Region) -> None:
    elbv2 = region.client("elbv2")
    groups = [region.group(name) for name in "ab"]
    for name, group in zip("ab", groups, strict=True):
        arn = FUNCTION + name
        region.functions.add(saying(name), arn)
        elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": arn}])
    weighted = forward("", (groups[0], 3), (groups[1], 1))
    balancer = region.balancer()
    listener = region.listener(balancer, weighted)
    door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80"
    shares = Counter(region.ask(door).body for _ in range(200))
    assert 120 <= shares[b"a"] <= 180
    assert shares[b"a"] + shares[b"b"] == 200
    for first, second in ((0, 1), (0, 0)):
        actions = [forward("", (groups[0], first), (groups[1], second))]
        elbv2.modify_listener(ListenerArn=listener, DefaultActions=actions)
        seen = Counter((r.status, r.body[:1]) for r in (region.ask(door) for _ in range(20)))
        assert seen == ({(200, b"b"): 20} if second else {(503, b"<"): 20})


def test_a_listener_that_moves_or_goes(region: Region) -> None:
    front = region.serving(echo)
    elbv2 = region.client("elbv2")
    elbv2.modify_listener(ListenerArn=front.listener, Port=8080)
    assert region.ask(front.door[:-2] + "8080").status == 200
    with pytest.raises(Exception, match="refused"):
        region.ask(front.door)
    elbv2.delete_listener(ListenerArn=front.listener)
    with pytest.raises(Exception, match="refused"):
        region.ask(front.door[:-2] + "8080")


def test_a_quiet_connection_is_closed_after_the_idle_timeout(region: Region) -> None:
    front = region.serving(echo)
    ended: list[float] = []

    class Quiet(PlainReceiver):
        def connection_lost(self, error: Exception | None) -> None:
            ended.append(region.runtime.now())

    async def open_and_wait() -> float:
        started = region.city.now()
        await region.city.connect(Address(region.place, front.door), lambda _: Quiet())
        await region.city.sleep(100)
        return started

    started = region.run(open_and_wait())
    assert [round(end - started) for end in ended] == [60]


def serve_on_laptop(region: Region, port: int, answer: HttpResponse) -> list[HttpRequest]:
    """Stand up a server on the user's own machine."""
    seen: list[HttpRequest] = []
    laptop = region.simulation.boot(f"laptop-{port}", "laptop")

    def handle(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return answer

    server = HttpServer(laptop, handle)

    async def main() -> None:
        await laptop.listen(Address("laptop", f"127.0.0.1:{port}"), server.receiver)

    region.simulation.run(main())
    return seen


def test_addresses_of_this_machine_take_turns(region: Region) -> None:
    seen = [
        serve_on_laptop(region, port, HttpResponse(200, [("X-Port", str(port))], b"hi"))
        for port in (8081, 8082)
    ]
    elbv2 = region.client("elbv2")
    vpc = region.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    group = region.group(TargetType="ip", Protocol="HTTP", Port=8081, VpcId=vpc)
    targets = [{"Id": "127.0.0.1"}, {"Id": "127.0.0.1", "Port": 8082}, {"Id": "127.0.0.9"}]
    elbv2.register_targets(TargetGroupArn=group, Targets=targets)
    balancer = region.balancer()
    region.listener(balancer, forward(group))
    door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80"
    region.wait(61)
    described = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    states = [one["TargetHealth"]["State"] for one in described]
    assert states == ["healthy", "healthy", "unhealthy"]
    assert described[2]["TargetHealth"]["Reason"] == "Target.FailedHealthChecks"
    [check] = {request.headers["user-agent"] for requests in seen for request in requests}
    assert check == "ELB-HealthChecker/2.0"
    responses = [region.ask(door, "POST", "/x?y=1", body=b"data") for _ in range(4)]
    ports = [dict(response.headers)["X-Port"] for response in responses]
    assert sorted(ports) == ["8081", "8081", "8082", "8082"]
    last = seen[0][-1]
    assert (last.method, last.target, last.body) == ("POST", "/x?y=1", b"data")
    assert last.headers["x-forwarded-for"] == "198.19.128.9"


def test_head_tells_the_length_that_the_target_told(region: Region) -> None:
    serve_on_laptop(region, 83, HttpResponse(200, [], b"0123456789"))
    vpc = region.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    group = region.group(TargetType="ip", Protocol="HTTP", Port=83, VpcId=vpc)
    balancer = region.balancer()
    region.listener(balancer, forward(group))
    targets = [{"Id": "127.0.0.1"}]
    region.client("elbv2").register_targets(TargetGroupArn=group, Targets=targets)
    door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80"
    for method, body in (("HEAD", b""), ("GET", b"0123456789")):
        answer = region.ask(door, method)
        lengths = [value for name, value in answer.headers if name.lower() == "content-length"]
        assert (lengths, answer.body) == (["10"], body)


def test_a_target_whose_answer_does_not_end_is_a_502(region: Region) -> None:
    piece = bytes(1 << 20)
    written: list[int] = []

    class Pours(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            self._stream = stream

        def data_received(self, data: bytes) -> None:
            self._stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
            self._pour()

        def _pour(self) -> None:
            if not self._stream.is_closing():
                self._stream.write(piece)
                written.append(len(piece))
                laptop.later(0.01, self._pour)

    laptop = region.simulation.boot("laptop-81", "laptop")
    region.simulation.run(laptop.listen(Address("laptop", "127.0.0.1:81"), lambda _: Pours()))
    vpc = region.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    group = region.group(TargetType="ip", Protocol="HTTP", Port=81, VpcId=vpc)
    balancer = region.balancer()
    region.listener(balancer, forward(group))
    region.client("elbv2").modify_target_group(
        TargetGroupArn=group, HealthCheckPort="82", HealthCheckIntervalSeconds=300
    )
    targets = [{"Id": "127.0.0.1"}]
    region.client("elbv2").register_targets(TargetGroupArn=group, Targets=targets)
    assert region.ask(f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80").status == 502
    assert len(written) < 70


def test_a_target_that_refuses_is_a_502_and_drains_when_it_is_deregistered(
    region: Region,
) -> None:
    elbv2 = region.client("elbv2")
    vpc = region.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    group = region.group(TargetType="ip", Protocol="HTTP", Port=9, VpcId=vpc)
    targets = [{"Id": "127.0.0.1"}]
    elbv2.register_targets(TargetGroupArn=group, Targets=targets)
    balancer = region.balancer()
    region.listener(balancer, forward(group))
    door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}:80"
    assert region.ask(door).status == 502
    elbv2.deregister_targets(TargetGroupArn=group, Targets=targets)
    assert region.ask(door).status == 503

    def states() -> list[str]:
        described = elbv2.describe_target_health(TargetGroupArn=group)
        return [d["TargetHealth"]["State"] for d in described["TargetHealthDescriptions"]]

    region.wait(299)
    assert states() == ["draining"]
    region.wait(2)
    assert states() == []


def test_what_the_disk_did_not_take_is_not_served_either(region: Region) -> None:
    balancer = region.balancer()
    listener = region.listener(balancer, fixed("before"))
    door = f"elb/{balancer['LoadBalancerArn'].partition('/')[2]}"
    change = {"ListenerArn": listener, "DefaultActions": [fixed("after")]}
    more = {
        "LoadBalancerArn": balancer["LoadBalancerArn"],
        "Protocol": "HTTP",
        "Port": 81,
        "DefaultActions": [fixed("more")],
    }

    async def call(operation: str, request: dict[str, Any]) -> None:
        await region.host.call("elbv2", operation, request, account=ACCOUNT)

    region.simulation.set_disk(region.place, slow_s=5.0)
    region.run(call("ModifyListener", change))
    region.run(call("CreateListener", more))
    region.simulation.set_disk(region.place, full=True)
    assert region.ask(f"{door}:80").status == 500  # held until it is known, and then not so
    assert region.ask(f"{door}:80").body == b"before"
    with pytest.raises(Gone):
        region.ask(f"{door}:81")
    region.simulation.set_disk(region.place, full=False, slow_s=0.0)
    region.run(call("CreateListener", more))
    assert region.ask(f"{door}:81").body == b"more"


def test_a_client_may_send_several_requests_at_once(region: Region) -> None:
    front = region.serving(lambda event: {"statusCode": 200, "body": event["path"]})
    received = bytearray()

    class Client(PlainReceiver):
        def data_received(self, data: bytes) -> None:
            received.extend(data)

    async def main() -> None:
        stream, _ = await region.city.connect(Address(region.place, front.door), lambda _: Client())
        stream.write(b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % n for n in range(3)))
        await region.city.sleep(1)

    region.run(main())
    bodies = [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200")[1:]]
    assert bodies == [b"/0", b"/1", b"/2"]


def test_headers_with_invalid_names_are_dropped_if_the_load_balancer_says_so(
    region: Region,
) -> None:
    front = region.serving(echo)

    def seen() -> list[str]:
        event = json.loads(region.ask(front.door, headers={"X_Bad": "1", "X-Good": "2"}).body)
        return [name for name in event["headers"] if name.lower() in {"x_bad", "x-good"}]

    assert seen() == ["x_bad", "x-good"]
    region.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=front.arn,
        Attributes=[
            {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
        ],
    )
    assert seen() == ["x-good"]


def test_a_connection_that_is_old_ends_with_an_answer(region: Region) -> None:
    front = region.serving(echo)
    region.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=front.arn,
        Attributes=[{"Key": "client_keep_alive.seconds", "Value": "100"}],
    )
    heard: list[bytes] = []
    ended: list[float] = []

    class Client(PlainReceiver):
        def data_received(self, data: bytes) -> None:
            heard.append(data)

        def connection_lost(self, error: Exception | None) -> None:
            ended.append(region.city.now())

    async def ask_for_long() -> None:
        to = Address(region.place, front.door)
        stream, _ = await region.city.connect(to, lambda _: Client())
        began = region.city.now()
        while not ended:
            stream.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await region.city.sleep(30)
        ended[0] -= began

    region.run_in_city(ask_for_long())
    assert [b"connection: close" in one for one in heard] == [False] * 4 + [True]
    assert 120 <= ended[0] < 121

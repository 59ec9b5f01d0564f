"""The dispatcher, asked by boto3: whatever it answers must become what a customer expects."""

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from antipodes.runtime.contract import Accepted, Address, Gone
from antipodes.runtime.virtual import Simulation, VirtualRuntime
from antipodes.service.accounts import session_key, session_secret, session_token
from antipodes.service.contract import Call, Operations, Service, ServiceError, Settings
from antipodes.service.dispatch import Dispatcher
from antipodes.service.http import HttpRequest, HttpResponse, encode_response
from tests.runtime.worlds import FakeLinks

HOME = "us-west-2"
ACCEPTED = Accepted("city/sao-paulo", "198.19.128.1", Address(HOME, "api"), "")
ROLES = b"<R><ListRolesResult><Roles/></ListRolesResult></R>"
SEEN: list[tuple[Call, dict[str, Any]]] = []


def made(service: str, **handlers: Any) -> type[Service]:
    operations = Operations()
    for operation, handler in handlers.items():
        operations(operation)(handler)
    return type(service, (Service,), {"name": service, "operations": operations})


def answer(response: dict[str, Any] | None) -> Callable[..., Any]:
    def handler(_service: Service, call: Call, request: dict[str, Any]) -> dict[str, Any] | None:
        SEEN.append((call, request))
        return response

    return handler


def refuse(error: Exception) -> Callable[..., Any]:
    def handler(_service: Service, _call: Call, _request: dict[str, Any]) -> dict[str, Any]:
        raise error

    return handler


async def later(service: Service, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    SEEN.append((call, request))
    await service.host.runtime.sleep(3)
    if request.get("TableName") == "missing":
        raise ServiceError("ResourceNotFoundException", "No such table")
    return {"Table": {"TableName": request["TableName"], "CreationDateTime": 1700000000.25}}


CANCELLED = ServiceError(
    "TransactionCanceledException",
    "Cancelled",
    CancellationReasons=[{"Code": "ConditionalCheckFailed", "Item": {"k": {"B": b"\x00"}}}],
)
GONE = ServiceError("LoadBalancerNotFound", "Not there")
THROTTLED = ServiceError("TooManyRequestsException", "Slowly", Reason="CallerRateLimitExceeded")
SERVICES = {
    "dynamodb": made(
        "dynamodb",
        ListTables=answer({"TableNames": ["a"]}),
        DescribeTable=later,
        PutItem=answer({}),
        TransactWriteItems=refuse(CANCELLED),
        DeleteTable=refuse(KeyError("a bug")),
        UpdateTable=refuse(Gone("no way")),
        Query=answer({"NoSuchMember": 1}),
    ),
    "lambda": made(
        "lambda",
        Invoke=answer({"StatusCode": 202, "Payload": b"\xff", "ExecutedVersion": "1"}),
        GetFunction=refuse(THROTTLED),
        DeleteFunction=answer(None),
    ),
    "elbv2": made(
        "elbv2",
        DescribeLoadBalancers=refuse(GONE),
        CreateTargetGroup=answer({"TargetGroups": []}),
    ),
    "ec2": made("ec2", DescribeSubnets=answer({"Subnets": [{"SubnetId": "subnet-1"}]})),
    "cloudwatch": made("cloudwatch", PutMetricData=answer(None), ListMetrics=answer({})),
    "globalaccelerator": made("globalaccelerator", ListAccelerators=answer({"Accelerators": []})),
    "iam": made("iam", ListRoles=answer({"Roles": [], "IsTruncated": False})),
    "route53": made("route53", ListHostedZones=answer(None)),
}


class OneHost:
    """As much of a host as services of this test ask for."""

    def __init__(self, runtime: VirtualRuntime, settings: Settings) -> None:
        self.place = runtime.place
        self.runtime = runtime
        self.settings = settings


class Region:
    """A dispatcher, and boto3 clients whose requests go straight to it."""

    def __init__(self, *, verify_signatures: bool = False, forward: Any = None) -> None:
        self.simulation = Simulation(FakeLinks(0.0))
        runtime = self.simulation.boot(HOME)
        host: Any = OneHost(runtime, Settings(verify_signatures=verify_signatures))
        services = {name: kind(host) for name, kind in SERVICES.items()}
        self.dispatcher = Dispatcher(host, services, forward=forward)
        self.sent: list[HttpRequest] = []
        self.received: list[HttpResponse] = []

    def client(
        self, service: str, region: str = HOME, key: str = "AKIAEXAMPLE", **more: Any
    ) -> Any:
        client = boto3.client(
            service,
            region_name=region,
            endpoint_url="http://127.0.0.1:4566",
            aws_access_key_id=key,
            aws_secret_access_key=more.get("secret", "test"),
            aws_session_token=more.get("token"),
            config=Config(retries={"total_max_attempts": more.get("attempts", 1)}),
        )
        client.meta.events.register("before-send", self._before_send)
        return client

    def _before_send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = [
            (k.encode(), v if isinstance(v, bytes) else str(v).encode())
            for k, v in request.headers.items()
        ]
        headers.append((b"Host", b"127.0.0.1:4566"))
        body = request.body or b""
        target = request.url.removeprefix("http://127.0.0.1:4566") or "/"
        data = body.encode() if isinstance(body, str) else bytes(body)
        response = self.ask(request.method, target, headers, data)
        raw = Raw(response.body)
        return AWSResponse(request.url, response.status, dict(response.headers), raw)

    def ask(
        self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes = b""
    ) -> HttpResponse:
        lower = {k.decode().lower(): v.decode() for k, v in headers}
        request = HttpRequest(method, target, lower, body, ACCEPTED, headers)
        self.sent.append(request)
        response = self.simulation.run(self._finished(self.dispatcher.handle(request)))
        self.received.append(response)
        return response

    async def _finished(self, answered: Any) -> HttpResponse:
        if isinstance(answered, HttpResponse):
            return answered
        response: HttpResponse = await answered
        return response


class Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, **_: Any) -> Any:
        yield self.body

    def read(self, amount: int | None = None) -> bytes:
        body, self.body = self.body, b""
        return body


@pytest.fixture
def region() -> Any:
    SEEN.clear()
    region = Region()
    yield region
    region.simulation.close()


def failure(call: Callable[..., Any], **arguments: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error: ClientError = caught.value
    return error


def test_a_handler_that_answers_at_once_needs_no_task(region: Region) -> None:
    answered = region.client("dynamodb").list_tables()
    assert answered["TableNames"] == ["a"]
    assert len(answered["ResponseMetadata"]["RequestId"]) == 52
    assert isinstance(region.dispatcher.handle(region.sent[0]), HttpResponse)


def test_a_handler_may_wait_and_may_then_refuse(region: Region) -> None:
    client = region.client("dynamodb")
    assert client.describe_table(TableName="abc")["Table"]["CreationDateTime"].microsecond == 250000
    error = failure(client.describe_table, TableName="missing")
    assert isinstance(error, client.exceptions.ResourceNotFoundException)
    assert b"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException" in region.received[1].body


def test_key_and_scope_name_account_and_region(region: Region) -> None:
    region.client("dynamodb", key="111122223333").list_tables()
    region.client("dynamodb").list_tables()
    calls = [call for call, _ in SEEN]
    assert [call.account for call in calls] == ["111122223333", "000000000000"]
    assert {call.region for call in calls} == {HOME}
    assert calls[0].request_id != calls[1].request_id


def test_modelled_errors_keep_their_members(region: Region) -> None:
    client = region.client("dynamodb")
    error = failure(
        client.transact_write_items,
        TransactItems=[{"Delete": {"TableName": "abc", "Key": {"k": {"S": "v"}}}}],
    )
    assert isinstance(error, client.exceptions.TransactionCanceledException)
    (reason,) = error.response["CancellationReasons"]
    assert reason["Item"] == {"k": {"B": b"\x00"}}
    error = failure(region.client("lambda").get_function, FunctionName="f")
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert error.response["Reason"] == "CallerRateLimitExceeded"


def test_query_services_answer_with_their_own_codes(region: Region) -> None:
    client = region.client("elbv2")
    error = failure(client.describe_load_balancers)
    assert error.response["Error"]["Code"] == "LoadBalancerNotFound"
    assert isinstance(error, client.exceptions.LoadBalancerNotFoundException)


def test_rest_and_ec2_and_cbor_reach_their_handlers(region: Region) -> None:
    invoked = region.client("lambda").invoke(FunctionName="f", Payload=b"{}")
    assert invoked["Payload"].read() == b"\xff"
    assert (invoked["StatusCode"], invoked["ExecutedVersion"]) == (202, "1")
    region.client("lambda").delete_function(FunctionName="f")
    assert region.client("ec2").describe_subnets()["Subnets"] == [{"SubnetId": "subnet-1"}]
    data = [{"MetricName": f"metric-{n}", "Value": 1.5} for n in range(300)]
    region.client("cloudwatch").put_metric_data(Namespace="n", MetricData=data)
    assert region.sent[-1].headers["content-encoding"] == "gzip"
    assert SEEN[-1][1]["MetricData"] == data


def test_what_is_not_offered_is_refused_by_name_once(region: Region) -> None:
    for service, method, arguments in (
        ("dynamodb", "create_backup", {"TableName": "abc", "BackupName": "abc"}),
        ("lambda", "list_layers", {}),
        ("elbv2", "describe_tags", {"ResourceArns": ["a"]}),
        ("ec2", "describe_vpcs", {}),
        ("cloudwatch", "describe_alarms", {}),
        ("elb", "describe_load_balancers", {}),
        ("sqs", "list_queues", {}),
        ("s3", "list_buckets", {}),
        ("dynamodbstreams", "list_streams", {}),
        ("apigatewayv2", "get_apis", {}),
    ):
        region.sent.clear()
        client = region.client(service, attempts=5)
        error = failure(getattr(client, method), **arguments)
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert error.response["Error"]["Code"] == "NotImplemented", service
        operation = client.meta.method_to_api_mapping[method]
        message = f"Antipodes does not offer {service}.{operation}"
        assert error.response["Error"]["Message"] == message
        assert len(region.sent) == 1, "a client tried again"


def test_input_is_held_against_the_model(region: Region) -> None:
    error = failure(region.client("dynamodb").describe_table, TableName="a" * 2000)
    assert error.response["Error"]["Code"] == "ValidationException"
    assert error.response["Error"]["Message"].startswith("1 validation error detected: Value 'aaa")
    error = failure(region.client("elbv2").create_target_group, Name="x", Protocol="CARRIER-PIGEON")
    assert error.response["Error"]["Code"] == "ValidationError"
    assert (
        "at 'protocol' failed to satisfy constraint: Member must satisfy enum value set: ["
        in str(error)
    )
    assert SEEN == []


def signed(region: Region, service: str, **more: Any) -> HttpRequest:
    region.client(service, **more).list_tables()
    return region.sent[-1]


def test_broken_requests_are_the_callers_fault(region: Region) -> None:
    good = signed(region, "dynamodb")
    for body, code in (
        (b"{", b"SerializationException"),
        (b"", b"SerializationException"),
        (b"[]", b"SerializationException"),
        (b'{"Limit": "x"}', b"STRING_VALUE cannot be converted to Integer"),
        (b'{"Limit": 1.5}', b"DECIMAL_VALUE cannot be converted to Integer"),
        (b'{"ExclusiveStartTableName": {}}', b"Start of structure or map found where not expected"),
        (b'{"Limit": 0}', b"Value '0' at 'limit' failed to satisfy constraint"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, b"SerializationException"),
    ):
        response = region.ask("POST", "/", good.raw_headers, body)
        assert response.status == 400
        assert code in response.body
        assert "x-amz-crc32" in dict(response.headers), "clients check it"


def test_an_unknown_operation_is_aws_own_error(region: Region) -> None:
    good = signed(region, "dynamodb")
    headers = [h for h in good.raw_headers if h[0] != b"X-Amz-Target"]
    response = region.ask(
        "POST", "/", [*headers, (b"X-Amz-Target", b"DynamoDB_20120810.No")], b"{}"
    )
    assert response.status == 400
    assert b"com.amazon.coral.service#UnknownOperationException" in response.body


def test_unsigned_and_half_signed(region: Region) -> None:
    target = (b"X-Amz-Target", b"DynamoDB_20120810.ListTables")
    response = region.ask("POST", "/", [target], b"{}")
    assert response.status == 400
    assert b"com.amazon.coral.service#MissingAuthenticationTokenException" in response.body
    form = (b"Content-Type", b"application/x-www-form-urlencoded")
    response = region.ask("POST", "/", [form], b"Action=DescribeLoadBalancers&Version=2015-12-01")
    assert response.status == 403
    assert b"<Code>MissingAuthenticationToken</Code>" in response.body
    assert region.ask("GET", "/2015-03-31/functions/", []).status == 403
    for half in (
        b"AWS4-HMAC-SHA256 nonsense",
        b"Bearer x",
        b"AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=1",
    ):
        response = region.ask("POST", "/", [target, (b"Authorization", half)], b"{}")
        assert response.status == 400
        assert b"IncompleteSignatureException" in response.body


def test_presigned_requests_name_their_caller_too(region: Region) -> None:
    client = region.client("ec2", key="111122223333")
    url = client.generate_presigned_url("describe_subnets")
    response = region.ask("GET", url.removeprefix("http://127.0.0.1:4566"), [(b"Host", b"h")])
    assert response.status == 200
    assert SEEN[0][0].account == "111122223333"


def test_our_bugs_are_ours(region: Region, caplog: pytest.LogCaptureFixture) -> None:
    client = region.client("dynamodb")
    with caplog.at_level(logging.ERROR):
        for error in (
            failure(client.delete_table, TableName="abc"),
            failure(client.query, TableName="abc"),
        ):
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
            assert error.response["Error"]["Code"] == "InternalFailure"
    assert "KeyError: 'a bug'" in caplog.text
    assert "has no member ['NoSuchMember']" in caplog.text
    error = failure(client.update_table, TableName="abc")
    assert error.response["Error"]["Code"] == "ServiceUnavailable"


def test_global_services_answer_at_home_only(region: Region) -> None:
    assert region.client("globalaccelerator").list_accelerators()["Accelerators"] == []
    error = failure(region.client("globalaccelerator", "eu-central-1").list_accelerators)
    assert error.response["Error"]["Code"] == "InvalidSignatureException"
    assert "us-west-2 only, not in eu-central-1" in error.response["Error"]["Message"]


def test_another_regions_request_is_forwarded(request: pytest.FixtureRequest) -> None:
    asked: list[tuple[str, str]] = []

    async def forward(to: str, sent: HttpRequest) -> HttpResponse:
        asked.append((to, sent.method))
        if to == "us-east-1":
            return HttpResponse(200, [], ROLES)
        if to == "eu-west-1":
            raise ServiceError("ServiceUnavailable", "It is dark there", 503)
        return HttpResponse(200, [], b'{"TableNames": ["far"]}')

    region = Region(forward=forward)
    request.addfinalizer(region.simulation.close)
    assert region.client("dynamodb", "eu-central-1").list_tables()["TableNames"] == ["far"]
    assert region.client("iam", "eu-central-1").list_roles()["Roles"] == []
    error = failure(region.client("dynamodb", "eu-west-1").list_tables)
    assert error.response["Error"]["Message"] == "It is dark there"
    assert asked == [(to, "POST") for to in ("eu-central-1", "us-east-1", "eu-west-1")]


def test_hot_operations_may_take_a_short_cut(region: Region) -> None:
    client = region.client("dynamodb")

    def fast(_account: str, body: bytes) -> bytes | None:
        if b"slow" in body:
            return None
        if b"refused" in body:
            raise ServiceError("ConditionalCheckFailedException", "No", Item={"k": {"S": "old"}})
        return b'{"Attributes": {}}'

    region.dispatcher.fast["DynamoDB_20120810.PutItem"] = fast
    item = {"k": {"S": "v"}}
    assert client.put_item(TableName="quick", Item=item)["Attributes"] == {}
    assert SEEN == []
    assert "Attributes" not in client.put_item(TableName="slow", Item=item)
    assert len(SEEN) == 1
    error = failure(client.put_item, TableName="refused", Item=item)
    assert error.response["Item"] == {"k": {"S": "old"}}


def test_a_hot_request_is_answered_alike_from_its_bytes(region: Region) -> None:
    def fast(account: str, body: bytes) -> bytes | None:
        if b"refused" in body:
            raise ServiceError("ConditionalCheckFailedException", "No", Item={"k": {"S": "old"}})
        return (
            None if b"slow" in body else b'{"Attributes": {"by": {"S": "%b"}}}' % account.encode()
        )

    region.dispatcher.fast["DynamoDB_20120810.PutItem"] = fast
    for key in ("AKIAEXAMPLE", "111122223333"):
        for table in ("quick", "refused"):
            ask = region.client("dynamodb", key=key).put_item
            with contextlib.suppress(ClientError):
                ask(TableName=table, Item={"k": {"S": "v"}})
            sent, answer = region.sent[-1], region.received[-1]
            number = dict(answer.headers)["x-amzn-RequestId"].encode()
            found = region.dispatcher.express(as_bytes(sent), ACCEPTED)
            assert found is not None
            assert (b" 400 " in found) is (table == "refused")
            start = found.index(b"x-amzn-RequestId: ") + len(b"x-amzn-RequestId: ")
            same = found[:start] + number + found[start + len(number) :]
            assert same == encode_response(answer)
    slow = region.client("dynamodb").put_item(TableName="slow", Item={"k": {"S": "v"}})
    assert "Attributes" not in slow
    assert region.dispatcher.express(as_bytes(region.sent[-1]), ACCEPTED) is None
    region.dispatcher.injections.append(lambda _call, _service, _operation: None)
    assert region.dispatcher.express(as_bytes(region.sent[0]), ACCEPTED) is None


def as_bytes(request: HttpRequest) -> bytes:
    """A request as it came over the wire."""
    lines = [b"%b: %b" % pair for pair in request.raw_headers if pair[0] != b"Content-Length"]
    head = b"\r\n".join([b"POST / HTTP/1.1", *lines, b"Content-Length: %d" % len(request.body)])
    return head + b"\r\n\r\n" + request.body


def test_calls_from_within_are_checked_alike(region: Region) -> None:
    def call(operation: str, request: dict[str, Any]) -> Any:
        coroutine = region.dispatcher.call("dynamodb", operation, request, account="111122223333")
        return region.simulation.run(coroutine)

    assert call("ListTables", {}) == {"TableNames": ["a"]}
    assert SEEN[0][0].account == "111122223333"
    assert call("DescribeTable", {"TableName": "abc"})["Table"]["TableName"] == "abc"
    with pytest.raises(ServiceError, match="validation error detected"):
        call("DescribeTable", {"TableName": "a" * 2000})
    with pytest.raises(ServiceError, match=r"does not offer dynamodb\.CreateBackup"):
        call("CreateBackup", {})


def test_verified_signatures(request: pytest.FixtureRequest) -> None:
    region = Region(verify_signatures=True)
    request.addfinalizer(region.simulation.close)
    error = failure(region.client("dynamodb").list_tables)
    assert "signature" in error.response["Error"]["Message"], "the world's clock is elsewhere"
    at = datetime.strptime(region.sent[0].headers["x-amz-date"], "%Y%m%dT%H%M%S%z").timestamp()
    host: Any = region.dispatcher._host
    region.simulation.set_clock(host.place, at - host.runtime.wall())
    assert region.client("dynamodb").list_tables()["TableNames"] == ["a"]
    error = failure(region.client("dynamodb", secret="wrong").list_tables)
    assert error.response["Error"]["Code"] == "InvalidSignatureException"
    error = failure(region.client("elbv2", secret="wrong").describe_load_balancers)
    assert error.response["Error"]["Code"] == "SignatureDoesNotMatch"
    key = session_key("111122223333", "salt")
    token = session_token("arn:aws:sts::111122223333:assumed-role/R/S")
    region.client("dynamodb", key=key, secret=session_secret(key), token=token).list_tables()
    assert SEEN[-1][0].account == "111122223333"
    assert SEEN[-1][0].principal_arn == "arn:aws:sts::111122223333:assumed-role/R/S"
    error = failure(region.client("dynamodb", key=key, token=token).list_tables)
    assert error.response["Error"]["Code"] == "InvalidSignatureException"

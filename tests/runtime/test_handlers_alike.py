"""The shortcuts in the simulation's botocore cannot be seen: handlers do the same without them.

Every scenario is a handler that is run three times, over botocore as it is and over botocore with
the shortcuts, once where signatures are looked at and once where nobody does, against the same
scripted answers. What it returns, prints, sends and draws, and when, is the same.
"""

import json
import random
import re
import zlib
from typing import Any, NamedTuple

import pytest

from antipodes.runtime import customer
from antipodes.runtime.contract import Gone
from antipodes.runtime.customer import CustomerProgram, Event, Headers
from antipodes.runtime.libraries import libraries
from antipodes.runtime.virtual import Simulation
from tests.runtime.worlds import FakeLinks

REGION = "us-west-2"
VARIABLES = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "ASIA0123456789ABCDEF",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
}
PLAIN = libraries(quick=False)

Answer = tuple[int, dict[str, str], bytes] | Exception


class Seen(NamedTuple):
    """All that a handler and its services could see."""

    replies: list[Any]
    printed: str
    sent: list[tuple[float, str, str, Headers, bytes]]
    ended: float
    draws: tuple[int, int]


def play(
    code: str, answers: list[Answer], variables: dict[str, str], *, signs: bool = True
) -> Seen:
    """Load a handler and call it twice."""
    simulation = Simulation(FakeLinks(0.0))
    runtime = simulation.boot(REGION)
    script = iter(answers)
    printed: list[bytes] = []
    sent: list[tuple[float, str, str, Headers, bytes]] = []

    async def send(
        method: str, url: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        sent.append((runtime.now(), method, url, headers, body))
        await runtime.sleep(0.7)
        answer = next(script)
        if isinstance(answer, Exception):
            raise answer
        return answer[0], list(answer[1].items()), answer[2]

    program = CustomerProgram(
        runtime,
        files={"app.py": code.encode()},
        handler="app.handler",
        variables={**VARIABLES, **variables},
        chance=random.Random(1),
        output=printed.append,
        send=send,
        signs=signs,
    )

    async def main() -> list[Any]:
        replies = [await runtime.run_blocking(program.run, None)]
        for number in range(2):
            event = Event(json.dumps(number).encode(), f"id-{number}", "arn", runtime.wall() + 900)
            replies.append(await runtime.run_blocking(program.run, event))
        return replies

    async def host() -> list[Any]:
        task: Any = runtime.spawn(main(), "handler")
        replies: list[Any] = await task
        return replies

    try:
        replies = simulation.run(host())
        draws = (program.random.getrandbits(32), program.entropy.getrandbits(32))
        return Seen(replies, b"".join(printed).decode(), sent, runtime.now(), draws)
    finally:
        simulation.close()


def sorted_features(text: str) -> str:
    """A user agent's features in a known order: botocore itself has them in that of hashes."""
    return re.sub(r"\bm/([\w,]+)", lambda m: "m/" + ",".join(sorted(m[1].split(","))), text)


def without_signatures(sent: list[Any]) -> list[Any]:
    """Requests as they would be if nobody signed."""
    return [
        (*before, [(name, re.sub("Signature=.*", "", value)) for name, value in headers], body)
        for *before, headers, body in sent
    ]


def without_library_frames(replies: list[Any]) -> list[Any]:
    """Replies whose traces keep the handler's frames: those of libraries may differ."""
    plain = []
    for kind, payload, status in replies:
        told = json.loads(payload or b"null")
        if isinstance(told, dict) and "stackTrace" in told:
            told["stackTrace"] = [line for line in told["stackTrace"] if "/var/task" in line]
        plain.append((kind, told, status))
    return plain


def alike(
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    answers: list[Answer],
    variables: dict[str, str] | None = None,
) -> Seen:
    """Play a handler with and without shortcuts; return what was seen in all ways."""
    quick = play(code, answers, variables or {})
    direct = play(code, answers, variables or {}, signs=False)
    with monkeypatch.context() as patch:
        patch.setattr(customer, "libraries", lambda: PLAIN)
        patch.setattr(customer, "quicken_transforms", lambda _: None)
        patch.setattr(customer, "quicken_actions", lambda _: None)
        plain = play(code, answers, variables or {})
    assert quick.replies[0].kind == "ready", quick.replies[0]
    assert without_library_frames(quick.replies) == without_library_frames(plain.replies)
    assert sorted_features(quick.printed) == sorted_features(plain.printed)
    assert quick.sent == plain.sent
    assert quick[3:] == plain[3:]
    assert without_library_frames(direct.replies) == without_library_frames(plain.replies)
    assert sorted_features(direct.printed) == sorted_features(plain.printed)
    assert without_signatures(direct.sent) == without_signatures(plain.sent)
    assert direct[3:] == plain[3:]
    return direct


def answered(body: Any, status: int = 200, **more: str) -> Answer:
    """An answer as DynamoDB gives it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {
        "x-amzn-RequestId": "A" * 52,
        "x-amz-crc32": str(zlib.crc32(data)),
        "Content-Type": "application/x-amz-json-1.0",
        "Date": "Mon, 02 Feb 2026 00:00:00 GMT",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return status, headers, data


def failed(code: str, status: int = 400, item: Any = None) -> Answer:
    """An error as DynamoDB gives it."""
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return answered({"__type": kind, "message": "no", "Item": item}, status)


ITEM = {"Item": {"id": {"S": "a"}, "n": {"N": "1.50"}, "l": {"L": [{"BOOL": True}]}}}

ITEMS = """
import boto3, random
from decimal import Decimal
from boto3.dynamodb.conditions import Attr, Key
table = boto3.resource("dynamodb").Table("T")

def handler(event, context):
    found = table.get_item(Key={"id": "a"}, ConsistentRead=True)
    table.put_item(
        Item={"id": "é", "n": Decimal("1.5"), "b": b"x", "s": {"one"}, "m": {"l": [1, None]}},
        ConditionExpression=Attr("id").not_exists() & Attr("n").lt(3),
    )
    rows = table.query(KeyConditionExpression=Key("id").eq("a"), FilterExpression=Attr("n").gt(1))
    with table.batch_writer() as batch:
        batch.put_item(Item={"id": "b"})
    table.meta.client.transact_write_items(
        TransactItems=[{"Put": {"TableName": "T", "Item": {"id": "c"}}}]
    )
    update = {":v": {"deep": [{Decimal("1"), Decimal("2")}, b"x", Decimal("3")]}, ":w": []}
    table.update_item(
        Key={"id": "a"}, UpdateExpression="SET v = :v", ExpressionAttributeValues=update
    )
    print(sorted(update), repr(found), repr(rows), random.random())
    return found["ResponseMetadata"]
"""


def test_items_and_what_comes_with_their_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"Items": [ITEM["Item"]], "Count": 1, "ScannedCount": 1}
    bodies: list[Any] = [ITEM, {}, rows, {"UnprocessedItems": {}}, {}, {"Attributes": {}}]
    one = [answered(body) for body in bodies]
    seen = alike(monkeypatch, ITEMS, one * 2)
    assert len(seen.sent) == 12
    assert json.loads(seen.replies[1].payload)["HTTPHeaders"]["x-amzn-requestid"] == "A" * 52
    assert "Decimal('1.50')" in seen.printed
    tokens = {json.loads(call[4])["ClientRequestToken"] for call in (seen.sent[4], seen.sent[10])}
    assert len(tokens) == 2


RETRYING = """
import boto3, time, random
from botocore.config import Config
config = Config(retries={"mode": MODE, "max_attempts": 4})
client = boto3.client("dynamodb", config=config)
def handler(event, context):
    try:
        answer = client.get_item(TableName="T", Key={"id": {"S": "a"}})
    except Exception as error:
        answer = {"error": type(error).__name__, "text": str(error)}
        answer["response"] = getattr(error, "response", None)
    print(time.time(), random.random())
    return answer
"""


@pytest.mark.parametrize("mode", ["standard", "legacy", "adaptive"])
@pytest.mark.parametrize(
    "answers",
    [
        [answered(b"<html>", 500), failed("ThrottlingException"), answered(ITEM)],
        [Gone("cut"), failed("ProvisionedThroughputExceededException"), answered(ITEM)],
        [failed("InternalServerError", 500)] * 5,
        [answered(b"{}", x_amz_crc32="1"), answered(ITEM)],
        [answered(b"not json"), answered(ITEM)],
    ],
)
def test_retries_wait_as_long_and_end_alike(
    monkeypatch: pytest.MonkeyPatch, mode: str, answers: list[Answer]
) -> None:
    code = RETRYING.replace("MODE", repr(mode))
    seen = alike(monkeypatch, code, [*answers, *[answered(ITEM)] * 6])
    assert len(seen.sent) >= 2
    assert [kind for kind, *_ in seen.replies] == ["ready", "response", "response"]


def test_errors_have_their_classes_and_members(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import boto3
client = boto3.client("dynamodb")
def handler(event, context):
    try:
        client.put_item(TableName="T", Item={}, ConditionExpression="x = y")
    except client.exceptions.ConditionalCheckFailedException as error:
        print(error, error.response)
    client.get_item(TableName="T", Key={})
"""
    old = {"id": {"S": "old"}}
    answers = [failed("ConditionalCheckFailedException", item=old), failed("ResourceNotFound")]
    seen = alike(monkeypatch, code, answers * 2)
    assert "'old'" in seen.printed
    assert json.loads(seen.replies[2].payload)["errorType"] == "ClientError"


def test_mistakes_are_told_in_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import boto3
dynamodb, s3, ec2 = boto3.client("dynamodb"), boto3.client("s3"), boto3.client("ec2")
wrong = [
    (dynamodb.get_item, {}),
    (dynamodb.get_item, {"TableName": 3, "Key": {"id": {"S": 4}}, "More": 1}),
    (dynamodb.get_item, {"TableName": "", "Key": []}),
    (dynamodb.put_item, {"TableName": "T", "Item": {"id": {"S": "a", "N": "1", "X": 1}}}),
    (dynamodb.put_item, {"TableName": "T", "Item": {3: {"M": {"a": {"L": [{"S": 1}]}}}}}),
    (dynamodb.query, {"TableName": "T", "Limit": 0}),
    (dynamodb.query, {"TableName": "T", "Limit": "1"}),
    (dynamodb.batch_get_item, {"RequestItems": []}),
    (s3.put_object, {"Bucket": "b", "Key": "", "Body": 3}),
    (s3.put_object, {"Bucket": "b/c", "Key": "k"}),
    (s3.get_object, {"Bucket": "b", "Key": "k", "IfModifiedSince": "yesterday, perhaps"}),
    (s3.put_object, {"Bucket": "b", "Key": "k", "Metadata": {"k": "ä"}}),
    (ec2.describe_instances, {"Filters": {"a": 1}, "MaxResults": True}),
]
def handler(event, context):
    for call, arguments in wrong:
        try:
            print(call(**arguments))
        except Exception as error:
            print(type(error), error)
    dynamodb.no_such_operation()
"""
    seen = alike(monkeypatch, code, [])
    assert seen.sent == []
    assert seen.printed.count("Parameter validation failed") == 2 * 11
    assert "has no attribute" in seen.printed


HOOKED = """
import boto3
from botocore.awsrequest import AWSResponse
client = boto3.client("dynamodb")
events = client.meta.events
kept = []

def show(event_name, **named):
    request = named.get("request")
    if request is not None:
        kept.append(request)
        named = {**named, "request": [type(request).__name__, request.url]}
        print(list(request.headers.items()), request.headers.get("x-none", 5))
        print("authorization" in request.headers, request.headers["Content-Type"])
        if hasattr(request, "data"):
            print(str(request.headers), request.headers.get_all("x-mine"), request.body)
        else:
            print(repr(request.headers), dict(request.headers), request.body)
    print(event_name, sorted(named), [v for v in named.values() if isinstance(v, (str, int))])

for name in ("provide-client-params", "before-parameter-build", "before-call", "request-created",
             "choose-signer", "before-sign", "before-send", "before-parse", "response-received",
             "needs-retry", "after-call", "after-call-error", "before-endpoint-resolution"):
    events.register(name + ".dynamodb", show)

def alter(params, **_):
    params["headers"]["X-Mine"] = "ünd  more"
    params["headers"]["Expect"] = "nothing"
def again(request, **_):
    request.headers["x-mine"] = "twice"
    del request.headers["Expect"]
def late(request, **_):
    request.headers.add_header("X-Late", "after signing")

events.register_first("before-call.dynamodb.GetItem", alter)
events.register_first("before-sign.dynamodb.GetItem", again)
events.register_last("request-created.dynamodb", late)

class Raw:
    def stream(self, **_):
        yield b'{"Item": {}}'

def handler(event, context):
    print(client.get_item(TableName="T", Key={}))
    short = lambda request, **_: AWSResponse(request.url, 200, {"X-A": "1", "x-a": "2"}, Raw())
    events.register("before-send.dynamodb", short, unique_id="short")
    print(client.get_item(TableName="T", Key={}))
    events.unregister("before-send.dynamodb", unique_id="short")
    events.unregister("before-call.dynamodb.GetItem", alter)
    print(client.get_item(TableName="T", Key={}))
    for request in kept:
        print(list(request.headers.items()), request.headers.keys())
    try:
        events.register("before-call", lambda one: one)
    except ValueError as error:
        print(str(error)[:20])
    for handler in (print, show, int, lambda *a, b=1, **named: None):
        try:
            events.register("before-nothing", handler)
        except ValueError as error:
            print(handler)
    kept.clear()
"""


def test_handlers_of_events_are_called_with_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = alike(monkeypatch, HOOKED, [answered(ITEM)] * 4)
    assert seen.printed.count("before-endpoint-resolution.dynamodb ") == 6
    assert "X-Late" in seen.printed
    assert "'X-Mine'" in seen.printed
    assert [kind for kind, *_ in seen.replies] == ["ready", "response", "response"]


SERVICES = """
import boto3, io
from botocore.config import Config
s3 = boto3.client("s3", config=Config(user_agent_extra="mine/1"))
path = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, user_agent="me"))
sts, ec2, cloudwatch = boto3.client("sts"), boto3.client("ec2"), boto3.client("cloudwatch")
function, elb = boto3.client("lambda"), boto3.client("elbv2", region_name="eu-central-1")
agents = []
for client in (s3, path, sts):
    client.meta.events.register("before-send", lambda request, **_: agents.append(
        request.headers["User-Agent"]))

def handler(event, context):
    print(s3.put_object(Bucket="b", Key="a b/é//../c", Body=b"body", Metadata={"k": "  a   b"}))
    print(path.put_object(Bucket="b", Key="k", Body=io.BytesIO(b"stream" * 9)))
    s3.get_object(Bucket="b", Key="k")
    s3.meta.config.user_agent_extra = "mine/2"
    answer = s3.get_object(Bucket="b", Key="k", Range="bytes=0-")
    print(answer["Body"].read(), answer["ResponseMetadata"])
    print(s3.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"}, ExpiresIn=60))
    for call in (sts.get_caller_identity, ec2.describe_subnets, elb.describe_load_balancers):
        try:
            print(call())
        except Exception as error:
            print(error, error.response)
    cloudwatch.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1.5}])
    print(function.invoke(FunctionName="f", Payload=b"{}")["Payload"].read())
    print(agents)
"""


def test_services_of_every_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    xml = b"<Error><Code>Throttled</Code><Message>no</Message></Error>"
    query = b"<R><Error><Type>Sender</Type><Code>NoSuch</Code><Message>no</Message></Error></R>"
    empty: Answer = (200, {"x-amz-request-id": "1", "ETag": '"e"'}, b"")
    answers: list[Answer] = [
        *(empty, empty, empty),
        (200, {"Content-Length": "5", "x-amz-meta-k": "v", "X-Amz-Meta-K": "w"}, b"hello"),
        *((400, {}, query), (400, {}, xml), (400, {}, query)),
        answered(b""),
        (200, {"x-amzn-requestid": "1"}, b'{"a": 1}'),
    ]
    seen = alike(monkeypatch, SERVICES, answers * 2, {"AWS_ENDPOINT_URL_STS": "http://h:4566/p"})
    assert len(seen.sent) == 18
    assert seen.sent[4][2] == "http://h:4566/p"
    assert "mine/1" in seen.printed
    assert "mine/2" in seen.printed


def test_what_one_program_learnt_is_not_another_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second program with other variables is as alone as the first."""
    answers = [answered(ITEM)] * 10
    first = alike(monkeypatch, RETRYING.replace("MODE", "'standard'"), answers)
    other = {"AWS_SECRET_ACCESS_KEY": "other", "AWS_REGION": "x", "AWS_DEFAULT_REGION": "eu-west-1"}
    second = alike(monkeypatch, RETRYING.replace("MODE", "'standard'"), answers, other)
    assert first.sent[0][2] != second.sent[0][2]
    assert dict(first.sent[0][3])["Authorization"] != dict(second.sent[0][3])["Authorization"]


LATER = """
import boto3, botocore.session
session = botocore.session.get_session()
session.get_component("response_parser_factory").set_parser_defaults(
    timestamp_parser=lambda value: f"at {value}")
boto3.setup_default_session(botocore_session=session)
client, logs, sqs = boto3.client("dynamodb"), boto3.client("logs"), boto3.client("sqs")

def show(context, parsed=None, http_response=None, exception=None, **named):
    print(sorted(named), exception, context.get("timestamp"), context.get("signing"))
    print(sorted(context), context.get("retries"), parsed)
    print(http_response and (http_response.url, http_response.raw.read(), http_response.text))
def speak(request, **_):
    print("heard", request.method, request.url)

def attempt(call, **arguments):
    try:
        return call(**arguments)
    except Exception as error:
        return repr(error)

def handler(event, context):
    for one in (client, logs, sqs):
        one.meta.events.register("after-call", show, unique_id="show")
        one.meta.events.register("after-call-error", show, unique_id="show-error")
    for number in range(7):
        if number == 2:
            client.meta.events.register("before-send.dynamodb.GetItem", speak)
        if number == 4:
            client.meta.events.unregister("before-send.dynamodb.GetItem", speak)
        print(number, attempt(client.get_item, TableName="T", Key={"id": {"S": "a"}}))
    print(attempt(client.get_item, TableName="Té", Key={}))
    print(attempt(logs.describe_log_groups, limit=1))
    print(attempt(client.describe_table, TableName="T"))
    session.get_component("response_parser_factory").set_parser_defaults(
        timestamp_parser=lambda value: f"again at {value}")
    print(attempt(client.describe_table, TableName="T"))
    print(attempt(sqs.send_message, QueueUrl="http://q/1", MessageBody="é"))
    print(attempt(sqs.delete_message, QueueUrl="http://q/1", ReceiptHandle="r"))
"""


def test_a_call_is_the_same_whichever_way_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = {"MessageId": "1", "MD5OfMessageBody": "e4f3da5e9c3b4ad8d98d0a1e5c4b4d4b"}
    query_error = answered({"__type": "a#QueueDoesNotExist"}, 400, x_amzn_query_error="No;Sender")
    table = answered({"Table": {"CreationDateTime": 1.5}})
    answers = [
        *(answered(ITEM), failed("ResourceNotFound"), answered(ITEM), failed("AccessDenied")),
        *(failed("InternalServerError", 500), answered(ITEM)),
        *(answered(ITEM, 201), answered({"Error": {"Code": "SlowDown"}})),
        *(answered(ITEM), answered({"logGroups": []}), table, table, answered(sent), query_error),
    ]
    variables = {"AWS_LAMBDA_FUNCTION_NAME": "f", "_X_AMZN_TRACE_ID": "Root=1-2-3;Sampled=0"}
    seen = alike(monkeypatch, LATER, answers * 2, variables)
    assert seen.printed.count("heard") == 4
    assert "'RetryAttempts': 1" in seen.printed
    assert seen.printed.count("'at 1.5'") == 2
    assert seen.printed.count("'again at 1.5'") == 6
    assert len(seen.sent) == 28
    assert dict(seen.sent[0][3])["X-Amzn-Trace-Id"] == "Root=1-2-3;Sampled=0"

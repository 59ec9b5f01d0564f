"""DynamoDB's protocol byte by byte, as clients that are not boto3 meet it."""

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.e2e.strangers import fresh
from tests.e2e.worlds import RunningWorld

W = "us-west-2"
CORAL = "com.amazon.coral.service#"
pytestmark = pytest.mark.slow


class Seen(NamedTuple):
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One kept connection to a world."""

    def __init__(self, world: RunningWorld) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=30)
        self.table = fresh(world.client("dynamodb"))

    def send(self, target: str, body: bytes | str, **headers: str | None) -> Seen:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        scope = f"test/20260101/{W}/dynamodb/aws4_request"
        sent = {
            "X-Amz-Target": f"DynamoDB_20120810.{target}",
            "X-Amz-Date": "20260101T000000Z",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, "
            "SignedHeaders=host;x-amz-date;x-amz-target, Signature=00",
            **given,
        }
        kept = {name: value for name, value in sent.items() if value is not None}
        self._connection.request("POST", "/", body, kept)
        answer = self._connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Seen(answer.status, names, answer.read())

    def close(self) -> None:
        self._connection.close()

    def put(self, value: str = "x") -> str:
        item = {"p": {"S": "a"}, "v": {"S": value}}
        return json.dumps({"TableName": self.table, "Item": item})


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with RunningWorld(regions=(W,)) as world:
        opened = Wire(world)
        yield opened
        opened.close()


def test_every_answer_carries_an_id_and_a_checksum(wire: Wire) -> None:
    get = json.dumps({"TableName": wire.table, "Key": {"p": {"S": "absent"}}})
    answers = [wire.send("PutItem", wire.put()), wire.send("GetItem", get)]
    answers.append(wire.send("GetItem", "{}"))
    assert [one.status for one in answers] == [200, 200, 400]
    assert [one.body for one in answers[:2]] == [b"{}", b"{}"]
    for one in answers:
        assert one.headers["content-type"] == "application/x-amz-json-1.0"
        assert int(one.headers["x-amz-crc32"]) == zlib.crc32(one.body)
        assert len(one.headers["x-amzn-requestid"]) == 52
    assert len({one.headers["x-amzn-requestid"] for one in answers}) == 3


def test_who_is_unknown_or_asks_for_the_unknown_is_told_so(wire: Wire) -> None:
    body = wire.put()
    for code, headers in (
        ("MissingAuthenticationTokenException", {"Authorization": None}),
        ("IncompleteSignatureException", {"Authorization": "AWS4-HMAC-SHA256 nonsense"}),
        ("UnknownOperationException", {"X_Amz_Target": "DynamoDB_20110101.PutItem"}),
        ("UnknownOperationException", {"X_Amz_Target": "DynamoDB_20120810.Fly"}),
        ("UnknownOperationException", {"X_Amz_Target": None}),
    ):
        answer = wire.send("PutItem", body, **headers)
        assert (answer.status, answer.said["__type"]) == (400, f"{CORAL}{code}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"}}}",
        b"7",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"{}" + b"}" * 100_000,
        b'{"TableName":7}',
        b'{"TableName":["a"]}',
        b'{"TableName":"abc","Item":[]}',
        b'{"TableName":"abc","Item":{"p":"a"}}',
        b'{"TableName":"abc","Item":{"p":{"S":1}}}',
        b'{"TableName":"abc","Item":{"p":{"B":"*"}}}',
        b'{"TableName":"abc","Item":{"p":{"BOOL":"yes"}}}',
    ],
    ids=range(16),
)
def test_what_cannot_be_read_is_a_serialization_exception(wire: Wire, body: bytes) -> None:
    answer = wire.send("PutItem", body)
    assert (answer.status, answer.said["__type"]) == (400, f"{CORAL}SerializationException")
    assert wire.send("PutItem", wire.put()).body == b"{}"


def test_compressed_requests_are_read(wire: Wire) -> None:
    plain = wire.send("PutItem", wire.put("plain"), Content_Encoding="gzip")
    assert (plain.status, plain.said["__type"]) == (400, f"{CORAL}SerializationException")
    packed = gzip.compress(wire.put("packed").encode())
    assert wire.send("PutItem", packed, Content_Encoding="gzip").body == b"{}"
    get = json.dumps({"TableName": wire.table, "Key": {"p": {"S": "a"}}})
    assert wire.send("GetItem", get).said["Item"]["v"] == {"S": "packed"}


def test_a_region_that_is_not_there_is_named(wire: Wire) -> None:
    signed = "AWS4-HMAC-SHA256 Credential=test/20260101/mars-1/dynamodb/aws4_request, "
    answer = wire.send(
        "PutItem", wire.put(), Authorization=f"{signed}SignedHeaders=host, Signature=00"
    )
    assert answer.status == 400
    assert "mars-1" in answer.said["message"]


def test_tagging_answers_with_nothing(wire: Wire) -> None:
    arn = f"arn:aws:dynamodb:{W}:000000000000:table/{wire.table}"
    tags = [{"Key": "k", "Value": "v"}]
    for target, request in (
        ("TagResource", {"ResourceArn": arn, "Tags": tags}),
        ("UntagResource", {"ResourceArn": arn, "TagKeys": ["k"]}),
    ):
        answer = wire.send(target, json.dumps(request))
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["x-amz-crc32"] == "0"


def test_tiny_requests_follow_each_other_on_one_connection(wire: Wire) -> None:
    get = json.dumps({"TableName": wire.table, "Key": {"p": {"S": "a"}}})
    for n in range(50):
        assert wire.send("PutItem", wire.put(f"{n}")).status == 200
        assert wire.send("GetItem", get).said["Item"]["v"] == {"S": f"{n}"}

"""Every operation of every offered service: botocore writes, we read; we write, botocore reads.

Values are made from the shapes by a seeded maker: once with every member, once with as few as
possible, and with hypothesis for whatever lies between.
"""

import datetime as dt
from random import Random  # noqa: TID251 - values from a seed, of no host's
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from antipodes.hosting import catalogue
from antipodes.wire import models, protocols
from antipodes.wire.protocols import Failure, Incoming
from antipodes.wire.rest import Message

# Services that between them speak every protocol, whether they are offered or not.
SPOKEN = (
    "cloudwatch",
    "dynamodb",
    "dynamodbstreams",
    "ec2",
    "elbv2",
    "globalaccelerator",
    "iam",
    "lambda",
    "logs",
    "rds",
    "route53",
    "s3",
    "sqs",
    "sts",
)
TWINS = (
    "s3.GetBucketLifecycle",
    "s3.GetBucketNotification",
    "s3.ListDirectoryBuckets",
    "s3.PutBucketLifecycle",
    "s3.PutBucketNotification",
)
OMIT = object()
TEXT = "a<b>&'\"é 漢 +/%=;\t"
MOMENT = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)


SERVICES = sorted({*SPOKEN, *catalogue.SERVICES})
SESSION = botocore.session.get_session()


def known(service: str) -> ServiceModel:
    return SESSION.get_service_model(service)


def pairs() -> list[tuple[str, str]]:
    return [(s, p) for s in SERVICES for p in known(s).metadata.get("protocols", ["rest-json"])]


class Maker:
    """Makes values for shapes: the same seed makes the same value."""

    def __init__(self, seed: int, density: float, *, output: bool = False) -> None:
        self.random = Random(seed)
        self.density = density
        # botocore writes infinity to JSON by name, and does not read it back.
        self.reals = (1.5, -0.25) if output else (0.1, 1e22, float("inf"))

    def structure(self, shape: Shape, stack: tuple[str, ...] = ()) -> Any:
        if stack.count(shape.name) > 1 or len(stack) > 30:
            return OMIT
        stack = (*stack, shape.name)
        names = list(shape.members)
        union = getattr(shape, "is_tagged_union", False)
        if union:
            self.random.shuffle(names)
        result: dict[str, Any] = {}
        for name in names:
            member = shape.members[name]
            if member.serialization.get("eventstream"):
                continue
            wanted = name in shape.required_members or self.random.random() < self.density
            if not wanted and not union:
                continue
            value = self.value(member, stack)
            if value is not OMIT:
                result[name] = value
                if union:
                    return result
            elif name in shape.required_members:
                return OMIT
        return OMIT if union else result

    def value(self, shape: Shape, stack: tuple[str, ...]) -> Any:
        located = shape.serialization.get("location")
        if shape.type_name == "structure":
            return {"any": [1, "x"]} if shape.is_document_type else self.structure(shape, stack)
        if shape.type_name == "list":
            items = [self.part(shape.member, (*stack, "[]")) for _ in range(self.count())]
            return OMIT if OMIT in items else items
        if shape.type_name == "map":
            keys = shape.key.enum or ["k1", "k-2"]
            return self.map(shape, list(keys)[: self.count()], stack)
        return self.scalar(shape, located)

    def map(self, shape: Shape, keys: list[str], stack: tuple[str, ...]) -> Any:
        items = {key: self.part(shape.value, (*stack, "{}")) for key in keys}
        return OMIT if OMIT in items.values() else items

    def part(self, shape: Shape, stack: tuple[str, ...]) -> Any:
        """An element of a list or map: never an empty structure, which XML cannot tell apart."""
        value = self.value(shape, stack)
        if value == {}:
            density, self.density = self.density, 1.0
            value = self.value(shape, stack)
            self.density = density
        return OMIT if value == {} else value

    def count(self) -> int:
        return self.random.choice((1, 2))

    def scalar(self, shape: Shape, located: str | None) -> Any:
        kind = shape.type_name
        if kind == "string":
            plain = located in {"header", "headers"} or shape.serialization.get("xmlAttribute")
            text = "plain" if plain else self.random.choice((TEXT, "x", "a/b c"))
            return self.random.choice(shape.enum) if shape.enum else text
        if located == "statusCode":
            return 202
        numbers = {"integer": (0, 7, -3, 2**31 - 1), "long": (1, -5, 2**62)}
        if kind in numbers:
            return self.random.choice(numbers[kind])
        if kind in {"float", "double"}:
            return self.random.choice(self.reals)
        if kind == "boolean":
            return self.random.choice((True, False))
        if kind == "timestamp":
            style = shape.serialization.get("timestampFormat", "")
            whole = located is not None or style in {"rfc822", "unixTimestamp"}
            return MOMENT if whole else MOMENT.replace(microsecond=self.random.choice((0, 250000)))
        assert kind == "blob", kind
        return self.random.choice((b"\x00bytes\xff", b"b"))


def plain(value: Any) -> Any:
    """What botocore made, in our terms: Unix seconds, and no empty structures."""
    if isinstance(value, dt.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        made = {key: plain(part) for key, part in value.items()}
        return {key: part for key, part in made.items() if part != {}}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def sent(operation: OperationModel, protocol: str, value: dict[str, Any]) -> Incoming:
    """Let botocore write the request."""
    request = create_serializer(protocol, include_validation=False).serialize_to_request(
        value, operation
    )
    prepare_request_dict(request, endpoint_url="http://127.0.0.1:4566")
    prepared = create_request_object(request).prepare()
    headers = {}
    for key, text in prepared.headers.items():
        headers[key.lower()] = text.decode() if isinstance(text, bytes) else str(text)
    body = prepared.body or b""
    url = urlsplit(prepared.url)
    target = f"{url.path}?{url.query}" if url.query else url.path
    data = body.encode() if isinstance(body, str) else bytes(body)
    return Incoming(prepared.method, target, headers, data)


def check_input(service: str, protocol: str, name: str, maker: Maker) -> None:
    operation = known(service).operation_model(name)
    value = maker.structure(operation.input_shape) if operation.input_shape else {}
    assert value is not OMIT, name
    incoming = sent(operation, protocol, value)
    model = models.service(service)
    assert protocols.protocol_of(incoming, model) == protocol
    match = protocols.identify(model, protocol, incoming)
    assert match.operation.name == name, incoming.path
    parsed = protocols.parse_request(match, protocol, incoming)
    if service == "s3":  # HTTP itself sets this header, given or not
        parsed.pop("ContentLength", None)
        value.pop("ContentLength", None)
    assert plain(parsed) == plain(value)


def check_output(service: str, protocol: str, name: str, maker: Maker) -> None:
    operation = known(service).operation_model(name)
    shape = operation.output_shape
    value = maker.structure(shape) if shape else {}
    assert value is not OMIT, name
    ours = models.service(service).operation(name)
    assert ours is not None
    message = protocols.serialise_response(ours, protocol, value, "REQUEST")
    parsed = create_parser(protocol).parse(received(message, shape), shape)
    metadata = parsed.pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] == message.status
    if protocol != "smithy-rpc-v2-cbor" or shape is not None:
        assert metadata["RequestId"] == "REQUEST"
    payload = shape.serialization.get("payload") if shape else None
    if payload and shape.members[payload].type_name == "blob":
        parsed[payload] = message.body
    if payload and not parsed[payload]:
        del parsed[payload]
    for member in [member for member in parsed if member not in value and parsed[member] != {}]:
        assert shape is not None
        told = shape.members[member].serialization
        if told.get("name", "").lower() == "content-type":  # every message with a body has one
            assert parsed.pop(member) == HeadersDict(message.headers)["content-type"]
            continue
        assert told["location"] == "statusCode", member
        assert parsed.pop(member) == ours.status
    assert plain(parsed) == plain(value)


def received(message: Message, shape: Shape | None) -> dict[str, Any]:
    """Give the answer to botocore's parser, without a body that would be streamed past it."""
    headers = HeadersDict(message.headers)
    assert len(headers) == len(message.headers), "a header twice"
    payload = shape.serialization.get("payload") if shape else None
    streamed = shape and payload and shape.members[payload].type_name == "blob"
    body = b"" if streamed else message.body
    return {"status_code": message.status, "headers": headers, "body": body, "context": {}}


def check_error(service: str, protocol: str, shape: Shape, maker: Maker) -> None:
    value = maker.structure(shape)
    text = [name for name in value if name.lower() == "message"]
    for extra in (*text, "Code", "Type"):
        value.pop(extra, None)
    model = models.service(service)
    failure = Failure(shape.name, "It is <not> so", 400, value)
    message = protocols.serialise_error(model, None, protocol, failure, "REQUEST")
    assert message.status == model.shape(shape.name).error_status
    response = received(message, None)
    parser = create_parser(protocol)
    told = parser.parse(dict(response), None)["Error"]
    by_code = protocol in {"query", "rest-xml", "ec2"} or model.query_compatible
    assert told["Code"] == (shape.error_code if by_code else shape.name)
    assert told["Message"] == "It is <not> so"
    parsed = parser.parse(response, shape)
    for extra in [name for name in parsed if name.lower() in {"message", "code", "type"}]:
        del parsed[extra]
    assert plain(parsed) == plain(value)


def names(service: str, *, events: bool = True) -> list[str]:
    """All operations; those with event streams, which nothing here can write, only if asked.

    Without five of s3's: four deprecated ones, which share method and path with their successors,
    and one that shares them with another host's operation.
    """
    every = models.service(service).operations()
    wanted = [o.name for o in every if events or not o.streams_events]
    return [name for name in wanted if f"{service}.{name}" not in TWINS]


@pytest.mark.parametrize("service", catalogue.SERVICES)
def test_what_is_offered_is_modelled(service: str) -> None:
    """A name that the model does not know would never be called."""
    offered = list(catalogue.service_class(service).operations)
    assert offered
    assert [name for name in offered if name not in models.service(service).operation_names] == []


@pytest.mark.parametrize(("service", "protocol"), pairs())
@pytest.mark.parametrize("density", [0.0, 1.0], ids=["least", "most"])
def test_inputs(service: str, protocol: str, density: float) -> None:
    for name in names(service):
        check_input(service, protocol, name, Maker(1, density))


@pytest.mark.parametrize(("service", "protocol"), pairs())
@pytest.mark.parametrize("density", [0.0, 1.0], ids=["least", "most"])
def test_outputs(service: str, protocol: str, density: float) -> None:
    for name in names(service, events=False):
        check_output(service, protocol, name, Maker(2, density, output=True))


@pytest.mark.parametrize(("service", "protocol"), pairs())
def test_errors(service: str, protocol: str) -> None:
    shapes = known(service).error_shapes
    assert service in {"ec2", "sts"} or shapes
    for shape in shapes:
        check_error(service, protocol, shape, Maker(3, 1.0, output=True))


@settings(max_examples=150, deadline=None)
@example(("s3", "rest-xml"), 8851, 138, 0.5)  # a type that the answer has, and nobody gave
@given(
    pair=st.sampled_from(pairs()),
    pick=st.integers(0, 10_000),
    seed=st.integers(0, 2**32),
    density=st.floats(0.1, 0.9),
)
def test_anything_between(pair: tuple[str, str], pick: int, seed: int, density: float) -> None:
    service, protocol = pair
    every = names(service, events=False)
    name = every[pick % len(every)]
    check_input(service, protocol, name, Maker(seed, density))
    check_output(service, protocol, name, Maker(seed, density, output=True))

"""From an HTTP request to an operation and its input, and from its output or error to an answer.

A protocol is a *format* (JSON, form and XML, XML, CBOR) times a *binding* (RPC: the body is the
input; REST: members have places). Which one a request speaks is read from the request, because some
services speak several: cloudwatch CBOR, JSON and query, sqs JSON and query.

The order of use: `protocol_of`, `identify`, `parse_request`, then `serialise_response` or
`serialise_error`. Nothing here knows what a service offers.

Left out: event streams, JSON in headers, checksums. Protocol cases follow AWS's published Smithy
descriptions; error envelopes follow facts measured on the services.
"""

import zlib
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qs

import orjson

from antipodes.wire import formbody, jsonbody, rest, trees, xmlbody
from antipodes.wire.errors import Malformed, UnknownOperation
from antipodes.wire.models import Member, Model, Operation, Shape
from antipodes.wire.rest import Message
from antipodes.wire.routes import Match, Routes

CBOR = "smithy-rpc-v2-cbor"
QUERY_PROTOCOLS = ("query", "ec2")

_JSON_NAMESPACES = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#",
    "dynamodbstreams": "com.amazonaws.dynamodb.v20120810#",
    "sqs": "com.amazonaws.sqs#",
}
_OF_XML = {"route53": "InvalidInput"}  # what services call a request that cannot be read
_CHECKSUMMED = ("dynamodb", "dynamodbstreams")
CONTENT_BYTES_MAX = 64 << 20  # of a body that came compressed
_AS_MODELLED = 400
_OUR_FAULT = 500
_FORM = "application/x-www-form-urlencoded"


class Incoming:
    """A request as HTTP brought it, with what several steps read from it worked out once."""

    def __init__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        self.method = method
        self.path, _, self.query_text = target.partition("?")
        self.headers = headers
        self.body = body

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the query string, without those of a presigned signature."""
        found = parse_qs(self.query_text, keep_blank_values=True)
        return {k: v for k, v in found.items() if not k.startswith("X-Amz-")}

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of the body or, where there is none, of the query string."""
        return formbody.fields(self.content or self.query_text)

    @cached_property
    def content(self) -> bytes:
        """The body as it was before the client compressed it."""
        if self.headers.get("content-encoding") != "gzip" or not self.body:
            return self.body
        unpacking = zlib.decompressobj(31)
        try:
            unpacked = unpacking.decompress(self.body, CONTENT_BYTES_MAX)
        except zlib.error as error:
            raise Malformed("The body is not gzip, as its Content-Encoding says") from error
        if unpacking.unconsumed_tail or not unpacking.eof:
            raise Malformed("The compressed body is cut off, or too large")
        return unpacked

    @property
    def names_an_action(self) -> bool:
        """Whether this is a request of the query protocols."""
        if self.headers.get("content-type", "").startswith(_FORM):
            return True
        return not self.body and "Action" in self.query


def protocol_of(incoming: Incoming, model: Model | None) -> str:
    """Return the protocol that a request speaks."""
    if incoming.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return CBOR
    if model is not None and model.protocol.startswith("rest-"):
        return model.protocol
    if "x-amz-target" in incoming.headers:
        return "json"
    if incoming.names_an_action:
        return "ec2" if model is not None and model.protocol == "ec2" else "query"
    if model is None:
        return "rest-json"
    return "json" if model.protocol == CBOR else model.protocol


@cache
def _routes(model: Model) -> Routes:
    return Routes(tuple(model.operations()))


def route(model: Model, incoming: Incoming) -> Match | None:
    """Return the operation of a REST service that a request's method and path name, or None."""
    query, headers = incoming.query, incoming.headers
    return _routes(model).find(incoming.method, incoming.path, query, headers)


def identify(model: Model, protocol: str, incoming: Incoming) -> Match:
    """Return the operation that a request names. Raises UnknownOperation."""
    if protocol in {"rest-json", "rest-xml"}:
        match = route(model, incoming)
        if match is None:
            raise UnknownOperation(f"{incoming.method} {incoming.path}", status=404)
        return match
    if protocol in QUERY_PROTOCOLS:
        name = incoming.form.get("Action", "")
        if not name:
            raise UnknownOperation("The request names no Action", code="MissingAction")
    elif protocol == CBOR:
        service, _, name = incoming.path.removeprefix("/service/").partition("/operation/")
        if service != model.target_prefix:
            raise UnknownOperation(incoming.path, status=404)
    else:
        prefix, _, name = incoming.headers.get("x-amz-target", "").rpartition(".")
        if prefix != model.target_prefix:
            raise UnknownOperation(f"{prefix}.{name}" if name else "The request has no target")
    operation = model.operation(name)
    if operation is None:
        if protocol in QUERY_PROTOCOLS:
            message = f"The action {name} is not valid for this web service."
            raise UnknownOperation(message, code="InvalidAction")
        raise UnknownOperation(name, status=404 if protocol == CBOR else 400)
    return Match(operation, {})


def parse_request(match: Match, protocol: str, incoming: Incoming) -> dict[str, Any]:
    """Return the input as a dictionary in botocore's shapes. Raises Malformed."""
    operation = match.operation
    if protocol in {"rest-json", "rest-xml"}:
        body = incoming.content if operation.compresses else incoming.body
        places = rest.Places(match.labels, incoming.query, incoming.headers, body)
        decode = jsonbody.decode if protocol == "rest-json" else xmlbody.decode
        try:
            return rest.parse(operation, places, decode)
        except Malformed as error:
            if operation.model.name not in _OF_XML:
                raise
            said = "Invalid XML ; " if error.code == "MalformedXML" else ""
            code = _OF_XML[operation.model.name]
            raise Malformed(said + error.message, code=code) from error
    if operation.input is None:
        return {}
    if protocol in QUERY_PROTOCOLS:
        return formbody.decode(operation.input, incoming.form, ec2=protocol == "ec2")
    if protocol == CBOR:
        parsed = _cborbody().decode(operation.input, incoming.content)
    else:
        parsed = jsonbody.decode(operation.input, incoming.content)
    if not isinstance(parsed, dict):
        raise Malformed
    return parsed


@cache
def _cborbody() -> Any:
    """The CBOR format, loaded when the first request speaks it: cbor2 costs 17 ms."""
    from antipodes.wire import cborbody  # noqa: PLC0415 - late on purpose: see above

    return cborbody


def serialise_response(
    operation: Operation, protocol: str, response: Mapping[str, Any], request_id: str
) -> Message:
    """Write the output of an operation."""
    if protocol in {"rest-json", "rest-xml"}:
        return _rest_response(operation, protocol, response, request_id)
    if protocol in QUERY_PROTOCOLS:
        body = _query_response(operation, protocol, response, request_id)
        return _message(operation.model, protocol, Message(operation.status, [], body), request_id)
    if operation.output is None:
        assert not response, f"{operation} has no output"
        body = b""
    elif protocol == CBOR:
        body = _cborbody().encode(operation.output, response)
    else:
        body = jsonbody.encode(operation.output, response)
    return _message(operation.model, protocol, Message(operation.status, [], body), request_id)


def _message(model: Model | None, protocol: str, made: Message, request_id: str) -> Message:
    """Add what every answer of the protocol carries."""
    name = "" if model is None else model.name
    status, body = made.status, made.body
    own = [(key, _one_line(value)) for key, value in made.headers]
    headers = [("x-amz-request-id" if name == "s3" else "x-amzn-RequestId", request_id)]
    if body and not any(key.lower() == "content-type" for key, _ in own):
        headers.append(("content-type", _content_type(model, protocol)))
    if protocol == CBOR:
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    if name in _CHECKSUMMED:
        headers.append(("x-amz-crc32", str(zlib.crc32(body))))
    return Message(status, headers + own, body)


def _content_type(model: Model | None, protocol: str) -> str:
    if protocol == "json":
        return "application/x-amz-json-" + ("1.0" if model is None else model.json_version)
    if protocol == "rest-json":
        return "application/json"
    return "application/cbor" if protocol == CBOR else "text/xml"


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


def _rest_response(
    operation: Operation, protocol: str, response: Mapping[str, Any], request_id: str
) -> Message:
    model = operation.model

    def encode_xml(member: Member, value: Any) -> bytes:
        name = member.location_name or member.shape.name
        return xmlbody.encode(member, value, name, model.xml_namespace)

    encode = jsonbody.encode if protocol == "rest-json" else encode_xml
    made = rest.serialise(operation, response, encode)
    return _message(model, protocol, made, request_id)


def _query_response(
    operation: Operation, protocol: str, response: Mapping[str, Any], request_id: str
) -> bytes:
    output = operation.output
    assert output is not None or not response, f"{operation} has no output"
    content = "" if output is None else xmlbody.content(output, response)
    number = xmlbody.escape(request_id)
    if protocol == "ec2":
        inner = xmlbody.element("requestId", number) + content
    else:
        if output is not None:
            wrapper = output.result_wrapper or f"{operation.name}Result"
            content = xmlbody.element(wrapper, content)
        identity = xmlbody.element("RequestId", number)
        inner = content + xmlbody.element("ResponseMetadata", identity)
    namespace = f' xmlns="{xmlbody.escape(operation.model.xml_namespace)}"'
    return xmlbody.element(f"{operation.name}Response", inner, namespace).encode()


class Failure:
    """An error on its way out: what the caller did wrong, or that we did."""

    def __init__(
        self, code: str, message: str, status: int = 400, members: Mapping[str, Any] | None = None
    ) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.members: Mapping[str, Any] = members or {}


def serialise_error(
    model: Model | None,
    operation: Operation | None,
    protocol: str,
    failure: Failure,
    request_id: str,
) -> Message:
    """Write an error, by its modelled shape where the model has one.

    The failure's code may be the shape's name or its code in the query protocols; each protocol
    gets its own. A status of 400 means "as modelled".
    """
    shape = _error_shape(model, operation, failure.code)
    status = failure.status
    if shape is None:
        assert not failure.members, f"{failure.code} is not modelled and has no members"
    elif status == _AS_MODELLED:
        status = shape.error_status
    failure = Failure(failure.code, failure.message, status, failure.members)
    if protocol == "rest-json":
        return _rest_json_error(model, shape, failure, request_id)
    if protocol in {"json", CBOR}:
        return _tree_error(model, protocol, shape, failure, request_id)
    body = _xml_error(model, protocol, shape, failure, request_id)
    return _message(model, protocol, Message(status, [], body), request_id)


def _error_shape(model: Model | None, operation: Operation | None, code: str) -> Shape | None:
    if operation is not None:
        for shape in operation.errors:
            if code in {shape.name, shape.error_code}:
                return shape
    return None if model is None else model.error_shapes.get(code)


def _fault(failure: Failure) -> str:
    return "Sender" if failure.status < _OUR_FAULT else "Receiver"


def _xml_error(
    model: Model | None, protocol: str, shape: Shape | None, failure: Failure, request_id: str
) -> bytes:
    element, escape = xmlbody.element, xmlbody.escape
    code = failure.code if shape is None else shape.error_code
    told = element("Code", escape(code)) + element("Message", escape(failure.message))
    if shape is not None:
        told += xmlbody.content(shape.itself, failure.members)
    number = escape(request_id)
    if protocol == "ec2":
        errors = element("Errors", element("Error", told))
        text = element("Response", errors + element("RequestID", number))
    elif model is not None and model.name == "s3":
        text = element("Error", told + element("RequestId", number))
    else:
        told = element("Error", element("Type", _fault(failure)) + told)
        namespace = model.xml_namespace if model is not None else ""
        attributes = f' xmlns="{escape(namespace)}"' if namespace else ""
        text = element("ErrorResponse", told + element("RequestId", number), attributes)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode()


def _message_name(shape: Shape | None, failure: Failure) -> str:
    """How this error spells its message on the wire."""
    if shape is None:
        return "Message" if failure.code == "SerializationException" else "message"
    if shape.message_member:
        return shape.members[shape.message_member].wire_name
    return "message"


def _tree_error(
    model: Model | None, protocol: str, shape: Shape | None, failure: Failure, request_id: str
) -> Message:
    name = failure.code if shape is None else shape.name
    body = {"__type": _namespace(model, protocol, shape, failure) + name}
    body[_message_name(shape, failure)] = failure.message
    extra = []
    if model is not None and model.query_compatible:
        code = failure.code if shape is None else shape.error_code
        extra.append(("x-amzn-query-error", f"{code};{_fault(failure)}"))
    if protocol == CBOR:
        cbor = _cborbody()
        if shape is not None:
            body |= trees.write(cbor.DIALECT, shape.itself, failure.members)
        data = cbor.write(body)
    else:
        if shape is not None:
            body |= trees.write(jsonbody.DIALECT, shape.itself, failure.members)
        data = orjson.dumps(body)
    return _message(model, protocol, Message(failure.status, extra, data), request_id)


def _namespace(model: Model | None, protocol: str, shape: Shape | None, failure: Failure) -> str:
    if model is None:
        return "com.amazon.coral.service#"
    if protocol == CBOR:
        return f"com.amazonaws.{model.name}#"
    if shape is not None:
        return _JSON_NAMESPACES.get(model.name, "")
    if model.name not in _CHECKSUMMED:
        return ""
    validated = failure.code == "ValidationException"
    return "com.amazon.coral.validate#" if validated else "com.amazon.coral.service#"


def _rest_json_error(
    model: Model | None, shape: Shape | None, failure: Failure, request_id: str
) -> Message:
    name = failure.code if shape is None else shape.name
    headers = [("x-amzn-ErrorType", name)]
    told: dict[str, Any] = {}
    if shape is not None:
        made = rest.in_places(shape.itself, failure.members, failure.status, jsonbody.encode)
        headers += made.headers
        told = orjson.loads(made.body) if made.body else {}
    told[_message_name(shape, failure)] = failure.message
    if shape is None or "Type" in shape.members:
        told.setdefault("Type", "User" if failure.status < _OUR_FAULT else "Server")
    body = orjson.dumps(told)
    return _message(model, "rest-json", Message(failure.status, headers, body), request_id)

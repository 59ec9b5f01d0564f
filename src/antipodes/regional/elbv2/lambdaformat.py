"""What a load balancer says to a function and what it takes for an answer.

Query strings are passed as they were sent, without decoding. Without multi-value headers the last
of repeated headers and parameters is passed. A body is text only where its type says so and nothing
encodes it. Of the answer only `statusCode` is required here; AWS's guide also lists the flag for
base64 and the headers, but says nothing of what happens without them.

Source: the Application Load Balancer user guide, lambda-functions.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from antipodes.service.httpmessages import HOP_BY_HOP

BODY_BYTES_MAX = 1_000_000  # of a request's body, and of a whole answer ("1 MB")
HEADERS_BYTES_MAX = 32 << 10
CHECK_AGENT = "ELB-HealthChecker/2.0"
_DROPPED = HOP_BY_HOP | {"content-length"}
_TEXT_TYPES = ("application/json", "application/javascript", "application/xml")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

Pairs = Sequence[tuple[str, str]]


class BadAnswer(Exception):
    """A function's answer that is none: 502 to the client."""


class Answer(NamedTuple):
    """A function's answer, understood."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def split_query(query: str) -> list[tuple[str, str]]:
    """Return the parameters of a query string, in order, as they were sent."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(name, value) for name, _, value in pairs]


def event(  # noqa: PLR0913 - the parts of a request
    group_arn: str,
    *,
    method: str,
    path: str,
    query: Pairs,
    headers: Pairs,
    body: bytes,
    multi_value: bool,
) -> bytes:
    """Return the event for a request, as JSON; raises UnicodeDecodeError for text that is none."""
    text, encoded = _body(headers, body)
    document: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": group_arn}},
        "httpMethod": method,
        "path": path,
    }
    lowered = [(name.lower(), value) for name, value in headers]
    named = [pair for pair in lowered if pair[0] not in HOP_BY_HOP]
    if multi_value:
        document["multiValueQueryStringParameters"] = _gathered(query)
        document["multiValueHeaders"] = _gathered(named)
    else:
        document["queryStringParameters"] = dict(query)
        document["headers"] = dict(named)
    document["body"] = text
    document["isBase64Encoded"] = encoded
    return msgspec.json.encode(document)


def check_event(group_arn: str, path: str, *, multi_value: bool) -> bytes:
    """Return the event of a health check: not base64, whatever its body's type."""
    bare, _, query = path.partition("?")
    headers = (("user-agent", CHECK_AGENT),)
    return event(
        group_arn,
        method="GET",
        path=bare,
        query=split_query(query),
        headers=headers,
        body=b"",
        multi_value=multi_value,
    )


def _gathered(pairs: Pairs) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered


def _body(headers: Pairs, body: bytes) -> tuple[str, bool]:
    """Return a body as a string, and whether it had to be encoded for that."""
    if not body:
        return "", False
    last = {name.lower(): value for name, value in headers}
    kind = last.get("content-type", "").partition(";")[0].strip().lower()
    if "content-encoding" not in last and (kind.startswith("text/") or kind in _TEXT_TYPES):
        return body.decode(), False
    return base64.b64encode(body).decode(), True


def parse_answer(payload: bytes, *, multi_value: bool) -> Answer:
    """Return a function's answer; raises BadAnswer."""
    if len(payload) > BODY_BYTES_MAX:
        raise BadAnswer("LambdaResponseTooLarge")
    try:
        document = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        raise BadAnswer("LambdaInvalidResponse: not JSON") from None
    if not isinstance(document, dict):
        raise BadAnswer("LambdaInvalidResponse: not an object")
    status = _status(document.get("statusCode"))
    headers = _headers(document, multi_value=multi_value)
    return Answer(status, _reason(document, status), headers, _answer_body(document))


def _status(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]{3}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:  # noqa: PLR2004 - final HTTP statuses
        raise BadAnswer("LambdaInvalidResponse: statusCode")
    return value


def _reason(document: dict[str, Any], status: int) -> str:
    """`200 OK` and `OK` both mean OK."""
    description = document.get("statusDescription")
    if description is None:
        return ""
    if not isinstance(description, str) or _CONTROLS.search(description):
        raise BadAnswer("LambdaInvalidResponse: statusDescription")
    return description.removeprefix(str(status)).strip()


def _headers(document: dict[str, Any], *, multi_value: bool) -> tuple[tuple[str, str], ...]:
    """The headers in the form that the target group asks for; the other form is ignored."""
    member = "multiValueHeaders" if multi_value else "headers"
    given = document.get(member)
    if given is None:
        return ()
    if not isinstance(given, dict):
        raise BadAnswer(f"LambdaInvalidResponse: {member}")
    pairs = tuple(
        [
            (name, value)
            for name, values in given.items()
            for value in (values if multi_value and isinstance(values, list) else [values])
        ]
    )
    if not all([isinstance(value, str) for _, value in pairs]):  # noqa: C419 - quicker
        raise BadAnswer(f"LambdaInvalidResponse: {member}")
    return _passed(pairs, member)


@lru_cache(256)
def _passed(pairs: tuple[tuple[str, str], ...], member: str) -> tuple[tuple[str, str], ...]:
    """Those headers that are passed on; a function says nearly the same ones every time."""
    kept: list[tuple[str, str]] = []
    size = 0
    for name, value in pairs:
        kind = _header_kind(name)
        if kind == "bad" or _CONTROLS.search(value):
            raise BadAnswer(f"LambdaInvalidResponse: {member}")
        size += len(name) + len(value)
        if kind == "passed":
            kept.append((name, value))
    if size > HEADERS_BYTES_MAX:
        raise BadAnswer(f"LambdaInvalidResponse: {member} are too long")
    return tuple(kept)


@lru_cache(1024)
def _header_kind(name: str) -> str:
    """Whether a header of that name is passed on, dropped, or bad."""
    if _HEADER_NAME.fullmatch(name) is None:
        return "bad"
    return "dropped" if name.lower() in _DROPPED else "passed"


def _answer_body(document: dict[str, Any]) -> bytes:
    body = document.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise BadAnswer("LambdaInvalidResponse: body")
    if document.get("isBase64Encoded") is not True:
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise BadAnswer("LambdaInvalidResponse: body is not base64") from None

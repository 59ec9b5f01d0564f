"""What HTTP/1.1 says: requests and responses as values, and as bytes on the wire.

The usual message comes in one piece, is small, and says what every other one says but for a line or
two. Such a one is read line by line, each line understood once and kept; everything else, anything
unusual included, is left to httptools' parser.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from antipodes.runtime.contract import Accepted, Address

_PHRASES = {int(status): status.phrase for status in HTTPStatus}
_STATUS_LINES = {
    status: f"HTTP/1.1 {status} {phrase}\r\n".encode() for status, phrase in _PHRASES.items()
}
HEADER_BYTES_MAX = 64 << 10  # of all names and values of a message
BODY_BYTES_MAX = 64 << 20  # of a message, unless its reader says otherwise
# Never passed on, in either direction (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NO_BODY = frozenset({204, 304})
_NAMES_MAX = 4096
_HEAD_BYTES_MAX = 384  # signed requests are longer, and have lines that never come again
_REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) (/[!-~]*) HTTP/1\.1")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) ([ -~]*)")
_HEADER_LINE = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`|~-]+): ([!-~](?:[ -~]*[!-~])?)")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,8}")
_UNUSUAL = frozenset({"transfer-encoding", "upgrade", "expect", "trailer", "proxy-connection"})


@lru_cache(_NAMES_MAX)
def lower(name: bytes) -> str:
    """Return a header's name in lower case."""
    return name.decode("latin-1").lower()


class HeaderLine(NamedTuple):
    """One line of a head."""

    lowered: str
    name: str
    value: str
    raw: tuple[bytes, bytes]


@lru_cache(_NAMES_MAX)
def header_line(line: bytes) -> HeaderLine | None:
    """Read one line; None for what decides how the message ends, and does so in no usual way."""
    found = _HEADER_LINE.fullmatch(line)
    if found is None:
        return None
    raw = found[1], found[2]
    name, value = found[1].decode("latin-1"), found[2].decode("latin-1")
    lowered = name.lower()
    if lowered in _UNUSUAL or (lowered == "connection" and value not in {"close", "keep-alive"}):
        return None
    if lowered == "content-length" and _LENGTH.fullmatch(value) is None:
        return None
    return HeaderLine(lowered, name, value, raw)


@lru_cache(_NAMES_MAX)
def _status_line(line: bytes) -> tuple[int, str] | None:
    found = _STATUS_LINE.fullmatch(line)
    if found is None or int(found[1]) in _NO_BODY:
        return None
    return int(found[1]), found[2].decode("latin-1")


class Whole(msgspec.Struct, frozen=True):
    """A message that came in one piece: its first line, its headers, what they say, its body."""

    first: bytes
    lines: list[HeaderLine]
    headers: dict[str, str]
    body: bytes

    @property
    def keep_alive(self) -> bool:
        """Whether another message may follow."""
        return self.headers.get("connection") != "close"


def read_whole(data: bytes, head_bytes_max: int = _HEAD_BYTES_MAX) -> Whole | None:
    """Read a usual message that came in one piece; None where it is anything else."""
    end = data.find(b"\r\n\r\n", 0, head_bytes_max)
    if end < 0:
        return None
    first, *rest = data[:end].split(b"\r\n")
    lines: list[HeaderLine] = []
    headers: dict[str, str] = {}
    for text in rest:
        line = header_line(text)
        if line is None:
            return None
        lines.append(line)
        if line.lowered in headers and line.lowered in {"content-length", "connection"}:
            return None
        headers[line.lowered] = line.value
    if len(data) - end - 4 != int(headers.get("content-length", 0)):
        return None
    return Whole(first, lines, headers, data[end + 4 :])


def read_request(
    data: bytes, *, head_bytes_max: int = _HEAD_BYTES_MAX
) -> tuple[str, str, Whole] | None:
    """Read a usual request that came in one piece: method, target, and the message."""
    whole = read_whole(data, head_bytes_max)
    found = None if whole is None else _REQUEST_LINE.fullmatch(whole.first)
    if whole is None or found is None:
        return None
    return found[1].decode("latin-1"), found[2].decode("latin-1"), whole


def read_response(data: bytes) -> tuple[int, str, Whole] | None:
    """Read a usual response that came in one piece: status, reason, and the message."""
    whole = read_whole(data)
    found = None if whole is None else _status_line(whole.first)
    if whole is None or found is None or "content-length" not in whole.headers:
        return None
    return *found, whole


@dataclass(slots=True)
class HttpRequest:
    """One request as read: header names in lower case, the last of repeated ones wins.

    `raw_headers` has all of them in order and as sent; `target` is the raw path and query.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    accepted: Accepted
    raw_headers: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class HttpResponse:
    """One answer; content-length is added on the wire."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    reason: str = ""
    last: bool = False  # the connection ends with it


UNKEPT = HttpResponse(500)  # for what the disk did not take; every AWS client tries again


def encode_response(
    response: HttpResponse, *, keep_alive: bool = True, head: bool = False
) -> bytes:
    """Return the bytes of a response; to a HEAD request, without its body.

    Who answers HEAD without having the body may tell its length.
    """
    status = response.status
    if response.reason:
        line = f"HTTP/1.1 {status} {response.reason}\r\n".encode("latin-1", "replace")
    else:
        line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} Unknown\r\n".encode()
    parts = [line]
    if response.headers:
        text = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
        parts.append(text.encode("utf-8", "replace"))
    told = head and any(name.lower() == "content-length" for name, _ in response.headers)
    if status not in _NO_BODY and not told:
        parts.append(b"content-length: %d\r\n" % len(response.body))
    parts.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    if not head and status not in _NO_BODY:
        parts.append(response.body)
    return b"".join(parts)


def encode_request(  # noqa: PLR0913 - the parts of a request
    to: Address,
    method: str,
    target: str,
    headers: list[tuple[str, str]],
    body: bytes,
    *,
    keep_alive: bool,
) -> bytes:
    """Return the bytes of a request; its headers as UTF-8, or byte for byte from `passed_on`."""
    names = {name.lower() for name, _ in headers}
    first = f"{method} {target} HTTP/1.1\r\n".encode("latin-1", "replace")
    parts = []
    if "host" not in names:
        parts.append(f"host: {to.port}\r\n")
    parts.extend(f"{name}: {value}\r\n" for name, value in headers)
    if "content-length" not in names and (body or method in {"POST", "PUT", "PATCH"}):
        parts.append(f"content-length: {len(body)}\r\n")
    if not keep_alive and "connection" not in names:
        parts.append("connection: close\r\n")
    parts.append("\r\n")
    return first + "".join(parts).encode("utf-8", "surrogateescape") + body


def passed_back(response: HttpResponse, *, head: bool) -> list[tuple[str, str]]:
    """Return an answer's headers for whoever was asked first; to HEAD its length is one of them."""
    return [
        (name, value)
        for name, value in response.headers
        if (lowered := name.lower()) not in HOP_BY_HOP and (head or lowered != "content-length")
    ]


def passed_on(
    headers: Sequence[tuple[bytes, bytes]], but: Collection[str]
) -> list[tuple[str, str]]:
    """Return headers as a client sends them on, but for some, whose names are in lower case."""
    return [
        (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        for name, value in headers
        if lower(name) not in but
    ]

"""Hot operations from the wire's bytes to the wire's bytes, with no objects in between.

A client repeats the head of its requests, but for the signature and little after it. What comes
before the signature is read once, by the rules of `httpmessages`, and kept with what it means: the
account and the operation. Of the next request with the same beginning only the few lines after it
are looked at. Whatever is not plain, or not as before, is declined with None and goes the usual
way: a request in pieces, pipelined, traced by a header, signed for elsewhere, of another operation.
A request is answered alike on both ways (`tests/service/test_dispatch.py`).
"""

import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from antipodes.service.httpmessages import HttpResponse, Whole, header_line, read_request

# Answers one operation for an account, body to body, or declines with None.
FastHandler = Callable[[str, bytes], "bytes | None"]
# Answers many requests with one head: body and trace to a response, or declines with None.
Lane = Callable[[bytes, str], "HttpResponse | None"]

HEADS_MAX = 1024
LINES_MAX = 4096
_HEAD_BYTES_MAX = 8192
_SIGNATURE = b"Signature="
_SIGNATURE_BYTES = 64
_FIRST_LINE = b"POST / HTTP/1.1"
# What may follow the signature and changes nothing of what a request means.
_IGNORED = frozenset(
    {
        "accept",
        "accept-encoding",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "connection",
        "content-type",
        "host",
        "user-agent",
        "x-amz-content-sha256",
        "x-amz-user-agent",
    }
)
# What must not come at all: it changes how a request is read, or whom it is for.
_DECLINED = frozenset({"content-encoding", "smithy-protocol", "x-amzn-trace-id"})
_IGNORABLE, _LENGTHLESS = -1, -1


class Head(NamedTuple):
    """The beginning of a head, up to the signature, and what it means."""

    account: str
    target: str
    handler: FastHandler
    length: int  # of the body, or _LENGTHLESS where that is told after the signature
    headers: Mapping[str, str]


class Heads:
    """The beginnings of heads that a host has seen.

    `understand(headers)` says whose request it is and who answers it, or None.
    """

    def __init__(
        self, understand: Callable[[dict[str, str]], tuple[str, FastHandler] | None]
    ) -> None:
        self._understand = understand
        self._heads: dict[bytes, Head | None] = {}
        self._lines: dict[bytes, int] = {}

    def read(self, data: bytes) -> tuple[Head, bytes] | None:
        """Read a whole request of a hot operation: its head and its body."""
        at = data.find(_SIGNATURE, 0, _HEAD_BYTES_MAX)
        end = data.find(b"\r\n\r\n", at, _HEAD_BYTES_MAX)
        if at < 0 or end < 0:
            return None
        start = data[:at]
        try:
            head = self._heads[start]
        except KeyError:
            head = self._learn(start, data)
        if head is None:
            return None
        signature, *rest = data[at + len(_SIGNATURE) : end].split(b"\r\n")
        if len(signature) != _SIGNATURE_BYTES or not signature.isalnum():
            return None
        length = head.length
        lines = self._lines
        for line in rest:
            told = lines.get(line)
            if told is None:
                told = self._tell(line)
                if told is None:
                    return None
            if told != _IGNORABLE:
                if length != _LENGTHLESS:
                    return None
                length = told
        body = data[end + 4 :]
        return None if len(body) != length else (head, body)

    def _learn(self, start: bytes, data: bytes) -> Head | None:
        """Read a beginning that was not seen before, with the request that it came with."""
        read = read_request(data, head_bytes_max=_HEAD_BYTES_MAX)
        if read is None:
            return None  # perhaps only because of what follows: not kept
        if len(self._heads) >= HEADS_MAX:
            self._heads.clear()
        head = self._heads[start] = self._meaning(start, read[2])
        return head

    def _meaning(self, start: bytes, whole: Whole) -> Head | None:
        lines = start.split(b"\r\n")
        if lines[0] != _FIRST_LINE or not lines[-1].lower().startswith(b"authorization: "):
            return None
        count = len(lines) - 2  # neither the first line nor the one of the signature
        before = {line.lowered: line.value for line in whole.lines[:count]}
        headers = {**before, "authorization": whole.headers["authorization"]}
        if len(before) != count or "authorization" in before:
            return None
        if _DECLINED & headers.keys() or headers.get("connection") == "close":
            return None
        found = self._understand(headers)
        if found is None:
            return None
        length = int(headers.get("content-length", _LENGTHLESS))
        return Head(found[0], headers["x-amz-target"], found[1], length, headers)

    def _tell(self, line: bytes) -> int | None:
        """Say what a line after the signature tells: the body's length, or nothing of import."""
        read = header_line(line)
        if read is None:
            return None
        if read.lowered == "content-length":
            told = int(read.value)
        elif read.lowered in _IGNORED and read.value != "close":
            told = _IGNORABLE
        else:
            return None
        if len(self._lines) >= LINES_MAX:
            self._lines.clear()
        self._lines[line] = told
        return told


def wire_answer(request_id: str, body: bytes) -> bytes:
    """The bytes of a success of the JSON protocol, as `protocols` and `httpmessages` write it."""
    return (
        b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: %b\r\ncontent-type: application/x-amz-json-1.0\r\n"
        b"x-amz-crc32: %d\r\ncontent-length: %d\r\n\r\n%b"
        % (request_id.encode(), zlib.crc32(body), len(body), body)
    )


def headers_of(request_id: str, body: bytes) -> tuple[tuple[str, str], ...]:
    """The headers of the same answer, for those who go on with it as a value."""
    return (
        ("x-amzn-RequestId", request_id),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-crc32", str(zlib.crc32(body))),
    )


__all__ = ["FastHandler", "Head", "Heads", "Lane", "headers_of", "wire_answer"]

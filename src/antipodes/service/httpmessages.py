"""What HTTP/1.1 says: requests and responses as values, and as bytes on the wire."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus

from antipodes.runtime.contract import Accepted, Address

_PHRASES = {int(status): status.phrase for status in HTTPStatus}
_STATUS_LINES = {
    status: f"HTTP/1.1 {status} {phrase}\r\n".encode() for status, phrase in _PHRASES.items()
}
_NO_BODY = frozenset({204, 304})
_NAMES_MAX = 4096


@lru_cache(_NAMES_MAX)
def lower(name: bytes) -> str:
    """Return a header's name in lower case."""
    return name.decode("latin-1").lower()


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


UNKEPT = HttpResponse(500)  # for what the disk did not take; every AWS client tries again


def encode_response(
    response: HttpResponse, *, keep_alive: bool = True, head: bool = False
) -> bytes:
    """Return the bytes of a response; to a HEAD request, without its body."""
    status = response.status
    if response.reason:
        line = f"HTTP/1.1 {status} {response.reason}\r\n".encode("latin-1", "replace")
    else:
        line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} Unknown\r\n".encode()
    parts = [line]
    parts.extend(
        f"{name}: {value}\r\n".encode("utf-8", "replace") for name, value in response.headers
    )
    if status not in _NO_BODY:
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
    """Return the bytes of a request."""
    names = {name.lower() for name, _ in headers}
    parts = [f"{method} {target} HTTP/1.1\r\n"]
    if "host" not in names:
        parts.append(f"host: {to.port}\r\n")
    parts.extend(f"{name}: {value}\r\n" for name, value in headers)
    if "content-length" not in names and (body or method in {"POST", "PUT", "PATCH"}):
        parts.append(f"content-length: {len(body)}\r\n")
    if not keep_alive and "connection" not in names:
        parts.append("connection: close\r\n")
    parts.append("\r\n")
    return "".join(parts).encode("latin-1", "replace") + body

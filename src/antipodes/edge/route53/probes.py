"""One probe of one endpoint, as Route 53's health checkers make it.

HTTP: connected within 4 s, then a status of 2xx or 3xx within 2 s, redirects not followed; a string
to be matched has to be in the first 5,120 bytes of a body that comes within 2 s more. HTTPS: the
same over TLS, with the name said if the check says so; nobody's certificate is verified. TCP:
connected within 10 s. Response headers have at most 16,384 bytes.

Facts: Route 53's Developer Guide, "How Route 53 determines the status of health checks"; the
request's headers and the text of a success as seen in public logs. The words for failures are ours.
"""

import zlib
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, NamedTuple

import httptools

from antipodes.edge.route53.model import ENCRYPTED, PORTS, HealthCheck
from antipodes.runtime.contract import (
    Address,
    Gone,
    PlainReceiver,
    Receiver,
    Runtime,
    Stream,
    TimedOut,
)
from antipodes.service.httpclient import INTERIM

HTTP_CONNECT_S, TCP_CONNECT_S, ANSWER_S = 4.0, 10.0, 2.0
MATCHED_BYTES_MAX = 5_120
HEADER_BYTES_MAX = 16_384
CONNECTION_TIME, HANDSHAKE_TIME = "ConnectionTime", "SSLHandshakeTime"
FIRST_BYTE_TIME = "TimeToFirstByte"
MS = 1000.0
WELL_MIN, WELL_MAX = 200, 399
_AUTOMATIC = 47  # tells zlib to find out whether it is gzip or deflate


class Outcome(NamedTuple):
    """What came of a probe."""

    healthy: bool
    status: str
    times_ms: Mapping[str, float] = MappingProxyType({})  # what took how long, by its metric


def failed(why: str) -> Outcome:
    """A probe that failed."""
    return Outcome(healthy=False, status=f"Failure: {why}")


def address_of(check: HealthCheck) -> str:
    """The address that is probed, as doors have it; empty if its name has to be resolved."""
    return str(ip_address(check.ip)) if check.ip else ""


def port_of(check: HealthCheck) -> int:
    """Which port is probed."""
    return check.port or PORTS.get(check.type, 0)


async def probe(runtime: Runtime, door: Address, check: HealthCheck, source_ip: str) -> Outcome:
    """Probe a door from where the runtime stands."""
    is_tcp = check.type == "TCP"
    reply = _Reply(runtime, b"" if is_tcp else _request(check))
    receiver: Receiver = reply
    if check.type in ENCRYPTED:
        # OpenSSL is slow to import, and most worlds have no TLS.
        from antipodes.service.tls import client_receiver  # noqa: PLC0415 - see above

        name = check.domain.rstrip(".") if check.sends_server_name else ""
        receiver = client_receiver(runtime, reply, name)
    connect_s = TCP_CONNECT_S if is_tcp else HTTP_CONNECT_S
    started = runtime.now()
    try:
        async with runtime.timeout(runtime.deadline(connect_s)):
            stream, _ = await runtime.connect(door, lambda _: receiver, source_ip=source_ip)
    except TimedOut:
        return failed("Connection timed out")
    except Gone as error:
        return failed(f"Connection failed: {error}")
    connected = runtime.now()
    times_ms = {CONNECTION_TIME: (connected - started) * MS}
    if is_tcp:
        stream.close()
        return Outcome(
            healthy=True, status="Success: TCP connection established", times_ms=times_ms
        )
    try:
        outcome = await _judged(runtime, reply, check)
    finally:
        stream.abort()
    if check.type in ENCRYPTED and reply.begun_at is not None:
        times_ms[HANDSHAKE_TIME] = (reply.begun_at - connected) * MS
    if reply.first_at is not None:
        times_ms[FIRST_BYTE_TIME] = (reply.first_at - connected) * MS
    return outcome._replace(times_ms=times_ms)


async def _judged(runtime: Runtime, reply: "_Reply", check: HealthCheck) -> Outcome:
    try:
        async with runtime.timeout(runtime.deadline(ANSWER_S)):
            status: int = await reply.status
        said = f"HTTP Status Code {status}, {_phrase(status)}"
        if not WELL_MIN <= status <= WELL_MAX:
            return failed(said)
        if check.search_string:
            async with runtime.timeout(runtime.deadline(ANSWER_S)):
                body: bytes = await reply.body
            if check.search_string.encode() not in body:
                return failed(f"{said}: the body does not have the string to be found")
    except TimedOut:
        return failed("The endpoint was connected to, but did not answer in time")
    except Gone as error:
        return failed(f"The answer broke off: {error}")
    return Outcome(healthy=True, status=f"Success: {said}")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown"


def _request(check: HealthCheck) -> bytes:
    port = port_of(check)
    ip = address_of(check)
    host = check.domain.rstrip(".") or (f"[{ip}]" if ":" in ip else ip)
    if port != PORTS[check.type]:
        host = f"{host}:{port}"
    path = check.path or "/"
    agent = "Amazon-Route53-Health-Check-Service"
    lines = (
        f"GET {path if path.startswith('/') else '/' + path} HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: {agent} (ref {check.id}; report http://amzn.to/1vsZADi)",
        "Accept: */*",
        "Accept-Encoding: identity, gzip, deflate",
        "Connection: close",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("utf-8", "replace")


class _Reply(PlainReceiver):
    """What the endpoint says: a status, then as much of a body as is looked at."""

    def __init__(self, runtime: Runtime, request: bytes) -> None:
        self.begun_at: float | None = None
        self.first_at: float | None = None
        self._runtime = runtime
        self._request = request
        self.status = runtime.future()
        self.body = runtime.future()
        self._parser: Any = httptools.HttpResponseParser(self)
        self._header_bytes = 0
        self._encoded = False
        self._kept = b""

    def connection_made(self, stream: Stream) -> None:
        self.begun_at = self._runtime.now()
        if self._request:
            stream.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self.first_at is None:
            self.first_at = self._runtime.now()
        if not self.status.done():
            self._header_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete()  # what follows is in whatever protocol it goes on with
        except httptools.HttpParserError:
            self._fail("it is not HTTP")
        if not self.status.done() and self._header_bytes > HEADER_BYTES_MAX:
            self._fail("its headers are too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-encoding" and value.lower() in {b"gzip", b"deflate"}:
            self._encoded = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self.status.done() and status not in INTERIM:
            self.status.set_result(status)

    def on_body(self, body: bytes) -> None:
        self._kept += body[: MATCHED_BYTES_MAX - len(self._kept)]
        if len(self._kept) >= MATCHED_BYTES_MAX:
            self._complete()

    def on_message_complete(self) -> None:
        if self.status.done():
            self._complete()

    def connection_lost(self, error: Exception | None) -> None:
        if self.status.done() and not self.status.cancelled() and not self._broken:
            self._complete()
        self._fail("the connection ended" if error is None else str(error))
        self._parser = None  # it holds this object's methods: a circle

    @property
    def _broken(self) -> bool:
        return self.status.exception() is not None

    def _complete(self) -> None:
        if self.body.done():
            return
        body = self._kept
        if self._encoded:
            try:
                body = zlib.decompressobj(_AUTOMATIC).decompress(body, MATCHED_BYTES_MAX)
            except zlib.error:
                body = b""
        self.body.set_result(body)

    def _fail(self, why: str) -> None:
        for future in (self.status, self.body):
            if not future.done():
                future.set_exception(Gone(why))
                future.exception()  # nobody may be waiting for it

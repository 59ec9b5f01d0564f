"""HTTP/1.1 over the runtime's streams: the client.

A request that finds its kept connection closed before any answer is sent once more on another, if
it may be repeated. Timeouts are the caller's. An answer is read as a whole: one with a head or body
that is too long ends its connection, and so does what nobody asked for.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httptools

from antipodes.runtime.contract import Address, Gone, PlainReceiver, Receiver, Runtime, Stream
from antipodes.service.httpmessages import (
    BODY_BYTES_MAX,
    HEADER_BYTES_MAX,
    HttpResponse,
    encode_request,
    lower,
    read_response,
)

IDLE_CONNECTIONS_MAX = 64

_DELIMITERS = frozenset({"content-length", "transfer-encoding"})
_SWITCHING = int(HTTPStatus.SWITCHING_PROTOCOLS)  # an enumeration's members are slow to come by
# Comes before the answer, except for what ends HTTP (RFC 9110, section 15.2).
INTERIM = frozenset(range(100, 200)) - {_SWITCHING}


class _ClientReceiver(PlainReceiver):
    """One connection of a client: one request at a time."""

    def __init__(self, client: "HttpClient", key: Any) -> None:
        self._client = client
        self._key = key
        self._stream: Stream
        self._connected = False
        self._first = b""  # to be sent when it is
        self.error: Exception = Gone("connection closed")
        self._parser: Any = None  # made for the first message that is not usual, and kept
        self._waiting: Any = None
        self._head = False
        self._lost = False
        self.used = 0
        self.open = True
        self.answered_anything = False
        self._until_eof = False
        self._undecided_bytes = 0  # came since the parser last had something to tell

    def _begin(self) -> None:
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._header_bytes = 0
        self._body_bytes = 0
        self._reason = b""
        self._is_delimited = False
        self._until_eof = False

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream
        self._connected = True
        first, self._first = self._first, b""
        if not self.open:
            stream.abort()  # who asked has left meanwhile
        elif first:
            stream.write(first)

    def send(self, data: bytes, waiting: Any, *, head: bool) -> None:
        """Send a request, when the connection is there; its answer completes the future."""
        self._waiting, self._head = waiting, head
        self.answered_anything = False
        self.used += 1
        if self._connected:
            self._stream.write(data)
        else:
            self._first = data

    def abandon(self) -> None:
        """Nobody waits any more: an answer that comes late must not meet the next request."""
        self._waiting = None
        self.open = False
        if self._connected:
            self._stream.abort()

    def fail(self, error: Exception) -> None:
        """There will be no answer."""
        self.open = False
        self.error = error
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    def close(self) -> None:
        """Close a quiet connection."""
        self.open = False
        self._stream.close()

    def data_received(self, data: bytes) -> None:
        self.answered_anything = True
        if self._lost or not self.open:
            return
        if self._waiting is None:
            self._break("data that nobody asked for")
            return
        if self._parser is None:
            read = None if self._head else read_response(data)
            if read is not None:
                status, reason, whole = read
                headers = [(line.name, line.value) for line in whole.lines]
                response = HttpResponse(status, headers, whole.body, reason)
                self._answered(response, reusable=whole.keep_alive)
                return
            self._begin()
            self._parser = httptools.HttpResponseParser(self)
        self._undecided_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # answered already; what follows is no HTTP
        except httptools.HttpParserError as error:
            self._break(f"malformed response: {error}")
        if self._undecided_bytes > HEADER_BYTES_MAX:  # the parser keeps what has no end
            self._break("the response's head is too long")

    def _break(self, why: str) -> None:
        """End the connection, whoever waits for an answer over it."""
        self.fail(Gone(why))
        self._stream.abort()

    def on_status(self, status: bytes) -> None:
        self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > HEADER_BYTES_MAX:
            self._break("the response's headers are too long")
            return
        self._headers.append((name.decode("latin-1"), value.decode("utf-8", "replace")))
        if lower(name) in _DELIMITERS:
            self._is_delimited = True

    def on_headers_complete(self) -> None:
        self._undecided_bytes = 0
        self._until_eof = not self._is_delimited
        if self._head and self._parser.get_status_code() not in INTERIM:
            self._complete(reusable=False)

    def on_body(self, body: bytes) -> None:
        self._undecided_bytes = 0
        self._body_bytes += len(body)
        if self._body_bytes <= self._client.body_bytes_max:
            self._body.append(body)
        else:
            self._body.clear()
            self._break("the response's body is too long")

    def on_message_complete(self) -> None:
        self._undecided_bytes = 0
        if self._parser is None:
            return
        status = self._parser.get_status_code()
        if status in INTERIM:
            self._begin()
        else:
            reusable = status != _SWITCHING and self._parser.should_keep_alive()
            self._complete(reusable=reusable)

    def _complete(self, *, reusable: bool) -> None:
        if self._waiting is None:
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        response = HttpResponse(
            self._parser.get_status_code(), self._headers, body, self._reason.decode("latin-1")
        )
        self._begin()
        self._answered(response, reusable=reusable)

    def _answered(self, response: HttpResponse, *, reusable: bool) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        if reusable and self.open:
            self._client.give_back(self._key, self)
        else:
            self.close()
        if not waiting.done():
            waiting.set_result(response)

    def eof_received(self) -> bool | None:
        if self._waiting is not None and self._until_eof:
            self._complete(reusable=False)
        return None

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self._client.forget(self._key, self)
        self._lost = True
        self._parser = None  # it holds this receiver's methods: a circle
        self.fail(error if isinstance(error, Gone) else Gone("connection closed"))


class HttpClient:
    """Requests over the world from the runtime's place, reusing quiet connections."""

    def __init__(self, runtime: Runtime, *, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        """`body_bytes_max`: of an answer; a longer one is Gone."""
        self._runtime = runtime
        self.body_bytes_max = body_bytes_max
        self._quiet: dict[Any, list[_ClientReceiver]] = {}

    async def request(  # noqa: PLR0913 - the parts of a request
        self,
        to: Address,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        keep_alive: bool = True,
        source_ip: str = "",
        trace: str = "",
        tls: str | None = None,
    ) -> HttpResponse:
        """Send and wait for the whole answer. Raises Gone; a caller sets its own timeout.

        `tls`: over TLS, asking for that server's name (or for none, if it is empty).

        A reused connection that turns out to be closed before any answer is replaced once, for
        methods that may be repeated (RFC 9110, 9.2.2).
        """
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        data = encode_request(to, method, target, pairs, body, keep_alive=keep_alive)
        key = (to, source_ip, tls)
        while True:
            connection = self._take(key) if keep_alive else None
            reused = connection is not None
            if connection is None:
                connection = _ClientReceiver(self, key)
                self._connect(connection, to, source_ip, trace, tls)
            try:
                return await self._exchange(connection, data, head=method == "HEAD")
            except Gone:
                if not reused or connection.answered_anything or method in {"POST", "PATCH"}:
                    raise
                self._runtime.journal.sometimes("http.connection-replaced")

    def _connect(
        self,
        connection: _ClientReceiver,
        to: Address,
        source_ip: str,
        trace: str,
        tls: str | None,
    ) -> None:
        receiver: Receiver = connection
        if tls is not None:
            # OpenSSL is slow to import, and most worlds have no TLS.
            from antipodes.service.tls import client_receiver  # noqa: PLC0415 - see above

            receiver = client_receiver(self._runtime, connection, tls)
        self._runtime.open(
            to, lambda _: receiver, connection.fail, source_ip=source_ip, trace=trace
        )

    async def _exchange(
        self, connection: _ClientReceiver, data: bytes, *, head: bool
    ) -> HttpResponse:
        if not connection.open:
            raise connection.error
        waiting = self._runtime.future()
        connection.send(data, waiting, head=head)
        try:
            response: HttpResponse = await waiting
        except BaseException:
            if not waiting.done() or waiting.cancelled():
                connection.abandon()
            raise
        finally:
            del waiting  # an exception of it knows this frame: a circle
        return response

    def _take(self, key: Any) -> _ClientReceiver | None:
        quiet = self._quiet.get(key)
        while quiet:
            connection = quiet.pop()
            if connection.open:
                return connection
        return None

    def give_back(self, key: Any, connection: _ClientReceiver) -> None:
        """A connection is quiet again."""
        quiet = self._quiet.setdefault(key, [])
        if len(quiet) < IDLE_CONNECTIONS_MAX:
            quiet.append(connection)
        else:
            connection.close()

    def forget(self, key: Any, connection: _ClientReceiver) -> None:
        """A connection is gone."""
        quiet = self._quiet.get(key)
        if quiet and connection in quiet:
            quiet.remove(connection)
        if quiet is not None and not quiet:
            del self._quiet[key]

    def close(self) -> None:
        """Close the quiet connections."""
        quiet, self._quiet = self._quiet, {}
        for connections in quiet.values():
            for connection in connections:
                connection.close()

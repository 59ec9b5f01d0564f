"""HTTP/1.1 over the runtime's streams: a server and a client, small and quick.

Both are receivers (callbacks, no stream readers) around httptools' parser, so they run on real
sockets and in the simulation alike. The server answers plain handlers inline, without a task; a
coroutine gets one. Answers leave in the order of their requests, and none leaves while the host's
store has uncommitted writes: what is acknowledged is durable, what is rolled back becomes a 500.

HTTP/1.1: RFC 9112. Limits are our own. A client that leaves does not cancel the handler of its
request: half-done work is worse than an answer nobody reads.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from inspect import isawaitable
from typing import Any

import httptools

from antipodes.runtime.contract import (
    Accepted,
    Address,
    Gone,
    PlainReceiver,
    Receiver,
    Runtime,
    Store,
    Stream,
)
from antipodes.service.httpmessages import (
    UNKEPT,
    HttpRequest,
    HttpResponse,
    encode_request,
    encode_response,
    lower,
    read_request,
    read_response,
)

__all__ = [
    "UNKEPT",
    "HttpClient",
    "HttpHandler",
    "HttpRequest",
    "HttpResponse",
    "HttpServer",
    "encode_response",
]

HEADER_BYTES_MAX = 64 << 10
PIPELINE_MAX = 64
IDLE_CONNECTIONS_MAX = 64

_DELIMITERS = frozenset({"content-length", "transfer-encoding"})
_CONTINUE = int(HTTPStatus.CONTINUE)  # an enumeration's members are slow to come by

HttpHandler = Callable[[HttpRequest], "HttpResponse | Awaitable[HttpResponse]"]


class _Slot:
    """The place of one answer in the order of a connection's requests."""

    __slots__ = ("data", "last")

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.last = False


class _ServerReceiver(PlainReceiver):
    """One connection of a server."""

    def __init__(self, server: "HttpServer", accepted: Accepted) -> None:
        self._server = server
        self._accepted = accepted
        self._parser: Any = None  # made for the first message that is not usual, and kept
        self._stream: Stream
        self._slots: deque[_Slot] = deque()
        self._paused = False
        self._finished = False
        self._heard_last = False  # the client said that it would send no more

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._raw: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._body = b""
        self._body_parts: list[bytes] | None = None
        self._body_bytes = 0

    # What the runtime calls.

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        if self._finished:
            return
        if self._parser is None and not self._begin_parsing(data):
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(HTTPStatus.NOT_IMPLEMENTED)
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST)

    def _begin_parsing(self, data: bytes) -> bool:
        """Answer a usual request at once; else have a parser, and say that it is needed."""
        if self._heard_last:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return False
        read = read_request(data)
        if read is None or len(read[2].body) > self._server.body_bytes_max:
            self._reset()
            self._parser = httptools.HttpRequestParser(self)
            return True
        method, target, whole = read
        raw = [line.raw for line in whole.lines]
        request = HttpRequest(method, target, whole.headers, whole.body, self._accepted, raw)
        keep_alive = whole.keep_alive
        self._heard_last = not keep_alive
        self._answer(request, keep_alive=keep_alive)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._finished = True
        self._parser = None  # it holds this receiver's methods: a circle

    def eof_received(self) -> bool | None:
        # Answers under way are still sent to a client that only closed its half.
        if self._slots and not self._stream.is_closing():
            self._slots[-1].last = True
            return True
        return None

    # What httptools calls.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._raw.append((name, value))
        self._header_bytes += len(name) + len(value)
        if self._header_bytes <= HEADER_BYTES_MAX:
            self._headers[lower(name)] = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        if self._header_bytes > HEADER_BYTES_MAX:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._headers.get("expect", "").lower() == "100-continue":
            self._stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._server.body_bytes_max:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif self._body_parts is not None:
            self._body_parts.append(body)
        elif self._body:
            self._body_parts = [self._body, body]
        else:
            self._body = body

    def on_message_complete(self) -> None:
        if self._finished:
            return
        body = self._body if self._body_parts is None else b"".join(self._body_parts)
        request = HttpRequest(
            self._parser.get_method().decode("latin-1"),
            self._url.decode("latin-1"),
            self._headers,
            body,
            self._accepted,
            self._raw,
        )
        self._reset()
        self._answer(request, keep_alive=self._parser.should_keep_alive())

    # Answers.

    def _answer(self, request: HttpRequest, *, keep_alive: bool) -> None:
        response = self._server.handler(request)
        head = request.method == "HEAD"
        if isawaitable(response):
            slot = self._new_slot(last=not keep_alive)
            answering = self._answer_later(response, slot, self._failures(), head=head)
            self._server.runtime.spawn(answering, "http answer")
            return
        data = encode_response(response, keep_alive=keep_alive, head=head)
        store = self._server.store
        if not self._slots and not (store is not None and store.dirty):
            self._stream.write(data)
            if not keep_alive:
                self._finish()
            return
        slot = self._new_slot(last=not keep_alive)
        self._fill_when_durable(slot, data)

    def _new_slot(self, *, last: bool) -> _Slot:
        slot = _Slot()
        slot.last = last
        self._slots.append(slot)
        if len(self._slots) > PIPELINE_MAX and not self._paused:
            self._paused = True
            self._stream.pause_reading()
        return slot

    async def _answer_later(
        self, response: Awaitable[HttpResponse], slot: _Slot, failures: int, *, head: bool
    ) -> None:
        answer = await response
        if self._failures() != failures:
            answer = UNKEPT
        data = encode_response(answer, keep_alive=not slot.last, head=head)
        self._fill_when_durable(slot, data)

    def _failures(self) -> int:
        return 0 if self._server.store is None else self._server.store.failures

    def _fill_when_durable(self, slot: _Slot, data: bytes) -> None:
        store = self._server.store
        if store is not None and store.dirty:
            store.on_commit(lambda: self._fill(slot, data), lambda: self._fill(slot, None))
        else:
            self._fill(slot, data)

    def _fill(self, slot: _Slot, data: bytes | None) -> None:
        slot.data = encode_response(UNKEPT) if data is None else data
        while self._slots and (ready := self._slots[0].data) is not None:
            done = self._slots.popleft()
            if not self._stream.is_closing():
                self._stream.write(ready)
            if done.last:
                self._finish()
        if self._paused and len(self._slots) < PIPELINE_MAX // 2:
            self._paused = False
            self._stream.resume_reading()

    def _finish(self) -> None:
        self._finished = True
        self._stream.close()

    def _refuse(self, status: HTTPStatus) -> None:
        if not self._finished:
            self._finished = True
            self._stream.write(encode_response(HttpResponse(int(status)), keep_alive=False))
            self._stream.close()


class HttpServer:
    """Serves a handler: plain functions answer inline, coroutines get a task.

    A handler must not raise: what it raises is our own bug and stops the host.
    """

    def __init__(
        self,
        runtime: Runtime,
        handler: HttpHandler,
        *,
        store: Store | None = None,
        body_bytes_max: int = 64 << 20,
    ) -> None:
        self.runtime = runtime
        self.handler = handler
        self.store = store
        self.body_bytes_max = body_bytes_max

    def receiver(self, accepted: Accepted) -> Receiver:
        """A receiver for one new connection: pass this method to `Runtime.listen`."""
        return _ServerReceiver(self, accepted)


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

    def _begin(self) -> None:
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
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
        if self._lost:
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
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(Gone(f"malformed response: {error}"))
            self._stream.abort()

    def on_status(self, status: bytes) -> None:
        self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("utf-8", "replace")))
        if lower(name) in _DELIMITERS:
            self._is_delimited = True

    def on_headers_complete(self) -> None:
        self._until_eof = not self._is_delimited
        if self._head:
            self._complete(reusable=False)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser is None:
            return
        if self._parser.get_status_code() != _CONTINUE:
            self._complete(reusable=self._parser.should_keep_alive())
        else:
            self._begin()

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

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
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
    ) -> HttpResponse:
        """Send and wait for the whole answer. Raises Gone; a caller sets its own timeout.

        A reused connection that turns out to be closed before any answer is replaced once, for
        methods that may be repeated (RFC 9110, 9.2.2).
        """
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        data = encode_request(to, method, target, pairs, body, keep_alive=keep_alive)
        key = (to, source_ip)
        while True:
            connection = self._take(key) if keep_alive else None
            reused = connection is not None
            if connection is None:
                connection = _ClientReceiver(self, key)
                self._connect(connection, to, source_ip, trace)
            try:
                return await self._exchange(connection, data, head=method == "HEAD")
            except Gone:
                if not reused or connection.answered_anything or method in {"POST", "PATCH"}:
                    raise
                self._runtime.journal.sometimes("http.connection-replaced")

    def _connect(
        self, connection: _ClientReceiver, to: Address, source_ip: str, trace: str
    ) -> None:
        self._runtime.open(
            to, lambda _: connection, connection.fail, source_ip=source_ip, trace=trace
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

    def close(self) -> None:
        """Close the quiet connections."""
        quiet, self._quiet = self._quiet, {}
        for connections in quiet.values():
            for connection in connections:
                connection.close()

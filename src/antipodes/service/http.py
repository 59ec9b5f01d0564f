"""HTTP/1.1 over the runtime's streams: a server, small and quick; the client is its neighbour.

Both are receivers (callbacks, no stream readers) around httptools' parser, so they run on real
sockets and in the simulation alike. The server answers plain handlers inline, without a task; a
coroutine gets one. Answers leave in the order of their requests, and none leaves while the host's
store has uncommitted writes: what is acknowledged is durable, what is rolled back becomes a 500.

HTTP/1.1: RFC 9112. Limits are our own. A client that leaves does not cancel the handler of its
request: half-done work is worse than an answer nobody reads.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import httptools

from antipodes.runtime.contract import Accepted, PlainReceiver, Receiver, Runtime, Store, Stream
from antipodes.service.httpclient import HttpClient
from antipodes.service.httpmessages import (
    BODY_BYTES_MAX,
    HEADER_BYTES_MAX,
    UNKEPT,
    HttpRequest,
    HttpResponse,
    encode_response,
    lower,
    passed_back,
    passed_on,
    read_request,
)

__all__ = [
    "UNKEPT",
    "HttpClient",
    "HttpHandler",
    "HttpRequest",
    "HttpResponse",
    "HttpServer",
    "encode_response",
    "passed_back",
    "passed_on",
]

PIPELINE_MAX = 64

_UNKEPT_BYTES = encode_response(UNKEPT)

HttpHandler = Callable[[HttpRequest], "HttpResponse | Awaitable[HttpResponse]"]
# Answers a whole request at once, bytes to bytes, or declines with None (`service.express`).
Express = Callable[[bytes, Accepted], "bytes | None"]


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
        self._is_full = False  # the client does not take its answers
        self._finished = False
        self._heard_last = False  # the client said that it would send no more
        self._undecided_bytes = 0  # came since the parser last had something to tell

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._raw: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._body = b""
        self._body_parts: list[bytes] | None = None
        self._body_bytes = 0
        self._in_message = False
        self._has_head = False

    # What the runtime calls.

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        if self._finished:
            return
        if self._parser is None:
            express = self._server.express
            if express is not None and not self._heard_last:
                answer = express(data, self._accepted)
                if answer is not None:
                    self._send(answer, last=False)
                    return
            if not self._begin_parsing(data):
                return
        self._undecided_bytes += len(data)
        try:
            self._parser.feed_data(data)
            if not self._in_message:
                self._parser = None  # the next message may be a usual one
            elif self._undecided_bytes > HEADER_BYTES_MAX:  # the parser keeps what has no end
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
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

    def pause_writing(self) -> None:
        self._is_full = True
        self._hold()

    def resume_writing(self) -> None:
        self._is_full = False
        self._hold()

    def _hold(self) -> None:
        """Read on, unless too many requests wait for answers, or answers for their reader."""
        slots = len(self._slots)
        held = self._is_full or slots > PIPELINE_MAX
        if self._paused and not self._is_full and slots >= PIPELINE_MAX // 2:
            held = True
        if held != self._paused and not self._stream.is_closing():
            self._paused = held
            if held:
                self._stream.pause_reading()
            else:
                self._stream.resume_reading()

    def eof_received(self) -> bool | None:
        # Answers under way are still sent to a client that only closed its half.
        if self._slots and not self._stream.is_closing():
            self._slots[-1].last = True
            return True
        return None

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._in_message = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes <= HEADER_BYTES_MAX:
            self._raw.append((name, value))
            self._headers[lower(name)] = value.decode("utf-8", "replace")
        elif self._has_head:  # a trailer
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._has_head = True
        self._undecided_bytes = 0
        if self._header_bytes > HEADER_BYTES_MAX:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._headers.get("expect", "").lower() == "100-continue":
            self._stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._undecided_bytes = 0
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
        self._undecided_bytes = 0
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
        keep_alive = self._parser.should_keep_alive()
        self._heard_last = not keep_alive
        self._answer(request, keep_alive=keep_alive)

    # Answers.

    def _answer(self, request: HttpRequest, *, keep_alive: bool) -> None:
        response = self._server.handler(request)
        head = request.method == "HEAD"
        if not isinstance(response, HttpResponse):
            slot = self._new_slot(last=not keep_alive)
            answering = self._answer_later(response, slot, self._failures(), head=head)
            self._server.runtime.spawn(answering, "http answer")
            return
        keep_alive = keep_alive and not response.last
        self._send(encode_response(response, keep_alive=keep_alive, head=head), last=not keep_alive)

    def _send(self, data: bytes, *, last: bool) -> None:
        """Send an answer in its turn, and not before what it tells of is durable."""
        store = self._server.store
        if store is not None and store.dirty:
            self._server.hold(self, self._new_slot(last=last), data)
        elif self._slots:
            self.fill(self._new_slot(last=last), data)
        else:
            self._stream.write(data)
            if last:
                self._finish()

    def _new_slot(self, *, last: bool) -> _Slot:
        slot = _Slot()
        slot.last = last
        self._slots.append(slot)
        if len(self._slots) > PIPELINE_MAX and not self._paused:
            self._hold()
        return slot

    async def _answer_later(
        self, response: Awaitable[HttpResponse], slot: _Slot, failures: int, *, head: bool
    ) -> None:
        answer = await response
        if self._failures() != failures:
            answer = UNKEPT
        slot.last = slot.last or answer.last
        data = encode_response(answer, keep_alive=not slot.last, head=head)
        store = self._server.store
        if store is not None and store.dirty:
            self._server.hold(self, slot, data)
        else:
            self.fill(slot, data)

    def _failures(self) -> int:
        return 0 if self._server.store is None else self._server.store.failures

    def fill(self, slot: _Slot, data: bytes) -> None:
        """An answer is ready: send it once those before it are gone."""
        slot.data = data
        while self._slots and (ready := self._slots[0].data) is not None:
            done = self._slots.popleft()
            if not self._stream.is_closing():
                self._stream.write(ready)
            if done.last:
                self._finish()
        if self._paused:
            self._hold()

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
        express: Express | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        self.runtime = runtime
        self.handler = handler
        self.store = store
        self.express = express
        self.body_bytes_max = body_bytes_max
        self._held: list[tuple[_ServerReceiver, _Slot, bytes]] = []

    def receiver(self, accepted: Accepted) -> Receiver:
        """A receiver for one new connection: pass this method to `Runtime.listen`."""
        return _ServerReceiver(self, accepted)

    def hold(self, receiver: _ServerReceiver, slot: _Slot, data: bytes) -> None:
        """Hold an answer back until the store's open group is durable."""
        self._held.append((receiver, slot, data))
        if len(self._held) == 1:
            assert self.store is not None, "nothing to wait for"
            self.store.on_commit(self._release, self._disown)

    def _release(self) -> None:
        held, self._held = self._held, []
        for receiver, slot, data in held:
            receiver.fill(slot, data)

    def _disown(self) -> None:
        held, self._held = self._held, []
        for receiver, slot, _ in held:
            receiver.fill(slot, _UNKEPT_BYTES)

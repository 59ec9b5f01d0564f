"""HTTP over the runtime's streams, in both bodies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.runtime.contract import Accepted, Address, Gone, PlainReceiver, Runtime, Stream
from antipodes.service.http import HttpClient, HttpRequest, HttpResponse, HttpServer, passed_on
from antipodes.service.httpmessages import encode_request
from tests.runtime.worlds import BODIES

API = Address("b", "api")


@pytest.fixture(params=list(BODIES))
def run(request: pytest.FixtureRequest) -> Any:
    return BODIES[request.param]


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [("x-method", request.method)], request.target.encode() + request.body)


async def raw(near: Runtime, data: bytes, *, answers: int = 1) -> bytes:
    """Send bytes and collect what comes until the end, or so many answers."""
    ended = near.future()
    collected = bytearray()

    class Collector(PlainReceiver):
        def data_received(self, data: bytes) -> None:
            collected.extend(data)
            if collected.count(b"HTTP/1.1 ") >= answers and not ended.done():
                ended.set_result(None)

        def connection_lost(self, error: Exception | None) -> None:
            if not ended.done():
                ended.set_result(None)

    stream, _ = await near.connect(API, lambda _: Collector())
    stream.write(data)
    await ended
    await near.sleep(0.1)
    stream.abort()
    return bytes(collected)


def test_a_request_and_its_answer(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        await far.listen(API, HttpServer(far, echo).receiver)
        client = HttpClient(near)
        answer = await client.request(API, "POST", "/x?y=1", body=b"body")
        assert (answer.status, answer.body) == (200, b"/x?y=1body")
        assert dict(answer.headers)["x-method"] == "POST"
        head = await client.request(API, "HEAD", "/x")
        assert (head.status, head.body) == (200, b"")
        client.close()

    run(scenario)


def test_a_headers_letters_arrive_as_they_were_sent(run: Any) -> None:
    name = "J\u00fcrgen \u4e2d"

    def handler(request: HttpRequest) -> HttpResponse:
        assert dict(request.raw_headers)[b"x-name"] == name.encode()
        return HttpResponse(200, [("x-name", request.headers["x-name"])])

    async def scenario(near: Runtime, far: Runtime) -> str:
        await far.listen(API, HttpServer(far, handler).receiver)
        answer = await HttpClient(near).request(API, "GET", "/", headers={"x-name": name})
        return dict(answer.headers)["x-name"]

    assert run(scenario) == name


@given(st.binary(min_size=1, max_size=20))
def test_headers_are_passed_on_byte_for_byte(value: bytes) -> None:
    raw = [(b"Connection", b"close"), (b"X-Any", value)]
    data = encode_request(API, "GET", "/", passed_on(raw, {"connection"}), b"", keep_alive=True)
    assert data == b"GET / HTTP/1.1\r\nhost: api\r\nX-Any: " + value + b"\r\n\r\n"


def test_answers_keep_the_order_of_their_requests(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> bytes:
        async def slowly(request: HttpRequest) -> HttpResponse:
            await far.sleep({"/slow": 0.2, "/middle": 0.1}[request.target])
            return HttpResponse(200, (), request.target.encode())

        def handler(request: HttpRequest) -> Any:
            return HttpResponse(200, (), b"/now") if request.target == "/now" else slowly(request)

        await far.listen(API, HttpServer(far, handler).receiver)
        requests = [
            b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % t for t in (b"/slow", b"/middle", b"/now")
        ]
        return await raw(near, b"".join(requests), answers=3)

    said = run(scenario)
    assert said.find(b"/slow") < said.find(b"/middle") < said.find(b"/now")


def test_no_answer_leaves_before_what_was_written_is_durable(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> list[bool]:
        store = far.open_store("main")
        seen: list[bool] = []

        class Spy(PlainReceiver):
            def __init__(self, accepted: Accepted) -> None:
                self._inner = server.receiver(accepted)

            def connection_made(self, stream: Stream) -> None:
                write = stream.write

                def watched(data: bytes) -> None:
                    seen.append(store.dirty)
                    write(data)

                stream.write = watched  # type: ignore[method-assign] # a spy on one stream
                self._inner.connection_made(stream)

            def data_received(self, data: bytes) -> None:
                self._inner.data_received(data)

        def handler(_: HttpRequest) -> HttpResponse:
            store.put(b"k", b"v")
            return HttpResponse(200)

        server = HttpServer(far, handler, store=store)
        await far.listen(API, Spy)
        client = HttpClient(near)
        await client.request(API, "PUT", "/")
        client.close()
        store.close()
        return seen

    assert run(scenario) == [False]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", b"431"),
        (b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n" + b"z" * 200_000, b"413"),
    ],
)
def test_what_cannot_be_served_is_refused_and_closed(run: Any, data: bytes, status: bytes) -> None:
    async def scenario(near: Runtime, far: Runtime) -> bytes:
        await far.listen(API, HttpServer(far, echo, body_bytes_max=100_000).receiver)
        return await raw(near, data)

    said = run(scenario)
    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in said


def test_expect_is_answered_at_the_headers(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> bytes:
        await far.listen(API, HttpServer(far, echo).receiver)
        head = b"PUT / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
        return await raw(near, head)

    assert run(scenario) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_quiet_connection_is_used_again_and_a_closed_one_replaced(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> int:
        streams: list[Stream] = []
        server = HttpServer(far, echo)

        class Noting(PlainReceiver):
            def __init__(self, accepted: Accepted) -> None:
                self._inner = server.receiver(accepted)

            def connection_made(self, stream: Stream) -> None:
                streams.append(stream)
                self._inner.connection_made(stream)

            def data_received(self, data: bytes) -> None:
                self._inner.data_received(data)

        await far.listen(API, Noting)
        client = HttpClient(near)
        for _ in range(3):
            await client.request(API, "GET", "/")
        assert len(streams) == 1
        streams[0].close()
        assert (await client.request(API, "GET", "/again")).body == b"/again"
        client.close()
        return len(streams)

    assert run(scenario) == 2


def test_an_answer_that_is_cut_short_is_gone(run: Any) -> None:
    class Half(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            self._stream = stream

        def data_received(self, data: bytes) -> None:
            self._stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            self._stream.close()

    async def scenario(near: Runtime, far: Runtime) -> None:
        await far.listen(API, lambda _: Half())
        with pytest.raises(Gone):
            await HttpClient(near).request(API, "GET", "/")

    run(scenario)


class Pours(PlainReceiver):
    """Answers with a beginning, and then for as long as somebody listens."""

    def __init__(self, runtime: Runtime, start: bytes, more: bytes) -> None:
        self._runtime = runtime
        self._start = start
        self._more = more
        self.poured = 0

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._stream.write(self._start)
        self._pour()

    def _pour(self) -> None:
        if not self._stream.is_closing():
            self._stream.write(self._more)
            self.poured += len(self._more)
            self._runtime.later(0.001, self._pour)


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 O", b"K" * 9_999),
        (b"HTTP/1.1 200 OK\r\nx: ", b"a" * 9_999),
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 2_000),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 9_999),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n", b"a" * 9_999),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"5\r\nabcde\r\n" * 999),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", b"a" * 9_999),
    ],
    ids=["reason", "header", "headers", "endless", "body", "chunks", "extension"],
)
def test_an_answer_without_an_end_is_gone_and_not_kept(run: Any, start: bytes, more: bytes) -> None:
    async def scenario(near: Runtime, far: Runtime) -> int:
        poured = Pours(far, start, more)
        await far.listen(API, lambda _: poured)
        client = HttpClient(near, body_bytes_max=100_000)
        with pytest.raises(Gone, match="too long"):
            await client.request(API, "GET", "/")
        await near.sleep(0.05)
        return poured.poured

    assert run(scenario) < 2_000_000


def test_what_nobody_asked_for_ends_a_quiet_connection(run: Any) -> None:
    class Talks(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            self._stream = stream
            streams.append(stream)

        def data_received(self, data: bytes) -> None:
            self._stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes")

    streams: list[Stream] = []

    async def scenario(near: Runtime, far: Runtime) -> list[bytes]:
        await far.listen(API, lambda _: Talks())
        client = HttpClient(near)
        answers = []
        for _ in range(2):
            answers.append((await client.request(API, "GET", "/")).body)
            await near.sleep(0.1)
            streams[-1].write(b"HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n")
            await near.sleep(0.1)
        return answers

    assert run(scenario) == [b"yes", b"yes"]
    assert len(streams) == 2


def test_a_body_without_a_length_ends_with_the_connection(run: Any) -> None:
    class Old(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            self._stream = stream

        def data_received(self, data: bytes) -> None:
            self._stream.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")
            self._stream.close()

    async def scenario(near: Runtime, far: Runtime) -> bytes:
        await far.listen(API, lambda _: Old())
        return (await HttpClient(near).request(API, "GET", "/")).body

    assert run(scenario) == b"all of it"


@pytest.mark.parametrize(
    ("answer", "status", "asked"),
    [
        (b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nx says", 101, 2),
        (b"HTTP/1.1 100 A\r\n\r\nHTTP/1.1 103 B\r\nlink: x\r\n\r\nHTTP/1.1 204 C\r\n\r\n", 204, 1),
    ],
)
def test_interim_answers_are_passed_over_and_one_in_another_protocol_is_the_last(
    run: Any, answer: bytes, status: int, asked: int
) -> None:
    connections: list[Stream] = []

    class Literal(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            self._stream = stream
            connections.append(stream)

        def data_received(self, data: bytes) -> None:
            self._stream.write(answer)

    async def scenario(near: Runtime, far: Runtime) -> list[int]:
        await far.listen(API, lambda _: Literal())
        client = HttpClient(near)
        found = [await client.request(API, "GET", "/") for _ in range(2)]
        return [response.status for response in found]

    assert run(scenario) == [status, status]
    assert len(connections) == asked


def test_a_reset_before_the_request_is_sent_is_gone_and_not_silence(run: Any) -> None:
    class Refusing(PlainReceiver):
        def connection_made(self, stream: Stream) -> None:
            stream.abort()

    async def scenario(near: Runtime, far: Runtime) -> int:
        await far.listen(API, lambda _: Refusing())
        refused = 0
        for _ in range(5):
            with pytest.raises(Gone):
                async with near.timeout(10):
                    await HttpClient(near).request(API, "GET", "/", keep_alive=False)
            refused += 1
        return refused

    assert run(scenario) == 5


def test_a_message_in_pieces_leaves_the_next_one_as_usual(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> bytes:
        await far.listen(API, HttpServer(far, echo).receiver)
        ended = near.future()
        collected = bytearray()
        pieces = [
            b"POST /one HTTP/1.1\r\nhost: x\r\ncontent-",
            b"length: 2\r\n\r\nab",
            b"POST /two HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\ncd",
            b"POST /three HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nef\r\n",
            b"0\r\n\r\nGET /four HTTP/1.1\r\nhost: x\r\n\r\nGET /fi",
            b"ve HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            b"GET /six HTTP/1.1\r\nhost: x\r\n\r\n",
        ]

        class Collector(PlainReceiver):
            def data_received(self, data: bytes) -> None:
                collected.extend(data)

            def connection_lost(self, error: Exception | None) -> None:
                ended.set_result(None)

        stream, _ = await near.connect(API, lambda _: Collector())
        for piece in pieces:
            stream.write(piece)
            await near.sleep(0.05)
        await ended
        return bytes(collected)

    said = run(scenario)
    for answer in (b"/oneab", b"/twocd", b"/threeef", b"/four", b"/five"):
        assert said.count(answer) == 1, answer
    assert b"/six" not in said
    assert said.count(b"HTTP/1.1 200") == 5


@pytest.mark.parametrize(
    "start",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nx: ",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;x=",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ",
    ],
    ids=["target", "header", "chunk", "trailer"],
)
def test_a_head_without_an_end_is_not_kept(run: Any, start: bytes) -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        await far.listen(API, HttpServer(far, echo).receiver)
        stream, end = await near.connect(API, lambda _: Silent())
        stream.write(start)
        for _ in range(15):
            if not stream.is_closing():
                stream.write(b"a" * (16 << 10))
            await near.sleep(0.01)
        assert end.data.startswith(b"HTTP/1.1 431 ")
        assert end.ended

    run(scenario)


def test_trailers_without_number_are_refused(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> bytes:
        await far.listen(API, HttpServer(far, echo).receiver)
        head = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"
        return await raw(near, head + b"x: y\r\n" * 50_000)

    assert run(scenario).startswith(b"HTTP/1.1 431 ")


def test_who_asks_but_does_not_listen_is_not_read_either(run: Any) -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        served = 0

        def handler(_: HttpRequest) -> HttpResponse:
            nonlocal served
            served += 1
            return HttpResponse(200, (), bytes(1 << 16))

        await far.listen(API, HttpServer(far, handler).receiver)
        stream, end = await near.connect(API, lambda _: Silent())
        stream.pause_reading()
        requests = 400
        for _ in range(requests // 10):
            stream.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 10)
            await near.sleep(0.01)
        assert served < requests // 2
        stream.resume_reading()
        for _ in range(100):
            if end.data.count(b"HTTP/1.1 200") < requests:
                await near.sleep(0.1)
        assert end.data.count(b"HTTP/1.1 200") == served == requests
        stream.abort()

    run(scenario)


class Silent(PlainReceiver):
    """Keeps what came, and whether there is more to come."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = False

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True

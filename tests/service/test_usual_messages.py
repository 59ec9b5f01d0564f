"""What is read of a usual message is what httptools would read of it; the rest is left to it."""

from typing import Any

import httptools
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.service.httpmessages import read_request, read_response

LINES = st.sampled_from(
    [
        b"host: app.example",
        b"Host: a",
        b"content-length: 3",
        b"Content-Length: 03",
        b"content-length: 0",
        b"connection: close",
        b"Connection: keep-alive",
        b"connection: Close, te",
        b"transfer-encoding: chunked",
        b"upgrade: h2c",
        b"expect: 100-continue",
        b"X-Empty:",
        b"x-close:tight",
        b"x-spaces:  two ",
        b"x-bytes: \xff\xfe",
        b"x y: z",
        b" folded",
        b"x-tab: a\tb",
        b"no colon",
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
FIRST = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"POST /a?b=c#d HTTP/1.1",
        b"HEAD /%00 HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET / HTTP/1.0",
        b"PURGE / HTTP/1.1",
        b"CONNECT a:1 HTTP/1.1",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 404 ",
        b"HTTP/1.1 404",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.0 200 OK",
    ]
)
BODIES = st.sampled_from([b"", b"abc", b"abcd", b"GET / HTTP/1.1\r\n\r\n"])


class Heard:
    """What httptools says of some bytes."""

    def __init__(self, kind: Any, data: bytes) -> None:
        self.first = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.messages = 0
        self.keep_alive = False
        self.parser: Any = kind(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.first += url

    def on_status(self, status: bytes) -> None:
        self.first += status

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1
        self.keep_alive = self.parser.should_keep_alive()


@given(FIRST, st.lists(st.tuples(LINES, ENDS), max_size=4), BODIES)
@settings(max_examples=500)
def test_what_is_read_is_what_the_parser_reads(
    first: bytes, lines: list[tuple[bytes, bytes]], body: bytes
) -> None:
    head = b"".join(line + end for line, end in lines)
    data = first + b"\r\n" + head + b"\r\n" + body
    request, response = read_request(data), read_response(data)
    assert request is None or response is None
    if request is not None:
        method, target, whole = request
        heard = Heard(httptools.HttpRequestParser, data)
        assert heard.parser.get_method() == method.encode()
        assert heard.first == target.encode()
    elif response is not None:
        status, reason, whole = response
        heard = Heard(httptools.HttpResponseParser, data)
        assert heard.parser.get_status_code() == status
        assert heard.first == reason.encode()
    else:
        return
    assert heard.messages == 1
    assert heard.headers == [line.raw for line in whole.lines]
    assert heard.body == whole.body
    assert heard.keep_alive == whole.keep_alive


def test_usual_messages_are_read() -> None:
    request = read_request(b"GET /items/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert request is not None
    assert request[:2] == ("GET", "/items/a")
    assert request[2].headers == {"host": "x", "connection": "close"}
    response = read_response(b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 2\r\n\r\nhi")
    assert response is not None
    assert response[:2] == (200, "OK")
    assert response[2].body == b"hi"


def test_what_comes_in_pieces_is_left_to_the_parser() -> None:
    whole = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"
    assert read_request(whole) is not None
    assert all(read_request(whole[:size]) is None for size in range(len(whole)))
    assert read_request(whole + whole) is None

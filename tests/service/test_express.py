"""What is read of a hot request at once is what httptools would read of it, and what it means."""

from collections.abc import Callable

import httptools
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.service.express import FastHandler, Heads, wire_answer

SCOPE = b"Credential=test/20260101/us-west-2/dynamodb/aws4_request"
START = b"AWS4-HMAC-SHA256 " + SCOPE + b", SignedHeaders=host, Signature="
TARGET = b"DynamoDB_20120810.GetItem"
LINES = st.sampled_from(
    [
        b"X-Amz-Target: " + TARGET,
        b"X-Amz-Target: " + TARGET,
        b"Host: 127.0.0.1:4566",
        b"Content-Length: 2",
        b"content-length: 3",
        b"Content-Length: +2",
        b"Connection: keep-alive",
        b"Connection: close",
        b"connection: Keep-Alive",
        b"Transfer-Encoding: chunked",
        b"Expect: 100-continue",
        b"Upgrade: h2c",
        b"Content-Encoding: gzip",
        b"Smithy-Protocol: rpc-v2-cbor",
        b"X-Amzn-Trace-Id: Root=1-2-3",
        b"User-Agent: Signature=0",
        b"amz-sdk-invocation-id: 1b671a64-40d5-491e-99b0-da01ff1f3341",
        b"amz-sdk-request: attempt=1",
        b"Authorization: " + START + b"b" * 64,
        b"X-Bytes: \xff",
        b"bad header",
        b" folded: x",
    ]
)
FIRST = st.sampled_from(
    [b"POST / HTTP/1.1", b"POST / HTTP/1.1", b"POST /x HTTP/1.1", b"GET / HTTP/1.1"]
)
SIGNATURES = st.sampled_from(
    [b"a" * 64, b"0" * 64, b"a" * 63, b"a" * 63 + b" ", b"a" * 64 + b", x"]
)
BODIES = st.sampled_from([b"{}", b"{}", b"{} ", b"{}GET / HTTP/1.1\r\n\r\n", b""])


class Heard:
    """What httptools says of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.url = self.body = b""
        self.kept: list[bool] = []
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.kept.append(self.parser.should_keep_alive())


def hot(log: list[dict[str, str]]) -> Callable[[dict[str, str]], tuple[str, FastHandler] | None]:
    """Take every request with the target for a hot one, and note what was asked."""

    def understand(headers: dict[str, str]) -> tuple[str, FastHandler] | None:
        log.append(headers)
        if headers.get("x-amz-target") != TARGET.decode():
            return None
        return "000000000000", lambda _account, _body: b"{}"

    return understand


def request(
    first: bytes, before: list[bytes], signature: bytes, after: list[bytes], body: bytes
) -> bytes:
    lines = [first, *before, b"Authorization: " + START + signature, *after]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@given(
    FIRST,
    st.lists(LINES, max_size=3),
    st.lists(st.tuples(SIGNATURES, st.lists(LINES, max_size=3), BODIES), min_size=1, max_size=4),
)
@settings(max_examples=500)
def test_what_is_read_at_once_is_what_the_parser_reads(
    first: bytes, before: list[bytes], requests: list[tuple[bytes, list[bytes], bytes]]
) -> None:
    heads = Heads(hot([]))
    for signature, after, body in requests:
        data = request(first, before, signature, after, body)
        read = heads.read(data)
        if read is None:
            continue
        head, found = read
        heard = Heard(data)
        assert heard.kept == [True]
        assert heard.parser.get_method() == b"POST"
        assert heard.url == b"/"
        assert heard.body == found
        told = dict(heard.headers)
        assert told[b"x-amz-target"] == TARGET
        assert head.target == TARGET.decode()
        assert SCOPE in told[b"authorization"]
        assert not {b"content-encoding", b"smithy-protocol", b"x-amzn-trace-id"} & told.keys()
        assert sum(name == b"authorization" for name, _ in heard.headers) == 1


def test_the_beginning_of_a_head_is_read_once() -> None:
    asked: list[dict[str, str]] = []
    heads = Heads(hot(asked))
    before = [b"X-Amz-Target: " + TARGET, b"Host: x"]
    for number in range(3):
        after = [b"amz-sdk-invocation-id: %d" % number, b"Content-Length: 2"]
        read = heads.read(request(b"POST / HTTP/1.1", before, b"%064d" % number, after, b"{}"))
        assert read is not None
        assert read[1] == b"{}"
    assert len(asked) == 1
    # The length may come before the signature as well, but not twice.
    before.append(b"Content-Length: 2")
    assert heads.read(request(b"POST / HTTP/1.1", before, b"a" * 64, [], b"{}")) is not None
    twice = [b"Content-Length: 2"]
    assert heads.read(request(b"POST / HTTP/1.1", before, b"a" * 64, twice, b"{}")) is None


def test_requests_in_pieces_are_declined() -> None:
    heads = Heads(hot([]))
    before = [b"X-Amz-Target: " + TARGET]
    whole = request(b"POST / HTTP/1.1", before, b"a" * 64, [b"Content-Length: 2"], b"{}")
    assert heads.read(whole) is not None
    assert all(heads.read(whole[:size]) is None for size in range(len(whole)))
    assert heads.read(whole + whole) is None


def test_an_answer_is_a_whole_message() -> None:
    answer = wire_answer("N" * 52, b'{"Item":{}}')
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b'{"Item":{}}'
    assert b"content-length: 11" in head
    assert b"x-amzn-RequestId: " + b"N" * 52 in head

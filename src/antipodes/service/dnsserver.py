"""A DNS server's doors: datagrams and streams at one address, one handler behind them.

The handler is asked only what deserves a thought: malformed messages, other opcodes, classes and
zone transfers are answered (or dropped) here. It answers at once or later, with bytes or with None
for silence; what is longer than the asker takes is cut. Nothing is ever sent to who did not ask,
and no answer is longer than its asker said it would take.

Streams are as RFC 7766 wants them: many questions may be under way, their answers come in any
order, who says nothing is cut off after a while, and so is who asks but does not listen. All that
is kept for anybody is bounded.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, Protocol

from antipodes.fabric.dns.message import (
    IN,
    REFUSED,
    Malformed,
    Query,
    encode_answer,
    parse_query,
    truncated,
)
from antipodes.fabric.dns.rdata import AXFR, IXFR
from antipodes.runtime.contract import (
    Accepted,
    Address,
    Datagram,
    DatagramDoor,
    Listener,
    PlainReceiver,
    Receiver,
    Runtime,
    Stream,
    Timer,
)

IDLE_S = 10.0  # of a stream without a whole question, or whose answers are not taken
CONNECTIONS_MAX = 4096  # then the quietest is cut off
UNDER_WAY_MAX = 10_000  # questions that wait for their answer; further ones are dropped
PIPELINE_MAX = 64  # of one stream; further ones wait unread
_TRANSFERS = frozenset({AXFR, IXFR})


class Asker(NamedTuple):
    """Who asks, and how."""

    place: str
    ip: str
    local: Address  # the door that was asked
    trace: str
    tcp: bool


Said = bytes | None
DnsHandler = Callable[[Query, Asker], Said | Awaitable[Said]]
# The answer to a datagram that need not be parsed, or None for what has to go to the handler.
Express = Callable[[Datagram], Said]


class Door(Protocol):
    """What a datagram's answer leaves by."""

    def reply(self, to: Datagram, data: bytes) -> None: ...


class DnsDoors:
    """The open doors of a server at one address."""

    def __init__(self, datagrams: DatagramDoor, streams: Listener) -> None:
        self._datagrams = datagrams
        self._streams = streams

    def close(self) -> None:
        """Take no more."""
        self._datagrams.close()
        self._streams.close()


class DnsServer:
    """Serves a handler; `express` may answer usual queries before they are parsed."""

    def __init__(
        self, runtime: Runtime, handler: DnsHandler, *, express: Express | None = None
    ) -> None:
        self.runtime = runtime
        self._handler = handler
        self._express = express
        self._under_way = 0
        self._streams: dict[_StreamReceiver, None] = {}  # the one quiet for longest first
        self._sweeping: Timer | None = None

    async def listen(self, address: Address) -> DnsDoors:
        """Open an address for datagrams and streams."""
        express = self._express

        def take(datagram: Datagram) -> None:  # as the method, with fewer steps
            answer = express(datagram) if express is not None else None
            if answer is not None:
                door.reply(datagram, answer)
            else:
                self._ask(datagram, door)

        door = await self.runtime.listen_datagrams(address, take)
        return DnsDoors(door, await self.runtime.listen(address, self.receiver))

    def receiver(self, accepted: Accepted) -> Receiver:
        """A receiver for one new stream: pass this method to `Runtime.listen`."""
        return _StreamReceiver(self, accepted)

    def take(self, datagram: Datagram, door: Door) -> None:
        """Take a datagram that came by a door, and answer by it."""
        answer = self._express(datagram) if self._express is not None else None
        if answer is not None:
            door.reply(datagram, answer)
        else:
            self._ask(datagram, door)

    def _ask(self, datagram: Datagram, door: Door) -> None:
        data, source, source_ip, local, trace = datagram
        asker = Asker(source.place, source_ip, local, trace, False)  # noqa: FBT003 - a tuple
        said = self.respond(data, asker)
        if said is None:
            return
        if isinstance(said, bytes):
            door.reply(datagram, said)
        else:
            self.later(said, partial(door.reply, datagram))

    def respond(self, data: bytes, asker: Asker) -> Said | Awaitable[Said]:
        """The answer to a message: at once, later, or none."""
        query = parse_query(data, tcp=asker.tcp)
        if isinstance(query, Malformed):
            return query.answer or None
        if query.rclass != IN or query.rtype in _TRANSFERS:
            return encode_answer(query, REFUSED)
        if self._under_way >= UNDER_WAY_MAX:
            return None
        said = self._handler(query, asker)
        if said is None or isinstance(said, bytes):
            return _fitting(query, said)
        return self._respond_later(query, said)

    async def _respond_later(self, query: Query, said: Awaitable[Said]) -> Said:
        return _fitting(query, await said)

    def later(self, said: Awaitable[Said], answer: Callable[[bytes], object]) -> None:
        """Call `answer` when there is one."""
        self._under_way += 1
        self.runtime.spawn(self._later(said, answer), "dns answer")

    async def _later(self, said: Awaitable[Said], answer: Callable[[bytes], object]) -> None:
        try:
            found = await said
        finally:
            self._under_way -= 1
        if found is not None:
            answer(found)

    # Streams that say nothing.

    def heard(self, receiver: "_StreamReceiver") -> None:
        """A stream has opened, or said something whole."""
        streams = self._streams
        streams.pop(receiver, None)
        streams[receiver] = None
        if len(streams) > CONNECTIONS_MAX:
            next(iter(streams)).cut_off()
        if self._sweeping is None:
            self._sweeping = self.runtime.later(self._idle_s(), self._sweep)

    def lost(self, receiver: "_StreamReceiver") -> None:
        """A stream has ended."""
        self._streams.pop(receiver, None)
        if not self._streams and self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def _idle_s(self) -> float:
        return self.runtime.deadline(IDLE_S)

    def _sweep(self) -> None:
        self._sweeping = None
        now, idle_s = self.runtime.now(), self._idle_s()
        while self._streams:
            quietest = next(iter(self._streams))
            left_s = quietest.heard_at + idle_s - now
            if left_s > 0:
                self._sweeping = self.runtime.later(left_s, self._sweep)
                return
            if quietest.is_owed:
                quietest.heard_at = now
                del self._streams[quietest]
                self._streams[quietest] = None  # the last
            else:
                quietest.cut_off()


def _fitting(query: Query, answer: Said) -> Said:
    if answer is None or len(answer) <= query.bytes_max:
        return answer
    return truncated(query, int.from_bytes(answer[2:4], "big"))


class _StreamReceiver(PlainReceiver):
    """One connection: messages with their length before them."""

    __slots__ = (
        "_asker",
        "_data",
        "_ended",
        "_held",
        "_server",
        "_stream",
        "_under_way",
        "_writable",
        "heard_at",
    )

    def __init__(self, server: DnsServer, accepted: Accepted) -> None:
        place, ip, local, trace = accepted
        self._server = server
        self._asker = Asker(place, ip, local, trace, True)  # noqa: FBT003 - a tuple
        self._data = b""
        self._under_way = 0
        self._writable = True
        self._held = False  # reading is paused
        self._ended = False  # the other end has said all
        self._stream: Stream
        self.heard_at = 0.0

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream
        self._heard()

    def _heard(self) -> None:
        self.heard_at = self._server.runtime.now()
        self._server.heard(self)

    def cut_off(self) -> None:
        """End it: it has been quiet for too long, or others need its place."""
        self._server.lost(self)
        self._stream.abort()

    @property
    def is_owed(self) -> bool:
        """Whether it waits for an answer, and takes what it gets."""
        return self._under_way > 0 and self._writable

    def data_received(self, data: bytes) -> None:
        self._data = self._data + data if self._data else data
        self._go_on()

    def _go_on(self) -> None:
        """Answer the whole messages that are there, as far as the other end keeps up."""
        data, position, stream = self._data, 0, self._stream
        while len(data) >= position + 2 and not stream.is_closing():
            start = position + 2
            end = start + int.from_bytes(data[position:start], "big")
            if len(data) < end or not self._takes_more():
                break
            position = end
            self._answer(data[start:end])
        self._data = data[position:]
        if position:
            self._heard()
        self._hold(held=not self._takes_more())
        self._close_if_done()

    def _takes_more(self) -> bool:
        return self._writable and self._under_way < PIPELINE_MAX

    def _hold(self, *, held: bool) -> None:
        if held != self._held and not self._stream.is_closing():
            self._held = held
            if held:
                self._stream.pause_reading()
            else:
                self._stream.resume_reading()

    def _answer(self, message: bytes) -> None:
        said = self._server.respond(message, self._asker)
        if isinstance(said, bytes):
            self._write(said)
        elif said is not None:
            self._under_way += 1
            self._server.later(self._answered(said), self._write)

    async def _answered(self, said: Awaitable[Said]) -> Said:
        try:
            return await said
        finally:
            self._under_way -= 1
            self._server.runtime.soon(self._go_on_later)

    def _go_on_later(self) -> None:
        if not self._stream.is_closing():
            self._go_on()

    def _write(self, answer: bytes) -> None:
        if not self._stream.is_closing():
            self._stream.write(len(answer).to_bytes(2, "big") + answer)

    def _close_if_done(self) -> None:
        if self._ended and not self._under_way and not self._stream.is_closing():
            self._stream.close()

    def pause_writing(self) -> None:
        self._writable = False
        self._hold(held=True)

    def resume_writing(self) -> None:
        self._writable = True
        if not self._stream.is_closing():
            self._go_on()

    def eof_received(self) -> bool | None:
        self._ended = True
        return bool(self._under_way)

    def connection_lost(self, error: Exception | None) -> None:
        self._server.lost(self)

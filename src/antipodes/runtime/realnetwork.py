"""Connections between the processes of a world: Unix sockets that keep the world's distances.

Every process has one socket in the world's run directory, named for its host; a connection begins
with a short preamble (who, from where, to which door), since the acceptor must know the peer's
place to delay what it receives. An answer byte crosses back, so that opening costs a round trip.
After that both ends speak through their delay lines.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

import msgspec

from antipodes.runtime.contract import (
    Accepted,
    Address,
    Gone,
    Receiver,
    ReceiverFactory,
    Timer,
    doors_for,
)
from antipodes.runtime.delayline import DelayLine, DelayLines

IN_FLIGHT_BYTES_MAX = 8 << 20
PREAMBLE_BYTES_MAX = 4096
CONNECT_S_MAX = 75.0
FOUND_MAX = 10_000
ACCEPTED, REFUSED = b"+", b"-"

_encode = msgspec.json.Encoder().encode


class Preamble(msgspec.Struct, frozen=True, array_like=True):
    """The first line on every connection."""

    source: str
    source_ip: str
    place: str
    port: str
    trace: str


def host_of(place: str) -> str:
    """The host that runs at a place: a region's process also stands in its zones."""
    return place.partition("/")[0]


class RealListener:
    """An open door."""

    def __init__(self, close: Callable[[], None], port: int = 0) -> None:
        self._close = close
        self.port = port

    def close(self) -> None:
        """Refuse from now on; open connections stay."""
        self._close()


class Doors:
    """Which doors of this host are open."""

    def __init__(self) -> None:
        self._factories: dict[Address, ReceiverFactory] = {}
        self._found: dict[Address, ReceiverFactory | None] = {}

    def open(self, address: Address, factory: ReceiverFactory) -> RealListener:
        """Open a door; two on one address are refused."""
        if address in self._factories:
            raise Gone(f"address in use: {address.place} {address.port}")
        self._factories[address] = factory
        self._found.clear()
        return RealListener(lambda: self._close(address))

    def _close(self, address: Address) -> None:
        self._factories.pop(address, None)
        self._found.clear()

    def find(self, address: Address) -> ReceiverFactory | None:
        """The door at an address, exact or wider."""
        if address not in self._found:
            if len(self._found) >= FOUND_MAX:
                self._found.clear()
            factories = self._factories
            found = (factories[door] for door in doors_for(address) if door in factories)
            self._found[address] = next(found, None)
        return self._found[address]


def _too_late(_: tuple[str, Any]) -> None:
    """What arrives at an end that is over."""


class WorldStream(asyncio.Protocol):
    """One end of a connection between places: asyncio's protocol below, our stream above."""

    accepted: Accepted
    _transport: asyncio.Transport
    # As each stream begins: of the class, since two are made for every connection.
    _line: DelayLine | None = None
    _receiver: Receiver | None = None
    _held: deque[tuple[str, Any]] | None = None
    _lost = False
    _ended = False
    _throttled = False

    def __init__(
        self, lines: DelayLines, chance: random.Random, streams: "dict[WorldStream, None]"
    ) -> None:
        self._lines = lines
        self._chance = chance
        self._streams = streams

    # What a receiver calls.

    def write(self, data: bytes) -> None:
        """Send; what is written to a closed stream is dropped."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Send what was written, then the end."""
        self._transport.close()

    def abort(self) -> None:
        """Reset the connection."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        """Hold deliveries."""
        if self._held is None:
            self._held = deque()
            self._throttle()

    def resume_reading(self) -> None:
        """Deliver what was held, and go on."""
        held, self._held = self._held, None
        while held:
            if self._holds_again(held):
                return
            self._take(held.popleft())
        self._throttle()

    def _holds_again(self, rest: deque[tuple[str, Any]]) -> bool:
        """Whether the receiver has paused meanwhile: then the rest waits as well."""
        if self._held is None:
            return False
        self._held.extend(rest)
        return True

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open; the preamble comes next."""
        self._transport = cast("asyncio.Transport", transport)
        self._streams[self] = None

    def attach(self, receiver: Receiver) -> None:
        """From now on what arrives goes to this receiver."""
        self._receiver = receiver
        receiver.connection_made(self)

    def travel(self, source: str, destination: str, door: Address) -> DelayLine:
        """From now on what arrives is delayed by this direction of the link."""
        self._line = DelayLine(self._lines, source, destination, self._chance, self._take, door)
        return self._line

    def data_received(self, data: bytes) -> None:
        """Bytes left the other end; they arrive when they have travelled."""
        assert self._line is not None
        if self._held is None and self._receiver is not None and self._line.is_instant():
            self._data(data)
            return
        self._line.push(("data", data), len(data))
        if self._line.bytes_queued > IN_FLIGHT_BYTES_MAX:
            self._throttle()

    def eof_received(self) -> bool | None:
        """The other end has closed; it arrives after what was sent."""
        if self._line is not None:
            self._line.push(("eof", None))
            return True
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone: by us at once, by the other end after the distance."""
        self._lost = True
        self._streams.pop(self, None)
        if self._line is None:
            self._end(exc)
        elif exc is None:
            self._line.discard()
            self._end(None)
        else:
            self._line.push(("reset", Gone(str(exc) or "connection reset by peer")))

    def pause_writing(self) -> None:
        """The kernel takes no more."""
        if self._receiver is not None:
            self._receiver.pause_writing()

    def resume_writing(self) -> None:
        """The kernel takes more."""
        if self._receiver is not None:
            self._receiver.resume_writing()

    # What the delay line calls.

    def _take(self, item: tuple[str, Any]) -> None:
        if self._held is not None:
            self._held.append(item)
            return
        kind, value = item
        if kind == "data":
            self._data(value)
            if self._throttled:
                self._throttle()
        elif kind == "eof":
            self._eof()
        else:
            self._end(value)

    def _data(self, data: bytes) -> None:
        if self._receiver is not None and not self._ended:
            self._receiver.data_received(data)

    def _eof(self) -> None:
        if self._receiver is None or not self._receiver.eof_received():
            self._transport.close()

    def _end(self, error: Exception | None) -> None:
        if not self._ended:
            self._ended = True
            # No circle is left, so it is gone at once when nobody knows it: collecting is costly.
            receiver, self._receiver = self._receiver, None
            if self._line is not None:
                self._line.deliver = _too_late
            if receiver is not None:
                receiver.connection_lost(error)

    def _throttle(self) -> None:
        """Read from the socket only while neither the line nor the receiver is full."""
        if self._lost:
            return
        queued = self._line.bytes_queued if self._line is not None else 0
        limit = IN_FLIGHT_BYTES_MAX // 2 if self._throttled else IN_FLIGHT_BYTES_MAX
        wanted = self._held is not None or queued > limit
        if wanted and not self._throttled:
            self._throttled = True
            self._transport.pause_reading()
        elif not wanted and self._throttled:
            self._throttled = False
            self._transport.resume_reading()


class AcceptingStream(WorldStream):
    """The accepting end: reads the preamble, waits the distance, opens the door or refuses."""

    def __init__(
        self,
        lines: DelayLines,
        chance: random.Random,
        streams: "dict[WorldStream, None]",
        doors: Doors,
    ) -> None:
        super().__init__(lines, chance, streams)
        self._doors = doors
        self._preamble = b""

    def data_received(self, data: bytes) -> None:
        """Collect the preamble first."""
        if self._line is not None:
            super().data_received(data)
            return
        self._preamble += data
        line, found, rest = self._preamble.partition(b"\n")
        if not found:
            if len(self._preamble) > PREAMBLE_BYTES_MAX:
                self._transport.abort()
            return
        try:
            preamble = msgspec.json.decode(line, type=Preamble)
        except msgspec.DecodeError:
            self._transport.abort()
            return
        local = Address(preamble.place, preamble.port)
        self.accepted = Accepted(preamble.source, preamble.source_ip, local, preamble.trace)
        inbound = self.travel(preamble.source, preamble.place, local)
        inbound.push(("syn", None))
        if rest:
            inbound.push(("data", rest), len(rest))

    def _take(self, item: tuple[str, Any]) -> None:
        if item[0] != "syn":
            super()._take(item)
            return
        factory = self._doors.find(self.accepted.local)
        if factory is None:
            self.write(REFUSED)
            self.close()
        else:
            self.write(ACCEPTED)
            self.attach(factory(self.accepted))


class ConnectingStream(WorldStream):
    """The connecting end: sends the preamble and waits for the answer to cross back.

    In the end there is a receiver that is told of the connection, or a failure, never both.
    """

    _connected = False

    def __init__(  # noqa: PLR0913, PLR0917 - made for every connection: no keywords
        self,
        lines: DelayLines,
        chance: random.Random,
        streams: "dict[WorldStream, None]",
        preamble: Preamble,
        factory: ReceiverFactory,
        failed: Callable[[Gone], object],
    ) -> None:
        self._lines = lines  # not by the class above: a call less
        self._chance = chance
        self._streams = streams
        self._first = preamble
        self._factory: ReceiverFactory | None = factory  # none when it is decided
        self._failed: Callable[[Gone], object] | None = failed
        self._patience: Timer = lines.later(CONNECT_S_MAX, self._give_up)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who we are."""
        super().connection_made(transport)
        self._connected = True
        if self._factory is None:  # given up meanwhile
            self.abort()
            return
        first = self._first
        self.travel(first.place, first.source, Address(first.place, first.port))
        self._transport.write(_encode(first) + b"\n")

    def data_received(self, data: bytes) -> None:
        """The answer, and what follows it."""
        if self._factory is not None and self._line is not None and self._line.is_instant():
            self._data(data)  # as the line would
        else:
            super().data_received(data)

    def _data(self, data: bytes) -> None:
        if self._factory is not None:
            if data[:1] != ACCEPTED:
                self._refuse(f"{self._first.place} {self._first.port} refused")
                self._transport.abort()
                return
            first, factory = self._first, self._factory
            self._decide()
            self.accepted = Accepted(first.place, "", Address(first.source, ""), first.trace)
            self.attach(factory(self.accepted))
            if len(data) == 1:  # as nearly always
                return
            data = data[1:]
        super()._data(data)

    def _eof(self) -> None:
        self._refuse(f"{self._first.place} closed the connection")
        super()._eof()

    def _end(self, error: Exception | None) -> None:
        self._refuse(f"{self._first.place} is gone")
        super()._end(error)

    def leave(self) -> None:
        """Nobody waits for it any more."""
        self._decide()
        if self._connected:
            self.abort()

    def _give_up(self) -> None:
        """It has taken too long."""
        self._refuse(f"connect to {self._first.place} {self._first.port} timed out")
        self.leave()

    def is_down(self) -> None:
        """Nobody is there: that takes a round trip to find out, and over a cut link for ever."""
        first, links = self._first, self._lines.links
        there = links.condition(first.source, first.place)
        back = links.condition(first.place, first.source)
        if not there.cut and not back.cut:
            refused = f"{first.place} {first.port} refused: host down"
            self._lines.later(there.delay_s + back.delay_s, partial(self._refuse, refused))

    def _refuse(self, why: str) -> None:
        failed = self._failed
        if failed is not None:
            self._decide()
            failed(Gone(why))

    def _decide(self) -> None:
        """No circle is left: what was called may know this stream."""
        self._factory = self._failed = None
        self._patience.cancel()


def open_connection(path: str, stream: ConnectingStream) -> None:
    """Begin to connect to the host whose socket is at a path."""
    loop = asyncio.get_running_loop()
    _go_on(loop.create_unix_connection(lambda: stream, path), stream)


def _go_on(connecting: Coroutine[Any, Any, Any], stream: ConnectingStream) -> None:
    """Drive a coroutine without a task: half of what opening a connection would cost."""
    try:
        waited_for = connecting.send(None)
    except StopIteration:
        return
    except OSError:
        stream.is_down()
        return
    waited_for._asyncio_future_blocking = False  # noqa: SLF001 - what a task says to a future
    waited_for.add_done_callback(lambda _: _go_on(connecting, stream))

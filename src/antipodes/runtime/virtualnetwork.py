"""Streams in memory between the hosts of a simulation, over the same delay lines as the real ones.

A connection is two ends and two delay lines. What travels is opening, data, end and reset, in one
order. The network itself belongs to no host: bytes under way survive their sender.

To a paused host connections are opened as the kernel of a stopped process opens them: the caller is
connected after a round trip, and what it sends waits, up to what a stream holds, for the host to be
resumed. A backlog that fills up is left out.
"""

import contextvars
import random
import struct
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from zlib import crc32

from antipodes.runtime.contract import (
    Accepted,
    Address,
    Gone,
    PlainReceiver,
    Receiver,
    ReceiverFactory,
    doors_for,
)
from antipodes.runtime.delayline import NEGLIGIBLE_S, DelayLine, DelayLines
from antipodes.runtime.virtualloop import Call, VirtualLoop

if TYPE_CHECKING:
    import asyncio

    from antipodes.runtime.messages import MessageRing

R = TypeVar("R", bound=Receiver)

IN_FLIGHT_BYTES_MAX = 8 << 20
Item = tuple[str, Any, float]  # kind, value, and when it was sent
Way = tuple[str, str]

_pack = struct.Struct("<dII").pack  # of the digest: when, how long, checksum
FOUND_MAX = 10_000
CONNECT_S_MAX = 75.0  # as long as Linux's default of SYN retries makes sense to anybody


class NetworkHost(Protocol):
    """What the network needs of a host."""

    name: str
    alive: bool
    running: bool
    held: list[Call]
    context: contextvars.Context


class VirtualListener:
    """An open door."""

    port = 0

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close

    def close(self) -> None:
        """Refuse from now on; open connections stay."""
        self._close()


class VirtualStream:
    """One end of a connection."""

    __slots__ = (
        "_closing",
        "_held",
        "_network",
        "_opening",
        "_paused_peer",
        "_waiting",
        "accepted",
        "bytes_held",
        "ended",
        "host",
        "inbound",
        "peer",
        "receiver",
    )

    def __init__(self, network: "VirtualNetwork", host: NetworkHost, accepted: Accepted) -> None:
        self._network = network
        self.host = host
        self.accepted = accepted
        self.receiver: Receiver
        self.peer: VirtualStream
        self.inbound: DelayLine  # towards this end
        self._opening = True
        self._waiting: deque[Item] | None = None  # came before it was open, or while it slept
        self._held: deque[Item] | None = None  # came while reading was paused
        self.bytes_held = 0
        self._closing = False
        self.ended = False
        self._paused_peer = False

    def write(self, data: bytes) -> None:
        """Send; what is written to a closed stream is dropped."""
        if self._closing or not data:
            return
        if type(data) is not bytes:
            data = bytes(data)
        peer = self.peer
        inbound = peer.inbound
        inbound.push(("data", data, self._network.loop.now), len(data))
        if inbound.bytes_queued + peer.bytes_held > IN_FLIGHT_BYTES_MAX:
            self._hold_back()

    def _hold_back(self) -> None:
        if not self._paused_peer:
            self._paused_peer = True
            self._run(self.receiver.pause_writing)

    def send(self, kind: str) -> None:
        """Tell the other end something, unless it is past hearing."""
        if not self.peer.ended:
            self.peer.inbound.push((kind, None, self._network.loop.now))

    def get_write_buffer_size(self) -> int:
        """Bytes that the other end has not taken yet."""
        return self.peer.inbound.bytes_queued + self.peer.bytes_held

    @property
    def queued_bytes(self) -> int:
        """Bytes on their way to this end, or held for it."""
        return self.inbound.bytes_queued + self.bytes_held

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closing

    def close(self) -> None:
        """Send what was written, then the end."""
        if not self._closing:
            self._closing = True
            self.send("eof")
            self._network.soon(self, self._end)

    def abort(self) -> None:
        """Reset the connection."""
        if not self._closing:
            self._closing = True
            self.send("reset")
        self._network.soon(self, self._end)

    def pause_reading(self) -> None:
        """Hold deliveries."""
        if self._held is None:
            self._held = deque()

    def resume_reading(self) -> None:
        """Deliver what was held, and go on."""
        held, self._held = self._held, None
        while held and not self._holds_again(held):
            item = held.popleft()
            self.bytes_held -= _size(item)
            self._take(item)

    def _holds_again(self, rest: deque[Item]) -> bool:
        """Whether the receiver has paused meanwhile: then the rest waits as well."""
        if self._held is None:
            return False
        self._held.extend(rest)
        return True

    def open(self, function: Callable[[], object]) -> None:
        """Open this end with a function of its host's, as soon as that runs."""
        if self.host.running:
            self._run(self._open, function)
        else:
            self._network.hold(self, self._open, function)

    def _open(self, function: Callable[[], object]) -> None:
        function()
        self._opening = False
        while self._waiting:
            self._take_waiting()

    def arrive(self, item: Item) -> None:
        """Take an item off the line, in the receiver's own context."""
        network, host = self._network, self.host
        kind, value, _ = item
        if kind == "data":
            network.count(self.inbound.way, value)
        if network.watcher is not None:
            network.show(self.inbound.way, self.accepted.trace, item)
        if self._opening or self._waiting or not host.running:
            self._wait(item)
        elif kind != "data" or self._held is not None:
            host.context.copy().run(self._take, item)
        elif not self.ended:  # as `_take` does it
            if not self._closing:
                host.context.copy().run(self.receiver.data_received, value)
            if self.peer._paused_peer:  # noqa: SLF001 - its own kind
                self.peer.relieve()

    def _wait(self, item: Item) -> None:
        if not self.host.alive:
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(item)
        self.bytes_held += _size(item)
        if not self._opening:
            self._network.hold(self, self._take_waiting)

    def _take_waiting(self) -> None:
        if self._waiting:
            item = self._waiting.popleft()
            self.bytes_held -= _size(item)
            self._take(item)

    def _take(self, item: Item) -> None:
        kind, value, _ = item
        if self._held is not None:
            self._held.append(item)
            self.bytes_held += _size(item)
        elif self.ended:
            return
        elif kind == "data":
            if not self._closing:
                self.receiver.data_received(value)
            if self.peer._paused_peer:  # noqa: SLF001 - its own kind
                self.peer.relieve()
        elif kind == "eof":
            if not self.receiver.eof_received():
                if not self._closing:
                    self._closing = True
                    self.send("eof")
                self._end()
        else:
            self._closing = True
            self._end(Gone("connection reset by peer"))

    def relieve(self) -> None:
        """The other end has taken something: write on if the way is free again."""
        if self._paused_peer and self.get_write_buffer_size() < IN_FLIGHT_BYTES_MAX // 2:
            self._paused_peer = False
            if not self.ended:
                self._run(self.receiver.resume_writing)

    def _end(self, error: Exception | None = None) -> None:
        if not self.ended:
            self.ended = True
            self._network.forget(self)
            self.inbound.discard()
            receiver, self.receiver = self.receiver, _DEAF
            receiver.connection_lost(error)
            # No circle is left, so it is gone at once when nobody knows it: collecting is costly.
            self.peer = _NOBODY  # type: ignore[assignment] # as good as an end that is over
            self.inbound.deliver = _NOBODY.arrive

    def _run(self, function: Callable[..., Any], *arguments: Any) -> None:
        if self.host.running:
            self.host.context.copy().run(function, *arguments)
        elif self.host.alive:
            self._network.hold(self, function, *arguments)


def _size(item: Item) -> int:
    return len(item[1]) if item[0] == "data" else 0


class _Nobody:
    """Whom an end speaks to that is over."""

    bytes_held = 0
    ended = True
    _paused_peer = False

    def __init__(self) -> None:
        self.inbound = self
        self.bytes_queued = 0

    def arrive(self, item: Item) -> None:
        """Too late."""


_NOBODY = _Nobody()
_DEAF = PlainReceiver()


class _Opening:
    """A connection that is being opened: what the near end waits for."""

    __slots__ = ("answer", "factory", "near", "network", "to")

    def __init__(
        self,
        network: "VirtualNetwork",
        near: VirtualStream,
        to: Address,
        factory: Callable[[Accepted], Receiver],
    ) -> None:
        self.network = network
        self.to = to
        self.near = near
        self.factory = factory
        self.answer: asyncio.Future[Any] = network.loop.create_future()

    def give_up(self) -> None:
        """It has taken too long."""
        if not self.answer.done():
            place, port = self.to
            self.answer.set_exception(Gone(f"connect to {place} {port} timed out"))

    def arrive(self, item: Item) -> None:
        """The first thing that comes back: the opening, or a refusal; then the stream's own."""
        near = self.near
        if item[0] == "open":
            near.inbound.deliver = near.arrive
            if near.host.alive:
                near.open(self._open)
            else:
                near.send("reset")
            return
        if self.network.watcher is not None:
            self.network.show(near.inbound.way, near.accepted.trace, item)
        near.inbound.deliver = _NOBODY.arrive
        near.peer = _NOBODY  # type: ignore[assignment] # nobody has opened
        if item[0] == "refused" and not self.answer.done():
            self.answer.set_exception(Gone(item[1]))

    def _open(self) -> None:
        near = self.near
        near.receiver = receiver = self.factory(near.accepted)
        self.network.remember(near)
        receiver.connection_made(near)
        if self.answer.done():  # the caller gave up meanwhile
            near.abort()
        else:
            self.answer.set_result(receiver)


class _Knock:
    """The far end of a connection that is not accepted yet."""

    __slots__ = ("accepted", "bytes_held", "ended", "inbound", "near", "network")

    def __init__(self, network: "VirtualNetwork", near: VirtualStream, accepted: Accepted) -> None:
        self.network = network
        self.near = near
        self.accepted = accepted
        self.inbound: DelayLine
        self.bytes_held = 0
        self.ended = False

    def arrive(self, item: Item) -> None:
        """It has come to the door."""
        if self.network.watcher is not None:
            self.network.show(self.inbound.way, self.accepted.trace, item)
        if item[0] == "syn":
            self.network.accept(self)


class _Traffic:
    """What has come by one way."""

    __slots__ = ("name", "size")

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.size = 0


class VirtualNetwork:
    """Doors and connections of all hosts."""

    def __init__(
        self, loop: VirtualLoop, lines: DelayLines, seed: int, absorb: Callable[[bytes], None]
    ) -> None:
        """`absorb` is told of every delivery, in a few bytes, for the digest of the run."""
        self.loop = loop
        self._traffic: dict[Way, _Traffic] = {}
        self.watcher: MessageRing | None = None
        self._lines = lines
        self._chance = random.Random(f"{seed}/network")  # noqa: S311 - repeatable on purpose
        self._doors: dict[Address, tuple[NetworkHost, ReceiverFactory]] = {}
        self._found: dict[Address, tuple[NetworkHost, ReceiverFactory] | None] = {}
        self._ends: dict[VirtualStream, None] = {}
        # Openings under way, oldest first, with the time at which their caller gives up.
        self._openings: deque[tuple[float, _Opening]] = deque()
        self._giving_up = False
        self._absorb = absorb

    @property
    def traffic(self) -> dict[Way, int]:
        """Bytes of payload delivered so far, by the way they went."""
        return {way: traffic.size for way, traffic in self._traffic.items()}

    def listen(
        self, host: NetworkHost, address: Address, factory: ReceiverFactory
    ) -> VirtualListener:
        """Open a door."""
        present = self._doors.get(address)
        if present is not None and present[0].alive:
            raise Gone(f"address in use: {address.place} {address.port}")
        door = self._doors[address] = (host, factory)
        self._found.clear()

        def close() -> None:
            if self._doors.get(address) is door:
                del self._doors[address]
                self._found.clear()

        return VirtualListener(close)

    def door(self, address: Address) -> tuple[NetworkHost, ReceiverFactory] | None:
        """Who answers at an address: an exact door, or a wider one."""
        if address not in self._found:
            if len(self._found) >= FOUND_MAX:
                self._found.clear()
            found = (self._doors.get(door) for door in doors_for(address))
            alive = (door for door in found if door is not None and door[0].alive)
            self._found[address] = next(alive, None)
        return self._found[address]

    async def connect(  # noqa: PLR0913, PLR0917 - the two ends of a connection
        self,
        host: NetworkHost,
        place: str,
        to: Address,
        factory: Callable[[Accepted], R],
        source_ip: str,
        trace: str,
    ) -> tuple[VirtualStream, R]:
        """Open a connection: a round trip, then a stream; raises Gone."""
        near = VirtualStream(self, host, Accepted(to.place, "", Address(place, ""), trace))
        knock = _Knock(self, near, Accepted(place, source_ip, to, trace))
        near.peer = knock  # type: ignore[assignment] # until accepted
        opening = _Opening(self, near, to, factory)
        near.inbound = DelayLine(self._lines, to.place, place, self._chance, opening.arrive)
        knock.inbound = DelayLine(self._lines, place, to.place, self._chance, knock.arrive)
        near.send("syn")
        self._await(opening)
        try:
            return near, await opening.answer
        finally:
            del opening  # an exception of its answer knows this frame: a circle

    def _await(self, opening: _Opening) -> None:
        """Give up in time: all wait equally long, so one timer for the oldest will do."""
        openings = self._openings
        while openings and openings[0][1].answer.done():
            openings.popleft()
        openings.append((self.loop.now + CONNECT_S_MAX, opening))
        if not self._giving_up:
            self._giving_up = True
            self.loop.later_for_none(CONNECT_S_MAX, self._give_up)

    def _give_up(self) -> None:
        openings, now = self._openings, self.loop.now + NEGLIGIBLE_S
        while openings and (openings[0][1].answer.done() or openings[0][0] <= now):
            openings.popleft()[1].give_up()
        self._giving_up = bool(openings)
        if openings:
            self.loop.later_for_none(openings[0][0] - self.loop.now, self._give_up)

    def accept(self, knock: _Knock) -> None:
        """Somebody is at a door: open it, or refuse."""
        near, accepted = knock.near, knock.accepted
        found = self._found.get(accepted.local) or self.door(accepted.local)
        if found is None:
            refusal = f"{accepted.local.place} {accepted.local.port} refused"
            near.inbound.push(("refused", refusal, self.loop.now))
            knock.inbound.deliver = _NOBODY.arrive
            return
        host, factory = found
        far = VirtualStream(self, host, accepted)
        far.inbound, far.peer, near.peer = knock.inbound, near, far
        far.inbound.deliver = far.arrive
        self.remember(far)

        def open_far() -> None:
            far.receiver = factory(accepted)
            far.receiver.connection_made(far)

        # Over no distance at all, the near end writes before the far one is open.
        far.send("open")
        far.open(open_far)

    def count(self, way: Way, data: bytes) -> None:
        """Data arrives."""
        traffic = self._traffic.get(way)
        if traffic is None:
            traffic = self._traffic[way] = _Traffic(">".join(way).encode())
        size = len(data)
        traffic.size += size
        self._absorb(traffic.name + _pack(self.loop.now, size, crc32(data)))

    def show(self, way: Way, trace: str, item: Item) -> None:
        """Tell who watches of a message that arrives."""
        if self.watcher is not None:
            kind, value, sent = item
            self.watcher.note(sent, self.loop.now, *way, kind, value, trace)

    def soon(self, end: VirtualStream, function: Callable[..., Any], *arguments: Any) -> None:
        """Call in the next turn, in the context of the end's host."""
        self.loop.soon_for(end.host, end.host.context, function, arguments)

    def hold(self, end: VirtualStream, function: Callable[..., Any], *arguments: Any) -> None:
        """Keep something for a paused host to do."""
        self.loop.hold(end.host, end.host.context, function, arguments)

    def remember(self, end: VirtualStream) -> None:
        """An end is open."""
        self._ends[end] = None

    def queued_bytes(self, host: NetworkHost) -> int:
        """What has been sent to a host, and waits for it to be taken."""
        return sum(end.queued_bytes for end in self._ends if end.host is host)

    def forget(self, end: VirtualStream) -> None:
        """An end is over."""
        self._ends.pop(end, None)

    def host_died(self, host: NetworkHost) -> None:
        """Close the doors of a dead host and reset its connections at their other ends."""
        self._found.clear()
        for address in [a for a, (owner, _) in self._doors.items() if owner is host]:
            del self._doors[address]
        for end in [e for e in self._ends if e.host is host]:
            del self._ends[end]
            if not end.is_closing():
                end.send("reset")
            end.inbound.discard()

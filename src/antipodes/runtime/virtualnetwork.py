"""Streams in memory between the hosts of a simulation, over the same delay lines as the real ones.

A connection is two ends and two delay lines. What travels is opening, data, end and reset, in one
order. The network itself belongs to no host: bytes under way survive their sender.

To a paused host connections are opened as the kernel of a stopped process opens them: the caller is
connected after a round trip, and what it sends waits, up to what a stream holds, for the host to be
resumed. A backlog that fills up is left out.
"""

import asyncio
import contextvars
import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from antipodes.runtime.contract import (
    Accepted,
    Address,
    Gone,
    Receiver,
    ReceiverFactory,
    doors_for,
)
from antipodes.runtime.delayline import DelayLine, DelayLines
from antipodes.runtime.virtualloop import Call, VirtualLoop

if TYPE_CHECKING:
    from antipodes.runtime.messages import MessageRing

R = TypeVar("R", bound=Receiver)

IN_FLIGHT_BYTES_MAX = 8 << 20
Item = tuple[str, Any, float]  # kind, value, and when it was sent

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

    def __init__(self, network: "VirtualNetwork", host: NetworkHost, accepted: Accepted) -> None:
        self._network = network
        self.host = host
        self.accepted = accepted
        self.receiver: Receiver
        self.peer: VirtualStream
        self.inbound: DelayLine  # towards this end
        self.opening = True
        self._waiting: deque[Item] = deque()  # came before this end was open, or while it slept
        self._held: deque[Item] | None = None  # came while reading was paused
        self.bytes_held = 0
        self._closing = False
        self._ended = False
        self._paused_peer = False

    def write(self, data: bytes) -> None:
        """Send; what is written to a closed stream is dropped."""
        if self._closing or not data:
            return
        data = bytes(data)
        self.send("data", data)
        if self.get_write_buffer_size() > IN_FLIGHT_BYTES_MAX and not self._paused_peer:
            self._paused_peer = True
            self._run(self.receiver.pause_writing)

    def send(self, kind: str, value: Any = None) -> None:
        """Put something on the line to the other end."""
        size = len(value) if kind == "data" else 0
        self.peer.inbound.push((kind, value, self._network.now()), size)

    def get_write_buffer_size(self) -> int:
        """Bytes that the other end has not taken yet."""
        return self.peer.inbound.bytes_queued + self.peer.bytes_held

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closing

    def close(self) -> None:
        """Send what was written, then the end."""
        if not self._closing:
            self._closing = True
            self.send("eof")
            self._network.soon(self, self._end, None)

    def abort(self) -> None:
        """Reset the connection."""
        if not self._closing:
            self._closing = True
            self.send("reset")
        self._network.soon(self, self._end, None)

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
            self._take(item[0], item[1])

    def _holds_again(self, rest: deque[Item]) -> bool:
        """Whether the receiver has paused meanwhile: then the rest waits as well."""
        if self._held is None:
            return False
        self._held.extend(rest)
        return True

    def open(self, function: Callable[[], object]) -> None:
        """Open this end with a function of its host's, as soon as that runs."""

        def opened() -> None:
            function()
            self.opening = False
            while self._waiting:
                self._take_waiting()

        if self.host.running:
            self._run(opened)
        else:
            self._network.hold(self, opened)

    def deliver(self, item: Item) -> None:
        """Take an item off the line, in the receiver's own context."""
        if not self.host.alive:
            return
        if self.opening or self._waiting or not self.host.running:
            self._waiting.append(item)
            self.bytes_held += _size(item)
            if not self.opening:
                self._network.hold(self, self._take_waiting)
        else:
            self._run(self._take_or_hold, item)

    def _take_waiting(self) -> None:
        if self._waiting:
            item = self._waiting.popleft()
            self.bytes_held -= _size(item)
            self._take_or_hold(item)

    def _take_or_hold(self, item: Item) -> None:
        if self._held is not None:
            self._held.append(item)
            self.bytes_held += _size(item)
        else:
            self._take(item[0], item[1])

    def _take(self, kind: str, value: Any) -> None:
        if self._ended:
            return
        if kind == "data":
            if not self._closing:
                self.receiver.data_received(value)
            self.peer.relieve()
        elif kind == "eof":
            if not self.receiver.eof_received():
                self.close()
                self._end(None)
        else:
            self._closing = True
            self._end(Gone("connection reset by peer"))

    def relieve(self) -> None:
        """The other end has taken something: write on if the way is free again."""
        if self._paused_peer and self.get_write_buffer_size() < IN_FLIGHT_BYTES_MAX // 2:
            self._paused_peer = False
            if not self._ended:
                self._run(self.receiver.resume_writing)

    def _end(self, error: Exception | None) -> None:
        if not self._ended:
            self._ended = True
            self._network.forget(self)
            self.inbound.discard()
            self.receiver.connection_lost(error)

    def _run(self, function: Callable[..., Any], *arguments: Any) -> None:
        if self.host.running:
            self.host.context.copy().run(function, *arguments)
        elif self.host.alive:
            self._network.hold(self, function)


def _size(item: Item) -> int:
    return len(item[1]) if item[0] == "data" else 0


class VirtualNetwork:
    """Doors and connections of all hosts."""

    def __init__(self, loop: VirtualLoop, lines: DelayLines, seed: int) -> None:
        self._loop = loop
        self.now = loop.time
        self.traffic: dict[tuple[str, str], int] = {}
        self.watcher: MessageRing | None = None
        self._lines = lines
        self._chance = random.Random(f"{seed}/network")  # noqa: S311 - repeatable on purpose
        self._doors: dict[Address, tuple[NetworkHost, ReceiverFactory]] = {}
        self._ends: dict[VirtualStream, None] = {}
        self.on_delivery: Callable[[str, str, bytes], None] = lambda *_: None

    def listen(
        self, host: NetworkHost, address: Address, factory: ReceiverFactory
    ) -> VirtualListener:
        """Open a door."""
        present = self._doors.get(address)
        if present is not None and present[0].alive:
            raise Gone(f"address in use: {address.place} {address.port}")
        door = self._doors[address] = (host, factory)

        def close() -> None:
            if self._doors.get(address) is door:
                del self._doors[address]

        return VirtualListener(close)

    def door(self, address: Address) -> tuple[NetworkHost, ReceiverFactory] | None:
        """Who answers at an address: an exact door, or a wider one."""
        found = (self._doors.get(door) for door in doors_for(address))
        return next((door for door in found if door is not None and door[0].alive), None)

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
        answer: asyncio.Future[R] = self._loop.create_future()
        near = VirtualStream(self, host, Accepted(to.place, "", Address(place, ""), trace))
        accepted = Accepted(place, source_ip, to, trace)

        def opened() -> None:
            near.receiver = receiver = factory(near.accepted)
            self._ends[near] = None
            receiver.connection_made(near)
            if answer.done():  # the caller gave up meanwhile
                near.abort()
            else:
                answer.set_result(receiver)

        def back(item: Item) -> None:
            if item[0] == "open":
                if host.alive:
                    near.open(opened)
                else:
                    near.send("reset")
                return
            self._note(to.place, place, trace, item)
            if item[0] == "refused":
                if not answer.done():
                    answer.set_exception(Gone(item[1]))
            else:
                near.deliver(item)

        def forth(item: Item) -> None:
            self._note(place, to.place, trace, item)
            if item[0] == "syn":
                self._accept(near, accepted)
            else:
                near.peer.deliver(item)

        near.inbound = DelayLine(self._lines, to.place, place, self._chance, back)
        outward = DelayLine(self._lines, place, to.place, self._chance, forth)
        near.peer = _Pending(outward)  # type: ignore[assignment] # until accepted
        near.send("syn")
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                return near, await answer
        except TimeoutError:
            raise Gone(f"connect to {to.place} {to.port} timed out") from None

    def _accept(self, near: VirtualStream, accepted: Accepted) -> None:
        outward = near.peer.inbound
        found = self.door(accepted.local)
        if found is None:
            refusal = f"{accepted.local.place} {accepted.local.port} refused"
            near.inbound.push(("refused", refusal, self.now()))
            return
        host, factory = found
        far = VirtualStream(self, host, accepted)
        far.inbound, far.peer, near.peer = outward, near, far
        self._ends[far] = None

        def open_far() -> None:
            far.receiver = factory(accepted)
            far.receiver.connection_made(far)

        # Over no distance at all, the near end writes before the far one is open.
        far.send("open")
        far.open(open_far)

    def _note(self, source: str, destination: str, trace: str, item: Item) -> None:
        """Something arrives: count it, and tell who wants to know."""
        kind, value, sent = item
        if kind == "data":
            way = (source, destination)
            self.traffic[way] = self.traffic.get(way, 0) + len(value)
            self.on_delivery(source, destination, value)
        if self.watcher is not None:
            self.watcher.note(sent, self.now(), source, destination, kind, value, trace)

    def soon(self, end: VirtualStream, function: Callable[..., Any], *arguments: Any) -> None:
        """Call in the next turn, in the context of the end's host."""
        self._loop.call_soon(function, *arguments, context=end.host.context.copy())

    def hold(self, end: VirtualStream, function: Callable[[], object]) -> None:
        """Keep something for a paused host to do."""
        self._loop.hold(end.host, end.host.context.copy(), function)

    def forget(self, end: VirtualStream) -> None:
        """An end is over."""
        self._ends.pop(end, None)

    def host_died(self, host: NetworkHost) -> None:
        """Close the doors of a dead host and reset its connections at their other ends."""
        for address in [a for a, (owner, _) in self._doors.items() if owner is host]:
            del self._doors[address]
        for end in [e for e in self._ends if e.host is host]:
            del self._ends[end]
            if not end.is_closing():
                end.send("reset")
            end.inbound.discard()


class _Pending:
    """The far end of a connection that is not accepted yet."""

    def __init__(self, inbound: DelayLine) -> None:
        self.inbound = inbound
        self.bytes_held = 0

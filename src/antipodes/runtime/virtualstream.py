"""Streams in memory between the hosts of a simulation, over the same delay lines as the real ones.

A connection is two ends and two delay lines. What travels is opening, data, end and reset, in one
order, and each end takes it in the context of its host.
"""

import contextvars
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from antipodes.runtime.contract import Accepted, Gone, PlainReceiver, Receiver
from antipodes.runtime.virtualloop import Call

if TYPE_CHECKING:
    from antipodes.runtime.delayline import DelayLine
    from antipodes.runtime.virtualnetwork import VirtualNetwork

IN_FLIGHT_BYTES_MAX = 8 << 20
Item = tuple[str, Any, float]  # kind, value, and when it was sent


class NetworkHost(Protocol):
    """What the network needs of a host."""

    name: str
    alive: bool
    running: bool
    held: list[Call]
    context: contextvars.Context


class VirtualStream:
    """One end of a connection."""

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
        now = self._network.loop.now
        inbound.push(("data", data, now), len(data), now)
        if inbound.bytes_queued + peer.bytes_held > IN_FLIGHT_BYTES_MAX:
            self._hold_back()

    def _hold_back(self) -> None:
        if not self._paused_peer:
            self._paused_peer = True
            self.run(self.receiver.pause_writing)

    def send(self, kind: str) -> None:
        """Tell the other end something, unless it is past hearing."""
        if not self.peer.ended:
            now = self._network.loop.now
            self.peer.inbound.push((kind, None, now), 0, now)

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
            self._end_soon()

    def abort(self) -> None:
        """Reset the connection."""
        if not self._closing:
            self._closing = True
            self.send("reset")
        self._end_soon()

    def _end_soon(self) -> None:
        host = self.host
        self._network.loop.soon_for(host, host.context, self._end, ())

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
        host = self.host
        if host.running:
            host.context.copy().run(self._open, function)
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
                self.run(self.receiver.resume_writing)

    def _end(self, error: Exception | None = None) -> None:
        if not self.ended:
            self.ended = True
            self._network.ends.pop(self, None)
            self.inbound.discard()
            receiver, self.receiver = self.receiver, _DEAF
            receiver.connection_lost(error)
            # No circle is left, so it is gone at once when nobody knows it: collecting is costly.
            self.peer = NOBODY  # type: ignore[assignment] # as good as an end that is over
            self.inbound.deliver = NOBODY.arrive

    def run(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call something of this end's host, as soon as that runs; a dead one is not told."""
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


NOBODY = _Nobody()
_DEAF = PlainReceiver()

"""The network of a simulation: doors, how connections to them open, and what is told of traffic.

The network itself belongs to no host: bytes under way survive their sender.

To a paused host connections are opened as the kernel of a stopped process opens them: the caller is
connected after a round trip, and what it sends waits, up to what a stream holds, for the host to be
resumed. A backlog that fills up is left out.
"""

import random
import struct
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from zlib import crc32

from antipodes.runtime.contract import (
    Accepted,
    Address,
    Gone,
    PlainReceiver,
    Receiver,
    ReceiverFactory,
    Stream,
    doors_for,
)
from antipodes.runtime.delayline import NEGLIGIBLE_S, DelayLine, DelayLines
from antipodes.runtime.virtualloop import VirtualLoop
from antipodes.runtime.virtualstream import NOBODY, Item, NetworkHost, VirtualStream

if TYPE_CHECKING:
    import asyncio

    from antipodes.runtime.messages import MessageRing

R = TypeVar("R", bound=Receiver)

Way = tuple[str, str]

_pack = struct.Struct("<dII").pack  # of the digest: when, how long, checksum
FOUND_MAX = 10_000
CONNECT_S_MAX = 75.0  # as long as Linux's default of SYN retries makes sense to anybody


class VirtualListener:
    """An open door."""

    port = 0

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close

    def close(self) -> None:
        """Refuse from now on; open connections stay."""
        self._close()


class _Opening:
    """A connection that is being opened, and who is told of it."""

    __slots__ = ("_failed", "factory", "near", "network", "over", "to")

    def __init__(
        self,
        network: "VirtualNetwork",
        near: VirtualStream,
        to: Address,
        factory: Callable[[Accepted], Receiver],
        failed: Callable[[Gone], object],
    ) -> None:
        self.network = network
        self.to = to
        self.near = near
        self.factory = factory
        self.over = False  # opened, failed, or given up
        self._failed = failed

    def fail(self, error: Gone) -> None:
        """It does not come to be."""
        if not self.over:
            self.over = True
            self.near.run(self._failed, error)

    def give_up(self) -> None:
        """It has taken too long."""
        place, port = self.to
        self.fail(Gone(f"connect to {place} {port} timed out"))

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
        near.inbound.deliver = NOBODY.arrive
        near.peer = NOBODY  # type: ignore[assignment] # nobody has opened
        if item[0] == "refused":
            self.fail(Gone(item[1]))

    def _open(self) -> None:
        near = self.near
        near.receiver = receiver = self.factory(near.accepted)
        self.network.ends[near] = None
        given_up, self.over = self.over, True
        receiver.connection_made(near)
        if given_up:
            near.abort()


class _Waiting(Generic[R]):
    """Somebody waits for a connection."""

    __slots__ = ("_factory", "answer")

    def __init__(self, answer: "asyncio.Future[R]", factory: Callable[[Accepted], R]) -> None:
        self.answer = answer
        self._factory = factory

    def failed(self, error: Gone) -> None:
        """It does not come to be."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def made(self, accepted: Accepted) -> Receiver:
        """It is there; whoever waited may have left meanwhile."""
        if self.answer.done():
            return _Late()
        receiver = self._factory(accepted)
        self.answer.set_result(receiver)
        return receiver


class _Late(PlainReceiver):
    """What nobody waits for any more."""

    def connection_made(self, stream: Stream) -> None:
        stream.abort()


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
        self.ends: dict[VirtualStream, None] = {}  # those that are open
        # Openings under way, oldest first, with the time at which their caller gives up.
        self._openings: deque[tuple[float, _Opening]] = deque()
        self._giving_up = False
        self._standing: dict[str, Address] = {}  # where callers stand
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

    def open(  # noqa: PLR0913, PLR0917 - the two ends of a connection
        self,
        host: NetworkHost,
        place: str,
        to: Address,
        factory: ReceiverFactory,
        failed: Callable[[Gone], object],
        source_ip: str,
        trace: str,
    ) -> _Opening:
        """Open a connection, which takes a round trip; `failed` is called where that fails."""
        standing = self._standing.get(place)
        if standing is None:
            standing = self._standing[place] = Address(place, "")
        near = VirtualStream(self, host, Accepted(to.place, "", standing, trace))
        knock = _Knock(self, near, Accepted(place, source_ip, to, trace))
        near.peer = knock  # type: ignore[assignment] # until accepted
        opening = _Opening(self, near, to, factory, failed)
        near.inbound = DelayLine(self._lines, to.place, place, self._chance, opening.arrive, to)
        knock.inbound = DelayLine(self._lines, place, to.place, self._chance, knock.arrive, to)
        near.send("syn")
        self._await(opening)
        return opening

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
        waiting = _Waiting(self.loop.create_future(), factory)
        near = self.open(host, place, to, waiting.made, waiting.failed, source_ip, trace).near
        try:
            return near, await waiting.answer
        finally:
            del waiting  # an exception of its answer knows this frame: a circle

    def _await(self, opening: _Opening) -> None:
        """Give up in time: all wait equally long, so one timer for the oldest will do."""
        openings = self._openings
        while openings and openings[0][1].over:
            openings.popleft()
        openings.append((self.loop.now + CONNECT_S_MAX, opening))
        if not self._giving_up:
            self._giving_up = True
            self.loop.later_for_none(CONNECT_S_MAX, self._give_up)

    def _give_up(self) -> None:
        openings, now = self._openings, self.loop.now + NEGLIGIBLE_S
        while openings and (openings[0][1].over or openings[0][0] <= now):
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
            knock.inbound.deliver = NOBODY.arrive
            return
        host, factory = found
        far = VirtualStream(self, host, accepted)
        far.inbound, far.peer, near.peer = knock.inbound, near, far
        far.inbound.deliver = far.arrive
        self.ends[far] = None

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

    def hold(self, end: VirtualStream, function: Callable[..., Any], *arguments: Any) -> None:
        """Keep something for a paused host to do."""
        self.loop.hold(end.host, end.host.context, function, arguments)

    def queued_bytes(self, host: NetworkHost) -> int:
        """What has been sent to a host, and waits for it to be taken."""
        return sum(end.queued_bytes for end in self.ends if end.host is host)

    def host_died(self, host: NetworkHost) -> None:
        """Close the doors of a dead host and reset its connections at their other ends."""
        self._found.clear()
        for address in [a for a, (owner, _) in self._doors.items() if owner is host]:
            del self._doors[address]
        for end in [e for e in self.ends if e.host is host]:
            del self.ends[end]
            if not end.is_closing():
                end.send("reset")
            end.inbound.discard()

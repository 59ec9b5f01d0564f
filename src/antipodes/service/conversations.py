"""Datagrams passed on as conversations, so that answers find their way back.

Datagrams of one source to one address belong together until nothing has come either way for a
while. A conversation speaks to its other end from a door of its own, and what comes to that door is
the answer. `of` says what a conversation belongs to, for whoever has to end it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from antipodes.runtime.contract import Address, Datagram, DatagramDoor, Gone, Runtime, Timer

SOON_S = 1e-6  # timers may fire this much early
CONVERSATIONS_MAX = 50_000
EARLY_MAX = 64  # datagrams that wait for a conversation's door to open

Count = Callable[[int, bool], None]  # bytes, and whether the source sent them
Opening = Callable[[Callable[[Datagram], None]], Awaitable[DatagramDoor]]
Reply = Callable[[Datagram, bytes], None]
Key = tuple[Address, str, Address]


def _key(datagram: Datagram) -> Key:
    return datagram.source, datagram.source_ip, datagram.local


class _Conversation:
    """What one source and its other end say to each other."""

    def __init__(
        self, every: "Conversations", first: Datagram, to: Address, source_ip: str, of: Any
    ) -> None:
        self._every = every
        self._first = first
        self._to = to
        self._source_ip = source_ip
        self.of = of
        self.count: Count | None = None
        self._door: DatagramDoor | None = None
        self._early: list[Datagram] = []
        self._moved_at = every.runtime.now()
        self._timer: Timer = every.runtime.later(every.idle_s, self._check_idle)
        self._over = False

    async def open(self, opening: Opening, reply: Reply) -> None:
        """Open its own door, and send on what came meanwhile; where none is left, it is over."""

        def back(datagram: Datagram) -> None:
            if datagram.source != self._to:
                return  # nobody else is meant to speak here
            self._moved_at = self._every.runtime.now()
            if self.count is not None:
                self.count(len(datagram.data), False)
            reply(self._first, datagram.data)

        try:
            door = await opening(back)
        except Gone:
            self._every.runtime.journal.sometimes("datagrams.no-door")
            if not self._over:
                self.end()
            return
        if self._over:
            door.close()
            return
        self._door = door
        early, self._early = self._early, []
        for datagram in early:
            self._send(door, datagram)

    def take(self, datagram: Datagram) -> None:
        """Something comes from the source."""
        self._moved_at = self._every.runtime.now()
        if self.count is not None:
            self.count(len(datagram.data), True)
        if self._door is not None:
            self._send(self._door, datagram)
        elif len(self._early) < EARLY_MAX:
            self._early.append(datagram)

    def _send(self, door: DatagramDoor, datagram: Datagram) -> None:
        door.send(self._to, datagram.data, source_ip=self._source_ip, trace=datagram.trace)

    def end(self) -> None:
        """Forget it: what comes next begins another."""
        self._over = True
        self._timer.cancel()
        if self._door is not None:
            self._door.close()
        self._every.forget(_key(self._first))

    def _check_idle(self) -> None:
        left_s = self._moved_at + self._every.idle_s - self._every.runtime.now()
        if left_s > SOON_S:
            self._timer = self._every.runtime.later(left_s, self._check_idle)
        else:
            self.end()


class Conversations:
    """All of them, each ended when it has been idle for `idle_s` seconds of the world."""

    def __init__(self, runtime: Runtime, idle_s: float) -> None:
        self.runtime = runtime
        self.idle_s = runtime.interval(idle_s)
        self._open: dict[Key, _Conversation] = {}

    def __len__(self) -> int:
        return len(self._open)

    def take(self, datagram: Datagram, begin: Callable[[Datagram], None]) -> None:
        """Pass a datagram on; one that belongs to no conversation may `begin` one."""
        known = self._open.get(_key(datagram))
        if known is not None:
            known.take(datagram)
        else:
            begin(datagram)

    def begin(  # noqa: PLR0913 - both ends of a conversation
        self,
        first: Datagram,
        opening: Opening,
        to: Address,
        reply: Reply,
        of: Any = None,
        *,
        source_ip: str | None = None,
        count: Count | None = None,
    ) -> None:
        """Begin one with its first datagram; where there are too many, drop it.

        The other end sees the source's address, unless another is given. Who counts is told of
        every datagram's size, either way.
        """
        if len(self._open) >= CONVERSATIONS_MAX:
            self.runtime.journal.sometimes("datagrams.too-many-conversations")
            return
        seen = first.source_ip if source_ip is None else source_ip
        begun = self._open[_key(first)] = _Conversation(self, first, to, seen, of)
        begun.count = count
        begun.take(first)
        self.runtime.spawn(begun.open(opening, reply), "conversation")

    def forget(self, key: Key) -> None:
        """One is over."""
        self._open.pop(key, None)

    def subjects(self) -> list[Any]:
        """What those that are open belong to, each once."""
        return list(dict.fromkeys(one.of for one in self._open.values()))

    def end(self, which: Callable[[Any], bool]) -> None:
        """End those that belong to such things."""
        for one in [one for one in self._open.values() if which(one.of)]:
            one.end()

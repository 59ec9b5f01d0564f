"""What other regions' logs brought and does not count yet: held for a pause, or for a delay.

Taking a part of a log and moving the position in it are one group, so what does not count yet is
written down in that group: it survives a crash of this side, and the other need not keep it. Held
are *pieces*: entries of one table that came together. There are two shelves. What is *delayed* lies
in the order in which it will count; what is *paused* lies in the order in which it came. A delayed
piece whose table is paused when its time comes goes to the other shelf.

A mark (marks.py) says that everything before it was taken. One that comes while something of its
source is delayed waits for all of that. One that comes, or whose turn comes, while something of its
source is paused is heard, and no claim is made of it: a tombstone must not go before an older write
that is still held.
"""

import math
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from antipodes.replication.delays import Delays, Lane
from antipodes.runtime.contract import RuntimeFailure
from antipodes.service.contract import Host

TAKEN_AT_ONCE_MAX = 100
LOOKED_AT_MAX = 10_000
RETRY_S = 1.0
_DELAYED, _PAUSED = b"dynamodb/held/d\x00", b"dynamodb/held/p\x00"
_DUE_BYTES = 8
_INSTANT_S = 1e-6


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Some entries' payloads, or a mark. `written` is by the runtime's clock, 0 if not known."""

    source: str
    sequence: int
    account: str
    table: str
    written: float
    payloads: list[list[Any]]
    mark: dict[str, int] | None = None


_decode = msgspec.msgpack.Decoder(Piece).decode


class Taker(Protocol):
    """Takes what counts now, in the present group."""

    def take(self, piece: Piece) -> None:
        """Take the items."""

    def hear(self, source: str, times: dict[str, int], *, complete: bool) -> None:
        """Take a mark; `complete`: nothing that came before it is held."""


class Held:
    """The pieces that one region holds."""

    def __init__(
        self, host: Host, delays: Delays, taker: Taker, paused: Callable[[str, str, str], bool]
    ) -> None:
        """`paused(account, table, source)` says whether what came has to be held."""
        self._store = host.store
        self._runtime = host.runtime
        self._delays = delays
        self._taker = taker
        self._is_paused = paused
        self._paused = self._delayed = False  # whether anything may lie there
        self._counts: dict[str, int] = {}
        self._again = False
        self._next = 0.0
        self._woken = host.runtime.future()

    def start(self) -> None:
        """Take up what was held before a restart."""
        latest = self._store.scan(_DELAYED, _after(_DELAYED), limit=1, reverse=True)
        if latest:
            due = _due_of(latest[0][0])
            if due > self._runtime.now() + self._delays.longest_s:
                self._end_delays()  # the clock began anew: the machine was restarted
            else:
                self._delays.keep_above(due)
        self._read_again()
        self._store.on_rollback(self._read_again)
        self._runtime.spawn(self._run(), "take what was held")

    @property
    def any(self) -> bool:
        """Whether something may be held: the quick question."""
        return self._paused or self._delayed

    @property
    def delay(self) -> str:
        """The delay that was chosen."""
        return self._delays.text

    def count(self, source: str) -> int:
        """How many entries of a source are held."""
        return self._counts.get(source, 0)

    def paused(self, source: str) -> dict[tuple[str, str], tuple[int, float]]:
        """What is held for a pause, by account and table: how many entries, and since when."""
        found: dict[tuple[str, str], tuple[int, float]] = {}
        start = _PAUSED + source.encode() + b"\x00"
        for _, value in self._store.scan(start, _after(start), limit=LOOKED_AT_MAX):
            piece = _decode(value)
            count, since = found.get((piece.account, piece.table), (0, piece.written))
            found[piece.account, piece.table] = (count + len(piece.payloads), since)
        return found

    def hold(self, lane: Lane, piece: Piece) -> bool:
        """Hold a piece if it has to be; False: it counts now."""
        if self._is_paused(piece.account, piece.table, piece.source):
            self._put_paused(piece)
            return True
        due = self._delays.due(lane)
        if due:
            self._put_delayed(due, piece)
        return bool(due)

    def hear(self, source: str, sequence: int, times: dict[str, int]) -> None:
        """Take a mark, now or in its turn."""
        if self._delayed:
            due = max(self._delays.last(source), self._runtime.now())
            self._put_delayed(due, Piece(source, sequence, "", "", 0.0, [], times))
        else:
            self._taker.hear(source, times, complete=not self._holds_paused(source))

    def look_again(self) -> None:
        """A pause or a delay has ended: something may count now."""
        self._again = True
        self._wake()

    def choose(self, text: str) -> None:
        """Choose the delay; what is delayed now counts at once. Raises UnknownDelay."""
        self._delays.choose(text)
        self._end_delays()
        self.look_again()

    # The shelves.

    def _put_paused(self, piece: Piece) -> None:
        self._paused = True
        self._count(piece.source, len(piece.payloads))
        key = _PAUSED + piece.source.encode() + b"\x00" + piece.sequence.to_bytes(8, "big")
        self._store.put(key, msgspec.msgpack.encode(piece))

    def _put_delayed(self, due: float, piece: Piece) -> None:
        self._delayed = True
        self._count(piece.source, len(piece.payloads))
        place = piece.sequence.to_bytes(8, "big") + piece.source.encode()
        self._store.put(_DELAYED + _stamp(due) + place, msgspec.msgpack.encode(piece))
        if due < self._next:
            self._wake()

    def _holds_paused(self, source: str) -> bool:
        start = _PAUSED + source.encode() + b"\x00"
        return self._paused and bool(self._store.scan(start, _after(start), limit=1))

    def _end_delays(self) -> None:
        """Let everything that is delayed count now, in the order in which it came."""
        for key, value in self._store.scan(_DELAYED, _after(_DELAYED)):
            self._store.delete(key)
            self._store.put(_DELAYED + bytes(_DUE_BYTES) + key[len(_DELAYED) + _DUE_BYTES :], value)

    # What counts now.

    def _read_again(self) -> None:
        self._counts.clear()
        for shelf in (_DELAYED, _PAUSED):
            for _, value in self._store.scan(shelf, _after(shelf)):
                piece = _decode(value)
                self._count(piece.source, len(piece.payloads))
        self._paused = self._delayed = True
        self.look_again()

    def _count(self, source: str, entries: int) -> None:
        self._counts[source] = self._counts.get(source, 0) + entries

    def _wake(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    async def _run(self) -> None:
        while True:
            self._woken = self._runtime.future()
            try:
                if self._again:
                    self._again = False
                    await self._take_unpaused()
                await self._take_due()
                self._next = self._find_next()
            except RuntimeFailure:  # a full disk
                self._again = True
                self._next = self._runtime.now() + self._runtime.interval(RETRY_S)
            await self._wait_for(self._next)

    async def _wait_for(self, due: float) -> None:
        """Wait until a time, or until there is something new."""
        left_s = due - self._runtime.now()
        if left_s <= 0:
            return
        timer = None
        if due < math.inf:  # and a moment later: what is due at an instant is due after it
            timer = self._runtime.later(left_s + _INSTANT_S, self._wake)
        try:
            await self._woken
        finally:
            if timer is not None:
                timer.cancel()

    def _find_next(self) -> float:
        first = self._store.scan(_DELAYED, _after(_DELAYED), limit=1)
        self._delayed = bool(first)
        if self._again:
            return 0.0
        return _due_of(first[0][0]) if first else math.inf

    async def _take_due(self) -> None:
        while self._delayed:
            end = _DELAYED + _stamp(self._runtime.now()) + b"\xff"
            found = self._store.scan(_DELAYED, end, limit=TAKEN_AT_ONCE_MAX)
            for key, value in found:
                self._store.delete(key)
                piece = _decode(value)
                self._count(piece.source, -len(piece.payloads))
                self._take(piece)
            await self._store.committed()
            if len(found) < TAKEN_AT_ONCE_MAX:
                return

    def _take(self, piece: Piece) -> None:
        if piece.mark is not None:
            complete = not self._holds_paused(piece.source)
            self._taker.hear(piece.source, piece.mark, complete=complete)
        elif self._is_paused(piece.account, piece.table, piece.source):
            self._put_paused(piece)
        else:
            self._taker.take(piece)

    async def _take_unpaused(self) -> None:
        """Take what no pause holds any more."""
        after, left = _PAUSED, False
        while found := self._store.scan(after, _after(_PAUSED), limit=TAKEN_AT_ONCE_MAX):
            for key, value in found:
                piece = _decode(value)
                if self._is_paused(piece.account, piece.table, piece.source):
                    left = True
                else:
                    self._store.delete(key)
                    self._count(piece.source, -len(piece.payloads))
                    self._taker.take(piece)
            after = found[-1][0] + b"\x00"
            await self._store.committed()
        self._paused = left or bool(self._store.scan(_PAUSED, _after(_PAUSED), limit=1))


def _after(prefix: bytes) -> bytes:
    """The end of a range of keys that begin with a prefix, which ends in a zero byte."""
    return prefix[:-1] + b"\x01"


def _stamp(due: float) -> bytes:
    return int(due * 1e6).to_bytes(_DUE_BYTES, "big")


def _due_of(key: bytes) -> float:
    return int.from_bytes(key[len(_DELAYED) : len(_DELAYED) + _DUE_BYTES], "big") / 1e6

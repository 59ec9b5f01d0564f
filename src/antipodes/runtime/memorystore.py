"""The store's virtual body: a sorted map in memory whose disk forgets what was not committed.

A commit takes time, or there would be no window to crash in: what a host wrote in the window is
lost with it, exactly the answers that were not yet given. The `Disk` belongs to the simulation and
outlives the host; a restarted host opens it again.
"""

import bisect
import random
from collections.abc import Callable
from typing import Any, Protocol

from antipodes.runtime.contract import Gone, Timer

KEY_BYTES_MAX = 511  # LMDB's
COMMIT_S = (0.0001, 0.0006)


class Disk:
    """What survives a host: the committed keys, values and log of one store."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.values: dict[bytes, bytes] = {}
        self.log: list[tuple[int, bytes]] = []
        self.head = 0


class StoreClock(Protocol):
    """What the store needs of its host."""

    @property
    def alive(self) -> bool: ...

    def later(self, seconds: float, function: Callable[..., object], *arguments: Any) -> Timer: ...
    def future(self) -> Any: ...


class MemoryStore:
    """The contract's store over a simulated disk."""

    def __init__(self, disk: Disk, clock: StoreClock, chance: random.Random) -> None:
        self._disk = disk
        self._clock = clock
        self._chance = chance
        self._keys = list(disk.keys)
        self._values = dict(disk.values)
        self._changed: dict[bytes, None] = {}
        self._entries: list[tuple[int, bytes]] = []
        self._trim_upto = 0
        self._head = disk.head
        self._dirty = False
        self._waiting: list[Callable[[], None]] = []
        self._listeners: dict[int, Callable[[int], None]] = {}
        self._listener_next = 0

    @property
    def dirty(self) -> bool:
        """Whether a group is open."""
        return self._dirty

    @property
    def head(self) -> int:
        """The newest log entry's number, uncommitted ones included."""
        return self._head

    @property
    def head_committed(self) -> int:
        """The newest committed log entry's number."""
        return self._disk.head

    def _touch(self) -> None:
        if not self._clock.alive:
            raise Gone("a dead host wrote to its disk")
        if not self._dirty:
            self._dirty = True
            self._clock.later(self._chance.uniform(*COMMIT_S), self._commit)

    def get(self, key: bytes) -> bytes | None:
        """Return a key's value."""
        return self._values.get(key)

    def scan(
        self, start: bytes, stop: bytes, *, limit: int = 0, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` pairs (0: all) of the half-open range."""
        low, high = bisect.bisect_left(self._keys, start), bisect.bisect_left(self._keys, stop)
        if limit and high - low > limit:
            low, high = (high - limit, high) if reverse else (low, low + limit)
        keys = self._keys[low:high]
        if reverse:
            keys.reverse()
        return [(key, self._values[key]) for key in keys]

    def put(self, key: bytes, value: bytes) -> None:
        """Create or replace, in this turn's group."""
        assert 0 < len(key) <= KEY_BYTES_MAX, f"a key of {len(key)} bytes"
        self._touch()
        if key not in self._values:
            bisect.insort(self._keys, key)
        self._values[key] = bytes(value)
        self._changed[key] = None

    def delete(self, key: bytes) -> None:
        """Remove if there, in this turn's group."""
        self._touch()
        if self._values.pop(key, None) is not None:
            del self._keys[bisect.bisect_left(self._keys, key)]
        self._changed[key] = None

    def append(self, entry: bytes) -> int:
        """Add to the change log, in this turn's group."""
        self._touch()
        self._head += 1
        self._entries.append((self._head, bytes(entry)))
        return self._head

    def read_log(self, after: int, *, limit: int) -> list[tuple[int, bytes]]:
        """Return committed entries above `after`."""
        log = self._disk.log
        low = bisect.bisect_right(log, after, key=lambda entry: entry[0])
        return log[low : low + limit]

    def trim_log(self, upto: int) -> None:
        """Forget entries up to and including `upto`."""
        self._touch()
        self._trim_upto = max(self._trim_upto, upto)

    def _commit(self) -> None:
        disk = self._disk
        for key in self._changed:
            if (value := self._values.get(key)) is not None:
                if key not in disk.values:
                    bisect.insort(disk.keys, key)
                disk.values[key] = value
            elif disk.values.pop(key, None) is not None:
                del disk.keys[bisect.bisect_left(disk.keys, key)]
        self._changed.clear()
        disk.log.extend(self._entries)
        if self._trim_upto:
            low = bisect.bisect_right(disk.log, self._trim_upto, key=lambda entry: entry[0])
            del disk.log[:low]
            self._trim_upto = 0
        appended, self._entries = bool(self._entries), []
        disk.head = self._head
        self._dirty = False
        waiting, self._waiting = self._waiting, []
        if appended:
            for listener in list(self._listeners.values()):
                listener(self._head)
        for notify in waiting:
            notify()

    def on_commit(self, notify: Callable[[], None]) -> None:
        """Call once when the open group is durable, at once where none is open."""
        if self._dirty:
            self._waiting.append(notify)
        else:
            notify()

    async def committed(self) -> None:
        """Wait until the open group, if any, is durable."""
        if self._dirty:
            done = self._clock.future()
            self._waiting.append(lambda: None if done.done() else done.set_result(None))
            await done

    def on_append(self, notify: Callable[[int], None]) -> Callable[[], None]:
        """Call with the new head after each commit that appended."""
        self._listener_next += 1
        number = self._listener_next
        self._listeners[number] = notify

        def unsubscribe() -> None:
            self._listeners.pop(number, None)

        return unsubscribe

    def close(self) -> None:
        """Commit what is open."""
        if self._dirty and self._clock.alive:
            self._commit()

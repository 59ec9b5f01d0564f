"""The store's virtual body: a sorted map in memory over a disk of the simulation.

A commit takes time, or there would be no window to crash in: what a host wrote in the window is
lost with it or kept, and the answers that tell of it were not yet given. The `Disk` belongs to the
simulation and outlives the host; a restarted host opens it again.
"""

import bisect
import random
from collections.abc import Callable
from typing import Any, Protocol

from antipodes.runtime.contract import DiskFull, Gone, Timer
from antipodes.runtime.disks import NO_SPACE, Disk, Group
from antipodes.runtime.waiting import Waiting

KEY_BYTES_MAX = 511  # LMDB's


class StoreClock(Protocol):
    """What the store needs of its host."""

    @property
    def alive(self) -> bool: ...

    def now(self) -> float: ...
    def later(self, seconds: float, function: Callable[..., object], *arguments: Any) -> Timer: ...
    def future(self) -> Any: ...


class MemoryStore:
    """The contract's store over a simulated disk."""

    def __init__(self, disk: Disk, clock: StoreClock, chance: random.Random) -> None:
        disk.check()
        disk.roll_back()  # of a host that closed without a commit
        self._disk = disk
        self._clock = clock
        self._chance = chance
        self._waiting = Waiting(clock.future)
        self.on_append = self._waiting.on_append
        self.on_rollback = self._waiting.on_rollback

    @property
    def dirty(self) -> bool:
        """Whether a group is open."""
        return self._disk.group is not None

    @property
    def failures(self) -> int:
        """How many groups were rolled back so far."""
        return self._waiting.failures

    @property
    def head(self) -> int:
        """The newest log entry's number, uncommitted ones included."""
        return self._disk.head

    def _begin(self) -> Group:
        if not self._clock.alive:
            raise Gone("a dead host wrote to its disk")
        disk = self._disk
        if disk.state.full:
            raise DiskFull(NO_SPACE)
        group = disk.begin()
        self._clock.later(disk.commit_s(self._chance), self._commit, group)
        return group

    def get(self, key: bytes) -> bytes | None:
        """Return a key's value."""
        return self._disk.values.get(key)

    def scan(
        self, start: bytes, stop: bytes, *, limit: int = 0, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` pairs (0: all) of the half-open range."""
        keys, values = self._disk.keys, self._disk.values
        low, high = bisect.bisect_left(keys, start), bisect.bisect_left(keys, stop)
        if limit and high - low > limit:
            low, high = (high - limit, high) if reverse else (low, low + limit)
        found = keys[low:high]
        if reverse:
            found.reverse()
        return [(key, values[key]) for key in found]

    def put(self, key: bytes, value: bytes) -> None:
        """Create or replace, in this turn's group."""
        assert 0 < len(key) <= KEY_BYTES_MAX, f"a key of {len(key)} bytes"
        self._disk.put(self._disk.group or self._begin(), key, bytes(value))

    def delete(self, key: bytes) -> None:
        """Remove if there, in this turn's group."""
        self._disk.delete(self._disk.group or self._begin(), key)

    def append(self, entry: bytes) -> int:
        """Add to the change log, in this turn's group."""
        return self._disk.append(self._disk.group or self._begin(), bytes(entry))

    def read_log(self, after: int, *, limit: int) -> list[tuple[int, bytes]]:
        """Return committed entries above `after`."""
        log = self._disk.log
        low = bisect.bisect_left(log, (after + 1,))
        return log[low : low + limit]

    def trim_log(self, upto: int) -> None:
        """Forget entries up to and including `upto`."""
        group = self._disk.group or self._begin()
        group.trim_upto = max(group.trim_upto, upto)

    def _commit(self, group: Group) -> None:
        if group is not self._disk.group:
            return  # closed, or rolled back, meanwhile
        if self._disk.state.full:
            self._disk.roll_back()
            self._waiting.failed()
            return
        self._disk.commit(self._clock.now())
        self._waiting.done(self._disk.head if group.entries else None)

    def before_commit(self, write: Callable[[], None]) -> None:
        """Call once, just before the open group is committed."""
        (self._disk.group or self._begin()).endings.append(write)

    def on_commit(
        self, notify: Callable[[], None], failed: Callable[[], None] | None = None
    ) -> None:
        """Call once when the open group is durable, at once where none is open."""
        if self._disk.group is None:
            notify()
        else:
            self._waiting.add(notify, failed)

    async def committed(self) -> None:
        """Wait until the open group, if any, is durable. Raises DiskFull."""
        if self._disk.group is not None:
            await self._waiting.end()

    def close(self) -> None:
        """Commit what is open."""
        if self._disk.group is not None and self._clock.alive:
            self._commit(self._disk.group)

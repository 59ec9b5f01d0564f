"""A simulated disk: what survives a host, and how it can be slow, full, without power, or torn.

It keeps what LMDB keeps over a file. A *group* of changes is on it whole or not at all, because
LMDB never overwrites what the last commit refers to. A host that is killed in the middle of a
commit may find the group there when it comes back, although nobody was told of it: chance decides.

A killed process loses nothing that was committed: the page cache outlives it. Power is different.
With `power` every commit is synced and all of them survive. Without it (durability `process`) the
newest groups are lost, how many is drawn, among those that the kernel may not have written back
yet: whole groups from the end, never one from the middle. That is LMDB's own promise without sync
where the file system keeps the order of writes. Where it does not, a group may be *torn*; a store
that finds its disk so refuses to open. It cannot know what else is wrong.
"""

import bisect
import contextlib
import random
from collections import deque
from collections.abc import Callable
from pathlib import Path

from antipodes.runtime.contract import DiskDamaged
from antipodes.runtime.kept import keep, read_kept

Ending = Callable[[], None]
NO_SPACE = "no space is left on the disk"
COMMIT_S = (0.0001, 0.0006)
WRITEBACK_S = 30.0  # Linux's dirty_expire_centisecs
WRITEBACK_GROUPS_MAX = 10_000  # a kernel with much to write does not wait that long


class DiskState:
    """How well the disks of one machine are."""

    def __init__(self, *, power: bool = False) -> None:
        self.power = power  # whether every commit is synced
        self.full = False
        self.slow_s = 0.0
        self.torn = False

    def set(
        self, *, full: bool | None = None, slow_s: float | None = None, torn: bool | None = None
    ) -> None:
        """Change what is given."""
        if slow_s is not None:
            if not 0 <= slow_s < float("inf"):
                raise ValueError(f"slow_s: {slow_s} is no number of seconds")
            self.slow_s = slow_s
        self.full = self.full if full is None else full
        self.torn = self.torn if torn is None else torn


class KeptDiskState(DiskState):
    """How well the disk of a real host is, kept in a file."""

    def __init__(self, path: Path, *, power: bool) -> None:
        super().__init__(power=power)
        self._path = path
        kept = read_kept(path, "full", "slow_s")
        if kept is not None:
            with contextlib.suppress(ValueError):  # spoilt: a disk that is well
                super().set(full=bool(kept[0]), slow_s=kept[1])

    def set(
        self, *, full: bool | None = None, slow_s: float | None = None, torn: bool | None = None
    ) -> None:
        """Change what is given, and keep that for the next process of this host."""
        super().set(full=full, slow_s=slow_s, torn=torn)
        keep(self._path, full=float(self.full), slow_s=self.slow_s)


class Group:
    """The changes of one commit, and what they replaced."""

    __slots__ = (
        "at",
        "bytes_before",
        "endings",
        "entries",
        "head_before",
        "old",
        "trim_upto",
        "trimmed",
    )

    def __init__(self, head: int, bytes_before: int) -> None:
        self.old: dict[bytes, bytes | None] = {}
        self.entries: list[tuple[int, bytes]] = []
        self.endings: list[Ending] = []  # what is still to be written at the end
        self.trim_upto = 0
        self.trimmed: list[tuple[int, bytes]] = []
        self.head_before = head
        self.bytes_before = bytes_before
        self.at = 0.0


class Disk:
    """The keys, values and log of one store.

    The open group's changes are in the keys and values already, what they replaced is kept beside
    them; its log entries wait for the commit.
    """

    def __init__(self, state: DiskState, chance: random.Random) -> None:
        self.state = state
        self._chance = chance
        self.wipe()

    def wipe(self) -> None:
        """Become a new disk."""
        self.keys: list[bytes] = []
        self.values: dict[bytes, bytes] = {}
        self.log: list[tuple[int, bytes]] = []
        self.head = 0  # with the open group's entries
        self.bytes = 0
        self.group: Group | None = None
        self.damaged = False
        self._unsynced: deque[Group] = deque()

    def check(self) -> None:
        """Refuse to be used if something on it is not whole."""
        if self.damaged:
            raise DiskDamaged(
                "the newest commits on this disk are torn: it lost power before they were written"
            )

    def commit_s(self, chance: random.Random) -> float:
        """How long a commit takes."""
        return chance.uniform(*COMMIT_S) + self.state.slow_s

    def begin(self) -> Group:
        """Open a group."""
        self.group = Group(self.head, self.bytes)
        return self.group

    def put(self, group: Group, key: bytes, value: bytes) -> None:
        """Create or replace in the open group."""
        old = self.values.get(key)
        if key not in group.old:
            group.old[key] = old
        if old is None:
            bisect.insort(self.keys, key)
            self.bytes += len(key) + len(value)
        else:
            self.bytes += len(value) - len(old)
        self.values[key] = value

    def delete(self, group: Group, key: bytes) -> None:
        """Remove, if there, in the open group."""
        old = self.values.get(key)
        if old is not None:
            group.old.setdefault(key, old)
            self._set(key, None)
            self.bytes -= len(key) + len(old)

    def append(self, group: Group, entry: bytes) -> int:
        """Add to the log in the open group."""
        self.head += 1
        group.entries.append((self.head, entry))
        return self.head

    def commit(self, at: float) -> Group:
        """Make the open group part of what is there."""
        group = self.group
        assert group is not None, "nothing to commit"
        for write in group.endings:
            write()
        group.endings = []
        self.group = None
        self.log.extend(group.entries)
        self.bytes += sum(len(entry) for _, entry in group.entries)
        if group.trim_upto:
            low = bisect.bisect_right(self.log, group.trim_upto, key=lambda entry: entry[0])
            group.trimmed = self.log[:low]
            self.bytes -= sum(len(entry) for _, entry in group.trimmed)
            del self.log[:low]
        if not self.state.power:
            group.at = at
            self._unsynced.append(group)
            self._write_back(at)
        return group

    def _write_back(self, at: float) -> None:
        """What was committed long ago is on the medium."""
        unsynced = self._unsynced
        while len(unsynced) > WRITEBACK_GROUPS_MAX or unsynced[0].at < at - WRITEBACK_S:
            unsynced.popleft()

    def roll_back(self) -> None:
        """Undo the open group."""
        group, self.group = self.group, None
        if group is not None:
            self._undo(group)

    def _undo(self, group: Group) -> None:
        for key, old in group.old.items():
            self._set(key, old)
        self.head, self.bytes = group.head_before, group.bytes_before

    def _set(self, key: bytes, value: bytes | None) -> None:
        present = self.values.pop(key, None)
        if value is not None:
            self.values[key] = value
            if present is None:
                bisect.insort(self.keys, key)
        elif present is not None:
            del self.keys[bisect.bisect_left(self.keys, key)]

    def crash(self, at: float) -> None:
        """Its host was killed: what was being committed is there, or is not."""
        if self.group is None:
            return
        if not self.state.full and self._chance.random() < 0.5:  # noqa: PLR2004 - a fair coin
            self.commit(at)
        else:
            self.roll_back()

    def lose_power(self, at: float) -> None:
        """The host and the page cache are gone."""
        self.crash(at)
        while self._unsynced and self._unsynced[0].at < at - WRITEBACK_S:
            self._unsynced.popleft()
        lost = self._chance.randint(0, len(self._unsynced))
        for _ in range(lost):
            group = self._unsynced.pop()
            self.log[:0] = group.trimmed
            if group.entries:
                del self.log[-len(group.entries) :]
            self._undo(group)
        self.damaged |= self.state.torn and lost > 0
        self._unsynced.clear()

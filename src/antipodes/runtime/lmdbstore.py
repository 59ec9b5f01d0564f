"""The store's real body: LMDB in the host's own directory, one writer, groups of a loop turn.

The write transaction opens at the first write of a turn and commits at its end; conditions and
reads go through it while it is open, else through a reused read transaction. With durability
"process" nothing is synced by us (the page cache outlives a `kill -9`); with "power" every commit
is an fsync shared by all writers of the turn. The map is opened huge and the file grows as it is
used. A full disk, or a full map, spoils the whole transaction: it is aborted, and all who wrote in
that turn are told. LMDB copies what it changes, so a delete needs space as well. It calls a write
that the file system took in part an input/output error, so what such an error means is decided by
whether space is left; where it is, the disk is broken, and the host must not go on.

LMDB: lmdb.readthedocs.io; measured against other stores in the figures page.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, cast

import lmdb

from antipodes.runtime.contract import DiskDamaged, DiskFull
from antipodes.runtime.disks import NO_SPACE, DiskState
from antipodes.runtime.waiting import Waiting

MAP_BYTES = 64 << 30
MAP_BYTES_SMALL = 1 << 30
SPARE_BYTES = 4 << 20
Pairs = Iterable[tuple[bytes, bytes]]
_NO_SPACE = (lmdb.MapFullError, lmdb.DiskError, lmdb.TxnFullError)
_DAMAGED = (
    lmdb.InvalidError,
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
    lmdb.PanicError,
)


class LmdbStore:
    """Ordered keys and values, transactions by turn, and a change log, in one file."""

    def __init__(
        self,
        directory: Path,
        loop: asyncio.AbstractEventLoop,
        *,
        state: DiskState,
        map_bytes: int = MAP_BYTES,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._loop = loop
        self._state = state
        self._reader: lmdb.Transaction | None = None
        self._writer: lmdb.Transaction | None = None
        self._waiting = Waiting(loop.create_future)
        self.on_append = self._waiting.on_append
        self.on_rollback = self._waiting.on_rollback
        self._appended = False
        self._closed = False
        self._endings: list[Callable[[], None]] = []
        try:
            self._environment = self._open(directory, map_bytes, power=state.power)
            self._data = self._environment.open_db(b"data")
            self._log = self._environment.open_db(b"log")
            self._environment.reader_check()
            self._head = self._head_committed = self._last_logged()
        except _DAMAGED as error:
            raise DiskDamaged(
                f"the store in {directory} is damaged ({error}): bring it back from a copy, or "
                "begin anew with `antipodes reset`"
            ) from None
        except _NO_SPACE as error:
            raise DiskFull(f"no space to open the store in {directory}: {error}") from None

    @staticmethod
    def _open(directory: Path, map_bytes: int, *, power: bool) -> lmdb.Environment:
        options: dict[str, Any] = {
            "max_dbs": 4,
            "sync": power,
            "metasync": False,
            "writemap": False,
            "readahead": False,
            "max_readers": 64,
        }
        try:
            return lmdb.open(str(directory), map_size=map_bytes, **options)
        except lmdb.MemoryError:  # a machine that limits address space
            return lmdb.open(str(directory), map_size=MAP_BYTES_SMALL, **options)

    def _last_logged(self) -> int:
        with self._environment.begin(db=self._log) as transaction, transaction.cursor() as cursor:
            newest = int.from_bytes(cursor.key(), "big") if cursor.last() else 0
        trimmed = self.get(b"\x00log-trimmed")
        return max(newest, int.from_bytes(trimmed, "big") if trimmed else 0)

    @property
    def failures(self) -> int:
        """How many groups were rolled back so far."""
        return self._waiting.failures

    @property
    def dirty(self) -> bool:
        """Whether a group is open."""
        return self._writer is not None

    @property
    def head(self) -> int:
        """The newest log entry's number, uncommitted ones included."""
        return self._head

    def _read(self) -> lmdb.Transaction:
        if self._writer is not None:
            return self._writer
        if self._reader is None:
            self._reader = self._environment.begin(db=self._data)
        return self._reader

    def _end_reading(self) -> None:
        """Let go of the snapshot, so that the pages it holds can be used again."""
        if self._reader is not None:
            self._reader.abort()
            self._reader = None

    def _write(self) -> lmdb.Transaction:
        if self._writer is None:
            assert not self._closed, "write to a closed store"
            if self._state.full:
                raise DiskFull(NO_SPACE)
            self._writer = writer = self._environment.begin(write=True, db=self._data)
            if self._state.slow_s:
                self._loop.call_later(self._state.slow_s, self._commit, writer)
            else:
                self._loop.call_soon(self._commit, writer)
        return self._writer

    def _spoilt(self, error: Exception) -> DiskFull:
        """Abort the group: nothing that anybody wrote in it is there."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abort()
        self._end_reading()
        self._endings.clear()
        self._appended = False
        self._head = self._head_committed
        self._waiting.failed()
        return DiskFull(f"{NO_SPACE}: {error}")

    def get(self, key: bytes) -> bytes | None:
        """Return a key's value."""
        reading = self._writer or self._reader or self._read()
        return cast("bytes | None", reading.get(key))

    def scan(
        self, start: bytes, stop: bytes, *, limit: int = 0, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` pairs (0: all) of the half-open range."""
        with self._read().cursor(db=self._data) as cursor:
            if reverse:
                placed = cursor.prev() if cursor.set_range(stop) else cursor.last()
                # Without buffers=True, lmdb gives bytes and never views.
                pairs = cast("Pairs", cursor.iterprev(keys=True, values=True))
                inside = takewhile(lambda pair: pair[0] >= start, pairs)
            else:
                placed = cursor.set_range(start)
                pairs = cast("Pairs", cursor.iternext(keys=True, values=True))
                inside = takewhile(lambda pair: pair[0] < stop, pairs)
            return list(islice(inside, limit or None)) if placed else []

    def put(self, key: bytes, value: bytes) -> None:
        """Create or replace, in this turn's group."""
        try:
            (self._writer or self._write()).put(key, value)
        except _NO_SPACE as error:
            raise self._spoilt(error) from None

    def delete(self, key: bytes) -> None:
        """Remove if there, in this turn's group."""
        try:
            self._write().delete(key)
        except _NO_SPACE as error:
            raise self._spoilt(error) from None

    def append(self, entry: bytes) -> int:
        """Add to the change log, in this turn's group."""
        head = self._head + 1
        try:
            writer = self._writer or self._write()
            writer.put(head.to_bytes(8, "big"), entry, db=self._log, append=True)
        except _NO_SPACE as error:
            raise self._spoilt(error) from None
        self._head = head
        self._appended = True
        return head

    def read_log(self, after: int, *, limit: int) -> list[tuple[int, bytes]]:
        """Return committed entries above `after`."""
        found: list[tuple[int, bytes]] = []
        with (
            self._environment.begin(db=self._log) as transaction,
            transaction.cursor() as cursor,
        ):
            if not cursor.set_range((after + 1).to_bytes(8, "big")):
                return found
            for key, value in cursor.iternext(keys=True, values=True):
                found.append((int.from_bytes(key, "big"), value))
                if len(found) >= limit:
                    break
        return found

    def trim_log(self, upto: int) -> None:
        """Forget entries up to and including `upto`."""
        transaction = self._write()
        try:
            with transaction.cursor(db=self._log) as cursor:
                while cursor.first() and int.from_bytes(cursor.key(), "big") <= upto:
                    cursor.delete()
            transaction.put(b"\x00log-trimmed", upto.to_bytes(8, "big"))
        except _NO_SPACE as error:
            raise self._spoilt(error) from None

    def _commit(self, writer: lmdb.Transaction) -> None:
        if writer is not self._writer:
            return  # closed, or rolled back, meanwhile
        if self._state.full:
            self._spoilt(DiskFull(NO_SPACE))
            return
        if not self._end_group():
            return
        try:
            writer.commit()
        except lmdb.Error as error:
            if not isinstance(error, _NO_SPACE) and self._has_space():
                raise
            self._spoilt(error)
            return
        self._writer = None
        self._end_reading()
        appended, self._appended = self._appended, False
        self._head_committed = self._head
        self._waiting.done(self._head if appended else None)

    def _end_group(self) -> bool:
        """Let those write who waited for the group's end; return whether there was space."""
        endings, self._endings = self._endings, []
        try:
            for write in endings:
                write()
        except DiskFull:
            return False
        return True

    def _has_space(self) -> bool:
        found = os.statvfs(self._directory)
        return found.f_bavail * found.f_frsize > SPARE_BYTES

    def before_commit(self, write: Callable[[], None]) -> None:
        """Call once, just before the open group is committed."""
        self._write()
        self._endings.append(write)

    def on_commit(
        self, notify: Callable[[], None], failed: Callable[[], None] | None = None
    ) -> None:
        """Call once when the open group is durable, at once where none is open."""
        if self._writer is None:
            notify()
        else:
            self._waiting.add(notify, failed)

    async def committed(self) -> None:
        """Wait until the open group, if any, is durable. Raises DiskFull."""
        if self._writer is not None:
            await self._waiting.end()

    def close(self) -> None:
        """Commit what is open, sync, and let go of the file."""
        if self._closed:
            return
        if self._writer is not None:
            self._commit(self._writer)
        self._closed = True
        self._end_reading()
        self._environment.sync(True)
        self._environment.close()

"""The store's real body: LMDB in the host's own directory, one writer, groups of a loop turn.

The write transaction opens at the first write of a turn and commits at its end; conditions and
reads go through it while it is open, else through a reused read transaction. With durability
"process" nothing is synced by us (the page cache outlives a `kill -9`); with "power" every commit
is an fsync shared by all writers of the turn. The map is opened huge and the file grows as it is
used: a full map would spoil the whole group.

LMDB: lmdb.readthedocs.io; measured against other stores in the figures page.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import lmdb

MAP_BYTES = 64 << 30
MAP_BYTES_SMALL = 1 << 30


class LmdbStore:
    """Ordered keys and values, transactions by turn, and a change log, in one file."""

    def __init__(self, directory: Path, loop: asyncio.AbstractEventLoop, *, power: bool) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._loop = loop
        self._environment = self._open(directory, power=power)
        self._data = self._environment.open_db(b"data")
        self._log = self._environment.open_db(b"log")
        self._environment.reader_check()
        self._reader: lmdb.Transaction | None = None
        self._writer: lmdb.Transaction | None = None
        self._waiting: list[Callable[[], None]] = []
        self._listeners: dict[int, Callable[[int], None]] = {}
        self._listener_next = 0
        self._appended = False
        self._closed = False
        self._head = self._last_logged()
        self.head_committed = self._head

    @staticmethod
    def _open(directory: Path, *, power: bool) -> lmdb.Environment:
        options: dict[str, Any] = {
            "max_dbs": 4,
            "sync": power,
            "metasync": False,
            "writemap": False,
            "readahead": False,
            "max_readers": 64,
        }
        try:
            return lmdb.open(str(directory), map_size=MAP_BYTES, **options)
        except lmdb.MemoryError:  # a machine that limits address space
            return lmdb.open(str(directory), map_size=MAP_BYTES_SMALL, **options)

    def _last_logged(self) -> int:
        with self._environment.begin(db=self._log) as transaction, transaction.cursor() as cursor:
            newest = int.from_bytes(cursor.key(), "big") if cursor.last() else 0
        trimmed = self.get(b"\x00log-trimmed")
        return max(newest, int.from_bytes(trimmed, "big") if trimmed else 0)

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
            self._writer = self._environment.begin(write=True, db=self._data)
            self._loop.call_soon(self._commit)
        return self._writer

    def get(self, key: bytes) -> bytes | None:
        """Return a key's value."""
        # Without buffers=True, lmdb gives bytes and never views.
        return cast("bytes | None", self._read().get(key))

    def scan(
        self, start: bytes, stop: bytes, *, limit: int = 0, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` pairs (0: all) of the half-open range."""
        found: list[tuple[bytes, bytes]] = []
        with self._read().cursor(db=self._data) as cursor:
            if reverse:
                placed = cursor.prev() if cursor.set_range(stop) else cursor.last()
                steps = cursor.iterprev(keys=True, values=True)
            else:
                placed = cursor.set_range(start)
                steps = cursor.iternext(keys=True, values=True)
            if not placed:
                return found
            for key, value in steps:
                if cast("bytes", key) < start or cast("bytes", key) >= stop:
                    break
                found.append((cast("bytes", key), cast("bytes", value)))
                if limit and len(found) >= limit:
                    break
        return found

    def put(self, key: bytes, value: bytes) -> None:
        """Create or replace, in this turn's group."""
        self._write().put(key, value)

    def delete(self, key: bytes) -> None:
        """Remove if there, in this turn's group."""
        self._write().delete(key)

    def append(self, entry: bytes) -> int:
        """Add to the change log, in this turn's group."""
        self._head += 1
        self._write().put(self._head.to_bytes(8, "big"), entry, db=self._log, append=True)
        self._appended = True
        return self._head

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
        with transaction.cursor(db=self._log) as cursor:
            while cursor.first() and int.from_bytes(cursor.key(), "big") <= upto:
                cursor.delete()
        transaction.put(b"\x00log-trimmed", upto.to_bytes(8, "big"))

    def _commit(self) -> None:
        writer = self._writer
        if writer is None:
            return
        writer.commit()
        self._writer = None
        self._end_reading()
        waiting, self._waiting = self._waiting, []
        if self._appended:
            self._appended = False
            self.head_committed = self._head
            for listener in list(self._listeners.values()):
                listener(self._head)
        for notify in waiting:
            notify()

    def on_commit(self, notify: Callable[[], None]) -> None:
        """Call once when the open group is durable, at once where none is open."""
        if self._writer is None:
            notify()
        else:
            self._waiting.append(notify)

    async def committed(self) -> None:
        """Wait until the open group, if any, is durable."""
        if self._writer is not None:
            done = self._loop.create_future()
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
        """Commit what is open, sync, and let go of the file."""
        if self._closed:
            return
        self._commit()
        self._closed = True
        self._end_reading()
        self._environment.sync(True)
        self._environment.close()

"""Snapshots: a table's items as they were at one moment, copied while writes go on.

A snapshot is complete at the moment it is asked for, although its rows are copied later, a page at
a time: whoever changes an item that the copying has not come to yet puts the old image into the
snapshot first, in the group of the change. The copying passes over what is there already. Nothing
is held open, nobody waits, and both sides go on after a restart: the cursor is a record.

Rows of a snapshot lie as a table's rows do, under a letter and an identity of their own. A value
is a flag (the item was there or was not) and the item's JSON.
"""

from collections.abc import Callable
from itertools import chain

import msgspec

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.rows import HEAD_BYTES, Rows
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import Change
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

PAGE_ROWS = 200
RETRY_S = 1.0
_ROWS = b"b"
_ABSENT, _PRESENT = b"\x00", b"\x01"


class Snapshot(msgspec.Struct, frozen=True):
    """A snapshot that is being copied; `after` is how far, without the table's own prefix."""

    account: str
    table: str
    source: bytes
    identity: bytes
    after: bytes = b""


class Snapshots:
    """The snapshots of one region's tables, those under way and those that are complete."""

    def __init__(
        self, host: Host, tables: TableRecords, completed: Callable[[str, bytes], None]
    ) -> None:
        """`completed` is called with the account and the identity of each that is."""
        self._host = host
        self._runtime = host.runtime
        self._tables = tables
        self._completed = completed
        self._store = host.store
        self._rows = Rows(host.store)
        self._records = Records(host.store, "dynamodb/snapshot", Snapshot)
        self._active: dict[bytes, dict[bytes, Snapshot]] | None = None
        host.store.on_rollback(self._forget)

    def start(self) -> None:
        """Go on with what was under way."""
        for _, _, snapshot in list(self._records.all()):
            self._run(snapshot)

    def begin(self, table: Table, identity: bytes) -> None:
        """Take a snapshot of a table as it is now."""
        snapshot = Snapshot(table.account, table.name, table.identity, identity)
        self._put(snapshot)
        self._mark(snapshot, 1)
        self._run(snapshot)

    def copies(self, source: bytes) -> bool:
        """Whether a table's rows are still being copied."""
        return bool(self._under_way().get(source))

    def note(self, change: Change) -> None:
        """Keep the image that a change takes away, where the copying has not been yet."""
        for snapshot in self._under_way().get(change.table.identity, {}).values():
            place = change.row_key[HEAD_BYTES:]
            if place > snapshot.after:
                key = _ROWS + snapshot.identity + place
                if self._rows.get(key) is None:
                    self._rows.put(key, _value(change.old))

    # What a snapshot holds.

    def read(self, identity: bytes, after: bytes, limit: int) -> list[tuple[bytes, bytes | None]]:
        """Items of a complete snapshot after a place (b"": from the start): (place, JSON)."""
        prefix = _ROWS + identity
        found: list[tuple[bytes, bytes | None]] = []
        start = prefix + after + b"\x00" if after else prefix
        pages = self._rows.scan(start, rows.after(prefix), first=limit)
        for key, value in chain.from_iterable(pages):
            found.append((key[HEAD_BYTES:], None if value[:1] == _ABSENT else value[1:]))
            if len(found) >= limit:
                break
        return found

    def write(self, identity: bytes, place: bytes, body: bytes | None) -> None:
        """Put an item into a complete snapshot, or take it out."""
        self._rows.put(_ROWS + identity + place, _value(body))

    def purge(self, known: Callable[[bytes], bool], limit: int = PAGE_ROWS) -> bool:
        """Remove some rows of snapshots that nobody knows any more; whether any were."""
        start, stop = _ROWS, rows.after(_ROWS)
        while found := self._store.scan(start, stop, limit=1):
            head = found[0][0][:HEAD_BYTES]
            start = rows.after(head)
            if not known(head[1:]):
                for key, _ in self._store.scan(head, start, limit=limit):
                    self._store.delete(key)
                return True
        return False

    # Copying.

    def _under_way(self) -> dict[bytes, dict[bytes, Snapshot]]:
        if self._active is None:
            self._active = {}
            for _, _, snapshot in self._records.all():
                self._active.setdefault(snapshot.source, {})[snapshot.identity] = snapshot
        return self._active

    def _forget(self) -> None:
        self._active = None

    def _put(self, snapshot: Snapshot) -> None:
        self._under_way().setdefault(snapshot.source, {})[snapshot.identity] = snapshot
        self._records.put(snapshot.account, snapshot.identity.hex(), snapshot)

    def _mark(self, snapshot: Snapshot, more: int) -> None:
        """Have the table's changes told of, or no more."""
        table = self._tables.get(snapshot.account, snapshot.table)
        if table is not None and table.identity == snapshot.source:
            marked = msgspec.structs.replace(table, snapshots=table.snapshots + more)
            self._tables.put(table.account, table.name, marked)

    def _run(self, snapshot: Snapshot) -> None:
        name = f"snapshot {snapshot.identity.hex()}"
        self._runtime.spawn(self._copy(snapshot.account, snapshot.identity.hex()), name)

    async def _copy(self, account: str, name: str) -> None:
        """Copy pages until nothing is left to be copied."""
        while True:
            try:
                await self._store.committed()
                snapshot = self._records.get(account, name)
                if snapshot is None:
                    return
                self._copy_page(snapshot)
                await self._store.committed()  # pages come no faster than they become durable
            except DiskFull:
                await self._runtime.sleep(self._runtime.interval(RETRY_S))

    def _copy_page(self, snapshot: Snapshot) -> None:
        start, stop = rows.table_range(snapshot.source)
        if snapshot.after:
            start += snapshot.after + b"\x00"
        page = next(iter(self._rows.scan(start, stop, first=PAGE_ROWS)), [])
        for key, value in page:
            target = _ROWS + snapshot.identity + key[HEAD_BYTES:]
            body = rows.body_of(value)
            if body is not None and self._rows.get(target) is None:
                self._rows.put(target, _value(body))
        if page:
            self._put(msgspec.structs.replace(snapshot, after=page[-1][0][HEAD_BYTES:]))
            return
        self._records.delete(snapshot.account, snapshot.identity.hex())
        self._under_way()[snapshot.source].pop(snapshot.identity)
        self._mark(snapshot, -1)
        self._completed(snapshot.account, snapshot.identity)


def _value(body: bytes | None) -> bytes:
    return _ABSENT if body is None else _PRESENT + body

"""Indexes on their way in and out: filled from a table that is written to meanwhile, or emptied.

From the moment its index is in the table's record, every write keeps the index, whatever it has of
the rest; the backfill goes through the table and puts each item in as it is then. A page is read
and put in in one turn and one group, so nothing can come between, and whatever comes twice changes
nothing. The place it has come to is a record: a host that is killed goes on from there.
"""

from typing import Protocol

import msgspec

from antipodes.regional.dynamodb.indexupdates import attributes_used
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

FILL_ROWS, EMPTY_ROWS = 100, 500
RETRY_S = 1.0


class Tables(Protocol):
    """What this needs of the service it belongs to."""

    host: Host
    tables: TableRecords
    items: TableStore

    def put_record(self, table: Table) -> None:
        """Create or replace a table's record."""


class Place(msgspec.Struct, frozen=True):
    """How far an index is filled: up to this row of its table."""

    after: bytes


class IndexWork:
    """The indexes of one region that are being made or deleted."""

    def __init__(self, service: Tables) -> None:
        self._service = service
        self._host = service.host
        self._runtime = service.host.runtime
        self._places = Records(service.host.store, "dynamodb/backfill", Place)
        self._running: dict[bytes, None] = {}

    def start(self) -> None:
        """Go on with what was under way."""
        for _, _, table in list(self._service.tables.all()):
            self.begin(table)

    def begin(self, table: Table) -> None:
        """Do what a table's indexes wait for, in the background."""
        for index in table.indexes:
            if index.status != "ACTIVE" and index.identity not in self._running:
                self._running[index.identity] = None
                self._runtime.spawn(self._run(table, index), f"index {table.name}/{index.name}")

    async def _run(self, table: Table, index: Index) -> None:
        while True:
            try:
                await self._host.store.committed()
                if not await self._step(table, index.identity):
                    break
            except DiskFull:
                self._runtime.journal.sometimes("dynamodb.index-put-off")
                await self._runtime.sleep(self._runtime.interval(RETRY_S))
        del self._running[index.identity]

    async def _step(self, begun: Table, identity: bytes) -> bool:
        """Do a part of the work; whether there is more."""
        found = self._find(begun, identity)
        if found is None:
            return False
        left = min(found[1].ready_at - self._runtime.wall(), self._longest_s())
        if left > 0:
            await self._runtime.sleep(left)
            found = self._find(begun, identity)
            if found is None:
                return False
        table, index = found
        return self._fill(table, index) if index.status == "CREATING" else self._empty(table, index)

    def _longest_s(self) -> float:
        """However wrong the clock is, nothing begins later than was said."""
        return self._runtime.interval(self._host.settings.control_plane_delay_s)

    def _find(self, begun: Table, identity: bytes) -> tuple[Table, Index] | None:
        """The table and the index as they are now, if there is still something to be done."""
        table = self._service.tables.get(begun.account, begun.name)
        if table is None or table.identity != begun.identity:
            self._places.delete(begun.account, identity.hex())
            return None
        index = next((index for index in table.indexes if index.identity == identity), None)
        return None if index is None or index.status == "ACTIVE" else (table, index)

    def _fill(self, table: Table, index: Index) -> bool:
        name = index.identity.hex()
        place = self._places.get(table.account, name)
        after = self._service.items.fill(table, index, place.after if place else b"", FILL_ROWS)
        if after is not None:
            self._places.put(table.account, name, Place(after))
            return True
        self._places.delete(table.account, name)
        active = msgspec.structs.replace(index, status="ACTIVE", ready_at=0.0)
        indexes = tuple(active if i.identity == index.identity else i for i in table.indexes)
        self._service.put_record(msgspec.structs.replace(table, indexes=indexes))
        return False

    def _empty(self, table: Table, index: Index) -> bool:
        if self._service.items.drop_index(index, EMPTY_ROWS):
            return True
        self._places.delete(table.account, index.identity.hex())
        indexes = tuple(i for i in table.indexes if i.identity != index.identity)
        attributes = attributes_used(table, indexes, table.attribute_types)
        self._service.put_record(
            msgspec.structs.replace(table, indexes=indexes, attributes=attributes)
        )
        return False

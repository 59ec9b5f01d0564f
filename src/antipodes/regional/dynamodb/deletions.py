"""The end of a table: its record says DELETING for a while, then its rows go, a page at a time.

With the record the name is free again; the rows are found by the table's identity, which nobody
else has. What is being copied of a table (backups) is waited for before its rows go.
"""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

PAGE_ROWS = 500
RETRY_S = 1.0


class Tables(Protocol):
    """What deletions need of the service they belong to."""

    host: Host
    tables: TableRecords
    items: TableStore


class Deletions:
    """The tables that are on their way out of one region."""

    def __init__(self, service: Tables, *, copied: Callable[[bytes], bool]) -> None:
        """`copied` says whether a table's rows, by its identity, are still being copied."""
        self._service = service
        self._host = service.host
        self._runtime = service.host.runtime
        self._copied = copied
        self._doomed = Records(service.host.store, "dynamodb/doomed", Table)
        self._running: dict[str, Any] = {}

    def start(self) -> None:
        """Go on with what was under way."""
        for _, _, table in list(self._service.tables.all()):
            if table.deleting_until:
                self._run(table)
        for _, _, table in list(self._doomed.all()):
            self._run(table)

    def begin(self, table: Table) -> Table:
        """Delete a table; return it as it is now."""
        delay_s = self._runtime.interval(self._host.settings.control_plane_delay_s)
        until = self._runtime.wall() + delay_s
        deleting = msgspec.structs.replace(table, deleting_until=until)
        if delay_s:
            self._service.tables.put(table.account, table.name, deleting)
            self._run(deleting)
        else:
            self.forget(deleting)
        return deleting

    def forget(self, table: Table) -> None:
        """Free a table's name, and let its rows go in the background."""
        self._service.tables.delete(table.account, table.name)
        self._doomed.put(table.account, table.identity.hex(), table)
        self._run(table)

    def unused_identity(self, account: str, name: str, now: float) -> bytes:
        """An identity for a new table, even where one of its name was made at the same moment."""
        identity = rows.table_id(account, name, now)
        while self._doomed.get(account, identity.hex()) is not None:
            now += 1e-6
            identity = rows.table_id(account, name, now)
        return identity

    def _run(self, table: Table) -> None:
        name = table.identity.hex()
        if name not in self._running:
            self._running[name] = self._runtime.spawn(self._finish(table), f"delete {name}")

    async def _finish(self, table: Table) -> None:
        name = table.identity.hex()
        while True:
            try:
                if self._doomed.get(table.account, name) is None and not await self._expire(table):
                    break  # a group that failed took the deletion with it
                if await self._purge(table):
                    break
            except DiskFull:
                self._runtime.journal.sometimes("dynamodb.deletion-put-off")
            await self._runtime.sleep(self._runtime.interval(RETRY_S))
        del self._running[name]

    async def _expire(self, table: Table) -> bool:
        """Wait for the end of DELETING, then free the name; whether it is to be deleted at all."""
        await self._host.store.committed()
        found = self._service.tables.get(table.account, table.name)
        if found is None or found.identity != table.identity or not found.deleting_until:
            return False
        left = min(found.deleting_until - self._runtime.wall(), self._longest_s())
        if left > 0:
            await self._runtime.sleep(left)
        self.forget(found)
        await self._host.store.committed()
        return True

    def _longest_s(self) -> float:
        """However wrong the clock is, DELETING takes no longer than was said."""
        return self._runtime.interval(self._host.settings.control_plane_delay_s)

    async def _purge(self, table: Table) -> bool:
        """Remove the rows of a table that is gone; whether nothing is left of it."""
        while not self._copied(table.identity):
            more = self._service.items.drop(table, limit=PAGE_ROWS)
            if not more:
                self._doomed.delete(table.account, table.identity.hex())
            await self._host.store.committed()
            if not more:
                return True
        return False

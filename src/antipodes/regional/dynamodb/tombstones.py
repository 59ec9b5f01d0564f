"""The end of tombstones: they go when they have won everywhere (marks.py says when that is)."""

from collections.abc import Callable
from typing import Protocol

from antipodes.regional.dynamodb.groups import Group
from antipodes.regional.dynamodb.marks import Marks, settled
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

MARK_S = 15.0


class Tables(Protocol):
    """What is needed of the service."""

    host: Host
    tables: TableRecords
    items: TableStore


class Tombstones:
    """Marks how far this region has come, and forgets its tombstones when everyone has."""

    def __init__(
        self,
        service: Tables,
        groups: Records[Group],
        marks: Marks,
        group_of: Callable[[Table], Group | None],
    ) -> None:
        """`group_of` is the group that a table of this region is a member of."""
        self._service = service
        self._host = service.host
        self._runtime = service.host.runtime
        self._groups = groups
        self._marks = marks
        self._group_of = group_of

    def start(self) -> None:
        """Begin."""
        self._runtime.spawn(self._mark_for_ever(), "mark and purge")

    def purge(self) -> int:
        """Forget the tombstones that have won everywhere; return how many were looked at."""
        looked = 0
        for _, _, group in self._groups.all():
            table = self._service.tables.get(group.account, group.name)
            if table is not None and not table.filling and self._group_of(table) is not None:
                before = settled(group, self._marks.passed)
                looked += self._service.items.purge_tombstones(table, before)
        return looked

    async def _mark_for_ever(self) -> None:
        while True:
            await self._runtime.sleep(self._runtime.interval(MARK_S))
            try:
                if next(self._groups.all(), None) is not None:
                    self._marks.make()
                while self.purge():
                    await self._host.store.committed()
            except DiskFull:
                self._runtime.journal.sometimes("dynamodb.mark-put-off")

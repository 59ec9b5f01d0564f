"""The tables' records, and who is told when one of them changes.

A stream begins and ends with what a table's record says of it, and so does the index of what is to
expire. Records change in many places (requests, groups of replicas, background work); whoever has
to follow them listens here, in the group in which the record is written.
"""

from collections.abc import Callable

from antipodes.regional.dynamodb.model import Table
from antipodes.runtime.contract import Store
from antipodes.service.records import Records

Watcher = Callable[[Table | None, Table | None], None]


class TableRecords(Records[Table]):
    """Tables by account and name. `watchers` are told of a record before and after its change."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "dynamodb/table", Table)
        self.watchers: list[Watcher] = []

    def put(self, account: str, name: str, record: Table) -> None:
        """Create or replace."""
        before = self.get(account, name)
        super().put(account, name, record)
        for watch in self.watchers:
            watch(before, record)

    def delete(self, account: str, name: str) -> None:
        """Remove, if there."""
        before = self.get(account, name)
        super().delete(account, name)
        if before is not None:
            for watch in self.watchers:
                watch(before, None)

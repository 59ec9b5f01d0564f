"""What the replicas of a strongly consistent table share besides their items: their settings.

As those of other global tables (settings.py), each setting is a value with a version, and the later
version of a name wins. Nothing is agreed on here: settings travel by the change log. A stream and
what settings.py lists as a replica's own do not travel.
"""

from typing import Any, Protocol

import msgspec

from antipodes.regional.dynamodb.backfills import IndexWork
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.settings import Setting, applied, differences, settings_of
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.replication.versions import Version
from antipodes.service.contract import Host
from antipodes.service.records import Records

SETTINGS_KIND = "strong/settings"


class Shared(msgspec.Struct, frozen=True):
    """The settings of one table, as far as they were changed since its epoch."""

    epoch: Version
    settings: dict[str, Setting]


class Tables(Protocol):
    """What is needed of the service."""

    host: Host
    tables: TableRecords
    items: TableStore
    index_work: IndexWork

    def delay_s(self) -> float:
        """How long changes of tables take."""


class StrongSettings:
    """The settings of the tables that this region has a replica of."""

    def __init__(self, service: Tables) -> None:
        self._service = service
        self._records = Records(service.host.store, "dynamodb/strong-settings", Shared)

    def _known(self, table: Table) -> dict[str, Setting]:
        found = self._records.get(table.account, table.name)
        return {} if found is None or found.epoch != table.strong_epoch else found.settings

    def changed(self, before: Table, after: Table) -> None:
        """Tell the other replicas of what a request changed."""
        if not after.strong:
            return
        fresh = differences(before, after, self._service.items.clock.tick())
        if fresh:
            self._keep(after, {**self._known(after), **fresh})
            payload = [after.account, after.name, after.strong_epoch, fresh]
            self._service.host.changes.append(SETTINGS_KIND, payload)

    def hear(self, payload: list[Any]) -> None:
        """Take what another replica's region says."""
        account, name, epoch, plain = payload
        table = self._service.tables.get(account, name)
        if table is None or table.strong_epoch != Version(*epoch):
            return
        known = self._known(table)
        for setting_name, setting in msgspec.convert(plain, dict[str, Setting]).items():
            self._service.items.clock.observe(setting.version)
            present = known.get(setting_name)
            if present is None or present.version < setting.version:
                known = {**known, setting_name: setting}
        self._keep(table, known)
        self._take(table, known)

    def _keep(self, table: Table, settings: dict[str, Setting]) -> None:
        self._records.put(table.account, table.name, Shared(table.strong_epoch, settings))

    def _take(self, table: Table, settings: dict[str, Setting]) -> None:
        now = self._service.host.runtime.wall()
        own = settings_of(table, table.strong_epoch)
        until = now + self._service.delay_s()
        told = applied(table, {**own, **settings}, now, until, new=False)
        if told != table:
            self._service.tables.put(table.account, table.name, told)
            self._service.index_work.begin(told)

    def forget(self, account: str, name: str) -> None:
        """The table is no strongly consistent one any more."""
        self._records.delete(account, name)

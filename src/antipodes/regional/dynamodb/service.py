"""DynamoDB in one region: what its operations share."""

import hashlib
from typing import Any

import msgspec

from antipodes.regional.dynamodb import encryption, indexes, model, throughput
from antipodes.regional.dynamodb.backfills import IndexWork
from antipodes.regional.dynamodb.backups import Backups
from antipodes.regional.dynamodb.deletions import Deletions
from antipodes.regional.dynamodb.errors import not_found
from antipodes.regional.dynamodb.fast import FastPath
from antipodes.regional.dynamodb.globaltables import GlobalTables
from antipodes.regional.dynamodb.legacygroups import upgrade
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.restores import Restores
from antipodes.regional.dynamodb.streams import Streams
from antipodes.regional.dynamodb.strongtables import StrongTables
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.regional.dynamodb.throttles import Meter
from antipodes.regional.dynamodb.throughput import Capacity
from antipodes.regional.dynamodb.timetolive import TimeToLive
from antipodes.replication.versions import HybridClock
from antipodes.service.contract import Call, Host, Operations, Service, ServiceError
from antipodes.service.records import Records

operations = Operations()
TOKEN_S = 600.0  # "Amazon DynamoDB transactions: how it works", idempotency


class Token(msgspec.Struct, frozen=True):
    """A transaction that was done."""

    digest: bytes
    at: float


def _digest(request: dict[str, Any]) -> bytes:
    data = msgspec.msgpack.encode(request, order="deterministic")
    return hashlib.blake2b(data, digest_size=16).digest()


class DynamoDB(Service):
    """DynamoDB in one region."""

    name = "dynamodb"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.tables = TableRecords(host.store)
        self.tokens = Records(host.store, "dynamodb/token", Token)
        rare = host.runtime.journal.sometimes
        clock = HybridClock(host.runtime.wall, host.place, sometimes=rare)
        self.items = TableStore(host.store, host.changes, clock)
        self.streams = Streams(host, self.tables)
        self.items.watchers.append(self.streams.note)
        self.timetolive = TimeToLive(host, self.tables, self.items)
        self.globaltables = GlobalTables(self)
        globaltables = self.globaltables
        self.strongtables = StrongTables(self, globaltables.followers, globaltables.pauses.holds)
        self.index_work = IndexWork(self)
        self.backups = Backups(self)
        self.restores = Restores(self, self.backups)
        self.deletions = Deletions(self, copied=self.backups.snapshots.copies)
        throttling = host.settings.throttling
        self.meter = Meter(host, self.tables.get) if throttling else None
        self.fast = {} if throttling else FastPath(self).handlers()

    async def start(self) -> None:
        """Follow the other regions, and take up what goes on behind the requests."""
        self.streams.start()
        self.backups.start()
        if self.meter is not None:
            self.meter.metrics.start()
        self.restores.start()
        self.deletions.start()
        self.timetolive.start()
        self.index_work.start()
        await self.globaltables.start()
        await self.strongtables.start()

    def now(self) -> float:
        """Unix seconds."""
        return self.host.runtime.wall()

    def record(self, account: str, name: str) -> Table:
        """A table's record, whatever its status."""
        name = model.table_name(name, account, self.host.place)
        found = self.tables.get(account, name)
        if found is None:
            raise not_found(f"Requested resource not found: Table: {name} not found")
        return found

    def usable(self, account: str, name: str) -> Table:
        """A table whose items can be read and written."""
        name = model.table_name(name, account, self.host.place)
        found = self.tables.get(account, name)
        if found is None or not found.is_made(self.now()):
            raise not_found()
        return found

    def delay_s(self) -> float:
        """How long changes of tables take, as was chosen for this world."""
        return self.host.runtime.interval(self.host.settings.control_plane_delay_s)

    def provisioned(self, account: str, without: str = "") -> Capacity:
        """What an account's tables have been given, but for one of them."""
        reads = writes = 0
        for table in self.tables.list(account):
            if table.name != without:
                reads += table.read_units + sum(index.read_units for index in table.indexes)
                writes += table.write_units + sum(index.write_units for index in table.indexes)
        return Capacity("PROVISIONED", reads, writes)

    def put_record(self, table: Table) -> None:
        """Create or replace a table's record."""
        self.tables.put(table.account, table.name, table)

    def replayed(self, call: Call, token: str, request: dict[str, Any]) -> bool:
        """Whether a transaction of that token was done already, within its ten minutes."""
        known = self.tokens.get(call.account, token)
        if known is None or self.now() - known.at > TOKEN_S:
            return False
        if known.digest != _digest(request):
            raise ServiceError(
                "IdempotentParameterMismatchException",
                "The request uses the same client token as a previous, but non-identical request. "
                "Do not reuse a client token with different requests, unless the requests are "
                "identical",
            )
        return True

    def remember(self, call: Call, token: str, request: dict[str, Any]) -> None:
        """Note that a transaction was done, and forget those whose time is over."""
        for account, name, known in list(self.tokens.all()):
            if self.now() - known.at > TOKEN_S:
                self.tokens.delete(account, name)
        self.tokens.put(call.account, token, Token(_digest(request), self.now()))

    def upgrade_global_table(self, account: str, name: str) -> None:
        """Make a global table of version 2017.11.29 one of the present version."""
        upgrade(self.globaltables, self.tables, account, name)

    def describe(self, table: Table) -> dict[str, Any]:
        """A table as DescribeTable shows it."""
        count, now = self.items.count(table), self.now()
        size = count.storage(replicated=table.is_global)
        counts = {index.identity: self.items.counts.get(index.identity) for index in table.indexes}
        return {
            **model.description(table, now, count.items, size),
            **throughput.description(table, now),
            **self.strongtables.described(table),
            **encryption.description(table.encryption),
            **indexes.described(table, now, counts),
            **self.globaltables.described(table),
        }

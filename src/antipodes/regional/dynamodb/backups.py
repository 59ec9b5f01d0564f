"""Backups: snapshots with a name, which outlive their tables, and what becomes of them.

A backup is of the moment of its request, to the item: writes that come later are not in it
(AWS promises the minute). It is AVAILABLE when its rows are copied. A table with point-in-time
recovery that is deleted leaves a system backup for 35 days. Backups are of one region; those of a
replica restore to a table of that region alone.

Sources: "Backup and restore for DynamoDB" (Developer Guide); forms and wording as observed of AWS
(ack-api-quirks, services/dynamodb, DDB-BACKUP-003 to 016).
"""

import re
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from antipodes.regional.dynamodb import encryption, model
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.features import Restored
from antipodes.regional.dynamodb.indexes import key_schema
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.regional.dynamodb.recovery import DAY_S, Recoveries
from antipodes.regional.dynamodb.snapshots import Snapshots
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.regional.dynamodb.throughput import on_demand
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host, ServiceError
from antipodes.service.records import Records

KEEP_S = 60.0
SYSTEM_DAYS = 35
USER, SYSTEM, INTERNAL = "USER", "SYSTEM", "INTERNAL"
_ARN = re.compile(
    r"arn:aws[a-z-]*:dynamodb:([a-z0-9-]+):(\d{12}):table/([a-zA-Z0-9_.-]+)/backup/(\d+-[0-9a-f]+)"
)


class Backup(msgspec.Struct, frozen=True):
    """A backup: the table's record as it was, and the snapshot of its items."""

    name: str
    number: str
    kind: str
    created: float
    table: Table
    identity: bytes
    items: int
    size: int
    available: bool = False
    expires: float = 0.0
    restoring: str = ""  # the table that is being restored from it

    @property
    def arn(self) -> str:
        """The backup's ARN."""
        return f"{self.table.arn}/backup/{self.number}"

    @property
    def key(self) -> str:
        """Its name among the records of its account."""
        return f"{self.table.name}/{self.number}"


Told = Callable[[Backup], None]


class Tables(Protocol):
    """What backups need of the service they belong to."""

    host: Host
    tables: TableRecords
    items: TableStore


class Backups:
    """The backups of one region."""

    def __init__(self, service: Tables) -> None:
        self._service = service
        self._host = service.host
        self._runtime = service.host.runtime
        self._records = Records(service.host.store, "dynamodb/backup", Backup)
        self._chance = service.host.runtime.chance("dynamodb/backups")
        self.recoveries = Recoveries(service.host)
        self.snapshots = Snapshots(service.host, service.tables, self._completed)
        self.on_available: list[Told] = []
        service.items.watchers += [self.snapshots.note, self.recoveries.note]

    def start(self) -> None:
        """Go on with what was under way, and let go in time of what need not be kept."""
        self.snapshots.start()
        self._runtime.spawn(self._keep_for_ever(), "keep backups")

    # What there is.

    def find(self, account: str, arn: str) -> Backup:
        """The backup of an ARN."""
        found = _ARN.fullmatch(arn)
        if found is None:
            raise validation("Invalid Backup ARN")
        region, owner, table, number = found.groups()
        if owner != account:
            raise ServiceError("AccessDeniedException", "Access is denied")
        backup = self._records.get(account, f"{table}/{number}")
        if backup is None or backup.kind == INTERNAL or region != self._host.place:
            raise ServiceError("BackupNotFoundException", f"Backup not found: {arn}")
        return backup

    def listed(self, account: str) -> list[Backup]:
        """An account's backups, the oldest first."""
        found = [backup for backup in self._records.list(account) if backup.kind != INTERNAL]
        return sorted(found, key=lambda backup: (backup.created, backup.arn))

    def get(self, account: str, key: str) -> Backup | None:
        """The backup of a key."""
        return self._records.get(account, key)

    def by_identity(self, account: str, identity: bytes) -> Backup | None:
        """The backup that a snapshot belongs to."""
        for backup in self._records.list(account):
            if backup.identity == identity:
                return backup
        return None

    # What happens.

    def create(self, table: Table, name: str, kind: str = USER) -> Backup:
        """Back a table up as it is now."""
        now = self._runtime.wall()
        count = self._service.items.count(table)
        while True:
            identity = self._chance.getrandbits(64).to_bytes(8, "big")
            tail = "00000000" if kind == SYSTEM else identity.hex()[:8]
            backup = Backup(
                name=name,
                number=f"{int(now * 1000):014}-{tail}",
                kind=kind,
                created=int(now * 1000) / 1000,
                table=table,
                identity=identity,
                items=count.items,
                size=count.storage(replicated=table.is_global),
                expires=now + SYSTEM_DAYS * DAY_S if kind == SYSTEM else 0.0,
            )
            # After a restart the draws begin again.
            if self.by_identity(table.account, identity) is None:
                break
        self.put(backup)
        self.snapshots.begin(table, identity)
        return backup

    def put(self, backup: Backup) -> None:
        """Keep a backup's record."""
        self._records.put(backup.table.account, backup.key, backup)

    def delete(self, backup: Backup) -> None:
        """Forget a backup; its rows go in the background."""
        self._records.delete(backup.table.account, backup.key)

    def leave(self, table: Table) -> None:
        """Back up a table with point-in-time recovery, which is about to be deleted."""
        if table.recovery.days:
            self.create(table, f"{table.name}$DeletedTableBackup", SYSTEM)

    def _completed(self, account: str, identity: bytes) -> None:
        backup = self.by_identity(account, identity)
        if backup is not None:
            available = msgspec.structs.replace(backup, available=True)
            self.put(available)
            for tell in self.on_available:
                tell(available)

    def keep(self) -> bool:
        """Let go of some of what need not be kept; whether there was any."""
        now = self._runtime.wall()
        identities: dict[bytes, None] = {}
        needed: dict[bytes, None] = {}
        for _, _, backup in list(self._records.all()):
            if backup.available and not backup.restoring and 0 < backup.expires <= now:
                self.delete(backup)
                continue
            identities[backup.identity] = None
            if backup.restoring:
                needed[backup.table.identity] = None
        tables = {table.identity: table for _, _, table in self._service.tables.all()}
        return self.snapshots.purge(identities.__contains__) or self.recoveries.trim(tables, needed)

    async def _keep_for_ever(self) -> None:
        while True:
            await self._runtime.sleep(self._runtime.interval(KEEP_S))
            try:
                while self.keep():
                    await self._host.store.committed()
                await self._host.store.committed()
            except DiskFull:
                self._runtime.journal.sometimes("dynamodb.backups-kept-too-long")


def details(backup: Backup, status: str = "") -> dict[str, Any]:
    """The BackupDetails of a backup."""
    found = {
        "BackupArn": backup.arn,
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size,
        "BackupStatus": status or ("AVAILABLE" if backup.available else "CREATING"),
        "BackupType": backup.kind,
        "BackupCreationDateTime": backup.created,
    }
    return {**found, "BackupExpiryDateTime": backup.expires} if backup.expires else found


def summary(backup: Backup) -> dict[str, Any]:
    """A backup as ListBackups shows it."""
    return {
        **details(backup),
        "TableName": backup.table.name,
        "TableId": model.uuid_of(backup.table.identity),
        "TableArn": backup.table.arn,
    }


def description(backup: Backup, status: str = "") -> dict[str, Any]:
    """A backup as DescribeBackup shows it."""
    table = backup.table
    source: dict[str, Any] = {
        "TableName": table.name,
        "TableId": model.uuid_of(table.identity),
        "TableArn": table.arn,
        "TableSizeBytes": backup.size,
        "KeySchema": _key_schema(table.key_names),
        "TableCreationDateTime": table.created,
        "ProvisionedThroughput": _units(table),
        "ItemCount": backup.items,
        "BillingMode": table.billing,
        **on_demand(table.throughput),
    }
    return {
        "BackupDetails": details(backup, status),
        "SourceTableDetails": source,
        "SourceTableFeatureDetails": {} if backup.kind == SYSTEM else _features(table),
    }


def _features(table: Table) -> dict[str, Any]:
    found: dict[str, Any] = encryption.description(table.encryption)
    if table.stream:
        found["StreamDescription"] = {"StreamEnabled": True, "StreamViewType": table.stream}
    if table.ttl_attribute:
        found["TimeToLiveDescription"] = {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": table.ttl_attribute,
        }
    for kind, name in (("LSI", "LocalSecondaryIndexes"), ("GSI", "GlobalSecondaryIndexes")):
        shown = [_index(index, kind) for index in table.indexes if index.kind == kind]
        if shown:
            found[name] = shown
    return found


def _index(index: Index, kind: str) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.non_key:
        projection["NonKeyAttributes"] = list(index.non_key)
    found = {
        "IndexName": index.name,
        "KeySchema": key_schema(index),
        "Projection": projection,
    }
    return {**found, "ProvisionedThroughput": _units(index)} if kind == "GSI" else found


def _key_schema(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
    ]


def _units(of: Table | Index) -> dict[str, int]:
    return {"ReadCapacityUnits": of.read_units, "WriteCapacityUnits": of.write_units}


def origin(backup: Backup, at: float) -> Restored:
    """What a table that is restored from a backup says of itself meanwhile."""
    return Restored(backup.table.arn, "" if backup.kind == INTERNAL else backup.arn, at)

"""Restores: new tables with the items of a backup, or of a table as it was at some moment.

A restore works on a snapshot: a backup's, or one of the source table as it is now, from which the
images since the moment asked for are taken back, the newest first. Then its items are put into the
new table like any others, so its indexes are filled on the way. Everything is done a page at a
time, with cursors as records; the table is CREATING until all is there.

Not restored, as AWS has it: tags, streams, time to live, point-in-time recovery, policies, deletion
protection, table class, replicas. Wording as observed of AWS (ack-api-quirks, services/dynamodb,
DDB-TABLE-100, 215 to 219, 272, 273, 279 to 282).
"""

from typing import Any

import msgspec
import orjson

from antipodes.regional.dynamodb import encryption, indexes, throughput
from antipodes.regional.dynamodb.backups import INTERNAL, Backup, Backups, Tables
from antipodes.regional.dynamodb.errors import invalid_request, validation
from antipodes.regional.dynamodb.features import Encryption, Throughput
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.regional.dynamodb.throughput import Capacity
from antipodes.runtime.contract import DiskFull
from antipodes.service.records import Records

PAGE_ROWS = 100
RETRY_S = 1.0
RESTORES_MAX = 50


class Restore(msgspec.Struct, frozen=True):
    """A restore under way. Times are those of images, in microseconds; `upto` goes down."""

    account: str
    table: str
    identity: bytes
    backup: str
    moment: int = 0
    upto: int = 0
    after: bytes = b""


class Restores:
    """The restores of one region that go on."""

    def __init__(self, service: Tables, backups: Backups) -> None:
        self._service = service
        self._host = service.host
        self._runtime = service.host.runtime
        self._backups = backups
        self._records = Records(service.host.store, "dynamodb/restore", Restore)
        backups.on_available.append(self._run)

    def start(self) -> None:
        """Go on with what was under way."""
        for _, _, restore in list(self._records.all()):
            backup = self._backups.get(restore.account, restore.backup)
            if backup is not None and backup.available:
                self._run(backup)

    def count(self, account: str) -> int:
        """How many restores of an account go on."""
        return self._records.count(account)

    def begin(self, table: Table, backup: Backup, *, moment: float | None = None) -> None:
        """Restore a table from a backup, or as it was at a moment before it."""
        backup = msgspec.structs.replace(backup, restoring=table.name)
        restore = Restore(table.account, table.name, table.identity, backup.key)
        if moment is not None:
            upto = self._backups.recoveries.newest(backup.table.identity)
            restore = msgspec.structs.replace(restore, moment=int(moment * 1e6), upto=upto)
        self._service.tables.put(table.account, table.name, table)
        self._backups.put(backup)
        self._records.put(table.account, table.name, restore)
        self._run(backup)

    def _run(self, backup: Backup) -> None:
        if backup.available and backup.restoring:
            account, name = backup.table.account, backup.restoring
            self._runtime.spawn(self._restore(account, name), f"restore {name}")

    async def _restore(self, account: str, name: str) -> None:
        """Restore page by page until nothing is left to be restored."""
        while True:
            try:
                await self._host.store.committed()
                restore = self._records.get(account, name)
                if restore is None:
                    return
                self._step(restore)
                await self._host.store.committed()  # pages come no faster than they become durable
            except DiskFull:
                await self._runtime.sleep(self._runtime.interval(RETRY_S))

    def _step(self, restore: Restore) -> None:
        backup = self._backups.get(restore.account, restore.backup)
        table = self._service.tables.get(restore.account, restore.table)
        assert backup is not None, "a restore without its backup"
        assert table is not None, "a restore without its table"
        assert table.identity == restore.identity, "a restore to another table"
        if restore.upto > restore.moment:
            self._put(self._take_back(restore, backup))
            return
        following = self._load(restore, backup, table)
        if following is not None:
            self._put(following)
            return
        self._records.delete(restore.account, restore.table)
        self._service.tables.put(
            table.account, table.name, msgspec.structs.replace(table, restored=None)
        )
        if backup.kind == INTERNAL:
            self._backups.delete(backup)
        else:
            self._backups.put(msgspec.structs.replace(backup, restoring=""))

    def _put(self, restore: Restore) -> None:
        self._records.put(restore.account, restore.table, restore)

    def _take_back(self, restore: Restore, backup: Backup) -> Restore:
        """Take some changes back that were made after the moment."""
        found = self._backups.recoveries.images(
            backup.table.identity, restore.moment, restore.upto, PAGE_ROWS
        )
        for _, image in found:
            self._backups.snapshots.write(backup.identity, image.place, image.body)
        upto = found[-1][0] - 1 if len(found) == PAGE_ROWS else restore.moment
        return msgspec.structs.replace(restore, upto=upto)

    def _load(self, restore: Restore, backup: Backup, table: Table) -> Restore | None:
        """Put some items into the table; None when all are there."""
        page = self._backups.snapshots.read(backup.identity, restore.after, PAGE_ROWS)
        items = self._service.items
        for _, body in page:
            if body is not None:
                item = orjson.loads(body)
                key = {name: item[name] for name in table.key_names}
                items.put(table, items.row_key(table, key), item)
        return msgspec.structs.replace(restore, after=page[-1][0]) if page else None


def target(source: Table, request: dict[str, Any], blank: Table) -> Table:
    """The table that a restore makes: the source's settings with the request's overrides.

    `blank` has what is the table's own: name, identity, times and origin.
    """
    capacity = _capacity(source, request)
    history = Throughput()
    if capacity.billing == "PAY_PER_REQUEST":
        kept = source.throughput
        history = Throughput(max_reads=kept.max_reads, max_writes=kept.max_writes)
    override = request.get("OnDemandThroughputOverride")
    if override:
        history = _on_demand(override, capacity, history)
    key = encryption.inherited(source.encryption)
    if request.get("SSESpecificationOverride") is not None:
        specification = request["SSESpecificationOverride"]
        key = Encryption(encryption.check(specification, source.account, source.region))
    kept_indexes = _indexes(source, request, capacity, blank)
    names = {*source.key_names, *(name for index in kept_indexes for name in index.key_names)}
    return msgspec.structs.replace(
        blank,
        key_names=source.key_names,
        key_types=source.key_types,
        attributes={n: t for n, t in source.attribute_types.items() if n in names},
        billing=capacity.billing,
        read_units=capacity.reads,
        write_units=capacity.writes,
        throughput=history,
        encryption=key,
        indexes=kept_indexes,
    )


def _capacity(source: Table, request: dict[str, Any]) -> Capacity:
    override = request.get("BillingModeOverride")
    units = request.get("ProvisionedThroughputOverride")
    mode = override or source.billing
    if mode == "PAY_PER_REQUEST":
        if units is not None and override:
            raise invalid_request(
                "Cannot override ProvisionedThroughput if BillingMode is overridden to "
                "PAY_PER_REQUEST"
            )
        if units is not None:
            raise invalid_request(
                "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED"
            )
        return Capacity(mode, 0, 0)
    if units is not None:
        return Capacity(mode, int(units["ReadCapacityUnits"]), int(units["WriteCapacityUnits"]))
    if override and source.billing != "PROVISIONED":
        raise invalid_request(
            "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED"
        )
    return Capacity(mode, source.read_units, source.write_units)


def _on_demand(override: dict[str, Any], capacity: Capacity, known: Throughput) -> Throughput:
    for name in ("MaxReadRequestUnits", "MaxWriteRequestUnits"):
        if override.get(name) is None:
            continue
        if capacity.billing == "PROVISIONED":
            raise invalid_request(
                f"Cannot override {name} for OnDemandThroughput unless BillingModeOverride is "
                "PAY_PER_REQUEST"
            )
        if override[name] < 1 and override[name] != throughput.CLEARED:
            raise invalid_request(
                f"Requested {name} for OnDemandThroughput is outside of valid range"
            )
    asked = {"OnDemandThroughput": override}
    return throughput.check_on_demand(asked, capacity.billing, known, creating=False)


def _indexes(
    source: Table, request: dict[str, Any], capacity: Capacity, blank: Table
) -> tuple[Index, ...]:
    found: list[Index] = []
    for kind, name in (("LSI", "Local"), ("GSI", "Global")):
        known = [i for i in source.indexes if i.kind == kind and i.status != "DELETING"]
        override = request.get(f"{name}SecondaryIndexOverride")
        if override is None:
            chosen = known
        else:
            chosen = [_matched(part, kind, known, source) for part in override]
        found += [_paid(index, capacity) for index in chosen]
    named = [index.name for index in found]
    for number, index_name in enumerate(named):
        if index_name in named[:number]:
            raise validation(
                f"One or more parameter values were invalid: Duplicate index name: {index_name}"
            )
    return tuple(indexes.identified(index, blank.identity, blank.created) for index in found)


def _matched(part: dict[str, Any], kind: str, known: list[Index], source: Table) -> Index:
    """The index of the source that an override means, as the override wants it."""
    name = part["IndexName"]
    unknown = invalid_request(
        f"Index {name} does not match a secondary index that existed in the source table and "
        "cannot be created during the restore operation"
    )
    keys = {element["AttributeName"] for element in part["KeySchema"]}
    if not keys <= source.attribute_types.keys():
        raise unknown
    asked = indexes.made_index(part, kind, source.attribute_types, source.key_names)
    for index in known:
        if (index.key_names, index.hash_count, index.projection, {*index.non_key}) == (
            asked.key_names,
            asked.hash_count,
            asked.projection,
            {*asked.non_key},
        ):
            given = part.get("ProvisionedThroughput") or {}
            units = (
                int(given.get("ReadCapacityUnits") or index.read_units),
                int(given.get("WriteCapacityUnits") or index.write_units),
            )
            return msgspec.structs.replace(
                index, name=name, read_units=units[0], write_units=units[1]
            )
    raise unknown


def _paid(index: Index, capacity: Capacity) -> Index:
    """The index with units that fit the table's billing mode, ACTIVE from the start."""
    if capacity.billing == "PAY_PER_REQUEST":
        index = msgspec.structs.replace(index, read_units=0, write_units=0)
    elif index.kind == "GSI" and not index.read_units:
        raise invalid_request(f"Must specify provisioned throughput for index {index.name}")
    return msgspec.structs.replace(index, status="ACTIVE", ready_at=0.0)

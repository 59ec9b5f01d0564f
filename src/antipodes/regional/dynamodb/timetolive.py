"""Time to live: items whose time is over are removed, some while later, in the background.

An index of expiry has an entry for each item that says when it expires: the table, the time, and
the item's row. It is kept in the group of each change, so a sweep reads what is due and nothing
else, in a table of any size; a write pays for it only where the time changes. Turning time to live
on fills the index from the rows, turning it off empties it: at once in a small table, as in AWS,
else in slices, through restarts, and the status is ENABLING or DISABLING meanwhile.

What is removed is removed as by a request, so it is replicated, indexed and streamed as such; the
change says that it was time to live that did it.

Decided, where AWS does not say: in a table with replicas the region that wrote an item last removes
it, and the others do so themselves when it is still there TAKEOVER_S later (that region may be
lost). A removal is a write like any other: one that a region makes before it has heard of a write
elsewhere that saved the item wins if it is the later one.

Sources: "Using time to live in DynamoDB" (Developer Guide) and UpdateTimeToLive (API reference);
the wording and order of refusals as recorded in ack-api-quirks, services/dynamodb, DDB-TABLE-143
to 147.
"""

import hashlib
import math
from itertools import chain, islice
from typing import Any

import msgspec
import orjson

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.rows import Rows
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import Change, TableStore
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

ENABLED, DISABLED = "ENABLED", "DISABLED"
CHANGED_AGAIN_S = 1800.0  # as it was observed, more than once; the guide says up to an hour
SWEEP_S = 60.0
TAKEOVER_S = 3600.0
AGE_S_MAX = 5 * 365.25 * 24 * 3600.0
_ENTRIES = b"e"
_TIME_BYTES = 5
_DIGITS_MAX = 11  # what would expire after the year 5000 does not
_INDEX_ROWS, _SWEEP_ROWS = 200, 50  # in a group: two or three milliseconds of work
_RETRY_S = 1.0


class Work(msgspec.Struct, frozen=True):
    """An index to be emptied, and filled again from the rows after `after` if it is to be."""

    table: str
    identity: bytes
    attribute: str
    emptied: bool = False
    after: bytes = b""

    @property
    def name(self) -> str:
        """Its name among the records of its account."""
        return f"{self.table}/{self.identity.hex()}"


class TimeToLive:
    """What expires in one region's tables."""

    def __init__(self, host: Host, tables: TableRecords, items: TableStore) -> None:
        self._host = host
        self._store = host.store
        self._runtime = host.runtime
        self._tables = tables
        self._items = items
        self._rows = Rows(host.store)
        self._works = Records(host.store, "dynamodb/expiry", Work)
        self._running: dict[tuple[str, str], None] = {}
        tables.watchers.append(self._follow)
        items.watchers.append(self._note)

    def start(self) -> None:
        """Take up what was under way, and begin to sweep."""
        for account, name, _ in list(self._works.all()):
            self._begin(account, name)
        self._runtime.spawn(self._sweep_for_ever(), "sweep expired items")

    # What requests ask for.

    def update(self, table: Table, specification: dict[str, Any]) -> Table:
        """The table's record with time to live turned on or off, if it may be."""
        attribute, on = specification["AttributeName"], bool(specification["Enabled"])
        if table.strong:
            raise validation(
                "Time to Live is not supported for global tables with MultiRegionConsistency STRONG"
            )
        if table.ttl_status == ENABLED and attribute != table.ttl_attribute:
            raise validation(
                "TimeToLive is active on a different AttributeName: current AttributeName is "
                f"{table.ttl_attribute}"
            )
        if on == (table.ttl_status == ENABLED):
            raise validation(f"TimeToLive is already {'enabled' if on else 'disabled'}")
        now = self._runtime.wall()
        again_at = table.ttl_changed + self._runtime.interval(CHANGED_AGAIN_S)
        if table.ttl_changed <= now < again_at:
            raise validation(
                "Time to live has been modified multiple times within a fixed interval"
            )
        return msgspec.structs.replace(
            table,
            ttl_attribute=attribute if on else "",
            ttl_status=ENABLED if on else DISABLED,
            ttl_changed=now,
        )

    def description(self, table: Table) -> dict[str, Any]:
        """Time to live as DescribeTimeToLive shows it."""
        name = Work(table.name, table.identity, "").name
        changing = self._works.get(table.account, name) is not None
        if table.ttl_status == ENABLED:
            status = "ENABLING" if changing else ENABLED
            return {"TimeToLiveStatus": status, "AttributeName": table.ttl_attribute}
        return {"TimeToLiveStatus": "DISABLING" if changing else DISABLED}

    # The index of expiry.

    def _note(self, change: Change) -> None:
        """Keep the index in step with a change, in its group."""
        table = change.table
        if table.ttl_status != ENABLED:
            return
        old, new = expiry(change.old, table.ttl_attribute), expiry(change.new, table.ttl_attribute)
        if old == new:
            return
        if old is not None:
            self._store.delete(_entry(table.identity, old, change.row_key))
        if new is not None:
            self._store.put(_entry(table.identity, new, change.row_key), change.row_key)

    def _follow(self, before: Table | None, after: Table | None) -> None:
        """Empty and fill a table's index as its record says."""
        old, new = _told(before), _told(after)
        if old == new:
            return
        if before is not None and old is not None and (new is None or old[0] != new[0]):
            self._change(before, "")
        if after is not None and new is not None:
            self._change(after, after.ttl_attribute)

    def _change(self, table: Table, attribute: str) -> None:
        work: Work | None = Work(table.name, table.identity, attribute)
        name = f"{table.name}/{table.identity.hex()}"
        for _ in ("empty it", "fill it"):
            work = self._slice(table.account, work) if work is not None else None
        if work is None:
            self._works.delete(table.account, name)
        else:
            self._works.put(table.account, name, work)
            self._begin(table.account, name)

    def _begin(self, account: str, name: str) -> None:
        if (account, name) not in self._running:
            self._running[account, name] = None
            self._runtime.spawn(self._run(account, name), f"expiry of {name}")

    async def _run(self, account: str, name: str) -> None:
        """Do a piece of work to its end, a slice in each group."""
        while (work := self._works.get(account, name)) is not None:
            try:
                further = self._slice(account, work)
                if further is None:
                    self._works.delete(account, name)
                else:
                    self._works.put(account, name, further)
                await self._store.committed()
            except DiskFull:
                self._runtime.journal.sometimes("dynamodb.expiry-indexed-later")
                await self._runtime.sleep(self._runtime.interval(_RETRY_S))
        del self._running[account, name]

    def _slice(self, account: str, work: Work) -> Work | None:
        """Do a slice; return what is left."""
        if not work.emptied:
            prefix = _ENTRIES + work.identity
            entries = self._store.scan(prefix, rows.after(prefix), limit=_INDEX_ROWS)
            for key, _ in entries:
                self._store.delete(key)
            return msgspec.structs.replace(work, emptied=len(entries) < _INDEX_ROWS)
        table = self._tables.get(account, work.table)
        if not work.attribute or table is None or table.identity != work.identity:
            return None
        start, stop = rows.table_range(work.identity)
        found = self._rows.scan(work.after or start, stop, first=_INDEX_ROWS)
        page = list(islice(chain.from_iterable(found), _INDEX_ROWS))
        for row_key, value in page:
            at = expiry(rows.body_of(value), work.attribute)
            if at is not None:
                self._store.put(_entry(work.identity, at, row_key), row_key)
        if len(page) < _INDEX_ROWS:
            return None
        return msgspec.structs.replace(work, after=page[-1][0] + b"\x00")

    # Sweeping.

    async def _sweep_for_ever(self) -> None:
        while True:
            await self._runtime.sleep(self._runtime.interval(SWEEP_S))
            for account, name, table in list(self._tables.all()):
                try:
                    if table.ttl_status == ENABLED:
                        await self._sweep(account, name)
                except DiskFull:
                    self._runtime.journal.sometimes("dynamodb.items-expired-later")

    async def _sweep(self, account: str, name: str) -> None:
        """Remove what is due in a table, a slice in each group."""
        after = b""
        while True:
            table = self._tables.get(account, name)
            if table is None or table.ttl_status != ENABLED:
                return
            if not table.is_made(self._runtime.wall()):
                return
            prefix = _ENTRIES + table.identity
            delay_s = self._runtime.interval(self._host.settings.ttl_delay_s)
            now = self._runtime.wall() - delay_s
            oldest = prefix + _time(now - AGE_S_MAX)
            stop = prefix + _time(now)
            entries = self._store.scan(max(oldest, after), stop, limit=_SWEEP_ROWS)
            for key, row_key in entries:
                self._expire(table, key, row_key, now)
            if len(entries) < _SWEEP_ROWS:
                return
            after = entries[-1][0] + b"\x00"
            await self._store.committed()
            await self._runtime.sleep(0)

    def _expire(self, table: Table, entry: bytes, row_key: bytes, now: float) -> None:
        """Remove an item, if its time is over and it is for this region to do so."""
        value = self._rows.get(row_key)
        body = None if value is None else rows.body_of(value)
        at = expiry(body, table.ttl_attribute)
        if (
            value is None
            or body is None
            or at is None
            or entry != _entry(table.identity, at, row_key)
        ):
            return  # of an attribute that no longer counts: the index is about to be emptied
        writer = rows.version_of(value).region
        others = {replica.region for replica in table.replicas}
        if writer in others and now < at + self._runtime.interval(TAKEOVER_S):
            return
        item = orjson.loads(body)
        key = {name: item[name] for name in table.key_names}
        self._items.delete(table, row_key, key, by="ttl")


def expiry(body: bytes | None, attribute: str) -> int | None:
    """When an item's JSON says that it expires, in Unix seconds; None for never."""
    if body is None or orjson.dumps(attribute) not in body:
        return None  # mostly decided without parsing
    text = orjson.loads(body).get(attribute, {}).get("N")
    whole = text.partition(".")[0] if text is not None else ""
    return int(whole) if whole.isdigit() and len(whole) <= _DIGITS_MAX else None


def _told(table: Table | None) -> tuple[bytes, str] | None:
    """What a table's record says of time to live; None for off."""
    if table is None or table.ttl_status != ENABLED:
        return None
    return table.identity, table.ttl_attribute


def _time(at: float) -> bytes:
    return max(0, math.ceil(at)).to_bytes(_TIME_BYTES, "big")


def _entry(identity: bytes, at: int, row_key: bytes) -> bytes:
    row = hashlib.blake2b(row_key, digest_size=16).digest()
    return _ENTRIES + identity + at.to_bytes(_TIME_BYTES, "big") + row

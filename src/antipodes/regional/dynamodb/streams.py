"""Streams: every change of an item of a table, in order, for 24 hours.

A record is written in the group of the change it tells of, so there is never one without the other.
Replicated changes are written like those made here. A stream begins and ends with what its table's
record says (`TableRecords`); it can be read for 24 hours after it ended, or its table did.

Shards: one for each partition that AWS would give the table, by the hash of the partition key.
All of them are closed and followed by one child each after four hours (`stream_shard_s`), or when
the stream ends. A closed shard goes when its last record was trimmed and its 24 hours are over.

Decided: shards neither split nor merge, so a stream keeps the number that it began with; records
are trimmed in the background, up to a minute after their 24 hours. The 24 hours are those of the
region's own clock, and shrink with the world's speed, as the life of a shard does.

Sources: "Change data capture for DynamoDB Streams" (Developer Guide); partitions of a new table
from "Partitions and data distribution" and the initial throughput of on-demand mode there.
"""

import math
from collections.abc import Iterator

import msgspec

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.streamrecords import (
    Record,
    Shard,
    Stream,
    pack,
    shard_id,
    stream_identity,
    time_of,
)
from antipodes.regional.dynamodb.streamsettings import new_label
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import Change
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

RETENTION_S = 24 * 3600.0
KEEP_S = 60.0
ON_DEMAND_PARTITIONS = 4
PARTITIONS_MAX = 100
_READ_UNITS, _WRITE_UNITS = 3000, 1000  # of one partition
_RECORDS = b"r"
_TRIM_ROWS = 500
_READ_ROWS = 32


class _Open:
    """Where the records of a stream go now: its shards by slot, and the last number given."""

    __slots__ = ("label", "last", "prefixes", "slots", "view")

    def __init__(self, stream: Stream, last: int) -> None:
        self.label, self.view = stream.label, stream.view
        self.last = last
        shards = stream.open_shards
        self.prefixes = [_prefix(stream, shard) for shard in shards]
        self.slots = len(shards)


class Streams:
    """The streams of one region's tables."""

    def __init__(self, host: Host, tables: TableRecords) -> None:
        self._host = host
        self._store = host.store
        self._runtime = host.runtime
        self._wall = host.runtime.wall
        self._tables = tables
        self._records = Records(host.store, "dynamodb/stream", Stream)
        self._open: dict[bytes, _Open] = {}
        host.store.on_rollback(self._open.clear)
        tables.watchers.append(self._follow)

    def start(self) -> None:
        """Give tables of an earlier version of Antipodes their streams, and begin to keep all."""
        for _, _, table in self._tables.all():
            if table.stream and self.get(table.account, table.name, table.stream_label) is None:
                self._begin(table)
        self._runtime.spawn(self._keep_for_ever(), "keep streams")

    # What there is.

    def get(self, account: str, table: str, label: str) -> Stream | None:
        """A stream."""
        return self._records.get(account, f"{table}/{label}")

    def of(self, account: str) -> list[Stream]:
        """An account's streams, by table and label."""
        return self._records.list(account)

    def new_label(self, account: str, table: str) -> str:
        """A label that no stream of a table of that name has, nor had as long as it is known."""
        known = [stream.label for stream in self.of(account) if stream.table == table]
        return new_label(self._wall(), max(known, default=""))

    def status(self, stream: Stream) -> str:
        """The status that clients wait for."""
        changed, names = stream.created, ("ENABLING", "ENABLED")
        if stream.ended:
            changed, names = stream.ended, ("DISABLING", "DISABLED")
        delay_s = self._runtime.interval(self._host.settings.control_plane_delay_s)
        return names[not changed <= self._wall() < changed + delay_s]

    def last(self, stream: Stream, shard: Shard) -> int:
        """The number of a shard's newest record, or the one it began with."""
        if shard.end:
            return shard.end
        prefix = _prefix(stream, shard)
        newest = self._store.scan(prefix, rows.after(prefix), limit=1, reverse=True)
        return _number(newest[0][0]) if newest else max(shard.start, shard.trimmed)

    def newest(self, stream: Stream) -> int:
        """The number of a stream's newest record."""
        return max(self.last(stream, shard) for shard in stream.shards)

    def read(self, stream: Stream, shard: Shard, number: int) -> Iterator[Record]:
        """A shard's records from a number on."""
        prefix = _prefix(stream, shard)
        stop = rows.after(prefix)
        while True:
            start = prefix + number.to_bytes(8, "big")
            page = self._store.scan(start, stop, limit=_READ_ROWS)
            for key, value in page:
                number = _number(key)
                yield Record(number, value)
            if len(page) < _READ_ROWS:
                return
            number += 1

    def first_since(self, stream: Stream, shard: Shard, since: float) -> int:
        """The number of a shard's first record of a time or later."""
        prefix = _prefix(stream, shard)
        low, high = max(shard.start, shard.trimmed + 1), self.last(stream, shard) + 1
        while low < high:
            middle = (low + high) // 2
            found = self._store.scan(
                prefix + middle.to_bytes(8, "big"), prefix + high.to_bytes(8, "big"), limit=1
            )
            if not found or time_of(found[0][1]) >= since:
                high = middle
            else:
                low = _number(found[0][0]) + 1
        return low

    # What happens.

    def note(self, change: Change) -> None:
        """Write the record of a change, in the group of the change."""
        table = change.table
        if not table.stream:
            return
        present = self._open.get(table.identity)
        if present is None or present.label != table.stream_label:
            present = self._load(table)
            if present is None:
                return  # it ended while this change was under way
        present.last = number = present.last + 1
        prefix = present.prefixes[change.row_key[rows.HEAD_BYTES] * present.slots >> 8]
        self._store.put(
            prefix + number.to_bytes(8, "big"),
            pack(
                present.view,
                self._wall(),
                change.key,
                change.old,
                change.new,
                ttl=change.by == "ttl",
            ),
        )

    def _load(self, table: Table) -> _Open | None:
        stream = self.get(table.account, table.name, table.stream_label)
        if stream is None or stream.ended or stream.table_identity != table.identity:
            return None
        present = self._open[table.identity] = _Open(stream, self.newest(stream))
        return present

    def _follow(self, before: Table | None, after: Table | None) -> None:
        """Begin and end streams as a table's record says."""
        old = _told(before)
        new = _told(after)
        if old == new:
            return
        if before is not None and old is not None:
            present = self.get(before.account, before.name, before.stream_label)
            if present is not None and new is not None and old[:2] == new[:2]:
                self._put(msgspec.structs.replace(present, view=new[2]))
                return
            if present is not None:
                self._end(present)
        if after is not None and new is not None:
            self._begin(after)

    def _put(self, stream: Stream) -> None:
        self._records.put(stream.account, stream.name, stream)
        self._open.pop(stream.table_identity, None)

    def _begin(self, table: Table) -> None:
        now = self._wall()
        identity = stream_identity(table.account, table.name, table.stream_label)
        shards = [
            Shard(shard_id(identity, slot, now), slot, slot, slot + 1, now)
            for slot in range(partitions(table))
        ]
        stream = Stream(
            account=table.account,
            region=table.region,
            table=table.name,
            label=table.stream_label,
            identity=identity,
            table_identity=table.identity,
            view=table.stream,
            key_names=table.key_names,
            created=now,
            shards=(),
        )
        self._put(stream.with_shards(*shards))

    def _end(self, stream: Stream) -> None:
        now = self._wall()
        closed = [self._closed(stream, shard, now) for shard in stream.open_shards]
        self._put(msgspec.structs.replace(stream.with_shards(*closed), ended=now))

    def _closed(self, stream: Stream, shard: Shard, now: float) -> Shard:
        return msgspec.structs.replace(shard, end=self.last(stream, shard), closed=now)

    # What time does.

    async def _keep_for_ever(self) -> None:
        while True:
            await self._runtime.sleep(self._runtime.interval(KEEP_S))
            try:
                for account, name, _ in list(self._records.all()):
                    await self._runtime.sleep(0)
                    await self._keep(account, name)
            except DiskFull:
                self._runtime.journal.sometimes("dynamodb.streams-kept-later")

    async def _keep(self, account: str, name: str) -> None:
        """Roll a stream's shards over, and trim what is too old, a slice at a time."""
        stream = self._records.get(account, name)
        if stream is not None and not stream.ended:
            self._roll(stream)
        more = True
        while more:
            await self._store.committed()
            stream = self._records.get(account, name)
            more = stream is not None and self._trim(stream)

    def _roll(self, stream: Stream) -> None:
        """Close shards that were open for long, and open their children."""
        now, life_s = self._wall(), self._runtime.interval(self._host.settings.stream_shard_s)
        due = [shard for shard in stream.open_shards if now - shard.opened >= life_s]
        if not due:
            return
        start = self.newest(stream) + 1
        number = max(shard.number for shard in stream.shards) + 1
        changed = []
        for step, shard in enumerate(due):
            changed.append(self._closed(stream, shard, now))
            child = shard_id(stream.identity, number + step, now)
            changed.append(
                Shard(child, number + step, shard.slot, start + step, now, parent=shard.id)
            )
        self._put(stream.with_shards(*changed))

    def _trim(self, stream: Stream) -> bool:
        """Forget records that are too old, at most some; whether there may be more of them."""
        horizon = self._wall() - self._runtime.interval(RETENTION_S)
        kept: list[Shard] = []
        left = _TRIM_ROWS
        for shard in stream.shards:
            old = self._too_old(stream, shard, horizon, left)
            for key in old:
                self._store.delete(key)
            left -= len(old)
            trimmed = _number(old[-1]) if old else shard.trimmed
            if not shard.end or shard.closed >= horizon or not self._is_empty(stream, shard):
                kept.append(msgspec.structs.replace(shard, trimmed=trimmed))
        if tuple(kept) == stream.shards:
            return False
        if kept or not stream.ended:
            self._records.put(
                stream.account, stream.name, msgspec.structs.replace(stream, shards=tuple(kept))
            )
        else:
            self._records.delete(stream.account, stream.name)
        return left == 0

    def _too_old(self, stream: Stream, shard: Shard, horizon: float, limit: int) -> list[bytes]:
        """The keys of a shard's records from before some time, the oldest, up to a limit."""
        prefix = _prefix(stream, shard)
        found: list[bytes] = []
        step = 1  # mostly there are none
        while len(found) < limit:
            start = found[-1] + b"\x00" if found else prefix
            page = self._store.scan(start, rows.after(prefix), limit=step)
            old = [key for key, value in page if time_of(value) < horizon]
            found += old
            if len(old) < step:
                break
            step = min(_READ_ROWS, limit - len(found))
        return found

    def _is_empty(self, stream: Stream, shard: Shard) -> bool:
        prefix = _prefix(stream, shard)
        return not self._store.scan(prefix, rows.after(prefix), limit=1)


def partitions(table: Table) -> int:
    """How many partitions AWS gives a new table of its throughput."""
    if table.billing == "PAY_PER_REQUEST":
        return ON_DEMAND_PARTITIONS
    needed = table.read_units / _READ_UNITS + table.write_units / _WRITE_UNITS
    return min(PARTITIONS_MAX, max(1, math.ceil(needed)))


def _told(table: Table | None) -> tuple[bytes, str, str] | None:
    """What a table's record says of its stream; None for no stream."""
    if table is None or not table.stream:
        return None
    return table.identity, table.stream_label, table.stream


def _prefix(stream: Stream, shard: Shard) -> bytes:
    return _RECORDS + stream.identity + shard.number.to_bytes(4, "big")


def _number(key: bytes) -> int:
    return int.from_bytes(key[-8:], "big")

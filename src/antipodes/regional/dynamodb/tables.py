"""Items in tables: reading, writing, pages, and what replication needs of them.

For replication (`globaltables`):

- every local write takes a version from `clock`; in a table with replicas it also appends
  `("dynamodb/item", [account, table, key JSON, version time, version region, item JSON or None,
  item size])` to the host's change log, in the same group;
- `apply_replicated(table, key_json, version, item_json, size)` takes a change from elsewhere if its
  version is greater than what is stored (a tombstone counts), and returns whether it did; it never
  appends. Its caller lets the clock observe the version;
- `read_page(table, after, limit)` gives rows for a backfill by short reads:
  `[(row key, key JSON, version, item JSON or None)]`;
- `purge_tombstones(table, before)` forgets tombstones with a version time below `before`;
- `drop(table)` removes all rows.

JSON is the wire's, as bytes, normalised. Versions: `antipodes.replication.versions`.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple

import orjson

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.attributes import (
    ITEM_BYTES_MAX,
    Item,
    Value,
    equal,
    item_size,
    key_bytes,
    kind_of,
)
from antipodes.regional.dynamodb.counts import Count, Counts
from antipodes.regional.dynamodb.errors import empty_key, invalid_value, validation
from antipodes.regional.dynamodb.indexrows import (
    PARTITION_KEY_BYTES_MAX,
    SORT_KEY_BYTES_MAX,
    Entry,
    IndexRows,
    check_index_keys,
)
from antipodes.regional.dynamodb.keyconditions import KeyCondition
from antipodes.regional.dynamodb.legacytables import marked, marking, unmarked
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.regional.dynamodb.pages import Page, Source, read_page, table_row_key
from antipodes.regional.dynamodb.rows import Rows
from antipodes.replication.versions import HybridClock, Version
from antipodes.runtime.contract import Store

ITEM_KIND = "dynamodb/item"
COLLECTION_BYTES_MAX = 10 << 30  # "Constraints": item collections of a table with local indexes
_TOMBSTONES = b"t"
_PURGED = b"dynamodb/purged/"


class Change(NamedTuple):
    """A change of an item: its wire JSON before and after (None: not there).

    `by` is "" for a request here, "ttl" for time to live here, else the region it came from.
    """

    table: Table
    row_key: bytes
    key: Item
    old: bytes | None
    new: bytes | None
    version: Version
    by: str


Watcher = Callable[[Change], None]


class TableStore:
    """The items of all tables of one region.

    `watchers` are called with every change of an item in a table that is `watched`, in the group
    in which it is made, after the row is written.
    """

    def __init__(self, store: Store, changes: Any, clock: HybridClock) -> None:
        self._store = store
        self._rows = Rows(store)
        self._changes = changes
        self.clock = clock
        self.counts = Counts(store)
        self.index_rows = IndexRows(self._rows, self.counts)
        self.watchers: list[Watcher] = []
        self.collection_max = COLLECTION_BYTES_MAX

    # Keys.

    def row_key(self, table: Table, key: Item) -> bytes:
        """The row key of a key's attributes, which must be of the right types already."""
        return table_row_key(table, key)

    # Items.

    def get_json(self, row_key: bytes) -> bytes | None:
        """An item's JSON."""
        value = self._rows.get(row_key)
        return None if value is None else rows.body_of(value)

    def get(self, row_key: bytes) -> Item | None:
        """An item."""
        body = self.get_json(row_key)
        return None if body is None else orjson.loads(body)

    def put(
        self, table: Table, row_key: bytes, item: Item, *, size: int | None = None, by: str = ""
    ) -> None:
        """Write an item; whoever knows its size says so."""
        if table.legacy:  # as its caller wrote it, then with the mark of who wrote it when
            self.put(unmarked(table), row_key, item, size=size, by=by)
            table, item, size = marking(table), marked(table, item, self.clock.tick()), None
        body = orjson.dumps(item)
        present = self._rows.get(row_key)
        version = self.clock.tick_after(0 if present is None else rows.time_of(present))
        if size is None:
            size = item_size(item)
        self._rows.put(row_key, rows.pack_value(version, body, size))
        self._count(table, row_key, present, (1, size))
        if table.watched or table.indexes:
            key, old = _key(table, item), _body(present)
            self._follow(Change(table, row_key, key, old, body, version, by), item, size)
        if table.replicas:
            self._append(table, _key(table, item), version, body, size)

    def delete(self, table: Table, row_key: bytes, key: Item, *, by: str = "") -> None:
        """Remove an item; in a table with replicas a tombstone stays."""
        if table.legacy and by == "ttl":  # which version 2017.11.29 does not replicate
            table = unmarked(table)
        present = self._rows.get(row_key)
        version = self.clock.tick_after(0 if present is None else rows.time_of(present))
        if table.replicas:
            self._bury(table, row_key, orjson.dumps(key), version)
        else:
            self._rows.delete(row_key)
        self._count(table, row_key, present, (0, 0))
        if table.watched or table.indexes:
            self._follow(Change(table, row_key, key, _body(present), None, version, by))
        if table.replicas:
            self._append(table, key, version, None, 0)

    def _count(
        self, table: Table, row_key: bytes, present: bytes | None, new: tuple[int, int]
    ) -> None:
        """Count what a row's change made of what was there: so many items of so much size."""
        items, size = new
        if present is not None and not present[0]:
            items, size = items - 1, size - rows.size_of(present)
        if items or size:
            self.counts.add(table.identity, items, size)
            if table.indexes and table.has_local:
                self.counts.add(rows.collection_of(row_key), items, size)

    def _follow(self, change: Change, item: Item | None = None, size: int = 0) -> None:
        """Take a change, if it is one, into the indexes, and tell the watchers."""
        old, new = change.old, change.new
        if _alike(old, new):
            return
        if change.table.indexes:
            before = None if old is None else orjson.loads(old)
            entry = None
            if item is not None and new is not None:
                entry = Entry(item, new, size, change.version)
            self.index_rows.follow(change.table, change.row_key, before, entry)
        if change.table.watched:
            for watch in self.watchers:
                watch(change)

    def _append(
        self, table: Table, key: Item, version: Version, body: bytes | None, size: int
    ) -> None:
        key_json = orjson.dumps(key)
        self._changes.append(
            ITEM_KIND,
            [table.account, table.name, key_json, version.time, version.region, body, size],
        )

    def _bury(self, table: Table, row_key: bytes, key_json: bytes, version: Version) -> None:
        self._rows.put(row_key, rows.pack_tombstone(version, key_json))
        marker = _TOMBSTONES + table.identity + version.time.to_bytes(8, "big")
        self._store.put(marker + row_key[-16:], key_json)

    # Replication.

    def apply_replicated(
        self,
        table: Table,
        key_json: bytes,
        version: Version,
        item_json: bytes | None,
        size: int | None = None,
    ) -> bool:
        """Take a change from another region, if it is newer than what is here."""
        key = orjson.loads(key_json)
        row_key = self.row_key(table, key)
        present = self._rows.get(row_key)
        if present is not None and rows.version_of(present) >= version:
            return False
        item = None if item_json is None or not table.indexes else orjson.loads(item_json)
        if item_json is None:
            size = 0
            self._bury(table, row_key, key_json, version)
            self._count(table, row_key, present, (0, 0))
        else:
            if size is None:
                size = item_size(orjson.loads(item_json))
            self._rows.put(row_key, rows.pack_value(version, item_json, size))
            self._count(table, row_key, present, (1, size))
        if table.watched or table.indexes:
            old, by = _body(present), version.region
            self._follow(Change(table, row_key, key, old, item_json, version, by), item, size)
        return True

    def read_page(
        self, table: Table, after: bytes, limit: int
    ) -> list[tuple[bytes, bytes, Version, bytes | None]]:
        """Rows after a row key (b"": from the start), tombstones included."""
        start, stop = rows.table_range(table.identity)
        found: list[tuple[bytes, bytes, Version, bytes | None]] = []
        begin = after + b"\x00" if after else start
        for key, value in chain.from_iterable(self._rows.scan(begin, stop, first=limit)):
            row = rows.unpack(key, value)
            if row.tombstone:
                found.append((key, row.body, row.version, None))
            else:
                item = orjson.loads(row.body)
                key_json = orjson.dumps({name: item[name] for name in table.key_names})
                found.append((key, key_json, row.version, row.body))
            if len(found) >= limit:
                break
        return found

    def purge_tombstones(self, table: Table, before: int, limit: int = 1000) -> int:
        """Forget tombstones older than a version time; return how many were looked at."""
        start = _TOMBSTONES + table.identity
        stop = start + before.to_bytes(8, "big")
        markers = self._store.scan(start, stop, limit=limit)
        if markers and before > self.purged(table):
            self._store.put(_PURGED + table.identity, before.to_bytes(8, "big"))
        for marker, key_json in markers:
            row_key = self.row_key(table, orjson.loads(key_json))
            value = self._rows.get(row_key)
            if value is not None:
                row = rows.unpack(row_key, value)
                if row.tombstone and row.version.time < before:
                    self._rows.delete(row_key)
            self._store.delete(marker)
        return len(markers)

    def has(self, row_key: bytes) -> bool:
        """Whether there is an item, or the tombstone of one."""
        return self._rows.get(row_key) is not None

    def purged(self, table: Table) -> int:
        """The version time below which tombstones are gone: what is older is everywhere, or gone.

        So an item that is older, and is not here, was deleted.
        """
        stored = self._store.get(_PURGED + table.identity)
        return 0 if stored is None else int.from_bytes(stored, "big")

    def drop(self, table: Table, limit: int = 0) -> bool:
        """Remove all rows of a table and of its indexes, or so many; whether there are more."""
        identities = [table.identity, *(index.identity for index in table.indexes)]
        tombstones = _TOMBSTONES + table.identity
        ranges = [
            (tombstones, rows.after(tombstones)),
            *map(rows.table_range, identities),
            self.counts.range_of(table.identity),
        ]
        for start, stop in ranges:
            found = self._store.scan(start, stop, limit=limit)
            for key, _ in found:
                self._store.delete(key)
            if limit and len(found) >= limit:
                return True
        for identity in identities:
            self.counts.drop(identity)
        return False

    # Indexes that are made and deleted.

    def fill(self, table: Table, index: Index, after: bytes, limit: int) -> bytes | None:
        """Take so many rows after a row key into an index; return the last one, None at the end."""
        start, stop = rows.table_range(table.identity)
        begin = after + b"\x00" if after else start
        page = next(self._rows.scan(begin, stop, first=limit), [])
        for key, value in page:
            row = rows.unpack(key, value)
            if not row.tombstone:
                entry = Entry(orjson.loads(row.body), row.body, row.size, row.version)
                self.index_rows.fill(table, index, key, entry)
        return page[-1][0] if page else None

    def drop_index(self, index: Index, limit: int) -> bool:
        """Remove so many rows of an index; whether there are more."""
        found = self._store.scan(*rows.table_range(index.identity), limit=limit)
        for key, _ in found:
            self._store.delete(key)
        if len(found) >= limit:
            return True
        self.counts.drop(index.identity)
        return False

    # Pages.

    def query_page(
        self,
        source: Source,
        condition: KeyCondition,
        *,
        limit: int = 0,
        forward: bool = True,
        start: Item | None = None,
    ) -> Page:
        """Read a page of one partition."""
        low, high = source.partition(condition)
        if start is not None:
            at = source.row_key(start)
            low, high = (max(low, at + b"\x00"), high) if forward else (low, min(high, at))
        return read_page(self._rows, low, high, limit=limit, reverse=not forward)

    def scan_page(
        self,
        source: Source,
        *,
        limit: int = 0,
        segment: tuple[int, int] = (0, 1),
        start: Item | None = None,
    ) -> Page:
        """Read a page of everything, or of one segment of so many."""
        low, high = source.segment(*segment)
        if start is not None:
            at = source.row_key(start)
            if not low <= at < high:
                raise validation(
                    "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
                    "ExclusiveStartKey with correct Segment. TotalSegments: "
                    f"{segment[1]} Segment: {segment[0]}"
                )
            low = at + b"\x00"
        return read_page(self._rows, low, high, limit=limit, reverse=False)

    def collection(self, row_key: bytes) -> Count:
        """The collection that a row of a table with local indexes belongs to, indexes included."""
        return self.counts.get(rows.collection_of(row_key))

    def count(self, table: Table) -> Count:
        """How many items, and their size."""
        return self.counts.get(table.identity)


def _key(table: Table, item: Item) -> Item:
    return {name: item[name] for name in table.key_names}


def _body(value: bytes | None) -> bytes | None:
    return None if value is None else rows.body_of(value)


def _alike(one: bytes | None, other: bytes | None) -> bool:
    """Whether two items are the same, whatever the order in which they were written down."""
    if one is None or other is None or len(one) != len(other):
        return one is other
    if one == other:
        return True
    before, after = orjson.loads(one), orjson.loads(other)
    if before == after or b'S":[' not in one:  # only sets may be alike and not the same
        return bool(before == after)
    return equal({"M": before}, {"M": after})


def check_key(table: Table, key: dict[str, Any]) -> None:
    """Refuse a key that is not exactly the table's."""
    if len(key) != len(table.key_names):
        raise validation("The provided key element does not match the schema")
    for name, kind in table.types.items():
        value = key.get(name)
        if value is None or kind_of(value) != kind:
            raise validation("The provided key element does not match the schema")
        _check_key_value(table, name, value)


def check_item(table: Table, item: Item) -> int:
    """Return an item's size; refuse it if it is too large or its key attributes are wrong."""
    for name, kind in table.types.items():
        value = item.get(name)
        if value is None:
            raise invalid_value(f"Missing the key {name} in the item")
        if kind_of(value) != kind:
            raise invalid_value(
                f"Type mismatch for key {name} expected: {kind} actual: {kind_of(value)}"
            )
        _check_key_value(table, name, value)
    if table.indexes:
        check_index_keys(table, item)
    size = item_size(item)
    if size > ITEM_BYTES_MAX:
        raise validation("Item size has exceeded the maximum allowed size")
    return size


def _check_key_value(table: Table, name: str, value: Value) -> None:
    ((kind, content),) = value.items()
    if kind == "N":
        return
    if not content:
        raise empty_key(name, kind)
    length = len(key_bytes(value)) if not (kind == "S" and content.isascii()) else len(content)
    if name == table.key_names[0]:
        if length > PARTITION_KEY_BYTES_MAX:
            raise invalid_value("Size of hashkey has exceeded the maximum size limit of2048 bytes")
    elif length > SORT_KEY_BYTES_MAX:
        raise invalid_value(
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        )

"""Pages: what one Query or Scan reads of a table or of an index, as the items' own bytes.

A page ends after its limit of items, or with the item that brings it to a megabyte, or with the
range. Nothing is decoded on the way: sizes lie beside the items, and row keys sort and select as
sort keys do, so a page is a slice of the store.
"""

from typing import NamedTuple

import msgspec
import orjson

from antipodes.regional.dynamodb.attributes import Item, Value, key_bytes
from antipodes.regional.dynamodb.indexrows import ABOVE_END, END, escaped, index_row_key, joined
from antipodes.regional.dynamodb.keyconditions import KeyCondition, SortRange
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.regional.dynamodb.rows import (
    VALUE_HEAD_BYTES,
    Rows,
    after,
    body_of,
    partition_prefix,
    segment_range,
    size_of,
)

PAGE_BYTES_MAX = 1 << 20
_ROWS_FIRST = 32


class Source(msgspec.Struct, frozen=True):
    """What is read: a table, or one of its indexes."""

    table: Table
    index: Index | None = None

    @property
    def identity(self) -> bytes:
        """What its row keys begin with."""
        return self.table.identity if self.index is None else self.index.identity

    @property
    def key_names(self) -> tuple[str, ...]:
        """The attributes that conditions on its key are about."""
        return self.table.key_names if self.index is None else self.index.key_names

    @property
    def hash_count(self) -> int:
        """How many of them make the partition key."""
        return 1 if self.index is None else self.index.hash_count

    @property
    def types(self) -> dict[str, str]:
        """Their types by name."""
        key = self.table if self.index is None else self.index
        return dict(zip(key.key_names, key.key_types, strict=True))

    @property
    def start_names(self) -> tuple[str, ...]:
        """The attributes of a key to go on after: the table's and the index's."""
        return tuple(dict.fromkeys((*self.table.key_names, *self.key_names)))

    def row_key(self, item: Item) -> bytes:
        """Where an item, or a key to go on after, lies."""
        key = table_row_key(self.table, item)
        if self.index is None:
            return key
        found = index_row_key(self.index, item, key)
        assert found is not None, "a start key that was not checked"
        return found

    def partition(self, condition: KeyCondition) -> tuple[bytes, bytes]:
        """The range of row keys that meet a condition."""
        partition = joined([key_bytes(v) for v in (condition.partition, *condition.others)])
        prefix = partition_prefix(self.identity, partition)
        for value in condition.equal:
            prefix += escaped(key_bytes(value)) + END
        if condition.sort is None:
            return prefix, after(prefix)
        return sort_range(prefix, condition.sort, ended=self.index is not None)

    def segment(self, number: int, total: int) -> tuple[bytes, bytes]:
        """The range of row keys of a segment of a parallel scan."""
        return segment_range(self.identity, number, total)


def table_row_key(table: Table, key: Item) -> bytes:
    """The row key of a key's attributes, which must be of the right types already."""
    partition = partition_prefix(table.identity, key_bytes(key[table.key_names[0]]))
    if len(table.key_names) == 1:
        return partition
    return partition + key_bytes(key[table.key_names[1]])


def sort_range(prefix: bytes, sort: SortRange, *, ended: bool) -> tuple[bytes, bytes]:
    """The range of row keys whose sort keys meet a condition.

    In a table the sort key is the end of the row key. In an index it is `ended`: escaped, and
    followed by more.
    """

    def at(value: Value) -> bytes:
        key = key_bytes(value)
        return prefix + (escaped(key) if ended else key)

    first, last = at(sort.values[0]), at(sort.values[-1])
    above = ABOVE_END if ended else b"\x00"
    match sort.operator:
        case "=" | "BETWEEN":
            return first, last + above
        case "<":
            return prefix, first
        case "<=":
            return prefix, first + above
        case ">":
            return first + above, after(prefix)
        case ">=":
            return first, after(prefix)
        case _:  # begins_with
            return first, after(first)


class Page(NamedTuple):
    """What a read went through: rows of items before any filter, and whether it may go on."""

    values: list[bytes]
    more: bool

    @property
    def bodies(self) -> list[bytes]:
        """The items as the wire's JSON."""
        return [value[VALUE_HEAD_BYTES + value[1] :] for value in self.values]

    @property
    def size(self) -> int:
        """The sum of the items' sizes."""
        return sum(map(size_of, self.values))

    @property
    def items(self) -> list[Item]:
        """The items as values."""
        found: list[Item] = orjson.loads(b"[%b]" % b",".join(self.bodies))
        return found

    def last(self, source: Source) -> Item | None:
        """The key to go on after; None at the end."""
        if not self.more:
            return None
        item = orjson.loads(body_of(self.values[-1]) or b"")
        return {name: item[name] for name in source.start_names}


def read_page(rows: Rows, low: bytes, high: bytes, *, limit: int, reverse: bool) -> Page:
    """Read a page of the rows from `low` to below `high`; no limit is 0."""
    values: list[bytes] = []
    most = 0  # no item's size is above the length of its row: mostly there is nothing to add up
    size: int | None = None
    first = min(limit, 4 * _ROWS_FIRST) if limit else _ROWS_FIRST
    for page in rows.scan(low, high, reverse=reverse, first=first):
        fresh = [value for _, value in page if not value[0]]  # no tombstones
        if limit:
            fresh = fresh[: limit - len(values)]
        most += sum(map(len, fresh))
        if most >= PAGE_BYTES_MAX:
            size = sum(map(size_of, values)) if size is None else size
            for number, value in enumerate(fresh, start=1):
                size += size_of(value)
                if size >= PAGE_BYTES_MAX:
                    return Page(values + fresh[:number], more=True)
        values += fresh
        if len(values) == limit:
            return Page(values, more=True)
    return Page(values, more=False)

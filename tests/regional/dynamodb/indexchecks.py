"""Whether indexes and counts agree with the rows of their tables, by looking at every row."""

from itertools import chain
from typing import Any

import orjson

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.attributes import item_size
from antipodes.regional.dynamodb.counts import Count
from antipodes.regional.dynamodb.indexrows import index_row_key, projection_of
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.regional.dynamodb.service import DynamoDB


def _rows(service: DynamoDB, identity: bytes) -> dict[bytes, Any]:
    found = rows.Rows(service.host.store).scan(*rows.table_range(identity))
    bodies = ((key, rows.body_of(value)) for key, value in chain.from_iterable(found))
    return {key: orjson.loads(body) for key, body in bodies if body is not None}


def _count(items: dict[bytes, Any]) -> Count:
    return Count(len(items), sum(map(item_size, items.values())))


def _should_hold(table: Table, index: Index, items: dict[bytes, Any]) -> dict[bytes, Any]:
    keyed = ((index_row_key(index, item, key), item) for key, item in items.items())
    return {key: projection_of(table, index, item) for key, item in keyed if key is not None}


def check_agreement(service: DynamoDB, table: Table) -> None:
    """Fail unless the counts of a table, and its active indexes and their counts, agree with it."""
    items = _rows(service, table.identity)
    counts = service.items.counts
    assert counts.get(table.identity) == _count(items)
    collections: dict[bytes, list[Any]] = {}
    for key, item in items.items():
        collections.setdefault(rows.collection_of(key), []).append(item)
    for index in table.indexes:
        held = _rows(service, index.identity)
        assert counts.get(index.identity) == _count(held), index.name
        if index.status == "ACTIVE":
            assert held == _should_hold(table, index, items), index.name
        if index.kind == "LSI":
            for key, item in held.items():
                collection = rows.collection_of(key)[len(index.identity) :]
                collections[table.identity + collection].append(item)
    if table.has_local:
        assert _kept(service, table) == {
            name: Count(len(found), sum(map(item_size, found)))
            for name, found in collections.items()
        }


def _kept(service: DynamoDB, table: Table) -> dict[bytes, Count]:
    """The counts of a table's collections in the store, where they are once it is committed."""
    start, stop = service.items.counts.range_of(table.identity)
    found = service.host.store.scan(start + b"\x00", stop)
    return {key[1:]: service.items.counts.get(key[1:]) for key, _ in found}

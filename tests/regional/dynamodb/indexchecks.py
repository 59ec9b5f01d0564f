"""Whether indexes and counts agree with the rows of their tables, by looking at every row."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import orjson

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.attributes import item_size
from antipodes.regional.dynamodb.counts import Count, Counts
from antipodes.regional.dynamodb.indexrows import index_row_key, projection_of
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.runtime.contract import Store


def _rows(store: Store, identity: bytes) -> dict[bytes, Any]:
    found = rows.Rows(store).scan(*rows.table_range(identity))
    bodies = ((key, rows.body_of(value)) for key, value in chain.from_iterable(found))
    return {key: orjson.loads(body) for key, body in bodies if body is not None}


def _count(items: Iterable[Any]) -> Count:
    sizes = list(map(item_size, items))
    return Count(len(sizes), sum(sizes))


def _should_hold(table: Table, index: Index, items: dict[bytes, Any]) -> dict[bytes, Any]:
    keyed = ((index_row_key(index, item, key), item) for key, item in items.items())
    return {key: projection_of(table, index, item) for key, item in keyed if key is not None}


def check_agreement(store: Store, table: Table, counts: Counts | None = None) -> None:
    """Fail unless the counts of a table, and its active indexes and their counts, agree with it.

    Without `counts`, those in the store.
    """
    items = _rows(store, table.identity)
    counts = counts or Counts(store)
    assert counts.get(table.identity) == _count(items.values())
    collections: dict[bytes, list[Any]] = {}
    for key, item in items.items():
        collections.setdefault(rows.collection_of(key), []).append(item)
    for index in table.indexes:
        held = _rows(store, index.identity)
        assert counts.get(index.identity) == _count(held.values()), index.name
        if index.status == "ACTIVE":
            assert held == _should_hold(table, index, items), index.name
        if index.kind == "LSI":
            for key, item in held.items():
                collection = rows.collection_of(key)[len(index.identity) :]
                collections[table.identity + collection].append(item)
    if table.has_local:
        for collection, found in collections.items():
            assert counts.get(collection) == _count(found)

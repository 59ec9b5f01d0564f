"""Item collections: what one partition key holds in a table and in its local indexes, together.

A table with local indexes allows each of its collections 10 GB; a write that would make it larger
is refused, one that makes it smaller never. Their sizes are counted as tables' are (counts.py), and
told where ReturnItemCollectionMetrics asks for them, as a range of whole gigabytes.

Sources: "Item collections in Local Secondary Indexes" (Developer Guide), botocore's model.
"""

from collections.abc import Iterable
from typing import Any

from antipodes.regional.dynamodb.attributes import Item, item_size, outward_item
from antipodes.regional.dynamodb.counts import ITEM_OVERHEAD_BYTES
from antipodes.regional.dynamodb.indexrows import index_row_key, projection_of
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.rows import collection_of
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.regional.dynamodb.writing import Write
from antipodes.service.contract import ServiceError

GB = 1 << 30


def growth(table: Table, old: Item | None, new: Item | None) -> int:
    """By how much a write makes its collection larger, or with a minus smaller."""
    return _storage(table, new) - _storage(table, old)


def _storage(table: Table, item: Item | None) -> int:
    if item is None:
        return 0
    local = [index for index in table.indexes if index.kind == "LSI"]
    holding = [index for index in local if index_row_key(index, item, b"") is not None]
    parts = [item, *(projection_of(table, index, item) for index in holding)]
    return sum(map(item_size, parts)) + ITEM_OVERHEAD_BYTES * len(parts)


def check_room(store: TableStore, write: Write) -> Write:
    """Return a write, unless it makes its collection larger than one may be."""
    table = write.table
    if table.has_local and write.changes:
        more = growth(table, write.old, write.new)
        if more > 0 and store.collection(write.row_key).storage() + more > store.collection_max:
            raise ServiceError(
                "ItemCollectionSizeLimitExceededException", "Collection size exceeded."
            )
    return write


def metrics(request: dict[str, Any], store: TableStore, write: Write) -> dict[str, Any]:
    """The ItemCollectionMetrics member of a response to one write, where it was asked for."""
    if request.get("ReturnItemCollectionMetrics") != "SIZE" or not write.table.has_local:
        return {}
    return {"ItemCollectionMetrics": _metrics(store, write)}


def metrics_by_table(
    request: dict[str, Any], store: TableStore, writes: Iterable[Write]
) -> dict[str, Any]:
    """The same for several writes: each collection once."""
    if request.get("ReturnItemCollectionMetrics") != "SIZE":
        return {}
    found: dict[str, dict[bytes, dict[str, Any]]] = {}
    for write in writes:
        if write.table.has_local:
            of_table = found.setdefault(write.table.name, {})
            of_table.setdefault(collection_of(write.row_key), _metrics(store, write))
    if not found:
        return {}
    return {"ItemCollectionMetrics": {name: list(parts.values()) for name, parts in found.items()}}


def _metrics(store: TableStore, write: Write) -> dict[str, Any]:
    name = write.table.key_names[0]
    whole = float(store.collection(write.row_key).storage() // GB)
    return {
        "ItemCollectionKey": outward_item({name: write.key[name]}),
        "SizeEstimateRangeGB": [whole, whole + 1],
    }

"""Query, Scan and reads of single items: what was asked for, filtered, projected and paged."""

from typing import Any

import orjson

from antipodes.regional.dynamodb.attributes import Item, item_size, kind_of
from antipodes.regional.dynamodb.capacity import Spent, consumed, read_units
from antipodes.regional.dynamodb.errors import empty_key, invalid_value, validation
from antipodes.regional.dynamodb.indexrows import projected_names
from antipodes.regional.dynamodb.keyconditions import KeyCondition, for_schema
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.pages import Page, Source
from antipodes.regional.dynamodb.plans import GetPlan, ReadPlan, check_paths, nested
from antipodes.regional.dynamodb.projections import project
from antipodes.regional.dynamodb.tables import TableStore, check_key
from antipodes.service.contract import ServiceError


def get_item(store: TableStore, table: Table, plan: GetPlan) -> tuple[Item | None, Item | None]:
    """Read one item: (as asked for, whole)."""
    check_key(table, plan.key)
    check_paths(table, nested(plan.paths))
    item = store.get(store.row_key(table, plan.key))
    paths = plan.paths
    return (item if item is None or paths is None else project(item, paths)), item


def query(
    store: TableStore, table: Table, request: dict[str, Any], plan: ReadPlan
) -> dict[str, Any]:
    """Answer a Query."""
    shape, page = query_page(store, table, request, plan)
    return shape.answer(store, page)


def query_page(
    store: TableStore, table: Table, request: dict[str, Any], plan: ReadPlan
) -> "tuple[Shape, Page]":
    """Read the page of a Query: what is to be answered of it, and the page."""
    source = _source(table, request)
    keys = for_schema(plan.keys, source.key_names, source.types, source.hash_count)
    start = _start(source, plan, keys)
    shape = Shape(source, request, plan, source.key_names)
    page = store.query_page(
        source,
        keys,
        limit=request.get("Limit") or 0,
        forward=request.get("ScanIndexForward") is not False,
        start=start,
    )
    return shape, page


def scan(
    store: TableStore, table: Table, request: dict[str, Any], plan: ReadPlan
) -> dict[str, Any]:
    """Answer a Scan."""
    source = _source(table, request)
    start = _start(source, plan, None)
    shape = Shape(source, request, plan, ())
    page = store.scan_page(
        source, limit=request.get("Limit") or 0, segment=plan.segment, start=start
    )
    return shape.answer(store, page)


def _source(table: Table, request: dict[str, Any]) -> Source:
    name = request.get("IndexName")
    if not name:
        return Source(table)
    index = next((index for index in table.indexes if index.name == name), None)
    if index is None:
        raise validation(f"The table does not have the specified index: {name}")
    if index.status == "CREATING":
        raise validation(f"Cannot read from backfilling global secondary index: {name}")
    if index.status == "DELETING":
        raise validation(f"The table does not have the specified index: {name}")
    if index.kind == "GSI" and request.get("ConsistentRead"):
        raise validation("Consistent reads are not supported on global secondary indexes")
    return Source(table, index)


def _start(source: Source, plan: ReadPlan, keys: KeyCondition | None) -> Item | None:
    start = plan.start
    if start is None:
        return None
    table = source.table
    key = {name: value for name, value in start.items() if name in table.key_names}
    if source.index is not None:
        _check_index_start(source, start)
    try:
        check_key(table, key if source.index is not None else start)
    except ServiceError:
        raise validation(
            "The provided starting key is invalid: The provided key element does not match the "
            "schema"
        ) from None
    if keys is not None:
        partition = (keys.partition, *keys.others)
        first, rest = source.key_names[: source.hash_count], source.key_names[source.hash_count :]
        if any(start[name] != value for name, value in zip(first, partition, strict=True)):
            raise validation(
                "The provided starting key is outside query boundaries based on provided conditions"
            )
        equal = all(start[name] == value for name, value in zip(rest, keys.equal, strict=False))
        if not equal or (keys.sort and not keys.sort.holds(start[rest[len(keys.equal)]])):
            raise validation("The provided starting key does not match the range key predicate")
    return start


def _check_index_start(source: Source, start: Item) -> None:
    """Refuse a start key that has not exactly the index's and the table's keys."""
    names = source.start_names
    if len(start) != len(names) or any(name not in start for name in names):
        raise validation("The provided starting key is invalid")
    for name, kind in source.types.items():
        value = start[name]
        if kind_of(value) != kind:
            raise validation("The provided key element does not match the schema")
        if kind != "N" and not value[kind]:
            raise empty_key(name, kind)


class Shape:
    """What is to be answered of a page: filter, projection, and the form of the answer."""

    def __init__(
        self, source: Source, request: dict[str, Any], plan: ReadPlan, keys: tuple[str, ...]
    ) -> None:
        self._source = source
        self._request = request
        self._paths = plan.paths
        check_paths(source.table, nested(plan.paths))
        self._filter = None if plan.filter is None else plan.filter.test
        self._filtered = () if plan.filter is None else plan.filter.heads
        for name in keys:
            if name in self._filtered:
                raise validation(
                    f"{plan.filter_name} can only contain non-primary key attributes: Primary key "
                    f"attribute: {name}"
                )
        self._count_only = request.get("Select") == "COUNT"
        _check_select(source, request)
        self._fetches = self._check_projected()
        check_paths(source.table, () if plan.filter is None else plan.filter.nested)

    def _check_projected(self) -> bool:
        """Whether items are to be fetched from the table, because the index has not all of them."""
        source, index = self._source, self._source.index
        if index is None or index.projection == "ALL":
            return False
        if self._request.get("Select") == "ALL_ATTRIBUTES":
            return True
        held = projected_names(source.table, index)
        asked = [str(steps[0]) for steps in self._paths or ()]
        missing = [name for name in dict.fromkeys(asked) if name not in held]
        if missing and index.kind == "GSI":
            raise invalid_value(
                f"Global secondary index {index.name} does not project [{', '.join(missing)}]"
            )
        if index.kind == "LSI":
            missing += [name for name in self._filtered if name not in held]
        return bool(missing)

    @property
    def is_plain(self) -> bool:
        """Whether the items are answered as they are stored."""
        whole = self._filter is None and self._paths is None
        return whole and not (self._fetches or self._count_only)

    def answer(self, store: TableStore, page: Page) -> dict[str, Any]:
        """Filter and project a page."""
        source, fetched = self._source, 0.0
        items = [] if self._count_only and self._filter is None else page.items
        if self._fetches:
            items, fetched = self._fetched(store, items)
        if self._filter is not None:
            items = [item for item in items if self._filter(item)]
        scanned = len(page.values)
        count = scanned if self._count_only and self._filter is None else len(items)
        found: dict[str, Any] = {"Count": count, "ScannedCount": scanned}
        if not self._count_only:
            paths = self._paths
            found["Items"] = items if paths is None else [project(i, paths) for i in items]
        last = page.last(source)
        if last is not None:
            found["LastEvaluatedKey"] = last
        return {**found, **self._consumed(page, fetched)}

    def plain_answer(self, page: Page) -> bytes:
        """The same answer where the items are plain, as JSON, from the bytes that are stored."""
        assert self.is_plain, "items that are to be looked at"
        count = len(page.values)
        rest: dict[str, Any] = {}
        last = page.last(self._source)
        if last is not None:
            rest["LastEvaluatedKey"] = last
        rest.update(self._consumed(page, 0.0))
        return b'{"Count":%d,"ScannedCount":%d,"Items":[%b]%b' % (
            count,
            count,
            b",".join(page.bodies),
            b"," + orjson.dumps(rest)[1:] if rest else b"}",
        )

    def _consumed(self, page: Page, fetched: float) -> dict[str, Any]:
        if not self._request.get("ReturnConsumedCapacity"):
            return {}
        source = self._source
        units = self._units(page.size)
        if source.index is None:
            spent = Spent(source.table.name, table=units)
        else:
            spent = Spent(source.table.name, table=fetched).with_index(source.index, units)
        return consumed(self._request, spent)

    def _units(self, size: int) -> float:
        return read_units(size, consistent=bool(self._request.get("ConsistentRead")))

    def _fetched(self, store: TableStore, items: list[Item]) -> tuple[list[Item], float]:
        """The whole items of a local index's, and what reading them costs."""
        table = self._source.table
        whole = [store.get(store.row_key(table, item)) or item for item in items]
        return whole, sum(self._units(item_size(item)) for item in whole)


def _check_select(source: Source, request: dict[str, Any]) -> None:
    """Refuse to get from an index what it has not."""
    select = request.get("Select")
    index = source.index
    if index is None or index.kind == "LSI" or index.projection == "ALL":
        return
    if select == "ALL_ATTRIBUTES":
        raise invalid_value(
            f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} "
            "because its projection type is not ALL"
        )

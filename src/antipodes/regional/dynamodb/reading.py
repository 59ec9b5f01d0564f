"""Query, Scan and reads of single items: what was asked for, filtered, projected and paged."""

from typing import Any

from antipodes.regional.dynamodb.attributes import Item, normal_item
from antipodes.regional.dynamodb.capacity import consumed, read_units
from antipodes.regional.dynamodb.conditions import Test, bind
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.keyconditions import KeyCondition, key_condition
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.projections import project, projection
from antipodes.regional.dynamodb.scope import Scope
from antipodes.regional.dynamodb.tables import Page, TableStore, check_key
from antipodes.regional.dynamodb.writing import refuse_legacy
from antipodes.service.contract import ServiceError

SEGMENTS_MAX = 1_000_000


def get_item(
    store: TableStore, table: Table, request: dict[str, Any]
) -> tuple[Item | None, Item | None]:
    """Read one item: (as asked for, whole)."""
    refuse_legacy(request)
    text = request.get("ProjectionExpression")
    names = request.get("ExpressionAttributeNames")
    if names is not None and text is None:
        raise validation("ExpressionAttributeNames can only be specified when using expressions")
    scope = Scope(names, None)
    paths = None if text is None else projection(text, scope)
    scope.check_used()
    key = normal_item(request["Key"])
    check_key(table, key)
    item = store.get(store.row_key(table, key))
    return (item if item is None or paths is None else project(item, paths)), item


def query(store: TableStore, table: Table, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a Query."""
    _check_index(request)
    refuse_legacy(request)
    text = request.get("KeyConditionExpression")
    if text is None:
        raise validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
            "request."
        )
    scope = Scope(request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"))
    keys = key_condition(text, scope, table.key_names, table.types)
    shape = _Shape(request, scope, table.key_names)
    page = store.query(
        table,
        keys,
        limit=request.get("Limit") or 0,
        forward=request.get("ScanIndexForward") is not False,
        start=_start(table, request, keys),
    )
    return shape.answer(table, page)


def scan(store: TableStore, table: Table, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a Scan."""
    _check_index(request)
    refuse_legacy(request)
    segment, total = _segment(request)
    scope = Scope(request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"))
    shape = _Shape(request, scope, ())
    page = store.scan(
        table,
        limit=request.get("Limit") or 0,
        segment=segment,
        total=total,
        start=_start(table, request, None),
    )
    return shape.answer(table, page)


def _check_index(request: dict[str, Any]) -> None:
    if request.get("IndexName"):
        raise validation(f"The table does not have the specified index: {request['IndexName']}")


def _segment(request: dict[str, Any]) -> tuple[int, int]:
    segment, total = request.get("Segment"), request.get("TotalSegments")
    if segment is None and total is None:
        return 0, 1
    if total is None:
        raise validation(
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present"
        )
    if segment is None:
        raise validation(
            "The Segment parameter is required but was not present in the request when parameter "
            "TotalSegments is present"
        )
    if segment >= total:
        raise validation(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )
    return segment, total


def _start(table: Table, request: dict[str, Any], keys: KeyCondition | None) -> Item | None:
    given = request.get("ExclusiveStartKey")
    if not given:
        return None
    start = normal_item(given)
    try:
        check_key(table, start)
    except ServiceError:
        raise validation(
            "The provided starting key is invalid: The provided key element does not match the "
            "schema"
        ) from None
    if keys is not None:
        if start[table.key_names[0]] != keys.partition:
            raise validation(
                "The provided starting key is outside query boundaries based on provided conditions"
            )
        if keys.sort is not None and not keys.sort.holds(start[table.key_names[1]]):
            raise validation("The provided starting key does not match the range key predicate")
    return start


class _Shape:
    """Filter, projection and the form of the answer."""

    def __init__(self, request: dict[str, Any], scope: Scope, keys: tuple[str, ...]) -> None:
        self._request = request
        text = request.get("ProjectionExpression")
        self._paths = None if text is None else projection(text, scope)
        self._filter = self._bind_filter(scope, keys)
        scope.check_used()
        select = request.get("Select")
        if select == "ALL_PROJECTED_ATTRIBUTES":
            raise validation(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
            )
        if select in {"ALL_ATTRIBUTES", "COUNT"} and text is not None:
            raise validation(
                f"Cannot specify the ProjectionExpression when choosing to get {select}"
            )
        if select == "SPECIFIC_ATTRIBUTES" and text is None:
            raise validation(
                "Must specify the ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
            )
        self._count_only = select == "COUNT"

    def _bind_filter(self, scope: Scope, keys: tuple[str, ...]) -> Test | None:
        text = self._request.get("FilterExpression")
        if text is None:
            return None
        found = bind(text, scope, "FilterExpression")
        for name in keys:
            if name in found.heads:
                raise validation(
                    "Filter Expression can only contain non-primary key attributes: Primary key "
                    f"attribute: {name}"
                )
        return found.test

    def answer(self, table: Table, page: Page) -> dict[str, Any]:
        """Filter and project a page."""
        items = page.items if self._filter is None else [i for i in page.items if self._filter(i)]
        found: dict[str, Any] = {"Count": len(items), "ScannedCount": len(page.items)}
        if not self._count_only:
            paths = self._paths
            found["Items"] = items if paths is None else [project(i, paths) for i in items]
        if page.last is not None:
            found["LastEvaluatedKey"] = page.last
        strong = bool(self._request.get("ConsistentRead"))
        units = read_units(page.size, consistent=strong)
        return {**found, **consumed(self._request, table.name, units)}

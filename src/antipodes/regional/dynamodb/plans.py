"""What a request asks for, as far as it can be known without its table.

DynamoDB looks at a request in this order: its shape (`wire`), which parameters go together, values
and limits, expressions in the order update, condition, key condition, filter, projection, and the
placeholders that none of them used. Only then does it look for the table, and then at keys. So a
plan is made first, and a request that makes no sense is refused whether its table is there or not.
"""

from typing import Any, NamedTuple

from antipodes.regional.dynamodb import legacy
from antipodes.regional.dynamodb.attributes import ITEM_BYTES_MAX, Item, item_size, normal_item
from antipodes.regional.dynamodb.conditions import Bound, Test, bind
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.keyconditions import SortRange
from antipodes.regional.dynamodb.keyconditions import key_conditions as parse_key_conditions
from antipodes.regional.dynamodb.legacy import AttributeUpdates
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.projections import projection
from antipodes.regional.dynamodb.scope import Scope, Steps
from antipodes.regional.dynamodb.updates import Update
from antipodes.service.contract import ServiceError

Request = dict[str, Any]
_UPDATES = ("UpdateExpression", "ConditionExpression")
_CONDITIONS = ("ConditionExpression",)
_PROJECTIONS = ("ProjectionExpression",)


class WritePlan(NamedTuple):
    """A put (with an item), or an update, delete or check (with a key)."""

    given: Item  # the item or the key
    test: Test | None
    nested: tuple[str, ...]  # attributes that expressions look into
    update: Update | AttributeUpdates | None = None


class GetPlan(NamedTuple):
    """A read of one item: its key, and the paths asked for (None: all)."""

    key: Item
    paths: list[Steps] | None


class ReadPlan(NamedTuple):
    """A Query or Scan."""

    paths: list[Steps] | None
    filter: Bound | None
    filter_name: str  # as it is called in errors
    start: Item | None
    keys: dict[str, SortRange]
    segment: tuple[int, int] = (0, 1)


def plan_put(request: Request) -> WritePlan:
    """Plan a PutItem, or a Put of a transaction or a batch."""
    scope = _mixed(request, _CONDITIONS, ("Expected", "ConditionalOperator"))
    item = normal_item(request["Item"])
    if item_size(item) > ITEM_BYTES_MAX:
        raise validation("Item size has exceeded the maximum allowed size")
    _check_return_values(request)
    test, nested = _test(request, scope)
    return WritePlan(item, test, nested)


def plan_delete(request: Request) -> WritePlan:
    """Plan a DeleteItem, or a Delete or ConditionCheck of a transaction."""
    scope = _mixed(request, _CONDITIONS, ("Expected", "ConditionalOperator"))
    key = normal_item(request["Key"])
    _check_return_values(request)
    test, nested = _test(request, scope)
    return WritePlan(key, test, nested)


def plan_update(request: Request) -> WritePlan:
    """Plan an UpdateItem, or an Update of a transaction."""
    parameters = ("AttributeUpdates", "Expected", "ConditionalOperator")
    scope = _mixed(request, _UPDATES, parameters)
    key = normal_item(request["Key"])
    text, given = request.get("UpdateExpression"), request.get("AttributeUpdates")
    update: Update | AttributeUpdates | None = None
    if given is not None:
        update = AttributeUpdates(given)
    elif text is not None and scope is not None:
        update = Update(text, scope)
    test, nested = _test(request, scope)
    if update is not None:
        nested += update.nested
    return WritePlan(key, test, nested, update)


def plan_get(request: Request) -> GetPlan:
    """Plan a GetItem, or a part of a BatchGetItem or TransactGetItems."""
    paths = plan_projection(request)
    return GetPlan(normal_item(request["Key"]), paths)


def plan_projection(request: Request) -> list[Steps] | None:
    """The paths that a read of items by key asks for."""
    scope = _mixed(request, _PROJECTIONS, ("AttributesToGet",))
    paths = legacy.attributes_to_get(request.get("AttributesToGet"))
    if scope is not None:
        paths = _projection(request, scope) if paths is None else paths
        scope.check_used()
    return paths


def plan_query(request: Request) -> ReadPlan:
    """Plan a Query."""
    expressions = ("ProjectionExpression", "FilterExpression", "KeyConditionExpression")
    parameters: tuple[str, ...] = ("AttributesToGet", "QueryFilter", "ConditionalOperator")
    if request.get("KeyConditionExpression") is not None:
        # KeyConditions may go with other expressions.
        parameters += ("KeyConditions",)
    scope = _mixed(request, expressions, parameters)
    filtered = legacy.filtered(request, "QueryFilter")
    paths = legacy.attributes_to_get(request.get("AttributesToGet"))
    start = _start(request)
    _check_select(request)
    text = request.get("KeyConditionExpression")
    if text is None and request.get("KeyConditions") is None:
        raise validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
            "request."
        )
    keys: dict[str, SortRange] = {}
    if scope is not None and text is not None:
        keys = parse_key_conditions(text, scope)
    elif text is None:
        keys = legacy.key_conditions(request)
    return _read_plan(request, scope, ReadPlan(paths, filtered, "QueryFilter", start, keys))


def plan_scan(request: Request) -> ReadPlan:
    """Plan a Scan."""
    expressions = ("ProjectionExpression", "FilterExpression")
    parameters = ("AttributesToGet", "ScanFilter", "ConditionalOperator")
    scope = _mixed(request, expressions, parameters)
    paths = legacy.attributes_to_get(request.get("AttributesToGet"))
    filtered = legacy.filtered(request, "ScanFilter")
    start = _start(request)
    segment = _segment(request)
    _check_select(request)
    return _read_plan(request, scope, ReadPlan(paths, filtered, "ScanFilter", start, {}, segment))


def _read_plan(request: Request, scope: Scope | None, plan: ReadPlan) -> ReadPlan:
    if scope is None:
        return plan
    if request.get("FilterExpression") is not None:
        found = bind(request["FilterExpression"], scope, "FilterExpression")
        plan = plan._replace(filter=found, filter_name="Filter Expression")
    paths = _projection(request, scope)
    if paths is not None:
        plan = plan._replace(paths=paths)
    scope.check_used()
    return plan


def _mixed(
    request: Request, expressions: tuple[str, ...], parameters: tuple[str, ...]
) -> Scope | None:
    """Refuse parameters that do not go together; return the placeholders, if there may be any."""
    new = [name for name in expressions if request.get(name) is not None]
    old = [name for name in parameters if request.get(name) is not None]
    if new and old:
        raise _both_kinds(old, new)
    names, values = (
        request.get("ExpressionAttributeNames"),
        request.get("ExpressionAttributeValues"),
    )
    if names is not None and not new:
        raise validation("ExpressionAttributeNames can only be specified when using expressions")
    valued = [name for name in expressions if name != "ProjectionExpression"]
    if values is not None and valued and not any(name in valued for name in new):
        verb = "are" if len(valued) > 1 else "is"
        raise validation(
            "ExpressionAttributeValues can only be specified when using expressions: "
            f"{' and '.join(valued)} {verb} null"
        )
    return Scope(names, values) if new else None


def _both_kinds(old: list[str], new: list[str]) -> ServiceError:
    return validation(
        "Can not use both expression and non-expression parameters in the same request: "
        f"Non-expression parameters: {{{', '.join(old)}}} "
        f"Expression parameters: {{{', '.join(new)}}}"
    )


def _test(request: Request, scope: Scope | None) -> tuple[Test | None, tuple[str, ...]]:
    """The condition of a write, the last of its expressions."""
    if scope is None:
        return legacy.expected(request), ()
    text = request.get("ConditionExpression")
    found = None if text is None else bind(text, scope)
    scope.check_used()
    return (None, ()) if found is None else (found.test, found.nested)


def _projection(request: Request, scope: Scope) -> list[Steps] | None:
    text = request.get("ProjectionExpression")
    return None if text is None else projection(text, scope)


def _start(request: Request) -> Item | None:
    given = request.get("ExclusiveStartKey")
    if not given:
        return None
    try:
        return normal_item(given)
    except ServiceError as error:
        raise validation(f"The provided starting key is invalid: {error.message}") from None


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


def _check_select(request: Request) -> None:
    """Refuse a Select that says otherwise than the projection."""
    select = request.get("Select")
    asked = [n for n in ("ProjectionExpression", "AttributesToGet") if request.get(n) is not None]
    if asked and select in {"ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT"}:
        what = "only the Count" if select == "COUNT" else select
        raise validation(f"Cannot specify the {asked[0]} when choosing to get {what}")
    if select == "ALL_PROJECTED_ATTRIBUTES" and not request.get("IndexName"):
        raise validation(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
        )
    if select == "SPECIFIC_ATTRIBUTES" and not asked:
        raise validation(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
            "SPECIFIC_ATTRIBUTES"
        )


def _check_return_values(request: Request) -> None:
    """Refuse what a put or a delete cannot return."""
    if (request.get("ReturnValues") or "NONE") not in {"NONE", "ALL_OLD"}:
        raise validation("ReturnValues can only be ALL_OLD or NONE")


def check_projections(parts: dict[str, Request]) -> None:
    """Refuse a batch of which one part speaks in expressions and another does not."""
    asked = {n for part in parts.values() for n in part if part[n] is not None}
    if {"ProjectionExpression", "AttributesToGet"} <= asked:
        raise _both_kinds(["AttributesToGet"], ["ProjectionExpression"])


def nested(paths: list[Steps] | None) -> tuple[str, ...]:
    """The attributes that paths lead into."""
    return tuple(str(steps[0]) for steps in paths or () if len(steps) > 1)


def check_paths(table: Table, nested: tuple[str, ...]) -> None:
    """Refuse to look into a key, of the table or of an index: keys are scalars."""
    if not nested:
        return
    of_indexes = [name for index in table.indexes for name in index.key_names]
    for names, what in ((table.key_names, "Key"), (of_indexes, "IndexKey")):
        for name in names:
            if name in nested:
                raise validation(
                    "Key attributes must be scalars; list random access '[]' and map lookup '.' "
                    f"are not allowed: {what}: {name}"
                )

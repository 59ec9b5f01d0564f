"""Statements run one by one, in batches, and in transactions.

Each is parsed, translated and handed to the classic operations of the same caller, so whatever
those do for streams, indexes, replicas and capacity is done. A batch never fails as a whole but for
what is wrong with it as a whole; a transaction is one TransactWriteItems or TransactGetItems.
"""

from functools import partial
from typing import Any, NamedTuple

from antipodes.regional.dynamodb.attributes import Item, Value, normal
from antipodes.regional.dynamodb.errors import not_found, validation
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.partiqlcalls import Steps, ask
from antipodes.regional.dynamodb.partiqlkeys import Reads, Schema, exact_key
from antipodes.regional.dynamodb.partiqlparser import parse
from antipodes.regional.dynamodb.partiqlreads import (
    Page,
    Selection,
    columns_of,
    unreadable,
)
from antipodes.regional.dynamodb.partiqlterms import plainly
from antipodes.regional.dynamodb.partiqltree import (
    Delete,
    Exists,
    Insert,
    Select,
    Source,
    Statement,
    Update,
)
from antipodes.regional.dynamodb.partiqlvalues import Values
from antipodes.regional.dynamodb.partiqlwrites import (
    OPERATIONS,
    RETURN_VALUES,
    Action,
    action_of,
    check_key,
    duplicate,
)
from antipodes.regional.dynamodb.service import DynamoDB
from antipodes.regional.dynamodb.transactions import replayed
from antipodes.service.contract import Call, Response, ServiceError

_CODES = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ItemCollectionSizeLimitExceededException": "ItemCollectionSizeLimitExceeded",
    "RequestLimitExceeded": "RequestLimitExceeded",
    "ProvisionedThroughputExceededException": "ProvisionedThroughputExceeded",
    "TransactionConflictException": "TransactionConflict",
    "ReplicatedWriteConflictException": "TransactionConflict",
    "ThrottlingException": "ThrottlingError",
    "ResourceNotFoundException": "ResourceNotFound",
    "AccessDeniedException": "AccessDenied",
    "DuplicateItemException": "DuplicateItem",
    "InternalServerError": "InternalServerError",
}
_MIXED = "{} API does not support both read and write operations in the same request."
_NEEDS_KEY = "Select statements within {} must specify the primary key in the where clause."


class Prepared(NamedTuple):
    """A statement with the values of its parameters."""

    statement: Statement
    values: Values

    @property
    def body(self) -> Select | Insert | Update | Delete | Exists:
        """What it says."""
        return self.statement.body

    @property
    def source(self) -> Source:
        """The table that it is about."""
        body = self.body
        return body.select.source if isinstance(body, Exists) else body.source


def prepare(part: dict[str, Any]) -> Prepared:
    """Parse a statement of a request, and take its parameters."""
    parameters: list[Value] = [normal(value) for value in part.get("Parameters") or ()]
    statement = parse(part["Statement"])
    if statement.parameters != len(parameters):
        raise validation("Number of parameters in request and statement don't match.")
    return Prepared(statement, Values(statement.text, parameters))


# One statement.


def single(service: DynamoDB, call: Call, request: dict[str, Any]) -> Steps[Response]:
    """Answer an ExecuteStatement."""
    page = yield from _run(service, call, prepare(request), request)
    found: Response = {"Items": page.items}
    if page.token is not None:
        found["NextToken"] = page.token
        if page.last is not None:
            found["LastEvaluatedKey"] = page.last
    if page.capacity is not None:
        found["ConsumedCapacity"] = page.capacity
    return found


def _run(service: DynamoDB, call: Call, prepared: Prepared, request: dict[str, Any]) -> Steps[Page]:
    """Run a statement that stands alone."""
    plan = _plan(service, call, prepared, request)
    return (yield from _execute(service, call, plan, request))


def _plan(
    service: DynamoDB, call: Call, prepared: Prepared, request: dict[str, Any]
) -> Selection | Action:
    """What a statement that stands alone comes to."""
    body = prepared.body
    if isinstance(body, Exists):
        raise validation("EXISTS can only be used in ExecuteTransaction write requests.")
    try:
        table = service.usable(call.account, body.source.table)
        if isinstance(body, Select):
            return Selection(table, body, prepared.values, request)
        action = _action(prepared, table)
        check_key(action, table)
    except ServiceError as error:
        raise plainly(error) from None
    return action


def _execute(
    service: DynamoDB, call: Call, plan: Selection | Action, request: dict[str, Any]
) -> Steps[Page]:
    try:
        if isinstance(plan, Selection):
            return (yield from plan.page(service, call))
        return (yield from _write(service, call, plan, request))
    except ServiceError as error:
        raise unreadable(plainly(error)) from None


def _action(prepared: Prepared, table: Table) -> Action:
    body = prepared.body
    assert not isinstance(body, Select)
    if prepared.source.index:
        raise validation("This operation is not supported on an index")
    return action_of(body, table, prepared.values)


def _write(service: DynamoDB, call: Call, action: Action, request: dict[str, Any]) -> Steps[Page]:
    wanted = dict(action.request)
    for name in ("ReturnConsumedCapacity", "ReturnValuesOnConditionCheckFailure"):
        if request.get(name) is not None:
            wanted[name] = request[name]
    if action.returning:
        wanted["ReturnValues"] = RETURN_VALUES[action.returning]
    try:
        answer = yield from ask(service, call, OPERATIONS[action.kind], wanted)
    except ServiceError as error:
        if action.kind == "Put" and error.code == "ConditionalCheckFailedException":
            raise duplicate() from None
        raise
    items = [answer["Attributes"]] if answer.get("Attributes") else []
    return Page(items, None, None, answer.get("ConsumedCapacity"))


# Batches.


def batch(service: DynamoDB, call: Call, request: dict[str, Any]) -> Steps[Response]:
    """Answer a BatchExecuteStatement: each statement has an answer or an error of its own."""
    parts: list[dict[str, Any]] = request["Statements"]
    prepared = [_attempt(part) for part in parts]
    _check_alike("BatchExecuteStatement", [p for p in prepared if isinstance(p, Prepared)])
    responses: list[Response] = []
    capacities: list[dict[str, Any]] = []
    for part, one in zip(parts, prepared, strict=True):
        if isinstance(one, ServiceError):
            responses.append({"Error": _error(one)})
            continue
        capacity = request.get("ReturnConsumedCapacity")
        asked = {**part, "ReturnConsumedCapacity": capacity}
        response: Response = {}
        try:
            _check_one_item(service, call, one)
            plan = _plan(service, call, one, asked)
            response = {"TableName": one.source.table}  # from here on it is run
            page = yield from _execute(service, call, plan, asked)
        except ServiceError as error:
            responses.append({"Error": _error(error), **response})
            continue
        if page.items:
            response["Item"] = page.items[0]
        if page.capacity is not None:
            capacities.append(page.capacity)
        responses.append(response)
    found: Response = {"Responses": responses}
    return {**found, "ConsumedCapacity": capacities} if capacities else found


def _attempt(part: dict[str, Any]) -> Prepared | ServiceError:
    try:
        return prepare(part)
    except ServiceError as error:
        return error


def _check_alike(operation: str, statements: list[Prepared]) -> None:
    """Refuse reads and writes in one request."""
    reads = sum(isinstance(one.body, Select) for one in statements)
    if 0 < reads < len(statements):
        raise validation(_MIXED.format(operation))


def _check_one_item(service: DynamoDB, call: Call, prepared: Prepared) -> None:
    """A SELECT in a batch reads one item by its key."""
    body = prepared.body
    if not isinstance(body, Select):
        return
    table = service.usable(call.account, body.source.table)
    schema = Schema(table.key_names, table.key_types)
    Reads(body.where, schema, prepared.values)
    exact = None if body.source.index else exact_key(body.where, schema, prepared.values)
    if exact is None:
        raise validation(_NEEDS_KEY.format("BatchExecuteStatement"))


def _error(error: ServiceError) -> dict[str, Any]:
    """An error as a batch tells it."""
    code = _CODES.get(error.code, "ValidationError")
    item = {"Item": error.members["Item"]} if "Item" in error.members else {}
    return {"Code": code, "Message": error.message, **item}


# Transactions.


def transaction(service: DynamoDB, call: Call, request: dict[str, Any]) -> Steps[Response]:
    """Answer an ExecuteTransaction."""
    parts: list[dict[str, Any]] = request["TransactStatements"]
    statements: list[Prepared] = []
    for number, part in enumerate(parts):
        parameters = [normal(value) for value in part.get("Parameters") or ()]
        statements.append(_within(number, {**part, "Parameters": parameters}))
    _check_alike("ExecuteTransaction", statements)
    reads = isinstance(statements[0].body, Select)
    for number, one in enumerate(statements):
        _check_within(number, one)
    items: list[dict[str, Any]] = []
    reasons: list[dict[str, Any]] = []
    for number, (part, one) in enumerate(zip(parts, statements, strict=True)):
        try:
            items.append(_member(service, call, number, part, one))
            reasons.append({"Code": "None"})
        except _Unfit as unfit:
            reasons.append(unfit.reason)
    if len(items) < len(statements):
        raise _cancelled(reasons)
    capacity = {n: v for n, v in request.items() if n == "ReturnConsumedCapacity"}
    wanted = {"TransactItems": items, **capacity}
    if reads:
        return (yield from _read_all(service, call, statements, wanted))
    token = request.get("ClientRequestToken")
    if token and service.replayed(call, token, request):
        found = replayed(service.items, partial(service.usable, call.account), wanted)
    else:
        found = yield from _write_all(service, call, statements, wanted)
        if token:
            service.remember(call, token, request)
    return {"Responses": [], **found}


class _Unfit(Exception):
    """A statement that makes its transaction be cancelled."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.reason = {"Code": code, "Message": message}


def _failed(number: int, message: str) -> ServiceError:
    return validation(f"Validation failed in TransactStatements[{number}]: {message}")


def _within(number: int, part: dict[str, Any]) -> Prepared:
    try:
        return prepare(part)
    except ServiceError as error:
        raise _failed(number, error.message) from None


def _check_within(number: int, prepared: Prepared) -> None:
    """Refuse what no statement of a transaction may have."""
    body = prepared.body
    if isinstance(body, Update | Delete) and body.returning:
        raise _failed(number, "RETURNING clause is not supported in ExecuteTransaction.")
    if isinstance(body, Exists) and prepared.source.index:
        raise _failed(number, "Operations on indices are not supported in transactions")


def _member(
    service: DynamoDB, call: Call, number: int, part: dict[str, Any], prepared: Prepared
) -> dict[str, Any]:
    """A statement as a member of the classic transaction."""
    try:
        table = service.usable(call.account, prepared.source.table)
    except ServiceError as error:
        if error.code != "ResourceNotFoundException":
            raise _failed(number, error.message) from None
        raise _Unfit("ResourceNotFound", not_found().message) from None
    try:
        if isinstance(prepared.body, Select):
            return {"Get": _get(prepared, prepared.body, table)}
        action = _action(prepared, table)
    except ServiceError as error:
        raise _failed(number, plainly(error).message) from None
    key = action.request.get("Key")
    if key is not None and not _fits(key, table):
        raise _Unfit("ValidationError", "The provided key element does not match the schema")
    returned = part.get("ReturnValuesOnConditionCheckFailure")
    kept = {} if returned is None else {"ReturnValuesOnConditionCheckFailure": returned}
    return {action.kind: {**action.request, **kept}}


def _get(prepared: Prepared, body: Select, table: Table) -> dict[str, Any]:
    if body.source.index:
        raise validation("Reads on indices are not supported within transactions.")
    schema = Schema(table.key_names, table.key_types)
    key = exact_key(body.where, schema, prepared.values)
    if key is None:
        Reads(body.where, schema, prepared.values)
        raise validation(_NEEDS_KEY.format("ExecuteTransaction"))
    if not _fits(key, table):
        raise _Unfit("ValidationError", "The provided key element does not match the schema")
    return {"TableName": body.source.table, "Key": key}


def _fits(key: Item, table: Table) -> bool:
    return all(kind in key.get(name, {}) for name, kind in table.types.items())


def _cancelled(reasons: list[dict[str, Any]]) -> ServiceError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    return ServiceError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def _read_all(
    service: DynamoDB, call: Call, statements: list[Prepared], request: dict[str, Any]
) -> Steps[Response]:
    answer = yield from ask(service, call, "TransactGetItems", request)
    responses: list[Response] = []
    for one, response in zip(statements, answer["Responses"], strict=True):
        assert isinstance(one.body, Select)
        if "Item" in response:
            responses.append({"Item": columns_of(response["Item"], one.body.columns)})
        else:
            responses.append({})
    return {**answer, "Responses": responses}


def _write_all(
    service: DynamoDB, call: Call, statements: list[Prepared], request: dict[str, Any]
) -> Steps[Response]:
    try:
        return (yield from ask(service, call, "TransactWriteItems", request))
    except ServiceError as error:
        reasons = error.members.get("CancellationReasons")
        if reasons is None:
            raise plainly(error) from None
        for one, reason in zip(statements, reasons, strict=True):
            if isinstance(one.body, Insert) and reason["Code"] == "ConditionalCheckFailed":
                reason.update(Code="DuplicateItem", Message=duplicate().message)
        raise _cancelled(reasons) from None

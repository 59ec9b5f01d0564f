"""The fast path: GetItem and PutItem of plain requests, without the model in between.

A request that has nothing but a table, a key or an item, and ConsistentRead is parsed with orjson,
checked with the same functions as the model-driven path, and answered by slicing the stored bytes.
Anything else, and anything wrong, returns None: the model-driven path answers, so its wording
is the only wording. A property test compares the two.
"""

import zlib
from collections.abc import Callable
from typing import Any

import orjson

from antipodes.regional.dynamodb.attributes import normal
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.tables import check_item, check_key
from antipodes.service.contract import Call, ServiceError
from antipodes.service.http import HttpResponse

TARGET = "DynamoDB_20120810."
FastHandler = Callable[[Call, bytes], HttpResponse | None]
_GET_MEMBERS = frozenset({"TableName", "Key", "ConsistentRead"})
_PUT_MEMBERS = frozenset({"TableName", "Item"})
_EMPTY = b"{}"


class FastPath:
    """The fast handlers of one region's DynamoDB."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self._tables: dict[tuple[str, str], tuple[bytes, Table]] = {}

    def handlers(self) -> dict[str, FastHandler]:
        """The handlers by X-Amz-Target."""
        return {TARGET + "GetItem": self.get_item, TARGET + "PutItem": self.put_item}

    def _table(self, account: str, name: object) -> Table | None:
        """A table that can be used; None sends the request the long way."""
        if not isinstance(name, str):
            return None
        service = self._service
        raw = service.tables.raw(account, name)
        if raw is None:
            return None
        known = self._tables.get((account, name))
        if known is None or known[0] != raw:
            known = self._tables[account, name] = (raw, service.tables.decode(raw))
        table = known[1]
        return table if table.is_made(service.now()) and not table.strong else None

    def get_item(self, call: Call, body: bytes) -> HttpResponse | None:
        """Answer a plain GetItem."""
        request = _parse(body, _GET_MEMBERS)
        if request is None or request.get("ConsistentRead", False) not in {True, False}:
            return None
        table = self._table(call.account, request.get("TableName"))
        key = _normalised(request.get("Key"))
        if table is None or key is None:
            return None
        try:
            check_key(table, key)
        except ServiceError:
            return None
        found = self._service.items.get_json(self._service.items.row_key(table, key))
        return _answer(call, _EMPTY if found is None else b'{"Item":%b}' % found)

    def put_item(self, call: Call, body: bytes) -> HttpResponse | None:
        """Answer a plain PutItem."""
        request = _parse(body, _PUT_MEMBERS)
        if request is None:
            return None
        table = self._table(call.account, request.get("TableName"))
        item = _normalised(request.get("Item"))
        if table is None or item is None or table.has_local:
            return None
        try:
            size = check_item(table, item)
        except ServiceError:
            return None
        tables = self._service.items
        tables.put(table, tables.row_key(table, item), item, size=size)
        return _answer(call, _EMPTY)


def _parse(body: bytes, members: frozenset[str]) -> dict[str, Any] | None:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(request, dict) or not request.keys() <= members:
        return None
    return request


def _normalised(item: object) -> dict[str, Any] | None:
    """An item or key in normal form; None for anything that is not well formed."""
    if not isinstance(item, dict) or not all(_well_formed(value) for value in item.values()):
        return None
    try:
        return {name: normal(value) for name, value in item.items()}
    except ServiceError:
        return None


def _well_formed(value: object) -> bool:
    """Whether a value has the JSON types that the wire's model wants."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((kind, content),) = value.items()
    if kind in {"S", "N", "B"}:
        return isinstance(content, str)
    if kind in {"BOOL", "NULL"}:
        return isinstance(content, bool)
    if kind in {"SS", "NS", "BS"}:
        return isinstance(content, list) and all(isinstance(member, str) for member in content)
    if kind == "M":
        return isinstance(content, dict) and all(_well_formed(v) for v in content.values())
    return kind == "L" and isinstance(content, list) and all(_well_formed(v) for v in content)


def _answer(call: Call, body: bytes) -> HttpResponse:
    return HttpResponse(
        200,
        (
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amzn-requestid", call.request_id),
            ("x-amz-crc32", str(zlib.crc32(body))),
        ),
        body,
    )

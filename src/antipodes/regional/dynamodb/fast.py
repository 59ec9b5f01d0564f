"""The fast path: operations on items, plainly asked for, without the model in between.

A request of nothing unusual is parsed with orjson and checked in one pass. The plainest reads and
writes are done here, and answered by slicing the stored bytes; what has expressions, or wants more
than that in return, is handed to the operation's own function, past the model. Anything else, and
anything malformed, returns None: the model-driven path answers, so its wording is the only wording.
Property tests compare the two, byte for byte.

Whoever gives tables what the few lines here do not do: `_is_plain` is the place to say so.
"""

import base64
from collections.abc import Callable
from inspect import iscoroutine
from typing import Any

import orjson

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.attributes import ITEM_BYTES_MAX, key_bytes
from antipodes.regional.dynamodb.indexrows import (
    PARTITION_KEY_BYTES_MAX,
    SORT_KEY_BYTES_MAX,
    check_index_keys,
)
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.plain import Unusual, plain_size
from antipodes.regional.dynamodb.plans import plan_query
from antipodes.regional.dynamodb.reading import query_page
from antipodes.regional.dynamodb.sound import MEMBERS, is_sound
from antipodes.service.contract import Call
from antipodes.service.express import FastHandler

TARGET = "DynamoDB_20120810."
_GET_MEMBERS = frozenset({"TableName", "Key", "ConsistentRead"})
_PUT_MEMBERS = frozenset({"TableName", "Item"})
_EMPTY = b"{}"


def _is_plain(table: Table) -> bool:
    """Whether items of a table may be read and written as they are, without any ado."""
    return not table.strong


class Known:
    """A table, and what its requests need of it, worked out once for each state of its record."""

    __slots__ = ("always_made", "gathers", "keys", "plain", "table")

    def __init__(self, table: Table) -> None:
        self.table = table
        self.plain = _is_plain(table)
        self.gathers = table.has_local  # a collection of items may be full
        self.always_made = table.active_at <= table.created and table.is_made(table.created)
        limits = (PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX)
        self.keys = tuple(zip(table.key_names, table.key_types, limits, strict=False))

    def row_key(self, item: dict[str, Any]) -> bytes:
        """The row key of an item or key whose values are plain; raises Unusual."""
        prefix = b""
        for name, kind, most in self.keys:
            value = item.get(name)
            if value is None or kind not in value:
                raise Unusual
            found = value[kind].encode() if kind == "S" else key_bytes(value)
            if not 0 < len(found) <= most:
                raise Unusual
            if prefix:
                return prefix + found
            prefix = rows.partition_prefix(self.table.identity, found)
        return prefix


class FastPath:
    """The fast handlers of one region's DynamoDB."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self._known: dict[tuple[str, str], Known] = {}
        self._state = (-1, -1)

    def handlers(self) -> dict[str, FastHandler]:
        """The handlers by X-Amz-Target."""
        first: dict[str, Callable[[str, dict[str, Any]], bytes | None]] = {
            "GetItem": self._get_item,
            "PutItem": self._put_item,
            "Query": self._query,
        }
        return {TARGET + name: self._handler(name, first.get(name)) for name in MEMBERS}

    def _handler(
        self, name: str, plainest: Callable[[str, dict[str, Any]], bytes | None] | None
    ) -> FastHandler:
        """Answer an operation in the plainest way that does; None: the model-driven path does."""

        def answer(account: str, body: bytes) -> bytes | None:
            try:
                request = orjson.loads(body)
            except orjson.JSONDecodeError:
                return None
            if type(request) is not dict:
                return None
            found = None if plainest is None else plainest(account, request)
            if found is None and is_sound(name, request):
                found = self._operate(name, account, request)
            return found

        return answer

    def _operate(self, name: str, account: str, request: dict[str, Any]) -> bytes | None:
        """Hand a request that is known to be well formed to the operation's own function."""
        service = self._service
        operation = service.operations.get(name)
        result = operation(service, Call(account, service.host.place, ""), request)
        if type(result) is dict:
            return orjson.dumps(result, default=_base64)
        if iscoroutine(result):  # it did not begin yet: the long way begins and awaits it
            result.close()
        return None

    def _table(self, account: str, name: object) -> Known | None:
        """A table that is ready for the plainest requests; None: not for these few lines."""
        if type(name) is not str:
            return None
        service = self._service
        tables = service.tables
        if tables.state != self._state:
            self._known.clear()
            self._state = tables.state
        known = self._known.get((account, name))
        if known is None:
            table = tables.get(account, name)
            if table is None:
                return None
            known = self._known[account, name] = Known(table)
        if not known.plain:
            return None
        return known if known.always_made or known.table.is_made(service.now()) else None

    def _get_item(self, account: str, request: dict[str, Any]) -> bytes | None:
        if (
            not request.keys() <= _GET_MEMBERS
            or type(request.get("ConsistentRead", True)) is not bool
        ):
            return None
        known = self._table(account, request.get("TableName"))
        key = request.get("Key")
        if known is None or type(key) is not dict or len(key) != len(known.keys):
            return None
        try:
            plain_size(key)
            row_key = known.row_key(key)
        except Unusual:
            return None
        found = self._service.items.get_json(row_key)
        return _EMPTY if found is None else b'{"Item":%b}' % found

    def _put_item(self, account: str, request: dict[str, Any]) -> bytes | None:
        if len(request) != len(_PUT_MEMBERS) or not request.keys() <= _PUT_MEMBERS:
            return None
        known = self._table(account, request["TableName"])
        if known is None or known.gathers:
            return None
        item = request["Item"]
        try:
            size = plain_size(item)
            row_key = known.row_key(item)
        except Unusual:
            return None
        if size > ITEM_BYTES_MAX:
            return None
        table = known.table
        if table.indexes:
            check_index_keys(table, item)
        self._service.items.put(table, row_key, item, size=size)
        return _EMPTY

    def _query(self, account: str, request: dict[str, Any]) -> bytes | None:
        if not is_sound("Query", request):
            return None
        known = self._table(account, request.get("TableName"))
        if known is None:
            return None
        items = self._service.items
        shape, page = query_page(items, known.table, request, plan_query(request))
        if shape.is_plain:
            return shape.plain_answer(page)
        return orjson.dumps(shape.answer(items, page))


def _base64(value: object) -> str:
    """Binary values as the wire has them."""
    assert isinstance(value, bytes), f"{value!r} in an answer"
    return base64.b64encode(value).decode()

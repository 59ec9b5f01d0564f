"""SELECT: the reads that it stands for, in order, a page at a time.

A page is answered with a token that holds where to go on (which of the reads, and after which key)
and a digest of the statement with its parameters: it goes on with that statement only. Where a
statement is several reads, a page has ten items, as the Developer Guide says of IN, or
a megabyte of them.
"""

import base64
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from antipodes.regional.dynamodb.attributes import (
    Item,
    item_size,
    key_bytes,
    normal_item,
    outward_item,
)
from antipodes.regional.dynamodb.conditions import Test, condition
from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.indexrows import projected_names
from antipodes.regional.dynamodb.model import Index, Table, not_offered
from antipodes.regional.dynamodb.pages import PAGE_BYTES_MAX
from antipodes.regional.dynamodb.partiqlcalls import Steps, ask
from antipodes.regional.dynamodb.partiqlkeys import Reads, Schema, Way
from antipodes.regional.dynamodb.partiqlparser import column_name
from antipodes.regional.dynamodb.partiqlterms import Terms, attributes
from antipodes.regional.dynamodb.partiqltree import Expression, Path, Select
from antipodes.regional.dynamodb.partiqlvalues import Values
from antipodes.regional.dynamodb.scope import Scope, get
from antipodes.regional.dynamodb.service import DynamoDB
from antipodes.service import contract
from antipodes.service.contract import ServiceError

ITEMS_IN_PAGE = 10


class Token(msgspec.Struct, frozen=True, array_like=True):
    """Where a statement is to go on: its digest, the number of the read, and a key."""

    digest: bytes
    read: int
    key: Item | None


def read_token(text: str | None, values: Values) -> Token | None:
    """Return the token of a request, checked."""
    if text is None:
        return None
    try:
        token = msgspec.msgpack.decode(base64.b64decode(text, validate=True), type=Token)
    except (ValueError, msgspec.DecodeError):
        raise validation("Invalid NextToken") from None
    if token.digest != values.digest():
        raise validation("NextToken does not match request")
    if token.read < 0 or not all(map(_is_key_value, (token.key or {}).values())):
        raise validation("Invalid NextToken")
    return token


def _is_key_value(value: object) -> bool:
    """Whether a value is of a type that keys can have."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((kind, content),) = value.items()
    return kind in {"S", "N", "B"} and isinstance(content, str)


class Read(NamedTuple):
    """One read: an operation, its request, and what of the condition it leaves to be judged."""

    operation: str
    request: dict[str, Any]
    test: Test | None


class Page(NamedTuple):
    """What a page has: items, where to go on, the last key that was looked at, the capacity."""

    items: list[Item]
    token: str | None
    last: Item | None
    capacity: dict[str, Any] | None


class Selection:
    """A SELECT on a table, ready to be read."""

    def __init__(
        self, table: Table, select: Select, values: Values, request: dict[str, Any]
    ) -> None:
        self._table = table
        self._select = select
        self._values = values
        self._request = request
        self._index = index_of(table, select.source.index)
        held = table if self._index is None else self._index
        self._schema = Schema(held.key_names, held.key_types)
        self._reads = Reads(select.where, self._schema, values)
        directions = {order.name: order.descending for order in select.orders}
        self._check_orders(directions)
        self._ways = self._ordered(directions)
        self._check_index()
        # Without a word on it, the sort key descends where the partition key is ordered by.
        self._forward = not directions.get(self._schema.sort, bool(directions))

    def _check_index(self) -> None:
        """Refuse what an index has not."""
        index = self._index
        if index is None:
            return
        if index.kind == "GSI" and self._request.get("ConsistentRead"):
            raise validation(
                "Strongly consistent read is not supported on Global Secondary Indexes"
            )
        missing = self._beyond(str(column.steps[0]) for column in self._select.columns)
        if missing and index.kind == "GSI":
            raise invalid_value(
                f"Global secondary index {index.name} does not project [{', '.join(missing)}]"
            )
        filtered = [self._beyond(way.heads) for way in self._ways]
        if filtered and all(filtered):
            raise invalid_value(
                f"Secondary index {index.name} does not project one or more filter attributes: "
                f"[{', '.join(filtered[0])}]"
            )

    def _check_orders(self, directions: dict[str, bool]) -> None:
        """Refuse an ORDER BY that reading in order cannot serve."""
        if not directions:
            return
        if self._select.where is None:
            raise validation("Must have WHERE clause in the statement when using ORDER BY clause.")
        for name in directions:
            if name not in self._schema.names:
                raise validation(
                    f"Attribute {name} in ORDER BY clause must be part of the primary key"
                )
        if not self._reads.keyed:
            raise validation(
                "Must have at least one non-optional hash key condition in WHERE clause when using "
                "ORDER BY clause."
            )
        if self._reads.partitions > 1 and self._schema.names[0] not in directions:
            raise validation(
                "Must have hash key in ORDER BY clause when more than one hash key condition "
                "specified in WHERE clause."
            )

    def _ordered(self, directions: dict[str, bool]) -> list[Way]:
        """The ways in the order in which they are read."""
        ways = self._reads.ways
        if not directions:
            return ways
        descending = directions.get(self._schema.sort, True)
        ways = sorted(ways, key=lambda way: way.span().low, reverse=descending)
        down = directions.get(self._schema.names[0], False)
        return sorted(ways, key=lambda way: key_bytes(way.partition or {}), reverse=down)

    # Reads.

    def _read(self, way: Way | None) -> Read:
        """The read of a way; None: a scan."""
        base: dict[str, Any] = {"TableName": self._select.source.table}
        for name in ("ConsistentRead", "ReturnConsumedCapacity"):
            if self._request.get(name) is not None:
                base[name] = self._request[name]
        if way is None:
            return self._scan({**base, **self._shape()})
        key = self._key(way)
        if key is not None:
            return Read("GetItem", {**base, "Key": key}, self._test(self._reads.left(way)))
        terms = Terms(self._values)
        rest = self._reads.left(way)
        judged = any(name in self._schema.names for name in attributes(rest))
        conditions = self._key_condition(way, terms)
        filtered = None if rest is None or judged else terms.condition(rest)
        members = terms.members(KeyConditionExpression=conditions, FilterExpression=filtered)
        forward = {} if self._forward else {"ScanIndexForward": False}
        request = {**base, **self._shape(), **members, **forward}
        return Read("Query", request, self._test(rest) if judged else None)

    def _scan(self, base: dict[str, Any]) -> Read:
        """The read of everything."""
        where = self._reads.where
        if self._index is not None and self._beyond(attributes(where)):
            return Read("Scan", base, self._test(where))
        terms = Terms(self._values)
        text = None if where is None else terms.condition(where)
        return Read("Scan", {**base, **terms.members(FilterExpression=text)}, None)

    def _beyond(self, names: Iterable[str]) -> list[str]:
        """The attributes among some that the index does not hold."""
        index = self._index
        if index is None or index.projection == "ALL":
            return []
        held = projected_names(self._table, index)
        return [name for name in dict.fromkeys(names) if name not in held]

    def _shape(self) -> dict[str, Any]:
        """The index, and all attributes where a local one is asked for what it has not."""
        if self._index is None:
            return {}
        beyond = self._beyond(str(column.steps[0]) for column in self._select.columns)
        whole = beyond and self._index.kind == "LSI"
        return {"IndexName": self._index.name, **({"Select": "ALL_ATTRIBUTES"} if whole else {})}

    def _key(self, way: Way) -> Item | None:
        """The key of the one item that a way is about."""
        if self._index is not None:
            return None
        assert way.partition is not None
        key = {self._schema.names[0]: way.partition}
        if self._schema.sort:
            if not way.sorts or way.sorts[0].operator != "=":
                return None
            key[self._schema.sort] = way.sorts[0].values[0]
        return key

    def _key_condition(self, way: Way, terms: Terms) -> str:
        assert way.partition is not None
        text = f"{terms.name(self._schema.names[0])} = {terms.value(way.partition)}"
        if not way.sorts:
            return text
        sort = way.sorts[0]
        name, shown = terms.name(self._schema.sort), [terms.value(v) for v in sort.values]
        if sort.operator == "BETWEEN":
            return f"{text} AND {name} BETWEEN {shown[0]} AND {shown[1]}"
        if sort.operator == "begins_with":
            return f"{text} AND begins_with({name}, {shown[0]})"
        return f"{text} AND {name} {sort.operator} {shown[0]}"

    def _test(self, node: Expression | None) -> Test | None:
        """A condition as a function of an item, as far as the index holds it."""
        if node is None:
            return None
        terms = Terms(self._values)
        found = terms.members(FilterExpression=terms.condition(node))
        names = found.get("ExpressionAttributeNames")
        scope = Scope(names, found.get("ExpressionAttributeValues"))
        test = condition(found["FilterExpression"], scope, "FilterExpression")
        index = self._index
        if index is None or index.projection == "ALL":
            return test
        held = projected_names(self._table, index)
        return lambda item: test({name: item[name] for name in held if name in item})

    # Pages.

    def page(self, service: DynamoDB, call: contract.Call) -> Steps[Page]:
        """Read a page."""
        token = read_token(self._request.get("NextToken"), self._values)
        ways: list[Way | None] = [*self._ways] if self._reads.keyed else [None]
        limit = self._request.get("Limit") or 0
        if len(ways) > 1:
            limit = min(limit or ITEMS_IN_PAGE, ITEMS_IN_PAGE)
        number, start = (0, None) if token is None else (token.read, token.key)
        items: list[Item] = []
        capacity: dict[str, Any] | None = None
        seen = size = 0
        while number < len(ways):
            read = self._read(ways[number])
            request = dict(read.request)
            if read.operation != "GetItem":
                request |= {"Limit": limit - seen} if limit else {}
                request |= {"ExclusiveStartKey": start} if start is not None else {}
            answer = yield from ask(service, call, read.operation, request)
            found = _items(answer)
            seen += answer.get("ScannedCount", len(found))
            shown = found if read.test is None else _judged(found, read.test)
            items += [columns_of(item, self._select.columns) for item in shown]
            capacity = added(capacity, answer.get("ConsumedCapacity"))
            last = answer.get("LastEvaluatedKey")
            start = None if last is None else normal_item(last)
            number += last is None
            if len(ways) > 1:
                size += sum(item_size(normal_item(item)) for item in found)
            full = number < len(ways) and ((limit and seen >= limit) or size >= PAGE_BYTES_MAX)
            if last is not None or full:
                where = last or request.get("Key")
                return Page(items, self._token(number, start), where, capacity)
        return Page(items, None, None, capacity)

    def _token(self, read: int, key: Item | None) -> str:
        token = Token(self._values.digest(), read, key)
        return base64.b64encode(msgspec.msgpack.encode(token)).decode()


def _items(answer: dict[str, Any]) -> list[Item]:
    if "Items" in answer:
        found: list[Item] = answer["Items"]
        return found
    return [answer["Item"]] if "Item" in answer else []


def _judged(items: list[Item], test: Test) -> list[Item]:
    whole = [normal_item(item) for item in items]
    return [outward_item(item) for item in whole if test(item)]


def columns_of(item: Item, columns: tuple[Path, ...]) -> Item:
    """What is asked for of an item; a path's value goes by its last name."""
    if not columns:
        return item
    found = {column_name(column): get(item, column.steps) for column in columns}
    return {name: value for name, value in found.items() if value is not None}


def index_of(table: Table, name: str) -> Index | None:
    """The index of a table that a statement names, if it names one."""
    if not name:
        return None
    found = next((index for index in table.indexes if index.name == name), None)
    if found is None:
        raise validation("The table does not have the specified index")
    if found.compound:
        raise not_offered("PartiQL on an index whose key has several HASH or RANGE attributes")
    return found


def added(one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any] | None:
    """Two consumed capacities as one."""
    if one is None or other is None:
        return one or other
    found = dict(one)
    for name, value in other.items():
        if isinstance(value, dict):
            found[name] = added(found.get(name), value)
        elif isinstance(value, float | int):
            found[name] = found.get(name, 0.0) + value
    return found


def unreadable(error: ServiceError) -> ServiceError:
    """The error for a token whose key does not fit."""
    if "starting key" in error.message or "ExclusiveStartKey" in error.message:
        return validation("Invalid NextToken")
    return error

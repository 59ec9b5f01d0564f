"""Consumed capacity, exactly.

Sources: "Capacity unit consumption" and "Secondary indexes" (Developer Guide).

A write costs the larger of the old and the new item in the table. In each index that the item is
in, it costs what changes there: nothing, if nothing that is projected does; one write; or two (a
delete and a put), if the index key changes. Transactions cost twice in the table and in its local
indexes, which lie with it; global indexes follow by themselves, at the plain price.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from antipodes.regional.dynamodb.attributes import Item, item_size
from antipodes.regional.dynamodb.indexrows import index_row_key, projection_of
from antipodes.regional.dynamodb.model import Index, Table

WRITE_BYTES, READ_BYTES = 1024, 4096


def write_units(*sizes: int, transactional: bool = False) -> float:
    """Units of a write: the larger of old and new item, at least one."""
    units = max(1, -(-max(sizes, default=0) // WRITE_BYTES))
    return float(units * (2 if transactional else 1))


def read_units(size: int, *, consistent: bool, transactional: bool = False) -> float:
    """Units of a read of so many bytes, at least the smallest."""
    units = max(1, -(-size // READ_BYTES))
    if transactional:
        return float(units * 2)
    return float(units) if consistent else units / 2


class Spent(NamedTuple):
    """What a request consumed of one table and of its indexes."""

    name: str
    table: float = 0.0
    local: tuple[tuple[str, float], ...] = ()
    over_all: tuple[tuple[str, float], ...] = ()  # global indexes

    @property
    def total(self) -> float:
        """All of it."""
        return self.table + sum(units for _, units in (*self.local, *self.over_all))

    def with_index(self, index: Index, units: float) -> "Spent":
        """The same and an index's share."""
        share = ((index.name, units),)
        if index.kind == "LSI":
            return self._replace(local=self.local + share)
        return self._replace(over_all=self.over_all + share)

    def plus(self, other: "Spent") -> "Spent":
        """Both, of one table."""
        return Spent(
            self.name,
            self.table + other.table,
            _sums(self.local + other.local),
            _sums(self.over_all + other.over_all),
        )


def _sums(shares: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {}
    for name, units in shares:
        found[name] = found.get(name, 0.0) + units
    return tuple(found.items())


def write_spent(
    table: Table, old: Item | None, new: Item | None, *, transactional: bool = False
) -> Spent:
    """What a write of an item consumes."""
    sizes = item_size(old or {}), item_size(new or {})
    spent = Spent(table.name, write_units(*sizes, transactional=transactional))
    for index in table.indexes:
        units = _index_units(table, index, old, new) if index.status != "DELETING" else 0.0
        if units:
            twice = transactional and index.kind == "LSI"
            spent = spent.with_index(index, units * 2 if twice else units)
    return spent


def _index_units(table: Table, index: Index, old: Item | None, new: Item | None) -> float:
    before = None if old is None else index_row_key(index, old, b"")
    after = None if new is None else index_row_key(index, new, b"")
    was = projection_of(table, index, old) if before is not None and old is not None else None
    is_now = projection_of(table, index, new) if after is not None and new is not None else None
    if was == is_now:
        return 0.0
    if was is None or is_now is None or before == after:
        return write_units(item_size(was or {}), item_size(is_now or {}))
    return write_units(item_size(was)) + write_units(item_size(is_now))


def consumed(request: dict[str, Any], spent: Spent, *, both: str = "") -> dict[str, Any]:
    """The ConsumedCapacity member of a response, where it was asked for."""
    wanted = request.get("ReturnConsumedCapacity") or "NONE"
    if wanted == "NONE":
        return {}
    return {"ConsumedCapacity": _shape(wanted, spent, both, _arns(request))}


def consumed_by_table(
    request: dict[str, Any], spent: Iterable[Spent], *, both: str = ""
) -> dict[str, Any]:
    """The same for an operation on several tables.

    Transactions tell `both` all units and those of a kind, "Read" or "Write".
    """
    wanted = request.get("ReturnConsumedCapacity") or "NONE"
    if wanted == "NONE":
        return {}
    totals: dict[str, Spent] = {}
    for one in spent:
        totals[one.name] = totals[one.name].plus(one) if one.name in totals else one
    arns = _arns(request)
    return {"ConsumedCapacity": [_shape(wanted, one, both, arns) for one in totals.values()]}


def _arns(request: dict[str, Any]) -> dict[str, str]:
    """The ARNs that a request gave instead of names: its answer tells them in turn."""
    given = [
        request.get("TableName") or "",
        *(request.get("RequestItems") or ()),
        *(
            part["TableName"]
            for action in request.get("TransactItems") or ()
            for part in action.values()
            if part
        ),
    ]
    return {name.rpartition("/")[2]: name for name in given if name.startswith("arn:")}


def _shape(wanted: str, spent: Spent, both: str, arns: dict[str, str]) -> dict[str, Any]:
    name = arns.get(spent.name, spent.name)
    found: dict[str, Any] = {"TableName": name, **_units(spent.total, both)}
    if wanted == "INDEXES":
        found["Table"] = _units(spent.table, both)
        for name, shares in (
            ("LocalSecondaryIndexes", spent.local),
            ("GlobalSecondaryIndexes", spent.over_all),
        ):
            if shares:
                found[name] = {index: _units(units, both) for index, units in shares}
    return found


def _units(units: float, both: str) -> dict[str, float]:
    found = {"CapacityUnits": units}
    if both:
        found[f"{both}CapacityUnits"] = units
    return found

"""Which items a WHERE clause can be about: the keys of a write, and the reads of a SELECT.

A SELECT becomes reads of partitions where each of the ways in which its condition can hold (OR and
IN taken apart) names a partition; otherwise it is a scan. Reads that would go over the same items
twice are refused, as in AWS, so nothing is ever returned twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from antipodes.regional.dynamodb.attributes import Item, Value, equal, key_bytes, kind_of
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.keyconditions import SortRange
from antipodes.regional.dynamodb.partiqlterms import (
    attributes,
    check_choices,
    conjuncts,
    together,
)
from antipodes.regional.dynamodb.partiqltree import (
    Between,
    Both,
    Call,
    Compare,
    Expression,
    In,
    Path,
    Sequence,
)
from antipodes.regional.dynamodb.partiqlvalues import Values
from antipodes.regional.dynamodb.rows import after
from antipodes.service.contract import ServiceError

READS_MAX = 50  # "PartiQL operators": values of a partition key in one IN
_WAYS_MAX = 1000  # what taking apart may come to before it is given up
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_PAIR = 2


@dataclass(frozen=True, slots=True)
class Schema:
    """The key of a table or index: its attributes' names and types."""

    names: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def sort(self) -> str:
        """The sort key's name, if there is one."""
        return self.names[1] if len(self.names) > 1 else ""

    def check(self, name: str, value: Value) -> None:
        """Refuse a value that cannot be a key's."""
        if kind_of(value) != self.types[self.names.index(name)]:
            raise validation(
                "Key attribute's data type should match its data type in table's schema: Key "
                f"{name}"
            )


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of sort keys from low to high (None: to the end), with or without the ends."""

    low: bytes = b""
    high: bytes | None = None
    with_low: bool = True
    with_high: bool = True

    def meet(self, other: "Span") -> "Span":
        """What two spans share."""
        low, with_low = max((self.low, not self.with_low), (other.low, not other.with_low))
        tops = [span for span in (self, other) if span.high is not None]
        if not tops:
            return Span(low, None, with_low=not with_low)
        least = min(tops, key=lambda span: (span.high or b"", span.with_high))
        return Span(low, least.high, not with_low, least.with_high)

    @property
    def empty(self) -> bool:
        """Whether no sort key lies in it."""
        if self.high is None:
            return False
        inside = self.with_low and self.with_high
        return self.low > self.high or (self.low == self.high and not inside)


def span_of(sort: SortRange) -> Span:
    """The sort keys that meet a condition."""
    first = key_bytes(sort.values[0])
    match sort.operator:
        case "=":
            return Span(first, first)
        case "<":
            return Span(b"", first, with_high=False)
        case "<=":
            return Span(b"", first)
        case ">":
            return Span(first, with_low=False)
        case ">=":
            return Span(first)
        case "BETWEEN":
            return Span(first, key_bytes(sort.values[1]))
        case _:
            top = after(first) if first.strip(b"\xff") else None
            return Span(first, top, with_high=False)


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a condition can hold: a partition, and conditions on the sort key.

    The nodes are those that the partition and the first condition on the sort key came from. It is
    loose if it has a condition on the sort key that is no range: a negation, or `<>`.
    """

    partition: Value | None = None
    sorts: tuple[SortRange, ...] = ()
    partition_node: Expression | None = None
    sort_node: Expression | None = None
    loose: bool = False
    heads: tuple[str, ...] = ()  # the other attributes that it is about

    def joined(self, other: "Way") -> "Way":
        """Both at once; of two partitions the first, the condition is judged again anyway."""
        one = other if self.partition is None else self
        sort_node = self.sort_node if self.sorts else other.sort_node
        sorts, loose = (*self.sorts, *other.sorts), self.loose or other.loose
        heads = (*self.heads, *other.heads)
        return Way(one.partition, sorts, one.partition_node, sort_node, loose, heads)

    def span(self) -> Span:
        """The sort keys that it is about."""
        found = Span()
        for sort in self.sorts:
            found = found.meet(span_of(sort))
        return found


class Reads:
    """The ways of a WHERE clause on a table or index with some key."""

    def __init__(self, where: Expression | None, schema: Schema, values: Values) -> None:
        self._schema = schema
        self._values = values
        self.where = where
        found = [Way()] if where is None else self._ways(where)
        self._alone = len(found) == 1
        self.keyed = all(way.partition is not None for way in found)
        self.ways = self._checked(found) if self.keyed else []

    @property
    def partitions(self) -> int:
        """How many partitions are read."""
        return len({key_bytes(way.partition) for way in self.ways if way.partition is not None})

    def left(self, way: Way) -> Expression | None:
        """What the key of a way leaves to be judged: of several ways, the whole condition."""
        if not self._alone:
            return self.where
        used = (way.partition_node, way.sort_node)
        return together([n for n in conjuncts(self.where) if not any(n is node for node in used)])

    def _checked(self, ways: list[Way]) -> list[Way]:
        """Refuse wrong types, too many reads, and reads of the same items."""
        for way in ways:
            assert way.partition is not None
            self._schema.check(self._schema.names[0], way.partition)
            for sort in way.sorts:
                for value in sort.values:
                    self._schema.check(self._schema.sort, value)
        if len(ways) > READS_MAX:
            raise _too_many()
        if len(ways) == 1:
            return ways  # whatever is wrong with it, the query says
        kept: list[Way] = []
        for way, span in ((way, way.span()) for way in _merged(ways)):
            for other in kept:
                if _same_partition(way, other) and not span.meet(other.span()).empty:
                    raise validation(
                        "Overlapping conditions with range keys are not supported in where clause"
                    )
            if not span.empty:
                kept.append(way)
        return kept

    def _ways(self, node: Expression) -> list[Way]:
        heads = tuple(attributes(node))
        if not any(name in self._schema.names for name in heads):
            return [Way(heads=heads)]
        match node:
            case Both(operator="OR"):
                return _bounded([way for part in node.parts for way in self._ways(part)])
            case Both():
                found = [Way()]
                for part in node.parts:
                    ways = self._ways(part)
                    found = _bounded([one.joined(other) for one in found for other in ways])
                return found
            case Compare():
                return [self._compared(node)]
            case In():
                return self._chosen(node)
            case Between() | Call():
                return [self._ranged(node)]
            case _:
                return [Way(loose=self._schema.sort in heads, heads=heads)]

    def _compared(self, node: Compare) -> Way:
        name, operator, value = key_comparison(node, self._schema, self._values)
        if value is None or operator == "<>":
            return Way(loose=name == self._schema.sort)
        if name == self._schema.names[0]:
            return Way(value, partition_node=node) if operator == "=" else Way()
        return Way(None, (SortRange(operator, (value,)),), sort_node=node)

    def _chosen(self, node: In) -> list[Way]:
        name, values = key_choices(node, self._schema, self._values)
        if not values:
            return [Way()]
        if name == self._schema.names[0]:
            return [Way(value, partition_node=node) for value in values]
        return [Way(None, (SortRange("=", (value,)),), sort_node=node) for value in values]

    def _ranged(self, node: Between | Call) -> Way:
        """BETWEEN and begins_with on the sort key."""
        parts: tuple[Expression, ...]
        if isinstance(node, Between):
            operator, parts = "BETWEEN", (node.operand, node.low, node.high)
        elif node.name == "begins_with" and len(node.operands) == _PAIR:
            operator, parts = "begins_with", node.operands
        else:
            return Way()
        values = [self._values.constant(part) for part in parts[1:]]
        known = [value for value in values if value is not None]
        if key_name(parts[0]) != self._schema.sort or len(known) < len(values):
            return Way()
        if operator == "begins_with" and kind_of(known[0]) == "N":
            return Way()
        return Way(None, (SortRange(operator, tuple(known)),), sort_node=node)


def key_name(node: Expression) -> str:
    """The name of a path that is one; else nothing."""
    return str(node.steps[0]) if isinstance(node, Path) and len(node.steps) == 1 else ""


def key_comparison(
    node: Expression, schema: Schema, values: Values
) -> tuple[str, str, Value | None]:
    """A comparison of a key's attribute with a constant: name, comparator, value (or None)."""
    if not isinstance(node, Compare):
        return "", "", None
    sides = ((node.left, node.right, node.operator),)
    for path, other, operator in (*sides, (node.right, node.left, _MIRRORED[node.operator])):
        if key_name(path) in schema.names:
            return key_name(path), operator, values.constant(other)
    return "", "", None


def key_choices(node: Expression, schema: Schema, values: Values) -> tuple[str, list[Value]]:
    """A key's attribute among constants; no values if it is anything else."""
    if not isinstance(node, In) or key_name(node.operand) not in schema.names:
        return "", []
    choices = node.choices
    if isinstance(choices, Sequence):
        check_choices(choices)
    members = choices.members if isinstance(choices, Sequence) else (choices,)
    found = [values.constant(member) for member in members]
    known = [value for value in found if value is not None]
    return key_name(node.operand), known if len(known) == len(found) else []


def _equalities(
    nodes: list[Expression], schema: Schema, values: Values
) -> Iterator[tuple[Expression, str, Value | None]]:
    """Each condition with the key's name and value that it asks for, if it does."""
    for node in nodes:
        name, operator, value = key_comparison(node, schema, values)
        yield node, name, value if operator == "=" else None


def written_key(
    where: Expression | None, schema: Schema, values: Values
) -> tuple[Item, list[Expression]]:
    """The key that an UPDATE or DELETE names, as far as it does, and what else it asks for."""
    key: Item = {}
    rest: list[Expression] = []
    for node, name, value in _equalities(conjuncts(where), schema, values):
        if value is None:
            rest.append(node)
        elif name not in key:
            key[name] = value
        elif not equal(key[name], value):
            raise validation(
                f"Multiple conditions on same key {name}. Only single item Update/Insert/Delete "
                "are supported"
            )
    return key, rest


def first_key(
    where: Expression | None, schema: Schema, values: Values
) -> tuple[Item, list[Expression]]:
    """The key that an EXISTS names first, and what else it asks for."""
    key: Item = {}
    rest: list[Expression] = []
    for node, name, value in _equalities(conjuncts(where), schema, values):
        if value is None or (name in key and not equal(key[name], value)):
            rest.append(node)
        else:
            key[name] = value
    return key, rest


def exact_key(where: Expression | None, schema: Schema, values: Values) -> Item | None:
    """The key that a SELECT of one item names, if it asks for nothing else."""
    key: Item = {}
    for node in conjuncts(where):
        name, operator, value = key_comparison(node, schema, values)
        if operator != "=":
            name, choices = key_choices(node, schema, values)
            value = choices[0] if len(choices) == 1 else None
        if value is None or (name in key and not equal(key[name], value)):
            return None
        key[name] = value
    return key if len(key) == len(schema.names) else None


def _same_partition(one: Way, other: Way) -> bool:
    assert one.partition is not None
    assert other.partition is not None
    return equal(one.partition, other.partition)


def _merged(ways: list[Way]) -> list[Way]:
    """The ways, with those of a partition as one where any of them is loose."""
    found: list[Way] = []
    for way in ways:
        alike = [other for other in ways if _same_partition(way, other)]
        if not any(other.loose for other in alike):
            found.append(way)
        elif way is alike[0]:
            heads = tuple(name for other in alike for name in other.heads)
            found.append(Way(way.partition, heads=heads))
    return found


def _bounded(ways: list[Way]) -> list[Way]:
    if len(ways) > _WAYS_MAX:
        raise _too_many()
    return ways


def _too_many() -> ServiceError:
    return validation("Too many decomposed read operations for a given query.")

"""What a PartiQL statement says, as a tree: expressions, clauses and statements.

The tree knows parameters by number; what they stand for, and what a table's key is, is looked up
when a statement is run. Every node that an error may name says where it stands in the text.
"""

from dataclasses import dataclass

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """A document path: names and list indexes."""

    steps: Steps
    at: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Literal:
    """A scalar: its type as DynamoDB names it, and what was written ("MISSING" is a kind too)."""

    kind: str
    content: str | bool
    at: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Parameter:
    """A question mark, by its number from 0."""

    number: int
    at: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """Members in `[]`, `<<>>` or `()`; `kind` is "list", "bag" or "row"."""

    kind: str
    members: tuple["Expression", ...]
    at: int
    length: int


@dataclass(frozen=True, slots=True)
class Struct:
    """Names and values in `{}`."""

    members: tuple[tuple["Expression", "Expression"], ...]
    at: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Call:
    """A function's name in lower case, and its operands."""

    name: str
    operands: tuple["Expression", ...]
    at: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """Two operands, added or subtracted."""

    operator: str
    left: "Expression"
    right: "Expression"
    at: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Compare:
    """Two operands and a comparator."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Between:
    """An operand within bounds."""

    operand: "Expression"
    low: "Expression"
    high: "Expression"


@dataclass(frozen=True, slots=True)
class In:
    """An operand among others."""

    operand: "Expression"
    choices: "Expression"


@dataclass(frozen=True, slots=True)
class Is:
    """An operand and the name of a type."""

    operand: "Expression"
    kind: str


@dataclass(frozen=True, slots=True)
class Not:
    """A negation."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class Both:
    """AND or OR of two conditions or more."""

    operator: str
    parts: tuple["Expression", ...]


Condition = Compare | Between | In | Is | Not | Both
Expression = Path | Literal | Parameter | Sequence | Struct | Call | Sum | Condition


@dataclass(frozen=True, slots=True)
class Source:
    """A table, by name or ARN, and the name of an index of it."""

    table: str
    index: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One key of ORDER BY."""

    name: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT; without columns, all of them."""

    source: Source
    columns: tuple[Path, ...]
    where: Expression | None
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    """INSERT of one item."""

    source: Source
    item: Struct


@dataclass(frozen=True, slots=True)
class Assignment:
    """One action of an UPDATE: SET with a value, REMOVE without."""

    path: Path
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Update:
    """UPDATE, and what it is to return (such as "ALL NEW")."""

    source: Source
    actions: tuple[Assignment, ...]
    where: Expression | None
    returning: str


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE, and what it is to return."""

    source: Source
    where: Expression | None
    returning: str


@dataclass(frozen=True, slots=True)
class Exists:
    """A condition of a transaction on an item that it does not write."""

    select: Select


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement: its text, what it says, and how many parameters it wants."""

    text: str
    body: Select | Insert | Update | Delete | Exists
    parameters: int

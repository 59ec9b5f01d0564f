"""The nodes of parsed expressions: what `grammar` makes of a text, and its compilers read."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Path:
    """A document path: names (or placeholders) and list indexes."""

    steps: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value to be supplied."""

    name: str


@dataclass(frozen=True, slots=True)
class Function:
    """A call."""

    name: str
    operands: tuple["Operand", ...]


Operand = Path | Placeholder | Function


@dataclass(frozen=True, slots=True)
class Compare:
    """Two operands and a comparator."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """An operand within bounds."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class In:
    """An operand among others."""

    operand: Operand
    choices: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A negation."""

    inner: "Condition"


@dataclass(frozen=True, slots=True)
class Both:
    """AND or OR of two conditions or more."""

    operator: str
    parts: tuple["Condition", ...]


Condition = Compare | Between | In | Not | Both | Function


@dataclass(frozen=True, slots=True)
class Sum:
    """Two operands of SET, added or subtracted."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Action:
    """One action of an update: its section, the path, and the operand (none for REMOVE)."""

    section: str
    path: Path
    operand: Operand | Sum | None


class Used(NamedTuple):
    """The placeholders of an expression, each once, in order."""

    names: tuple[str, ...]
    values: tuple[str, ...]

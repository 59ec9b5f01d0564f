"""PartiQL's literals and parameters as DynamoDB's values.

A parameter stands for a whole value; within lists, bags and tuples there are literals only, as in
AWS. What is wrong inside a value is told with the path to it, from `root`.
"""

import hashlib

import msgspec

from antipodes.regional.dynamodb.attributes import DEPTH_MAX, Value, normal, normal_number
from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.partiqllexer import place
from antipodes.regional.dynamodb.partiqltree import (
    Call,
    Expression,
    Literal,
    Parameter,
    Path,
    Sequence,
    Struct,
)
from antipodes.service.contract import ServiceError

EXPONENT_MAX = 999_999  # numbers beyond it are beyond DynamoDB's range by far

_DIGEST_BYTES = 16


class Values:
    """The values of one statement: its text, for errors, and its parameters."""

    def __init__(self, text: str, parameters: list[Value]) -> None:
        self._text = text
        self._parameters = parameters

    def digest(self) -> bytes:
        """What tells this statement, with these parameters, from others."""
        data = msgspec.msgpack.encode([self._text, self._parameters], order="deterministic")
        return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()

    def place(self, node: Expression) -> str:
        """Where an expression stands."""
        at, length = getattr(node, "at", 0), getattr(node, "length", 0)
        return place(self._text, at, length)

    def constant(self, node: Expression) -> Value | None:
        """The value of an expression; None if it is not one."""
        if isinstance(node, Parameter):
            return self._parameters[node.number]
        if isinstance(node, Literal | Sequence | Struct):
            return self.literal(node, "root", 1)
        return None

    def literal(self, node: Expression, under: str, depth: int) -> Value:
        """The value of a literal, nested literals included."""
        match node:
            case Literal():
                return self._scalar(node, under)
            case Struct():
                _check_depth(depth, under)
                return {"M": self._members(node, under, depth)}
            case Sequence(kind="list"):
                _check_depth(depth, under)
                members = enumerate(node.members)
                found = [self.literal(m, f"{under}[{n}]", depth + 1) for n, m in members]
                return {"L": found}
            case Sequence(kind="bag"):
                return self._bag(node, under)
            case _:
                raise validation(
                    f"Unsupported data type: {_kind(node)} under key {under} at {self.place(node)}"
                )

    def _scalar(self, node: Literal, under: str) -> Value:
        if node.kind == "MISSING":
            raise validation("MISSING must be compared using IS operator")
        if node.kind == "N":
            try:
                return {"N": _number(str(node.content))}
            except ServiceError as error:
                raise validation(f"{error.message} under {under}") from None
        return {node.kind: node.content}

    def _members(self, node: Struct, under: str, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name, member in self.named(node, under):
            found[name] = self.literal(member, f"{under}.{name}", depth + 1)
        return found

    def named(self, node: Struct, under: str) -> list[tuple[str, Expression]]:
        """The members of a tuple by name, checked."""
        found: dict[str, Expression] = {}
        for key, member in node.members:
            if not isinstance(key, Literal) or key.kind != "S":
                raise validation(
                    f"Tuple keys must be of type String. Actual type: {_kind(key)} under {under}"
                )
            name = str(key.content)
            if name in found:
                raise validation(f"Duplicate keys in tuple. Key: {name} under {under}")
            found[name] = member
        return list(found.items())

    def _bag(self, node: Sequence, under: str) -> Value:
        if not node.members:
            raise validation("Empty bags are not supported")
        kinds = [m.kind if isinstance(m, Literal) else "" for m in node.members]
        if any(kind != kinds[0] for kind in kinds) or kinds[0] not in {"S", "N"}:
            raise validation(
                "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in "
                "bags"
            )
        members = [self.literal(member, under, 1)[kinds[0]] for member in node.members]
        if kinds[0] == "N" and len(set(members)) != len(members):
            shown = ", ".join(str(m.content) for m in node.members if isinstance(m, Literal))
            raise invalid_value(f"Input collection [{shown}] contains duplicates! under {under}")
        return normal({f"{kinds[0]}S": members})


def _check_depth(depth: int, under: str) -> None:
    if depth >= DEPTH_MAX:
        raise validation(f"Nesting Levels have exceeded supported limits under {under}")


def _number(text: str) -> str:
    """A number's normal form; the exponents that the grammar knows are larger than decimals'."""
    digits, _, exponent = text.lower().partition("e")
    if exponent and abs(int(exponent)) > EXPONENT_MAX:
        sign = "-" if exponent.startswith("-") else ""
        text = f"{digits}e{sign}{EXPONENT_MAX // 2}"
    return normal_number(text)


def _kind(node: Expression) -> str:
    if isinstance(node, Call):
        return node.name
    return "VariableReference" if isinstance(node, Path) else type(node).__name__

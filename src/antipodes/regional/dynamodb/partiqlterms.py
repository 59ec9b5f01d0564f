"""PartiQL's conditions and updates as DynamoDB's expressions, with their placeholders.

A statement is run as the operation it stands for, with expressions written from its tree: names
become `#0`, values `:0`. So every rule of the expressions is theirs, and only what PartiQL says
differently is said here. `plainly` takes the expression's name out of the messages, since a
statement has no expressions.
"""

import re
from collections.abc import Iterator
from typing import Any

from antipodes.regional.dynamodb.attributes import Value, kind_of
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.grammar import IN_MAX
from antipodes.regional.dynamodb.partiqltree import (
    Assignment,
    Between,
    Both,
    Call,
    Compare,
    Expression,
    In,
    Is,
    Literal,
    Not,
    Path,
    Sequence,
    Sum,
)
from antipodes.regional.dynamodb.partiqlvalues import Values
from antipodes.service.contract import ServiceError

TYPES = {
    "NULL": "NULL",
    "BOOL": "BOOL",
    "BOOLEAN": "BOOL",
    "STRING": "S",
    "NUMERIC": "N",
    "BLOB": "B",
    "STRUCT": "M",
    "TUPLE": "M",
    "LIST": "L",
}
# Functions that are conditions, and how many operands they have.
_TESTS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}
_SET_FUNCTIONS = {"set_add": "ADD", "set_delete": "DELETE"}
_PAIR = 2
_OR, _AND, _NOT = 1, 2, 3
_PREFIX = re.compile(r"^Invalid [A-Za-z]+Expression: ")


def plainly(error: ServiceError) -> ServiceError:
    """The same error, without the name of an expression that no one wrote."""
    message = _PREFIX.sub("", error.message)
    return ServiceError(error.code, message, error.status, **error.members)


def conjuncts(node: Expression | None) -> list[Expression]:
    """The conditions that must all hold."""
    if node is None:
        return []
    if isinstance(node, Both) and node.operator == "AND":
        return [found for part in node.parts for found in conjuncts(part)]
    return [node]


def together(nodes: list[Expression]) -> Expression | None:
    """One condition out of several that must all hold."""
    if not nodes:
        return None
    return nodes[0] if len(nodes) == 1 else Both("AND", tuple(nodes))


def attributes(node: Expression | None) -> Iterator[str]:
    """The top-level attributes that an expression is about, in order, some of them twice."""
    if isinstance(node, Path):
        yield str(node.steps[0])
    for part in _parts(node):
        yield from attributes(part)


def _parts(node: Expression | None) -> tuple[Expression, ...]:
    match node:
        case Both():
            found = node.parts
        case Compare() | Sum():
            found = (node.left, node.right)
        case Not():
            found = (node.inner,)
        case Between():
            found = (node.operand, node.low, node.high)
        case In():
            found = (node.operand, node.choices)
        case Is():
            found = (node.operand,)
        case Call():
            found = node.operands
        case Sequence():
            found = node.members
        case _:
            found = ()
    return found


class Terms:
    """The names and values of the expressions of one request, and their texts."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self._names: dict[str, str] = {}
        self._values: list[Value] = []

    def members(self, **expressions: str | None) -> dict[str, Any]:
        """Expressions that there are, with the placeholders that they use."""
        found: dict[str, Any] = {name: text for name, text in expressions.items() if text}
        if self._names:
            found["ExpressionAttributeNames"] = {a: name for name, a in self._names.items()}
        if self._values:
            numbered = enumerate(self._values)
            found["ExpressionAttributeValues"] = {f":{n}": value for n, value in numbered}
        return found

    def name(self, name: str) -> str:
        """The placeholder of a name."""
        return self._names.setdefault(name, f"#{len(self._names)}")

    def value(self, value: Value) -> str:
        """The placeholder of a value."""
        self._values.append(value)
        return f":{len(self._values) - 1}"

    def path(self, path: Path) -> str:
        """The text of a document path."""
        text = ""
        for step in path.steps:
            if isinstance(step, int):
                text += f"[{step}]"
            else:
                text += f".{self.name(step)}" if text else self.name(step)
        return text

    # Conditions.

    def condition(self, node: Expression) -> str:
        """The text of a condition."""
        return self._condition(node, _OR)

    def _condition(self, node: Expression, level: int) -> str:
        """The text of a condition, in parentheses where it binds looser than what is around it."""
        match node:
            case Both():
                own = _OR if node.operator == "OR" else _AND
                text = f" {node.operator} ".join(self._condition(p, own) for p in node.parts)
                return f"({text})" if own < level else text
            case Not():
                return f"NOT {self._condition(node.inner, _NOT)}"
            case Compare():
                return self._compare(node, level)
            case Between():
                operand, low, high = map(self._operand, (node.operand, node.low, node.high))
                return f"{operand} BETWEEN {low} AND {high}"
            case In():
                return self._in(node)
            case Is():
                return self._is(node)
            case Call():
                return self._test(node)
            case _:
                raise validation(
                    "WHERE clause must contain an expression that resolves to a boolean"
                )

    def _compare(self, node: Compare, level: int) -> str:
        for condition, other in ((node.left, node.right), (node.right, node.left)):
            told = isinstance(other, Literal) and other.kind == "BOOL"
            if told and _is_condition(condition):
                assert isinstance(other, Literal)
                if node.operator not in {"=", "<>"}:
                    raise _wrong_type(node.operator, "BOOL")
                holds = bool(other.content) == (node.operator == "=")
                return self._condition(condition if holds else Not(condition), level)
        return f"{self._operand(node.left)} {node.operator} {self._operand(node.right)}"

    def _in(self, node: In) -> str:
        choices = node.choices
        if not isinstance(choices, Sequence):
            choices = Sequence("row", (choices,), 0, 0)
        if not isinstance(node.operand, Path) or not choices.members:
            raise validation(
                "IN operator must have a left hand argument of type Variable Reference and right "
                "hand argument of type Seq with at least one member"
            )
        check_choices(choices)
        shown = ", ".join(self._operand(choice) for choice in choices.members)
        return f"{self._operand(node.operand)} IN ({shown})"

    def _is(self, node: Is) -> str:
        if not isinstance(node.operand, Path):
            raise validation(
                "The left hand side argument to IS must be a Variable Reference, Literal, or Path"
            )
        path = self.path(node.operand)
        if node.kind == "MISSING":
            return f"attribute_not_exists({path})"
        if node.kind not in TYPES:
            raise validation(
                f"Unsupported data type for IS operator: {node.kind}. Supported data types are "
                "[MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]"
            )
        return f"attribute_type({path}, {self.value({'S': TYPES[node.kind]})})"

    def _test(self, node: Call) -> str:
        if node.name not in _TESTS:
            raise self._unrecognized(node)
        _check_operands(node, _TESTS[node.name])
        operands = ", ".join(self._operand(operand) for operand in node.operands)
        return f"{node.name}({operands})"

    def _operand(self, node: Expression) -> str:
        value = self.values.constant(node)
        if value is not None:
            return self.value(value)
        if isinstance(node, Path):
            return self.path(node)
        if isinstance(node, Call):
            if node.name != "size":
                raise self._unrecognized(node)
            _check_operands(node, 1)
            return f"size({self._operand(node.operands[0])})"
        if isinstance(node, Sum):
            raise validation(
                f"Unsupported operator in Condition Expression. Operator: {node.operator}"
            )
        raise validation(f"Unsupported token in expression: {type(node).__name__}")

    def _unrecognized(self, node: Call) -> ServiceError:
        return validation(f"Unrecognized function: {node.name} at {self.values.place(node)}")

    # Updates.

    def update(self, actions: tuple[Assignment, ...]) -> str:
        """The text of an update."""
        sections: dict[str, list[str]] = {"SET": [], "REMOVE": [], "ADD": [], "DELETE": []}
        for action in actions:
            section, text = self._action(action)
            sections[section].append(text)
        return " ".join(f"{name} {', '.join(texts)}" for name, texts in sections.items() if texts)

    def _action(self, action: Assignment) -> tuple[str, str]:
        path, value = self.path(action.path), action.value
        if value is None:
            return "REMOVE", path
        if isinstance(value, Call) and value.name in _SET_FUNCTIONS:
            return _SET_FUNCTIONS[value.name], f"{path} {self._members(action.path, value)}"
        if isinstance(value, Call) and value.name == "list_append":
            _check_operands(value, _PAIR)
            operands = ", ".join(self._updated(operand) for operand in value.operands)
            return "SET", f"{path} = list_append({operands})"
        if isinstance(value, Sum):
            left, right = (self._summand(part, value) for part in (value.left, value.right))
            return "SET", f"{path} = {left} {value.operator} {right}"
        return "SET", f"{path} = {self._updated(value)}"

    def _members(self, path: Path, call: Call) -> str:
        """What SET_ADD and SET_DELETE change a set by."""
        where, name = self.values.place(call), call.name.upper()
        if len(call.operands) != _PAIR:
            raise validation(f"{name} must have exactly two arguments at {where}")
        first, second = call.operands
        if not isinstance(first, Path) or first.steps != path.steps:
            raise validation(
                f"The first argument to {name} must equal the assignment value at {where}"
            )
        value = self.values.constant(second)
        if value is None or kind_of(value) not in {"SS", "NS", "BS"}:
            raise validation(
                f"The second argument to {name} must be a value with type SET at "
                f"{self.values.place(first)}"
            )
        return self.value(value)

    def _summand(self, node: Expression, around: Sum) -> str:
        value = self.values.constant(node)
        if value is not None and kind_of(value) != "N":
            raise _wrong_type(around.operator, kind_of(value))
        return self._updated(node)

    def _updated(self, node: Expression) -> str:
        """An operand of an update: a value or a path."""
        value = self.values.constant(node)
        if value is not None:
            return self.value(value)
        if isinstance(node, Path):
            return self.path(node)
        if isinstance(node, Call):
            raise self._unrecognized(node)
        if isinstance(node, Is):
            raise validation("IS operator is not supported in update expressions")
        operator = node.operator if isinstance(node, Sum | Both | Compare) else type(node).__name__
        raise validation(f"Unsupported operator in Update Expression. Operator: {operator}")


def check_choices(choices: Sequence) -> None:
    """Refuse more operands of IN than there may be."""
    if len(choices.members) > IN_MAX:
        raise validation(
            "The IN operator is provided with too many operands; number of operands: "
            f"{len(choices.members)}"
        )


def _is_condition(node: Expression) -> bool:
    if isinstance(node, Call):
        return node.name in _TESTS
    return isinstance(node, Compare | Between | In | Is | Not | Both)


def _check_operands(node: Call, count: int) -> None:
    if len(node.operands) != count:
        raise validation(
            "Incorrect number of operands for operator or function; operator or function: "
            f"{node.name}, number of operands: {len(node.operands)}"
        )


def _wrong_type(operator: str, kind: str) -> ServiceError:
    return validation(
        "Incorrect operand type for operator or function; operator or function: "
        f"{operator}, operand type: {kind}"
    )

"""A parser for DynamoDB's expressions: text to a tree, once; the trees are kept.

Recursive descent over the grammar of the Developer Guide ("Comparison operator and function
reference", "Update expressions"). Precedence, high to low: comparisons, IN, BETWEEN, functions,
parentheses, NOT, AND, OR. The tree knows placeholders by name; what they stand for is looked up
when it is bound to a request.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.lexer import Token, tokens
from antipodes.regional.dynamodb.reserved import RESERVED

EXPRESSION_BYTES_MAX = 4096
OPERATORS_MAX = 300
IN_MAX = 100
COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
CONDITION_FUNCTIONS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
UPDATE_FUNCTIONS = {"if_not_exists": 2, "list_append": 2}


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
    """AND or OR of two conditions."""

    operator: str
    left: "Condition"
    right: "Condition"


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


class Parser:
    """A cursor over the tokens of one expression."""

    def __init__(self, text: str, where: str, functions: dict[str, int]) -> None:
        if not text.strip():
            raise validation(f"Invalid {where}: The expression can not be empty;")
        if len(text.encode()) > EXPRESSION_BYTES_MAX:
            raise validation(
                f"Invalid {where}: Expression size has exceeded the maximum allowed size; "
                f"expression size: {len(text.encode())}"
            )
        self.where = where
        self._functions = functions
        self._tokens = tokens(text, where)
        self._at = 0
        self._operators = 0

    @property
    def token(self) -> Token:
        """The token under the cursor."""
        return self._tokens[self._at]

    def fail(self, message: str) -> NoReturn:
        """Raise this expression's error."""
        raise validation(f"Invalid {self.where}: {message}")

    def unexpected(self) -> NoReturn:
        """Raise the error for the token under the cursor."""
        near = self._tokens[max(0, self._at - 1) : self._at + 2]
        shown = " ".join(t.text for t in near if t.kind != "end")
        self.fail(f'Syntax error; token: "{self.token.text}", near: "{shown}"')

    def advance(self) -> Token:
        """Take the token under the cursor."""
        token = self.token
        self._at += 1
        return token

    def word(self, *words: str) -> bool:
        """Whether the cursor is at one of these keywords."""
        return self.token.kind == "name" and self.token.text.upper() in words

    def symbol(self, *symbols: str) -> bool:
        """Whether the cursor is at one of these symbols."""
        return self.token.kind == "operator" and self.token.text in symbols

    def expect(self, symbol: str) -> None:
        """Take a symbol."""
        if not self.symbol(symbol):
            self.unexpected()
        self.advance()

    def count_operator(self) -> None:
        """Operators and functions are limited."""
        self._operators += 1
        if self._operators > OPERATORS_MAX:
            self.fail(
                f"The expression contains too many operators; operator count: {OPERATORS_MAX + 1}"
            )

    def end(self) -> None:
        """Nothing may follow."""
        if self.token.kind != "end":
            self.unexpected()

    def path(self) -> Path:
        """Take a document path."""
        steps: list[str | int] = [self._step()]
        while self.symbol(".", "["):
            if self.advance().text == ".":
                steps.append(self._step())
            else:
                if self.token.kind != "number":
                    self.unexpected()
                steps.append(int(self.advance().text))
                self.expect("]")
        return Path(tuple(steps))

    def _step(self) -> str:
        if self.token.kind == "alias":
            return self.advance().text
        if self.token.kind != "name":
            self.unexpected()
        if self.token.text.upper() in RESERVED:
            self.fail("Attribute name is a reserved keyword; reserved keyword: " + self.token.text)
        return self.advance().text

    def operand(self) -> Operand:
        """Take a value, a call or a path."""
        if self.token.kind == "value":
            return Placeholder(self.advance().text)
        following = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        if self.token.kind == "name" and following.text == "(":
            return self.call()
        return self.path()

    def call(self) -> Function:
        """Take a function call."""
        name = self.advance().text
        if name not in self._functions:
            self.fail(f"Invalid function name; function: {name}")
        self.count_operator()
        self.expect("(")
        operands = [self.operand()]
        while self.symbol(","):
            self.advance()
            operands.append(self.operand())
        self.expect(")")
        if len(operands) != self._functions[name]:
            self.fail(
                "Incorrect number of operands for operator or function; operator or function: "
                f"{name}, number of operands: {len(operands)}"
            )
        return Function(name, tuple(operands))


def _condition(parser: Parser) -> Condition:
    left = _conjunction(parser)
    while parser.word("OR"):
        parser.advance()
        parser.count_operator()
        left = Both("OR", left, _conjunction(parser))
    return left


def _conjunction(parser: Parser) -> Condition:
    left = _negation(parser)
    while parser.word("AND"):
        parser.advance()
        parser.count_operator()
        left = Both("AND", left, _negation(parser))
    return left


def _negation(parser: Parser) -> Condition:
    if parser.word("NOT"):
        parser.advance()
        parser.count_operator()
        return Not(_negation(parser))
    if parser.symbol("("):
        parser.advance()
        doubled = parser.symbol("(")
        inner = _condition(parser)
        if doubled and parser.symbol(")") and _was_wrapped(parser):
            parser.fail("The expression has redundant parentheses;")
        parser.expect(")")
        return inner
    return _comparison(parser)


def _was_wrapped(parser: Parser) -> bool:
    """Whether the condition just read was itself one pair of parentheses: `((a))`."""
    found, depth, at = parser._tokens, 0, parser._at - 1  # noqa: SLF001 - the same module
    if found[at].text != ")":
        return False
    while at >= 0:
        depth += {")": 1, "(": -1}.get(found[at].text, 0)
        if depth == 0:
            return at > 0 and found[at - 1].text == "("
        at -= 1
    return False


def _comparison(parser: Parser) -> Condition:
    left = parser.operand()
    if parser.symbol(*COMPARATORS):
        operator = parser.advance().text
        parser.count_operator()
        return Compare(operator, left, parser.operand())
    if parser.word("BETWEEN"):
        parser.advance()
        parser.count_operator()
        low = parser.operand()
        if not parser.word("AND"):
            parser.unexpected()
        parser.advance()
        return Between(left, low, parser.operand())
    if parser.word("IN"):
        parser.advance()
        parser.count_operator()
        parser.expect("(")
        choices = [parser.operand()]
        while parser.symbol(","):
            parser.advance()
            choices.append(parser.operand())
        parser.expect(")")
        if len(choices) > IN_MAX:
            parser.fail(
                f"Too many operands for operator; operator: IN, number of operands: {len(choices)}"
            )
        return In(left, tuple(choices))
    if isinstance(left, Function):
        if left.name == "size":
            parser.fail(
                "The function is not allowed to be used this way in an expression; function: size"
            )
        return left
    return parser.unexpected()


@lru_cache(maxsize=4096)
def parse_condition(text: str, where: str) -> Condition:
    """Parse a condition, filter or key condition expression."""
    parser = Parser(text, where, CONDITION_FUNCTIONS)
    condition = _condition(parser)
    parser.end()
    return condition


@lru_cache(maxsize=4096)
def parse_projection(text: str) -> tuple[Path, ...]:
    """Parse a projection expression."""
    parser = Parser(text, "ProjectionExpression", {})
    paths = [parser.path()]
    while parser.symbol(","):
        parser.advance()
        paths.append(parser.path())
    parser.end()
    return tuple(paths)


@lru_cache(maxsize=4096)
def parse_update(text: str) -> tuple[Action, ...]:
    """Parse an update expression."""
    parser = Parser(text, "UpdateExpression", UPDATE_FUNCTIONS)
    seen: list[str] = []
    actions: list[Action] = []
    while parser.token.kind != "end":
        if not parser.word("SET", "REMOVE", "ADD", "DELETE"):
            parser.unexpected()
        section = parser.advance().text.upper()
        if section in seen:
            parser.fail(f'The "{section}" section can only be used once in an update expression;')
        seen.append(section)
        actions.append(_action(parser, section))
        while parser.symbol(","):
            parser.advance()
            actions.append(_action(parser, section))
    return tuple(actions)


def _action(parser: Parser, section: str) -> Action:
    path = parser.path()
    if section == "REMOVE":
        return Action(section, path, None)
    if section == "SET":
        parser.expect("=")
        left = parser.operand()
        if parser.symbol("+", "-"):
            operator = parser.advance().text
            parser.count_operator()
            return Action(section, path, Sum(operator, left, parser.operand()))
        return Action(section, path, left)
    if parser.token.kind != "value":
        parser.unexpected()
    return Action(section, path, Placeholder(parser.advance().text))

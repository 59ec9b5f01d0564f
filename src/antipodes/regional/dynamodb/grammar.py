"""A parser for DynamoDB's expressions: text to a tree, once; the trees are kept.

The grammar is the Developer Guide's ("Comparison operator and function reference", "Update
expressions"). Precedence, high to low: comparisons, IN, BETWEEN, functions, parentheses, NOT, AND,
OR. The tree knows placeholders by name; what they stand for is looked up when it is compiled
(`conditions`, `updates`, `projections`).

DynamoDB reads an expression to its end before it says what is wrong with it, and then says the
gravest thing first: a syntax error, then needless parentheses, then an unknown function, and so on
(the order of the public test suites of dynalite and others). So faults are noted while parsing, and
the first of the gravest kind is raised at the end. Conditions are parsed with a stack of operators,
not by recursion: parentheses nest as deep as the text is long.
"""

from functools import lru_cache
from typing import NamedTuple, NoReturn

from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.lexer import Token, tokens
from antipodes.regional.dynamodb.reserved import RESERVED
from antipodes.regional.dynamodb.syntax import (
    Action,
    Between,
    Both,
    Compare,
    Condition,
    Function,
    In,
    Not,
    Operand,
    Path,
    Placeholder,
    Sum,
    Used,
)

EXPRESSION_BYTES_MAX = 4096
OPERATORS_MAX = 300
CALLS_DEEP_MAX = 100  # calls within each other; AWS gives no number but that of all operators
IN_MAX = 100
TREES_MAX = 4096
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
_PRECEDENCE = {"(": 0, "OR": 1, "AND": 2, "NOT": 3}
# What is wrong with an expression, gravest first; what its placeholders make wrong comes later.
# An update is told of its reserved words before all else.
_RESERVED_FIRST, _PARENTHESES, _UNKNOWN, _MISUSED, _RESERVED, _SECTIONS = range(6)
_KEYWORDS = {
    True: ("AND", "OR", "NOT", "IN", "BETWEEN"),
    False: ("SET", "REMOVE", "ADD", "DELETE"),
}
INDEX_MAX = 2**31 - 1


class _Open(NamedTuple):
    """A condition or an operand just read; `wrapped` if it stood in parentheses by itself."""

    node: Condition | Operand
    wrapped: bool


class Parser:
    """A cursor over the tokens of one expression."""

    def __init__(self, text: str, where: str, functions: dict[str, int]) -> None:
        self.where = where
        if not text:
            self.fail("The expression can not be empty;")
        length = len(text.encode())
        if length > EXPRESSION_BYTES_MAX:
            self.fail(
                f"Expression size has exceeded the maximum allowed size; expression size: {length}"
            )
        self._functions = functions
        self._conditional = functions is CONDITION_FUNCTIONS
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._operators = 0
        self._depth = 0
        self._faults: dict[int, str] = {}

    @property
    def token(self) -> Token:
        """The token under the cursor."""
        return self._tokens[self._at]

    @property
    def used(self) -> Used:
        """The placeholders of the whole text."""
        kinds = [(token.kind, token.text) for token in self._tokens]
        return Used(
            *(tuple(dict.fromkeys(text for k, text in kinds if k == w)) for w in ("alias", "value"))
        )

    def fail(self, message: str) -> NoReturn:
        """Raise this expression's error."""
        raise validation(f"Invalid {self.where}: {message}")

    def unexpected(self) -> NoReturn:
        """Raise the error for the token under the cursor."""
        first = self._tokens[max(0, self._at - 1)]
        last = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        end = last.at if last.kind == "end" else last.at + len(last.text)
        near = self._text[first.at : end].rstrip()
        self.fail(f'Syntax error; token: "{self.token.text}", near: "{near}"')

    def note(self, kind: int, message: str) -> None:
        """Note a fault, to be raised when all has been read."""
        self._faults.setdefault(kind, message)

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
        """Nothing may follow; and what was wrong on the way is said now."""
        if self.token.kind != "end":
            self.unexpected()
        if self._faults:
            self.fail(self._faults[min(self._faults)])

    def path(self) -> Path:
        """Take a document path."""
        return self.path_after([self._step()])

    def path_after(self, steps: list[str | int]) -> Path:
        """Take the rest of a path."""
        while self.symbol(".", "["):
            if self.advance().text == ".":
                steps.append(self._step())
            else:
                if self.token.kind != "number":
                    self.unexpected()
                index = int(self.advance().text)
                if index > INDEX_MAX:
                    self.fail(f"List index is not within the allowable range; index: [{index}]")
                steps.append(index)
                self.expect("]")
        return Path(tuple(steps))

    def _step(self) -> str:
        if self.token.kind == "alias":
            return self.advance().text
        if self.token.kind != "name" or self.word(*_KEYWORDS[self._conditional]):
            self.unexpected()
        name = self.advance().text
        if name.upper() in RESERVED:
            message = f"Attribute name is a reserved keyword; reserved keyword: {name}"
            self.note(_RESERVED if self._conditional else _RESERVED_FIRST, message)
        return name

    def operand(self) -> Operand:
        """Take a value, a call or a path, which may stand in parentheses."""
        opened = 0
        while self.symbol("("):
            self.advance()
            opened += 1
        found = self.plain_operand()
        for _ in range(opened):
            self.expect(")")
        if opened > 1 and self._conditional:
            self.redundant()
        return found

    def plain_operand(self) -> Operand:
        """Take a value, a call or a path."""
        if self.token.kind == "value":
            return Placeholder(self.advance().text)
        following = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        calls = self.token.kind == "name" and following.text == "("
        if calls and not self.word(*_KEYWORDS[self._conditional]):
            return self.call()
        return self.path()

    def call(self) -> Function:
        """Take a function call. That it has as many operands as it should is seen later."""
        name = self.advance().text
        if name not in self._functions:
            self.note(_UNKNOWN, f"Invalid function name; function: {name}")
        self.count_operator()
        self._depth += 1
        if self._depth > CALLS_DEEP_MAX:
            self.fail("The expression contains too many functions within each other")
        self.expect("(")
        operands = self.operands(name)
        self.expect(")")
        self._depth -= 1
        return Function(name, tuple(operands))

    def operands(self, name: str = "") -> list[Operand]:
        """Take operands between commas, of a function or of IN."""
        found = [self.operand()]
        while self.symbol(","):
            self.advance()
            found.append(self.operand())
        for operand in found:
            self.check_use(operand, inside=name)
        return found

    def check_use(self, operand: Condition | Operand, *, inside: str = "") -> None:
        """Of a condition's functions only size has a value; lists are not appended twice over."""
        if not isinstance(operand, Function) or operand.name == "size":
            return
        if not self._conditional and operand.name + inside != "list_append" * 2:
            return
        self.misused(operand.name)

    def misused(self, name: str) -> None:
        """Note a function that stands where it must not."""
        self.note(
            _MISUSED,
            f"The function is not allowed to be used this way in an expression; function: {name}",
        )

    def redundant(self) -> None:
        """Note parentheses around parentheses; a key condition may have them."""
        if self.where != "KeyConditionExpression":
            self.note(_PARENTHESES, "The expression has redundant parentheses;")


class _Conditions:
    """Reads conditions: operands and operators wait on two stacks until it is clear who binds."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._nodes: list[_Open] = []
        self._operators: list[str] = []
        self._depth = 0

    def read(self) -> Condition:
        """Read a whole condition."""
        parser = self._parser
        while True:
            self._prefixes()
            self._push(_Open(parser.plain_operand(), wrapped=False))
            while self._depth and parser.symbol(")"):
                self._close()
            if not parser.word("AND", "OR"):
                break
            self._infix()
        self._reduce(1)
        if self._operators:
            parser.unexpected()
        return self._condition()

    def _prefixes(self) -> None:
        parser = self._parser
        while parser.symbol("(") or parser.word("NOT"):
            text = parser.advance().text.upper()
            if text == "NOT":
                parser.count_operator()
            else:
                self._depth += 1
            self._operators.append(text)

    def _infix(self) -> None:
        parser = self._parser
        operator = parser.token.text.upper()
        self._reduce(_PRECEDENCE[operator] + 1)
        self._check_condition()
        parser.advance()
        parser.count_operator()
        self._operators.append(operator)

    def _push(self, found: _Open) -> None:
        """Take what follows an operand, if it is to be compared."""
        node = found.node
        parser = self._parser
        if isinstance(node, Path) and found.wrapped and parser.symbol(".", "["):
            node = parser.path_after(list(node.steps))
        if isinstance(node, Path | Placeholder | Function):
            compared = _comparison(parser, node)
            found = found if compared is node else _Open(compared, wrapped=False)
        self._nodes.append(found)

    def _close(self) -> None:
        """Take a closing parenthesis."""
        self._reduce(1)
        self._operators.pop()
        self._depth -= 1
        found = self._nodes.pop()
        self._parser.advance()
        if found.wrapped:
            self._parser.redundant()
        self._push(_Open(found.node, wrapped=True))

    def _reduce(self, floor: int) -> None:
        """Bind the operators that bind at least as close as that, down to a parenthesis."""
        while self._operators and _PRECEDENCE[self._operators[-1]] >= floor:
            operator = self._operators[-1]
            last = self._condition()
            if operator == "NOT":
                self._operators.pop()
                node: Condition = Not(last)
            else:
                parts = [last]
                while self._operators and self._operators[-1] == operator:
                    self._operators.pop()
                    parts.append(self._condition())
                node = Both(operator, tuple(reversed(parts)))
            self._nodes.append(_Open(node, wrapped=False))

    def _check_condition(self) -> None:
        """Refuse an operand where a condition must stand."""
        node = self._nodes[-1].node
        if isinstance(node, Path | Placeholder):
            self._parser.unexpected()
        if isinstance(node, Function) and node.name == "size":
            self._parser.misused("size")

    def _condition(self) -> Condition:
        self._check_condition()
        node = self._nodes.pop().node
        assert not isinstance(node, Path | Placeholder), "an operand is no condition"
        return node


def _comparison(parser: Parser, left: Operand) -> Condition | Operand:
    """Take a comparator and what is compared with, if they follow."""
    if parser.symbol(*COMPARATORS):
        operator = parser.advance().text
        parser.count_operator()
        right = parser.operand()
        parser.check_use(left)
        parser.check_use(right)
        return Compare(operator, left, right)
    if parser.word("BETWEEN"):
        parser.advance()
        parser.count_operator()
        low = parser.operand()
        if not parser.word("AND"):
            parser.unexpected()
        parser.advance()
        high = parser.operand()
        for operand in (left, low, high):
            parser.check_use(operand)
        return Between(left, low, high)
    if parser.word("IN"):
        parser.advance()
        parser.count_operator()
        parser.expect("(")
        choices = parser.operands()
        parser.expect(")")
        parser.check_use(left)
        if len(choices) > IN_MAX:
            parser.fail(
                f"Too many operands for operator; operator: IN, number of operands: {len(choices)}"
            )
        return In(left, tuple(choices))
    return left


@lru_cache(maxsize=TREES_MAX)
def parse_condition(text: str, where: str) -> tuple[Condition, Used]:
    """Parse a condition, filter or key condition expression."""
    parser = Parser(text, where, CONDITION_FUNCTIONS)
    found = _Conditions(parser).read()
    parser.end()
    return found, parser.used


@lru_cache(maxsize=TREES_MAX)
def parse_projection(text: str) -> tuple[tuple[Path, ...], Used]:
    """Parse a projection expression."""
    parser = Parser(text, "ProjectionExpression", {})
    paths = [parser.path()]
    while parser.symbol(","):
        parser.advance()
        paths.append(parser.path())
    parser.end()
    return tuple(paths), parser.used


@lru_cache(maxsize=TREES_MAX)
def parse_update(text: str) -> tuple[tuple[Action, ...], Used]:
    """Parse an update expression."""
    parser = Parser(text, "UpdateExpression", UPDATE_FUNCTIONS)
    seen: list[str] = []
    actions: list[Action] = []
    while parser.token.kind != "end" or not seen:
        if not parser.word("SET", "REMOVE", "ADD", "DELETE"):
            parser.unexpected()
        section = parser.advance().text.upper()
        if section in seen:
            message = f'The "{section}" section can only be used once in an update expression;'
            parser.note(_SECTIONS, message)
        seen.append(section)
        actions.append(_action(parser, section))
        while parser.symbol(","):
            parser.advance()
            actions.append(_action(parser, section))
    parser.end()
    return tuple(actions), parser.used


def _action(parser: Parser, section: str) -> Action:
    path = parser.path()
    if section == "REMOVE":
        return Action(section, path, None)
    if section == "SET":
        parser.expect("=")
        return Action(section, path, _assigned(parser))
    if parser.token.kind != "value":
        parser.unexpected()
    return Action(section, path, Placeholder(parser.advance().text))


def _assigned(parser: Parser) -> Operand | Sum:
    """Take what SET assigns: an operand, or two with + or - between, maybe in parentheses."""
    if not parser.symbol("("):
        return _sum(parser, parser.operand())
    parser.advance()
    inner = _sum(parser, parser.operand())
    parser.expect(")")
    return inner if isinstance(inner, Sum) else _sum(parser, inner)


def _sum(parser: Parser, left: Operand) -> Operand | Sum:
    if not parser.symbol("+", "-"):
        return left
    operator = parser.advance().text
    parser.count_operator()
    return Sum(operator, left, parser.operand())

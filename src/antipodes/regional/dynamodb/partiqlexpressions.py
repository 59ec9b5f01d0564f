"""A parser for PartiQL's expressions: recursive descent over a statement's tokens.

Precedence, high to low: sign, sum, comparison (and IN, BETWEEN, IS), NOT, AND, OR. What an
expression may be used for is for its user to judge. The details in the errors are AWS's as far as
they are known.
"""

from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.partiqllexer import RESERVED, Token, malformed, place, tokens
from antipodes.regional.dynamodb.partiqltree import (
    Between,
    Both,
    Call,
    Compare,
    Expression,
    In,
    Is,
    Literal,
    Not,
    Parameter,
    Path,
    Sequence,
    Steps,
    Struct,
    Sum,
)

DEPTH_MAX = 50  # of parentheses and the like; values nest to 32
SUMMANDS_MAX = 100
INDEX_MAX = 2**31 - 1
COMPARATORS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TYPE_NAMES = """
    MISSING NULL BOOL BOOLEAN STRING SYMBOL CHAR CHARACTER VARCHAR NUMERIC DECIMAL DEC INT INTEGER
    SMALLINT INT2 INT4 INT8 FLOAT REAL DOUBLE BLOB CLOB STRUCT TUPLE LIST BAG TIMESTAMP DATE TIME
    SEXP ANY
"""
_TYPES = frozenset(_TYPE_NAMES.split())
_LITERALS: dict[str, tuple[str, bool]] = {
    "TRUE": ("BOOL", True),
    "FALSE": ("BOOL", False),
    "NULL": ("NULL", True),
    "MISSING": ("MISSING", True),
}
_OPERATOR_WORDS = ("IS", "IN", "BETWEEN", "LIKE", "AND", "OR")
_CALLABLE = """
    EXISTS COUNT AVG MAX MIN SUM SUBSTRING TRIM CHAR_LENGTH CHARACTER_LENGTH OCTET_LENGTH BIT_LENGTH
    UPPER LOWER SIZE NULLIF COALESCE SEXP LIST BAG EXTRACT CAST DATE_ADD DATE_DIFF
"""
_FUNCTION_WORDS = frozenset(_CALLABLE.split())
_CLOSING = {"[": "]", "<<": ">>", "(": ")"}


class ExpressionParser:
    """A cursor over the tokens of one statement."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parameters = 0
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0
        self._summands = 0

    @property
    def token(self) -> Token:
        """The token under the cursor."""
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        """The token after it."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Take the token under the cursor; the end stays."""
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def symbol(self, *symbols: str) -> bool:
        """Whether the cursor is at one of these symbols."""
        return self.token.kind == "symbol" and self.token.text in symbols

    def accept(self, *words: str) -> bool:
        """Take keywords, if they follow one another here."""
        end = self._at + len(words)
        if [token.word for token in self._tokens[self._at : end]] != list(words):
            return False
        self._at = end
        return True

    def expect(self, symbol: str) -> None:
        """Take a symbol."""
        if not self.symbol(symbol):
            raise malformed("Unexpected term" if self.token.kind == "end" else f"Expected {symbol}")
        self.advance()

    def place(self, at: int, length: int) -> str:
        """Where something stands."""
        return place(self.text, at, length)

    # Conditions.

    def expression(self) -> Expression:
        """Take an expression."""
        self._deeper()
        parts = [self._conjunction()]
        while self.accept("OR"):
            self._check_right()
            parts.append(self._conjunction())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Both("OR", tuple(parts))

    def _conjunction(self) -> Expression:
        parts = [self._negation()]
        while self.accept("AND"):
            self._check_right()
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else Both("AND", tuple(parts))

    def _negation(self) -> Expression:
        if not self.accept("NOT"):
            return self._comparison()
        self._deeper()
        inner = self._negation()
        self._depth -= 1
        return Not(inner)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise malformed("Expression nested too deep")

    def _check_right(self) -> None:
        """Something must follow AND and OR."""
        if self.token.kind == "end":
            raise malformed("Missing right-hand side expression of infix operator")

    def _comparison(self) -> Expression:
        left = self._sum()
        if self.symbol(*COMPARATORS):
            operator = COMPARATORS[self.advance().text]
            return Compare(operator, left, self._sum())
        if self.accept("IS", "NOT"):
            return Not(Is(left, self._type()))
        if self.accept("IS"):
            return Is(left, self._type())
        negated = self.token.word == "NOT" and self.following.word in {"IN", "BETWEEN"}
        if negated:
            self.advance()
        found: Expression
        if self.accept("BETWEEN"):
            low = self._sum()
            if not self.accept("AND"):
                raise malformed("Expected AND after BETWEEN")
            found = Between(left, low, self._sum())
        elif self.accept("IN"):
            found = In(left, self._sum())
        else:
            return left
        return Not(found) if negated else found

    def _type(self) -> str:
        word = self.token.word
        if word not in _TYPES:
            raise malformed("Expected type name")
        self.advance()
        if word == "DOUBLE":
            self.accept("PRECISION")
        elif word in {"CHARACTER", "CHAR"}:
            self.accept("VARYING")
        return word

    # Operands.

    def _sum(self) -> Expression:
        left = self._signed()
        while self.symbol("+", "-"):
            operator = self.advance()
            self._summands += 1
            if self._summands > SUMMANDS_MAX:
                raise malformed("Too many operators in expression")
            right = self._signed()
            left = Sum(operator.text, left, right, operator.at)
        return left

    def _signed(self) -> Expression:
        """A term, or a number with its signs."""
        if not self.symbol("+", "-"):
            return self._term()
        at = self.token.at
        negative = False
        while self.symbol("+", "-"):
            negative ^= self.advance().text == "-"
        if self.token.kind != "number":
            raise malformed("Unexpected term")
        number = self.advance()
        text = f"-{number.text}" if negative else number.text
        return Literal("N", text, at, number.at + number.length - at)

    def _term(self) -> Expression:
        token = self.token
        if token.kind == "string":
            self.advance()
            return Literal("S", token.text, token.at, token.length)
        if token.kind == "number":
            self.advance()
            return Literal("N", token.text, token.at, token.length)
        if token.kind == "quoted":
            return self.path()
        if token.kind == "name":
            return self._word(token)
        if self.symbol("?"):
            self.advance()
            self.parameters += 1
            return Parameter(self.parameters - 1, token.at)
        if self.symbol("(", "[", "<<"):
            return self._sequence()
        if self.symbol("{"):
            return self.struct()
        raise malformed("Unexpected term")

    def _word(self, token: Token) -> Expression:
        """What begins with a plain word: a literal, a call or a path."""
        if token.word in _LITERALS:
            self.advance()
            kind, content = _LITERALS[token.word]
            return Literal(kind, content, token.at, token.length)
        called = self.following.kind == "symbol" and self.following.text == "("
        if called and (token.word in _FUNCTION_WORDS or not self.reserved(token)):
            return self._call()
        if token.word in _OPERATOR_WORDS:
            raise malformed("Unexpected operator")
        if self.reserved(token):
            raise malformed("Unexpected keyword")
        return self.path()

    @staticmethod
    def reserved(token: Token) -> bool:
        """Whether a token is a word that cannot be a name."""
        return token.kind == "name" and token.text.lower() in RESERVED

    def _call(self) -> Call:
        name = self.advance()
        self.advance()
        operands: list[Expression] = []
        if self.symbol("*"):
            self.advance()
        elif not self.symbol(")"):
            operands.append(self.expression())
            while self.symbol(","):
                self.advance()
                operands.append(self.expression())
        self.expect(")")
        return Call(name.text.lower(), tuple(operands), name.at, name.length)

    def _sequence(self) -> Expression:
        """A list, a bag, or what stands in parentheses: one expression, or several in a row."""
        opening = self.advance()
        closing = _CLOSING[opening.text]
        members: list[Expression] = []
        if not self.symbol(closing) or opening.text == "(":
            members.append(self.expression())
            while self.symbol(","):
                self.advance()
                members.append(self.expression())
        self.expect(closing)
        if opening.text == "(" and len(members) == 1:
            return members[0]
        kind = {"[": "list", "<<": "bag", "(": "row"}[opening.text]
        return Sequence(kind, tuple(members), opening.at, opening.length)

    def struct(self) -> Struct:
        """Take names and values in braces."""
        opening = self.advance()
        members: list[tuple[Expression, Expression]] = []
        while not self.symbol("}"):
            if members:
                self.expect(",")
            name = self._term()
            self.expect(":")
            members.append((name, self.expression()))
        self.advance()
        return Struct(tuple(members), opening.at)

    # Paths.

    def path(self) -> Path:
        """Take a document path."""
        first = self.token
        if first.kind != "quoted" and (first.kind != "name" or self.reserved(first)):
            raise malformed("Expected identifier for simple path")
        self.advance()
        steps: list[str | int] = [first.text]
        while self.symbol(".", "["):
            if self.advance().text == ".":
                steps.append(self._name())
            else:
                steps.append(self._index())
                self.expect("]")
        return Path(_checked(steps), first.at, first.length)

    def _name(self) -> str:
        if self.symbol("*"):
            raise validation("Unpivot path component like a.*.b are not supported")
        token = self.token
        if token.kind != "quoted" and (token.kind != "name" or self.reserved(token)):
            raise malformed("Invalid path dot component")
        return self.advance().text

    def _index(self) -> int | str:
        if self.symbol("*"):
            raise validation("Wildcard path component like a[*].b are not supported")
        negative = False
        while self.symbol("-"):
            self.advance()
            negative = not negative
        token = self.advance()
        if token.kind == "string" and not negative:
            return token.text
        if token.kind != "number" or not token.text.isdigit():
            raise validation(f"Unexpected path component at {self.place(token.at, token.length)}")
        digits = token.text.lstrip("0") or "0"
        if digits != "0" and (negative or len(digits) > len(str(INDEX_MAX))):
            index = INDEX_MAX + 1
        else:
            index = int(digits)
        if index > INDEX_MAX:
            raise validation(
                "List index is not within the allowable range; index: "
                f"[{'-' if negative else ''}{digits}] at {self.place(token.at, token.length)}"
            )
        return index


def _checked(steps: list[str | int]) -> Steps:
    if "" in steps:
        raise validation("Path component cannot be an empty string")
    return tuple(steps)

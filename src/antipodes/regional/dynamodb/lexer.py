"""Tokens of DynamoDB's expressions.

Keywords (AND, SET, ...) are recognised in any case, functions and names as written; a name may be a
placeholder (#n), a value always is (:v). A character that begins no token is a token of its own:
the parser fails where it meets it, and says what stands around it.
"""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<alias>#[A-Za-z0-9_]+)"
    r"|(?P<value>:[A-Za-z0-9_]+)|(?P<number>[0-9]+)|(?P<operator><>|<=|>=|[=<>+\-(),.\[\]])"
    r"|(?P<strange>[^ \t\r\n]))",
    re.DOTALL,
)


class Token(NamedTuple):
    """One token and where it stands."""

    kind: str
    text: str
    at: int


END = "<EOF>"


def tokens(text: str) -> list[Token]:
    """Return an expression's tokens, ending with END."""
    found = [
        Token(kind, match.group(kind), match.start(kind))
        for match in _TOKEN.finditer(text)
        if (kind := match.lastgroup)
    ]
    found.append(Token("end", END, len(text)))
    return found

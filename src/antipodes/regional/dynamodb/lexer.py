"""Tokens of DynamoDB's expressions.

Keywords (AND, SET, ...) are recognised in any case, functions and names as written; a name may be a
placeholder (#n), a value always is (:v).
"""

import re
from typing import NamedTuple

from antipodes.regional.dynamodb.errors import validation

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<alias>#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)"
    r"|(?P<number>\d+)|(?P<operator><>|<=|>=|[=<>+\-(),.\[\]]))"
)


class Token(NamedTuple):
    """One token and where it stands."""

    kind: str
    text: str
    at: int


END = "<EOF>"


def tokens(text: str, where: str) -> list[Token]:
    """Return an expression's tokens, ending with END."""
    found: list[Token] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            rest = stripped[at:].lstrip()
            raise validation(
                f'Invalid {where}: Syntax error; token: "{rest[0]}", near: "{rest[:10]}"'
            )
        kind = match.lastgroup or ""
        found.append(Token(kind, match.group(kind), match.start(kind)))
        at = match.end()
    found.append(Token("end", END, len(stripped)))
    return found

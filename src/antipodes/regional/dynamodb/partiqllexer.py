"""Tokens of PartiQL statements, with the words that only quotation marks make names.

Keywords are recognised in any case. Strings stand in single quotation marks, names that are no
plain words in double ones; either mark is doubled within. Comments (`--` to the end of the line,
`/* */`) are skipped. Reserved are SQL-92's words, without the parts of a date, and PartiQL's own,
as in the parser that AWS published (partiql-lang-kotlin).
"""

import re
from typing import NamedTuple

from antipodes.regional.dynamodb.errors import validation
from antipodes.service.contract import ServiceError

_SPACE = re.compile(r"(?:[ \t\r\n\v\f]+|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_$][A-Za-z0-9_$]*)"
    r"|'(?P<string>(?:[^']|'')*)'"
    r'|"(?P<quoted>(?:[^"]|"")*)"'
    r"|(?P<symbol><<|>>|<>|!=|<=|>=|[-=<>+*?,.:;(){}\[\]])"
)
_SCALE_MAX = 2**31 - 1  # of a number's exponent, less its digits after the point

_RESERVED = """
    absolute action add all allocate alter and any are as asc assertion at authorization avg bag
    begin between bit bit_length blob bool boolean by cascade cascaded case cast catalog char
    char_length character character_length check clob close coalesce collate collation column
    commit conflict connect connection constraint constraints continue convert corresponding
    count create cross current current_date current_time current_timestamp current_user cursor
    date date_add date_diff deallocate dec decimal declare default deferrable deferred delete
    desc describe descriptor diagnostics disconnect distinct do domain double drop else end
    escape except exception exec execute exists external extract false fetch first float for
    foreign found from full get global go goto grant group having identity immediate in index
    indicator initially inner input insensitive insert int integer intersect interval into is
    isolation join key language last left let level like limit list local lower match max min
    missing modified module names national natural nchar new next no not nothing null nullif
    numeric octet_length of old on only open option or order outer output overlaps pad partial
    pivot position precision prepare preserve primary prior privileges procedure public read
    real references relative remove restrict returning revoke right rollback rows schema scroll
    section select session session_user set sexp size smallint some space sql sqlcode sqlerror
    sqlstate string struct substring sum symbol system_user table temporary then time timestamp
    to transaction translate translation trim true tuple union unique unknown unpivot update
    upper usage user using value values varchar varying view when whenever where with work write
    zone
"""
RESERVED = frozenset(_RESERVED.split())


class Token(NamedTuple):
    """One token: its kind, what it says, and where it stands (offset and length)."""

    kind: str
    text: str
    at: int
    length: int

    @property
    def word(self) -> str:
        """A plain word in upper case; nothing else has one."""
        return self.text.upper() if self.kind == "name" else ""


def malformed(detail: str = "") -> ServiceError:
    """The error for a statement that cannot be read."""
    return validation(f"Statement wasn't well formed, can't be processed: {detail}")


def place(text: str, at: int, length: int) -> str:
    """Where something stands, as AWS says it: line, column and length."""
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return f"{line}:{column}:{length}"


def tokens(text: str) -> list[Token]:
    """Return a statement's tokens, ending with one of kind `end`."""
    found: list[Token] = []
    at = _skip(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise malformed()
        kind = match.lastgroup or ""
        content = match.group(kind)
        if kind == "string":
            content = content.replace("''", "'")
        elif kind == "quoted":
            content = content.replace('""', '"')
        elif kind == "number":
            _check_scale(content)
        found.append(Token(kind, content, at, match.end() - at))
        at = _skip(text, match.end())
    found.append(Token("end", "", at, 0))
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def _check_scale(text: str) -> None:
    digits, _, exponent = text.lower().partition("e")
    if not exponent:
        return
    decimals = len(digits.partition(".")[2])
    if not -_SCALE_MAX <= int(exponent) <= _SCALE_MAX or decimals - int(exponent) > _SCALE_MAX:
        raise malformed()

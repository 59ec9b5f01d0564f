"""Filter patterns of terms: `ERROR`, `"two words"`, `?one ?other`, `-not`.

All plain terms must occur, one of the optional (`?`) ones if there are only those, none of the
excluded (`-`) ones; matching is case-sensitive. As in AWS, optional terms next to plain ones say
nothing. JSON (`{...}`), space-delimited (`[...]`) and regular-expression (`%...%`) patterns are
refused.
"""

import re

import msgspec

from antipodes.regional.logs.model import invalid

_TERM = re.compile(r'\s*(?P<sign>[-?]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s"]+))')


class Pattern(msgspec.Struct, frozen=True):
    """A parsed filter pattern."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def matches(self, message: str) -> bool:
        """Whether a message passes."""
        if any(term in message for term in self.excluded):
            return False
        if self.required:
            return all(term in message for term in self.required)
        return not self.optional or any(term in message for term in self.optional)


def parse(text: str) -> Pattern:
    """Parse a pattern of terms."""
    stripped = text.strip()
    if stripped[:1] in {"{", "["}:
        raise invalid("JSON and space-delimited filter patterns are not offered here: only terms")
    if "%" in stripped:
        raise invalid("Regular expressions in filter patterns are not offered here: only terms")
    terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(stripped):
        match = _TERM.match(stripped, at)
        if match is None:
            raise invalid("Invalid filter pattern")
        term = match["plain"]
        if term is None:
            term = re.sub(r"\\(.)", r"\1", match["quoted"])
        terms[match["sign"]].append(term)
        at = match.end()
    return Pattern(tuple(terms[""]), tuple(terms["?"]), tuple(terms["-"]))

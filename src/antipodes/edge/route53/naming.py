r"""Names of zones and records, as Route 53 reads, keeps and sorts them. Pure.

A name is kept in lower case, with a trailing dot, and everything but letters, digits, hyphens and
underscores as \ooo, so that a dot within a label can be told from one between labels. Lists go by
the labels in reverse, compared as ASCII with the dots: `com.example.www.`.

Source: Route 53 Developer Guide, "DNS domain name format"; names of the problems as seen in errors.
"""

import hashlib
import re

LABEL_BYTES_MAX = 63
NAME_BYTES_MAX = 255  # on the wire, with a length before each label and a zero at the end
WILDCARD = "\\052"

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")
_TOKEN = re.compile(r"\\([0-3][0-7]{2})|\\(.)|(\.)|([!-~])")
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")
_STORED_BYTES_MAX = 400


class BadName(Exception):
    """A name that cannot be: `problem` says it in AWS's words."""

    def __init__(self, problem: str, explained: str, at: str) -> None:
        super().__init__(f"FATAL problem: {problem} ({explained}) encountered with '{at}'")
        self.problem = problem


def labels_of(text: str) -> list[bytes]:
    """Return the labels of a name, in lower case. Raises BadName."""
    labels: list[bytearray] = [bytearray()]
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or found[2] is not None:
            raise BadName(
                "UnsupportedCharacter", "Value contains unsupported characters", text[position]
            )
        if found[3]:
            labels.append(bytearray())
        else:
            labels[-1].append(int(found[1], 8) if found[1] else ord(found[4]))
        position = found.end()
    if not labels[-1] and len(labels) > 1:
        labels.pop()  # the trailing dot
    for label in labels:
        if not label:
            raise BadName("DomainLabelEmpty", "Domain label is empty", text)
        if len(label) > LABEL_BYTES_MAX:
            raise BadName("DomainLabelTooLong", "Domain label is too long", text)
    if sum(len(label) + 1 for label in labels) + 1 > NAME_BYTES_MAX:
        raise BadName("DomainNameTooLong", "Domain name is too long", text)
    return [bytes(label).lower() for label in labels]


def canonical(text: str) -> str:
    """Return a name as it is kept. Raises BadName."""
    return "".join(
        "".join(chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in label) + "."
        for label in labels_of(text)
    )


def within(name: str, zone: str) -> bool:
    """Whether a canonical name is a zone's own or below it."""
    return name == zone or name.endswith("." + zone)


def sort_text(name: str) -> str:
    """Return a canonical name with its labels reversed, which is what lists go by."""
    return ".".join(reversed(name[:-1].split("."))) + "."


def stored(name: str) -> bytes:
    """Return a key for a canonical name: short enough for the store, in the order of lists.

    An escape is shortened to its backslash and byte, which sorts the same. What is too long all the
    same (names of escapes only) ends in a digest: its order among names that begin like it is by
    that digest.
    """
    text = sort_text(name).encode()
    key = _ESCAPE.sub(lambda found: b"\\" + bytes([int(found[1], 8)]), text)
    if len(key) <= _STORED_BYTES_MAX:
        return key
    return key[:_STORED_BYTES_MAX] + hashlib.sha256(text).digest()


def digest(name: str) -> str:
    """Return a short key for a canonical name, where order does not matter."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]

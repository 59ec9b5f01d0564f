r"""Domain names: between the text that people write and the labels that travel.

Inside, a name is its uncompressed wire form in lower case (`b"\x03www\x07example\x03com\x00"`), so
that two names are equal if their bytes are. In text the trailing dot is optional on the way in and
always there on the way out. A byte that is not a letter, digit, hyphen or underscore is written
`\ooo` with three octal digits, as Route 53 does (zone files of others use decimal digits), so a
wildcard comes out as `\052`.

Errors::

    ValueError
    └── InvalidName    the text, or the wire form, is not a domain name
"""

import re
from collections.abc import Iterator

LABEL_BYTES_MAX = 63
NAME_BYTES_MAX = 255  # in wire form, the root's zero included
ROOT = b"\x00"

_PRINTABLE = re.compile("[!-~]+")
_UNESCAPED = re.compile(r"[ -\[\]-~]*")
_PLAIN = re.compile(rb"[a-z0-9_-]*")
_ESCAPE = re.compile(r"\\([0-7]{3}|[^0-9])", re.DOTALL)
_PART = re.compile(r"\\(?:[0-7]{3}|[^0-9])|\.|[^\\.]+", re.DOTALL)


class InvalidName(ValueError):
    """Not a domain name."""


def to_wire(text: str) -> bytes:
    """The wire form of a name in text, in lower case. Raises InvalidName."""
    if text == ".":
        return ROOT
    if not _PRINTABLE.fullmatch(text):
        raise InvalidName(f"{text!r}: a name is printable ASCII without spaces, or escaped")
    if "\\" in text:
        return from_labels(_unescaped_labels(text))
    return from_labels(text.removesuffix(".").encode("ascii").split(b"."))


def from_labels(labels: list[bytes]) -> bytes:
    """The wire form of a name's labels. Raises InvalidName."""
    for label in labels:
        if not label:
            raise InvalidName("a name has no empty labels")
        if len(label) > LABEL_BYTES_MAX:
            raise InvalidName(f"a label has {len(label)} bytes: {LABEL_BYTES_MAX} is the most")
    wire = b"".join([bytes((len(label),)) + label.lower() for label in labels]) + ROOT
    if len(wire) > NAME_BYTES_MAX:
        raise InvalidName(f"a name of {len(wire)} bytes: {NAME_BYTES_MAX} is the most")
    return wire


def _unescaped_labels(text: str) -> list[bytes]:
    labels, label, position = [], b"", 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise InvalidName(f"{text}: a backslash wants three octal digits, or one character")
        position = part.end()
        if part[0] == ".":
            labels.append(label)
            label = b""
        else:
            label += unescaped(part[0])
    return [*labels, label] if label else labels


def unescaped(text: str) -> bytes:
    r"""The bytes of printable text with escapes (`\ooo`, `\x`). Raises InvalidName."""
    found = bytearray()
    position = 0
    for escape in _ESCAPE.finditer(text):
        found += _literal(text[position : escape.start()])
        code = escape[1]
        if len(code) == 1:
            found += _literal(code if code != "\\" else "") or b"\\"
        elif code > "377":
            raise InvalidName(f"\\{code} is more than a byte holds")
        else:
            found.append(int(code, 8))
        position = escape.end()
    found += _literal(text[position:])
    return bytes(found)


def _literal(text: str) -> bytes:
    if not _UNESCAPED.fullmatch(text):
        wanted = "a backslash wants three octal digits, or one character"
        raise InvalidName(f"{text!r}: only printable ASCII may stand unescaped; {wanted}")
    return text.encode("ascii")


def to_text(wire: bytes) -> str:
    """A name in text, with its trailing dot; unusual bytes are escaped."""
    if wire == ROOT:
        return "."
    return ".".join(map(_label_text, labels(wire))) + "."


def _label_text(label: bytes) -> str:
    if _PLAIN.fullmatch(label):
        return label.decode("ascii")
    return "".join(
        chr(byte) if _PLAIN.fullmatch(bytes((byte,))) else f"\\{byte:03o}" for byte in label
    )


def labels(wire: bytes) -> Iterator[bytes]:
    """A name's labels, from the left, without the root's."""
    position = 0
    while size := wire[position]:
        position += 1
        yield wire[position : position + size]
        position += size


def parent(wire: bytes) -> bytes:
    """The name without its leftmost label; the root's parent is the root."""
    return wire[1 + wire[0] :] or ROOT


def suffixes(wire: bytes) -> Iterator[bytes]:
    """The name itself, then its ancestors, down to the root."""
    while len(wire) > 1:
        yield wire
        wire = wire[1 + wire[0] :]
    yield ROOT


def is_within(wire: bytes, zone: bytes) -> bool:
    """Whether a name is a zone's, or below it."""
    return wire.endswith(zone) and (len(wire) == len(zone) or zone in suffixes(wire))

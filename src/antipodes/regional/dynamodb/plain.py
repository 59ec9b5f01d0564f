"""Plain values: already in normal form, checked and sized in one pass over what orjson read.

What is found plain here, `attributes.normal` would give back as it is, and `attributes.item_size`
would find of the same size (a property test holds them together). Most requests are plain; of the
others nothing is said here, not even whether they are wrong: `Unusual`, and the usual way decides.
"""

import base64
import binascii
import re
from typing import Any

from antipodes.regional.dynamodb.attributes import DEPTH_MAX, PLAIN_DIGITS_MAX

NAME_CHARACTERS_MAX = 255  # longer names are allowed, but not here
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{0,17}[1-9])?")
_number_matches = _NUMBER.fullmatch


class Unusual(Exception):
    """Not plain: wrong, or right in a form that is not the normal one."""


def plain_size(item: Any) -> int:
    """Return the size of an item (or key, or map) whose values are all plain."""
    if type(item) is not dict:
        raise Unusual
    total = 0
    for name, value in item.items():
        if type(value) is not dict or len(value) != 1 or not 0 < len(name) <= NAME_CHARACTERS_MAX:
            raise Unusual
        total += len(name) if name.isascii() else len(name.encode())
        ((kind, content),) = value.items()
        if kind == "S" and type(content) is str:  # what most values are
            total += len(content) if content.isascii() else len(content.encode())
        elif kind == "N":
            total += number_size(content)
        else:
            total += _size(value, 1)
    return total


def value_size(value: Any, depth: int = 1) -> int:
    """Return the size of a plain value."""
    if type(value) is not dict or len(value) != 1:
        raise Unusual
    return _size(value, depth)


def _size(value: dict[str, Any], depth: int) -> int:
    """The size of a dictionary of one entry, if that is a plain value."""
    for kind, content in value.items():
        if kind == "S":
            if type(content) is str:
                return len(content) if content.isascii() else len(content.encode())
        elif kind == "N":
            return number_size(content)
        elif kind == "BOOL":
            if type(content) is bool:
                return 1
        elif kind == "M":
            return _map_size(content, depth)
        elif kind == "L":
            return _list_size(content, depth)
        elif kind == "NULL":
            if content is True:
                return 1
        elif kind == "B":
            return _binary_size(content)
        else:
            return _set_size(kind, content)
    raise Unusual


def number_size(text: Any) -> int:
    """Return the size of a number that is written as it is kept."""
    if type(text) is not str:
        raise Unusual
    if text.isdecimal() and text.isascii() and len(text) <= PLAIN_DIGITS_MAX:
        if text[0] == "0" and text != "0":
            raise Unusual
        return (len(text.rstrip("0")) + 3) // 2  # no zeros before: it is plain
    if _number_matches(text) is None or text == "-0":
        raise Unusual
    digits = len(text.lstrip("-").replace(".", "").strip("0"))
    return (digits + 1) // 2 + (2 if text[0] == "-" else 1)


def _map_size(content: Any, depth: int) -> int:
    if depth >= DEPTH_MAX or type(content) is not dict:
        raise Unusual
    total = 3
    for name, inner in content.items():
        if type(inner) is not dict or len(inner) != 1 or len(name) > NAME_CHARACTERS_MAX:
            raise Unusual
        total += (len(name) if name.isascii() else len(name.encode())) + _size(inner, depth + 1) + 1
    return total


def _list_size(content: Any, depth: int) -> int:
    if depth >= DEPTH_MAX or type(content) is not list:
        raise Unusual
    total = 3
    for inner in content:
        if type(inner) is not dict or len(inner) != 1:
            raise Unusual
        total += _size(inner, depth + 1) + 1
    return total


def _binary_size(text: Any) -> int:
    if type(text) is not str:
        raise Unusual
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unusual from None
    if base64.b64encode(data) != text.encode():
        raise Unusual
    return len(data)


def _set_size(kind: str, content: Any) -> int:
    if type(content) is not list or not content:
        raise Unusual
    total = 0
    if kind == "SS":
        for member in content:
            if type(member) is not str:
                raise Unusual
            total += len(member) if member.isascii() else len(member.encode())
    elif kind == "NS":
        for member in content:
            total += number_size(member)
    elif kind == "BS":
        for member in content:
            total += _binary_size(member)
    else:
        raise Unusual
    if len(set(content)) != len(content):
        raise Unusual
    return total

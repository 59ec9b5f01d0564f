"""Attribute values: validation, normal form, size, order, and keys as bytes that sort alike.

A value is what travels: a dictionary with one type (`{"S": "x"}`). Numbers are exact to 38 digits
and written in plain decimal without leading or trailing zeros; sets have unique members. Limits
and wording: "Constraints" and "Supported data types" in the DynamoDB Developer Guide.
"""

import base64
import binascii
import re
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.service.contract import ServiceError

Value = dict[str, Any]
Item = dict[str, Value]

DEPTH_MAX = 32
ITEM_BYTES_MAX = 400 * 1024
DIGITS_MAX = 38
PLAIN_DIGITS_MAX = 18  # below this, plain digits are in normal form as they are
_EXPONENT_MAX, _EXPONENT_MIN = 125, -130
# Enough for the sum of any two numbers: digits from 1E+126 down to 1E-130 and 38 more.
_EXACT = Context(prec=320, Emax=999_999, Emin=-999_999)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_OVERFLOW = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
_UNDERFLOW = (
    "Number underflow. Attempting to store a number with magnitude smaller than supported range"
)
_TYPES = ("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL")
_SET_NAMES = {"SS": "An string set ", "NS": "An number set ", "BS": "Binary sets"}


def number(text: str) -> Decimal:
    """Return a number, checked."""
    if _NUMBER.fullmatch(text) is None:
        detail = f": {text}" if text else ""
        raise validation(f"The parameter cannot be converted to a numeric value{detail}")
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent of more digits than Decimal has
        digits, _, exponent = text.lower().partition("e")
        if not digits.strip("+-0."):
            return Decimal(0)
        raise validation(_UNDERFLOW if exponent.startswith("-") else _OVERFLOW) from None
    if value.is_zero():
        return Decimal(0)
    if value.adjusted() > _EXPONENT_MAX:
        raise validation(_OVERFLOW)
    if value.adjusted() < _EXPONENT_MIN:
        raise validation(_UNDERFLOW)
    if _significant_digits(value) > DIGITS_MAX:
        raise validation("Attempting to store more than 38 significant digits in a Number")
    return value


def added(one: str, other: str, sign: int = 1) -> str:
    """Return the sum or difference of two numbers, in normal form.

    A result that 38 digits do not hold is refused as an overflow, as DynamoDB does.
    """
    left, right = _EXACT.create_decimal(one), _EXACT.create_decimal(other)
    total = _EXACT.add(left, right) if sign > 0 else _EXACT.subtract(left, right)
    if total.is_zero():
        return "0"
    if total.adjusted() > _EXPONENT_MAX or _significant_digits(total) > DIGITS_MAX:
        raise validation(_OVERFLOW)
    if total.adjusted() < _EXPONENT_MIN:
        raise validation(_UNDERFLOW)
    return number_text(total)


def _significant_digits(value: Decimal) -> int:
    digits = value.as_tuple().digits
    return len(digits) - _trailing_zeros(digits)


def _trailing_zeros(digits: tuple[int, ...]) -> int:
    count = 0
    while count < len(digits) - 1 and digits[-1 - count] == 0:
        count += 1
    return count


def number_text(value: Decimal) -> str:
    """Return a number's normal form: plain decimal, no needless zeros."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def normal_number(text: str) -> str:
    """Return the normal form of a number's text, checked."""
    if (
        text.isascii()
        and text.isdigit()
        and len(text) <= PLAIN_DIGITS_MAX
        and (text[0] != "0" or text == "0")
    ):
        return text
    return number_text(number(text))


def binary(text: Any) -> str:
    """Return base64 text, checked; the wire's bytes are taken as well."""
    if not isinstance(text, bytes | bytearray):
        try:
            text = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise ServiceError(
                "SerializationException",
                "Base64 encoded length is unexpected or has bad characters",
            ) from None
    return base64.b64encode(text).decode()


def normal(value: Any, depth: int = 1) -> Value:
    """Return a value's normal form; raises the service's own errors."""
    if not isinstance(value, dict) or not value:
        raise validation(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    if len(value) > 1:
        raise validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
            "the supported datatypes"
        )
    ((kind, content),) = value.items()
    if kind == "S":
        return value
    if kind == "N":
        return {"N": normal_number(content)}
    if kind == "B":
        return {"B": binary(content)}
    if kind == "BOOL":
        return {"BOOL": bool(content)}
    if kind == "NULL":
        if content is not True:
            raise invalid_value("Null attribute value types must have the value of true")
        return value
    if kind in _SET_NAMES:
        return {kind: _normal_set(kind, content)}
    if kind in {"M", "L"}:
        return _normal_document(kind, content, depth)
    raise validation(
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    )


def _normal_document(kind: str, content: Any, depth: int) -> Value:
    if depth >= DEPTH_MAX:
        raise _nested_too_deep()
    if kind == "M":
        return {"M": {name: normal(inner, depth + 1) for name, inner in content.items()}}
    return {"L": [normal(inner, depth + 1) for inner in content]}


def _normal_set(kind: str, members: list[Any]) -> list[str]:
    if not members:
        raise invalid_value(
            f"{_SET_NAMES[kind]} {'should' if kind == 'BS' else 'may'} not be empty"
        )
    if kind == "NS":
        found = [normal_number(member) for member in members]
    elif kind == "BS":
        found = [binary(member) for member in members]
    else:
        found = list(members)
    if len(set(found)) != len(found):
        if kind == "NS":
            raise validation("Input collection contains duplicates")
        shown = ", ".join(found)
        of = "of type BS " if kind == "BS" else " "
        raise invalid_value(f"Input collection [{shown}]{of}contains duplicates.")
    return found


def normal_item(item: dict[str, Any]) -> Item:
    """Return an item's normal form."""
    return {name: normal(value) for name, value in item.items()}


# Sizes ("Capacity unit consumption", Developer Guide).


def size(value: Value) -> int:  # noqa: PLR0911 - one line for each type
    """Return the stored size of a value in bytes."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return _number_size(content)
    if kind == "B":
        return _binary_size(content)
    if kind == "M":
        return 3 + sum(len(n.encode()) + size(v) + 1 for n, v in content.items())
    if kind == "L":
        return 3 + sum(size(inner) + 1 for inner in content)
    if kind == "SS":
        return sum(len(member.encode()) for member in content)
    if kind == "NS":
        return sum(_number_size(member) for member in content)
    if kind == "BS":
        return sum(_binary_size(member) for member in content)
    return 1


def _number_size(text: str) -> int:
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def _binary_size(text: str) -> int:
    return len(text) * 3 // 4 - text.endswith("=") - text.endswith("==")


def item_size(item: Item) -> int:
    """Return the stored size of an item in bytes."""
    return sum(len(name.encode()) + size(value) for name, value in item.items())


# Order and equality.


_decimal = lru_cache(maxsize=8192)(_EXACT.create_decimal)


def comparable(value: Value) -> Any:
    """Return what two values of one orderable type are compared by.

    Python compares strings by code point, which is the order of their UTF-8.
    """
    ((kind, content),) = value.items()
    if kind == "N":
        return _decimal(content)
    if kind == "B":
        return base64.b64decode(content)
    return content


def levels(value: Value) -> int:
    """How many documents stand within each other in a value, itself included."""
    ((kind, content),) = value.items()
    if kind == "M":
        return 1 + max(map(levels, content.values()), default=0)
    if kind == "L":
        return 1 + max(map(levels, content), default=0)
    return 0


def check_levels(value: Value, depth: int) -> None:
    """Refuse a value that is nested too deep where it is to be put."""
    inside = levels(value)
    if inside and depth + inside - 1 >= DEPTH_MAX:
        raise _nested_too_deep()


def _nested_too_deep() -> ServiceError:
    return validation(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels "
        "beyond supported limit"
    )


def kind_of(value: Value) -> str:
    """Return a value's type."""
    return next(iter(value))


def equal(one: Value, other: Value) -> bool:
    """Whether two values are the same; sets regardless of order."""
    kind = kind_of(one)
    if kind != kind_of(other):
        return False
    if kind in _SET_NAMES:
        return sorted(one[kind]) == sorted(other[kind])
    if kind == "M":
        mine, theirs = one["M"], other["M"]
        return mine.keys() == theirs.keys() and all(equal(mine[n], theirs[n]) for n in mine)
    if kind == "L":
        mine, theirs = one["L"], other["L"]
        return len(mine) == len(theirs) and all(map(equal, mine, theirs))
    return bool(one == other)


def key_bytes(value: Value) -> bytes:
    """Return bytes that sort as key values do."""
    ((kind, content),) = value.items()
    if kind == "S":
        return bytes(content.encode())
    if kind == "B":
        return base64.b64decode(content)
    return _number_bytes(content)


def _number_bytes(text: str) -> bytes:
    """Sign, exponent and digits, so that bytes sort as numbers do."""
    value = _EXACT.create_decimal(text)
    if value.is_zero():
        return b"\x80"
    digits = "".join(map(str, value.as_tuple().digits)).rstrip("0")
    exponent = value.adjusted() + 0x4000
    body = exponent.to_bytes(2, "big") + bytes(int(d) + 1 for d in digits)
    if value > 0:
        return b"\xc0" + body
    return b"\x40" + bytes(0xFF - byte for byte in body) + b"\xff"


# The wire speaks base64; botocore's dictionaries have bytes.


def outward(value: Value) -> Value:
    """A value as boto3 has it: binary as bytes."""
    ((kind, content),) = value.items()
    if kind == "B":
        return {"B": base64.b64decode(content)}
    if kind == "BS":
        return {"BS": [base64.b64decode(member) for member in content]}
    if kind == "M":
        return {"M": {name: outward(inner) for name, inner in content.items()}}
    if kind == "L":
        return {"L": [outward(inner) for inner in content]}
    return value


def outward_item(item: Item) -> Item:
    """An item as boto3 has it."""
    return {name: outward(value) for name, value in item.items()}

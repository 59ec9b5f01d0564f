"""Scalars as text: timestamps, numbers, truth and blobs, as headers, forms and XML write them.

Inside Antipodes a timestamp is Unix seconds as a float (datetimes are accepted on the way out) and
a blob is bytes. Text that is none of what a member may be raises `ValueError`; callers know how
their protocol complains.
"""

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INTEGERS: Mapping[str, int] = {"integer": 2**31, "long": 2**63}
_SPECIAL_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def unix_seconds(value: float | datetime) -> float:
    """Return a timestamp given as Unix seconds or as a datetime (naive: UTC) as Unix seconds."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - _EPOCH) / timedelta(seconds=1)
    return value


def _moment(value: float | datetime) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return _EPOCH + timedelta(microseconds=round(value * 1_000_000))


def number(value: float) -> int | float:
    """Return a whole number without its fraction."""
    return int(value) if value == math.floor(value) else value


def _iso8601(value: float | datetime) -> str:
    moment = _moment(value).replace(tzinfo=None)
    # Milliseconds, as AWS writes them, unless that would lose something.
    precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.isoformat(timespec=precision if moment.microsecond else "seconds") + "Z"


def http_date(value: float | datetime) -> str:
    """Return a time as HTTP's headers have it (RFC 9110, 5.6.7)."""
    m = _moment(value)
    day = f"{_DAYS[m.weekday()]}, {m.day:02} {_MONTHS[m.month - 1]} {m.year:04}"
    return f"{day} {m.hour:02}:{m.minute:02}:{m.second:02} GMT"


_WRITTEN: Mapping[str, Callable[[float | datetime], str]] = {
    "iso8601": _iso8601,
    "rfc822": http_date,
    "unixtimestamp": lambda value: str(number(unix_seconds(value))),
}


def timestamp_text(value: float | datetime, style: str) -> str:
    """Write a timestamp as `iso8601`, `rfc822` or `unixtimestamp`."""
    return _WRITTEN[style.lower()](value)


def timestamp(text: str) -> float:
    """Read a timestamp in any of the three styles."""
    text = text.strip()
    if text[:1].isalpha():
        return _fromhttp_date(text)
    if "-" not in text[1:]:
        return _finite(float(text))
    return unix_seconds(datetime.fromisoformat(text))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def _fromhttp_date(text: str) -> float:
    _, _, rest = text.partition(", ")
    day, month, year, clock, zone = rest.split(" ")
    hour, minute, second = clock.split(":")
    if zone not in {"GMT", "UTC", "+0000"}:
        raise ValueError(text)
    moment = datetime(
        int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), tzinfo=UTC
    )
    return unix_seconds(moment) + float(second)


def blob(text: str) -> bytes:
    """Read base64, strictly."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error


def blob_text(value: bytes | str) -> str:
    """Write base64."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def integer(value: float, kind: str) -> int:
    """Return a number as the integer that it must be, in the range of its kind."""
    whole = int(value)
    bound = _INTEGERS[kind]
    if whole != value or not -bound <= whole < bound:
        raise ValueError(value)
    return whole


def _integer_from(text: str, kind: str) -> int:
    if not text.removeprefix("-").removeprefix("+").isdecimal():
        raise ValueError(text)
    return integer(int(text), kind)


def real(text: str) -> float:
    """Read a floating-point number, with the three names that JSON lacks."""
    special = _SPECIAL_FLOATS.get(text)
    return special if special is not None else _finite(float(text))


def real_text(value: float) -> str:
    """Write a floating-point number."""
    return str(real_or_name(value))


def real_or_name(value: float) -> float | str:
    """Return the number, or its name where JSON has no number for it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def boolean(text: str) -> bool:
    """Read `true` or `false`."""
    lower = text.lower()
    if lower not in {"true", "false"}:
        raise ValueError(text)
    return lower == "true"


def from_text(kind: str, text: str) -> Any:
    """Read a scalar of that kind."""
    if kind == "string":
        return text
    if kind in _INTEGERS:
        return _integer_from(text.strip(), kind)
    if kind == "boolean":
        return boolean(text.strip())
    if kind == "timestamp":
        return timestamp(text)
    if kind == "blob":
        return blob(text.strip())
    if kind in {"float", "double"}:
        return real(text.strip())
    raise ValueError(kind)


def to_text(kind: str, value: Any, timestamp_style: str) -> str:
    """Write a scalar of that kind."""
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        return timestamp_text(value, timestamp_style)
    if kind == "blob":
        return blob_text(value)
    if kind in {"float", "double"}:
        return real_text(float(value))
    if kind in _INTEGERS:
        return str(int(value))
    return str(value)

"""Whether a record's value is one of its type, with AWS's words for what is wrong. Pure.

The problems that have been seen in AWS's answers (`ARRDATAIllegalIPv4Address`, ...) have their
spelling, others are spelled in the same way. A value that passes can be put on the wire.

Sources: Route 53 Developer Guide, "Supported DNS record types"; messages from public logs.
"""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from antipodes.edge.route53 import naming
from antipodes.edge.route53.naming import BadName
from antipodes.fabric.dns.rdata import InvalidRdata, rdata_wire

STRING_BYTES_MAX = 255
SINGLE_VALUED = ("CNAME", "SOA")

_STRING = re.compile(r'"((?:[^"\\]|\\[0-3][0-7]{2}|\\.)*)"')
_ESCAPE = re.compile(r"\\(?:[0-3][0-7]{2}|.)")
_FIELDS = {"MX": (2, "Two"), "CAA": (3, "Three"), "SRV": (4, "Four"), "SOA": (7, "Seven")}
_LATIN_MAX = 255


class BadValue(Exception):
    """A value that its type does not have."""


def _bad(problem: str, explained: str, value: str) -> BadValue:
    return BadValue(f"FATAL problem: {problem} ({explained}) encountered with '{value}'")


def _name(text: str) -> None:
    if text == ".":
        return
    try:
        naming.canonical(text)
    except BadName as error:
        raise BadValue(str(error)) from error


def _single(rtype: str, value: str) -> str:
    fields = value.split()
    if len(fields) != 1 or fields[0] != value:
        raise _bad(f"{rtype}RRDATANotSingleField", "Value contains spaces", value)
    return value


def _a(rtype: str, value: str) -> None:
    try:
        IPv4Address(_single(rtype, value))
    except AddressValueError:
        explained = "Value is not a valid IPv4 address"
        raise _bad("ARRDATAIllegalIPv4Address", explained, value) from None


def _aaaa(rtype: str, value: str) -> None:
    try:
        IPv6Address(_single(rtype, value))
    except AddressValueError:
        explained = "Value is not a valid IPv6 address"
        raise _bad("AAAARRDATAIllegalIPv6Address", explained, value) from None


def _one_name(rtype: str, value: str) -> None:
    _name(_single(rtype, value))


def _fields(rtype: str, value: str) -> None:
    count, spelled = _FIELDS[rtype]
    fields = value.split(None, count - 1) if rtype == "CAA" else value.split()
    if len(fields) != count:
        explained = f"{rtype} record doesn't have {count} fields"
        raise _bad(f"{rtype}RRDATANot{spelled}Fields", explained, value)
    if rtype in {"MX", "SRV"}:
        _name(fields[-1])


def _txt(_: str, value: str) -> None:
    """One or more quoted strings."""
    position = 0
    while position < len(value) or not value:
        string = _STRING.match(value, position)
        if string is None:
            explained = "Value should be enclosed in quotation marks"
            raise _bad("InvalidCharacterString", explained, value)
        if any(ord(character) > _LATIN_MAX for character in string[1]):
            raise _bad("UnsupportedCharacter", "Value contains unsupported characters", value)
        if len(_ESCAPE.sub("x", string[1])) > STRING_BYTES_MAX:
            raise _bad("CharacterStringTooLong", "Value is too long", value)
        position = string.end()
        position += len(value[position:]) - len(value[position:].lstrip(" \t"))


_CHECKS: dict[str, Callable[[str, str], None]] = {
    "A": _a,
    "AAAA": _aaaa,
    "CAA": _fields,
    "CNAME": _one_name,
    "MX": _fields,
    "NS": _one_name,
    "PTR": _one_name,
    "SOA": _fields,
    "SPF": _txt,
    "SRV": _fields,
    "TXT": _txt,
}


def check(rtype: str, value: str) -> None:
    """Check a value of a type. Raises BadValue."""
    if rtype in _CHECKS:
        _CHECKS[rtype](rtype, value)
    try:
        rdata_wire(rtype, value)
    except InvalidRdata as error:
        raise _bad(f"{rtype}RRDATAIllegalValue", str(error), value) from error

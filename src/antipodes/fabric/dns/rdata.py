r"""Record data: between the text of a Route 53 value and its wire form, for every type it offers.

The text is as Route 53 takes it: names may lack their trailing dot, strings are quoted, and what is
escaped is escaped with three octal digits. Most types are read here; service bindings (SVCB, HTTPS)
are left to dnspython, which is imported when the first of them is met.

Names in record data are kept in lower case, like all names.

Errors::

    ValueError
    └── InvalidRdata    the text is not a value of its type
"""

import ipaddress
import re
import struct
from collections.abc import Callable

from antipodes.fabric.dns.names import InvalidName, to_text, to_wire, unescaped

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR = 1, 2, 5, 6, 12, 15, 16, 28, 33, 35
DS, SSHFP, TLSA, SVCB, HTTPS, SPF, CAA = 43, 44, 52, 64, 65, 99, 257
OPT, IXFR, AXFR, ANY = 41, 251, 252, 255

RTYPES = {
    "A": A,
    "AAAA": AAAA,
    "CAA": CAA,
    "CNAME": CNAME,
    "DS": DS,
    "HTTPS": HTTPS,
    "MX": MX,
    "NAPTR": NAPTR,
    "NS": NS,
    "PTR": PTR,
    "SOA": SOA,
    "SPF": SPF,
    "SRV": SRV,
    "SSHFP": SSHFP,
    "SVCB": SVCB,
    "TLSA": TLSA,
    "TXT": TXT,
}
_TYPE_NAMES = {number: name for name, number in RTYPES.items()} | {ANY: "ANY"}

STRING_BYTES_MAX = 255
RDATA_BYTES_MAX = 65_535

_WORD = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^\s"]+)(?=\s|$)', re.DOTALL)
_NUMBER = re.compile("[0-9]{1,10}")
_DIGEST_BYTES = {1: 20, 2: 32, 3: 32, 4: 48}  # of a DS record, by the digest's type
_HEX = re.compile("(?:[0-9A-Fa-f]{2})+")
_TAG = re.compile("[0-9A-Za-z]{1,255}")
_OCTET, _SHORT, _LONG = 0xFF, 0xFFFF, 0xFFFF_FFFF


class InvalidRdata(ValueError):
    """Not a value of its type."""


def rtype_text(rtype: int) -> str:
    """A type's name; of those not known here, as RFC 3597 writes them."""
    return _TYPE_NAMES.get(rtype) or f"TYPE{rtype}"


def rdata_wire(rtype: str, text: str) -> bytes:
    """The wire form of a value. Raises InvalidRdata."""
    try:
        read = _READERS.get(rtype)
        if read is None:
            raise InvalidRdata(f"{rtype} is not a record type that is offered")
        wire = read(text)
    except InvalidName as error:
        raise InvalidRdata(str(error)) from None
    if len(wire) > RDATA_BYTES_MAX:
        raise InvalidRdata(f"a value of {len(wire)} bytes: {RDATA_BYTES_MAX} is the most")
    return wire


def rdata_text(rtype: str, wire: bytes) -> str:
    """A value in text, as `rdata_wire` takes it, from a well-formed wire form."""
    return _WRITERS[rtype](wire)


# Text to wire.


def _words(text: str) -> list[str]:
    words, position = [], 0
    while position < len(text.rstrip()):
        found = _WORD.match(text, position)
        if found is None:
            raise InvalidRdata(f"{text}: a quotation mark is out of place")
        words.append(found[1])
        position = found.end()
    return words


def _fields(text: str, count: int, shape: str) -> list[str]:
    words = _words(text)
    if len(words) != count:
        raise InvalidRdata(f"{text!r} has {len(words)} parts, expected {count}: {shape}")
    return words


def _number(text: str, most: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise InvalidRdata(f"{text!r} is not a number from 0 to {most}")
    return int(text)


def _string(text: str) -> bytes:
    if len(text) < 2 or text[0] != '"':  # noqa: PLR2004 - two quotation marks
        raise InvalidRdata(f"{text}: a string stands in quotation marks")
    raw = unescaped(text[1:-1])
    if len(raw) > STRING_BYTES_MAX:
        raise InvalidRdata(f"a string of {len(raw)} bytes: {STRING_BYTES_MAX} is the most")
    return raw


def _counted(raw: bytes) -> bytes:
    return bytes((len(raw),)) + raw


def _hex(text: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise InvalidRdata(f"{text!r} is not hexadecimal")
    return bytes.fromhex(text)


def _a(text: str) -> bytes:
    try:
        return ipaddress.IPv4Address(text.strip()).packed
    except ValueError:
        raise InvalidRdata(f"{text!r} is not a valid IPv4 address") from None


def _aaaa(text: str) -> bytes:
    try:
        if "%" in text:
            raise InvalidRdata(f"{text!r}: a scope has no place here")
        return ipaddress.IPv6Address(text.strip()).packed
    except ipaddress.AddressValueError:
        raise InvalidRdata(f"{text!r} is not a valid IPv6 address") from None


def _name(text: str) -> bytes:
    return to_wire(text.strip())


def _mx(text: str) -> bytes:
    priority, name = _fields(text, 2, "[priority] [mail server host name]")
    return struct.pack(">H", _number(priority, _SHORT)) + to_wire(name)


def _service(text: str) -> bytes:
    *numbers, name = _fields(text, 4, "[priority] [weight] [port] [server host name]")
    return struct.pack(">HHH", *(_number(n, _SHORT) for n in numbers)) + to_wire(name)


def _soa(text: str) -> bytes:
    shape = "[authority] [hostmaster] [serial] [refresh] [retry] [expire] [minimum]"
    authority, hostmaster, *numbers = _fields(text, 7, shape)
    times = struct.pack(">IIIII", *(_number(n, _LONG) for n in numbers))
    return to_wire(authority) + to_wire(hostmaster) + times


def _txt(text: str) -> bytes:
    words = _words(text)
    if not words:
        raise InvalidRdata("a value of this type is at least one string in quotation marks")
    return b"".join([_counted(_string(word)) for word in words])


def _caa(text: str) -> bytes:
    flags, tag, value = _fields(text, 3, '[flags] [tag] "[value]"')
    if not _TAG.fullmatch(tag):
        raise InvalidRdata(f"{tag!r} is not a tag: letters and digits")
    raw_tag = tag.encode("ascii")
    return bytes((_number(flags, _OCTET),)) + _counted(raw_tag) + _string(value)


def _naptr(text: str) -> bytes:
    shape = '[order] [preference] "[flags]" "[service]" "[regexp]" [replacement]'
    order, preference, *strings, replacement = _fields(text, 6, shape)
    head = struct.pack(">HH", _number(order, _SHORT), _number(preference, _SHORT))
    return head + b"".join(_counted(_string(s)) for s in strings) + to_wire(replacement)


def _ds(text: str) -> bytes:
    tag, algorithm, digest_type, *digest = _words(text) + [""] * 3
    kinds = bytes((_number(algorithm, _OCTET), _number(digest_type, _OCTET)))
    found = _hex("".join(digest))
    length = _DIGEST_BYTES.get(kinds[1], len(found))
    if len(found) != length:
        raise InvalidRdata(f"a digest of type {kinds[1]} has {length} bytes, not {len(found)}")
    return struct.pack(">H", _number(tag, _SHORT)) + kinds + found


def _tlsa(text: str) -> bytes:
    usage, selector, matching, *data = _words(text) + [""] * 3
    kinds = bytes(_number(n, _OCTET) for n in (usage, selector, matching))
    return kinds + _hex("".join(data))


def _sshfp(text: str) -> bytes:
    algorithm, kind, *fingerprint = _words(text) + [""] * 2
    kinds = bytes((_number(algorithm, _OCTET), _number(kind, _OCTET)))
    return kinds + _hex("".join(fingerprint))


def _binding(rtype: str) -> Callable[[str], bytes]:
    def read(text: str) -> bytes:
        import dns.exception  # noqa: PLC0415 - heavy, and seldom needed
        import dns.name  # noqa: PLC0415 - as above
        import dns.rdata  # noqa: PLC0415 - as above

        try:
            found = dns.rdata.from_text(
                "IN", rtype, text, origin=dns.name.root, relativize=False, idna_codec=None
            )
        except (dns.exception.DNSException, ValueError) as error:
            raise InvalidRdata(f"{text!r}: {error}") from None
        wire = found.to_wire(origin=dns.name.root)
        assert wire is not None, "without a file, it returns what it wrote"
        end = _name_end(wire, 2)
        return wire[:2] + wire[2:end].lower() + wire[end:]

    return read


# Wire to text.


def _name_end(wire: bytes, position: int) -> int:
    while size := wire[position]:
        position += size + 1
    return position + 1


def _quoted(raw: bytes) -> str:
    shown = "".join(
        chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03o}"  # noqa: PLR2004 - ASCII
        for b in raw
    )
    return f'"{shown}"'


def _strings(wire: bytes) -> list[bytes]:
    found, position = [], 0
    while position < len(wire):
        size = wire[position]
        position += 1
        found.append(wire[position : position + size])
        position += size
    return found


def _numbers(layout: str, wire: bytes) -> str:
    return " ".join(map(str, struct.unpack_from(layout, wire)))


def _soa_text(wire: bytes) -> str:
    middle = _name_end(wire, 0)
    end = _name_end(wire, middle)
    names = f"{to_text(wire[:middle])} {to_text(wire[middle:end])}"
    return f"{names} {_numbers('>IIIII', wire[end:])}"


def _caa_text(wire: bytes) -> str:
    end = 2 + wire[1]
    return f"{wire[0]} {wire[2:end].decode('ascii')} {_quoted(wire[end:])}"


def _naptr_text(wire: bytes) -> str:
    strings, position = [], 4
    for _ in range(3):
        end = position + 1 + wire[position]
        strings.append(_quoted(wire[position + 1 : end]))
        position = end
    return f"{_numbers('>HH', wire)} {' '.join(strings)} {to_text(wire[position:])}"


def _binding_text(rtype: str) -> Callable[[bytes], str]:
    def write(wire: bytes) -> str:
        import dns.rdata  # noqa: PLC0415 - heavy, and seldom needed
        import dns.rdatatype  # noqa: PLC0415 - as above

        kind = dns.rdatatype.from_text(rtype)
        return dns.rdata.from_wire("IN", kind, wire, 0, len(wire)).to_text()

    return write


_READERS: dict[str, Callable[[str], bytes]] = {
    "A": _a,
    "AAAA": _aaaa,
    "CAA": _caa,
    "CNAME": _name,
    "DS": _ds,
    "HTTPS": _binding("HTTPS"),
    "MX": _mx,
    "NAPTR": _naptr,
    "NS": _name,
    "PTR": _name,
    "SOA": _soa,
    "SPF": _txt,
    "SRV": _service,
    "SSHFP": _sshfp,
    "SVCB": _binding("SVCB"),
    "TLSA": _tlsa,
    "TXT": _txt,
}
_WRITERS: dict[str, Callable[[bytes], str]] = {
    "A": lambda wire: str(ipaddress.IPv4Address(wire)),
    "AAAA": lambda wire: str(ipaddress.IPv6Address(wire)),
    "CAA": _caa_text,
    "CNAME": to_text,
    "DS": lambda wire: f"{_numbers('>HBB', wire)} {wire[4:].hex()}",
    "HTTPS": _binding_text("HTTPS"),
    "MX": lambda wire: f"{_numbers('>H', wire)} {to_text(wire[2:])}",
    "NAPTR": _naptr_text,
    "NS": to_text,
    "PTR": to_text,
    "SOA": _soa_text,
    "SPF": lambda wire: " ".join(map(_quoted, _strings(wire))),
    "SRV": lambda wire: f"{_numbers('>HHH', wire)} {to_text(wire[6:])}",
    "SSHFP": lambda wire: f"{_numbers('>BB', wire)} {wire[2:].hex()}",
    "SVCB": _binding_text("SVCB"),
    "TLSA": lambda wire: f"{_numbers('>BBB', wire)} {wire[3:].hex()}",
    "TXT": lambda wire: " ".join(map(_quoted, _strings(wire))),
}

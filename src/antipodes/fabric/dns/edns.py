"""EDNS0 (RFC 6891) and its client subnet (RFC 7871): what the OPT record says.

Of the options only the client subnet is understood; others (cookies, padding) are passed over, as
the RFC wants it.

Errors::

    ValueError
    └── MalformedMessage    not DNS
"""

import ipaddress
import struct
from typing import NamedTuple

OPT = 41
DO = 0x8000
BYTES_PLAIN = 512  # what anybody takes over UDP (RFC 1035)
BYTES_OURS = 1232  # what passes everywhere unfragmented (DNS flag day 2020)
BYTES_STREAM = 65_535  # what a stream's length prefix can say

_SUBNET = 8
_ADDRESS_BITS = {0: 0, 1: 32, 2: 128}  # by address family; 0 says only: use no address of mine

_option = struct.Struct(">HH").unpack_from
_subnet = struct.Struct(">HBB").unpack_from
_new = tuple.__new__  # of named tuples: saves half the time of making one
_pack_opt = struct.Struct(">BHHBBHH").pack
_pack_subnet = struct.Struct(">BHHBBHHHHHBB").pack


class MalformedMessage(ValueError):
    """Not DNS, or not as it should be."""


class Subnet(NamedTuple):
    """On whose behalf a resolver asks; in an answer, for whom else it holds (`scope`)."""

    family: int  # 1: IPv4, 2: IPv6; 0 with an empty prefix only
    prefix: int  # 0: the resolver asks that no client's address be used
    address: bytes  # as many bytes as the prefix needs
    scope: int = 0

    @classmethod
    def of(cls, ip: str, prefix: int) -> "Subnet":
        """The subnet of an address. Raises ValueError."""
        network = ipaddress.ip_network((ip, prefix), strict=False)
        family = 1 if network.version == 4 else 2  # noqa: PLR2004 - IP's version
        return cls(family, prefix, network.network_address.packed[: (prefix + 7) // 8])

    @property
    def ip(self) -> str:
        """The subnet's first address in text, empty if it names none."""
        if not self.prefix:
            return ""
        size = _ADDRESS_BITS[self.family] // 8
        return str(ipaddress.ip_address(self.address.ljust(size, b"\x00")))

    @property
    def text(self) -> str:
        """As `192.0.2.0/24`, empty if it names none."""
        return f"{self.ip}/{self.prefix}" if self.prefix else ""


def parse_options(data: bytes) -> Subnet | None:
    """The client subnet among the options of an OPT record. Raises MalformedMessage."""
    found: Subnet | None = None
    position, end = 0, len(data)
    while position < end:
        if position + 4 > end:
            raise MalformedMessage("an option is cut off")
        code, size = _option(data, position)
        position += 4
        if position + size > end:
            raise MalformedMessage("an option is cut off")
        if code == _SUBNET:
            if found is not None:
                raise MalformedMessage("two client subnets")
            found = parse_subnet(data[position : position + size])
        position += size
    return found


def parse_subnet(data: bytes) -> Subnet:
    """The client subnet of an option. Raises MalformedMessage."""
    if len(data) < 4:  # noqa: PLR2004 - family and two lengths
        raise MalformedMessage("a client subnet is cut off")
    family, prefix, scope = _subnet(data)
    bits = _ADDRESS_BITS.get(family)
    address = data[4:]
    if bits is None or prefix > bits or scope > bits or len(address) != (prefix + 7) // 8:
        raise MalformedMessage("a client subnet of the wrong length")
    if prefix % 8 and address[-1] & (0xFF >> prefix % 8):
        raise MalformedMessage("a client subnet with bits beyond its prefix")
    return _new(Subnet, (family, prefix, address, scope))


def opt_record(
    *, rcode: int = 0, do: bool = False, subnet: Subnet | None = None, bytes_max: int = BYTES_OURS
) -> bytes:
    """An OPT record in wire form; `rcode` is the whole one, of which it carries the upper bits."""
    if subnet is None:
        return _pack_opt(0, OPT, bytes_max, rcode >> 4, 0, DO * do, 0)
    family, prefix, address, scope = subnet
    size = 4 + len(address)
    head = (0, OPT, bytes_max, rcode >> 4, 0, DO * do, 4 + size)
    return _pack_subnet(*head, _SUBNET, size, family, prefix, scope) + address

"""The header of the proxy protocol, version 2, which tells a target who its client is.

Specification: "The PROXY protocol", versions 1 and 2, section 2.2 (haproxy.org).
"""

import struct
from ipaddress import AddressValueError, IPv4Address

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_VERSION_LOCAL, _VERSION_PROXY = 0x20, 0x21
_TCP_OVER_IPV4 = 0x11
_pack = struct.Struct("!12sBBH4s4sHH").pack
_ADDRESSES_BYTES = 12

# A connection of the load balancer's own, such as a health check.
LOCAL = _SIGNATURE + bytes((_VERSION_LOCAL, 0, 0, 0))


def header(client: tuple[str, int], node: tuple[str, int]) -> bytes:
    """Return the header for a connection of a client to a node, each an address and a port."""
    try:
        source, destination = IPv4Address(client[0]).packed, IPv4Address(node[0]).packed
    except AddressValueError:  # who came from inside the world without an address of its own
        return LOCAL
    return _pack(
        _SIGNATURE,
        _VERSION_PROXY,
        _TCP_OVER_IPV4,
        _ADDRESSES_BYTES,
        source,
        destination,
        client[1],
        node[1],
    )

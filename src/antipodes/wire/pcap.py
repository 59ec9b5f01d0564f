"""Captured packets as a file that tcpdump and Wireshark read, and segments of TCP to put into it.

The classic format, with microseconds and packets that begin with their IP header (LINKTYPE_RAW).
Sources: the PCAP capture file format, draft-ietf-opsawg-pcap; RFC 791, 9293 and 1071.
"""

import struct

MAGIC, MAJOR, MINOR, SNAP_BYTES, LINKTYPE_RAW = 0xA1B2C3D4, 2, 4, 262_144, 101
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP = 6
_IP_BYTES = _TCP_BYTES = 20
_HOPS = 64
_WINDOW = 65_535
_WORDS_IN_TCP = _TCP_BYTES // 4 << 4
_MOST = (1 << 32) - 1


def file_header() -> bytes:
    """What a file begins with."""
    return struct.pack("<IHHiIII", MAGIC, MAJOR, MINOR, 0, 0, SNAP_BYTES, LINKTYPE_RAW)


def record(at: float, packet: bytes) -> bytes:
    """A packet at a time, in seconds since 1970."""
    microseconds = round(at * 1e6)
    seconds, rest = divmod(microseconds, 1_000_000)
    return struct.pack("<IIII", seconds & _MOST, rest, len(packet), len(packet)) + packet


def segment(  # noqa: PLR0913, PLR0917 - so many fields
    source: int,
    target: int,
    source_port: int,
    target_port: int,
    sequence: int,
    acknowledged: int,
    flags: int,
    data: bytes = b"",
) -> bytes:
    """A segment of TCP over IPv4, addresses as numbers, with both checksums."""
    length = _TCP_BYTES + len(data)
    ports = struct.pack(
        "!HHIIBBHHH",
        *(source_port, target_port, sequence & _MOST, acknowledged & _MOST),
        *(_WORDS_IN_TCP, flags, _WINDOW, 0, 0),
    )
    pseudo = struct.pack("!IIBBH", source, target, 0, TCP, length)
    sum_ = struct.pack("!H", checksum(pseudo + ports + data))
    head = struct.pack(
        "!BBHHHBBHII", 0x45, 0, _IP_BYTES + length, 0, 0x4000, _HOPS, TCP, 0, source, target
    )
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return head + ports[:16] + sum_ + ports[18:] + data


def checksum(data: bytes) -> int:
    """The internet's checksum (RFC 1071); of data with its own checksum in it, 0."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

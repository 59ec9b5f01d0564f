"""Captured packets, as a file."""

import struct
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from antipodes.wire.pcap import ACK, PSH, checksum, file_header, record, segment

ADDRESSES = st.integers(0, (1 << 32) - 1)
PORTS = st.integers(0, 65535)


@given(
    st.tuples(ADDRESSES, ADDRESSES, PORTS, PORTS),
    st.integers(0, 1 << 33),
    st.binary(max_size=64),
)
def test_a_segment_has_its_fields_and_right_checksums(
    ends: tuple[int, int, int, int], sequence: int, data: bytes
) -> None:
    source, target, own, other = ends
    packet = segment(source, target, own, other, sequence, 7, PSH | ACK, data)
    head, tcp = packet[:20], packet[20:]
    assert (head[0], int.from_bytes(head[2:4], "big"), head[9]) == (0x45, len(packet), 6)
    assert checksum(head) == 0
    assert struct.unpack("!II", head[12:20]) == (source, target)
    assert struct.unpack("!HHII", tcp[:12]) == (own, other, sequence % (1 << 32), 7)
    assert (tcp[13], tcp[20:]) == (PSH | ACK, data)
    pseudo = head[12:20] + struct.pack("!HH", 6, len(tcp))
    assert checksum(pseudo + tcp) == 0


def test_the_example_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


def test_a_file_has_a_header_and_packets_with_their_times() -> None:
    packet = segment(int(IPv4Address("10.0.0.1")), int(IPv4Address("10.0.0.2")), 1, 2, 3, 4, ACK)
    written = file_header() + record(1_700_000_000.25, packet)
    magic, major, minor, _, _, _, link = struct.unpack("<IHHiIII", written[:24])
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 101)
    assert struct.unpack("<IIII", written[24:40]) == (1_700_000_000, 250_000, 40, 40)
    assert written[40:] == packet

"""What changed in who reaches whom, between two topologies: exactly, as sets of packets.

All packets that a host may send from its own addresses are followed in both, and those of the
internet. What comes to an end in one and not in the other is lost or gained; what still comes, but
no more by a way that it could take, goes another way now. Answers are packets of whoever sends
them; what only a remembered flow lets through is not looked at.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from antipodes.fabric.network import packets
from antipodes.fabric.network.fabric import ON_THE_INTERNET, Fabric, from_interface
from antipodes.fabric.network.nodes import End, Key
from antipodes.fabric.network.reaching import Reached, reach
from antipodes.fabric.network.spaces import (
    PROTOCOL,
    SOURCE,
    SOURCE_PORT,
    TARGET,
    TARGET_PORT,
    Box,
    Space,
    everything,
    prefixes,
    replaced,
    shared,
)
from antipodes.fabric.network.topology import HOST, Topology
from antipodes.fabric.network.unions import apart, merged, without_all
from antipodes.questions.networks import INTERNET, names

Place = tuple[str, str]  # of a hop: kind and id
Way = tuple[Place, ...]
Ways = dict[tuple[str, Way], list[Space]]  # packets by where they come to, and how

_BESIDE = frozenset({"filter", "table", "hub table", "subnet", "network"})
_FAMILIES = (4, 6)
_NAMES = {
    packets.TCP: "tcp",
    packets.UDP: "udp",
    packets.ICMP: "icmp",
    packets.ICMPV6: "icmpv6",
}
_WHOLE_PORTS = ((0, 65535),)
_PARTS_MAX = 4


class Change(NamedTuple):
    """Packets from a source to an end that are lost, gained, or go another way."""

    kind: str
    source: str
    target: str
    version: int
    packets: tuple[Space, ...]
    before: tuple[Place, ...] = ()
    after: tuple[Place, ...] = ()


def changes(before: Topology, after: Topology) -> Iterator[Change]:
    """All changes between hosts that are in both, by source and end."""
    for version in _FAMILIES:
        fabrics = Fabric(before, version), Fabric(after, version)
        for source in _sources(before, after, version):
            was, now = (_ways(fabric, source) for fabric in fabrics)
            ends = dict.fromkeys(end for end, _ in (*was, *now))
            for end in sorted(ends):
                yield from _between(version, source, end, was, now)


def _sources(before: Topology, after: Topology, version: int) -> list[str]:
    """The hosts that people have named, or all if none is; and the internet."""
    both = [
        one for one in before.interfaces.values() if one.id in after.interfaces and one.kind == HOST
    ]
    called = names(before)
    named = [one for one in both if one.id in called]
    found = [
        one.id
        for one in named or both
        if any(ip_address(address).version == version for address in one.addresses)
    ]
    return [*found, INTERNET] if found else []


def _ways(fabric: Fabric, source: str) -> Ways:
    """Where the packets of a source come to, with exactly those that do."""
    found: Ways = {}
    for start, box in _starts(fabric, source):
        for one in reach(fabric.node, start, box):
            if one.end.passed and _end(one.end) != source:
                found.setdefault((_end(one.end), _way(one)), []).append(one.followed.began)
    return found


def _starts(fabric: Fabric, source: str) -> Iterator[tuple[Key, Box]]:
    index, whole = fabric.index, everything(fabric.index.version)
    if source == INTERNET:
        yield ON_THE_INTERNET, whole
        return
    for address in index.addresses(index.topology.interfaces[source].addresses):
        yield from_interface(source), replaced(whole, SOURCE, (address, address))


def _end(end: End) -> str:
    return INTERNET if end.hop.kind == INTERNET else end.hop.id


def _way(one: Reached) -> Way:
    """What was passed that has a place of its own."""
    found = dict.fromkeys(
        (passage.hop.kind, passage.hop.id)
        for passage in one.passages
        if passage.hop.kind not in _BESIDE
    )
    return tuple(found)


def _between(version: int, source: str, end: str, was: Ways, now: Ways) -> Iterator[Change]:
    old, new = ({way: some for (to, way), some in ways.items() if to == end} for ways in (was, now))
    all_old = apart(one for some in old.values() for one in some)
    all_new = apart(one for some in new.values() for one in some)
    for kind, some, others in (("lost", all_old, all_new), ("gained", all_new, all_old)):
        left = merged(without_all(some, others))
        if left:
            yield Change(kind, source, end, version, tuple(left))
    for way, some in old.items():
        elsewhere = without_all(apart(some), new.get(way, ()))
        moved = merged(_both(elsewhere, all_new))
        if moved:
            taken = [other for other, found in new.items() if _both(moved, found)]
            gone = [hop for hop in way if not any(hop in other for other in taken)]
            come = dict.fromkeys(hop for other in taken for hop in other if hop not in way)
            parts = tuple(moved), tuple(gone), tuple(come)
            yield Change("another way", source, end, version, *parts)


def _both(left: Iterable[Space], right: Sequence[Space]) -> list[Space]:
    """What is in any of the left and in any of the right."""
    found = (shared(one, other) for one in left for other in right)
    return [one for one in found if one is not None]


# As people read it.


def told(some: Iterable[Space], version: int) -> str:
    """Sets of packets in words: protocols and ports, and addresses where they are not one."""
    parts = list(dict.fromkeys(_told(one, version) for one in some))
    if len(parts) > _PARTS_MAX:
        parts = [*parts[: _PARTS_MAX - 1], f"and {len(parts) - _PARTS_MAX + 1} more sets"]
    return "; ".join(parts)


def _told(one: Space, version: int) -> str:
    words = [_protocols(one)]
    if one[TARGET_PORT] != _WHOLE_PORTS:
        words.append(f"to ports {_ranges(one[TARGET_PORT])}")
    if one[SOURCE_PORT] != _WHOLE_PORTS:
        words.append(f"from ports {_ranges(one[SOURCE_PORT])}")
    for field, word in ((SOURCE, "from"), (TARGET, "to")):
        ranges = one[field]
        if len(ranges) > 1 or ranges[0][0] != ranges[0][1]:
            words.append(f"{word} {_addresses(ranges, version)}")
    return " ".join(words)


def _protocols(one: Space) -> str:
    if one[PROTOCOL] == ((0, 255),):
        return "everything"
    ranges = one[PROTOCOL]
    single = [low for low, high in ranges if low == high]
    if len(single) == len(ranges):
        return ", ".join(_NAMES.get(number, f"protocol {number}") for number in single)
    return f"protocols {_ranges(ranges)}"


def _ranges(ranges: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ranges)


def _addresses(ranges: Iterable[tuple[int, int]], version: int) -> str:
    whole = 128 if version == 6 else 32  # noqa: PLR2004 - IPv6
    found = []
    for low, high in ranges:
        for address, length in prefixes(version, low, high):
            text = packets.text(version, address)
            found.append(text if length == whole else f"{text}/{length}")
    if len(found) > _PARTS_MAX:
        return f"{', '.join(found[:_PARTS_MAX])} and {len(found) - _PARTS_MAX} more"
    return ", ".join(found)

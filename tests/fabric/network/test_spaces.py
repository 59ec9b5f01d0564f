"""Sets of packets: their laws, against a slow reference in a small world."""

import itertools
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.spaces import (
    Box,
    Space,
    Values,
    both_values,
    box_of,
    boxes_of,
    common,
    contains,
    divided,
    everything,
    flattened,
    has,
    holds,
    minus,
    minus_all,
    prefix,
    prefixes,
    shared,
    some,
    space_of,
    within,
    without,
)

SMALL = st.integers(0, 3)
RANGES = st.tuples(SMALL, SMALL).map(lambda pair: (min(pair), max(pair)))
BOXES = st.tuples(RANGES, RANGES, RANGES, RANGES, RANGES)
PACKETS = st.builds(Packet, st.just(4), SMALL, SMALL, SMALL, SMALL, SMALL)


@given(BOXES, BOXES, PACKETS)
def test_what_is_common_and_what_is_left(left: Box, right: Box, packet: Packet) -> None:
    both = common(left, right)
    assert (both is not None and holds(both, packet)) == (
        holds(left, packet) and holds(right, packet)
    )
    rest = minus(left, right)
    assert sum(holds(box, packet) for box in rest) == (
        holds(left, packet) and not holds(right, packet)
    )
    assert within(left, right) == (not rest)


@given(st.lists(BOXES, max_size=3), st.lists(BOXES, max_size=3), PACKETS)
def test_what_is_left_of_many(boxes: list[Box], taken: list[Box], packet: Packet) -> None:
    rest = minus_all(boxes, taken)
    inside = any(holds(box, packet) for box in boxes)
    assert any(holds(box, packet) for box in rest) == (
        inside and not any(holds(box, packet) for box in taken)
    )


def values(numbers: set[int]) -> Values:
    """Those numbers, as ranges."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return tuple(found)


VALUES = st.sets(SMALL, min_size=1).map(values)
SPACES = st.tuples(VALUES, VALUES, VALUES, VALUES, VALUES)


@given(SPACES, SPACES, PACKETS)
def test_what_spaces_share_and_what_is_left(left: Space, right: Space, packet: Packet) -> None:
    both = shared(left, right)
    assert (both is not None and has(both, packet)) == (has(left, packet) and has(right, packet))
    left_over = without(left, right)
    assert sum(has(space, packet) for space in left_over) == (
        has(left, packet) and not has(right, packet)
    )
    assert contains(right, left) == (not left_over)
    assert sum(holds(box, packet) for box in boxes_of(left)) == has(left, packet)


@given(SPACES, st.lists(BOXES, max_size=4), PACKETS)
def test_a_space_is_divided_by_the_first_box_that_fits(
    space: Space, boxes: list[Box], packet: Packet
) -> None:
    found = [number for part, number in divided(space, boxes) if has(part, packet)]
    fits = [number for number, box in enumerate(boxes) if holds(box, packet)]
    assert found == ([fits[0] if fits else None] if has(space, packet) else [])


def test_values_in_gaps_are_not_in_both() -> None:
    assert both_values(((0, 2), (5, 9)), ((2, 6), (8, 8))) == ((2, 2), (5, 6), (8, 8))
    assert space_of(everything(4)) is space_of(everything(4))


@given(BOXES)
def test_one_packet_of_a_box_is_in_it(box: Box) -> None:
    packet = some(4, box)
    assert holds(box, packet)
    assert within(box_of(packet), box)
    assert within(box, everything(4))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_prefixes_cover_a_range_and_are_the_fewest(one: int, other: int) -> None:
    low, high = min(one, other), max(one, other)
    at, found = low, list(prefixes(4, low, high))
    for address, length in found:
        assert address == at
        at += 2 ** (32 - length)
    assert at == high + 1
    networks = [ip_network((address, length)) for address, length in found]
    for first, second in itertools.pairwise(networks):
        assert first.prefixlen != second.prefixlen or first.supernet() != second.supernet()


ROUTES = st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), max_size=12)


@given(ROUTES)
def test_a_flat_table_finds_the_longest_prefix(made: list[tuple[int, int]]) -> None:
    texts = [str(ip_network((10 << 24 | last, length), strict=False)) for last, length in made]
    ranges = [prefix(text)[1] for text in texts]
    flat = flattened([(one, number) for number, one in enumerate(ranges)])
    assert all(left[1] < right[0] for left, right in itertools.pairwise(flat))
    for address in range(10 << 24, (10 << 24) + 256):
        inside = [n for n, (low, high) in enumerate(ranges) if low <= address <= high]
        wanted = min(inside, key=lambda n: (ranges[n][1] - ranges[n][0], n), default=None)
        found = [what for low, high, what in flat if low <= address <= high]
        assert found == ([] if wanted is None else [wanted])


def test_prefixes_are_ranges_of_their_family() -> None:
    assert prefix("10.0.0.0/8") == (4, (10 << 24, (11 << 24) - 1))
    assert prefix("::/0") == (6, (0, 2**128 - 1))
    assert list(prefixes(6, 0, 2**128 - 1)) == [(0, 0)]
    assert list(prefixes(4, 0, 2**32 - 1)) == [(0, 0)]

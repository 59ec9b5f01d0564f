"""Unions of spaces: their laws, against packets one by one."""

from itertools import pairwise
from itertools import product as every

from hypothesis import given
from hypothesis import strategies as st

from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.spaces import Box, Range, has, minus_all, space_of
from antipodes.fabric.network.unions import apart, merged, united
from tests.fabric.network.test_spaces import BOXES, PACKETS, RANGES


@given(st.lists(RANGES, max_size=4), st.integers(0, 3))
def test_ranges_are_sets_of_numbers(ranges: list[Range], number: int) -> None:
    found = united(ranges)
    inside = [low <= number <= high for low, high in ranges]
    assert sum(low <= number <= high for low, high in found) == any(inside)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))


@given(st.lists(BOXES, max_size=4), PACKETS)
def test_what_is_put_together_stays_the_same(boxes: list[Box], packet: Packet) -> None:
    disjoint = [piece for n, box in enumerate(boxes) for piece in minus_all([box], boxes[:n])]
    found = merged(map(space_of, disjoint))
    assert len(found) <= len(disjoint)
    there = any(has(space_of(box), packet) for box in boxes)
    assert sum(has(one, packet) for one in found) == there
    assert sum(has(one, packet) for one in apart(map(space_of, boxes))) == there


def test_a_space_that_was_cut_is_put_together_again() -> None:
    pieces = [
        (((one, one),), ((two, two),), ((6, 6),), ((0, 9),), ((80, 80),))
        for one, two in every((1, 2, 5), (3, 4))
    ]
    assert merged(pieces) == [(((1, 2), (5, 5)), ((3, 4),), ((6, 6),), ((0, 9),), ((80, 80),))]

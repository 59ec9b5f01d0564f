"""Products of ranges: their laws, against packets one by one."""

from itertools import product as every

from hypothesis import given
from hypothesis import strategies as st

from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.products import (
    Product,
    Ranges,
    apart,
    both,
    contains,
    least,
    less,
    merged,
    of,
    shared,
    united,
    without,
)
from antipodes.fabric.network.spaces import Box, minus_all, some
from tests.fabric.network.test_spaces import BOXES, PACKETS

NUMBERS = range(12)
RANGES = st.lists(
    st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)).map(
        lambda two: (min(two), max(two))
    ),
    max_size=4,
).map(united)
FEW = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(
    lambda numbers: united((number, number) for number in numbers)
)
PRODUCTS = st.tuples(FEW, FEW, FEW, FEW, FEW)


def within(ranges: Ranges) -> set[int]:
    return {number for low, high in ranges for number in range(low, high + 1)}


@given(RANGES, RANGES)
def test_ranges_are_sets_of_numbers(left: Ranges, right: Ranges) -> None:
    assert within(both(left, right)) == within(left) & within(right)
    assert within(less(left, right)) == within(left) - within(right)
    for found in (both(left, right), less(left, right)):
        assert united(found) == found


@given(PRODUCTS, PRODUCTS, PACKETS)
def test_what_is_shared_and_what_is_left(left: Product, right: Product, packet: Packet) -> None:
    common = shared(left, right)
    inside = contains(left, packet), contains(right, packet)
    assert (common is not None and contains(common, packet)) == all(inside)
    rest = without(left, right)
    assert sum(contains(one, packet) for one in rest) == (inside == (True, False))
    assert contains(left, some(4, least(left)))


@given(st.lists(BOXES, max_size=4), PACKETS)
def test_what_is_put_together_stays_the_same(boxes: list[Box], packet: Packet) -> None:
    disjoint = [piece for n, box in enumerate(boxes) for piece in minus_all([box], boxes[:n])]
    found = merged(of(box) for box in disjoint)
    assert len(found) <= len(disjoint)
    there = any(contains(of(box), packet) for box in boxes)
    assert sum(contains(one, packet) for one in found) == there
    assert sum(contains(one, packet) for one in apart(of(box) for box in boxes)) == there


def test_a_product_that_was_cut_is_put_together_again() -> None:
    pieces = [
        (((one, one),), ((two, two),), ((6, 6),), ((0, 9),), ((80, 80),))
        for one, two in every((1, 2, 5), (3, 4))
    ]
    assert merged(pieces) == [(((1, 2), (5, 5)), ((3, 4),), ((6, 6),), ((0, 9),), ((80, 80),))]

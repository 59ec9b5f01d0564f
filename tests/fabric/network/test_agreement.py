"""What follows all packets at once agrees with what walks each of them, in any graph of points."""

from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.fabric.network.nodes import (
    Allowed,
    Change,
    End,
    Entry,
    Hop,
    Judged,
    Key,
    Lookup,
    Node,
    Permit,
    Restore,
    Rule,
    Sieve,
    Spread,
    Translate,
)
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.reaching import reach
from antipodes.fabric.network.spaces import Box, has, holds, shared, space_of
from antipodes.fabric.network.walking import LOOP, Memory, walk

TOP = 2  # of every field
SMALL = st.integers(0, TOP)
RANGES = st.tuples(SMALL, SMALL).map(lambda pair: (min(pair), max(pair)))
BOXES = st.tuples(RANGES, RANGES, RANGES, RANGES, RANGES)
ALL: Box = ((0, TOP), (0, TOP), (0, TOP), (0, TOP), (0, TOP))
POINTS = 6
KEYS = st.integers(0, POINTS - 1).map(lambda number: ("point", str(number)))
ENDS = st.integers(0, 3).map(lambda number: End(f"end {number}", Hop("end", str(number))))
NEXT = st.one_of(KEYS, KEYS, ENDS)
RULE = Rule("rules", "one")
HOPS = st.integers(0, 9).map(lambda number: Hop("hop", str(number)))


@st.composite
def lookups(draw: Any) -> Lookup:
    starts = sorted(draw(st.sets(SMALL)))
    ends = [
        draw(st.integers(start, (starts[n + 1] - 1) if n + 1 < len(starts) else TOP))
        for n, start in enumerate(starts)
    ]
    entries = tuple(Entry(draw(NEXT), RULE) for _ in starts)
    field = draw(st.integers(0, 4))
    return Lookup(draw(HOPS), field, tuple(starts), tuple(ends), entries, draw(NEXT))


SIEVES = st.builds(
    Sieve,
    HOPS,
    st.lists(st.builds(Judged, BOXES, st.booleans(), st.just(RULE)), max_size=3).map(tuple),
    KEYS,
    NEXT,
)
PERMITS = st.builds(
    Permit,
    HOPS,
    st.just("tracker"),
    st.lists(st.builds(Allowed, BOXES, st.just(RULE)), max_size=3).map(tuple),
    KEYS,
    NEXT,
)
OTHERS = st.one_of(
    st.builds(Change, HOPS, st.integers(0, 4), SMALL, KEYS),
    st.builds(Translate, HOPS, st.just("nat"), SMALL, RANGES, KEYS),
    st.builds(
        Translate, HOPS, st.just("relay"), SMALL, RANGES, KEYS, st.tuples(SMALL, SMALL), KEYS
    ),
    st.builds(Restore, HOPS, st.just("other nat"), KEYS, ENDS),
)
SPREADS = st.builds(Spread, HOPS, st.lists(KEYS, min_size=1, max_size=2).map(tuple), SMALL)
CERTAIN = st.one_of(lookups(), SIEVES, PERMITS, OTHERS)
START: Key = ("point", "0")


def graph(nodes: list[Node]) -> dict[Key, Node]:
    return {("point", str(number)): node for number, node in enumerate(nodes)}


@settings(max_examples=150)
@given(st.lists(CERTAIN, min_size=POINTS, max_size=POINTS), BOXES)
def test_every_packet_ends_where_a_walk_ends(nodes: list[Node], box: Box) -> None:
    points = graph(nodes)
    found = list(reach(points.__getitem__, START, box))
    for values in product(range(TOP + 1), repeat=5):
        packet = Packet(4, *values)
        ends = [one for one in found if has(one.followed.began, packet)]
        if not holds(box, packet):
            assert ends == []
            continue
        went = walk(points.__getitem__, START, packet, Memory())
        if went.end.outcome == LOOP:
            assert ends == []
        else:
            assert [one.end for one in ends] == [went.end]
            assert has(ends[0].followed.space, went.packet)
            hops = [passage.hop for passage in ends[0].passages]
            assert hops == [step.hop for step in went.steps[:-1]]


@settings(max_examples=100)
@given(st.lists(st.one_of(CERTAIN, SPREADS), min_size=POINTS, max_size=POINTS))
def test_where_a_hash_decides_a_walk_is_among_what_may_be(nodes: list[Node]) -> None:
    points = graph(nodes)
    found = list(reach(points.__getitem__, START, ALL))
    for values in product(range(TOP + 1), repeat=5):
        packet = Packet(4, *values)
        went = walk(points.__getitem__, START, packet, Memory())
        if went.end.outcome != LOOP:
            ends = [one.end for one in found if has(one.followed.began, packet)]
            assert went.end in ends


@settings(max_examples=50)
@given(st.lists(CERTAIN, min_size=POINTS, max_size=POINTS))
def test_what_reaches_one_end_on_one_way_is_told_once(nodes: list[Node]) -> None:
    found = list(reach(graph(nodes).__getitem__, START, ALL))
    for number, one in enumerate(found):
        for other in found[:number]:
            assert shared(one.followed.began, other.followed.began) is None


def test_what_comes_back_to_a_point_changed_is_followed() -> None:
    """Found by the test above: what has been at a point as it began says nothing of the changed."""
    refused = End("refused", Hop("end", "0"))
    zero: Box = ((0, 0), (0, TOP), (0, TOP), (0, TOP), (0, TOP))
    points: dict[Key, Node] = {
        START: Sieve(None, (Judged(zero, True, RULE),), ("point", "1"), refused),  # noqa: FBT003 - passes
        ("point", "1"): Change(None, 0, 1, START),
    }
    found = list(reach(points.__getitem__, START, zero))
    assert [(one.end, one.followed.began, one.followed.space[0]) for one in found] == [
        (refused, space_of(zero), ((1, 1),))
    ]


def test_a_long_way_is_walked_again_with_what_was_remembered_before_it() -> None:
    """An answer is restored once; then it circles, and is changed on its way."""
    refused = End("refused", Hop("end", "0"))
    points: dict[Key, Node] = {
        START: Restore(None, "nat", ("point", "1"), refused),
        ("point", "1"): Translate(Hop("nat", "nat"), "nat", 9, (7, 7), ("point", "2")),
        ("point", "2"): Change(Hop("circle", "2"), 4, 1, ("point", "3")),
        ("point", "3"): Change(Hop("circle", "3"), 4, 2, ("point", "2")),
    }
    sent, memory = Packet(4, 1, 2, 6, 3, 4), Memory()
    memory.translated["nat"] = sent, sent, None
    went = walk(points.__getitem__, START, sent.reply(), memory, reply=True)
    assert went.end.outcome == LOOP
    assert [step.hop.id for step in went.steps[:3]] == ["nat", "2", "3"]

"""Where a set of packets goes: all of them at once, and exactly.

What is followed are spaces, each with the space of packets it began as: a field that nothing has
changed is the same in both. A space that reaches a decision is cut along it, so every part goes one
way. Breadth first, so that of several ways to one end the shortest is found first.

Without a choice by a hash, no packet comes to a point twice as it is, but in a loop. So where there
was such a choice, or after many points, a part of a point's packets that has been there already,
begun as the same packets, is not followed again. A choice is followed to all that may be chosen:
whether a packet that chooses so exists is for a walk to say.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from antipodes.fabric.network.nodes import (
    Change,
    End,
    Hop,
    Key,
    Lookup,
    Node,
    Permit,
    Rule,
    Sieve,
    Spread,
    Translate,
)
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.spaces import (
    SOURCE,
    SOURCE_PORT,
    TARGET,
    TARGET_PORT,
    Box,
    Space,
    Values,
    both_values,
    boxes_of,
    contains,
    divided,
    other_values,
    space_of,
    with_values,
    without,
)

WATCHED_FROM = 64  # points; few ways are longer that lead anywhere


class Crowd(NamedTuple):
    """Packets that are at a point: as they are, as they began, and which fields were changed."""

    space: Space
    began: Space
    changed: int = 0  # a bit for each field

    def cut(self, space: Space) -> "Crowd":
        """A part of them."""
        if not self.changed:
            return Crowd(space, space)
        fields = [
            began if self.changed >> field & 1 else now
            for field, (now, began) in enumerate(zip(space, self.began, strict=True))
        ]
        began = fields[0], fields[1], fields[2], fields[3], fields[4]
        return Crowd(space, began, self.changed)

    def put(self, field: int, value: int) -> "Crowd":
        """They, with one field replaced."""
        space = with_values(self.space, field, ((value, value),))
        return Crowd(space, self.began, self.changed | 1 << field)


class Followed(NamedTuple):
    """The same, of a single box."""

    box: Box
    began: Box
    changed: int  # a bit for each field


class Passage(NamedTuple):
    """One thing that happened on the way, and what happened before."""

    hop: Hop
    followed: Crowd
    rule: Rule | None
    before: "Passage | None"


class Reached(NamedTuple):
    """Packets that have come to one end on one way."""

    end: End
    followed: Crowd
    last: Passage | None

    def witness(self, version: int) -> Packet:
        """One of them, as it began."""
        return Packet(version, *(values[0][0] for values in self.followed.began))

    @property
    def passages(self) -> list[Passage]:
        """The way, from its beginning."""
        found = []
        at = self.last
        while at is not None:
            found.append(at)
            at = at.before
        return found[::-1]


Part = tuple[Key | End, Crowd, Rule | None]


def reach(node_of: Callable[[Key], Node], start: Key, box: Box) -> Iterator[Reached]:
    """Follow all packets of a box from a point; yield every end with what comes to it."""
    waiting: deque[tuple[Key, Crowd, Passage | None, int]] = deque()
    whole = space_of(box)
    waiting.append((start, Crowd(whole, whole), None, WATCHED_FROM))
    been: dict[Key, _Been] = {}
    while waiting:
        at, followed, before, free = waiting.popleft()
        node = node_of(at)
        if free > 0 and not isinstance(node, Spread):
            new, free = [followed], free - 1
        else:
            new, free = been.setdefault(at, _Been()).new(followed), 0
        hop = node.hop
        for one in new:
            for to, passed, rule in crowds(node, one):
                last = before if hop is None else Passage(hop, passed, rule, before)
                if isinstance(to, End):
                    yield Reached(to, passed, last)
                else:
                    waiting.append((to, passed, last, free))


class _Been:
    """What has been at a point: by its target, where it is for one address as most of it is."""

    def __init__(self) -> None:
        self._wide: list[Crowd] = []
        self._by_target: dict[Values, list[Crowd]] = {}

    def new(self, followed: Crowd) -> list[Crowd]:
        """The parts of what comes that have not been here before; from now on they have."""
        values = followed.space[TARGET]
        if len(values) == 1 and values[0][0] == values[0][1]:
            own = self._by_target.setdefault(values, [])
            known = own + self._wide
        else:
            own = self._wide
            known = own + [one for some in self._by_target.values() for one in some]
        found = _unknown(followed, known)
        own += found
        return found


def _unknown(followed: Crowd, known: list[Crowd]) -> list[Crowd]:
    """The parts of what is followed that are not in what is known."""
    if followed.changed:
        # Of what nothing has changed here, each packet has been here only as it began.
        is_known = any(
            not followed.changed & ~one.changed
            and contains(one.space, followed.space)
            and contains(one.began, followed.began)
            for one in known
        )
        return [] if is_known else [followed]
    left = [followed.space]
    for one in known:
        if not one.changed:
            left = [piece for space in left for piece in without(space, one.space)]
    return [Crowd(space, space) for space in left]


def parts(node: Node, followed: Followed) -> Iterator[tuple[Key | End, Followed, Rule | None]]:
    """What a point does with a box of packets: where each part goes on, and by which rule."""
    box, began, changed = followed
    for to, crowd, rule in crowds(node, Crowd(space_of(box), space_of(began), changed)):
        for one in boxes_of(crowd.began):
            now = [
                values[0] if crowd.changed >> field & 1 else limits
                for field, (limits, values) in enumerate(zip(one, crowd.space, strict=True))
            ]
            yield to, Followed((now[0], now[1], now[2], now[3], now[4]), one, crowd.changed), rule


def crowds(node: Node, crowd: Crowd) -> Iterator[Part]:
    """What a point does with packets: where each part of them goes on, and by which rule."""
    if isinstance(node, Lookup):
        yield from _looked_up(node, crowd)
    elif isinstance(node, Sieve | Permit):
        yield from _judged(node, crowd)
    elif isinstance(node, Change):
        yield node.to, crowd.put(node.field, node.value), None
    elif isinstance(node, Spread):
        for choice in node.choices:
            yield choice, crowd, None
    elif isinstance(node, Translate):
        yield from _translated(node, crowd)
    else:  # nobody has sent anything that it would be an answer to
        yield node.refused, crowd, None


def _looked_up(node: Lookup, crowd: Crowd) -> Iterator[Part]:
    if not node.starts:
        yield node.otherwise, crowd, None
        return
    field, space = node.field, crowd.space
    left = []
    for low, high in space[field]:
        at = low
        for number in range(bisect_left(node.ends, low), len(node.entries)):
            start, end = max(node.starts[number], low), min(node.ends[number], high)
            if start > high:
                break
            if start > at:
                left.append((at, start - 1))
            entry = node.entries[number]
            yield entry.to, crowd.cut(with_values(space, field, ((start, end),))), entry.rule
            at = end + 1
        if at <= high:
            left.append((at, high))
    if left:
        yield node.otherwise, crowd.cut(with_values(space, field, tuple(left))), None


def _judged(node: Sieve | Permit, crowd: Crowd) -> Iterator[Part]:
    """Each rule takes what those before it have left; nothing is left without a rule."""
    for space, number in divided(crowd.space, [one.box for one in node.rules]):
        part = crowd if space is crowd.space else crowd.cut(space)
        if number is None:
            yield node.refused, part, None
        elif isinstance(node, Permit):
            yield node.to, part, node.rules[number].rule
        else:
            _, passes, rule = node.rules[number]
            yield node.to if passes else node.refused, part, rule


def _translated(node: Translate, crowd: Crowd) -> Iterator[Part]:
    """Ports that the translator may use stay; all others become its first one."""
    there = crowd.put(SOURCE, node.address)
    if node.target is not None:
        there = there.put(TARGET, node.target[0]).put(TARGET_PORT, node.target[1])
    ports = there.space[SOURCE_PORT]
    inside, outside = both_values(ports, (node.ports,)), other_values(ports, (node.ports,))
    if inside:
        yield node.to, there.cut(with_values(there.space, SOURCE_PORT, inside)), None
    if outside:
        part = there.cut(with_values(there.space, SOURCE_PORT, outside))
        yield node.to, part.put(SOURCE_PORT, node.ports[0]), None

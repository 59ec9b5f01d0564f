"""Where a set of packets goes: all of them at once, and exactly.

What is followed are boxes, each with the box of packets it began as: a field that nothing has
changed is the same in both. A box that reaches a decision is cut along it, so every part goes one
way. Breadth first, so that of several ways to one end the shortest is found first; a part of a
point's packets that has been there already, begun as the same packets, is not followed again.

A choice by a hash is followed to all that may be chosen: whether a packet that chooses so exists
is for a walk to say.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
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
from antipodes.fabric.network.spaces import (
    SOURCE,
    SOURCE_PORT,
    TARGET,
    Box,
    common,
    minus,
    minus_all,
    narrowed,
    replaced,
    within,
)


class Followed(NamedTuple):
    """Packets at a point: as they are, as they began, and which fields were changed."""

    box: Box
    began: Box
    changed: int  # a bit for each field

    def cut(self, box: Box) -> "Followed":
        """A part of them."""
        if not self.changed:
            return Followed(box, box, 0)
        fields = [
            began if self.changed >> field & 1 else now
            for field, (now, began) in enumerate(zip(box, self.began, strict=True))
        ]
        began = fields[0], fields[1], fields[2], fields[3], fields[4]
        return Followed(box, began, self.changed)

    def put(self, field: int, low: int, high: int) -> "Followed":
        """They, with one field replaced."""
        return Followed(
            replaced(self.box, field, (low, high)), self.began, self.changed | 1 << field
        )


class Passage(NamedTuple):
    """One thing that happened on the way, and what happened before."""

    hop: Hop
    followed: Followed
    rule: Rule | None
    before: "Passage | None"


class Reached(NamedTuple):
    """Packets that have come to one end on one way."""

    end: End
    followed: Followed
    last: Passage | None

    @property
    def passages(self) -> list[Passage]:
        """The way, from its beginning."""
        found = []
        at = self.last
        while at is not None:
            found.append(at)
            at = at.before
        return found[::-1]


Part = tuple[Key | End, Followed, Rule | None]
_NO_RULE = None, False, None  # refused, as the last resort of a sieve


def reach(node_of: Callable[[Key], Node], start: Key, box: Box) -> Iterator[Reached]:
    """Follow all packets of a box from a point; yield every end with what comes to it."""
    waiting: deque[tuple[Key, Followed, Passage | None]] = deque()
    waiting.append((start, Followed(box, box, 0), None))
    been: dict[Key, _Been] = {}
    while waiting:
        at, followed, before = waiting.popleft()
        known = been.get(at)
        if known is None:
            known = been[at] = _Been()
        node = node_of(at)
        for part in known.new(followed):
            for to, passed, rule in parts(node, part):
                last = before if node.hop is None else Passage(node.hop, passed, rule, before)
                if isinstance(to, End):
                    yield Reached(to, passed, last)
                else:
                    waiting.append((to, passed, last))


class _Been:
    """What has been at a point: by its target, where it is for one address as most of it is."""

    def __init__(self) -> None:
        self._wide: list[Followed] = []
        self._by_target: dict[int, list[Followed]] = {}

    def new(self, followed: Followed) -> list[Followed]:
        """The parts of what comes that have not been here before; from now on they have."""
        low, high = followed.box[TARGET]
        if low == high:
            own = self._by_target.setdefault(low, [])
            known = own + self._wide if self._wide else own
        else:
            own = self._wide
            known = own + [one for some in self._by_target.values() for one in some]
        found = _unknown(followed, known) if known else [followed]
        own += found
        return found


def _unknown(followed: Followed, known: list[Followed]) -> list[Followed]:
    """The parts of what is followed that are not in what is known."""
    if followed.changed:
        # Of what nothing has changed here, each packet has been here only as it began.
        is_known = any(
            not followed.changed & ~one.changed
            and within(followed.box, one.box)
            and within(followed.began, one.began)
            for one in known
        )
        return [] if is_known else [followed]
    taken = [one.box for one in known if not one.changed]
    return [Followed(box, box, 0) for box in minus_all([followed.box], taken)]


def parts(node: Node, followed: Followed) -> Iterator[Part]:
    """What a point does with packets: where each part of them goes on, and by which rule."""
    if isinstance(node, Lookup):
        yield from _looked_up(node, followed)
    elif isinstance(node, Sieve):
        yield from _sieved(node, followed)
    elif isinstance(node, Permit):
        yield from _permitted(node, followed)
    elif isinstance(node, Change):
        yield node.to, followed.put(node.field, node.value, node.value), None
    elif isinstance(node, Spread):
        for choice in node.choices:
            yield choice, followed, None
    elif isinstance(node, Translate):
        yield from _translated(node, followed)
    else:  # nobody has sent anything that it would be an answer to
        yield node.refused, followed, None


def _looked_up(node: Lookup, followed: Followed) -> Iterator[Part]:
    field, box = node.field, followed.box
    low, high = box[field]
    at = low
    for number in range(bisect_left(node.ends, low), len(node.entries)):
        start, end = node.starts[number], node.ends[number]
        if start > high:
            break
        if start > at:
            yield from _otherwise(node, followed, at, start - 1)
        part = narrowed(box, field, start, end)
        if part is not None:
            entry = node.entries[number]
            yield entry.to, followed.cut(part), entry.rule
        at = end + 1
    if at <= high:
        yield from _otherwise(node, followed, at, high)


def _otherwise(node: Lookup, followed: Followed, low: int, high: int) -> Iterator[Part]:
    part = narrowed(followed.box, node.field, low, high)
    if part is not None:
        yield node.otherwise, followed.cut(part), None


def _sieved(node: Sieve, followed: Followed) -> Iterator[Part]:
    """Each rule takes what those before it have left; nothing is left without a rule."""
    for box, number in _divided(followed.box, [box for box, _, _ in node.rules]):
        _, passes, rule = _NO_RULE if number is None else node.rules[number]
        yield node.to if passes else node.refused, followed.cut(box), rule


def _permitted(node: Permit, followed: Followed) -> Iterator[Part]:
    for box, number in _divided(followed.box, [box for box, _ in node.rules]):
        if number is None:
            yield node.refused, followed.cut(box), None
        else:
            yield node.to, followed.cut(box), node.rules[number].rule


def _divided(whole: Box, boxes: Sequence[Box]) -> Iterator[tuple[Box, int | None]]:
    """The parts of a box by the first of several that they are in; at last, those in none."""
    left = [whole]
    for number, box in enumerate(boxes):
        rest: list[Box] = []
        for one in left:
            both = common(one, box)
            if both is not None:
                yield both, number
            rest += [one] if both is None else minus(one, box)
        left = rest
        if not left:
            return
    for one in left:
        yield one, None


def _translated(node: Translate, followed: Followed) -> Iterator[Part]:
    """Ports that the translator may use stay; all others become its first one."""
    low, high = node.ports
    there = followed.put(SOURCE, node.address, node.address)
    inside = narrowed(there.box, SOURCE_PORT, low, high)
    if inside is not None:
        yield node.to, there.cut(inside), None
    for part in minus_all([there.box], [inside] if inside is not None else []):
        yield node.to, there.cut(part).put(SOURCE_PORT, low, low), None

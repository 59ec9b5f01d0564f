"""The points of a network as functions, for one packet at a time.

A walk passes some dozens of points, so what can be worked out before is: each point becomes a
function that says where a packet goes next and what is told of that. Functions know the next ones
themselves, from the first time that they were asked for them; points that do nothing and that
nobody reads of are left out; and of many rules those are looked at that are for the address.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from antipodes.fabric.network.nodes import (
    Change,
    End,
    Hop,
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
from antipodes.fabric.network.packets import Packet, answers, changed
from antipodes.fabric.network.spaces import (
    SOURCE,
    SOURCE_PORT,
    TARGET,
    TARGET_PORT,
    Box,
    everything,
    holds,
)

SCANNED = 3  # so many rules are looked at one after the other; of more, those for an address
SKIPPED_MAX = 4  # points in a row that do nothing


class Memory:
    """What the parts of a network remember of a flow, from the packets that have passed them."""

    def __init__(self) -> None:
        self.passed: dict[str, Packet] = {}
        # Before, after, and where what comes back goes on.
        self.translated: dict[str, tuple[Packet, Packet, Key | None]] = {}


class Mark(NamedTuple):
    """What is told of a point that was passed."""

    hop: Hop
    rule: Rule | None


class Flow:
    """A packet under way; `changes` says from which mark on it is which."""

    __slots__ = ("changes", "marks", "memory", "packet", "reply")

    def __init__(self, packet: Packet, memory: Memory, *, reply: bool) -> None:
        self.packet = packet
        self.memory = memory
        self.reply = reply
        self.marks: list[Mark] = []
        self.changes: list[tuple[int, Packet]] = [(0, packet)]

    def change(self, packet: Packet) -> None:
        """It is another one from here on."""
        self.packet = packet
        self.changes.append((len(self.marks), packet))


Out = tuple["Point | End", Mark | None]
Point = Callable[[Flow], Out]
Choice = Callable[[Packet], int]


class Points(dict[Key, Point]):
    """The points of a network for packets of one family, each made when one first comes to it."""

    def __init__(self, node_of: Callable[[Key], Node], version: int) -> None:
        super().__init__()
        self._node_of = node_of
        self._every = everything(version)
        self._of_node: dict[int, Point] = {}
        self._choices: dict[int, Choice] = {}

    def __missing__(self, key: Key) -> Point:
        node = self._node_of(key)
        found = self._of_node.get(id(node))  # points keep their nodes, so that no id is used again
        if found is None:
            found = self._of_node[id(node)] = _MADE[type(node)](self, node)
        self[key] = found
        return found

    def out(self, hop: Hop | None, to: Key | End, rule: Rule | None = None) -> Out:
        """Where something leads, past what does nothing, and what is told of it."""
        for _ in range(SKIPPED_MAX):
            if isinstance(to, End):
                break
            node = self._node_of(to)
            if node.hop is not None or not isinstance(node, Lookup) or node.starts:
                break
            to = node.otherwise
        mark = None if hop is None else Mark(hop, rule)
        return (to if isinstance(to, End) else self[to]), mark

    def choice(self, rules: Sequence[Any]) -> Choice:
        """Which rule a packet fits; all that have the same rules share what was worked out."""
        found = self._choices.get(id(rules))  # nor of theirs
        if found is None:
            found = self._choices[id(rules)] = _chosen([one.box for one in rules], self._every)
        return found


def _looked_up(points: Points, node: Lookup) -> Point:
    field, starts, ends, entries, hop = (
        node.field + 1,
        node.starts,
        node.ends,
        node.entries,
        node.hop,
    )
    outs: list[Out | None] = [None] * len(entries)
    otherwise: Out | None = None

    def point(flow: Flow) -> Out:
        nonlocal otherwise
        value = flow.packet[field]
        at = bisect_right(starts, value) - 1
        if at >= 0 and value <= ends[at]:
            out = outs[at]
            if out is None:
                out = outs[at] = points.out(hop, *entries[at])
            return out
        if otherwise is None:
            otherwise = points.out(hop, node.otherwise)
        return otherwise

    return point


def _sieved(points: Points, node: Sieve) -> Point:
    choose, rules = points.choice(node.rules), node.rules
    outs: list[Out | None] = [None] * (len(rules) + 1)  # the last one: refused by none of them

    def point(flow: Flow) -> Out:
        number = choose(flow.packet)
        out = outs[number]
        if out is None:
            _, passes, rule = (None, False, None) if number < 0 else rules[number]
            out = outs[number] = points.out(node.hop, node.to if passes else node.refused, rule)
        return out

    return point


def _permitted(points: Points, node: Permit) -> Point:
    choose, rules, tracker = points.choice(node.rules), node.rules, node.tracker
    outs: list[Out | None] = [None] * len(rules)
    refused = answered = None

    def point(flow: Flow) -> Out:
        nonlocal refused, answered
        packet, passed = flow.packet, flow.memory.passed
        number = -1
        if flow.reply and (known := passed.get(tracker)) is not None and answers(known, packet):
            if answered is None:
                answered = points.out(node.hop, node.to)
            return answered
        if not flow.reply or not node.strict:
            number = choose(packet)
        if number < 0:
            if refused is None:
                refused = points.out(node.hop, node.refused)
            return refused
        passed.setdefault(tracker, packet)
        out = outs[number]
        if out is None:
            out = outs[number] = points.out(node.hop, node.to, rules[number].rule)
        return out

    return point


def _changed(points: Points, node: Change) -> Point:
    out: Out | None = None

    def point(flow: Flow) -> Out:
        nonlocal out
        flow.change(changed(flow.packet, node.field, node.value))
        if out is None:
            out = points.out(node.hop, node.to)
        return out

    return point


def _translated(points: Points, node: Translate) -> Point:
    low, high = node.ports
    out: Out | None = None

    def point(flow: Flow) -> Out:
        nonlocal out
        before = flow.packet
        port = before.source_port if low <= before.source_port <= high else low
        after = changed(changed(before, SOURCE, node.address), SOURCE_PORT, port)
        if node.target is not None:
            address, target_port = node.target
            after = changed(changed(after, TARGET, address), TARGET_PORT, target_port)
        flow.memory.translated[node.tracker] = before, after, node.back
        flow.change(after)
        if out is None:
            out = points.out(node.hop, node.to)
        return out

    return point


def _restored(points: Points, node: Restore) -> Point:
    out: Out | None = None

    def point(flow: Flow) -> Out:
        nonlocal out
        known = flow.memory.translated.get(node.tracker)
        if known is None or not answers(known[1], flow.packet):
            return points.out(node.hop, node.refused)
        before, _, back = known
        flow.change(before.reply())
        if back is not None:
            return points.out(node.hop, back)
        if out is None:
            out = points.out(node.hop, node.to)
        return out

    return point


def _spread(points: Points, node: Spread) -> Point:
    count = len(node.choices)
    outs: list[Out | None] = [None] * count

    def point(flow: Flow) -> Out:
        number = _hash(flow.packet, node.salt) % count if count > 1 else 0
        out = outs[number]
        if out is None:
            out = outs[number] = points.out(node.hop, node.choices[number])
        return out

    return point


_MADE: dict[type[Any], Callable[[Points, Any], Point]] = {
    Lookup: _looked_up,
    Sieve: _sieved,
    Permit: _permitted,
    Change: _changed,
    Translate: _translated,
    Restore: _restored,
    Spread: _spread,
}


def _hash(packet: Packet, salt: int) -> int:
    """A number that both directions of a flow have in common."""
    version, source, target, protocol, source_port, target_port = packet
    ends = sorted(((source, source_port), (target, target_port)))
    return crc32(repr((version, ends, protocol, salt)).encode())


def _chosen(boxes: Sequence[Box], every: Box) -> Choice:
    """The number of the first box that a packet is in, or -1."""

    def scan(packet: Packet) -> int:
        for number, box in enumerate(boxes):
            if holds(box, packet):
                return number
        return -1

    return scan if len(boxes) <= SCANNED else _searched(boxes, every)


def _searched(boxes: Sequence[Box], every: Box) -> Choice:
    """The same, by a search for the address: between two bounds, the same rules fit it."""
    field = max((SOURCE, TARGET), key=lambda one: len({box[one] for box in boxes}))
    bounds = sorted({0} | {end for box in boxes for end in (box[field][0], box[field][1] + 1)})
    asked: list[list[tuple[int, list[tuple[int, int, int]]]]] = [[] for _ in bounds]
    for number, box in enumerate(boxes):
        rest = [
            (one + 1, *limits)
            for one, limits in enumerate(box)
            if one != field and limits != every[one]
        ]
        low, high = box[field]
        for at in range(bisect_right(bounds, low) - 1, bisect_right(bounds, high)):
            if not asked[at] or asked[at][-1][1]:  # or what is there already fits all
                asked[at].append((number, rest))
    spot = field + 1

    def search(packet: Packet) -> int:
        for number, rest in asked[bisect_right(bounds, packet[spot]) - 1]:
            for one, low, high in rest:
                if not low <= packet[one] <= high:
                    break
            else:
                return number
        return -1

    return search

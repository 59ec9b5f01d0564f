"""The points of a network as functions, for one packet at a time.

A walk passes some dozens of points, so what can be worked out before is: each point becomes a
function that says where a packet goes next and what is told of that. Functions know the next ones
themselves, from the first time that they were asked for them; points that do nothing and that
nobody reads of are left out; and of many rules those are looked at that are for the address. The
functions are methods of small objects, of which a garbage collector has less to look at than of
closures: a large network has a hundred thousand points.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

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
            found = self._of_node[id(node)] = _MADE[type(node)](self, node).pass_on
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


class _LookedUp:
    __slots__ = ("_ends", "_field", "_node", "_otherwise", "_outs", "_points", "_starts")

    def __init__(self, points: Points, node: Lookup) -> None:
        self._points, self._node = points, node
        self._field, self._starts, self._ends = node.field + 1, node.starts, node.ends
        self._outs: list[Out | None] = [None] * len(node.entries)
        self._otherwise: Out | None = None

    def pass_on(self, flow: Flow) -> Out:
        value = flow.packet[self._field]
        at = bisect_right(self._starts, value) - 1
        if at >= 0 and value <= self._ends[at]:
            return self._outs[at] or self._found(at)
        if self._otherwise is None:
            self._otherwise = self._points.out(self._node.hop, self._node.otherwise)
        return self._otherwise

    def _found(self, at: int) -> Out:
        found = self._outs[at] = self._points.out(self._node.hop, *self._node.entries[at])
        return found


class _Sieved:
    __slots__ = ("_choose", "_node", "_outs", "_points")

    def __init__(self, points: Points, node: Sieve) -> None:
        self._points, self._node = points, node
        self._choose = points.choice(node.rules)
        # The last one is for what no rule fits, whose number is -1.
        self._outs: list[Out | None] = [None] * (len(node.rules) + 1)

    def pass_on(self, flow: Flow) -> Out:
        number = self._choose(flow.packet)
        return self._outs[number] or self._found(number)

    def _found(self, number: int) -> Out:
        node = self._node
        _, passes, rule = (None, False, None) if number < 0 else node.rules[number]
        to = node.to if passes else node.refused
        found = self._outs[number] = self._points.out(node.hop, to, rule)
        return found


class _Permitted:
    __slots__ = ("_answered", "_choose", "_node", "_outs", "_points", "_tracker")

    def __init__(self, points: Points, node: Permit) -> None:
        self._points, self._node, self._tracker = points, node, node.tracker
        self._choose = points.choice(node.rules)
        self._outs: list[Out | None] = [None] * (len(node.rules) + 1)  # as above
        self._answered: Out | None = None

    def pass_on(self, flow: Flow) -> Out:
        packet, passed, number = flow.packet, flow.memory.passed, -1
        if not flow.reply:
            number = self._choose(packet)
        else:
            known = passed.get(self._tracker)
            if known is not None and answers(known, packet):
                return self._answered or self._answer()
            if not self._node.strict:
                number = self._choose(packet)
        if number >= 0:
            passed.setdefault(self._tracker, packet)
        return self._outs[number] or self._found(number)

    def _answer(self) -> Out:
        found = self._answered = self._points.out(self._node.hop, self._node.to)
        return found

    def _found(self, number: int) -> Out:
        node = self._node
        to, rule = (node.refused, None) if number < 0 else (node.to, node.rules[number].rule)
        found = self._outs[number] = self._points.out(node.hop, to, rule)
        return found


class _Rewritten:
    """A point that changes packets; it has one way on."""

    __slots__ = ("_node", "_out", "_points")

    def __init__(self, points: Points, node: Change | Translate | Restore) -> None:
        self._points, self._node = points, node
        self._out: Out | None = None

    def _on(self, flow: Flow, packet: Packet) -> Out:
        flow.change(packet)
        if self._out is None:
            self._out = self._points.out(self._node.hop, self._node.to)
        return self._out


class _Changed(_Rewritten):
    __slots__ = ()
    _node: Change

    def pass_on(self, flow: Flow) -> Out:
        return self._on(flow, changed(flow.packet, self._node.field, self._node.value))


class _Translated(_Rewritten):
    __slots__ = ()
    _node: Translate

    def pass_on(self, flow: Flow) -> Out:
        node, before = self._node, flow.packet
        low, high = node.ports
        port = before.source_port if low <= before.source_port <= high else low
        after = changed(changed(before, SOURCE, node.address), SOURCE_PORT, port)
        if node.target is not None:
            address, target_port = node.target
            after = changed(changed(after, TARGET, address), TARGET_PORT, target_port)
        flow.memory.translated[node.tracker] = before, after, node.back
        return self._on(flow, after)


class _Restored(_Rewritten):
    __slots__ = ()
    _node: Restore

    def pass_on(self, flow: Flow) -> Out:
        node = self._node
        known = flow.memory.translated.get(node.tracker)
        if known is None or not answers(known[1], flow.packet):
            return self._points.out(node.hop, node.refused)
        before, _, back = known
        if back is None:
            return self._on(flow, before.reply())
        flow.change(before.reply())
        return self._points.out(node.hop, back)


class _Spread:
    __slots__ = ("_count", "_node", "_outs", "_points")

    def __init__(self, points: Points, node: Spread) -> None:
        self._points, self._node, self._count = points, node, len(node.choices)
        self._outs: list[Out | None] = [None] * self._count

    def pass_on(self, flow: Flow) -> Out:
        number = hashed(flow.packet, self._node.salt) % self._count if self._count > 1 else 0
        return self._outs[number] or self._found(number)

    def _found(self, number: int) -> Out:
        node = self._node
        found = self._outs[number] = self._points.out(node.hop, node.choices[number])
        return found


_MADE: dict[type[Any], Callable[[Points, Any], Any]] = {
    Lookup: _LookedUp,
    Sieve: _Sieved,
    Permit: _Permitted,
    Change: _Changed,
    Translate: _Translated,
    Restore: _Restored,
    Spread: _Spread,
}


def hashed(packet: Packet, salt: int) -> int:
    """A number that both directions of a flow have in common; that of the next port is another."""
    version, source, target, protocol, source_port, target_port = packet
    ends = sorted(((source, source_port), (target, target_port)))
    told = repr((version, ends, protocol, salt)).encode()
    # Not a checksum, which is linear: of four ways, ports in a row took three.
    return int.from_bytes(blake2b(told, digest_size=8).digest())


Asked = tuple[tuple[int, tuple[tuple[int, int, int], ...]], ...]  # of rules, what is asked of whom


def _chosen(boxes: Sequence[Box], every: Box) -> Choice:
    """The number of the first box that a packet is in, or -1."""
    if len(boxes) > SCANNED:
        return _searched(boxes, every)
    asked = _asked(enumerate(boxes), every)

    def scan(packet: Packet) -> int:
        for number, rest in asked:
            for one, low, high in rest:
                if not low <= packet[one] <= high:
                    break
            else:
                return number
        return -1

    return scan if not asked or asked[0][1] else _first


def _first(_packet: Packet) -> int:
    return 0


def _asked(boxes: Iterable[tuple[int, Box]], every: Box, found_by: int = -1) -> Asked:
    """What is asked of packets, beside the field that they were found by; all fit the last."""
    asked = []
    for number, box in boxes:
        rest = tuple(
            (field + 1, *limits)
            for field, limits in enumerate(box)
            if field != found_by and limits != every[field]
        )
        asked.append((number, rest))
        if not rest:
            break
    return tuple(asked)


def _searched(boxes: Sequence[Box], every: Box) -> Choice:
    """The same, by a search for the address: between two bounds, the same rules fit it."""
    field = max((SOURCE, TARGET), key=lambda one: len({box[one] for box in boxes}))
    bounds = sorted({0} | {end for box in boxes for end in (box[field][0], box[field][1] + 1)})
    fitting: list[list[tuple[int, Box]]] = [[] for _ in bounds]
    for number, box in enumerate(boxes):
        low, high = box[field]
        for at in range(bisect_right(bounds, low) - 1, bisect_right(bounds, high)):
            fitting[at].append((number, box))
    asked = [_asked(some, every, field) for some in fitting]
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

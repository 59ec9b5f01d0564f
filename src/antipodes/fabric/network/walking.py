"""One packet's way through a network, and its answer's way back."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from antipodes.fabric.network.nodes import End, Hop, Key, Node, Rule
from antipodes.fabric.network.outcomes import LOOP
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.points import Flow, Mark, Memory, Point, Points

__all__ = ["LOOP", "Memory", "Step", "Walk", "walk", "walk_points"]

STEPS_MAX = 1000
WATCHED_FROM = 64  # points; few ways are longer that lead anywhere
_new = tuple.__new__  # of named tuples: saves half the time of making one
NOWHERE = Hop("", "")


class Step(NamedTuple):
    """One thing that happened on the way; `packet` is how it went on."""

    hop: Hop
    packet: Packet
    rule: Rule | None


class Walk(msgspec.Struct, frozen=True):
    """A way to its end.

    `marks` are shared by all that pass the same points; `changes` says from which of them on the
    packet was which.
    """

    marks: tuple[Mark, ...]
    changes: tuple[tuple[int, Packet], ...]
    end: End
    packet: Packet  # as it was at the end

    @property
    def passed(self) -> bool:
        """Whether the packet has come to where it was going."""
        return self.end.passed

    @property
    def steps(self) -> tuple[Step, ...]:
        """What happened, one thing after the other, the end included."""
        found = []
        stops = [*(start for start, _ in self.changes[1:]), len(self.marks)]
        for (start, packet), stop in zip(self.changes, stops, strict=True):
            found += [_new(Step, (hop, packet, rule)) for hop, rule in self.marks[start:stop]]
        found.append(Step(self.end.hop, self.packet, self.end.rule))
        return tuple(found)


def walk(
    node_of: Callable[[Key], Node],
    start: Key,
    packet: Packet,
    memory: Memory,
    *,
    reply: bool = False,
) -> Walk:
    """Follow one packet from a point; what is remembered on the way goes into `memory`.

    With `reply`, the packet answers one that was walked with the same memory.
    """
    return walk_points(Points(node_of, packet.version), start, packet, memory, reply=reply)


def walk_points(
    points: Points, start: Key, packet: Packet, memory: Memory, *, reply: bool = False
) -> Walk:
    """The same, by points that were made for earlier packets too."""
    passed, translated = memory.passed.copy(), memory.translated.copy()
    flow = Flow(packet, memory, reply=reply)
    marks = flow.marks
    at: Point | End = points[start]
    for _ in range(WATCHED_FROM):
        at, mark = at(flow)  # type: ignore[operator] # the loop ends with an end
        if mark is not None:
            marks.append(mark)
        if type(at) is End:
            break
    else:
        memory.passed, memory.translated = passed, translated
        flow = Flow(packet, memory, reply=reply)
        at = _watched(points[start], flow)
    return Walk(tuple(flow.marks), tuple(flow.changes), at, flow.packet)


def _watched(start: Point, flow: Flow) -> End:
    """Walk from the start, looking at each point whether the packet has been there before."""
    at: Point | End = start
    marks = flow.marks
    seen: dict[tuple[Point, Packet], None] = {}
    while not isinstance(at, End):
        if (at, flow.packet) in seen or len(seen) >= STEPS_MAX:
            return End(LOOP, marks[-1].hop if marks else NOWHERE)
        seen[at, flow.packet] = None
        at, mark = at(flow)
        if mark is not None:
            marks.append(mark)
    return at

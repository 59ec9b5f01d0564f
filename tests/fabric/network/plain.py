"""A walk as plainly as it can be written: what the quick one is held against.

Nothing is prepared and nothing kept: each point is looked up by its name, every rule is tried in
its order, and every state is remembered.
"""

from antipodes.fabric.network.fabric import Fabric
from antipodes.fabric.network.nodes import (
    Change,
    End,
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
from antipodes.fabric.network.outcomes import LOOP
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.points import hashed
from antipodes.fabric.network.spaces import SOURCE, SOURCE_PORT, TARGET, TARGET_PORT, holds
from antipodes.fabric.network.walking import STEPS_MAX, Step

Told = tuple[tuple[Step, ...], End | None, Packet]  # no end: a loop
Passed = tuple[Key | End, Packet, Rule | None]


class Memory:
    """What is remembered of the way there."""

    def __init__(self) -> None:
        self.passed: dict[str, Packet] = {}
        self.translated: dict[str, tuple[Packet, Packet, Key | None]] = {}


def both_ways(fabric: Fabric, start: Key, packet: Packet) -> tuple[Told, Told | None]:
    """A packet's way, and its answer's."""
    memory = Memory()
    there = one_way(fabric, start, packet, memory, reply=False)
    _, end, last = there
    if end is None or end.back is None:
        return there, None
    return there, one_way(fabric, end.back, last.reply(), memory, reply=True)


def one_way(fabric: Fabric, at: Key | End, packet: Packet, memory: Memory, *, reply: bool) -> Told:
    """One way, step by step."""
    steps: list[Step] = []
    seen: set[tuple[Key, Packet]] = set()
    while not isinstance(at, End):
        if (at, packet) in seen or len(seen) == STEPS_MAX:
            return tuple(steps), None, packet
        seen.add((at, packet))
        node = fabric.node(at)
        at, packet, rule = _passed(node, packet, memory, reply=reply)
        if node.hop is not None:
            steps.append(Step(node.hop, packet, rule))
    return (*steps, Step(at.hop, packet, at.rule)), at, packet


def _passed(node: Node, packet: Packet, memory: Memory, *, reply: bool) -> Passed:
    if isinstance(node, Lookup):
        value = packet[node.field + 1]
        for low, high, entry in zip(node.starts, node.ends, node.entries, strict=True):
            if low <= value <= high:
                return entry.to, packet, entry.rule
        return node.otherwise, packet, None
    if isinstance(node, Sieve):
        for box, passes, rule in node.rules:
            if holds(box, packet):
                return node.to if passes else node.refused, packet, rule
        return node.refused, packet, None
    if isinstance(node, Permit):
        return _permitted(node, packet, memory, reply=reply)
    if isinstance(node, Spread):
        return node.choices[hashed(packet, node.salt) % len(node.choices)], packet, None
    return _changed(node, packet, memory)


def _changed(node: Change | Translate | Restore, packet: Packet, memory: Memory) -> Passed:
    if isinstance(node, Change):
        return node.to, _with(packet, {node.field: node.value}), None
    if isinstance(node, Translate):
        low, high = node.ports
        port = packet.source_port if low <= packet.source_port <= high else low
        fields = {SOURCE: node.address, SOURCE_PORT: port}
        if node.target is not None:
            fields |= {TARGET: node.target[0], TARGET_PORT: node.target[1]}
        after = _with(packet, fields)
        memory.translated[node.tracker] = packet, after, node.back
        return node.to, after, None
    known = memory.translated.get(node.tracker)
    if known is None or known[1].reply() != packet:
        return node.refused, packet, None
    return known[2] or node.to, known[0].reply(), None


def _permitted(node: Permit, packet: Packet, memory: Memory, *, reply: bool) -> Passed:
    if reply:
        known = memory.passed.get(node.tracker)
        if known is not None and known.reply() == packet:
            return node.to, packet, None
        if node.strict:
            return node.refused, packet, None
    for box, rule in node.rules:
        if holds(box, packet):
            memory.passed.setdefault(node.tracker, packet)
            return node.to, packet, rule
    return node.refused, packet, None


def _with(packet: Packet, values: dict[int, int]) -> Packet:
    version, *fields = packet
    return Packet(version, *(values.get(field, now) for field, now in enumerate(fields)))


def agrees(fabric: Fabric, start: Key, packet: Packet) -> bool:
    """Whether the quick walk is as the plain one; of a loop, that it is one."""
    plain = both_ways(fabric, start, packet)
    for quick, told in zip(fabric.walk(start, packet), plain, strict=True):
        if told is None or told[1] is None:
            if (quick is None) != (told is None):
                return False
            if quick is not None and quick.end.outcome != LOOP:
                return False
        elif quick is None or (quick.steps, quick.end, quick.packet) != told:
            return False
    return True

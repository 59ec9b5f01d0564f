"""One packet's way through a network, and its answer's way back."""

from collections.abc import Callable
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
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.spaces import SOURCE, SOURCE_PORT, TARGET, TARGET_PORT, holds

STEPS_MAX = 1000
LOOP = "loop"
_new = tuple.__new__  # of named tuples: saves half the time of making one
NOWHERE = Hop("", "")

Passed = tuple[Key | End, Packet, Rule | None]
NodeOf = Callable[[Key], Node]


class Step(NamedTuple):
    """One thing that happened on the way; `packet` is how it went on."""

    hop: Hop
    packet: Packet
    rule: Rule | None


class Memory:
    """What the parts of a network remember of a flow, from the packets that have passed them."""

    def __init__(self) -> None:
        self.passed: dict[str, Packet] = {}
        self.translated: dict[str, tuple[Packet, Packet]] = {}  # before, after


class Walk(NamedTuple):
    """A way to its end."""

    steps: tuple[Step, ...]
    end: End
    packet: Packet  # as it was at the end

    @property
    def passed(self) -> bool:
        """Whether the packet has come to where it was going."""
        return self.end.passed


def walk(
    node_of: NodeOf, start: Key, packet: Packet, memory: Memory, *, reply: bool = False
) -> Walk:
    """Follow one packet from a point; what is remembered on the way goes into `memory`.

    With `reply`, the packet answers one that was walked with the same memory.
    """
    steps: list[Step] = []
    at: Key | End = start
    seen: dict[tuple[Key, Packet], None] = {}
    while not isinstance(at, End):
        if (at, packet) in seen or len(seen) >= STEPS_MAX:
            at = End(LOOP, steps[-1].hop if steps else NOWHERE)
            break
        seen[at, packet] = None
        node = node_of(at)
        at, packet, rule = _PASS[type(node)](node, packet, memory, reply)
        if node.hop is not None:
            steps.append(_new(Step, (node.hop, packet, rule)))
    steps.append(Step(at.hop, packet, at.rule))
    return Walk(tuple(steps), at, packet)


def _look_up(node: Lookup, packet: Packet, _memory: Memory, _reply: bool) -> Passed:  # noqa: FBT001 - all alike
    found = node.find(packet)
    return (node.otherwise, packet, None) if found is None else (found.to, packet, found.rule)


def _sieve(node: Sieve, packet: Packet, _memory: Memory, _reply: bool) -> Passed:  # noqa: FBT001 - as above
    for box, passes, rule in node.rules:
        if holds(box, packet):
            return node.to if passes else node.refused, packet, rule
    return node.refused, packet, None


def _change(node: Change, packet: Packet, _memory: Memory, _reply: bool) -> Passed:  # noqa: FBT001 - as above
    return node.to, _with(packet, node.field, node.value), None


def _spread(node: Spread, packet: Packet, _memory: Memory, _reply: bool) -> Passed:  # noqa: FBT001 - as above
    return node.choices[_hash(packet, node.salt) % len(node.choices)], packet, None


def _translate(node: Translate, packet: Packet, memory: Memory, _reply: bool) -> Passed:  # noqa: FBT001 - as above
    low, high = node.ports
    after = _with(packet, SOURCE, node.address)
    port = packet.source_port if low <= packet.source_port <= high else low
    after = _with(after, SOURCE_PORT, port)
    memory.translated[node.tracker] = packet, after
    return node.to, after, None


def _permit(node: Permit, packet: Packet, memory: Memory, reply: bool) -> Passed:  # noqa: FBT001 - as above
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


def _restore(node: Restore, packet: Packet, memory: Memory, _reply: bool) -> Passed:  # noqa: FBT001 - as above
    known = memory.translated.get(node.tracker)
    if known is None or known[1].reply() != packet:
        return node.refused, packet, None
    before = known[0]
    found = _with(packet, TARGET, before.source)
    return node.to, _with(found, TARGET_PORT, before.source_port), None


_PASS: dict[type[Any], Callable[[Any, Packet, Memory, bool], Passed]] = {
    Lookup: _look_up,
    Sieve: _sieve,
    Permit: _permit,
    Change: _change,
    Translate: _translate,
    Restore: _restore,
    Spread: _spread,
}


def _with(packet: Packet, field: int, value: int) -> Packet:
    fields = [*packet]
    fields[field + 1] = value
    return Packet(*fields)


def _hash(packet: Packet, salt: int) -> int:
    """A number that both directions of a flow have in common."""
    version, source, target, protocol, source_port, target_port = packet
    ends = sorted(((source, source_port), (target, target_port)))
    return crc32(repr((version, ends, protocol, salt)).encode())

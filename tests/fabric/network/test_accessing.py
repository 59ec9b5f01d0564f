"""Ways from anything to anything: each is what its packets walk, and none is missing."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.fabric.network import outcomes
from antipodes.fabric.network import topology as model
from antipodes.fabric.network.accessing import Condition, Start, Way, found
from antipodes.fabric.network.fabric import ON_THE_INTERNET, Fabric
from antipodes.fabric.network.nodes import End, Key
from antipodes.fabric.network.packets import TCP, UDP, Packet, text
from antipodes.fabric.network.reaching import Followed, parts
from antipodes.fabric.network.spaces import Space, box_of, everything, has, some
from antipodes.fabric.network.starting import (
    at_attachment,
    at_gateway,
    at_interface,
    at_peering,
    at_relay,
)
from antipodes.fabric.network.unions import united
from antipodes.fabric.network.walking import Memory, Step, Walk, walk
from tests.fabric.network.agreeing import add_hub
from tests.fabric.network.test_random_networks import PORTS, Random, addresses, made_by
from tests.fabric.network.worlds import Builder

ANY = Condition()


class Seeded(Random):
    """Draws all alike: networks in which more is joined than hypothesis would draw by itself."""

    def __init__(self, random: Any) -> None:
        self._random = random

    def one(self, choices: Any) -> Any:
        return self._random.choice(list(choices))

    def some(self, choices: Any, most: int) -> list[Any]:
        every = list(dict.fromkeys(choices))
        chosen: list[Any] = self._random.sample(
            every, self._random.randint(0, min(most, len(every)))
        )
        return chosen

    def yes(self) -> bool:
        return bool(self._random.random() < 0.5)


def starts(made: Builder, fabric: Fabric) -> list[Start]:
    """Everything that may be a source, in such networks."""
    hosts = [name for name, one in made.interfaces.items() if one.kind != model.TRANSLATOR]
    return [
        *(at_interface(fabric, name) for name in hosts),
        *(at_gateway(fabric, name) for name, one in made.gateways.items() if not one.egress_only),
        *(one for name in made.peerings for one in at_peering(fabric, name)),
        *(at_relay(fabric, "service", name) for name in made.relays),
    ]


def walked(fabric: Fabric, start: Start, packet: Packet) -> Walk:
    key = ON_THE_INTERNET if start.key[0] == "enter" else start.key
    return walk(fabric.node, key, packet, Memory())


def hops(way: Way) -> list[tuple[Any, Any]]:
    told = [(one.hop, one.rule) for one in way.passed]
    return told[1:] if way.start.hop is not None else told


def come_to(made: Builder, start: Start, went: Walk) -> list[str]:
    """What a packet has come to on its way that may end one, told from the steps alone."""
    ends = []
    for step, following in pairwise(went.steps):
        crossed = step.hop.kind == "peering" and step.rule is not None
        rule = step.rule.name if step.rule is not None else ""
        left = step.hop.kind == "gateway" and (rule == "own prefix" or rule.count(".") == 3)
        if crossed or left or _at_door(made, start, step, following):
            ends.append(step.hop.id)
    if went.end.outcome == outcomes.DELIVERED and went.end.hop.id != start.id:
        ends.append(went.end.hop.id)
    return ends


def one_of(random: Random, version: int, product: Space) -> Packet:
    """A packet of a product, often one at an edge of it."""
    values = []
    for ranges in product:
        low, high = random.one(ranges)
        values.append(random.one((low, high, (low + high) // 2)))
    return Packet(version, *values)


def _at_door(made: Builder, start: Start, step: Step, following: Step) -> bool:
    """Whether a packet came to a door, and through it."""
    door = made.doors.get(step.hop.id)
    if door is None or step.hop.id in {start.id, following.hop.id}:
        return False
    own = made.interfaces[step.hop.id].addresses
    return text(step.packet.version, step.packet.target) in own


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=True))
def test_each_way_has_a_witness_and_no_walk_finds_another(chance: Any) -> None:
    random = Seeded(chance)
    made = made_by(random)
    version = random.one((4, 4, 6))
    fabric = Fabric(made.topology(), version)
    start = random.one(starts(made, fabric))
    ways = list(found(fabric, [start], [ANY]))
    for way in ways:
        for product in way.packets:
            went = walked(fabric, start, one_of(random, version, product))
            told = hops(way)
            assert [(step.hop, step.rule) for step in went.steps[: len(told)]] == told
            assert way.end in come_to(made, start, went)
    every = [one for one in addresses(made) if (":" in one) == (version == 6)]
    own = made.interfaces[start.id].addresses if start.id in made.interfaces else every
    own = [one for one in own if one in every]
    for _ in range(20):
        source, target = random.one(own or every), random.one(every)
        packet = Packet.of(source, target, random.one((TCP, UDP)), random.one(PORTS), port=80)
        if not has(start.packets, packet):
            continue
        went = walked(fabric, start, packet)
        ends = [way.end for way in ways if any(has(one, packet) for one in way.packets)]
        if went.end.outcome != outcomes.LOOP:
            assert sorted(ends) == sorted(come_to(made, start, went))


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=True))
def test_where_a_hash_decides_a_packets_way_is_among_those_found(chance: Any) -> None:
    random = Seeded(chance)
    made = made_by(random)
    add_hub(random, made)
    fabric = Fabric(made.topology())
    from_hub = [one for name in made.attachments for one in at_attachment(fabric, name)]
    start = random.one([*starts(made, fabric), *from_hub])
    ways = list(found(fabric, [start], [ANY]))
    for way in ways[:30]:
        packet = one_of(random, 4, random.one(way.packets))
        went = walked(fabric, start, packet)
        told = [(step.hop, step.rule) for step in went.steps]
        there = [one for one in ways if any(has(space, packet) for space in one.packets)]
        assert all(sum(has(space, packet) for space in one.packets) <= 1 for one in there)
        walked_ways = [one.end for one in there if told[: len(hops(one))] == hops(one)]
        carriers = {name for name, one in made.interfaces.items() if one.kind == model.CARRIER}
        if went.end.outcome != outcomes.LOOP:
            assert set(come_to(made, start, went)) - carriers <= set(walked_ways)


class Trace:
    """One packet's way, point by point: what it passed, how it came there, and what it came to."""

    def __init__(self, fabric: Fabric, start: Start, packet: Packet) -> None:
        self.ends: list[tuple[str, int]] = []  # and how much was passed until there
        self.passed: list[str] = []
        self.came: list[Packet] = []
        if start.hop is not None:
            self._pass(start.hop.id, packet)
        at: Key | End = start.key
        now = packet
        seen = set()
        while not isinstance(at, End) and (at, now) not in seen:
            seen.add((at, now))
            node, key = fabric.node(at), at
            [(at, on, _)] = parts(node, Followed(box_of(now), box_of(now), 0))
            if node.hop is not None:
                self._pass(node.hop.id, now)
            now = some(now.version, on.box)
            if key[0] in {"peering", "publish"} and not isinstance(at, End):
                self._come_to(key[1])
            led_on = not isinstance(at, End) or at.outcome == outcomes.UNKNOWN
            if key[0] == "door" and led_on and key[1] != start.id:
                self._come_to(key[1])
        if isinstance(at, End):
            self._pass(at.hop.id, now)
            if at.outcome == outcomes.DELIVERED and at.hop.id != start.id:
                self._come_to(at.hop.id)
        self.came.append(now)

    def _pass(self, name: str, packet: Packet) -> None:
        self.passed.append(name)
        self.came.append(packet)

    def _come_to(self, name: str) -> None:
        self.ends.append((name, len(self.passed)))

    def fits(self, start: Start, end: tuple[str, int], one: Condition) -> bool:
        """Whether a condition is met, said in the simplest way."""
        name, length = end
        headers = (one.leaving, self.came[1]), (one.arriving, self.came[length - 1])
        return (
            (one.starts is None or start.id in one.starts)
            and (one.ends is None or name in one.ends)
            and all(header is None or has(header, packet) for header, packet in headers)
            and all(set(self.passed[:length]) & names for names in one.through)
        )


def header(random: Random, version: int, seen: Sequence[Packet]) -> Space | None:
    """A statement on headers that some of those that are seen meet."""
    if random.yes():
        return None
    fields: list[Any] = [((low, high),) for low, high in everything(version)]
    fields[2] = ((TCP, TCP),) if random.yes() else ((TCP, TCP), (UDP, UDP))
    for field in random.some((0, 1, 3, 4), 2):
        values = [packet[field + 1] for packet in seen]
        low, high = sorted((random.one(values), random.one(values)))
        fields[field] = united([(low, high), (random.one(values),) * 2])
    return fields[0], fields[1], fields[2], fields[3], fields[4]


def condition(random: Random, sources: Sequence[Start], traces: Sequence[Trace]) -> Condition:
    ends = [name for trace in traces for name, _ in trace.ends]
    by = [name for trace in traces for name in trace.passed]
    seen = [packet for trace in traces for packet in trace.came]
    version = seen[0].version
    return Condition(
        frozenset(random.some([one.id for one in sources], 3)) if random.yes() else None,
        frozenset(random.some(ends, 4)) if random.yes() else None,
        header(random, version, seen),
        header(random, version, seen),
        (frozenset(random.some(by, 4)),) if random.one((True, False, False)) else (),
    )


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=True))
def test_conditions_are_met_by_exactly_those_packets(chance: Any) -> None:
    random = Seeded(chance)
    made = made_by(random)
    version = random.one((4, 4, 6))
    fabric = Fabric(made.topology(), version)
    every = starts(made, fabric)
    start = random.one(every)
    all_ways = list(found(fabric, [start], [ANY]))
    if not all_ways:
        return
    chosen = [random.one(all_ways) for _ in range(8)]
    packets = [one_of(random, version, random.one(way.packets)) for way in chosen]
    traces = [Trace(fabric, start, packet) for packet in packets]
    sources = [start, random.one(every)]
    matches = [condition(random, sources, traces) for _ in range(random.one((1, 2)))]
    excludes = [condition(random, sources, traces) for _ in range(random.one((0, 1, 2)))]
    ways = list(found(fabric, [start], matches, excludes))
    for packet, trace in zip(packets, traces, strict=True):
        wanted = [
            end[0]
            for end in trace.ends
            if any(trace.fits(start, end, one) for one in matches)
            and not any(trace.fits(start, end, one) for one in excludes)
        ]
        there = [way.end for way in ways for one in way.packets if has(one, packet)]
        assert sorted(there) == sorted(wanted)

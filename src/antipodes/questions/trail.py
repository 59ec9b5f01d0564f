"""A packet's way over a drawn topology: along the lines, with a number at each thing it comes to.

Filters and tables have no place of their own in the picture: they are told of with the thing that
the packet came from, and a way that ends at one ends at the edge of the subnet, or in the network.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_network

from antipodes.fabric.network.topology import FAR_HUB, NETWORK
from antipodes.fabric.network.walking import Step, Walk
from antipodes.questions.joins import Joins, Point
from antipodes.questions.layout import (
    CHIP,
    GUTTER,
    STUB_TIP,
    Chip,
    Layout,
    NetworkBox,
    SubnetBox,
    link_name,
)

ASIDE = 3.5  # between two ways in one gutter
_RULE_ID = re.compile(r"sgr-[0-9a-f]+")
INSIDE = frozenset({"filter", "table", "hub table", "subnet", "network"})


@dataclass
class Stop:
    """A thing on the way."""

    number: int
    at: Point
    kind: str
    id: str
    notes: list[str] = field(default_factory=list)


class Trail:
    """The way of one walk, in the picture."""

    def __init__(self, layout: Layout, joins: Joins, walk: Walk, *, aside: float = 0.0) -> None:
        self._layout = layout
        self._joins = joins
        self._topology = layout.topology
        self._aside = aside
        self.points: list[Point] = []
        self.stops: list[Stop] = []
        self._in = ""  # the network, hub or site where the packet is
        self._beside: SubnetBox | None = None  # the subnet in whose gutter it is
        self._turns = 0
        self._last = ""  # the line that it came over
        steps = list(_once(walk.steps))
        for step in steps:
            self._take(step)
        last = steps[-1]
        if not walk.passed and last.hop.kind in INSIDE:
            self._end_inside(last, is_within=len(steps) > 1 and steps[-2].hop.kind == "table")
        self.end = self.points[-1] if self.points else None

    def _take(self, step: Step) -> None:
        kind, name = step.hop.kind, step.hop.id
        if kind in INSIDE:
            words = kind, self._layout.names.get(name, ""), self._rule(step)
            note = " ".join(word for word in words if word)
            if self.stops:
                self.stops[-1].notes.append(note)
            return
        at = self._come_to(kind, name)
        called = self._rule(step)
        rule = [called] if called else []
        if self.stops and at in {None, self.stops[-1].at}:
            self.stops[-1].notes += [one for one in rule if one not in self.stops[-1].notes]
            return
        if at is None:
            return
        self.stops.append(Stop(len(self.stops) + 1, at, kind, name, rule))

    def _rule(self, step: Step) -> str:
        """A rule that says something: by its name, or as it is, but not by an id."""
        if step.rule is None:
            return ""
        name = step.rule.name
        return self._layout.names.get(name) or ("" if _RULE_ID.fullmatch(name) else name)

    def _come_to(self, kind: str, name: str) -> Point | None:
        """Go to a thing; where its number stands, or None if it has no place."""
        topology, layout = self._topology, self._layout
        if kind == "translator":
            name = topology.translators[name].interface
        elif kind == "inspection":
            name = topology.inspections[name].interface
        if name in layout.chips:
            return self._to_chip(*layout.chips[name])
        if kind in {"gateway", "service", "private gateway"}:
            return self._to_port(name)
        if kind == "internet":
            return self._to_internet()
        if kind == "attachment":
            return self._over(name)
        if name in self._joins.wires:
            return self._along(name)
        if kind == "site" and name in self._joins.sites:
            site = self._joins.sites[name]
            if not self.points:
                self._in = name
            return site.x + 13, site.y + 15
        return None

    # Moves.

    def _go(self, *points: Point) -> None:
        for point in points:
            if not self.points or point != self.points[-1]:
                self.points.append(point)

    def _gutter(self, box: SubnetBox) -> float:
        self._turns += 1
        return box.gutter + self._aside + ASIDE * ((self._turns % 3) - 1)

    def _to_chip(self, box: SubnetBox, chip: Chip) -> Point:
        network = self._network_of(box)
        at = chip.x + 1, chip.y + self._aside
        link = link_name(self._in, network.id), link_name(network.id, self._in)
        over = next((one for one in link if one in self._joins.wires), "")
        if self.points and self._in != network.id and over:
            self._along(over)
        if not self.points:
            self._go(at)
        elif self._in == network.id:
            self._inside_to(network, box, chip.y + self._aside)
            self._go(at)
        else:
            self._go(at)
        self._in, self._beside = network.id, box
        return chip.x + 10, chip.y

    def _network_of(self, box: SubnetBox) -> NetworkBox:
        return self._layout.networks[box.subnet.network]

    def _inside_to(self, network: NetworkBox, box: SubnetBox, y: float) -> None:
        """From where we are in a network to a subnet's side."""
        if self._beside is None:  # at the inner or the outer side
            x, edge = self.points[-1]
            strip = network.inner_strip
            if abs(edge - network.outer_edge) < abs(edge - network.inner_edge):
                strip = network.outer_strip
            gutter = self._gutter(box)
            self._go((x, strip + self._aside), (gutter, strip + self._aside), (gutter, y))
            return
        gutter = self._gutter(self._beside)
        here = self.points[-1][1]
        if self._beside.gutter == box.gutter:
            self._go((gutter, here), (gutter, y))
            return
        far, strip = self._gutter(box), network.inner_strip + self._aside
        self._go((gutter, here), (gutter, strip), (far, strip), (far, y))

    def _to_edge(self, network: NetworkBox, x: float, edge: float) -> None:
        """From a chip to one of the sides of its network."""
        inner = abs(edge - network.inner_edge) < 1
        strip = (network.inner_strip if inner else network.outer_strip) + self._aside
        if self._beside is not None:
            gutter = self._gutter(self._beside)
            self._go((gutter, self.points[-1][1]), (gutter, strip))
        elif self.points:
            here = self.points[-1]
            self._go((here[0], strip))
        self._go((x, strip), (x, edge))
        self._beside = None

    def _to_port(self, name: str) -> Point | None:
        """A gateway, on the side of its network."""
        topology = self._topology
        of = (
            topology.gateways.get(name)
            or topology.services.get(name)
            or topology.private_gateways.get(name)
        )
        network = self._layout.networks.get(of.network) if of is not None else None
        if network is None:
            return None
        x, edge = network.port(name)
        if not self.points:
            self._go((x, edge - network.faces * STUB_TIP))
        if self._in == network.id:
            self._to_edge(network, x, edge)
        else:
            self._go((x, edge))
        self._in, self._beside = network.id, None
        return x, edge

    def _to_internet(self) -> Point | None:
        if not self.points:
            return None
        x, y = self.points[-1]
        network = self._layout.networks.get(self._in)
        at = x, y - (network.faces * STUB_TIP if network is not None else 0.0)
        self._go(at)
        self._in = "internet"
        return at

    def _over(self, name: str) -> Point | None:
        """Over an attachment: to the hub, or from it."""
        topology, layout = self._topology, self._layout
        attachment = topology.attachments[name]
        if attachment.kind == FAR_HUB:
            wire = name if name in self._joins.wires else attachment.of
            if wire not in self._joins.wires or wire == self._last:
                return None
            return self._along(wire)
        if attachment.kind != NETWORK or name not in self._joins.wires:
            return None
        if self._in == attachment.hub:
            wire_end = self._joins.wires[name].points[-1]
            self._go((wire_end[0], layout.bars[attachment.hub].y + self._aside))
        return self._along(name)

    def _along(self, name: str) -> Point | None:
        """Along a line, from the end where we are."""
        wire = self._joins.wires[name]
        self._last = name
        start = self._in if self._in in wire.ends else wire.ends[0]
        far = wire.ends[1] if start == wire.ends[0] else wire.ends[0]
        points = wire.along(start)
        network = self._layout.networks.get(start)
        if network is not None and self._in == start and self.points:
            self._to_edge(network, *points[0])
        elif start in self._layout.bars and self.points:
            self._go((points[0][0], self._layout.bars[start].y + self._aside))
        self._go(*points)
        bar = self._layout.bars.get(far)
        if bar is not None:
            self._go((points[-1][0], bar.y + self._aside))
        self._in, self._beside = far, None
        return wire.middle

    def _end_inside(self, last: Step, *, is_within: bool) -> None:
        """The way ends at a filter or a table, or at nobody."""
        kind = last.hop.kind
        network = self._layout.networks.get(self._in)
        if network is None or not self.points or kind == "hub table":
            return
        box = self._target(network, last) if kind in {"filter", "subnet"} else None
        if self._beside is None:  # from outside
            strip = network.inner_strip
            if abs(self.points[-1][1] - network.outer_edge) < 1:
                strip = network.outer_strip
            self._go((self.points[-1][0], strip))
            if box is not None:
                self._go((box.gutter, strip), (box.gutter, box.y + CHIP), (box.x, box.y + CHIP))
        elif is_within and box is not None and self._beside is not box:
            self._inside_to(network, box, box.y + CHIP)
            self._go((box.x, box.y + CHIP))
        else:  # on its way out
            y = self.points[-1][1]
            self._go((self._beside.gutter, y))
            if kind != "filter":
                self._go((self._beside.gutter, network.inner_strip))

    def _target(self, network: NetworkBox, last: Step) -> SubnetBox | None:
        """The subnet that a packet was refused by the filter of."""
        packet = last.packet
        address = (IPv4Address if packet.version == 4 else IPv6Address)(packet.target)  # noqa: PLR2004 - IPv4
        for box in network.subnets():
            prefixes = map(ip_network, box.subnet.prefixes)
            if any(one.version == packet.version and address in one for one in prefixes):
                return box
        return None


def _once(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Steps, without what is told twice in a row."""
    last: tuple[str, str] | None = None
    for step in steps:
        here = step.hop.kind, step.hop.id
        if here != last or step.rule is not None:
            yield step
        last = here


def rounded(points: list[Point], radius: float = GUTTER / 3) -> str:
    """A path along points, with its corners rounded."""
    if not points:
        return ""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        first, second = _towards(at, before, radius), _towards(at, after, radius)
        parts.append(f"L{first[0]:.1f} {first[1]:.1f}")
        parts.append(f"Q{at[0]:.1f} {at[1]:.1f} {second[0]:.1f} {second[1]:.1f}")
    parts.append(f"L{points[-1][0]:.1f} {points[-1][1]:.1f}")
    return "".join(parts)


def _towards(start: Point, end: Point, length: float) -> Point:
    (x, y), (far_x, far_y) = start, end
    whole = ((far_x - x) ** 2 + (far_y - y) ** 2) ** 0.5
    share = min(0.5, length / whole) if whole else 0.0
    return x + (far_x - x) * share, y + (far_y - y) * share

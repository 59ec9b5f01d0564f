"""The lines of a drawn topology: what joins networks, hubs and sites, and along which way.

In a region lines go up and down to the bar of a hub, or along a lane of the channel. What leaves a
region does so at the side that is towards the band. Between two regions lines are bent at right
angles; between more of them they are straight, from points that lie on an ellipse, so that none
passes through another region's.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from antipodes.fabric.network.topology import FAR_HUB, NETWORK, PRIVATE, Attachment, Line
from antipodes.questions.layout import (
    BAR,
    CHANNEL_PAD,
    LANE,
    MARGIN,
    Bar,
    Layout,
    RegionBox,
)

BAND_PLAIN, BAND_MESH, BAND_LANE, MESH_MIN = 64.0, 250.0, 20.0, 3
SITE_WIDTH, SITE, SITE_GAP, TUNNEL = 150.0, 46.0, 30.0, 7.0
BAR_PAD, BAR_MIN, EXIT_STEP = 46.0, 190.0, 26.0
TUNNELS_MAX, LANE_STEP, LEVEL = 8, 8.0, 4

Point = tuple[float, float]


class Wire(NamedTuple):
    """A line between two things, from the first to the second."""

    id: str
    kind: str
    ends: tuple[str, str]
    points: tuple[Point, ...]
    is_up: bool
    label: str = ""

    def along(self, start: str) -> tuple[Point, ...]:
        """Its points, from one of its ends."""
        return self.points if start == self.ends[0] else self.points[::-1]

    @property
    def longest(self) -> tuple[Point, Point]:
        """The part of it with most room."""
        pairs = list(zip(self.points, self.points[1:], strict=False))
        return max(pairs, key=lambda pair: math.dist(*pair))

    @property
    def is_level(self) -> bool:
        """Whether that part goes from side to side."""
        (x, y), (far_x, far_y) = self.longest
        return abs(far_x - x) > LEVEL * abs(far_y - y)

    @property
    def middle(self) -> Point:
        """Where something can be written on it."""
        (x, y), (far_x, far_y) = self.longest
        return (x + far_x) / 2, (y + far_y) / 2


@dataclass
class SiteBox:
    """A site."""

    id: str
    title: str
    prefixes: str
    x: float
    y: float


class Joins:
    """All wires and sites; making it gives the layout its places."""

    def __init__(self, layout: Layout, top: float = 18.0) -> None:
        self._layout = layout
        self._topology = layout.topology
        self.wires: dict[str, Wire] = {}
        self.sites: dict[str, SiteBox] = {}
        self._exits: dict[tuple[str, str], None] = {}  # what leaves regions: node, wire
        self._ports()
        self._between = self._links()
        self._is_mesh = len(layout.regions) >= MESH_MIN
        for node, _ in self._exits:
            region = layout.region_of(node)
            region.detours += not region.is_open
        layout.place(top, self._band())
        self.bottom = max((box.y + box.height for box in layout.regions.values()), default=0.0)
        self._bars()
        self._inside()
        self._outside()
        self._lines()

    # Who leaves where.

    def _shown(self, name: str) -> bool:
        return name in self._layout.networks or name in self._layout.bars

    def _ports(self) -> None:
        """What leaves each network by its inner side, from left to right."""
        topology, layout = self._topology, self._layout
        at = {name: number for number, name in enumerate(layout.networks)}
        wanted: dict[str, list[tuple[int, str]]] = {name: [] for name in layout.networks}
        for one in topology.attachments.values():
            if one.kind == NETWORK and one.of in wanted:
                wanted[one.of].append((at[one.of], one.id))
        for name, _, ends, _ in self._pairs():
            for own, far in (ends, ends[::-1]):
                if own in wanted and far in at:
                    wanted[own].append((at[far], name))
        for gateway in topology.private_gateways.values():
            if gateway.network in wanted:
                wanted[gateway.network].append((at[gateway.network], gateway.id))
        for name, found in wanted.items():
            layout.networks[name].inner = [one for _, one in sorted(found)]

    def _pairs(self) -> Iterator[tuple[str, str, tuple[str, str], bool]]:
        """What joins two networks: its name, its kind, both, and whether it is up."""
        for peering in self._layout.peerings.values():
            yield peering.id, "peering", peering.networks, peering.active
        for name, ends in self._layout.links.items():
            yield name, "link", ends, True

    def _links(self) -> list[tuple[str, str, str, str, bool]]:
        """What joins two regions: id, kind, both ends, whether it is up."""
        topology = self._topology
        found = []
        for name, kind, (left, right), up in self._pairs():
            if self._shown(left) and self._shown(right) and self._apart(left, right):
                found.append((name, kind, left, right, up))
        for one in topology.attachments.values():
            far = topology.attachments.get(one.of) if one.kind == FAR_HUB else None
            known = far is not None and self._shown(one.hub) and self._shown(far.hub)
            if far is not None and known and one.id < far.id:
                up = one.available and far.available
                found.append((one.id, "far hub", one.hub, far.hub, up))
        for name, _, left, right, _ in found:
            self._exits[left, name] = None
            self._exits[right, name] = None
        for line in topology.lines.values():
            node = self._node(line)
            if self._shown(node):
                self._exits[node, line.site] = None
        return found

    def _apart(self, left: str, right: str) -> bool:
        return self._layout.region_of(left) is not self._layout.region_of(right)

    def _node(self, line: Line) -> str:
        """The network or the hub that a line ends at."""
        if line.to.kind == PRIVATE:
            gateway = self._topology.private_gateways.get(line.to.id)
            return gateway.network if gateway is not None else ""
        attachment = self._topology.attachments.get(line.to.id)
        return attachment.hub if attachment is not None else ""

    def _band(self) -> float:
        links = len(self._between)
        if self._is_mesh:
            return BAND_MESH if links else BAND_PLAIN
        sites = SITE + 2 * BAND_LANE if self._topology.sites and len(self._layout.rows) > 1 else 0.0
        return max(BAND_PLAIN + BAND_LANE * links, sites)

    # Inside of regions.

    def _bars(self) -> None:
        """Bars are as long as what hangs on them."""
        layout = self._layout
        for region in layout.regions.values():
            for bar in region.bars:
                ports = [
                    layout.networks[one.of].port(one.id)[0]
                    for one in self._topology.attachments.values()
                    if one.hub == bar.id and one.kind == NETWORK and one.of in layout.networks
                ]
                middle = region.x + region.width / 2
                title = 24 + 6.4 * min(len(bar.title), 22)
                left = min([*(x - title for x in ports), middle - BAR_MIN / 2 - title / 2])
                bar.left = max(left, region.x + 8)
                bar.right = max([*(x + BAR_PAD for x in ports), middle + BAR_MIN / 2])

    def _inside(self) -> None:
        topology, layout = self._topology, self._layout
        for one in topology.attachments.values():
            if one.kind == NETWORK and one.of in layout.networks and one.hub in layout.bars:
                self._attach(one)
        lanes = dict.fromkeys(layout.regions, 0)
        for name, kind, ends, up in self._pairs():
            left, right = (layout.networks.get(end) for end in ends)
            if left is None or right is None or self._apart(left.id, right.id):
                continue
            region = layout.region_of(left.id)
            y = region.channel + CHANNEL_PAD + LANE * (lanes[region.id] + 0.5)
            lanes[region.id] += 1
            (x, top), (far_x, far_top) = left.port(name), right.port(name)
            points = ((x, top), (x, y), (far_x, y), (far_x, far_top))
            self._wire(name, kind, ends, points, up=up)

    def _attach(self, one: Attachment) -> None:
        network, bar = self._layout.networks[one.of], self._layout.bars[one.hub]
        x, y = network.port(one.id)
        points = ((x, y), (x, bar.y - network.faces * BAR / 2))
        self._wire(one.id, "attachment", (one.of, one.hub), points, up=one.available)

    def _wire(  # noqa: PLR0913 - a wire, spelled out
        self,
        name: str,
        kind: str,
        ends: tuple[str, str],
        points: Iterable[Point],
        *,
        up: bool,
        label: str = "",
    ) -> None:
        self.wires[name] = Wire(name, kind, ends, _straightened(points), up, label)

    def _exit(self, node: str, wire: str, port: str) -> list[Point]:
        """From a node to the edge of its region: straight, or around by the right side."""
        layout = self._layout
        region = layout.region_of(node)
        bar = layout.bars.get(node)
        if bar is not None:
            return self._exit_bar(region, bar, wire)
        network = layout.networks[node]
        x, y = network.port(port)
        if region.is_open:
            return [(x, y), (x, region.edge)]
        lane = region.channel + region.channel_height - CHANNEL_PAD / 2
        side = self._side(region, node, wire)
        return [(x, y), (x, lane), (side, lane), (side, region.edge)]

    def _exit_bar(self, region: RegionBox, bar: Bar, wire: str) -> list[Point]:
        if not region.is_open:
            side = self._side(region, bar.id, wire)
            return [(bar.right, bar.y), (side, bar.y), (side, region.edge)]
        mesh = [name for name, *_ in self._between] if self._is_mesh else []
        own = [name for node, name in self._exits if node == bar.id and name not in mesh]
        x = region.x + region.width / 2
        if wire in own:
            x += (own.index(wire) - (len(own) - 1) / 2 + bool(mesh)) * EXIT_STEP
        return [(x, bar.y + region.faces * BAR / 2), (x, region.edge)]

    def _side(self, region: RegionBox, node: str, wire: str) -> float:
        """A lane at the right side of a region."""
        inside = [*(box.id for box in region.networks()), *(bar.id for bar in region.bars)]
        own = [key for key in self._exits if key[0] in inside]
        room = LANE_STEP * len(own)
        return region.x + region.width - 12 - min(room, 24.0) * own.index((node, wire)) / len(own)

    # Between regions.

    def _outside(self) -> None:
        layout = self._layout
        edge = layout.rows[0][0].edge if layout.rows[0] else 0.0
        down = [box.edge for row in layout.rows[1:] for box in row]
        for number, (name, kind, left, right, up) in enumerate(self._between):
            here, there = self._exit(left, name, name), self._exit(right, name, name)
            if self._is_mesh:
                points = [*here, self._node_of(here[-1]), self._node_of(there[-1]), *there[::-1]]
            else:
                middle = (edge + down[0]) / 2 if down else edge + 30
                y = middle + (number - (len(self._between) - 1) / 2) * BAND_LANE
                points = [*here, (here[-1][0], y), (there[-1][0], y), *there[::-1]]
            self._wire(name, kind, (left, right), points, up=up)

    def _node_of(self, exit_: Point) -> Point:
        """The point on the ellipse below or above where something leaves a region."""
        layout = self._layout
        x, y = exit_
        middle, half = layout.width / 2, layout.width / 2 - MARGIN
        first = layout.rows[0][0]
        centre = first.edge + BAND_MESH / 2
        share = max(-1.0, min(1.0, (x - middle) / half))
        depth = (BAND_MESH / 2 - 26) * math.sqrt(1 - share * share)
        return x, centre - depth if y < centre else centre + depth

    def _lines(self) -> None:
        """Sites, and the lines to them: side by side where there are several alike."""
        layout, topology = self._layout, self._topology
        bundles: dict[tuple[str, str, str], list[Line]] = {}
        for line in topology.lines.values():
            node = self._node(line)
            if self._shown(node) and line.site in topology.sites:
                port = line.to.id if line.to.kind == PRIVATE else ""
                bundles.setdefault((line.site, node, port), []).append(line)
        exits = {key: self._exit(key[1], key[0], key[2]) for key in bundles}
        self._stand(exits)
        for number, (key, lines) in enumerate(bundles.items()):
            site, path = self.sites[key[0]], exits[key]
            beside = [other for other in bundles if other[0] == key[0]]
            step = SITE_WIDTH / (len(beside) + 1)
            x = site.x + step * (beside.index(key) + 1)
            for place, line in enumerate(lines[:TUNNELS_MAX]):
                aside = (place - (min(len(lines), TUNNELS_MAX) - 1) / 2) * TUNNEL
                points = self._down_to(site, x, path, aside, number)
                self._wire(line.id, "line", (key[1], key[0]), points, up=line.up)
        if len(layout.rows) == 1 and self.sites:
            self.bottom = max(site.y for site in self.sites.values()) + SITE

    def _stand(self, exits: dict[tuple[str, str, str], list[Point]]) -> None:
        """Below a single row of regions, under what they are joined to; else beside the band."""
        layout, topology = self._layout, self._topology
        wished = []
        for name in topology.sites:
            own = [path[-1][0] for key, path in exits.items() if key[0] == name]
            wished.append((sum(own) / len(own) if own else layout.width / 2, name))
        x = MARGIN
        row = len(layout.rows) == 1
        for number, (middle, name) in enumerate(sorted(wished)):
            site = topology.sites[name]
            prefixes = "  ".join(site.prefixes)
            if row:
                x = max(x, middle - SITE_WIDTH / 2)
                y = self.bottom + BAND_PLAIN + BAND_LANE * max(0, len(exits) - 2)
                self.sites[name] = SiteBox(name, layout.called(name), prefixes, x, y)
                x += SITE_WIDTH + SITE_GAP
                layout.width = max(layout.width, x - SITE_GAP + MARGIN)
            else:
                right = max(box.x + box.width for box in layout.regions.values())
                y = layout.rows[0][0].edge + 12 + number * (SITE + 12)
                self.sites[name] = SiteBox(name, layout.called(name), prefixes, right + 34, y)
                layout.width = max(layout.width, right + 34 + SITE_WIDTH + MARGIN)

    def _down_to(
        self, site: SiteBox, x: float, path: list[Point], aside: float, number: int
    ) -> list[Point]:
        """One of the lines of a bundle, `aside` from its middle."""
        start = [(px + aside, py) for px, py in path]
        last_x, last_y = start[-1]
        if len(self._layout.rows) == 1:
            straight = abs(path[-1][0] - x) < SITE_WIDTH / 2 - 20
            if straight:
                return [*start, (last_x, site.y)]
            lane = last_y + 18 + BAND_LANE * number - aside
            return [*start, (last_x, lane), (x + aside, lane), (x + aside, site.y)]
        y = site.y + SITE / 2 + aside
        return [*start, (last_x, y), (site.x, y)]


def _straightened(points: Iterable[Point]) -> tuple[Point, ...]:
    """Without points that change nothing."""
    found: list[Point] = []
    for point in points:
        if found and math.dist(found[-1], point) < 1:
            continue
        found.append(point)
    return tuple(found)

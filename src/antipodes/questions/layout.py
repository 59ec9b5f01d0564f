"""Where the parts of a drawn topology stand.

A region is a box with its networks in one row, or in two with a channel between them; hubs and
peerings run in the channel. Regions stand in two rows as well, and what lies between regions (their
links, customers' sites) is in the band between the rows, or below a single one. So every network
turns one side to the channel, its inner side, and the other one, with its title and its gateways to
the internet, away from it.

Everything is in the order of names and ids: one topology is drawn alike everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from antipodes.fabric.network.topology import (
    CARRIER,
    DOOR,
    FORWARDER,
    GATEWAY,
    HUB,
    NETWORK,
    RELAY,
    TRANSLATOR,
    Interface,
    Peering,
    Subnet,
    Table,
    Topology,
)

DOWN, UP = 1, -1  # where the channel or the band is
LETTERS_MAX = 32  # of a network's name
COLUMN, NARROW_COLUMN, GUTTER = 146.0, 112.0, 18.0
SUBNET_HEAD, CHIP, CHIP_STEP, CAPTION, SUBNET_GAP = 34.0, 19.0, 23.0, 12.0, 9.0
NETWORK_HEAD, ZONE_ROW, STRIP, NETWORK_WIDTH_MIN = 40.0, 16.0, 22.0, 190.0
NETWORK_GAP, REGION_PAD, REGION_HEAD, STUB, NO_STUB = 22.0, 20.0, 34.0, 44.0, 6.0
BAR, BAR_STEP, LANE, CHANNEL_PAD, LANE_RIGHT = 34.0, 58.0, 20.0, 22.0, 30.0
REGION_GAP, MARGIN, TITLE = 26.0, 18.0, 40.0
STUB_TIP = 27.0
ROW_WIDTH_MAX, MANY_REGIONS, OUTER_PORT = 1120.0, 3, 84.0
CHIPS_MAX, NETWORKS_MAX, CAPTIONS_MAX = 5, 12, 6


@dataclass
class Chip:
    """One interface, or several alike that are counted."""

    label: str
    kind: str
    members: tuple[str, ...]
    x: float = 0.0
    y: float = 0.0  # of its middle


@dataclass
class SubnetBox:
    """A subnet with what is in it."""

    subnet: Subnet
    title: str
    is_public: bool
    chips: list[Chip]
    captions: list[str]
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0

    @property
    def height(self) -> float:
        """As high as what is in it."""
        return SUBNET_HEAD + CHIP_STEP * len(self.chips) + CAPTION * len(self.captions) + 4

    @property
    def gutter(self) -> float:
        """Where ways go up and down beside it."""
        return self.x - GUTTER / 2


@dataclass
class NetworkBox:
    """A network, with a column for each zone."""

    id: str
    title: str
    prefixes: str
    columns: dict[str, list[SubnetBox]]
    column: float
    outer: list[str]  # what stands on its outer side: gateways and services
    inner: list[str] = field(default_factory=list)  # what leaves by its inner side
    faces: int = DOWN
    x: float = 0.0
    y: float = 0.0
    height: float = 0.0

    @property
    def width(self) -> float:
        """As wide as its zones."""
        zones = GUTTER + len(self.columns) * (self.column + GUTTER)
        letters = max(len(self.title), len(self.prefixes) * 0.8)
        title = 2 * GUTTER + 8.2 * min(letters, LETTERS_MAX)
        return max(NETWORK_WIDTH_MIN, zones, title + OUTER_PORT * len(self.outer))

    @property
    def height_needed(self) -> float:
        """As high as its highest column."""
        highest = max((_stacked(boxes) for boxes in self.columns.values()), default=20.0)
        return NETWORK_HEAD + ZONE_ROW + highest + STRIP

    @property
    def inner_edge(self) -> float:
        """The side towards the channel."""
        return self.y + self.height if self.faces == DOWN else self.y

    @property
    def outer_edge(self) -> float:
        """The side away from it."""
        return self.y if self.faces == DOWN else self.y + self.height

    @property
    def inner_strip(self) -> float:
        """Where ways go from column to column, and to the channel."""
        return self.inner_edge - self.faces * STRIP / 2

    @property
    def outer_strip(self) -> float:
        """Where ways go to the gateways."""
        return self.outer_edge + self.faces * (NETWORK_HEAD - 2)

    def subnets(self) -> Iterable[SubnetBox]:
        """All of its subnets."""
        return (box for boxes in self.columns.values() for box in boxes)

    def port(self, key: str) -> tuple[float, float]:
        """Where something leaves it."""
        if key in self.outer:
            return self.x + self.width - OUTER_PORT * (self.outer.index(key) + 0.5), self.outer_edge
        step = self.width / (len(self.inner) + 1)
        return self.x + step * (self.inner.index(key) + 1), self.inner_edge


@dataclass
class Bar:
    """A hub: a bar that what is attached hangs on."""

    id: str
    title: str
    y: float = 0.0  # of its middle
    left: float = 0.0
    right: float = 0.0


@dataclass
class RegionBox:
    """A region."""

    id: str
    faces: int  # where the band is
    rows: dict[int, list[NetworkBox]]  # by where they face
    bars: list[Bar]
    lanes: int
    left_out: str
    detours: int = 0  # ways that leave by its right side
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    channel: float = 0.0  # where it begins

    @property
    def is_open(self) -> bool:
        """Whether the channel is at the region's edge, towards the band."""
        return not self.rows.get(-self.faces)

    @property
    def edge(self) -> float:
        """The side towards the band."""
        return self.y + self.height if self.faces == DOWN else self.y

    @property
    def channel_height(self) -> float:
        """Room for the bars and lanes."""
        if not self.bars and not self.lanes:
            return CHANNEL_PAD if self.is_open else 2 * CHANNEL_PAD
        return 2 * CHANNEL_PAD + LANE * self.lanes + BAR_STEP * len(self.bars)

    def networks(self) -> Iterable[NetworkBox]:
        """All networks that are drawn."""
        return (box for boxes in self.rows.values() for box in boxes)


def _looked_for(topology: Topology) -> dict[str, Peering]:
    """Peerings that join, or that routes lead to all the same."""
    routed = {route.to.id for table in topology.tables.values() for route in table.routes}
    return {name: one for name, one in topology.peerings.items() if one.active or name in routed}


def _links(topology: Topology) -> Iterable[tuple[str, tuple[str, str]]]:
    """Networks that doors lead out of, and those of the relays behind them, by a name for each."""
    for door in topology.doors.values():
        ends = [topology.interfaces.get(one) for one in (door.interface, door.relay)]
        near, far = (one and topology.subnets[one.subnet].network for one in ends)
        if near and far and near != far:
            yield link_name(near, far), (near, far)


def link_name(near: str, far: str) -> str:
    """What the line between two such networks is called."""
    return f"{near} by {far}"


def _stacked(boxes: list[SubnetBox]) -> float:
    return sum(box.height + SUBNET_GAP for box in boxes)


class Layout:
    """The boxes of a topology."""

    def __init__(
        self,
        topology: Topology,
        names: Mapping[str, str],
        wanted: Iterable[str],
        order: Sequence[str] = (),
        *,
        tables: bool = False,
    ) -> None:
        """`wanted` interfaces are shown whatever else is; regions are in the order of `order`."""
        self.topology = topology
        self._order = {name: number for number, name in enumerate(order)}
        self.names = names
        self._wanted = dict.fromkeys(wanted)
        self._tables = tables
        self.peerings = _looked_for(topology)
        self.links = dict(_links(topology))
        regions = self._regions()
        half = len(regions) if len(regions) == 1 else (len(regions) + 1) // 2
        self._column = NARROW_COLUMN if half >= MANY_REGIONS else COLUMN
        room = ROW_WIDTH_MAX / max(half, 1)
        shown = [
            self._region(region, DOWN if number < half else UP, kept, room)
            for number, (region, kept) in enumerate(regions.items())
        ]
        self.rows = [shown[:half], shown[half:]] if shown[half:] else [shown]
        self.regions = {box.id: box for box in shown}
        self.networks = {one.id: one for box in shown for one in box.networks()}
        self.bars = {bar.id: bar for box in shown for bar in box.bars}
        self.chips = {
            member: (box, chip)
            for network in self.networks.values()
            for box in network.subnets()
            for chip in box.chips
            for member in chip.members
        }
        for interface in topology.interfaces.values():
            if interface.of and interface.id in self.chips:
                self.chips.setdefault(interface.of, self.chips[interface.id])
        self.width = 0.0

    def called(self, name: str) -> str:
        """The name of a thing, or else the beginning of its id."""
        found = self.names.get(name) or self.names.get(name.partition("/")[0])
        attachment = self.topology.attachments.get(name)
        if found is None and attachment is not None and attachment.kind == NETWORK:
            return f"{self.called(attachment.of)} to {self.called(attachment.hub)}"
        return found or (name if len(name) <= 22 else f"{name[:19]}…")  # noqa: PLR2004 - letters

    def region_of(self, name: str) -> RegionBox:
        """The region of a network or a hub."""
        topology = self.topology
        found = topology.networks.get(name) or topology.hubs[name]
        return self.regions[found.region]

    # What is shown.

    def _regions(self) -> dict[str, list[str]]:
        """The networks that are drawn, by region: all but those with nothing in them."""
        topology, used = self.topology, dict[str, None]()
        for interface in topology.interfaces.values():
            used[topology.subnets[interface.subnet].network] = None
        for peering in self.peerings.values():
            used.update(dict.fromkeys(peering.networks))
        used.update((one.of, None) for one in topology.attachments.values() if one.kind == NETWORK)
        used.update((one.network, None) for one in topology.private_gateways.values())
        used.update(dict.fromkeys(name for name in topology.networks if name in self.names))
        kept = [name for name in topology.networks if name in used] or list(topology.networks)
        places = {topology.networks[name].region for name in kept}
        places |= {hub.region for hub in topology.hubs.values()}
        return {
            place: sorted(
                (name for name in kept if topology.networks[name].region == place),
                key=lambda name: (self.names.get(name, "~"), name),
            )
            for place in sorted(
                places, key=lambda one: (self._order.get(one, len(self._order)), one)
            )
        }

    def _region(self, region: str, faces: int, kept: list[str], room: float) -> RegionBox:
        topology = self.topology
        shown = self._first(kept)
        boxes = [self._network(name) for name in shown]
        hubs = [hub for hub in topology.hubs.values() if hub.region == region]
        wide = sum(box.width + NETWORK_GAP for box in boxes) > room
        half = (len(boxes) + 1) // 2 if wide and len(boxes) > 1 else len(boxes)
        rows = (
            {faces: boxes[:half]} if half == len(boxes) else {DOWN: boxes[:half], UP: boxes[half:]}
        )
        for side, found in rows.items():
            for box in found:
                box.faces = side
        inside = [
            one for one in topology.peerings.values() if all(name in shown for name in one.networks)
        ]
        every = sum(one.region == region for one in topology.networks.values())
        more = len(kept) - len(shown), every - len(kept)
        words = f"{more[0]} more" * bool(more[0]), f"{more[1]} empty" * bool(more[1])
        left_out = " and ".join(one for one in words if one)
        bars = [Bar(hub.id, self.called(hub.id)) for hub in hubs]
        return RegionBox(region, faces, rows, bars, len(inside), left_out)

    def _first(self, kept: list[str]) -> list[str]:
        """Not more than can be looked at; those of the wanted interfaces are among them."""
        if len(kept) <= NETWORKS_MAX:
            return kept
        topology = self.topology
        wanted = {
            topology.subnets[topology.interfaces[name].subnet].network for name in self._wanted
        }
        first = [name for name in kept if name in wanted]
        rest = [name for name in kept if name not in wanted]
        chosen = {*first, *rest[: max(0, NETWORKS_MAX - len(first))]}
        return [name for name in kept if name in chosen]

    def _network(self, name: str) -> NetworkBox:
        topology = self.topology
        columns: dict[str, list[SubnetBox]] = {}
        found = [one for one in topology.subnets.values() if one.network == name]
        boxes = [self._subnet(subnet) for subnet in found]
        boxes.sort(key=lambda one: (not one.is_public, one.title, one.subnet.id))
        for box in sorted(boxes, key=lambda one: one.subnet.zone):
            columns.setdefault(box.subnet.zone, []).append(box)
        outer = [one.id for one in topology.gateways.values() if one.network == name]
        outer += [one.id for one in topology.services.values() if one.network == name]
        prefixes = "  ".join(topology.networks[name].prefixes)
        return NetworkBox(name, self.called(name), prefixes, columns, self._column, outer)

    def _subnet(self, subnet: Subnet) -> SubnetBox:
        topology = self.topology
        table = topology.tables[subnet.table or topology.networks[subnet.network].table]
        is_public = any(one.to.kind == GATEWAY and not one.blackhole for one in table.routes)
        inside = [one for one in topology.interfaces.values() if one.subnet == subnet.id]
        box = SubnetBox(subnet, self.called(subnet.id), is_public, self._chips(inside), [])
        if self._tables:
            box.captions = self._captions(table)
        return box

    def _chips(self, inside: list[Interface]) -> list[Chip]:
        """One by one where there are few; else those that have names or are wanted, and counts."""
        kinds: dict[str, list[Interface]] = {}
        for one in inside:
            kinds.setdefault(self._kind(one), []).append(one)
        kinds.pop(HUB, None)
        chips: list[Chip] = []
        for kind, found in kinds.items():
            found.sort(
                key=lambda one: (one.id not in self._wanted, one.id not in self.names, one.id)
            )
            few = len(found) <= CHIPS_MAX - len(kinds) + 1
            wanted = sum(one.id in self._wanted for one in found)
            shown = found if few else found[: max(wanted, 2)]
            chips += [Chip(self._label(one), kind, (one.id,)) for one in shown]
            rest = found[len(shown) :]
            if rest:
                chips.append(Chip(f"{len(rest)} more", kind, tuple(one.id for one in rest)))
        return chips

    def _label(self, of: Interface) -> str:
        name = self.names.get(of.id) or self.names.get(of.of)
        relay = self.topology.relays.get(of.id)
        if name is None and relay is not None:
            return relay.of.split("/")[-2:][0]
        return name or of.addresses[0] if of.addresses else self.called(of.id)

    def _kind(self, of: Interface) -> str:
        if of.kind == CARRIER:
            inspects = any(one.interface == of.id for one in self.topology.inspections.values())
            return "inspection" if inspects else HUB
        if of.kind in {FORWARDER, TRANSLATOR, RELAY}:
            return of.kind
        return "endpoint" if of.kind == DOOR or of.of.startswith("vpce-") else "host"

    def _captions(self, table: Table) -> list[str]:
        """The routes of a table, for those who want to see them."""
        lines = []
        for route in table.routes:
            to = "nowhere" if route.blackhole else self.called(route.to.id) or route.to.kind
            if route.to.kind != "local":
                lines.append(f"{self.called(route.name)} → {to}")
        if len(lines) > CAPTIONS_MAX:
            lines = [*lines[: CAPTIONS_MAX - 1], f"{len(lines) - CAPTIONS_MAX + 1} more routes"]
        return lines

    # Where it stands.

    def place(self, top: float, band: float) -> None:
        """Give everything its place; the rows of regions are a band apart."""
        y = top
        for boxes in self.rows:
            for box in boxes:
                self._measure(box)
            height = max((box.height for box in boxes), default=0.0)
            x = MARGIN
            for box in boxes:
                box.height = height
                self._settle(box, x, y)
                x += box.width + REGION_GAP
            self.width = max(self.width, x - REGION_GAP + MARGIN)
            y += height + band
        for boxes in self.rows:
            used = sum(box.width for box in boxes) + REGION_GAP * (len(boxes) - 1)
            aside = (self.width - 2 * MARGIN - used) / 2
            if aside > 0:
                for box in boxes:
                    self._settle(box, box.x + aside, box.y)

    def _measure(self, region: RegionBox) -> None:
        widths = [
            sum(box.width for box in boxes) + NETWORK_GAP * (len(boxes) - 1)
            for boxes in region.rows.values()
        ]
        lane = LANE_RIGHT if region.detours else 0.0
        region.width = max([240.0, *widths]) + 2 * REGION_PAD + lane
        region.height = REGION_HEAD + region.channel_height
        for boxes in region.rows.values():
            stub = STUB if any(box.outer for box in boxes) else NO_STUB
            high = max((box.height_needed for box in boxes), default=0.0)
            for box in boxes:
                box.height = high
            region.height += high + stub
        if not region.is_open:
            region.height += NO_STUB

    def _settle(self, region: RegionBox, x: float, y: float) -> None:
        region.x, region.y = x, y
        lane = LANE_RIGHT if region.detours else 0.0
        at = y + (REGION_HEAD if region.faces == DOWN else 0.0)
        if not region.is_open and region.faces == UP:
            at += NO_STUB
        rows = region.rows
        if DOWN in rows:
            at += STUB if any(box.outer for box in rows[DOWN]) else NO_STUB
            self._row(rows[DOWN], region, at, lane)
            at += max((box.height for box in rows[DOWN]), default=0.0)
        region.channel = at
        for number, bar in enumerate(region.bars):
            bar.y = at + CHANNEL_PAD + LANE * region.lanes + BAR_STEP * (number + 0.5)
        at += region.channel_height
        if UP in rows:
            self._row(rows[UP], region, at, lane)

    def _row(self, boxes: list[NetworkBox], region: RegionBox, y: float, lane: float) -> None:
        used = sum(box.width for box in boxes) + NETWORK_GAP * (len(boxes) - 1)
        x = region.x + (region.width - lane - used) / 2
        for box in boxes:
            box.x, box.y = x, y
            self._fill(box)
            x += box.width + NETWORK_GAP

    @staticmethod
    def _fill(network: NetworkBox) -> None:
        column = (network.width - GUTTER) / max(len(network.columns), 1) - GUTTER
        x = network.x + GUTTER
        head = NETWORK_HEAD if network.faces == DOWN else STRIP
        for boxes in network.columns.values():
            y = network.y + head + ZONE_ROW
            for box in boxes if network.faces == DOWN else boxes[::-1]:
                box.x, box.y, box.width = x, y, column
                for number, chip in enumerate(box.chips):
                    chip.x = x + 7
                    chip.y = y + SUBNET_HEAD + CHIP_STEP * (number + 0.5) - 2
                y += box.height + SUBNET_GAP
            x += column + GUTTER

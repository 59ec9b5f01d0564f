"""A topology as a picture: one SVG with everything in it, nothing fetched.

Regions are boxes, with their networks in them, a column for each zone, the subnets and what is in
these; what is many times alike is counted. Networks hang on the bars of hubs; peerings, tunnels and
links between regions are lines. A walk is a coloured line with numbers, which a list below tells
of; a mark says where it ended. The colours follow the reader's light or dark scheme.
"""

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from antipodes.fabric.network.fabric import Both
from antipodes.fabric.network.measures import measured
from antipodes.fabric.network.topology import Topology
from antipodes.fabric.network.walking import Walk
from antipodes.questions.joins import SITE, SITE_WIDTH, Joins, Wire
from antipodes.questions.layout import (
    BAR,
    CAPTION,
    CHIP,
    CHIP_STEP,
    DOWN,
    MARGIN,
    OUTER_PORT,
    STUB_TIP,
    SUBNET_HEAD,
    Bar,
    Layout,
    NetworkBox,
    RegionBox,
    SubnetBox,
)
from antipodes.questions.networks import names as names_of
from antipodes.questions.trail import INSIDE, Stop, Trail, rounded
from antipodes.questions.walking import way_between
from antipodes.world.world import World

# Of a letter's height, is its width: of most, and of those that differ much, in a wide face.
LETTER, NARROW, WIDE = 0.62, 0.4, 0.9
BOLD = 1.1  # times as wide
LIST_STEP, LABELS_MAX, TITLED = 19.0, 6, 50.0

_STYLE = """
.fabric{--paper:#fff;--ink:#1f2a36;--faint:#66768a;--edge:#cfd8e1;--region:#f6f8fa;--network:#fff;
--public:#e9f5ee;--private:#edf2fa;--chip:#fff;--hub:#f3ecfb;--hub-ink:#7448a8;--line:#8494a6;
--way:#2563c9;--good:#1f8a4c;--bad:#cf2c3a;--warn:#b5701a;--end:#0e7f8c;
font:11px system-ui,-apple-system,"Segoe UI",sans-serif;max-width:100%;height:auto}
@media (prefers-color-scheme:dark){.fabric{--paper:#11161c;--ink:#e4eaf1;--faint:#94a3b4;
--edge:#35414e;--region:#161d25;--network:#1b242e;--public:#1b3327;--private:#1d2b3f;--chip:#141b23;
--hub:#2a2138;--hub-ink:#c3a1f0;--line:#71839a;--way:#6ca8ff;--good:#57c785;--bad:#ff6f7a;
--warn:#e5a64e;--end:#4fc3d0}}
.fabric .paper{fill:var(--paper)} .fabric text{fill:var(--ink)}
.fabric .faint{fill:var(--faint)} .fabric .title{font-size:16px;font-weight:600}
.fabric .name{font-size:12.5px;font-weight:600} .fabric .small{font-size:9.5px}
.fabric .mid{text-anchor:middle}
.fabric .region{fill:var(--region);stroke:var(--edge)}
.fabric .network{fill:var(--network);stroke:var(--line);stroke-width:1.2}
.fabric .public{fill:var(--public)} .fabric .private{fill:var(--private)}
.fabric .chip{fill:var(--chip);stroke:var(--edge)}
.fabric .dot-host{fill:var(--line)} .fabric .dot-forwarder{fill:var(--warn)}
.fabric .dot-translator,.fabric .dot-relay{fill:var(--hub-ink)}
.fabric .dot-endpoint{fill:var(--end)}
.fabric .dot-inspection{fill:var(--bad)}
.fabric .bar{fill:var(--hub);stroke:var(--hub-ink);stroke-width:1.2}
.fabric .hub-text{fill:var(--hub-ink);font-weight:600}
.fabric .wire{fill:none;stroke:var(--line);stroke-width:1.5}
.fabric .attachment,.fabric .far-hub{stroke:var(--hub-ink);opacity:.75}
.fabric .peering{stroke:var(--end)} .fabric .link{stroke:var(--end);stroke-dasharray:7 4}
.fabric .is-down{stroke:var(--bad);stroke-dasharray:3 4}
.fabric .plate{fill:var(--paper);opacity:.86} .fabric .inner-plate{fill:var(--region);opacity:.9}
.fabric .icon{fill:var(--network);stroke:var(--line);stroke-width:1.4}
.fabric .site{fill:var(--network);stroke:var(--warn);stroke-width:1.2}
.fabric .way{fill:none;stroke:var(--way);stroke-width:2.6;stroke-linejoin:round;
stroke-linecap:round}
.fabric .answer{stroke-dasharray:1 5;stroke-width:2.2} .fabric .halo{fill:none;stroke:var(--paper);
stroke-width:5.5;opacity:.75;stroke-linejoin:round}
.fabric .badge{fill:var(--way)}
.fabric .badge-text{fill:var(--paper);font-size:9.5px;font-weight:700;text-anchor:middle}
.fabric .good{fill:var(--good)} .fabric .bad{fill:var(--bad)}
.fabric .mark{fill:none;stroke:var(--paper);stroke-width:2;stroke-linecap:round;
stroke-linejoin:round}
"""


def drawn(
    topology: Topology,
    world: World,
    *,
    walk: Both | None = None,
    caption: str = "",
    tables: bool = False,
) -> str:
    """Return the picture, with a walk on it if there is one, and routes if they are wanted."""
    return "\n".join(_Picture(topology, world, walk, caption, tables=tables).lines()) + "\n"


class _Picture:
    def __init__(
        self, topology: Topology, world: World, walk: Both | None, caption: str, *, tables: bool
    ) -> None:
        self._caption = caption
        self._world = world
        self._walk = walk
        self._topology = topology
        self._layout = Layout(
            topology, names_of(topology), _met(topology, walk), world.regions, tables=tables
        )
        self._joins = Joins(self._layout, TITLED if caption else MARGIN)
        self._there = self._back = None
        if walk is not None:
            self._there = Trail(self._layout, self._joins, walk.there)
            if walk.back is not None and not walk.back.passed:
                self._back = Trail(self._layout, self._joins, walk.back, aside=5.0)

    def lines(self) -> Iterator[str]:
        """The SVG, line by line."""
        list_lines = list(self._list())
        height = self._joins.bottom + MARGIN + LIST_STEP * len(list_lines) + 10 * bool(list_lines)
        width = self._width()
        size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
        title = self._caption or "Networks"
        yield f'<svg xmlns="http://www.w3.org/2000/svg" class="fabric" {size} role="img">'
        yield f"<title>{_escaped(title)}</title><style>{_STYLE}</style>"
        yield f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>'
        if self._caption:
            yield _text(MARGIN, 32, title, "title", width - 2 * MARGIN, 16)
        for region in self._layout.regions.values():
            yield from self._region(region)
        for wire in self._joins.wires.values():
            yield _path(wire.points, f"wire {wire.kind.replace(' ', '-')}", up=wire.is_up)
        for region in self._layout.regions.values():
            for bar in region.bars:
                yield from self._bar(bar)
            for network in region.networks():
                yield from self._network(network)
        yield from self._sites()
        yield from self._labels()
        yield from self._trails()
        y = self._joins.bottom + MARGIN + 16
        for number, line in enumerate(list_lines):
            yield f'<g transform="translate(0 {y + LIST_STEP * number:.1f})">{line}</g>'
        yield "</svg>"

    def _width(self) -> float:
        return max(self._layout.width, 680.0 if self._walk is not None else 320.0)

    # What is there.

    def _region(self, region: RegionBox) -> Iterator[str]:
        yield _rect(region.x, region.y, region.width, region.height, "region", 10)
        y = region.y + 22 if region.faces == DOWN else region.y + region.height - 12
        known = self._world.atlas.region(region.id).name if region.id in self._known() else ""
        more = f" · {region.left_out} not shown" if region.left_out else ""
        if len(region.id) * 7.5 + len(known + more) * 6.2 + 40 > region.width:
            more = ""
        yield (
            f'<text x="{region.x + 16:.1f}" y="{y:.1f}"><tspan class="name">{_escaped(region.id)}'
            f'</tspan><tspan class="faint" dx="8">{_escaped(known + more)}</tspan></text>'
        )

    def _known(self) -> dict[str, None]:
        return dict.fromkeys(one.code for one in self._world.atlas.regions)

    def _network(self, network: NetworkBox) -> Iterator[str]:
        yield _rect(network.x, network.y, network.width, network.height, "network", 7)
        down = network.faces == DOWN
        y = network.y + 18 if down else network.y + network.height - 22
        room = network.width - 24 - OUTER_PORT * len(network.outer)
        yield _text(network.x + 12, y, network.title, "name", room, 12.5, network.id)
        yield _text(network.x + 12, y + 14, network.prefixes, "faint small", room, 9.5)
        for zone, boxes in network.columns.items():
            first = boxes[0]
            name = zone.rpartition("/")[2]
            middle = first.x + first.width / 2
            yield _text(middle, first.y - 5, name, "faint small mid", first.width, 9.5)
            for box in boxes:
                yield from self._subnet(box)
        for key in network.outer:
            yield from self._outer(network, key)
        for key in network.inner:
            if key in self._topology.private_gateways:
                x, edge = network.port(key)
                yield f'<circle class="icon" cx="{x:.1f}" cy="{edge:.1f}" r="6"/>'
                at = edge + (12 if down else -6)
                yield _text(x + 10, at, self._layout.called(key), "faint small", 110, 9.5)

    def _subnet(self, box: SubnetBox) -> Iterator[str]:
        kind = "public" if box.is_public else "private"
        yield _rect(box.x, box.y, box.width, box.height, kind, 4)
        room = box.width - 14
        yield _text(box.x + 7, box.y + 14, box.title, "", room, 11, box.subnet.id)
        prefixes = "  ".join(box.subnet.prefixes)
        yield _text(box.x + 7, box.y + 26, prefixes, "faint small", room, 9.5)
        ended = self._ended()
        for chip in box.chips:
            yield _rect(chip.x, chip.y - CHIP / 2, room, CHIP, "chip", 9)
            dot = f'cx="{chip.x + 10:.1f}" cy="{chip.y:.1f}" r="3.2"'
            yield f'<circle class="dot-{chip.kind}" {dot}/>'
            shown = ", ".join(chip.members[:8])
            free = room - (42 if ended & set(chip.members) else 24)
            yield _text(chip.x + 19, chip.y + 3.6, chip.label, "", free, 10.5, shown)
        y = box.y + SUBNET_HEAD + CHIP_STEP * len(box.chips) + 6
        for number, caption in enumerate(box.captions):
            yield _text(box.x + 7, y + CAPTION * number, caption, "faint small", room, 9)

    def _ended(self) -> set[str]:
        """Where marks stand: an answer that came has none."""
        if self._walk is None:
            return set()
        there, back = self._walk
        return {one.end.hop.id for one in (there, back) if one and (one is there or not one.passed)}

    def _outer(self, network: NetworkBox, key: str) -> Iterator[str]:
        """What stands on the side of a network: a gateway with its way out, or a service."""
        x, edge = network.port(key)
        out = -network.faces
        gateway = self._topology.gateways.get(key)
        if gateway is None:
            yield _rect(x - 6, edge - 6, 12, 12, "icon", 3, key)
            y = edge + (out * 12 if out < 0 else 20)
            yield _text(x, y, self._layout.called(key), "faint small mid", OUTER_PORT, 9.5)
            return
        tip = edge + out * STUB_TIP
        yield f'<path class="wire" d="M{x:.1f} {edge:.1f}V{tip:.1f}"/>'
        yield (
            f'<path class="wire" d="M{x - 4:.1f} {tip - out * 5:.1f}L{x:.1f} {tip:.1f}'
            f'L{x + 4:.1f} {tip - out * 5:.1f}"/>'
        )
        where = f'cx="{x:.1f}" cy="{edge:.1f}" r="6.5"'
        yield f'<circle class="icon" {where}><title>{_escaped(key)}</title></circle>'
        y = tip + (-12 if out < 0 else 19)
        words = "out only" if gateway.egress_only else "internet"
        yield _text(x, y, words, "faint small mid", 60, 9.5)

    def _bar(self, bar: Bar) -> Iterator[str]:
        yield _rect(bar.left, bar.y - BAR / 2, bar.right - bar.left, BAR, "bar", BAR / 2, bar.id)
        yield _text(bar.left + 16, bar.y + 4, bar.title, "hub-text", bar.right - bar.left - 30, 11)

    def _sites(self) -> Iterator[str]:
        for site in self._joins.sites.values():
            yield _rect(site.x, site.y, SITE_WIDTH, SITE, "site", 6, site.id)
            yield _text(site.x + 22, site.y + 19, site.title, "name", SITE_WIDTH - 30, 12)
            yield _text(
                site.x + 22, site.y + 34, site.prefixes, "faint small", SITE_WIDTH - 30, 9.5
            )

    def _labels(self) -> Iterator[str]:
        """Names of peerings, and distances of what joins regions, where there is room."""
        wires = [one for one in self._joins.wires.values() if one.kind in {"peering", "far hub"}]
        far = [one for one in wires if self._distance(one)]
        for wire in wires:
            distance = self._distance(wire)
            if distance and len(far) > LABELS_MAX:
                continue
            named = self._layout.names.get(wire.id, "")
            words = " · ".join(one for one in (named, distance) if one)
            if words:
                (x, y), is_level = wire.middle, wire.is_level
                long = _wide(words, 9.5)
                x, y = (x - long / 2, y - 11) if is_level else (x + 12, y + 3.4)
                plate = "plate" if distance else "inner-plate"
                yield _rect(x - 3, y - 10, long + 6, 13, plate, 6)
                yield _text(x, y, words, "faint small", long + 9, 9.5, wire.id)

    def _distance(self, wire: Wire) -> str:
        regions = [self._layout.region_of(name).id for name in wire.ends]
        known = self._known()
        if regions[0] == regions[1] or any(one not in known for one in regions):
            return ""
        return f"{self._world.rtt_ms(*regions):.0f} ms there and back"

    # The walk.

    def _trails(self) -> Iterator[str]:
        if self._walk is None or self._there is None:
            return
        for trail, kind in ((self._there, "way"), (self._back, "way answer")):
            if trail is not None:
                yield f'<path class="halo" d="{rounded(trail.points)}"/>'
                yield f'<path class="{kind}" d="{rounded(trail.points)}"/>'
        been: dict[tuple[float, float], int] = {}
        for stop in self._there.stops:
            again = been[stop.at] = been.get(stop.at, -1) + 1
            yield from _badge(stop.number, stop.at[0] + 16 * again, stop.at[1])
        walk, back = self._walk
        if self._there.end is not None:
            yield from self._end(self._there, walk)
        if self._back is not None and back is not None and self._back.end is not None:
            yield from self._end(self._back, back)

    def _end(self, trail: Trail, walk: Walk) -> Iterator[str]:
        assert trail.end is not None, "asked before"
        x, y = trail.end
        kind, name = walk.end.hop.kind, walk.end.hop.id
        if name in self._layout.chips:
            box, chip = self._layout.chips[name]
            x, y = chip.x + box.width - 24, chip.y
        elif name in self._joins.sites:
            site = self._joins.sites[name]
            x, y = site.x + SITE_WIDTH - 14, site.y + 15
        elif walk.passed or kind not in INSIDE:
            x += 17
        yield from _mark(x, y, good=walk.passed)

    def _list(self) -> Iterator[str]:
        """What the numbers stand for, and how it ended."""
        if self._walk is None or self._there is None:
            return
        for stop in self._there.stops:
            yield "".join(_badge(stop.number, MARGIN + 10, -4)) + self._told(stop)
        for words, walk in (("there", self._walk.there), ("back", self._walk.back)):
            if walk is None:
                continue
            kind = "good" if walk.passed else "bad"
            hop = walk.end.hop
            measures = measured(walk.steps, way_between(self._world))
            long = f"{measures.latency_ms:.3g} ms, MTU {measures.mtu}"
            at = f", at {hop.kind} {self._layout.called(hop.id)}" if not walk.passed else ""
            room = self._width() - 2 * MARGIN - 28 - _wide(long, 12.5)
            ended = _cut(f"{words}: {walk.end.outcome}{at}", room, 12.5 * BOLD)
            yield (
                "".join(_mark(MARGIN + 10, -4, good=walk.passed))
                + f'<text x="{MARGIN + 28:.0f}" class="name {kind}" '
                f'style="fill:var(--{kind})">{_escaped(ended)}'
                f'<tspan class="faint" font-weight="400" dx="8">{long}</tspan></text>'
            )

    def _told(self, stop: Stop) -> str:
        called, notes = self._layout.called(stop.id), "; ".join(stop.notes)
        _, chip = self._layout.chips.get(stop.id, (None, None))
        if chip is not None and chip.members == (stop.id,):
            called = chip.label
        room = self._width() - 2 * MARGIN - 40 - _wide(stop.kind, 11)
        called = _cut(called, room, 11 * BOLD)
        notes = _cut(notes, room - _wide(called, 11 * BOLD), 11)
        return (
            f'<text x="{MARGIN + 28:.0f}">{_escaped(stop.kind)} '
            f'<tspan font-weight="600">{_escaped(called)}</tspan>'
            f'<tspan class="faint" dx="8">{_escaped(notes)}</tspan></text>'
        )


def _met(topology: Topology, walk: Both | None) -> Iterator[str]:
    """The interfaces that a walk comes to."""
    for one in walk or ():
        for step in one.steps if one is not None else ():
            if step.hop.id in topology.interfaces:
                yield step.hop.id


def _text(  # noqa: PLR0913, PLR0917 - where, what and how
    x: float, y: float, words: str, kind: str, room: float, size: float, full: str = ""
) -> str:
    """Words, cut off where there is no room for more."""
    is_bold = kind in {"name", "title", "hub-text"}
    shown = _cut(words, room, size * BOLD if is_bold else size)
    title = f"<title>{_escaped(full or words)}</title>" if full or shown != words else ""
    called = f' class="{kind}"' if kind else ""
    return f'<text{called} x="{x:.1f}" y="{y:.1f}">{title}{_escaped(shown)}</text>'


def _wide(words: str, size: float) -> float:
    """How much room words take."""
    narrow, wide = (sum(map(words.count, some)) for some in ("fijlrt.,:;|'!()/ -", "mwMW@%…→"))
    beyond = sum(one > "\u2e80" for one in words)
    most = len(words) - narrow - wide - beyond
    return size * (most * LETTER + narrow * NARROW + wide * WIDE + beyond)


def _cut(words: str, room: float, size: float) -> str:
    """As many of the letters as there is room for."""
    if _wide(words, size) <= room:
        return words
    most = next((n for n in range(len(words), 2, -1) if _wide(f"{words[:n]}…", size) <= room), 2)
    return f"{words[:most].rstrip()}…"


def _escaped(words: str) -> str:
    """Words as they stand in XML, which has no control characters."""
    return escape(re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", " ", words))


def _rect(  # noqa: PLR0913, PLR0917 - where, how large and how
    x: float, y: float, width: float, height: float, kind: str, radius: float, full: str = ""
) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}"'
    inside = f"><title>{_escaped(full)}</title></rect>" if full else "/>"
    return f'<rect class="{kind}" {size}{inside}'


def _path(points: tuple[tuple[float, float], ...], kind: str, *, up: bool) -> str:
    down = "" if up else " is-down"
    return f'<path class="{kind}{down}" d="{rounded(list(points))}"/>'


def _badge(number: int, x: float, y: float) -> Iterator[str]:
    """A number in a circle."""
    yield f'<g transform="translate({x:.1f} {y:.1f})"><circle class="badge" r="7.5"/>'
    yield f'<text class="badge-text" y="3.4">{number}</text></g>'


def _mark(x: float, y: float, *, good: bool) -> Iterator[str]:
    """A tick, or a cross."""
    shape = "M-3.4 .4L-.9 3L3.6 -2.6" if good else "M-3 -3L3 3M3 -3L-3 3"
    kind = "good" if good else "bad"
    yield f'<g transform="translate({x:.1f} {y:.1f})"><circle class="{kind}" r="8"/>'
    yield f'<path class="mark" d="{shape}"/></g>'

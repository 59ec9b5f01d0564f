"""The report: one HTML file with everything in it, no script, nothing fetched.

A timeline for each city (every request a dot: height is latency, colour is who served, a cross is
one that was not), the fault shaded, the replication lag below, and the verdict with its figures and
what every oracle saw.
"""

import html
import math
from typing import Any

from antipodes.drills import evidence
from antipodes.drills.history import History, Operation
from antipodes.drills.model import Drill
from antipodes.drills.verdict import Judgement

WIDTH, LEFT, RIGHT = 1060, 130, 20
ROW, GAP = 110, 16
MARKS_MAX = 14
STEPS_S = (5, 10, 30, 60, 120, 300, 600, 3600, 86_400, 1_000_000_000)
_COLOURS = ("#2f7ed8", "#e07b28", "#3aa05a", "#8e5bc0", "#c0a02f", "#4bb6c0")
_MISSED = "#d0202f"
_VERDICT_COLOURS = evidence.COLOURS

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1c2733;max-width:1100px;margin:24px auto;
padding:0 16px}
h1{margin:0 0 4px;font-size:26px} h2{font-size:17px;margin:26px 0 8px} .sub{color:#5b6b7b}
.badge{color:#fff;border-radius:6px;padding:3px 12px;font-weight:600;margin-left:10px;
font-size:17px}
.cards{display:flex;gap:12px;flex-wrap:wrap;margin:18px 0}
.card{border:1px solid #d8e0e8;border-radius:8px;padding:10px 16px;min-width:130px}
.card b{display:block;font-size:22px} .card span{color:#5b6b7b;font-size:13px}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:5px 10px;border-bottom:1px solid #e4eaf0}
th{color:#5b6b7b;font-weight:600;font-size:13px}
svg text{font:12px system-ui,sans-serif;fill:#5b6b7b}
.split{display:flex;gap:24px} .split>div{flex:1}
.key{display:inline-block;width:11px;height:11px;border-radius:50%;margin:0 5px 0 14px}
"""


def render(drill: Drill, history: History, judgement: Judgement) -> str:
    """Return the whole document."""
    figures = judgement.figures
    colour = _VERDICT_COLOURS[judgement.verdict]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{html.escape(drill.name)}: {judgement.verdict}</title><style>{_STYLE}</style>",
        f"<h1>{html.escape(drill.name)}",
        f'<span class=badge style="background:{colour}">{judgement.verdict}</span></h1>',
        f"<div class=sub>{html.escape(drill.description)}",
        f"Seed {figures['seed']}, speed {figures['speed']:g}; times are the world's.</div>",
        _cards(judgement),
        _legend(drill),
        _timeline(drill, history),
        "<h2>Expectations</h2>",
        _expectations(judgement),
        "<h2>Cities</h2>",
        _cities(drill, judgement),
        evidence.render(judgement),
        "<h2>What happened</h2>",
        _moments(history),
        _lost(judgement),
        "</html>",
    ]
    return "\n".join(parts)


def _cards(judgement: Judgement) -> str:
    figures = judgement.figures
    rto, rpo = figures["rto_s"], figures["rpo"]
    share = figures["availability"]
    cards = [
        ("never" if rto is None else f"{rto:.1f} s", "RTO, slowest city"),
        (f"{rpo['writes_unreplicated']}", f"RPO, writes (oldest {rpo['oldest_age_s']:g} s)"),
        (f"{figures['writes_lost']}", f"lost of {figures['writes_acknowledged']} acknowledged"),
        (evidence.seconds(figures["staleness_s"]["p99"]), _read_ages(figures)),
        ("-" if share is None else f"{share:.2%}", f"served of {figures['requests']} requests"),
    ]
    if figures["cost_usd"] is not None:
        cards.append((f"{figures['cost_usd'] * 1e3:.3f} $", "for traffic, a thousand such runs"))
    inner = "".join(
        f"<div class=card><b>{value}</b><span>{name}</span></div>" for value, name in cards
    )
    return f"<div class=cards>{inner}</div>"


def _read_ages(figures: dict[str, Any]) -> str:
    return f"age of what was read, p99 ({figures['stale_reads']} stale)"


def _colour_of(drill: Drill, region: str) -> str:
    regions = drill.world.regions
    if region not in regions:
        return "#8a97a5"
    return _COLOURS[regions.index(region) % len(_COLOURS)]


def _legend(drill: Drill) -> str:
    keys = [
        f'<span class=key style="background:{_colour_of(drill, region)}"></span>{region}'
        for region in drill.world.regions
    ]
    keys.append(f'<span class=key style="background:{_MISSED}"></span>not served')
    return f"<div class=sub>served by {''.join(keys)}</div>"


def _x(drill: Drill, at_s: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, at_s / drill.duration_s))


def _timeline(drill: Drill, history: History) -> str:
    rows = len(drill.load.cities) + 1
    height = 34 + rows * (ROW + GAP) + 26
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" width="100%" role="img">']
    parts += _shades(drill, height)
    highest = max((o.latency_ms for o in history.operations if o.outcome == "ok"), default=1.0)
    top = 34.0
    for city in drill.load.cities:
        operations = [o for o in history.operations if o.city == city]
        parts += _city_row(drill, city, operations, top, highest)
        top += ROW + GAP
    parts += _lag_row(drill, history, top)
    parts += _axis(drill, top + ROW + 18)
    parts.append("</svg>")
    return "".join(parts)


def _shades(drill: Drill, height: float) -> list[str]:
    parts = []
    healing = [event.phase for event in drill.timeline if event.heal]
    for number, (name, start, end) in enumerate(drill.phases()):
        x, width = _x(drill, start), _x(drill, end) - _x(drill, start)
        if number > 0 and name not in healing:
            parts.append(
                f'<rect x="{x:.1f}" y="22" width="{width:.1f}" height="{height - 48:.0f}" '
                'fill="#d0202f" opacity="0.07"/>'
            )
        parts.append(f'<text x="{x + 4:.1f}" y="14">{html.escape(name)}</text>')
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{height - 26:.0f}" '
            'stroke="#b8c4d0" stroke-dasharray="3 3"/>'
        )
    return parts


def _height(latency_ms: float, highest: float) -> float:
    """Logarithmic from 1 ms to the highest."""
    return math.log10(max(1.0, latency_ms)) / math.log10(max(10.0, highest))


def _base_line(y: float) -> str:
    ends = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.0f}" y2="{y:.0f}"'
    return f'<line {ends} stroke="#d8e0e8"/>'


def _city_row(
    drill: Drill, city: str, operations: list[Operation], top: float, highest: float
) -> list[str]:
    base = top + ROW
    parts = [
        (
            f'<text x="0" y="{top + 16:.0f}" style="font-weight:600;fill:#1c2733">'
            f"{html.escape(city)}</text>"
        ),
        _base_line(base),
    ]
    for mark in (10.0, 100.0, 1000.0):
        if mark <= highest:
            y = base - _height(mark, highest) * (ROW - 8)
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                'stroke="#eef2f6"/>'
                f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{mark:g} ms</text>'
            )
    return [*parts, *_marks(drill, operations, base, highest)]


def _marks(drill: Drill, operations: list[Operation], base: float, highest: float) -> list[str]:
    """A dot for each request that was served, a cross for each that was not; a path per colour."""
    dots: dict[str, list[str]] = {}
    crosses = []
    for operation in operations:
        x = _x(drill, operation.start_s)
        if operation.outcome == "ok":
            y = base - _height(operation.latency_ms, highest) * (ROW - 8)
            colour = _colour_of(drill, operation.served_by)
            dots.setdefault(colour, []).append(f"M{x:.1f} {y:.1f}h0")
        else:
            crosses.append(f"M{x - 3:.1f} {base - 7:.1f}l6 6m0-6l-6 6")
    parts = [
        f'<path d="{"".join(path)}" stroke="{colour}" stroke-width="4.4" stroke-linecap="round"/>'
        for colour, path in dots.items()
    ]
    if crosses:
        parts.append(f'<path d="{"".join(crosses)}" stroke="{_MISSED}" fill="none"/>')
    return parts


def _lag_row(drill: Drill, history: History, top: float) -> list[str]:
    base = top + ROW
    most = max((sample.lag_s for sample in history.lags), default=0.0)
    parts = [
        f'<text x="0" y="{top + 16:.0f}" style="font-weight:600;fill:#1c2733">replication</text>',
        f'<text x="0" y="{top + 32:.0f}">oldest entry that</text>',
        f'<text x="0" y="{top + 47:.0f}">is not there yet</text>',
        f'<text x="{LEFT - 8}" y="{top + 12:.0f}" text-anchor="end">{most:.1f} s</text>',
        _base_line(base),
    ]
    ways = sorted({(sample.source, sample.destination) for sample in history.lags})
    for source, destination in ways:
        points = " ".join(
            f"{_x(drill, s.at_s):.1f},{base - (ROW - 10) * s.lag_s / max(0.1, most):.1f}"
            for s in history.lags
            if (s.source, s.destination) == (source, destination)
        )
        title = html.escape(f"{source} to {destination}")
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{_colour_of(drill, source)}" '
            f'stroke-width="1.5"><title>{title}</title></polyline>'
        )
    return parts


def _axis(drill: Drill, y: float) -> list[str]:
    step = next(s for s in STEPS_S if drill.duration_s / s <= MARKS_MAX)
    return [
        f'<text x="{_x(drill, at):.1f}" y="{y:.0f}" text-anchor="middle">{at:g} s</text>'
        for at in range(0, int(drill.duration_s) + 1, step)
    ]


def _expectations(judgement: Judgement) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(f.expectation)}<td>{html.escape(f.wanted)}"
        f"<td>{html.escape(f.found)} {html.escape(f.witness)}"
        f'<td style="color:{_VERDICT_COLOURS[f.verdict]};font-weight:600">{f.verdict}</tr>'
        for f in judgement.findings
    )
    return f"<table><tr><th>expected<th>wanted<th>found<th>verdict</tr>{rows}</table>"


def _cities(drill: Drill, judgement: Judgement) -> str:
    figures = judgement.figures
    recoveries = figures["rto_s_by_phase"]
    rows = []
    for city in drill.load.cities:
        latency, share = figures["latency_ms"][city], figures["availability_by_city"][city]
        cells = [
            city,
            "-" if share is None else f"{share:.2%}",
            *(_recovery(by_city[city]) for by_city in recoveries.values()),
            *("-" if latency[p] is None else f"{latency[p]:.0f} ms" for p in ("p50", "p99")),
        ]
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in cells) + "</tr>")
    heads = ["city", "served", *(f"RTO of {phase}" for phase in recoveries), "p50", "p99"]
    head = "".join(f"<th>{html.escape(name)}" for name in heads)
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _recovery(rto_s: float | None) -> str:
    return "never" if rto_s is None else f"{rto_s:.1f} s"


def _moments(history: History) -> str:
    rows = "".join(
        f"<tr><td>{moment.at_s:.1f} s<td>{html.escape(moment.phase)}"
        f"<td>{html.escape(moment.what)}</tr>"
        for moment in history.moments
    )
    return f"<table><tr><th>at<th>phase<th>what</tr>{rows}</table>"


def _lost(judgement: Judgement) -> str:
    keys = judgement.figures["lost_keys"]
    if not keys:
        return ""
    return f"<h2>Lost writes</h2><p>{', '.join(html.escape(key) for key in keys)}</p>"

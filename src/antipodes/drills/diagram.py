"""A space-time diagram of what went wrong: one SVG file with everything in it, nothing fetched.

Places stand side by side (people's cities, edge locations, regions), time goes down, a message is
an arrow from where and when it was sent to where and when it arrived (Lamport, 1978; Maelstrom
draws such diagrams of its runs). Time is not to scale (see `spacetime.py`); the axis has the true
times, in seconds of the drill.

Calls are bars at their cities, with numbers that the table below explains; those that show the
violation stand out. A host that is down has a dotted line, one that is paused is shaded; so is what
a fault covers. A message that took much longer than others on its way is dashed, with its delay.
The colours follow the reader's light or dark scheme.
"""

import math
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from antipodes.drills.history import Operation, Outcome
from antipodes.drills.simulated import Simulated
from antipodes.drills.spacetime import (
    COLUMN,
    GROUPS,
    LEFT,
    TOP,
    Spacetime,
    city_of,
    group_of,
    lay_out,
)
from antipodes.drills.witness import HOST_KINDS, relevant, told, violation
from antipodes.runtime.messages import Message
from antipodes.world import faults
from antipodes.world.places import covers, top_of

MESSAGES_MAX = 150
RIGHT, BOTTOM_ROW = 420.0, 19.0
TICK_PX_MIN, NOTE_PX_MIN, LABEL_PX_MIN = 17.0, 14.0, 11.0
LATE_S_MIN, LATE_TIMES = 0.05, 3.0
TEXT_MAX = 66
LETTER_PX = 5.6
STRIPE = 26.0  # half the width of what a fault shades

Column = tuple[float, str, Callable[[Operation], str]]  # of the table: where, its name, its text

_STYLE = """
.lamport{--paper:#fff;--ink:#1c2733;--faint:#5b6b7b;--rule:#d5dde5;--own:#c2410c;--ask:#2563b8;
--copy:#2f8a55;--bad:#d0202f;--warn:#b7791f;font:12px system-ui,sans-serif}
@media (prefers-color-scheme:dark){.lamport{--paper:#12181f;--ink:#e6edf3;--faint:#93a1b0;
--rule:#303b47;--own:#ff9255;--ask:#6cb0ff;--copy:#63cf8f;--bad:#ff6b74;--warn:#e3b341}}
.paper{fill:var(--paper)} text{fill:var(--ink)} .faint{fill:var(--faint)}
.title{font-size:17px;font-weight:600} .head{font-weight:600} .own-text{fill:var(--own)}
.bad-text{fill:var(--bad)} .small{font-size:10.5px}
.life{stroke:var(--faint);stroke-width:1.4}
.down{stroke:var(--rule);stroke-width:1.4;stroke-dasharray:2 5}
.rule{stroke:var(--rule);stroke-width:1}
.lead{stroke:var(--rule);stroke-width:1;stroke-dasharray:1 4}
.arrow{fill:none;stroke-width:1.3} .own{stroke:var(--own);stroke-width:2} .ask{stroke:var(--ask)}
.copy{stroke:var(--copy)} .reset{stroke:var(--bad)} .late{stroke-dasharray:6 4}
.tip-own{fill:var(--own)} .tip-ask{fill:var(--ask)} .tip-copy{fill:var(--copy)}
.tip-reset{fill:var(--bad)}
.bar{fill:var(--ask);opacity:.55} .bar-own{fill:var(--own);opacity:.9}
.badge{fill:var(--paper);stroke:var(--ask);stroke-width:1.3} .badge-own{stroke:var(--own)}
.cross{stroke:var(--bad);stroke-width:2.6} .paused{fill:var(--warn);opacity:.3}
.cut{fill:var(--bad);opacity:.11} .slow{fill:var(--warn);opacity:.11}
.plate{fill:var(--paper);opacity:.8}
"""


def render(simulated: Simulated, *, messages_max: int = MESSAGES_MAX) -> str:
    """Return the diagram of a run that kept its messages."""
    seen = violation(simulated)
    messages = relevant(simulated, seen, messages_max)
    picture = lay_out(simulated, seen, messages)
    calls = sorted([*seen.own, *seen.neighbours], key=lambda o: o.start_s)
    width = picture.right + RIGHT
    height = picture.bottom + 64 + BOTTOM_ROW * (len(calls) + 1)
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lamport" {size} role="img">',
        f"<title>{_text(simulated.drill.name, 200)}, seed {simulated.seed}</title>",
        f"<style>{_STYLE}</style><defs>{_tips()}</defs>",
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
        *_title(picture),
        *_heads(picture),
        *_spans(picture),
        *_axis(picture),
        *_lives(picture),
        *_bars(picture, calls),
        *_arrows(picture),
        *_notes(picture),
        *_endings(picture),
        *_table(picture, calls),
        "</svg>",
    ]
    return "\n".join(parts)


def _title(picture: Spacetime) -> list[str]:
    simulated, finding = picture.simulated, picture.seen.finding
    said = "nothing failed"
    if finding is not None:
        said = f"{finding.expectation}: wanted {finding.wanted}, found {finding.found}"
        said += f" ({finding.witness})" if finding.witness else ""
    name = f"{_text(simulated.drill.name, 60)}, seed {simulated.seed}"
    kind = "bad-text" if finding else "faint"
    return [
        f'<text class="title" x="16" y="28">{name}</text>',
        f'<text class="{kind}" x="16" y="48">{_text(said, 140)}</text>',
    ]


def _heads(picture: Spacetime) -> list[str]:
    """The places, and what they are."""
    parts = []
    for place in picture.columns:
        name = place.partition("/")[2] or place
        parts.append(
            f'<text class="head" x="{picture.x(place):.1f}" y="{TOP - 14:.0f}" '
            f'text-anchor="middle">{_text(name, 22)}</text>'
        )
    groups = dict.fromkeys(group_of(place) for place in picture.columns)
    for group in groups:
        members = [picture.x(place) for place in picture.columns if group_of(place) == group]
        left, right = min(members) - COLUMN / 2 + 10, max(members) + COLUMN / 2 - 10
        parts.append(
            f'<line class="rule" x1="{left:.1f}" x2="{right:.1f}" y1="80" y2="80"/>'
            f'<text class="faint" x="{(left + right) / 2:.1f}" y="74" text-anchor="middle">'
            f"{GROUPS[group]}</text>"
        )
    return parts


def _tips() -> str:
    return "".join(
        f'<marker id="tip-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path class="tip-{kind}" d="M0 .8 8 4 0 7.2z"/></marker>'
        for kind in ("own", "ask", "copy", "reset")
    )


def _axis(picture: Spacetime) -> list[str]:
    parts, last = [], -math.inf
    for at_s, y in zip(picture.instants, picture.rows, strict=True):
        if y - last >= TICK_PX_MIN:
            last = y
            parts.append(
                f'<line class="rule" x1="{LEFT - 20:.0f}" x2="{picture.right:.1f}" y1="{y:.1f}" '
                f'y2="{y:.1f}" opacity=".5"/><text class="faint small" x="{LEFT - 26:.0f}" '
                f'y="{y + 4:.1f}" text-anchor="end">{at_s:.3f} s</text>'
            )
    return parts


# Hosts and faults.


def _lives(picture: Spacetime) -> list[str]:
    parts = []
    for place in picture.columns:
        x = picture.x(place)
        parts.append(
            f'<line class="down" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP:.1f}" '
            f'y2="{picture.bottom:.1f}"/>'
        )
        parts += [
            f'<line class="life" x1="{x:.1f}" x2="{x:.1f}" y1="{picture.y(a):.1f}" '
            f'y2="{picture.y(b):.1f}"/>'
            for a, b in picture.ups(place)
            if a < picture.seen.end_s and b > picture.seen.begin_s
        ]
        parts += [_cross(x, picture.y(at_s), 8) for at_s in picture.ends(place)]
        for a, b in picture.pauses(place):
            top, bottom = picture.y(a), picture.y(b)
            if bottom > top:
                parts.append(
                    f'<rect class="paused" x="{x - 9:.1f}" y="{top:.1f}" width="18" '
                    f'height="{bottom - top:.1f}"/>'
                )
    return parts


def _cross(x: float, y: float, size: float) -> str:
    return (
        f'<path class="cross" d="M{x - size:.1f} {y - size:.1f} {x + size:.1f} {y + size:.1f}'
        f'M{x - size:.1f} {y + size:.1f} {x + size:.1f} {y - size:.1f}"/>'
    )


def _spans(picture: Spacetime) -> list[str]:
    """What faults cover, while they are there."""
    started = picture.simulated.load_started
    healed = {
        entry["handle"]: entry["at"] - started
        for entry in picture.simulated.entries
        if entry["kind"] == "heal" and "handle" in entry
    }
    parts = []
    for entry in picture.simulated.entries:
        if entry["kind"] != "fault":
            continue
        top = picture.y(entry["at"] - started)
        bottom = picture.y(healed.get(entry["handle"], math.inf))
        columns = _covered(picture, entry["fault"])
        if bottom > top and columns:
            kind = "cut" if entry["fault"].get("kind") in {"cut-link", "dark-place"} else "slow"
            parts += [
                f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                f'height="{bottom - top:.1f}"/>'
                for left, right in _stripes(columns)
            ]
    return parts


def _stripes(columns: list[float]) -> list[tuple[float, float]]:
    """What is shaded: the way between two neighbours whole, else each column by itself."""
    ordered = sorted(dict.fromkeys(columns))
    if len(ordered) == 2 and ordered[1] - ordered[0] <= COLUMN:  # noqa: PLR2004 - a way has two ends
        return [(ordered[0] - STRIPE, ordered[1] + STRIPE)]
    return [(x - STRIPE, x + STRIPE) for x in ordered]


def _covered(picture: Spacetime, fault: dict[str, Any]) -> list[float]:
    """The columns that a fault is about."""
    ends = [str(fault[name]) for name in ("place", "a", "b") if name in fault]
    return [
        picture.x(place)
        for place in picture.columns
        for end in ends
        if end != "*" and (covers(end, place) or top_of(end) == place)
    ]


# Calls and messages.


def _bars(picture: Spacetime, calls: list[Operation]) -> list[str]:
    parts = []
    for number, operation in enumerate(calls, start=1):
        own = "-own" if operation in picture.seen.own else ""
        x, top = picture.x(city_of(operation)), picture.y(operation.start_s)
        bottom = max(picture.y(operation.end_s), top + 5)
        parts.append(
            f'<rect class="bar{own}" x="{x - 5:.1f}" y="{top:.1f}" width="10" '
            f'height="{bottom - top:.1f}" rx="3"/>'
        )
        if operation.outcome is not Outcome.OK:
            parts.append(_cross(x, bottom, 5))
        middle = (top + bottom) / 2
        parts.append(
            f'<circle class="badge badge{own}" cx="{x - 20:.1f}" cy="{middle:.1f}" r="9"/>'
            f'<text class="small" x="{x - 20:.1f}" y="{middle + 4:.1f}" text-anchor="middle">'
            f"{number}</text>"
        )
    return parts


def _arrows(picture: Spacetime) -> list[str]:
    usual = _usual(picture.simulated.messages)
    own = {operation.trace for operation in picture.seen.own if operation.trace}
    started = picture.simulated.load_started
    lines, labels = [], []
    taken: dict[tuple[str, str], list[float]] = {}
    for message in picture.messages:
        source, destination = top_of(message.source), top_of(message.destination)
        x1, x2 = picture.x(source), picture.x(destination)
        y1, y2 = picture.y(message.sent_s - started), picture.y(message.arrived_s - started)
        delay_s = message.arrived_s - message.sent_s
        late = delay_s > LATE_S_MIN + LATE_TIMES * usual[message.source, message.destination]
        kind = _kind(message, own)
        lines.append(
            f'<line class="arrow {kind}{" late" * late}" x1="{x1:.1f}" y1="{y1:.1f}" '
            f'x2="{x2:.1f}" y2="{y2:.1f}" marker-end="url(#tip-{kind})"/>'
        )
        refused = message.kind == "reset" and not picture.is_up(source, message.sent_s - started)
        text = "refused" if refused else label(message, picture.seen.key)
        text += f" +{delay_s:.2f} s" if late else ""
        middle = (y1 + y2) / 2
        ways = (min(source, destination), max(source, destination))
        near = taken.setdefault(ways, [])
        if text and all(abs(middle - y) >= LABEL_PX_MIN for y in near):
            near.append(middle)
            labels.append(_along(x1, y1, x2, y2, text))
    return lines + labels


def _usual(messages: list[Message]) -> dict[tuple[str, str], float]:
    """The shortest delay of each way."""
    found: dict[tuple[str, str], float] = {}
    for message in messages:
        way = (message.source, message.destination)
        found[way] = min(found.get(way, math.inf), message.arrived_s - message.sent_s)
    return found


def _kind(message: Message, own: set[str]) -> str:
    if message.kind == "reset":
        return "reset"
    if message.trace in own:
        return "own"
    return "ask" if message.trace else "copy"


def label(message: Message, key: str) -> str:
    """What a message says, in a few words: of a request its line, of a frame its word."""
    if message.kind == "reset":
        return "reset"
    if message.head.isascii() and (" " in message.head or message.trace):
        return message.head.removesuffix(" HTTP/1.1").removeprefix("HTTP/1.1 ")
    letters = "".join(c if c.isascii() and c.isalpha() else " " for c in message.head).split()
    word = next((letter for letter in letters if len(letter) >= len("ack")), "")
    return f"{word} {key}" if key and key in message.head else word


def _along(x1: float, y1: float, x2: float, y2: float, text: str) -> str:
    """A text on an arrow, never upside down."""
    if x1 > x2:
        x1, y1, x2, y2 = x2, y2, x1, y1
    angle = math.degrees(math.atan2(y2 - y1, x2 - x1))
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    room = int((math.hypot(x2 - x1, y2 - y1) - 20) / LETTER_PX)
    return (
        f'<text class="small" x="{x:.1f}" y="{y - 3.5:.1f}" text-anchor="middle" '
        f'transform="rotate({angle:.1f} {x:.1f} {y:.1f})">{_text(text, room)}</text>'
    )


# Words beside it and below.


def _notes(picture: Spacetime) -> list[str]:
    """The journal in the margin, each entry as near to its time as there is room."""
    started = picture.simulated.load_started
    parts, last = [], -math.inf
    x = picture.right + 24
    installed = {
        entry["handle"]: f"no longer: {_described(entry['fault'])}"
        for entry in picture.simulated.entries
        if entry["kind"] == "fault"
    }
    for entry in picture.simulated.entries:
        at_s = entry["at"] - started
        if not picture.inside(at_s):
            continue
        y = picture.y(at_s)
        text = installed.get(entry.get("handle", ""), "") * (entry["kind"] == "heal")
        text = text or _note(entry)
        written = max(y, last + NOTE_PX_MIN)
        last = written
        important = ' class="head small"' if entry["kind"] in HOST_KINDS else ' class="small"'
        parts.append(
            f'<path class="lead" fill="none" d="M{LEFT:.0f} {y:.1f}H{picture.right:.1f}'
            f'L{x - 4:.1f} {written:.1f}"/><text{important} x="{x:.1f}" y="{written + 4:.1f}">'
            f"{_text(text, TEXT_MAX)}<title>{_text(told(entry), 500)}</title></text>"
        )
    return parts


def _note(entry: dict[str, Any]) -> str:
    kind = entry["kind"]
    if kind == "fault":
        return _described(entry["fault"])
    if kind in {"boot", "kill", "power-cut", "pause", "resume"}:
        words = {"boot": "starts", "kill": "killed", "power-cut": "loses power"}
        return f"{entry['host']} {words.get(kind, kind + 'd')}"
    return told(entry)


def _described(fault: dict[str, Any]) -> str:
    return faults.from_dict(fault).describe()


def _endings(picture: Spacetime) -> list[str]:
    """What each region had in the end."""
    final, key = picture.simulated.history.final, picture.seen.key
    if not key or not final:
        return []
    y = picture.bottom + 20
    at = f'x="{LEFT - 26:.0f}" y="{y:.1f}" text-anchor="end"'
    parts = [f'<text class="faint small" {at}>in the end</text>']
    for region in picture.simulated.drill.world.regions:
        value = final.get(region, {}).get(key, "nothing") if region in final else "not readable"
        parts.append(
            f'<text class="small head" x="{picture.x(region):.1f}" y="{y:.1f}" '
            f'text-anchor="middle">{_text(value, 24)}</text>'
        )
    return parts


def _table(picture: Spacetime, calls: list[Operation]) -> list[str]:
    top = picture.bottom + 52
    columns: tuple[Column, ...] = (
        (44, "call", _call),
        (330, "from", lambda o: o.session or o.city),
        (470, "seconds", lambda o: f"{o.start_s:.3f} to {o.end_s:.3f}"),
        (600, "outcome", lambda o: f"{o.outcome}{f', {o.error}' if o.error else ''}"),
        (740, "served by", lambda o: o.served_by or "-"),
    )
    parts = [
        f'<text class="faint small" x="{x}" y="{top:.1f}">{name}</text>' for x, name, _ in columns
    ] * bool(calls)
    for number, operation in enumerate(calls, start=1):
        y = top + number * BOTTOM_ROW
        kind = "own-text head" if operation in picture.seen.own else "small"
        parts.append(f'<text class="{kind}" x="20" y="{y:.1f}">{number}</text>')
        parts += [
            f'<text class="{kind}" x="{x}" y="{y:.1f}">{_text(say(operation), 44)}</text>'
            for x, _, say in columns
        ]
    return parts


def _call(operation: Operation) -> str:
    value = f" = {operation.value}" if operation.value is not None else ""
    return f"{'strong ' * operation.strong}{operation.kind} {operation.key}{value}"


def _text(text: str, most: int) -> str:
    """Text that an XML document can hold, shortened."""
    shown = "".join(character if character.isprintable() else "·" for character in text)
    if len(shown) > most:
        shown = shown[: max(0, most - 1)] + "…"
    return escape(shown)

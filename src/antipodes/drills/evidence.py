"""The part of the report that shows what the oracles saw: ages of what was read, and violations.

Every oracle has its line, judged by an expectation or not, with the calls that show the violation,
or with the reason why nothing can be told.
"""

import html
from typing import Any

from antipodes.drills.observations import Observation
from antipodes.drills.verdict import Judgement

BAR_WIDTH, BAR_HEIGHT = 420, 18
LABEL_WIDTH = 150
COLOURS = {"pass": "#1e8449", "fail": "#d0202f", "unknown": "#9a7d0a"}
_AGE = "#e07b28"


def render(judgement: Judgement) -> str:
    """Return the sections as HTML."""
    return "\n".join(
        (
            "<h2>How old what people read was</h2>",
            _ages(judgement.figures),
            "<h2>What the oracles saw</h2>",
            _oracles(judgement),
        )
    )


def seconds(value: float | None) -> str:
    """An age or a duration, as short as it can be."""
    return "-" if value is None else f"{value:.3g} s"


def _ages(figures: dict[str, Any]) -> str:
    spread = figures["staleness_s"]
    if spread["max"] is None:
        return "<p class=sub>Nothing was read.</p>"
    rows = [("everywhere", spread), *figures["staleness_s_by_region"].items()]
    cells = "".join(
        f"<tr><td>{html.escape(region or 'not told')}"
        + "".join(f"<td>{seconds(row[name])}" for name in ("p50", "p99", "max"))
        + "</tr>"
        for region, row in rows
    )
    table = f"<table><tr><th>read from<th>p50<th>p99<th>max</tr>{cells}</table>"
    return f"<div class=split><div>{_bars(figures)}</div><div>{table}</div></div>"


def _bars(figures: dict[str, Any]) -> str:
    """Stale reads by age; the scale is that of the largest bar."""
    counts = {name: n for name, n in figures["stale_reads_by_age"].items() if n}
    if not counts:
        return "<p class=sub>Every read was fresh.</p>"
    most = max(counts.values())
    height = BAR_HEIGHT * len(counts) + 4
    parts = [f'<svg viewBox="0 0 {LABEL_WIDTH + BAR_WIDTH} {height}" width="100%" role="img">']
    for row, (name, count) in enumerate(counts.items()):
        y = row * BAR_HEIGHT + 2
        width = max(2.0, (BAR_WIDTH - 60) * count / most)
        parts.append(
            f'<text x="0" y="{y + 12}">{html.escape(name)}</text>'
            f'<rect x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT - 5}" '
            f'fill="{_AGE}"/>'
            f'<text x="{LABEL_WIDTH + width + 6:.1f}" y="{y + 12}">{count}</text>'
        )
    return "".join([*parts, "</svg>"])


def _oracles(judgement: Judgement) -> str:
    verdicts = {finding.expectation: str(finding.verdict) for finding in judgement.findings}
    rows = "".join(_oracle(seen, verdicts.get(seen.title, "")) for seen in judgement.observations)
    return f"<table><tr><th>oracle<th>found<th>judged<th>for example</tr>{rows}</table>"


def _oracle(seen: Observation, verdict: str) -> str:
    colour = COLOURS.get(verdict, "#5b6b7b")
    detail = "<br>".join(html.escape(line) for line in seen.witness) or html.escape(seen.why)
    return (
        f"<tr><td>{html.escape(seen.title)}<td>{html.escape(number(seen))}"
        f'<td style="color:{colour};font-weight:600">{verdict or "no"}'
        f"<td class=sub>{detail}</tr>"
    )


def number(seen: Observation) -> str:
    """What was found, and what may have been."""
    if seen.found is None:
        return "cannot be told"
    doubt = f" (and {seen.doubtful} undecided)" if seen.doubtful else ""
    return f"{seen.found:.4g}{seen.unit}{doubt}"

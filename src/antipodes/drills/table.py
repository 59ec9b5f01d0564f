"""The verdict in the terminal: a live line while it runs, then a table."""

from collections.abc import Sequence
from typing import Any, TextIO

from antipodes.drills.evidence import number, seconds
from antipodes.drills.history import History
from antipodes.drills.model import Drill
from antipodes.drills.verdict import Judgement

_MARKS = {"pass": "ok", "unknown": "??", "fail": "NO"}


class Progress:
    """Lines that stay, and one that is written over."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._open = False
        self._live = out.isatty()

    def __call__(self, text: str) -> None:
        """Show a line; one that begins with a carriage return is written over by the next."""
        passing = text.startswith("\r")
        if passing and not self._live:
            return
        if self._open:
            self._out.write("\r\x1b[K")
        self._out.write(text.lstrip("\r") if passing else text + "\n")
        self._open = passing
        self._out.flush()

    def end(self) -> None:
        """Leave the passing line."""
        if self._open:
            self._out.write("\r\x1b[K")
            self._open = False


def grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _figure(value: float | None, unit: str = "") -> str:
    return "never" if value is None else f"{value:g}{unit}"


def render(drill: Drill, history: History, judgement: Judgement) -> str:
    """The whole verdict as text."""
    figures = judgement.figures
    phases = drill.phases()
    cities = [["city", *(f"served in {name}" for name, _, _ in phases), "p50", "p99", "RTO"]]
    for city in drill.load.cities:
        row = figures["latency_ms"][city]
        cities.append(
            [
                city,
                *(_served(history, city, start, end) for _, start, end in phases),
                _figure(row["p50"], " ms"),
                _figure(row["p99"], " ms"),
                _figure(figures["rto_s_by_city"][city], " s"),
            ]
        )
    rpo = figures["rpo"]
    lines = [
        "",
        f"{drill.name}  (seed {figures['seed']}, speed {figures['speed']:g})",
        *(f"  {moment.at_s:7.1f} s  {moment.what}" for moment in history.moments),
        "",
        *grid(cities),
        "",
        "   ".join(
            (
                f"RTO {_figure(figures['rto_s'], ' s')}",
                f"RPO {rpo['writes_unreplicated']} writes, oldest {rpo['oldest_age_s']:g} s",
                (
                    f"writes {figures['writes_acknowledged']} acknowledged, "
                    f"{figures['writes_lost']} lost"
                ),
                f"stale reads {figures['stale_reads']}",
            )
        ),
        *_ages(figures),
        *_beside(judgement),
        "",
        *_missed(figures["missed"]),
        *grid([["", "expected", "wanted", "found"], *_findings(judgement)]),
        "",
        f"verdict: {judgement.verdict.upper()}",
    ]
    if figures["lost_keys"]:
        lines.insert(-1, "lost: " + ", ".join(figures["lost_keys"][:50]))
    return "\n".join(lines)


def _ages(figures: dict[str, Any]) -> list[str]:
    spread = figures["staleness_s"]
    if not figures["stale_reads"]:
        return []
    ages = ", ".join(f"{name} {seconds(spread[name])}" for name in ("p50", "p99", "max"))
    return [f"age of what was read: {ages}"]


def _beside(judgement: Judgement) -> list[str]:
    """What oracles saw that nobody asked for."""
    judged = [finding.expectation for finding in judgement.findings]
    seen = [
        f"{number(o)} {o.title}"
        for o in judgement.observations
        if o.found and not o.unit and o.title not in judged and o.name != "stale_reads"
    ]
    return [f"not judged: {'; '.join(seen)}"] if seen else []


def _missed(missed: dict[str, dict[str, int]]) -> list[str]:
    lines = [
        f"not served in {phase}: " + ", ".join(f"{n} x {why}" for why, n in reasons.items())
        for phase, reasons in missed.items()
        if reasons
    ]
    return [*lines, ""] if lines else []


def _findings(judgement: Judgement) -> list[list[str]]:
    return [
        [
            _MARKS[f.verdict],
            f.expectation,
            f.wanted,
            f.found + (f" ({f.witness})" * bool(f.witness)),
        ]
        for f in judgement.findings
    ]


def _served(history: History, city: str, start: float, end: float) -> str:
    counts: dict[str, int] = {}
    for operation in history.operations:
        if operation.city == city and start <= operation.start_s < end:
            who = operation.served_by if operation.outcome == "ok" else "missed"
            counts[who or "served"] = counts.get(who or "served", 0) + 1
    return ", ".join(f"{who} {count}" for who, count in sorted(counts.items())) or "-"

"""Play every drill of the library in simulation, and write its page and its report.

Generates docs/library (`make library`): one page per drill with the file, the verdict and what it
shows, the report as a page of its own, and an index. The figures are those of the file's own seed.
"""

import sys
from pathlib import Path

from antipodes.drills import report, table
from antipodes.drills.format import library_drills, load_drill
from antipodes.drills.model import Drill
from antipodes.drills.simulate import simulate
from antipodes.drills.simulated import Simulated
from antipodes.drills.swarm import draw

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "library"


def split(text: str) -> tuple[str, str]:
    """A drill file's opening comment as prose, and the rest."""
    lines = text.splitlines()
    count = next(n for n, line in enumerate(lines) if not line.startswith("#"))
    prose = " ".join(line.removeprefix("#").strip() for line in lines[:count])
    return prose, "\n".join(lines[count:]).strip()


def page(name: str, drill: Drill, prose: str, text: str, played: Simulated) -> str:
    """The page of one drill."""
    verdict = table.render(played.drill, played.history, played.judgement).strip()
    return "\n".join(
        [
            f"# {drill.name}",
            "",
            drill.description,
            "",
            *([prose, ""] if prose else []),
            "```sh",
            f"antipodes drill run {name} --simulate    # or without --simulate, in real time",
            "```",
            "",
            (
                f"Played in simulation, {played.virtual_s:.0f} s of a world "
                f"([the report](reports/{name}.html)):"
            ),
            "",
            "```text",
            verdict,
            "```",
            "",
            *phases(played),
            "## The file",
            "",
            "```toml",
            text,
            "```",
            "",
        ]
    )


def phases(played: Simulated) -> list[str]:
    """Latency and lag by phase, where there is more than one."""
    figures = played.judgement.figures
    names = [name for name, _, _ in played.drill.phases()]
    if len(names) == 1:
        return []
    latency, lag = figures["latency_ms_by_phase"], figures["lag_s_by_phase"]
    rows = [
        [f"{city}, p50 / p99", *(pair(latency[name][city], "ms") for name in names)]
        for city in played.drill.load.cities
    ]
    ways = dict.fromkeys(way for name in names for way in lag[name])
    rows += [
        [f"lag, {way}, p50 / p99", *(pair(lag[name].get(way, {}), "s") for name in names)]
        for way in ways
    ]
    return ["## By phase", "", *grid(["", *names], rows), ""]


def pair(spread: dict[str, float | None], unit: str) -> str:
    """Median and 99th percentile."""
    values = [spread.get("p50"), spread.get("p99")]
    return " / ".join("-" if value is None else f"{value:g}" for value in values) + f" {unit}"


def grid(heads: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]


def main(names: list[str]) -> int:
    """Write the pages of some drills, or of all, and the index."""
    reports = PAGES / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, path in library_drills().items():
        drill, directory = load_drill(name)
        rows.append(f"| [{drill.name}]({name}.md) | `{name}` | {drill.description} |")
        if names and name not in names:
            continue
        prose, text = split(path.read_text())
        played = simulate(draw(drill, drill.world.seed), directory, seed=drill.world.seed)
        (PAGES / f"{name}.md").write_text(page(name, drill, prose, text, played))
        rendered = report.render(played.drill, played.history, played.judgement)
        (reports / f"{name}.html").write_text(rendered)
        sys.stdout.write(f"{name}: {played.judgement.verdict}\n")
    index = ["# The library", "", *OPENING, "", "| drill | name | |", "|---|---|---|", *rows, ""]
    (PAGES / "index.md").write_text("\n".join(index))
    return 0


OPENING = [
    "Drills that come with Antipodes, over one small application (a table, a function, a load",
    "balancer per region, one accelerator). Run one by its name, look at its report, and copy its",
    "file for your own application. These pages are written by `make library`.",
]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

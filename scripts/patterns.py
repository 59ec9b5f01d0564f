"""Play every pattern of examples/networks in simulation, and write its page and its drawings.

Generates docs/patterns (`make patterns`): a page for each pattern with its text, what is asked of
it and answered, and its drawings, and an index. Names after the command write those pages only.
"""

import inspect
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.patterns.rehearsal import NAMES, Moment, pattern, rehearsed

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "patterns"
IMAGES = PAGES / "images"
REACHED = {"delivered": "delivered", "left": "to the internet", None: "none"}


def split(module: ModuleType) -> tuple[str, str]:
    """A pattern's title, and its text."""
    title, _, prose = inspect.cleandoc(module.__doc__ or "").partition("\n")
    return title.removesuffix("."), prose.strip()


def asked(moments: Sequence[Moment]) -> Iterator[str]:
    """A table of walks."""
    yield "| asked | there | back | one way |"
    yield "|---|---|---|---|"
    for moment in moments:
        there, back = moment.found["forward"], moment.found["return"]
        outcome = REACHED.get(there["outcome"]) or f"**{there['outcome']}**, {last(there)}"
        answer = "" if back is None else REACHED.get(back["outcome"])
        if answer is None and back is not None:
            answer = f"**{back['outcome']}**, {last(back)}"
        passed = there["outcome"] in REACHED
        latency = f"{there['latency_ms']:g} ms" if passed and there["latency_ms"] else ""
        yield f"| {moment.text} | {outcome} | {answer} | {latency} |"
    yield ""


def last(way: dict[str, Any]) -> str:
    """Where a way ended."""
    hop = way["hops"][-1]
    name = hop.get("name")
    return f"at {hop['kind']} {name}" if name else f"at the {hop['kind']}"


def told(kind: str, moments: Sequence[Moment], name: str, number: int) -> Iterator[str]:
    """What a page shows of moments of one kind."""
    if kind == "ask":
        yield from asked(moments)
        return
    for moment in moments:
        if kind == "say":
            yield from (moment.text, "")
        elif kind == "check":
            yield f"- {moment.text}: **{moment.found}**"
        elif kind == "question":
            yield from ("```text", f"$ {moment.text}", moment.found.rstrip(), "```", "")
        else:
            picture = IMAGES / f"{name}-{number}.svg"
            picture.write_text(moment.found + "\n", encoding="utf-8")
            yield from (f"![{moment.text}](images/{picture.name})", "", f"*{moment.text}*", "")
            number += 1
    if kind == "check":
        yield ""


def page(name: str) -> str:
    """The page of one pattern; its drawings are written beside it."""
    module, moments = rehearsed(name)
    title, prose = split(module)
    lines = [f"# {title}", "", prose, ""]
    regions = ",".join(module.REGIONS)
    lines += ["```sh", f"antipodes up -d --regions {regions}"]
    lines += [f"python examples/networks/{name}.py", "```", ""]
    drawn = 1
    for kind, some in groupby(moments, key=lambda moment: moment.kind):
        these = list(some)
        lines += told(kind, these, name, drawn)
        drawn += len(these) if kind == "draw" else 0
    source = inspect.getsource(module.play)
    lines += ["## The program", "", "```python", source.rstrip(), "```", ""]
    return "\n".join(lines)


def index() -> str:
    """All patterns, a line each."""
    lines = [
        "# Patterns",
        "",
        "Networks that many have built, each as an example that runs: `examples/networks`. A page",
        "shows what is asked of one and what was answered when it was last played.",
        "",
    ]
    for name in NAMES:
        title, prose = split(pattern(name))
        first = " ".join(prose.split("\n\n")[0].split())
        lines.append(f"- [{title}]({name}.md): {first}")
    return "\n".join([*lines, ""])


def main(names: Sequence[str]) -> None:
    """Write the pages."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in names or NAMES:
        for old in IMAGES.glob(f"{name}-[0-9]*.svg"):
            old.unlink()
        (PAGES / f"{name}.md").write_text(page(name), encoding="utf-8")
        sys.stdout.write(f"docs/patterns/{name}.md\n")
    (PAGES / "index.md").write_text(index(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

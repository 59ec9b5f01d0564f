"""What many seeds have covered: which faults mattered, which rare paths were taken, which never.

A fault that is injected and changes nothing tests nothing, and nobody notices; so rare paths carry
markers (`journal.sometimes`), and exploring counts them (FoundationDB's TEST macro and Antithesis'
"sometimes" assertions are the model). The markers there are, are found in the package's own source:
one that is made up of parts as it is noted is known only once it was hit.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec


class FaultCovered(msgspec.Struct, frozen=True):
    """What came of one kind of fault, over the seeds that drew it."""

    kind: str
    seeds: int
    mattered: int  # seeds that took a rare path with it, or in which somebody was not served
    requests: int
    missed: int


class SeedCovered(msgspec.Struct, frozen=True):
    """What one seed covered."""

    kinds: tuple[str, ...]
    markers: dict[str, int]
    requests: int
    missed: int


@cache
def known_markers() -> tuple[str, ...]:
    """The names of all rare paths of the package, where they stand as words in its source."""
    found: set[str] = set()
    for text in _sources(resources.files("antipodes")):
        if "sometimes" in text:
            found.update(_markers_in(ast.parse(text)))
    return tuple(sorted(found))


def _sources(folder: Traversable) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry.read_text(encoding="utf-8")


def _markers_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name.lstrip("_") != "sometimes":
            continue
        for said in _words(node.args[0]):
            if "." in said:
                yield said


def _words(node: ast.expr) -> Iterator[str]:
    """The words that an expression can be; none of those that are made up of parts."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _words(node.body)
        yield from _words(node.orelse)


def markers_summed(seeds: Iterable[SeedCovered]) -> dict[str, int]:
    """How often each rare path was taken, over all seeds, by name."""
    total: dict[str, int] = {}
    for seed in seeds:
        for name, count in seed.markers.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items()))


def never_taken(markers: Mapping[str, int]) -> list[str]:
    """The rare paths that were never taken."""
    return [name for name in known_markers() if name not in markers]


def faults_covered(kinds: Iterable[str], seeds: Iterable[SeedCovered]) -> list[FaultCovered]:
    """What came of each kind of fault that could be drawn.

    A path that every seed took is not rare, whatever it is marked.
    """
    judged = list(seeds)
    usual = set.intersection(*(set(seed.markers) for seed in judged)) if judged else set()
    return [_covered(kind, [s for s in judged if kind in s.kinds], usual) for kind in kinds]


def _covered(kind: str, seeds: list[SeedCovered], usual: set[str]) -> FaultCovered:
    mattered = [seed for seed in seeds if seed.missed or any(m not in usual for m in seed.markers)]
    return FaultCovered(
        kind,
        seeds=len(seeds),
        mattered=len(mattered),
        requests=sum(seed.requests for seed in seeds),
        missed=sum(seed.missed for seed in seeds),
    )

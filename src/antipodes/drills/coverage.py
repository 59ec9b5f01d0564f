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

MISSED_MORE_MIN = 0.001  # of all requests
TAKEN_MORE_MIN = 0.2  # of all seeds


class FaultCovered(msgspec.Struct, frozen=True):
    """What came of one kind of fault: the seeds that drew it, beside those that did not."""

    kind: str
    seeds: int
    missed: float | None  # the share of requests that were not served with it ...
    missed_without: float | None  # ... and without it; none: there was nobody to ask
    paths: list[str]  # rare paths that clearly more of the seeds took with it than without

    @property
    def mattered(self) -> bool:
        """Whether anything came of it that can be seen."""
        more = (self.missed or 0.0) - (self.missed_without or 0.0)
        return bool(self.seeds) and (bool(self.paths) or more > MISSED_MORE_MIN)


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

    Seeds draw several kinds, so this shows what goes together, and only over many seeds what comes
    of what.
    """
    judged = list(seeds)
    return [_covered(kind, judged) for kind in kinds]


def _covered(kind: str, seeds: list[SeedCovered]) -> FaultCovered:
    having = [seed for seed in seeds if kind in seed.kinds]
    lacking = [seed for seed in seeds if kind not in seed.kinds]
    paths = [
        path
        for path in markers_summed(having)
        if _taken(path, having) - _taken(path, lacking) >= TAKEN_MORE_MIN
    ]
    return FaultCovered(kind, len(having), _missed(having), _missed(lacking), paths)


def _taken(path: str, seeds: list[SeedCovered]) -> float:
    return sum(path in seed.markers for seed in seeds) / len(seeds) if seeds else 0.0


def _missed(seeds: list[SeedCovered]) -> float | None:
    requests = sum(seed.requests for seed in seeds)
    return round(sum(seed.missed for seed in seeds) / requests, 6) if requests else None

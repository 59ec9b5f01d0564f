"""Whether what a person waits for crosses from region to region, from the traces of some requests.

A call crosses if its span names a target in another region than its own, or if a request that was
attempted once left spans in two regions: edge locations send each attempt to one. What replication
does is not waited for.
"""

from typing import NamedTuple

from antipodes.drills.history import History, Span
from antipodes.drills.oracles.index import Index, indexed
from antipodes.drills.oracles.traffic import region_of

REPLICATION = "replication"


class Crossing(NamedTuple):
    """A request that waited for another region."""

    trace: str
    name: str
    source: str
    target: str


def requests_traced(history: History | Index) -> int:
    """How many requests left spans in regions."""
    spans = indexed(history).history.spans
    return len({span.trace for span in spans if region_of(span.place)})


def cross_region_calls(history: History | Index) -> list[Crossing]:
    """One crossing for each traced request that has any."""
    index = indexed(history)
    attempts = {o.trace: o.attempts for o in index.history.operations if o.trace}
    spans: dict[str, list[Span]] = {}
    for span in index.history.spans:
        if region_of(span.place) and not span.name.startswith(REPLICATION):
            spans.setdefault(span.trace, []).append(span)
    found = []
    for trace, own in sorted(spans.items()):
        ordered = sorted(own, key=lambda s: (s.start_s, s.end_s, s.name))
        crossing = _named(trace, ordered)
        if crossing is None and attempts.get(trace) == 1:
            crossing = _seen(trace, ordered)
        if crossing is not None:
            found.append(crossing)
    return found


def _named(trace: str, spans: list[Span]) -> Crossing | None:
    for span in spans:
        here, there = region_of(span.place), region_of(span.target)
        if there and there != here:
            return Crossing(trace, span.name, here, there)
    return None


def _seen(trace: str, spans: list[Span]) -> Crossing | None:
    here = region_of(spans[0].place)
    for span in spans:
        if region_of(span.place) != here:
            return Crossing(trace, span.name, here, region_of(span.place))
    return None

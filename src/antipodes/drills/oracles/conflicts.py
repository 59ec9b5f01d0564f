"""Writes that lost to a write of another region which could not have known of them.

That is what last-writer-wins costs: both were acknowledged, one is gone, and no caller was told. A
write is *overruled* when a later write of the same key, made in another region before the first had
arrived there, replaced it while it was still its own region's newest. When a write arrived is read
off the samples of replication's lag; where they show no lag, it arrived within `TRAVEL_S`.
"""

import bisect
from collections.abc import Iterator

from antipodes.drills.history import History, LagSample, Operation
from antipodes.drills.oracles.index import Index, indexed, served

TRAVEL_S = 0.3


class Arrivals:
    """When a region's writes had arrived in another one, as far as samples tell."""

    def __init__(self, lags: list[LagSample]) -> None:
        self._samples: dict[tuple[str, str], list[LagSample]] = {}
        for sample in lags:
            self._samples.setdefault((sample.source, sample.destination), []).append(sample)

    def arrived_s(self, write: Operation, destination: str) -> float:
        """When a write had arrived; infinity where it had not when sampling ended."""
        samples = self._samples.get((write.served_by, destination), [])
        first = bisect.bisect_left(samples, write.end_s, key=lambda sample: sample.at_s)
        for number, sample in enumerate(samples[first:]):
            if sample.at_s - sample.lag_s >= write.end_s:
                return write.end_s + TRAVEL_S if number == 0 else sample.at_s
        return float("inf") if samples[first:] else write.end_s + TRAVEL_S


def overruled_writes(history: History | Index) -> list[Operation]:
    """The acknowledged writes that lost to one that did not know of them, oldest first."""
    index = indexed(history)
    arrivals = Arrivals(index.history.lags)
    by_key: dict[str, list[Operation]] = {}
    for write in index.of_kind("write"):
        if served(write) and write.served_by:
            by_key.setdefault(write.key, []).append(write)
    found = [
        write
        for writes in by_key.values()
        if len(writes) > 1
        for write in _overruled(sorted(writes, key=lambda o: (o.end_s, o.number)), arrivals)
    ]
    return sorted(found, key=lambda o: (o.end_s, o.number))


def _overruled(writes: list[Operation], arrivals: Arrivals) -> Iterator[Operation]:
    """Of the writes of a key, by their ends, those that were overruled."""
    starts: dict[str, list[float]] = {}
    for write in writes:
        bisect.insort(starts.setdefault(write.served_by, []), write.start_s)
    for number, write in enumerate(writes):
        own = starts[write.served_by]
        place = bisect.bisect_left(own, write.end_s)
        replaced_s = own[place] if place < len(own) else float("inf")
        for other in writes[number + 1 :]:
            if other.end_s >= replaced_s:
                break
            elsewhere = other.served_by != write.served_by and other.end_s > write.end_s
            if elsewhere and other.start_s < arrivals.arrived_s(write, other.served_by):
                yield write
                break

"""Writes that lost to a write of another region which could not have known of them.

That is what last-writer-wins costs: both were acknowledged, one is gone, and no caller was told. A
write is *overruled* when a later write of the same key, made in another region before the first had
arrived there, replaced it while it was still its own region's newest. When a write arrived is read
off the samples of replication's lag; where they show no lag, it arrived within `TRAVEL_S`.
"""

import bisect

from antipodes.drills.history import History, LagSample, Operation, Outcome

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


def overruled_writes(history: History) -> list[Operation]:
    """The acknowledged writes that lost to one that did not know of them, oldest first."""
    arrivals = Arrivals(history.lags)
    by_key: dict[str, list[Operation]] = {}
    for operation in history.operations:
        if operation.kind == "write" and operation.outcome is Outcome.OK and operation.served_by:
            by_key.setdefault(operation.key, []).append(operation)
    found = [
        write
        for writes in by_key.values()
        for write in writes
        if _is_overruled(write, writes, arrivals)
    ]
    return sorted(found, key=lambda o: (o.end_s, o.number))


def _is_overruled(write: Operation, writes: list[Operation], arrivals: Arrivals) -> bool:
    following = [o for o in writes if o.served_by == write.served_by and o.start_s >= write.end_s]
    replaced_s = min((o.start_s for o in following), default=float("inf"))
    return any(
        other.served_by != write.served_by
        and write.end_s < other.end_s < replaced_s
        and other.start_s < arrivals.arrived_s(write, other.served_by)
        for other in writes
    )

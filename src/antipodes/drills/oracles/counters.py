"""Counters that people increment, each by a conditional write: how many increments are in the end.

Inside one region nothing may be missing: the count lies between the acknowledged increments and all
that may have happened (each attempt of one that was tried again may have). Across regions nothing
of the sort is promised: each region counts on its own copy, and last-writer-wins keeps one of the
two counts. So what is missing is counted either way, and the drill says how much it allows; the
regions that acknowledged increments are named beside it. More than what may have happened is wrong
everywhere.
"""

from typing import NamedTuple

from antipodes.drills.history import History, Operation, Outcome
from antipodes.drills.oracles.index import Index, indexed, served


class Counter(NamedTuple):
    """What became of one counter."""

    key: str
    acknowledged: int
    possible: int
    lowest: int  # over the replicas
    highest: int
    regions: tuple[str, ...]  # that acknowledged increments

    @property
    def lost(self) -> int:
        """Acknowledged increments that are not there."""
        return max(0, self.acknowledged - self.lowest)

    @property
    def gained(self) -> int:
        """What nobody can have added."""
        return max(0, self.highest - self.possible)


class Overcount(NamedTuple):
    """A count that is higher than all increments begun until then."""

    seen: Operation
    possible: int


def counters(history: History | Index) -> list[Counter]:
    """All counters, after healing; one that is not there counts nothing."""
    index = indexed(history)
    increments: dict[str, list[Operation]] = {}
    for increment in index.of_kind("increment"):
        increments.setdefault(increment.key, []).append(increment)
    found = []
    for key, calls in sorted(increments.items()):
        done = [o for o in calls if served(o)]
        counts = [_number(content.get(key)) for content in index.history.final.values()]
        found.append(
            Counter(
                key,
                len(done),
                _possible(calls),
                min(counts, default=0),
                max(counts, default=0),
                tuple(sorted({o.served_by for o in done})),
            )
        )
    return found


def counters_unseen(history: History | Index) -> bool:
    """Whether no counter shows in what was read of the replicas, though some were incremented."""
    index = indexed(history)
    keys = {o.key for o in index.of_kind("increment") if served(o)}
    seen = any(key in content for content in index.history.final.values() for key in sorted(keys))
    return bool(keys) and not seen


def overcounts(history: History | Index) -> list[Overcount]:
    """The counts, read while it went on, that are higher than they can have been."""
    index = indexed(history)
    begun: dict[str, list[Operation]] = {}
    for increment in sorted(index.of_kind("increment"), key=lambda o: (o.start_s, o.number)):
        begun.setdefault(increment.key, []).append(increment)
    found = []
    for count in index.of_kind("count"):
        if served(count):
            until = [o for o in begun.get(count.key, ()) if o.start_s <= count.end_s]
            if _number(count.value) > _possible(until):
                found.append(Overcount(count, _possible(until)))
    return found


def _possible(increments: list[Operation]) -> int:
    return sum(o.attempts for o in increments if o.outcome is not Outcome.FAILED)


def _number(text: str | None) -> int:
    """What a counter shows; what is not a number shows nothing."""
    return int(text) if text is not None and text.isdecimal() else 0

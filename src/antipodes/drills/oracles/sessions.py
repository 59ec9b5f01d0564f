"""What one person may expect: to see what they wrote, and never to go back in time.

Only calls of one session that do not overlap are compared. A write of unknown outcome obliges to
nothing, and may explain any later value. Modelled on the session guarantees of Bayou (Terry et al.,
1994), judged for each key on its own.
"""

from bisect import bisect_left
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from antipodes.drills.history import History, Operation
from antipodes.drills.oracles.index import MUTATIONS, Index, KeyHistory, indexed, served

_BY_END = attrgetter("end_s", "number")
_BY_START = attrgetter("start_s", "number")


class Broken(NamedTuple):
    """Two calls of one session that do not go together, and one in between where it needs one."""

    earlier: Operation
    later: Operation
    between: Operation | None = None


def read_your_writes(history: History | Index) -> list[Broken]:
    """The reads that missed what the same person had written before, and been told so."""
    index = indexed(history)
    own = index.sessions(m for kind in MUTATIONS for m in index.of_kind(kind) if served(m))
    found = []
    for (session, name), reads in index.sessions(index.reads).items():
        mutations = sorted(own.get((session, name), ()), key=_BY_END)
        if not mutations:
            continue
        ends = [m.end_s for m in mutations]
        newest = list(accumulate(mutations, _began_later))
        key = index.key(name)
        for read in reads:
            before = bisect_left(ends, read.start_s)  # ended strictly before
            if before and key.latest_s(read.value, read.end_s) < newest[before - 1].start_s:
                found.append(Broken(newest[before - 1], read))
    return sorted(found, key=lambda b: (b.later.start_s, b.later.number))


def own_reads(history: History | Index) -> bool:
    """Whether anybody read what they themselves had changed before."""
    index = indexed(history)
    first: dict[tuple[str, str], float] = {}
    for kind in MUTATIONS:
        for mutation in index.of_kind(kind):
            if served(mutation):
                place = (mutation.session, mutation.key)
                first[place] = min(mutation.end_s, first.get(place, mutation.end_s))
    return any(
        read.session and first.get((read.session, read.key), read.start_s) < read.start_s
        for read in index.reads
    )


def repeated_reads(history: History | Index) -> bool:
    """Whether anybody read anything again after having read it."""
    first: dict[tuple[str, str], float] = {}
    for read in sorted(indexed(history).reads, key=_BY_END):
        if read.session:
            place = (read.session, read.key)
            if first.setdefault(place, read.end_s) < read.start_s:
                return True
    return False


def _began_later(one: Operation, other: Operation) -> Operation:
    return other if other.start_s >= one.start_s else one


def monotonic_reads(history: History | Index) -> list[Broken]:
    """The reads that returned something older than an earlier read of the same person."""
    index = indexed(history)
    found = []
    for (_, name), reads in index.sessions(index.reads).items():
        if len(reads) > 1:
            found += _backwards(index.key(name), reads)
    return sorted(found, key=lambda b: (b.later.start_s, b.later.number))


def _backwards(key: KeyHistory, reads: list[Operation]) -> list[Broken]:
    """Go through the reads of one key by one person, with those that had ended by then."""
    ended = sorted(reads, key=_BY_END)
    position = 0
    newest: Operation | None = None  # of those that ended: the one with the newest content
    first: dict[str | None, Operation] = {}  # the first read of each value to end
    last: list[Operation] = []  # those that began last, of two different values
    found = []
    for read in sorted(reads, key=_BY_START):
        while position < len(ended) and ended[position].end_s < read.start_s:
            done = ended[position]
            position += 1
            if newest is None or key.earliest_s(done.value) > key.earliest_s(newest.value):
                newest = done
            first.setdefault(done.value, done)
            last = _two_last(last, done)
        if newest is not None and key.latest_s(read.value, read.end_s) < key.earliest_s(
            newest.value
        ):
            found.append(Broken(newest, read))
            continue
        between = next((other for other in last if other.value != read.value), None)
        again = first.get(read.value)
        if between is not None and again is not None and again.end_s < between.start_s:
            found += [Broken(again, read, between)] if _once(key, read.value) else []
    return found


def _two_last(last: list[Operation], done: Operation) -> list[Operation]:
    kept = [o for o in last if o.value != done.value or o.start_s > done.start_s]
    if any(o.value == done.value for o in kept):
        return kept
    return sorted([*kept, done], key=_BY_START, reverse=True)[:2]


def _once(key: KeyHistory, value: str | None) -> bool:
    """Whether a value was there for one stretch of time only: so it was, if it was written once."""
    source = None if value is None else key.by_value.get(value)
    return source is not None and source.attempts == 1

"""Transactions over two items: whoever reads both sees both new, or both old.

That holds inside the region where the transaction was made. Its two items are replicated one by
one, so elsewhere half of it may be seen for a while, and a conflict between regions may be settled
differently for the two. A read with two different values is therefore a violation only if both
were written in the region that was read; where one of them came from another region it is counted
apart, and where it is not known where it was written (its outcome is unknown, or it was tried
again) it cannot be decided.
"""

from typing import NamedTuple

from antipodes.drills.history import History, Operation
from antipodes.drills.oracles.index import Index, indexed, served

SEPARATOR = "|"


class Half(NamedTuple):
    """A read that saw two different values, and who wrote them (None: nobody)."""

    read: Operation
    first: Operation | None
    second: Operation | None


class Halves(NamedTuple):
    """Reads of pairs by what they show."""

    read: int
    torn: list[Half]  # both written in the region that was read
    across: list[Half]  # one of them came from another region
    undecided: list[Half]


def half_transactions(history: History | Index) -> Halves:
    """Judge all reads of pairs."""
    index = indexed(history)
    writes = {(o.key, o.value): o for o in index.of_kind("pair-write")}
    found = Halves(0, [], [], [])
    answered = [o for o in index.of_kind("pair-read") if served(o) and o.value is not None]
    for read in answered:
        first, _, second = (read.value or "").partition(SEPARATOR)
        if first == second:
            continue
        half = Half(read, writes.get((read.key, first)), writes.get((read.key, second)))
        places = [o.served_by if _known(o) else "" for o in half[1:] if o is not None]
        if any(place and place != read.served_by for place in places):
            found.across.append(half)
        elif "" in places or not read.served_by:
            found.undecided.append(half)
        else:
            found.torn.append(half)
    return found._replace(read=len(answered))


def _known(write: Operation) -> bool:
    return served(write) and write.attempts == 1

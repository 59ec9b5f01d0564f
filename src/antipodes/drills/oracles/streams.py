"""Streams: every change is there, once, in the order of its key, and they end as the table does.

Judged for each region and key. Acknowledged writes that a region served have to be in its stream;
those of other regions may be folded together on their way, so of them only the last is asked for.
What a person did after something else had ended comes after it. Records of different keys have no
order.
"""

from itertools import pairwise
from typing import NamedTuple

from antipodes.drills.history import History, Operation, StreamRecord
from antipodes.drills.oracles.index import Index, indexed, served


class StreamFlaw(NamedTuple):
    """Something wrong with a stream."""

    region: str
    key: str
    what: str


def stream_flaws(history: History | Index) -> list[StreamFlaw]:
    """Everything that is wrong with the streams that were recorded."""
    index = indexed(history)
    found = []
    for region, records in sorted(index.history.streams.items()):
        by_key: dict[str, list[StreamRecord]] = {}
        for record in records:
            by_key.setdefault(record.key, []).append(record)
        content = index.history.final.get(region)
        for key in sorted({*by_key, *index.keys}):
            own = by_key.get(key, [])
            wrong = [*_order(own), *_chain(own), *_complete(index, region, key, own)]
            if content is not None:
                wrong += _end(index, key, own, content.get(key))
            found += [StreamFlaw(region, key, what) for what in wrong]
    return found


def _order(records: list[StreamRecord]) -> list[str]:
    """Sequence numbers grow."""
    found = []
    for one, other in pairwise(records):
        if int(other.sequence) == int(one.sequence):
            found.append(f"record {one.sequence} twice")
        elif int(other.sequence) < int(one.sequence):
            found.append(f"record {other.sequence} after {one.sequence}")
    return found


def _chain(records: list[StreamRecord]) -> list[str]:
    """An item is inserted where none is, and changed or removed where one is."""
    found = []
    for one, other in pairwise(records):
        there = one.event != "REMOVE"
        if there == (other.event == "INSERT"):
            found.append(f"{other.event} ({other.sequence}) follows {one.event} ({one.sequence})")
    return found


def _complete(index: Index, region: str, key: str, records: list[StreamRecord]) -> list[str]:
    """What the region acknowledged is there, and in the order in which it was done."""
    places = {r.value: n for n, r in reversed(list(enumerate(records))) if r.event != "REMOVE"}
    done = [
        m
        for m in index.key(key).mutations
        if m.kind == "write" and served(m) and m.served_by == region
    ]
    found = [f"{m.value} is missing" for m in done if m.value not in places]
    placed = [m for m in done if m.value in places and m.attempts == 1]
    before: Operation | None = None  # of those that come before: the one that began last
    for write in sorted(placed, key=lambda m: places[m.value]):
        if before is not None and write.end_s < before.start_s:
            found.append(f"{write.value} comes after {before.value}, which was written later")
        if before is None or write.start_s > before.start_s:
            before = write
    return found


def _end(index: Index, key: str, records: list[StreamRecord], there: str | None) -> list[str]:
    """The last record is what the table holds."""
    if not records:
        known = there is not None and index.key(key).source(there) is not None
        return [f"nothing, but the table has {there}"] if known else []
    last = records[-1]
    value = None if last.event == "REMOVE" else last.value
    if value == there:
        return []
    return [f"ends with {value or 'a removal'}, but the table has {there or 'nothing'}"]

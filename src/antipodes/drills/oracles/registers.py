"""Linearizability of a register whose values are unique, in the time that sorting takes.

After Gibbons and Korach ("Testing Shared Memories", 1997): a write and the reads that returned its
value form a cluster, and all of a cluster must happen before or after all of another. A cluster
has to come before another as soon as one call of the first ended before one of the second began;
so two clusters contradict each other if each has to come before the other, and it is enough to
look at pairs, since of any longer ring of clusters, the one with the latest start of a call is in
a contradiction with its successor. A *zone* reaches from the first end to the last start of a
cluster's calls: it is forward if that is a stretch of time, and backward if all calls overlap.
Forward zones must not overlap, and no backward zone may lie inside of a forward one.
"""

import math
from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

from antipodes.drills.history import Operation
from antipodes.drills.oracles.index import latest_s


class _Zone:
    """A cluster's first end and last start, and whose they are; the emptiness has no write."""

    def __init__(self, write: Operation | None) -> None:
        self.write = write
        self.first_end_s = -math.inf if write is None else latest_s(write)
        self.last_start_s = -math.inf if write is None else write.start_s
        self.first_to_end = write
        self.last_to_start = write

    def add(self, read: Operation) -> None:
        if read.end_s < self.first_end_s:
            self.first_end_s, self.first_to_end = read.end_s, read
        if read.start_s > self.last_start_s:
            self.last_start_s, self.last_to_start = read.start_s, read

    @property
    def forward(self) -> bool:
        return self.first_end_s < self.last_start_s

    def calls(self) -> list[Operation]:
        found = [self.write, self.first_to_end, self.last_to_start]
        return [o for o in found if o is not None]


class Contradiction(NamedTuple):
    """Calls that no order satisfies, and why."""

    calls: list[Operation]
    why: str


def contradiction(mutations: list[Operation], reads: list[Operation]) -> Contradiction | None:
    """Return the smallest contradiction that is found, or None: the register is linearizable.

    Mutations have values of their own and were attempted once; what deletes left was never read.
    """
    start = _Zone(None)
    zones: dict[str, _Zone] = {}
    unread = []
    for mutation in mutations:
        if mutation.kind == "write" and mutation.value is not None:
            zones[mutation.value] = _Zone(mutation)
        else:
            unread.append(_Zone(mutation))
    for read in reads:
        zone = start if read.value is None else zones.get(read.value)
        if zone is None:
            return Contradiction([read], "nobody wrote what was read")
        if zone.write is not None and read.end_s < zone.write.start_s:
            return Contradiction([zone.write, read], "read before it was written")
        zone.add(read)
    # A mutation that may never have happened, and that nobody saw, did not.
    happened = [z for z in (*zones.values(), *unread) if z.first_end_s < math.inf]
    return _clash([start, *happened])


def _clash(zones: list[_Zone]) -> Contradiction | None:
    forward = sorted((z for z in zones if z.forward), key=lambda z: (z.first_end_s, z.last_start_s))
    for one, other in pairwise(forward):
        if other.first_end_s < one.last_start_s:
            return _between(one, other)
    ends = [zone.first_end_s for zone in forward]
    for zone in zones:
        if not zone.forward:
            position = bisect_left(ends, zone.last_start_s)
            if position and zone.first_end_s < forward[position - 1].last_start_s:
                return _between(forward[position - 1], zone)
    return None


def _between(one: _Zone, other: _Zone) -> Contradiction:
    calls = {o.number: o for o in (*one.calls(), *other.calls())}
    ordered = sorted(calls.values(), key=lambda o: (o.start_s, o.number))
    return Contradiction(ordered, "neither value can have been there before the other")

"""Marks: when a deletion has won everywhere, so that its tombstone can go.

A mark is an entry in a region's log: what this region writes from now on is above this time, and
this is how far it had come with every other region's marks. When all members of a group have
passed all members' marks up to a time, nothing older is under way to anyone, and deletes below
that time have won for good. This is the causal stability of version vectors: no clock is trusted.

A region that begins to copy items claims nothing more until it has them: it forgets its claims when
it makes a replica, and takes no new ones while a copy is under way.
"""

from collections.abc import Callable

import msgspec

from antipodes.regional.dynamodb.groups import CREATING, DELETED, FAILED, Group
from antipodes.replication.versions import TIME_MAX, HybridClock, Version
from antipodes.service.contract import Host
from antipodes.service.records import Records

MARK_KIND = "dynamodb/mark"


class Passed(msgspec.Struct, frozen=True):
    """A region's word: it has passed these times of these regions, its own among them."""

    times: dict[str, int]


class Marks:
    """What every region said last, and what this one can say."""

    def __init__(self, host: Host, clock: HybridClock) -> None:
        self._host = host
        self._region = host.place
        self._clock = clock
        self._records = Records(host.store, "dynamodb/marks", Passed)

    def passed(self, region: str) -> dict[str, int]:
        """What a region said last."""
        found = self._records.get("", region)
        return {} if found is None else found.times

    def restore(self) -> None:
        """Keep the promise of the last mark through a restart, wherever the wall clock went."""
        own = self.passed(self._region).get(self._region, 0)
        self._clock.observe(Version(own, self._region))

    def reset(self) -> None:
        """Claim nothing of others any more."""
        own = self.passed(self._region).get(self._region, 0)
        self._records.put("", self._region, Passed({self._region: own}))

    def hear(self, source: str, times: dict[str, int], *, copying: bool) -> None:
        """Take another region's mark: everything it wrote up to there is applied here."""
        self._records.put("", source, Passed(times))
        if not copying:
            own = {**self.passed(self._region), source: times[source]}
            self._records.put("", self._region, Passed(own))

    def make(self) -> None:
        """Say how far this region has come."""
        own = {**self.passed(self._region), self._region: self._clock.tick().time}
        self._records.put("", self._region, Passed(own))
        self._host.changes.append(MARK_KIND, own)


def settled(group: Group, passed: Callable[[str], dict[str, int]]) -> int:
    """The time up to which every member has every member's writes; 0 where that is not known.

    A member's word counts if it was given after the member came to be what it is. Of a replica that
    is gone, everything must have been heard, its farewell included.
    """
    least = TIME_MAX
    for reader in group.holders():
        member, times = group.members[reader], passed(reader)
        if member.status == CREATING or times.get(reader, 0) < member.version.time:
            return 0
        for writer, other in group.members.items():
            time = times.get(writer, 0)
            if other.status == DELETED and time < other.version.time:
                return 0
            if other.status not in {DELETED, FAILED}:
                least = min(least, time)
    return least

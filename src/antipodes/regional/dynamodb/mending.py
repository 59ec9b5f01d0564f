"""Mending: a region that is said to have a replica and has none, because its disk was emptied.

It makes the replica anew, and copies the items from the others, as when it was first made. Not
before it has heard all that the others have to tell: the replica may have been removed meanwhile.
A legacy replica is given up instead, since nobody else knows how its table was made.
"""

from typing import Protocol

from antipodes.regional.dynamodb.groups import CREATING, DELETED, WHOLE, Group, Member
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.replication.follower import Follower
from antipodes.replication.versions import Version
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

MEND_S = 15.0


class Groups(Protocol):
    """What is needed of the region's global tables."""

    groups: Records[Group]
    followers: dict[str, Follower]

    def tick(self, group: Group | None) -> Version:
        """A version above all that a group has."""

    def change(self, group: Group) -> None:
        """Keep a group, tell every region of it, and do here what it says."""


class Tables(Protocol):
    """What is needed of the service."""

    host: Host
    tables: TableRecords


async def mend_for_ever(globaltables: Groups, service: Tables) -> None:
    """Look after the replicas, now and then."""
    runtime = service.host.runtime
    while True:
        await runtime.sleep(runtime.interval(MEND_S))
        try:
            _mend(globaltables, service)
        except DiskFull:
            runtime.journal.sometimes("dynamodb.mending-put-off")


def _mend(globaltables: Groups, service: Tables) -> None:
    followers, here = globaltables.followers, service.host.place
    connected = [follower for follower in followers.values() if follower.connected]
    if not connected or any(follower.pending for follower in connected):
        return
    for _, _, group in list(globaltables.groups.all()):
        sources = [region for region in group.holders() if region != here and region in followers]
        lost = service.tables.get(group.account, group.name) is None
        if not lost or group.status(here) not in WHOLE or not sources:
            continue
        service.host.runtime.journal.sometimes("dynamodb.lost-replica-made-anew")
        source = min(sources, key=lambda region: (not followers[region].connected, region))
        member = Member(
            DELETED if group.legacy else CREATING,
            globaltables.tick(group),
            source=source,
            added=service.host.runtime.wall(),
        )
        globaltables.change(group.with_member(here, member))

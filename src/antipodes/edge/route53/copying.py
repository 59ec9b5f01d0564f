"""How a host that missed entries of a log for good comes to know what they said.

A log forgets what all of its followers have passed. Who comes later (a region in which somebody
asks for private zones for the first time, an edge whose disk was emptied) copies what there is, by
queries, while it goes on to follow; what the copy says is heard as if the log had said it, and what
the copy lacks is forgotten. Until that is done, a mark on the disk says so.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from antipodes.edge.route53.model import (
    CIDR_KIND,
    HEALTH_CHECK_KIND,
    RECORDS_KIND,
    ZONE_KIND,
)
from antipodes.edge.route53.replica import Replica
from antipodes.edge.route53.telling import RECORDS_QUERY, ZONES_QUERY
from antipodes.replication.changelog import Entry
from antipodes.replication.follower import Behind, Follower
from antipodes.replication.logserver import Refused
from antipodes.runtime.contract import DiskFull, Gone, Runtime, Store, TimedOut

NAME_KINDS = ("elbv2/name", "ec2/endpoint-name")  # and the queries for all of them
CONTROL_KIND = "arc/routing-control"  # and the query for all of them
VERDICTS_QUERY = "route53/verdicts"
RETRY_S = 1.0
HOME, EDGE = "us-east-1", "edge"
_MARKS = b"names/behind\x00"

Hear = Callable[[str, list[Entry]], None]


class Copying:
    """The copies that a host has to make."""

    def __init__(
        self,
        runtime: Runtime,
        store: Store,
        replica: Replica,
        followers: dict[str, Follower],
        hear: Hear,
    ) -> None:
        self._runtime = runtime
        self._store = store
        self._replica = replica
        self._followers = followers
        self._hear = hear
        self._running: dict[str, None] = {}

    def behind(self, missed: Behind) -> None:
        """Entries of a log are lost to this host: copy, from now on until it is done."""
        self._store.put(_MARKS + missed.source.encode(), b"")
        self._begin(missed.source)

    def take_up(self, source: str) -> None:
        """Go on with a copy that was under way, if one was."""
        if self.has_to_copy(source):
            self._begin(source)

    def has_to_copy(self, source: str) -> bool:
        """Whether something is still missing."""
        return self._store.get(_MARKS + source.encode()) is not None

    def _begin(self, source: str) -> None:
        if source not in self._running:
            self._running[source] = None
            self._runtime.spawn(self._copy(source), f"copy what {source} said")

    async def _copy(self, source: str) -> None:
        follower = self._followers[source]
        while self.has_to_copy(source):
            try:
                if source == HOME:
                    await self._copy_zones(follower)
                if source == EDGE:
                    self._say(
                        source, [(VERDICTS_QUERY, await follower.query(VERDICTS_QUERY, None))]
                    )
                else:
                    await self._copy_names(follower)
                    await self._copy_controls(follower)
                self._store.delete(_MARKS + source.encode())
            except (Gone, TimedOut, Refused, DiskFull):
                await self._runtime.sleep(self._runtime.interval(RETRY_S))
        del self._running[source]

    async def _copy_names(self, follower: Follower) -> None:
        told: dict[str, Any] = {}
        for kind in NAME_KINDS:
            with suppress(Refused):  # a host of control planes has no such names
                told |= dict(await follower.query(kind, None))
        gone = {name: None for name in self._replica.names_of(follower.source) if name not in told}
        pairs = {**told, **gone}
        self._say(follower.source, [(NAME_KINDS[0], [name, pairs[name]]) for name in pairs])

    async def _copy_controls(self, follower: Follower) -> None:
        try:
            told = await follower.query(CONTROL_KIND, None)
        except Refused:
            return  # no endpoint of recovery clusters is there
        self._say(follower.source, [(CONTROL_KIND, control) for control in told])

    async def _copy_zones(self, follower: Follower) -> None:
        zones, checks, collections = await follower.query(ZONES_QUERY, None)
        said: list[tuple[str, Any]] = []
        for kind, found, known in (
            (ZONE_KIND, zones, [zone.id for zone in self._replica.zones]),
            (HEALTH_CHECK_KIND, checks, list(self._replica.checks())),
            (CIDR_KIND, collections, self._replica.collection_ids()),
        ):
            told = {record["id"]: record for record in found}
            said += [(kind, [id_, None]) for id_ in known if id_ not in told]
            said += [(kind, [id_, record]) for id_, record in told.items()]
        self._say(follower.source, said)
        for zone in zones:
            await self._copy_records(follower, zone["id"])

    async def _copy_records(self, follower: Follower, zone_id: str) -> None:
        known = self._replica.record_keys(zone_id)
        start: list[str] | None = None
        with self._replica.watched(zone_id) as touched:
            while True:
                found, start = await follower.query(RECORDS_QUERY, [zone_id, start])
                self._say(follower.source, [(RECORDS_KIND, [zone_id, found, [], ""])])
                if start is None:
                    break
        gone = [list(key) for key in known if key not in touched]
        self._say(follower.source, [(RECORDS_KIND, [zone_id, [], gone, ""])])

    def _say(self, source: str, said: list[tuple[str, Any]]) -> None:
        """Hear what the log would have said."""
        self._hear(source, [Entry(0, kind, 0.0, payload) for kind, payload in said])

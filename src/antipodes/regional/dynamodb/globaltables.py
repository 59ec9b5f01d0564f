"""Global tables: replicas of a table in several regions, each written to, all ending alike.

Modelled on version 2019.11.21 with multi-Region eventual consistency. Every region follows the
change log of every other. In it are the items written there (`dynamodb/item`), the groups of
replicas as they were changed there (`dynamodb/group`), and marks (`dynamodb/mark`, see marks.py).
What was applied from elsewhere is never appended again. The greater version of an item wins
(tables.py), and so it is with the members of a group (groups.py).

A region that finds itself a new member makes the table and copies the items (copies.py) from every
other member, meanwhile taking what the logs bring. With the copy from the region where it was asked
for it is ACTIVE; the other copies bring what had not reached that region yet. A follower that fell
behind a log copies likewise.

Sources: "How DynamoDB global tables work" and "Global tables tutorials" (Developer Guide); error
texts as recorded in ack-api-quirks, services/dynamodb, DDB-TABLE-203, 223, 225, 266, 267, 298.
Left out: several changes of an item folded into one on their way, as AWS may do.
"""

from functools import partial
from typing import Any, Protocol

import msgspec

from antipodes.regional.dynamodb import legacytables
from antipodes.regional.dynamodb.backfills import IndexWork
from antipodes.regional.dynamodb.backups import Backups
from antipodes.regional.dynamodb.copies import Copies, Copy
from antipodes.regional.dynamodb.deletions import Deletions
from antipodes.regional.dynamodb.errors import in_use, not_found, validation
from antipodes.regional.dynamodb.groups import (
    ACTIVE,
    CHANGING,
    CREATING,
    DELETED,
    DELETING,
    FAILED,
    SOURCE_HELD_S,
    UPDATING,
    WHOLE,
    Group,
    Member,
    group_of,
    merge_groups,
)
from antipodes.regional.dynamodb.lagmetrics import LagMetrics
from antipodes.regional.dynamodb.marks import MARK_KIND, Marks
from antipodes.regional.dynamodb.mending import mend_for_ever
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.pauses import PAUSE_KIND, Pauses
from antipodes.regional.dynamodb.replicaupdates import (
    ReplicaUpdate,
    already_there,
    asked,
    described,
    not_part,
    overridden,
)
from antipodes.regional.dynamodb.settings import applied, differences, view_of
from antipodes.regional.dynamodb.streamsettings import replicated_stream
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import ITEM_KIND, TableStore
from antipodes.regional.dynamodb.taking import Taking
from antipodes.regional.dynamodb.tombstones import Tombstones
from antipodes.replication.follower import Behind, Follower
from antipodes.replication.logserver import Refused
from antipodes.replication.versions import Version
from antipodes.runtime.contract import Gone, TimedOut
from antipodes.service.contract import Call, Host
from antipodes.service.records import Records

KINDS = ("dynamodb/",)
GROUP_KIND = "dynamodb/group"
EXISTENCE_S_MAX = 2.0


class Tables(Protocol):
    """What global tables need of the service they belong to."""

    host: Host
    tables: TableRecords
    items: TableStore
    backups: Backups
    deletions: Deletions
    index_work: IndexWork

    def delay_s(self) -> float:
        """How long changes of tables take."""


class GlobalTables:
    """The replicas that this region holds, and what it knows of all others."""

    def __init__(self, service: Tables) -> None:
        host = self._host = service.host
        self._service = service
        self._runtime = host.runtime
        self._region = host.place
        self.groups = Records(host.store, "dynamodb/group", Group)
        self._marks = Marks(host, service.items.clock)
        self._tombstones = Tombstones(service, self.groups, self._marks, self._group_of)
        self._copies = Copies(
            host,
            service.tables,
            service.items,
            completed=self._activate,
            learn_groups=self._learn_groups,
            held_up=self._held_up,
        )
        self.pauses = Pauses(host, self._pause_ended)
        self.taking = Taking(service, self.pauses, self._hear, self._takes)
        self.held = self.taking.held
        self._metrics = LagMetrics(host, self.taking.lags, self.held, self._is_legacy)
        self.followers: dict[str, Follower] = {}
        service.tables.watchers.append(self._table_changed)
        # Followers elsewhere may ask as soon as the host's door is open.
        host.changes.serve("dynamodb/exists", self._serve_exists)
        host.changes.serve("dynamodb/groups", self._serve_groups)
        host.changes.serve("dynamodb/facts", self.facts)
        host.changes.on_rewound.append(self._went_back)
        for kind in (ITEM_KIND, "query/dynamodb/page", "query/dynamodb/exists"):
            host.changes.sent.tell_apart(kind)

    async def start(self) -> None:
        """Follow every other region of the world, and take up the copies that were under way."""
        self._marks.restore()
        self.pauses.start()
        self.held.start()
        for source in self._host.world.regions:
            if source != self._region:
                follower = self.followers[source] = Follower(
                    self._runtime,
                    self._host.store,
                    source=source,
                    name="dynamodb",
                    kinds=KINDS,
                    apply=partial(self.taking.apply, source),
                    behind=self._fall_behind,
                )
                self._runtime.spawn(follower.run(), f"follow {source}")
        self._copies.start(self.followers)
        self._metrics.start(self.followers)
        self._tombstones.start()
        self._runtime.spawn(mend_for_ever(self, self._service), "mend replicas")
        await self._host.store.committed()

    def status(self) -> list[dict[str, Any]]:
        """How far this region has come with each other one."""
        return [
            {
                **follower.status(),
                "delay": self.held.delay,
                "held": self.held.count(source),
                "paused": self.pauses.tables(source),
                "latency_ms": self.taking.lags.percentiles(source),
            }
            for source, follower in self.followers.items()
        ]

    # What UpdateTable and DeleteTable ask for.

    async def update_replicas(
        self, call: Call, table: Table, updates: list[dict[str, Any]]
    ) -> None:
        """Add, change or delete a replica, as `ReplicaUpdates` says; the rest happens later."""
        update = asked(updates, table)
        region = update.region
        if region not in self._host.world.regions:
            raise validation(
                f"Region {region} is not supported. The latest version of global tables are only "
                f"supported in the following regions: [{', '.join(self._host.world.regions)}]"
            )
        group = self._check_settled(table)
        if group is not None and group.legacy:
            raise validation(
                f"The table {table.name} is part of a global table of version 2017.11.29: its "
                "replicas are changed by UpdateGlobalTable"
            )
        if update.action == "Delete":
            self._delete_replica(group, region)
        elif update.action == "Update":
            self._update_replica(group, update)
        else:
            await self._create_replica(table, group, update)

    async def _create_replica(
        self, table: Table, group: Group | None, update: ReplicaUpdate
    ) -> None:
        region = update.region
        if (group is not None and group.status(region) != DELETED) or await self.exists_in(
            region, table
        ):
            raise validation(already_there(table))
        present = self._service.tables.get(table.account, table.name)
        if present is None or present.identity != table.identity:
            raise not_found(f"Requested resource not found: Table: {table.name} not found")
        group = self._check_settled(present)  # it may have changed while the region was asked
        version = self.tick(group)
        group = group or group_of(present, version)
        if region in group.holders():
            raise in_use()
        added = Member(CREATING, version, source=self._region, added=self._runtime.wall())
        self.change(overridden(group, update, version).with_member(region, added))

    def _update_replica(self, group: Group | None, update: ReplicaUpdate) -> None:
        if group is None or group.status(update.region) != ACTIVE:
            raise validation(not_part(update.region))
        version = self.tick(group)
        group = overridden(group, update, version)
        if update.region != self._region:  # which says when it has it
            member = group.members[update.region]
            changing = msgspec.structs.replace(member, status=UPDATING, version=version)
            group = group.with_member(update.region, changing)
        self.change(group)

    def leave(self, table: Table) -> None:
        """Tell the group that this region's table is being deleted; raises if it may not be."""
        group = self._group_of(table)
        if group is None:
            return
        self._check_no_source(group, self._region)
        if any(group.status(r) in CHANGING for r in group.holders()):
            raise in_use()
        gone = Member(DELETED, self.tick(group))
        self._publish(group.with_member(self._region, gone))

    def settings_changed(self, before: Table, after: Table) -> None:
        """Tell the other replicas of what a request changed."""
        group = self._group_of(after)
        if group is None or group.legacy:
            return
        changes = differences(before, after, self.tick(group))
        if changes:
            self._publish(group.with_settings(changes))

    def check_changeable(self, table: Table) -> None:
        """Refuse to change the settings of a table whose replication is paused."""
        if self.pauses.touch(table.account, table.name):
            raise in_use()

    def described(self, table: Table) -> dict[str, Any]:
        """What DescribeTable says of a table's replicas."""
        group = self.groups.get(table.account, table.name)
        return {} if group is None or table.strong else described(table, group)

    def _check_settled(self, table: Table) -> Group | None:
        if table.filling:
            raise validation(
                "Create/Update/Delete of replica is not allowed while the replica is being added "
                f"to table with name: {table.name} in region {self._region}"
            )
        self.check_changeable(table)
        if table.status(self._runtime.wall()) != "ACTIVE":
            raise in_use()
        return self._group_of(table)

    def _check_no_source(self, group: Group, region: str) -> None:
        since = self._runtime.wall() - self._runtime.interval(SOURCE_HELD_S)
        if group.sourced_from(region, since):
            raise validation(
                "Replica cannot be deleted because it has acted as a source region for new "
                "replica(s) being added to the table in the last 24 hours."
            )

    def _delete_replica(self, group: Group | None, region: str) -> None:
        if group is None or group.status(region) == DELETED:
            raise validation(not_part(region))
        self._check_no_source(group, region)
        status = DELETED if group.status(region) == FAILED else DELETING
        self.change(group.with_member(region, Member(status, self.tick(group))))

    async def exists_in(self, region: str, table: Table) -> bool:
        """Whether a table of that name is there; a region that cannot be asked finds out later."""
        try:
            async with self._runtime.timeout(self._runtime.deadline(EXISTENCE_S_MAX)):
                found = await self.followers[region].query(
                    "dynamodb/exists", [table.account, table.name]
                )
        except (Gone, TimedOut, Refused):
            return False
        return bool(found)

    # Groups: kept, told, and lived up to.

    def _group_of(self, table: Table) -> Group | None:
        """The group that this region's table belongs to."""
        group = self.groups.get(table.account, table.name)
        member = group is not None and group.status(self._region) not in {DELETED, FAILED}
        return group if member else None

    def tick(self, group: Group | None) -> Version:
        """A version above all that a group has."""
        return self._service.items.clock.tick(None if group is None else group.latest())

    def _publish(self, group: Group) -> None:
        """Keep a group and tell every region of it."""
        self.groups.put(group.account, group.name, group)
        self._host.changes.append(GROUP_KIND, msgspec.to_builtins(group))

    def change(self, group: Group) -> None:
        """Keep a group, tell every region of it, and do here what it says."""
        if group.legacy:
            self._take_settings(self.groups.get(group.account, group.name), group)
        self._publish(group)
        self._live_up_to(group)

    def _learn(self, told: Group) -> None:
        """Take what another region says of a group."""
        self._service.items.clock.observe(told.latest())
        known = self.groups.get(told.account, told.name)
        if known is not None and known.born < told.born:
            table = self._service.tables.get(told.account, told.name)
            if table is not None and known.status(self._region) not in {DELETED, FAILED}:
                self._drop(table)  # a replica of what is no more
        merged = told if known is None else merge_groups(known, told)
        if merged != known:
            if merged.legacy:
                self._take_settings(known, merged)
            self.groups.put(merged.account, merged.name, merged)
            self._live_up_to(merged)

    def _take_settings(self, known: Group | None, told: Group) -> None:
        """Take what UpdateGlobalTableSettings says anew: nothing else is shared of a legacy one."""
        table = self._service.tables.get(told.account, told.name)
        if table is not None and told.status(self._region) in WHOLE:
            old = {} if known is None else known.settings
            fresh = {n: s.value for n, s in told.settings.items() if old.get(n) != s}
            self._service.tables.put(told.account, told.name, legacytables.settled(table, fresh))

    def _live_up_to(self, group: Group) -> None:
        """Make this region's table what the group says it is."""
        table = self._service.tables.get(group.account, group.name)
        if table is not None and table.strong:
            return  # what it was before says nothing of it
        own = group.status(self._region)
        if group.legacy and own in {CREATING, DELETING}:
            self._join_or_part(group, table)
        elif own == CREATING and table is None:
            self._make_replica(group)
        elif own == CREATING and table is not None and not table.filling:
            failed = Member(FAILED, self.tick(group))
            self._publish(group.with_member(self._region, failed))
        elif own == DELETING:
            if table is not None:
                self._drop(table)
            deleted = Member(DELETED, self.tick(group))
            self._publish(group.with_member(self._region, deleted))
        elif own in {CREATING, *WHOLE} and table is not None:
            self._update_table(group, table)
            if own == UPDATING:
                self._publish(self._with_own(group, ACTIVE))

    def _join_or_part(self, group: Group, table: Table | None) -> None:
        """Make a table part of a legacy group, or an ordinary one again."""
        if group.status(self._region) == CREATING and table is not None:
            self._marks.reset()
            self._begin_copies(group, table)
            self.change(self._with_own(group, ACTIVE))
            return
        self._publish(self._with_own(group, DELETED))
        if table is not None:
            self._copies.call_off(table)
            self._service.tables.put(table.account, table.name, legacytables.parted(table))

    def _with_own(self, group: Group, status: str) -> Group:
        """The group with another status of this region's replica."""
        member = group.members[self._region]
        changed = msgspec.structs.replace(member, status=status, version=self.tick(group))
        return group.with_member(self._region, changed)

    def _make_replica(self, group: Group) -> None:
        now = self._runtime.wall()
        table = Table(
            account=group.account,
            region=self._region,
            name=group.name,
            identity=self._service.deletions.unused_identity(group.account, group.name, now),
            created=now,
            active_at=now + self._service.delay_s(),
            key_names=group.key_names,
            key_types=group.key_types,
            filling=True,
        )
        self._update_table(group, table, new=True)
        self._marks.reset()
        self._begin_copies(group, table)

    def _begin_copies(self, group: Group, table: Table) -> None:
        first = group.members[self._region].source
        for source in group.holders():
            if source != self._region and group.status(source) in WHOLE:
                copy = Copy(group.account, group.name, source, table.identity)
                first_of_all = msgspec.structs.replace(copy, makes_active=source == first)
                self._copies.begin(first_of_all)

    def _update_table(self, group: Group, table: Table, *, new: bool = False) -> None:
        replicas, now = group.seen_from(self._region), self._runtime.wall()
        stream = replicated_stream(table, view_of(group.settings), now) if replicas else {}
        told = msgspec.structs.replace(table, replicas=replicas, legacy=group.legacy, **stream)
        if not group.legacy:
            until = now + self._service.delay_s()
            told = applied(told, group.settings, now, until, new=new)
        if told != table:
            self._service.tables.put(table.account, table.name, told)
            self._service.index_work.begin(told)

    def _drop(self, table: Table) -> None:
        self._service.backups.leave(table)
        self._service.deletions.forget(table)
        self._copies.call_off(table)

    def _table_changed(self, before: Table | None, after: Table | None) -> None:
        """An index that is gone may be wanted again already."""
        if before is None or after is None or len(before.indexes) <= len(after.indexes):
            return
        group = self._group_of(after)
        if group is not None:
            self._update_table(group, after)

    # What the logs bring but for items.

    def _hear(self, source: str, kind: str, payload: Any, *, complete: bool) -> None:
        """Take a group, a pause, or a mark before which all was taken (`complete`) or held."""
        if kind == GROUP_KIND:
            self._learn(msgspec.convert(payload, Group))
        elif kind == PAUSE_KIND:
            self.pauses.hear(source, payload)
        elif kind == MARK_KIND:
            self._marks.hear(source, payload, copying=self._copies.any or not complete)

    def _takes(self, account: str, name: str, source: str) -> tuple[Table, Version] | None:
        """The table that takes a source's items, and the version above which it does."""
        table, group = self._service.tables.get(account, name), self.groups.get(account, name)
        if table is None or group is None or source not in group.members:
            return None
        return (table, group.born) if self._group_of(table) is not None else None

    def _is_legacy(self, account: str, name: str) -> bool:
        group = self.groups.get(account, name)
        return group is not None and group.legacy

    def _held_up(self, copy: Copy) -> bool:
        """Whether a copy has to wait for the end of a pause."""
        return self.pauses.holds(copy.account, copy.table, copy.source)

    def _pause_ended(self) -> None:
        self.held.look_again()
        self._copies.look_again()

    # Copies: what the logs do not bring.

    def _fall_behind(self, missed: Behind) -> None:
        """Entries are lost to this follower: copy what they would have brought."""
        self._copies.begin(Copy("", "", missed.source, b""))

    def _serve_exists(self, asked: list[str]) -> bool:
        return self._service.tables.get(asked[0], asked[1]) is not None

    def _went_back(self, place: str, name: str) -> None:
        """Another region has heard what is lost here: copy what it has."""
        if name == "dynamodb" and place in self.followers:
            self._copies.begin(Copy("", "", place, b""))

    def facts(self, asked: list[str]) -> dict[str, Any] | None:
        """What this region's table is like, for who makes it part of a legacy global table."""
        table = self._service.tables.get(asked[0], asked[1])
        return (
            None
            if table is None
            else legacytables.facts(table, self._service.items.count(table).items)
        )

    def _serve_groups(self, _: None) -> list[Any]:
        return [msgspec.to_builtins(group) for _, _, group in self.groups.all()]

    def _learn_groups(self, source: str, told: list[Any]) -> None:
        """Take the groups that a source knows, and copy every table that it holds with us."""
        for plain in told:
            group = msgspec.convert(plain, Group)
            self._learn(group)
            table = self._service.tables.get(group.account, group.name)
            if table is None or group.status(source) not in WHOLE:
                continue
            copy = Copy(group.account, group.name, source, table.identity)
            if self._group_of(table) is not None and not self._copies.has(copy):
                self._copies.begin(copy)

    def _activate(self, table: Table) -> None:
        group = self.groups.get(table.account, table.name)
        assert group is not None, "a replica without a group"
        member = group.members[self._region]
        self._service.tables.put(
            table.account, table.name, msgspec.structs.replace(table, filling=False)
        )
        if member.status == CREATING:
            self.change(self._with_own(group, ACTIVE))

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
Left out: replica overrides and `Update`, strong consistency and witnesses, stream coalescing.
"""

from functools import partial
from typing import Any, Protocol

import msgspec

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.backups import Backups
from antipodes.regional.dynamodb.copies import Copies, Copy
from antipodes.regional.dynamodb.deletions import Deletions
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.groups import (
    ACTIVE,
    CREATING,
    DELETED,
    DELETING,
    FAILED,
    SOURCE_HELD_S,
    Group,
    Member,
    group_of,
    merge_groups,
    settings_of,
)
from antipodes.regional.dynamodb.marks import MARK_KIND, Marks, settled
from antipodes.regional.dynamodb.model import Table, not_offered
from antipodes.regional.dynamodb.pauses import PAUSE_KIND, Pauses
from antipodes.regional.dynamodb.streamsettings import replicated_stream
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.regional.dynamodb.tables import ITEM_KIND, TableStore
from antipodes.regional.dynamodb.taking import Taking
from antipodes.replication.follower import Behind, Follower
from antipodes.replication.logserver import Refused
from antipodes.replication.versions import Version
from antipodes.runtime.contract import DiskFull, Gone, TimedOut
from antipodes.service.contract import Call, Host, ServiceError
from antipodes.service.records import Records

KINDS = ("dynamodb/",)
GROUP_KIND = "dynamodb/group"
MARK_S = 15.0
EXISTENCE_S_MAX = 2.0


class Tables(Protocol):
    """What global tables need of the service they belong to."""

    host: Host
    tables: TableRecords
    items: TableStore
    backups: Backups
    deletions: Deletions


class GlobalTables:
    """The replicas that this region holds, and what it knows of all others."""

    def __init__(self, service: Tables) -> None:
        host = self._host = service.host
        self._service = service
        self._runtime = host.runtime
        self._region = host.place
        self._groups = Records(host.store, "dynamodb/group", Group)
        self._marks = Marks(host, service.items.clock)
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
        self.followers: dict[str, Follower] = {}
        # Followers elsewhere may ask as soon as the host's door is open.
        host.changes.serve("dynamodb/exists", self._serve_exists)
        host.changes.serve("dynamodb/groups", self._serve_groups)
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
        self._runtime.spawn(self._mark_for_ever(), "mark and purge")
        await self._host.store.committed()

    def status(self) -> list[dict[str, Any]]:
        """How far this region has come with each other one."""
        return [
            {
                **follower.status(),
                "delay": self.held.delay,
                "held": self.held.count(source),
                "paused": self.pauses.tables(source),
            }
            for source, follower in self.followers.items()
        ]

    # What UpdateTable and DeleteTable ask for.

    async def update_replicas(
        self, call: Call, table: Table, updates: list[dict[str, Any]]
    ) -> None:
        """Add or delete a replica, as `ReplicaUpdates` says; the rest happens in the background."""
        action, region = self._one_action(updates)
        if region == self._region:
            raise validation(
                "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, "
                "DeleteTable, or UpdateTable as required."
            )
        if region not in self._host.world.regions:
            raise validation(
                f"Region {region} is not supported. The latest version of global tables are only "
                f"supported in the following regions: [{', '.join(self._host.world.regions)}]"
            )
        group = self._check_settled(table)
        if action == "Delete":
            self._delete_replica(group, region)
            return
        if (group is not None and group.status(region) != DELETED) or await self._exists_in(
            region, table
        ):
            raise validation(
                f"Failed to create a the new replica of table with name: '{table.name}' because "
                "one or more replicas already existed as tables."
            )
        present = self._service.tables.get(table.account, table.name)
        if present is None or present.identity != table.identity:
            raise ServiceError(
                "ResourceNotFoundException",
                f"Requested resource not found: Table: {table.name} not found",
            )
        group = self._check_settled(present)  # it may have changed while the region was asked
        version = self._tick(group)
        group = group or group_of(present, version)
        if region in group.holders():
            raise self._in_use(table)
        added = Member(CREATING, version, source=self._region, added=self._runtime.wall())
        self._change(group.with_member(region, added))

    def leave(self, table: Table) -> None:
        """Tell the group that this region's table is being deleted; raises if it may not be."""
        group = self._group_of(table)
        if group is None:
            return
        self._check_no_source(group, self._region)
        if any(group.status(r) in {CREATING, DELETING} for r in group.holders()):
            raise self._in_use(table)
        gone = Member(DELETED, self._tick(group))
        self._publish(group.with_member(self._region, gone))

    def settings_changed(self, table: Table) -> None:
        """Tell the other replicas of what UpdateTable changed."""
        group = self._group_of(table)
        if group is not None:
            settings = settings_of(table, self._tick(group))
            self._publish(msgspec.structs.replace(group, settings=settings))

    @staticmethod
    def _one_action(updates: list[dict[str, Any]]) -> tuple[str, str]:
        if len(updates) != 1:
            raise validation("Only one replica can be added or deleted by one UpdateTable call.")
        actions = {name: value for name, value in updates[0].items() if value is not None}
        if not actions:
            raise validation(
                "There are no actions specified in the Replica Update Action of the request."
            )
        if len(actions) > 1:
            raise validation(
                "Update table operation with more than one type of replica actions not allowed."
            )
        ((action, details),) = actions.items()
        if action == "Update":
            raise not_offered("ReplicaUpdates.Update")
        overrides = sorted(
            name for name, value in details.items() if value and name != "RegionName"
        )
        if overrides:
            raise not_offered(f"ReplicaUpdates.{action}.{overrides[0]}")
        return action, details["RegionName"]

    def _check_settled(self, table: Table) -> Group | None:
        if table.filling:
            raise validation(
                "Create/Update/Delete of replica is not allowed while the replica is being added "
                f"to table with name: {table.name} in region {self._region}"
            )
        paused = self.pauses.paused(table.account, table.name)
        if paused or table.status(self._runtime.wall()) != "ACTIVE":
            raise self._in_use(table)
        return self._group_of(table)

    @staticmethod
    def _in_use(table: Table) -> ServiceError:
        return ServiceError(
            "ResourceInUseException",
            "Attempt to change a resource which is still in use: "
            f"Table: {table.name} is being used.",
        )

    def _check_no_source(self, group: Group, region: str) -> None:
        since = self._runtime.wall() - self._runtime.interval(SOURCE_HELD_S)
        if group.sourced_from(region, since):
            raise validation(
                "Replica cannot be deleted because it has acted as a source region for new "
                "replica(s) being added to the table in the last 24 hours."
            )

    def _delete_replica(self, group: Group | None, region: str) -> None:
        if group is None or group.status(region) == DELETED:
            raise validation(
                "Update global table operation failed because one or more replicas were not part "
                f"of the global table. Please retry the request without these replicas: [{region}]."
            )
        self._check_no_source(group, region)
        status = DELETED if group.status(region) == FAILED else DELETING
        self._change(group.with_member(region, Member(status, self._tick(group))))

    async def _exists_in(self, region: str, table: Table) -> bool:
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
        group = self._groups.get(table.account, table.name)
        member = group is not None and group.status(self._region) not in {DELETED, FAILED}
        return group if member else None

    def _tick(self, group: Group | None) -> Version:
        return self._service.items.clock.tick(None if group is None else group.latest())

    def _publish(self, group: Group) -> None:
        """Keep a group and tell every region of it."""
        self._groups.put(group.account, group.name, group)
        self._host.changes.append(GROUP_KIND, msgspec.to_builtins(group))

    def _change(self, group: Group) -> None:
        self._publish(group)
        self._live_up_to(group)

    def _learn(self, told: Group) -> None:
        """Take what another region says of a group."""
        self._service.items.clock.observe(told.latest())
        known = self._groups.get(told.account, told.name)
        if known is not None and known.born < told.born:
            table = self._service.tables.get(told.account, told.name)
            if table is not None and known.status(self._region) not in {DELETED, FAILED}:
                self._drop(table)  # a replica of what is no more
        merged = told if known is None else merge_groups(known, told)
        if merged != known:
            self._groups.put(merged.account, merged.name, merged)
            self._live_up_to(merged)

    def _live_up_to(self, group: Group) -> None:
        """Make this region's table what the group says it is."""
        table = self._service.tables.get(group.account, group.name)
        own = group.status(self._region)
        if own == CREATING and table is None:
            self._make_replica(group)
        elif own == CREATING and table is not None and not table.filling:
            failed = Member(FAILED, self._tick(group))
            self._publish(group.with_member(self._region, failed))
        elif own == DELETING:
            if table is not None:
                self._drop(table)
            deleted = Member(DELETED, self._tick(group))
            self._publish(group.with_member(self._region, deleted))
        elif own in {CREATING, ACTIVE} and table is not None:
            self._update_table(group, table)

    def _make_replica(self, group: Group) -> None:
        now = self._runtime.wall()
        delay_s = self._runtime.interval(self._host.settings.control_plane_delay_s)
        table = Table(
            account=group.account,
            region=self._region,
            name=group.name,
            identity=rows.table_id(group.account, group.name, now),
            created=now,
            active_at=now + delay_s,
            key_names=group.key_names,
            key_types=group.key_types,
            filling=True,
        )
        self._update_table(group, table)
        self._marks.reset()
        first = group.members[self._region].source
        for source in group.holders():
            if source != self._region and group.status(source) == ACTIVE:
                self._copies.begin(
                    Copy(
                        group.account,
                        group.name,
                        source,
                        table.identity,
                        makes_active=source == first,
                    )
                )

    def _update_table(self, group: Group, table: Table) -> None:
        replicas, settings = group.seen_from(self._region), group.settings
        self._service.tables.put(
            table.account,
            table.name,
            msgspec.structs.replace(
                table,
                replicas=replicas,
                **(replicated_stream(table, self._runtime.wall()) if replicas else {}),
                billing=settings.billing,
                read_units=settings.read_units,
                write_units=settings.write_units,
                table_class=settings.table_class,
                ttl_attribute=settings.ttl_attribute,
                ttl_status=settings.ttl_status,
                ttl_changed=settings.ttl_changed,
            ),
        )

    def _drop(self, table: Table) -> None:
        self._service.backups.leave(table)
        self._service.deletions.forget(table)
        self._copies.call_off(table)

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
        table, group = self._service.tables.get(account, name), self._groups.get(account, name)
        if table is None or group is None or source not in group.members:
            return None
        return (table, group.born) if self._group_of(table) is not None else None

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

    def _serve_groups(self, _: None) -> list[Any]:
        return [msgspec.to_builtins(group) for _, _, group in self._groups.all()]

    def _learn_groups(self, source: str, told: list[Any]) -> None:
        """Take the groups that a source knows, and copy every table that it holds with us."""
        for plain in told:
            group = msgspec.convert(plain, Group)
            self._learn(group)
            table = self._service.tables.get(group.account, group.name)
            if table is None or group.status(source) != ACTIVE:
                continue
            copy = Copy(group.account, group.name, source, table.identity)
            if self._group_of(table) is not None and not self._copies.has(copy):
                self._copies.begin(copy)

    def _activate(self, table: Table) -> None:
        group = self._groups.get(table.account, table.name)
        assert group is not None, "a replica without a group"
        member = group.members[self._region]
        self._service.tables.put(
            table.account, table.name, msgspec.structs.replace(table, filling=False)
        )
        if member.status == CREATING:
            version = self._tick(group)
            active = msgspec.structs.replace(member, status=ACTIVE, version=version)
            self._change(group.with_member(self._region, active))

    # Marks, and the end of tombstones.

    def purge(self) -> int:
        """Forget the tombstones that have won everywhere; return how many were looked at."""
        looked = 0
        for _, _, group in self._groups.all():
            table = self._service.tables.get(group.account, group.name)
            if table is not None and not table.filling and self._group_of(table) is not None:
                before = settled(group, self._marks.passed)
                looked += self._service.items.purge_tombstones(table, before)
        return looked

    async def _mark_for_ever(self) -> None:
        while True:
            await self._runtime.sleep(self._runtime.interval(MARK_S))
            try:
                if next(self._groups.all(), None) is not None:
                    self._marks.make()
                while self.purge():
                    await self._host.store.committed()
            except DiskFull:
                self._runtime.journal.sometimes("dynamodb.mark-put-off")

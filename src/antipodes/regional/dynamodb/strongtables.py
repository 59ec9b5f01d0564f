"""Global tables with strong consistency: their three regions, from the first day to the last.

A table becomes one while it is empty, all three members at once: two further replicas, or one and
a witness. Its members never change, so a majority is always one of the same three. It ends when the
two others are removed together; nobody can leave alone.

The region where that is asked for drives it. To make one, it asks the others to *join*: they make
their replica (or the witness, which is a table that nobody can see) and answer for it from then on.
To end one, it becomes the *keeper*: once one of the others has stopped answering anybody but the
keeper, no value can be chosen without the keeper; so it fetches from that one what it has not, is
a plain table then, and tells both to drop theirs. Every step is a record, and goes on after
restarts.

Members follow each other's change logs for chosen values, by followers of their own: what other
tables replicate does not hold them up.
"""

import contextlib
from functools import partial
from typing import Any

import msgspec

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.errors import in_use, validation
from antipodes.regional.dynamodb.features import Busy, Recovery
from antipodes.regional.dynamodb.model import Replica, Table
from antipodes.regional.dynamodb.strong import CHOSEN_KIND, Paused, Strong
from antipodes.regional.dynamodb.strongcare import StrongCare
from antipodes.regional.dynamodb.strongregisters import NEVER
from antipodes.regional.dynamodb.strongrequests import (
    StrongGroup,
    actions_of,
    check_begin,
    check_end,
    check_regions,
    check_table,
)
from antipodes.regional.dynamodb.strongsettings import SETTINGS_KIND, StrongSettings, Tables
from antipodes.replication.changelog import Entry
from antipodes.replication.follower import Behind, Follower
from antipodes.replication.logserver import Refused
from antipodes.replication.versions import TIME_MAX
from antipodes.runtime.contract import DiskFull, Gone, TimedOut
from antipodes.service.contract import ServiceError
from antipodes.service.records import Records

KINDS = ("strong/",)
GROUP_KIND = "strong/group"
CONTROL = "dynamodb/strong-table"
RETRY_S = 0.5
EXISTENCE_S_MAX = 2.0
CREATING, ACTIVE, DELETING = "CREATING", "ACTIVE", "DELETING"


class StrongTables:
    """The strongly consistent tables that this region is a member of."""

    def __init__(self, service: Tables, elsewhere: dict[str, Follower], paused: Paused) -> None:
        """`elsewhere`: the followers of all other regions, for those that are no members yet."""
        self._paused = paused
        host = self._host = service.host
        self._service = service
        self._runtime = host.runtime
        self._region = host.place
        self._elsewhere = elsewhere
        self._groups = Records(host.store, "dynamodb/strong-group", StrongGroup)
        self._witnesses = Records(host.store, "dynamodb/strong-witness", Table)
        self._behind = Records(host.store, "dynamodb/strong-behind", StrongGroup)
        self.followers: dict[str, Follower] = {}
        self.strong = Strong(host, service.items, self.find, self.followers, paused)
        self.settings = StrongSettings(service)
        self.care = StrongCare(host.runtime, host.store, self.strong)
        self._driven: dict[tuple[str, str], None] = {}
        self._known: dict[tuple[str, str], None] = {}
        self._watching = False
        self._recall()
        host.store.on_rollback(self._recall)
        host.changes.serve(CONTROL, self._serve)

    def _recall(self) -> None:
        self._known = {(account, name): None for account, name, _ in self._groups.all()}

    async def start(self) -> None:
        """Follow the members of every table, and go on with what was under way."""
        for _, _, group in list(self._groups.all()):
            self._follow(group)
            self._drive(group)
        await self._host.store.committed()

    # Tables.

    def find(self, account: str, name: str) -> Table | None:
        """A strongly consistent table of this region, a witness's too."""
        table = self._service.tables.get(account, name)
        if table is None or not table.strong:
            return self._witnesses.get(account, name)
        return table

    @property
    def any(self) -> bool:
        """Whether there is any: the quick question."""
        return bool(self._known)

    def holds(self, account: str, name: str) -> bool:
        """Whether a table, by its name or ARN, is one of them."""
        return (account, name.rpartition("/")[2]) in self._known

    def _all(self) -> list[Table]:
        found = [self.find(group.account, group.name) for _, _, group in self._groups.all()]
        return [table for table in found if table is not None]

    def _put(self, table: Table) -> None:
        witness = table.strong_witness == self._region
        put = self._witnesses.put if witness else self._service.tables.put
        put(table.account, table.name, table)

    def described(self, table: Table) -> dict[str, Any]:
        """What DescribeTable adds for such a table."""
        if not table.strong:
            return {}
        found: dict[str, Any] = {"MultiRegionConsistency": "STRONG"}
        group = self._groups.get(table.account, table.name)
        if table.strong_witness and group is not None:
            status = group.status[table.strong_witness]
            found["GlobalTableWitnesses"] = [
                {"RegionName": table.strong_witness, "WitnessStatus": status}
            ]
        return found

    # What UpdateTable asks for.

    async def update(self, table: Table, request: dict[str, Any]) -> None:
        """Make a table a strongly consistent one, or end that; the rest happens by itself."""
        others, witness = actions_of(request)
        if table.strong:
            self._end(table, others, witness)
        else:
            await self._begin(table, request, others, witness)

    async def _begin(
        self, table: Table, request: dict[str, Any], others: dict[str, str], witness: dict[str, str]
    ) -> None:
        check_begin(request, others, witness)
        if self._groups.get(table.account, table.name) is not None:
            raise in_use()  # the members of an earlier one have not left yet
        world, sets = self._host.world.regions, self._host.settings.strong_region_sets
        check_regions(self._region, [*others, *witness], world, sets=sets)
        check_table(self._service.items, table)
        for region in others:
            if await self._exists_in(region, table):
                raise validation(
                    f"Failed to create a the new replica of table with name: '{table.name}' "
                    "because one or more replicas already existed as tables."
                )
        present = self._service.tables.get(table.account, table.name)
        if present is None or present.identity != table.identity:
            raise ServiceError(
                "ResourceNotFoundException",
                f"Requested resource not found: Table: {table.name} not found",
            )
        check_table(
            self._service.items, present
        )  # it may have changed while the regions were asked
        epoch = self._service.items.clock.tick()
        members = tuple(sorted((self._region, *others, *witness)))
        status = dict.fromkeys(members, CREATING) | {self._region: ACTIVE}
        named = next(iter(witness), "")
        group = StrongGroup(
            table.account, table.name, epoch, self._region, members, named, status, epoch
        )
        made = msgspec.structs.replace(
            present, strong_members=members, strong_witness=named, strong_epoch=epoch
        )
        self._put(made)
        self._change(group)

    async def _exists_in(self, region: str, table: Table) -> bool:
        """Whether a table of that name is there; a region that cannot be asked finds out later."""
        try:
            async with self._runtime.timeout(self._runtime.deadline(EXISTENCE_S_MAX)):
                asked = [table.account, table.name]
                return bool(await self._elsewhere[region].query("dynamodb/exists", asked))
        except (Gone, TimedOut, Refused):
            return False

    def _end(self, table: Table, others: dict[str, str], witness: dict[str, str]) -> None:
        group = self._groups.get(table.account, table.name)
        assert group is not None, "a strongly consistent table without a group"
        check_end(self._region, group, others, witness)
        if group.ending or CREATING in group.status.values():
            raise in_use()
        status = {**dict.fromkeys(group.members, DELETING), self._region: ACTIVE}
        self._put(msgspec.structs.replace(table, strong_keeper=self._region))
        self._change(
            msgspec.structs.replace(group, driver=self._region, status=status, ending=True)
        )

    def check_delete(self, table: Table) -> None:
        """Refuse to delete one member's table."""
        if table.strong:
            raise validation(
                "A replica of a global table with MultiRegionConsistency STRONG cannot be deleted "
                "alone: delete the two other members from this Region first"
            )

    # Groups: kept, told, and lived up to.

    def _change(self, group: StrongGroup) -> None:
        """Change a group that this region drives."""
        version = self._service.items.clock.tick(group.version)
        group = msgspec.structs.replace(group, version=version)
        self._host.changes.append(GROUP_KIND, msgspec.to_builtins(group))
        self._keep(group)
        self._drive(group)

    def _keep(self, group: StrongGroup) -> None:
        self._groups.put(group.account, group.name, group)
        self._known[group.account, group.name] = None
        self._follow(group)
        table = self.find(group.account, group.name)
        if table is not None and table.strong_epoch == group.epoch:
            replicas = tuple(
                Replica(region, group.status[region])
                for region in group.members
                if region not in {self._region, group.witness}
            )
            self._put(msgspec.structs.replace(table, replicas=replicas))

    def _learn(self, told: StrongGroup) -> None:
        known = self._groups.get(told.account, told.name)
        if known is not None and known.epoch == told.epoch and known.version < told.version:
            self._keep(told)

    def _follow(self, group: StrongGroup) -> None:
        if not self._watching:
            self._watching = True
            self._runtime.spawn(self.care.watch(self._all), "watch strongly consistent tables")
        for source in group.members:
            if source != self._region and source not in self.followers:
                follower = self.followers[source] = Follower(
                    self._runtime,
                    self._host.store,
                    source=source,
                    name="strong",
                    kinds=KINDS,
                    apply=partial(self._apply, source),
                    behind=self._fall_behind,
                )
                self._runtime.spawn(follower.run(), f"follow {source} strongly")

    def _apply(self, source: str, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.kind == CHOSEN_KIND:
                account, name, *_ = entry.payload
                if self._paused(account, name, source):
                    self._fetch_later(self._groups.get(account, name))
                else:
                    self.strong.hear(entry.payload)
            elif entry.kind == SETTINGS_KIND:
                self.settings.hear(entry.payload)
            elif entry.kind == GROUP_KIND:
                self._learn(msgspec.convert(entry.payload, StrongGroup))

    def _fall_behind(self, missed: Behind) -> None:
        """A log is lost to this region: fetch what it would have brought."""
        for _, _, group in list(self._groups.all()):
            if missed.source in group.members:
                self._fetch_later(group)

    def _fetch_later(self, group: StrongGroup | None) -> None:
        """Fetch all that is newer elsewhere, as soon as that can be had."""
        if group is not None:
            self._behind.put(group.account, group.name, group)
            self._drive(group)

    # Driving.

    def _drive(self, group: StrongGroup) -> None:
        key = (group.account, group.name)
        if key not in self._driven:
            self._driven[key] = None
            self._runtime.spawn(self._driving(*key), f"drive {group.name}")

    async def _driving(self, account: str, name: str) -> None:
        """Do what is to be done for a group until nothing is."""
        while (group := self._groups.get(account, name)) is not None:
            try:
                if not await self._step(group):
                    break
                await self._host.store.committed()
            except (Gone, TimedOut, Refused, DiskFull, ServiceError):
                await self._runtime.sleep(RETRY_S)
        del self._driven[account, name]

    async def _step(self, group: StrongGroup) -> bool:
        """One step; whether there was anything to do. Raises when it has to be tried again."""
        table = self.find(group.account, group.name)
        if table is not None and self._behind.get(group.account, group.name) is not None:
            whole = rows.table_range(table.identity)
            await self.care.refresh(table, *whole, in_order_s=0.0)
            self._behind.delete(group.account, group.name)
            return True
        if group.driver != self._region:
            return False
        if not group.ending:
            return await self._make(group)
        if table is not None and table.strong_epoch == group.epoch:
            await self._keep_alone(group, table)
            return True
        return await self._dismiss(group)

    async def _make(self, group: StrongGroup) -> bool:
        failure: Exception | None = None
        for region in group.members:
            if group.status[region] == CREATING:
                table = self._service.tables.get(group.account, group.name)
                assert table is not None, "made from a table"
                try:
                    await self._tell(region, "join", group, msgspec.msgpack.encode(table))
                except (Gone, TimedOut, Refused) as error:
                    failure = error
                    continue
                group = msgspec.structs.replace(group, status={**group.status, region: ACTIVE})
                self._change(group)
        if failure is not None:
            raise failure
        return False

    async def _keep_alone(self, group: StrongGroup, table: Table) -> None:
        """Become the only one, with everything that was ever chosen."""
        others = [region for region in group.members if region != self._region]
        silenced = ""
        for region in others:
            with contextlib.suppress(Gone, TimedOut, Refused):
                await self._tell(region, "silence", group, self._region.encode())
                silenced = region
                break
        if not silenced:
            raise Gone("no other member can be reached")
        whole = rows.table_range(table.identity)
        await self.care.refresh(table, *whole, only=(silenced,), in_order_s=0.0)
        found = self._service.tables.get(group.account, group.name)
        assert found is not None, "a table that was being kept"
        self.strong.registers.drop(found)
        while self._service.items.purge_tombstones(found, TIME_MAX):
            pass
        self._service.tables.put(
            group.account,
            group.name,
            msgspec.structs.replace(
                found,
                strong_members=(),
                strong_witness="",
                strong_epoch=NEVER,
                strong_keeper="",
                replicas=(),
            ),
        )

    async def _dismiss(self, group: StrongGroup) -> bool:
        failure: Exception | None = None
        for region, status in group.status.items():
            if status == DELETING:
                try:
                    await self._tell(region, "leave", group, b"")
                except (Gone, TimedOut, Refused) as error:
                    failure = error
                    continue
                left = {name: s for name, s in group.status.items() if name != region}
                group = msgspec.structs.replace(group, status=left)
                self._groups.put(group.account, group.name, group)
        if failure is not None:
            raise failure
        self._forget(group)
        return False

    async def _tell(self, region: str, what: str, group: StrongGroup, content: bytes) -> None:
        asked = [group.account, group.name, what, msgspec.to_builtins(group), content]
        async with self._runtime.timeout(self._runtime.deadline(EXISTENCE_S_MAX)):
            await self._elsewhere[region].query(CONTROL, asked)

    # Being asked.

    def _serve(self, asked: list[Any]) -> None:
        _, _, what, plain, content = asked
        group = msgspec.convert(plain, StrongGroup)
        try:
            if what == "join":
                self._join(group, msgspec.msgpack.decode(content, type=Table))
            elif what == "silence":
                self._be_silent(group, content.decode())
            else:
                self._leave(group)
        except DiskFull as error:
            raise Refused(str(error)) from error

    def _join(self, group: StrongGroup, model: Table) -> None:
        """Make this region's replica, or be the witness."""
        present = self.find(group.account, group.name)
        if present is not None and present.strong_epoch == group.epoch:
            return
        witness = group.witness == self._region
        if present is not None and present.strong_witness == self._region:
            raise Refused(f"still a witness of an earlier table {group.name}")
        if not witness and self._service.tables.get(group.account, group.name) is not None:
            raise Refused(f"there is a table {group.name} already")
        now = self._runtime.wall()
        delay_s = self._runtime.interval(self._host.settings.control_plane_delay_s)
        table = msgspec.structs.replace(
            model,
            region=self._region,
            identity=rows.table_id(group.account, group.name, now),
            created=now,
            active_at=now + delay_s,
            stream="",
            stream_label="",
            deletion_protected=False,
            tags={},
            replicas=(),
            busy=Busy(),
            policies={},
            insights={},
            recovery=Recovery(),
            snapshots=0,
        )
        self._service.items.clock.observe(group.version)
        self._put(table)
        known = self._groups.get(group.account, group.name)
        if known is None or known.version < group.version:
            self._keep(group)

    def _be_silent(self, group: StrongGroup, keeper: str) -> None:
        """Answer nobody but the keeper any more."""
        table = self.find(group.account, group.name)
        if table is not None and table.strong_epoch == group.epoch:
            if table.strong_keeper not in {"", keeper}:
                raise Refused(f"{table.strong_keeper} keeps the table")
            self._put(msgspec.structs.replace(table, strong_keeper=keeper))

    def _leave(self, group: StrongGroup) -> None:
        table = self.find(group.account, group.name)
        if table is None or table.strong_epoch != group.epoch:
            return
        self.strong.registers.drop(table)
        self._service.items.drop(table)
        witness = group.witness == self._region
        delete = self._witnesses.delete if witness else self._service.tables.delete
        delete(group.account, group.name)
        self._behind.delete(group.account, group.name)
        self._forget(group)

    def _forget(self, group: StrongGroup) -> None:
        self.settings.forget(group.account, group.name)
        self._groups.delete(group.account, group.name)
        self._known.pop((group.account, group.name), None)

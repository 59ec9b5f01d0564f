"""Replica groups: who holds a replica of a global table, and in what state, as values that merge.

Every region that knows a global table keeps the whole group. A change (a replica to be made, made,
to be deleted, deleted; a setting) is a new version of one member or of one setting, sent to
everyone; two copies of a group merge one by one, the later version winning, so regions agree
whatever the order in which they hear. A group made later under the same name replaces an earlier
one.

Members whose replica is gone stay as DELETED: they are the tombstones of the group.
"""

import msgspec

from antipodes.regional.dynamodb.model import Replica, Table
from antipodes.regional.dynamodb.settings import Settings, settings_of
from antipodes.replication.versions import Version

CREATING, ACTIVE, FAILED = "CREATING", "ACTIVE", "CREATION_FAILED"
UPDATING, DELETING, DELETED = "UPDATING", "DELETING", "DELETED"
WHOLE = (ACTIVE, UPDATING)
CHANGING = (CREATING, UPDATING, DELETING)
SOURCE_HELD_S = 24 * 3600.0


class Member(msgspec.Struct, frozen=True):
    """One region's replica. `source` is where it was asked for and first copied from."""

    status: str
    version: Version
    source: str = ""
    added: float = 0.0  # Unix seconds


class Group(msgspec.Struct, frozen=True):
    """A global table: its key, its settings and its members by region."""

    account: str
    name: str
    born: Version
    key_names: tuple[str, ...]
    key_types: tuple[str, ...]
    settings: Settings
    members: dict[str, Member]
    legacy: bool = False  # version 2017.11.29

    def status(self, region: str) -> str:
        """The status of a region's replica; DELETED where there never was one."""
        member = self.members.get(region)
        return DELETED if member is None else member.status

    def holders(self) -> list[str]:
        """The regions that hold a replica with items in it, or are about to, sorted."""
        return sorted(r for r, m in self.members.items() if m.status not in {DELETED, FAILED})

    def seen_from(self, region: str) -> tuple[Replica, ...]:
        """The other replicas, as DescribeTable in a region lists them."""
        return tuple(
            Replica(other, member.status)
            for other, member in sorted(self.members.items())
            if other != region and member.status != DELETED
        )

    def sourced_from(self, region: str, since: float) -> list[str]:
        """The replicas that were copied from a region after some time, and still exist."""
        return sorted(
            other
            for other, member in self.members.items()
            if member.source == region and member.status != DELETED and member.added > since
        )

    def with_member(self, region: str, member: Member) -> "Group":
        """The group with one member new or changed."""
        return msgspec.structs.replace(self, members={**self.members, region: member})

    def with_settings(self, settings: Settings) -> "Group":
        """The group with some settings new or changed."""
        return msgspec.structs.replace(self, settings={**self.settings, **settings})

    def latest(self) -> Version:
        """The newest version of anything in the group."""
        settings = (setting.version for setting in self.settings.values())
        return max(self.born, *settings, *(member.version for member in self.members.values()))


def group_of(table: Table, version: Version) -> Group:
    """The group that a table without replicas begins."""
    return Group(
        account=table.account,
        name=table.name,
        born=version,
        key_names=table.key_names,
        key_types=table.key_types,
        settings=settings_of(table, version),
        members={table.region: Member(ACTIVE, version)},
    )


def merge_groups(one: Group, other: Group) -> Group:
    """What both know; commutative, associative and idempotent."""
    if one.born != other.born:
        return max(one, other, key=lambda group: group.born)
    members = {
        region: max(
            (g.members[region] for g in (one, other) if region in g.members),
            key=lambda member: member.version,
        )
        for region in sorted({**one.members, **other.members})
    }
    settings = {
        name: max(
            (g.settings[name] for g in (one, other) if name in g.settings),
            key=lambda setting: setting.version,
        )
        for name in sorted({**one.settings, **other.settings})
    }
    legacy = one.legacy and other.legacy  # an upgrade is for good
    return msgspec.structs.replace(one, members=members, settings=settings, legacy=legacy)

"""Groups of version 2017.11.29: the state of the whole, and the upgrade to the present version."""

from typing import Protocol

import msgspec

from antipodes.regional.dynamodb.errors import in_use
from antipodes.regional.dynamodb.groups import ACTIVE, CHANGING, CREATING, Group
from antipodes.regional.dynamodb.settings import settings_of
from antipodes.regional.dynamodb.tablerecords import TableRecords
from antipodes.replication.versions import Version
from antipodes.service.contract import ServiceError
from antipodes.service.records import Records


class Groups(Protocol):
    """What is needed of the region's global tables."""

    groups: Records[Group]

    def tick(self, group: Group | None) -> Version:
        """A version above all that a group has."""

    def change(self, group: Group) -> None:
        """Keep a group, tell every region of it, and do here what it says."""


def error(code: str, message: str) -> ServiceError:
    """One of this version's own errors."""
    return ServiceError(f"{code}Exception", message)


def no_global_table(name: str) -> ServiceError:
    """The error for a global table that is not there."""
    return error("GlobalTableNotFound", f"Global table not found: Global table: {name}")


def status(group: Group) -> str:
    """The status of the whole: CREATING until its first members are there."""
    members = [member for member in group.members.values() if member.status in CHANGING]
    if any(m.status == CREATING and m.version == group.born for m in members):
        return CREATING
    return "UPDATING" if members else ACTIVE


def upgrade(globaltables: Groups, tables: TableRecords, account: str, name: str) -> None:
    """Make a legacy global table one of the present version, with this region's settings."""
    group, table = globaltables.groups.get(account, name), tables.get(account, name)
    if group is None or not group.legacy or table is None or not table.legacy:
        raise no_global_table(name)
    if status(group) != ACTIVE:
        raise in_use()
    version = globaltables.tick(group)
    present = msgspec.structs.replace(group, legacy=False)
    globaltables.change(present.with_settings(settings_of(table, version)))

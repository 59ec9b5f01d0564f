"""What UpdateTable may ask of strongly consistent tables, and for which tables and regions.

AWS's rules are those of "How DynamoDB global tables work" (Developer Guide) and the model; the
wording of most refusals is not documented. Any three of its fifteen regions may be members; the
setting `strong_region_sets` brings back the rule of the first year, three of one set.
"""

from typing import Any

import msgspec

from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.model import Table, not_offered
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.replication.versions import Version

MEMBERS = 3
REGION_SETS = (
    ("us-east-1", "us-east-2", "us-west-2"),
    ("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"),
    ("ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
)
LATER = ("ca-central-1", "eu-north-1", "eu-south-2", "ap-south-1", "ap-southeast-1")
REGIONS = tuple(sorted((*(region for some in REGION_SETS for region in some), *LATER)))


class StrongGroup(msgspec.Struct, frozen=True):
    """The members of a strongly consistent table, and how far each has come."""

    account: str
    name: str
    epoch: Version
    driver: str  # the region that makes it, or ends it
    members: tuple[str, ...]
    witness: str
    status: dict[str, str]
    version: Version
    ending: bool = False


def asks_for_strong(table: Table, request: dict[str, Any]) -> bool:
    """Whether an UpdateTable is about the members of a strongly consistent table."""
    updates = request.get("ReplicaUpdates")
    if request.get("GlobalTableWitnessUpdates"):
        return True
    if request.get("MultiRegionConsistency") == "STRONG" and not updates:
        raise validation(
            "MultiRegionConsistency can only be specified when a global table is created"
        )
    return bool(updates) and (table.strong or request.get("MultiRegionConsistency") == "STRONG")


def actions_of(request: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """What is asked for, by region: of the replicas, and of the witness."""
    found: list[dict[str, str]] = []
    for member in ("ReplicaUpdates", "GlobalTableWitnessUpdates"):
        asked: dict[str, str] = {}
        for update in request.get(member) or ():
            actions = {name: value for name, value in update.items() if value is not None}
            if len(actions) != 1:
                raise validation(
                    "Update table operation with more than one type of replica actions not allowed."
                )
            ((action, details),) = actions.items()
            if action not in {"Create", "Delete"}:
                raise not_offered(f"{member}.{action}")
            extra = sorted(name for name, v in details.items() if v and name != "RegionName")
            if extra:
                raise not_offered(f"{member}.{action}.{extra[0]}")
            if details["RegionName"] in asked:
                raise validation(
                    "Update table operation with more than one action for the same Region is not "
                    "allowed"
                )
            asked[details["RegionName"]] = action
        found.append(asked)
    if len(found[1]) > 1:
        raise validation("Only one witness can be created or deleted by one UpdateTable call.")
    return found[0], found[1]


def check_begin(request: dict[str, Any], others: dict[str, str], witness: dict[str, str]) -> None:
    """Refuse what does not make such a table of one that is none."""
    if request.get("MultiRegionConsistency") != "STRONG" or not others:
        raise validation(
            "GlobalTableWitnessUpdates can only be used to create, or to delete all other "
            "members of, a global table with MultiRegionConsistency STRONG"
        )
    if {*others.values(), *witness.values()} != {"Create"}:
        raise validation(
            "MultiRegionConsistency can only be specified when a global table is created"
        )


def check_regions(here: str, others: list[str], world: tuple[str, ...], *, sets: bool) -> None:
    """Refuse regions that cannot have such a table together; `sets`: only those of one set."""
    if len(set(others)) != MEMBERS - 1:
        raise validation(
            "A global table with MultiRegionConsistency STRONG must have exactly three "
            "Regions: three replicas, or two replicas and a witness"
        )
    if here in others:
        raise validation(
            "Cannot add, delete, or update the local region through ReplicaUpdates. Use "
            "CreateTable, DeleteTable, or UpdateTable as required."
        )
    for region in (here, *others):
        if region not in REGIONS or region not in world:
            raise validation(
                f"Region {region} is not supported. Global tables with MultiRegionConsistency "
                "STRONG are only supported in the following regions: "
                f"[{', '.join(region for region in REGIONS if region in world)}]"
            )
    together = {here, *others}
    if sets and not any(together <= set(some) for some in REGION_SETS):
        raise validation(
            "The replicas and the witness of a global table with MultiRegionConsistency STRONG "
            "must be in the same Region set"
        )


def check_table(items: TableStore, table: Table) -> None:
    """Refuse a table that cannot become one."""
    if table.replicas:
        raise validation("The consistency mode of a global table cannot be changed")
    if any(index.kind == "LSI" for index in table.indexes):
        raise validation(
            "Local secondary indexes are not supported for global tables with "
            "MultiRegionConsistency STRONG"
        )
    if table.ttl_status == "ENABLED":
        raise validation(
            "Time to Live is not supported for global tables with MultiRegionConsistency STRONG"
        )
    if items.read_page(table, b"", 1):
        raise validation(
            "A table must be empty to become a global table with MultiRegionConsistency STRONG"
        )


def check_end(
    here: str, group: StrongGroup, others: dict[str, str], witness: dict[str, str]
) -> None:
    """Refuse what does not remove both other members."""
    if {*others.values(), *witness.values()} != {"Delete"}:
        raise validation(
            "Replicas or witnesses cannot be added to a global table with "
            "MultiRegionConsistency STRONG"
        )
    present = {region for region in group.members if region != here}
    missing = sorted({*others, *witness} - present)
    if missing or any(region != group.witness for region in witness):
        raise validation(
            "Update global table operation failed because one or more replicas were not part "
            "of the global table. Please retry the request without these replicas: "
            f"[{', '.join(missing or sorted(witness))}]."
        )
    if {*others, *witness} != present or group.witness in others:
        raise validation(
            "A single replica or the witness of a global table with MultiRegionConsistency "
            "STRONG cannot be deleted: delete the two other replicas, or the other replica and "
            "the witness, in one request"
        )

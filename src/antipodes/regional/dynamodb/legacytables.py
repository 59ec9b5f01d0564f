"""Tables of global tables of version 2017.11.29, and what that version leaves in their items.

A write there is two: the caller's, and one that marks the item with who wrote it and when. A stream
at home has both; only the second is replicated. The caller sees the marks and may write them, which
changes nothing: they are made anew. The last writer wins by versions (replication/versions.py),
as in the present version; the marks only show them.

Nothing of a table's settings is shared but what UpdateGlobalTableSettings says, which overwrites
what is there and may be overwritten again. Removals by time to live are not replicated.

Sources: "DynamoDB global tables versions" and "Best practices and requirements for managing global
tables" (legacy version; Developer Guide). The exact form of the marks is as seen in the wild.
"""

from typing import Any

import msgspec

from antipodes.regional.dynamodb.attributes import Item
from antipodes.regional.dynamodb.model import Table
from antipodes.replication.versions import Version

DELETING, UPDATE_TIME, UPDATE_REGION = (
    "aws:rep:deleting",
    "aws:rep:updatetime",
    "aws:rep:updateregion",
)
READS, WRITE = "reads/", "write/"


def unmarked(table: Table) -> Table:
    """The table as it is for a write that is not replicated."""
    return msgspec.structs.replace(table, legacy=False, replicas=())


def marking(table: Table) -> Table:
    """The table as it is for the write of a marked item."""
    return msgspec.structs.replace(table, legacy=False)


def marked(table: Table, item: Item, version: Version) -> Item:
    """The item with its marks."""
    return {
        **item,
        DELETING: {"BOOL": False},
        UPDATE_TIME: {"N": f"{version.wall_s:.3f}001"},
        UPDATE_REGION: {"S": table.region},
    }


def parted(table: Table) -> Table:
    """The ordinary table that a replica becomes when it is removed."""
    return unmarked(table)


def settled(table: Table, values: dict[str, Any]) -> Table:
    """The table with what UpdateGlobalTableSettings said of it; names as in `settings_asked`."""
    own: dict[str, Any] = {}
    for name, value in values.items():
        shared, at, region = name.partition("@")
        if not at or region == table.region:
            own[shared] = value
    units = {
        "billing": own.get("billing", table.billing),
        "read_units": own.get("reads", table.read_units),
        "write_units": own.get("write", table.write_units),
        "table_class": own.get("class", table.table_class),
    }
    indexes = tuple(
        msgspec.structs.replace(
            index,
            read_units=own.get(READS + index.name, index.read_units),
            write_units=own.get(WRITE + index.name, index.write_units),
        )
        for index in table.indexes
    )
    return msgspec.structs.replace(table, indexes=indexes, **units)


def facts(table: Table, items: int) -> dict[str, Any]:
    """What a table is like, for whoever makes it part of a global table."""
    over_all = [index for index in table.indexes if index.kind == "GSI"]
    local = [index for index in table.indexes if index.kind == "LSI"]
    return {
        "global": bool(table.replicas or table.legacy or table.strong),
        "items": items,
        "stream": table.stream,
        "keys": [list(key) for key in zip(table.key_names, table.key_types, strict=True)],
        "indexes": sorted(
            [index.kind, index.name, list(index.key_names)] for index in (*over_all, *local)
        ),
        "capacity": [table.billing, table.write_units, [i.write_units for i in over_all]],
        "settings": {
            "ReplicaBillingModeSummary": {"BillingMode": table.billing},
            "ReplicaProvisionedReadCapacityUnits": table.read_units,
            "ReplicaProvisionedWriteCapacityUnits": table.write_units,
            "ReplicaTableClassSummary": {"TableClass": table.table_class},
            "ReplicaGlobalSecondaryIndexSettings": [
                {
                    "IndexName": index.name,
                    "IndexStatus": index.status,
                    "ProvisionedReadCapacityUnits": index.read_units,
                    "ProvisionedWriteCapacityUnits": index.write_units,
                }
                for index in over_all
            ],
        },
    }

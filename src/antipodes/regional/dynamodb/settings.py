"""Settings of a global table: those that all replicas share, and those that one has for itself.

Each is a value with a version, under a name: `write`, `reads`, `index/NAME`, ... The later version
of a name wins, and each name by itself, so what two regions change at the same time is kept where
it is not the same. A replica may have its own value of some (`reads@eu-central-1`); it holds until
the setting is changed for all, as in AWS.

Shared: billing mode, capacity, table class, global indexes, time to live, the kind of encryption,
on-demand and warm throughput, the view of the stream. A replica's own and never shared: tags,
deletion protection, point-in-time recovery, resource policies, contributor insights. Those never
come here.

Source: "How DynamoDB global tables work", settings synchronization (Developer Guide).
"""

from typing import Any

import msgspec

from antipodes.regional.dynamodb import encryption, indexupdates
from antipodes.regional.dynamodb.features import Encryption
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.regional.dynamodb.streamsettings import REPLICATED_VIEW
from antipodes.replication.versions import Version

INDEX, INDEX_READS = "index/", "reads/"
KEY, VIEW = "key", "view"
SHARED = (
    "name",
    "kind",
    "key_names",
    "key_types",
    "projection",
    "non_key",
    "write_units",
    "hash_count",
)
AWS_KEY = {"Enabled": True, "SSEType": "KMS"}


class Setting(msgspec.Struct, frozen=True):
    """A value, as MessagePack has it, and when it was chosen."""

    version: Version
    value: Any


Settings = dict[str, Setting]


def values_of(table: Table) -> dict[str, Any]:
    """What a table has of the settings that are shared, by name."""
    throughput = table.throughput
    found: dict[str, Any] = {
        "billing": table.billing,
        "reads": table.read_units,
        "write": table.write_units,
        "class": table.table_class,
        "ttl": [table.ttl_attribute, table.ttl_status, table.ttl_changed],
        "encrypted": bool(table.encryption.key),
        "reads max": throughput.max_reads,
        "writes max": throughput.max_writes,
        "warm": [throughput.warm_reads, throughput.warm_writes],
        VIEW: table.stream or REPLICATED_VIEW,
    }
    for index in table.indexes:
        if index.status != "DELETING":
            found[INDEX + index.name] = msgspec.to_builtins({n: getattr(index, n) for n in SHARED})
            found[INDEX_READS + index.name] = index.read_units
    return found


def settings_of(table: Table, version: Version) -> Settings:
    """A table's settings, as of a version."""
    return {name: Setting(version, value) for name, value in values_of(table).items()}


def differences(before: Table, after: Table, version: Version) -> Settings:
    """What a change of a table changed of its settings; what it took away has the value None."""
    old, new = values_of(before), values_of(after)
    return {
        name: Setting(version, new.get(name))
        for name in sorted({**old, **new})
        if old.get(name) != new.get(name)
    }


def overrides_of(settings: Settings, region: str) -> dict[str, Any]:
    """The values that a replica has for itself."""
    found: dict[str, Any] = {}
    for name, setting in settings.items():
        shared, at, whose = name.partition("@")
        if at and whose == region and setting.value is not None:
            others = settings.get(shared)
            if others is None or others.version <= setting.version:
                found[shared] = setting.value
    return found


def effective(settings: Settings, region: str) -> dict[str, Any]:
    """The values that hold for a replica."""
    shared = {name: setting.value for name, setting in settings.items() if "@" not in name}
    return {**shared, **overrides_of(settings, region)}


def view_of(settings: Settings) -> str:
    """The view of the replicas' streams."""
    setting = settings.get(VIEW)
    return REPLICATED_VIEW if setting is None else str(setting.value)


def indexes_of(values: dict[str, Any]) -> tuple[Index, ...]:
    """The indexes that a replica is to have."""
    found: list[Index] = []
    for name, value in sorted(values.items()):
        if name.startswith(INDEX) and value is not None:
            index = msgspec.convert({**value, "identity": ""}, Index)
            reads = values.get(INDEX_READS + index.name) or 0
            found.append(msgspec.structs.replace(index, read_units=reads))
    return tuple(found)


def definitions_of(indexes: tuple[Index, ...]) -> dict[str, str]:
    """The types of the attributes that indexes are keyed by."""
    return {
        name: kind
        for index in indexes
        for name, kind in zip(index.key_names, index.key_types, strict=True)
    }


def applied(table: Table, settings: Settings, now: float, until: float, *, new: bool) -> Table:
    """The table with the values that hold for it; its indexes are made from `until` on.

    A new table has no items, so its indexes are whole from the start.
    """
    values = effective(settings, table.region)
    indexes = indexes_of(values)
    if new:
        table = msgspec.structs.replace(
            table,
            indexes=indexupdates.fresh(indexes, table.identity, now),
            attributes={**table.types, **definitions_of(indexes)},
        )
    else:
        table = indexupdates.taken(table, indexes, definitions_of(indexes), now, until)
    attribute, status, changed = values["ttl"]
    warm_reads, warm_writes = values["warm"]
    return msgspec.structs.replace(
        table,
        billing=values["billing"],
        read_units=values["reads"],
        write_units=values["write"],
        table_class=values["class"],
        ttl_attribute=attribute,
        ttl_status=status,
        ttl_changed=changed,
        encryption=_encryption(table, values),
        throughput=msgspec.structs.replace(
            table.throughput,
            max_reads=values["reads max"],
            max_writes=values["writes max"],
            warm_reads=warm_reads,
            warm_writes=warm_writes,
        ),
    )


def _encryption(table: Table, values: dict[str, Any]) -> Encryption:
    """The kind is shared, the key is the replica's own: KMS keys live in one region."""
    own, known = values.get(KEY), table.encryption
    if own:
        wanted = {**AWS_KEY, "KMSMasterKeyId": own}
    elif values["encrypted"] == bool(known.key):
        return known
    else:
        wanted = AWS_KEY if values["encrypted"] else {"Enabled": False}
    key = encryption.check(wanted, table.account, table.region)
    return known if key == known.key else msgspec.structs.replace(known, key=key)

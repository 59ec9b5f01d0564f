"""Secondary indexes as records: what CreateTable may ask for, and what DescribeTable shows.

Sources: "Constraints" and "Secondary indexes" (Developer Guide), botocore's model; error texts as
AWS gives them (ack-api-quirks, services/dynamodb, DDB-TABLE-123 to 138; dynalite).
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from antipodes.regional.dynamodb import indexcapacity
from antipodes.regional.dynamodb.counts import Count
from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.model import KEY_NAMES_MAX, Index, Table
from antipodes.regional.dynamodb.rows import table_id

LOCAL_MAX, GLOBAL_MAX = 5, 20
KEY_NAMES_OF_A_KIND_MAX = 4  # in the key of a global index
PROJECTED_MAX = 100  # non-key attributes over all indexes of a table
NON_KEY_MAX = 20  # of one index; botocore's model


def made_indexes(request: dict[str, Any], key_names: tuple[str, ...]) -> tuple[Index, ...]:
    """Return the indexes of a CreateTable request, checked; they have no identities yet."""
    defined = definitions(request)
    asked = [
        (kind, name, request.get(name))
        for kind, name in (("LSI", "LocalSecondaryIndexes"), ("GSI", "GlobalSecondaryIndexes"))
        if request.get(name) is not None
    ]
    for _, name, parts in asked:
        if not parts:
            raise invalid_value(f"List of {name} is empty")
    wanted = [(kind, part) for kind, _, parts in asked for part in parts or ()]
    _check_definitions(defined, key_names, [part for _, part in wanted])
    found: list[Index] = []
    for kind, part in wanted:
        index = made_index(part, kind, defined, key_names)
        billing = request.get("BillingMode") or "PROVISIONED"
        _check_throughput(part, index, billing)
        index = indexcapacity.made(part, index, billing)
        if any(other.name == index.name for other in found):
            raise invalid_value(f"Duplicate index name: {index.name}")
        found.append(index)
    check_counts(found)
    return tuple(found)


def _check_definitions(
    defined: dict[str, str], key_names: tuple[str, ...], parts: list[dict[str, Any]]
) -> None:
    """Refuse definitions that are not exactly those of all keys."""
    schemas = [[element["AttributeName"] for element in part["KeySchema"]] for part in parts]
    for names in schemas:
        _check_defined(names, defined)
    used = sorted({*key_names, *(name for names in schemas for name in names)})
    if parts and used != sorted(defined):
        raise invalid_value(
            f"Some AttributeDefinitions are not used. AttributeDefinitions: "
            f"[{', '.join(defined)}], keys used: [{', '.join(used)}]"
        )


def _check_defined(names: Iterable[str], defined: dict[str, str]) -> None:
    if any(name not in defined for name in names):
        raise invalid_value(
            f"Some index key attributes are not defined in AttributeDefinitions. Keys: "
            f"[{', '.join(names)}], AttributeDefinitions: [{', '.join(defined)}]"
        )


def identified(index: Index, table: bytes, now: float) -> Index:
    """The index with an id of its own, in a table with that id."""
    identity = table_id(table.hex(), index.name, now)
    return msgspec.structs.replace(index, identity=identity)


def definitions(request: dict[str, Any]) -> dict[str, str]:
    """The attributes' types by name."""
    return {d["AttributeName"]: d["AttributeType"] for d in request["AttributeDefinitions"]}


def made_index(
    part: dict[str, Any], kind: str, defined: dict[str, str], key_names: tuple[str, ...]
) -> Index:
    """Return an index as asked for, checked by itself."""
    names, hash_count = _key_schema(part, kind, defined, key_names)
    projection, non_key = _projection(part["Projection"])
    return Index(
        name=part["IndexName"],
        kind=kind,
        identity=b"",
        key_names=names,
        key_types=tuple(defined[name] for name in names),
        projection=projection,
        non_key=non_key,
        hash_count=hash_count,
    )


def _key_schema(
    part: dict[str, Any], kind: str, defined: dict[str, str], key_names: tuple[str, ...]
) -> tuple[tuple[str, ...], int]:
    """The names of a key's attributes, and how many of them are of the partition key."""
    schema = part["KeySchema"]
    names = tuple(element["AttributeName"] for element in schema)
    kinds = [element["KeyType"] for element in schema]
    if kind == "LSI" and len(key_names) < KEY_NAMES_MAX:
        raise invalid_value(
            "Table KeySchema does not have a range key, which is required when specifying a "
            "LocalSecondaryIndex"
        )
    _check_defined(names, defined)
    if not kinds or kinds[0] != "HASH":
        raise validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(names) == KEY_NAMES_MAX and names[0] == names[1]:
        raise validation(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        )
    if kind == "LSI":
        _check_local(part, names, kinds, key_names)
    else:
        _check_several(names, kinds)
    return names, kinds.count("HASH")


def _check_several(names: tuple[str, ...], kinds: list[str]) -> None:
    """Refuse a key of several attributes that is out of order, or of too many."""
    if len(set(names)) < len(names):
        raise validation("The KeySchema contains multiple key attributes with the same name")
    if kinds != sorted(kinds):
        raise invalid_value(
            "All HASH key attributes must precede RANGE key attributes in the KeySchema"
        )
    for kind in ("HASH", "RANGE"):
        if kinds.count(kind) > KEY_NAMES_OF_A_KIND_MAX:
            raise invalid_value(
                f"The KeySchema exceeds the maximum allowed number of {kind} key attributes"
            )


def _check_local(
    part: dict[str, Any], names: tuple[str, ...], kinds: list[str], key_names: tuple[str, ...]
) -> None:
    """Refuse a local index's key that is not the table's partition key and a sort key."""
    if len(names) > KEY_NAMES_MAX:
        raise validation(
            "1 validation error detected: Value at 'localSecondaryIndexes.member.keySchema' failed "
            "to satisfy constraint: Member must have length less than or equal to 2"
        )
    if len(names) < KEY_NAMES_MAX:
        raise invalid_value(
            f"Index KeySchema does not have a range key for index: {part['IndexName']}"
        )
    if kinds[1] != "RANGE":
        raise validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    if names[0] != key_names[0]:
        raise invalid_value(
            "Index KeySchema does not have the same leading hash key as table KeySchema for "
            f"index: {part['IndexName']}. index hash key: {names[0]}, table hash key: "
            f"{key_names[0]}"
        )


def _projection(asked: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    kind = asked.get("ProjectionType")
    names: list[str] = asked.get("NonKeyAttributes") or []
    if kind is None:
        raise invalid_value("Unknown ProjectionType: null")
    if names and kind != "INCLUDE":
        raise invalid_value(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and not names:
        raise invalid_value("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    for number, name in enumerate(names):
        if name in names[:number]:
            raise invalid_value(f"Duplicate element in NonKeyAttributes: {name}")
    return str(kind), tuple(names)


def check_counts(indexes: list[Index]) -> None:
    """Refuse more indexes, or more projected attributes, than a table may have."""
    if sum(index.kind == "LSI" for index in indexes) > LOCAL_MAX:
        raise invalid_value(
            f"Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_MAX}"
        )
    if sum(index.kind == "GSI" for index in indexes) > GLOBAL_MAX:
        raise invalid_value(
            f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_MAX}"
        )
    if sum(len(index.non_key) for index in indexes) > PROJECTED_MAX:
        raise invalid_value(
            "Number of attributes projected into secondary indexes exceeds the per-table limit of "
            f"{PROJECTED_MAX}"
        )


def _check_throughput(part: dict[str, Any], index: Index, billing: str) -> None:
    if index.kind == "LSI":
        return
    if billing == "PROVISIONED" and not part.get("ProvisionedThroughput"):
        raise invalid_value(f"ProvisionedThroughput is not specified for index: {index.name}")
    if billing != "PROVISIONED" and part.get("ProvisionedThroughput"):
        raise invalid_value(
            f"ProvisionedThroughput should not be specified for index: {index.name} when "
            "BillingMode is PAY_PER_REQUEST"
        )


def described(table: Table, now: float, counts: dict[bytes, Count]) -> dict[str, Any]:
    """A table's indexes as DescribeTable shows them."""
    found: dict[str, Any] = {}
    for kind, name in (("LSI", "LocalSecondaryIndexes"), ("GSI", "GlobalSecondaryIndexes")):
        shown = [_shown(table, i, now, counts[i.identity]) for i in table.indexes if i.kind == kind]
        if shown:
            found[name] = shown
    return found


def key_schema(index: Index) -> list[dict[str, str]]:
    """The key of an index as AWS shows it."""
    return [
        {"AttributeName": name, "KeyType": "HASH" if number < index.hash_count else "RANGE"}
        for number, name in enumerate(index.key_names)
    ]


def _shown(table: Table, index: Index, now: float, count: Count) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.non_key:
        projection["NonKeyAttributes"] = sorted(index.non_key)
    found: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": key_schema(index),
        "Projection": projection,
        "IndexSizeBytes": count.storage(),
        "ItemCount": count.items,
        "IndexArn": index.arn(table.arn),
    }
    if index.kind == "GSI":
        made = table.is_made(now)
        found["IndexStatus"] = index.status_at(now) if made else "CREATING"
        if index.status == "CREATING":
            found["Backfilling"] = now >= index.ready_at
        found |= indexcapacity.description(index, table.billing, now)
    return found

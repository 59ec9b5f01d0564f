"""Tables as records: their nouns, statuses and rules. Pure; the time is passed in.

A table belongs to an (account, region); its replicas in other regions are named here as this region
knows them. Source of limits and messages: "Constraints" in the DynamoDB Developer Guide and
botocore's model.
"""

import re
from typing import Any

import msgspec

from antipodes.regional.dynamodb.errors import invalid_value, not_given, validation
from antipodes.regional.dynamodb.features import (
    Busy,
    Encryption,
    Insights,
    Policy,
    Recovery,
    Restored,
    Throughput,
)
from antipodes.replication.versions import Version
from antipodes.service.contract import ServiceError

VERSION = "2019.11.21"
_CHARACTERS = re.compile(r"[a-zA-Z0-9_.-]+")
ARN = re.compile(r"arn:aws[a-z-]*:dynamodb:([a-z0-9-]+):(\d{12}):table/([a-zA-Z0-9_.-]{3,255})")
KEY_NAMES_MAX = 2
NAME_LENGTHS = (3, 255)


class Replica(msgspec.Struct, frozen=True):
    """A replica in another region, as this region knows it."""

    region: str
    status: str = "CREATING"


class Index(msgspec.Struct, frozen=True):
    """A secondary index of a table. Its status is CREATING, ACTIVE or DELETING."""

    name: str
    kind: str  # "LSI" or "GSI"
    identity: bytes
    key_names: tuple[str, ...]
    key_types: tuple[str, ...]
    projection: str = "ALL"
    non_key: tuple[str, ...] = ()
    read_units: int = 0
    write_units: int = 0
    status: str = "ACTIVE"
    ready_at: float = 0.0  # when one made later begins to be filled, or an update of it has ended
    throughput: Throughput = Throughput()
    hash_count: int = 1  # how many of the key's attributes make the partition key

    @property
    def compound(self) -> bool:
        """Whether its partition key or its sort key is made of several attributes."""
        return self.hash_count > 1 or len(self.key_names) > KEY_NAMES_MAX

    def changing(self, now: float) -> bool:
        """Whether its table is kept from other changes."""
        return self.status == "DELETING" or (self.status == "CREATING" and now < self.ready_at)

    def status_at(self, now: float) -> str:
        """The status that clients wait for."""
        return "UPDATING" if self.status == "ACTIVE" and now < self.ready_at else self.status

    def arn(self, table_arn: str) -> str:
        """The index's ARN."""
        return f"{table_arn}/index/{self.name}"


class Table(msgspec.Struct, frozen=True, omit_defaults=True):
    """One table of one region."""

    account: str
    region: str
    name: str
    identity: bytes
    created: float
    active_at: float
    key_names: tuple[str, ...]
    key_types: tuple[str, ...]
    billing: str = "PROVISIONED"
    read_units: int = 0
    write_units: int = 0
    stream: str = ""
    stream_label: str = ""
    deletion_protected: bool = False
    table_class: str = "STANDARD"
    tags: dict[str, str] = {}
    replicas: tuple[Replica, ...] = ()
    legacy: bool = False  # its replicas are those of version 2017.11.29
    filling: bool = False  # a new replica that is not yet complete
    # Of a strongly consistent global table (strongtables.py): its three regions, the one that is
    # a witness, when it became one, and the region that keeps it where the others are to go.
    strong_members: tuple[str, ...] = ()
    strong_witness: str = ""
    strong_epoch: Version = Version(0, "")
    strong_keeper: str = ""
    indexes: tuple[Index, ...] = ()
    attributes: dict[str, str] = {}  # all AttributeDefinitions, in order
    throughput: Throughput = Throughput()
    encryption: Encryption = Encryption()
    class_changed: tuple[float, ...] = ()
    busy: Busy = Busy()
    deleting_until: float = 0.0  # 0: it is not being deleted
    policies: dict[str, Policy] = {}  # its own by "", its streams' by their labels
    insights: dict[str, Insights] = {}  # its own by "", its indexes' by their names
    recovery: Recovery = Recovery()
    restored: Restored | None = None  # while it is being restored
    snapshots: int = 0  # how many copies of it, as it was at a moment, are being made
    ttl_attribute: str = ""
    ttl_status: str = "DISABLED"  # or "ENABLED"
    ttl_changed: float = 0.0  # when a request last changed it, in Unix seconds

    @property
    def arn(self) -> str:
        """The table's ARN."""
        return f"arn:aws:dynamodb:{self.region}:{self.account}:table/{self.name}"

    @property
    def is_global(self) -> bool:
        """Whether other regions hold replicas."""
        return bool(self.replicas)

    @property
    def strong(self) -> bool:
        """Whether all regions agree on every write of it."""
        return bool(self.strong_members)

    @property
    def types(self) -> dict[str, str]:
        """The key attributes' types by name."""
        return dict(zip(self.key_names, self.key_types, strict=True))

    @property
    def attribute_types(self) -> dict[str, str]:
        """All defined attributes' types by name: the keys' of the table and of its indexes."""
        return self.attributes or self.types

    @property
    def has_local(self) -> bool:
        """Whether it has local indexes, and so collections of items that are measured."""
        return any(index.kind == "LSI" for index in self.indexes)

    @property
    def watched(self) -> bool:
        """Whether anything is to be told of every change of an item."""
        return bool(self.stream or self.ttl_attribute or self.recovery.days or self.snapshots)

    def is_made(self, now: float) -> bool:
        """Whether it can be used; a clock that was put back does not unmake it."""
        if self.filling or self.restored is not None or self.deleting_until:
            return False
        return not self.created <= now < self.active_at

    def status(self, now: float) -> str:
        """The status that clients wait for."""
        if self.deleting_until:
            return "DELETING"
        if not self.is_made(now):
            return "CREATING"
        changing = any(
            replica.status in {"CREATING", "UPDATING", "DELETING"} for replica in self.replicas
        )
        changing = changing or any(index.changing(now) for index in self.indexes)
        return "UPDATING" if changing or self.busy.now(now) else "ACTIVE"


def table_name(text: str, account: str = "", region: str = "") -> str:
    """Return the name that a name or ARN stands for, checked; an ARN's place and owner, if given.

    Whoever names another account's table lacks its permission: no policy here gives any.
    """
    if text.startswith("arn:"):
        found = ARN.fullmatch(text)
        if found is None:
            raise validation(f"1 validation error detected: Invalid table ARN: '{text}'")
        if region and found.group(1) != region:
            raise validation(f"1 validation error detected: Invalid AWS region in '{text}'")
        if account and found.group(2) != account:
            raise ServiceError(
                "AccessDeniedException",
                f"User: arn:aws:iam::{account}:root is not authorized to perform this operation on "
                f"resource: {text} because no resource-based policy allows it",
            )
        return found.group(3)
    broken = []
    if _CHARACTERS.fullmatch(text) is None:
        broken.append(f"satisfy regular expression pattern: {_CHARACTERS.pattern}")
    if len(text) < NAME_LENGTHS[0]:
        broken.append(f"have length greater than or equal to {NAME_LENGTHS[0]}")
    if len(text) > NAME_LENGTHS[1]:
        broken.append(f"have length less than or equal to {NAME_LENGTHS[1]}")
    if broken:
        at = f"Value '{text}' at 'tableName' failed to satisfy constraint: Member must"
        noun = "error" if len(broken) == 1 else "errors"
        told = "; ".join(f"{at} {constraint}" for constraint in broken)
        raise validation(f"{len(broken)} validation {noun} detected: {told}")
    return text


def not_offered(what: str) -> ServiceError:
    """The error for a feature that is not modelled, by name."""
    return ServiceError("NotImplemented", f"Antipodes does not offer {what} of dynamodb yet", 501)


def _twice(request: dict[str, Any]) -> str:
    names: list[str] = [d["AttributeName"] for d in request["AttributeDefinitions"]]
    return next(name for number, name in enumerate(names) if name in names[:number])


def check_key_schema(request: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the key's attribute names and types of a CreateTable request, checked."""
    wanted = (("attributeDefinitions", "AttributeDefinitions"), ("keySchema", "KeySchema"))
    absent = [path for path, name in wanted if request.get(name) is None]
    if absent:
        raise not_given(*absent)
    schema = request["KeySchema"]
    defined = {d["AttributeName"]: d["AttributeType"] for d in request["AttributeDefinitions"]}
    if len(defined) != len(request["AttributeDefinitions"]):
        raise validation(f"Attribute Name is duplicated: {_twice(request)}")
    if not schema or schema[0]["KeyType"] != "HASH":
        raise validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(schema) > KEY_NAMES_MAX:
        raise validation(
            "1 validation error detected: Value at 'keySchema' failed to satisfy constraint: "
            "Member must have length less than or equal to 2"
        )
    if len(schema) == KEY_NAMES_MAX:
        if schema[1]["KeyType"] != "RANGE":
            raise validation(
                "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
            )
        if schema[0]["AttributeName"] == schema[1]["AttributeName"]:
            raise validation(
                "Both the Hash Key and the Range Key element in the KeySchema have the same name"
            )
    names = tuple(element["AttributeName"] for element in schema)
    missing = [name for name in names if name not in defined]
    if missing:
        raise invalid_value(
            f"Some index key attributes are not defined in AttributeDefinitions. Keys: "
            f"[{', '.join(names)}], AttributeDefinitions: [{', '.join(defined)}]"
        )
    indexed = request.get("LocalSecondaryIndexes") or request.get("GlobalSecondaryIndexes")
    if not indexed and len(defined) != len(names):
        raise invalid_value(
            "Number of attributes in KeySchema does not exactly match number of attributes defined "
            "in AttributeDefinitions"
        )
    return names, tuple(defined[name] for name in names)


def description(table: Table, now: float, count: int, size: int) -> dict[str, Any]:
    """A table as DescribeTable shows it."""
    found: dict[str, Any] = {
        "TableName": table.name,
        "TableArn": table.arn,
        "TableId": uuid_of(table.identity),
        "TableStatus": table.status(now),
        "CreationDateTime": table.created,
        "AttributeDefinitions": [
            {"AttributeName": n, "AttributeType": t}
            for n, t in sorted(table.attribute_types.items())
        ],
        "KeySchema": [
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(table.key_names, ("HASH", "RANGE"), strict=False)
        ],
        "ItemCount": count,
        "TableSizeBytes": size,
        "DeletionProtectionEnabled": table.deletion_protected,
    }
    if table.class_changed or table.table_class != "STANDARD":
        found["TableClassSummary"] = {"TableClass": table.table_class}
        if table.class_changed:
            found["TableClassSummary"]["LastUpdateDateTime"] = table.class_changed[-1]
    if table.restored is not None:
        found["RestoreSummary"] = {
            "SourceTableArn": table.restored.source_arn,
            "RestoreDateTime": table.restored.at,
            "RestoreInProgress": True,
        }
        if table.restored.backup_arn:
            found["RestoreSummary"]["SourceBackupArn"] = table.restored.backup_arn
    if table.stream:
        found["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream}
    if table.stream_label:
        found["LatestStreamLabel"] = table.stream_label
        found["LatestStreamArn"] = f"{table.arn}/stream/{table.stream_label}"
    if table.replicas and not table.legacy:
        found["GlobalTableVersion"] = VERSION
        found["Replicas"] = [
            {"RegionName": replica.region, "ReplicaStatus": replica.status}
            for replica in table.replicas
        ]
    return found


def uuid_of(identity: bytes) -> str:
    """An id of eight bytes in the form of a UUID."""
    text = (identity * 2).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"

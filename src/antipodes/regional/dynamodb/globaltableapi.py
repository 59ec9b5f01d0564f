"""Operations on global tables of version 2017.11.29, one thin function each, and their checks.

The tables must be there, alike and empty before they become one global table: each region is asked
for its table, so a region that cannot be reached makes the request fail with InternalServerError,
and nothing is changed. Auto scaling is not offered and refused by name, in these operations as in
UpdateTableReplicaAutoScaling; DescribeTableReplicaAutoScaling tells that there is none.

An upgrade to the present version has no operation in AWS, where it is a button of the console; here
it is `POST /_antipodes/hosts/REGION/upgrade-global-table` (hosting/worldserver.py). AWS words
refusals in a way that is recorded nowhere: the codes are AWS's, the words ours.
"""

from typing import Any

from antipodes.regional.dynamodb.errors import in_use, invalid_value, validation
from antipodes.regional.dynamodb.groups import (
    ACTIVE,
    CREATING,
    DELETED,
    DELETING,
    Group,
    Member,
)
from antipodes.regional.dynamodb.legacygroups import error, no_global_table, status
from antipodes.regional.dynamodb.legacytables import READS, WRITE
from antipodes.regional.dynamodb.model import not_offered, table_name
from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.regional.dynamodb.settings import Setting
from antipodes.replication.logserver import Refused
from antipodes.runtime.contract import Gone, TimedOut
from antipodes.service.contract import Call, ServiceError

LISTED_MAX = 100
ASKED_S_MAX = 5.0
AGAIN_S = 0.1  # until a region that could not be reached is asked again
STREAM_VIEW = "NEW_AND_OLD_IMAGES"


def _known(service: DynamoDB, call: Call, name: str) -> Group | None:
    group = service.globaltables.groups.get(call.account, name)
    return group if group is not None and group.legacy and group.holders() else None


def _group(service: DynamoDB, call: Call, request: dict[str, Any]) -> Group:
    name = table_name(request["GlobalTableName"])
    group = _known(service, call, name)
    if group is None:
        raise no_global_table(name)
    return group


async def _facts(service: DynamoDB, call: Call, region: str, name: str) -> dict[str, Any] | None:
    """What a region says of its table; None where there is none."""
    globaltables, runtime = service.globaltables, service.host.runtime
    if region == service.host.place:
        return globaltables.facts([call.account, name])
    found = None
    try:
        async with runtime.timeout(runtime.deadline(ASKED_S_MAX)):
            while True:
                try:
                    found = await globaltables.followers[region].query(
                        "dynamodb/facts", [call.account, name]
                    )
                    break
                except Gone:  # not connected yet, or not just now
                    await runtime.sleep(AGAIN_S)
    except (TimedOut, Refused):
        raise ServiceError(
            "InternalServerError", f"The region {region} cannot be reached", 500
        ) from None
    return None if found is None else dict(found)


async def _check_tables(
    service: DynamoDB, call: Call, name: str, regions: list[str], *, known: bool
) -> None:
    """Refuse tables that are not there, not empty, or not alike."""
    first: dict[str, Any] = {}
    for region in regions:
        if region not in service.host.world.regions:
            raise invalid_value(f"Region {region} is not supported")
        facts = await _facts(service, call, region, name)
        if facts is None:
            raise error(
                "TableNotFound", f"Table not found: Table: {name} not found in region: {region}"
            )
        if facts["global"] and not known:
            raise validation(f"Table {name} in region {region} is part of a global table already")
        if facts["items"]:
            raise validation(f"Table {name} in region {region} must be empty to be a replica")
        if facts["stream"] != STREAM_VIEW:
            raise validation(
                f"Table {name} in region {region} must have a stream with view type {STREAM_VIEW}"
            )
        for what in ("keys", "indexes", "capacity"):
            if first.setdefault(what, facts[what]) != facts[what]:
                raise validation(
                    f"Table {name} in region {region} differs from that in {regions[0]} in its "
                    f"{what}: replicas must have the same"
                )


@operations("CreateGlobalTable")
async def create_global_table(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    name = table_name(request["GlobalTableName"])
    named = [replica.get("RegionName") for replica in request["ReplicationGroup"]]
    regions = [region for region in named if region]
    if not regions or len(set(regions)) < len(named):
        raise invalid_value("ReplicationGroup must name each region once")
    if _known(service, call, name) is not None:
        raise error("GlobalTableAlreadyExists", f"Global table already exists: {name}")
    await _check_tables(service, call, name, regions, known=False)
    here = await _facts(service, call, regions[0], name)
    if here is None or _known(service, call, name) is not None:
        raise in_use()
    globaltables, now = service.globaltables, service.now()
    version = globaltables.tick(globaltables.groups.get(call.account, name))
    group = Group(
        account=call.account,
        name=name,
        born=version,
        key_names=tuple(key for key, _ in here["keys"]),
        key_types=tuple(kind for _, kind in here["keys"]),
        settings={},
        members={region: Member(CREATING, version, added=now) for region in regions},
        legacy=True,
    )
    described = _described(group)
    globaltables.change(group)
    return {"GlobalTableDescription": described}


def _described(group: Group) -> dict[str, Any]:
    return {
        "GlobalTableName": group.name,
        "GlobalTableArn": f"arn:aws:dynamodb::{group.account}:global-table/{group.name}",
        "GlobalTableStatus": status(group),
        "CreationDateTime": group.born.wall_s,
        "ReplicationGroup": [
            {"RegionName": region, "ReplicaStatus": group.status(region)}
            for region in group.holders()
        ],
    }


@operations("DescribeGlobalTable")
def describe_global_table(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {"GlobalTableDescription": _described(_group(service, call, request))}


@operations("ListGlobalTables")
def list_global_tables(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    limit, region = request.get("Limit") or LISTED_MAX, request.get("RegionName")
    start = request.get("ExclusiveStartGlobalTableName") or ""
    groups = [
        group
        for group in service.globaltables.groups.list(call.account)
        if group.legacy and group.name > start and group.holders()
        if region is None or region in group.holders()
    ]
    found: dict[str, Any] = {
        "GlobalTables": [
            {
                "GlobalTableName": group.name,
                "ReplicationGroup": [{"RegionName": holder} for holder in group.holders()],
            }
            for group in groups[:limit]
        ]
    }
    if len(groups) > limit:
        found["LastEvaluatedGlobalTableName"] = groups[limit - 1].name
    return found


@operations("UpdateGlobalTable")
async def update_global_table(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    group = _group(service, call, request)
    added, removed = _changes(request["ReplicaUpdates"])
    for region in added:
        if region in group.holders():
            raise error("ReplicaAlreadyExists", f"Replica already exists in region: {region}")
    for region in removed:
        if region not in group.holders():
            raise error("ReplicaNotFound", f"Replica not found in region: {region}")
    if status(group) != ACTIVE:
        raise in_use()
    if added:
        new = [region for region in added if group.status(region) == DELETED]
        await _check_tables(service, call, group.name, new, known=False)
        await _check_tables(service, call, group.name, [*group.holders(), *new], known=True)
        if group != _group(service, call, request):
            raise in_use()
    version = service.globaltables.tick(group)
    for region in added:
        group = group.with_member(region, Member(CREATING, version, added=service.now()))
    for region in removed:
        group = group.with_member(region, Member(DELETING, version))
    service.globaltables.change(group)
    return {"GlobalTableDescription": _described(group)}


def _changes(updates: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    added = [u["Create"]["RegionName"] for u in updates if u.get("Create")]
    removed = [u["Delete"]["RegionName"] for u in updates if u.get("Delete")]
    if len(added) + len(removed) < len(updates) or not updates:
        raise invalid_value("ReplicaUpdates must each have one of Create and Delete")
    if len(set(added + removed)) < len(added + removed):
        raise invalid_value("ReplicaUpdates must name each region once")
    return added, removed


@operations("DescribeGlobalTableSettings")
async def describe_global_table_settings(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    group = _group(service, call, request)
    return {"GlobalTableName": group.name, "ReplicaSettings": await _settings(service, call, group)}


async def _settings(service: DynamoDB, call: Call, group: Group) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for region in group.holders():
        facts = await _facts(service, call, region, group.name)
        told = {} if facts is None else facts["settings"]
        found.append({"RegionName": region, "ReplicaStatus": group.status(region), **told})
    return found


@operations("UpdateGlobalTableSettings")
async def update_global_table_settings(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    group = _group(service, call, request)
    values = settings_asked(request)
    for name in values:
        _, at, region = name.partition("@")
        if at and region not in group.holders():
            raise error("ReplicaNotFound", f"Replica not found in region: {region}")
    version = service.globaltables.tick(group)
    settings = {name: Setting(version, value) for name, value in values.items()}
    service.globaltables.change(group.with_settings(settings))
    return {"GlobalTableName": group.name, "ReplicaSettings": await _settings(service, call, group)}


def settings_asked(request: dict[str, Any]) -> dict[str, Any]:
    """What a request wants to be set, by name; `NAME@REGION` is for one replica."""
    found: dict[str, Any] = {}
    _refuse_scaling(request)
    if request.get("GlobalTableBillingMode"):
        found["billing"] = request["GlobalTableBillingMode"]
        if found["billing"] == "PAY_PER_REQUEST":
            found |= {"reads": 0, "write": 0}
    if request.get("GlobalTableProvisionedWriteCapacityUnits"):
        found["write"] = request["GlobalTableProvisionedWriteCapacityUnits"]
    for index in request.get("GlobalTableGlobalSecondaryIndexSettingsUpdate") or ():
        _refuse_scaling(index)
        if index.get("ProvisionedWriteCapacityUnits"):
            found[WRITE + index["IndexName"]] = index["ProvisionedWriteCapacityUnits"]
    for replica in request.get("ReplicaSettingsUpdate") or ():
        _refuse_scaling(replica)
        region = replica["RegionName"]
        if replica.get("ReplicaProvisionedReadCapacityUnits"):
            found[f"reads@{region}"] = replica["ReplicaProvisionedReadCapacityUnits"]
        if replica.get("ReplicaTableClass"):
            found[f"class@{region}"] = replica["ReplicaTableClass"]
        for index in replica.get("ReplicaGlobalSecondaryIndexSettingsUpdate") or ():
            _refuse_scaling(index)
            if index.get("ProvisionedReadCapacityUnits"):
                name = f"{READS}{index['IndexName']}@{region}"
                found[name] = index["ProvisionedReadCapacityUnits"]
    if not found:
        raise invalid_value("Nothing is to be changed of the global table's settings")
    return found


def _refuse_scaling(part: dict[str, Any]) -> None:
    for name, value in part.items():
        if "AutoScaling" in name and value:
            raise not_offered(name)


# Auto scaling.


@operations("DescribeTableReplicaAutoScaling")
def describe_table_replica_auto_scaling(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    table = service.record(call.account, request["TableName"])
    replicas = [(table.region, ACTIVE), *((r.region, r.status) for r in table.replicas)]
    return {
        "TableAutoScalingDescription": {
            "TableName": table.name,
            "TableStatus": table.status(service.now()),
            "Replicas": [
                {
                    "RegionName": region,
                    "ReplicaStatus": status,
                    "ReplicaProvisionedReadCapacityAutoScalingSettings": {
                        "AutoScalingDisabled": True
                    },
                    "ReplicaProvisionedWriteCapacityAutoScalingSettings": {
                        "AutoScalingDisabled": True
                    },
                }
                for region, status in sorted(replicas)
            ],
        }
    }

"""Operations on backups, restores and point-in-time recovery, one thin function each."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from antipodes.regional.dynamodb import backups, model, restores, throughput
from antipodes.regional.dynamodb.backups import INTERNAL, SYSTEM, USER
from antipodes.regional.dynamodb.errors import (
    invalid_request,
    invalid_value,
    limit_exceeded,
    validation,
)
from antipodes.regional.dynamodb.features import Restored
from antipodes.regional.dynamodb.model import Table, not_offered
from antipodes.regional.dynamodb.recovery import DAYS_MAX
from antipodes.regional.dynamodb.refusals import refuse
from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.regional.dynamodb.tableapi import check_room
from antipodes.service.contract import Call, ServiceError

BACKUPS_PER_PAGE = 100
INSTANT_MAX = 253_402_300_799.0  # the last second of the year 9999


@operations("CreateBackup")
def create_backup(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = _backed_up(service, call, request["TableName"])
    backup = service.backups.create(table, request["BackupName"])
    return {"BackupDetails": backups.details(backup)}


@operations("DescribeBackup")
def describe_backup(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    backup = service.backups.find(call.account, request["BackupArn"])
    return {"BackupDescription": backups.description(backup)}


@operations("DeleteBackup")
def delete_backup(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    backup = service.backups.find(call.account, request["BackupArn"])
    if backup.kind == SYSTEM:
        raise invalid_request(
            f"User is not allowed to delete the system backup with arn {backup.arn}. It will "
            f"automatically expire on {_instant(backup.expires)}"
        )
    if not backup.available:
        raise _backup_in_use(f"Backup is being created: {backup.arn}")
    if backup.restoring:
        raise _backup_in_use(f"Backup is being used to restore table: {backup.arn}")
    service.backups.delete(backup)
    return {"BackupDescription": backups.description(backup, "DELETED")}


@operations("ListBackups")
def list_backups(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    low = _seconds(request.get("TimeRangeLowerBound"))
    high = _seconds(request.get("TimeRangeUpperBound"))
    if low is not None and high is not None and low > high:
        raise invalid_value("Time range lower bound must be less than or equal to upper bound")
    kind = request.get("BackupType") or USER
    table = request.get("TableName")
    name = model.table_name(table, call.account, service.host.place) if table else ""
    found = [
        backup
        for backup in service.backups.listed(call.account)
        if (not name or backup.table.name == name)
        and kind in {backup.kind, "ALL"}
        and (low is None or backup.created >= low)
        and (high is None or backup.created < high)
    ]
    start = request.get("ExclusiveStartBackupArn")
    if start is not None:
        after = _position(start)
        found = [backup for backup in found if _position(backup.arn) > after]
    page = found[: request.get("Limit") or BACKUPS_PER_PAGE]
    answer: dict[str, Any] = {"BackupSummaries": [backups.summary(backup) for backup in page]}
    if len(found) > len(page):
        answer["LastEvaluatedBackupArn"] = page[-1].arn
    return answer


def _position(arn: str) -> tuple[str, str]:
    """Where a backup comes in the list of all: by its time, then by its ARN."""
    return arn.rpartition("/")[2].partition("-")[0], arn


@operations("RestoreTableFromBackup")
def restore_table_from_backup(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    refuse("RestoreTableFromBackup", request)
    backup = service.backups.find(call.account, request["BackupArn"])
    _check_target(service, call, request["TargetTableName"])
    if not backup.available:
        raise _backup_in_use(f"Backup is being created: {backup.arn}")
    if backup.restoring:
        raise _backup_in_use(f"Backup is being used to restore another table: {backup.arn}")
    table = _target(service, call, request, backup.table, backups.origin(backup, backup.created))
    service.restores.begin(table, backup)
    return {"TableDescription": service.describe(table)}


@operations("RestoreTableToPointInTime")
def restore_table_to_point_in_time(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    refuse("RestoreTableToPointInTime", request)
    name = _source_name(service, call, request)
    moment = _seconds(request.get("RestoreDateTime"))
    latest = bool(request.get("UseLatestRestorableTime"))
    if moment is not None and latest:
        raise invalid_request(
            "Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time "
            "restore request. Please specify only one"
        )
    if moment is None and not latest:
        raise invalid_request(
            "Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not "
            "both"
        )
    source = _backed_up(service, call, name)
    if not source.recovery.days:
        raise ServiceError(
            "PointInTimeRecoveryUnavailableException",
            f"Point in time recovery is not enabled for table '{source.name}'",
        )
    moment = _restorable(service, source, moment)
    _check_target(service, call, request["TargetTableName"])
    origin = Restored(source.arn, "", moment)
    table = _target(service, call, request, source, origin)
    backup = service.backups.create(source, f"{source.name}$Restore", INTERNAL)
    service.restores.begin(table, backup, moment=moment)
    return {"TableDescription": service.describe(table)}


@operations("UpdateContinuousBackups")
def update_continuous_backups(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    asked = request["PointInTimeRecoverySpecification"]
    days = asked.get("RecoveryPeriodInDays")
    if days is not None and not asked["PointInTimeRecoveryEnabled"]:
        raise invalid_request(
            "Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery."
        )
    table = _backed_up(service, call, request["TableName"])
    wanted = (days or DAYS_MAX) if asked["PointInTimeRecoveryEnabled"] else 0
    recovery = service.backups.recoveries.switched(table, wanted)
    table = msgspec.structs.replace(table, recovery=recovery)
    service.put_record(table)
    return _continuous(service, table)


@operations("DescribeContinuousBackups")
def describe_continuous_backups(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    return _continuous(service, _backed_up(service, call, request["TableName"]))


def _continuous(service: DynamoDB, table: Table) -> dict[str, Any]:
    found: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    if table.recovery.days:
        earliest, latest = service.backups.recoveries.window(table)
        found = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": table.recovery.days,
            "EarliestRestorableDateTime": earliest,
            "LatestRestorableDateTime": latest,
        }
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": found,
        }
    }


def _backed_up(service: DynamoDB, call: Call, given: str) -> Table:
    """A table of which backups can be made."""
    name = model.table_name(given, call.account, service.host.place)
    table = service.tables.get(call.account, name)
    if table is None or table.status(service.now()) == "CREATING":
        raise ServiceError("TableNotFoundException", f"Table not found: {name}")
    return table


def _source_name(service: DynamoDB, call: Call, request: dict[str, Any]) -> str:
    arn, name = request.get("SourceTableArn"), request.get("SourceTableName")
    if arn and name:
        raise invalid_request("Must provide exactly one of: sourceTableArn, sourceTableName")
    if name:
        return str(name)
    if not arn:
        raise validation("The parameter 'TableName' is required but was not present in the request")
    found = model.ARN.fullmatch(arn)
    if found is None:
        raise validation("sourceTableArn is not a valid ARN")
    if found.group(2) != call.account:
        raise validation(
            "This action is only supported by accounts that match the resource owner's account."
        )
    if found.group(1) != service.host.place:
        raise not_offered("a restore from another region")
    return found.group(3)


def _restorable(service: DynamoDB, source: Table, moment: float | None) -> float:
    """The moment to restore to, checked."""
    earliest, latest = service.backups.recoveries.window(source)
    if moment is None:
        return latest
    # Requests tell whole seconds; the bounds have fractions.
    if not int(earliest) <= moment <= latest:
        raise ServiceError(
            "InvalidRestoreTimeException",
            f"RestoreDateTime '{_instant(moment)}' must be within EarliestRestorableDateTime "
            f"'{_instant(earliest)}' and LatestRestorableDateTime '{_instant(latest)}'",
        )
    return max(moment, earliest)


def _check_target(service: DynamoDB, call: Call, name: str) -> None:
    found = service.tables.get(call.account, name)
    if found is not None and found.restored is not None:
        source = found.restored.backup_arn or found.restored.source_arn
        raise ServiceError(
            "TableInUseException", f"Table: {name} is already being restored from backup: {source}"
        )
    if found is not None:
        raise ServiceError("TableAlreadyExistsException", f"Table already exists: {name}")
    if service.restores.count(call.account) >= restores.RESTORES_MAX:
        raise limit_exceeded(
            f"Only {restores.RESTORES_MAX} restore operations can be done simultaneously"
        )
    check_room(service, call)


def _target(
    service: DynamoDB, call: Call, request: dict[str, Any], source: Table, origin: Restored
) -> Table:
    """The table that a restore is to make, checked."""
    name, now = request["TargetTableName"], service.now()
    blank = Table(
        account=call.account,
        region=service.host.place,
        name=name,
        identity=service.deletions.unused_identity(call.account, name, now),
        created=now,
        active_at=now + service.delay_s(),
        key_names=(),
        key_types=(),
        restored=origin,
    )
    table = restores.target(source, request, blank)
    capacity = throughput.Capacity(table.billing, table.read_units, table.write_units)
    throughput.check_quota(call.region, capacity, lambda: service.provisioned(call.account))
    return table


def _backup_in_use(message: str) -> ServiceError:
    return ServiceError("BackupInUseException", message)


def _seconds(at: Any) -> float | None:
    """A time in a request, in Unix seconds."""
    if at is None:
        return None
    return at.timestamp() if isinstance(at, datetime) else float(at)


def _instant(at: float) -> str:
    at = min(max(at, 0.0), INSTANT_MAX)
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Operations on time to live, one thin function each."""

from typing import Any

from antipodes.regional.dynamodb.errors import in_use
from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.service.contract import Call


@operations("UpdateTimeToLive")
def update_time_to_live(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = service.record(call.account, request["TableName"])
    specification = request["TimeToLiveSpecification"]
    changed = service.timetolive.update(table, specification)
    if not table.is_made(service.now()):
        raise in_use(f"Table is being created: {table.name}")
    service.globaltables.check_changeable(table)
    service.put_record(changed)
    service.globaltables.settings_changed(table, changed)
    return {"TimeToLiveSpecification": specification}


@operations("DescribeTimeToLive")
def describe_time_to_live(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = service.record(call.account, request["TableName"])
    return {"TimeToLiveDescription": service.timetolive.description(table)}

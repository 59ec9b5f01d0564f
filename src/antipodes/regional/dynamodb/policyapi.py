"""Operations on resource policies and contributor insights, one thin function each: records."""

from typing import Any

import msgspec

from antipodes.regional.dynamodb import model, policies
from antipodes.regional.dynamodb.errors import in_use, invalid_value, not_found, validation
from antipodes.regional.dynamodb.features import Insights
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.service.contract import Call

INSIGHTS_PER_PAGE = 100
MODES = ("ACCESSED_AND_THROTTLED_KEYS", "THROTTLED_KEYS")


@operations("PutResourcePolicy")
def put_resource_policy(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["ResourceArn"]
    table, part = _resource(service, call, arn)
    present = table.policies.get(part)
    policy = policies.put(present, request["Policy"], service.now())
    policies.check_revision(present, request.get("ExpectedRevisionId"), arn)
    if policy != present:
        _check_changeable(service, table)
        kept = {**table.policies, part: policy}
        service.put_record(msgspec.structs.replace(table, policies=kept))
    return {"RevisionId": policy.revision}


@operations("GetResourcePolicy")
def get_resource_policy(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table, part = _resource(service, call, request["ResourceArn"])
    policy = table.policies.get(part)
    if policy is None:
        raise policies.not_found(request["ResourceArn"])
    return {"Policy": policy.document, "RevisionId": policy.revision}


@operations("DeleteResourcePolicy")
def delete_resource_policy(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    arn = request["ResourceArn"]
    table, part = _resource(service, call, arn)
    present = table.policies.get(part)
    policies.check_revision(present, request.get("ExpectedRevisionId"), arn)
    if present is None:
        return {}
    _check_changeable(service, table)
    kept = {name: policy for name, policy in table.policies.items() if name != part}
    service.put_record(msgspec.structs.replace(table, policies=kept))
    return {"RevisionId": policies.next_revision(present, service.now())}


def _resource(service: DynamoDB, call: Call, arn: str) -> tuple[Table, str]:
    """The table of an ARN, and which part of it has the policy: "", or a stream's label."""
    if not arn.startswith("arn:"):
        raise invalid_value(f"ARNs must start with 'arn:': {arn}")
    table_arn, slash, label = arn.partition("/stream/")
    if "/index/" in arn:
        raise invalid_value(
            "Invalid resource arn provided, only table or stream is accepted. Provided resource "
            f"arn: {arn}"
        )
    name = model.table_name(table_arn, call.account, service.host.place)
    table = service.tables.get(call.account, name)
    if table is None or table.status(service.now()) == "CREATING":
        raise not_found(f"Requested resource not found: Table: {name} not found")
    if slash and service.streams.get(call.account, name, label) is None:
        raise not_found(
            f"Requested resource not found: Stream: {label} not found for Table: {name}"
        )
    return table, label


def _check_changeable(service: DynamoDB, table: Table) -> None:
    if table.status(service.now()) == "DELETING":
        raise in_use(f"Table is being deleted: {table.name}")


@operations("UpdateContributorInsights")
def update_contributor_insights(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    table, index = _with_insights(service, call, request)
    present = table.insights.get(index)
    enabled = request["ContributorInsightsAction"] == "ENABLE"
    if enabled and table.status(service.now()) != "ACTIVE":
        raise validation(
            "Table or Index is not in a valid state to update Key Access Insights: TableStatus "
            "must be ACTIVE to enable ContributorInsights."
        )
    mode = request.get("ContributorInsightsMode") or MODES[0]
    if not enabled and present is not None:
        mode = present.mode
    status = _status(service, present)
    if (enabled, mode) != (present is not None and present.enabled, present and present.mode) and (
        enabled or present is not None
    ):
        kept = {**table.insights, index: Insights(enabled, mode, service.now())}
        service.put_record(msgspec.structs.replace(table, insights=kept))
        status = "ENABLING" if enabled else "DISABLING"
    found = _named(table, index, status)
    return {**found, "ContributorInsightsMode": mode} if enabled or present else found


@operations("DescribeContributorInsights")
def describe_contributor_insights(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    table, index = _with_insights(service, call, request)
    present = table.insights.get(index)
    found = _named(table, index, _status(service, present))
    if present is None:
        return found
    found["LastUpdateDateTime"] = present.changed
    found["ContributorInsightsMode"] = present.mode
    if present.enabled:
        found["ContributorInsightsRuleList"] = _rules(table, index, present)
    return found


@operations("ListContributorInsights")
def list_contributor_insights(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    tables = service.tables.list(call.account)
    if request.get("TableName"):
        tables = [service.record(call.account, request["TableName"])]
    found = [
        (
            f"{table.name}/{index}",
            {
                **_named(table, index, _status(service, present)),
                "ContributorInsightsMode": present.mode,
            },
        )
        for table in tables
        for index, present in sorted(table.insights.items())
        if _status(service, present) != "DISABLED"
    ]
    left = [(name, shown) for name, shown in found if name > (request.get("NextToken") or "")]
    page = left[: max(request.get("MaxResults") or INSIGHTS_PER_PAGE, 1)]
    answer: dict[str, Any] = {"ContributorInsightsSummaries": [shown for _, shown in page]}
    if len(left) > len(page):
        answer["NextToken"] = page[-1][0]
    return answer


def _with_insights(service: DynamoDB, call: Call, request: dict[str, Any]) -> tuple[Table, str]:
    table = service.record(call.account, request["TableName"])
    index = request.get("IndexName") or ""
    if index and not any(i.name == index and i.kind == "GSI" for i in table.indexes):
        raise not_found(
            f"Requested resource not found: Index: {index} not found for table: {table.name}"
        )
    return table, index


def _named(table: Table, index: str, status: str) -> dict[str, Any]:
    found = {"TableName": table.name, "ContributorInsightsStatus": status}
    return {**found, "IndexName": index} if index else found


def _status(service: DynamoDB, present: Insights | None) -> str:
    if present is None:
        return "DISABLED"
    under_way = present.changed <= service.now() < present.changed + service.delay_s()
    if present.enabled:
        return "ENABLING" if under_way else "ENABLED"
    return "DISABLING" if under_way else "DISABLED"


def _rules(table: Table, index: str, present: Insights) -> list[str]:
    """The names of the rules that AWS would make in CloudWatch."""
    key_names = table.key_names
    for known in table.indexes:
        if known.name == index:
            key_names = known.key_names
    kinds = [f"{part}{what}" for what in "CT" for part in ("PK", "SK")[: len(key_names)]]
    if present.mode == MODES[1]:
        kinds = [kind for kind in kinds if kind.endswith("T")]
    resource = f"{table.name}/{index}" if index else table.name
    stamp = int(present.changed * 1000)
    return [f"DynamoDBContributorInsights-{kind}-{resource}-{stamp}" for kind in kinds]

"""Which zones' queries are logged, and where; `querylog` does it."""

import re

import msgspec

from antipodes.edge.route53.model import QueryLoggingConfig
from antipodes.edge.route53.pages import tokened
from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Route53, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

PAGE = 100
_GROUP = re.compile(r"arn:aws:logs:us-east-1:([0-9]{12}):log-group:([A-Za-z0-9_/.#-]{1,512})(:\*)?")


def _show(config: QueryLoggingConfig) -> Response:
    return {
        "Id": config.id,
        "HostedZoneId": config.zone_id,
        "CloudWatchLogsLogGroupArn": config.log_group_arn,
    }


async def _has_group(service: Route53, call: Call, name: str) -> bool:
    """Whether the account has a log group of that name in us-east-1."""
    try:
        found = await service.host.call(
            "logs",
            "DescribeLogGroups",
            {"logGroupNamePrefix": name},
            account=call.account,
            trace=call.trace,
        )
    except ServiceError as error:
        if error.code == "NotImplemented":  # us-east-1 is no region of this world
            return False
        raise
    return any(group["logGroupName"] == name for group in found["logGroups"])


@operations("CreateQueryLoggingConfig")
async def create_config(service: Route53, call: Call, request: Request) -> Response:
    arn = request["CloudWatchLogsLogGroupArn"]
    group = _GROUP.fullmatch(arn)
    if group is None or group[1] != call.account:
        raise invalid_input(f"{arn} is not the ARN of a log group of this account in us-east-1")
    if service.zone(call, request["HostedZoneId"]).private:
        raise invalid_input("Queries can be logged for public hosted zones only")
    if not await _has_group(service, call, group[2]):
        raise ServiceError(
            "NoSuchCloudWatchLogsLogGroup", f"There is no log group with the ARN {arn}", 404
        )
    zone = service.zone(call, request["HostedZoneId"])
    if service.logging.get(call.account, zone.id) is not None:
        raise ServiceError(
            "QueryLoggingConfigAlreadyExists",
            f"Hosted zone {zone.id} has a query logging configuration already",
            409,
        )
    config = QueryLoggingConfig(service.new_uuid(), call.account, zone.id, arn)
    service.logging.put(call.account, zone.id, config)
    service.save_zone(msgspec.structs.replace(zone, logs_queries=True))
    service.follow_edge()
    location = f"https://route53.amazonaws.com/2013-04-01/queryloggingconfig/{config.id}"
    return {"QueryLoggingConfig": _show(config), "Location": location}


def _find(service: Route53, call: Call, config_id: str) -> QueryLoggingConfig:
    for config in service.logging.list(call.account):
        if config.id == config_id:
            return config
    raise ServiceError(
        "NoSuchQueryLoggingConfig", f"No query logging configuration has id {config_id}", 404
    )


@operations("GetQueryLoggingConfig")
def get_config(service: Route53, call: Call, request: Request) -> Response:
    return {"QueryLoggingConfig": _show(_find(service, call, request["Id"]))}


@operations("ListQueryLoggingConfigs")
def list_configs(service: Route53, call: Call, request: Request) -> Response:
    found = service.logging.list(call.account)
    if request.get("HostedZoneId"):
        zone = service.zone(call, request["HostedZoneId"])
        found = [config for config in found if config.zone_id == zone.id]
    page, more = tokened(found, request, PAGE)
    return {"QueryLoggingConfigs": [_show(config) for config in page], **more}


@operations("DeleteQueryLoggingConfig")
def delete_config(service: Route53, call: Call, request: Request) -> Response:
    config = _find(service, call, request["Id"])
    service.logging.delete(call.account, config.zone_id)
    zone = service.zones.get(call.account, config.zone_id)
    if zone is not None:
        service.save_zone(msgspec.structs.replace(zone, logs_queries=False))
    return {}

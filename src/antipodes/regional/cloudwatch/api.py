"""CloudWatch's API, 2010-08-01: one thin function per operation."""

import math
from typing import Any

import msgspec

from antipodes.regional.cloudwatch.alarms import (
    ALARMS_MAX,
    Alarm,
    alarm_of,
    checked_tags,
    describe,
    is_asked_for,
    watches,
)
from antipodes.regional.cloudwatch.data import datum_of, metric_of
from antipodes.regional.cloudwatch.judgement import Judgement
from antipodes.regional.cloudwatch.model import (
    DATAPOINTS_MAX,
    MINUTE_S,
    STATISTICS,
    Metric,
    MetricStore,
    Span,
    Statistic,
    bad_combination,
    bad_value,
)
from antipodes.regional.cloudwatch.watch import Watch
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.numbers import whole_number

operations = Operations()

DATA_MAX = 1_000
QUERIES_MAX = 500
LIST_PAGE_MAX = 500
DATA_PAGE_MAX = 100_800
ALARMS_PAGE, HISTORY_PAGE = 50, 100
RECENT_S = 3 * 3_600


class CloudWatch(Service):
    """CloudWatch in one region."""

    name = "cloudwatch"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.metric_store = MetricStore(host.store, host.runtime.interval(MINUTE_S))
        self.watch = Watch(host, self.metric_store)

    async def start(self) -> None:
        """Go on watching."""
        self.watch.start()

    def alarm(self, call: Call, name: str) -> Alarm:
        """An alarm, or AWS's word that there is none."""
        found = self.watch.get(call.account, name)
        if found is None:
            raise ServiceError("ResourceNotFound", f"Alarm {name} does not exist", 404)
        return found


@operations("PutMetricData")
def put_metric_data(service: CloudWatch, call: Call, request: Request) -> Response:
    namespace = request["Namespace"]
    if request.get("EntityMetricData"):
        raise bad_value("EntityMetricData is not offered here")
    if call.access_key and namespace.startswith("AWS/"):
        raise bad_value(
            f"The value {namespace} for parameter Namespace is invalid: namespaces that "
            "begin with AWS/ are for AWS's own metrics"
        )
    data = request.get("MetricData") or []
    if not 1 <= len(data) <= DATA_MAX:
        raise bad_value(f"The parameter MetricData must have 1 to {DATA_MAX} members")
    now = service.host.runtime.wall()
    # All is checked before anything is stored.
    checked = [datum_of(namespace, each, now) for each in data]
    for datum in checked:
        service.metric_store.put(call.account, datum, now)
    return {}


def _span(start: float, end: float, period_s: int) -> Span:
    if start >= end:
        raise bad_value("The parameter StartTime must be less than the parameter EndTime.")
    if period_s < MINUTE_S or period_s % MINUTE_S:
        raise bad_value(f"The parameter Period must be a multiple of {MINUTE_S}")
    return Span(int(start // MINUTE_S) * MINUTE_S, -int(-end // MINUTE_S) * MINUTE_S, period_s)


@operations("GetMetricStatistics")
def get_metric_statistics(service: CloudWatch, call: Call, request: Request) -> Response:
    if request.get("ExtendedStatistics"):
        raise bad_value("ExtendedStatistics (percentiles) are not offered here")
    statistics = request.get("Statistics") or []
    if not statistics:
        raise ServiceError(
            "MissingParameter",
            "Must specify either Statistics or ExtendedStatistics",
            400,
        )
    start, end, period_s = float(request["StartTime"]), float(request["EndTime"]), request["Period"]
    span = _span(start, end, period_s)
    if (end - start) / period_s > DATAPOINTS_MAX:
        raise bad_combination(
            f"You have requested up to {math.ceil((end - start) / period_s)} datapoints, which "
            f"exceeds the limit of {DATAPOINTS_MAX}. Reduce the time range or enlarge the Period"
        )
    metric = metric_of(request["Namespace"], request)
    found = service.metric_store.read(call.account, metric, span, request.get("Unit") or "")
    datapoints = [
        {"Timestamp": at, "Unit": unit, **{name: kept.value(name) for name in statistics}}
        for at, unit, kept in found
    ]
    return {"Label": request["MetricName"], "Datapoints": datapoints}


@operations("GetMetricData")
def get_metric_data(service: CloudWatch, call: Call, request: Request) -> Response:
    queries = request["MetricDataQueries"]
    if request.get("NextToken"):
        raise ServiceError("InvalidNextToken", "There are no further pages: all fits into one", 400)
    if not 1 <= len(queries) <= QUERIES_MAX:
        raise bad_value(f"The parameter MetricDataQueries must have 1 to {QUERIES_MAX} members")
    identifiers = [query["Id"] for query in queries]
    if len(set(identifiers)) < len(identifiers):
        raise bad_value("The values of Id in the parameter MetricDataQueries must be unique")
    newest_first = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    start, end = float(request["StartTime"]), float(request["EndTime"])
    limit = min(request.get("MaxDatapoints") or DATA_PAGE_MAX, DATA_PAGE_MAX)
    results = []
    for query in queries:
        found = _query(service, call, query, start, end)
        if query.get("ReturnData") is False:
            continue
        if newest_first:
            found.reverse()
        if len(found) > limit:
            raise bad_value(f"The queries have more than {limit} datapoints: enlarge the Period")
        limit -= len(found)
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label") or query["MetricStat"]["Metric"]["MetricName"],
                "Timestamps": [at for at, _ in found],
                "Values": [value for _, value in found],
                "StatusCode": "Complete",
            }
        )
    return {"MetricDataResults": results, "Messages": []}


def _query(
    service: CloudWatch, call: Call, query: dict[str, Any], start: float, end: float
) -> list[tuple[float, float]]:
    """Return the (time, value) pairs of one query, oldest first."""
    if query.get("Expression") or not query.get("MetricStat"):
        raise bad_value(f"Query {query['Id']}: expressions are not offered here, only MetricStat")
    if query.get("AccountId") not in {None, call.account}:
        raise bad_value(f"Query {query['Id']}: metrics of other accounts are not offered here")
    wanted = query["MetricStat"]
    if wanted["Stat"] not in STATISTICS:
        raise bad_value(
            f"Query {query['Id']}: the statistic {wanted['Stat']} is not offered here, only "
            f"{', '.join(STATISTICS)}"
        )
    span = _span(start, end, wanted["Period"])
    asked = wanted["Metric"]
    metric = metric_of(asked.get("Namespace") or "", asked)
    found = service.metric_store.read(call.account, metric, span, wanted.get("Unit") or "")
    joined: dict[float, Statistic] = {}
    for at, _, kept in found:
        joined[at] = kept if at not in joined else joined[at].joined(kept)
    return [(at, kept.value(wanted["Stat"])) for at, kept in joined.items()]


@operations("ListMetrics")
def list_metrics(service: CloudWatch, call: Call, request: Request) -> Response:
    if request.get("IncludeLinkedAccounts") or request.get("OwningAccount"):
        raise bad_value("Metrics of other accounts are not offered here")
    oldest = 0.0
    if request.get("RecentlyActive"):
        oldest = service.host.runtime.wall() - RECENT_S
    wanted = [
        metric
        for metric in service.metric_store.metrics(call.account)
        if metric.last_at >= oldest and _is_asked_for(metric, request)
    ]
    begin = 0
    if request.get("NextToken"):
        begin = whole_number(request["NextToken"])
        if begin < 0:
            raise bad_value("The parameter NextToken is not one that ListMetrics gave")
    response: Response = {
        "Metrics": [
            {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": n, "Value": v} for n, v in metric.dimensions],
            }
            for metric in wanted[begin : begin + LIST_PAGE_MAX]
        ]
    }
    if begin + LIST_PAGE_MAX < len(wanted):
        response["NextToken"] = str(begin + LIST_PAGE_MAX)
    return response


def _is_asked_for(metric: Metric, request: Request) -> bool:
    if request.get("Namespace") and metric.namespace != request["Namespace"]:
        return False
    if request.get("MetricName") and metric.name != request["MetricName"]:
        return False
    has = dict(metric.dimensions)
    return all(
        asked["Name"] in has and asked.get("Value") in {None, has[asked["Name"]]}
        for asked in request.get("Dimensions") or ()
    )


# Alarms.


@operations("PutMetricAlarm")
def put_metric_alarm(service: CloudWatch, call: Call, request: Request) -> Response:
    watch = service.watch
    before = watch.get(call.account, request["AlarmName"])
    alarm = alarm_of(call, request, before, service.host.runtime.wall())
    if before is None and len(watch.alarms(call.account)) >= ALARMS_MAX:
        raise ServiceError("LimitExceeded", f"An account has at most {ALARMS_MAX} alarms", 400)
    watch.configure(alarm, "created" if before is None else "updated")
    return {}


@operations("DescribeAlarms")
def describe_alarms(service: CloudWatch, call: Call, request: Request) -> Response:
    for member in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
        if request.get(member):
            raise bad_value(f"{member}: composite alarms are not offered here")
    if request.get("AlarmNames") and request.get("AlarmNamePrefix"):
        raise bad_combination("AlarmNames and AlarmNamePrefix cannot be given together")
    kinds = request.get("AlarmTypes") or ["MetricAlarm"]
    alarms = [a for a in service.watch.alarms(call.account) if is_asked_for(a, request)]
    if "MetricAlarm" not in kinds:
        alarms = []
    # A page begins after the last name of the one before, so that it does not matter what is
    # made or deleted meanwhile.
    after = _token(request, "")
    alarms = [alarm for alarm in alarms if alarm.name > after]
    size = request.get("MaxRecords") or ALARMS_PAGE
    page = alarms[:size]
    response: Response = {
        "MetricAlarms": [describe(alarm) for alarm in page],
        "CompositeAlarms": [],
    }
    if len(alarms) > size:
        response["NextToken"] = page[-1].name.encode().hex()
    return response


def _token(request: Request, usual: str) -> str:
    """The text that a NextToken stands for."""
    try:
        return bytes.fromhex(request.get("NextToken") or "").decode() or usual
    except ValueError as error:
        raise ServiceError("InvalidNextToken", "NextToken was not given here", 400) from error


@operations("DescribeAlarmsForMetric")
def describe_alarms_for_metric(service: CloudWatch, call: Call, request: Request) -> Response:
    if request.get("ExtendedStatistic"):
        raise bad_value("ExtendedStatistic (percentiles) is not offered here")
    metric = metric_of(request["Namespace"], request)
    alarms = service.watch.alarms(call.account)
    found = [alarm for alarm in alarms if watches(alarm, metric, request)]
    return {"MetricAlarms": [describe(alarm) for alarm in found]}


@operations("DescribeAlarmHistory")
def describe_alarm_history(service: CloudWatch, call: Call, request: Request) -> Response:
    if request.get("AlarmContributorId"):
        raise bad_value("AlarmContributorId is not offered here")
    begin, end = request.get("StartDate"), request.get("EndDate")
    found = [
        (number, item)
        for number, item in service.watch.history.items(call.account, service.host.runtime.wall())
        if request.get("AlarmName") in {None, item.alarm}
        and request.get("HistoryItemType") in {None, item.kind}
        and (begin is None or item.at >= float(begin))
        and (end is None or item.at <= float(end))
    ]
    if "MetricAlarm" not in (request.get("AlarmTypes") or ["MetricAlarm"]):
        found = []
    after = whole_number(_token(request, "0"))
    if after < 0:
        raise ServiceError("InvalidNextToken", "NextToken was not given here", 400)
    if request.get("ScanBy") == "TimestampAscending":
        found = [pair for pair in found if pair[0] > after]
    else:
        found = [pair for pair in reversed(found) if not after or pair[0] < after]
    size = request.get("MaxRecords") or HISTORY_PAGE
    response: Response = {"AlarmHistoryItems": [item.describe() for _, item in found[:size]]}
    if len(found) > size:
        response["NextToken"] = str(found[size - 1][0]).encode().hex()
    return response


@operations("DeleteAlarms")
def delete_alarms(service: CloudWatch, call: Call, request: Request) -> Response:
    # Names of no alarm are no error: the others are deleted.
    for name in dict.fromkeys(request["AlarmNames"]):
        alarm = service.watch.get(call.account, name)
        if alarm is not None:
            service.watch.delete(alarm)
    return {}


@operations("SetAlarmState")
def set_alarm_state(service: CloudWatch, call: Call, request: Request) -> Response:
    alarm = service.alarm(call, request["AlarmName"])
    data = request.get("StateReasonData") or ""
    try:
        msgspec.json.decode(data or "{}")
    except msgspec.DecodeError as error:
        raise ServiceError("InvalidFormat", f"StateReasonData is not JSON: {error}", 400) from error
    judgement = Judgement(request["StateValue"], request["StateReason"], data)
    service.watch.change(alarm, judgement)
    return {}


def _enable(service: CloudWatch, call: Call, request: Request, *, enabled: bool) -> Response:
    for name in dict.fromkeys(request["AlarmNames"]):
        alarm = service.watch.get(call.account, name)
        if alarm is not None:
            service.watch.enable(alarm, enabled=enabled)
    return {}


@operations("EnableAlarmActions")
def enable_alarm_actions(service: CloudWatch, call: Call, request: Request) -> Response:
    return _enable(service, call, request, enabled=True)


@operations("DisableAlarmActions")
def disable_alarm_actions(service: CloudWatch, call: Call, request: Request) -> Response:
    return _enable(service, call, request, enabled=False)


# Tags.


def _tagged(service: CloudWatch, call: Call, request: Request) -> Alarm:
    arn = request["ResourceARN"]
    start = f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:"
    alarm = None
    if arn.startswith(start):
        alarm = service.watch.get(call.account, arn.removeprefix(start))
    if alarm is None:
        raise ServiceError("ResourceNotFoundException", f"{arn} does not exist", 404)
    return alarm


@operations("TagResource")
def tag_resource(service: CloudWatch, call: Call, request: Request) -> Response:
    alarm = _tagged(service, call, request)
    tags = checked_tags(alarm.tags, request["Tags"])
    service.watch.put(msgspec.structs.replace(alarm, tags=tags))
    return {}


@operations("UntagResource")
def untag_resource(service: CloudWatch, call: Call, request: Request) -> Response:
    alarm = _tagged(service, call, request)
    tags = {key: value for key, value in alarm.tags.items() if key not in request["TagKeys"]}
    service.watch.put(msgspec.structs.replace(alarm, tags=tags))
    return {}


@operations("ListTagsForResource")
def list_tags_for_resource(service: CloudWatch, call: Call, request: Request) -> Response:
    tags = _tagged(service, call, request).tags
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

"""CloudWatch's API, 2010-08-01: one thin function per operation."""

import math
from typing import Any

from antipodes.regional.cloudwatch.model import (
    DATAPOINTS_MAX,
    MINUTE_S,
    RETENTION_S,
    STATISTICS,
    Datum,
    Metric,
    MetricStore,
    Span,
    Statistic,
    bad_combination,
    bad_value,
    statistic_of,
)
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)

operations = Operations()

DIMENSIONS_MAX = 30
DATA_MAX = 1_000
VALUES_MAX = 150
QUERIES_MAX = 500
LIST_PAGE_MAX = 500
DATA_PAGE_MAX = 100_800
TOO_NEW_S = 2 * 3_600
RECENT_S = 3 * 3_600
_VALUE_MAX = 2.0**360


class CloudWatch(Service):
    """CloudWatch in one region."""

    name = "cloudwatch"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.metric_store = MetricStore(host.store)


def _dimensions(listed: list[dict[str, str]] | None) -> tuple[tuple[str, str], ...]:
    pairs = sorted((item["Name"], item["Value"]) for item in listed or ())
    if len(pairs) > DIMENSIONS_MAX:
        raise bad_value(
            f"The parameter Dimensions has {len(pairs)} members; at most "
            f"{DIMENSIONS_MAX} are allowed"
        )
    if len({name for name, _ in pairs}) < len(pairs):
        raise bad_value("The parameter Dimensions has one name twice")
    return tuple(pairs)


def _metric(namespace: str, request: Request) -> Metric:
    return Metric(namespace, request["MetricName"], _dimensions(request.get("Dimensions")))


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
    checked = [_datum(namespace, each, now) for each in data]
    for datum in checked:
        service.metric_store.put(call.account, datum, now)
    return {}


def _datum(namespace: str, datum: dict[str, Any], now: float) -> Datum:
    if datum.get("StorageResolution", MINUTE_S) != MINUTE_S:
        raise bad_value("StorageResolution other than 60 is not offered here")
    at = datum.get("Timestamp")
    at = now if at is None else float(at)
    if not now - RETENTION_S <= at <= now + TOO_NEW_S:
        raise bad_value(
            "The parameter MetricData.member.Timestamp must be within two weeks before "
            "and two hours after now"
        )
    metric = _metric(namespace, datum)
    return Datum(metric, datum.get("Unit") or "None", _statistic(datum), at)


def _statistic(datum: dict[str, Any]) -> Statistic:
    given = [m for m in ("Value", "Values", "StatisticValues") if datum.get(m) is not None]
    if len(given) != 1:
        raise bad_combination(
            "At the parameter MetricData.member exactly one of Value, Values and StatisticValues "
            "must be given"
        )
    if given == ["Value"]:
        pairs = [(float(datum["Value"]), 1.0)]
    elif given == ["Values"]:
        values = [float(value) for value in datum["Values"]]
        counts = [float(count) for count in datum.get("Counts") or [1.0] * len(values)]
        if not 1 <= len(values) <= VALUES_MAX or len(counts) != len(values):
            raise bad_combination(
                f"The parameters Values and Counts must have the same number of members, 1 to "
                f"{VALUES_MAX}"
            )
        pairs = list(zip(values, counts, strict=True))
    else:
        told = datum["StatisticValues"]
        statistic = Statistic(
            *(float(told[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum"))
        )
        _check_numbers(statistic.count, statistic.total, statistic.least, statistic.most)
        return statistic
    _check_numbers(*(number for pair in pairs for number in pair))
    return statistic_of(pairs)


def _check_numbers(*numbers: float) -> None:
    if not all(math.isfinite(number) and abs(number) <= _VALUE_MAX for number in numbers):
        raise bad_value("The value of a metric must be a finite number between -2^360 and 2^360")


def _span(start: float, end: float, period_s: int) -> Span:
    if start >= end:
        raise bad_value("The parameter StartTime must be less than the parameter EndTime.")
    if period_s < MINUTE_S or period_s % MINUTE_S:
        raise bad_value(f"The parameter Period must be a multiple of {MINUTE_S}")
    return Span(start, end, period_s)


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
    metric = _metric(request["Namespace"], request)
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
    metric = _metric(asked.get("Namespace") or "", asked)
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
        if not request["NextToken"].isdecimal():
            raise bad_value("The parameter NextToken is not one that ListMetrics gave")
        begin = int(request["NextToken"])
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

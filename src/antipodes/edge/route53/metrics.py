"""AWS/Route53 in the home region's CloudWatch, from what health checkers have seen in a minute.

HealthCheckStatus, HealthCheckPercentageHealthy and ChildHealthCheckHealthyCount are published for
every health check; ConnectionTime, TimeToFirstByte and SSLHandshakeTime for those that measure
latency, over all regions of checkers and for each alone.

Source: Route 53's Developer Guide, "Monitoring health checks using CloudWatch".
"""

from collections.abc import Sequence
from typing import Any

from antipodes.service.contract import Host, ServiceError

NAMESPACE = "AWS/Route53"
DATA_PER_CALL = 500
UNITS = {"HealthCheckPercentageHealthy": "Percent", "ChildHealthCheckHealthyCount": "Count"}
Span = tuple[float, float, float, float]  # count, sum, least and most


def data(at: float, check: str, values: dict[str, float], spans: Sequence[Any]) -> list[Any]:
    """The data of one health check."""
    of_check = {"Name": "HealthCheckId", "Value": check}
    found = [
        _datum(at, name, [of_check], Unit=UNITS.get(name, "None"), Value=value)
        for name, value in values.items()
    ]
    whole: dict[str, Span] = {}
    for metric, region, *numbers in spans:
        span: Span = (numbers[0], numbers[1], numbers[2], numbers[3])
        whole[metric] = _joined(whole.get(metric), span)
        found.append(_span(at, metric, [of_check, {"Name": "Region", "Value": region}], span))
    return [*found, *(_span(at, metric, [of_check], span) for metric, span in whole.items())]


def _joined(one: Span | None, other: Span) -> Span:
    if one is None:
        return other
    return one[0] + other[0], one[1] + other[1], min(one[2], other[2]), max(one[3], other[3])


def _span(at: float, metric: str, dimensions: list[dict[str, str]], span: Span) -> dict[str, Any]:
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    statistic = dict(zip(names, span, strict=True))
    return _datum(at, metric, dimensions, Unit="Milliseconds", StatisticValues=statistic)


def _datum(at: float, name: str, dimensions: list[dict[str, str]], **rest: Any) -> dict[str, Any]:
    return {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, **rest}


async def publish(host: Host, at: float, rows: Sequence[Any]) -> None:
    """Put what was told into CloudWatch, if it runs in this region."""
    if host.service("cloudwatch") is None:
        return
    by_account: dict[str, list[Any]] = {}
    for account, check, values, spans in rows:
        by_account.setdefault(account, []).extend(data(at, check, values, spans))
    for account, found in by_account.items():
        for start in range(0, len(found), DATA_PER_CALL):
            some = {"Namespace": NAMESPACE, "MetricData": found[start : start + DATA_PER_CALL]}
            try:
                await host.call("cloudwatch", "PutMetricData", some, account=account)
            except ServiceError as error:
                host.runtime.journal.record("route53.measures-refused", code=error.code)

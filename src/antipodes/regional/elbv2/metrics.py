"""AWS/ApplicationELB in the region's CloudWatch, from what load balancers did in a minute.

Counts are published once a minute while there are any, for the load balancer alone and, where a
target group has its part in them, for both. Where no request comes there is no timer and nothing
is published. What was counted since the last minute is lost when the host is.

Source: the Application Load Balancer user guide, load-balancer-cloudwatch-metrics. Left out: what
AWS says by Availability Zone (nobody knows which node an accelerator's requests came to),
connections, bytes, hosts and capacity units.
"""

from typing import Any

from antipodes.service.contract import Host, ServiceError

NAMESPACE = "AWS/ApplicationELB"
PUBLISH_S = 60.0
DATA_PER_CALL = 500
KEYS_MAX = 10_000
FIXED, REDIRECT = "HTTP_Fixed_Response_Count", "HTTP_Redirect_Count"
_OWN_ALONE = (500, 502, 503, 504)  # have a metric each, beside the one of their hundred
_OWN_LEAST = 300

Key = tuple[str, str, str, str]  # account, load balancer, target group or nothing, metric


class Meters:
    """What the load balancers of a region have done since the last minute."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._spans: dict[Key, list[float]] = {}  # count, sum, least and most

    def chosen(self, account: str, balancer: str, group: str) -> None:
        """A target of a group was chosen for a request."""
        self._add(account, balancer, group, "RequestCount", 1.0)

    def answered(self, account: str, balancer: str, group: str, status: int, took_s: float) -> None:
        """A target has answered."""
        self._add(account, balancer, group, f"HTTPCode_Target_{status // 100}XX_Count", 1.0)
        self._add(account, balancer, group, "TargetResponseTime", took_s)

    def own(self, account: str, balancer: str, status: int, action: str = "") -> None:
        """The load balancer has answered itself, by an action or because something went wrong."""
        if action:
            self._add(account, balancer, "", action, 1.0)
        if status >= _OWN_LEAST:
            self._add(account, balancer, "", f"HTTPCode_ELB_{status // 100}XX_Count", 1.0)
        if status in _OWN_ALONE:
            self._add(account, balancer, "", f"HTTPCode_ELB_{status}_Count", 1.0)

    def _add(self, account: str, balancer: str, group: str, metric: str, value: float) -> None:
        if not self._spans:
            runtime = self._host.runtime
            runtime.later(runtime.interval(PUBLISH_S), self._tell)
        for part in ("", group) if group else ("",):
            key = account, balancer, part, metric
            span = self._spans.get(key)
            if span is not None:
                span[0] += 1
                span[1] += value
                span[2] = min(span[2], value)
                span[3] = max(span[3], value)
            elif len(self._spans) < KEYS_MAX:
                self._spans[key] = [1.0, value, value, value]

    def _tell(self) -> None:
        spans, self._spans = self._spans, {}
        runtime = self._host.runtime
        runtime.spawn(_publish(self._host, runtime.wall(), spans), "publishing measures")


async def _publish(host: Host, at: float, spans: dict[Key, list[float]]) -> None:
    """Put what was counted into CloudWatch, if it runs in this region."""
    if host.service("cloudwatch") is None:
        return
    by_account: dict[str, list[dict[str, Any]]] = {}
    for (account, balancer, group, metric), span in spans.items():
        datum = _datum(at, balancer, group, metric, span)
        by_account.setdefault(account, []).append(datum)
    for account, data in by_account.items():
        for start in range(0, len(data), DATA_PER_CALL):
            some = {"Namespace": NAMESPACE, "MetricData": data[start : start + DATA_PER_CALL]}
            try:
                await host.call("cloudwatch", "PutMetricData", some, account=account)
            except ServiceError as error:
                host.runtime.journal.record("elb.measures-refused", code=error.code)


def _datum(at: float, balancer: str, group: str, metric: str, span: list[float]) -> dict[str, Any]:
    dimensions = [{"Name": "LoadBalancer", "Value": balancer}]
    if group:
        dimensions.append({"Name": "TargetGroup", "Value": group.rpartition(":")[2]})
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    return {
        "MetricName": metric,
        "Dimensions": dimensions,
        "Timestamp": at,
        "Unit": "Seconds" if metric == "TargetResponseTime" else "Count",
        "StatisticValues": dict(zip(names, span, strict=True)),
    }

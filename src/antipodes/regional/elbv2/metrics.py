"""AWS/ApplicationELB and AWS/NetworkELB in the region's CloudWatch: what was done in a minute.

Counts are published once a minute while there are any, for the load balancer alone and, where a
target group or a node's zone has its part in them, for both. Where nothing comes there is no timer
and nothing is published. What was counted since the last minute is lost when the host is.

Source: load-balancer-cloudwatch-metrics in the user guides of both. Left out: what AWS says of
application load balancers by Availability Zone (nobody knows which node an accelerator's requests
came to), connections, bytes, resets, hosts and capacity units.
"""

from typing import Any

from antipodes.service.contract import Host, ServiceError

NAMESPACE, NETWORK_NAMESPACE = "AWS/ApplicationELB", "AWS/NetworkELB"
PUBLISH_S = 60.0
DATA_PER_CALL = 500
KEYS_MAX = 10_000
FIXED, REDIRECT = "HTTP_Fixed_Response_Count", "HTTP_Redirect_Count"
_OWN_ALONE = (500, 502, 503, 504)  # have a metric each, beside the one of their hundred
_OWN_LEAST = 300

Key = tuple[str, str, str, str]  # account, load balancer, further dimension or nothing, metric


class _Meters:
    """What load balancers of a region have done since the last minute."""

    namespace: str
    further: str  # the dimension beside the load balancer

    def __init__(self, host: Host) -> None:
        self._host = host
        self._spans: dict[Key, list[float]] = {}  # count, sum, least and most

    def _add(self, account: str, balancer: str, beside: str, metric: str, value: float) -> None:
        if not self._spans:
            runtime = self._host.runtime
            runtime.later(runtime.interval(PUBLISH_S), self._tell)
        for part in ("", beside) if beside else ("",):
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
        runtime.spawn(self._publish(runtime.wall(), spans), "publishing measures")

    async def _publish(self, at: float, spans: dict[Key, list[float]]) -> None:
        """Put what was counted into CloudWatch, if it runs in this region."""
        host = self._host
        if host.service("cloudwatch") is None:
            return
        by_account: dict[str, list[dict[str, Any]]] = {}
        for (account, balancer, part, metric), span in spans.items():
            dimensions = {"LoadBalancer": balancer}
            if part:
                dimensions[self.further] = part
            by_account.setdefault(account, []).append(_datum(at, dimensions, metric, span))
        for account, data in by_account.items():
            for start in range(0, len(data), DATA_PER_CALL):
                some = {
                    "Namespace": self.namespace,
                    "MetricData": data[start : start + DATA_PER_CALL],
                }
                try:
                    await host.call("cloudwatch", "PutMetricData", some, account=account)
                except ServiceError as error:
                    host.runtime.journal.record("elb.measures-refused", code=error.code)


class Meters(_Meters):
    """What application load balancers have answered."""

    namespace, further = NAMESPACE, "TargetGroup"

    def chosen(self, account: str, balancer: str, group: str) -> None:
        """A target of a group (as in the end of its ARN) was chosen for a request."""
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


class FlowMeters(_Meters):
    """What network load balancers have passed on."""

    namespace, further = NETWORK_NAMESPACE, "AvailabilityZone"

    def opened(self, account: str, balancer: str, zone: str, protocol: str) -> None:
        """A node in a zone has found a target for a new flow."""
        self._add(account, balancer, zone, "NewFlowCount", 1.0)
        self._add(account, balancer, zone, f"NewFlowCount_{protocol}", 1.0)


def _datum(at: float, dimensions: dict[str, str], metric: str, span: list[float]) -> dict[str, Any]:
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    return {
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Timestamp": at,
        "Unit": "Seconds" if metric == "TargetResponseTime" else "Count",
        "StatisticValues": dict(zip(names, span, strict=True)),
    }

"""What tables consumed and were refused, in CloudWatch once a minute, where capacity is metered.

Counted by table and by global index: ConsumedReadCapacityUnits, ConsumedWriteCapacityUnits,
ReadThrottleEvents and WriteThrottleEvents; by table and operation: ThrottledRequests. A world
without throttling measures nothing and pays nothing. Counts of an unfinished minute are lost when
the region is.

Source: "DynamoDB metrics and dimensions" (Developer Guide).
"""

from typing import Any, NamedTuple

from antipodes.service.contract import Host, ServiceError

PUBLISH_S = 60.0
DATA_PER_CALL = 500
NAMESPACE = "AWS/DynamoDB"


class Whose(NamedTuple):
    """A metric of a table, of a global index of it, or of an operation on it."""

    account: str
    table: str
    metric: str
    index_name: str = ""
    operation: str = ""


class Counted(NamedTuple):
    """Values of a minute, summed up."""

    samples: int
    total: float
    least: float
    most: float

    def joined(self, value: float) -> "Counted":
        """The same and one value more."""
        return Counted(
            self.samples + 1,
            self.total + value,
            min(self.least, value),
            max(self.most, value),
        )


class CapacityMetrics:
    """The counts of one region, and their way to its CloudWatch."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._runtime = host.runtime
        self._counted: dict[Whose, Counted] = {}

    def start(self) -> None:
        """Begin to publish."""
        self._runtime.spawn(self._publish_for_ever(), "publish capacity")

    def note(self, whose: Whose, value: float) -> None:
        """Count a value."""
        present = self._counted.get(whose)
        self._counted[whose] = (
            Counted(1, value, value, value) if present is None else present.joined(value)
        )

    async def _publish_for_ever(self) -> None:
        while True:
            await self._runtime.sleep(self._runtime.interval(PUBLISH_S))
            told, self._counted = self._counted, {}
            if self._host.service("cloudwatch") is None:
                continue
            by_account: dict[str, list[dict[str, Any]]] = {}
            for whose, counted in told.items():
                datum = _datum(whose, counted, self._runtime.wall())
                by_account.setdefault(whose.account, []).append(datum)
            for account, data in by_account.items():
                for start in range(0, len(data), DATA_PER_CALL):
                    await self._put(account, data[start : start + DATA_PER_CALL])

    async def _put(self, account: str, data: list[dict[str, Any]]) -> None:
        some = {"Namespace": NAMESPACE, "MetricData": data}
        try:
            await self._host.call("cloudwatch", "PutMetricData", some, account=account)
        except ServiceError as error:
            self._runtime.journal.record("dynamodb.capacity_refused", code=error.code)


def _datum(whose: Whose, counted: Counted, now: float) -> dict[str, Any]:
    dimensions = [{"Name": "TableName", "Value": whose.table}]
    if whose.index_name:
        dimensions.append({"Name": "GlobalSecondaryIndexName", "Value": whose.index_name})
    if whose.operation:
        dimensions.append({"Name": "Operation", "Value": whose.operation})
    return {
        "MetricName": whose.metric,
        "Dimensions": dimensions,
        "Timestamp": now,
        "Unit": "Count",
        "StatisticValues": {
            "SampleCount": float(counted.samples),
            "Sum": counted.total,
            "Minimum": counted.least,
            "Maximum": counted.most,
        },
    }

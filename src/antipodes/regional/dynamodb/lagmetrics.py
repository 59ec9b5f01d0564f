"""ReplicationLatency and PendingReplicationCount, in CloudWatch of the region that wrote.

The region where writes arrive measures them (replication/lags.py) and tells the one that wrote them
once a minute, over the connection by which it follows its log. What has not arrived after LATE_S
counts too, with its age so far: what waits in the log of the region that wrote it is seen there,
also while nobody else can be reached, and what is held for a pause is told by who holds it. So an
alarm on the metric fires while a region is cut off, and not when it is back.

Nothing is measured of tables that are strongly consistent. The pending count is there for tables of
version 2017.11.29, as in AWS, which publishes it for no others.

Source: "DynamoDB metrics and dimensions" and "Monitoring global tables" (Developer Guide).
"""

from collections.abc import Callable
from typing import Any

from antipodes.regional.dynamodb.held import Held
from antipodes.regional.dynamodb.tables import ITEM_KIND
from antipodes.replication.follower import Follower
from antipodes.replication.lags import Lag, Lags
from antipodes.replication.logserver import Refused
from antipodes.runtime.contract import Gone, TimedOut
from antipodes.service.contract import Host, ServiceError

PUBLISH_S = 60.0
LATE_S = 5.0
LOOKED_AT_MAX = 10_000  # entries of the log, for each follower, a minute
LOOKED_AT_ONCE = 500
DATA_PER_CALL = 500
QUERY = "dynamodb/lags"
NAMESPACE = "AWS/DynamoDB"

Told = dict[tuple[str, str], Lag]
Pending = dict[tuple[str, str], int]


class LagMetrics:
    """What one region has to tell of its ways to others, and they of theirs to it."""

    def __init__(
        self, host: Host, lags: Lags, held: Held, counted: Callable[[str, str], bool]
    ) -> None:
        """`counted(account, table)`: whether what is pending of a table is published."""
        self._host = host
        self._runtime = host.runtime
        self._lags = lags
        self._held = held
        self._counted = counted
        self._pending: dict[str, Pending] = {}  # what others said that they hold
        host.changes.serve(QUERY, self._hear)

    def start(self, followers: dict[str, Follower]) -> None:
        """Begin to measure and to tell."""
        for source, follower in followers.items():
            self._runtime.spawn(self._tell_for_ever(source, follower), f"lags from {source}")
        self._runtime.spawn(self._look_for_ever(), "lags of what is late")

    # Where writes arrive.

    async def _tell_for_ever(self, source: str, follower: Follower) -> None:
        while True:
            await self._runtime.sleep(self._runtime.interval(PUBLISH_S))
            told, now = self._lags.take(source), self._runtime.now()
            holding: list[list[Any]] = []
            for (account, table), (count, since) in sorted(self._held.paused(source).items()):
                holding.append([account, table, count])
                late_s = now - since
                if late_s > LATE_S:
                    late = Lag(1, late_s * 1000, late_s * 1000, late_s * 1000)
                    known = told.get((account, table))
                    told[account, table] = late if known is None else known.joined(late)
            if not told and not holding:
                continue
            lags = [[*whose, *lag] for whose, lag in told.items()]
            try:
                await follower.query(QUERY, [self._host.place, lags, holding])
            except (Gone, TimedOut, Refused):
                self._runtime.journal.sometimes("dynamodb.lags-untold")

    # Where they were written.

    def _hear(self, asked: list[Any]) -> None:
        destination, lags, holding = asked
        self._pending[destination] = {(account, table): n for account, table, n in holding}
        told = {(account, table): Lag(*lag) for account, table, *lag in lags}
        self._runtime.spawn(self._publish_latency(destination, told), "publish lags")

    async def _look_for_ever(self) -> None:
        while True:
            await self._runtime.sleep(self._runtime.interval(PUBLISH_S))
            for follower in sorted(self._host.changes.followers):
                destination, _, name = follower.rpartition("/")
                if name == "dynamodb":
                    await self._look(destination, self._host.changes.followers[follower].position)

    async def _look(self, destination: str, position: int) -> None:
        """Publish what has not arrived somewhere."""
        pending = dict(self._pending.get(destination, {}))
        late: Told = {}
        wall, changes = self._runtime.wall(), self._host.changes
        end = position + LOOKED_AT_MAX
        while position < min(end, changes.head):
            entries, position = changes.read(position, LOOKED_AT_ONCE, (ITEM_KIND,))
            for entry in entries:
                whose = (entry.payload[0], entry.payload[1])
                pending[whose] = pending.get(whose, 0) + 1
                age_ms = (wall - entry.wall_s) * 1000
                if age_ms > LATE_S * 1000 and whose not in late:  # the first is the oldest
                    late[whose] = Lag(1, age_ms, age_ms, age_ms)
            await self._runtime.sleep(0)
        await self._publish_latency(destination, late)
        counts = {w: count for w, count in pending.items() if self._counted(*w)}
        lags = {w: Lag(1, float(n), float(n), float(n)) for w, n in sorted(counts.items())}
        await self._publish(destination, lags, "PendingReplicationCount", "Count")

    async def _publish_latency(self, destination: str, told: Told) -> None:
        await self._publish(destination, told, "ReplicationLatency", "Milliseconds")

    async def _publish(self, destination: str, told: Told, metric: str, unit: str) -> None:
        if self._host.service("cloudwatch") is None:
            return
        by_account: dict[str, list[dict[str, Any]]] = {}
        for (account, table), lag in told.items():
            datum = {
                "MetricName": metric,
                "Dimensions": [
                    {"Name": "TableName", "Value": table},
                    {"Name": "ReceivingRegion", "Value": destination},
                ],
                "Timestamp": self._runtime.wall(),
                "Unit": unit,
                "StatisticValues": {
                    "SampleCount": float(lag.writes),
                    "Sum": lag.total_ms,
                    "Minimum": lag.least_ms,
                    "Maximum": lag.most_ms,
                },
            }
            by_account.setdefault(account, []).append(datum)
        for account, data in by_account.items():
            for start in range(0, len(data), DATA_PER_CALL):
                some = {"Namespace": NAMESPACE, "MetricData": data[start : start + DATA_PER_CALL]}
                try:
                    await self._host.call("cloudwatch", "PutMetricData", some, account=account)
                except ServiceError as error:
                    self._runtime.journal.record("dynamodb.lags_refused", code=error.code)

"""Log lines and metrics of invocations, gathered and handed on in batches.

They reach `logs` and `cloudwatch` through the host like a customer's own calls, a moment after the
invocation: never in its way. What was gathered and not yet handed on is lost with the host, as it
is in AWS; at most so much is kept.
"""

from dataclasses import dataclass

from antipodes.service.contract import Host, Request, ServiceError

FLUSH_S = 1.0
LINES_MAX = 20_000  # kept between two flushes
EVENTS_PER_CALL = 1_000
STREAMS_MAX = 10_000  # remembered as existing
_EXISTS = "ResourceAlreadyExistsException"


@dataclass(slots=True)
class _Statistic:
    """The sum of a metric's values since the last flush."""

    unit: str
    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")

    def add(self, value: float) -> None:
        """Take one value in."""
        self.count += 1
        self.total += value
        self.least = min(self.least, value)
        self.most = max(self.most, value)


class Reports:
    """What a host's functions have to tell."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lines: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
        self._line_count = 0
        self._dropped = 0
        self._metrics: dict[tuple[str, str, str], _Statistic] = {}
        self._streams: dict[tuple[str, str, str], None] = {}
        self._flush_due = False

    def log(self, account: str, group: str, stream: str, lines: list[str]) -> None:
        """Note an invocation's log events."""
        if self._line_count + len(lines) > LINES_MAX:
            self._dropped += len(lines)
            return
        self._line_count += len(lines)
        now_ms = int(self._host.runtime.wall() * 1000)
        self._lines.setdefault((account, group, stream), []).extend(
            (now_ms, line) for line in lines
        )
        self._flush_later()

    def metric(self, account: str, function: str, name: str, value: float, unit: str) -> None:
        """Note one value of a metric."""
        key = (account, function, name)
        if key not in self._metrics:
            self._metrics[key] = _Statistic(unit)
        self._metrics[key].add(value)
        self._flush_later()

    def _flush_later(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._host.runtime.spawn(self._flush_soon(), "lambda reports")

    async def _flush_soon(self) -> None:
        await self._host.runtime.sleep(self._host.runtime.interval(FLUSH_S))
        self._flush_due = False
        await self.flush()

    async def flush(self) -> None:
        """Hand everything on."""
        lines, self._lines, self._line_count = self._lines, {}, 0
        metrics, self._metrics = self._metrics, {}
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._host.runtime.journal.record("lambda.lines_dropped", lines=dropped)
        for key, events in lines.items():
            await self._put_lines(key, events)
        for (account, function, name), statistic in metrics.items():
            await self._put_metric(account, function, name, statistic)

    async def _put_lines(self, key: tuple[str, str, str], events: list[tuple[int, str]]) -> None:
        account, group, stream = key
        if key not in self._streams:
            if len(self._streams) >= STREAMS_MAX:
                self._streams.clear()
            await self._make_stream(account, group, stream)
            self._streams[key] = None
        for start in range(0, len(events), EVENTS_PER_CALL):
            request: Request = {
                "logGroupName": group,
                "logStreamName": stream,
                "logEvents": [
                    {"timestamp": at_ms, "message": line or " "}
                    for at_ms, line in events[start : start + EVENTS_PER_CALL]
                ],
            }
            error = await self._call("logs", "PutLogEvents", request, account)
            if error == "ResourceNotFoundException":  # somebody deleted it: AWS makes it again
                await self._make_stream(account, group, stream)
                await self._call("logs", "PutLogEvents", request, account)

    async def _make_stream(self, account: str, group: str, stream: str) -> None:
        await self._call("logs", "CreateLogGroup", {"logGroupName": group}, account)
        names = {"logGroupName": group, "logStreamName": stream}
        await self._call("logs", "CreateLogStream", names, account)

    async def _put_metric(
        self, account: str, function: str, name: str, statistic: _Statistic
    ) -> None:
        datum = {
            "MetricName": name,
            "Dimensions": [{"Name": "FunctionName", "Value": function}],
            "Timestamp": self._host.runtime.wall(),
            "Unit": statistic.unit,
            "StatisticValues": {
                "SampleCount": float(statistic.count),
                "Sum": statistic.total,
                "Minimum": statistic.least,
                "Maximum": statistic.most,
            },
        }
        request = {"Namespace": "AWS/Lambda", "MetricData": [datum]}
        await self._call("cloudwatch", "PutMetricData", request, account)

    async def _call(self, service: str, operation: str, request: Request, account: str) -> str:
        """Call a service of this host; return the error's code, if any."""
        try:
            await self._host.call(service, operation, request, account=account)
        except ServiceError as error:
            if error.code != _EXISTS:
                self._host.runtime.journal.record(
                    "lambda.report_refused", operation=operation, code=error.code
                )
            return error.code
        return ""

    def forget_streams(self, account: str, group: str) -> None:
        """Streams are made anew when their group may have gone with a function."""
        self._streams = {k: None for k in self._streams if k[:2] != (account, group)}

"""Log lines and metrics of invocations, gathered and handed on in batches.

They reach `logs` and `cloudwatch` through the host like a customer's own calls, some seconds after
the invocation: never in its way, and many invocations at once. What was gathered and not yet handed
on is lost with the host, as it is in AWS; at most so much is kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from antipodes.service.contract import Host, Request, ServiceError

FLUSH_S = 5.0
LINES_MAX = 20_000  # kept between two flushes
EVENTS_PER_CALL = 1_000
DATA_PER_CALL = 1_000
STREAMS_MAX = 10_000  # remembered as existing
_EXISTS = "ResourceAlreadyExistsException"


@dataclass(slots=True)
class _Statistic:
    """The sum of a metric's values since the last flush."""

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


class _Measures:
    """What became of a function's invocations since the last flush."""

    def __init__(self) -> None:
        self.ended = 0  # by their outcome, whatever it was
        self.failed = 0
        self.throttled = 0
        self.duration_ms = _Statistic()

    def statistics(self) -> Iterator[tuple[str, str, _Statistic]]:
        """Name, unit and values of every metric there is something to tell about."""
        if self.ended:
            yield "Invocations", "Count", _Statistic(self.ended, float(self.ended), 1.0, 1.0)
            yield "Errors", "Count", _ones(self.failed, self.ended)
        yield "Throttles", "Count", _ones(self.throttled, self.ended + self.throttled)
        if self.ended:
            yield "Duration", "Milliseconds", self.duration_ms


def _ones(ones: int, count: int) -> _Statistic:
    """Statistics of so many ones among zeros."""
    return _Statistic(count, float(ones), float(ones == count), float(ones > 0))


class Reports:
    """What a host's functions have to tell."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lines: dict[tuple[str, str, str], list[tuple[int, list[str]]]] = {}
        self._line_count = 0
        self._dropped = 0
        self._measures: dict[tuple[str, str], _Measures] = {}
        self._streams: dict[tuple[str, str, str], None] = {}
        self._flush_due = False

    def log(self, account: str, group: str, stream: str, lines: list[str]) -> None:
        """Note an invocation's log events."""
        if self._line_count + len(lines) > LINES_MAX:
            self._dropped += len(lines)
            return
        self._line_count += len(lines)
        now_ms = int(self._host.runtime.wall() * 1000)
        self._lines.setdefault((account, group, stream), []).append((now_ms, lines))
        self._flush_later()

    def ended(self, account: str, function: str, duration_s: float, *, failed: bool) -> None:
        """Measure an invocation that came to an end."""
        measures = self._measured(account, function)
        measures.ended += 1
        measures.failed += failed
        measures.duration_ms.add(duration_s * 1000)

    def throttled(self, account: str, function: str) -> None:
        """Measure an invocation that was refused."""
        self._measured(account, function).throttled += 1

    def _measured(self, account: str, function: str) -> _Measures:
        measures = self._measures.get((account, function))
        if measures is None:
            measures = self._measures[account, function] = _Measures()
            self._flush_later()
        return measures

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
        measured, self._measures = self._measures, {}
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._host.runtime.journal.record("lambda.lines_dropped", lines=dropped)
        for key, said in lines.items():
            await self._put_lines(key, [(at_ms, line) for at_ms, some in said for line in some])
        data: dict[str, list[dict[str, Any]]] = {}
        for (account, function), measures in measured.items():
            data.setdefault(account, []).extend(self._data(function, measures))
        for account, told in data.items():
            for start in range(0, len(told), DATA_PER_CALL):
                some = {
                    "Namespace": "AWS/Lambda",
                    "MetricData": told[start : start + DATA_PER_CALL],
                }
                await self._call("cloudwatch", "PutMetricData", some, account)

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

    def _data(self, function: str, measures: _Measures) -> list[dict[str, Any]]:
        return [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "FunctionName", "Value": function}],
                "Timestamp": self._host.runtime.wall(),
                "Unit": unit,
                "StatisticValues": {
                    "SampleCount": float(statistic.count),
                    "Sum": statistic.total,
                    "Minimum": statistic.least,
                    "Maximum": statistic.most,
                },
            }
            for name, unit, statistic in measures.statistics()
        ]

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

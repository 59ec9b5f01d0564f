"""What state an alarm is to be in, judged from its metric's latest values, and why.

Of an alarm over N periods the latest N + 2 are looked at (its evaluation range), so that a value
which comes late or not at all does not disturb it. What is missing counts only where fewer than N
values are left. Facts: CloudWatch User Guide, "Alarm evaluation" and "Configuring how CloudWatch
alarms treat missing data", whose two tables are tests here. Synchronous; the time is an argument.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from antipodes.regional.cloudwatch.model import Statistic

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
MISSING, IGNORE, BREACHING, NOT_BREACHING = "missing", "ignore", "breaching", "notBreaching"
TREATMENTS = (BREACHING, NOT_BREACHING, IGNORE, MISSING)
EXTRA_PERIODS = 2  # the guide's tables look at five periods of an alarm over three
_LISTED_MAX = 5  # values named in a reason
_EVALUATED_MAX = 8  # values told of with their times; StateReasonData has 4,000 characters
_RECENT_MAX = 20

COMPARISONS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


class Rule(msgspec.Struct, frozen=True):
    """When an alarm is to ring: `datapoints` of `periods` values beyond the threshold."""

    statistic: str
    period_s: int
    periods: int
    datapoints: int
    threshold: float
    comparison: str
    treatment: str  # of missing values

    @property
    def looked_at(self) -> int:
        """How many periods are looked at."""
        return self.periods + EXTRA_PERIODS

    def breaches(self, value: float) -> bool:
        """Whether a value is beyond the threshold."""
        return {
            "GreaterThanOrEqualToThreshold": value >= self.threshold,
            "GreaterThanThreshold": value > self.threshold,
            "LessThanThreshold": value < self.threshold,
            "LessThanOrEqualToThreshold": value <= self.threshold,
        }[self.comparison]


class Point(msgspec.Struct, frozen=True):
    """What was measured in the period that began at a time; nothing where `kept` is None."""

    at: float
    kept: Statistic | None


class Judgement(msgspec.Struct, frozen=True):
    """A state, the reason in words, and the same for programs, as JSON."""

    state: str
    reason: str
    data: str = ""


def judge(rule: Rule, points: Sequence[Point], now: float) -> Judgement | None:
    """Judge the latest periods, the newest last; None leaves the state as it is."""
    assert len(points) == rule.looked_at, f"{len(points)} points are not the evaluation range"
    present = [point for point in points if point.kept is not None]
    used = present[-rule.periods :]
    missing = rule.periods - len(used)
    state = _state(rule, points, used, missing)
    if state is None:
        return None
    return Judgement(state, _reason(rule, state, used, missing), _data(rule, used, now))


def _state(rule: Rule, points: Sequence[Point], used: Sequence[Point], missing: int) -> str | None:
    """The one function that decides."""
    breaching = sum(_breaches(rule, point) for point in used)
    if missing and rule.treatment == BREACHING:
        breaching += missing
    if breaching >= rule.datapoints:
        return ALARM
    if not missing or rule.treatment in {BREACHING, NOT_BREACHING}:
        return OK
    if not used:
        return INSUFFICIENT_DATA if rule.treatment == MISSING else None
    if breaching < len(used):
        return OK
    # All there is breaches, and it is too little: it rings once the first has waited long enough.
    first = next(n for n, point in enumerate(reversed(points), 1) if point is used[0])
    return ALARM if rule.treatment == MISSING and first >= rule.datapoints else None


def _breaches(rule: Rule, point: Point) -> bool:
    return point.kept is not None and rule.breaches(point.kept.value(rule.statistic))


# Words.


def iso(at: float) -> str:
    """A time as alarms tell it: 2013-10-30T03:03:51.479+0000."""
    time = datetime.fromtimestamp(round(at, 3), UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}+0000"


def _reason(rule: Rule, state: str, used: Sequence[Point], missing: int) -> str:
    if state == INSUFFICIENT_DATA:
        were = "datapoint was" if missing == 1 else "datapoints were"
        return f"Insufficient Data: {missing} {were} unknown."
    rings = state == ALARM
    needed = rule.datapoints if rings else rule.periods - rule.datapoints + 1
    change = "OK -> ALARM" if rings else "ALARM -> OK"
    parts = []
    telling = [point for point in reversed(used) if _breaches(rule, point) == rings]
    if telling:
        listed = ", ".join(_value(rule, point) for point in telling[:_LISTED_MAX])
        count = len(telling)
        parts.append(
            f"{count} out of the last {len(used)} datapoints [{listed}] "
            f"{'was' if count == 1 else 'were'} {'' if rings else 'not '}"
            f"{COMPARISONS[rule.comparison]} the threshold ({rule.threshold}) "
            f"(minimum {needed} {_plural(needed)} for {change} transition)"
        )
    if missing and rule.treatment in {BREACHING, NOT_BREACHING}:
        treated = "Breaching" if rule.treatment == BREACHING else "NonBreaching"
        parts.append(
            f"no datapoints were received for {missing} period{'' if missing == 1 else 's'} and "
            f"{missing} missing {_plural(missing)} {'was' if missing == 1 else 'were'} treated "
            f"as [{treated}]"
        )
    return f"Threshold Crossed: {'; '.join(parts)}."


def _plural(count: int) -> str:
    return "datapoint" if count == 1 else "datapoints"


def _value(rule: Rule, point: Point) -> str:
    assert point.kept is not None, "only what was measured is told"
    time = datetime.fromtimestamp(point.at, UTC)
    return f"{point.kept.value(rule.statistic)} ({time:%d/%m/%y %H:%M:%S})"


def _data(rule: Rule, used: Sequence[Point], now: float) -> str:
    kept = [(point.at, point.kept) for point in used if point.kept is not None]
    told: dict[str, Any] = {"version": "1.0", "queryDate": iso(now)}
    if kept:
        told["startDate"] = iso(kept[0][0])
    told |= {
        "statistic": rule.statistic,
        "period": rule.period_s,
        "recentDatapoints": [s.value(rule.statistic) for _, s in kept[-_RECENT_MAX:]],
        "threshold": rule.threshold,
        "evaluatedDatapoints": [
            {"timestamp": iso(at), "sampleCount": s.count, "value": s.value(rule.statistic)}
            for at, s in reversed(kept[-_EVALUATED_MAX:])
        ],
    }
    return msgspec.json.encode(told).decode()

"""What requests say of metrics and their values, checked and made ours."""

import math
from typing import Any

from antipodes.regional.cloudwatch.model import (
    MINUTE_S,
    RETENTION_S,
    Datum,
    Metric,
    Statistic,
    bad_combination,
    bad_value,
    statistic_of,
)
from antipodes.service.contract import Request

DIMENSIONS_MAX = 30
VALUES_MAX = 150
TOO_NEW_S = 2 * 3_600
_VALUE_MAX = 2.0**360


def dimensions_of(listed: list[dict[str, str]] | None) -> tuple[tuple[str, str], ...]:
    """Return dimensions by name."""
    pairs = sorted((item["Name"], item["Value"]) for item in listed or ())
    if len(pairs) > DIMENSIONS_MAX:
        raise bad_value(
            f"The parameter Dimensions has {len(pairs)} members; at most "
            f"{DIMENSIONS_MAX} are allowed"
        )
    if len({name for name, _ in pairs}) < len(pairs):
        raise bad_value("The parameter Dimensions has one name twice")
    return tuple(pairs)


def metric_of(namespace: str, request: Request) -> Metric:
    """Return the metric of that namespace that a request names."""
    return Metric(namespace, request["MetricName"], dimensions_of(request.get("Dimensions")))


def datum_of(namespace: str, datum: dict[str, Any], now: float) -> Datum:
    """Return what a member of MetricData adds to its metric."""
    if datum.get("StorageResolution", MINUTE_S) != MINUTE_S:
        raise bad_value("StorageResolution other than 60 is not offered here")
    at = datum.get("Timestamp")
    at = now if at is None else float(at)
    if not now - RETENTION_S <= at <= now + TOO_NEW_S:
        raise bad_value(
            "The parameter MetricData.member.Timestamp must be within two weeks before "
            "and two hours after now"
        )
    metric = metric_of(namespace, datum)
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

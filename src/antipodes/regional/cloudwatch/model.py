"""Metrics by the minute: what is kept of them, and what is told of them.

Of each metric and minute a sum is kept per unit: count, total, least, most. That is all that the
statistics ask for. In a world that is hurried, a minute of it passes in less than one of the clock
that values are stamped with: there the sums are of parts of a minute (`resolution_s`), so that an
alarm sees its periods one by one. Synchronous; the time is an argument.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from antipodes.runtime.contract import Store
from antipodes.service.contract import ServiceError
from antipodes.service.records import Records

MINUTE_S = 60
RETENTION_S = 15 * 86_400
METRICS_MAX = 10_000  # of an account; our own limit
DATAPOINTS_MAX = 1_440
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class Span(msgspec.Struct, frozen=True):
    """From which full second to which, in steps of how many."""

    start: int
    end: int
    period_s: int


class Metric(msgspec.Struct, frozen=True):
    """The identity of a metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]  # by name
    last_at: float = 0.0  # when it was last put

    @property
    def number(self) -> str:
        """A short name for the store."""
        digest = hashlib.blake2b(digest_size=8)
        for part in (self.namespace, self.name, *(p for pair in self.dimensions for p in pair)):
            digest.update(part.encode() + b"\x00")
        return digest.hexdigest()


class Statistic(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of many values."""

    count: float
    total: float
    least: float
    most: float

    def joined(self, other: "Statistic") -> "Statistic":
        """The statistic of both's values."""
        return Statistic(
            self.count + other.count,
            self.total + other.total,
            min(self.least, other.least),
            max(self.most, other.most),
        )

    def value(self, name: str) -> float:
        """One of the five statistics."""
        return {
            "SampleCount": self.count,
            "Sum": self.total,
            "Average": self.total / self.count if self.count else 0.0,
            "Minimum": self.least,
            "Maximum": self.most,
        }[name]


class Datum(msgspec.Struct, frozen=True):
    """Something to add to a metric."""

    metric: Metric
    unit: str
    statistic: Statistic
    at: float


Minutes = dict[str, Statistic]  # by unit


def bad_value(message: str) -> ServiceError:
    """Return this API's error for a bad parameter."""
    return ServiceError("InvalidParameterValue", message, 400)


def bad_combination(message: str) -> ServiceError:
    """Return this API's error for parameters that do not go together."""
    return ServiceError("InvalidParameterCombination", message, 400)


def resolution_s(minute_s: float) -> int:
    """How finely to keep values where a minute of the world lasts so long: a part of 60 seconds."""
    parts = (part for part in range(MINUTE_S, 1, -1) if MINUTE_S % part == 0)
    return next((part for part in parts if part <= minute_s), 1)


class MetricStore:
    """The metrics of one host."""

    def __init__(self, store: Store, minute_s: float) -> None:
        """`minute_s` is how long a minute of the world lasts."""
        self.resolution_s = resolution_s(minute_s)
        self._store = store
        self._metrics = Records(store, "cloudwatch/metric", Metric)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Minutes).decode

    def metrics(self, account: str) -> list[Metric]:
        """Return the account's metrics, by namespace, name and dimensions."""
        return sorted(
            self._metrics.list(account), key=lambda m: (m.namespace, m.name, m.dimensions)
        )

    @staticmethod
    def _key(account: str, number: str, second: int) -> bytes:
        start = f"cloudwatch/minute\x00{account}\x00{number}\x00".encode()
        return start + max(0, second).to_bytes(8, "big")

    def put(self, account: str, datum: Datum, now: float) -> None:
        """Add to a metric's minute."""
        metric, unit = datum.metric, datum.unit
        number = metric.number
        known = self._metrics.get(account, number)
        if known is None and self._metrics.count(account) >= METRICS_MAX:
            message = f"At most {METRICS_MAX} metrics of an account are kept here"
            raise ServiceError("LimitExceeded", message, 400)
        if known is None or now - known.last_at >= MINUTE_S:
            seen = msgspec.structs.replace(metric, last_at=now)
            self._metrics.put(account, number, seen)
            self._forget(account, number, now)
        second = int(datum.at // self.resolution_s) * self.resolution_s
        key = self._key(account, number, second)
        stored = self._store.get(key)
        minutes = {} if stored is None else self._decode(stored)
        before = minutes.get(unit)
        minutes[unit] = datum.statistic if before is None else before.joined(datum.statistic)
        self._store.put(key, self._encode(minutes))

    def _forget(self, account: str, number: str, now: float) -> None:
        """Remove what is past the retention."""
        stop = self._key(account, number, int(now - RETENTION_S))
        for key, _ in self._store.scan(self._key(account, number, 0), stop):
            self._store.delete(key)

    def read(
        self, account: str, metric: Metric, span: Span, unit: str
    ) -> list[tuple[float, str, Statistic]]:
        """Return (time, unit, statistic) of each period from start to end that has values."""
        number = metric.number
        pairs = self._store.scan(
            self._key(account, number, span.start), self._key(account, number, span.end)
        )
        found: dict[tuple[float, str], Statistic] = {}
        for key, value in pairs:
            second = int.from_bytes(key[-8:], "big")
            at = float(second - (second - span.start) % span.period_s)
            for kept_unit, statistic in self._decode(value).items():
                if not unit or unit == kept_unit:
                    before = found.get((at, kept_unit))
                    found[at, kept_unit] = statistic if before is None else before.joined(statistic)
        return [(at, kept_unit, statistic) for (at, kept_unit), statistic in found.items()]


def statistic_of(values: Iterable[tuple[float, float]]) -> Statistic:
    """Return the statistic of (value, count) pairs."""
    pairs = list(values)
    return Statistic(
        sum(count for _, count in pairs),
        sum(value * count for value, count in pairs),
        min(value for value, _ in pairs),
        max(value for value, _ in pairs),
    )

"""What each phase of a drill was like: latency of each city, lag of each way between regions."""

from typing import Any

from antipodes.drills.history import History, Outcome
from antipodes.drills.model import Drill
from antipodes.drills.oracles import percentile


def by_phase(drill: Drill, history: History) -> dict[str, Any]:
    """Latency (physical milliseconds) and replication lag (seconds), p50 and p99, by phase."""
    return {
        "latency_ms_by_phase": {
            name: _latencies(drill, history, start, end) for name, start, end in drill.phases()
        },
        "lag_s_by_phase": {name: _lags(history, start, end) for name, start, end in drill.phases()},
        "attempts": sum(operation.attempts for operation in history.operations),
    }


def _latencies(drill: Drill, history: History, start: float, end: float) -> dict[str, Any]:
    found: dict[str, list[float]] = {city: [] for city in drill.load.cities}
    for operation in history.operations:
        if operation.outcome is Outcome.OK and start <= operation.start_s < end:
            found[operation.city].append(operation.latency_ms)
    return {city: _spread(values, 2) for city, values in found.items()}


def _lags(history: History, start: float, end: float) -> dict[str, Any]:
    found: dict[str, list[float]] = {}
    for sample in history.lags:
        if start <= sample.at_s < end:
            found.setdefault(f"{sample.source} to {sample.destination}", []).append(sample.lag_s)
    return {way: _spread(values, 3) for way, values in sorted(found.items())}


def _spread(values: list[float], digits: int) -> dict[str, float | None]:
    shares = {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}
    return {name: None if v is None else round(v, digits) for name, v in shares.items()}

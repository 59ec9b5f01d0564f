"""Quotas of calls: how often somebody may call, where a world's capacity can be short."""

from collections import deque

CALLERS_MAX = 10_000  # whose calls are counted


class CallRate:
    """So many calls of each caller's within a span of time; nothing of it outlives the host."""

    def __init__(self, most: int, span_s: float) -> None:
        self._most = most
        self._span_s = span_s
        self._calls: dict[str, deque[float]] = {}

    def allows(self, caller: str, now: float) -> bool:
        """Count a call, unless it is one too many."""
        if caller not in self._calls and len(self._calls) >= CALLERS_MAX:
            self._calls.clear()
        calls = self._calls.setdefault(caller, deque(maxlen=self._most))
        if len(calls) == self._most and now - calls[0] < self._span_s:
            return False
        calls.append(now)
        return True

"""The history of a drill: every call and its outcome, as seen from outside.

An outcome is *ok* (answered as the caller wished), *failed* (it certainly did not happen), or
*unknown* (a write that was sent and not answered, or answered with a server's error: it may have
happened). Times are seconds of the world since the load began; latencies are physical milliseconds
from the moment the request was due (an open loop: a late start counts as waiting).
"""

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """What became of a call."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Operation(msgspec.Struct, frozen=True):
    """One call."""

    number: int
    city: str
    kind: str  # "read" or "write"
    key: str
    value: str | None  # written, or read (None: not found, or not answered)
    start_s: float
    end_s: float
    latency_ms: float
    outcome: Outcome
    served_by: str = ""
    status: int = 0
    error: str = ""
    edge: str = ""


class Moment(msgspec.Struct, frozen=True):
    """Something that happened to the world."""

    at_s: float
    phase: str
    what: str
    killed: str = ""


class LagSample(msgspec.Struct, frozen=True):
    """Replication as it was seen at a time."""

    at_s: float
    source: str
    destination: str
    pending: int
    lag_s: float


class Loss(msgspec.Struct, frozen=True):
    """What the survivors had of a lost region's writes, while it was away."""

    region: str
    at_s: float
    found: dict[str, dict[str, str]]  # survivor -> key -> value


class History(msgspec.Struct, frozen=True):
    """All that was seen."""

    operations: list[Operation]
    moments: list[Moment]
    lags: list[LagSample]
    losses: list[Loss]
    final: dict[str, dict[str, str]]  # region -> key -> value, after healing

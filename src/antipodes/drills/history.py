"""The history of a drill: every call and its outcome, as seen from outside.

An outcome is *ok* (answered as the caller wished), *failed* (it certainly did not happen), or
*unknown* (a write that was sent and not answered, or answered with a server's error: it may have
happened). Times are seconds of the world since the load began; latencies are physical milliseconds
from the moment the request was due (an open loop: a late start counts as waiting).

Every written value is unique, so a value read names the write that it came from. What a drill did
not record stays empty (`streams`, `transfers`, `spans`); oracles that need it then cannot judge.
"""

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """What became of a call."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Operation(msgspec.Struct, frozen=True):
    """One call.

    Kinds: `read`, `write` and `delete` of one key; `increment` (a conditional write that adds one
    to the counter `key`); `count` (reads it: `value` is a decimal number); `pair-write` and
    `pair-read` (a transaction over the two items of a pair; the value read is `first|second`,
    absent ones empty). `session` names the person: whoever makes several calls keeps the name.
    """

    number: int
    city: str
    kind: str
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
    session: str = ""
    strong: bool = False  # a strongly consistent read
    trace: str = ""
    attempts: int = 1


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


class StreamRecord(msgspec.Struct, frozen=True):
    """One record of a table's stream, in the order in which a reader of the region got it."""

    region: str
    sequence: str
    event: str  # INSERT, MODIFY or REMOVE
    key: str
    value: str | None


class Transfer(msgspec.Struct, frozen=True):
    """Bytes that went from one place to another, and what they were of."""

    source: str
    destination: str
    what: str  # "table/NAME", or "traffic" where nobody can tell
    bytes: int


class Span(msgspec.Struct, frozen=True):
    """A piece of work of a traced request; `target` is the place it called, if it called one."""

    trace: str
    name: str
    place: str
    start_s: float
    end_s: float
    target: str = ""


class History(msgspec.Struct, frozen=True):
    """All that was seen."""

    operations: list[Operation]
    moments: list[Moment]
    lags: list[LagSample]
    losses: list[Loss]
    final: dict[str, dict[str, str]]  # region -> key -> value, after healing
    streams: dict[str, list[StreamRecord]] = {}  # by region
    transfers: list[Transfer] = []
    spans: list[Span] = []

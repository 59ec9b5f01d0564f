"""What a drill expects: every field is an upper or lower bound; what is not given is not judged.

docs/judgement.md defines what each of them is about.
"""

import msgspec


class Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must hold; what is not given is not judged."""

    # How people were served.
    rto_s: float | None = None
    availability: float | None = None
    availability_by_city: dict[str, float] = {}
    latency_p99_ms: dict[str, float] = {}  # by city
    served_by: dict[str, dict[str, str]] = {}  # by phase and city
    # What became of writes.
    rpo_writes: int | None = None
    rpo_s: float | None = None
    writes_lost: int | None = 0
    diverged: int | None = 0
    resurrected: int | None = None
    older_won: int | None = None  # writes that lost to certainly older ones ...
    clock_tolerance_s: float = 0.0  # ... by more than clocks may differ
    overruled: int | None = None  # writes that lost to one that did not know of them
    # What readers saw.
    stale_reads: int | None = None
    staleness_p99_s: float | None = None
    staleness_max_s: float | None = None
    read_your_writes: int | None = None  # reads that missed the reader's own writes
    monotonic_reads: int | None = None  # reads that went back in time
    linearizable: bool = False  # strongly consistent reads, on every key
    # What holds inside a region.
    counters_lost: int | None = None  # acknowledged increments
    half_transactions: int | None = None
    stream_gaps: int | None = None
    # Where bytes and calls went.
    cost_usd: float | None = None
    cross_region_calls: int | None = None
    residency: dict[str, tuple[str, ...]] = {}  # "table/NAME" -> the regions where it may be

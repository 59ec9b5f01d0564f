"""What is kept on a table beside its key and its items: the values of its control plane.

Plain values with defaults, so that a table that uses none of it stays small in the store. Their
rules are in the modules named for them (throughput, encryption, policies, insights, recovery).
"""

import msgspec


class Throughput(msgspec.Struct, frozen=True):
    """A table's history of capacity, and the limits that its owner set. Times are Unix seconds."""

    increased: float = 0.0
    decreased: float = 0.0
    decreases: int = 0  # on the UTC day of the last one
    to_on_demand: tuple[float, ...] = ()  # the latest times that it became PAY_PER_REQUEST
    max_reads: int = 0  # of on-demand; 0: none
    max_writes: int = 0
    warm_reads: int = 0  # what it was warmed up to, or once had; 0: the default
    warm_writes: int = 0


class Encryption(msgspec.Struct, frozen=True):
    """The KMS key a table is encrypted with; none for the key that AWS owns."""

    key: str = ""
    changed: tuple[float, ...] = ()


class Policy(msgspec.Struct, frozen=True):
    """A resource policy, as a record: nobody is refused because of it."""

    document: str
    revision: str


class Insights(msgspec.Struct, frozen=True):
    """Contributor insights of a table or an index, as a record."""

    enabled: bool
    mode: str
    changed: float


class Recovery(msgspec.Struct, frozen=True):
    """Point-in-time recovery: for how many days back, and since when. No days: it is off."""

    days: int = 0
    since: float = 0.0


class Restored(msgspec.Struct, frozen=True):
    """Where a table that is being restored comes from."""

    source_arn: str
    backup_arn: str
    at: float


class Busy(msgspec.Struct, frozen=True):
    """An UpdateTable that takes its time: of what kind, and from when until when."""

    kind: str = ""  # "iops", "stream" or "class"
    since: float = 0.0
    until: float = 0.0

    def now(self, now: float) -> bool:
        """Whether it goes on; a clock that was put back ends it."""
        return self.since <= now < self.until

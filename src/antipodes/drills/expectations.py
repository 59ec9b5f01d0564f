"""What a drill expects: every field is an upper or lower bound; what is not given is not judged."""

import msgspec


class Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must hold; what is not given is not judged."""

    rto_s: float | None = None
    rpo_writes: int | None = None
    rpo_s: float | None = None
    writes_lost: int | None = 0
    diverged: int | None = 0
    availability: float | None = None
    served_by: dict[str, dict[str, str]] = {}

"""What a drill's events do, in words."""

from antipodes.drills.model import CallPart, ClockPart, DiskPart


def clock(part: ClockPart) -> str:
    """A clock that is wrong."""
    drift = f", drifting {part.drift_ppm:g} ppm" if part.drift_ppm else ""
    return f"the clock of {part.place} is wrong by {part.offset_s:+g} s{drift}"


def disk(part: DiskPart) -> str:
    """A disk that is not well."""
    wrong = [f"{part.slow_ms:g} ms slower"] if part.slow_ms else []
    wrong += ["full"] if part.full else []
    return f"the disk of {part.place} is {' and '.join(wrong) or 'well'}"


def call(part: CallPart) -> str:
    """A call of an API."""
    return f"{part.service}.{part.operation} in {part.region}"

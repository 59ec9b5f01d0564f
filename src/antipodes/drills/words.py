"""What a drill's events do, in words."""

from antipodes.drills.model import CallPart, ClockPart, DiskPart, DrillError


def clock(part: ClockPart) -> str:
    """A clock that is wrong."""
    drift = f", drifting {part.drift_ppm:g} ppm" if part.drift_ppm else ""
    return f"the clock of {part.place} is wrong by {part.offset_s:+g} s{drift}"


def disk(part: DiskPart) -> str:
    """A disk that is not well."""
    wrong = [f"{part.slow_ms:g} ms slower"] if part.slow_ms else []
    wrong += ["full"] if part.full else []
    return f"the disk of {part.place} is {' and '.join(wrong) or 'well'}"


def call(part: CallPart, refused: str) -> str:
    """A call of an API, and whether it was refused as it should (or should not) be.

    Raises DrillError where it came out otherwise.
    """
    name = f"{part.service}.{part.operation} in {part.region}"
    if refused and not part.refused:
        raise DrillError(f"call: {name} was refused: {refused}")
    if part.refused and not refused:
        raise DrillError(f"call: {name} was answered, but had to be refused")
    return f"{name} refused: {refused}" if refused else name

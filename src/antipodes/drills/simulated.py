"""What one simulated run of a drill leaves behind: everything that can be judged or shown."""

from typing import Any

import msgspec

from antipodes.drills.history import History
from antipodes.drills.model import Drill
from antipodes.drills.verdict import Judgement


class Simulated(msgspec.Struct, frozen=True):
    """One run of a drill in simulation."""

    drill: Drill  # as it was played: with what the seed drew
    seed: int
    history: History
    judgement: Judgement
    digest: str
    markers: dict[str, int]  # how often each rare path was taken
    entries: list[dict[str, Any]]  # the journal's newest entries; `at` is seconds of the run
    messages: list[Any]  # the newest, where asked for; seconds of the run
    load_started: float  # in seconds of the run: second 0 of the drill
    virtual_s: float

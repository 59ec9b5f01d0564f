"""Small drills over the library's application, played in simulation."""

from functools import cache
from pathlib import Path
from typing import Any

from antipodes.drills.format import library_drills, parse_drill
from antipodes.drills.model import Drill
from antipodes.drills.simulate import simulate
from antipodes.drills.simulated import Simulated

W, E = "us-west-2", "eu-central-1"


@cache
def library() -> Path:
    return library_drills()["region-loss"].parent


def small(*, load: dict[str, Any] | None = None, **changes: Any) -> Drill:
    """A drill of a minute or so, with one city on each continent."""
    plain = {
        "name": "Small",
        "duration_s": 40.0,
        "world": {"regions": [W, E], "propagation_s": 5.0},
        "application": {
            "deploy": "deploy.py",
            "table": {"name": "App", "key": "key", "value": "value"},
        },
        "load": {"cities": ["seattle", "frankfurt"], "rate": 2.0, "keys": 5, **(load or {})},
        **changes,
    }
    return parse_drill(plain, "test")


def play(drill: Drill, *, seed: int = 1, **options: Any) -> Simulated:
    return simulate(drill, library(), seed=seed, **options)

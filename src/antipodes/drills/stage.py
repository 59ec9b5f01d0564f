"""What a drill needs of the world it is played in, real or simulated.

A drill stands outside: it breaks the world, deploys an application with the application's own
script, makes requests from cities, and looks at what became of it all. `realstage` does that to a
world of processes, `virtualstage` to a world inside one simulation.
"""

from typing import Any, NamedTuple, Protocol

import orjson

from antipodes.drills.history import LagSample, Span, StreamRecord, Transfer
from antipodes.drills.model import Drill, DrillError, Event
from antipodes.runtime.contract import Runtime
from antipodes.world.world import World


class Performed(NamedTuple):
    """What an event did: in words, and the handles that take it back."""

    what: str
    handles: list[str] = []  # noqa: RUF012 - never changed


class Stage(Protocol):
    """A world that is up, with the application in it."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def world(self) -> World: ...

    async def perform(self, event: Event) -> Performed:
        """Do what an event says."""

    async def undo(self, performed: Performed) -> None:
        """Take back what an event did."""

    async def heal_all(self) -> None:
        """Take back everything."""

    async def read_table(self, drill: Drill, region: str) -> dict[str, str] | None:
        """Read the application's table in a region; None where it cannot be read."""

    async def read_stream(self, drill: Drill, region: str) -> list[StreamRecord] | None:
        """Read the table's stream in a region; None where it cannot be read whole."""

    async def lags(self, at_s: float) -> list[LagSample]:
        """Replication as it is now; nothing where nobody can say."""

    async def transfers(self) -> list[Transfer]:
        """What went from place to place so far, in bytes."""

    async def spans(self, traces: list[str]) -> list[Span]:
        """The pieces of work of some traced requests."""


def last_line(script: str, output: str) -> dict[str, Any]:
    """What a deployment says of itself: the JSON object on its last line, with a `url`."""
    lines = output.strip().splitlines()
    try:
        said: Any = orjson.loads(lines[-1] if lines else "")
    except ValueError:
        raise DrillError(f"{script} did not end with a line of JSON") from None
    if not isinstance(said, dict) or "url" not in said:
        raise DrillError(f"{script} did not tell the application's url")
    told: dict[str, Any] = said
    return told


def replicated(ways: list[dict[str, Any]]) -> list[Transfer]:
    """What replication sent, by table, of the ways between regions as the world tells them."""
    return [
        Transfer(way["source"], way["destination"], what, size)
        for way in ways
        for what, size in way.get("sent", {}).items()
    ]


def to_span(span: dict[str, Any]) -> Span:
    """A journal's span as a history's."""
    return Span(
        trace=span["trace"],
        name=span["name"],
        place=span["place"],
        start_s=span["start"],
        end_s=span["end"],
        target=str(span.get("target", "")),
    )

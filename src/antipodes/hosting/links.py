"""The world's links as the runtime sees them, with the places that are outside of it.

The laptop and the supervisor stand outside the world: nothing between them and a host has any
distance, and no fault reaches it. `edge` names the edge as a whole (its control traffic), which is
as far from a place as that place's nearest edge location.
"""

from collections.abc import Callable

from antipodes.runtime.contract import Address, Condition
from antipodes.service.programs import LAPTOP
from antipodes.world.world import World

__all__ = ["EDGE", "LAPTOP", "OUTSIDE", "SITE", "SUPERVISOR", "WorldLinks"]

SUPERVISOR = "supervisor"
EDGE = "edge"
SITE = "site"
OUTSIDE = (SUPERVISOR, LAPTOP)

_NOTHING = Condition(0.0)


class WorldLinks:
    """Adapts a `World` to the runtime's `Links`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._edges: dict[str, str] = {}

    @property
    def version(self) -> int:
        """One number for all answers."""
        return self._world.version

    def condition(self, source: str, destination: str) -> Condition:
        """The state of the direction from source to destination."""
        if source in OUTSIDE or destination in OUTSIDE or source == destination == EDGE:
            return _NOTHING
        if source == EDGE:
            source = self._nearest(destination)
        if destination == EDGE:
            destination = self._nearest(source)
        return self._world.condition(source, destination)

    def _nearest(self, place: str) -> str:
        if place not in self._edges:
            self._edges[place] = self._world.nearest_edge(place)
        return self._edges[place]

    def is_lost(self, door: Address) -> bool:
        """Whether a door at an edge location is in a network that is lost."""
        return door.place.startswith("edge/") and self._world.is_lost(door.port.rpartition(":")[0])

    def on_change(self, notify: Callable[[], None]) -> None:
        """Call after every installed or healed fault."""
        self._world.on_change(notify)

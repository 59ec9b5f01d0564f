"""One edge location's copy of the accelerators and of their endpoints' health."""

from typing import NamedTuple

from antipodes.edge.globalaccelerator.model import TCP, Accelerator, Group, Listener
from antipodes.edge.globalaccelerator.routing import nearest_first
from antipodes.runtime.contract import Runtime
from antipodes.service.news import Hearer
from antipodes.world.world import World

FOUND_MAX = 1000


class Found(NamedTuple):
    """Whom an address belongs to; `groups` are those with endpoints, nearest first."""

    accelerator: Accelerator
    listener: Listener
    groups: tuple[Group, ...]


class Location(Hearer):
    """What one edge location knows."""

    def __init__(self, runtime: Runtime, world: World, place: str, propagation_s: float) -> None:
        super().__init__(runtime, world, place, propagation_s)
        self.accelerators: dict[str, Accelerator] = {}
        self.healthy: dict[str, bool] = {}
        self._found: dict[tuple[str, int, str], Found | None] = {}

    def learn(self, accelerator: Accelerator) -> Accelerator | None:
        """Take an accelerator as it is from now on; return what was known of it."""
        self._found.clear()
        before = self.accelerators.get(accelerator.id)
        self.accelerators[accelerator.id] = accelerator
        self.changed()
        return before

    def forget(self, accelerator_id: str) -> Accelerator | None:
        """An accelerator is no more; return what was known of it."""
        self._found.clear()
        gone = self.accelerators.pop(accelerator_id, None)
        self.changed()
        return gone

    def learn_health(self, name: str, *, healthy: bool) -> None:
        """Take an endpoint's health."""
        self.healthy[name] = healthy

    def forget_health(self, name: str) -> None:
        """Nobody has that endpoint any more."""
        self.healthy.pop(name, None)

    def is_healthy(self, name: str) -> bool:
        """Whether an endpoint is known to be healthy; one that never passed a check is not."""
        return self.healthy.get(name, False)

    def find(self, address: str, port: int, protocol: str = TCP) -> Found | None:
        """Who listens at an address and port, seen from here; nobody if it is disabled."""
        key = address, port, protocol
        if key not in self._found:
            if len(self._found) >= FOUND_MAX:
                self._found.clear()
            self._found[key] = self._find(address, port, protocol)
        return self._found[key]

    def _find(self, address: str, port: int, protocol: str) -> Found | None:
        for accelerator in self.accelerators.values():
            if address in accelerator.all_addresses and accelerator.enabled:
                listener = accelerator.listener_at(port, protocol)
                if listener is None:
                    return None
                regions = [group.region for group in listener.groups]
                ranking = self._world.rank_regions(self.place, regions)
                return Found(accelerator, listener, nearest_first(listener, ranking))
        return None

    def addresses_of(self, name: str) -> tuple[str, ...]:
        """The addresses of an accelerator's DNS name; none if there is no such name here."""
        for accelerator in self.accelerators.values():
            found = accelerator.addresses_of(name)
            if found:
                return found
        return ()

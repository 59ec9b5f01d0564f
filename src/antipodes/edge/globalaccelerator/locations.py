"""One edge location's copy of the accelerators and of their endpoints' health."""

from typing import NamedTuple

from antipodes.edge.globalaccelerator.model import Accelerator, Listener
from antipodes.runtime.contract import Runtime
from antipodes.service.news import Hearer
from antipodes.world.world import World

FOUND_MAX = 1000


class Found(NamedTuple):
    """Whom an address belongs to."""

    accelerator: Accelerator
    listener: Listener


class Location(Hearer):
    """What one edge location knows."""

    def __init__(self, runtime: Runtime, world: World, place: str, propagation_s: float) -> None:
        super().__init__(runtime, world, place, propagation_s)
        self.accelerators: dict[str, Accelerator] = {}
        self.healthy: dict[str, bool] = {}
        self._found: dict[tuple[str, int], Found | None] = {}

    def learn(self, accelerator: Accelerator) -> None:
        """Take an accelerator as it is from now on."""
        self._found.clear()
        self.accelerators[accelerator.id] = accelerator

    def forget(self, accelerator_id: str) -> Accelerator | None:
        """An accelerator is no more; return what was known of it."""
        self._found.clear()
        return self.accelerators.pop(accelerator_id, None)

    def learn_health(self, arn: str, *, healthy: bool) -> None:
        """Take an endpoint's health."""
        self.healthy[arn] = healthy

    def forget_health(self, arn: str) -> None:
        """Nobody has that endpoint any more."""
        self.healthy.pop(arn, None)

    def is_healthy(self, arn: str) -> bool:
        """Whether an endpoint is known to be healthy; one that never passed a check is not."""
        return self.healthy.get(arn, False)

    def find(self, address: str, port: int) -> Found | None:
        """Who listens at an address and port, seen from here; nobody if it is disabled."""
        key = address, port
        if key not in self._found:
            if len(self._found) >= FOUND_MAX:
                self._found.clear()
            self._found[key] = self._find(address, port)
        return self._found[key]

    def _find(self, address: str, port: int) -> Found | None:
        for accelerator in self.accelerators.values():
            if address in accelerator.addresses and accelerator.enabled:
                listener = accelerator.listener_at(port)
                return None if listener is None else Found(accelerator, listener)
        return None

    def addresses_of(self, name: str) -> tuple[str, ...]:
        """The addresses of an accelerator's DNS name; none if there is no such name here."""
        for accelerator in self.accelerators.values():
            if accelerator.dns_name == name:
                return accelerator.addresses
        return ()

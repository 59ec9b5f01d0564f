"""One edge location's copy of the routing state, and how changes reach it: late and in order.

A change leaves where it was made, takes the way over the backbone, and then its time to be
deployed, which each location draws for itself. Over a cut way it waits until that is healed. Order
is kept, so that a location never goes back to what it has seen replaced.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from antipodes.edge.globalaccelerator.model import Accelerator, Listener
from antipodes.runtime.contract import Runtime, Timer
from antipodes.world.world import World

SHARE_MIN = 0.5  # of the propagation time, at least; a whole one at most


class Found(NamedTuple):
    """Whom an address belongs to."""

    accelerator: Accelerator
    listener: Listener


class Location:
    """What one edge location knows."""

    def __init__(self, runtime: Runtime, world: World, place: str, propagation_s: float) -> None:
        self.place = place
        self.accelerators: dict[str, Accelerator] = {}
        self.healthy: dict[str, bool] = {}
        self.heard = 0
        self._runtime = runtime
        self._world = world
        self._propagation_s = propagation_s
        self._waiting: deque[list[Any]] = deque()  # [source, change, due (None: the way is cut)]
        self._timer: Timer | None = None
        self._last_due = 0.0

    @property
    def pending(self) -> int:
        """Changes on their way here."""
        return len(self._waiting)

    def hear(self, source: str, change: Callable[["Location"], None]) -> None:
        """A change has been made somewhere; apply it when it has arrived."""
        self._waiting.append([source, change, self._due(source)])
        if len(self._waiting) == 1:
            self._schedule()

    def _due(self, source: str) -> float | None:
        condition = self._world.condition(source, self.place)
        if condition.cut:
            return None
        chance = self._runtime.chance(f"propagation/{self.place}")
        share = chance.uniform(SHARE_MIN, 1.0)
        deployed = self._runtime.interval(self._propagation_s) * share
        due = self._runtime.now() + condition.delay_s + deployed
        self._last_due = max(self._last_due, due)
        return self._last_due

    def reconsider(self) -> None:
        """The world has changed: what could not leave may do so now, and the other way round."""
        for entry in self._waiting:
            cut = self._world.condition(entry[0], self.place).cut
            if cut:
                entry[2] = None
            elif entry[2] is None:
                entry[2] = self._due(entry[0])
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and self._waiting[0][2] is not None:
            wait = max(0.0, self._waiting[0][2] - self._runtime.now())
            self._timer = self._runtime.later(wait, self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        now = self._runtime.now() + 1e-6
        while self._waiting and self._waiting[0][2] is not None and self._waiting[0][2] <= now:
            _, change, _ = self._waiting.popleft()
            change(self)
            self.heard += 1
        self._schedule()

    def learn(self, accelerator: Accelerator) -> None:
        """Take an accelerator as it is from now on."""
        self.accelerators[accelerator.id] = accelerator

    def forget(self, accelerator_id: str) -> None:
        """An accelerator is no more."""
        self.accelerators.pop(accelerator_id, None)

    def learn_health(self, arn: str, *, healthy: bool) -> None:
        """Take an endpoint's health."""
        self.healthy[arn] = healthy

    def is_healthy(self, arn: str) -> bool:
        """Whether an endpoint is known to be healthy; one that never passed a check is not."""
        return self.healthy.get(arn, False)

    def find(self, address: str, port: int) -> Found | None:
        """Who listens at an address and port, seen from here; nobody if it is disabled."""
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

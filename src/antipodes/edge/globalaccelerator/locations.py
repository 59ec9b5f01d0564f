"""One edge location's copy of the routing state, and how changes reach it: late and in order.

A change leaves where it was made, takes the way over the backbone, and then its time to be
deployed, which each location draws for itself. Over a cut way it waits until that is healed. Order
is kept, so that a location never goes back to what it has seen replaced; but what comes from
different sources does not wait for one another. News of an edit that cannot get out of the control
plane's home must not hold up news of health, or the edge would not be statically stable.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from antipodes.edge.globalaccelerator.model import Accelerator, Listener
from antipodes.runtime.contract import Condition, Runtime, Timer
from antipodes.world.world import World

SHARE_MIN = 0.5  # of the propagation time, at least; a whole one at most
FOUND_MAX = 1000
SOON_S = 1e-6  # timers may fire this much early

Change = Callable[["Location"], None]


class Found(NamedTuple):
    """Whom an address belongs to."""

    accelerator: Accelerator
    listener: Listener


class _Way:
    """News on its way to one location from places that all know of it, in order.

    The first of them whose link is not cut tells; where all are cut, the news waits.
    """

    def __init__(self, location: "Location", sources: tuple[str, ...]) -> None:
        self._location = location
        self._sources = sources
        self._waiting: deque[tuple[Change, float | None]] = deque()  # due; None: nobody can tell
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, change: Change) -> None:
        """Something has changed at the sources."""
        self._waiting.append((change, self._due(self._link())))
        if len(self._waiting) == 1:
            self._schedule()

    def reconsider(self) -> None:
        """The world has changed: what could not leave may do so now, and the other way round."""
        if self._waiting:
            link = self._link()
            self._waiting = deque(
                (change, due if due is not None and link is not None else self._due(link))
                for change, due in self._waiting
            )
            self._schedule()

    def _link(self) -> Condition | None:
        links = (self._location.link_from(source) for source in self._sources)
        return next((link for link in links if not link.cut), None)

    def _due(self, link: Condition | None) -> float | None:
        if link is None:
            return None
        return self._location.runtime.now() + link.delay_s + self._location.draw_deployment_s()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and (due := self._waiting[0][1]) is not None:
            runtime = self._location.runtime
            self._timer = runtime.later(max(0.0, due - runtime.now()), self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        now = self._location.runtime.now() + SOON_S
        while self._waiting and (due := self._waiting[0][1]) is not None and due <= now:
            change, _ = self._waiting.popleft()
            self._location.apply(change)
        self._schedule()


class Location:
    """What one edge location knows."""

    def __init__(self, runtime: Runtime, world: World, place: str, propagation_s: float) -> None:
        self.place = place
        self.runtime = runtime
        self.accelerators: dict[str, Accelerator] = {}
        self.healthy: dict[str, bool] = {}
        self.heard = 0
        self._world = world
        self._propagation_s = propagation_s
        self._ways: dict[tuple[str, ...], _Way] = {}
        self._found: dict[tuple[str, int], Found | None] = {}

    @property
    def pending(self) -> int:
        """Changes on their way here."""
        return sum(len(way) for way in self._ways.values())

    def hear(self, sources: tuple[str, ...], change: Change) -> None:
        """A change is known at the sources; apply it when it has arrived."""
        way = self._ways.get(sources)
        if way is None:
            way = self._ways[sources] = _Way(self, sources)
        way.send(change)

    def reconsider(self) -> None:
        """The world has changed."""
        for way in self._ways.values():
            way.reconsider()

    def apply(self, change: Change) -> None:
        """A change has arrived."""
        change(self)
        self.heard += 1

    def link_from(self, source: str) -> Condition:
        """The way from there to here, as it is now."""
        return self._world.condition(source, self.place)

    def draw_deployment_s(self) -> float:
        """How long a change that has come takes to be in force here."""
        chance = self.runtime.chance(f"propagation/{self.place}")
        return self.runtime.interval(self._propagation_s) * chance.uniform(SHARE_MIN, 1.0)

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

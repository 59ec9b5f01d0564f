"""How news reaches a place that keeps its own copy of something: late and in order.

A change leaves where it was made, takes the way over the backbone, and then its time to be
deployed, which each place draws for itself. Over a cut way it waits until that is healed. Order is
kept, so that a place never goes back to what it has seen replaced; but what comes from different
sources, or takes another time to be deployed, does not wait for one another. News of an edit that
cannot get out of the control plane's home must not hold up news of health, or the edge would not be
statically stable.

What waits for a cut to heal is bounded by what there is to know: of news about one thing the newest
is enough.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Self

from antipodes.runtime.contract import Condition, Runtime, Timer
from antipodes.world.world import World

BACKBONE_S_MAX = 0.5  # from a control plane's home to any edge location, with what the log takes
SHARE_MIN = 0.5  # of the propagation time, at least; a whole one at most
SOON_S = 1e-6  # timers may fire this much early


def everywhere_s(runtime: Runtime, propagation_s: float) -> float:
    """After how long every edge location that can be reached must have what is told it now."""
    return runtime.interval(propagation_s) + BACKBONE_S_MAX


class _Change(NamedTuple):
    """One piece of news on its way."""

    make: Callable[[], None]
    due: float | None  # None: nobody can tell, the way is cut
    about: str  # what it replaces all earlier news of; empty: nothing


class _Way:
    """News on its way to one place from places that all know of it, in order.

    The first of them whose link is not cut tells; where all are cut, the news waits.
    """

    def __init__(self, hearer: "Hearer", sources: tuple[str, ...], propagation_s: float) -> None:
        self._hearer = hearer
        self._sources = sources
        self._propagation_s = propagation_s
        self._waiting: deque[_Change] = deque()
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, make: Callable[[], None], about: str) -> None:
        """Something has changed at the sources."""
        due = self._due(self._link())
        self._waiting.append(_Change(make, due, about))
        if due is None:
            self._keep_the_newest()
        if len(self._waiting) == 1:
            self._schedule()

    def reconsider(self) -> None:
        """The world has changed: what could not leave may do so now, and the other way round."""
        if self._waiting:
            link = self._link()
            self._waiting = deque(
                change
                if change.due is not None and link is not None
                else change._replace(due=self._due(link))
                for change in self._waiting
            )
            if link is None:
                self._keep_the_newest()
            self._schedule()

    def _keep_the_newest(self) -> None:
        """None of what waits can leave: of what is about one thing the last is enough."""
        newest = {change.about: change for change in self._waiting}
        self._waiting = deque(
            change for change in self._waiting if not change.about or newest[change.about] is change
        )

    def _link(self) -> Condition | None:
        links = (self._hearer.link_from(source) for source in self._sources)
        return next((link for link in links if not link.cut), None)

    def _due(self, link: Condition | None) -> float | None:
        if link is None:
            return None
        deployment_s = self._hearer.draw_deployment_s(self._propagation_s)
        return self._hearer.runtime.now() + link.delay_s + deployment_s

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and (due := self._waiting[0].due) is not None:
            runtime = self._hearer.runtime
            self._timer = runtime.later(max(0.0, due - runtime.now()), self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        now = self._hearer.runtime.now() + SOON_S
        while self._waiting and (due := self._waiting[0].due) is not None and due <= now:
            self._waiting.popleft().make()
            self._hearer.heard += 1
        self._schedule()


class Hearer:
    """A place that hears of changes; what it then knows is for who derives from it."""

    def __init__(self, runtime: Runtime, world: World, place: str, propagation_s: float) -> None:
        self.place = place
        self.runtime = runtime
        self.heard = 0
        self._world = world
        self._propagation_s = propagation_s
        self._ways: dict[tuple[tuple[str, ...], float], _Way] = {}
        self._dependent: list[Callable[[], None]] = []

    def on_change(self, notify: Callable[[], None]) -> None:
        """Call whenever what was worked out from what is known here may be wrong."""
        self._dependent.append(notify)

    def changed(self) -> None:
        """Something that others work with has changed."""
        for notify in self._dependent:
            notify()

    @property
    def pending(self) -> int:
        """Changes on their way here."""
        return sum(len(way) for way in self._ways.values())

    def hear(
        self,
        sources: tuple[str, ...],
        change: Callable[[Self], None],
        *,
        propagation_s: float | None = None,
        about: str = "",
    ) -> None:
        """A change is known at the sources; it is made when it has arrived and is in force.

        That takes up to `propagation_s` (by default this place's) beyond the way. While the way
        is cut, it replaces what waits `about` the same thing.
        """
        within_s = self._propagation_s if propagation_s is None else propagation_s
        way = self._ways.get((sources, within_s))
        if way is None:
            way = self._ways[sources, within_s] = _Way(self, sources, within_s)
        way.send(partial(change, self), about)

    def reconsider(self) -> None:
        """The world has changed."""
        for way in self._ways.values():
            way.reconsider()

    def link_from(self, source: str) -> Condition:
        """The way from there to here, as it is now."""
        return self._world.condition(source, self.place)

    def draw_deployment_s(self, propagation_s: float) -> float:
        """How long a change that has come takes to be in force here."""
        chance = self.runtime.chance(f"propagation/{self.place}")
        return self.runtime.interval(propagation_s) * chance.uniform(SHARE_MIN, 1.0)

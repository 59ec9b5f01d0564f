"""Hosts with a log, and followers of it, in virtual time; each can be killed and come back."""

from collections.abc import Callable, Coroutine
from typing import Any

from antipodes.replication.changelog import ChangeLog, Entry
from antipodes.replication.follower import Behind, Follower
from antipodes.replication.logserver import LogServer
from antipodes.runtime.contract import Condition, Runtime
from antipodes.runtime.virtual import Simulation
from tests.runtime.worlds import FakeLinks

CUT = Condition(0.05, cut=True)


class Source:
    """A host with a change log."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.store = runtime.open_store("main")
        self.changes = ChangeLog(self.store)
        self.server = LogServer(runtime, self.changes, self.store)

    async def append(self, kind: str, payload: Any) -> int:
        """Append, and wait until it is durable: from then on it counts as acknowledged."""
        sequence = self.changes.append(kind, payload)
        await self.store.committed()
        return sequence


class Copy:
    """A host that follows, and keeps each entry under its number; twice would show."""

    def __init__(
        self,
        runtime: Runtime,
        source: str,
        kinds: tuple[str, ...] = ("t/",),
        *,
        behind: Callable[[Behind], None] | None = None,
    ) -> None:
        self.store = runtime.open_store("main")
        self.follower = Follower(
            runtime,
            self.store,
            source=source,
            name="copy",
            kinds=kinds,
            apply=self.apply,
            behind=behind,
        )

    def apply(self, entries: list[Entry]) -> None:
        for entry in entries:
            key = b"copy/%08d" % entry.sequence
            times = int(self.store.get(b"times" + key) or b"0") + 1
            self.store.put(b"times" + key, b"%d" % times)
            self.store.put(key, str(entry.payload).encode())

    @property
    def applied(self) -> list[str]:
        """The payloads that came, by number."""
        return [value.decode() for _, value in self.store.scan(b"copy/", b"copy0")]

    @property
    def most_times(self) -> int:
        """How often the entry was applied that was applied most often."""
        found = self.store.scan(b"timescopy/", b"timescopy0")
        return max((int(value) for _, value in found), default=0)


class Stage:
    """A simulation of places `a` and `b`, 50 ms apart, driven from outside of both."""

    def __init__(self, seed: int = 1) -> None:
        self.links = FakeLinks(0.05)
        self.simulation = Simulation(self.links, seed=seed)
        self.outside = self.simulation.boot("outside", "outside")

    async def source(self, place: str = "a") -> Source:
        """Start (again) a host with a log."""
        runtime = self.simulation.boot(place)
        source = Source(runtime)
        await runtime.spawn(source.server.start(), "start")
        return source

    def copy(self, place: str = "b", of: str = "a", **options: Any) -> Copy:
        """Start (again) a host that follows."""
        runtime = self.simulation.boot(place)
        copy = Copy(runtime, of, **options)
        runtime.spawn(copy.follower.run(), "follow")
        return copy

    def cut(self) -> None:
        """Cut the link both ways."""
        self.links.change("a", "b", CUT)
        self.links.change("b", "a", CUT)

    def heal(self) -> None:
        """Give the link back."""
        self.links.change("a", "b")
        self.links.change("b", "a")

    async def wait_until(self, condition: Callable[[], bool], within_s: float = 60.0) -> None:
        """Let time pass until something holds."""
        end = self.outside.now() + within_s
        while not condition():
            assert self.outside.now() < end, f"not within {within_s:g} s"
            await self.outside.sleep(0.01)

    def run(self, scenario: Callable[["Stage"], Coroutine[Any, Any, None]]) -> None:
        """Run a scenario to its end."""

        async def main() -> None:
            await self.outside.spawn(scenario(self), "scenario")

        try:
            self.simulation.run(main())
        finally:
            self.simulation.close()


def play(scenario: Callable[[Stage], Coroutine[Any, Any, None]], seed: int = 1) -> None:
    """Run a scenario on a new stage."""
    Stage(seed).run(scenario)

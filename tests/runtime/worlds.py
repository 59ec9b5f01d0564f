"""Fixtures in plain code: links with chosen distances, and one way to run a scenario in each body.

A scenario is a coroutine function of two runtimes, `near` at place "a" and `far` at place "b". It
runs in the virtual body and in the real one, and must do the same in both.
"""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from antipodes.runtime.contract import Address, Condition, Runtime
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.runtime.virtual import Simulation

Scenario = Callable[[Runtime, Runtime], Awaitable[Any]]


class FakeLinks:
    """Links whose conditions a test sets by hand."""

    def __init__(self, delay_s: float = 0.02) -> None:
        self.version = 0
        self._default = Condition(delay_s)
        self._conditions: dict[tuple[str, str], Condition] = {}
        self._listeners: list[Callable[[], None]] = []
        self._lost: dict[Address, None] = {}

    def condition(self, source: str, destination: str) -> Condition:
        if source == destination:
            return Condition(0.0)
        return self._conditions.get((source, destination), self._default)

    def is_lost(self, door: Address) -> bool:
        return door in self._lost

    def on_change(self, notify: Callable[[], None]) -> None:
        self._listeners.append(notify)

    def change(self, source: str, destination: str, condition: Condition | None = None) -> None:
        """Set one direction, or give it its default back."""
        if condition is None:
            self._conditions.pop((source, destination), None)
        else:
            self._conditions[source, destination] = condition
        self._changed()

    def lose(self, *doors: Address) -> None:
        """Let nothing pass to and from these doors, and to and from all others what may."""
        self._lost = dict.fromkeys(doors)
        self._changed()

    def _changed(self) -> None:
        self.version += 1
        for notify in self._listeners:
            notify()


def run_virtual(scenario: Scenario, links: FakeLinks | None = None, seed: int = 1) -> Any:
    """Run a scenario in a simulation."""
    simulation = Simulation(links or FakeLinks(), seed=seed)
    near, far = simulation.boot("a"), simulation.boot("b")

    async def main() -> Any:
        return await near.spawn(_as_coroutine(scenario, near, far), "scenario")

    try:
        return simulation.run(main())
    finally:
        simulation.close()


def run_real(scenario: Scenario, links: FakeLinks | None = None) -> Any:
    """Run a scenario over real sockets, in one process."""
    links = links or FakeLinks()

    async def main(directory: Path) -> Any:
        runtimes = [
            await RealRuntime.start(
                host=host, links=links, run_directory=directory, state_directory=directory / "state"
            )
            for host in ("a", "b")
        ]
        try:
            return await scenario(runtimes[0], runtimes[1])
        finally:
            for runtime in runtimes:
                await runtime.close()

    with tempfile.TemporaryDirectory(prefix="ap-") as directory:
        return run_main(main(Path(directory)))


async def _as_coroutine(scenario: Scenario, near: Runtime, far: Runtime) -> Any:
    return await scenario(near, far)


BODIES = {"virtual": run_virtual, "real": run_real}

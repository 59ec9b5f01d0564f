"""A machine's clock can be wrong, stays so through a restart, and misleads nobody who measures."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.runtime.clocks import DRIFT_PPM_MAX, OFFSET_S_MAX, ClockState, MachineClock
from antipodes.runtime.contract import Runtime
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.runtime.virtual import Simulation
from tests.runtime.worlds import FakeLinks

MINUTES_S = 300.0
Set = Callable[..., None]
Boot = Callable[[], Awaitable[Runtime]]
Scenario = Callable[[Boot, Set], Awaitable[None]]


def in_simulation(scenario: Scenario) -> None:
    simulation = Simulation(FakeLinks())
    outside = simulation.boot("outside")

    async def boot() -> Runtime:
        await outside.sleep(0)
        if "a" in simulation.hosts:
            simulation.kill("a")
        return simulation.boot("a")

    def put_wrong(**wrong: float) -> None:
        simulation.set_clock("a", **wrong)

    async def main() -> None:
        await outside.spawn(_as_coroutine(scenario, boot, put_wrong), "scenario")

    try:
        simulation.run(main())
    finally:
        simulation.close()


def in_processes(scenario: Scenario) -> None:
    """As one process after the other would be; here they are one."""
    running: list[RealRuntime] = []

    async def main(directory: Path) -> None:
        async def boot() -> Runtime:
            while running:
                await running.pop().close()
            running.append(
                await RealRuntime.start(
                    host="a",
                    links=FakeLinks(),
                    run_directory=directory,
                    state_directory=directory / "state",
                )
            )
            return running[0]

        def put_wrong(**wrong: float) -> None:
            running[0].set_clock(**wrong)

        try:
            await scenario(boot, put_wrong)
        finally:
            while running:
                await running.pop().close()

    with tempfile.TemporaryDirectory(prefix="ap-") as directory:
        run_main(main(Path(directory)))


async def _as_coroutine(scenario: Scenario, boot: Boot, put_wrong: Set) -> None:
    await scenario(boot, put_wrong)


BODIES = {"virtual": in_simulation, "real": in_processes}


@pytest.fixture(params=list(BODIES))
def run(request: pytest.FixtureRequest) -> Any:
    return BODIES[request.param]


def test_a_wrong_clock_outlives_its_host_and_can_be_put_right(run: Any) -> None:
    async def scenario(boot: Boot, put_wrong: Set) -> None:
        host = await boot()
        right = host.wall() - host.now()
        put_wrong(offset_s=MINUTES_S)
        assert host.wall() - host.now() == pytest.approx(right + MINUTES_S, abs=5)
        host = await boot()
        assert host.wall() - host.now() == pytest.approx(right + MINUTES_S, abs=5)
        put_wrong(offset_s=-MINUTES_S)
        assert host.wall() - host.now() == pytest.approx(right - MINUTES_S, abs=5)
        put_wrong()
        assert host.wall() - host.now() == pytest.approx(right, abs=5)
        host = await boot()
        assert host.wall() - host.now() == pytest.approx(right, abs=5)

    run(scenario)


def test_a_clock_that_drifts_goes_on_drifting_through_a_restart(run: Any) -> None:
    async def scenario(boot: Boot, put_wrong: Set) -> None:
        host = await boot()
        put_wrong(offset_s=0.0, drift_ppm=-DRIFT_PPM_MAX)  # half of every second is missing
        wall, now = host.wall(), host.now()
        await host.sleep(0.1)
        host = await boot()
        await host.sleep(0.1)
        passed, measured = host.wall() - wall, host.now() - now
        assert measured >= 0.2
        assert passed == pytest.approx(measured / 2, rel=0.2)

    run(scenario)


def test_what_is_no_clock_is_refused_and_changes_nothing(run: Any) -> None:
    async def scenario(boot: Boot, put_wrong: Set) -> None:
        host = await boot()
        put_wrong(offset_s=MINUTES_S)
        before = host.wall() - host.now()
        for offset_s, drift_ppm in (
            (OFFSET_S_MAX * 2, 0.0),
            (float("nan"), 0.0),
            (0.0, DRIFT_PPM_MAX * 2),
            (0.0, float("-inf")),
        ):
            with pytest.raises(ValueError, match="either way"):
                put_wrong(offset_s=offset_s, drift_ppm=drift_ppm)
        assert host.wall() - host.now() == pytest.approx(before, abs=1)

    run(scenario)


def test_a_spoilt_clock_file_is_a_clock_that_is_right() -> None:
    async def scenario(directory: Path) -> None:
        path = directory / "state" / "a" / "clock.json"
        path.parent.mkdir(parents=True)
        for spoilt in ("", "{", "[]", '{"offset_s": 1e99, "drift_ppm": 0, "since": 0}'):
            path.write_text(spoilt)
            runtime = await RealRuntime.start(
                host="a",
                links=FakeLinks(),
                run_directory=directory,
                state_directory=directory / "state",
            )
            assert runtime.clock == ClockState()
            await runtime.close()

    with tempfile.TemporaryDirectory(prefix="ap-") as directory:
        run_main(scenario(Path(directory)))


@given(
    offset_s=st.floats(-OFFSET_S_MAX, OFFSET_S_MAX),
    drift_ppm=st.floats(-DRIFT_PPM_MAX, DRIFT_PPM_MAX),
    set_at=st.floats(0, 1e6),
    passing_s=st.lists(st.floats(0, 1e5), max_size=8),
)
def test_a_clock_that_is_not_set_again_never_goes_back(
    offset_s: float, drift_ppm: float, set_at: float, passing_s: list[float]
) -> None:
    true = [set_at]
    clock = MachineClock(lambda: true[0])
    clock.set(offset_s, drift_ppm)
    assert clock.wall() == set_at + offset_s
    seen = [clock.wall()]
    for passed in passing_s:
        true[0] += passed
        seen.append(clock.wall())
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(
        true[0] + offset_s + (true[0] - set_at) * drift_ppm / 1e6, abs=1e-3
    )

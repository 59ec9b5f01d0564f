"""The pytest plugin: worlds as fixtures.

===================  ==========================================================================
`sim`                a world in virtual time, of the test's own (`virtualworld.py`)
`world`              a world of processes, healed for each test and kept for the next
`world_env`          `world`, with the environment of the test pointed at it
`assert_survives`    a drill as an assertion; its figures go into pytest's JUnit report
===================  ==========================================================================

One world of processes runs at a time: it is started for the first test that asks for it, and
stopped when a test asks for another kind, or at the end. Whatever happens to the test run, its
processes end with it. Nothing but `options` is imported before a test needs it.
"""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from antipodes.testing import options

if TYPE_CHECKING:
    from antipodes.testing.realworld import RealWorld
    from antipodes.testing.virtualworld import VirtualWorld

_KEPT = pytest.StashKey["Kept"]()
_SIMULATED = pytest.StashKey["VirtualWorld"]()


class Kept:
    """The one world of processes of a test run."""

    def __init__(self) -> None:
        self._world: RealWorld | None = None
        self._asked: options.Options | None = None

    def world_for(self, asked: options.Options, directory: Path) -> "RealWorld":
        """The world that is kept if it is of that kind, else a new one in its place."""
        from antipodes.testing.realworld import RealWorld  # noqa: PLC0415 - only when needed

        if self._world is None or asked != self._asked or asked.fresh:
            self.close()
            self._world = RealWorld(
                asked.regions,
                speed=asked.speed,
                seed=asked.seed,
                propagation_s=asked.propagation_s,
                replication_delay=asked.replication_delay,
                resolvers=dict(asked.resolvers),
                directory=directory,
            )
            self._asked = asked
        self._world.directory = directory
        return self._world

    def close(self) -> None:
        """Stop it."""
        if self._world is not None:
            world, self._world = self._world, None
            world.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings."""
    options.add_settings(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "antipodes(regions, speed, seed, seeds, propagation_s, replication_delay, resolvers, "
        "fresh): the world a test needs",
    )
    config.stash[_KEPT] = Kept()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what still runs."""
    kept = config.stash.get(_KEPT, None)
    if kept is not None:
        kept.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of the fixture `sim` as many tests as it has seeds."""
    if "antipodes_seed" not in metafunc.fixturenames:
        return
    try:
        asked = options.chosen(metafunc.config, metafunc.definition)
    except options.Misuse as mistake:
        raise pytest.Collector.CollectError(str(mistake)) from None
    seeds = list(range(1, asked.seeds + 1)) or [asked.seed]
    if asked.seeds:
        metafunc.parametrize("antipodes_seed", seeds, ids=[f"seed{seed}" for seed in seeds])


def _asked(request: pytest.FixtureRequest) -> options.Options:
    try:
        return options.chosen(request.config, request.node)
    except options.Misuse as mistake:
        pytest.fail(str(mistake), pytrace=False)


@pytest.fixture
def antipodes_seed(request: pytest.FixtureRequest) -> int:
    """The seed of this test's simulation."""
    return _asked(request).seed


@pytest.fixture
def sim(request: pytest.FixtureRequest, antipodes_seed: int) -> "Iterator[VirtualWorld]":
    """A world in virtual time, in this process."""
    from antipodes.testing.virtualworld import VirtualWorld  # noqa: PLC0415 - only when needed

    asked = _asked(request)
    _report(request, "antipodes_seed", antipodes_seed)
    with VirtualWorld(
        asked.regions,
        seed=antipodes_seed,
        propagation_s=asked.propagation_s,
        replication_delay=asked.replication_delay,
        resolvers=dict(asked.resolvers),
        directory=request.path.parent,
    ) as world:
        request.node.stash[_SIMULATED] = world
        yield world


@pytest.fixture
def world(request: pytest.FixtureRequest) -> "Iterator[RealWorld]":
    """A world of processes with nothing broken; what earlier tests made in it is still there."""
    asked = _asked(request)
    kept = request.config.stash[_KEPT]
    running = kept.world_for(asked, request.path.parent)
    try:
        yield running
    finally:
        try:
            running.heal()
            running.wait_whole()
        except BaseException:
            kept.close()  # whoever comes next must not find it like this
            raise
        if asked.fresh:
            kept.close()


@pytest.fixture
def world_env(world: "RealWorld", monkeypatch: pytest.MonkeyPatch) -> "RealWorld":
    """`world`, with the environment pointed at it: for code that makes its own clients."""
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)
    return world


@pytest.fixture
def assert_survives(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """Play a drill and fail unless it passes; see `antipodes.testing.survival`."""
    from antipodes.testing.survival import assert_survives as check  # noqa: PLC0415 - as above

    def survives(drill: Any, **given: Any) -> dict[str, Any]:
        __tracebackhide__ = True
        given.setdefault("directory", request.path.parent)
        if options.forced_seed() is not None:
            given["seed"] = options.forced_seed()
        return check(drill, told=partial(_report, request), **given)

    return survives


def _report(request: pytest.FixtureRequest, name: str, value: object) -> None:
    """Put a property beside the test in JUnit reports; pytest's own fixture warns for each."""
    request.node.user_properties.append((name, value))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say beside a failure how to see it again."""
    report = yield
    world = item.stash.get(_SIMULATED, None)
    if world is not None and report.when == "call" and report.failed:
        report.sections.append(("antipodes", _again(item, world)))
    return report


def _again(item: pytest.Item, world: "VirtualWorld") -> str:
    seed = f"seed{world.seed}"
    name = item.nodeid.replace(f"[{seed}]", "").replace(f"{seed}-", "").replace(f"-{seed}", "")
    return "\n".join(
        [
            f"seed {world.seed}, {world.now:.3f} virtual seconds, digest {world.digest()}",
            *(f"still broken: {what}" for what in world.wrongs()),
            f"play it again: {options.SEED_VARIABLE}={world.seed} pytest {name!r}",
        ]
    )

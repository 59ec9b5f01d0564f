"""A drill in simulation: one process, virtual time, everything repeatable from its seed.

The drill file, the load, the timeline, the oracles and the verdict are those of a real run; only
the stage is another. What a run leaves behind is a function of the drill, the code and the seed:
its digest covers every message delivered and every entry of the journal.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from antipodes.drills.history import History
from antipodes.drills.model import Drill, DrillError
from antipodes.drills.run import Progress, Run
from antipodes.drills.simulated import Simulated
from antipodes.drills.verdict import judge
from antipodes.drills.virtualstage import VirtualStage
from antipodes.hosting.simulated import SimulatedWorld

Tamper = Callable[[SimulatedWorld], None]


def simulate(  # noqa: PLR0913 - spelled out on purpose
    drill: Drill,
    directory: Path,
    *,
    seed: int,
    messages: int = 0,
    tamper: Tamper | None = None,
    progress: Progress = lambda _: None,
) -> Simulated:
    """Play a drill in simulation and judge it; keep so many messages. Raises DrillError."""
    world = msgspec.structs.replace(drill.world, seed=seed, speed=1.0)
    drill = msgspec.structs.replace(drill, world=world)
    stage = VirtualStage(drill, directory)
    simulation = stage.simulated.simulation
    try:
        if messages:
            simulation.watch_messages(messages)
        history, started = stage.simulated.run(_play(drill, stage, tamper, progress))
        return Simulated(
            drill=drill,
            seed=seed,
            history=history,
            judgement=judge(drill, history),
            digest=simulation.journal.digest(),
            markers=simulation.journal.markers(),
            entries=simulation.journal.entries() if messages else [],
            messages=simulation.messages if messages else [],
            load_started=started,
            virtual_s=simulation.loop.time(),
        )
    finally:
        stage.close()


async def _play(
    drill: Drill, stage: VirtualStage, tamper: Tamper | None, progress: Progress
) -> tuple[History, float]:
    runtime = stage.runtime
    outcome = await runtime.spawn(_caught(drill, stage, tamper, progress), "drill")
    if isinstance(outcome, DrillError):
        raise outcome
    found: tuple[History, float] = outcome
    return found


async def _caught(
    drill: Drill, stage: VirtualStage, tamper: Tamper | None, progress: Progress
) -> tuple[History, float] | DrillError:
    """A drill that cannot be played is its author's mistake, not a bug of a host."""
    try:
        await stage.simulated.start()
        if tamper is not None:
            tamper(stage.simulated)
        said = await stage.deploy()
        run = Run(drill, stage, drill.address(said), progress)
        return await run.execute(), run.started
    except DrillError as error:
        return error

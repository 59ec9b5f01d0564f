"""`antipodes drill`: run one, show it, and end with its verdict as the exit status."""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from antipodes.drills import table
from antipodes.drills.comparecommand import compare_variants
from antipodes.drills.format import library_drills, load_drill
from antipodes.drills.history import History
from antipodes.drills.model import Drill, DrillError
from antipodes.drills.output import write
from antipodes.drills.realstage import RealStage, WorldProcess
from antipodes.drills.run import Run
from antipodes.drills.simulatecommand import run_simulated
from antipodes.drills.verdict import EXIT_STATUS, Verdict, judge
from antipodes.runtime.contract import Gone, TimedOut
from antipodes.runtime.main import run_main


def run_drill(options: argparse.Namespace) -> int:
    """Run a drill; return 0 for a pass, 1 for a failure, 2 where it could not be judged."""
    if options.action == "list":
        for name, path in library_drills().items():
            print(f"{name:24} {load_drill(str(path))[0].description}")
        return 0
    try:
        if options.action == "compare":
            return compare_variants(options)
        drill, directory = load_drill(options.file)
        if options.simulate or options.seeds or options.replay is not None:
            return run_simulated(options, drill, directory)
        drill = _overridden(drill, options)
        history = _run(drill, directory, keep=options.keep)
        judgement = judge(drill, history)
        write(options, drill, history, judgement)
    except (DrillError, Gone, TimedOut) as error:
        print(f"antipodes: {error}", file=sys.stderr)
        return EXIT_STATUS[Verdict.UNKNOWN]
    return EXIT_STATUS[judgement.verdict]


def _overridden(drill: Drill, options: argparse.Namespace) -> Drill:
    changes: dict[str, Any] = {}
    if options.speed is not None:
        changes["speed"] = options.speed
    if options.seed is not None:
        changes["seed"] = options.seed
    world = msgspec.structs.replace(drill.world, **changes)
    return msgspec.structs.replace(drill, world=world)


def _run(drill: Drill, directory: Path, *, keep: bool) -> History:
    progress = table.Progress(sys.stderr)
    process = WorldProcess(drill, directory)
    try:
        progress(f"{drill.name}: starting {', '.join(drill.world.regions)} and the edge")
        process.start()
        progress(f"deploying {drill.application.deploy}")
        said = process.deploy()
        return run_main(_execute(drill, process, drill.address(said), progress))
    finally:
        progress.end()
        process.stop(keep=keep)
        if keep:
            print(f"the world's state is in {process.state}", file=sys.stderr)


async def _execute(
    drill: Drill, process: WorldProcess, url: str, progress: "table.Progress"
) -> History:
    stage = await RealStage.open(drill, process)
    try:
        return await Run(drill, stage, url, progress).execute()
    finally:
        await stage.close()

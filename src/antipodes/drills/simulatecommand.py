"""`antipodes drill run --simulate`: one seed, many seeds, or one seed played again and shown."""

import argparse
import sys
from pathlib import Path

from antipodes.drills.model import Drill
from antipodes.drills.output import write
from antipodes.drills.simulate import simulate
from antipodes.drills.table import Progress
from antipodes.drills.verdict import EXIT_STATUS


def run_simulated(options: argparse.Namespace, drill: Drill, directory: Path) -> int:
    """Play a drill in simulation; return the exit status of its verdict. Raises DrillError."""
    seed = drill.world.seed if options.seed is None else options.seed
    return _play_one(options, drill, directory, seed)


def _play_one(options: argparse.Namespace, drill: Drill, directory: Path, seed: int) -> int:
    progress = Progress(sys.stderr)
    try:
        played = simulate(drill, directory, seed=seed, progress=progress)
    finally:
        progress.end()
    write(
        options,
        played.drill,
        played.history,
        played.judgement,
        digest=played.digest,
        markers=played.markers,
        virtual_s=round(played.virtual_s, 3),
    )
    print(f"seed {seed}, digest {played.digest}")
    return EXIT_STATUS[played.judgement.verdict]

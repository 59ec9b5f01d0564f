"""`antipodes drill run --simulate`: one seed, many seeds, or one seed played again and shown.

Seeds that fail are shrunk to the smallest drill that fails in the same way; its file, its messages
and what its journal holds around the failure are kept beside each other.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from antipodes.drills import diagram, many, table
from antipodes.drills.model import Drill, DrillError
from antipodes.drills.output import junit, save, save_json, write
from antipodes.drills.shrink import shrink
from antipodes.drills.simulate import simulate
from antipodes.drills.simulated import Simulated
from antipodes.drills.swarm import draw
from antipodes.drills.verdict import EXIT_STATUS, Verdict
from antipodes.drills.witness import journal_around, violation
from antipodes.runtime.contract import RuntimeFailure
from antipodes.runtime.farm import jobs_by_default

MESSAGES_KEPT = 400_000
PLAYS_MAX = 150  # to shrink one seed
JOURNAL_S = 20.0  # shown, around what went wrong
FAILURES = Path("antipodes-failures")


def run_simulated(options: argparse.Namespace, drill: Drill, directory: Path) -> int:
    """Play a drill in simulation; return the exit status of its verdict. Raises DrillError."""
    if options.seeds:
        return _play_many(options, drill, directory)
    seed = options.replay if options.replay is not None else options.seed
    drill = draw(drill, drill.world.seed if seed is None else seed)
    if options.replay is not None:
        return _replay(options, drill, directory)
    return _play_one(options, drill, directory)


def _play_one(options: argparse.Namespace, drill: Drill, directory: Path) -> int:
    played = _played(drill, directory)
    _write(options, played)
    return EXIT_STATUS[played.judgement.verdict]


def _played(drill: Drill, directory: Path, *, messages: int = 0) -> Simulated:
    progress = table.Progress(sys.stderr)
    try:
        return simulate(
            drill, directory, seed=drill.world.seed, messages=messages, progress=progress
        )
    finally:
        progress.end()


def _write(options: argparse.Namespace, played: Simulated) -> None:
    write(
        options,
        played.drill,
        played.history,
        played.judgement,
        digest=played.digest,
        markers=played.markers,
        virtual_s=round(played.virtual_s, 3),
    )
    print(f"seed {played.seed}, digest {played.digest}")


def _replay(options: argparse.Namespace, drill: Drill, directory: Path) -> int:
    """Play one seed again, with everything there is to see around what went wrong."""
    played = _played(drill, directory, messages=MESSAGES_KEPT)
    _write(options, played)
    _show(played)
    if options.svg:
        save(Path(options.svg), diagram.render(played).encode())
        print(f"diagram: {options.svg}")
    return EXIT_STATUS[played.judgement.verdict]


def _show(played: Simulated) -> None:
    seen = violation(played)
    middle_s, width_s = (seen.begin_s + seen.end_s) / 2, seen.end_s - seen.begin_s
    lines = journal_around(played, middle_s, max(width_s, JOURNAL_S))
    print("\n".join(["", "journal:", *(f"  {line}" for line in lines)]))


def _play_many(options: argparse.Namespace, drill: Drill, directory: Path) -> int:
    progress = table.Progress(sys.stderr)
    try:
        found = many.play_many(
            drill,
            directory,
            range(1, options.seeds + 1),
            jobs=options.jobs or jobs_by_default(),
            play=simulate,
            cluster=options.cluster,
            progress=progress,
        )
    except RuntimeFailure as failure:
        raise DrillError(str(failure)) from None
    finally:
        progress.end()
    print(many.render(found))
    if options.json:
        save_json(options.json, found.document())
    if options.junit:
        findings = [finding for seed in found.played for finding in seed.findings]
        save(Path(options.junit), junit(drill.name, findings).encode())
    if found.failed_seeds:
        _shrink(drill, directory, found.failed_seeds[0])
    return EXIT_STATUS[found.verdict]


def _shrink(drill: Drill, directory: Path, seed: int) -> None:
    """Shrink one failing seed, show it, and keep it."""
    progress = table.Progress(sys.stderr)
    plays = 0

    def fails(candidate: Drill) -> Simulated | None:
        nonlocal plays
        plays += 1
        progress(f"\rshrinking seed {seed}: play {plays}, {len(candidate.timeline)} events")
        try:
            played = simulate(candidate, directory, seed=candidate.world.seed)
        except DrillError:
            return None
        return played if played.judgement.verdict is Verdict.FAIL else None

    try:
        small = shrink(drill, seed, fails, plays_max=PLAYS_MAX)
    finally:
        progress.end()
    played = simulate(small.drill, directory, seed=small.drill.world.seed, messages=MESSAGES_KEPT)
    deploy = str((directory / small.drill.application.deploy).resolve())
    application = msgspec.structs.replace(small.drill.application, deploy=deploy)
    kept = msgspec.structs.replace(
        small, drill=msgspec.structs.replace(small.drill, application=application)
    )
    name = f"{directory.name}-{seed}" if not drill.name else f"{_file_name(drill.name)}-{seed}"
    save(FAILURES / f"{name}.toml", kept.text.encode())
    save(FAILURES / f"{name}.svg", diagram.render(played).encode())
    print(f"\nseed {seed}, shrunk in {small.plays} plays to the smallest drill that fails:\n")
    print("\n".join(f"  {line}" for line in small.text.splitlines()))
    print(table.render(played.drill, played.history, played.judgement))
    _show(played)
    print(f"\ndrill:   {FAILURES / name}.toml\ndiagram: {FAILURES / name}.svg")


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower())

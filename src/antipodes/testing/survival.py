"""`assert_survives`: a drill as an assertion.

A drill passes or the test fails; what could not be judged is a failure, too, and says why. The
failure's message is the drill's own table of verdicts, with the command that plays it again.
"""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from antipodes.drills import table
from antipodes.drills.format import library_drills, load_drill
from antipodes.drills.history import History
from antipodes.drills.many import play_many
from antipodes.drills.model import Drill
from antipodes.drills.realstage import RealStage, WorldProcess
from antipodes.drills.run import Run
from antipodes.drills.simulate import simulate as play_simulated
from antipodes.drills.swarm import draw
from antipodes.drills.verdict import Judgement, Verdict, judge
from antipodes.runtime.main import run_main

SEED_VARIABLE = "ANTIPODES_SEED"
SHOWN_MAX = 20  # seeds that did not pass


class Played(NamedTuple):
    """One run of a drill, judged."""

    drill: Drill
    history: History
    judgement: Judgement
    digest: str = ""  # of a simulated run

    @property
    def figures(self) -> dict[str, Any]:
        """The figures of the run, with the digest of a simulated one."""
        return {**self.judgement.figures, **({"digest": self.digest} if self.digest else {})}


def assert_survives(  # noqa: PLR0913 - spelled out on purpose
    drill: str | Path | Drill,
    *,
    seed: int | None = None,
    seeds: int = 1,
    jobs: int = 1,
    simulate: bool = True,
    speed: float | None = None,
    directory: Path | None = None,
    told: Callable[[str, Any], object] = lambda *_: None,
) -> dict[str, Any]:
    """Play a drill and fail unless it passes; return its figures.

    `drill` is a path, the name of one in the library, or a `Drill` made in Python, whose deployment
    script is looked for in `directory`, as is a path. `seed` overrides the drill's own; with
    `seeds` above 1, seeds 1 to that number are played by so many `jobs`, all have to pass, and each
    figure is returned as `min`, `p50`, `p99` and `max`. With `simulate=False` real processes play
    the drill, for as long as it takes at that `speed`. `told` is given the main figures by name,
    passed or not. Raises AssertionError, or DrillError where the drill cannot be played at all.
    """
    made, folder, name = _found(drill, directory or Path.cwd())
    if seeds > 1 and seed is None and simulate:
        return _survives_all(made, folder, name, seeds=seeds, jobs=jobs, told=told)
    seeded = draw(made, made.world.seed if seed is None else seed)
    if simulate:
        played = _simulated(seeded, folder)
    else:
        world = msgspec.structs.replace(seeded.world, speed=speed or made.world.speed)
        played = _real(msgspec.structs.replace(seeded, world=world), folder)
    for key, value in _main_figures(played.figures):
        told(key, value)
    if played.judgement.verdict is not Verdict.PASS:
        raise AssertionError(_complaint(played, name, simulate=simulate))
    return played.figures


def _survives_all(  # noqa: PLR0913 - as above
    drill: Drill,
    folder: Path,
    name: str,
    *,
    seeds: int,
    jobs: int,
    told: Callable[[str, Any], object],
) -> dict[str, Any]:
    """Play many seeds; where some do not pass, show the first of the worst."""
    many = play_many(drill, folder, range(1, seeds + 1), jobs=jobs, play=play_simulated)
    figures = {"verdict": str(many.verdict), "seeds": seeds, **many.document()["figures"]}
    for key, value in _main_figures(figures):
        told(key, value)
    wrong = [*many.failed_seeds, *many.unknown_seeds]
    if wrong:
        of = f"of {seeds} seeds {len(many.failed_seeds)} failed: {_listed(many.failed_seeds)}"
        if many.unknown_seeds:
            of += f"; {len(many.unknown_seeds)} not judged: {_listed(many.unknown_seeds)}"
        played = _simulated(draw(drill, wrong[0]), folder)
        raise AssertionError(_complaint(played, name, of=of))
    return figures


def _listed(seeds: list[int]) -> str:
    shown = ", ".join(str(seed) for seed in seeds[:SHOWN_MAX])
    return (shown or "none") + ", ..." * (len(seeds) > SHOWN_MAX)


def _found(drill: str | Path | Drill, directory: Path) -> tuple[Drill, Path, str]:
    """The drill, the folder of its deployment, and what to call it on the command line."""
    if isinstance(drill, Drill):
        return drill, directory, ""
    beside = directory / drill
    if str(drill) not in library_drills() or beside.is_file():
        made, folder = load_drill(str(beside))
        return made, folder, str(beside)
    made, folder = load_drill(str(drill))
    return made, folder, str(drill)


def _simulated(drill: Drill, folder: Path) -> Played:
    played = play_simulated(drill, folder, seed=drill.world.seed)
    return Played(played.drill, played.history, played.judgement, played.digest)


def _real(drill: Drill, folder: Path) -> Played:
    process = WorldProcess(drill, folder)
    limits = gc.get_threshold()
    try:
        process.start()
        said = process.deploy()
        history = run_main(_execute(drill, process, str(said["url"])))
    finally:
        process.stop(keep=False)
        gc.set_threshold(*limits)  # which run_main has set for a process of its own
        gc.unfreeze()
    return Played(drill, history, judge(drill, history))


async def _execute(drill: Drill, process: WorldProcess, url: str) -> History:
    stage = await RealStage.open(drill, process)
    try:
        return await Run(drill, stage, url, lambda _: None).execute()
    finally:
        await stage.close()


def _complaint(played: Played, name: str, *, simulate: bool = True, of: str = "") -> str:
    drill, judgement = played.drill, played.judgement
    seed = drill.world.seed
    lines = [f"{drill.name} is not survived: {str(judgement.verdict).upper()}, seed {seed}"]
    lines += [f"  {of}"] if of else []
    for finding in judgement.findings:
        if finding.verdict is not Verdict.PASS:
            said = f"  {finding.expectation}: wanted {finding.wanted}, found {finding.found}"
            lines.append(said + f" ({finding.witness})" * bool(finding.witness))
    if not judgement.findings:
        lines.append("  it expects nothing, so nothing was judged")
    lines.append(table.render(drill, played.history, judgement))
    speed = drill.world.speed
    if not simulate:
        how = f"antipodes drill run {name} --seed {seed} --speed {speed:g}" if name else ""
    elif name:
        how = f"antipodes drill run {name} --simulate --seed {seed}"
    else:
        how = f"{SEED_VARIABLE}={seed}, or assert_survives(..., seed={seed})"
    lines += [f"digest:  {played.digest}"] if played.digest else []
    lines += [f"play it again: {how or f'assert_survives(..., seed={seed}, simulate=False)'}"]
    return "\n".join(lines)


def _main_figures(figures: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a report of tests should show beside the test; of a spread, the worst."""
    rpo = figures.get("rpo", {})
    flat = {
        **figures,
        "rpo_writes": rpo.get("writes_unreplicated"),
        "rpo_s": rpo.get("oldest_age_s"),
    }
    for name in (
        *("verdict", "seed", "seeds", "rto_s", "rpo_writes", "rpo_s"),
        *("writes_lost", "stale_reads", "availability", "requests", "digest"),
    ):
        value = flat.get(name)
        if isinstance(value, dict):
            value = value["min" if name == "availability" else "max"]
        if value is not None:
            yield name, value

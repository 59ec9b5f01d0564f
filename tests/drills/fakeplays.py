"""A play of a drill that costs nothing: its history is made up of the drill's seed.

Some seeds of it fail, one cannot be judged, one ends its process.
"""

import os
import signal
from pathlib import Path

import msgspec

from antipodes.drills.history import History, Outcome
from antipodes.drills.model import Drill, DrillError
from antipodes.drills.simulated import Simulated
from antipodes.drills.verdict import Finding, Judgement, Verdict, judge
from tests.drills.histories import operation

FAILING, UNJUDGED, DEADLY, BUGGY = 7, 11, 13, 15


def simulated(drill: Drill, verdict: Verdict, history: History, *, digest: str = "") -> Simulated:
    """One run, with one finding."""
    finding = Finding("writes lost", "at most 0", "1", verdict, witness="hot-001")
    judgement = judge(drill, history)
    findings = [f for f in judgement.findings if f.expectation != finding.expectation]
    return Simulated(
        drill=drill,
        seed=drill.world.seed,
        history=history,
        judgement=Judgement(judgement.figures, [*findings, finding], verdict),
        digest=digest,
        markers={"a.usual": 1, **({"a.rare": drill.world.seed} if drill.world.seed % 4 else {})},
        entries=[],
        messages=[],
        load_started=60.0,
        virtual_s=100.0,
    )


def fake_play(drill: Drill, directory: Path, *, seed: int) -> Simulated:
    """Nothing is really played."""
    assert drill.world.seed == seed
    assert directory.is_dir()
    if seed == UNJUDGED:
        raise DrillError("the application never answered")
    if seed == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    assert seed != BUGGY, "a bug of ours"
    operations = [operation("write", "hot-001", f"v{n}", n, n + 0.5) for n in range(seed)]
    missed = operation("read", "hot-001", None, 1, 2, outcome=Outcome.FAILED)
    history = History(
        [*operations, *[missed] * (seed % 2)],
        [],
        [],
        [],
        {region: {"hot-001": f"v{seed - 1}"} for region in drill.world.regions},
    )
    verdict = Verdict.FAIL if seed == FAILING else Verdict.PASS
    return simulated(drill, verdict, history, digest=f"{hash_of(drill):08x}")


def hash_of(drill: Drill) -> int:
    """The same in every process."""
    return sum(msgspec.json.encode(drill))

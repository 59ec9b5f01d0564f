"""A simulation in a process that has played others before is the same as in a fresh one.

Processes play hundreds of seeds, and keep what they learnt: botocore's models, compiled code, keys
of signatures. None of it may show.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosting.test_simulated import Story, W

ROOT = Path(__file__).parents[2]
SCRIPT = """
from tests.hosting.test_warm import short
print(short(5), short(6), short(5))
"""


def short(seed: int) -> str:
    """The digest of a short story: two handlers in each region read and write."""
    story = Story(seed)

    async def main() -> None:
        await story.world.start()
        await story.deploy()
        for city in ("frankfurt", "sao-paulo"):
            assert (await story.ask(city, f"/put/{city}?value=x", "PUT"))[0] == 200
            await story.served_by(city)
        await story.status(W, "200")
        assert await story.served_by("sao-paulo") == W

    try:
        story.world.run(main())
        return story.world.simulation.journal.digest()
    finally:
        story.world.close()


@pytest.mark.slow
def test_a_warm_process_plays_a_seed_as_a_cold_one_does() -> None:
    """Slow: three deployments in each of two interpreters."""
    said = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for hash_seed in ("1", "2")
    ]
    cold, other, warm = said[0]
    assert cold == warm
    assert cold != other
    assert said[1] == said[0]

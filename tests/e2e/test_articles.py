"""The tutorial's commands, run as they stand, in one shell."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.worlds import clean

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.parametrize(
    "example", sorted(steps.parent.name for steps in ROOT.glob("examples/*/steps.toml"))
)
def test_every_step_of_the_article_does_what_it_says(example: str) -> None:
    """Slow: it waits for health checks and propagation, and starts the aws command line often."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "articles.py"), "--check", example],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        env=clean(),
    )
    assert done.returncode == 0, done.stdout + done.stderr

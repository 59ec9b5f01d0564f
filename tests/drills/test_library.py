"""The drills that come with Antipodes: repeatable to the digest, whoever plays them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from antipodes.drills.format import library_drills

ROOT = Path(__file__).parents[2]


def started(name: str, hash_seed: str, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "drills" / "digests.py"), *options, name],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "src")},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.simulation
@pytest.mark.parametrize("name", library_drills())
def test_a_seed_is_one_run_over_plays_hash_seeds_and_import_orders(name: str) -> None:
    """Slow: ten minutes of a world, twice in each of two interpreters."""
    runs = [started(name, "1"), started(name, "2", "--backwards")]
    said: list[Any] = [json.loads(run.communicate(timeout=100)[0])[name] for run in runs]
    (first, again), (other, last) = said
    assert first == again == other == last
    digest, _, requests = first  # with so few requests, the verdict may be anything
    assert digest
    assert requests > 30


@pytest.mark.parametrize("name", library_drills())
def test_each_has_its_page_and_its_report(name: str) -> None:
    pages = ROOT / "docs" / "library"
    page = (pages / f"{name}.md").read_text()
    text = library_drills()[name].read_text()
    file = "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip()
    assert file in page
    assert "verdict: PASS" in page
    assert f"`{name}`" in (pages / "index.md").read_text()
    assert "<h1>" in (pages / "reports" / f"{name}.html").read_text()

"""The page on judgement has every expectation and every figure."""

import re
from pathlib import Path

import msgspec
import pytest

from antipodes.drills.expectations import Expectations
from antipodes.drills.verdict import judge
from tests.drills.test_verdict import drill, good

PAGE = Path(__file__).parents[2] / "docs" / "judgement.md"
NAMES = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", [f.name for f in msgspec.structs.fields(Expectations)])
def test_every_expectation_is_defined(name: str) -> None:
    assert name in NAMES


@pytest.mark.parametrize("name", judge(drill(), good()).figures)
def test_every_figure_is_defined(name: str) -> None:
    assert name in NAMES

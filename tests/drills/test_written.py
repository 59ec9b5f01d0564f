"""Drills as text: what is written reads as what it was."""

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.drills.format import library_drills, load_drill, parse_drill
from antipodes.drills.model import Drill
from antipodes.drills.swarm import KINDS, draw
from antipodes.drills.written import to_toml
from tests.drills.plays import W, small

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PLAIN = st.recursive(
    TEXT
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def read(text: str) -> Drill:
    return parse_drill(tomllib.loads(text), "test", text)


@pytest.mark.parametrize("name", sorted(library_drills()))
def test_the_librarys_drills_come_back(name: str, tmp_path: Path) -> None:
    drill, _ = load_drill(name)
    path = tmp_path / "again.toml"
    path.write_text(to_toml(drill, "Written,\n\nand\x07 read."))
    assert load_drill(str(path)) == (drill, tmp_path)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**40))
def test_drawn_drills_come_back(seed: int) -> None:
    drawn = draw(small(swarm={"faults": list(KINDS), "for_s": 10.0}), seed)
    assert read(to_toml(drawn)) == drawn


@settings(max_examples=100, deadline=None)
@given(name=TEXT, description=TEXT, request=st.dictionaries(TEXT, PLAIN, max_size=4), at_s=...)
def test_any_text_and_any_request_come_back(
    name: str, description: str, request: dict[str, Any], at_s: float
) -> None:
    call = {"service": "iam", "operation": "X", "region": W, "request": request}
    timeline = [{"at_s": min(max(abs(at_s), 1e-9), 39.0), "call": call}]
    if at_s != at_s:  # noqa: PLR0124 - not a number
        timeline[0]["at_s"] = 1.0
    drill = msgspec.structs.replace(small(timeline=timeline), name=name, description=description)
    assert read(to_toml(drill)) == drill


def test_times_of_a_request_come_back() -> None:
    now = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    request = {"At": now, "On": now.date(), "None": []}
    call = {"service": "iam", "operation": "X", "region": W, "request": request}
    drill = small(timeline=[{"at_s": 1.0, "call": call}])
    assert read(to_toml(drill)) == drill


def test_only_what_differs_is_written_and_faults_stand_inline() -> None:
    fault = {"kind": "slow-link", "a": W, "b": "edge/*", "extra_ms": 5}
    text = to_toml(small(timeline=[{"at_s": 1.0, "fault": fault, "for_s": 2.0}]), "Why\n\x00\x7f")
    assert text.startswith('# Why\n#\n\nname = "Small"\n')
    assert text.endswith(
        "\n[[timeline]]\nat_s = 1.0\nfor_s = 2.0\n"
        'fault = { kind = "slow-link", a = "us-west-2", b = "edge/*", extra_ms = 5 }\n'
    )
    assert "retry" not in text
    assert "[expect]" not in text

"""Every pattern of `examples/networks` is built, asked after, and answers as it says."""

import pytest

from tests.patterns.rehearsal import NAMES, rehearsed


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_does_what_it_says(name: str) -> None:
    _, moments = rehearsed(name)
    assert {moment.kind for moment in moments} & {"ask", "check"}

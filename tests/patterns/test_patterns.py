"""Every pattern of `examples/networks` is built, asked after, and answers as it says."""

import pytest

from tests.patterns.rehearsal import FOLDER, NAMES, rehearsed

PAGES = FOLDER.parents[1] / "docs" / "patterns"


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_does_what_it_says(name: str) -> None:
    _, moments = rehearsed(name)
    assert {moment.kind for moment in moments} & {"ask", "check"}


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_has_its_page_with_its_drawing(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    drawings = sorted(path.name for path in (PAGES / "images").glob(f"{name}-[0-9]*.svg"))
    assert drawings, "write it: make patterns"
    assert all(f"(images/{drawing})" in page for drawing in drawings)
    assert f"({name}.md)" in (PAGES / "index.md").read_text(encoding="utf-8")

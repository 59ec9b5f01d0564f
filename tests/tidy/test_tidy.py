"""The rules of the house that no linter knows, over every Python file of the project.

Each complaint names the offender and what to do instead. To learn why a rule is there, read its
function in `shape.py` or `meaning.py`. `test_rules.py` shows each rule a file that it must refuse.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tidy import meaning, shape
from tests.tidy.source import PACKAGE, ROOT, Rule, project_sources

SOURCES = project_sources()
KINDS = ("added", "changed", "fixed", "removed")
WITH_ACTIONS = ("drill", "network")


@pytest.mark.parametrize("rule", [*shape.RULES, *meaning.RULES], ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: Rule) -> None:
    complaints = [f"{source.path}:{text}" for source in SOURCES for text in rule(source)]
    assert not complaints, "\n" + "\n".join([str(rule.__doc__), *complaints])


def test_the_rules_have_something_to_look_at() -> None:
    assert len([source for source in SOURCES if source.shipped]) > 20
    assert any(source.test for source in SOURCES)


def services() -> Iterator[Path]:
    """The folders of the services."""
    for line in ("edge", "regional"):
        for folder in sorted((ROOT / PACKAGE / line).glob("*/")):
            if folder.name != "__pycache__" and any(folder.glob("*.py")):
                yield folder


def test_every_service_is_whole() -> None:
    pages = {page.stem for page in (ROOT / "docs/services").glob("*.md")}
    complaints = [
        complaint
        for folder in services()
        for complaint in meaning.is_a_whole_service(
            folder.relative_to(ROOT).as_posix(), {file.name for file in folder.iterdir()}, pages
        )
    ]
    assert not complaints, "\n".join(complaints)


def test_granted_lengths_are_for_files_that_exist() -> None:
    gone = [path for path in shape.LONG_FILES if not (ROOT / path).exists()]
    assert not gone, f"take them out of LONG_FILES: {gone}"


def test_every_exception_from_the_linter_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert _reasonless_codes(text) == [], "write the reason behind it, as its neighbours do"
    assert _reasonless_codes('ignore = [\n    "D105",\n]\n') == ["D105"]


def _reasonless_codes(text: str) -> list[str]:
    return re.findall(r'^\s+"([A-Z]+[0-9]+)",\s*$', text, re.MULTILINE)


def test_the_layers_of_the_linter_are_those_of_the_tree() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [layers] = [
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    checked = {name for line in layers for name in re.findall(r"\w+", line)}
    there = {path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py")}
    assert there <= checked


def test_change_notes_are_sentences() -> None:
    complaints = [
        complaint
        for note in sorted((ROOT / "changelog.d").iterdir())
        for complaint in _note_complaints(note.name, note.read_text(encoding="utf-8"))
    ]
    assert not complaints, "\n".join(complaints)
    assert list(_note_complaints("tables.md", "Tables."))
    assert list(_note_complaints("tables.added.md", "tables have replicas"))
    assert not list(_note_complaints("tables.added.md", "Tables have replicas.\n"))


def _note_complaints(name: str, text: str) -> Iterator[str]:
    if name in {"README.md", ".gitkeep"}:
        return
    if not re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.md", name):
        yield f"{name}: name it <topic>.<kind>.md, kind one of {', '.join(KINDS)}"
    note = text.strip()
    if not (note[:1].isupper() and note.endswith(".")) or "\n\n" in note:
        yield f"{name}: write one sentence, from a capital to a full stop"


def _pages() -> Iterator[tuple[str, str]]:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        yield page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8")


def test_docs_name_only_targets_that_can_be_made() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    complaints = [
        f"{path}: make {target}: the Makefile has no such target"
        for path, text in _pages()
        for target in re.findall(r"(?:`|^\$? *)make ([a-z]+)", text, re.MULTILINE)
        if target not in targets
    ]
    assert not complaints, "\n".join(complaints)
    assert {"bench", "clean", "demo", "docs", "fix", "lint", "setup", "sim", "test"} <= targets


def _commands(text: str) -> list[list[str]]:
    """The words after `antipodes` in what a page tells people to type, up to ` -- `."""
    lines = re.findall(r"(?:^\$ |`)antipodes ([a-z][^`\n]*)", text, re.MULTILINE)
    return [re.split(r" -- |\s#|…", line)[0].split() for line in lines]


def _help(words: list[str]) -> str:
    """What `antipodes VERB --help` prints (`antipodes drill ACTION --help`), or "" if refused."""
    path = words[: 2 if words[0] in WITH_ACTIONS else 1]
    asked = [sys.executable, "-m", "antipodes", *path, "--help"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    return answer.stdout if answer.returncode == 0 else ""


@pytest.mark.slow
def test_docs_name_only_commands_and_options_that_exist() -> None:
    """Starts the command line once for every verb."""
    helps: dict[str, str] = {}
    complaints: list[str] = []
    for path, text in _pages():
        for words in _commands(text):
            verb = " ".join(words[: 2 if words[0] in WITH_ACTIONS else 1])
            if verb not in helps:
                helps[verb] = _help(words)
            # What follows `aws` is for the aws command.
            options = [word for word in words if word.startswith("--") and verb != "aws"]
            if not helps[verb] or any(option not in helps[verb] for option in options):
                complaints.append(f"{path}: antipodes {' '.join(words)}: no such command or option")
    assert helps, "the README tells what to type"
    assert not complaints, "\n".join(complaints)
    assert _commands("$ antipodes up --x  # y\n`antipodes at z -- curl`") == [
        ["up", "--x"],
        ["at", "z"],
    ]
    assert not _help(["teleport"])


def test_every_page_opens_with_its_one_heading() -> None:
    complaints = [path for path, text in _pages() if _first_headings(text) != 1]
    assert not complaints, f"begin with one `# Heading`, and have no other: {complaints}"
    assert _first_headings("# One\n```\n# a comment\n```\n") == 1
    assert _first_headings("# One\n# Two\n") == 2


def _first_headings(text: str) -> int:
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return len(re.findall(r"^# ", prose, re.MULTILINE))


def test_examples_stay_free_of_the_project() -> None:
    complaints = [
        f"{source.path}:{node.lineno}: imports antipodes: an example must run unchanged against AWS"
        for source in SOURCES
        if source.path.startswith("examples/")
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Import) and any("antipodes" in a.name for a in node.names))
        or (isinstance(node, ast.ImportFrom) and "antipodes" in (node.module or ""))
    ]
    assert not complaints, "\n".join(complaints)

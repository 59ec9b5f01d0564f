"""Weighing histories against expectations, and what the outputs say."""

import html.parser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from antipodes.drills import report, table
from antipodes.drills.format import library_drills, load_drill, parse_drill
from antipodes.drills.history import History, Loss, Moment, Outcome
from antipodes.drills.model import Drill, DrillError
from antipodes.drills.verdict import Verdict, judge, worst
from tests.drills.histories import history, operation

W, E = "us-west-2", "eu-central-1"
EXAMPLES = Path(__file__).parents[2] / "examples"


def plain(**changes: Any) -> dict[str, Any]:
    return {
        "name": "A drill",
        "duration_s": 100.0,
        "world": {"regions": [W, E]},
        "application": {
            "deploy": "deploy.py",
            "table": {"name": "T", "key": "k", "value": "v"},
        },
        "load": {"cities": ["frankfurt"], "rate": 1.0},
        "timeline": [{"at_s": 10.0, "phase": "lost", "kill": W}],
        **changes,
    }


def drill(**changes: Any) -> Drill:
    return parse_drill(plain(**changes), "test")


def good(**changes: Any) -> History:
    made = history(
        operation("write", "a", "v1", 1, 2, served_by=W),
        operation("read", "a", "v1", 11, 12, outcome=Outcome.FAILED),
        operation("read", "a", "v1", 31, 32),
        final={W: {"a": "v1"}, E: {"a": "v1"}},
        losses=[Loss(W, 10.0, {E: {"a": "v1"}})],
    )
    made.moments.append(Moment(10.0, "lost", f"{W} killed", W))
    return msgspec.structs.replace(made, **changes)


def test_a_run_that_meets_everything_passes() -> None:
    judgement = judge(drill(expect={"rto_s": 30, "rpo_writes": 0, "availability": 0.5}), good())
    assert judgement.verdict is Verdict.PASS
    assert judgement.figures["rto_s"] == 21.0
    assert judgement.figures["rto_s_by_city"] == {"frankfurt": 21.0}
    assert judgement.figures["rpo"] == {"writes_unreplicated": 0, "oldest_age_s": 0.0}
    assert judgement.figures["writes_acknowledged"] == 1


@pytest.mark.parametrize(
    ("expect", "changes"),
    [
        ({"rto_s": 20}, {}),
        ({"rpo_writes": 0}, {"losses": [Loss(W, 10.0, {E: {}})]}),
        ({"rpo_s": 5}, {"losses": [Loss(W, 10.0, {E: {}})]}),
        ({"writes_lost": 0}, {"final": {W: {}, E: {}}}),
        ({"diverged": 0}, {"final": {W: {"a": "v1"}, E: {}}}),
        ({"availability": 0.9}, {}),
        ({"served_by": {"lost": {"frankfurt": W}}}, {}),
    ],
)
def test_each_expectation_can_fail(expect: dict[str, Any], changes: dict[str, Any]) -> None:
    assert judge(drill(expect=expect), good(**changes)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("expect", "changes"),
    [
        ({}, {"final": {E: {"a": "v1"}}}),
        ({"rpo_writes": 0}, {"losses": [Loss(W, 10.0, {})]}),
        ({}, {"operations": [operation("read", "a", None, 1, 2)]}),
    ],
)
def test_what_could_not_be_seen_is_unknown(expect: dict[str, Any], changes: dict[str, Any]) -> None:
    assert judge(drill(expect=expect), good(**changes)).verdict is Verdict.UNKNOWN


def test_what_people_who_only_type_did_not_write_is_not_judged() -> None:
    made = drill(load={"cities": ["frankfurt"], "session": {}}, expect={"availability": 0.5})
    typed = [operation("keystroke", "", None, 1, 2), operation("keystroke", "", None, 3, 4)]
    judgement = judge(made, good(operations=typed))
    assert [finding.expectation for finding in judgement.findings] == ["availability"]
    assert judgement.verdict is Verdict.PASS


def test_the_worst_verdict_wins_and_nothing_judged_is_unknown() -> None:
    assert worst([Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN]) is Verdict.FAIL
    assert worst([Verdict.PASS, Verdict.UNKNOWN]) is Verdict.UNKNOWN
    assert worst([]) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"duration_s": "long"}, r"duration_s"),
        ({"speeed": 1}, r"speeed"),
        ({"world": {"regions": ["us-west-9"]}}, r"us-west-9"),
        ({"load": {"cities": ["atlantis"], "rate": 1}}, r"atlantis"),
        ({"load": {"cities": ["us-west-2"], "rate": 1}}, r"not a city"),
        ({"load": {"cities": ["frankfurt"], "rate": 0}}, r"load.rate"),
        ({"load": {"cities": ["frankfurt"], "read": "GET"}}, r"load.read"),
        ({"timeline": [{"at_s": 200.0, "phase": "x", "heal": True}]}, r"timeline\[0\].at_s"),
        ({"timeline": [{"at_s": 20.0, "phase": "x"}]}, r"exactly one"),
        ({"timeline": [{"at_s": 20.0, "phase": "x", "kill": "eu-west-3"}]}, r"eu-west-3"),
        ({"timeline": [{"at_s": 20.0, "phase": "x", "fault": {"kind": "quake"}}]}, r"quake"),
        ({"timeline": [{"at_s": 20.0, "phase": "steady", "heal": True}]}, r"a name of its own"),
        ({"expect": {"served_by": {"nope": {}}}}, r"nope"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DrillError, match=complaint):
        drill(**changes)


def test_the_library_and_the_examples_are_drills() -> None:
    paths = [*library_drills().values(), *sorted(EXAMPLES.glob("*/*.toml"))]
    # Articles and sites are no drills.
    paths = [path for path in paths if path.name not in {"steps.toml", "sites.toml"}]
    assert len(paths) >= 2
    for path in paths:
        found, _ = load_drill(str(path))
        assert found.phases()[-1][2] == found.duration_s


def test_a_file_that_is_not_toml_or_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("name = ")
    with pytest.raises(DrillError, match=r"x\.toml"):
        load_drill(str(tmp_path / "x.toml"))
    with pytest.raises(DrillError, match="no file"):
        load_drill(str(tmp_path / "y.toml"))


class Tags(html.parser.HTMLParser):
    """Counts tags and looks for anything that would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.fetched += [v or "" for n, v in attrs if n in {"src", "href"}]


def test_the_report_shows_every_request_and_fetches_nothing() -> None:
    made = drill(name="<b>A & B</b>")
    text = report.render(made, good(), judge(made, good()))
    tags = Tags()
    tags.feed(text)
    served, missed = text.count("h0"), text.count("l6 6m0-6l-6 6")
    assert (served, missed) == (2, 1)
    assert tags.fetched == []
    assert "script" not in tags.seen
    assert "&lt;b&gt;A &amp; B" in text


def test_the_table_names_the_lost_keys() -> None:
    made, lost = drill(), good(final={W: {}, E: {}})
    text = table.render(made, lost, judge(made, lost))
    assert "lost: a" in text
    assert "verdict: FAIL" in text


def test_the_report_shows_what_the_oracles_saw_and_an_example() -> None:
    operations = [
        operation("write", "a", "v1", 1, 2, session="ann"),
        operation("write", "a", "v2", 3, 4, session="ann"),
        operation("read", "a", "<v1>", 11, 12, session="ann"),
    ]
    made, stale = drill(), good(operations=operations)
    judgement = judge(made, stale)
    text = report.render(made, stale, judgement)
    assert "reads that missed the reader's own writes" in text.replace("&#x27;", "'")
    assert "read a=&lt;v1&gt; (ann, 11.000 to 12.000 s, eu-central-1)" in text
    assert "under 10 s" in text
    tags = Tags()
    tags.feed(text)
    assert tags.fetched == []
    lines = table.render(made, stale, judgement).splitlines()
    assert "age of what was read: p50 9 s, p99 9 s, max 9 s" in [line.strip() for line in lines]
    assert any(line.startswith("not judged: ") and "1 reads that missed" in line for line in lines)


def test_the_report_shades_what_is_broken_and_nothing_that_is_healed() -> None:
    timeline = [
        {"at_s": 10.0, "fault": {"kind": "dark-place", "place": W}, "for_s": 5.0},
        {"at_s": 20.0, "phase": "lost", "kill": W},
        {"at_s": 60.0, "phase": "well", "heal": True},
    ]
    made = drill(timeline=timeline)
    text = report.render(made, good(), judge(made, good()))
    assert text.count('opacity="0.07"') == 1

"""A drill's file: what is wrong with it is named by file, line and field, before any start."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.drills.format import library_drills, load_drill
from antipodes.drills.lines import line_of, steps
from antipodes.drills.model import DrillError

GOOD = """name = "A drill"
duration_s = 100

[world]
regions = ["us-west-2", "eu-central-1"]

[application]
deploy = "deploy.py"
table = { name = "App", key = "key", value = "value" }

[load]
cities = ["sao-paulo"]
rate = 1.0

[[timeline]]
at_s = 10
phase = "lost"
kill = "us-west-2"

[[timeline]]
at_s = 50
phase = "back"
heal = true

[expect]
writes_lost = 0
"""


def refusal(directory: Path, text: str) -> str:
    path = directory / "drill.toml"
    path.write_text(text)
    with pytest.raises(DrillError) as caught:
        load_drill(str(path))
    said = str(caught.value)
    assert said.startswith(str(path))
    return said.removeprefix(str(path))


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("rate = 1.0", "rates = 1.0", ":13: load.rates: Object contains unknown field"),
        ("rate = 1.0", "rate = 0", ":13: load.rate: must be positive"),
        ("rate = 1.0", "rate = 99999", ":13: load.rate: more than"),
        ("rate = 1.0", "mix = { increment = 0.1 }", ":13: load.mix.increment: load.calls"),
        ("rate = 1.0", "mix = { juggle = 0.1 }", ":13: load.mix.juggle: not one of"),
        ("rate = 1.0", "retry = { attempts = 0 }", ":13: load.retry.attempts: between"),
        (
            "rate = 1.0",
            'follow = {city = "lima", after_ms = 1}',
            ":13: load.follow.city: lima is not one of",
        ),
        (
            "rate = 1.0",
            'follow = { city = "sao-paulo", after_ms = 1 }',
            ":13: load.follow: there is no other city",
        ),
        ("rate = 1.0", 'read = "GET"', ":13: load.read: METHOD, a space"),
        ('cities = ["sao-paulo"]', 'cities = ["atlantis"]', ":12: load.cities: "),
        ('cities = ["sao-paulo"]', 'cities = ["us-west-2"]', ":12: load.cities: us-west-2 is not"),
        ('kill = "us-west-2"', 'kill = "us-east-9"', ":18: timeline[0].kill: us-east-9"),
        ('kill = "us-west-2"', 'pause = "mars"', ":18: timeline[0].pause: mars"),
        ('kill = "us-west-2"', "disk = { place = 'x' }", ":18: timeline[0].disk.place: x"),
        ('kill = "us-west-2"', "for_s = 3", ":15: timeline[0]: exactly one of"),
        ("heal = true", "heal = true\nfor_s = 3", ":24: timeline[1].for_s: heal is not undone"),
        ("heal = true", "rate = 2.0\nheal = true", ":20: timeline[1]: exactly one of"),
        ("at_s = 50", "at_s = 5", ":21: timeline[1].at_s: must not fall"),
        ("at_s = 50", "at_s = 100", ":21: timeline[1].at_s: must not fall"),
        ("at_s = 50", 'at_s = "soon"', ":21: timeline[1].at_s: Expected `float`"),
        ('phase = "back"', 'phase = "lost"', ":15: timeline: every phase needs a name"),
        (
            'kill = "us-west-2"',
            'fault = { kind = "cut-link", a = "us-west-2", b = "nowhere" }',
            ":18: timeline[0].fault: ",
        ),
        (
            'kill = "us-west-2"',
            'call = { service = "s", operation = "O", region = "eu-west-9" }',
            ":18: timeline[0].call.region: eu-west-9",
        ),
        ("[expect]", "[expect]\nserved_by = { dark = {} }", ":26: expect.served_by: there is no"),
        ("duration_s = 100", "duration_s = -1", ":2: duration_s: must be positive"),
        ('regions = ["us-west-2", "eu-central-1"]', "regions = []", ":5: world.regions: "),
        ("[application]", "resolvers = { lima = 'x' }\n[application]", ":7: world.resolvers: 'x'"),
        (
            "[application]",
            "resolvers = { us-west-2 = 'honour' }\n[application]",
            ":7: world.resolvers: us-west-2 is not a city",
        ),
        ("rate = 1.0", "keeps_names_s = -1", ":13: load.keeps_names_s: must not be negative"),
        ("rate = 1.0", "session = { key_bytes = 3 }", ":13: load.session.key_bytes: between 4"),
        (
            'cities = ["sao-paulo"]\nrate = 1.0',
            'cities = ["sao-paulo", "lima"]\nsession = {}\nfollow = {city = "lima", after_ms = 1}',
            ":13: load.session: who types makes no requests",
        ),
        ("rate = 1.0", "session = { every_ms = 0.01 }", ":13: load.session: more than"),
        (
            "rate = 1.0",
            "session = {}\nretry = { attempts = 2 }",
            ":13: load.session: who types makes no requests",
        ),
        (
            'rate = 1.0\n\n[[timeline]]\nat_s = 10\nphase = "lost"\nkill = "us-west-2"',
            "session = {}\n[[timeline]]\nat_s = 10\nrate = 2.0",
            ":16: timeline[0].rate: who types makes no requests",
        ),
        ("[expect]", "[monthly]\nfront = 'door'\n[expect]", ":26: monthly.front: Invalid enum"),
        ("[expect]", "[monthly]\nitem_kb = -1\n[expect]", ":26: monthly.item_kb: cannot be"),
    ],
)
def test_a_mistake_is_named_by_its_line_and_field(
    tmp_path: Path, good: str, bad: str, said: str
) -> None:
    assert GOOD.count(good) == 1
    found = refusal(tmp_path, GOOD.replace(good, bad))
    assert found.startswith(said), found


def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, "name = 'x'\nduration_s = = 3\n")


def test_the_good_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "drill.toml"
    path.write_text(GOOD)
    drill, directory = load_drill(str(path))
    assert directory == tmp_path
    assert drill.phases() == [("steady", 0.0, 10), ("lost", 10, 50), ("back", 50, 100)]


def test_the_librarys_drills_are_read_by_name() -> None:
    drills = library_drills()
    assert {"region-loss", "split-brain", "swarm"} <= set(drills)
    for name in drills:
        drill, directory = load_drill(name)
        assert drill.description.endswith((".", "?"))
        assert (directory / drill.application.deploy).is_file()
    with pytest.raises(DrillError, match="region-loss"):
        load_drill("no-such-drill")


names = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)


@given(st.dictionaries(names, st.lists(names, min_size=1, unique=True), min_size=1))
def test_every_key_is_found_on_its_line(tables: dict[str, list[str]]) -> None:
    lines: list[str] = []
    where = {}
    for table, keys in tables.items():
        lines += ["", f"[[{table}]] # again", "other = 1", f"[[{table}]]"]
        for key in keys:
            if key != "other":
                lines.append(f"{key} = [1,")
                where[table, 1, key] = len(lines)
                lines.append("  2]")
    for path, line in where.items():
        assert line_of("\n".join(lines), path) == line


def test_a_field_is_a_way_of_steps() -> None:
    assert steps("timeline[2].fault.kind") == ("timeline", 2, "fault", "kind")
    assert line_of("a = 1\nb = { c = 2 }\n", ("b", "c", 7)) == 2
    assert line_of("a = 1\n", ("z",)) == 1

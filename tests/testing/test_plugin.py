"""The pytest plugin as its user meets it: fixtures, marker, settings, seeds, failures, reports."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.testing.runs import run_pytest

pytestmark = pytest.mark.slow  # each starts a test run


def test_simulations_take_marker_settings_environment_and_seeds(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nantipodes_regions = us-west-2 sa-east-1\n")
    (tmp_path / "test_it.py").write_text(
        """
import pytest

def test_settings(sim):
    assert sim.regions == ("us-west-2", "sa-east-1")
    assert sim.client("dynamodb", "sa-east-1").list_tables()["TableNames"] == []

@pytest.mark.antipodes(regions=["eu-west-1"], seed=9)
class TestMarked:
    def test_class(self, sim):
        assert (sim.regions, sim.seed) == (("eu-west-1",), 9)

    @pytest.mark.antipodes(seed=10)
    def test_closest_marker_wins(self, sim):
        assert (sim.regions, sim.seed) == (("eu-west-1",), 10)

@pytest.mark.antipodes(resolvers={"tokyo": "clamp:300"})
def test_resolvers(sim):
    assert sorted(sim.behaviours) == ["city/tokyo", "default"]

@pytest.mark.parametrize("letter", "ab")
@pytest.mark.antipodes(seeds=3)
def test_seeds(sim, letter):
    assert sim.seed != 2 or letter == "a"
"""
    )
    done = run_pytest(tmp_path, "-q")
    assert "1 failed, 9 passed" in done.stdout, done.stdout
    assert "seed 2, 0.00" in done.stdout
    assert "play it again: ANTIPODES_SEED=2 pytest 'test_it.py::test_seeds[b]'" in done.stdout
    again = run_pytest(tmp_path, "test_it.py::test_seeds[b]", environment={"ANTIPODES_SEED": "2"})
    assert "1 failed" in again.stdout, again.stdout
    many = run_pytest(tmp_path, "-q", "--antipodes-seeds", "2", "-k", "settings or seeds")
    assert "1 failed, 5 passed" in many.stdout, many.stdout


def test_a_failure_says_what_is_still_broken_and_the_report_has_the_seed(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
def test_it(sim):
    sim.cut("us-west-2", "eu-central-1")
    sim.kill("eu-central-1").heal()
    sim.advance(seconds=90)
    assert not "reached"
"""
    )
    done = run_pytest(tmp_path, "--junit-xml=report.xml")
    assert "still broken: nothing passes between us-west-2 and eu-central-1" in done.stdout
    assert "kill-eu-central-1" not in done.stdout
    assert re.search(
        r"^seed 1, 9\d\.\d{3} virtual seconds, digest [0-9a-f]{32}$", done.stdout, re.MULTILINE
    )
    assert properties(tmp_path / "report.xml") == {"antipodes_seed": "1"}


def properties(report: Path) -> dict[str, str]:
    found = ET.parse(report).iter("property")  # noqa: S314 - pytest's own
    return {entry.attrib["name"]: entry.attrib["value"] for entry in found}


@pytest.mark.parametrize(
    ("fixture", "given", "said"),
    [
        ("sim", "reigons=['us-west-2']", "antipodes: there is no reigons; there are fresh, "),
        ("world", "['us-west-2']", "antipodes: name its arguments"),
        ("sim", "seed='seven'", "antipodes: seed: 'seven' will not do"),
        ("world", "regions=[]", "antipodes: regions: [] will not do"),
        ("sim", "replication_delay='soon'", "antipodes: replication_delay: 'soon' will not do"),
        ("sim", "resolvers='tokyo=soon'", "antipodes: resolvers: 'tokyo=soon' will not do"),
        ("sim", "resolvers={'tokyo': 5}", "antipodes: resolvers: {'tokyo': 5} will not do"),
        ("sim", "regions=['mars-1']", "Refused: unknown place 'mars-1'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, fixture: str, given: str, said: str) -> None:
    (tmp_path / "test_it.py").write_text(
        f"import pytest\n@pytest.mark.antipodes({given})\ndef test_it({fixture}): pass\n"
    )
    done = run_pytest(tmp_path, "-q", "--tb=short")
    assert done.returncode != 0
    assert said in done.stdout, done.stdout


def test_one_world_of_processes_serves_all_tests_of_its_kind_and_is_healed_between(
    tmp_path: Path,
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nantipodes_regions = us-west-2\n")
    (tmp_path / "test_it.py").write_text(
        """
import os, pathlib, boto3, pytest

seen = []

def test_one(world):
    seen.append(world.endpoint_url)
    pathlib.Path("states").write_text(str(world.state))
    world.kill("us-west-2")

def test_two(world):
    assert world.endpoint_url == seen[0]
    assert world.ask("GET", "/health")["status"] == "running"
    assert world.client("dynamodb").list_tables()["TableNames"] == []

def test_env(world_env):
    assert world_env.endpoint_url == seen[0] == os.environ["AWS_ENDPOINT_URL"]
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []

@pytest.mark.antipodes(fresh=True)
def test_fresh(world):
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert world.endpoint_url != seen[0]
    with open("states", "a") as states:
        states.write(f"\\n{world.state}")
"""
    )
    done = run_pytest(tmp_path, "-q")
    assert "4 passed" in done.stdout, done.stdout
    states = (tmp_path / "states").read_text().splitlines()
    assert len(states) == 2
    assert not any(Path(state).exists() for state in states)


def test_the_plugin_costs_nothing_where_no_test_needs_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import sys

def test_it():
    ours = [name for name in sys.modules if name.startswith("antipodes.")]
    assert ours and all(name.startswith("antipodes.testing") for name in ours), ours
    assert "boto3" not in sys.modules and "botocore" not in sys.modules
"""
    )
    done = run_pytest(tmp_path, "-q")
    assert "1 passed" in done.stdout, done.stdout

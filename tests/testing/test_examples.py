"""The example of a user's tests, run as its user would, and the workflow that runs it."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.testing.runs import run_pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "pytest"


@pytest.mark.slow
def test_the_example_passes_and_reports_its_figures(tmp_path: Path) -> None:
    """Slow: a whole drill, and a world of processes."""
    report = tmp_path / "resilience.xml"
    done = run_pytest(EXAMPLE, "-q", "-W", "error", f"--junit-xml={report}")
    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout
    cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest's own
    figures = {
        case.attrib["name"]: {
            entry.attrib["name"]: entry.attrib["value"] for entry in case.iter("property")
        }
        for case in cases
    }
    drill = figures["test_users_are_served_within_three_minutes_when_a_region_is_lost"]
    assert drill["verdict"] == "pass"
    assert 0 < float(drill["rto_s"]) <= 180
    assert drill["rpo_writes"].isdigit()
    assert re.fullmatch("[0-9a-f]{32}", drill["digest"])
    seeds = [name for name in figures if name.endswith("[seed5]")]
    assert [figures[name]["antipodes_seed"] for name in seeds] == ["5"]


def test_the_workflow_names_what_exists() -> None:
    workflow = (EXAMPLE / ".github" / "workflows" / "resilience.yml").read_text()
    runs = re.findall(r"run: (.+)", workflow)
    assert "pip install antipodes pytest -r requirements.txt" in runs
    assert (EXAMPLE / "requirements.txt").is_file()
    assert "pytest --antipodes-seeds 50 --junit-xml=resilience.xml" in runs
    assert "\t" not in workflow

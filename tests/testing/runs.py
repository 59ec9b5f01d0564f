"""A user's test run, in a process of its own: what pytest says, and what it writes."""

import os
import subprocess  # noqa: TID251 - a test run is a process
import sys
from importlib.metadata import entry_points
from pathlib import Path

PLUGIN = "antipodes.testing.plugin"


def plugin_arguments() -> list[str]:
    """What loads the plugin where it is not installed as one."""
    installed = any(entry.value == PLUGIN for entry in entry_points(group="pytest11"))
    return [] if installed else ["-p", PLUGIN]


def run_pytest(
    directory: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a directory as its user would."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "ANTIPODES_", "PYTEST_"))
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *plugin_arguments()),
            *("-p", "no:cacheprovider", f"--rootdir={directory}", *arguments),
        ],
        cwd=directory,
        env={**kept, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

"""What all tests share: how hypothesis searches, and which tests are simulations.

Property tests have no deadline, since the machine may be busy, and where `CI` is set they draw the
same examples every time, so that a failure there is a failure everywhere. `make sim` selects by the
marker `simulation`: tests carry it themselves, or get it for naming the runtime's virtual body.
"""

import os
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "local",
    deadline=None,
    # A busy machine is no property of the code under test.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "ci", settings.get_profile("local"), derandomize=True, database=None, print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@cache
def _names_the_virtual_body(path: Path) -> bool:
    return "antipodes.runtime.virtual" in path.read_text(encoding="utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the simulations."""
    for item in items:
        if item.path.suffix == ".py" and _names_the_virtual_body(item.path):
            item.add_marker(pytest.mark.simulation)

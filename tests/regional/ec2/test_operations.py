"""The table of operations that the documentation shows."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_table_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("operations", ROOT / "scripts" / "operations.py")
    assert spec is not None
    assert spec.loader is not None
    operations = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(operations)
    written = operations.PAGE.read_text(encoding="utf-8")
    assert written == operations.page(), "write it anew: make pages"

"""What is wrong with a real machine, kept in a small file so that its next process has it too."""

import json
from pathlib import Path


def read_kept(path: Path, *names: str) -> list[float] | None:
    """Return the numbers kept under these names; None where there are none, or no numbers."""
    try:
        kept = json.loads(path.read_text())
        return [float(kept[name]) for name in names]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(path: Path, **numbers: float) -> None:
    """Keep numbers; none of them, or zeros only, and the file goes."""
    if not any(numbers.values()):
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(numbers))
    partial.replace(path)

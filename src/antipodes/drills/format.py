"""A drill's file: TOML, read strictly; what is wrong is named by its field and its line.

Times are seconds of the world, rates are requests per second of the world. A drill is named by its
path, or by its name in the library that comes with Antipodes.
"""

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from antipodes.drills.checks import check_drill
from antipodes.drills.lines import line_of, steps
from antipodes.drills.model import Drill, DrillError
from antipodes.world.errors import WorldError

_UNKNOWN = re.compile(r"unknown field `([^`]+)`")


def load_drill(name: str) -> tuple[Drill, Path]:
    """Read a drill by its path, or by its name in the library; return it and its directory."""
    plain, path, text = read_drill(name)
    return parse_drill(plain, str(path), text), path.parent


def read_drill(name: str) -> tuple[dict[str, Any], Path, str]:
    """Read a drill's file: what TOML makes of it, where it is, its text. Raises DrillError."""
    path = Path(name)
    if not path.exists():
        library = library_drills()
        if name not in library:
            known = ", ".join(sorted(library)) or "none yet"
            raise DrillError(f"there is no file {name}, and no drill of that name (known: {known})")
        path = library[name]
    try:
        text = path.read_text()
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DrillError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DrillError(f"{path} cannot be read: {error}") from None
    return plain, path, text


def library_drills() -> dict[str, Path]:
    """The drills that come with Antipodes, by name."""
    folder = Path(str(resources.files("antipodes.drills") / "library"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def parse_drill(plain: dict[str, Any], source: str, text: str = "") -> Drill:
    """Make a drill of a parsed file; raises DrillError, which names file, line and field."""
    try:
        drill = msgspec.convert(plain, Drill)
        check_drill(drill)
    except msgspec.ValidationError as error:
        said, _, at = str(error).partition(" - at `$")
        field = at.rstrip("`").lstrip(".")
        unknown = _UNKNOWN.search(said)
        inner = f"{field}.{unknown.group(1)}".lstrip(".") if unknown else field
        raise _complaint(source, text, inner, f"{inner}: {said}") from None
    except (WorldError, ValueError) as error:
        field = str(error).partition(":")[0]
        raise _complaint(source, text, field, str(error)) from None
    return drill


def _complaint(source: str, text: str, field: str, message: str) -> DrillError:
    line = f":{line_of(text, steps(field))}" if text else ""
    return DrillError(f"{source}{line}: {message}")

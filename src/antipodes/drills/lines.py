"""Where in a TOML file a field stands, so that a complaint can name its line.

The parser tells no positions, so the headers and keys are read a second time, line by line. A field
inside an inline table or array is where that begins.
"""

import re
from collections.abc import Sequence

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_STEP = re.compile(r"\[(\d+)\]|[^.\[\]]+")

Path = tuple[str | int, ...]


def steps(field: str) -> Path:
    """A field as messages name it (`timeline[2].kill`) as the steps that lead there."""
    return tuple(
        int(match.group(1)) if match.group(1) else match.group(0) for match in _STEP.finditer(field)
    )


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line (from 1) of a field, or of the nearest thing around it that the file has."""
    lines = _lines(text)
    wanted = tuple(path)
    while wanted and wanted not in lines:
        wanted = wanted[:-1]
    return lines.get(wanted, 1)


def _lines(text: str) -> dict[Path, int]:
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header is not None:
            table = _names(header.group(2))
            if header.group(1) == "[[":
                found.setdefault(table, number)
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            elif table[:-1] in counts:  # a table of the newest element
                table = (*table[:-1], counts[table[:-1]], table[-1])
            found.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key is not None:
            names = _names(key.group(1))
            for length in range(1, len(names) + 1):
                found.setdefault((*table, *names[:length]), number)
    return found


def _names(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))

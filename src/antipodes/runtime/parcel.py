"""A folder that travels: an application's files, for a worker on another machine.

Who gets one works in the folder itself where it is there with the same content (a shared disk, the
same machine), else in a copy, which is removed when the process ends.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from antipodes.runtime.contract import RuntimeFailure

PARCEL_BYTES_MAX = 64 << 20
_LEFT_BEHIND = "__pycache__"


class Parcel(NamedTuple):
    """A folder's files, by their paths in it."""

    folder: str
    files: tuple[tuple[str, bytes], ...]

    def folder_here(self) -> Path:
        """The folder, or a copy of it, on this machine."""
        return _folder_here(self)


def pack(folder: Path) -> Parcel:
    """Take a folder's files along; hidden ones stay. Raises RuntimeFailure where it is too much."""
    absolute = folder.resolve()
    return Parcel(str(absolute), _files(absolute))


def _files(folder: Path) -> tuple[tuple[str, bytes], ...]:
    files, size = [], 0
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") or part == _LEFT_BEHIND for part in inside.parts):
            continue
        if path.is_file():
            size += path.stat().st_size
            if size > PARCEL_BYTES_MAX:
                limit = f"{PARCEL_BYTES_MAX >> 20} MiB"
                raise RuntimeFailure(f"{folder} has more than {limit}: too much for a cluster")
            files.append((inside.as_posix(), path.read_bytes()))
    return tuple(files)


@cache
def _folder_here(parcel: Parcel) -> Path:
    original = Path(parcel.folder)
    if original.is_dir() and _same(original, parcel):
        return original
    copy = Path(tempfile.mkdtemp(prefix="antipodes-parcel-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    for name, content in parcel.files:
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return copy


def _same(folder: Path, parcel: Parcel) -> bool:
    try:
        return _files(folder) == parcel.files
    except (OSError, RuntimeFailure):
        return False

"""The world's directory on disk: one owner at a time, a format with a version, a place for sockets.

Unix socket paths are limited to about a hundred bytes, so the sockets live in a short temporary
directory of their own, named in the state directory and removed with the world.
"""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, TextIO

FORMAT_VERSION = 1
_PREFIX = "antipodes-"


class StateError(Exception):
    """The state directory cannot be used; the message says why and what to do."""


class StateDirectory:
    """An opened state directory, locked for this process until it ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock: TextIO = (self.path / "lock").open("a")
        except OSError as error:
            raise StateError(f"cannot use {self.path} as state directory: {error}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise StateError(
                f"{self.path} is in use by a running world: `antipodes down` stops it, "
                "--state chooses another directory"
            ) from None
        try:
            self._check_version()
        except StateError:
            self.close()
            raise
        self._remove_old_sockets()
        self.run = Path(tempfile.mkdtemp(prefix=_PREFIX))

    def _check_version(self) -> None:
        path = self.path / "format.json"
        if path.exists():
            try:
                found = int(json.loads(path.read_text())["version"])
            except (ValueError, KeyError, TypeError):
                raise StateError(f"{path} is damaged: `antipodes reset` empties it") from None
            if found > FORMAT_VERSION:
                raise StateError(
                    f"{self.path} was written by a newer Antipodes (format {found}, this one knows "
                    f"{FORMAT_VERSION}): upgrade, or choose another --state"
                )
        else:
            path.write_text(json.dumps({"version": FORMAT_VERSION}))

    def _remove_old_sockets(self) -> None:
        old = read_world(self.path)
        if old is not None and Path(old["run"]).name.startswith(_PREFIX):
            shutil.rmtree(old["run"], ignore_errors=True)
        (self.path / "world.json").unlink(missing_ok=True)

    def announce(self, world: dict[str, Any]) -> None:
        """Tell other commands where the running world is."""
        partial = self.path / "world.json.new"
        partial.write_text(json.dumps({**world, "run": str(self.run), "pid": os.getpid()}))
        partial.replace(self.path / "world.json")

    def close(self) -> None:
        """Let go: the sockets are removed, the state stays."""
        if hasattr(self, "run"):
            shutil.rmtree(self.run, ignore_errors=True)
            (self.path / "world.json").unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._lock.close()


def read_world(path: Path) -> dict[str, Any] | None:
    """Return what a running (or fallen) world announced in a state directory."""
    try:
        world: dict[str, Any] = json.loads((path / "world.json").read_text())
    except (OSError, ValueError):
        return None
    return world


def empty_state(path: Path) -> None:
    """Empty a state directory that nobody uses, damaged or of another version as it may be."""
    if not path.exists():
        return
    with (path / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StateError(
                f"{path} is in use by a running world: `antipodes down` first"
            ) from None
        for entry in sorted(path.iterdir()):
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()

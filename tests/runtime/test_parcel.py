"""Folders that travel."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from antipodes.runtime import parcel
from antipodes.runtime.contract import RuntimeFailure
from antipodes.runtime.parcel import pack


def made(folder: Path) -> Path:
    (folder / "app" / "__pycache__").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "app" / "deploy.py").write_text("print(1)")
    (folder / "data.bin").write_bytes(b"\x00\xff")
    (folder / "app" / "__pycache__" / "deploy.pyc").write_bytes(b"x")
    (folder / ".git" / "config").write_text("secret")
    return folder


def test_where_the_folder_is_it_is_used(tmp_path: Path) -> None:
    packed = pack(made(tmp_path / "one"))
    assert [name for name, _ in packed.files] == ["app/deploy.py", "data.bin"]
    assert packed.folder_here() == tmp_path / "one"


def test_elsewhere_a_copy_is_used_as_long_as_the_process_lives(tmp_path: Path) -> None:
    """The folder is another by then, or is gone."""
    packed = pack(made(tmp_path / "one"))
    (tmp_path / "one" / "data.bin").write_bytes(b"changed")
    sent = tmp_path / "sent"
    sent.write_bytes(pickle.dumps(packed))
    program = (
        "import pickle, sys, pathlib\n"
        f"packed = pickle.loads(pathlib.Path({str(sent)!r}).read_bytes())\n"
        "here = packed.folder_here()\n"
        "assert packed.folder_here() == here\n"
        "assert (here / 'data.bin').read_bytes() == b'\\x00\\xff'\n"
        "assert (here / 'app' / 'deploy.py').read_text() == 'print(1)'\n"
        "print(here)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    copy = Path(done.stdout.strip())
    assert copy.name.startswith("antipodes-parcel-")
    assert not copy.exists()


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcel, "PARCEL_BYTES_MAX", 9)
    with pytest.raises(RuntimeFailure, match="too much for a cluster"):
        pack(made(tmp_path / "one"))

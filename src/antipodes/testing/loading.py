"""Code under test that makes its own clients: loaded once more, into a simulated world.

A module is loaded from its source beside Python's own copy of it, with what stands beside it or in
its package. Its `boto3.client(...)`, its clock, its chance and its `os.environ` are those of the
world it is loaded for; its classes are its own, and nothing of it stays in `sys.modules`.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from antipodes.runtime.modulespace import Finder, Source
from antipodes.testing.libraries import space_of_code


class NotFound(ImportError):
    """There is no such file or module to load."""


def load(name: str, directory: Path, activate: Callable[..., object]) -> Any:
    """Load `orders.py`, found in a directory, or `shop.orders`, found where Python finds it."""
    if name.endswith(".py"):
        path = directory / name
        if not path.is_file():
            raise NotFound(f"there is no {path}")
        name, find = path.stem, _finder(path.parent, "")
    else:
        top = name.partition(".")[0]
        spec = importlib.util.find_spec(top)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            raise NotFound(f"there is no module {top} with a source")
        origin = Path(spec.origin)
        package = bool(spec.submodule_search_locations)
        find = _finder(origin.parents[1] if package else origin.parent, top)
    space = space_of_code(find, activate)
    hidden: dict[str, ModuleType | None] = {}

    def show(loading: str, module: ModuleType) -> None:
        """Let libraries find the module of the classes that it makes, while it makes them."""
        if find(loading) is not None:
            hidden.setdefault(loading, sys.modules.get(loading))
            sys.modules[loading] = module

    space.announce = show
    activate()
    try:
        return space.load(name)
    finally:
        for shown, before in hidden.items():
            if before is None:
                del sys.modules[shown]
            else:
                sys.modules[shown] = before


def _finder(root: Path, top: str) -> Finder:
    """Find modules below a folder; with `top`, only that package or module."""

    def find(name: str) -> Source | None:
        if top and name.partition(".")[0] != top:
            return None
        stem = root.joinpath(*name.split("."))
        for path, package in ((stem / "__init__.py", True), (stem.with_suffix(".py"), False)):
            if path.is_file():
                code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
                return Source(code, str(path), package)
        return None

    return find

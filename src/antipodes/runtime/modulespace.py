"""Modules of their own for customer code in the simulation: same sources, other imports.

Two functions may bring modules of one name and different content, and each must see a `time`, a
`random`, an `os.environ` that belong to the simulation. So their modules never enter Python's own
table: a *module space* loads them from source and runs them with an `__import__` of its own, which
knows the space's modules, its substitutes, other spaces it may borrow from, and names it refuses.
Whatever none of these know is Python's own module, shared by all.
"""

import builtins
import importlib.machinery
import importlib.util
import sys
from collections import ChainMap
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

_COMPILED_MAX = 1024  # modules of customers' packages


class Source(NamedTuple):
    """A module's source as found."""

    code: CodeType
    filename: str
    package: bool


Finder = Callable[[str], Source | None]


class ModuleSpace:
    """A table of modules and the import statement that fills it."""

    def __init__(  # noqa: PLR0913 - spelled out on purpose
        self,
        find: Finder,
        *,
        substitutes: Mapping[str, ModuleType],
        borrow: Mapping[str, "ModuleSpace"] | None = None,
        refused: frozenset[str] = frozenset(),
        refused_below: str = "",
        own_builtins: Mapping[str, Any] | None = None,
    ) -> None:
        self.modules: dict[str, ModuleType] = dict(substitutes)
        self.loaded: dict[str, ModuleType] = {}  # those that came from source, in order
        self.announce: Callable[[str, ModuleType], object] = lambda *_: None  # before it runs
        self.on_load: dict[str, Callable[[ModuleType], object]] = {}
        self.find = find
        self._borrow = borrow or {}
        self._refused = refused
        self._refused_below = refused_below
        self.builtins: dict[str, Any] = {
            **vars(builtins),
            **(own_builtins or {}),
            "__import__": self.import_,
        }

    @property
    def visible(self) -> ChainMap[str, ModuleType]:
        """What `sys.modules` shows inside the space."""
        return ChainMap(self.modules, sys.modules)

    def import_(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - its name
        locals: Mapping[str, Any] | None = None,  # noqa: A002 - its name
        fromlist: Any = (),
        level: int = 0,
    ) -> ModuleType:
        """Do what the import statement asks for."""
        del locals
        if level:
            package = (globals or {}).get("__package__") or ""
            if not package:
                raise ImportError("attempted relative import with no known parent package")
            name = importlib.util.resolve_name("." * level + name, package)
        if (globals or {}).get("__file__", "").startswith(self._refused_below):
            self._refuse(name, fromlist or ())
        module = self.load(name)
        if not fromlist:
            return self.load(name.partition(".")[0])
        for item in fromlist:
            if item == "*":
                self._load_all(module)
            elif hasattr(module, "__path__") and not hasattr(module, item):
                self._load_child(module, item)
        return module

    def _refuse(self, name: str, fromlist: Any) -> None:
        for wanted in (name, *(f"{name}.{item}" for item in fromlist)):
            if wanted in self._refused:
                raise ImportError(
                    f"module {wanted!r} reaches outside of the world and cannot be used by a "
                    "function in the simulation"
                )

    def _load_all(self, module: ModuleType) -> None:
        for item in getattr(module, "__all__", ()):
            if hasattr(module, "__path__") and not hasattr(module, item):
                self._load_child(module, item)

    def _load_child(self, module: ModuleType, item: str) -> None:
        name = f"{module.__name__}.{item}"
        try:
            self.load(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise

    def load(self, name: str) -> ModuleType:
        """Return a module, loading it and its parents first."""
        if name in self.modules:
            return self.modules[name]
        lender = self._borrow.get(name.partition(".")[0])
        if lender is not None:
            return lender.load(name)
        parent, _, leaf = name.rpartition(".")
        above = self.load(parent) if parent else None
        if name in self.modules:  # its parent has loaded it
            return self.modules[name]
        source = self.find(name)
        if source is None:
            if name.partition(".")[0] in self.loaded:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return importlib.import_module(name)
        module = self._run(name, source)
        if above is not None:
            setattr(above, leaf, module)
        return module

    def _run(self, name: str, source: Source) -> ModuleType:
        module = ModuleType(name)
        spec = importlib.machinery.ModuleSpec(
            name, None, origin=source.filename, is_package=source.package
        )
        module.__spec__ = spec
        module.__file__ = source.filename
        module.__package__ = name if source.package else name.rpartition(".")[0]
        if source.package:
            module.__path__ = [str(Path(source.filename).parent)]
        vars(module)["__builtins__"] = self.builtins
        self.modules[name] = self.loaded[name] = module
        self.announce(name, module)
        try:
            exec(source.code, vars(module))  # noqa: S102 - that is what importing is
        except BaseException:
            del self.modules[name], self.loaded[name]
            raise
        if name in self.on_load:
            self.on_load[name](module)
        return module


@cache
def installed_source(name: str) -> Source | None:
    """Find the source of an installed module by name, without importing it.

    Compiled once, or not at all where Python itself has done so before.
    """
    top, *rest = name.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin)
    package = bool(spec.submodule_search_locations)
    if rest:
        stem = path.parent.joinpath(*rest)
        package = (stem / "__init__.py").is_file()
        path = stem / "__init__.py" if package else stem.with_suffix(".py")
    if not path.is_file():
        return None
    code = importlib.machinery.SourceFileLoader(name, str(path)).get_code(name)
    return None if code is None else Source(code, str(path), package)


@lru_cache(_COMPILED_MAX)
def _compiled(source: bytes, filename: str) -> CodeType:
    """Compile a module of a package: once for all environments and simulations of the process."""
    return compile(source, filename, "exec", dont_inherit=True)


def zipped_source(files: Mapping[str, bytes], root: str) -> Finder:
    """Return a finder for the modules among a package's files."""

    def find(name: str) -> Source | None:
        stem = name.replace(".", "/")
        for path, package in ((f"{stem}/__init__.py", True), (f"{stem}.py", False)):
            if path in files:
                filename = f"{root}/{path}"
                return Source(_compiled(files[path], filename), filename, package)
        if any(path.startswith(f"{stem}/") for path in files):  # a package without __init__
            return Source(compile("", stem, "exec"), f"{root}/{stem}/__init__.py", package=True)
        return None

    return find

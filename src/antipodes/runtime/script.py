"""A customer's script in the virtual body: run once, as `python deploy.py` would be, in world time.

A deployment is ordinary blocking boto3 that finds its files beside it. It runs where handlers do,
in a module space with substitutes for the machine, inside `Runtime.run_blocking`; modules beside
the script are its own. Archives it packs carry one date instead of the files' own, so that a fresh
checkout makes the same bytes.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

from antipodes.runtime.contract import Chance, Runtime
from antipodes.runtime.customer import CustomerProgram, Reply, Send
from antipodes.runtime.modulespace import Source, installed_source

PACKED_AT = (2026, 1, 1, 0, 0, 0)


class Script(CustomerProgram):
    """A script, and the output it leaves."""

    def __init__(
        self, runtime: Runtime, path: Path, *, variables: dict[str, str], chance: Chance, send: Send
    ) -> None:
        self._path = path
        self._said: list[bytes] = []
        super().__init__(
            runtime,
            files={},
            handler="script",
            variables=variables,
            chance=chance,
            output=self._said.append,
            send=send,
        )
        beside = self.space.find
        self.space.find = lambda name: self._beside(name) or _packing(name) or beside(name)
        self.space.on_load["zipfile"] = _date_archives

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return b"".join(self._said).decode("utf-8", "replace")

    async def execute(self) -> Reply:
        """Run it to its end: `ready`, or what became of it."""
        reply: Reply = await self._runtime.run_blocking(self.run, None)
        return reply

    def _load(self) -> None:
        """Run the script as the main module."""
        module = ModuleType("__main__")
        module.__file__ = str(self._path)
        vars(module)["__builtins__"] = self.space.builtins
        self.space.modules["__main__"] = module
        code = compile(self._path.read_bytes(), str(self._path), "exec", dont_inherit=True)
        exec(code, vars(module))  # noqa: S102 - running it is what it is for

    def _beside(self, name: str) -> Source | None:
        path = self._path.parent.joinpath(*name.split(".")).with_suffix(".py")
        if not path.is_file():
            return None
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        return Source(code, str(path), package=False)


def _packing(name: str) -> Source | None:
    return installed_source(name) if name == "zipfile" else None


def _date_archives(module: Any) -> None:
    """Make the space's own copy of zipfile forget when files were written."""
    made = module.ZipInfo.from_file

    def from_file(*arguments: Any, **named: Any) -> Any:
        info = made(*arguments, **named)
        info.date_time = PACKED_AT
        info.external_attr = 0o644 << 16
        return info

    module.ZipInfo.from_file = from_file

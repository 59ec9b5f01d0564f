"""Plays the patterns of `examples/networks` in a simulated world; keeps what is shown of them."""

import importlib.util
import inspect
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from antipodes.testing.virtualworld import VirtualWorld

FOLDER = Path(__file__).parents[2] / "examples" / "networks"
SUPPORT = ("lab", "parts")
ACCOUNT = "000000000000"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in SUPPORT))


class Moment(NamedTuple):
    """Something that is shown on a pattern's page: its kind, what it says, and what was found."""

    kind: str  # say, ask, check, question or draw
    text: str
    found: Any = None


class Rehearsal:
    """The lab of `examples/networks/lab.py`, over a simulated world."""

    account = ACCOUNT

    def __init__(self, world: VirtualWorld) -> None:
        self._world = world
        self.moments: list[Moment] = []

    def client(self, service: str, region: str | None = None, account: str | None = None) -> Any:
        return self._world.client(service, region or "", account=account or ACCOUNT)

    def until(self, condition: Callable[[], Any]) -> Any:
        return self._world.wait_until(condition)

    def say(self, text: str) -> None:
        self.moments.append(Moment("say", inspect.cleandoc(text)))

    def ask(  # noqa: PLR0913 - as in the lab
        self,
        text: str,
        source: str,
        target: str,
        *,
        expects: str = "delivered",
        back: str | None = "delivered",
        port: int = 443,
        protocol: str = "tcp",
        account: str | None = None,
    ) -> dict[str, Any]:
        words = source, target, "--port", str(port), "--protocol", protocol
        asked = self._world.network("walk", *words, "--json", account=account or "")
        record: dict[str, Any] = json.loads(asked.text)
        returned = record["return"]
        found = record["forward"]["outcome"], returned["outcome"] if returned else None
        wanted = (expects, found[1] if back == "any" else back)
        assert found == wanted, self._world.network("walk", *words, account=account or "").text
        self.moments.append(Moment("ask", text, record))
        return record

    def check(self, text: str, found: Any, expected: Any) -> None:
        assert found == expected, text
        self.moments.append(Moment("check", text, found))

    def question(self, *words: str, status: int = 0) -> str:
        answer = self._world.network(*words)
        assert answer.status == status, answer.text
        self.moments.append(
            Moment("question", f"antipodes network {shlex.join(words)}", answer.text)
        )
        return answer.text

    def draw(self, caption: str, *ends: str, port: int = 443, protocol: str = "tcp") -> None:
        more = ("--port", str(port), "--protocol", protocol)
        walk = ("--walk", *ends, *more) if ends else ()
        picture = self._world.network("draw", *walk).text
        assert picture.startswith("<svg")
        self.moments.append(Moment("draw", caption, picture))

    def resolve(self, name: str, region: str, vpc: str) -> list[str]:
        return self._world.resolve(name, region, vpc)


def pattern(name: str) -> ModuleType:
    """One pattern, as `python examples/networks/NAME.py` would find what it imports."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    found = importlib.util.spec_from_file_location(f"pattern_{name}", FOLDER / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def rehearsed(name: str) -> tuple[ModuleType, list[Moment]]:
    """Play a pattern to its end."""
    module = pattern(name)
    with VirtualWorld(module.REGIONS) as world:
        rehearsal = Rehearsal(world)
        module.play(rehearsal)
        return module, rehearsal.moments

"""Child processes: their output, their end, and that nothing is left of them."""

import asyncio
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from antipodes.runtime.contract import Gone
from antipodes.runtime.main import run_main
from antipodes.runtime.processes import ChildProcess, start_process


async def start(program: str, output: Callable[[bytes], None]) -> ChildProcess:
    return await start_process(
        [sys.executable, "-c", program],
        environment={"GIVEN": "yes"},
        directory=Path(tempfile.gettempdir()),
        output=output,
    )


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


async def wait(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - other processes have no events for us
            await asyncio.sleep(0.01)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario()

    run_main(whole())


def test_a_system_that_allows_fewer_files_than_it_promises_gives_what_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As macOS does: no limit, it says, and refuses more than it can."""
    given: list[int] = []

    def limit(_: int, limits: tuple[int, int]) -> None:
        if limits[0] > 10_240:
            raise ValueError("current limit exceeds maximum limit")
        given.append(limits[0])

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", limit)

    async def nothing() -> None:
        """Start, and end."""

    run_main(nothing())
    assert given == [8192]


def test_output_of_both_kinds_arrives_before_the_end() -> None:
    async def scenario() -> None:
        said: list[bytes] = []
        program = (
            "import os, sys; print('out', os.environ['GIVEN'], flush=True); "
            "print('x' * 200000, file=sys.stderr); sys.exit(3)"
        )
        child = await start(program, said.append)
        assert await child.wait() == 3
        assert await child.wait() == 3
        assert b"".join(said) == b"out yes\n" + b"x" * 200_000 + b"\n"

    run(scenario)


def test_nothing_of_the_environment_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")

    async def scenario() -> None:
        said: list[bytes] = []
        child = await start("import os; print('AWS_PROFILE' in os.environ)", said.append)
        assert await child.wait() == 0
        assert said == [b"False\n"]

    run(scenario)


def test_a_kill_ends_the_whole_group() -> None:
    async def scenario() -> None:
        heard = asyncio.Event()
        # The grandchild holds the output open: only its death lets the pipe end.
        program = (
            "import subprocess; subprocess.Popen(['sleep', '1000']); print(1, flush=True)\n"
            "while True: pass"
        )
        child = await start(program, lambda _: heard.set())
        await heard.wait()
        child.kill()
        assert await child.wait() == -9
        child.kill()  # a second one harms nobody

    run(scenario)


def test_what_a_child_leaves_behind_is_killed_with_its_end() -> None:
    async def scenario() -> None:
        said: list[bytes] = []
        program = "import subprocess; print(subprocess.Popen(['sleep', '1000']).pid, flush=True)"
        child = await start(program, said.append)
        assert await child.wait() == 0
        await wait(lambda: gone(int(b"".join(said))))

    run(scenario)


def test_a_program_that_is_not_there() -> None:
    async def scenario() -> None:
        with pytest.raises(Gone, match="cannot start /nowhere"):
            await start_process(
                ["/nowhere"], environment={}, directory=Path("/"), output=lambda _: None
            )

    run(scenario)

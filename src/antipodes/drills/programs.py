"""The programs of a drill's sites: what stands in the customer's data centre while it is played.

In real time each is a process of its own on this machine, at the port that its site's address leads
to. In a simulation the same file's WSGI application answers there, in virtual time. A screen stands
in the drill's own process, or in the simulation.
"""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from antipodes.drills.model import Drill, DrillError, ProgramPart
from antipodes.drills.screen import Screen
from antipodes.hosting.links import LAPTOP
from antipodes.runtime import commands
from antipodes.runtime.commands import Detached
from antipodes.runtime.contract import Address, Gone, Runtime
from antipodes.runtime.customer import Send
from antipodes.runtime.real import RealRuntime
from antipodes.runtime.webprogram import WebProgram, WebRequest
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer


def start_processes(
    drill: Drill, directory: Path, environment: Mapping[str, str], logs: Path
) -> list[Detached]:
    """Start every program as a process; raises DrillError."""
    parts = [part for part in drill.application.programs if not part.screen]
    files = [_file(directory, part) for part in parts]  # all of them, before the first is started
    return [
        commands.run_detached(
            [sys.executable, str(file), part.address], logs / f"program-{number}.log", environment
        )
        for number, (part, file) in enumerate(zip(parts, files, strict=True))
    ]


async def open_screens(drill: Drill, runtime: RealRuntime) -> None:
    """Open every screen on this machine; raises DrillError."""
    for part in drill.application.programs:
        if part.screen:
            try:
                await runtime.listen_loopback(Screen, int(part.address.rpartition(":")[2]))
            except Gone as error:
                raise DrillError(f"application.programs: {error}") from None


async def simulate_programs(
    drill: Drill, directory: Path, runtime: Runtime, variables: dict[str, str], send: Send
) -> None:
    """Let every program's application answer inside a simulation; raises DrillError."""
    for part in drill.application.programs:
        if part.screen:
            await runtime.listen(Address(LAPTOP, part.address), Screen)
            continue
        chance = runtime.chance(f"program/{part.file}/{part.address}")
        path = _file(directory, part)
        program = WebProgram(runtime, path, variables=variables, chance=chance, send=send)
        reply = await program.load()
        if reply.kind != "ready":
            raise DrillError(f"{part.file} ended with {reply.kind}:\n{program.output.strip()}")
        server = HttpServer(runtime, partial(_answer, program))
        await runtime.listen(Address(LAPTOP, part.address), server.receiver)


async def _answer(program: WebProgram, request: HttpRequest) -> HttpResponse:
    headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.raw_headers]
    answer = await program.answer(WebRequest(request.method, request.target, headers, request.body))
    kept = [pair for pair in answer.headers if pair[0].lower() != "content-length"]
    return HttpResponse(answer.status, kept, answer.body)


def _file(directory: Path, part: ProgramPart) -> Path:
    path = directory / part.file
    if not path.is_file():
        raise DrillError(f"application.programs: there is no {path}")
    return path

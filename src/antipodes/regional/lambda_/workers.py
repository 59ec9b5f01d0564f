"""Execution environments in real time: one worker process each, over the Lambda Runtime API.

The worker is `runtime/worker.py`: it unpacks the code once per function and digest, then runs AWS's
`awslambdaric`. It is killed, with all it started, when an invocation takes longer than the
function's timeout, when the function changes, and when the region's process ends, however it ends.

The interpreter and the libraries (boto3 among them) are those that Antipodes runs on, whatever the
function's runtime says. Memory sizes are told to the handler but not enforced. `TMPDIR` is the
environment's own; a literal `/tmp` is the machine's.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import antipodes
from antipodes.regional.lambda_.invocations import (
    Invocation,
    Outcome,
    Output,
    checked_size,
    exited,
    iso_instant,
    timed_out,
)
from antipodes.regional.lambda_.networks import Outlet
from antipodes.regional.lambda_.runtimeapi import RuntimeApi, Word
from antipodes.runtime.contract import Gone, Listener, Process, Runtime, TimedOut
from antipodes.service.http import HttpServer

WORKER = Path(antipodes.__file__).parent / "runtime" / "worker.py"
INIT_S_MAX = 10.0  # after which the start is tried again, within the invocation's own time
BODY_BYTES_MAX = 16 << 20


class WorkerEnvironment:
    """One worker process and what it is told."""

    def __init__(  # noqa: PLR0913 - spelled out on purpose
        self,
        runtime: Runtime,
        *,
        archive: Path,
        code: Path,
        scratch: Path,
        variables: dict[str, str],
        timeout_s: int,
        stream: str,
        outlet: Outlet | None = None,
    ) -> None:
        """`outlet` is how it reaches AWS's APIs, if it is in a network that holds it back."""
        self.stream = stream
        self.usable = True
        self._runtime = runtime
        self._archive = archive
        self._code = code
        self._scratch = scratch
        self._variables = variables
        self._timeout_s = timeout_s
        self._output = Output()
        self._api = RuntimeApi(runtime)
        self._outlet = outlet
        self._listener: Listener | None = None
        self._outlet_listener: Listener | None = None
        self._process: Process | None = None
        self._closed = False

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run the handler on an event; a failure of the worker leaves the environment unusable."""
        init_s = 0.0
        word = Word("ready")
        if self._process is not None and not await self._waits():
            await self._end_process()  # it ended between two events: nobody's fault, start again
            self.usable = True
        if self._process is None:
            began = self._runtime.now()
            try:
                async with self._runtime.timeout(INIT_S_MAX):
                    word = await self._start()
            except TimedOut:
                await self._end_process()
            init_s = self._runtime.now() - began
        began = self._runtime.now()
        try:
            async with self._runtime.timeout(self._timeout_s):
                if self._process is None:
                    word = await self._start()
                if word.kind == "ready":
                    word = await self._run(invocation)
        except TimedOut:
            return await self._late(invocation, began, init_s)
        return await self._outcome(invocation, word, began, init_s)

    async def _start(self) -> Word:
        """Start a worker and wait until it asks for an event, or says why it does not."""
        if self._listener is None:
            server = HttpServer(self._runtime, self._api.handle, body_bytes_max=BODY_BYTES_MAX)
            self._listener = await self._runtime.listen_loopback(server.receiver)
        await self._open_outlet()
        self._scratch.mkdir(parents=True, exist_ok=True)
        try:
            self._process = process = await self._runtime.start_process(
                [sys.executable, "-P", str(WORKER), str(self._archive), str(self._code)],
                environment=self._variables
                | {
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._listener.port}",
                    "LAMBDA_TASK_ROOT": str(self._code),
                    "LAMBDA_RUNTIME_DIR": str(WORKER.parent),
                    "TMPDIR": str(self._scratch),
                    "HOME": str(self._scratch),  # nobody's ~/.aws is a function's business
                    "PYTHONUNBUFFERED": "1",
                },
                directory=self._scratch,
                output=self._output.write,
            )
        except Gone as error:
            self._output.write(f"{error}\n".encode())
            return Word("exit", status=1)
        self._runtime.spawn(self._watch(process), "lambda worker")
        return await self._api.hear()

    async def _open_outlet(self) -> None:
        """Let the worker find its region where its network is asked first."""
        outlet = self._outlet
        if outlet is None or self._outlet_listener is not None:
            return
        server = HttpServer(self._runtime, outlet.handle)
        self._outlet_listener = listener = await self._runtime.listen_loopback(server.receiver)
        if self._variables.get("AWS_ENDPOINT_URL") == outlet.api_url:  # and none of its own
            self._variables["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{listener.port}"

    async def _watch(self, process: Process) -> None:
        status = await process.wait()
        if process is self._process:
            self.usable = False
            self._api.say(Word("exit", status=status))

    async def _run(self, invocation: Invocation) -> Word:
        self._api.give(invocation, self._runtime.wall() + self._timeout_s)
        word = await self._api.hear()
        # What the handler printed was written before its answer, but to another descriptor: one
        # more turn of the loop has read it.
        await self._runtime.sleep(0)
        return word

    async def _waits(self) -> bool:
        """Whether the worker, having answered the last event, asks for another."""
        return self._api.asked or (await self._api.hear()).kind == "ready"

    async def _late(self, invocation: Invocation, began: float, init_s: float) -> Outcome:
        await self.close()
        return Outcome(
            timed_out(invocation.request_id, self._timeout_s),
            "Unhandled",
            self._output.take(),
            self._runtime.now() - began,
            init_s,
            f"{iso_instant(self._runtime.wall())} {invocation.request_id} "
            f"Task timed out after {self._timeout_s}.00 seconds\n",
        )

    async def _outcome(
        self, invocation: Invocation, word: Word, began: float, init_s: float
    ) -> Outcome:
        duration_s = self._runtime.now() - began
        last_line = ""
        if word.kind == "response":
            payload, error = checked_size(word.body, "")
        elif word.kind == "error":
            payload, error = checked_size(word.body, "Unhandled")
        else:
            await self.close()
            payload, error = word.body, "Unhandled"
            if word.kind == "exit":
                payload = exited(invocation.request_id, word.status)
                last_line = payload.decode()
        return Outcome(payload, error, self._output.take(), duration_s, init_s, last_line)

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()
        self._api.reset()

    async def close(self) -> None:
        """Kill the worker and let go of its port and files."""
        if self._closed:
            return
        self._closed = True
        self.usable = False
        await self._end_process()
        if self._outlet_listener is not None:
            self._outlet_listener.close()
        if self._listener is not None:
            self._listener.close()
            await self._runtime.sleep(0)  # the loop lets go of it in its next turn
        shutil.rmtree(self._scratch, ignore_errors=True)


class Workshop:
    """The files of a host's workers: archives, unpacked code, scratch directories."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._root = runtime.directory("functions")
        self._count = 0

    def clear(self) -> None:
        """Remove what earlier runs left; archives are in the store."""
        for left in self._root.iterdir():
            shutil.rmtree(left, ignore_errors=True)

    def _paths(self, account: str, name: str, digest: str) -> tuple[Path, Path]:
        directory = self._root / account / name
        stem = "".join(c if c.isalnum() else "-" for c in digest)
        return directory / f"{stem}.zip", directory / f"{stem}.code"

    def make(  # noqa: PLR0913 - what an environment is made of
        self,
        account: str,
        name: str,
        digest: str,
        package: Callable[[], bytes],
        *,
        variables: dict[str, str],
        timeout_s: int,
        stream: str,
        outlet: Outlet | None = None,
    ) -> WorkerEnvironment:
        """Make an environment; its process starts at its first event."""
        archive, code = self._paths(account, name, digest)
        if not archive.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            unfinished = archive.with_suffix(".new")
            unfinished.write_bytes(package())
            unfinished.replace(archive)
        self._count += 1
        return WorkerEnvironment(
            self._runtime,
            archive=archive,
            code=code,
            scratch=self._root / "scratch" / str(self._count),
            variables=variables,
            timeout_s=timeout_s,
            stream=stream,
            outlet=outlet,
        )

    def discard(self, account: str, name: str, digest: str) -> None:
        """Remove a package that no environment uses any more."""
        archive, code = self._paths(account, name, digest)
        archive.unlink(missing_ok=True)
        shutil.rmtree(code, ignore_errors=True)

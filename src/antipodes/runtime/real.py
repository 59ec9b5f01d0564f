"""The real body: uvloop, Unix sockets between processes, LMDB on disk, child processes.

One `RealRuntime` per process. The monotonic clock is shared by all processes of the machine, so
their times compare. A bug in a task ends the process (the supervisor notices and says so): a host
that limps on would make every later verdict worthless.
"""

import asyncio
import os
import random
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

from antipodes.runtime import processes
from antipodes.runtime.clocks import ClockState, KeptClock
from antipodes.runtime.contract import (
    Accepted,
    Address,
    Datagram,
    DatagramDoor,
    Gone,
    Links,
    Listener,
    Nursery,
    Process,
    Receiver,
    ReceiverFactory,
    RuntimeFailure,
    Store,
    Stream,
    Task,
    Timer,
)
from antipodes.runtime.delayline import DelayLines
from antipodes.runtime.disks import KeptDiskState
from antipodes.runtime.journal import RunJournal
from antipodes.runtime.lmdbstore import LmdbStore
from antipodes.runtime.loopback import LoopbackDatagrams, LoopbackPort
from antipodes.runtime.plainstream import LAPTOP, PlainStream
from antipodes.runtime.precise import PreciseTimers
from antipodes.runtime.realdatagrams import RealDatagrams
from antipodes.runtime.realnetwork import (
    AcceptingStream,
    ConnectingStream,
    Doors,
    Preamble,
    WorldStream,
    host_of,
    open_connection,
)
from antipodes.runtime.tasks import Crew, Deadline, open_nursery

T = TypeVar("T")
R = TypeVar("R", bound=Receiver)

DEADLINE_S_MIN = 2.0
EXIT_BUG = 70  # EX_SOFTWARE of sysexits.h


class _Machine:
    """What all views of one process's runtime share."""

    def __init__(  # noqa: PLR0913 - the runtime's constructor, spelled out
        self,
        *,
        host: str,
        links: Links,
        run_directory: Path,
        state_directory: Path,
        seed: int,
        speed: float,
        power: bool,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.host = host
        self.run_directory = run_directory
        self.state_directory = state_directory
        self.seed = seed
        self.speed = speed
        self.disk_state = KeptDiskState(state_directory / host / "disk.json", power=power)
        self.precise = PreciseTimers(self.loop) if PreciseTimers.available() else None
        self.lines = DelayLines(self, links)
        self.journal = RunJournal(time.monotonic, place=host, digested=False)
        self.clock = KeptClock(state_directory / host / "clock.json")
        self.doors = Doors()
        self.crew = Crew(self.loop, self._on_bug)
        self.boot = 0
        self.chances: dict[str, random.Random] = {}
        self.streams: dict[WorldStream, None] = {}
        self.loopbacks: list[LoopbackPort] = []
        self.loopback_datagrams: dict[LoopbackDatagrams, None] = {}
        self.plain_streams: dict[PlainStream[Any], None] = {}
        self.server: asyncio.Server | None = None
        self._datagrams: RealDatagrams | None = None
        self.loop.set_exception_handler(self._on_exception)

    def now(self) -> float:
        return time.monotonic()

    def later(self, seconds: float, function: Callable[..., object], *arguments: Any) -> Timer:
        if self.precise is not None:
            return self.precise.later(seconds, function, *arguments)
        return self.loop.call_later(max(0.0, seconds), function, *arguments)

    def _on_bug(self, task: str, error: BaseException) -> None:
        print(f"antipodes: bug in {task!r} of {self.host!r}", file=sys.stderr)  # noqa: T201 - last words
        traceback.print_exception(error)
        sys.stderr.flush()
        os._exit(EXIT_BUG)

    def _on_exception(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError):  # a socket's own trouble has reached its receiver
            return
        self._on_bug(str(context.get("message")), error or RuntimeError(repr(context)))

    async def serve(self) -> None:
        """Open this host's socket in the run directory."""
        self._count_boot()
        path = self.run_directory / f"{self.host}.sock"
        path.unlink(missing_ok=True)
        self.server = await self.loop.create_unix_server(
            lambda: AcceptingStream(self.lines, self.chance("network"), self.streams, self.doors),
            str(path),
            backlog=1024,
        )

    def plain_stream(
        self, factory: Callable[[Accepted], R], accepted: Accepted, received: bytes = b""
    ) -> PlainStream[R]:
        return PlainStream(factory, accepted, self.plain_streams, received)

    def datagrams(self) -> RealDatagrams:
        """This host's socket for datagrams, there from the first use."""
        if self._datagrams is None:
            self._datagrams = RealDatagrams(
                self.host, self.run_directory, self.lines, self.chance("datagrams"), self.boot
            )
        return self._datagrams

    def close_datagrams(self) -> None:
        if self._datagrams is not None:
            self._datagrams.close()

    def _count_boot(self) -> None:
        """A restarted host must not draw again what it drew before: ids would repeat."""
        path = self.state_directory / self.host / "boots"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".new")
        try:
            self.boot = int(path.read_text()) + 1 if path.exists() else 1
            partial.write_text(str(self.boot))
            partial.replace(path)
        except (OSError, ValueError):  # no space, or spoilt: the time is another number as well
            self.boot = int(time.time())

    def chance(self, name: str) -> random.Random:
        if name not in self.chances:
            seed = f"{self.seed}/{self.host}/{self.boot}/{name}"
            self.chances[name] = random.Random(seed)  # noqa: S311 - repeatable on purpose
        return self.chances[name]


class RealRuntime:
    """One process's door to the machine, standing at one place."""

    virtual = False

    def __init__(self, machine: _Machine, place: str) -> None:
        self._machine = machine
        self._loop = machine.loop
        self.place = place
        self.speed = machine.speed
        self.journal = machine.journal
        self.soon: Callable[..., object] = machine.loop.call_soon
        self.later = machine.later
        self.chance = machine.chance
        self.now = time.monotonic
        self.wall = machine.clock.wall

    @classmethod
    async def start(  # noqa: PLR0913 - spelled out on purpose
        cls,
        *,
        host: str,
        links: Links,
        run_directory: Path,
        state_directory: Path,
        place: str = "",
        seed: int = 0,
        speed: float = 1.0,
        power: bool = False,
        serve: bool = True,
    ) -> "RealRuntime":
        """Open the runtime of this process; with `serve`, its doors can be reached by others."""
        machine = _Machine(
            host=host,
            links=links,
            run_directory=run_directory,
            state_directory=state_directory,
            seed=seed,
            speed=speed,
            power=power,
        )
        if serve:
            await machine.serve()
        return cls(machine, place or host)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, for the other parts of the runtime."""
        return self._loop

    def at(self, place: str) -> "RealRuntime":
        """The same host, standing elsewhere."""
        return RealRuntime(self._machine, place)

    def set_clock(self, offset_s: float = 0.0, drift_ppm: float = 0.0) -> None:
        """Put this host's clock wrong, now and after a restart; 0 and 0 put it right."""
        self._machine.clock.set(offset_s, drift_ppm)
        self.journal.record("clock", offset_s=offset_s, drift_ppm=drift_ppm)

    @property
    def clock(self) -> ClockState:
        """How wrong this host's clock was set."""
        return self._machine.clock.state

    def interval(self, seconds: float) -> float:
        """A configured interval, hurried."""
        return seconds / self.speed

    def deadline(self, seconds: float) -> float:
        """A configured timeout, hurried but not below 2 s."""
        return max(seconds / self.speed, min(seconds, DEADLINE_S_MIN))

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(0.0, seconds))

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Raise TimedOut inside the block when it takes longer."""
        return Deadline(seconds, self._loop, self._machine.later)

    def future(self) -> "asyncio.Future[Any]":
        """A value that will be there later."""
        return self._loop.create_future()

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> Task:
        """Run for as long as the host lives."""
        return self._machine.crew.spawn(coroutine, name)

    def nursery(self) -> AbstractAsyncContextManager[Nursery]:
        """A scope that ends only when all it started has ended."""
        return open_nursery(self._loop)

    async def listen(self, address: Address, factory: ReceiverFactory) -> Listener:
        """Open a door of this host."""
        assert host_of(address.place) == self._machine.host, f"{address} is not on this host"
        return self._machine.doors.open(address, factory)

    async def listen_datagrams(
        self, address: Address, receive: Callable[[Datagram], None]
    ) -> DatagramDoor:
        """Open a door for datagrams of this host; a client's may be anywhere."""
        own = host_of(address.place) == self._machine.host
        assert own or not address.port, f"{address} is not on this host"
        return self._machine.datagrams().listen(address, receive)

    async def connect(
        self, to: Address, factory: Callable[[Accepted], R], *, source_ip: str = "", trace: str = ""
    ) -> tuple[Stream, R]:
        """Connect over the world's links; takes a round trip."""
        if to.place == LAPTOP:
            return await self._connect_laptop(to, factory)
        waiting: asyncio.Future[R] = self._loop.create_future()

        def made(accepted: Accepted) -> R:
            receiver = factory(accepted)
            if not waiting.done():
                waiting.set_result(receiver)
            return receiver

        def failed(error: Gone) -> None:
            if not waiting.done():
                waiting.set_exception(error)

        stream = self._open(to, made, failed, source_ip, trace)
        try:
            return stream, await waiting
        except asyncio.CancelledError:
            stream.leave()
            raise

    def open(
        self,
        to: Address,
        factory: ReceiverFactory,
        failed: Callable[[Gone], object],
        *,
        source_ip: str = "",
        trace: str = "",
    ) -> None:
        """Connect over the world's links, with nobody waiting."""
        if to.place == LAPTOP:
            self.spawn(self._connect_laptop_or_fail(to, factory, failed), "connect")
        else:
            self._open(to, factory, failed, source_ip, trace)

    def _open(
        self,
        to: Address,
        factory: ReceiverFactory,
        failed: Callable[[Gone], object],
        source_ip: str,
        trace: str,
    ) -> ConnectingStream:
        machine = self._machine
        preamble = Preamble(self.place, source_ip, to.place, to.port, trace)
        stream = ConnectingStream(
            machine.lines, machine.chance("network"), machine.streams, preamble, factory, failed
        )
        open_connection(f"{machine.run_directory}/{host_of(to.place)}.sock", stream)
        return stream

    async def _connect_laptop_or_fail(
        self, to: Address, factory: ReceiverFactory, failed: Callable[[Gone], object]
    ) -> None:
        try:
            await self._connect_laptop(to, factory)
        except Gone as error:
            failed(error)

    async def _connect_laptop(
        self, to: Address, factory: Callable[[Accepted], R]
    ) -> tuple[Stream, R]:
        host, _, port = to.port.rpartition(":")
        accepted = Accepted(LAPTOP, host, to, "")
        try:
            _, stream = await self._loop.create_connection(
                lambda: self._machine.plain_stream(factory, accepted), host, int(port)
            )
        except OSError as error:
            raise Gone(f"{to.port} on this machine: {error}") from None
        return stream, stream.receiver

    async def listen_loopback(self, factory: ReceiverFactory, port: int = 0) -> Listener:
        """Listen on a TCP port of 127.0.0.1 (0: any free one), outside the world."""
        accepted = Accepted(LAPTOP, "127.0.0.1", Address(LAPTOP, ""), "")
        try:
            server = await self._loop.create_server(
                lambda: self._machine.plain_stream(factory, accepted), "127.0.0.1", port
            )
        except OSError as error:
            raise Gone(f"port {port} of 127.0.0.1: {error.strerror or error}") from None
        loopback = LoopbackPort(server)
        self._machine.loopbacks.append(loopback)
        return loopback

    async def listen_loopback_datagrams(
        self, port: int, receive: Callable[[Datagram], None]
    ) -> DatagramDoor:
        """Listen on a UDP port of 127.0.0.1 (0: any free one), outside the world."""
        return LoopbackDatagrams.open(self._loop, port, receive, self._machine.loopback_datagrams)

    async def adopt(self, descriptor: int, received: bytes, factory: ReceiverFactory) -> None:
        """Take over a connection that another process accepted, with the bytes it read."""
        import socket  # noqa: PLC0415 - only the processes behind the front door need it

        connection = socket.socket(fileno=descriptor)
        accepted = Accepted(LAPTOP, "127.0.0.1", Address(self.place, "api"), "")
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._machine.plain_stream(factory, accepted, received), connection
            )
        except OSError:
            connection.close()

    def open_store(self, name: str) -> Store:
        """Open this host's store of that name in the state directory."""
        return LmdbStore(
            self._machine.state_directory / self._machine.host / name,
            self._loop,
            state=self._machine.disk_state,
        )

    def set_disk(self, *, full: bool | None = None, slow_s: float | None = None) -> None:
        """Say how well this host's disk is; what is not given stays, through restarts."""
        state = self._machine.disk_state
        state.set(full=full, slow_s=slow_s)
        self.journal.record("disk", full=state.full, slow_s=state.slow_s)

    async def start_process(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        output: Callable[[bytes], None],
    ) -> Process:
        """Start a child process that dies with this one."""
        return await processes.start_process(
            arguments, environment=environment, directory=directory, output=output
        )

    def directory(self, name: str) -> Path:
        """A directory of this host's own."""
        path = self._machine.state_directory / self._machine.host / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    async def run_blocking(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking function in a thread: for callers outside of the world's hosts."""
        return await self._loop.run_in_executor(None, function, *arguments)

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Refused: in real time customer code runs in processes."""
        raise RuntimeFailure("wait belongs to the simulation")

    async def close(self) -> None:
        """End all tasks of this host and close its socket."""
        await self._machine.crew.end()
        self._machine.close_datagrams()
        if self._machine.server is not None:
            self._machine.server.close()
        for stream in list(self._machine.streams):
            stream.abort()
        for loopback in self._machine.loopbacks:
            loopback.close()
        for door in list(self._machine.loopback_datagrams):
            door.close()
        for plain in list(self._machine.plain_streams):
            plain.abort()
        while self._machine.streams:  # noqa: ASYNC110 - the loop's own callbacks empty it
            await asyncio.sleep(0)
        if self._machine.precise is not None:
            self._machine.precise.close()

"""The virtual body: many hosts in one loop whose clock jumps, everything repeatable from a seed.

A `Simulation` holds the network, the machines and the hosts on them. `boot` starts a host and
gives its runtime, `kill` ends it as `kill -9` would: its coroutines freeze where they are, what it
had not committed is gone, its connections end at the other side after the link's delay. Its
machine, with clock and disks, stays for the next `boot`; `cut_power` may cost the disks more.
`pause` stops a host as SIGSTOP would, until `resume`. Modelled on FoundationDB's simulator and
turmoil.
"""

import asyncio
import contextvars
import gc
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from inspect import CORO_CREATED, getcoroutinestate
from pathlib import Path
from typing import Any, TypeVar

from antipodes.runtime import greenlets
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
from antipodes.runtime.disks import Disk
from antipodes.runtime.journal import PlacedJournal, RunJournal
from antipodes.runtime.machines import Machine
from antipodes.runtime.memorystore import MemoryStore
from antipodes.runtime.messages import Message, MessageRing
from antipodes.runtime.tasks import Crew, Deadline, open_nursery
from antipodes.runtime.virtualdatagrams import VirtualDatagrams
from antipodes.runtime.virtualloop import HOST, WALL_START, Call, VirtualLoop
from antipodes.runtime.virtualnetwork import VirtualNetwork

T = TypeVar("T")
R = TypeVar("R", bound=Receiver)

TICK_S = 1e-6  # no wait is shorter: less may not move a clock of floats at all

DEADLINE_S_MIN = 2.0
MEMORY_CHECK_S = 0.1


class VirtualHost:
    """One host: alive or not, its context, its tasks, what it listens to."""

    def __init__(self, simulation: "Simulation", name: str) -> None:
        self.simulation = simulation
        self.name = name
        self.alive = True
        self.running = True
        self.held: list[Call] = []
        self.machine = simulation.machine(name)
        self.context = contextvars.Context()
        self.context.run(HOST.set, self)
        self.crew = Crew(simulation.loop, self._on_bug)
        self.chances: dict[str, random.Random] = {}
        self.machine.boots += 1
        self.boots = self.machine.boots

    def _on_bug(self, task: str, error: BaseException) -> None:
        error.add_note(f"in task {task!r} of host {self.name!r}")
        self.simulation.loop.bug = error


class VirtualRuntime:
    """One host's door to the simulated machine, standing at one place."""

    virtual = True

    def __init__(self, simulation: "Simulation", host: VirtualHost, place: str) -> None:
        self._simulation = simulation
        self._host = host
        self._loop = simulation.loop
        self._clock = host.machine.clock
        self.place = place
        self.speed = simulation.speed
        self.journal = simulation.journal_at(place)
        self.now: Callable[[], float] = self._loop.time  # virtual seconds since the start
        self.future: Callable[[], asyncio.Future[Any]] = self._loop.create_future

    @property
    def alive(self) -> bool:
        """Whether the host lives."""
        return self._host.alive

    def at(self, place: str) -> "VirtualRuntime":
        """The same host, standing elsewhere."""
        return VirtualRuntime(self._simulation, self._host, place)

    def wall(self) -> float:
        """Unix seconds by this host's clock."""
        clock = self._clock
        return WALL_START + self._loop.now if clock.is_right else clock.wall()

    def interval(self, seconds: float) -> float:
        """A configured interval, hurried."""
        return seconds / self.speed

    def deadline(self, seconds: float) -> float:
        """A configured timeout, hurried but not below 2 s."""
        return max(seconds / self.speed, min(seconds, DEADLINE_S_MIN))

    def chance(self, name: str) -> random.Random:
        """A named random stream; a restarted host draws on from a stream of its own."""
        chances = self._host.chances
        if name not in chances:
            seed = f"{self._simulation.seed}/{self._host.name}/{self._host.boots}/{name}"
            chances[name] = random.Random(seed)  # noqa: S311 - repeatable on purpose
        return chances[name]

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time, always some: who loops until it is time gets there."""
        end = self._loop.create_future()
        timer = self.later(seconds, _wake, end)
        try:
            await end
        finally:
            timer.cancel()

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Raise TimedOut inside the block when it takes longer."""
        return Deadline(seconds, self._loop, self.later, self._loop.done)

    def soon(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call in the next turn."""
        host = self._host
        self._loop.soon_for(host, host.context, function, arguments)

    def later(self, seconds: float, function: Callable[..., object], *arguments: Any) -> Timer:
        """Call after some virtual seconds, if the host still lives then."""
        host = self._host
        seconds = max(TICK_S, seconds)
        return self._loop.later_for(seconds, host, host.context, function, arguments)

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> Task:
        """Run for as long as the host lives."""
        host = self._host
        return host.crew.spawn(coroutine, name, host.context.copy())

    def nursery(self) -> AbstractAsyncContextManager[Nursery]:
        """A scope that ends only when all it started has ended."""
        return open_nursery(self._loop)

    async def listen(self, address: Address, factory: ReceiverFactory) -> Listener:
        """Open a door in the simulated network."""
        return self._simulation.network.listen(self._host, address, factory)

    async def listen_datagrams(
        self, address: Address, receive: Callable[[Datagram], None]
    ) -> DatagramDoor:
        """Open a door for datagrams."""
        host = self._host
        return self._simulation.datagrams.listen(host, address, receive, host.boots)

    async def connect(
        self, to: Address, factory: Callable[[Accepted], R], *, source_ip: str = "", trace: str = ""
    ) -> tuple[Stream, R]:
        """Connect over the world's links; takes a round trip."""
        return await self._simulation.network.connect(
            self._host, self.place, to, factory, source_ip, trace
        )

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
        self._simulation.network.open(self._host, self.place, to, factory, failed, source_ip, trace)

    def open_store(self, name: str) -> Store:
        """Open a store on this host's disk."""
        return MemoryStore(self._host.machine.disk(name), self, self.chance(f"store/{name}"))

    async def start_process(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        output: Callable[[bytes], None],
    ) -> Process:
        """Refused: a process has a clock of its own."""
        raise RuntimeFailure("child processes cannot run in the simulation")

    async def listen_loopback(self, factory: ReceiverFactory) -> Listener:
        """Refused: the simulation has no sockets."""
        raise RuntimeFailure("the simulation has no loopback ports")

    async def listen_loopback_datagrams(
        self, port: int, receive: Callable[[Datagram], None]
    ) -> DatagramDoor:
        """Refused: there is no machine outside of a simulation."""
        raise RuntimeFailure("the simulation has no loopback ports")

    def directory(self, name: str) -> Path:
        """Refused: the simulation has no files."""
        raise RuntimeFailure("the simulation has no directories")

    async def run_blocking(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run customer code in a greenlet that switches back to the loop when it waits."""
        return await greenlets.run_blocking(self._loop, function, *arguments)

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Inside `run_blocking`: let the loop run until the awaitable is done."""
        return greenlets.wait(awaitable)


def _wake(end: "asyncio.Future[Any]") -> None:
    if not end.done():
        end.set_result(None)


class Simulation:
    """A world of hosts in one process, with a virtual clock, a network and disks."""

    def __init__(
        self, links: Links, *, seed: int = 0, speed: float = 1.0, power: bool = False
    ) -> None:
        """`power`: every commit is synced, as with durability `power`."""
        self.seed = seed
        self._power = power
        self.speed = speed
        self.loop = VirtualLoop()
        self.journal = RunJournal(self.loop.time)
        self._journals: dict[str, PlacedJournal] = {}
        self.hosts: dict[str, VirtualHost] = {}
        self._graveyard: list[VirtualHost] = []
        self._machines: dict[str, Machine] = {}
        # Called with the name of a host that used more memory than there is.
        self.out_of_memory: Callable[[str], object] = self.kill
        lines = DelayLines(_LoopClock(self.loop), links)
        self.network = VirtualNetwork(self.loop, lines, seed, self.journal.absorb)
        self.datagrams = VirtualDatagrams(self.network, lines, seed)

    @property
    def traffic(self) -> dict[tuple[str, str], int]:
        """Bytes of payload delivered so far, by the places they went from and to."""
        return self.network.traffic

    def watch_messages(self, limit: int) -> None:
        """Keep the newest messages between places from now on (0: none any more)."""
        self.network.watcher = MessageRing(limit) if limit else None

    @property
    def messages(self) -> list[Message]:
        """The messages kept, by arrival."""
        watcher = self.network.watcher
        return watcher.messages() if watcher is not None else []

    def machine(self, name: str) -> Machine:
        """The machine of the host of that name: it is there before it and after it."""
        if name not in self._machines:
            self._machines[name] = Machine(
                name, self.seed, lambda: WALL_START + self.loop.time(), power=self._power
            )
        return self._machines[name]

    def disk(self, name: str) -> Disk:
        """The disk `host/store`: it outlives its host."""
        host, _, store = name.partition("/")
        return self.machine(host).disk(store)

    def journal_at(self, place: str) -> PlacedJournal:
        """The one journal, as seen from a place."""
        if place not in self._journals:
            self._journals[place] = PlacedJournal(self.journal, place)
        return self._journals[place]

    def set_clock(self, name: str, offset_s: float = 0.0, drift_ppm: float = 0.0) -> None:
        """Put a machine's clock wrong, its host up or not; 0 and 0 put it right."""
        self.machine(name).clock.set(offset_s, drift_ppm)
        self.journal.record("clock", host=name, offset_s=offset_s, drift_ppm=drift_ppm)

    def set_disk(
        self,
        name: str,
        *,
        full: bool | None = None,
        slow_s: float | None = None,
        torn: bool | None = None,
    ) -> None:
        """Say how well the disks of a machine are; what is not given stays as it is.

        `full`: nothing can be written. `slow_s`: every commit takes so much longer. `torn`: when
        power is lost, what was not synced is left half written, and the store refuses to open.
        """
        state = self.machine(name).disk_state
        state.set(full=full, slow_s=slow_s, torn=torn)
        self.journal.record(
            "disk", host=name, full=state.full, slow_s=state.slow_s, torn=state.torn
        )

    def memory_of(self, name: str) -> int:
        """Bytes that a host uses: what its stores hold, and what waits for it on connections."""
        queued = self.network.queued_bytes(self.hosts[name]) if name in self.hosts else 0
        return self.machine(name).stored_bytes + queued

    def set_memory(self, name: str, limit_bytes: int) -> None:
        """Kill a host, ten times a second, when it uses more than this (0: there is no limit)."""
        machine = self.machine(name)
        watched, machine.memory_bytes_max = machine.memory_bytes_max > 0, limit_bytes
        self.journal.record("memory", host=name, limit_bytes=limit_bytes)
        if limit_bytes and not watched:
            self._watch_memory(machine)

    def _watch_memory(self, machine: Machine) -> None:
        if not machine.memory_bytes_max:
            return
        if machine.name in self.hosts:
            used = self.memory_of(machine.name)
            if used > machine.memory_bytes_max:
                self.journal.record("out-of-memory", host=machine.name, used_bytes=used)
                self.out_of_memory(machine.name)
        self.loop.call_later(
            MEMORY_CHECK_S, self._watch_memory, machine, context=contextvars.Context()
        )

    def boot(self, name: str, place: str = "") -> VirtualRuntime:
        """Start a host at a place (by default of its own name)."""
        assert name not in self.hosts, f"host {name} runs already"
        host = self.hosts[name] = VirtualHost(self, name)
        self.journal.record("boot", host=name)
        return VirtualRuntime(self, host, place or name)

    def pause(self, name: str) -> None:
        """Stop a host as SIGSTOP does: nothing of it runs until `resume`.

        What is sent to it waits, and connections are opened to it, as the kernel of a stopped
        process would do, but are not spoken to. Pausing what is paused does nothing.
        """
        host = self.hosts[name]
        if host.running:
            host.running = False
            self.journal.record("pause", host=name)

    def resume(self, name: str) -> None:
        """Let a paused host go on, with all that it missed, in order; nothing if it runs."""
        host = self.hosts[name]
        if not host.running:
            host.running = True
            self.journal.record("resume", host=name)
            self.loop.resume(host)

    def kill(self, name: str) -> None:
        """End a host as `kill -9` does, a paused one too.

        What it was committing is on its disk or is not; what it had committed is.
        """
        for disk in self._end(name, "kill").disks.values():
            disk.crash(self.loop.time())

    def cut_power(self, name: str) -> None:
        """End a host and its page cache: what was not synced may be lost (see `disks`)."""
        for disk in self._end(name, "power-cut").disks.values():
            disk.lose_power(self.loop.time())

    def _end(self, name: str, how: str) -> Machine:
        host = self.hosts.pop(name)
        host.alive = host.running = False
        self._graveyard.append(host)  # kept to the end: its `finally` blocks must never run
        self.journal.record(how, host=name)
        self.network.host_died(host)
        self.datagrams.host_died(host)
        return host.machine

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, outside of all hosts, to its end; our own bugs are raised here."""
        collecting = gc.isenabled()
        gc.disable()
        previous = asyncio._get_running_loop()  # noqa: SLF001 - nested runs are a caller's bug
        assert previous is None, "a simulation inside a running loop"
        try:
            return self.loop.run_until_complete(main)
        finally:
            if collecting:
                gc.enable()

    def close(self) -> None:
        """Let go of the loop; what still hangs in it is dropped without a sound."""
        for host in [*self.hosts.values(), *self._graveyard]:
            host.alive = host.running = False
            for task in host.crew.tasks:
                task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - no other way
                work = task.get_coro()
                if isinstance(work, Coroutine) and getcoroutinestate(work) == CORO_CREATED:
                    work.close()  # spawned in the last turn, never begun
        self.loop.close()


class _LoopClock:
    """The network's own clock: its timers belong to no host."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.now: Callable[[], float] = loop.time
        self.later: Callable[[float, Callable[..., object]], Timer] = loop.later_for_none

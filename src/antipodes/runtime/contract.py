"""The one door to the machine: what a host may ask of the computer it runs on.

Time, chance, tasks, streams, disks and child processes come only from the `Runtime` that a host
was handed. There are two bodies of this one contract: *real* (uvloop, sockets, LMDB, processes) and
*virtual* (a clock that jumps, streams in memory, a disk that can lose what was not synced,
greenlets). Everything above `runtime/` is the same code in both.

Callbacks rather than stream readers carry bytes: that is where the speed is. A *receiver* has the
methods of `asyncio.Protocol`; a *stream* is what it writes to.

Errors::

    RuntimeFailure
    ├── TimedOut    a deadline passed
    ├── Gone        the other end, or the way to it, is not there (refused, reset, dead)
    ├── DiskFull    what was written could not be kept; reads go on
    └── DiskDamaged what is on the disk cannot be used

`Cancelled` is what a coroutine sees when its owner no longer wants it; never swallow it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R", bound="Receiver")

Cancelled = asyncio.CancelledError
Chance = random.Random  # so that others can name the type without importing the module


class RuntimeFailure(Exception):
    """The world said no."""


class TimedOut(RuntimeFailure):
    """A deadline passed before the awaited thing happened."""


class Gone(RuntimeFailure):
    """The other end, or the way to it, is not there."""


class DiskFull(RuntimeFailure):
    """There is no space for what was written: its group was rolled back whole."""


class DiskDamaged(RuntimeFailure):
    """A store was found damaged when it was opened; it must not be used."""


class Address(NamedTuple):
    """Where something listens in the world: a place, and a named or numbered door at it.

    `port` is a service's internal door (`"api"`, `"changes"`) or `"<ip>:<port>"` for what is
    addressed as on the internet, such as `Address("us-west-2", "198.19.7.4:80")`.
    """

    place: str
    port: str


def doors_for(address: Address) -> tuple[Address, ...]:
    """The doors that may answer at an address, the most exact first.

    `edge/*` is a door at every place below `edge`, `198.18.0.1:*` one at every port of an address.
    """
    places = (address.place, address.place.rpartition("/")[0] + "/*")
    ports = (address.port, address.port.rpartition(":")[0] + ":*")
    return tuple(Address(place, port) for place in places for port in ports)


class Accepted(NamedTuple):
    """What the accepting end knows of a connection: who came, from where, to which door."""

    peer_place: str
    peer_ip: str
    local: Address
    trace: str


class Condition(NamedTuple):
    """The state of one direction of a link, now: base distance and faults combined."""

    delay_s: float
    jitter_s: float = 0.0
    loss: float = 0.0
    bandwidth_bytes_s: float = 0.0
    cut: bool = False
    # Shares of datagrams: that arrive twice, and that are held back, so that others overtake them.
    # On a byte stream, duplicates never show, and what is held back holds up what follows it.
    duplicated: float = 0.0
    held: float = 0.0
    held_s: float = 0.0


class Links(Protocol):
    """What the runtime asks the world about distances. One version number covers all answers."""

    @property
    def version(self) -> int:
        """Grows with every change."""

    def condition(self, source: str, destination: str) -> Condition:
        """Return the state of the direction from source to destination."""

    def is_lost(self, door: Address) -> bool:
        """Whether nothing passes to or from a door, whatever the way to its place is like."""

    def on_change(self, notify: Callable[[], None]) -> None:
        """Call `notify` after every installed or healed fault."""


class Stream(Protocol):
    """The sending half of a connection."""

    @property
    def accepted(self) -> Accepted: ...

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_write_buffer_size(self) -> int: ...


class Receiver(Protocol):
    """The receiving half of a connection; methods are called by the runtime, in order."""

    def connection_made(self, stream: Stream) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def connection_lost(self, error: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class PlainReceiver:
    """A receiver that ignores everything: derive from it and override what matters."""

    def connection_made(self, stream: Stream) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def connection_lost(self, error: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


ReceiverFactory = Callable[[Accepted], Receiver]

DATAGRAM_BYTES_MAX = 65_507  # what UDP over IPv4 can carry


class Datagram(NamedTuple):
    """A message without a connection: an answer goes to its `source`."""

    data: bytes
    source: Address
    source_ip: str
    local: Address  # the door that it was sent to
    trace: str


class DatagramDoor(Protocol):
    """An open door for datagrams."""

    @property
    def address(self) -> Address: ...

    def send(self, to: Address, data: bytes, *, source_ip: str = "", trace: str = "") -> None:
        """Send, up to DATAGRAM_BYTES_MAX bytes (else ValueError).

        It arrives once, twice or never, in any order, and nobody says so.
        """

    def reply(self, to: Datagram, data: bytes) -> None:
        """Answer a datagram, from the address that it was sent to."""

    def close(self) -> None: ...


class Timer(Protocol):
    """Something that will be called later, unless cancelled."""

    def cancel(self) -> None: ...


class Task(Protocol):
    """A running coroutine."""

    def cancel(self) -> object: ...
    def done(self) -> bool: ...
    def __await__(self) -> Any: ...


class Nursery(Protocol):
    """A scope that ends only when all it started has ended; the first failure cancels the rest."""

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> Task: ...


class Listener(Protocol):
    """An open door; `port` is a number for loopback listeners, else 0."""

    @property
    def port(self) -> int: ...

    def close(self) -> None: ...


class Process(Protocol):
    """A child process. It dies with its parent, however the parent dies."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None: ...

    async def wait(self) -> int:
        """Return the exit status (negative: the signal's number)."""


class Store(Protocol):
    """Ordered keys and values with one writer and a change log; every host has exactly one.

    All writes of one turn of the loop form one *group*, committed together at the end of the turn.
    Reads see the group's own writes. Nothing that was derived from an uncommitted group may leave
    the host before `committed()`: the HTTP server holds every answer back while `dirty`.
    Keys are 1 to 511 bytes. Ranges are half open: start <= key < stop.

    A full disk: any write (a delete, too) may raise DiskFull, and a group may fail at its end.
    Either way the whole group is rolled back, whoever wrote in it; who waits for it is told, and
    nothing of it was ever true. Reads go on.
    """

    @property
    def failures(self) -> int:
        """How many groups were rolled back so far: if it grew, what was read may not be true."""

    @property
    def dirty(self) -> bool:
        """Whether a group is open (written, not yet durable)."""

    def get(self, key: bytes) -> bytes | None: ...

    def scan(
        self, start: bytes, stop: bytes, *, limit: int = 0, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` pairs (0: all) of the range, in key order or reversed."""

    def put(self, key: bytes, value: bytes) -> None: ...
    def delete(self, key: bytes) -> None: ...

    @property
    def head(self) -> int:
        """The sequence number of the newest log entry (0: none yet), uncommitted ones included."""

    def append(self, entry: bytes) -> int:
        """Add an entry to the change log, in this turn's group; return its sequence number."""

    def read_log(self, after: int, *, limit: int) -> list[tuple[int, bytes]]:
        """Return committed entries with a sequence number above `after`, oldest first."""

    def trim_log(self, upto: int) -> None:
        """Forget entries up to and including `upto`."""

    def before_commit(self, write: Callable[[], None]) -> None:
        """Call once, just before the open group is committed (one is opened if none is open).

        What it writes is in the group. Not called for a group that is rolled back earlier.
        """

    def on_commit(
        self, notify: Callable[[], None], failed: Callable[[], None] | None = None
    ) -> None:
        """Call once when the open group is durable (at once where none is open).

        Or call `failed`, if given, when it was rolled back.
        """

    async def committed(self) -> None:
        """Wait until the open group, if any, is durable. Raises DiskFull when it cannot be."""

    def on_append(self, notify: Callable[[int], None]) -> Callable[[], None]:
        """Call with the new head after each commit that appended; returns the unsubscriber."""

    def on_rollback(self, notify: Callable[[], None]) -> Callable[[], None]:
        """Call after each group that was rolled back; returns the unsubscriber.

        For those who keep in memory what they wrote: they read it again.
        """

    def close(self) -> None: ...


class Journal(Protocol):
    """What happened, in order: the console, reports, traces and the determinism check read it."""

    def record(self, kind: str, **fields: Any) -> None:
        """Note an event now."""

    def span(self, trace: str, name: str, started: float, **fields: Any) -> None:
        """Note that the piece of work `name` of a traced request ran from `started` to now."""

    def worked(self, trace: str, name: str, started: float, fields: dict[str, Any]) -> None:
        """Note a span whose further fields, and its place, are in a dictionary, which is kept."""

    def sometimes(self, name: str) -> None:
        """Note that a rare path was taken: whoever explores wants to know that it ever is."""


class Runtime(Protocol):
    """One host's door to the machine, standing at one place.

    `virtual` tells the bodies apart where customer code must run differently; nothing else may ask.
    """

    @property
    def place(self) -> str: ...

    @property
    def virtual(self) -> bool: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def speed(self) -> float: ...

    def at(self, place: str) -> "Runtime":
        """Return the same host's door, standing elsewhere (an edge host has many locations)."""

    def now(self) -> float:
        """Seconds on a clock that never jumps, shared by all hosts of this world."""

    def wall(self) -> float:
        """Unix seconds by this host's clock, which a fault may have put wrong."""

    def interval(self, seconds: float) -> float:
        """A configured interval (health checks, propagation, TTLs, phases) in seconds to wait.

        Shrinks with `speed`; distances and computations do not.
        """

    def deadline(self, seconds: float) -> float:
        """A configured timeout in seconds to wait: shrinks with `speed`, but not below 2 s."""

    def chance(self, name: str) -> random.Random:
        """The named random stream of this host: same seed, host and name, same draws."""

    async def sleep(self, seconds: float) -> None: ...

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Raise TimedOut inside the block when it takes longer."""

    def soon(self, function: Callable[..., object], *arguments: Any) -> object: ...
    def later(self, seconds: float, function: Callable[..., object], *arguments: Any) -> Timer: ...
    def future(self) -> "asyncio.Future[Any]": ...

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> Task:
        """Run for as long as the host lives; an exception that escapes is our bug: it stops it."""

    def nursery(self) -> AbstractAsyncContextManager[Nursery]: ...

    async def listen(self, address: Address, factory: ReceiverFactory) -> Listener:
        """Open a door. The place may end in `/*` (`edge/*`): any place of this host below it."""

    async def listen_datagrams(
        self, address: Address, receive: Callable[[Datagram], None]
    ) -> DatagramDoor:
        """Open a door for datagrams; without a port, one of its own (as a client does).

        Doors for datagrams and for connections are apart, as UDP's and TCP's ports are. The place
        may end in `/*`, as in `listen`; from such a door only replies leave.
        """

    async def connect(
        self, to: Address, factory: Callable[[Accepted], R], *, source_ip: str = "", trace: str = ""
    ) -> tuple[Stream, R]:
        """Connect from here over the world's links: takes a round trip. Raises Gone."""

    def open(
        self,
        to: Address,
        factory: ReceiverFactory,
        failed: Callable[[Gone], object],
        *,
        source_ip: str = "",
        trace: str = "",
    ) -> None:
        """Connect as `connect` does, with nobody waiting.

        The receiver that `factory` makes is told of the connection, or else `failed` is called.
        """

    def open_store(self, name: str) -> Store:
        """Open this host's store of that name; whoever opens it closes it. Raises DiskDamaged."""

    # Only in the real body: customer code as processes that speak to a loopback port.
    async def start_process(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        output: Callable[[bytes], None],
    ) -> Process: ...

    async def listen_loopback(self, factory: ReceiverFactory) -> Listener:
        """Listen on a free TCP port of 127.0.0.1, outside the world: no distance applies."""

    async def listen_loopback_datagrams(
        self, port: int, receive: Callable[[Datagram], None]
    ) -> DatagramDoor:
        """Listen on a UDP port of 127.0.0.1 (0: any free one), outside the world.

        It and its senders are at `Address("laptop", "127.0.0.1:<port>")`. Raises Gone.
        """

    def directory(self, name: str) -> Path:
        """A directory of this host's own, made if missing; in the world's state directory."""

    # Only in the virtual body: customer code as greenlets that switch back to the loop.
    async def run_blocking(self, function: Callable[..., T], *arguments: Any) -> T: ...

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Inside `run_blocking`: let the loop run until the awaitable is done."""

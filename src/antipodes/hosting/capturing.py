"""What crosses interfaces, as packets: of the connections of programs that stand on instances.

The bytes are the programs' own. The segments that they are shown in are made here: a handshake, the
data in pieces of an Ethernet frame's size, an end; each as it is seen at the interface, between the
translations before and after it. A packet that gets nowhere is seen as far as it came.
"""

from collections.abc import Callable
from typing import Any

from antipodes.fabric.network.fabric import Both
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.walking import Walk
from antipodes.runtime.contract import Accepted, Address, Gone, Receiver, Runtime, Stream
from antipodes.wire import pcap
from antipodes.wire.pcap import ACK, FIN, PSH, RST, SYN

SEGMENT_BYTES_MAX = 1460
HELD_BYTES_MAX = 64 << 20  # of one capture that nobody fetches; what comes after is lost
CAPTURES_MAX = 100
_OURS_FIRST, _THEIRS_FIRST = 1_000_000, 2_000_000  # sequence numbers
_Crossed = list[tuple[str, Packet]]  # interfaces, and a packet as it is there


class NoCapture(Exception):
    """There is no such capture, or there may be no more of them."""


class Captures:
    """The captures that are under way, by id: of one interface each."""

    def __init__(self) -> None:
        self._interfaces: dict[str, str] = {}
        self._held: dict[str, bytearray] = {}
        self._count = 0

    def begin(self, interface: str) -> str:
        """Begin to capture. Raises NoCapture."""
        if len(self._held) >= CAPTURES_MAX:
            raise NoCapture(f"{CAPTURES_MAX} captures are under way already")
        self._count += 1
        name = f"capture-{self._count}"
        self._interfaces[name] = interface
        self._held[name] = bytearray(pcap.file_header())
        return name

    def take(self, name: str) -> bytes:
        """What has been captured since it was last asked for. Raises NoCapture."""
        held = self._known(name)
        self._held[name] = bytearray()
        return bytes(held)

    def end(self, name: str) -> bytes:
        """Capture no longer; returns the rest. Raises NoCapture."""
        held = self._known(name)
        del self._interfaces[name], self._held[name]
        return bytes(held)

    def _known(self, name: str) -> bytearray:
        if name not in self._held:
            raise NoCapture(f"no capture is called {name}")
        return self._held[name]

    def wants(self, interface: str) -> bool:
        """Whether what crosses an interface is captured."""
        return interface in self._interfaces.values()

    def see(self, interface: str, at: float, packet: bytes) -> None:
        """A packet crosses an interface."""
        for name, of in self._interfaces.items():
            if of == interface and len(self._held[name]) < HELD_BYTES_MAX:
                self._held[name] += pcap.record(at, packet)

    def __bool__(self) -> bool:
        """Whether anything is captured."""
        return bool(self._held)


class Flow:
    """One connection's packets, wherever they cross interfaces."""

    def __init__(self, captures: Captures, wall: Callable[[], float], both: Both) -> None:
        self._captures, self._wall = captures, wall
        self._there = _crossed(both.there)
        self._back = _crossed(both.back) if both.back is not None else []
        self._ours, self._theirs = _OURS_FIRST, _THEIRS_FIRST
        self._ended = False

    def begin(self) -> None:
        """The first packet, whatever comes of it."""
        self._send(SYN)
        self._ours += 1

    def answer(self, *, takes: bool) -> None:
        """The first packet's answer: somebody takes the connection, or nobody does."""
        if not takes:
            self._receive(RST | ACK)
            return
        self._receive(SYN | ACK)
        self._theirs += 1
        self._send(ACK)

    def fail(self) -> None:
        """The first packet, and its answer if there is one, go as far as they come."""
        self.begin()
        self._receive(SYN | ACK)

    def sent(self, data: bytes) -> None:
        """Data from who began."""
        for piece in _pieces(data):
            self._send(PSH | ACK, piece)
            self._ours += len(piece)

    def received(self, data: bytes) -> None:
        """Data from who was asked."""
        for piece in _pieces(data):
            self._receive(PSH | ACK, piece)
            self._theirs += len(piece)

    def end(self, *, ours: bool) -> None:
        """One side ends, and the other says so, too."""
        if self._ended:
            return
        self._ended = True
        first, second = (self._send, self._receive) if ours else (self._receive, self._send)
        first(FIN | ACK)
        self._ours, self._theirs = self._ours + ours, self._theirs + (not ours)
        second(FIN | ACK)
        self._ours, self._theirs = self._ours + (not ours), self._theirs + ours
        first(ACK)

    def _send(self, flags: int, data: bytes = b"") -> None:
        acknowledged = self._theirs if flags & ACK else 0
        self._cross(self._there, (self._ours, acknowledged), flags, data)

    def _receive(self, flags: int, data: bytes = b"") -> None:
        self._cross(self._back, (self._theirs, self._ours), flags, data)

    def _cross(self, way: _Crossed, numbers: tuple[int, int], flags: int, data: bytes) -> None:
        at = self._wall()
        for interface, packet in way:
            if self._captures.wants(interface):
                _, source, target, _, source_port, target_port = packet
                ends = source, target, source_port, target_port
                self._captures.see(interface, at, pcap.segment(*ends, *numbers, flags, data))


def _crossed(walk: Walk) -> _Crossed:
    """The interfaces that a packet passes, and how it looks there; the last may be in two steps."""
    found: _Crossed = []
    for step in walk.steps:
        crossing = step.hop.id, step.packet
        if step.hop.kind == "interface" and (not found or found[-1] != crossing):
            found.append(crossing)
    return found


def _pieces(data: bytes) -> list[bytes]:
    size = SEGMENT_BYTES_MAX
    return [bytes(data[start : start + size]) for start in range(0, len(data), size)]


class Seen:
    """The runtime of somebody whose connections are seen: all else is the runtime's own.

    `flow_of` says which flow a connection to a door, from an address, is; None for one that nobody
    captures.
    """

    def __init__(self, runtime: Runtime, flow_of: Callable[[Address, str], Flow | None]) -> None:
        self._runtime = runtime
        self._flow_of = flow_of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    async def connect(
        self,
        to: Address,
        factory: Callable[[Accepted], Any],
        *,
        source_ip: str = "",
        trace: str = "",
    ) -> tuple[Stream, Any]:
        """As the runtime's own."""
        flow = self._flow_of(to, source_ip)
        if flow is None:
            return await self._runtime.connect(to, factory, source_ip=source_ip, trace=trace)
        flow.begin()
        try:
            _, seen = await self._runtime.connect(
                to,
                lambda accepted: _SeenReceiver(factory(accepted), flow),
                source_ip=source_ip,
                trace=trace,
            )
        except Gone:
            flow.answer(takes=False)
            raise
        return seen.stream, seen.receiver

    def open(
        self,
        to: Address,
        factory: Callable[[Accepted], Receiver],
        failed: Callable[[Gone], object],
        *,
        source_ip: str = "",
        trace: str = "",
    ) -> None:
        """As the runtime's own."""
        flow = self._flow_of(to, source_ip)
        if flow is None:
            self._runtime.open(to, factory, failed, source_ip=source_ip, trace=trace)
            return

        def gone(error: Gone) -> None:
            flow.answer(takes=False)
            failed(error)

        flow.begin()
        self._runtime.open(
            to,
            lambda accepted: _SeenReceiver(factory(accepted), flow),
            gone,
            source_ip=source_ip,
            trace=trace,
        )


class _SeenReceiver:
    """Passes everything on, and shows it."""

    def __init__(self, receiver: Receiver, flow: Flow) -> None:
        self.receiver, self._flow = receiver, flow
        self.stream: Any = None

    def connection_made(self, stream: Stream) -> None:
        self._flow.answer(takes=True)
        self.stream = _SeenStream(stream, self._flow)
        self.receiver.connection_made(self.stream)

    def data_received(self, data: bytes) -> None:
        self._flow.received(data)
        self.receiver.data_received(data)

    def eof_received(self) -> bool | None:
        return self.receiver.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._flow.end(ours=False)
        self.receiver.connection_lost(error)

    def pause_writing(self) -> None:
        self.receiver.pause_writing()

    def resume_writing(self) -> None:
        self.receiver.resume_writing()


class _SeenStream:
    """A stream whose data is shown before it is sent."""

    def __init__(self, stream: Stream, flow: Flow) -> None:
        self._stream, self._flow = stream, flow

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, data: bytes) -> None:
        self._flow.sent(data)
        self._stream.write(data)

    def close(self) -> None:
        self._flow.end(ours=True)
        self._stream.close()

    def abort(self) -> None:
        self._flow.end(ours=True)
        self._stream.abort()

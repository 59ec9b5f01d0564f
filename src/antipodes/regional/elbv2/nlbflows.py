"""A client's connection through a network load balancer: two ends, and bytes that pass.

A flow on which nothing moves for the idle timeout is forgotten without a word to either side; who
speaks on it afterwards gets a reset (Network Load Balancer user guide, network-load-balancers).

Half-closed connections are not modelled: the runtime's streams end both ways at once.
"""

from collections.abc import Callable

from antipodes.runtime.contract import PlainReceiver, Receiver, Runtime, Stream, Timer
from antipodes.service.relay import RelayEnd

SOON_S = 1e-6  # timers may fire this much early


class Flow:
    """One connection of a client, until it is over or forgotten."""

    def __init__(
        self, runtime: Runtime, idle_s: float, preface: bytes, over: Callable[["Flow"], None]
    ) -> None:
        """`preface` goes to the target before anything of the client's."""
        self._runtime = runtime
        self._idle_s = idle_s
        self._over = over
        self.preface = preface
        self.forgotten = False
        self.moved_at = runtime.now()
        self.near = FlowEnd(self)
        self.far: FlowEnd | None = None
        self._timer: Timer = runtime.later(idle_s, self._check_idle)

    def new_far(self) -> "FlowEnd":
        """The end towards the target, which has been connected."""
        self.far = FlowEnd(self, self.preface)
        self.near.join(self.far)
        return self.far

    def moved(self) -> None:
        """Bytes came, from either side."""
        self.moved_at = self._runtime.now()

    def reset(self) -> None:
        """End it on both sides, as nobody asked for."""
        self.near.reset()
        if self.far is not None:
            self.far.reset()

    def ended(self) -> None:
        """An end is over: so is the flow, if the other is as well or never was."""
        if self.near.ended and (self.far is None or self.far.ended):
            self._timer.cancel()
            self._leave()

    def _check_idle(self) -> None:
        left_s = self.moved_at + self._idle_s - self._runtime.now()
        if left_s > SOON_S:
            self._timer = self._runtime.later(left_s, self._check_idle)
            return
        self.forgotten = True
        self._runtime.journal.sometimes("nlb.idle")
        self._leave()

    def _leave(self) -> None:
        over, self._over = self._over, _nothing
        over(self)


def _nothing(_: Flow) -> None:
    """It was told already."""


class Later(PlainReceiver):
    """Stands for a receiver that is made only when there is a connection, as after a handshake."""

    def __init__(self, begin: Callable[[], Receiver]) -> None:
        self._begin = begin
        self._next: Receiver = PlainReceiver()

    def connection_made(self, stream: Stream) -> None:
        self._next = self._begin()
        self._next.connection_made(stream)

    def data_received(self, data: bytes) -> None:
        self._next.data_received(data)

    def eof_received(self) -> bool | None:
        return self._next.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._next.connection_lost(error)

    def pause_writing(self) -> None:
        self._next.pause_writing()

    def resume_writing(self) -> None:
        self._next.resume_writing()


class FlowEnd(RelayEnd):
    """One side of a flow."""

    def __init__(self, flow: Flow, preface: bytes = b"") -> None:
        super().__init__()
        self._flow = flow
        self._preface = preface
        self._doomed = False  # reset before it was open

    def connection_made(self, stream: Stream) -> None:
        if self._preface:
            stream.write(self._preface)
        super().connection_made(stream)
        if self._doomed:
            stream.abort()

    def data_received(self, data: bytes) -> None:
        flow = self._flow
        if flow.forgotten:
            self.reset()
            return
        flow.moved()
        super().data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._flow.forgotten:  # the other side never hears of it
            self.ended = True
            return
        super().connection_lost(error)
        self._flow.ended()

    def reset(self) -> None:
        """Reset this side."""
        self._doomed = True
        if self.stream is not None:
            self.stream.abort()

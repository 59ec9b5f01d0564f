"""A client's connection through the edge: two ends, joined when the backbone has answered.

A flow on which nothing has moved for as long as AWS waits is reset, whether or not it has been
joined. It is over when both of its ends are, and then nothing of it is left.

Half-closed connections are not modelled: the runtime's streams end both ways at once.
"""

from collections.abc import Callable

from antipodes.edge.globalaccelerator.meters import Meter
from antipodes.runtime.contract import Runtime, Stream, Timer
from antipodes.service.relay import RelayEnd

IDLE_S = 340.0  # Global Accelerator Developer Guide, "How it works"
SOON_S = 1e-6  # timers may fire this much early


class OpenFlow:
    """One connection of a client, until it is over."""

    _is_over = False
    far: "FlowEnd | None" = None

    def __init__(self, runtime: Runtime, meter: Meter, over: Callable[["OpenFlow"], None]) -> None:
        self._runtime = runtime
        self._meter = meter
        self._over = over
        meter.flows += 1
        meter.open += 1
        self._idle_s = runtime.interval(IDLE_S)
        self.near: FlowEnd = NearEnd(self, runtime.now, meter)
        self._timer: Timer = runtime.later(self._idle_s, self._check_idle)

    def new_far(self) -> "FlowEnd":
        """The end towards the endpoint, which has been connected."""
        near = self.near
        self.far = far = FarEnd(self, near._now, self._meter)  # noqa: SLF001 - ends of one flow
        near.other, far.other = far, near  # what came early is sent on when it is open
        return far

    def reset(self) -> None:
        """End it on both sides, as nobody asked for."""
        self.near.reset()
        if self.far is not None:
            self.far.reset()

    def ended(self) -> None:
        """An end is over: so is the flow, if the other is as well or never was.

        The far one may yet come, and end, after a client that did not wait for it.
        """
        near, far = self.near, self.far
        if near.ended and (far is None or far.ended):
            if not self._is_over:
                self._is_over = True
                self._timer.cancel()
                self._meter.open -= 1
                self._over(self)
            near.flow = None
            if far is not None:
                far.flow = None

    def _check_idle(self) -> None:
        moved_at = self.near.moved_at
        if self.far is not None:
            moved_at = max(moved_at, self.far.moved_at)
        left_s = moved_at + self._idle_s - self._runtime.now()
        if left_s > SOON_S:
            self._timer = self._runtime.later(left_s, self._check_idle)
        else:
            self.reset()


class FlowEnd(RelayEnd):
    """One side of a flow."""

    _doomed = False  # reset before it was open

    def __init__(self, flow: OpenFlow, now: Callable[[], float], meter: Meter) -> None:
        self.flow: OpenFlow | None = flow  # none when it is over
        self._meter = meter
        self._now = now
        self.moved_at = now()

    def connection_made(self, stream: Stream) -> None:
        self.stream = stream  # as the class above does: a call less
        other = self.other
        if other is not None:
            other.flush()
        if self._doomed:
            stream.abort()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self.flow is not None:
            self.flow.ended()

    def reset(self) -> None:
        """Reset this side."""
        self._doomed = True
        if self.stream is not None:
            self.stream.abort()


class NearEnd(FlowEnd):
    """The side of the client."""

    def data_received(self, data: bytes) -> None:
        self.moved_at = self._now()
        self._meter.bytes_in += len(data)
        other = self.other
        if other is not None and other.stream is not None:  # as nearly always
            other.stream.write(data)
        else:
            super().data_received(data)


class FarEnd(FlowEnd):
    """The side of the endpoint."""

    def data_received(self, data: bytes) -> None:
        self.moved_at = self._now()
        self._meter.bytes_out += len(data)
        other = self.other
        if other is not None and other.stream is not None:
            other.stream.write(data)
        else:
            super().data_received(data)

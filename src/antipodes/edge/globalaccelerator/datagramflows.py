"""Clients' datagrams through the edge: flows by where they come from, pinned while they move.

The first datagram of a client's port decides where all of them go; each flow has a door of its own,
from which it sends to the endpoint, as address translation does, and to which the endpoint answers.
A flow on which nothing has moved for 30 seconds is forgotten, and the next datagram begins another.
Too large a datagram is no matter here: nothing is cut into fragments.
"""

from collections.abc import Callable

from antipodes.edge.globalaccelerator.meters import Meter
from antipodes.runtime.contract import Address, Datagram, DatagramDoor, Runtime, Timer

IDLE_S = 30.0  # Global Accelerator Developer Guide, "How it works"
SOON_S = 1e-6  # timers may fire this much early
EARLY_MAX = 64  # datagrams kept until a flow's door is open

Answer = Callable[[Datagram, bytes], None]


class DatagramFlow:
    """One client's datagrams to one endpoint."""

    def __init__(  # noqa: PLR0913, PLR0917 - both ends of a flow
        self,
        runtime: Runtime,
        first: Datagram,
        endpoint: Address,
        source_ip: str,
        meter: Meter,
        answer: Answer,
        over: Callable[[Datagram], None],
    ) -> None:
        self._runtime = runtime
        self._first = first
        self._endpoint = endpoint
        self._source_ip = source_ip
        self._meter = meter
        self._answer = answer
        self._over = over
        self._door: DatagramDoor | None = None
        self._early: list[bytes] = []
        self._ended = False
        self._moved_at = runtime.now()
        self._idle_s = runtime.interval(IDLE_S)
        meter.flows += 1
        meter.open += 1
        self._timer: Timer = runtime.later(self._idle_s, self._check_idle)
        runtime.spawn(self._open(), "open a datagram flow")

    async def _open(self) -> None:
        here = Address(self._runtime.place, "")
        self._door = await self._runtime.listen_datagrams(here, self._back)
        early, self._early = self._early, []
        for data in early:
            self._send(data)
        if self._ended:
            self._door.close()

    def forward(self, data: bytes) -> None:
        """One more datagram of the client's."""
        self._moved_at = self._runtime.now()
        self._meter.bytes_in += len(data)
        if self._door is not None:
            self._send(data)
        elif len(self._early) < EARLY_MAX:
            self._early.append(data)

    def _send(self, data: bytes) -> None:
        if self._door is not None:
            trace = self._first.trace
            self._door.send(self._endpoint, data, source_ip=self._source_ip, trace=trace)

    def _back(self, datagram: Datagram) -> None:
        if datagram.source != self._endpoint:
            return  # nobody else is meant to send here
        self._moved_at = self._runtime.now()
        self._meter.bytes_out += len(datagram.data)
        self._answer(self._first, datagram.data)

    def _check_idle(self) -> None:
        left_s = self._moved_at + self._idle_s - self._runtime.now()
        if left_s > SOON_S:
            self._timer = self._runtime.later(left_s, self._check_idle)
        else:
            self.end()

    def end(self) -> None:
        """Nothing more of this flow."""
        if not self._ended:
            self._ended = True
            self._timer.cancel()
            self._meter.open -= 1
            if self._door is not None:
                self._door.close()
            self._over(self._first)

"""Bytes both ways between two streams, with back-pressure."""

from antipodes.runtime.contract import Accepted, PlainReceiver, Stream

EARLY_BYTES_MAX = 256 << 10


class RelayEnd(PlainReceiver):
    """One side of a relay: what it receives is written to the other."""

    def __init__(self, _: Accepted | None = None) -> None:
        self.stream: Stream | None = None
        self._other: RelayEnd | None = None
        self._early = b""
        self._ended = False

    def join(self, other: "RelayEnd") -> None:
        """Connect two open ends; what came early is sent on."""
        self._other, other._other = other, self
        for end in (self, other):
            early, end._early = end._early, b""
            if early:
                end.data_received(early)
            if end._ended:
                end._finish()

    def connection_made(self, stream: Stream) -> None:
        self.stream = stream

    def data_received(self, data: bytes) -> None:
        if self._other is None or self._other.stream is None:
            self._early += data
            if len(self._early) > EARLY_BYTES_MAX and self.stream is not None:
                self.stream.abort()
        else:
            self._other.stream.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._finish(reset=error is not None)

    def _finish(self, *, reset: bool = False) -> None:
        if self._other is not None and self._other.stream is not None:
            if reset:
                self._other.stream.abort()
            else:
                self._other.stream.close()

    def pause_writing(self) -> None:
        if self._other is not None and self._other.stream is not None:
            self._other.stream.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None and self._other.stream is not None:
            self._other.stream.resume_reading()

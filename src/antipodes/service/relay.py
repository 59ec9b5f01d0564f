"""Bytes both ways between two streams, with back-pressure."""

from antipodes.runtime.contract import Accepted, PlainReceiver, Stream

EARLY_BYTES_MAX = 256 << 10


class RelayEnd(PlainReceiver):
    """One side of a relay: what it receives is written to the other."""

    def __init__(self, _: Accepted | None = None) -> None:
        self.stream: Stream | None = None
        self.other: RelayEnd | None = None
        self.early = b""
        self.ended = False
        self.waits = False  # more came early than is kept, so reading is paused

    def join(self, other: "RelayEnd") -> None:
        """Connect two open ends; what came early is sent on."""
        self.other, other.other = other, self
        for end in (self, other):
            end.flush()
            if end.ended:
                end.finish()

    def flush(self) -> None:
        """Send on what came before the other side was open."""
        if self.other is None or self.other.stream is None:
            return
        early, self.early = self.early, b""
        if early:
            self.other.stream.write(early)
        if self.waits and self.stream is not None:
            self.waits = False
            self.stream.resume_reading()

    def connection_made(self, stream: Stream) -> None:
        self.stream = stream
        if self.other is not None:
            self.other.flush()

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.stream is None:
            self.early += data
            if len(self.early) > EARLY_BYTES_MAX and self.stream is not None:
                self.waits = True
                self.stream.pause_reading()
        else:
            self.other.stream.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self.finish(reset=error is not None)

    def finish(self, *, reset: bool = False) -> None:
        """End the other side as this one ended."""
        if self.other is not None and self.other.stream is not None:
            if reset:
                self.other.stream.abort()
            else:
                self.other.stream.close()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.stream is not None:
            self.other.stream.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.stream is not None:
            self.other.stream.resume_reading()

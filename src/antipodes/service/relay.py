"""Bytes both ways between two streams, with back-pressure.

Either side may be open before the other. What comes until then is kept, up to a limit; then its
sender is asked to wait, as a full socket would ask it. An end that came early is passed on as well.
"""

from antipodes.runtime.contract import Accepted, PlainReceiver, Stream

EARLY_BYTES_MAX = 256 << 10


class Refusal(PlainReceiver):
    """Stands where nobody is there for a connection: it is reset."""

    def connection_made(self, stream: Stream) -> None:
        stream.abort()


class RelayEnd(PlainReceiver):
    """One side of a relay: what it receives is written to the other."""

    # As each end begins: of the class, since two ends are made for every connection.
    stream: Stream | None = None
    other: "RelayEnd | None" = None
    early = b""
    ended = False
    was_reset = False
    waits = False  # more came early than is kept, so reading is paused
    is_full = False  # this side takes no more for now

    def __init__(self, _: Accepted | None = None) -> None:
        """Ends are made for connections that are accepted, and for such as are opened."""

    def join(self, other: "RelayEnd") -> None:
        """Connect two ends; what came early is sent on."""
        self.other, other.other = other, self
        for end in (self, other):
            end.flush()

    def flush(self) -> None:
        """Send on what came before the other side was open, and how it ended, if it did."""
        other = self.other
        if other is None or other.stream is None:
            return
        early, self.early = self.early, b""
        if early:
            other.stream.write(early)
        if self.ended:
            self.finish()
        elif self.waits and self.stream is not None:
            self.waits = False
            if not other.is_full:
                self.stream.resume_reading()

    def connection_made(self, stream: Stream) -> None:
        self.stream = stream
        if self.other is not None:
            self.other.flush()

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.stream is not None:
            self.other.stream.write(data)
            return
        self.early += data
        if len(self.early) > EARLY_BYTES_MAX and not self.waits and self.stream is not None:
            self.waits = True
            self.stream.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self.was_reset = error is not None
        self.finish()
        if self.other is not None and self.other.ended:
            other, self.other = self.other, None  # nothing is left to pass on
            other.other = None

    def finish(self) -> None:
        """End the other side as this one ended."""
        if self.other is not None and self.other.stream is not None:
            if self.was_reset:
                self.other.stream.abort()
            else:
                self.other.stream.close()

    def pause_writing(self) -> None:
        self.is_full = True
        if self.other is not None and self.other.stream is not None:
            self.other.stream.pause_reading()

    def resume_writing(self) -> None:
        self.is_full = False
        if self.other is not None and self.other.stream is not None:
            self.other.stream.resume_reading()

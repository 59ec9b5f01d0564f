"""Streams over ordinary sockets: the place `laptop` is outside the world, on this machine."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from antipodes.runtime.contract import Accepted, Gone, Receiver

R = TypeVar("R", bound=Receiver)

LAPTOP = "laptop"


class PlainStream(asyncio.Protocol, Generic[R]):
    """A stream over an ordinary socket, without distance: the laptop, loopback, the front door."""

    def __init__(
        self,
        factory: Callable[[Accepted], R],
        accepted: Accepted,
        streams: "dict[PlainStream[Any], None]",
        received: bytes = b"",
    ) -> None:
        """`received` is what another process has read of the connection already."""
        self.accepted = accepted
        self._streams = streams
        self.receiver: R = factory(accepted)
        self._received = received
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass on, and give the receiver asyncio's own methods directly: no layer in the path."""
        self._transport = cast("asyncio.Transport", transport)
        self._streams[self] = None
        self.write = self._transport.write  # type: ignore[method-assign] # speed: no extra call
        self.data_received = self.receiver.data_received  # type: ignore[method-assign] # as above
        self.receiver.connection_made(self)
        # Before the loop begins to read: what follows must not overtake it.
        if self._received:
            self.receiver.data_received(self._received)

    def write(self, data: bytes) -> None:
        """Send."""
        self._transport.write(data)

    def close(self) -> None:
        """Send what was written, then the end."""
        self._transport.close()

    def abort(self) -> None:
        """Reset the connection."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Read no more for now."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._transport.get_write_buffer_size()

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        self.receiver.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self.receiver.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on."""
        self._streams.pop(self, None)
        self.receiver.connection_lost(None if exc is None else Gone(str(exc)))

    def pause_writing(self) -> None:
        """Pass on."""
        self.receiver.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        self.receiver.resume_writing()

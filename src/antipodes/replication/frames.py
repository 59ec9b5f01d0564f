"""Frames over the runtime's streams: a four-byte length, then MessagePack.

A `FrameReceiver` turns bytes into messages. It keeps writers honest: while the other side does not
take what was sent, it `is_full`, until `resumed` is called; and in `lockstep` it does not read
either, so that a peer that asks without ever reading its answers asks no more. Bytes that are no
frame end the connection: nobody but a host of this world has any business here.
"""

import struct
from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.runtime.contract import PlainReceiver, Runtime, Stream

FRAME_BYTES_MAX = 32 << 20
_LENGTH = struct.Struct("!I")


class FrameReceiver(PlainReceiver):
    """One end of a connection that carries messages."""

    def __init__(  # noqa: PLR0913 - who is told of what
        self,
        runtime: Runtime,
        take: Callable[["FrameReceiver", Any], bool],
        ended: Callable[["FrameReceiver"], None],
        *,
        resumed: Callable[["FrameReceiver"], None] | None = None,
        peer: str = "",
        lockstep: bool = False,
    ) -> None:
        """`take` says whether it understood the message; a connection that talks nonsense ends."""
        self._runtime = runtime
        self._take = take
        self._ended = ended
        self._resumed = resumed
        self._lockstep = lockstep
        self._buffer = bytearray()
        self._stream: Stream
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder().decode
        self.peer = peer
        self.open = False
        self.is_full = False
        self.heard_at = 0.0

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream
        self.open = True
        self.heard_at = self._runtime.now()

    def send(self, message: Any) -> int:
        """Send a message, and return its bytes; to a closed connection, nothing."""
        if not self.open:
            return 0
        data = self._encode(message)
        size = len(data)
        assert size <= FRAME_BYTES_MAX, "a frame larger than its reader would take"
        self._stream.write(_LENGTH.pack(size) + data)
        return size

    def close(self) -> None:
        """Reset the connection."""
        if self.open:
            self._stream.abort()

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._runtime.now()
        buffer = self._buffer
        if not buffer and self._is_whole(data):
            self._hear(data[_LENGTH.size :])
            return
        buffer += data
        at = 0
        while self.open and len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            if length > FRAME_BYTES_MAX:
                self.close()
                return
            end = at + _LENGTH.size + length
            if len(buffer) < end:
                break
            if not self._hear(bytes(buffer[at + _LENGTH.size : end])):
                return
            at = end
        del buffer[:at]

    def _is_whole(self, data: bytes) -> bool:
        """Whether it is one frame, and nothing else."""
        length = len(data) - _LENGTH.size
        return 0 <= length <= FRAME_BYTES_MAX and _LENGTH.unpack_from(data)[0] == length

    def _hear(self, frame: bytes) -> bool:
        """Take the message in a frame; what is not understood ends the connection."""
        try:
            understood = self._take(self, self._decode(frame))
        except msgspec.DecodeError:
            understood = False
        if not understood:
            self.close()
        return understood

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self._ended(self)

    def pause_writing(self) -> None:
        if not self.is_full:
            self.is_full = True
            if self._lockstep:
                self._stream.pause_reading()

    def resume_writing(self) -> None:
        if self.is_full and self.open:
            self.is_full = False
            if self._lockstep:
                self._stream.resume_reading()
            if self._resumed is not None:
                self._resumed(self)

"""A machine that people type into, and the few bytes that it understands.

A keystroke is four bytes (how long it is, and how many bytes it wants back, each as two bytes, the
higher first) and padding. The machine answers each with that many bytes of picture.
"""

import struct

from antipodes.runtime.contract import Accepted, PlainReceiver, Stream

_head = struct.Struct(">HH")
HEAD_BYTES = _head.size
BYTES_MAX = 0xFFFF


def keystroke(size: int, picture_bytes: int) -> bytes:
    """A keystroke of that size, HEAD_BYTES to BYTES_MAX, that wants a picture of that size."""
    return _head.pack(size, picture_bytes) + bytes(size - HEAD_BYTES)


class Screen(PlainReceiver):
    """The machine: answers each keystroke with as many bytes as it asks for."""

    def __init__(self, _: Accepted | None = None) -> None:
        self._stream: Stream
        self._data = b""

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        while len(data) >= HEAD_BYTES:
            size, wanted = _head.unpack_from(data)
            if size < HEAD_BYTES:
                self._stream.abort()  # no keystroke
                return
            if len(data) < size:
                break
            data = data[size:]
            self._stream.write(bytes(wanted))
        self._data = data

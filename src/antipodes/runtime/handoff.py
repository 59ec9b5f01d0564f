"""Handing an accepted connection to another process: the socket itself, with the bytes read so far.

The front door reads the beginning of a connection's first request (it does not peek: a
level-triggered loop would spin on partial headers), decides whose it is, and passes the descriptor
over a Unix socket (SCM_RIGHTS). After that it is out of the path. Frames on the hand-off socket are
a four-byte length and the bytes read; the descriptor rides on the frame's first byte.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable

from antipodes.runtime.contract import Gone

HEAD_BYTES_MAX = 64 << 10
HEAD_S_MAX = 20.0
WAITING_MAX = 1024

_LENGTH = struct.Struct("!I")


class HandoffSender:
    """The front door's end: queues descriptors for one process, in order, bounded."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        self._loop = loop
        self._connection = connection
        self._connection.setblocking(False)
        self._queue: deque[tuple[socket.socket, memoryview, bool]] = deque()
        self._writing = False
        self.open = True

    def send(self, client: socket.socket, received: bytes) -> None:
        """Hand a connection over; a full queue or a dead process closes it."""
        if not self.open or len(self._queue) >= WAITING_MAX:
            client.close()
            return
        frame = memoryview(_LENGTH.pack(len(received)) + received)
        self._queue.append((client, frame, False))
        if not self._writing:
            self._flush()

    def _flush(self) -> None:
        while self._queue:
            client, frame, passed = self._queue[0]
            try:
                if passed:
                    sent = self._connection.send(frame)
                else:
                    sent = socket.send_fds(self._connection, [frame], [client.fileno()])
            except BlockingIOError:
                self._queue[0] = (client, frame, passed)
                if not self._writing:
                    self._writing = True
                    self._loop.add_writer(self._connection.fileno(), self._flush)
                return
            except OSError:
                self.close()
                return
            if sent < len(frame):
                self._queue[0] = (client, frame[sent:], True)
            else:
                self._queue.popleft()
                client.close()
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._connection.fileno())

    def close(self) -> None:
        """The process is gone: so are the connections that waited for it."""
        if not self.open:
            return
        self.open = False
        if self._writing:
            self._loop.remove_writer(self._connection.fileno())
        for client, _, _ in self._queue:
            client.close()
        self._queue.clear()
        self._connection.close()


class HandoffReceiver:
    """A region's end: calls `take(descriptor, bytes)` for each connection; `ended` when it closes.

    The front door's process holds the other end: when that dies, however, `ended` is called.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        descriptor: int,
        take: Callable[[int, bytes], object],
        ended: Callable[[], object],
    ) -> None:
        self._loop = loop
        self._connection = socket.socket(fileno=descriptor)
        self._connection.setblocking(False)
        self._take = take
        self._ended = ended
        self._descriptors: deque[int] = deque()
        self._data = b""
        loop.add_reader(self._connection.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._connection, 256 << 10, 16)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._loop.remove_reader(self._connection.fileno())
            self._connection.close()
            self._ended()
            return
        self._descriptors.extend(descriptors)
        self._data += data
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            end = _LENGTH.size + length
            if len(self._data) < end:
                break
            received, self._data = self._data[_LENGTH.size : end], self._data[end:]
            self._take(self._descriptors.popleft(), received)


# A client's socket, for those who pass it on without touching it.
ClientSocket = socket.socket


def handoff_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a hand-off: the front door's and the process's."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


class FrontSocket:
    """A listening TCP port that reads each connection's first head and lets `decide` place it.

    `decide(head, client)` gets the bytes read (up to the end of the headers or more, or as few as
    are enough to decide `at_once`) and the socket, which it must hand on or close.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        host: str,
        port: int,
        decide: Callable[[bytes, socket.socket], object],
        at_once: Callable[[bytes], bool],
    ) -> None:
        self._loop = loop
        self._decide = decide
        self._at_once = at_once
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((host, port))
        except OSError as error:
            self._listener.close()
            raise Gone(f"port {port} on {host}: {error.strerror}") from None
        self._listener.listen(1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(64):
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Head(self._loop, client, self._decide, self._at_once)

    def close(self) -> None:
        """Accept no more."""
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()


class _Head:
    """Reads one connection until its first head is complete, within a deadline and a size."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: socket.socket,
        decide: Callable[[bytes, socket.socket], object],
        at_once: Callable[[bytes], bool],
    ) -> None:
        self._loop = loop
        self._client = client
        self._decide = decide
        self._at_once = at_once
        self._data = b""
        self._timer = loop.call_later(HEAD_S_MAX, self._give_up)
        loop.add_reader(client.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = self._client.recv(HEAD_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._give_up()
            return
        self._data += data
        whole = b"\r\n\r\n" in self._data or len(self._data) > HEAD_BYTES_MAX
        if whole or self._at_once(self._data):
            self._detach()
            self._decide(self._data, self._client)

    def _detach(self) -> None:
        self._timer.cancel()
        self._loop.remove_reader(self._client.fileno())

    def _give_up(self) -> None:
        self._detach()
        self._client.close()

"""Doors on 127.0.0.1, outside the world: ordinary sockets, to which no distance applies."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from antipodes.runtime.contract import DATAGRAM_BYTES_MAX, Address, Datagram, Gone
from antipodes.runtime.datagrams import checked
from antipodes.runtime.plainstream import LAPTOP

LOOPBACK = "127.0.0.1"
READ_BYTES = 1 << 16
READS_MAX = 64  # in one turn: others want theirs
SOURCES_MAX = 1000

_new = tuple.__new__  # of named tuples: saves half the time of making one


class LoopbackPort:
    """A listening TCP port."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.port: int = server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Refuse from now on."""
        self._server.close()


class LoopbackDatagrams:
    """A UDP port: an open door for datagrams of programs on this machine.

    The socket is read as long as there is something, a number of times: that is quicker than a
    transport, of which every datagram costs a turn of its own. What the machine does not take at
    once is dropped, as any network may drop it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        bound: socket.socket,
        receive: Callable[[Datagram], None],
        open_ones: "dict[LoopbackDatagrams, None]",
    ) -> None:
        """`open_ones` has it until it is closed."""
        self._loop = loop
        self._open_ones = open_ones
        open_ones[self] = None
        self._socket = bound
        self._receive = receive
        self.address = _address(bound.getsockname())
        self._sources: dict[tuple[str, int], Address] = {}
        self._names: dict[str, tuple[str, int]] = {}  # by the port of an Address
        loop.add_reader(bound.fileno(), self._read)

    @classmethod
    def open(
        cls,
        loop: asyncio.AbstractEventLoop,
        port: int,
        receive: Callable[[Datagram], None],
        open_ones: "dict[LoopbackDatagrams, None]",
    ) -> "LoopbackDatagrams":
        """Open a UDP port (0: any free one). Raises Gone where it is taken, or cannot be had."""
        bound = None
        try:
            bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            bound.setblocking(False)
            bound.bind((LOOPBACK, port))
        except OSError as error:
            if bound is not None:
                bound.close()
            raise Gone(f"UDP port {port} of {LOOPBACK}: {error.strerror or error}") from None
        return cls(loop, bound, receive, open_ones)

    def _read(self) -> None:
        take, sources, receive = self._socket.recvfrom, self._sources, self._receive
        for _ in range(READS_MAX):
            try:
                data, name = take(READ_BYTES)
            except OSError:  # nothing more is there, or it was closed
                return
            source = sources.get(name)
            if source is None:
                source = self._remember(name)
            receive(_new(Datagram, (data, source, name[0], self.address, "")))

    def _remember(self, name: tuple[str, int]) -> Address:
        """Who asks once asks again: names and addresses are kept, both ways, up to a number."""
        if len(self._sources) >= SOURCES_MAX:
            self._sources.clear()
            self._names.clear()
        source = self._sources[name] = _address(name)
        self._names[source.port] = name
        return source

    def send(self, to: Address, data: bytes, *, source_ip: str = "", trace: str = "") -> None:
        """Send; whether it arrives, nobody says."""
        del source_ip, trace  # they belong to the world
        name = self._names.get(to.port)
        if name is None:
            host, _, port = to.port.rpartition(":")
            name = (host, int(port))
        with contextlib.suppress(OSError):  # the machine is busy, or the port is closed
            self._socket.sendto(checked(data), name)

    def reply(self, to: Datagram, data: bytes) -> None:
        """Answer a datagram, wherever in the world its sender was said to be meanwhile."""
        name = self._names.get(to[1][1])  # its source's port
        if name is None or len(data) > DATAGRAM_BYTES_MAX:
            self.send(to.source, data)
            return
        try:
            self._socket.sendto(data, name)
        except OSError:
            return  # the machine is busy, or the port is closed

    def close(self) -> None:
        """Take no more."""
        self._open_ones.pop(self, None)
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()


def _address(name: tuple[str, int]) -> Address:
    return Address(LAPTOP, f"{name[0]}:{name[1]}")

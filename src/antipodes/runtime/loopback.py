"""Doors on 127.0.0.1, outside the world: ordinary sockets, to which no distance applies."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

from antipodes.runtime.contract import Address, Datagram, Gone
from antipodes.runtime.datagrams import checked
from antipodes.runtime.realnetwork import LAPTOP

LOOPBACK = "127.0.0.1"
QUEUE_BYTES_MAX = 1 << 20


class LoopbackPort:
    """A listening TCP port."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.port: int = server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Refuse from now on."""
        self._server.close()


class _Transport(Protocol):
    """What asyncio's and uvloop's transports of datagrams both have."""

    def sendto(self, data: bytes, addr: tuple[str, int]) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def get_extra_info(self, name: str) -> Any: ...
    def is_closing(self) -> bool: ...
    def close(self) -> None: ...


class LoopbackDatagrams(asyncio.DatagramProtocol):
    """A UDP port: an open door for datagrams of programs on this machine."""

    def __init__(self, receive: Callable[[Datagram], None]) -> None:
        self._receive = receive
        self._transport: _Transport | None = None
        self.address = Address(LAPTOP, "")

    @classmethod
    async def open(
        cls, loop: asyncio.AbstractEventLoop, port: int, receive: Callable[[Datagram], None]
    ) -> "LoopbackDatagrams":
        """Open a UDP port (0: any free one). Raises Gone where it is taken."""
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.setblocking(False)
        try:
            bound.bind((LOOPBACK, port))
        except OSError as error:
            bound.close()
            raise Gone(f"UDP port {port} of {LOOPBACK}: {error.strerror or error}") from None
        _, made = await loop.create_datagram_endpoint(lambda: cls(receive), sock=bound)
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = cast("_Transport", transport)
        self.address = _address(transport.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A program has sent something."""
        self._receive(Datagram(data, _address(addr), addr[0], self.address, ""))

    def error_received(self, exc: Exception) -> None:
        """Who was answered has gone: nobody says so."""

    def send(self, to: Address, data: bytes, *, source_ip: str = "", trace: str = "") -> None:
        """Send; whether it arrives, nobody says."""
        del source_ip, trace  # they belong to the world
        host, _, port = to.port.rpartition(":")
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() + len(data) <= QUEUE_BYTES_MAX:
            transport.sendto(checked(data), (host, int(port)))

    def reply(self, to: Datagram, data: bytes) -> None:
        """Answer a datagram."""
        self.send(to.source, data)

    def close(self) -> None:
        """Take no more."""
        if self._transport is not None:
            self._transport.close()


def _address(name: tuple[str, int]) -> Address:
    return Address(LAPTOP, f"{name[0]}:{name[1]}")

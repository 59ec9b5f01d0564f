"""Datagrams between the processes of a world: Unix datagram sockets, delayed by the receiver.

Every host has one such socket in the run directory beside its other one. A header says where a
datagram comes from and where it goes, since the receiver has to know the way to delay it. Who
stands elsewhere (the supervisor, in a city) has its host named in its door, for the answers. The
kernel lets ten wait at a socket and no more, far fewer than a real way holds; so each sender keeps
a queue of its own for each host, and drops what does not fit. A host that is down takes nothing.
"""

import asyncio
import contextlib
import errno
import random
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from antipodes.runtime.contract import Address, Datagram
from antipodes.runtime.datagrams import DatagramDoors, Ways, checked, sender
from antipodes.runtime.delayline import DelayLines
from antipodes.runtime.realnetwork import host_of

QUEUE_BYTES_MAX = 1 << 20
BUFFER_BYTES = 1 << 20
READ_BYTES = 128 << 10  # a header and the largest datagram
READS_MAX = 64  # in one turn


class RealDatagrams:
    """One host's socket for datagrams, its doors, and the ways to the others."""

    def __init__(
        self, host: str, run_directory: Path, lines: DelayLines, chance: random.Random, life: int
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._host = host
        self._run_directory = run_directory
        self._life = life
        self._ways = Ways(lines, chance)
        self._doors: DatagramDoors[None] = DatagramDoors()
        self._peers: dict[str, _Peer] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Datagram).decode
        path = self._path(host)
        path.unlink(missing_ok=True)
        self._socket = _unix_socket()
        self._socket.bind(str(path))
        self._loop.add_reader(self._socket.fileno(), self._read)

    def _path(self, host: str) -> Path:
        return self._run_directory / f"{host}.datagrams"

    def listen(self, address: Address, receive: Callable[[Datagram], None]) -> "RealDatagramDoor":
        """Open a door."""
        here = "" if host_of(address.place) == self._host else f"@{self._host}"
        return RealDatagramDoor(self, self._doors.open(None, address, receive, self._life, here))

    def close_door(self, address: Address) -> None:
        """Close a door."""
        self._doors.close(address)

    def send(self, datagram: Datagram) -> None:
        """Put a datagram on its way."""
        place, port = datagram.local
        host = port.partition("@")[2] or host_of(place)
        if host not in self._peers:
            self._peers[host] = _Peer(self._loop, self._path(host))
        self._peers[host].send(self._encode(datagram))

    def _read(self) -> None:
        for _ in range(READS_MAX):
            try:
                message = self._socket.recv(READ_BYTES)
            except OSError:  # nothing more for now
                return
            with contextlib.suppress(msgspec.DecodeError):  # nobody of this world sent that
                self._ways.carry(self._decode(message), self._deliver)

    def _deliver(self, datagram: Datagram) -> None:
        door = self._doors.find(datagram.local)
        if door is not None:
            door.receive(datagram)

    def close(self) -> None:
        """Close the socket."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        for peer in self._peers.values():
            peer.close()


def _unix_socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        made.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    return made


class _Peer:
    """The way to one host: connected, so that the kernel says when there is room again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, path: Path) -> None:
        self._loop = loop
        self._path = path
        self._socket: socket.socket | None = None
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0

    def send(self, message: bytes) -> None:
        """Send, or queue, or drop."""
        if not self._queue and self._sent(message):
            return
        if self._queued_bytes + len(message) <= QUEUE_BYTES_MAX:
            self._queue.append(message)
            self._queued_bytes += len(message)

    def _sent(self, message: bytes) -> bool:
        """Hand a message to the kernel; false if it has to wait. What cannot arrive is gone."""
        for _ in range(2):
            connected = self._socket
            try:
                if connected is None:
                    connected = self._socket = _unix_socket()
                    connected.connect(str(self._path))
                connected.send(message)
            except OSError as error:
                if connected is not None and error.errno in {errno.EAGAIN, errno.ENOBUFS}:
                    self._loop.add_writer(connected.fileno(), self._flush)
                    return False
                self.close()  # the host is down, or another process by now: once more
                continue
            return True
        return True

    def _flush(self) -> None:
        if self._socket is not None:
            self._loop.remove_writer(self._socket.fileno())
        while self._queue:
            if not self._sent(self._queue[0]):
                return
            if self._queue:
                self._queued_bytes -= len(self._queue.popleft())

    def close(self) -> None:
        """Let go of the socket, and of what waits for it."""
        if self._socket is not None:
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
            self._socket = None
        self._queue.clear()
        self._queued_bytes = 0


class RealDatagramDoor:
    """An open door for datagrams."""

    def __init__(self, datagrams: RealDatagrams, address: Address) -> None:
        self._datagrams = datagrams
        self.address = address

    def send(self, to: Address, data: bytes, *, source_ip: str = "", trace: str = "") -> None:
        """Send; whether it arrives, nobody says."""
        source = sender(self.address)
        self._datagrams.send(Datagram(checked(data), source, source_ip, to, trace))

    def reply(self, to: Datagram, data: bytes) -> None:
        """Answer a datagram, from the address that it was sent to."""
        self._datagrams.send(Datagram(checked(data), to.local, "", to.source, to.trace))

    def close(self) -> None:
        """Take no more."""
        self._datagrams.close_door(self.address)

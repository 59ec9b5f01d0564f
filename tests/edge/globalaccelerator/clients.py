"""What stands at the two ends of an accelerator's flows in these tests, over TCP and over UDP."""

from typing import Any

from antipodes.runtime.contract import Accepted, Address, Datagram, PlainReceiver, Stream
from antipodes.world import addresses
from tests.edge.globalaccelerator.worlds import Stage


class Machine:
    """Answers to everything at a door of a region: its name, and whom it saw."""

    def __init__(
        self, stage: Stage, region: str, door: str, name: str = "", place: str = ""
    ) -> None:
        self.came: list[str] = []
        self.heard = b""
        self.name = name or region
        self._runtime = stage.simulated.hosts[region].runtime
        self.address = Address(place or region, door)
        self._door: Any

    async def start(self, *, tcp: bool = True, udp: bool = True) -> "Machine":
        await self._runtime.spawn(self._listen(tcp=tcp, udp=udp), "a machine starts")
        return self

    async def _listen(self, *, tcp: bool, udp: bool) -> None:
        if tcp:
            self._listener = await self._runtime.listen(self.address, self._accept)
        if udp:
            self._door = await self._runtime.listen_datagrams(self.address, self._receive)

    def stop(self) -> None:
        """Refuse connections from now on."""
        self._listener.close()

    def _accept(self, accepted: Accepted) -> PlainReceiver:
        self.came.append(accepted.peer_ip)
        return _Greeting(self)

    def _receive(self, datagram: Datagram) -> None:
        self.came.append(datagram.source_ip)
        self._door.reply(datagram, self.name.encode() + b" " + datagram.data)


class _Greeting(PlainReceiver):
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._stream: Stream

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._machine.heard += data
        self._stream.write(self._machine.name.encode() + b" " + data)


class Sender:
    """Sends datagrams from a city, from one port, and keeps the answers."""

    def __init__(self, stage: Stage, city: str, client: int = 0) -> None:
        self._stage = stage
        self._city = city
        self._ip = addresses.client_ip(f"city/{city}", client)
        self.answers: list[bytes] = []
        self._door: Any

    async def start(self) -> "Sender":
        runtime = self._stage.simulated.outside.at(f"city/{self._city}")
        door = Address(f"city/{self._city}", "")
        self._door = await runtime.listen_datagrams(door, self._take)
        return self

    def _take(self, datagram: Datagram) -> None:
        self.answers.append(datagram.data)

    def send(self, data: bytes, port: int, address: str = "") -> None:
        to = self._stage.door(self._city, address, port)
        self._door.send(to, data, source_ip=self._ip)

    async def ask(self, data: bytes, port: int, address: str = "") -> str:
        """Send, wait, and return what came back."""
        self.answers.clear()
        self.send(data, port, address)
        await self._stage.wait(2)
        return b"|".join(self.answers).decode()

"""Programs on the user's own machine that stand for something in the world.

A connection to a door in the world goes on to a port of 127.0.0.1: nothing leaves the machine. The
distance lies between the asker and the door; between the door and the program there is none. A
program that does not run refuses, as a machine does on which nothing listens.
"""

from antipodes.runtime.contract import Accepted, Address, Gone, Receiver, Runtime, Stream
from antipodes.service.relay import RelayEnd

LAPTOP = "laptop"  # the place of the user's own machine, outside of the world


class _Near(RelayEnd):
    """The end towards whoever connected."""

    def __init__(self) -> None:
        super().__init__()
        self._refused = False

    def connection_made(self, stream: Stream) -> None:
        super().connection_made(stream)
        if self._refused:
            stream.abort()

    def refuse(self) -> None:
        """The program is not there; it may be known before this end is open."""
        self._refused = True
        if self.stream is not None:
            self.stream.abort()


def instance_door(region: str, interface: str, port: int) -> Address:
    """Where an instance listens on one of its interfaces."""
    return Address(region, f"{interface}:{port}")


def passed_to(runtime: Runtime, program: str, accepted: Accepted, marker: str) -> Receiver:
    """A receiver whose connection goes on to a program, `127.0.0.1:PORT`.

    Where none runs, the connection is reset and `marker` noted as something that sometimes happens.
    """
    near = _Near()

    def far(_: Accepted) -> Receiver:
        made = RelayEnd()
        near.join(made)
        return made

    def failed(_: Gone) -> None:
        runtime.journal.sometimes(marker)
        near.refuse()

    runtime.open(
        Address(LAPTOP, program), far, failed, source_ip=accepted.peer_ip, trace=accepted.trace
    )
    return near

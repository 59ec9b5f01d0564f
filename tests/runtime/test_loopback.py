"""UDP ports of 127.0.0.1: for programs on this machine, outside of the world."""

from typing import Any

import pytest

from antipodes.runtime.contract import Datagram, Gone, Runtime, RuntimeFailure
from tests.runtime.worlds import run_real, run_virtual


def test_a_program_is_heard_and_answered_without_distance() -> None:
    async def scenario(near: Runtime, far: Runtime) -> tuple[list[Datagram], bytes, Any, Any]:
        heard: list[Datagram] = []

        def receive(datagram: Datagram) -> None:
            heard.append(datagram)
            door.reply(datagram, datagram.data.upper())

        answered = far.future()
        door = await near.listen_loopback_datagrams(0, receive)
        program = await far.listen_loopback_datagrams(0, answered.set_result)
        program.send(door.address, b"hello")
        answer = await answered
        return heard, answer.data, program.address, door.address

    heard, answer, program, door = run_real(scenario)
    assert answer == b"HELLO"
    assert [(d.data, d.source, d.source_ip, d.local) for d in heard] == [
        (b"hello", program, "127.0.0.1", door)
    ]
    assert door.place == "laptop"
    assert door.port.startswith("127.0.0.1:")
    assert door != program


def test_a_port_belongs_to_one() -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        door = await near.listen_loopback_datagrams(0, lambda _: None)
        port = int(door.address.port.rpartition(":")[2])
        with pytest.raises(Gone, match=f"UDP port {port} of 127.0.0.1"):
            await far.listen_loopback_datagrams(port, lambda _: None)

    run_real(scenario)


def test_what_is_closed_says_nothing() -> None:
    async def scenario(near: Runtime, far: Runtime) -> list[Datagram]:
        heard: list[Datagram] = []
        door = await near.listen_loopback_datagrams(0, heard.append)
        other = await far.listen_loopback_datagrams(0, lambda _: None)
        door.close()
        door.send(other.address, b"too late")
        other.send(door.address, b"nobody is there")
        again = far.future()
        third = await near.listen_loopback_datagrams(0, again.set_result)
        other.send(third.address, b"still alive")
        assert (await again).data == b"still alive"
        return heard

    assert run_real(scenario) == []


def test_a_simulation_has_none() -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        with pytest.raises(RuntimeFailure, match="no loopback ports"):
            await near.listen_loopback_datagrams(0, lambda _: None)

    run_virtual(scenario)

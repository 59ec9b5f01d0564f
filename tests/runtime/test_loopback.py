"""UDP ports of 127.0.0.1: for programs on this machine, outside of the world."""

import gc
import os
import resource
import weakref
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


def test_where_no_more_files_can_be_opened_there_is_no_port() -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, most))
        try:
            with pytest.raises(Gone, match="Too many open files"):
                await near.listen_loopback_datagrams(0, lambda _: None)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (least, most))

    run_real(scenario)


def test_a_port_that_is_closed_leaves_nothing_behind() -> None:
    async def scenario(near: Runtime, _: Runtime) -> bool:
        door = await near.listen_loopback_datagrams(0, lambda _: None)
        kept = weakref.ref(door)
        door.close()
        del door
        await near.sleep(0)
        gc.collect()
        return kept() is None

    assert run_real(scenario)


def test_a_port_is_open_also_if_nobody_keeps_its_door() -> None:
    async def scenario(near: Runtime, far: Runtime) -> bytes:
        heard = near.future()
        to = (await near.listen_loopback_datagrams(0, heard.set_result)).address
        gc.collect()
        (await far.listen_loopback_datagrams(0, lambda _: None)).send(to, b"hello")
        data: bytes = (await heard).data
        return data

    assert run_real(scenario) == b"hello"


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

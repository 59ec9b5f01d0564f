"""Clients' connections through the edge: to where they are pinned, and what they carry."""

from typing import Any

import pytest

from antipodes.runtime.contract import Accepted, Address, PlainReceiver, Stream
from antipodes.world import addresses
from tests.edge.globalaccelerator.worlds import TURNED_S, E, Stage, play

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
LARGE_BYTES = 40 << 20
PIECE_BYTES = 1 << 18


class Peer(PlainReceiver):
    """One end of a connection: sends a number of bytes as fast as it may, counts what comes.

    One that has nothing to send and is slow does not read until its stream is resumed.
    """

    def __init__(self, accepted: Accepted, to_send: int = 0, *, is_slow: bool = False) -> None:
        self.accepted = accepted
        self.received = self.sent = 0
        self.ended: list[Exception | None] = []
        self.stream: Stream
        self._to_send = to_send
        self._is_slow = is_slow
        self._waits = False

    def connection_made(self, stream: Stream) -> None:
        self.stream = stream
        if self._is_slow:
            stream.pause_reading()
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.append(error)

    def pause_writing(self) -> None:
        self._waits = True

    def resume_writing(self) -> None:
        self._waits = False
        self._go_on()

    def _go_on(self) -> None:
        while self.sent < self._to_send and not self._waits:
            self.sent += PIECE_BYTES
            self.stream.write(bytes(PIECE_BYTES))


async def build_bare(
    stage: Stage, *, to_send: int = 0, is_slow: bool = False, **endpoint: Any
) -> list[Peer]:
    """An accelerator whose only endpoint is a bare door; who came there is added to the list."""
    came: list[Peer] = []

    def accept(accepted: Accepted) -> Peer:
        came.append(Peer(accepted, to_send, is_slow=is_slow))
        return came[-1]

    runtime = stage.simulated.hosts[E].runtime
    bare = await stage.bare_balancer(E)
    door = Address(E, f"elb/{bare.partition('/')[2]}:80")
    await runtime.spawn(_listen(runtime, door, accept), "bare door")
    await stage.accelerate(regions=())
    await stage.call(
        "CreateEndpointGroup",
        ListenerArn=stage.listener,
        EndpointGroupRegion=E,
        EndpointConfigurations=[{"EndpointId": bare, **endpoint}],
        IdempotencyToken="g",
    )
    await stage.wait(TURNED_S)  # it is never healthy: the edge fails open
    return came


async def _listen(runtime: Any, door: Address, accept: Any) -> None:
    await runtime.listen(door, accept)


async def connect(
    stage: Stage, city: str = "frankfurt", *, to_send: int = 0, is_slow: bool = False
) -> Peer:
    runtime = stage.simulated.outside.at(f"city/{city}")
    _, peer = await runtime.connect(
        stage.door(city),
        lambda accepted: Peer(accepted, to_send, is_slow=is_slow),
        source_ip=addresses.client_ip(f"city/{city}", 0),
    )
    return peer


@pytest.mark.parametrize("is_preserved", [True, False])
def test_the_endpoint_sees_the_clients_address_if_that_is_preserved(*, is_preserved: bool) -> None:
    async def scenario(stage: Stage) -> None:
        came = await build_bare(stage, ClientIPPreservationEnabled=is_preserved)
        await connect(stage)
        await stage.wait(1)
        client = addresses.client_ip("city/frankfurt", 0)
        assert [peer.accepted.peer_ip == client for peer in came] == [is_preserved]
        assert came[0].accepted.peer_place == stage.world.anycast_edge("city/frankfurt")

    play(scenario)


@pytest.mark.parametrize("is_upward", [True, False])
def test_a_slow_reader_holds_the_sender_back_through_the_edge(*, is_upward: bool) -> None:
    async def scenario(stage: Stage) -> None:
        up, down = (LARGE_BYTES, 0) if is_upward else (0, LARGE_BYTES)
        came = await build_bare(stage, to_send=down, is_slow=is_upward)
        client = await connect(stage, to_send=up, is_slow=not is_upward)
        await stage.wait(60)
        sender, reader = (client, came[0]) if is_upward else (came[0], client)
        assert reader.received < sender.sent < LARGE_BYTES
        reader.stream.resume_reading()
        await stage.wait(60)
        assert reader.received == sender.sent == LARGE_BYTES

    play(scenario)


def test_much_both_ways_at_once_arrives_whole() -> None:
    async def scenario(stage: Stage) -> None:
        came = await build_bare(stage, to_send=LARGE_BYTES)
        client = await connect(stage, "sao-paulo", to_send=LARGE_BYTES)
        await stage.wait(120)
        assert [peer.received for peer in (client, came[0])] == [LARGE_BYTES] * 2

    play(scenario)


def test_the_end_of_either_side_ends_the_other_as_it_ended() -> None:
    async def scenario(stage: Stage) -> None:
        came = await build_bare(stage)
        clients = [await connect(stage) for _ in range(4)]
        await stage.wait(1)
        clients[0].stream.close()
        clients[1].stream.abort()
        came[2].stream.close()
        came[3].stream.abort()
        await stage.wait(1)
        reset = [ended is not None for peer in came[:2] for ended in peer.ended]
        assert reset == [False, True]
        reset = [ended is not None for peer in clients[2:] for ended in peer.ended]
        assert reset == [False, True]
        assert stage.plane.flows == 0

    play(scenario)


def test_a_client_that_leaves_before_the_backbone_has_answered_leaves_nothing_behind() -> None:
    async def scenario(stage: Stage) -> None:
        came = await build_bare(stage)
        client = await connect(stage, "sao-paulo")  # the endpoint is far from there
        client.stream.write(b"hello")
        client.stream.close()
        await stage.wait(2)
        assert [(peer.received, peer.ended) for peer in came] == [(5, [None])]
        assert stage.plane.flows == 0

    play(scenario)


def test_a_flow_that_moves_is_kept_beyond_the_idle_time_and_one_that_rests_is_reset() -> None:
    """340 seconds, and a byte from either side starts them again."""

    async def scenario(stage: Stage) -> None:
        came = await build_bare(stage)
        talking, resting = [await connect(stage) for _ in range(2)]
        await stage.wait(339)
        assert resting.ended == []
        came[0].stream.write(b"x")
        await stage.wait(2)
        assert len(resting.ended) == len(came[1].ended) == 1
        assert isinstance(resting.ended[0], Exception)
        await stage.wait(330)
        assert talking.ended == []
        await stage.wait(10)
        assert len(talking.ended) == 1

    play(scenario)

"""Datagrams passed on as conversations, where there is no door for one."""

from collections.abc import Callable
from functools import partial

from antipodes.runtime.contract import Address, Datagram, DatagramDoor, Gone, Runtime
from antipodes.service.conversations import Conversations
from tests.runtime.worlds import run_virtual

NEAR, FAR = Address("a", "here"), Address("b", "there")
IDLE_S = 30.0


def test_a_conversation_that_gets_no_door_is_over_and_the_next_word_begins_another() -> None:
    async def scenario(near: Runtime, far: Runtime) -> None:
        doors_left = 0

        async def opening(receive: Callable[[Datagram], None]) -> DatagramDoor:
            await near.sleep(0.01)
            if not doors_left:
                raise Gone("too many open files")
            return await near.listen_datagrams(Address("a", ""), receive)

        heard: list[bytes] = []
        await far.listen_datagrams(FAR, lambda datagram: heard.append(datagram.data))
        conversations = Conversations(near, IDLE_S)
        begin = partial(conversations.begin, opening=opening, to=FAR, reply=lambda *_: None)
        for word in (b"one", b"two"):
            conversations.take(Datagram(word, FAR, "198.19.128.9", NEAR, ""), begin)
        assert len(conversations) == 1
        await near.sleep(1.0)
        assert len(conversations) == 0
        doors_left = 1
        conversations.take(Datagram(b"three", FAR, "198.19.128.9", NEAR, ""), begin)
        await near.sleep(1.0)
        assert (heard, len(conversations)) == ([b"three"], 1)

    run_virtual(scenario)

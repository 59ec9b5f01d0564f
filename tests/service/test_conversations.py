"""Datagrams passed on as conversations: doors that are not there, or not yet, and strangers."""

from collections.abc import Awaitable, Callable

from antipodes.runtime.contract import Address, Datagram, DatagramDoor, Gone, Runtime
from antipodes.service.conversations import EARLY_MAX, Conversations
from tests.runtime.worlds import run_virtual

NEAR, FAR = Address("a", "here"), Address("b", "there")
IDLE_S, OPENING_S = 30.0, 0.01


class Talk:
    """One source that speaks by way of a place, and what is heard at either end."""

    def __init__(self, near: Runtime, far: Runtime) -> None:
        self.near = near
        self.far = far
        self.conversations = Conversations(near, IDLE_S)
        self.heard: list[bytes] = []
        self.replies: list[bytes] = []
        self.doors: list[DatagramDoor] = []
        self.doors_left = 1

    async def open(self) -> DatagramDoor:
        """Listen at the other end."""
        return await self.far.listen_datagrams(FAR, lambda d: self.heard.append(d.data))

    def say(self, *words: bytes) -> None:
        """Say something at once."""
        for word in words:
            self.conversations.take(Datagram(word, FAR, "198.19.128.9", NEAR, ""), self._begin)

    def _begin(self, first: Datagram) -> None:
        self.conversations.begin(first, self._open, FAR, lambda _, data: self.replies.append(data))

    async def _open(self, receive: Callable[[Datagram], None]) -> DatagramDoor:
        await self.near.sleep(OPENING_S)
        if not self.doors_left:
            raise Gone("too many open files")
        self.doors.append(await self.near.listen_datagrams(Address("a", ""), receive))
        return self.doors[-1]


def play(scenario: Callable[[Talk], Awaitable[None]]) -> None:
    async def main(near: Runtime, far: Runtime) -> None:
        await scenario(Talk(near, far))

    run_virtual(main)


def test_a_conversation_that_gets_no_door_is_over_and_the_next_word_begins_another() -> None:
    async def scenario(talk: Talk) -> None:
        await talk.open()
        talk.doors_left = 0
        talk.say(b"one", b"two")
        assert len(talk.conversations) == 1
        await talk.near.sleep(1.0)
        assert len(talk.conversations) == 0
        talk.doors_left = 1
        talk.say(b"three")
        await talk.near.sleep(1.0)
        assert (talk.heard, len(talk.conversations)) == ([b"three"], 1)

    play(scenario)


def test_a_conversation_that_ends_before_its_door_is_open_says_nothing() -> None:
    async def scenario(talk: Talk) -> None:
        far = await talk.open()
        talk.say(b"one")
        talk.conversations.end(lambda _: True)
        await talk.near.sleep(1.0)
        [door] = talk.doors
        far.send(door.address, b"an answer")
        await talk.near.sleep(1.0)
        assert (talk.heard, talk.replies, len(talk.conversations)) == ([], [], 0)

    play(scenario)


def test_only_so_many_words_wait_for_a_door() -> None:
    async def scenario(talk: Talk) -> None:
        await talk.open()
        talk.say(*[b"%d" % number for number in range(EARLY_MAX + 9)])
        await talk.near.sleep(1.0)
        assert talk.heard == [b"%d" % number for number in range(EARLY_MAX)]

    play(scenario)


def test_only_the_other_end_is_heard() -> None:
    async def scenario(talk: Talk) -> None:
        far = await talk.open()
        stranger = await talk.far.listen_datagrams(Address("b", "elsewhere"), lambda _: None)
        talk.say(b"one")
        await talk.near.sleep(1.0)
        [door] = talk.doors
        stranger.send(door.address, b"a stranger's")
        far.send(door.address, b"an answer")
        await talk.near.sleep(1.0)
        assert talk.replies == [b"an answer"]

    play(scenario)

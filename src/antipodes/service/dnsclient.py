"""A DNS client: asks one server, over datagrams, again if need be, over a stream if it is long.

An answer counts if it comes from the address that was asked, with the id and the question of one
that waits; whatever else comes is passed over. Ids are drawn by chance. Timeouts are in seconds of
the world: they shrink with its speed, as all timeouts do.
"""

from typing import Any, NamedTuple

from antipodes.fabric.dns.edns import MalformedMessage, Subnet
from antipodes.fabric.dns.message import Answer, encode_query, parse_answer
from antipodes.runtime.contract import (
    Address,
    Datagram,
    DatagramDoor,
    Gone,
    PlainReceiver,
    Runtime,
    TimedOut,
)

TRIES = 3
TRY_S = 2.0
WAITING_MAX = 10_000  # questions under way; of 65,536 ids most are then free


class _Waiting(NamedTuple):
    """A question under way."""

    server: Address
    name: bytes
    rtype: int
    answer: Any  # the future


class DnsClient:
    """Asks from one place, by one door of its own."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._chance = runtime.chance("dns ids")
        self._door: DatagramDoor | None = None
        self._doors: list[DatagramDoor] = []
        self._waiting: dict[int, _Waiting] = {}

    async def ask(  # noqa: PLR0913 - a question has so many sides
        self,
        server: Address,
        name: bytes,
        rtype: int,
        *,
        subnet: Subnet | None = None,
        recursion: bool = False,
        timeout_s: float = TRY_S,
        tries: int = TRIES,
        source_ip: str = "",
        trace: str = "",
    ) -> Answer:
        """Return what a server says of a name in wire form, whatever it says.

        Each of the tries may take `timeout_s`. Raises TimedOut when there was no answer, Gone when
        a long answer could not be fetched, or there are too many questions under way.
        """
        door = await self._opened()
        identifier = self._free_id()
        data = encode_query(identifier, name, rtype, recursion=recursion, subnet=subnet)
        try_s = self._runtime.deadline(timeout_s)
        try:
            for _ in range(tries):
                waiting = _Waiting(server, name, rtype, self._runtime.future())
                self._waiting[identifier] = waiting
                door.send(server, data, source_ip=source_ip, trace=trace)
                answer = await self._answer(waiting, try_s)
                if answer is not None:
                    break
            else:
                raise TimedOut(f"no answer from {server.place} {server.port}")
        finally:
            self._waiting.pop(identifier, None)
        if not answer.truncated:
            return answer
        waiting = _Waiting(server, name, rtype, self._runtime.future())
        async with self._runtime.timeout(try_s):
            return await self._ask_stream(waiting, data, source_ip, trace)

    async def _answer(self, waiting: _Waiting, seconds: float) -> Answer | None:
        """Wait for an answer, but not for ever."""
        timer = self._runtime.later(seconds, _give_up, waiting.answer)
        try:
            answer: Answer | None = await waiting.answer
        finally:
            timer.cancel()
        return answer

    async def _opened(self) -> DatagramDoor:
        if self._door is not None:
            return self._door
        address = Address(self._runtime.place, "")
        door = await self._runtime.listen_datagrams(address, self._take)
        self._doors.append(door)  # two, if two questions were the first: both take answers
        self._door = door
        return door

    def _free_id(self) -> int:
        if len(self._waiting) >= WAITING_MAX:
            raise Gone(f"{WAITING_MAX} questions are under way already")
        while True:
            identifier = self._chance.getrandbits(16)
            if identifier not in self._waiting:
                return identifier

    def _take(self, datagram: Datagram) -> None:
        waiting = self._waiting.get(int.from_bytes(datagram.data[:2], "big"))
        if waiting is None or waiting.server != datagram.source or waiting.answer.done():
            return
        answer = _answer_to(waiting, datagram.data)
        if answer is not None:
            waiting.answer.set_result(answer)

    async def _ask_stream(
        self, waiting: _Waiting, data: bytes, source_ip: str, trace: str
    ) -> Answer:
        stream, _ = await self._runtime.connect(
            waiting.server, lambda _: _StreamReceiver(waiting), source_ip=source_ip, trace=trace
        )
        try:
            stream.write(len(data).to_bytes(2, "big") + data)
            answer: Answer = await waiting.answer
        finally:
            stream.abort()
        return answer

    def close(self) -> None:
        """Take no more answers."""
        for door in self._doors:
            door.close()
        self._doors.clear()
        self._door = None


def _give_up(answer: Any) -> None:
    if not answer.done():
        answer.set_result(None)


def _answer_to(waiting: _Waiting, data: bytes) -> Answer | None:
    """What a message says, if it answers the question."""
    try:
        answer = parse_answer(data)
    except MalformedMessage:
        return None
    asked = (answer.name, answer.rtype) == (waiting.name, waiting.rtype)
    return answer if asked or not answer.rtype else None


class _StreamReceiver(PlainReceiver):
    """A connection for one answer."""

    def __init__(self, waiting: _Waiting) -> None:
        self._waiting = waiting
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = 2 + int.from_bytes(self._data[:2], "big")
        if len(self._data) < max(end, 3) or self._waiting.answer.done():
            return
        answer = _answer_to(self._waiting, self._data[2:end])
        if answer is None:
            self._waiting.answer.set_exception(Gone("an answer to something else"))
        else:
            self._waiting.answer.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._waiting.answer.done():
            self._waiting.answer.set_exception(Gone("the server hung up"))

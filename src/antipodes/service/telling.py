"""How two regions tell each other of the things that they share, such as peerings.

What a region owes another one is on its disk until the other has answered; the answer is what the
other makes of it, so one exchange brings both to the same state. Said is what is so at that time,
and nothing before it is durable. A region that cannot be reached is tried again for ever.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from antipodes.runtime.contract import Address, DiskFull, Gone, TimedOut
from antipodes.service.contract import Host
from antipodes.service.http import HttpClient, HttpRequest, HttpResponse, HttpServer
from antipodes.service.records import Records

EXCHANGE_S_MAX = 10.0
RETRY_S_MIN, RETRY_S_MAX = 0.5, 5.0
_OK, _NOT_FOUND = 200, 404

S = TypeVar("S", bound=msgspec.Struct)


class Owed(msgspec.Struct, frozen=True):
    """That another region has to hear of a thing, and whose copy it is."""

    account: str


class _Topic(NamedTuple):
    decode: Callable[[bytes], Any]
    copy: Callable[[str, str], Any]
    hear: Callable[[Any], Any]


class Telling:
    """What a service of one region has to tell that of others."""

    def __init__(self, host: Host, door: str, topic_of: Callable[[str], str]) -> None:
        """`door` is the service's own; `topic_of` says what is spoken of by its id."""
        self._host = host
        self._runtime = host.runtime
        self._client = HttpClient(host.runtime)
        self._owed = Records(host.store, f"owed/{door}", Owed)  # by region and id
        self._door, self._topic_of = door, topic_of
        self._topics: dict[str, _Topic] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._under_way: dict[str, None] = {}

    def carry(
        self,
        topic: str,
        record: type[S],
        copy: Callable[[str, str], S | None],
        hear: Callable[[S], S],
    ) -> None:
        """Tell of a kind of things: `copy` finds an account's, `hear` takes what others say."""
        decode = msgspec.msgpack.Decoder(record).decode
        self._topics[topic] = _Topic(decode, copy, hear)

    async def start(self) -> None:
        """Open the door; tell what is owed."""
        server = HttpServer(self._runtime, self._answer, store=self._host.store)
        await self._runtime.listen(Address(self._host.place, self._door), server.receiver)
        for region in self._host.world.regions:
            if self._owed.count(region):
                self._begin(region)

    def owe(self, region: str, account: str, name: str) -> None:
        """Tell a region of a thing, as soon as it can be reached."""
        self._owed.put(region, name, Owed(account))
        self._begin(region)

    def owes(self, region: str, name: str) -> bool:
        """Whether a region has not heard the newest of a thing."""
        return self._owed.get(region, name) is not None

    def _answer(self, request: HttpRequest) -> HttpResponse:
        topic = self._topics.get(request.target.removeprefix("/"))
        if topic is None:
            return HttpResponse(_NOT_FOUND)
        return HttpResponse(_OK, (), self._encode(topic.hear(topic.decode(request.body))))

    def _begin(self, region: str) -> None:
        if region not in self._under_way:
            self._under_way[region] = None
            self._runtime.spawn(self._tell_all(region), f"tell {region} ({self._door})")

    async def _tell_all(self, region: str) -> None:
        retry_s = RETRY_S_MIN
        while owed := self._owed.named(region):
            try:
                await self._host.store.committed()
                for name, of in owed:
                    await self._tell(region, name, of.account)
                retry_s = RETRY_S_MIN
            except (Gone, TimedOut, DiskFull):
                self._runtime.journal.sometimes("told-later")
                await self._runtime.sleep(self._runtime.interval(retry_s))
                retry_s = min(2 * retry_s, RETRY_S_MAX)
        del self._under_way[region]

    async def _tell(self, region: str, name: str, account: str) -> None:
        spoken = self._topic_of(name)
        topic = self._topics[spoken]
        said = topic.copy(account, name)
        if said is not None:
            async with self._runtime.timeout(self._runtime.deadline(EXCHANGE_S_MAX)):
                answer = await self._client.request(
                    Address(region, self._door),
                    "POST",
                    f"/{spoken}",
                    body=self._encode(said),
                    keep_alive=False,
                )
            if answer.status != _OK:
                raise Gone(f"{region} cannot take what it is told")
            heard = topic.decode(answer.body)
            is_newest = topic.copy(account, name) == said
            topic.hear(heard)
            if not is_newest:
                return  # something happened here meanwhile: that has to be said too
        self._owed.delete(region, name)

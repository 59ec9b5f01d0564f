"""How two regions tell each other of the peerings that they share.

What a region owes another one is on its disk until the other has answered; the answer is what the
other makes of it, so one exchange brings both to the same state. Said is what is so at that time,
and nothing before it is durable. A region that cannot be reached is tried again for ever.
"""

from collections.abc import Callable

import msgspec

from antipodes.regional.ec2.modelpeers import Peering
from antipodes.runtime.contract import Address, DiskFull, Gone, TimedOut
from antipodes.service.contract import Host
from antipodes.service.http import HttpClient, HttpRequest, HttpResponse, HttpServer
from antipodes.service.records import Records

DOOR = "ec2-peerings"
EXCHANGE_S_MAX = 10.0
RETRY_S_MIN, RETRY_S_MAX = 0.5, 5.0
_OK = 200


class Owed(msgspec.Struct, frozen=True):
    """That another region has to hear of a peering, and whose copy it is."""

    account: str


class Telling:
    """What one region has to tell the others."""

    def __init__(
        self,
        host: Host,
        copy: Callable[[str, str], Peering | None],
        hear: Callable[[Peering], Peering],
    ) -> None:
        """`copy` finds the copy of an account; `hear` takes what another region says."""
        self._host = host
        self._runtime = host.runtime
        self._client = HttpClient(host.runtime)
        self._owed = Records(host.store, "ec2/owed-peering", Owed)  # by region and id
        self._copy = copy
        self._hear = hear
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Peering).decode
        self._under_way: dict[str, None] = {}

    async def start(self) -> None:
        """Open the door; tell what is owed."""
        server = HttpServer(self._runtime, self._answer, store=self._host.store)
        await self._runtime.listen(Address(self._host.place, DOOR), server.receiver)
        for region in self._host.world.regions:
            if self._owed.count(region):
                self._begin(region)

    def owe(self, region: str, account: str, name: str) -> None:
        """Tell a region of a peering, as soon as it can be reached."""
        self._owed.put(region, name, Owed(account))
        self._begin(region)

    def owes(self, region: str, name: str) -> bool:
        """Whether a region has not heard the newest of a peering."""
        return self._owed.get(region, name) is not None

    def _answer(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(_OK, (), self._encode(self._hear(self._decode(request.body))))

    def _begin(self, region: str) -> None:
        if region not in self._under_way:
            self._under_way[region] = None
            self._runtime.spawn(self._tell_all(region), f"tell {region} of peerings")

    async def _tell_all(self, region: str) -> None:
        retry_s = RETRY_S_MIN
        while owed := self._owed.named(region):
            try:
                await self._host.store.committed()
                for name, of in owed:
                    await self._tell(region, name, of.account)
                retry_s = RETRY_S_MIN
            except (Gone, TimedOut, DiskFull):
                self._runtime.journal.sometimes("ec2.peering-told-later")
                await self._runtime.sleep(self._runtime.interval(retry_s))
                retry_s = min(2 * retry_s, RETRY_S_MAX)
        del self._under_way[region]

    async def _tell(self, region: str, name: str, account: str) -> None:
        said = self._copy(account, name)
        if said is not None:
            async with self._runtime.timeout(self._runtime.deadline(EXCHANGE_S_MAX)):
                answer = await self._client.request(
                    Address(region, DOOR),
                    "POST",
                    "/",
                    body=self._encode(said),
                    keep_alive=False,
                )
            if answer.status != _OK:
                raise Gone(f"{region} cannot take what it is told")
            heard = self._decode(answer.body)
            is_newest = self._copy(account, name) == said
            self._hear(heard)
            if not is_newest:
                return  # something happened here meanwhile: that has to be said too
        self._owed.delete(region, name)

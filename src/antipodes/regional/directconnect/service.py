"""Direct Connect in one region: what its operations share.

A Direct Connect gateway and its associations are known in all regions of the world, and may be
changed from any: what changes is told to the others as soon as they can be reached. What leads to
this region's own gateways is written down for EC2 (`service.lines`).
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from ipaddress import IPv4Network
from typing import ClassVar, TypeVar
from uuid import UUID

from antipodes.regional.directconnect import joining, model
from antipodes.regional.directconnect.model import Association, Connection, Gateway, Interface
from antipodes.service.contract import Call, Host, Operations, Service, ServiceError
from antipodes.service.lines import Lines
from antipodes.service.records import Records
from antipodes.service.telling import Telling

operations = Operations()
_DOOR = "directconnect"
R = TypeVar("R", bound=model.Record)


class DirectConnect(Service):
    """AWS Direct Connect in one region."""

    name = "directconnect"
    operations: ClassVar[Operations] = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._telling = Telling(host, _DOOR, lambda name: name.partition("/")[0])
        self.connections = Table(self, "connection", Connection)
        self.interfaces = Table(self, "interface", Interface)
        self.gateways = Table(self, "gateway", Gateway)
        self.associations = Table(self, "association", Association)
        self._lines = Lines(host.store)
        self._chance = host.runtime.chance("directconnect/ids")

    async def start(self) -> None:
        """Tell other regions of what changes here, and hear them."""
        await self._telling.start()

    def carry(
        self,
        topic: str,
        record: type[R],
        copy: Callable[[str, str], R | None],
        hear: Callable[[R], R],
    ) -> None:
        """Tell other regions of a kind of records."""
        self._telling.carry(topic, record, copy, hear)

    def owe(self, account: str, name: str) -> None:
        """Tell all other regions of a record."""
        for region in self.host.world.regions:
            if region != self.host.place:
                self._telling.owe(region, account, name)

    def join(self, account: str) -> None:
        """Write down which lines lead to this region's gateways, as it is now."""
        found = joining.found(self, account)
        self._lines.tell(account, found.joined, found.lines)

    def new_id(self, prefix: str) -> str:
        """An id that nothing has had, of AWS's form: `dxcon-`, `dxvif-`."""
        return f"{prefix}-{self._chance.getrandbits(32):08x}"

    def new_uuid(self) -> str:
        """An id of what AWS gives a UUID."""
        return str(UUID(int=self._chance.getrandbits(128), version=4))

    def new_key(self) -> str:
        """A key of a session of BGP."""
        return f"{self._chance.getrandbits(96):024x}"

    def free_network(self, within: IPv4Network, taken: AbstractSet[str]) -> IPv4Network:
        """Four addresses, of whose first one none of those taken is."""
        while True:
            start = int(within.network_address) + 4 * self._chance.randrange(
                within.num_addresses // 4
            )
            found = IPv4Network((start, 30))
            if f"{found[1]}/30" not in taken:
                return found

    def connection(self, call: Call, name: str) -> Connection:
        """A connection of this region; raises DirectConnectClientException."""
        return self.connections.find_here(call.account, name)

    def interface(self, call: Call, name: str) -> Interface:
        """A virtual interface of this region, likewise."""
        return self.interfaces.find_here(call.account, name)

    @property
    def place(self) -> str:
        """This region."""
        return self.host.place


class Table(Records[R]):
    """All records of one kind that this region knows of."""

    def __init__(self, service: DirectConnect, topic: str, record: type[R]) -> None:
        super().__init__(service.host.store, f"directconnect/{topic}", record)
        self._service = service
        self._topic = topic
        service.carry(topic, record, self._copy, self._hear)

    def _copy(self, account: str, name: str) -> R | None:
        return self.get(account, name.removeprefix(f"{self._topic}/"))

    def _hear(self, said: R) -> R:
        known = self.get(said.account, said.id)
        counts = model.newer(known, said)
        if counts != known:
            self.put(said.account, said.id, counts)
            self._service.join(said.account)
        return counts

    def keep(self, of: R) -> None:
        """Keep a record, new or changed, and tell the other regions."""
        self.put(of.account, of.id, of)
        self._service.owe(of.account, f"{self._topic}/{of.id}")
        self._service.join(of.account)

    def live(self, account: str) -> list[R]:
        """An account's records that have not ended."""
        return [one for one in self.list(account) if not one.ended]

    def here(self, account: str) -> list[R]:
        """Those of them that are in this region."""
        return [one for one in self.live(account) if one.region == self._service.place]

    def find(self, account: str, name: str) -> R:
        """A record that has not ended; raises DirectConnectClientException."""
        found = self.get(account, name)
        if found is None or found.ended:
            raise refused(f"There is no {self._topic} {name}.")
        return found

    def find_here(self, account: str, name: str) -> R:
        """A record of this region; raises DirectConnectClientException."""
        found = self.find(account, name)
        if found.region != self._service.place:
            raise refused(f"There is no {self._topic} {name} in {self._service.place}.")
        return found


def refused(message: str) -> ServiceError:
    """AWS's error for what a caller did wrong."""
    return ServiceError("DirectConnectClientException", message)

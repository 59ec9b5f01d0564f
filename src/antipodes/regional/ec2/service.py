"""EC2 in one region: what its operations share."""

from typing import Any, ClassVar

import msgspec

from antipodes.regional.ec2 import defaults
from antipodes.regional.ec2.elastic import ElasticAddresses
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.instances import Instances
from antipodes.regional.ec2.interfaces import Interfaces
from antipodes.regional.ec2.nats import NatGateways
from antipodes.regional.ec2.peerings import Peerings
from antipodes.regional.ec2.topology import topology
from antipodes.service.contract import Call, Handler, Host, Operations, Request, Service
from antipodes.world.atlas import Region

_MADE = b"ec2/default-network/"


class Furnished(Operations):
    """Operations before which an account gets its default network, if it has none yet."""

    def get(self, name: str) -> Handler | None:
        """Return the operation, with the network before it."""
        handler = super().get(name)
        if handler is None:
            return None
        found = handler

        def furnished(service: "Ec2", call: Call, request: Request) -> Any:
            service.furnish(call.account)
            return found(service, call, request)

        return furnished


operations = Furnished()


class Ec2(Service):
    """Amazon EC2 in one region."""

    name = "ec2"
    operations: ClassVar[Operations] = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.estate = Estate(host)
        self.interfaces = Interfaces(self.estate)
        self.elastic = ElasticAddresses(self.estate)
        self.instances = Instances(self.interfaces, self.elastic)
        self.nats = NatGateways(self.estate)
        self.peerings = Peerings(self.estate, self.furnish)

    async def start(self) -> None:
        """Tell other regions of what is shared with them, and hear them."""
        await self.peerings.start()

    @property
    def region(self) -> Region:
        """This region in the atlas."""
        region: Region = self.host.world.atlas.region(self.host.place)
        return region

    def networks(self) -> dict[str, Any]:
        """The networks of every account, in the words of `fabric.network`, as plain data."""
        estate = self.estate
        return {
            account: msgspec.to_builtins(topology(estate, account)) for account in estate.accounts()
        }

    def furnish(self, account: str) -> None:
        """Make an account's default network, once."""
        made = _MADE + account.encode()
        if self.host.store.get(made) is None:
            defaults.make(self.estate, account, self.region)
            self.host.store.put(made, b"1")

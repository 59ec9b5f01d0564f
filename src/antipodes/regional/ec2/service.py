"""EC2 in one region: what its operations share."""

from typing import Any, ClassVar

import msgspec

from antipodes.regional.ec2 import defaults, directing, endpoints, inspections, scopes
from antipodes.regional.ec2.elastic import ElasticAddresses
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.guard import Guard
from antipodes.regional.ec2.hubpeerings import HubPeerings
from antipodes.regional.ec2.instances import Instances
from antipodes.regional.ec2.interfaces import Interfaces
from antipodes.regional.ec2.kinds import resource_of
from antipodes.regional.ec2.lent import Lent
from antipodes.regional.ec2.naming import Names
from antipodes.regional.ec2.nats import NatGateways
from antipodes.regional.ec2.peerings import Peerings
from antipodes.regional.ec2.programs import Programs
from antipodes.regional.ec2.topology import topology
from antipodes.service.contract import Call, Host, Operations, Preceded, Service
from antipodes.service.telling import Telling
from antipodes.world.atlas import Region

_MADE = b"ec2/default-network/"
PEERINGS_DOOR = "ec2-peerings"


def _furnish(service: "Ec2", call: Call) -> None:
    """An account gets what others have made for it before it does anything else."""
    service.furnish(call.account)
    service.direct(call.account)


operations = Preceded(_furnish)


class Ec2(Service):
    """Amazon EC2 in one region."""

    name = "ec2"
    operations: ClassVar[Operations] = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.estate = Estate(host)
        self._joined: dict[str, object] = {}  # what is attached by now, by account
        self.interfaces = Interfaces(self.estate)
        self.lent = Lent(self.interfaces)
        self.guard = Guard(self.estate)
        self.names = Names(self.estate)
        self.elastic = ElasticAddresses(self.estate)
        self.instances = Instances(self.interfaces, self.elastic)
        self.nats = NatGateways(self.estate)
        self.programs = Programs(self.estate)
        self._telling = Telling(host, PEERINGS_DOOR, resource_of)
        self.peerings = Peerings(self.estate, self._telling, self.furnish)
        self.hub_peerings = HubPeerings(self.estate, self._telling)

    async def start(self) -> None:
        """Tell other regions of what is shared with them, and hear them."""
        await self._telling.start()
        await self.programs.start()

    @property
    def region(self) -> Region:
        """This region in the atlas."""
        region: Region = self.host.world.atlas.region(self.host.place)
        return region

    def networks(self) -> dict[str, Any]:
        """The networks of every account, in the words of `fabric.network`, as plain data."""
        estate = self.estate
        for account in estate.accounts():
            self.direct(account)
        return {
            account: msgspec.to_builtins(topology(estate, account)) for account in estate.accounts()
        }

    def open_endpoint(self, account: str, vpc: str, subnet: str, firewall: str) -> str:
        """Make the endpoint of a managed firewall in a subnet; return its id."""
        network = self.estate.vpcs.get(account, vpc)
        [place] = endpoints.check_subnets(self.estate, network, [subnet])
        return inspections.open_for_firewall(self.interfaces, network, place, firewall).id

    def close_endpoint(self, account: str, endpoint: str) -> None:
        """Delete such an endpoint, if it is there."""
        found = self.estate.endpoints.find(account, endpoint)
        if found is not None:
            endpoints.remove(self.estate, found)

    def direct(self, account: str) -> None:
        """Attach what Direct Connect joins to transit gateways, if that has changed."""
        joined = self.estate.lines.joined(account)
        if self._joined.get(account) != joined:
            directing.attach(self.estate, account)
            self._joined[account] = joined

    def furnish(self, account: str) -> None:
        """Make an account's default network, once."""
        made = _MADE + account.encode()
        if self.host.store.get(made) is None:
            vpc = defaults.make(self.estate, account, self.region)
            scopes.furnish(self.estate, account)
            self.host.store.put(made, b"1")
            self.names.made(account, vpc.id)

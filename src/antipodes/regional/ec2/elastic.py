"""Elastic addresses: public ones of the region, kept until they are released."""

from collections.abc import Mapping

from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import Elastic
from antipodes.regional.ec2.tags import shown
from antipodes.service.contract import Request, ServiceError
from antipodes.world.addresses import elastic_address
from antipodes.world.errors import OutOfAddresses

ADDRESSES_MAX = 5  # of an account in a region, as AWS's default quota has it


class ElasticAddresses:
    """All accounts' elastic addresses of a region."""

    def __init__(self, estate: Estate) -> None:
        self._host = estate.host
        self._estate = estate

    def allocate(self, account: str, tags: Mapping[str, str]) -> Thing:
        """Hand out an address that nobody has; raises AddressLimitExceeded."""
        table = self._estate.addresses
        if table.count(account) >= ADDRESSES_MAX:
            raise ServiceError(
                "AddressLimitExceeded", "The maximum number of addresses has been reached."
            )
        taken = {known.address: None for known in table.all()}
        number = 1
        try:
            while elastic_address(self._host.place, number) in taken:
                number += 1
        except OutOfAddresses as error:
            raise ServiceError("InsufficientAddressCapacity", str(error), 500) from None
        made = Elastic(table.new_id(), account, elastic_address(self._host.place, number))
        table.put(account, made.id, made)
        self._estate.tag(account, made.id, tags)
        return self._shown(made)

    def list(self, account: str) -> list[Thing]:
        """Describe an account's addresses."""
        return [self._shown(known) for known in self._estate.addresses.list(account)]

    async def release(self, account: str, allocation: str) -> None:
        """Give an address back; raises InvalidAllocationID.NotFound, or InvalidIPAddress.InUse."""
        known = self._estate.addresses.get(account, allocation)
        if await self._is_in_use(known):
            raise ServiceError("InvalidIPAddress.InUse", f"Address {known.address} is in use.")
        self._estate.remove(self._estate.addresses, account, allocation)

    async def _is_in_use(self, known: Elastic) -> bool:
        """Whether a load balancer's node has it; those are another service's to know."""
        request: Request = {}
        while True:
            told = await self._host.call(
                "elbv2", "DescribeLoadBalancers", request, account=known.account
            )
            zones = [zone for one in told["LoadBalancers"] for zone in one["AvailabilityZones"]]
            addresses = [address for zone in zones for address in zone["LoadBalancerAddresses"]]
            if any(address.get("AllocationId") == known.id for address in addresses):
                return True
            if not told.get("NextMarker"):
                return False
            request = {"Marker": told["NextMarker"]}

    def _shown(self, known: Elastic) -> Thing:
        return {
            "PublicIp": known.address,
            "AllocationId": known.id,
            "Domain": "vpc",
            "PublicIpv4Pool": "amazon",
            "NetworkBorderGroup": self._host.place,
            "Tags": shown(self._estate.tags(known.account, known.id)),
        }

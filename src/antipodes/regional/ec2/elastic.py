"""Elastic addresses: public ones of the region, kept until they are released."""

from collections.abc import Mapping

import msgspec

from antipodes.regional.ec2.filters import Thing
from antipodes.service.contract import Host, Request, ServiceError
from antipodes.service.records import Records
from antipodes.world.addresses import elastic_address
from antipodes.world.errors import OutOfAddresses

ADDRESSES_MAX = 5  # of an account in a region, as AWS's default quota has it


class Elastic(msgspec.Struct, frozen=True):
    """An address, and whose it is."""

    account: str
    id: str
    address: str
    tags: tuple[tuple[str, str], ...] = ()


class ElasticAddresses:
    """All accounts' elastic addresses of a region."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._records = Records(host.store, "ec2/elastic", Elastic)
        self._chance = host.runtime.chance("ec2/elastic")

    def allocate(self, account: str, tags: Mapping[str, str]) -> Thing:
        """Hand out an address that nobody has; raises AddressLimitExceeded."""
        if self._records.count(account) >= ADDRESSES_MAX:
            raise ServiceError(
                "AddressLimitExceeded", "The maximum number of addresses has been reached."
            )
        taken = {known.address: None for _, _, known in self._records.all()}
        number = 1
        try:
            while elastic_address(self._host.place, number) in taken:
                number += 1
        except OutOfAddresses as error:
            raise ServiceError("InsufficientAddressCapacity", str(error), 500) from None
        made = Elastic(
            account,
            f"eipalloc-{self._chance.getrandbits(68):017x}",
            elastic_address(self._host.place, number),
            tuple(tags.items()),
        )
        self._records.put(account, made.id, made)
        return self._shown(made)

    def list(self, account: str) -> list[Thing]:
        """Describe an account's addresses."""
        return [self._shown(known) for known in self._records.list(account)]

    async def release(self, account: str, allocation: str) -> None:
        """Give an address back; raises InvalidAllocationID.NotFound, or InvalidIPAddress.InUse."""
        known = self._records.get(account, allocation)
        if known is None:
            raise ServiceError(
                "InvalidAllocationID.NotFound", f"The allocation ID '{allocation}' does not exist"
            )
        if await self._is_in_use(known):
            raise ServiceError("InvalidIPAddress.InUse", f"Address {known.address} is in use.")
        self._records.delete(account, allocation)

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
            "Tags": [{"Key": key, "Value": value} for key, value in known.tags],
        }

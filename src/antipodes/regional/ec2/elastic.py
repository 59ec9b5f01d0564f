"""Public addresses of the region: elastic ones, kept until they are released, and lent ones.

An instance is lent one while it runs, where its subnet maps public addresses; both come from the
region's one block. An elastic address is somebody's for as long as it is mapped to a private one.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import Elastic, Interface, PrivateAddress
from antipodes.regional.ec2.tags import shown
from antipodes.service.contract import Request, ServiceError
from antipodes.world.addresses import elastic_address
from antipodes.world.errors import OutOfAddresses

ADDRESSES_MAX = 5  # of an account in a region, as AWS's default quota has it


class Mapped(NamedTuple):
    """Where an elastic address is."""

    interface: Interface
    to: PrivateAddress


class ElasticAddresses:
    """All accounts' public addresses of a region."""

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
        made = Elastic(table.new_id(), account, next(self.free()))
        table.put(account, made.id, made)
        self._estate.tag(account, made.id, tags)
        return self._shown(made, None)

    def free(self) -> Iterator[str]:
        """The addresses that nobody has; after them raises InsufficientAddressCapacity."""
        taken = {known.address: None for known in self._estate.addresses.all()}
        for interface in self._estate.interfaces.all():
            taken |= {one.public: None for one in interface.addresses if one.public}
        number = 1
        while True:
            try:
                address = elastic_address(self._host.place, number)
            except OutOfAddresses as error:
                raise ServiceError("InsufficientAddressCapacity", str(error), 500) from None
            number += 1
            if address not in taken:
                yield address

    def list(self, account: str) -> list[Thing]:
        """Describe an account's addresses."""
        mapped = self.mapped(account)
        known = self._estate.addresses.list(account)
        return [self._shown(one, mapped.get(one.id)) for one in known]

    def mapped(self, account: str) -> dict[str, Mapped]:
        """Where each elastic address of an account is, by allocation; others are nowhere."""
        return {
            address.allocation: Mapped(interface, address)
            for interface in self._estate.interfaces.list(account)
            for address in interface.addresses
            if address.allocation
        }

    def has_way_out(self, vpc: str) -> bool:
        """Whether a gateway joins a network to the internet, where public addresses are."""
        return any(one.vpc == vpc for one in self._estate.gateways.all())

    async def check_unused(self, account: str, allocation: str) -> None:
        """Refuse an address that something has; raises InvalidIPAddress.InUse."""
        known = self._estate.addresses.get(account, allocation)
        is_balancers = await self.is_balancers(known)
        if is_balancers or allocation in self.mapped(account):
            raise ServiceError("InvalidIPAddress.InUse", f"Address {known.address} is in use.")

    def release(self, account: str, allocation: str) -> None:
        """Give an address back; raises InvalidAllocationID.NotFound."""
        self._estate.addresses.get(account, allocation)
        self._estate.remove(self._estate.addresses, account, allocation)

    def release_lent(self, of: Interface) -> Interface:
        """An interface without the public addresses that it was lent."""
        kept = tuple(one if one.allocation else PrivateAddress(one.address) for one in of.addresses)
        return msgspec.structs.replace(of, addresses=kept)

    async def is_balancers(self, known: Elastic) -> bool:
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

    def _shown(self, known: Elastic, mapped: Mapped | None) -> Thing:
        found: Thing = {
            "PublicIp": known.address,
            "AllocationId": known.id,
            "Domain": "vpc",
            "PublicIpv4Pool": "amazon",
            "NetworkBorderGroup": self._host.place,
            "Tags": shown(self._estate.tags(known.account, known.id)),
        }
        if mapped is None:
            return found
        interface, to = mapped
        found |= {
            "AssociationId": to.association,
            "NetworkInterfaceId": interface.id,
            "NetworkInterfaceOwnerId": interface.account,
            "PrivateIpAddress": to.address,
        }
        if interface.attached is not None and interface.attached.instance:
            found["InstanceId"] = interface.attached.instance
        return found

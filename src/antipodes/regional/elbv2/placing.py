"""Where load balancers' nodes stand: the subnets that a request names, their zones, and addresses.

The node of an internal load balancer has an address of its subnet: the lowest that is free, unless
one was chosen, which only a network load balancer's can be. Those of a load balancer that faces the
internet have addresses of the region (application) or of their zone (network); those of a gateway
load balancer have none. Elastic addresses are ec2's to know.
"""

from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

import msgspec

from antipodes.regional.elbv2 import model
from antipodes.regional.elbv2.model import LoadBalancer, Zone
from antipodes.regional.elbv2.registry import Registry
from antipodes.service.contract import Call, Host, Request, ServiceError
from antipodes.world import addresses
from antipodes.world.errors import OutOfAddresses

ADDRESSES_MIN = 8  # that are free in a subnet of a gateway load balancer
FIRST_HOST = 4  # AWS keeps the first four addresses of a subnet, and the last
_MANAGER = "amazon-elb"  # of a load balancer's interfaces
_OF_MAPPINGS = ("IPv6Address", "SourceNatIpv6Prefix")
Subnet = dict[str, Any]


class Placing:
    """Asks ec2 what a request's subnets are, and hands out addresses."""

    def __init__(self, host: Host, registry: Registry) -> None:
        self._host = host
        self._registry = registry

    async def zones(
        self, call: Call, request: Request, *, kind: str, scheme: str, present: Sequence[Zone] = ()
    ) -> tuple[str, list[Zone]]:
        """Return network and zones (with those addresses that were chosen) that a request names.

        `present`: what the load balancer has already, which may be chosen again.
        """
        mappings = _mappings(request)
        one_will_do = kind != model.APPLICATION
        subnets = await self._subnets(call, [one["SubnetId"] for one in mappings])
        names = [subnet["AvailabilityZone"] for subnet in subnets]
        if len({*names}) != len(names):
            raise ServiceError(
                "InvalidConfigurationRequest",
                "A load balancer cannot be attached to multiple subnets in the same Availability "
                "Zone",
            )
        if len(names) < model.ZONES_MIN and not one_will_do:
            raise model.invalid(
                "At least two subnets in two different Availability Zones must be specified"
            )
        if kind == model.GATEWAY:
            _check_room(subnets, present)
        chosen = {one["SubnetId"]: one for one in mappings}
        own = {zone.subnet: zone.address for zone in present}
        taken = dict(self._registry.addresses())
        zones = []
        for subnet in subnets:
            mapping = chosen[subnet["SubnetId"]]
            address = await self._chosen(call, mapping, subnet, scheme, kind)
            if address in taken and address != own.get(subnet["SubnetId"]):
                raise ServiceError("ResourceInUse", f"The address '{address}' is already in use")
            if address:
                taken[address] = None
            allocation = mapping.get("AllocationId") or ""
            zone = subnet["AvailabilityZone"]
            zones.append(Zone(zone, subnet["SubnetId"], address, bool(address), allocation))
        return subnets[0]["VpcId"], sorted(zones, key=lambda zone: zone.name)

    async def _subnets(self, call: Call, ids: Sequence[str]) -> list[Subnet]:
        try:
            answer = await self._host.call(
                "ec2", "DescribeSubnets", {"SubnetIds": list(ids)}, account=call.account
            )
        except ServiceError as error:
            if error.code != "InvalidSubnetID.NotFound":
                raise
            raise ServiceError("SubnetNotFound", error.message) from None
        subnets: list[Subnet] = answer["Subnets"]
        return subnets

    async def _chosen(
        self,
        call: Call,
        mapping: dict[str, Any],
        subnet: Subnet,
        scheme: str,
        kind: str,
    ) -> str:
        """Return the address that a mapping chooses, or nothing."""
        for member in _OF_MAPPINGS:
            if mapping.get(member):
                raise model.not_offered(f"SubnetMappings with {member}")
        elastic, private = mapping.get("AllocationId"), mapping.get("PrivateIPv4Address")
        if kind != model.NETWORK and (elastic or private):
            member = "AllocationId" if elastic else "PrivateIPv4Address"
            raise model.invalid(f"{member} cannot be specified for {kind} load balancers")
        if elastic:
            return await self._elastic(call, elastic, scheme)
        if private:
            if scheme != model.INTERNAL:
                raise ServiceError(
                    "InvalidConfigurationRequest",
                    "PrivateIPv4Address can be specified for internal load balancers only",
                )
            return self._private(call, private, subnet)
        return ""

    async def _elastic(self, call: Call, allocation: str, scheme: str) -> str:
        if scheme == model.INTERNAL:
            raise ServiceError(
                "InvalidConfigurationRequest",
                "AllocationId can be specified for internet-facing load balancers only",
            )
        try:
            request = {"AllocationIds": [allocation]}
            answer = await self._host.call(
                "ec2", "DescribeAddresses", request, account=call.account
            )
        except ServiceError:
            answer = {"Addresses": []}
        if not answer["Addresses"]:
            raise ServiceError("AllocationIdNotFound", f"Allocation ID '{allocation}' not found")
        if answer["Addresses"][0].get("AssociationId"):
            raise ServiceError("ResourceInUse", f"Allocation ID '{allocation}' is in use")
        address: str = answer["Addresses"][0]["PublicIp"]
        return address

    def _private(self, call: Call, address: str, subnet: Subnet) -> str:
        network = IPv4Network(subnet["CidrBlock"])
        try:
            given = IPv4Address(address)
        except AddressValueError:
            given = None
        number = int(given) - int(network[FIRST_HOST]) if given is not None else -1
        if not 0 <= number < _host_count(network):
            raise model.invalid(
                f"The address '{address}' is not in the subnet '{subnet['SubnetId']}'"
            )
        own = address in self._registry.addresses()  # and whether it may have it was asked already
        if not own and address in self._lent.taken(call.account, subnet["SubnetId"]):
            raise ServiceError("ResourceInUse", f"The address '{address}' is already in use")
        return address

    async def with_addresses(
        self, call: Call, zones: Sequence[Zone], *, kind: str, scheme: str
    ) -> tuple[Zone, ...]:
        """Give each zone's node an address that no other has, if its kind has any."""
        if kind == model.GATEWAY:
            return tuple(zones)
        networks: dict[str, IPv4Network] = {}
        if scheme == model.INTERNAL:
            subnets = await self._subnets(call, [zone.subnet for zone in zones])
            networks = {s["SubnetId"]: IPv4Network(s["CidrBlock"]) for s in subnets}
        present = self._registry.addresses()
        for zone in zones:
            stands = zone.address in present or zone.subnet in networks  # or finds its own address
            if not stands and not self._lent.has_room(call.account, zone.subnet):
                raise ServiceError(
                    "InvalidSubnet", f"Not enough IP space available in {zone.subnet}"
                )
        taken = dict(present)
        for subnet in networks:
            taken |= dict.fromkeys(self._lent.taken(call.account, subnet))
        made: list[Zone] = []
        for zone in zones:
            address = zone.address or _free(self._candidates(zone, kind, networks), taken)
            taken[address] = None
            made.append(msgspec.structs.replace(zone, address=address))
        return tuple(made)

    @property
    def _lent(self) -> Any:
        """Where ec2 lends interfaces to other services."""
        ec2: Any = self._host.service("ec2")
        return ec2.lent

    def occupy(self, balancer: LoadBalancer) -> None:
        """Let a load balancer's nodes have interfaces in its subnets, at their addresses.

        Those that face the internet are known there by the nodes' addresses.
        """
        lent, account, arn = self._lent, balancer.account, balancer.arn
        zones = () if balancer.is_gateway else balancer.zones
        there = lent.of(account, arn)
        before: dict[Any, str]
        wanted: dict[Any, Zone]
        if balancer.is_internal:
            before = {address: name for name, address in there.items()}
            wanted = {zone.address: zone for zone in zones}
        else:
            before = {at: name for name, at in lent.published(account, arn).items()}
            wanted = {(zone.subnet, zone.address): zone for zone in zones}
        kept = [before[at] for at in wanted if at in before]
        lent.take_back(account, [name for name in there if name not in kept])
        for at, zone in wanted.items():
            if at not in before:
                own = "address" if balancer.is_internal else "public"
                lent.lend(
                    account,
                    zone.subnet,
                    kind="network_load_balancer" if balancer.is_network else "interface",
                    description=f"ELB {balancer.key}",
                    manager=_MANAGER,
                    of=arn,
                    groups=balancer.security_groups,
                    **{own: zone.address},
                )

    def leave(self, balancer: LoadBalancer) -> None:
        """Give back the interfaces of a load balancer that is gone."""
        lent = self._lent
        lent.take_back(balancer.account, list(lent.of(balancer.account, balancer.arn)))

    def _candidates(
        self, zone: Zone, kind: str, networks: dict[str, IPv4Network]
    ) -> Callable[[int], str]:
        """Return the n-th address that a node may have, from 1 on; raises OutOfAddresses."""
        network = networks.get(zone.subnet)
        if network is None and kind != model.NETWORK:
            return lambda n: addresses.region_address(self._host.place, n)
        if network is None:
            return lambda n: addresses.zone_address(zone.name, n)

        def private(n: int) -> str:
            if n > _host_count(network):
                raise OutOfAddresses(f"subnet {zone.subnet} has no address that is free")
            return str(network[FIRST_HOST + n - 1])

        return private


def _mappings(request: Request) -> list[dict[str, Any]]:
    mappings: list[dict[str, Any]] = request.get("SubnetMappings") or []
    if mappings and request.get("Subnets"):
        raise model.invalid("Either subnets or subnet mappings can be specified, not both")
    mappings = mappings or [{"SubnetId": subnet} for subnet in request.get("Subnets") or []]
    if not mappings or not all(one.get("SubnetId") for one in mappings):
        raise model.invalid("At least one subnet must be specified")
    return mappings


def _check_room(subnets: Sequence[Subnet], present: Sequence[Zone]) -> None:
    """Refuse subnets that have too few addresses for a node to be placed in them."""
    there = {zone.subnet for zone in present}
    for subnet in subnets:
        if subnet["SubnetId"] not in there and subnet["AvailableIpAddressCount"] < ADDRESSES_MIN:
            raise ServiceError(
                "InvalidSubnet",
                f"Not enough IP space available in {subnet['SubnetId']}. ELB requires at least "
                f"{ADDRESSES_MIN} free IP addresses in each subnet.",
            )


def _host_count(network: IPv4Network) -> int:
    """How many addresses of a subnet a node may have."""
    return max(0, network.num_addresses - FIRST_HOST - 1)


def _free(candidate: Callable[[int], str], taken: dict[str, None]) -> str:
    number = 1
    try:
        while candidate(number) in taken:
            number += 1
        return candidate(number)
    except OutOfAddresses as error:
        raise ServiceError("InsufficientCapacity", str(error), 500) from None

"""Interfaces: made in a subnet, with addresses of it, by a customer or by what needs one there.

An address is the lowest that is free, unless one is chosen. AWS keeps the first four addresses of a
subnet and the last (VPC User Guide, "Subnet CIDR blocks").
"""

from collections.abc import Iterable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network

import msgspec

from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import Interface, PrivateAddress, Subnet
from antipodes.service.contract import ServiceError

FIRST_HOST = 4
INTERFACES_MAX = 5000  # of an account in a region, by AWS's default quota
GROUPS_MAX = 5  # of an interface, likewise


class Wanted(msgspec.Struct, frozen=True):
    """What an interface is to be; without groups it has its network's default one."""

    kind: str = "interface"
    description: str = ""
    groups: tuple[str, ...] | None = None
    address: str = ""
    checks: bool = True
    manager: str = ""
    of: str = ""


class Interfaces:
    """The interfaces of all accounts in a region."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def make(self, subnet: Subnet, wanted: Wanted) -> Interface:
        """Make an interface in a subnet.

        Raises NetworkInterfaceLimitExceeded, InsufficientFreeAddressesInSubnet, and the errors of
        addresses and groups that cannot be.
        """
        estate = self._estate
        if estate.interfaces.count(subnet.account) >= INTERFACES_MAX:
            raise ServiceError(
                "NetworkInterfaceLimitExceeded",
                "The maximum number of network interfaces has been reached.",
            )
        groups = self.groups(subnet.account, subnet.vpc, wanted.groups)
        address = self.address(subnet, wanted.address)
        made = Interface(
            estate.interfaces.new_id(),
            subnet.account,
            subnet.vpc,
            subnet.id,
            subnet.zone,
            (PrivateAddress(address),),
            groups,
            wanted.kind,
            wanted.description,
            wanted.checks,
            wanted.manager,
            wanted.of,
            made_at=estate.host.runtime.wall(),
        )
        estate.interfaces.put(made.account, made.id, made)
        return made

    def groups(self, account: str, vpc: str, wanted: Sequence[str] | None) -> tuple[str, ...]:
        """Groups of a network, as an interface in it may have them."""
        if wanted is None:
            return (self._estate.vpcs.get(account, vpc).group,)
        if len(wanted) > GROUPS_MAX:
            raise ServiceError(
                "SecurityGroupsPerInterfaceLimitExceeded",
                f"An interface has at most {GROUPS_MAX} security groups.",
            )
        for name in wanted:
            group = self._estate.groups.get(account, name)
            if group.vpc != vpc:
                raise ServiceError(
                    "InvalidGroup.NotFound",
                    f"The security group '{name}' does not exist in VPC '{vpc}'",
                )
        return tuple(dict.fromkeys(wanted))

    def in_subnet(self, account: str, subnet: str) -> list[Interface]:
        """The interfaces in a subnet."""
        return [one for one in self._estate.interfaces.list(account) if one.subnet == subnet]

    def taken(self, account: str, subnet: str) -> set[str]:
        """The addresses of a subnet that interfaces have."""
        return {
            address.address
            for interface in self.in_subnet(account, subnet)
            for address in interface.addresses
        }

    def address(self, subnet: Subnet, wanted: str = "", besides: Iterable[str] = ()) -> str:
        """An address of a subnet: the one that is wanted, or the lowest that is free."""
        network = IPv4Network(subnet.prefix)
        taken = self.taken(subnet.account, subnet.id) | {*besides}
        if wanted:
            return _checked(network, wanted, taken)
        for number in range(FIRST_HOST, network.num_addresses - 1):
            if str(network[number]) not in taken:
                return str(network[number])
        raise ServiceError(
            "InsufficientFreeAddressesInSubnet",
            f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the request.",
        )


def _checked(network: IPv4Network, wanted: str, taken: set[str]) -> str:
    try:
        address = IPv4Address(wanted)
    except AddressValueError:
        raise ServiceError("InvalidParameterValue", f"invalid IP address: '{wanted}'") from None
    if address not in network:
        raise ServiceError(
            "InvalidParameterValue",
            f"Address {wanted} does not fall within the subnet's address range",
        )
    number = int(address) - int(network.network_address)
    if not FIRST_HOST <= number < network.num_addresses - 1:
        raise ServiceError(
            "InvalidParameterValue", f"Address {wanted} is in subnet's reserved address range"
        )
    if str(address) in taken:
        raise ServiceError("InvalidIPAddress.InUse", f"Address {wanted} is in use.")
    return str(address)

"""Interfaces: made in a subnet, with addresses of it, by a customer or by what needs one there.

An address is the lowest that is free, unless one is chosen. AWS keeps the first four addresses of a
subnet's prefix and the last, of either family (VPC User Guide, "Subnet CIDR blocks"). Several that
are made together are planned first, so that all of them can be, or none is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

import msgspec

from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import Attached, Interface, PrivateAddress, Subnet, Token
from antipodes.service.contract import ServiceError

FIRST_HOST = 4
INTERFACES_MAX = 5000  # of an account in a region, by AWS's default quota
GROUPS_MAX = 5  # of an interface, likewise
ADDRESSES_MAX = 50  # of an interface of the largest instance types
SERVICE_OWNER = "amazon-aws"  # of what attaches interfaces that a service manages


class Wanted(msgspec.Struct, frozen=True):
    """What an interface is to be; without groups it has its network's default one.

    `others` are its secondary addresses, and `number` is how many more of them are to be found;
    `chosen6` and `number6` are the same of IPv6, where None leaves the number to the subnet.
    """

    kind: str = "interface"
    description: str = ""
    groups: tuple[str, ...] | None = None
    address: str = ""
    checks: bool = True
    manager: str = ""
    of: str = ""
    others: tuple[str, ...] = ()
    number: int = 0
    public: str = ""  # the public address of its first
    attached: Attached | None = None
    token: Token | None = None
    chosen6: tuple[str, ...] = ()
    number6: int | None = None


class Addresses:
    """The addresses of one subnet, as they are given out: of IPv4, or of IPv6."""

    def __init__(self, subnet: Subnet, taken: Iterable[str] = (), *, six: bool = False) -> None:
        self._subnet = subnet
        self._network = _prefix6(subnet) if six else IPv4Network(subnet.prefix)
        self._taken = {*taken}
        self._lowest = FIRST_HOST  # below it, none is free

    def take(self, wanted: str = "") -> str:
        """Give out the one that is wanted, or the lowest that is free."""
        if wanted:
            self._taken.add(found := _checked(self._network, wanted, self._taken))
            return found
        while self._lowest < self._network.num_addresses - 1:
            address = str(self._network[self._lowest])
            self._lowest += 1
            if address not in self._taken:
                self._taken.add(address)
                return address
        raise ServiceError(
            "InsufficientFreeAddressesInSubnet",
            f"There are not enough free addresses in subnet '{self._subnet.id}' to satisfy the "
            "request.",
        )


def _prefix6(subnet: Subnet) -> IPv6Network:
    if not subnet.prefixes6:
        raise ServiceError(
            "InvalidParameterValue", f"The subnet '{subnet.id}' has no IPv6 CIDR block."
        )
    return IPv6Network(subnet.prefixes6[0].prefix)


class Plan:
    """Interfaces that are to be made together; `made` are kept by `keep`, and not before."""

    def __init__(self, interfaces: "Interfaces", account: str) -> None:
        self._interfaces = interfaces
        self._estate = interfaces.estate
        self._account = account
        self._there = self._estate.interfaces.list(account)
        self._subnets: dict[tuple[str, bool], Addresses] = {}
        self._owners: dict[str, None] = {}
        self.made: list[Interface] = []

    def add(self, subnet: Subnet, wanted: Wanted) -> Interface:
        """Plan one more.

        Raises NetworkInterfaceLimitExceeded, InsufficientFreeAddressesInSubnet, and the errors of
        addresses and groups that cannot be.
        """
        estate = self._estate
        if len(self._there) + len(self.made) >= INTERFACES_MAX:
            raise ServiceError(
                "NetworkInterfaceLimitExceeded",
                "The maximum number of network interfaces has been reached.",
            )
        check_number(1 + len(wanted.others) + wanted.number)
        groups = self._interfaces.groups(self._account, subnet.vpc, wanted.groups)
        addresses = self._addresses(subnet)
        first = addresses.take(wanted.address)
        others = [addresses.take(one) for one in (*wanted.others, *[""] * wanted.number)]
        addresses6 = tuple(self._six(subnet, wanted))
        now, attached = estate.host.runtime.wall(), wanted.attached
        if wanted.manager and attached is None:
            attached = Attached(estate.new_id("ela-attach"), "", SERVICE_OWNER, 1, at=now)
        made = Interface(
            estate.interfaces.new_id(),
            self._account,
            subnet.vpc,
            subnet.id,
            subnet.zone,
            (PrivateAddress(first, wanted.public), *map(PrivateAddress, others)),
            groups,
            wanted.kind,
            wanted.description,
            wanted.checks,
            wanted.manager,
            wanted.of,
            attached,
            now,
            wanted.token,
            addresses6,
        )
        self.made.append(made)
        return made

    def keep(self) -> None:
        """Make what was planned."""
        for one in self.made:
            self._estate.interfaces.put(one.account, one.id, one)
        for owner in self._owners:
            self._estate.shared.welcome(owner, self._account)

    def _six(self, subnet: Subnet, wanted: Wanted) -> Iterator[str]:
        """Addresses of IPv6: as many as are wanted, or one if the subnet gives each its own."""
        number = wanted.number6
        if number is None:
            given = subnet.assigns_ipv6 and not wanted.manager and not wanted.chosen6
            number = 1 if given else 0
        check_number(len(wanted.chosen6) + number)
        for one in (*wanted.chosen6, *[""] * number):
            yield self._addresses(subnet, six=True).take(one)

    def _addresses(self, subnet: Subnet, *, six: bool = False) -> Addresses:
        found = self._subnets.get((subnet.id, six))
        if found is None:
            self._owners[subnet.account] = None
            there = taken(self._interfaces.in_subnet(subnet), subnet.id, six=six)
            found = self._subnets[subnet.id, six] = Addresses(subnet, there, six=six)
        return found


class Interfaces:
    """The interfaces of all accounts in a region."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    def make(self, subnet: Subnet, wanted: Wanted) -> Interface:
        """Make an interface in a subnet; raises as `Plan.add` does."""
        plan = Plan(self, subnet.account)
        made = plan.add(subnet, wanted)
        plan.keep()
        return made

    def groups(self, account: str, vpc: str, wanted: Sequence[str] | None) -> tuple[str, ...]:
        """Groups of a network, as an interface in it may have them."""
        if wanted is None:
            return (self.estate.vpcs.get(account, vpc).group,)
        if len(wanted) > GROUPS_MAX:
            raise ServiceError(
                "SecurityGroupsPerInterfaceLimitExceeded",
                f"An interface has at most {GROUPS_MAX} security groups.",
            )
        for name in wanted:
            group = self.estate.groups.get(account, name)
            if vpc not in (group.vpc, *group.others):
                raise ServiceError(
                    "InvalidGroup.NotFound",
                    f"The security group '{name}' does not exist in VPC '{vpc}'",
                )
        return tuple(dict.fromkeys(wanted))

    def own(self, account: str, name: str) -> Interface:
        """An interface that its owner may change; refuse one that a service manages."""
        found = self.estate.interfaces.get(account, name)
        if found.manager:
            raise ServiceError(
                "OperationNotPermitted",
                f"The interface '{name}' is managed by {found.manager}, which alone may change it.",
            )
        return found

    def change(self, of: Interface, **fields: object) -> Interface:
        """Keep an interface with other values."""
        changed = msgspec.structs.replace(of, **fields)
        self.estate.interfaces.put(of.account, of.id, changed)
        return changed

    def remap(self, of: Interface, private: str, mapped: PrivateAddress | None) -> Interface:
        """Put something else in the place of one of an interface's addresses, or nothing."""
        kept = [mapped if one.address == private else one for one in of.addresses]
        return self.change(of, addresses=tuple(one for one in kept if one is not None))

    def address(self, subnet: Subnet) -> str:
        """The address that would be given out next; raises InsufficientFreeAddressesInSubnet."""
        return Addresses(subnet, taken(self.in_subnet(subnet), subnet.id)).take()

    def in_subnet(self, subnet: Subnet) -> list[Interface]:
        """The interfaces in a subnet, whoever's they are."""
        found = self.estate.shared.all_in(subnet.account, self.estate.interfaces.list)
        return [one for one in found if one.subnet == subnet.id]

    def subnet_of(self, of: Interface) -> Subnet:
        """The subnet of an interface, which may be another's."""
        found = self.estate.subnets.anywhere(of.account, of.subnet)
        assert found is not None, "a subnet stays while there are interfaces in it"
        return found

    def of_instance(self, account: str, instance: str) -> list[Interface]:
        """The interfaces of an instance, the primary one first."""
        return self.by_instance(account).get(instance, [])

    def by_instance(self, account: str) -> dict[str, list[Interface]]:
        """The interfaces of each instance that has any, the primary one first."""
        found: dict[str, list[Interface]] = {}
        for one in self.estate.interfaces.list(account):
            if one.attached is not None and one.attached.instance:
                found.setdefault(one.attached.instance, []).append(one)
        for several in found.values():
            several.sort(key=device)
        return found

    def occupied(self, owners: Iterable[str]) -> Counter[str]:
        """How many addresses are taken in each subnet of some accounts."""
        found: Counter[str] = Counter()
        there = {
            one.id: one
            for owner in owners
            for one in self.estate.shared.all_in(owner, self.estate.interfaces.list)
        }
        for one in there.values():
            found[one.subnet] += len(one.addresses)
        return found


def device(of: Interface) -> int:
    """Where an interface is attached."""
    return of.attached.device if of.attached is not None else 0


def taken(interfaces: Iterable[Interface], subnet: str, *, six: bool = False) -> list[str]:
    """The addresses of a subnet that interfaces have, of one family."""
    here = [one for one in interfaces if one.subnet == subnet]
    if six:
        return [address for interface in here for address in interface.addresses6]
    return [address.address for interface in here for address in interface.addresses]


def room(of: Interface) -> int:
    """How many addresses an interface has, of the family of which it has more."""
    return max(len(of.addresses), len(of.addresses6))


def check_number(addresses: int) -> None:
    """Refuse more addresses than an interface can have."""
    if addresses > ADDRESSES_MAX:
        raise ServiceError(
            "PrivateIpAddressLimitExceeded",
            f"An interface has at most {ADDRESSES_MAX} addresses of each family.",
        )


def _checked(network: IPv4Network | IPv6Network, wanted: str, taken: set[str]) -> str:
    try:
        address = (IPv4Address if isinstance(network, IPv4Network) else IPv6Address)(wanted)
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

"""Interfaces that other services of the region have in customers' subnets.

Load balancers and DNS endpoints stand in networks by them: a service asks here for an interface,
and gives it back when what it was for is gone. Customers see them, and cannot change them.
"""

from collections.abc import Sequence

from antipodes.regional.ec2.interfaces import Interfaces, Plan, Wanted, taken
from antipodes.service.contract import ServiceError


class Lent:
    """What is lent to the other services of a region."""

    def __init__(self, interfaces: Interfaces) -> None:
        self._interfaces = interfaces
        self._estate = interfaces.estate

    def lend(  # noqa: PLR0913 - what an interface is
        self,
        account: str,
        subnet: str,
        *,
        kind: str,
        description: str,
        manager: str,
        of: str,
        address: str = "",
        public: str = "",
        groups: Sequence[str] = (),
    ) -> tuple[str, str]:
        """Make an interface for `of`, in a subnet that the account may use; its id and address.

        `public` is the address that the internet knows its first one by. Raises EC2's errors for
        subnets, groups and addresses that cannot be.
        """
        wanted = Wanted(
            kind, description, tuple(groups), address, manager=manager, of=of, public=public
        )
        plan = Plan(self._interfaces, account)
        made = plan.add(self._estate.subnets.usable(account, subnet), wanted)
        plan.keep()
        return made.id, made.addresses[0].address

    def has_room(self, account: str, subnet: str) -> bool:
        """Whether one more interface can have an address of a subnet."""
        found = self._estate.subnets.usable(account, subnet)
        try:
            Plan(self._interfaces, account).add(found, Wanted(groups=()))
        except ServiceError:
            return False
        return True

    def published(self, account: str, of: str) -> dict[str, tuple[str, str]]:
        """The interfaces that are lent for something, by id: each one's subnet and public address.

        Those that the internet knows nothing of are left out.
        """
        return {
            one.id: (one.subnet, one.addresses[0].public)
            for one in self._estate.interfaces.list(account)
            if one.of == of and one.manager and one.addresses[0].public
        }

    def of(self, account: str, of: str) -> dict[str, str]:
        """The interfaces that are lent for something, by id, with their addresses."""
        found = [one for one in self._estate.interfaces.list(account) if one.of == of]
        return {one.id: one.addresses[0].address for one in found if one.manager}

    def take_back(self, account: str, names: Sequence[str]) -> None:
        """Delete interfaces that nobody needs any more."""
        for name in names:
            self._estate.remove(self._estate.interfaces, account, name)

    def taken(self, account: str, subnet: str) -> list[str]:
        """The addresses of a subnet that interfaces have."""
        found = self._estate.subnets.usable(account, subnet)
        return taken(self._interfaces.in_subnet(found), subnet)

"""Networks in which others than their owner have things: who may see what is another's.

An owner shares subnets; with them their users see the VPC, its route tables, network ACLs and
internet gateways. What a user makes there is its own, and the owner sees it. That somebody has been
there is kept for good, since what it has there stays when the subnet is shared no more.

Source: VPC User Guide, "Responsibilities and permissions for owners and participants".
"""

from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.regional.ec2 import kinds
from antipodes.regional.ec2.kinds import Kind
from antipodes.regional.ec2.model import Subnet, Vpc
from antipodes.regional.ec2.table import Table
from antipodes.runtime.contract import Store
from antipodes.service.records import Records
from antipodes.service.sharing import Sharing


class Guest(msgspec.Struct, frozen=True):
    """That an account has, or had, things in the networks of another."""


class SharedNetworks:
    """What accounts see of each other's networks in a region."""

    def __init__(self, store: Store, vpcs: Table[Vpc], subnets: Table[Subnet]) -> None:
        self._sharing = Sharing(store)
        self._vpcs = vpcs
        self._subnets = subnets
        self._guests = Records(store, "ec2/guest", Guest)  # by owner, and guest

    def given(self, kind: Kind, account: str) -> list[tuple[str, str]]:
        """What is shared with an account, by id, with its owner; a VPC by its subnets."""
        if kind == kinds.VPC:
            return self._networks(account)
        return self._sharing.given(account, f"ec2:{kind.resource.title().replace('-', '')}")

    def _networks(self, account: str) -> list[tuple[str, str]]:
        found = {}
        for name, owner in self.given(kinds.SUBNET, account):
            subnet = self._subnets.find(owner, name)
            if subnet is not None:
                found[subnet.vpc] = owner
        return list(found.items())

    def beside(self, table: Table[Any], account: str) -> list[tuple[str, str]]:
        """What of a kind is in the networks that are shared with an account."""
        return [
            (one.id, owner)
            for vpc, owner in self._networks(account)
            for one in table.list(owner)
            if one.vpc == vpc
        ]

    def of_guests(self, table: Table[Any], account: str) -> list[tuple[str, str]]:
        """What of a kind others have in the networks of an account."""
        guests = self.guests(account)
        own = {one.id for one in self._vpcs.list(account)} if guests else set[str]()
        return [(one.id, guest) for guest in guests for one in table.list(guest) if one.vpc in own]

    def welcome(self, owner: str, guest: str) -> None:
        """Somebody has something in a network; mostly it is the owner."""
        if owner != guest and self._guests.get(owner, guest) is None:
            self._guests.put(owner, guest, Guest())

    def guests(self, owner: str) -> list[str]:
        """Who has, or had, things in an account's networks."""
        return [guest for guest, _ in self._guests.named(owner)]

    def all_guests(self) -> list[str]:
        """Who has, or had, things in the networks of anybody else."""
        return [guest for _, guest, _ in self._guests.all()]

    def around(self, account: str) -> list[str]:
        """An account, its guests, and those whose guest it is."""
        hosts = [owner for owner, guest, _ in self._guests.all() if guest == account]
        return list(dict.fromkeys((account, *self.guests(account), *hosts)))

    def all_in(self, owner: str, of: Callable[[str], list[Any]]) -> list[Any]:
        """What an account and its guests have of something; `of` lists an account's."""
        return [one for account in (owner, *self.guests(owner)) for one in of(account)]

"""What accounts may use of each other's: told by who keeps the shares, asked by who has the things.

Resource Access Manager says to whom an owner gives which of its things; the service that has the
thing asks, each time that somebody comes for it. They are records of the region's store, which both
know, so that neither needs the other's API to answer.
"""

from collections.abc import Iterable

import msgspec

from antipodes.runtime.contract import Store
from antipodes.service.records import Records

_ALL = "all"


class Grant(msgspec.Struct, frozen=True, order=True):
    """That an account may use a thing: of a kind (`ec2:Subnet`), by its id."""

    to: str
    kind: str
    id: str

    @property
    def thing(self) -> str:
        """Kind and id."""
        return f"{self.kind}/{self.id}"


class _Owner(msgspec.Struct, frozen=True):
    account: str


class _Grants(msgspec.Struct, frozen=True):
    grants: tuple[Grant, ...] = ()


class Sharing:
    """What is shared in one region."""

    def __init__(self, store: Store) -> None:
        self._owners = Records(store, "shared-with", _Owner)  # by account, and thing
        self._grants = Records(store, "shared-by", _Grants)  # by owner

    def owner(self, account: str, kind: str, name: str) -> str:
        """Who lets an account use a thing; nobody: ""."""
        found = self._owners.get(account, f"{kind}/{name}")
        return found.account if found is not None else ""

    def given(self, account: str, kind: str) -> list[tuple[str, str]]:
        """The things of a kind that an account may use, each with its owner, by id."""
        start = f"{kind}/"
        return [
            (thing.removeprefix(start), of.account)
            for thing, of in self._owners.named(account)
            if thing.startswith(start)
        ]

    def is_given(self, owner: str, kind: str, name: str) -> bool:
        """Whether an owner gives a thing to anybody."""
        return any((one.kind, one.id) == (kind, name) for one in self._by(owner))

    def tell(self, owner: str, grants: Iterable[Grant]) -> None:
        """From now on an owner gives this, and nothing else."""
        had, now = self._by(owner), tuple(sorted(dict.fromkeys(grants)))
        for one in had:
            if one not in now:
                self._owners.delete(one.to, one.thing)
        for one in now:
            if one not in had:
                self._owners.put(one.to, one.thing, _Owner(owner))
        if now != had:
            self._grants.put(owner, _ALL, _Grants(now))

    def _by(self, owner: str) -> tuple[Grant, ...]:
        found = self._grants.get(owner, _ALL)
        return found.grants if found is not None else ()

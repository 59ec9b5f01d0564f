"""Private lines to gateways of a region: who keeps the lines tells who has the gateways.

Direct Connect says which lines lead to an account's VPN gateways and transit gateways, and EC2
asks, each time that somebody wants to know where packets go. They are records of the region's
store, which both know, so that neither needs the other's API to answer.
"""

from collections.abc import Iterable

import msgspec

from antipodes.runtime.contract import Store
from antipodes.service.records import Records

_ALL = "all"


class PrivateLine(msgspec.Struct, frozen=True):
    """A line from a site to a gateway.

    The site announces prefixes with the number of its AS, and `hears` those that are allowed; all
    that the gateway tells where none are named. `entry` is the region where the line begins.
    """

    id: str
    gateway: str
    via: str  # what joins several gateways, if anything is in between
    site: str
    entry: str
    asn: int
    prefixes: tuple[str, ...]
    hears: tuple[str, ...]
    gbps: float
    mtu: int
    up: bool = True


class Joined(msgspec.Struct, frozen=True):
    """A gateway, and what joins it to others; there may be no line yet."""

    gateway: str
    via: str


class _Told(msgspec.Struct, frozen=True):
    joined: tuple[Joined, ...] = ()
    lines: tuple[PrivateLine, ...] = ()


class Lines:
    """What lines there are to the gateways of one region."""

    def __init__(self, store: Store) -> None:
        self._told = Records(store, "private-lines", _Told)

    def tell(self, account: str, joined: Iterable[Joined], lines: Iterable[PrivateLine]) -> None:
        """From now on an account has these, and no others."""
        told = _Told(tuple(joined), tuple(lines))
        if told != (self._told.get(account, _ALL) or _Told()):
            self._told.put(account, _ALL, told)

    def of(self, account: str) -> tuple[PrivateLine, ...]:
        """An account's lines."""
        return (self._told.get(account, _ALL) or _Told()).lines

    def joined(self, account: str) -> tuple[Joined, ...]:
        """Which of an account's gateways are joined to others."""
        return (self._told.get(account, _ALL) or _Told()).joined

"""What a network is compiled to: points, and at each of them one of seven things that can happen.

Everything that a network does to packets is one of these, whatever it is called outside: a route
table and a gateway's table of addresses are a `Lookup`, a subnet's filter is a `Sieve`, a group of
allowing rules a `Permit`, a mapping of addresses one to one a `Change`, a translation of many to
one a `Translate` with its `Restore`, and a choice between ways of equal worth a `Spread`. So what
walks one packet (`walking`) and what follows all of them at once (`reaching`) know nothing but
these, and every rule of the network is written once, where it is compiled.
"""

from typing import NamedTuple

import msgspec

from antipodes.fabric.network.spaces import Box, Range

Key = tuple[str, ...]  # names a point: what it is of what, such as ("routes", "subnet-1")


class Hop(NamedTuple):
    """What a point is, to whoever reads the way of a packet."""

    kind: str
    id: str
    place: str = ""  # the zone or region where it stands
    mtu: int = 0  # bytes; 0: as large as the last one's
    gbps: float = 0.0  # what one flow can have of it; 0: no limit of its own
    charge: str = ""  # what is paid for each gigabyte that passes, by its name in a list of prices


class Rule(NamedTuple):
    """A rule that was looked at: an entry of whatever has entries, by its name there."""

    of: str
    name: str


class End(msgspec.Struct, frozen=True, gc=False):
    """A packet goes no further: `outcome` is one of a closed set (`outcomes`).

    If it has come to where it was going, an answer begins at the point `back`.
    """

    outcome: str
    hop: Hop
    rule: Rule | None = None
    back: Key | None = None

    @property
    def passed(self) -> bool:
        """Whether the packet has come to where it was going."""
        return self.back is not None


class Entry(NamedTuple):
    """A range of a lookup."""

    to: "Key | End"
    rule: Rule


class Lookup(msgspec.Struct, frozen=True, gc=False):
    """Where a packet goes is decided by one field: an address, as a rule.

    `ends` are the last values of the ranges, in order; between two ranges may be a gap.
    """

    hop: Hop | None
    field: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    entries: tuple[Entry, ...]
    otherwise: "Key | End"


class Judged(NamedTuple):
    """One rule of a sieve."""

    box: Box
    passes: bool
    rule: Rule


class Sieve(msgspec.Struct, frozen=True, gc=False):
    """Rules in their order, of which the first that fits decides; none of them keeps any state.

    What is refused may go on elsewhere.
    """

    hop: Hop | None
    rules: tuple[Judged, ...]
    to: Key
    refused: "Key | End"


class Allowed(NamedTuple):
    """One rule of a permit."""

    box: Box
    rule: Rule


class Permit(msgspec.Struct, frozen=True, gc=False):
    """Rules of which any allows; replies to what has passed pass as well.

    `tracker` is who remembers: both directions of an interface are one. Where `strict`, a reply to
    what has not passed here is refused whatever the rules say, as stateful firewalls do. What is
    refused may go on elsewhere.
    """

    hop: Hop | None
    tracker: str
    rules: tuple[Allowed, ...]
    to: Key
    refused: "Key | End"
    strict: bool = False


class Change(msgspec.Struct, frozen=True, gc=False):
    """One field gets a value."""

    hop: Hop | None
    field: int
    value: int
    to: Key


class Translate(msgspec.Struct, frozen=True, gc=False):
    """Source address and port become the translator's; it remembers whose they were.

    A relay's does the same, and sends to somebody else (`target` is an address and a port): what
    comes back to it goes on at the point `back`.
    """

    hop: Hop | None
    tracker: str
    address: int
    ports: Range
    to: Key
    target: tuple[int, int] | None = None
    back: Key | None = None


class Restore(msgspec.Struct, frozen=True, gc=False):
    """What comes back to a translator answers again what had come to it; all else is refused."""

    hop: Hop | None
    tracker: str
    to: Key
    refused: End


class Spread(msgspec.Struct, frozen=True, gc=False):
    """A choice by a hash of the flow, the same in both directions of it."""

    hop: Hop | None
    choices: tuple[Key, ...]
    salt: int = 0


Node = Lookup | Sieve | Permit | Change | Translate | Restore | Spread

"""What is kept of Direct Connect, in every region, whichever it was made in.

Of two copies of a record the one that ended counts, and else the later version; so it does not
matter in which order regions hear of changes. What has ended is kept, and not shown.
"""

from typing import TypeVar

import msgspec

PRIVATE, TRANSIT = "private", "transit"
VPN_GATEWAY, TRANSIT_GATEWAY = "virtualPrivateGateway", "transitGateway"


class Record(msgspec.Struct, frozen=True):
    """What all records have."""

    id: str
    account: str
    region: str  # where it is
    tags: tuple[tuple[str, str], ...] = ()
    version: int = 0
    ended: bool = False


class Connection(Record, frozen=True):
    """A port at a location."""

    name: str = ""
    location: str = ""
    bandwidth: str = ""
    provider: str = ""


class Interface(Record, frozen=True):
    """A virtual interface of a connection: to one VPN gateway, or `via` a gateway to several."""

    kind: str = PRIVATE
    connection: str = ""
    name: str = ""
    vlan: int = 0
    asn: int = 0
    mtu: int = 1500
    key: str = ""
    amazon: str = ""
    customer: str = ""
    gateway: str = ""
    via: str = ""
    amazon_asn: int = 64512


class Gateway(Record, frozen=True):
    """A Direct Connect gateway; `region` is where it was asked for, and all know it."""

    name: str = ""
    asn: int = 64512


class Association(Record, frozen=True):
    """A Direct Connect gateway, and a gateway of a region that is joined to it."""

    via: str = ""
    gateway: str = ""
    kind: str = VPN_GATEWAY
    allowed: tuple[str, ...] = ()


R = TypeVar("R", bound=Record)


def newer(one: R | None, other: R) -> R:
    """Of two copies, the one that counts; the same whichever is asked first."""
    if one is None:
        return other

    def place(of: Record) -> tuple[bool, int, bytes]:
        return of.ended, of.version, msgspec.msgpack.encode(of)

    return max(one, other, key=place)


def changed(of: R, **change: object) -> R:
    """The next version of a record."""
    return msgspec.structs.replace(of, version=of.version + 1, **change)

"""What is kept of networks outside of the region, and the tunnels to them.

As in `model`, what follows from others is never kept: whether a tunnel is up, what has been learnt
over it, and which routes are propagated, are worked out in `vpns` and `leading`.
"""

import msgspec


class CustomerGateway(msgspec.Struct, frozen=True):
    """The router of a customer's site."""

    id: str
    account: str
    address: str
    asn: int = 65000
    device: str = ""
    ended_at: float | None = None


class VpnGateway(msgspec.Struct, frozen=True):
    """A VPN gateway (a virtual private one); `vpc` is what it is attached to, if it is."""

    id: str
    account: str
    asn: int = 64512  # of Amazon's side
    zone: str = ""  # its name
    vpc: str = ""
    ended_at: float | None = None


class Tunnel(msgspec.Struct, frozen=True):
    """One of a connection's two tunnels; what a customer did not choose is as AWS has it.

    `chosen` are single values, `allowed` those of which the two ends may agree on any.
    """

    outside: str
    inside: str  # a prefix of four addresses, of which Amazon's side has the first
    key: str
    chosen: dict[str, int | str] = {}
    allowed: dict[str, tuple[int | str, ...]] = {}


class VpnConnection(msgspec.Struct, frozen=True):
    """A connection of a customer gateway to a VPN gateway, or to a transit gateway."""

    id: str
    account: str
    customer: str
    tunnels: tuple[Tunnel, Tunnel]
    gateway: str = ""
    hub: str = ""
    static: bool = False
    routes: tuple[str, ...] = ()  # static ones
    large: bool = False  # tunnels of 5 Gbps
    local: str = "0.0.0.0/0"  # on the customer's side
    remote: str = "0.0.0.0/0"
    number: int = 0  # which of the region's outside addresses are its
    made_at: float = 0.0
    ended_at: float | None = None

"""What is kept of transit gateways: hubs, what is attached to them, and their tables.

As in `model`, what follows from others is never kept: the routes that a table has learnt, and
whether a route's attachment is still there, are worked out in `hubroutes`. What came to its end is
kept apart, for as long as it is shown.
"""

import msgspec

from antipodes.regional.ec2.modelpeers import Standing

AVAILABLE = "available"


class Hub(msgspec.Struct, frozen=True):
    """A transit gateway. What is attached goes by default into the tables that it names, if any."""

    id: str
    account: str
    description: str = ""
    asn: int = 64512  # of Amazon's side
    associates: str = ""  # the default table for association
    propagates: str = ""  # the default table for propagation
    accepts: bool = False  # what other accounts attach
    spreads: bool = True  # over equal paths of VPNs
    dns: bool = True
    references: bool = False
    prefixes: tuple[str, ...] = ()
    attached: int = 0  # how many attachments it has ever had
    made_at: float = 0.0
    ended_at: float | None = None


class HubAttachment(msgspec.Struct, frozen=True):
    """Something attached to a hub; `kind` is AWS's resource type, `of` the resource's id.

    `number` says which of the hub's attachments it was; `table` is what its packets go by, and
    `owner` whose the resource is if not the hub's owner's.
    """

    id: str
    account: str
    hub: str
    kind: str
    of: str
    number: int
    subnets: tuple[str, ...] = ()
    table: str = ""
    dns: bool = True
    references: bool = True
    ipv6: bool = False
    appliance: bool = False
    made_at: float = 0.0
    ended_at: float | None = None
    state: str = AVAILABLE
    owner: str = ""


class ConnectPeer(msgspec.Struct, frozen=True):
    """A GRE tunnel of a Connect attachment, to an appliance that speaks BGP over it.

    The tunnel's ends are `address`, of the hub's prefixes, and `peer`; of the `inside` prefix the
    appliance has the first address, and the hub the two behind it.
    """

    id: str
    account: str
    hub: str
    attachment: str
    address: str
    peer: str
    inside: str
    asn: int  # of the appliance
    made_at: float = 0.0
    ended_at: float | None = None


class HubRoute(msgspec.Struct, frozen=True):
    """A static route of a hub's table; without an attachment it drops."""

    destination: str
    attachment: str = ""


class HubReference(msgspec.Struct, frozen=True):
    """A prefix list that a hub's table refers to; without an attachment it drops."""

    list: str
    attachment: str = ""


class HubTable(msgspec.Struct, frozen=True):
    """A route table of a hub: static routes, prefix lists, and the attachments it learns from."""

    id: str
    account: str
    hub: str
    routes: tuple[HubRoute, ...] = ()
    lists: tuple[HubReference, ...] = ()
    learns: tuple[str, ...] = ()
    made_at: float = 0.0
    ended_at: float | None = None


class PeeredHub(msgspec.Struct, frozen=True):
    """One side of a peering of hubs, and the id of the attachment that the hub has of it.

    Across regions both attachments have one id; in one region each has its own.
    """

    account: str
    region: str
    hub: str
    attachment: str


class HubPeering(msgspec.Struct, frozen=True):
    """Two hubs, attached to each other, as one account has it in one region."""

    id: str  # of the requester's attachment
    requester: PeeredHub
    accepter: PeeredHub
    standing: Standing
    made_at: float

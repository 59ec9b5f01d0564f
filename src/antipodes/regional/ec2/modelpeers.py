"""What is kept of what joins networks with others: peerings, and endpoints of services."""

import msgspec


class PeeredNetwork(msgspec.Struct, frozen=True):
    """One side of a peering. Its own region alone changes it, and counts its changes.

    The accepter's prefixes are known once it has accepted.
    """

    account: str
    region: str
    vpc: str
    prefixes: tuple[str, ...] = ()
    resolves: bool = False  # AllowDnsResolutionFromRemoteVpc
    revision: int = 0


class Standing(msgspec.Struct, frozen=True):
    """How far a peering has come, since when, and by which side's doing."""

    code: str
    since: float = 0.0
    by: str = ""


class Peering(msgspec.Struct, frozen=True):
    """A peering connection, as one account has it in one region; `expires` unless accepted."""

    id: str
    requester: PeeredNetwork
    accepter: PeeredNetwork
    standing: Standing
    expires: float

"""What is kept of what joins networks with others: peerings, and endpoints of services."""

import msgspec

from antipodes.regional.ec2.model import Token


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


class EndpointInterface(msgspec.Struct, frozen=True):
    """Where an interface endpoint has an interface."""

    subnet: str
    zone: str  # its id
    interface: str


class Endpoint(msgspec.Struct, frozen=True):
    """A VPC endpoint: routes in tables, or interfaces in subnets.

    It is of a service of Amazon's, by its short name, or of a customer's, the provider's, by its
    id; to that it has a connection, with a standing of its own.
    """

    id: str
    account: str
    vpc: str
    service: str  # such as s3, or vpce-svc-…
    type: str  # Gateway, Interface or GatewayLoadBalancer
    policy: str = ""  # the default one if empty
    tables: tuple[str, ...] = ()
    interfaces: tuple[EndpointInterface, ...] = ()
    groups: tuple[str, ...] = ()
    private_names: bool = False
    private_for_inbound: bool = False  # PrivateDnsOnlyForInboundResolverEndpoint
    made_at: float = 0.0
    token: Token | None = None
    provider: str = ""  # the account whose service it is
    connection: str = ""
    standing: str = "available"  # or pendingAcceptance, or rejected
    firewall: str = ""  # the managed one that it belongs to, by its ARN

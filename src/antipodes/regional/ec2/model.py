"""What is kept of networks: one frozen record for each thing that has an id.

Prefixes are texts in canonical form. What follows from others (the state of a route whose target
is gone, how many addresses of a subnet are free) is worked out when it is shown, never kept.
"""

import msgspec


class Token(msgspec.Struct, frozen=True):
    """What a client calls a request that it may send again, and a digest of what it asked for."""

    name: str
    asked: str


class Association(msgspec.Struct, frozen=True):
    """A prefix of a network or subnet, by the id of its association."""

    id: str
    prefix: str
    made_at: float = 0.0  # of one that came later than the network


class Vpc(msgspec.Struct, frozen=True):
    """A network. `table`, `acl` and `group` are the ids of its main and default ones."""

    id: str
    account: str
    prefixes: tuple[Association, ...]  # IPv4, the primary one first
    table: str
    acl: str
    group: str
    options: str
    prefixes6: tuple[Association, ...] = ()
    default: bool = False
    tenancy: str = "default"
    dns_support: bool = True
    dns_hostnames: bool = False
    usage_metrics: bool = False


class Subnet(msgspec.Struct, frozen=True):
    """A part of a network in one zone; without a table it goes by the network's main one."""

    id: str
    account: str
    vpc: str
    zone: str  # its id, such as usw2-az1
    prefix: str
    acl: str
    table: str = ""
    table_association: str = ""
    acl_association: str = ""
    prefixes6: tuple[Association, ...] = ()
    default: bool = False
    maps_public_ip: bool = False
    assigns_ipv6: bool = False


class Route(msgspec.Struct, frozen=True):
    """Where a prefix, or a prefix list, leads; `target` is an id, or `local`."""

    destination: str
    target: str
    origin: str = "CreateRoute"


class RouteTable(msgspec.Struct, frozen=True):
    """Routes. `gateways` are the associations with gateways: of association and of gateway."""

    id: str
    account: str
    vpc: str
    routes: tuple[Route, ...]
    main_association: str = ""
    gateways: tuple[tuple[str, str], ...] = ()
    propagates: tuple[str, ...] = ()
    token: Token | None = None


class AclEntry(msgspec.Struct, frozen=True):
    """One numbered entry; `protocol` is a number as text, `-1` any; ports or an ICMP type, code."""

    number: int
    egress: bool
    allows: bool
    prefix: str
    protocol: str = "-1"
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


class NetworkAcl(msgspec.Struct, frozen=True):
    """A network ACL, without the last entry of each direction, which denies the rest."""

    id: str
    account: str
    vpc: str
    entries: tuple[AclEntry, ...]
    default: bool = False
    token: Token | None = None


class GroupRule(msgspec.Struct, frozen=True):
    """One rule of a security group: protocol, ports, and one peer."""

    id: str
    egress: bool
    protocol: str  # tcp, udp, icmp, icmpv6, a number, or -1
    low: int = -1
    high: int = -1
    prefix: str = ""
    list: str = ""
    group: str = ""
    group_account: str = ""
    description: str = ""
    group_vpc: str = ""  # where that is another one


class SecurityGroup(msgspec.Struct, frozen=True):
    """A security group; `others` are the VPCs that it may be used in besides its own."""

    id: str
    account: str
    vpc: str
    name: str
    description: str
    rules: tuple[GroupRule, ...]
    others: tuple[str, ...] = ()


class InternetGateway(msgspec.Struct, frozen=True):
    """An internet gateway; `vpc` is what it is attached to, if it is."""

    id: str
    account: str
    vpc: str = ""


class EgressGateway(msgspec.Struct, frozen=True):
    """An egress-only internet gateway, which is of one VPC for as long as it is there."""

    id: str
    account: str
    vpc: str
    token: Token | None = None


class DhcpOptions(msgspec.Struct, frozen=True):
    """A set of DHCP options, by name."""

    id: str
    account: str
    options: dict[str, tuple[str, ...]]


class PrefixEntry(msgspec.Struct, frozen=True):
    """One prefix of a list."""

    prefix: str
    description: str = ""


class PrefixVersion(msgspec.Struct, frozen=True):
    """What a prefix list has, or had, by version."""

    entries: tuple[PrefixEntry, ...]


class PrefixList(msgspec.Struct, frozen=True):
    """A managed prefix list of a customer; its versions are kept apart, `oldest` to `version`."""

    id: str
    account: str
    name: str
    family: str  # IPv4 or IPv6
    entries_max: int
    version: int = 1
    oldest: int = 1
    state: str = "create-complete"
    token: Token | None = None


class Elastic(msgspec.Struct, frozen=True):
    """An elastic address."""

    id: str
    account: str
    address: str


class PrivateAddress(msgspec.Struct, frozen=True):
    """An address of an interface, and the elastic or other public one mapped to it, if any."""

    address: str
    public: str = ""
    allocation: str = ""  # of an elastic one
    association: str = ""


class Attached(msgspec.Struct, frozen=True):
    """What an interface is attached to: an instance, or a service that manages it."""

    id: str
    instance: str
    owner: str
    device: int = 0
    ends_with_it: bool = False  # DeleteOnTermination
    at: float = 0.0


class Interface(msgspec.Struct, frozen=True):
    """A network interface. `kind` is its InterfaceType: interface, nat_gateway, and so on.

    One that a service manages (`manager`) is made, attached and deleted by that service alone; `of`
    is what it was made for.
    """

    id: str
    account: str
    vpc: str
    subnet: str
    zone: str
    addresses: tuple[PrivateAddress, ...]  # of IPv4, the primary one first
    groups: tuple[str, ...]
    kind: str = "interface"
    description: str = ""
    checks: bool = True  # SourceDestCheck
    manager: str = ""
    of: str = ""
    attached: Attached | None = None
    made_at: float = 0.0
    token: Token | None = None
    addresses6: tuple[str, ...] = ()


class Instance(msgspec.Struct, frozen=True):
    """A place for a machine: its interfaces are those that are attached to it.

    `state` is where it is bound for, and gets to a moment after `changed_at`.
    """

    id: str
    account: str
    reservation: str
    image: str
    type: str
    vpc: str
    subnet: str
    zone: str  # its id
    state: str = "running"  # or stopped, or terminated
    changed_at: float = 0.0
    made_at: float = 0.0
    started_at: float = 0.0
    index: int = 0  # within its reservation
    key: str = ""
    data: str = ""  # UserData, as it was given
    maps_public: bool = False  # whether it has a public address whenever it runs
    stays: bool = False  # DisableApiTermination
    runs_on: bool = False  # DisableApiStop
    tenancy: str = "default"
    for_disks: bool = False  # EbsOptimized
    token: Token | None = None


class NatGateway(msgspec.Struct, frozen=True):
    """A NAT gateway; it is seen for a while after it has failed or been deleted.

    Its one address is its interface's, for as long as that is there.
    """

    id: str
    account: str
    vpc: str
    subnet: str
    zone: str  # its id
    address: PrivateAddress
    interface: str = ""
    private: bool = False
    made_at: float = 0.0
    ended_at: float = 0.0
    failure: tuple[str, str] | None = None  # code and message
    token: Token | None = None

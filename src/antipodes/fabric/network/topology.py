"""What networks are made of, in the words of networking; a snapshot, frozen.

Whoever keeps networks (an API, a file) says them in these words. Prefixes and addresses are texts
in canonical form, of either family; ids are whatever the keeper calls things. Nothing here is
checked: a keeper refuses what cannot be.
"""

from typing import NamedTuple

import msgspec

# What routes lead to.
LOCAL, INTERFACE, GATEWAY, EGRESS = "local", "interface", "gateway", "egress-only"
TRANSLATOR, PEERING, HUB = "translator", "peering", "hub"
SERVICE, INSPECTION, PRIVATE = "service", "inspection", "private gateway"
# What stands behind interfaces; behind a hub's and an inspection's nobody has an address.
HOST, FORWARDER, CARRIER = "host", "forwarder", "carrier"
DOOR, RELAY = "door", "relay"
# What is attached to hubs.
NETWORK, FAR_HUB, LINE = "network", "far hub", "line"
PASS, DROP, LOOK = "pass", "drop", "look"  # what rules of firewalls say
STATIC, LISTED, PROPAGATED = range(3)  # of routes to one prefix, the least counts
ANY = -1
ANYWHERE = ("0.0.0.0/0", "::/0")
ALL_PORTS = ((0, 65535),)


class Ref(NamedTuple):
    """A thing that a route leads to."""

    kind: str
    id: str = ""


class Network(msgspec.Struct, frozen=True, gc=False):
    """An address space of one owner in one region, and its router's table."""

    id: str
    region: str
    prefixes: tuple[str, ...]
    table: str
    owner: str = ""


class Subnet(msgspec.Struct, frozen=True, gc=False):
    """A part of a network in one zone. Without a table it goes by the network's."""

    id: str
    network: str
    zone: str
    prefixes: tuple[str, ...]
    filter: str
    table: str = ""


class Interface(msgspec.Struct, frozen=True, gc=False):
    """Where something is connected to a subnet.

    `kind` is what stands behind it: a host, one that forwards what is not for it, a translator,
    whose id is `of`, what carries packets in and out and takes none, a door to a service of another
    network, or a relay. `public` maps its private
    addresses to public ones, one to one. Where it `checks`, it sends and takes nothing but what is
    from and for its own addresses. `groups` is None where packets are not held up by any. What
    stands behind it may not be `up`: then it sends nothing, and takes nothing.
    """

    id: str
    subnet: str
    addresses: tuple[str, ...]
    public: dict[str, str] = {}
    groups: tuple[str, ...] | None = ()
    checks: bool = True
    kind: str = HOST
    of: str = ""
    up: bool = True


class Route(msgspec.Struct, frozen=True, gc=False):
    """Where a prefix leads, or several of a list. A blackhole wins its place, and drops."""

    name: str
    prefixes: tuple[str, ...]
    to: Ref
    origin: int = STATIC
    blackhole: bool = False


class Table(msgspec.Struct, frozen=True, gc=False):
    """Routes; of two to one prefix of the same origin the earlier counts."""

    id: str
    routes: tuple[Route, ...]


class FilterEntry(msgspec.Struct, frozen=True, gc=False):
    """One entry of a filter; `protocol` is a number or ANY, of ICMP `ports` are types and codes."""

    name: str
    prefix: str
    allows: bool
    protocol: int = ANY
    ports: tuple[int, int] = (0, 65535)


class Filter(msgspec.Struct, frozen=True, gc=False):
    """What may cross the edge of a subnet: stateless, in the order of its entries.

    Names of entries are unique within a filter, both directions together.
    """

    id: str
    inbound: tuple[FilterEntry, ...]
    outbound: tuple[FilterEntry, ...]


class GroupRule(msgspec.Struct, frozen=True, gc=False):
    """What may be sent or taken: to or from prefixes, or the members of a group."""

    name: str
    prefixes: tuple[str, ...] = ()
    group: str = ""
    protocol: int = ANY
    ports: tuple[int, int] = (0, 65535)


class Group(msgspec.Struct, frozen=True, gc=False):
    """Rules that hold for all interfaces that are in it: stateful, allowing only.

    They are in its network, or in one of the `others`.
    """

    id: str
    network: str
    inbound: tuple[GroupRule, ...]
    outbound: tuple[GroupRule, ...]
    others: tuple[str, ...] = ()


class Gateway(msgspec.Struct, frozen=True, gc=False):
    """A network's way to the internet; `table` says what comes in goes through.

    One that is `egress_only` has no table, is for IPv6, and lets in what answers what it let out.
    """

    id: str
    network: str
    table: str = ""
    egress_only: bool = False


class Translator(msgspec.Struct, frozen=True, gc=False):
    """Sends on what comes to its interface as its own."""

    id: str
    interface: str


class Peering(msgspec.Struct, frozen=True, gc=False):
    """Two networks, joined."""

    id: str
    networks: tuple[str, str]
    active: bool = True


class Service(msgspec.Struct, frozen=True, gc=False):
    """A service that has a place in route tables: prefixes lead to it, and it answers by itself."""

    id: str
    network: str
    prefixes: tuple[str, ...]


class RelayPort(msgspec.Struct, frozen=True, gc=False):
    """A port of a relay: the addresses and ports that its flows are sent on to, any of them."""

    protocol: int
    port: int
    targets: tuple[tuple[str, int], ...]


class Relay(msgspec.Struct, frozen=True, gc=False):
    """Sends on, as its own, the flows that come by doors to an interface; a part of `of`."""

    interface: str
    of: str
    ports: tuple[RelayPort, ...]


class Door(msgspec.Struct, frozen=True, gc=False):
    """An interface behind which is a relay of another network, if it was let in there."""

    interface: str
    relay: str = ""  # its interface


class FirewallRule(msgspec.Struct, frozen=True, gc=False):
    """What a firewall does with packets from some prefixes and ports to others.

    A rule that keeps no state may want those that do to LOOK. No protocols are all protocols.
    """

    name: str
    verdict: str
    sources: tuple[str, ...] = ANYWHERE
    targets: tuple[str, ...] = ANYWHERE
    protocols: tuple[int, ...] = ()
    source_ports: tuple[tuple[int, int], ...] = ALL_PORTS
    target_ports: tuple[tuple[int, int], ...] = ALL_PORTS


class Firewall(msgspec.Struct, frozen=True, gc=False):
    """What appliances go by that look at packets.

    First comes the `screen`, which keeps no state: its first rule that fits decides, and LOOK sends
    a packet on to `rules`; so does a screen that has no rule for it. There the first that fits
    decides, or what the firewall does `otherwise`. What a rule passes, passes with its answers; of
    what passes otherwise, the answers are looked at as well. Where it is `strict`, an answer to
    what has not passed the same appliance is refused.
    """

    id: str
    screen: tuple[FirewallRule, ...] = ()
    rules: tuple[FirewallRule, ...] = ()
    otherwise: str = PASS
    strict: bool = True


class Appliance(msgspec.Struct, frozen=True, gc=False):
    """One that keeps state of the packets that it has looked at."""

    id: str
    zone: str


class Inspection(msgspec.Struct, frozen=True, gc=False):
    """An interface that hands packets to appliances, and sends on what comes back.

    The flow chooses the appliance, out of all that packets may be handed to from here; if there is
    none, they are dropped. All go by one firewall's rules; one that is not there has none.
    """

    id: str
    interface: str
    firewall: str
    appliances: tuple[Appliance, ...]
    charge: str = "inspection"


class HubRoute(msgspec.Struct, frozen=True, gc=False):
    """Where a hub sends a prefix: over one attachment, or over several alike."""

    name: str
    prefixes: tuple[str, ...]
    attachments: tuple[str, ...]
    origin: int = STATIC
    blackhole: bool = False


class HubTable(msgspec.Struct, frozen=True, gc=False):
    """Routes of a hub, for the attachments that are associated with it."""

    id: str
    hub: str
    routes: tuple[HubRoute, ...]


class Hub(msgspec.Struct, frozen=True, gc=False):
    """What many networks are attached to. With `references`, groups count across it."""

    id: str
    region: str
    references: bool = False


class Attachment(msgspec.Struct, frozen=True, gc=False):
    """Something attached to a hub: a network, by an interface in each of some zones, or a hub.

    `table` is what decides where its packets go. A `sticky` one keeps both directions of a flow in
    one zone; any other keeps packets in the zone that they come from, if it is there. One without
    `ipv6` carries IPv4 alone.
    """

    id: str
    hub: str
    kind: str
    of: str  # the network, the attachment on the other side, or the line
    interfaces: tuple[str, ...] = ()
    table: str = ""
    sticky: bool = False
    references: bool = True
    available: bool = True
    ipv6: bool = True


class LineRoute(msgspec.Struct, frozen=True, gc=False):
    """What is reached over a line, or over several alike; the better has the lower rank."""

    name: str
    prefixes: tuple[str, ...]
    lines: tuple[str, ...]
    rank: int = 0


class Line(msgspec.Struct, frozen=True, gc=False):
    """A private line or tunnel from a site to a private gateway, or to an attachment of a hub."""

    id: str
    site: str
    to: Ref
    up: bool = True
    mtu: int = 1500
    gbps: float = 0.0
    charge: str = ""


class Site(msgspec.Struct, frozen=True, gc=False):
    """A network of somebody's own, outside of all regions, with the routes that it has learnt.

    It may be called by the ids of its `routers`. Where it is on this planet is said by latitude and
    longitude, if anybody knows, and `link` says how regions reach it.
    """

    id: str
    place: str
    prefixes: tuple[str, ...]
    routes: tuple[LineRoute, ...] = ()
    routers: tuple[str, ...] = ()
    point: tuple[float, float] | None = None
    link: str = ""


class PrivateGateway(msgspec.Struct, frozen=True, gc=False):
    """A network's way to sites; `table` says what comes in goes through.

    It knows of several lines to a prefix, and uses one. Without a network it joins sites.
    """

    id: str
    network: str
    routes: tuple[LineRoute, ...] = ()
    table: str = ""


class Topology(msgspec.Struct, frozen=True, gc=False):
    """Everything that is there, by id."""

    networks: dict[str, Network] = {}
    subnets: dict[str, Subnet] = {}
    interfaces: dict[str, Interface] = {}
    tables: dict[str, Table] = {}
    filters: dict[str, Filter] = {}
    groups: dict[str, Group] = {}
    gateways: dict[str, Gateway] = {}
    translators: dict[str, Translator] = {}
    peerings: dict[str, Peering] = {}
    services: dict[str, Service] = {}
    inspections: dict[str, Inspection] = {}
    firewalls: dict[str, Firewall] = {}
    hubs: dict[str, Hub] = {}
    hub_tables: dict[str, HubTable] = {}
    attachments: dict[str, Attachment] = {}
    sites: dict[str, Site] = {}
    lines: dict[str, Line] = {}
    private_gateways: dict[str, PrivateGateway] = {}
    doors: dict[str, Door] = {}  # by interface
    relays: dict[str, Relay] = {}  # by interface
    names: dict[str, str] = {}  # what people call things, by id

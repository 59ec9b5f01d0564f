"""Accelerators, listeners, endpoint groups, endpoints: records, and what follows from them. Pure.

An accelerator is one record with all that belongs to it, of either kind of routing. A *standard*
one has endpoints with weights; a *custom* one has subnets, whose addresses and ports its listeners'
ports stand for (`mappings`).
"""

import re

import msgspec

from antipodes.edge.globalaccelerator.errors import missing

WEIGHT_DEFAULT, WEIGHT_MAX = 128, 255
DIAL_MAX = 100
ENDPOINTS_MAX = 10  # of a group; subnets as well
LISTENERS_MAX = 10
GROUPS_MAX = 42  # of an accelerator, over all its listeners
ACCELERATORS_MAX = 20
CUSTOM_ACCELERATORS_MAX = 10
ATTACHMENTS_MAX = 10
ATTACHED_MAX = 500  # resources of an attachment
CIDRS_MAX = 2
EVENTS_MAX = 10
STANDARD, CUSTOM = "standard", "custom"
TCP, UDP = "TCP", "UDP"
IPV4, DUAL_STACK = "IPV4", "DUAL_STACK"
DOMAIN = "awsglobalaccelerator.com"

_UUID = r"[0-9a-f-]{36}"
_ARN = re.compile(
    rf"arn:aws:globalaccelerator::(\d{{12}}):accelerator/({_UUID})"
    r"(?:/listener/([0-9a-f]+)(?:/endpoint-group/([0-9a-f]+))?)?"
)
_ATTACHMENT = re.compile(rf"arn:aws:globalaccelerator::(\d{{12}}):attachment/({_UUID})")
_DEPTHS = {"Accelerator": 2, "Listener": 3, "EndpointGroup": 4}


class Probe(msgspec.Struct, frozen=True):
    """How an endpoint is probed that has no health of its own."""

    protocol: str
    port: int
    path: str
    interval_s: int
    threshold: int


class Endpoint(msgspec.Struct, frozen=True):
    """A resource that traffic may go to; `arn` is its id, whatever kind it is.

    `door` is what its doors are called: `elb/app/NAME/ID` or an address. `health` is the name under
    which its health is known: a load balancer has one health, an address as many as it has probes.
    """

    arn: str
    region: str
    door: str
    health: str
    weight: int = WEIGHT_DEFAULT
    preserves_client_ip: bool = True
    attachment: str = ""
    probe: Probe | None = None


class Destinations(msgspec.Struct, frozen=True):
    """Ports of every address of a custom group's subnets."""

    low: int
    high: int
    protocols: tuple[str, ...]


class Opened(msgspec.Struct, frozen=True):
    """An address of a subnet that is not as its subnet: open or not, but for some ports."""

    is_open: bool
    ports: tuple[int, ...] = ()


class Subnet(msgspec.Struct, frozen=True):
    """A subnet behind a custom routing accelerator.

    `segments` are the listener's ports that stand for it, in order; they never change.
    """

    id: str
    place: str  # its zone
    network: str
    segments: tuple[tuple[int, int], ...]
    is_open: bool = False
    exceptions: dict[str, Opened] = {}
    attachment: str = ""


class Group(msgspec.Struct, frozen=True):
    """The endpoints of one region."""

    id: str
    region: str
    dial: float = 100.0
    port: int = 80
    protocol: str = TCP
    path: str = "/"
    interval_s: int = 30
    threshold: int = 3
    endpoints: tuple[Endpoint, ...] = ()
    token: str = ""
    overrides: tuple[tuple[int, int], ...] = ()  # of the listener, of the endpoint
    destinations: tuple[Destinations, ...] = ()  # these two of custom routing
    subnets: tuple[Subnet, ...] = ()

    def probed(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint as it is judged in this group, by the group's settings where they count."""
        if endpoint.door.startswith("elb/"):
            return msgspec.structs.replace(endpoint, health=endpoint.arn, probe=None)
        probe = Probe(self.protocol, self.port, self.path, self.interval_s, self.threshold)
        parts = (endpoint.arn, *(str(part) for part in msgspec.structs.astuple(probe)))
        return msgspec.structs.replace(endpoint, health=" ".join(parts), probe=probe)

    def port_for(self, port: int) -> int:
        """Where a port of the listener leads at the endpoints."""
        for given, endpoint_port in self.overrides:
            if given == port:
                return endpoint_port
        return port


class Listener(msgspec.Struct, frozen=True):
    """Ports, and the groups behind them; a custom one has no protocol, since it takes both."""

    id: str
    ports: tuple[tuple[int, int], ...]
    affinity: str = "NONE"
    groups: tuple[Group, ...] = ()
    token: str = ""
    protocol: str = TCP

    def covers(self, port: int) -> bool:
        """Whether a port is one of this listener's."""
        return any(low <= port <= high for low, high in self.ports)

    def takes(self, protocol: str) -> bool:
        """Whether it is there for a protocol."""
        return self.protocol in {protocol, ""}


class Event(msgspec.Struct, frozen=True):
    """Something that happened to an accelerator or a range of addresses."""

    message: str
    at: float


class Accelerator(msgspec.Struct, frozen=True):
    """One accelerator with all that belongs to it."""

    account: str
    id: str
    name: str
    dns_name: str
    addresses: tuple[str, ...]  # of IPv4, one for each network zone
    created: float
    modified: float
    deployed_at: float
    token: str = ""
    enabled: bool = True
    tags: dict[str, str] = {}
    listeners: tuple[Listener, ...] = ()
    routing: str = STANDARD
    addresses6: tuple[str, ...] = ()  # of IPv6, in use where the type is dual-stack
    address_type: str = IPV4
    dual_name: str = ""
    events: tuple[Event, ...] = ()

    @property
    def arn(self) -> str:
        """The accelerator's ARN, which has no region."""
        return f"arn:aws:globalaccelerator::{self.account}:accelerator/{self.id}"

    @property
    def all_addresses(self) -> tuple[str, ...]:
        """The addresses that are in use, of both families."""
        if self.address_type == DUAL_STACK:
            return self.addresses + self.addresses6
        return self.addresses

    def addresses_of(self, name: str) -> tuple[str, ...]:
        """The addresses that one of its names has: the first name those of IPv4 only."""
        if name == self.dns_name:
            return self.addresses
        return self.all_addresses if name == self.dual_name != "" else ()

    def listener_arn(self, listener: Listener) -> str:
        """A listener's ARN."""
        return f"{self.arn}/listener/{listener.id}"

    def group_arn(self, listener: Listener, group: Group) -> str:
        """An endpoint group's ARN."""
        return f"{self.listener_arn(listener)}/endpoint-group/{group.id}"

    def listener_at(self, port: int, protocol: str = TCP) -> Listener | None:
        """The listener of a port."""
        found = (listener for listener in self.listeners if listener.takes(protocol))
        return next((listener for listener in found if listener.covers(port)), None)

    def status(self, now: float) -> str:
        """Whether the last change has reached every edge location."""
        return "IN_PROGRESS" if now < self.deployed_at else "DEPLOYED"

    def endpoints(self) -> list[Endpoint]:
        """Every endpoint, in order."""
        return [e for listener in self.listeners for g in listener.groups for e in g.endpoints]


class Attachment(msgspec.Struct, frozen=True):
    """What an account lets others use: `resources` are (endpoint id, region, CIDR)."""

    account: str
    id: str
    name: str
    created: float
    modified: float
    principals: tuple[str, ...] = ()
    resources: tuple[tuple[str, str, str], ...] = ()
    token: str = ""
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The attachment's ARN."""
        return f"arn:aws:globalaccelerator::{self.account}:attachment/{self.id}"

    def admits(self, account: str, accelerator_arn: str) -> bool:
        """Whether somebody may use its resources."""
        return account in self.principals or accelerator_arn in self.principals

    def lends(self, resource: str) -> bool:
        """Whether a resource is among them."""
        return any(resource in {endpoint, cidr} for endpoint, _, cidr in self.resources)


def parse_arn(arn: str, kind: str) -> tuple[str, str, str, str]:
    """Return account, accelerator, listener and group of an ARN; raises the kind's error."""
    found = _ARN.fullmatch(arn)
    depth = _DEPTHS[kind]
    parts = found.groups(default="") if found else ("", "", "", "")
    if not all(parts[:depth]) or any(parts[depth:]):
        raise missing(kind, arn)
    return parts[0], parts[1], parts[2], parts[3]


def parse_attachment(arn: str) -> tuple[str, str]:
    """Return account and id of an attachment's ARN; raises AttachmentNotFoundException."""
    found = _ATTACHMENT.fullmatch(arn)
    if found is None:
        raise missing("Attachment", arn)
    return found.group(1), found.group(2)


def is_attachment(arn: str) -> bool:
    """Whether an ARN is an attachment's."""
    return _ATTACHMENT.fullmatch(arn) is not None

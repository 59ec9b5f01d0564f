"""The data plane: the resolvers of a region's VPCs, and where they are asked.

A VPC's resolver is asked at its .2 address. All default VPCs have the same, so that
`172.31.0.2:53` is the one of the world's own account, and every VPC can be asked at `<vpc id>:53`
as well. An inbound endpoint is asked at its own addresses, by whoever reaches them, and answers as
the resolver of its VPC.

A name goes one of four ways (model.way_of): by an outbound endpoint to the targets of a rule, which
are tried in any order; to a private zone, which never lets a name fall through to the public DNS
(surprise 23); to what is defined by itself; or to the nearest edge location. Each link of a chain
of CNAMEs goes its own way. Answers are kept for their TTLs, for each VPC, until rules change.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from itertools import cycle
from typing import Any, Protocol

from antipodes.fabric.dns.cache import Known
from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, RR, Answer, Query
from antipodes.fabric.dns.names import is_within, to_text, to_wire
from antipodes.regional.route53resolver import model
from antipodes.regional.route53resolver.model import Association, Endpoint, Rule, VpcConfig, Way
from antipodes.runtime.contract import Address, Gone, TimedOut
from antipodes.service.contract import Host
from antipodes.service.dnsclient import DnsClient
from antipodes.service.dnsserver import Asker, DnsDoors, DnsServer, Said
from antipodes.service.records import Records
from antipodes.service.recursion import Recursion, recursive_server
from antipodes.service.sharing import Sharing
from antipodes.world.addresses import VPC_RESOLVER_IP

TRIES_S = (0.8, 1.6, 2.4)  # of one question, each to the next target
LOCAL_TTL_S = 60
HEARD_S_MAX = 1.5  # who asks with dig gives up after five

_A, _SOA, _AAAA = 1, 6, 28
_LOCALHOST = to_wire("localhost")
_LOOPBACK = {_A: bytes([127, 0, 0, 1]), _AAAA: bytes(15) + b"\x01"}


class PrivateZones(Protocol):
    """What a region knows of Route 53's private zones."""

    async def ready(self) -> None:
        """Begin to hear of them, when first asked to; return when what there was is known."""

    def zone_of(self, name: bytes, vpc: str) -> bytes | None:
        """The most specific private zone of a VPC that a name is in."""

    def answer(self, name: bytes, rtype: int, vpc: str) -> Answer:
        """What the private zone that a name is in says of it."""


class Networks(Protocol):
    """What names mean by themselves in the networks of a region, which EC2 knows."""

    @property
    def state(self) -> object:
        """Another one after each change of what names mean."""

    def watch(self, made: Callable[[str, str], None], gone: Callable[[str], None]) -> None:
        """Tell somebody of networks that come, by account and id, and of those that go."""

    def networks(self) -> list[tuple[str, str]]:
        """Every network, with its owner's account."""

    def is_served(self, account: str, vpc: str) -> bool:
        """Whether a network has a resolver."""

    def is_named(self, account: str, vpc: str) -> bool:
        """Whether private names and zones count in it."""

    def hidden(self, account: str, vpc: str, name: str, *, inbound: bool) -> str:
        """The public domain of a service that an endpoint hides, if the name is in one."""

    def hidden_addresses(
        self, account: str, vpc: str, name: str, *, inbound: bool
    ) -> tuple[str, ...]:
        """What such a name means instead."""

    def own(self, account: str, vpc: str, name: str) -> tuple[str, ...]:
        """The address of a machine by its name."""

    def region_of(self, account: str, vpc: str, ip: str) -> str:
        """The region of the network that a network is peered with in which an address is."""

    def public(self, name: str) -> tuple[str, ...] | None:
        """The addresses of an endpoint, or of a service of AWS's; None for all other names."""


class Resolvers:
    """The resolvers of all VPCs of a region."""

    def __init__(
        self,
        host: Host,
        endpoints: Records[Endpoint],
        rules: Records[Rule],
        associations: Callable[[str], list[Association]],
        configs: Records[VpcConfig],
    ) -> None:
        self.host = host
        self.endpoints = endpoints
        self.rules = rules
        self.associations = associations
        self.configs = configs
        self.sharing = Sharing(host.store)
        self.client = DnsClient(host.runtime)
        self.private: Callable[[], PrivateZones] | None = None  # given by who runs the region
        self._zones: PrivateZones | None = None
        self._zones_heard = False
        self._vpcs: dict[tuple[str, str, bool], VpcResolver] = {}
        self._default: VpcResolver | None = None
        self._doors: dict[str, DnsDoors | None] = {}  # by address or VPC; None while being opened

    async def start(self) -> None:
        """Open the doors."""
        server = DnsServer(self.host.runtime, self._handle_default)
        for address in (VPC_RESOLVER_IP, model.LINK_LOCAL_IP):
            await server.listen(Address(self.host.place, f"{address}:{model.DNS_PORT}"))
        for _, _, endpoint in list(self.endpoints.all()):
            await self.open(endpoint)
        self.networks.watch(self._begin, self._close)
        for account, vpc in self.networks.networks():
            await self._open_vpc(account, vpc)

    @property
    def networks(self) -> Networks:
        """What EC2 knows."""
        ec2: Any = self.host.service("ec2")
        names: Networks = ec2.names
        return names

    def forget(self) -> None:
        """Rules or endpoints have changed: what was answered by them holds no longer."""
        for resolver in self._vpcs.values():
            resolver.forget()

    def of(self, account: str, vpc: str, *, inbound: bool = False) -> "VpcResolver":
        """The resolver of a VPC, for those inside or for those who ask by inbound endpoints."""
        key = account, vpc, inbound
        resolver = self._vpcs.get(key)
        if resolver is None:
            resolver = self._vpcs[key] = VpcResolver(self, account, vpc, inbound=inbound)
        return resolver

    async def zones(self) -> PrivateZones | None:
        """The private zones, as this region knows them; the first who asks waits a little."""
        if self._zones is None and self.private is not None:
            self._zones = self.private()
        if self._zones is not None and not self._zones_heard:
            with suppress(TimedOut):  # Route 53's home may not even have been started
                async with self.host.runtime.timeout(HEARD_S_MAX):
                    await self._zones.ready()
            self._zones_heard = True
        return self._zones

    # Doors.

    async def open(self, endpoint: Endpoint) -> None:
        """Let an inbound endpoint be asked at its addresses."""
        if endpoint.direction != "INBOUND":
            return
        resolver = self.of(endpoint.account, endpoint.vpc, inbound=True)
        for ip in endpoint.ips:
            await self._open(ip.address, self._while_ready(endpoint, resolver))

    def _while_ready(self, endpoint: Endpoint, resolver: "VpcResolver") -> DnsServer:
        """An endpoint that is being created says nothing yet."""
        runtime = self.host.runtime

        def handle(query: Query, asker: Asker) -> Said | Awaitable[Said]:
            is_ready = runtime.wall() >= endpoint.ready_at
            return resolver.handle(query, asker) if is_ready else None

        return DnsServer(runtime, handle)

    def _begin(self, account: str, vpc: str) -> None:
        self.host.runtime.spawn(self._open_vpc(account, vpc), f"resolve names for {vpc}")

    async def _open_vpc(self, account: str, vpc: str) -> None:
        """Let a VPC's resolver be asked by its name."""
        await self._open(vpc, DnsServer(self.host.runtime, self.of(account, vpc).handle))

    async def _open(self, name: str, server: DnsServer) -> None:
        if name in self._doors:
            return
        self._doors[name] = None
        doors = await server.listen(Address(self.host.place, f"{name}:{model.DNS_PORT}"))
        if name in self._doors:
            self._doors[name] = doors
        else:  # closed meanwhile
            doors.close()

    def close(self, endpoint: Endpoint) -> None:
        """Let an endpoint be asked no longer."""
        for ip in endpoint.ips:
            self._close(ip.address)

    def _close(self, name: str) -> None:
        doors = self._doors.pop(name, None)
        if doors is not None:
            doors.close()

    async def _handle_default(self, query: Query, asker: Asker) -> Said:
        """A question at the .2 address: that of the default VPC of the world's own account."""
        if self._default is None:  # not at the start: EC2's model takes a while to load
            account = self.host.settings.account
            request = {"Filters": [{"Name": "is-default", "Values": ["true"]}]}
            answer = await self.host.call("ec2", "DescribeVpcs", request, account=account)
            if not answer["Vpcs"]:
                return None
            self._default = self.of(account, answer["Vpcs"][0]["VpcId"])
        said = self._default.handle(query, asker)
        return said if said is None or isinstance(said, bytes) else await said


class VpcResolver:
    """The resolver of one VPC."""

    def __init__(
        self, resolvers: Resolvers, account: str, vpc: str, *, inbound: bool = False
    ) -> None:
        self._resolvers = resolvers
        self._runtime = resolvers.host.runtime
        self._account = account
        self._vpc = vpc
        self._inbound = inbound
        self._networks = resolvers.networks
        self._state = self._now()
        self._chance = self._runtime.chance("route53resolver/targets")
        self.forget()
        self._auto: tuple[bytes, ...] = ()
        self.handle = recursive_server(self.look_up)

    async def look_up(self, name: bytes, rtype: int) -> Known:
        """What is known of a name and a type, asked for if need be."""
        state = self._now()
        if state != self._state:
            self._state = state
            self.forget()
        return await self._recursion.resolve(name, rtype)

    def _now(self) -> tuple[Any, ...]:
        """Another one when networks have changed, or what rules are shared with the account."""
        given = self._resolvers.sharing.given(self._account, model.SHARED_RULE)
        return self._networks.state, tuple(given)

    def forget(self) -> None:
        """Go by other rules from now on; what is being asked by the old ones is not kept."""
        self._rules: list[Rule] | None = None
        self._recursion = Recursion(self._runtime, self._ask)

    def _refresh(self) -> list[Rule]:
        resolvers, account = self._resolvers, self._account
        config = resolvers.configs.get(account, self._vpc)
        reverse = config is None or config.reverse
        self._auto = model.auto_domains(resolvers.host.place, reverse=reverse)
        associated = [one for one in resolvers.associations(account) if one.vpc == self._vpc]
        found = [resolvers.rules.get(one.owner or account, one.of) for one in associated]
        self._rules = [rule for rule in found if rule is not None]
        return self._rules

    def _way(self, name: bytes, zones: PrivateZones | None, hidden: bytes) -> Way:
        rules = self._refresh() if self._rules is None else self._rules
        private = zones.zone_of(name, self._vpc) if zones is not None else None
        if len(hidden) > len(private or b""):
            private = hidden
        auto = next((domain for domain in self._auto if is_within(name, domain)), None)
        way = model.way_of(name, model.rule_for(name, rules), private, auto)
        is_hidden = way.kind == "private" and private is hidden
        return Way("hidden") if is_hidden else way

    async def _ask(self, name: bytes, rtype: int) -> Answer:
        networks, account, vpc = self._networks, self._account, self._vpc
        if not networks.is_served(account, vpc):
            raise Gone(f"{vpc} has no resolver")
        text, zones, hidden = to_text(name).rstrip("."), None, ""
        named = networks.is_named(account, vpc)
        if named:
            zones = await self._resolvers.zones()
            hidden = networks.hidden(account, vpc, text, inbound=self._inbound)
        way = self._way(name, zones, to_wire(hidden) if hidden else b"")
        if way.rule is not None:
            return await self._forward(way.rule, name, rtype)
        if way.kind == "private" and zones is not None:
            return zones.answer(name, rtype, vpc)
        if way.kind == "hidden":
            found = networks.hidden_addresses(account, vpc, text, inbound=self._inbound)
            return _said(name, rtype, found, to_wire(hidden))
        if way.kind == "auto":
            found = networks.own(account, vpc, text) if named else ()
            return _said(name, rtype, found, name) if found else _local(name, rtype, self._auto)
        known = networks.public(text)
        if known is not None:
            return _said(name, rtype, known, name)
        return await self._ask_edge(name, rtype)

    async def _ask_edge(self, name: bytes, rtype: int) -> Answer:
        host = self._resolvers.host
        for try_s in TRIES_S:
            edge = Address(host.world.anycast_edge(host.place), str(model.DNS_PORT))
            try:
                return await self._resolvers.client.ask(edge, name, rtype, timeout_s=try_s, tries=1)
            except (Gone, TimedOut):
                continue
        raise TimedOut("the edge does not answer")

    async def _forward(self, rule: Rule, name: bytes, rtype: int) -> Answer:
        """Ask the targets of a rule by its endpoint, one after the other, until one knows."""
        endpoint = self._resolvers.endpoints.get(rule.account, rule.endpoint)
        if endpoint is None or self._runtime.wall() < endpoint.ready_at:
            raise Gone(f"{rule.endpoint} is not operational")
        source_ip = self._chance.choice(endpoint.ips).address
        targets = list(rule.targets)
        self._chance.shuffle(targets)
        started = self._runtime.now()
        for target, try_s in zip(cycle(targets), TRIES_S, strict=False):
            place = self._place_of(endpoint, target.ip)
            try:
                answer = await self._resolvers.client.ask(
                    Address(place, f"{target.ip}:{target.port}"),
                    name,
                    rtype,
                    recursion=True,
                    timeout_s=try_s,
                    tries=1,
                    source_ip=source_ip,
                )
            except (Gone, TimedOut):
                continue
            if answer.rcode in {NOERROR, NXDOMAIN}:
                self._runtime.journal.span("", "dns.forward", started, rule=rule.id, to=place)
                return answer
        raise TimedOut(f"no target of {rule.id} knows")

    def _place_of(self, endpoint: Endpoint, ip: str) -> str:
        """Where a target of an endpoint is; what is nowhere is looked for here, in vain."""
        resolvers = self._resolvers
        own = (ip for _, _, one in resolvers.endpoints.all() for ip in one.ips)
        if any(other.address == ip for other in own):
            return resolvers.host.place
        site: str | None = resolvers.host.world.site_of(ip)
        peer = self._networks.region_of(endpoint.account, endpoint.vpc, ip)
        return site or peer or model.place_of(ip) or resolvers.host.place


def _said(name: bytes, rtype: int, addresses: Sequence[str], domain: bytes) -> Answer:
    """Addresses of IPv4, or that there are none of that type, or no such name in the domain."""
    if rtype == _A and addresses:
        found = (RR(name, _A, LOCAL_TTL_S, IPv4Address(one).packed) for one in addresses)
        return Answer(NOERROR, 0, tuple(found), (), ())
    return Answer(NOERROR if addresses else NXDOMAIN, 0, (), (_soa(domain),), ())


def _soa(domain: bytes) -> RR:
    names = domain + domain
    return RR(domain, _SOA, LOCAL_TTL_S, names + bytes(16) + LOCAL_TTL_S.to_bytes(4, "big"))


def _local(name: bytes, rtype: int, domains: Iterable[bytes]) -> Answer:
    """What is answered for names that nobody else is asked for."""
    if name == _LOCALHOST:
        address = _LOOPBACK.get(rtype)
        if address is not None:
            return Answer(NOERROR, 0, (RR(name, rtype, LOCAL_TTL_S, address),), (), ())
    domain = next(domain for domain in domains if is_within(name, domain))
    rcode = NOERROR if name in {domain, _LOCALHOST} else NXDOMAIN
    return Answer(rcode, 0, (), (_soa(domain),), ())

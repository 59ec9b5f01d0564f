"""The data plane of network load balancers: which target a flow goes to, and that it stays there.

A load balancer has a node in each of its zones, which stands there as a place: a zone that is dark
takes its node along. A node listens at its own address; an accelerator comes in by the door of the
load balancer (`elb/net/NAME/ID:PORT`) and is given to a node whose address is in the answer to DNS
queries. A node knows the targets of its zone, or of all with cross-zone load balancing
(`zonal.py`).

A target is chosen by a hash of the flow: protocol, addresses, ports, and for TCP its first sequence
number, which is drawn here, as is the client's port. With stickiness it is chosen by the client's
address alone, until the targets that can be used change. Existing flows are reset when their target
turns unhealthy (unless the node then sends to all of its targets) or has drained, where the target
group's attributes say so. TCP flows are in `nlbflows.py`; over UDP, what one client sends to one
address belongs together until nothing has come either way for 120 s, and clients' addresses are
always preserved.

Left out: QUIC, keep-alives of TLS listeners, target group stickiness, IPv6, PrivateLink.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from antipodes.fabric.network import packets
from antipodes.regional.elbv2 import (
    knownattributes,
    model,
    nlbattributes,
    proxyprotocol,
    targets,
    zonal,
)
from antipodes.regional.elbv2.certificates import Certificates
from antipodes.regional.elbv2.enforcing import CONNECT_S_MAX, Networks, Silence
from antipodes.regional.elbv2.health import UNHEALTHY, Probes
from antipodes.regional.elbv2.metrics import FlowMeters
from antipodes.regional.elbv2.model import Listener, LoadBalancer, Target, TargetGroup, Zone
from antipodes.regional.elbv2.names import Names
from antipodes.regional.elbv2.nlbflows import Flow, Later
from antipodes.regional.elbv2.registry import Registry
from antipodes.regional.elbv2.shifted import Shifted
from antipodes.runtime.contract import (
    Accepted,
    Address,
    Datagram,
    Gone,
    PlainReceiver,
    Receiver,
    Runtime,
    Timer,
)
from antipodes.service.contract import Host
from antipodes.service.conversations import Conversations, Reply
from antipodes.service.relay import Refusal
from antipodes.world import addresses

PORT_MIN, PORTS = 1024, 64_512  # of clients, which have none in this world
FLOWS_MAX = 100_000
UDP_IDLE_S = 120.0  # Network Load Balancer user guide, network-load-balancers
FROM_EVERYWHERE = ""  # the node of a door that belongs to no zone


class Choice(NamedTuple):
    """Where a flow goes: through which node, to which target of which group."""

    node: Zone
    group: TargetGroup
    target: Target

    @property
    def key(self) -> tuple[str, str]:
        """Of the target, among all."""
        return self.group.arn, self.target.key


class _Serving(NamedTuple):
    """A listener, ready to serve."""

    listener: Listener
    balancer: LoadBalancer
    groups: tuple[tuple[TargetGroup, int], ...]
    idle_s: float


class _Silence(PlainReceiver):
    """A connection whose packets go back to where they came from, and are dropped there."""


class _Door(NamedTuple):
    """What is open for a listener at one address; None while it is being opened."""

    key: tuple[str, str]
    node: str
    close: Callable[[], None] | None


class NetworkBalancers:
    """All network load balancers of a region at work."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that it asks
        self,
        host: Host,
        registry: Registry,
        probes: Probes,
        names: Names,
        shifted: Shifted,
        certificates: Certificates,
        networks: Networks,
    ) -> None:
        self._host = host
        self._runtime = host.runtime
        self._registry = registry
        self._probes = probes
        self._names = names
        self._shifted = shifted
        self._certificates = certificates
        self._networks = networks
        self._meters = FlowMeters(host)
        self._ports = host.runtime.chance("nlb/ports")
        self._doors: dict[tuple[str, Address], _Door] = {}
        self._waking: dict[str, Timer] = {}
        self._standing: dict[str, Runtime] = {}
        self._served: dict[tuple[str, str], _Serving | None] = {}
        self._served_version = (-1, 0)
        # Worked out until a target's health, a zonal shift or the registry changes.
        self._usable_of: dict[tuple[str, str, str], list[Target]] = {}
        self._flows: dict[tuple[str, str], dict[Flow, str]] = {}
        self._count = 0
        self.conversations = Conversations(host.runtime, UDP_IDLE_S)

    # Doors.

    async def reconcile(self) -> None:
        """Listen where listeners of active load balancers should be, and nowhere else."""
        wanted = self._wanted()
        for at, door in list(self._doors.items()):
            if door.close is not None and wanted.get(at) != (door.key, door.node):
                door.close()
                del self._doors[at]
        for at, (key, node) in wanted.items():
            if at in self._doors:
                continue
            self._doors[at] = _Door(key, node, None)
            self._doors[at] = _Door(key, node, await self._open(at, key, node))
        self._end_gone()

    async def _open(
        self, at: tuple[str, Address], key: tuple[str, str], node: str
    ) -> Callable[[], None]:
        protocol, address = at
        if protocol == model.UDP:
            standing = self._at(address.place)
            door = await standing.listen_datagrams(
                address, lambda datagram: self._take(key, node, door.reply, datagram)
            )
            return door.close
        listener = await self._runtime.listen(
            address, lambda accepted: self._accept(key, node, accepted)
        )
        return listener.close

    def _wanted(self) -> dict[tuple[str, Address], tuple[tuple[str, str], str]]:
        wanted: dict[tuple[str, Address], tuple[tuple[str, str], str]] = {}
        wall = self._runtime.wall()
        for account, _, balancer in self._registry.balancers.all():
            if not balancer.is_network:
                continue
            if not balancer.is_active(wall):
                self._wake(balancer.arn, balancer.active_at - wall)
                continue
            doors = [(Address(self._host.place, f"elb/{balancer.key}"), FROM_EVERYWHERE)]
            doors += [(Address(self._door_of(z), z.address), z.name) for z in balancer.zones]
            for listener in self._registry.listeners_of(balancer):
                for protocol in _parts(listener.protocol):
                    for door, node in doors:
                        at = Address(door.place, f"{door.port}:{listener.port}")
                        wanted[protocol, at] = ((account, listener.key), node)
        return wanted

    def _wake(self, name: str, seconds: float) -> None:
        """Come back when a load balancer is active, or a target has drained."""

        def wake() -> None:
            self._waking.pop(name, None)
            self._runtime.spawn(self.reconcile(), f"reconsidering {name}")

        if name not in self._waking:
            # A clock that was put back must not make this spin.
            self._waking[name] = self._runtime.later(max(seconds, 0.001), wake)

    def _place(self, zone: Zone) -> str:
        place: str = self._host.world.atlas.zone(zone.name).place
        return place

    def _door_of(self, zone: Zone) -> str:
        """Where a node's address leads: elastic ones belong to the region, all others to a zone."""
        return addresses.place_of(zone.address) or self._place(zone)

    def _at(self, place: str) -> Runtime:
        if place not in self._standing:
            self._standing[place] = self._runtime.at(place)
        return self._standing[place]

    # Choosing.

    def _serving(self, key: tuple[str, str]) -> _Serving | None:
        """Return a listener, ready to serve, or None where it is gone."""
        if self._served_version != self._registry.version:
            self._served.clear()
            self._usable_of.clear()
            self._served_version = self._registry.version
        if key not in self._served:
            self._served[key] = self._prepare(*key)
        return self._served[key]

    def _prepare(self, account: str, listener_key: str) -> _Serving | None:
        listener = self._registry.listeners.get(account, listener_key)
        if listener is None:
            return None
        balancer = self._registry.balancers.get(account, listener.balancer)
        assert balancer is not None, f"{listener.arn} outlived its load balancer"
        weighted = listener.actions[-1]["ForwardConfig"]["TargetGroups"]
        found = [
            (self._registry.group_of(one["TargetGroupArn"]), one["Weight"]) for one in weighted
        ]
        groups = tuple((group, weight) for group, weight in found if group is not None and weight)
        idle_s = 0.0
        if listener.has_idle_timeout:
            idle_s = float(knownattributes.value(listener, nlbattributes.IDLE_TIMEOUT))
        return _Serving(listener, balancer, groups, idle_s)

    def choose(self, serving: _Serving, node: str, flow: str, source_ip: str) -> Choice | None:
        """Return where a flow goes that comes to a node, or None where nothing can take it."""
        balancer = serving.balancer
        number = _hash(flow)
        if node == FROM_EVERYWHERE:
            answering = self._names.answering(balancer)
            node = answering[number % len(answering)]
        zone = next((zone for zone in balancer.zones if zone.name == node), None)
        total = sum(weight for _, weight in serving.groups)
        if zone is None or not total:
            return None
        group = _by_weight(serving.groups, _hash(f"group/{flow}") % total)
        usable = self._usable(balancer, group, node)
        if not usable:
            return None
        if knownattributes.value(group, nlbattributes.STICKY) == "true":
            number = _hash(source_ip)
        return Choice(zone, group, usable[number % len(usable)])

    def _usable(self, balancer: LoadBalancer, group: TargetGroup, node: str) -> list[Target]:
        """Where a node sends the new flows of a group."""
        key = (group.arn, node, self._shifted.zone(balancer.arn))
        found = self._usable_of.get(key)
        if found is None:
            found = self._usable_of[key] = self._work_out(balancer, group, node)
        return found

    def _work_out(self, balancer: LoadBalancer, group: TargetGroup, node: str) -> list[Target]:
        well = partial(self._probes.takes_requests, group)
        known = zonal.in_scope(balancer, group, node)
        if zonal.crosses_zones(balancer, group):
            known = self._shifted.keep(balancer.arn, known, well)
        return zonal.usable(known, group, well)

    # Connections.

    def _accept(self, key: tuple[str, str], node: str, accepted: Accepted) -> Receiver:
        serving = self._serving(key)
        networks = self._networks
        if networks.enforces and serving and networks.keeps_out(serving.listener, accepted):
            return Silence(self._runtime)
        begin = partial(self._new_flow, key, node, accepted)
        if serving is not None and serving.listener.protocol == model.TLS:
            return self._certificates.receiver(serving.listener, Later(begin))
        return begin()

    def _new_flow(self, key: tuple[str, str], node: str, accepted: Accepted) -> Receiver:
        serving = self._serving(key)
        port = PORT_MIN + self._ports.randrange(PORTS)
        flow = f"tcp/{accepted.peer_ip}:{port}/{accepted.local.port}/{self._ports.random()}"
        choice = self.choose(serving, node, flow, accepted.peer_ip) if serving else None
        if serving is None or choice is None or self._count >= FLOWS_MAX:
            self._runtime.journal.sometimes("nlb.refused")
            return Refusal()
        preserves = knownattributes.value(choice.group, nlbattributes.PRESERVES_IP) == "true"
        source_ip = accepted.peer_ip if preserves else choice.node.address
        if preserves and accepted.peer_ip == (choice.target.address or choice.target.id):
            self._runtime.journal.sometimes("nlb.hairpin")
            return _Silence()
        preface = b""
        if knownattributes.value(choice.group, nlbattributes.PROXY_PROTOCOL) == "true":
            own = (choice.node.address, serving.listener.port)
            preface = proxyprotocol.header((accepted.peer_ip, port), own)
        opened = Flow(
            self._runtime,
            self._runtime.interval(serving.idle_s),
            preface,
            partial(self._over, choice.key),
        )
        self._flows.setdefault(choice.key, {})[opened] = serving.balancer.key
        self._count += 1
        spoken = model.TLS if serving.listener.protocol == model.TLS else model.TCP
        self._meter(serving, choice, spoken)
        why = ""
        if self._networks.enforces:
            why = self._held_back(serving, choice, source_ip if preserves else "")
        self._connect(opened, choice, source_ip, accepted.trace, why)
        return opened.near

    def _held_back(
        self, serving: _Serving, choice: Choice, source: str, protocol: int = packets.TCP
    ) -> str:
        """Why networks keep what goes to a target from it; "" if they do not."""
        node, group, target = choice
        of = (serving.balancer, node, group, target, target.port)
        return self._networks.holds_back(*of, source, protocol)

    def _connect(self, flow: Flow, choice: Choice, source_ip: str, trace: str, why: str) -> None:
        """Connect to the target; where networks do not let it pass, `why`, nothing answers."""
        started = self._runtime.now()
        to = targets.door(self._host, choice.group, choice.target, choice.target.port)
        place = self._place(choice.node)

        def span(error: str) -> None:
            fields = {"error": error} if error else {}
            self._runtime.journal.span(
                trace,
                "nlb.flow",
                started,
                place=place,
                target=choice.target.key,
                target_group=choice.group.arn,
                **fields,
            )

        def far(_: Accepted) -> Receiver:
            span("")
            end = flow.new_far()
            return end if choice.group.protocol != model.TLS else self._secured(end)

        def failed(error: Gone) -> None:
            span(str(error))
            flow.reset()

        if why:
            self._runtime.later(self._runtime.deadline(CONNECT_S_MAX), failed, Gone(why))
            return
        self._at(place).open(to, far, failed, source_ip=source_ip, trace=trace)

    def _secured(self, end: Receiver) -> Receiver:
        """Put TLS around the end towards a target, whose certificate nobody verifies."""
        # OpenSSL is slow to import, and most worlds have no TLS.
        from antipodes.service.tls import client_receiver  # noqa: PLC0415 - see above

        return client_receiver(self._runtime, end, "")

    def _over(self, key: tuple[str, str], flow: Flow) -> None:
        flows = self._flows.get(key, {})
        if flows.pop(flow, None) is not None:
            self._count -= 1
        if not flows:
            self._flows.pop(key, None)

    @property
    def flows(self) -> int:
        """Clients' connections that pass through these load balancers now."""
        return self._count

    # Datagrams.

    def _take(self, key: tuple[str, str], node: str, reply: Reply, datagram: Datagram) -> None:
        self.conversations.take(datagram, partial(self._begin, key, node, reply))

    def _begin(self, key: tuple[str, str], node: str, reply: Reply, datagram: Datagram) -> None:
        serving = self._serving(key)
        source = datagram.source
        flow = f"udp/{datagram.source_ip}/{source.place}/{source.port}/{datagram.local.port}"
        choice = self.choose(serving, node, flow, datagram.source_ip) if serving else None
        if serving is None or choice is None:
            self._runtime.journal.sometimes("nlb.dropped")
            return
        if self._networks.enforces and self._drops(serving, choice, datagram):
            return
        to = targets.door(self._host, choice.group, choice.target, choice.target.port)
        place = self._place(choice.node)
        opening = partial(self._at(place).listen_datagrams, Address(place, ""))
        of = (*choice.key, serving.balancer.key)
        self._meter(serving, choice, model.UDP)
        self.conversations.begin(datagram, opening, to, reply, of)

    def _drops(self, serving: _Serving, choice: Choice, datagram: Datagram) -> bool:
        """Whether networks keep a client's datagrams from a node, or from the target."""
        source = datagram.source_ip
        came = Accepted(datagram.source.place, source, datagram.local, datagram.trace)
        kept_out = self._networks.keeps_out(serving.listener, came, packets.UDP)
        return kept_out or bool(self._held_back(serving, choice, source, packets.UDP))

    def _meter(self, serving: _Serving, choice: Choice, protocol: str) -> None:
        balancer = serving.balancer
        self._meters.opened(balancer.account, balancer.key, choice.node.name, protocol)

    # The end of flows.

    def health_changed(self, group: TargetGroup, target: Target, state: str) -> None:
        """Reset the flows of a target that turned unhealthy, now or after a while, or never."""
        self._usable_of.clear()
        if not group.is_network or state != UNHEALTHY:
            return
        if knownattributes.value(group, nlbattributes.ENDS_UNHEALTHY) == "true":
            self._end_unhealthy(group, target)
            return
        seconds = nlbattributes.keeps_unhealthy_s(group)
        if seconds:
            wait_s = self._runtime.interval(seconds)
            self._runtime.later(wait_s, self._end_unhealthy, group, target)

    def _end_unhealthy(self, group: TargetGroup, target: Target) -> None:
        current = self._registry.groups.get(group.account, group.key)
        if current is None or self._probes.takes_requests(current, target):
            return
        for balancer in self._registry.users_of(current):
            usable = (self._work_out(balancer, current, zone.name) for zone in balancer.zones)
            if any(target.key == one.key for found in usable for one in found):
                self._runtime.journal.sometimes("nlb.fails-open")
                return
        self._end((current.arn, target.key))

    def _end(self, key: tuple[str, str]) -> None:
        for flow in list(self._flows.get(key, ())):
            flow.reset()
        self.conversations.end(lambda of: of[:2] == key)

    def _end_gone(self) -> None:
        """Reset the flows of targets that have drained, and of load balancers that are gone."""
        wall = self._runtime.wall()
        talking = [of[:2] for of in self.conversations.subjects()]
        for arn, target_key in dict.fromkeys((*self._flows, *talking)):
            group = self._registry.group_of(arn)
            if group is None or not _ends_drained(group):
                continue
            present = {target.key: target for target in group.present(wall)}
            draining = present.get(target_key)
            if draining is None:
                self._end((arn, target_key))
            elif draining.gone_at:
                self._wake(f"{arn} {target_key}", draining.gone_at - wall)
        there = {balancer.key for _, _, balancer in self._registry.balancers.all()}
        for flows in list(self._flows.values()):
            for flow in [flow for flow, key in flows.items() if key not in there]:
                flow.reset()
        self.conversations.end(lambda of: of[2] not in there)


def _by_weight(groups: tuple[tuple[TargetGroup, int], ...], point: int) -> TargetGroup:
    """Return the group in whose share of all weights a point is."""
    for group, weight in groups:
        point -= weight
        if point < 0:
            return group
    raise AssertionError(f"a point {point} beyond all weights")


def _ends_drained(group: TargetGroup) -> bool:
    return knownattributes.value(group, nlbattributes.ENDS_DRAINED) == "true"


def _parts(protocol: str) -> tuple[str, ...]:
    """What a listener of a protocol opens."""
    return (model.TCP, model.UDP) if protocol == model.TCP_UDP else (protocol,)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())

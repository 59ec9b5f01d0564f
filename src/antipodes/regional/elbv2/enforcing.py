"""What networks let load balancers take and send, where a world enforces them.

Nodes stand in networks by interfaces that EC2 lends; EC2 is asked by these. What comes from the
internet is judged on its way to a node, once for each connection. What has come from a network was
walked by whoever sent it. An accelerator comes in by an interface of Amazon's in a node's own
subnet: the node's groups are asked about a client's address if it is preserved, and nothing else.

What a node sends is judged from its interface to the target, and the answer back. Where a client's
address is preserved the target's groups and filters see that; its answer goes back by the node, so
no route of the client's is looked for.

Sources: Elastic Load Balancing user guides, "Security groups for your Application Load Balancer",
"Client IP preservation", "Register targets".
"""

from ipaddress import IPv4Address
from typing import Any

from antipodes.fabric.network.packets import TCP
from antipodes.regional.elbv2 import model, targets
from antipodes.regional.elbv2.model import Listener, LoadBalancer, Target, TargetGroup, Zone
from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import (
    Accepted,
    Address,
    PlainReceiver,
    Runtime,
    Stream,
    TimedOut,
    Timer,
)
from antipodes.service.contract import Host

CONNECT_S_MAX = 75.0  # as long as who connects to a place in the dark waits
TARGET_CONNECT_S = 10.0  # of application load balancers: troubleshooting, HTTP 504
_DOOR = "elb/"
_EDGE = "edge/"
_PRIVATE = (*targets.PRIVATE, targets.LAPTOP)
Node = tuple[str, str]  # an interface, and its private address


class Silence(PlainReceiver):
    """A connection that nobody answers: whatever comes is ignored, and after some time it ends."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._timer: Timer | None = None

    def connection_made(self, stream: Stream) -> None:
        patience_s = self._runtime.deadline(CONNECT_S_MAX)
        self._timer = self._runtime.later(patience_s, stream.abort)

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Networks:
    """The networks that a region's load balancers stand in."""

    def __init__(self, host: Host, registry: Registry) -> None:
        self._host = host
        self._registry = registry
        self.enforces = host.settings.network_enforce
        self._nodes: dict[tuple[str, str], Node] = {}
        self._known_at = registry.version

    def _balancer(self, listener: Listener) -> LoadBalancer:
        balancer = self._registry.balancers.get(listener.account, listener.balancer)
        assert balancer is not None, f"{listener.arn} outlived its load balancer"
        return balancer

    @property
    def _ec2(self) -> Any:
        return self._host.service("ec2")

    def _node(self, balancer: LoadBalancer, zone: Zone) -> Node | None:
        """The interface of a node; none, where it was made before nodes had any."""
        if self._known_at != self._registry.version:
            self._nodes.clear()
            self._known_at = self._registry.version
        key = balancer.arn, zone.name
        if key not in self._nodes:
            lent, account = self._ec2.lent, balancer.account
            published = lent.published(account, balancer.arn)
            for name, address in lent.of(account, balancer.arn).items():
                stands = published.get(name) == (zone.subnet, zone.address)
                if stands or address == zone.address:
                    self._nodes[key] = name, address
        return self._nodes.get(key)

    # What comes in.

    def keeps_out(self, listener: Listener, accepted: Accepted, protocol: int = TCP) -> bool:
        """Whether somebody does not reach a listener by the door that they came to."""
        peer_ip, local, port = accepted.peer_ip, accepted.local.port, listener.port
        if not peer_ip or ":" in peer_ip:
            return False
        balancer, guard, why = self._balancer(listener), self._ec2.guard, ""
        if local.startswith(_DOOR):
            node = self._node(balancer, balancer.zones[0])  # the groups of all are the same
            if accepted.peer_place.startswith(_EDGE) and node is not None:
                why = guard.into_interface(node[0], peer_ip, node[1], port, protocol)
        elif not balancer.is_internal and not _is_private(peer_ip):
            why = guard.from_internet(peer_ip, local.rpartition(":")[0], port, protocol)
        return bool(self._noted("elb.kept-out", why))

    # What is sent.

    async def reach(
        self, listener: Listener, asked: Address, group: TargetGroup, target: Target
    ) -> None:
        """Get through to a target for a request; `asked` is its door. Raises TimedOut."""
        balancer = self._balancer(listener)
        own = [zone for zone in balancer.zones if zone.address == asked.port.rpartition(":")[0]]
        node = own[0] if own else _nearest(balancer, target)
        why = self.holds_back(balancer, node, group, target, target.port)
        if why:
            await self._unanswered(TARGET_CONNECT_S, why)

    async def check(self, group: TargetGroup, target: Target, port: int) -> None:
        """Get through to a target for a health check. Raises TimedOut."""
        for balancer in self._registry.users_of(group):
            if balancer.is_gateway:  # which has no interface to send from
                continue
            why = self.holds_back(balancer, _nearest(balancer, target), group, target, port)
            if why:
                await self._unanswered(group.check.timeout_s, why)

    async def _unanswered(self, seconds: float, why: str) -> None:
        runtime = self._host.runtime
        await runtime.sleep(runtime.deadline(seconds))
        raise TimedOut(why)

    def holds_back(  # noqa: PLR0913, PLR0917 - who sends what to whom
        self,
        balancer: LoadBalancer,
        zone: Zone,
        group: TargetGroup,
        target: Target,
        port: int,
        source: str = "",
        protocol: int = TCP,
    ) -> str:
        """Why a node does not reach a target; "" if it does. `source` is a client's, if kept."""
        node, address = self._node(balancer, zone), self._address(group, target)
        if node is None or not address or IPv4Address(address) in targets.LAPTOP:
            return ""
        guard = self._ec2.guard
        if source and ":" not in source:
            why = guard.for_somebody(node[0], source, address, port, protocol)
        else:
            why = guard.from_interface(*node, address, port, protocol)
        return self._noted("elb.target-held-back", why)

    def _address(self, group: TargetGroup, target: Target) -> str:
        """A target's address in its network: of a load balancer, that of a node."""
        if group.target_type != model.ALB:
            return target.address or target.id
        parsed = model.parse_arn(target.id)
        balancer = self._registry.balancers.get(group.account, parsed[3]) if parsed else None
        node = self._node(balancer, balancer.zones[0]) if balancer is not None else None
        return node[1] if node is not None else ""

    def _noted(self, marker: str, why: str) -> str:
        if why:
            self._host.runtime.journal.sometimes(marker)
        return why


def _nearest(balancer: LoadBalancer, target: Target) -> Zone:
    """The node in a target's zone, or the first."""
    there = {zone.name: zone for zone in balancer.zones}
    return there.get(target.zone, balancer.zones[0])


def _is_private(ip: str) -> bool:
    address = IPv4Address(ip)
    return any(address in network for network in _PRIVATE)

"""Network load balancers in the network model: where each node sends new flows, told to networks.

Nothing is forwarded here, that is `nlb`'s. Of several weighted target groups all are told that have
a weight. A target that has no address of its own (an application load balancer that faces the
internet) is left out.
"""

from functools import partial

from antipodes.regional.elbv2 import model, zonal
from antipodes.regional.elbv2.health import Probes
from antipodes.regional.elbv2.model import Listener, LoadBalancer, Target, TargetGroup
from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.relays import KnownNodes, Nodes, SentOn

_TCP, _UDP = "tcp", "udp"
_CARRIED = {model.UDP: (_UDP,), model.TCP_UDP: (_TCP, _UDP)}


class Relays:
    """What this region's network load balancers are told to send on."""

    def __init__(self, host: Host, registry: Registry, probes: Probes) -> None:
        self._host = host
        self._registry = registry
        self._probes = probes
        self._told = KnownNodes(host.store)

    def publish(self) -> None:
        """Tell of every network load balancer where its nodes send flows now."""
        gone = dict.fromkeys(self._told.all())
        for account, _, balancer in self._registry.balancers.all():
            if balancer.is_network:
                gone.pop((account, balancer.arn), None)
                self._told.tell(account, self._nodes(balancer))
        for account, arn in gone:
            self._told.forget(account, arn)

    def health_changed(self, group: TargetGroup, _target: Target, _state: str) -> None:
        """A target's health is another one; a full disk puts it off to the next change."""
        try:
            for balancer in self._registry.users_of(group):
                if balancer.is_network:
                    self._told.tell(balancer.account, self._nodes(balancer))
        except DiskFull:
            self._host.runtime.journal.sometimes("elb.relays-not-kept")

    def _nodes(self, balancer: LoadBalancer) -> Nodes:
        listeners = self._registry.listeners_of(balancer)
        zones = {
            zone.name: tuple(
                SentOn(protocol, listener.port, self._targets(balancer, listener, zone.name))
                for listener in listeners
                for protocol in _CARRIED.get(listener.protocol, (_TCP,))
            )
            for zone in balancer.zones
        }
        return Nodes(balancer.arn, zones)

    def _targets(
        self, balancer: LoadBalancer, listener: Listener, zone: str
    ) -> tuple[tuple[str, int], ...]:
        found: dict[tuple[str, int], None] = {}
        for group in self._forwarded(listener):
            known = zonal.in_scope(balancer, group, zone)
            for one in zonal.usable(known, group, partial(self._probes.takes_requests, group)):
                found |= {(address, one.port): None for address in self._addresses(group, one)}
        return tuple(found)

    def _forwarded(self, listener: Listener) -> list[TargetGroup]:
        """The target groups that a listener forwards to, but for those that get nothing."""
        weights = {
            group["TargetGroupArn"]: group.get("Weight", 1)
            for action in listener.actions
            for group in action.get("ForwardConfig", {}).get("TargetGroups", ())
        }
        found = [self._registry.group_of(arn) for arn, weight in weights.items() if weight]
        return [group for group in found if group is not None]

    def _addresses(self, group: TargetGroup, target: Target) -> list[str]:
        if group.target_type != model.ALB:
            return [target.address or target.id]
        parsed = model.parse_arn(target.id)
        balancer = self._registry.balancers.get(group.account, parsed[3]) if parsed else None
        if balancer is None or not balancer.is_internal:
            return []
        return [zone.address for zone in balancer.zones]

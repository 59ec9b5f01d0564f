"""The names of a region's load balancers, told to whoever answers DNS queries.

For every load balancer the region's change log says, in the same group as the change itself, what
its name means now: kind `elbv2/name`, payload `[name, document]`, or `[name, None]` once it is
gone. A follower that is behind asks for all of them by a query of the same name. So the edge goes
on to answer when the region is lost, with what it heard last.

A network load balancer's zone leaves the answer while a target group has too few healthy targets
there, or while the zone cannot be reached at all; an internal application load balancer's for the
second reason only. When all zones would leave, all stay. Zonal names of network load balancers
always exist (Network Load Balancer user guide, network-load-balancers and target-group-health).
What is known of targets and zones is lost when a host restarts: until those that it finds have been
checked, answers stay as they were.
"""

from functools import partial
from typing import Any

import msgspec

from antipodes.regional.elbv2 import zonal
from antipodes.regional.elbv2.health import INITIAL, Probes
from antipodes.regional.elbv2.model import LoadBalancer, Target, TargetGroup
from antipodes.regional.elbv2.nodes import Nodes
from antipodes.regional.elbv2.registry import Registry
from antipodes.regional.elbv2.shifted import Shifted
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.records import Records

KIND = "elbv2/name"


class Told(msgspec.Struct, frozen=True):
    """What was told of a name last: the addresses in its answer, and of its zonal names."""

    zone_id: str
    addresses: dict[str, str]
    scheme: str
    type: str
    arn: str
    zonal: dict[str, str] = {}


class Names:
    """The names of this region's load balancers, as they were told last."""

    def __init__(
        self, host: Host, registry: Registry, probes: Probes, shifted: Shifted, nodes: Nodes
    ) -> None:
        self._host = host
        self._registry = registry
        self._probes = probes
        self._shifted = shifted
        self._nodes = nodes
        self._told = Records(host.store, "elbv2/told-name", Told)
        self._unknown: dict[tuple[str, str], None] = {}  # by group and target
        self._seen: object = None  # what was registered when that was last looked through
        self._is_behind = False  # a full disk took less than there was to tell
        host.changes.serve(KIND, self._tell_all)

    def begin(self) -> None:
        """Remember which targets were found at the start: their health is to be found out."""
        for group in self._registry.used_groups():
            if group.check.enabled:
                self._unknown |= {(group.arn, t.key): None for t in group.registered()}

    def _tell_all(self, _: Any) -> list[Any]:
        """For followers that are behind: every name there is."""
        return [[name, msgspec.to_builtins(told)] for _, name, told in self._told.all()]

    def publish(self) -> None:
        """Tell of every name that means something else than was told last."""
        self._forget_known()
        gone = {(account, name): None for account, name, _ in self._told.all()}
        for account, _, balancer in self._registry.balancers.all():
            if balancer.is_gateway:
                continue
            gone.pop((account, balancer.dns_name.lower()), None)
            self._tell(balancer)
        for account, name in gone:
            self._told.delete(account, name)
            self._host.changes.append(KIND, [name, None])
        self._is_behind = False

    def _tell(self, balancer: LoadBalancer) -> None:
        name = balancer.dns_name.lower()
        before = self._told.get(balancer.account, name)
        now = self._meaning(balancer, before)
        if now != before:
            self._told.put(balancer.account, name, now)
            self._host.changes.append(KIND, [name, msgspec.to_builtins(now)])

    def target_changed(self, group: TargetGroup, target: Target, state: str) -> None:
        """A target's health is another one, and known by that: it matters to its users only."""
        if state != INITIAL:
            self._unknown.pop((group.arn, target.key), None)
        if self._is_behind:
            self.health_changed()
            return
        try:
            for balancer in self._registry.users_of(group):
                if not balancer.is_gateway:
                    self._tell(balancer)
        except DiskFull:
            self._put_off()

    def health_changed(self) -> None:
        """Tell what is different by now; a full disk puts it off to the next change."""
        try:
            self.publish()
        except DiskFull:
            self._put_off()

    def _put_off(self) -> None:
        self._is_behind = True
        self._host.runtime.journal.sometimes("elb.name-not-kept")

    def _forget_known(self) -> None:
        """Those that are no targets any more, or not such as are checked, will never be known."""
        if not self._unknown or self._registry.version == self._seen:
            return
        self._seen = self._registry.version
        still = {
            (group.arn, target.key)
            for group in self._registry.used_groups()
            for target in group.registered()
            if self._probes.health(group, target, used=True).state == INITIAL
        }
        self._unknown = {key: None for key in self._unknown if key in still}

    def _meaning(self, balancer: LoadBalancer, before: Told | None) -> Told:
        everywhere = {zone.name: zone.address for zone in balancer.zones}
        answer = everywhere
        zonal_names: dict[str, str] = {}
        if balancer.is_network:
            zonal_names = everywhere
        if balancer.stands_in_zones:
            if before is not None and self._stays(balancer, before, everywhere):
                answer = before.addresses
            else:
                answer = {z: ip for z, ip in everywhere.items() if self._serves(balancer, z)}
        return Told(
            zone_id=balancer.hosted_zone,
            addresses=self._shifted.answer(balancer, answer or everywhere),
            scheme=balancer.scheme,
            type=balancer.kind,
            arn=balancer.arn,
            zonal=zonal_names,
        )

    def _stays(self, balancer: LoadBalancer, before: Told, everywhere: dict[str, str]) -> bool:
        """Whether an answer has to stay for now, since too little is known."""
        same = before.zonal == everywhere
        if not balancer.is_network:
            same = before.addresses.items() <= everywhere.items()
        return same and self._is_unknown(balancer)

    def _is_unknown(self, balancer: LoadBalancer) -> bool:
        if not all(self._nodes.is_known(zone.name) for zone in balancer.zones):
            return True
        if not self._unknown or not balancer.is_network:
            return False
        arns = self._registry.groups_of(balancer)
        return any(arn in arns for arn, _ in self._unknown)

    def _serves(self, balancer: LoadBalancer, zone: str) -> bool:
        """Whether a zone's node is there, and every group has enough healthy targets for it."""
        if not self._nodes.is_up(zone):
            return False
        if not balancer.is_network:
            return True
        for group in self._registry.used_by(balancer):
            targets = zonal.in_scope(balancer, group, zone)
            if not zonal.answers(targets, group, partial(self._probes.takes_requests, group)):
                return False
        return True

    def answering(self, balancer: LoadBalancer) -> list[str]:
        """Return the zones whose addresses are in the answer."""
        told = self._told.get(balancer.account, balancer.dns_name.lower())
        return list(told.addresses) if told is not None else [z.name for z in balancer.zones]

"""Gateway load balancers: which appliances take the flows that are handed to them in each zone.

Their data plane is the network model: nothing is encapsulated or forwarded here. What is told (see
`service.appliances`) is where new flows go, and packets are walked by that.

A zone's node knows the targets of its zone only, or with cross-zone load balancing those of all
zones. New flows go to healthy targets; where none of them is healthy, to any (Gateway Load Balancer
guide, health-checks, "Gateway Load Balancer target failure scenarios").
"""

from antipodes.regional.elbv2 import attributes, knownattributes, model, zonal
from antipodes.regional.elbv2.health import Probes
from antipodes.regional.elbv2.model import Action, LoadBalancer, Target, TargetGroup
from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import DiskFull
from antipodes.service.appliances import Appliance, Appliances, KnownAppliances
from antipodes.service.contract import Host, Request, ServiceError

_OF_LISTENERS = ("Protocol", "Port", "SslPolicy", "Certificates", "AlpnPolicy")


class Gateways:
    """What this region's gateway load balancers are told to be in front of."""

    def __init__(self, host: Host, registry: Registry, probes: Probes) -> None:
        self._host = host
        self._registry = registry
        self._probes = probes
        self._told = KnownAppliances(host.store)

    def publish(self) -> None:
        """Tell of every gateway load balancer what stands behind it now."""
        gone = dict.fromkeys(self._told.all())
        for account, _, balancer in self._registry.balancers.all():
            if balancer.is_gateway:
                gone.pop((account, balancer.arn), None)
                self._told.tell(account, self._behind(balancer))
        for account, arn in gone:
            self._told.forget(account, arn)

    def health_changed(self, group: TargetGroup, _target: Target, _state: str) -> None:
        """A target's health is another one; a full disk puts it off to the next change."""
        try:
            for balancer in self._registry.users_of(group):
                if balancer.is_gateway:
                    self._told.tell(balancer.account, self._behind(balancer))
        except DiskFull:
            self._host.runtime.journal.sometimes("elb.appliances-not-kept")

    def _behind(self, balancer: LoadBalancer) -> Appliances:
        zones = {zone.name: self._taking(balancer, zone.name) for zone in balancer.zones}
        return Appliances(balancer.arn, zones)

    def _taking(self, balancer: LoadBalancer, zone: str) -> tuple[Appliance, ...]:
        """Where the node in a zone sends new flows."""
        crosses = knownattributes.value(balancer, attributes.CROSS_ZONE) == "true"
        enabled = [one.name for one in balancer.zones]
        found: list[Appliance] = []
        for group in self._registry.used_by(balancer):
            known = [
                target
                for target in group.registered()
                if target.zone in {zone, *zonal.ANYWHERE} or (crosses and target.zone in enabled)
            ]
            well = [target for target in known if self._probes.takes_requests(group, target)]
            found += [Appliance(one.id, group.target_type, one.zone) for one in well or known]
        return tuple(found)


def check_listener(request: Request) -> None:
    """Refuse what a listener of a gateway load balancer cannot be told."""
    for member in _OF_LISTENERS:
        if request.get(member):
            raise model.invalid(f"{member} cannot be specified for gateway load balancers")


def check_actions(made: tuple[Action, ...]) -> None:
    """Refuse more than one target group: nothing says which of them a flow would go to."""
    if len(model.groups_of(made)) > 1:
        raise model.invalid("A listener of a gateway load balancer forwards to one target group")


def check_kept(balancer: LoadBalancer, subnets: list[str]) -> None:
    """Refuse to take a gateway load balancer out of a subnet."""
    if not {zone.subnet for zone in balancer.zones} <= {*subnets}:
        raise ServiceError(
            "InvalidConfigurationRequest",
            "All subnets that a gateway load balancer has must be specified: none can be removed",
        )

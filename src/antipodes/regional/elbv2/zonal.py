"""Which targets a load balancer's node in one zone may use, and when a zone has too few.

With cross-zone load balancing off a node knows the targets of its own zone only, with it on all of
them; a target group may say otherwise than its load balancer. Two thresholds, each a count, a share
or both: with fewer healthy targets than the first a node sends to all of its targets, well or not;
with fewer than the second the zone leaves the answer to DNS queries. (Network Load Balancer user
guide, target-group-health; Elastic Load Balancing user guide, how-elastic-load-balancing-works.)
"""

from collections.abc import Callable, Sequence

from antipodes.regional.elbv2 import attributes, knownattributes
from antipodes.regional.elbv2.model import LoadBalancer, Target, TargetGroup

OFF = "off"
ANYWHERE = ("", "all")
Well = Callable[[Target], bool]


def crosses_zones(balancer: LoadBalancer, group: TargetGroup) -> bool:
    """Whether nodes use a group's targets in all zones."""
    said = knownattributes.value(group, attributes.CROSS_ZONE)
    if said == attributes.AS_BALANCER:
        said = knownattributes.value(balancer, attributes.CROSS_ZONE)
    return said == "true"


def in_scope(balancer: LoadBalancer, group: TargetGroup, zone: str) -> list[Target]:
    """Return the registered targets that the node in a zone may use, well or not."""
    enabled = {one.name for one in balancer.zones} if balancer.is_network else None
    registered = [
        target
        for target in group.registered()
        if enabled is None or target.zone in ANYWHERE or target.zone in enabled
    ]
    if crosses_zones(balancer, group):
        return registered
    return [target for target in registered if target.zone in {zone, *ANYWHERE}]


def usable(targets: Sequence[Target], group: TargetGroup, well: Well) -> list[Target]:
    """Return where new flows go: healthy targets, or all of them where too few are healthy."""
    healthy = [target for target in targets if well(target)]
    enough = _enough(group, attributes.ROUTING_COUNT, attributes.ROUTING_SHARE)
    return healthy if enough(len(healthy), len(targets)) else list(targets)


def answers(targets: Sequence[Target], group: TargetGroup, well: Well) -> bool:
    """Whether a zone with these targets is healthy enough to be in the answer to a DNS query."""
    healthy = sum(map(well, targets))
    return _enough(group, attributes.DNS_COUNT, attributes.DNS_SHARE)(healthy, len(targets))


def _enough(group: TargetGroup, count: str, share: str) -> Callable[[int, int], bool]:
    """Either threshold acts; with both off none does."""
    least, percentage = knownattributes.value(group, count), knownattributes.value(group, share)

    def enough(healthy: int, registered: int) -> bool:
        if least != OFF and healthy < int(least):
            return False
        return percentage == OFF or healthy * 100 >= int(percentage) * max(1, registered)

    return enough

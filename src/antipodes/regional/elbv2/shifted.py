"""Load balancers that are kept out of a zone: what a zonal shift does to names and targets.

The zone's address leaves the answer to DNS queries. Where nodes use targets of all zones, those of
the shifted zone get no new requests or flows either; where each node has its own zone only, DNS is
all there is. What is open stays open, and targets are checked as before. A shift that would leave
nothing healthy changes nothing: the load balancer fails open (Application Recovery Controller
developer guide, arc-zonal-shift: how it works, resource types). It does not count for what comes
into an application load balancer through an accelerator, where AWS does not support it.
"""

from collections.abc import Callable, Mapping, Sequence

from antipodes.regional.elbv2 import attributes, knownattributes, zonal
from antipodes.regional.elbv2.model import LoadBalancer, Target, TargetGroup
from antipodes.service.contract import Host, Response
from antipodes.service.zonalshifts import ZonalShifts

_PREFIX = "AdministrativeOverride."
_NONE: Response = {
    "State": "no_override",
    "Reason": f"{_PREFIX}NoOverride",
    "Description": "No override is currently active on target",
}
_ACTIVE: Response = {
    "State": "zonal_shift_active",
    "Reason": f"{_PREFIX}ZonalShiftActive",
    "Description": "A zonal shift keeps requests away from the target",
}
_BY_DNS: Response = {
    "State": "zonal_shift_delegated_to_dns",
    "Reason": f"{_PREFIX}ZonalShiftDelegatedToDns",
    "Description": "A zonal shift keeps the target's zone out of the answer to DNS queries",
}


class Shifted:
    """The zones that this region's load balancers are kept out of."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._shifts = ZonalShifts(host.store)
        self._away: Mapping[str, str] = {}
        host.store.on_rollback(self.refresh)

    def refresh(self) -> None:
        """Read the shifts again."""
        atlas = self._host.world.atlas
        away = self._shifts.away()
        self._away = {arn: atlas.zone(zone).name for arn, zone in away.items()}

    def zone(self, arn: str) -> str:
        """The name of the zone that a load balancer is kept out of, or nothing."""
        return self._away.get(arn, "") if self._away else ""

    def answer(self, balancer: LoadBalancer, addresses: dict[str, str]) -> dict[str, str]:
        """The addresses of zones that stay in the answer; all, where it would be empty."""
        away = self.zone(balancer.arn)
        return {zone: ip for zone, ip in addresses.items() if zone != away} or addresses

    def keep(self, arn: str, targets: list[Target], well: Callable[[Target], bool]) -> list[Target]:
        """The targets that may be used; all of them, where no other is well."""
        away = self.zone(arn)
        if not away:
            return targets
        kept = [target for target in targets if target.zone != away]
        return kept if any(map(well, kept)) else targets

    def describe(
        self, users: Sequence[LoadBalancer], group: TargetGroup, target: Target
    ) -> Response:
        """What DescribeTargetHealth says of a target of load balancers that have opted in."""
        opted_in = [
            balancer
            for balancer in users
            if not balancer.is_gateway
            and knownattributes.value(balancer, attributes.ZONAL_SHIFT) == "true"
        ]
        for balancer in opted_in:
            if target.zone and target.zone == self.zone(balancer.arn):
                crosses = zonal.crosses_zones(balancer, group)
                return {"AdministrativeOverride": _ACTIVE if crosses else _BY_DNS}
        return {"AdministrativeOverride": _NONE} if opted_in else {}

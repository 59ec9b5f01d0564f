"""Zonal shifts by experiments: begun, found again and canceled by the name of their effect.

FIS asks the API of zonal shifts as a customer would. A shift lasts as many whole minutes as its
action at least; where it has not expired by the end of that, it is canceled.
"""

import contextlib
import math

from antipodes.regional.fis import actions
from antipodes.regional.fis.effect import Effect
from antipodes.service.contract import Host, Response, ServiceError

SERVICE = "arc-zonal-shift"
MINUTE_S = 60
MINUTES_MAX = 72 * 60


async def begin_shifts(host: Host, effect: Effect) -> None:
    """Shift an effect's resources, as far as they have the type and status that are asked for."""
    parameters = effect.parameters
    zone = host.world.atlas.zone(parameters["availabilityZoneIdentifier"]).id
    left_s = effect.left_s * host.runtime.speed  # of the world, as the API means it
    minutes = min(MINUTES_MAX, max(1, math.ceil(left_s / MINUTE_S)))
    wanted = [arn for arn in effect.arns if await _is_wanted(host, effect, arn)]
    if not wanted:
        raise ServiceError(
            "ValidationException", "No target has the type and zonal autoshift status asked for."
        )
    for arn in wanted:
        if not await _shifts(host, effect, arn):  # it may have been begun before a restart
            request = {
                "resourceIdentifier": arn,
                "awayFrom": zone,
                "expiresIn": f"{minutes}m",
                "comment": effect.name,
            }
            await host.call(SERVICE, "StartZonalShift", request, account=effect.account)


async def end_shifts(host: Host, effect: Effect) -> None:
    """Cancel what an effect has begun, as far as it has not ended."""
    for arn in effect.arns:
        for shift in await _shifts(host, effect, arn):
            request = {"zonalShiftId": shift["zonalShiftId"]}
            with contextlib.suppress(ServiceError):  # it has just expired
                await host.call(SERVICE, "CancelZonalShift", request, account=effect.account)


async def _is_wanted(host: Host, effect: Effect, arn: str) -> bool:
    parameters = effect.parameters
    types = actions.names_in(parameters.get("managedResourceTypes", ",".join(actions.BALANCERS)))
    if not any(actions.BALANCERS[name] in arn for name in types):
        return False
    status = parameters.get("zonalAutoshiftStatus", actions.AUTOSHIFT_DEFAULT)
    request = {"resourceIdentifier": arn}
    known = await host.call(SERVICE, "GetManagedResource", request, account=effect.account)
    return status in {"ANY", known["zonalAutoshiftStatus"]}


async def _shifts(host: Host, effect: Effect, arn: str) -> list[Response]:
    """The active shifts of a resource that the effect has begun."""
    request = {"resourceIdentifier": arn, "status": "ACTIVE"}
    listed = await host.call(SERVICE, "ListZonalShifts", request, account=effect.account)
    return [shift for shift in listed["items"] if shift["comment"] == effect.name]

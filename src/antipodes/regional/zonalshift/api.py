"""The API of `arc-zonal-shift`, 2022-10-30: one thin function per operation."""

from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.regional.zonalshift import model
from antipodes.regional.zonalshift.model import Managed, Observing
from antipodes.runtime.contract import DiskFull, Timer
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.drawing import uuid
from antipodes.service.paging import InvalidToken, page_at
from antipodes.service.records import Records
from antipodes.service.zonalshifts import ACTIVE, CANCELED, EXPIRED, Heeding, Shift, ZonalShifts

operations = Operations()

PAGE_MAX = 100
OPTED_IN = "zonal_shift.config.enabled"
AGAIN_S = 1.0


class ZonalShift(Service):
    """Zonal shifts in one region."""

    name = "arc-zonal-shift"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.shifts = ZonalShifts(host.store)
        self.observing = Records(host.store, "zonal-shift-observing", Observing)
        self._timer: Timer | None = None

    async def start(self) -> None:
        """End what has expired meanwhile, and what will."""
        self.watch()

    # Time.

    def watch(self) -> None:
        """End the shifts that have expired; come back for the next one."""
        runtime = self.host.runtime
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ends = []
        try:
            for shift in list(self.shifts.active()):
                left_s = shift.expires_at - runtime.wall()
                if left_s <= 0:
                    self.keep(msgspec.structs.replace(shift, status=EXPIRED))
                else:
                    ends.append(left_s)
        except DiskFull:
            ends.append(AGAIN_S)
        if ends:
            self._timer = runtime.later(max(min(ends), 0.001), self.watch)

    def keep(self, shift: Shift) -> None:
        """Keep a shift, and let those know who heed it."""
        self.shifts.put(shift)
        heeding: object = self.host.service("elbv2")
        if isinstance(heeding, Heeding):
            heeding.zones_shifted()

    def forget_old(self, account: str) -> None:
        """Keep a bounded number of shifts that are over."""
        over = [shift for shift in self.shifts.list(account) if shift.status != ACTIVE]
        for shift in over[model.SHIFTS_KEPT_MAX :]:
            self.shifts.delete(shift)

    def lasting(self, expires_in: str) -> float:
        """When a shift that starts now ends."""
        runtime = self.host.runtime
        return runtime.wall() + runtime.interval(model.seconds(expires_in))

    # Looking.

    def shift(self, account: str, identity: str) -> Shift:
        """A shift, or AWS's word that there is none."""
        found = self.shifts.get(account, identity)
        if found is None:
            raise model.not_found(f"The zonal shift {identity} was not found")
        return found

    def active(self, account: str, identity: str) -> Shift:
        """A shift that is neither expired nor canceled, or AWS's refusal."""
        found = self.shift(account, identity)
        if found.status != ACTIVE:
            told = f"The zonal shift {identity} is {found.status}"
            raise model.conflict("ZonalShiftStatusNotActive", told, found.id)
        return found

    def of(self, arn: str) -> Shift | None:
        """The shift that is in effect for a resource."""
        return next((shift for shift in self.shifts.active() if shift.resource == arn), None)

    async def managed(self, call: Call, arn: str) -> Managed:
        """A load balancer that has opted in, or AWS's word that there is none."""
        model.check_balancer(arn, call.account, self.host.place)
        found = [one for one in await self.all_managed(call, [arn]) if one.arn == arn]
        if not found:
            raise model.not_found(
                f"The resource {arn} was not found, or has not enabled {OPTED_IN}"
            )
        return found[0]

    async def all_managed(self, call: Call, arns: list[str]) -> list[Managed]:
        """The load balancers of an account that have opted in; of some ARNs, or all."""
        ids = {zone.name: zone.id for zone in self.host.world.atlas.region(self.host.place).zones}
        asked: Request = {"LoadBalancerArns": arns} if arns else {}
        found = []
        try:
            while True:
                page = await self._elastic(call, "DescribeLoadBalancers", asked)
                found += page["LoadBalancers"]
                if not page.get("NextMarker"):
                    break
                asked = {"Marker": page["NextMarker"]}
        except ServiceError as error:
            if error.code == "LoadBalancerNotFound":
                return []
            raise
        return [
            Managed(
                balancer["LoadBalancerArn"],
                balancer["LoadBalancerName"],
                tuple(sorted(ids[zone["ZoneName"]] for zone in balancer["AvailabilityZones"])),
            )
            for balancer in found
            if await self._opted_in(call, balancer["LoadBalancerArn"])
        ]

    async def _opted_in(self, call: Call, arn: str) -> bool:
        told = await self._elastic(call, "DescribeLoadBalancerAttributes", {"LoadBalancerArn": arn})
        return any(
            (attribute["Key"], attribute["Value"]) == (OPTED_IN, "true")
            for attribute in told["Attributes"]
        )

    async def _elastic(self, call: Call, operation: str, request: Request) -> Response:
        return await self.host.call(
            "elbv2", operation, request, account=call.account, trace=call.trace
        )


def _page(items: list[Any], request: Request, show: Callable[[Any], Response]) -> Response:
    """One page of a list."""
    size = request.get("maxResults") or PAGE_MAX
    try:
        page, following = page_at(items, request.get("nextToken"), size)
    except InvalidToken:
        raise model.invalid("InvalidToken", "The nextToken value is not valid") from None
    found: Response = {"items": [show(item) for item in page]}
    return {**found, "nextToken": following} if following else found


@operations("StartZonalShift")
async def start_zonal_shift(service: ZonalShift, call: Call, request: Request) -> Response:
    arn, zone = request["resourceIdentifier"], request["awayFrom"]
    expires_at = service.lasting(request["expiresIn"])
    managed = await service.managed(call, arn)
    region = service.host.world.atlas.region(service.host.place)
    if zone not in {known.id for known in region.zones}:
        raise model.invalid("InvalidAz", f"{zone} is not a zone of {region.code}")
    if zone not in managed.zones:
        raise model.invalid("UnsupportedAz", f"{arn} is not in {zone}")
    present = service.of(arn)
    if present is not None:
        raise model.conflict(
            "ZonalShiftAlreadyExists", f"There is a zonal shift of {arn} already", present.id
        )
    shift = Shift(
        id=uuid(service.host.runtime.chance("zonal-shift/identifiers")),
        account=call.account,
        resource=arn,
        away_from=zone,
        started_at=service.host.runtime.wall(),
        expires_at=expires_at,
        comment=request["comment"],
    )
    service.keep(shift)
    service.forget_old(call.account)
    service.watch()
    return model.show(shift)


@operations("UpdateZonalShift")
def update_zonal_shift(service: ZonalShift, call: Call, request: Request) -> Response:
    shift = service.active(call.account, request["zonalShiftId"])
    changes: dict[str, Any] = {}
    if request.get("comment") is not None:
        changes["comment"] = request["comment"]
    if request.get("expiresIn"):
        changes["expires_at"] = service.lasting(request["expiresIn"])
    if not changes:
        raise model.invalid("MissingValue", "Say comment, or expiresIn, or both")
    changed = msgspec.structs.replace(shift, **changes)
    service.keep(changed)
    service.watch()
    return model.show(changed)


@operations("CancelZonalShift")
def cancel_zonal_shift(service: ZonalShift, call: Call, request: Request) -> Response:
    shift = service.active(call.account, request["zonalShiftId"])
    canceled = msgspec.structs.replace(shift, status=CANCELED)
    service.keep(canceled)
    service.watch()
    return model.show(canceled)


@operations("ListZonalShifts")
def list_zonal_shifts(service: ZonalShift, call: Call, request: Request) -> Response:
    status, arn = request.get("status"), request.get("resourceIdentifier")
    found = [
        shift
        for shift in service.shifts.list(call.account)
        if (not status or shift.status == status) and (not arn or shift.resource == arn)
    ]
    return _page(found, request, model.show_listed)


@operations("GetManagedResource")
async def get_managed_resource(service: ZonalShift, call: Call, request: Request) -> Response:
    managed = await service.managed(call, request["resourceIdentifier"])
    return model.show_managed(managed, service.of(managed.arn))


@operations("ListManagedResources")
async def list_managed_resources(service: ZonalShift, call: Call, request: Request) -> Response:
    def show(managed: Managed) -> Response:
        return {
            **model.show_managed(managed, service.of(managed.arn)),
            "availabilityZones": list(managed.zones),
            "practiceRunStatus": "DISABLED",
        }

    return _page(await service.all_managed(call, []), request, show)


# Autoshift.


@operations("UpdateZonalAutoshiftConfiguration")
async def update_zonal_autoshift_configuration(
    service: ZonalShift, call: Call, request: Request
) -> Response:
    managed = await service.managed(call, request["resourceIdentifier"])
    if request["zonalAutoshiftStatus"] == "ENABLED":
        raise model.conflict(
            "PracticeConfigurationDoesNotExist",
            f"{managed.arn} has no practice run configuration (which this world does not offer)",
        )
    return {"resourceIdentifier": managed.arn, "zonalAutoshiftStatus": "DISABLED"}


@operations("ListAutoshifts")
def list_autoshifts(service: ZonalShift, call: Call, request: Request) -> Response:
    return _page([], request, dict)


@operations("GetAutoshiftObserverNotificationStatus")
def get_observer_status(service: ZonalShift, call: Call, request: Request) -> Response:
    found = service.observing.get(call.account, "status") or Observing()
    return {"status": found.status}


@operations("UpdateAutoshiftObserverNotificationStatus")
def update_observer_status(service: ZonalShift, call: Call, request: Request) -> Response:
    service.observing.put(call.account, "status", Observing(request["status"]))
    return {"status": request["status"]}

"""What actions do while they run, and how it is taken back.

An effect is named by its experiment and the position of its action, so that beginning or ending it
once more, as after a restart, changes nothing. Faults of links belong to whoever runs the world and
outlive this region; a pause of replication is durable in the table's own service; what disturbs
functions and APIs is in memory, and is begun anew when the region comes back.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from antipodes.regional.fis import actions
from antipodes.regional.fis.effect import Effect
from antipodes.regional.fis.injections import Injection
from antipodes.regional.fis.zonalshifts import begin_shifts, end_shifts
from antipodes.runtime.contract import Address
from antipodes.service.contract import Host, ServiceError
from antipodes.service.http import HttpClient

FAULT_DOOR = Address("supervisor", "faults")
ANSWER_S_MAX = 10.0


class Effects:
    """Begins and ends the effects of one region's experiments."""

    def __init__(self, host: Host, injections: list[Callable[..., None]]) -> None:
        """`injections` are asked by the dispatcher about every call."""
        self._host = host
        self._client = HttpClient(host.runtime)
        self._injections = injections
        self._injected: dict[str, Injection] = {}

    async def begin(self, effect: Effect) -> None:
        """Begin an effect, or see to it that it goes on. Raises Gone, TimedOut, ServiceError."""
        kind = effect.action.action_id
        if kind == actions.PAUSE_REPLICATION:
            self._pause(effect)
        elif kind in {actions.DISRUPT, actions.ROUTE_TABLES, actions.TRANSIT_GATEWAYS}:
            for number, fault in enumerate(await self._faults(effect), 1):
                await self._put(f"{effect.name}.{number}", fault)
        elif kind == actions.ZONAL_SHIFT:
            await begin_shifts(self._host, effect)
        else:
            self.begin_here(effect)

    def begin_here(self, effect: Effect) -> None:
        """Begin what lives in this region's memory, at once; nothing where that is not so."""
        kind = effect.action.action_id
        if kind in {actions.DELAY, actions.ERROR, actions.RESPONSE}:
            functions: Any = self._host.service("lambda")
            functions.disturbances.begin(
                effect.name, effect.account, kind.rpartition(":")[2], effect.arns, effect.parameters
            )
        elif kind in {actions.API_INTERNAL, actions.API_THROTTLE, actions.API_UNAVAILABLE}:
            self._inject(effect)

    async def end(self, effect: Effect) -> None:
        """Take an effect back; what is gone already is left alone. Raises Gone and TimedOut."""
        kind = effect.action.action_id
        if kind == actions.PAUSE_REPLICATION:
            dynamodb: Any = self._host.service("dynamodb")
            for arn in effect.arns:
                table = arn.rpartition("/")[2]
                dynamodb.globaltables.pauses.resume(effect.account, table, effect.name)
        elif kind in {actions.DISRUPT, actions.ROUTE_TABLES, actions.TRANSIT_GATEWAYS}:
            for handle in await self._handles(effect.name):
                await self._ask("DELETE", f"/faults/{quote(handle)}")
        elif kind == actions.ZONAL_SHIFT:
            await end_shifts(self._host, effect)
        elif kind in {actions.DELAY, actions.ERROR, actions.RESPONSE}:
            functions: Any = self._host.service("lambda")
            functions.disturbances.end(effect.name)
        elif (injection := self._injected.pop(effect.name, None)) is not None:
            self._injections.remove(injection)

    # Inside this region.

    def _pause(self, effect: Effect) -> None:
        dynamodb: Any = self._host.service("dynamodb")
        for arn in effect.arns:
            table = arn.rpartition("/")[2]
            dynamodb.globaltables.pauses.pause(effect.account, table, effect.name, effect.left_s)

    def _inject(self, effect: Effect) -> None:
        if effect.name not in self._injected:
            injection = Injection(
                effect.action.action_id,
                effect.account,
                tuple(arn.rpartition("/")[2] for arn in effect.arns),
                effect.parameters,
                self._host.runtime.chance("fis/injections"),
            )
            self._injected[effect.name] = injection
            self._injections.append(injection)

    # Links, through whoever runs the world.

    async def _faults(self, effect: Effect) -> list[dict[str, Any]]:
        """Return the faults that a network action stands for."""
        region = self._host.place
        if effect.action.action_id == actions.TRANSIT_GATEWAYS:
            return [_one_way(region, effect.parameters["region"])]
        listed = await self._host.call("ec2", "DescribeSubnets", {}, account=effect.account)
        subnets = listed["Subnets"]
        zones = sorted({s["AvailabilityZoneId"] for s in subnets if s["SubnetArn"] in effect.arns})
        # What a region has as a whole, its load balancers and functions, is in all of its zones.
        everywhere = zones == sorted({s["AvailabilityZoneId"] for s in subnets})
        places = [region] if everywhere else [f"{region}/{zone}" for zone in zones]
        if effect.action.action_id == actions.ROUTE_TABLES:
            return [_one_way(place, effect.parameters["region"]) for place in places]
        if effect.parameters["scope"] == "availability-zone":
            cuts = [(f"{region}/{zone}", f"{region}/*") for zone in zones]
            return [{"kind": "cut-link", "a": a, "b": b} for a, b in cuts]
        if effect.parameters["scope"] == "all" or everywhere:
            return [{"kind": "dark-place", "place": place} for place in places]
        others = [other for other in self._host.world.regions if other != region]
        outside = ("edge/*", "city/*", "site/*", *others)
        return [{"kind": "cut-link", "a": place, "b": end} for place in places for end in outside]

    async def _put(self, handle: str, fault: dict[str, Any]) -> None:
        status, told = await self._ask("PUT", f"/faults/{quote(handle)}", fault)
        if status != HTTPStatus.OK:
            raise ServiceError("DependentServiceFailure", told.get("message", ""), status)

    async def _handles(self, name: str) -> list[str]:
        """Return the handles of an effect that are installed now."""
        _, listed = await self._ask("GET", "/faults")
        return [handle for handle in listed if handle.startswith(f"{name}.")]

    async def _ask(self, method: str, target: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        runtime = self._host.runtime
        data = b"" if body is None else msgspec.json.encode(body)
        async with runtime.timeout(runtime.deadline(ANSWER_S_MAX)):
            answer = await self._client.request(FAULT_DOOR, method, target, body=data)
        told: dict[str, Any] = msgspec.json.decode(answer.body)
        return answer.status, told


def _one_way(here: str, there: str) -> dict[str, Any]:
    return {"kind": "cut-link", "a": here, "b": there, "both_ways": False}

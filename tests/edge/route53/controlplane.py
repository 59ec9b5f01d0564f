"""Route 53's home region in a simulation, alone or with another region beside it."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from antipodes.edge.route53.service import Route53
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.service.contract import ServiceError, Settings

HOME, OTHER = "us-east-1", "us-west-2"
ACCOUNT, STRANGER = "000000000000", "111111111111"
PROPAGATION_S = 60.0


class ControlPlane:
    """The API, and time."""

    def __init__(self, *, throttling: bool = False, propagation_s: float = PROPAGATION_S) -> None:
        settings = Settings(seed=3, propagation_s=propagation_s, throttling=throttling)
        self.simulated = SimulatedWorld((HOME, OTHER), seed=3, settings=settings)

    async def wait(self, seconds: float) -> None:
        await self.simulated.outside.sleep(seconds)

    async def call(self, operation: str, account: str = "", **request: Any) -> Any:
        return await self.simulated.call(HOME, "route53", operation, request, account)

    async def refused(self, operation: str, account: str = "", **request: Any) -> ServiceError:
        """The error that a call is answered with."""
        with pytest.raises(ServiceError) as caught:
            await self.call(operation, account, **request)
        return caught.value

    @property
    def service(self) -> Route53:
        found = self.simulated.region(HOME).service("route53")
        assert isinstance(found, Route53)
        return found

    def told(self) -> list[tuple[str, Any]]:
        """What the edge is told, by kind and payload."""
        entries, _ = self.simulated.region(HOME).changes.read(0, 10_000, ("route53/",))
        return [(entry.kind, entry.payload) for entry in entries]

    async def zone(self, name: str = "example.com", reference: str = "", **more: Any) -> str:
        """A zone's id."""
        made = await self.call(
            "CreateHostedZone", Name=name, CallerReference=reference or name, **more
        )
        found: str = made["HostedZone"]["Id"].rpartition("/")[2]
        return found

    async def vpc(self, region: str = HOME, account: str = "") -> dict[str, str]:
        """A network of an account's."""
        found = await self.simulated.call(region, "ec2", "DescribeVpcs", {}, account)
        return {"VPCRegion": region, "VPCId": found["Vpcs"][0]["VpcId"]}

    async def change(self, zone: str, *changes: tuple[str, dict[str, Any]]) -> Any:
        """Change a zone's record sets."""
        return await self.call("ChangeResourceRecordSets", **batch(zone, *changes))

    async def unchanged(self, zone: str, *changes: tuple[str, dict[str, Any]]) -> str:
        """What is said about changes that are refused; they have left no trace."""
        before = await self.names(zone), len(self.told())
        error = await self.refused("ChangeResourceRecordSets", **batch(zone, *changes))
        assert (await self.names(zone), len(self.told())) == before
        assert error.status in {400, 404}
        return f"{error.code}: {error.message}"

    async def names(self, zone: str) -> list[tuple[str, str, str]]:
        """All record sets of a zone, in the order of the list."""
        found = await self.call("ListResourceRecordSets", HostedZoneId=zone)
        return [
            (record["Name"], record["Type"], record.get("SetIdentifier", ""))
            for record in found["ResourceRecordSets"]
        ]


def batch(zone: str, *changes: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A request to change record sets."""
    given = [{"Action": action, "ResourceRecordSet": record} for action, record in changes]
    return {"HostedZoneId": zone, "ChangeBatch": {"Changes": given}}


def record(name: str, rtype: str = "A", *values: str, **more: Any) -> dict[str, Any]:
    """A record set with values."""
    given = [{"Value": value} for value in values or ("192.0.2.1",)]
    return {"Name": name, "Type": rtype, "TTL": 300, "ResourceRecords": given, **more}


def alias(
    name: str, zone: str, target: str, rtype: str = "A", *, evaluates: bool = False, **more: Any
) -> dict[str, Any]:
    """An alias record."""
    aimed = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": evaluates}
    return {"Name": name, "Type": rtype, "AliasTarget": aimed, **more}


def play(
    scenario: Callable[[ControlPlane], Coroutine[Any, Any, None]],
    *,
    other: bool = False,
    throttling: bool = False,
) -> None:
    """Start the home region (and the other one) and play a scenario there."""
    plane = ControlPlane(throttling=throttling)

    async def main() -> None:
        for place in (HOME, OTHER) if other else (HOME,):
            await plane.simulated.restart(place)
        await plane.simulated.outside.spawn(scenario(plane), "scenario")

    try:
        plane.simulated.run(main())
    finally:
        plane.simulated.close()

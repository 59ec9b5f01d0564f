"""Peering of transit gateways in two regions and of two accounts: each hears of it later."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from antipodes.fabric.network.together import together
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.questions.walking import Asked, as_record, walked
from antipodes.regional.ec2.service import PEERINGS_DOOR
from antipodes.runtime.contract import Address
from antipodes.service.contract import ServiceError, Settings
from antipodes.service.http import HttpClient
from antipodes.world.faults import CutLink
from tests.regional.elbv2.hosts import ACCOUNT

OTHER = "111111111111"
W, E = "us-west-2", "eu-central-1"


class Stage:
    """Two regions with a network at a hub in each: one account's here, another's there."""

    def __init__(self) -> None:
        self.world = SimulatedWorld((W, E), seed=5, settings=Settings())
        self.hosts: dict[str, str] = {}
        self.hubs: dict[str, dict[str, Any]] = {}

    async def start(self) -> None:
        await self.world.start()
        for number, (region, zone) in enumerate(((W, "us-west-2a"), (E, "eu-central-1a")), 1):
            await self._network(region, zone, f"10.{number}")

    async def _network(self, region: str, zone: str, start: str) -> None:
        call = self.caller(region)
        vpc = (await call("CreateVpc", CidrBlock=f"{start}.0.0/16"))["Vpc"]["VpcId"]
        made = await call(
            "CreateSubnet", VpcId=vpc, CidrBlock=f"{start}.0.0/24", AvailabilityZone=zone
        )
        subnet = made["Subnet"]["SubnetId"]
        made = await call("CreateTransitGateway")
        hub = self.hubs[region] = made["TransitGateway"]
        name = hub["TransitGatewayId"]
        attached = {"TransitGatewayId": name, "VpcId": vpc, "SubnetIds": [subnet]}
        await call("CreateTransitGatewayVpcAttachment", **attached)
        filters = [{"Name": "vpc-id", "Values": [vpc]}]
        [found] = (await call("DescribeRouteTables", Filters=filters))["RouteTables"]
        await call(
            "CreateRoute",
            RouteTableId=found["RouteTableId"],
            DestinationCidrBlock="10.0.0.0/8",
            TransitGatewayId=name,
        )
        [group] = (await call("DescribeSecurityGroups", Filters=filters))["SecurityGroups"]
        everybody = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
        await call(
            "AuthorizeSecurityGroupIngress", GroupId=group["GroupId"], IpPermissions=everybody
        )
        made = await call("CreateNetworkInterface", SubnetId=subnet)
        self.hosts[region] = made["NetworkInterface"]["NetworkInterfaceId"]

    def caller(self, region: str) -> Callable[..., Awaitable[Any]]:
        """What calls EC2 in a region as the account that is there."""
        account = ACCOUNT if region == W else OTHER

        async def call(operation: str, **request: Any) -> Any:
            return await self.world.call(region, "ec2", operation, request, account)

        return call

    async def ask(self) -> str:
        made = await self.caller(W)(
            "CreateTransitGatewayPeeringAttachment",
            TransitGatewayId=self.hubs[W]["TransitGatewayId"],
            PeerTransitGatewayId=self.hubs[E]["TransitGatewayId"],
            PeerAccountId=OTHER,
            PeerRegion=E,
        )
        return str(made["TransitGatewayPeeringAttachment"]["TransitGatewayAttachmentId"])

    async def states(self, name: str) -> list[str]:
        """How each side sees a peering."""
        found = []
        for region in (W, E):
            listed = await self.caller(region)("DescribeTransitGatewayPeeringAttachments")
            states = {
                one["TransitGatewayAttachmentId"]: one["State"]
                for one in listed["TransitGatewayPeeringAttachments"]
            }
            found.append(states.get(name, ""))
        return found

    async def settles(self, name: str, *states: str) -> None:
        """Wait until both sides see one state, or each its own."""
        wanted = [*states] if len(states) > 1 else [*states, *states]
        end = self.world.outside.now() + 15.0
        while (found := await self.states(name)) != wanted:
            assert self.world.outside.now() < end, f"{found} and not {wanted}"
            await self.world.outside.sleep(0.05)

    def ask_after(self, *regions: str) -> dict[str, Any]:
        """A packet from here to there, as some regions' networks have it."""
        told = []
        for region in regions:
            service: Any = self.world.region(region).service("ec2")
            told += service.networks().values()
        topology = together(told)
        target = "10.2.0.4" if E not in regions else self.hosts[E]
        return as_record(walked(topology, Asked(self.hosts[W], target)), lambda *_: 70.0)


def play(scenario: Callable[[Stage], Awaitable[None]]) -> None:
    stage = Stage()

    async def started() -> None:
        await stage.start()
        await scenario(stage)

    async def main() -> None:
        await stage.world.outside.spawn(started(), "scenario")

    try:
        stage.world.run(main())
    finally:
        stage.world.close()


def test_hubs_of_two_regions_and_accounts() -> None:
    async def scenario(stage: Stage) -> None:
        name = await stage.ask()
        assert await stage.states(name) == ["initiatingRequest", ""]
        await stage.settles(name, "pendingAcceptance")
        named_ = {"TransitGatewayAttachmentId": name}
        with pytest.raises(ServiceError, match="OperationNotPermitted"):
            await stage.caller(W)("AcceptTransitGatewayPeeringAttachment", **named_)
        await stage.caller(E)("AcceptTransitGatewayPeeringAttachment", **named_)
        assert await stage.states(name) == ["pendingAcceptance", "pending"]
        await stage.settles(name, "available")
        assert stage.ask_after(W, E)["forward"]["outcome"] == "no route"
        for region, prefix in ((W, "10.2.0.0/16"), (E, "10.1.0.0/16")):
            own = stage.hubs[region]["Options"]["AssociationDefaultRouteTableId"]
            await stage.caller(region)(
                "CreateTransitGatewayRoute",
                **named_,
                TransitGatewayRouteTableId=own,
                DestinationCidrBlock=prefix,
            )
        record = stage.ask_after(W, E)
        assert record["reached"]
        forward = record["forward"]
        assert (forward["latency_ms"], forward["mtu"]) == (70.0, 8500)
        assert forward["charges"] == ["hub", "region crossed"]
        passed = [hop["id"] for hop in forward["hops"] if hop["kind"] == "attachment"]
        assert passed[1:3] == [f"{name}@{W}", f"{name}@{E}"]
        assert stage.ask_after(W)["forward"]["outcome"] == "unknown"  # that region is down
        await stage.caller(E)("DeleteTransitGatewayPeeringAttachment", **named_)
        assert await stage.states(name) == ["available", "deleting"]
        await stage.settles(name, "deleted")
        assert stage.ask_after(W, E)["forward"]["outcome"] == "blackhole"

    play(scenario)


def test_a_cut_link_holds_up_what_regions_tell_each_other() -> None:
    async def scenario(stage: Stage) -> None:
        cut = stage.world.world.install(CutLink(W, E))
        name = await stage.ask()
        await stage.world.outside.sleep(60.0)
        assert await stage.states(name) == ["initiatingRequest", ""]
        stage.world.world.heal(cut)
        await stage.settles(name, "pendingAcceptance")
        cut = stage.world.world.install(CutLink(W, E))
        named_ = {"TransitGatewayAttachmentId": name}
        await stage.caller(E)("AcceptTransitGatewayPeeringAttachment", **named_)
        stage.world.kill(E)
        stage.world.world.heal(cut)
        await stage.world.restart(E)
        await stage.settles(name, "available")
        cut = stage.world.world.install(CutLink(W, E))
        await stage.caller(W)("DeleteTransitGatewayPeeringAttachment", **named_)
        assert await stage.states(name) == ["deleting", "available"]
        stage.world.world.heal(cut)
        await stage.settles(name, "deleted")
        assert stage.ask_after(W, E)["forward"]["outcome"] == "no route"

    play(scenario)


def test_regions_do_not_take_what_they_do_not_know() -> None:
    async def scenario(stage: Stage) -> None:
        client = HttpClient(stage.world.outside.at(W))
        answer = await client.request(Address(E, PEERINGS_DOOR), "POST", "/vpc-lattice", body=b"")
        assert answer.status == 404

    play(scenario)


def test_a_rejection_and_a_hub_that_is_not_there_come_back() -> None:
    async def scenario(stage: Stage) -> None:
        name = await stage.ask()
        await stage.settles(name, "pendingAcceptance")
        named_ = {"TransitGatewayAttachmentId": name}
        await stage.caller(E)("RejectTransitGatewayPeeringAttachment", **named_)
        await stage.settles(name, "rejected")
        stage.hubs[E]["TransitGatewayId"] = "tgw-0123456789abcdef0"
        name = await stage.ask()
        await stage.settles(name, "failed", "")
        assert stage.ask_after(W, E)["forward"]["outcome"] == "no route"

    play(scenario)

"""Peering of two regions and two accounts: each has its copy, and hears of the other later."""

from collections.abc import Awaitable, Callable
from typing import Any

from antipodes.hosting.simulated import SimulatedWorld
from antipodes.service.contract import ServiceError, Settings
from antipodes.world.faults import CutLink

W, E = "us-west-2", "eu-central-1"
MINE, THEIRS = "000000000000", "111111111111"
DAY_S = 86400.0


class Stage:
    """Two regions: an account's VPC in one, and another account's in the other."""

    def __init__(self) -> None:
        self.world = SimulatedWorld((W, E), seed=5, settings=Settings())
        self.mine = self.theirs = ""

    async def start(self) -> None:
        """Start the regions, and make the VPCs."""
        await self.world.start()
        made = await self.here("CreateVpc", CidrBlock="10.4.0.0/16")
        self.mine = made["Vpc"]["VpcId"]
        made = await self.there("CreateVpc", CidrBlock="10.5.0.0/16")
        self.theirs = made["Vpc"]["VpcId"]

    async def here(self, operation: str, **request: Any) -> Any:
        """Call the region of who asks, as that account."""
        return await self.world.call(W, "ec2", operation, request, MINE)

    async def there(self, operation: str, **request: Any) -> Any:
        """Call the region of who is asked, as that account."""
        return await self.world.call(E, "ec2", operation, request, THEIRS)

    async def ask(self, **more: Any) -> str:
        """Ask for a connection."""
        made = await self.here(
            "CreateVpcPeeringConnection",
            VpcId=self.mine,
            **{"PeerVpcId": self.theirs, "PeerOwnerId": THEIRS, "PeerRegion": E, **more},
        )
        return str(made["VpcPeeringConnection"]["VpcPeeringConnectionId"])

    async def join(self) -> str:
        """An active connection."""
        name = await self.ask()
        await self.settles(name, "pending-acceptance")
        await self.there("AcceptVpcPeeringConnection", VpcPeeringConnectionId=name)
        await self.settles(name, "active")
        return name

    async def copies(self, name: str) -> list[Any]:
        """What each side sees of a connection; None for nothing."""
        return [await self.copy(call, name) for call in (self.here, self.there)]

    async def copy(self, call: Callable[..., Awaitable[Any]], name: str) -> Any:
        """What one side sees."""
        listed = (await call("DescribeVpcPeeringConnections"))["VpcPeeringConnections"]
        return {one["VpcPeeringConnectionId"]: one for one in listed}.get(name)

    async def codes(self, name: str) -> list[str]:
        """How far each side sees a connection to have come; nothing where it sees none."""
        return [one["Status"]["Code"] if one else "" for one in await self.copies(name)]

    async def settles(self, name: str, *codes: str, within_s: float = 15.0) -> None:
        """Wait until both sides see one code, or each its own."""
        wanted = [*codes] if len(codes) > 1 else [*codes, *codes]
        end = self.world.outside.now() + within_s
        while (seen := await self.codes(name)) != wanted:
            assert self.world.outside.now() < end, f"{seen} and not {wanted}"
            await self.world.outside.sleep(0.05)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self.world.outside.sleep(seconds)

    async def refusal(self, calling: Awaitable[Any]) -> str:
        """The code of the error that a call ends with."""
        try:
            await calling
        except ServiceError as error:
            return error.code
        return ""


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


def test_each_step_is_seen_on_the_other_side_a_moment_later() -> None:
    async def scenario(stage: Stage) -> None:
        name = await stage.ask()
        assert await stage.codes(name) == ["initiating-request", ""]
        await stage.settles(name, "pending-acceptance")
        request = {"VpcPeeringConnectionId": name}
        wrong = stage.here("AcceptVpcPeeringConnection", **request)
        assert await stage.refusal(wrong) == "OperationNotPermitted"
        await stage.there("AcceptVpcPeeringConnection", **request)
        assert await stage.codes(name) == ["pending-acceptance", "provisioning"]
        await stage.settles(name, "active")
        mine, theirs = await stage.copies(name)
        assert mine == theirs
        assert mine["AccepterVpcInfo"]["CidrBlock"] == "10.5.0.0/16"
        assert mine["AccepterVpcInfo"]["Region"] == E
        await stage.there("DeleteVpcPeeringConnection", **request)
        assert await stage.codes(name) == ["active", "deleting"]
        await stage.settles(name, "deleted")

    play(scenario)


def test_options_and_prefixes_are_told_too() -> None:
    async def scenario(stage: Stage) -> None:
        name = await stage.join()
        allow = {"AllowDnsResolutionFromRemoteVpc": True}
        accepter = {
            "VpcPeeringConnectionId": name,
            "AccepterPeeringConnectionOptions": allow,
        }
        enable = {"VpcId": stage.theirs, "EnableDnsHostnames": {"Value": True}}
        await stage.there("ModifyVpcAttribute", **enable)
        change = "ModifyVpcPeeringConnectionOptions"
        wrong = stage.here(change, **accepter)
        assert await stage.refusal(wrong) == "OperationNotPermitted"
        await stage.there(change, **accepter)
        await stage.here("AssociateVpcCidrBlock", VpcId=stage.mine, CidrBlock="10.6.0.0/16")
        await stage.wait(2.0)
        for one in await stage.copies(name):
            options = one["AccepterVpcInfo"]["PeeringOptions"]
            assert options["AllowDnsResolutionFromRemoteVpc"] is True
            assert len(one["RequesterVpcInfo"]["CidrBlockSet"]) == 2
        overlapping = {"VpcId": stage.theirs, "CidrBlock": "10.6.0.0/24"}
        refused = stage.there("AssociateVpcCidrBlock", **overlapping)
        assert await stage.refusal(refused) == "InvalidVpc.Range"

    play(scenario)


def test_what_the_other_region_refuses_comes_back() -> None:
    async def scenario(stage: Stage) -> None:
        for more in ({"PeerVpcId": stage.mine}, {"PeerOwnerId": "222222222222"}):
            name = await stage.ask(**more)
            await stage.settles(name, "failed", "")
        name = await stage.ask()
        await stage.settles(name, "pending-acceptance")
        await stage.there("RejectVpcPeeringConnection", VpcPeeringConnectionId=name)
        await stage.settles(name, "rejected")
        name = await stage.ask()
        await stage.settles(name, "pending-acceptance")
        await stage.there("AssociateVpcCidrBlock", VpcId=stage.theirs, CidrBlock="10.4.7.0/24")
        await stage.settles(name, "failed", "")
        default = {"Name": "is-default", "Values": ["true"]}
        [found] = (await stage.there("DescribeVpcs", Filters=[default]))["Vpcs"]
        name = await stage.ask(PeerVpcId=found["VpcId"])
        await stage.settles(name, "pending-acceptance")
        mine, theirs = await stage.copies(name)
        assert mine["AccepterVpcInfo"] == theirs["AccepterVpcInfo"]
        assert "CidrBlock" not in mine["AccepterVpcInfo"]  # it is known once it is accepted

    play(scenario)


def test_one_account_in_two_regions_has_tags_where_it_made_them() -> None:
    async def scenario(stage: Stage) -> None:
        async def far(operation: str, **request: Any) -> Any:
            return await stage.world.call(E, "ec2", operation, request, MINE)

        made = await far("CreateVpc", CidrBlock="10.7.0.0/16")
        tags = [{"Key": "Name", "Value": "here"}]
        name = await stage.ask(
            PeerVpcId=made["Vpc"]["VpcId"],
            PeerOwnerId=MINE,
            TagSpecifications=[{"ResourceType": "vpc-peering-connection", "Tags": tags}],
        )
        await stage.wait(2.0)
        await far("AcceptVpcPeeringConnection", VpcPeeringConnectionId=name)
        await stage.wait(2.0)
        here, there = await stage.copy(stage.here, name), await stage.copy(far, name)
        assert here["Status"]["Code"] == there["Status"]["Code"] == "active"
        assert (here["Tags"], there["Tags"]) == (tags, [])

    play(scenario)


def test_a_cut_link_holds_up_a_request_and_an_acceptance() -> None:
    async def scenario(stage: Stage) -> None:
        cut = stage.world.world.install(CutLink(W, E))
        name = await stage.ask()
        await stage.wait(60.0)
        assert await stage.codes(name) == ["initiating-request", ""]
        stage.world.world.heal(cut)
        await stage.settles(name, "pending-acceptance")
        cut = stage.world.world.install(CutLink(W, E))
        await stage.there("AcceptVpcPeeringConnection", VpcPeeringConnectionId=name)
        await stage.wait(60.0)
        assert await stage.codes(name) == ["pending-acceptance", "provisioning"]
        stage.world.world.heal(cut)
        await stage.settles(name, "active")

    play(scenario)


def test_an_acceptance_and_a_deletion_that_crossed_end_in_a_deletion() -> None:
    async def scenario(stage: Stage) -> None:
        name = await stage.ask()
        await stage.settles(name, "pending-acceptance")
        cut = stage.world.world.install(CutLink(W, E))
        await stage.there("AcceptVpcPeeringConnection", VpcPeeringConnectionId=name)
        await stage.here("DeleteVpcPeeringConnection", VpcPeeringConnectionId=name)
        assert await stage.codes(name) == ["deleting", "provisioning"]
        stage.world.world.heal(cut)
        await stage.settles(name, "deleted")

    play(scenario)


def test_what_is_owed_outlives_the_host_that_owes_it() -> None:
    async def scenario(stage: Stage) -> None:
        name = await stage.ask()
        await stage.settles(name, "pending-acceptance")
        cut = stage.world.world.install(CutLink(W, E))
        await stage.there("AcceptVpcPeeringConnection", VpcPeeringConnectionId=name)
        stage.world.kill(E)
        stage.world.world.heal(cut)
        await stage.wait(1.0)
        assert (await stage.copy(stage.here, name))["Status"]["Code"] == "pending-acceptance"
        await stage.world.restart(E)
        await stage.settles(name, "active")

    play(scenario)


def test_an_acceptance_in_time_counts_where_the_request_has_expired() -> None:
    async def scenario(stage: Stage) -> None:
        name = await stage.ask()
        await stage.settles(name, "pending-acceptance")
        cut = stage.world.world.install(CutLink(W, E))
        stage.world.set_clock(W, 7 * DAY_S)
        await stage.there("AcceptVpcPeeringConnection", VpcPeeringConnectionId=name)
        assert await stage.codes(name) == ["expired", "provisioning"]
        stage.world.world.heal(cut)
        await stage.settles(name, "active")

    play(scenario)

"""Addresses of a customer's own: the states of a range, and accelerators that have some of it."""

from typing import Any

import pytest

from antipodes.edge.globalaccelerator.ranges import Range
from antipodes.service.contract import ServiceError
from antipodes.service.records import Records
from tests.edge.globalaccelerator.requests import create, refused
from tests.edge.globalaccelerator.worlds import ACCOUNT, PROPAGATION_S, Stage, W, play

FIRST, SECOND = "203.0.113.0/24", "198.51.100.0/24"
CONTEXT = {"Message": "1|aws|...", "Signature": "c2lnbmVk"}
OWNER = "111111111111"


async def provision(stage: Stage, cidr: str) -> Any:
    return await stage.call("ProvisionByoipCidr", Cidr=cidr, CidrAuthorizationContext=CONTEXT)


async def state(stage: Stage, cidr: str) -> str:
    found = (await stage.call("ListByoipCidrs"))["ByoipCidrs"]
    return next((one["State"] for one in found if one["Cidr"] == cidr), "")


def test_a_range_goes_through_its_states_each_in_its_time() -> None:
    async def scenario(stage: Stage) -> None:
        seen = [(await provision(stage, FIRST))["ByoipCidr"]["State"]]
        code = await refused(stage, "AdvertiseByoipCidr", Cidr=FIRST)
        assert code == "IncorrectCidrStateException"
        for operation in ("AdvertiseByoipCidr", "WithdrawByoipCidr", "DeprovisionByoipCidr"):
            await stage.wait(PROPAGATION_S + 1)
            seen.append(await state(stage, FIRST))
            seen.append((await stage.call(operation, Cidr=FIRST))["ByoipCidr"]["State"])
        assert seen == [
            "PENDING_PROVISIONING",
            "READY",
            "PENDING_ADVERTISING",
            "ADVERTISING",
            "PENDING_WITHDRAWING",
            "READY",
            "PENDING_DEPROVISIONING",
        ]
        [shown] = (await stage.call("ListByoipCidrs"))["ByoipCidrs"]
        assert len(shown["Events"]) == 4
        await stage.wait(PROPAGATION_S + 1)
        assert await state(stage, FIRST) == ""
        code = await refused(stage, "AdvertiseByoipCidr", Cidr=FIRST)
        assert code == "ByoipCidrNotFoundException"
        await provision(stage, SECOND)
        kept = Records(stage.simulated.region(W).store, "globalaccelerator/range", Range)
        assert [known.cidr for known in kept.list(ACCOUNT)] == [SECOND]
        await provision(stage, FIRST)

    play(scenario)


def test_ranges_that_cannot_be_are_refused() -> None:
    async def scenario(stage: Stage) -> None:
        more = {"CidrAuthorizationContext": CONTEXT}
        sizes = "203.0.113.0/25", "203.0.112.0/23", "203.0.113.1/24", "2001:db8::/48", "x"
        ours = "198.18.0.0/24", "198.19.255.0/24"  # other accelerators', and a city's
        for cidr in (*sizes, *ours):
            code = await refused(stage, "ProvisionByoipCidr", Cidr=cidr, **more)
            assert code == "InvalidArgumentException", cidr
        await provision(stage, FIRST)
        code = await refused(stage, "ProvisionByoipCidr", Cidr=FIRST, **more)
        assert code == "IncorrectCidrStateException"
        request = {"Cidr": FIRST, **more}
        with pytest.raises(ServiceError) as caught:
            await stage.simulated.call(W, "globalaccelerator", "ProvisionByoipCidr", request, OWNER)
        assert caught.value.code == "InvalidArgumentException"
        await provision(stage, SECOND)
        code = await refused(stage, "ProvisionByoipCidr", Cidr="192.0.2.0/24", **more)
        assert code == "LimitExceededException"
        await stage.wait(PROPAGATION_S + 1)
        await stage.call("DeprovisionByoipCidr", Cidr=FIRST)
        await stage.wait(PROPAGATION_S + 1)
        await provision(stage, "192.0.2.0/24")  # in the first one's network zone
        await stage.wait(PROPAGATION_S + 1)
        await stage.call("AdvertiseByoipCidr", Cidr=SECOND)
        chosen = ["192.0.2.9", "198.51.100.9"]
        made = await create(stage, IpAddresses=[*reversed(chosen)])
        assert made["IpSets"][0]["IpAddresses"] == chosen

    play(scenario)


def test_ranges_are_withdrawn_at_most_once_in_ten_seconds() -> None:
    async def scenario(stage: Stage) -> None:
        for cidr in (FIRST, SECOND):
            await provision(stage, cidr)
        await stage.wait(PROPAGATION_S + 1)
        for cidr in (FIRST, SECOND):
            await stage.call("AdvertiseByoipCidr", Cidr=cidr)
        await stage.wait(PROPAGATION_S + 1)
        await stage.call("WithdrawByoipCidr", Cidr=FIRST)
        await stage.wait(9)
        code = await refused(stage, "WithdrawByoipCidr", Cidr=SECOND)
        assert code == "IncorrectCidrStateException"
        await stage.wait(2)
        await stage.call("WithdrawByoipCidr", Cidr=SECOND)

    play(scenario)


def test_an_accelerator_has_one_address_of_a_range_each_in_its_own_network_zone() -> None:
    async def scenario(stage: Stage) -> None:
        code = await refused(
            stage, "CreateAccelerator", Name="x", IdempotencyToken="x", IpAddresses=["203.0.113.7"]
        )
        assert code == "InvalidArgumentException"
        for cidr in (FIRST, SECOND):
            await provision(stage, cidr)
        await stage.wait(PROPAGATION_S + 1)
        made = await create(stage, "one", IpAddresses=["198.51.100.7"])
        first, second = made["IpSets"][0]["IpAddresses"]
        assert first.startswith("198.18.")
        assert second == "198.51.100.7"
        details = made["IpSets"][0]["IpAddressDetails"]
        assert [one["NetworkZone"] for one in details] == ["a", "b"]
        for wrong in (["198.51.100.7"], ["203.0.113.7", "203.0.113.8"], ["192.0.2.1"], ["x"]):
            code = await refused(
                stage, "CreateAccelerator", Name="x", IdempotencyToken="y", IpAddresses=wrong
            )
            assert code == "InvalidArgumentException", wrong
        arn = {"AcceleratorArn": made["AcceleratorArn"]}
        changed = await stage.call("UpdateAccelerator", IpAddresses=["203.0.113.9"], **arn)
        assert changed["Accelerator"]["IpSets"][0]["IpAddresses"] == ["203.0.113.9", second]
        code = await refused(stage, "DeprovisionByoipCidr", Cidr=FIRST)
        assert code == "IncorrectCidrStateException"

    play(scenario)


def test_an_address_that_passes_to_another_accelerator_keeps_its_doors() -> None:
    async def scenario(stage: Stage) -> None:
        await provision(stage, FIRST)
        await stage.wait(PROPAGATION_S + 1)
        first = await create(stage, "one", IpAddresses=["203.0.113.7"])
        await stage.wait(PROPAGATION_S + 1)
        whole = {"AcceleratorArn": first["AcceleratorArn"]}
        await stage.call("UpdateAccelerator", Enabled=False, **whole)
        await stage.call("DeleteAccelerator", **whole)
        await create(stage, "two", IpAddresses=["203.0.113.7"])
        await stage.wait(2 * PROPAGATION_S)
        # Whoever has no door there would be Gone; without an endpoint it is a reset.
        _, person = await stage.connect("frankfurt", address="203.0.113.7")
        await stage.wait(1)
        assert len(person.ended) == 1

    play(scenario)


def test_a_range_can_be_lent() -> None:
    async def scenario(stage: Stage) -> None:
        async def owner(operation: str, **request: Any) -> Any:
            return await stage.simulated.call(W, "globalaccelerator", operation, request, OWNER)

        await owner("ProvisionByoipCidr", Cidr=FIRST, CidrAuthorizationContext=CONTEXT)
        await stage.wait(PROPAGATION_S + 1)
        wanted = {"Name": "x", "IdempotencyToken": "x", "IpAddresses": ["203.0.113.7"]}
        assert await refused(stage, "CreateAccelerator", **wanted) == "InvalidArgumentException"
        lent: dict[str, Any] = {"Name": "n", "Resources": [{"Cidr": FIRST}]}
        attach = "CreateCrossAccountAttachment"
        await owner(attach, Principals=["222222222222"], IdempotencyToken="s", **lent)
        assert await refused(stage, "CreateAccelerator", **wanted) == "InvalidArgumentException"
        await owner(attach, Principals=[ACCOUNT], IdempotencyToken="t", **lent)
        made = await stage.call("CreateAccelerator", **wanted)
        assert made["Accelerator"]["IpSets"][0]["IpAddresses"][0] == "203.0.113.7"

    play(scenario)

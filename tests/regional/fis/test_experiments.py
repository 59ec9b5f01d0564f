"""Experiments in time: order, states, stopping, failing, restarts, the safety lever."""

from typing import Any

import pytest

from tests.regional.fis.laboratory import WAIT, E, Laboratory, W, play

CUT = {
    "actionId": "aws:network:transit-gateway-disrupt-cross-region-connectivity",
    "parameters": {"duration": "PT5M", "region": E},
    "targets": {"TransitGateways": "gateway"},
}
GATEWAY = {
    "resourceType": "aws:ec2:transit-gateway",
    "resourceArns": [f"arn:aws:ec2:{W}:000000000000:transit-gateway/tgw-0123"],
    "selectionMode": "ALL",
}


def wait(minutes: int, *after: str) -> dict[str, Any]:
    return {**WAIT, "parameters": {"duration": f"PT{minutes}M"}, "startAfter": list(after)}


def test_actions_run_in_order_and_for_their_durations() -> None:
    async def scenario(lab: Laboratory) -> None:
        first = {"a": wait(2), "b": wait(1), "c": wait(1, "a", "b"), "d": wait(3, "b")}
        experiment = await lab.start(actions=first)
        started = await lab.get(experiment)
        assert set(await lab.actions(experiment)) == {"a", "b", "c", "d"}
        await lab.sleep(1)
        assert await lab.actions(experiment) == {
            "a": "running",
            "b": "running",
            "c": "pending",
            "d": "pending",
        }
        await lab.sleep(60)
        assert await lab.actions(experiment) == {
            "a": "running",
            "b": "completed",
            "c": "pending",
            "d": "running",
        }
        await lab.sleep(60)
        assert (await lab.actions(experiment))["c"] == "running"
        await lab.wait_for(experiment, "completed", within_s=180)
        ended = await lab.get(experiment)
        assert ended["endTime"] - started["startTime"] == pytest.approx(240, abs=1)
        assert set((await lab.actions(experiment)).values()) == {"completed"}
        c = ended["actions"]["c"]
        assert c["endTime"] - c["startTime"] == pytest.approx(60, abs=1)
        assert (await lab.do("StopExperiment", id=experiment))["experiment"] == ended

    play(scenario)


def test_stopping_heals_at_once_and_cancels_what_is_to_come() -> None:
    async def scenario(lab: Laboratory) -> None:
        experiment = await lab.start(
            actions={"cut": CUT, "later": wait(1, "cut")}, targets={"gateway": GATEWAY}
        )
        await lab.sleep(1)
        assert lab.faults() == {f"fis-{experiment}-1.1": f"nothing passes from {W} to {E}"}
        stopped = (await lab.do("StopExperiment", id=experiment))["experiment"]
        assert stopped["state"]["status"] == "stopping"
        await lab.wait_for(experiment, "stopped", within_s=1)
        assert lab.faults() == {}
        assert await lab.actions(experiment) == {"cut": "stopped", "later": "cancelled"}

    play(scenario)


@pytest.mark.parametrize("away_s", [30, 900])
def test_an_experiment_outlives_the_death_of_its_region(away_s: int) -> None:
    async def scenario(lab: Laboratory) -> None:
        experiment = await lab.start(
            actions={"cut": CUT, "later": wait(1, "cut")}, targets={"gateway": GATEWAY}
        )
        await lab.sleep(60)
        handle = lab.world.kill(W)
        await lab.sleep(away_s)
        assert len(lab.faults()) == 1, "a fault of the world does not end with who asked for it"
        await lab.world.heal(handle)
        await lab.sleep(1)
        still = away_s < 240
        assert len(lab.faults()) == int(still)
        await lab.wait_for(experiment, "completed", within_s=400)
        assert lab.faults() == {}
        ended = await lab.get(experiment)
        lasted = ended["actions"]["cut"]["endTime"] - ended["actions"]["cut"]["startTime"]
        assert lasted == pytest.approx(300 if still else 960, abs=2)

    play(scenario)


def test_an_experiment_that_is_stopping_when_its_region_dies_still_heals() -> None:
    async def scenario(lab: Laboratory) -> None:
        experiment = await lab.start(actions={"cut": CUT}, targets={"gateway": GATEWAY})
        await lab.sleep(1)
        await lab.do("StopExperiment", id=experiment)
        handle = lab.world.kill(W)
        assert len(lab.faults()) == 1
        await lab.world.heal(handle)
        await lab.wait_for(experiment, "stopped", within_s=1)
        assert lab.faults() == {}

    play(scenario)


def test_somebody_elses_healing_is_no_obstacle() -> None:
    async def scenario(lab: Laboratory) -> None:
        experiment = await lab.start(actions={"cut": CUT}, targets={"gateway": GATEWAY})
        await lab.sleep(1)
        await lab.world.heal_all()
        assert lab.faults() == {}
        await lab.wait_for(experiment, "completed", within_s=400)

    play(scenario)


def test_the_safety_lever_stops_what_runs_and_cancels_what_starts() -> None:
    async def scenario(lab: Laboratory) -> None:
        async def lever(status: str) -> Any:
            state = {"status": status, "reason": "a busy day"}
            return await lab.do("UpdateSafetyLeverState", id="default", state=state)

        def state(answer: Any) -> Any:
            return answer["safetyLever"]["state"]["status"]

        assert state(await lab.do("GetSafetyLever", id="default")) == "disengaged"
        experiment = await lab.start(actions={"cut": CUT}, targets={"gateway": GATEWAY})
        await lab.sleep(1)
        assert state(await lever("engaged")) == "engaging"
        await lab.wait_for(experiment, "stopped", within_s=1)
        assert lab.faults() == {}
        assert state(await lab.do("GetSafetyLever", id="default")) == "engaged"
        assert await lab.status(await lab.start()) == "cancelled"
        await lever("disengaged")
        await lab.wait_for(await lab.start(), "running", within_s=1)
        assert (await lab.refused("GetSafetyLever", id="other")).code == "ResourceNotFoundException"

    play(scenario)


def test_five_experiments_at_once_and_no_more() -> None:
    async def scenario(lab: Laboratory) -> None:
        first = await lab.start()
        for _ in range(4):
            await lab.start()
        template = await lab.template()
        error = await lab.refused("StartExperiment", clientToken="x", experimentTemplateId=template)
        assert (error.code, error.status) == ("ServiceQuotaExceededException", 402)
        await lab.wait_for(first, "completed", within_s=90)
        await lab.do("StartExperiment", clientToken="x", experimentTemplateId=template)

    play(scenario)


def test_a_preview_resolves_targets_and_does_nothing() -> None:
    async def scenario(lab: Laboratory) -> None:
        template = await lab.template(actions={"cut": CUT}, targets={"gateway": GATEWAY})
        started = await lab.do(
            "StartExperiment",
            clientToken="x",
            experimentTemplateId=template,
            experimentOptions={"actionsMode": "skip-all"},
        )
        experiment = started["experiment"]["id"]
        await lab.wait_for(experiment, "completed", within_s=1)
        assert await lab.actions(experiment) == {"cut": "skipped"}
        assert lab.faults() == {}
        resolved = await lab.do("ListExperimentResolvedTargets", experimentId=experiment)
        assert resolved["resolvedTargets"] == [
            {
                "resourceType": "aws:ec2:transit-gateway",
                "targetName": "gateway",
                "targetInformation": {"arn": GATEWAY["resourceArns"][0]},
            }
        ]

    play(scenario)


def test_a_token_starts_one_experiment_and_lists_know_it() -> None:
    async def scenario(lab: Laboratory) -> None:
        template = await lab.template()
        ask: dict[str, Any] = {
            "clientToken": "once",
            "experimentTemplateId": template,
            "tags": {"team": "a"},
        }
        started = (await lab.do("StartExperiment", **ask))["experiment"]
        one = started["id"]
        assert started["state"]["status"] == "initiating"
        assert (await lab.do("StartExperiment", **ask))["experiment"]["id"] == one
        error = await lab.refused("StartExperiment", **{**ask, "tags": {}})
        assert (error.code, error.status) == ("ConflictException", 409)
        other = await lab.start()
        listed = (await lab.do("ListExperiments"))["experiments"]
        assert sorted(e["id"] for e in listed) == sorted([one, other])
        mine = await lab.do("ListExperiments", experimentTemplateId=template)
        assert [e["tags"] for e in mine["experiments"]] == [{"team": "a"}]
        page = await lab.do("ListExperiments", maxResults=1)
        rest = await lab.do("ListExperiments", maxResults=1, nextToken=page["nextToken"])
        assert "nextToken" not in rest
        assert page["experiments"] + rest["experiments"] == listed

    play(scenario)


def test_the_same_seed_gives_the_same_experiment() -> None:
    async def scenario(lab: Laboratory) -> None:
        experiment = await lab.start(actions={"cut": CUT}, targets={"gateway": GATEWAY})
        await lab.wait_for(experiment, "completed", within_s=400)

    assert play(scenario, 3) == play(scenario, 3)
    assert play(scenario, 3) != play(scenario, 4)

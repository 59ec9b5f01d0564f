"""Alarms that stop experiments, and their own way from a metric to the healing of faults."""

from typing import Any

import pytest

from tests.regional.fis.laboratory import ACCOUNT, E, Laboratory, W, minimal, play
from tests.regional.fis.test_experiments import CUT, GATEWAY, wait

ARN = f"arn:aws:cloudwatch:{W}:{ACCOUNT}:alarm:errors"
STOP = {"source": "aws:cloudwatch:alarm", "value": ARN}
WATCHED: dict[str, Any] = {
    "actions": {"cut": CUT, "later": wait(1, "cut")},
    "targets": {"gateway": GATEWAY},
    "stopConditions": [STOP],
}
HALTED = "Experiment halted by stop condition."


async def make_alarm(lab: Laboratory, place: str = W, name: str = "errors") -> None:
    await lab.call(
        place,
        "cloudwatch",
        "PutMetricAlarm",
        AlarmName=name,
        Namespace="N",
        MetricName="errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )


async def set_alarm(lab: Laboratory, state: str, place: str = W, name: str = "errors") -> None:
    told = {"AlarmName": name, "StateValue": state, "StateReason": "a test"}
    await lab.call(place, "cloudwatch", "SetAlarmState", **told)


async def put_errors(lab: Laboratory, errors: float) -> None:
    data = [{"MetricName": "errors", "Value": errors}]
    await lab.call(W, "cloudwatch", "PutMetricData", Namespace="N", MetricData=data)


async def assert_halted(lab: Laboratory, experiment: str) -> None:
    state = (await lab.get(experiment))["state"]
    assert state == {"status": "stopped", "reason": HALTED}
    assert lab.faults() == {}


def test_too_many_errors_stop_an_experiment_and_heal_its_faults() -> None:
    async def scenario(lab: Laboratory) -> None:
        await make_alarm(lab)
        experiment = await lab.start(**WATCHED)
        assert (await lab.get(experiment))["stopConditions"] == [STOP]
        await put_errors(lab, 5.0)
        await lab.sleep(62)
        assert await lab.status(experiment) == "running"
        assert len(lab.faults()) == 1
        await put_errors(lab, 6.0)
        await lab.wait_for(experiment, "stopped", within_s=62)
        await assert_halted(lab, experiment)
        assert await lab.actions(experiment) == {"cut": "stopped", "later": "cancelled"}

    play(scenario)


def test_a_moment_of_alarm_is_enough() -> None:
    async def scenario(lab: Laboratory) -> None:
        await make_alarm(lab)
        await make_alarm(lab, name="other")
        await make_alarm(lab, place=E)
        experiment, unwatched = await lab.start(**WATCHED), await lab.start()
        await lab.sleep(1)
        await set_alarm(lab, "INSUFFICIENT_DATA")
        await set_alarm(lab, "OK")
        await set_alarm(lab, "ALARM", name="other")
        await set_alarm(lab, "ALARM", place=E)
        await lab.sleep(1)
        assert await lab.status(experiment) == "running"
        await set_alarm(lab, "ALARM")
        await set_alarm(lab, "OK")
        await lab.wait_for(experiment, "stopped", within_s=1)
        await assert_halted(lab, experiment)
        assert await lab.status(unwatched) == "running"

    play(scenario)


def test_nothing_begins_while_the_alarm_rings() -> None:
    async def scenario(lab: Laboratory) -> None:
        await make_alarm(lab)
        await set_alarm(lab, "ALARM")
        experiment = await lab.start(**WATCHED)
        await lab.wait_for(experiment, "stopped", within_s=1)
        await assert_halted(lab, experiment)
        assert await lab.actions(experiment) == {"cut": "cancelled", "later": "cancelled"}
        await set_alarm(lab, "OK")
        await lab.wait_for(await lab.start(**WATCHED), "running", within_s=1)

    play(scenario)


def test_an_alarm_that_is_gone_fails_what_starts_and_leaves_what_runs() -> None:
    async def scenario(lab: Laboratory) -> None:
        await make_alarm(lab)
        template = await lab.template(**WATCHED)
        running = await lab.start(**WATCHED)
        await lab.wait_for(running, "running", within_s=1)
        await lab.call(W, "cloudwatch", "DeleteAlarms", AlarmNames=["errors"])
        ask = {"clientToken": "x", "experimentTemplateId": template}
        failed = (await lab.do("StartExperiment", **ask))["experiment"]["id"]
        await lab.wait_for(failed, "failed", within_s=1)
        state = (await lab.get(failed))["state"]
        assert "alarm:errors does not exist" in state["reason"]
        assert state["error"]["code"] == "ConfigurationFailure"
        assert await lab.status(running) == "running"
        assert len(lab.faults()) == 1

    play(scenario)


@pytest.mark.parametrize("away_s", [30, 200])
def test_an_alarm_still_stops_it_after_the_death_of_its_region(away_s: int) -> None:
    async def scenario(lab: Laboratory) -> None:
        await make_alarm(lab)
        experiment = await lab.start(**WATCHED)
        await lab.sleep(10)
        handle = lab.world.kill(W)
        await lab.sleep(away_s)
        await lab.world.heal(handle)
        await lab.wait_for(experiment, "running", within_s=1)
        await put_errors(lab, 6.0)
        await lab.wait_for(experiment, "stopped", within_s=62)
        await assert_halted(lab, experiment)

    play(scenario)


def test_templates_keep_their_stop_conditions() -> None:
    async def scenario(lab: Laboratory) -> None:
        await make_alarm(lab)
        made = await lab.do("CreateExperimentTemplate", **minimal(stopConditions=[STOP]))
        template = made["experimentTemplate"]
        assert template["stopConditions"] == [STOP]
        await lab.do("UpdateExperimentTemplate", id=template["id"], description="new")
        found = await lab.do("GetExperimentTemplate", id=template["id"])
        assert found["experimentTemplate"]["stopConditions"] == [STOP]
        none: dict[str, Any] = {"stopConditions": [{"source": "none"}]}
        changed = await lab.do("UpdateExperimentTemplate", id=template["id"], **none)
        assert changed["experimentTemplate"]["stopConditions"] == [{"source": "none"}]
        wrong: dict[str, Any] = {"stopConditions": [{**STOP, "value": ARN + "-not"}]}
        error = await lab.refused("UpdateExperimentTemplate", id=template["id"], **wrong)
        assert error.code == "ValidationException"

    play(scenario)


def test_the_same_seed_halts_at_the_same_time() -> None:
    async def scenario(lab: Laboratory) -> None:
        await make_alarm(lab)
        experiment = await lab.start(**WATCHED)
        await put_errors(lab, 6.0)
        await lab.wait_for(experiment, "stopped", within_s=62)

    assert play(scenario, 3) == play(scenario, 3)


def test_an_alarm_that_could_not_be_kept_stops_it_when_there_is_space() -> None:
    async def scenario(lab: Laboratory) -> None:
        await make_alarm(lab)
        experiment = await lab.start(**WATCHED)
        await put_errors(lab, 6.0)
        lab.world.simulation.set_disk(W, full=True)
        await lab.sleep(62)
        assert lab.world.simulation.journal.markers()["cloudwatch.judging-put-off"] == 1
        assert await lab.status(experiment) == "running"
        lab.world.simulation.set_disk(W, full=False)
        await lab.wait_for(experiment, "stopped", within_s=62)
        await assert_halted(lab, experiment)

    play(scenario)

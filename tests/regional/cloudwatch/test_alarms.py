"""Alarms as time passes: judged every minute, remembered, acting; and what is refused."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from antipodes.regional.cloudwatch.model import resolution_s
from antipodes.runtime.virtual import Simulation
from antipodes.service.contract import ServiceError, Settings
from tests.regional.lambda_.hosts import (
    ACCOUNT,
    REGION,
    SmallHost,
    in_real,
    in_thread,
    in_virtual,
)
from tests.runtime.worlds import FakeLinks

Do = Callable[..., Awaitable[Any]]
SNS = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"


def with_alarms(scenario: Callable[[SmallHost, Do], Awaitable[None]], **named: Any) -> None:
    """Run at a full minute."""

    async def whole(host: SmallHost) -> None:
        async def do(operation: str, **request: Any) -> Any:
            return await host.do(operation, service="cloudwatch", **request)

        await host.runtime.sleep(3600 - host.runtime.wall() % 60)
        await scenario(host, do)

    in_virtual(whole, **named)


def alarm(**more: Any) -> dict[str, Any]:
    return {
        "AlarmName": "a",
        "Namespace": "N",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        **more,
    }


async def put(do: Do, value: float) -> None:
    await do("PutMetricData", Namespace="N", MetricData=[{"MetricName": "m", "Value": value}])


async def get(do: Do, name: str = "a") -> Any:
    (found,) = (await do("DescribeAlarms", AlarmNames=[name]))["MetricAlarms"]
    return found


async def history(do: Do, **more: Any) -> list[str]:
    found = await do("DescribeAlarmHistory", ScanBy="TimestampAscending", **more)
    return [item["HistorySummary"] for item in found["AlarmHistoryItems"]]


async def refused(do: Do, operation: str, **request: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await do(operation, **request)
    return caught.value


def test_an_alarm_rings_and_falls_silent() -> None:
    async def scenario(host: SmallHost, do: Do) -> None:
        await do("PutMetricAlarm", **alarm(AlarmActions=[SNS], AlarmDescription="d"))
        new = await get(do)
        assert new["StateValue"] == "INSUFFICIENT_DATA"
        assert new["AlarmArn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:a"
        states = []
        for value in (1.0, 9.0, 2.0):
            await put(do, value)
            await host.runtime.sleep(62)
            states.append((await get(do))["StateValue"])
        assert states == ["OK", "ALARM", "OK"]
        assert "[2.0 (" in (await get(do))["StateReason"]
        await host.runtime.sleep(4 * 60)
        silent = await get(do)
        assert silent["StateValue"] == "INSUFFICIENT_DATA"
        assert silent["StateTransitionedTimestamp"] > new["StateTransitionedTimestamp"]
        assert await history(do, AlarmName="a") == [
            'Alarm "a" created',
            "Alarm updated from INSUFFICIENT_DATA to OK",
            "Alarm updated from OK to ALARM",
            f"Did not execute action {SNS}: sns does not exist in this world",
            "Alarm updated from ALARM to OK",
            "Alarm updated from OK to INSUFFICIENT_DATA",
        ]
        found = await do("DescribeAlarmHistory", HistoryItemType="StateUpdate", MaxRecords=1)
        (newest,) = found["AlarmHistoryItems"]
        told = json.loads(newest["HistoryData"])
        assert told["oldState"]["stateReasonData"]["recentDatapoints"] == [2.0]
        assert told["newState"]["stateValue"] == "INSUFFICIENT_DATA"

    with_alarms(scenario)


def test_several_of_many_values_and_whole_periods() -> None:
    async def scenario(host: SmallHost, do: Do) -> None:
        await do("PutMetricAlarm", **alarm(EvaluationPeriods=3, DatapointsToAlarm=2))
        await do("PutMetricAlarm", **alarm(AlarmName="wide", Period=300, Threshold=17))
        await host.runtime.sleep(2)
        states = []
        for value in (9.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0):
            await put(do, value)
            await host.runtime.sleep(60)  # judged a second after the full minute
            states.append((await get(do))["StateValue"])
        assert states[2:5] == ["ALARM", "OK", "OK"]
        # Its window of five minutes slides on by one: 9, 10, 19, 20, 21, 13, 13, 5.
        changes = await history(do, AlarmName="wide", HistoryItemType="StateUpdate")
        assert [change.rpartition(" ")[2] for change in changes] == ["OK", "ALARM", "OK"]
        rang = await do("DescribeAlarmHistory", AlarmName="wide", ScanBy="TimestampAscending")
        times = [item["Timestamp"] for item in rang["AlarmHistoryItems"]][1:]
        assert [round((time - times[0]) / 60) for time in times] == [0, 2, 5]

    with_alarms(scenario)


def test_missing_values_may_ring() -> None:
    async def scenario(host: SmallHost, do: Do) -> None:
        for treatment in ("breaching", "notBreaching", "ignore", "missing"):
            name = {"AlarmName": treatment, "TreatMissingData": treatment}
            await do("PutMetricAlarm", **alarm(**name))
        await do("SetAlarmState", AlarmName="ignore", StateValue="ALARM", StateReason="a test")
        await host.runtime.sleep(62)
        states = {name: (await get(do, name))["StateValue"] for name in ("breaching", "ignore")}
        assert states == {"breaching": "ALARM", "ignore": "ALARM"}
        assert (await get(do, "notBreaching"))["StateValue"] == "OK"
        assert (await get(do, "missing"))["StateValue"] == "INSUFFICIENT_DATA"
        in_alarm = await do("DescribeAlarms", StateValue="ALARM")
        assert [a["AlarmName"] for a in in_alarm["MetricAlarms"]] == ["breaching", "ignore"]

    with_alarms(scenario)


def test_a_state_that_was_set_lasts_until_the_next_look() -> None:
    async def scenario(host: SmallHost, do: Do) -> None:
        await put(do, 1.0)
        await do("PutMetricAlarm", **alarm())
        await host.runtime.sleep(62)
        assert (await get(do))["StateValue"] == "OK"
        data = {"StateReasonData": '{"why": 1}'}
        await do("SetAlarmState", AlarmName="a", StateValue="ALARM", StateReason="a test", **data)
        found = await get(do)
        assert (found["StateValue"], found["StateReason"]) == ("ALARM", "a test")
        assert found["StateReasonData"] == '{"why": 1}'
        await put(do, 1.0)
        await host.runtime.sleep(60)
        assert (await get(do))["StateValue"] == "OK"
        state = {"StateValue": "OK", "StateReason": ""}
        error = await refused(do, "SetAlarmState", AlarmName="none", **state)
        assert (error.code, error.status) == ("ResourceNotFound", 404)
        error = await refused(do, "SetAlarmState", AlarmName="a", StateReasonData="{", **state)
        assert error.code == "InvalidFormat"

    with_alarms(scenario)


def test_a_function_is_told() -> None:
    code = "def handler(event, context):\n    print('told', event['alarmData']['state']['value'])\n"

    async def scenario(host: SmallHost, do: Do) -> None:
        await host.deploy(code)
        missing = f"{FUNCTION}-missing"
        await do("PutMetricAlarm", **alarm(AlarmActions=[FUNCTION], OKActions=[missing]))
        state = {"AlarmName": "a", "StateReason": "a test"}
        await do("SetAlarmState", StateValue="ALARM", **state)
        await do("SetAlarmState", StateValue="OK", **state)
        await do("DisableAlarmActions", AlarmNames=["a", "none"])
        await do("SetAlarmState", StateValue="ALARM", **state)
        await host.runtime.sleep(10)
        assert sorted(await history(do, HistoryItemType="Action")) == [
            f"Failed to execute action {missing}",
            f"Successfully executed action {FUNCTION}",
        ]
        lines = await host.do(
            "FilterLogEvents", service="logs", logGroupName="/aws/lambda/f", filterPattern="told"
        )
        assert [line["message"].strip() for line in lines["events"]] == ["told ALARM"]
        await do("EnableAlarmActions", AlarmNames=["a"])
        assert (await get(do))["ActionsEnabled"] is True

    with_alarms(scenario)


def test_updates_keep_the_state_and_deleted_alarms_their_history() -> None:
    async def scenario(host: SmallHost, do: Do) -> None:
        await do("PutMetricAlarm", **alarm(Tags=[{"Key": "team", "Value": "x"}]))
        await do("SetAlarmState", AlarmName="a", StateValue="ALARM", StateReason="a test")
        await do("PutMetricAlarm", **alarm(Threshold=7.5, Tags=[{"Key": "b", "Value": "c"}]))
        found = await get(do)
        assert (found["StateValue"], found["Threshold"]) == ("ALARM", 7.5)
        arn = {"ResourceARN": found["AlarmArn"]}
        await do("TagResource", **arn, Tags=[{"Key": "more", "Value": "y"}])
        await do("UntagResource", **arn, TagKeys=["team"])
        tags = await do("ListTagsForResource", **arn)
        assert tags["Tags"] == [{"Key": "more", "Value": "y"}]
        await do("DeleteAlarms", AlarmNames=["a", "none"])
        assert (await do("DescribeAlarms"))["MetricAlarms"] == []
        assert (await refused(do, "ListTagsForResource", **arn)).status == 404
        assert (await history(do))[-2:] == ['Alarm "a" updated', 'Alarm "a" deleted']
        await host.runtime.sleep(31 * 86_400)
        assert await history(do) == []

    with_alarms(scenario)


def test_alarms_are_found() -> None:
    async def scenario(_host: SmallHost, do: Do) -> None:
        for name in ("ä", "b1", "b2", "b3"):
            await do("PutMetricAlarm", **alarm(AlarmName=name))
        acting = {"AlarmActions": [SNS], "Dimensions": [{"Name": "d", "Value": "v"}]}
        await do("PutMetricAlarm", **alarm(AlarmName="c", **acting))

        async def names(operation: str = "DescribeAlarms", **request: Any) -> list[str]:
            found = await do(operation, **request)
            return [each["AlarmName"] for each in found["MetricAlarms"]]

        assert await names() == ["b1", "b2", "b3", "c", "ä"]
        assert await names(AlarmNamePrefix="b") == ["b1", "b2", "b3"]
        assert await names(ActionPrefix=SNS[:12]) == ["c"]
        assert await names(AlarmTypes=["CompositeAlarm"]) == []
        metric = {"Namespace": "N", "MetricName": "m"}
        assert "c" not in await names("DescribeAlarmsForMetric", **metric)
        of = {**metric, "Dimensions": acting["Dimensions"]}
        assert await names("DescribeAlarmsForMetric", **of) == ["c"]
        assert await names("DescribeAlarmsForMetric", **of, Period=300) == []
        page = await do("DescribeAlarms", MaxRecords=2)
        await do("DeleteAlarms", AlarmNames=["b1"])
        rest = await do("DescribeAlarms", MaxRecords=3, NextToken=page["NextToken"])
        assert [each["AlarmName"] for each in rest["MetricAlarms"]] == ["b3", "c", "ä"]
        assert "NextToken" not in rest
        assert (await do("DescribeAlarms", account="123456789012"))["MetricAlarms"] == []
        for wrong in ({"NextToken": "x"}, {"AlarmNames": ["c"], "AlarmNamePrefix": "c"}):
            assert (await refused(do, "DescribeAlarms", **wrong)).status == 400
        seen: list[str] = []
        request: dict[str, Any] = {"MaxRecords": 4}
        while True:
            found = await do("DescribeAlarmHistory", **request)
            seen += [item["HistorySummary"] for item in found["AlarmHistoryItems"]]
            if "NextToken" not in found:
                break
            request["NextToken"] = found["NextToken"]
        assert seen == list(reversed(await history(do)))
        assert len(seen) == 6

    with_alarms(scenario)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Period": 61}, "ValidationError"),
        ({"Period": 10}, "InvalidParameterValue"),
        ({"EvaluationPeriods": 1441}, "ValidationError"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "ValidationError"),
        ({"DatapointsToAlarm": 2}, "ValidationError"),
        ({"TreatMissingData": "good"}, "ValidationError"),
        ({"Threshold": None}, "MissingParameter"),
        ({"Statistic": None}, "MissingParameter"),
        ({"Threshold": float("nan")}, "ValidationError"),
        ({"ExtendedStatistic": "p99"}, "InvalidParameterValue"),
        ({"Metrics": [{"Id": "e", "Expression": "1"}]}, "InvalidParameterValue"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "InvalidParameterValue"),
        ({"AlarmActions": ["arn:aws:s3:::bucket"]}, "ValidationError"),
        ({"AlarmActions": ["arn:aws:sns:eu-west-1:000000000000:t"]}, "ValidationError"),
        ({"AlarmName": "a\nb"}, "ValidationError"),
        ({"Tags": [{"Key": "aws:x", "Value": "y"}]}, "InvalidParameterValue"),
    ],
)
def test_alarms_that_are_refused(change: dict[str, Any], code: str) -> None:
    async def scenario(_host: SmallHost, do: Do) -> None:
        request = {k: v for k, v in alarm(**change).items() if v is not None}
        error = await refused(do, "PutMetricAlarm", **request)
        assert (error.code, error.status) == (code, 400)
        assert (await do("DescribeAlarms"))["MetricAlarms"] == []
        assert await history(do) == []

    with_alarms(scenario)


def test_a_hurried_world_keeps_finer_and_judges_sooner() -> None:
    assert [resolution_s(s) for s in (120.0, 60.0, 30.0, 8.5, 6.0, 0.06)] == [60, 60, 30, 6, 6, 1]
    simulation = Simulation(FakeLinks(0.0), seed=1, speed=10.0)
    runtime = simulation.boot(REGION)

    async def live() -> None:
        host = SmallHost(runtime, Settings(speed=10.0))
        await host.start()

        async def do(operation: str, **request: Any) -> Any:
            return await host.do(operation, service="cloudwatch", **request)

        await do("PutMetricAlarm", **alarm(EvaluationPeriods=2))
        await runtime.sleep(60 - runtime.wall() % 60)
        states = []
        for value in (9.0, 9.0, 1.0):
            await put(do, value)
            await runtime.sleep(6.2)
            states.append((await get(do))["StateValue"])
            await runtime.sleep(-runtime.wall() % 6)
            await runtime.sleep(0.2)
        assert "ALARM" in states
        await host.stop()

    async def main() -> None:
        await runtime.spawn(live(), "scenario")

    try:
        simulation.run(main())
    finally:
        simulation.close()


def test_boto3_makes_and_reads_alarms() -> None:
    def customer(host: SmallHost) -> None:
        client = host.client("cloudwatch")
        client.put_metric_alarm(**alarm(TreatMissingData="breaching", OKActions=[SNS]))
        client.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="a test")
        (found,) = client.describe_alarms()["MetricAlarms"]
        assert found["Threshold"] == 5.0
        assert found["OKActions"] == [SNS]
        assert abs((datetime.now(UTC) - found["StateUpdatedTimestamp"]).total_seconds()) < 3600  # noqa: TID251 - a customer's clock
        kinds = client.describe_alarm_history(AlarmName="a", HistoryItemType="StateUpdate")
        assert kinds["AlarmHistoryItems"][0]["HistorySummary"].endswith("to OK")
        with pytest.raises(client.exceptions.ResourceNotFound):
            client.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="")
        pages = client.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 1})
        assert [a["AlarmName"] for page in pages for a in page["MetricAlarms"]] == ["a"]

    async def scenario(host: SmallHost) -> None:
        await in_thread(customer, host)

    in_real(scenario)

"""Metrics put, read and listed."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.cloudwatch.model import statistic_of
from antipodes.service.contract import ServiceError
from tests.regional.lambda_.hosts import SmallHost, in_real, in_thread, in_virtual

Do = Callable[..., Awaitable[Any]]
ALL = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]


def with_metrics(scenario: Callable[[SmallHost, Do, float], Awaitable[None]]) -> None:
    """Run at a full minute."""

    async def whole(host: SmallHost) -> None:
        async def do(operation: str, **request: Any) -> Any:
            return await host.do(operation, service="cloudwatch", **request)

        await host.runtime.sleep(3600 - host.runtime.wall() % 60)
        await scenario(host, do, round(host.runtime.wall()))

    in_virtual(whole)


async def put(do: Do, *values: float, at: float, name: str = "m", **more: Any) -> None:
    data = [{"MetricName": name, "Value": value, "Timestamp": at, **more} for value in values]
    await do("PutMetricData", Namespace="N", MetricData=data)


def question(start: float, end: float, **more: Any) -> dict[str, Any]:
    return {
        "Namespace": "N",
        "MetricName": "m",
        "StartTime": start,
        "EndTime": end,
        "Period": 60,
        "Statistics": ALL,
        **more,
    }


def test_statistics_of_values() -> None:
    async def scenario(_host: SmallHost, do: Do, now: float) -> None:
        await put(do, 1.0, 4.0, at=now - 60)
        await put(do, 7.0, at=now - 1)
        await put(do, 100.0, at=now - 1, Dimensions=[{"Name": "d", "Value": "v"}])
        found = await do("GetMetricStatistics", **question(now - 60, now))
        assert found["Label"] == "m"
        assert found["Datapoints"] == [
            {
                "Timestamp": now - 60,
                "Unit": "None",
                "SampleCount": 3.0,
                "Average": 4.0,
                "Sum": 12.0,
                "Minimum": 1.0,
                "Maximum": 7.0,
            }
        ]
        wide = await do("GetMetricStatistics", **question(now - 3600, now, Period=3600))
        assert [point["Sum"] for point in wide["Datapoints"]] == [12.0]
        of = await do(
            "GetMetricStatistics",
            **question(now - 60, now, Dimensions=[{"Name": "d", "Value": "v"}]),
        )
        assert of["Datapoints"][0]["Sum"] == 100.0
        assert (await do("GetMetricStatistics", **question(now - 120, now - 60)))[
            "Datapoints"
        ] == []

    with_metrics(scenario)


def test_values_with_counts_and_statistic_sets() -> None:
    async def scenario(_host: SmallHost, do: Do, now: float) -> None:
        data = [
            {"MetricName": "m", "Values": [1.0, 10.0], "Counts": [3.0, 1.0], "Unit": "Count"},
            {
                "MetricName": "m",
                "StatisticValues": {"SampleCount": 2, "Sum": 5, "Minimum": 0, "Maximum": 5},
                "Unit": "Count",
            },
            {"MetricName": "m", "Value": 1000.0, "Unit": "Bytes"},
        ]
        await do("PutMetricData", Namespace="N", MetricData=data)
        found = await do("GetMetricStatistics", **question(now, now + 60, Unit="Count"))
        (point,) = found["Datapoints"]
        assert [point[name] for name in ALL] == [6.0, 3.0, 18.0, 0.0, 10.0]
        both = await do("GetMetricStatistics", **question(now, now + 60))
        assert sorted(point["Unit"] for point in both["Datapoints"]) == ["Bytes", "Count"]

    with_metrics(scenario)


def test_queries_of_single_metrics() -> None:
    async def scenario(_host: SmallHost, do: Do, now: float) -> None:
        await put(do, 2.0, at=now - 120)
        await put(do, 3.0, at=now - 60)
        asked = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
        query = {"Id": "q", "MetricStat": asked}
        spans = {"StartTime": now - 300, "EndTime": now}
        found = await do("GetMetricData", MetricDataQueries=[query], **spans)
        (result,) = found["MetricDataResults"]
        assert (result["Label"], result["StatusCode"]) == ("m", "Complete")
        assert list(zip(result["Timestamps"], result["Values"], strict=True)) == [
            (now - 60, 3.0),
            (now - 120, 2.0),
        ]
        upward = await do(
            "GetMetricData", MetricDataQueries=[query], ScanBy="TimestampAscending", **spans
        )
        assert upward["MetricDataResults"][0]["Values"] == [2.0, 3.0]
        for wrong in (
            {"Id": "e", "Expression": "q * 2"},
            {**query, "MetricStat": {**asked, "Stat": "p99"}},
        ):
            with pytest.raises(ServiceError, match="not offered"):
                await do("GetMetricData", MetricDataQueries=[wrong], **spans)

    with_metrics(scenario)


def test_metrics_are_listed_per_account() -> None:
    async def scenario(host: SmallHost, do: Do, now: float) -> None:
        await put(
            do, 1.0, at=now, Dimensions=[{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]
        )
        await put(do, 1.0, at=now, name="n")
        listed = (await do("ListMetrics", Namespace="N"))["Metrics"]
        assert [metric["MetricName"] for metric in listed] == ["m", "n"]
        assert listed[0]["Dimensions"] == [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
        by_dimension = await do("ListMetrics", Dimensions=[{"Name": "b"}])
        assert len(by_dimension["Metrics"]) == 1
        assert (await do("ListMetrics", account="123456789012"))["Metrics"] == []
        await host.runtime.sleep(4 * 3600)
        assert (await do("ListMetrics", RecentlyActive="PT3H"))["Metrics"] == []

    with_metrics(scenario)


def test_what_is_past_the_retention_is_forgotten() -> None:
    async def scenario(host: SmallHost, do: Do, now: float) -> None:
        await put(do, 1.0, at=now)
        kept = len(host.store.scan(b"cloudwatch/minute", b"cloudwatch/minutf"))
        await host.runtime.sleep(16 * 86_400)
        await put(do, 1.0, at=host.runtime.wall())
        assert len(host.store.scan(b"cloudwatch/minute", b"cloudwatch/minutf")) == kept == 1

    with_metrics(scenario)


@pytest.mark.parametrize(
    "datum",
    [
        {},
        {"Value": 1.0, "Values": [1.0]},
        {"Values": [1.0], "Counts": [1.0, 2.0]},
        {"Value": float("nan")},
        {"Value": 1.0, "Timestamp": 0.0},
        {"Value": 1.0, "StorageResolution": 1},
        {"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]},
    ],
)
def test_one_bad_datum_refuses_all(datum: dict[str, Any]) -> None:
    async def scenario(_host: SmallHost, do: Do, _now: float) -> None:
        data = [{"MetricName": "m", "Value": 1.0}, {"MetricName": "m", **datum}]
        with pytest.raises(ServiceError) as caught:
            await do("PutMetricData", Namespace="N", MetricData=data)
        assert caught.value.status == 400
        assert (await do("ListMetrics"))["Metrics"] == []

    with_metrics(scenario)


@pytest.mark.parametrize(
    "change",
    [{"Period": 61}, {"EndTime": 0.0}, {"Statistics": []}, {"ExtendedStatistics": ["p99"]}],
)
def test_questions_that_are_refused(change: dict[str, Any]) -> None:
    async def scenario(_host: SmallHost, do: Do, now: float) -> None:
        with pytest.raises(ServiceError):
            await do("GetMetricStatistics", **question(now - 60, now, **change))

    with_metrics(scenario)


@given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(1, 9)), min_size=2), st.data())
def test_statistics_join_as_if_taken_together(
    pairs: list[tuple[int, int]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(pairs) - 1))
    floats = [(float(value), float(count)) for value, count in pairs]
    left, right = statistic_of(floats[:cut]), statistic_of(floats[cut:])
    assert left.joined(right) == right.joined(left) == statistic_of(floats)


def test_boto3_puts_and_reads() -> None:
    def customer(host: SmallHost) -> None:
        client = host.client("cloudwatch")
        now = datetime.now(UTC)  # noqa: TID251 - a customer's clock
        client.put_metric_data(
            Namespace="N", MetricData=[{"MetricName": "m", "Value": 2.5, "Timestamp": now}]
        )
        found = client.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": "q",
                    "MetricStat": {
                        "Metric": {"Namespace": "N", "MetricName": "m"},
                        "Period": 60,
                        "Stat": "Maximum",
                    },
                }
            ],
            StartTime=datetime.fromtimestamp(now.timestamp() - 60, UTC),
            EndTime=datetime.fromtimestamp(now.timestamp() + 60, UTC),
        )
        assert found["MetricDataResults"][0]["Values"] == [2.5]
        with pytest.raises(client.exceptions.InvalidParameterValueException, match="AWS/"):
            client.put_metric_data(
                Namespace="AWS/Lambda", MetricData=[{"MetricName": "m", "Value": 1}]
            )

    async def scenario(host: SmallHost) -> None:
        await in_thread(customer, host)

    in_real(scenario)

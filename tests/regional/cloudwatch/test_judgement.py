"""What state an alarm is to be in: the tables of the User Guide, and laws."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.cloudwatch.judgement import TREATMENTS, Judgement, Point, Rule, judge
from antipodes.regional.cloudwatch.model import Statistic

MINUTE_S = 60
NOW = 1_400_000_000.0 // MINUTE_S * MINUTE_S
COLUMNS = ("missing", "ignore", "breaching", "notBreaching")
STATES = {"0": "OK", "A": "ALARM", "I": "INSUFFICIENT_DATA", "-": None}


def rule(datapoints: int, treatment: str, periods: int = 3) -> Rule:
    return Rule("Sum", 60, periods, datapoints, 5.0, "GreaterThanThreshold", treatment)


def points(text: str) -> list[Point]:
    """`0` within the threshold, `X` beyond it, `-` missing; the newest last."""
    values = {"0": Statistic(1, 1.0, 1.0, 1.0), "X": Statistic(1, 9.0, 9.0, 9.0), "-": None}
    start = NOW - len(text) * MINUTE_S
    return [Point(start + n * MINUTE_S, values[letter]) for n, letter in enumerate(text)]


def judged(datapoints: int, treatment: str, text: str, periods: int = 3) -> Judgement | None:
    return judge(rule(datapoints, treatment, periods), points(text), NOW)


# Columns: missing, ignore, breaching, notBreaching; `-` leaves the state as it is.
@pytest.mark.parametrize(
    ("datapoints", "text", "expected"),
    [
        (3, "0-X-X", "0000"),
        (3, "0----", "0000"),
        (3, "-----", "I-A0"),
        (3, "0XX-X", "AAAA"),
        (3, "--X--", "A-A0"),
        (2, "0-X-X", "AAAA"),
        (2, "00X0X", "AAAA"),
        (2, "0-X--", "00A0"),
        (2, "----0", "00A0"),
        (2, "---X-", "A-A0"),
        # Not yet: the next value may be within the threshold.
        (3, "----X", "--A0"),
        (3, "---X-", "--A0"),
        (3, "---X0", "0000"),
    ],
)
def test_the_guides_tables(datapoints: int, text: str, expected: str) -> None:
    for treatment, state in zip(COLUMNS, expected, strict=True):
        found = judged(datapoints, treatment, text)
        assert (found.state if found else None) == STATES[state], treatment


def test_reasons_for_people_and_for_programs() -> None:
    found = judged(2, "missing", "0X0X0", periods=3)
    assert found is not None
    assert found.state == "OK"
    assert found.reason == (
        "Threshold Crossed: 2 out of the last 3 datapoints [1.0 (13/05/14 16:52:00), "
        "1.0 (13/05/14 16:50:00)] were not greater than the threshold (5.0) "
        "(minimum 2 datapoints for ALARM -> OK transition)."
    )
    assert msgspec.json.decode(found.data) == {
        "version": "1.0",
        "queryDate": "2014-05-13T16:53:00.000+0000",
        "startDate": "2014-05-13T16:50:00.000+0000",
        "statistic": "Sum",
        "period": 60,
        "recentDatapoints": [1.0, 9.0, 1.0],
        "threshold": 5.0,
        "evaluatedDatapoints": [
            {"timestamp": "2014-05-13T16:52:00.000+0000", "sampleCount": 1.0, "value": 1.0},
            {"timestamp": "2014-05-13T16:51:00.000+0000", "sampleCount": 1.0, "value": 9.0},
            {"timestamp": "2014-05-13T16:50:00.000+0000", "sampleCount": 1.0, "value": 1.0},
        ],
    }


@pytest.mark.parametrize(
    ("treatment", "ending"),
    [
        ("missing", "Insufficient Data: 3 datapoints were unknown."),
        ("breaching", "3 missing datapoints were treated as [Breaching]."),
        ("notBreaching", "3 missing datapoints were treated as [NonBreaching]."),
    ],
)
def test_reasons_where_nothing_is_known(treatment: str, ending: str) -> None:
    found = judged(3, treatment, "-----")
    assert found is not None
    assert found.reason.endswith(ending)


@pytest.mark.parametrize(
    ("comparison", "beyond"),
    [
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("GreaterThanThreshold", [False, False, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_comparisons(comparison: str, beyond: list[bool]) -> None:
    one = msgspec.structs.replace(rule(1, "missing"), comparison=comparison)
    assert [one.breaches(value) for value in (4.0, 5.0, 6.0)] == beyond


@given(st.text("0X", min_size=3, max_size=12), st.data())
def test_with_all_values_the_latest_are_counted(text: str, data: st.DataObject) -> None:
    periods = len(text) - 2
    datapoints = data.draw(st.integers(1, periods))
    expected = "ALARM" if text[2:].count("X") >= datapoints else "OK"
    for treatment in TREATMENTS:
        found = judged(datapoints, treatment, text, periods)
        assert found is not None
        assert found.state == expected


@given(st.text("0X-", min_size=3, max_size=12), st.data())
def test_one_more_value_beyond_never_silences(text: str, data: st.DataObject) -> None:
    periods = len(text) - 2
    datapoints = data.draw(st.integers(1, periods))
    place = data.draw(st.integers(0, len(text) - 1))
    worse = text[:place] + "X" + text[place + 1 :]
    for treatment in ("breaching", "notBreaching"):
        before = judged(datapoints, treatment, text, periods)
        after = judged(datapoints, treatment, worse, periods)
        assert before is not None
        assert after is not None
        if text[place] == "0":
            assert (before.state, after.state) != ("ALARM", "OK")

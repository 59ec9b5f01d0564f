"""Drills played in simulation, through the whole path, with the library's unmodified application.

Slow, nearly all of them: each deploys an application and plays a minute of a world.
"""

from pathlib import Path

import pytest

from antipodes.drills.calls import BREAKER_OPEN
from antipodes.drills.history import Outcome
from antipodes.drills.model import DrillError
from antipodes.drills.simulate import simulate
from antipodes.drills.verdict import Verdict
from tests.drills.plays import E, W, play, small

pytestmark = [pytest.mark.slow, pytest.mark.simulation]

GROUP = "{groups/us-west-2}"
DIAL = {"service": "globalaccelerator", "operation": "UpdateEndpointGroup", "region": W}
ALL_KINDS = {
    "strong-read": "GET /get/{key}?strong=1",
    "delete": "DELETE /get/{key}",
    "increment": "POST /count/{key}",
    "count": "GET /count/{key}",
    "pair-write": "PUT /pair/{key}?value={value}",
    "pair-read": "GET /pair/{key}",
}


def test_one_seed_is_one_run_and_another_seed_another() -> None:
    first, again, other = (play(small(), seed=seed) for seed in (3, 3, 4))
    assert first.digest == again.digest != other.digest
    assert first.history == again.history
    assert first.judgement.verdict is Verdict.PASS
    assert first.seed == first.drill.world.seed == 3
    assert first.virtual_s > 40


def test_each_kind_of_call_is_made_and_recorded() -> None:
    mix = dict.fromkeys(ALL_KINDS, 0.15)
    played = play(small(load={"mix": mix, "calls": ALL_KINDS, "rate": 6.0}))
    operations = played.history.operations
    assert {o.kind for o in operations} == {
        *("read", "write", "delete", "increment", "count", "pair-write", "pair-read")
    }
    assert all(o.outcome is Outcome.OK for o in operations)
    assert any(o.strong for o in operations if o.kind == "read")
    counted = [int(o.value) for o in operations if o.kind == "count" and o.value]
    assert max(counted) > 1
    pairs = [o.value.split("|") for o in operations if o.kind == "pair-read" and o.value]
    assert all(first == second for first, second in pairs)
    assert any(first for first, _ in pairs)


@pytest.mark.parametrize(("after_ms", "verdict"), [(500, Verdict.PASS), (20, Verdict.FAIL)])
def test_what_one_city_writes_is_followed_from_another(after_ms: int, verdict: Verdict) -> None:
    follow = {"city": "frankfurt", "after_ms": after_ms}
    load = {"follow": follow, "fresh": 1.0, "writes": 1.0}
    played = play(small(load=load, expect={"stale_reads": 0}))
    operations = played.history.operations
    written = {o.key: o for o in operations if o.kind == "write" and o.city == "seattle"}
    reads = [o for o in operations if o.kind == "read"]
    assert written.keys() == {o.key for o in reads}
    assert {o.city for o in reads} == {"frankfurt"}
    for read in reads:
        assert read.start_s - written[read.key].end_s == pytest.approx(after_ms / 1e3, abs=1e-4)
    assert played.judgement.verdict is verdict


def test_people_keep_their_names_and_addresses() -> None:
    played = play(small(load={"people": 3}))
    sessions = {o.session for o in played.history.operations}
    assert sessions == {f"{city}/{n}" for city in ("seattle", "frankfurt") for n in range(3)}


def test_an_event_for_a_while_is_undone_by_itself() -> None:
    timeline = [
        {"at_s": 5, "kill": W, "for_s": 8},
        {"at_s": 15, "pause": E, "for_s": 3},
        {"at_s": 20, "clock": {"place": E, "offset_s": -60}, "for_s": 3},
        {"at_s": 25, "fault": {"kind": "dark-place", "place": W}, "for_s": 3},
    ]
    played = play(small(timeline=timeline, expect={"writes_lost": 0}))
    # A host needs half a second to boot: rounding must not meet a half.
    said = [(int(m.at_s + 0.25), m.what) for m in played.history.moments]
    assert said[:2] == [(5, f"{W} killed"), (13, f"no longer: {W} killed")]
    assert [at for at, _ in said] == [5, 13, 15, 18, 20, 23, 25, 28]
    assert len(played.history.final) == 2
    assert played.drill.phases() == [("steady", 0.0, 40.0)]
    assert played.judgement.verdict is Verdict.PASS


def test_the_rate_can_change() -> None:
    played = play(small(timeline=[{"at_s": 20, "phase": "rush", "rate": 20.0}]))
    early = [o for o in played.history.operations if o.start_s < 20]
    assert len(played.history.operations) - len(early) > 5 * len(early)


def test_a_call_of_an_api_moves_the_traffic() -> None:
    request = {"EndpointGroupArn": GROUP, "TrafficDialPercentage": 0}
    timeline = [{"at_s": 5, "phase": "dialled", "call": {**DIAL, "request": request}}]
    played = play(small(timeline=timeline))
    late = [o for o in played.history.operations if o.start_s > 15]
    assert {o.served_by for o in late} == {E}
    assert all(o.outcome is Outcome.OK for o in played.history.operations)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({**DIAL, "request": {"EndpointGroupArn": "arn:nothing"}}, "was refused: "),
        ({**DIAL, "request": {"EndpointGroupArn": GROUP}, "refused": True}, "had to be refused"),
        ({**DIAL, "request": {"EndpointGroupArn": "{nothing}"}}, "said nothing of {nothing}"),
    ],
)
def test_a_call_that_comes_out_otherwise_ends_the_drill(call: dict[str, object], said: str) -> None:
    with pytest.raises(DrillError, match=said):
        play(small(timeline=[{"at_s": 5, "call": call}]))


def test_who_tries_again_is_served_by_a_failing_function() -> None:
    broken = [{"at_s": 1, "environment": {"ERRORS": "0.3"}, "function": "App", "region": E}]
    alone, again = (
        play(small(timeline=broken, load={"retry": {"attempts": n, "backoff_ms": 50}}))
        for n in (1, 6)
    )
    missed = [
        sum(o.outcome is not Outcome.OK for o in p.history.operations) for p in (alone, again)
    ]
    assert missed[0] > 5 * max(1, missed[1])
    assert max(o.attempts for o in again.history.operations) > 2


def test_an_open_breaker_asks_nobody() -> None:
    broken = [{"at_s": 10, "environment": {"ERRORS": "1"}, "function": "App", "region": E}]
    played = play(small(timeline=broken, load={"retry": {"breaker": 3, "breaker_s": 10.0}}))
    late = [o for o in played.history.operations if o.city == "frankfurt" and o.start_s > 12]
    assert {o.error for o in late} == {"HTTP 500", BREAKER_OPEN}
    assert all(o.latency_ms < 0.001 for o in late if o.error == BREAKER_OPEN)
    assert all(o.outcome is Outcome.FAILED for o in late if o.error == BREAKER_OPEN)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "there is no"),
        ("raise SystemExit('no money')", "ended with exit:\nno money"),
        ("1 / 0", "ended with init error:\n.*ZeroDivisionError"),
        ("print('done')", "did not end with a line of JSON"),
        ("print('{}')", "did not tell the application's url"),
    ],
)
def test_a_deployment_that_fails_is_told(tmp_path: Path, script: str | None, said: str) -> None:
    if script is not None:
        (tmp_path / "deploy.py").write_text(script)
    with pytest.raises(DrillError, match=f"(?s){said}"):
        simulate(small(), tmp_path, seed=1)


def test_a_deployment_sees_its_own_modules_and_the_worlds_time(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'beside'")
    (tmp_path / "deploy.py").write_text(
        "import time, datetime, beside\n"
        "began = time.time()\n"
        "time.sleep(30)\n"
        "assert 30 <= time.time() - began < 31\n"
        "assert datetime.datetime.now().year == 2026\n"
        "raise SystemExit(beside.WORD + ' ' + __name__)\n"
    )
    with pytest.raises(DrillError, match="beside __main__"):
        simulate(small(), tmp_path, seed=1)


def test_events_that_meet_on_one_host_do_no_harm() -> None:
    """Killed while it is paused, while it is down, while it starts; healed while it starts."""
    timeline = [
        {"at_s": 5, "pause": W, "for_s": 10},
        {"at_s": 6, "kill": W, "for_s": 4},
        {"at_s": 7, "kill": W, "for_s": 2},
        {"at_s": 12, "kill": W, "for_s": 1},
        {"at_s": 13.2, "kill": W, "for_s": 5},
        {"at_s": 18.3, "heal": True},
        {"at_s": 20, "kill": "edge", "for_s": 3},
        {"at_s": 24, "kill": "eu-west-1"},
    ]
    world = {"regions": [W, E], "propagation_s": 5.0, "restart_s": 0.7}
    played = play(small(timeline=timeline, world=world))
    said = [m.what for m in played.history.moments]
    assert f"{W} was down already" in said
    assert "eu-west-1 killed" in said, "also where nobody has needed it so far"
    assert played.judgement.verdict is Verdict.PASS
    late = [o for o in played.history.operations if o.start_s > 36]
    assert late
    assert all(o.outcome is Outcome.OK for o in late)


@pytest.mark.parametrize(("attempts", "verdict"), [(2, Verdict.PASS), (1, Verdict.FAIL)])
def test_clients_that_retry_the_accelerators_other_address_are_served(
    attempts: int, verdict: Verdict
) -> None:
    """One of the two networks is lost; who tries again tries the other address of the name."""
    fault = {"kind": "accelerator-zone", "zone": "a"}
    retry = {"attempts": attempts, "backoff_ms": 10.0}
    played = play(
        small(
            load={"retry": retry, "timeout_s": 3.0},
            timeline=[{"at_s": 10.0, "phase": "lost", "fault": fault}],
            expect={"availability": 1.0},
        )
    )
    assert played.judgement.verdict is verdict
    retried = [o for o in played.history.operations if o.attempts > 1]
    assert bool(retried) == (attempts > 1)

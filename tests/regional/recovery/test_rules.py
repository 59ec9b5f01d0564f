"""Safety rules: what they forbid, for how long, and how the glass is broken."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.recovery.state import Agreed, Change, Control, Panel, Rule, switched
from antipodes.service.contract import ServiceError
from antipodes.testing.virtualworld import VirtualWorld
from tests.regional.recovery.worlds import IRELAND, TOKYO, E, Switchboard, W

NAMES = ("a", "b", "c")
P = "arn:aws:route53-recovery-control::000000000000:controlpanel/p"


@pytest.fixture(scope="module")
def board() -> Iterator[Switchboard]:
    with VirtualWorld((W, E)) as world:
        yield Switchboard(world)


def test_an_assertion_keeps_traffic_on_until_the_glass_is_broken(board: Switchboard) -> None:
    one, two = board.controls("cell-1", "cell-2")
    board.set(IRELAND, one)
    rule = board.rule(Name="some-traffic", AssertedControls=[one, two])
    board.world.advance(seconds=6)
    with pytest.raises(ClientError, match="failed rule evaluation") as refused:
        board.set(TOKYO, one, "Off")
    response = refused.value.response
    assert response["Error"]["Code"] == "ConflictException"
    assert rule in response["Error"]["Message"], "it is what one overrides"
    assert response["resourceId"] == rule
    board.set(TOKYO, one, "Off", rule)
    assert board.get(IRELAND, one) == "Off"


def test_a_wait_period_keeps_states_from_flapping(board: Switchboard) -> None:
    one, two = board.controls("wait-1", "wait-2")
    rule = board.rule(Name="calm", AssertedControls=[one, two], WaitPeriodMs=30_000)
    board.set(IRELAND, one)
    board.world.advance(seconds=20)
    with pytest.raises(ClientError, match="wait period"):
        board.set(TOKYO, two)
    board.set(TOKYO, two, "On", rule)
    board.world.advance(seconds=31)
    board.set(TOKYO, one, "Off")
    assert board.get(IRELAND, one) == "Off"


def test_a_gate_decides_whether_targets_may_change(board: Switchboard) -> None:
    gate, target = board.controls("gate", "target")
    rule = board.rule(
        Name="gated",
        GatingControls=[gate],
        TargetControls=[target],
        WaitPeriodMs=0,
        config={"Type": "OR", "Threshold": 0},
    )
    with pytest.raises(ClientError, match=rule):
        board.set(IRELAND, target)
    board.set(IRELAND, gate)
    board.set(IRELAND, target)
    board.set(IRELAND, gate, "Off")
    with pytest.raises(ClientError, match="failed rule evaluation"):
        board.set(IRELAND, target, "Off")
    assert board.get(TOKYO, target) == "On"


def test_a_rule_that_does_not_exist_cannot_be_overridden(board: Switchboard) -> None:
    (arn,) = board.controls("override")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        board.set(IRELAND, arn, "On", f"{board.panel}/safetyrule/{'0' * 16}")
    assert board.get(IRELAND, arn) == "Off"


@pytest.mark.parametrize(("wall", "waits"), [(97, True), (100, True), (103, True), (106, False)])
def test_a_wait_period_holds_at_an_endpoint_whose_clock_is_behind(wall: float, waits: bool) -> None:
    rule = Rule("r", NAMES, NAMES, gating=False, least=0, inverted=False, wait_ms=5000)
    controls = tuple(Control(name, name, P) for name in NAMES)
    before = Agreed("0", 1, (Panel(P, "p"),), controls, (rule,))
    changed = switched(before, Change("us-east-1", "1", {"a": True}, (), 100.0))
    again = Change("eu-west-1", "2", {"b": True}, (), wall)
    if waits:
        with pytest.raises(ServiceError, match="wait period"):
            switched(changed, again)
    else:
        assert switched(changed, again).switches() == {"a": True, "b": True, "c": False}


def test_a_repeated_attempt_is_not_refused_for_what_the_first_one_did() -> None:
    rule = Rule("r", NAMES, NAMES, gating=False, least=0, inverted=False, wait_ms=5000)
    controls = tuple(Control(name, name, P) for name in NAMES)
    change = Change("us-east-1", "1", {"a": True}, (), 100.0)
    changed = switched(Agreed("0", 1, (Panel(P, "p"),), controls, (rule,)), change)
    assert switched(changed, change) == changed


@settings(max_examples=60)
@given(
    on=st.lists(st.booleans(), min_size=3, max_size=3),
    wanted=st.dictionaries(st.sampled_from(NAMES), st.booleans(), min_size=1),
    least=st.integers(1, 3),
    inverted=st.booleans(),
)
def test_what_is_agreed_upon_always_keeps_an_assertion(
    on: list[bool], wanted: dict[str, bool], least: int, inverted: bool
) -> None:
    rule = Rule("r", NAMES, NAMES, gating=False, least=least, inverted=inverted, wait_ms=0)
    controls = tuple(Control(name, name, P, state) for name, state in zip(NAMES, on, strict=True))
    before = Agreed("0", 1, (Panel(P, "p"),), controls, (rule,))
    change = Change("us-east-1", "1", wanted, (), 100.0)
    after_states = {**dict(zip(NAMES, on, strict=True)), **wanted}
    allowed = (sum(after_states.values()) >= least) is not inverted
    try:
        after = switched(before, change)
    except ServiceError:
        assert not allowed
    else:
        assert allowed
        assert after.switches() == after_states
        assert switched(after, change) == after, "a repeated attempt changes nothing"

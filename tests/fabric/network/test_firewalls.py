"""Firewalls behind inspections, against rules that are looked through one by one."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.fabric import Fabric, from_interface
from antipodes.fabric.network.packets import TCP, UDP, Packet
from antipodes.fabric.network.reaching import reach
from antipodes.fabric.network.spaces import box_of, everything, prefix
from tests.fabric.network.worlds import ZONES, Builder, kinds, route, told

BOTH = ("delivered", "delivered")


def inspected(firewall: model.Firewall, *appliances: model.Appliance) -> Builder:
    """Two subnets of a network that reach each other by way of a third one's inspection."""
    made = Builder()
    made.network("net", "10.0.0.0/16")
    made.subnet("one", "net", "10.0.0.0/24", table="to two")
    made.subnet("two", "net", "10.0.1.0/24", table="to one")
    made.subnet("fire", "net", "10.0.2.0/24")
    interface = made.host(
        "endpoint", "fire", "10.0.2.5", groups=None, kind=model.CARRIER, checks=False
    )
    made.inspections["endpoint"] = model.Inspection(
        "endpoint", interface, firewall.id, appliances or (model.Appliance("fw", ZONES[0]),)
    )
    made.firewalls[firewall.id] = firewall
    made.table("to two", "net", route("10.0.1.0/24", model.INSPECTION, "endpoint"))
    made.table("to one", "net", route("10.0.0.0/24", model.INSPECTION, "endpoint"))
    made.host("left", "one", "10.0.0.10")
    made.host("right", "two", "10.0.1.10")
    return made


def test_without_appliances_packets_are_dropped() -> None:
    made = inspected(model.Firewall("rules"))
    assert told(made.send("left", "10.0.1.10")) == BOTH
    bare = msgspec.structs.replace(made.inspections["endpoint"], appliances=())
    made.inspections["endpoint"] = bare
    assert told(made.send("left", "10.0.1.10"))[0] == "no appliance"


def test_a_flow_stays_with_the_appliance_that_it_has_come_to() -> None:
    several = [model.Appliance(f"fw {number}", ZONES[0]) for number in range(3)]
    made = inspected(model.Firewall("rules"), *several)
    there: dict[str, int] = {}
    for port in range(60):
        both = made.send("left", "10.0.1.10", from_port=40000 + port)
        assert told(both) == BOTH
        [met] = {one for one in kinds(both) if one.startswith("appliance")}
        there[met] = there.get(met, 0) + 1
    assert len(there) == 3
    assert min(there.values()) >= 10


def test_what_is_screened_keeps_no_state() -> None:
    """Answers have to be passed as well, and what saw none of a flow refuses its answers."""
    there = model.FirewallRule("there", model.PASS, sources=("10.0.0.0/24",))
    back = model.FirewallRule("back", model.PASS, sources=("10.0.1.0/24",))
    rest = model.FirewallRule("rest", model.DROP)
    made = inspected(model.Firewall("rules", screen=(there, rest)))
    assert told(made.send("left", "10.0.1.10")) == ("delivered", "refused by firewall")
    made.firewalls["rules"] = model.Firewall("rules", screen=(there, back, rest))
    assert told(made.send("left", "10.0.1.10")) == BOTH
    made.firewalls["rules"] = model.Firewall("rules", screen=(there,))
    assert told(made.send("left", "10.0.1.10")) == ("delivered", "refused by firewall")
    made.firewalls["rules"] = model.Firewall("rules", screen=(there,), strict=False)
    assert told(made.send("left", "10.0.1.10")) == BOTH


def test_what_a_rule_passes_passes_with_its_answers() -> None:
    drop = model.FirewallRule("nothing to one", model.DROP, targets=("10.0.0.0/24",))
    made = inspected(model.Firewall("rules", rules=(drop,)))
    assert told(made.send("left", "10.0.1.10")) == ("delivered", "refused by firewall")
    web = model.FirewallRule("web", model.PASS, protocols=(TCP,), target_ports=((443, 443),))
    made.firewalls["rules"] = model.Firewall("rules", rules=(web, drop))
    assert told(made.send("left", "10.0.1.10")) == BOTH
    assert told(made.send("right", "10.0.0.10")) == BOTH
    assert told(made.send("right", "10.0.0.10", 80))[0] == "refused by firewall"


PREFIXES = st.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/31", "10.0.1.2/32"]
)
PORTS = st.sampled_from([(0, 65535), (443, 443), (1, 442), (40000, 40001)])


def rules(*verdicts: str) -> st.SearchStrategy[tuple[model.FirewallRule, ...]]:
    one = st.builds(
        model.FirewallRule,
        st.just("rule"),
        st.sampled_from(verdicts),
        st.lists(PREFIXES, min_size=1, max_size=2, unique=True).map(tuple),
        st.lists(PREFIXES, min_size=1, max_size=2, unique=True).map(tuple),
        st.lists(st.sampled_from([TCP, UDP]), max_size=1).map(tuple),
        st.lists(PORTS, min_size=1, max_size=1).map(tuple),
        st.lists(PORTS, min_size=1, max_size=2, unique=True).map(tuple),
    )
    return st.lists(one, max_size=3).map(tuple)


FIREWALLS = st.builds(
    model.Firewall,
    st.just("rules"),
    rules(model.PASS, model.DROP, model.LOOK),
    rules(model.PASS, model.DROP),
    st.sampled_from([model.PASS, model.DROP]),
    st.booleans(),
)
PACKETS = st.builds(
    lambda last, protocol, source_port, port: Packet.of(
        f"10.0.0.{last}", f"10.0.1.{last}", protocol, port, port=source_port
    ),
    st.sampled_from([1, 2, 10]),
    st.sampled_from([TCP, UDP]),
    st.sampled_from([40000, 443]),
    st.sampled_from([80, 443]),
)


def first(found: Sequence[model.FirewallRule], packet: Packet) -> str:
    """The verdict of the first rule that fits."""

    def fits(one: model.FirewallRule) -> bool:
        def within(prefixes: Sequence[str], address: int) -> bool:
            ranges = [prefix(text)[1] for text in prefixes if ":" not in text]
            return any(low <= address <= high for low, high in ranges)

        def has(ranges: Sequence[tuple[int, int]], port: int) -> bool:
            return any(low <= port <= high for low, high in ranges)

        return (
            within(one.sources, packet.source)
            and within(one.targets, packet.target)
            and (not one.protocols or packet.protocol in one.protocols)
            and has(one.source_ports, packet.source_port)
            and has(one.target_ports, packet.target_port)
        )

    return next((one.verdict for one in found if fits(one)), "")


def judged(of: model.Firewall, packet: Packet) -> tuple[bool, bool]:
    """Whether a packet passes, and its answer then; read from the rules one by one."""
    answer = packet.reply()
    there, back = first(of.screen, packet) or model.LOOK, first(of.screen, answer) or model.LOOK
    said = first(of.rules, packet)
    passes = there == model.PASS or (there == model.LOOK and (said or of.otherwise) == model.PASS)
    if back != model.LOOK:
        return passes, back == model.PASS
    if of.strict and there != model.LOOK:
        return passes, False
    if there == model.LOOK and said == model.PASS:
        return passes, True
    return passes, (first(of.rules, answer) or of.otherwise) == model.PASS


@settings(max_examples=150, deadline=None)
@given(FIREWALLS, PACKETS)
def test_walks_and_the_follower_of_all_packets_agree_with_the_rules(
    firewall: model.Firewall, packet: Packet
) -> None:
    made = inspected(firewall)
    for number in (1, 2):
        made.host(f"left {number}", "one", f"10.0.0.{number}")
        made.host(f"right {number}", "two", f"10.0.1.{number}")
    fabric = Fabric(made.topology())
    last = packet.source & 255
    start = from_interface("left" if last == 10 else f"left {last}")
    both = fabric.walk(start, packet)
    passes, answered = judged(firewall, packet)
    assert both.there.passed == passes
    if both.back is not None:
        assert both.back.passed == answered
    [reached] = reach(fabric.node, start, box_of(packet))
    assert reached.end.outcome == both.there.end.outcome


@settings(max_examples=40, deadline=None)
@given(FIREWALLS)
def test_all_packets_at_once_end_once_each(firewall: model.Firewall) -> None:
    fabric = Fabric(inspected(firewall).topology())
    start = from_interface("left")
    ends = list(reach(fabric.node, start, everything(4)))
    for found in ends:
        low = found.witness(4)
        assert fabric.walk(start, low).there.end.outcome == found.end.outcome


@pytest.mark.parametrize("strict", [True, False])
def test_answers_that_come_to_another_appliance(*, strict: bool) -> None:
    """The way back by another zone's inspection."""
    made = inspected(model.Firewall("rules", strict=strict))
    made.subnet("other fire", "net", "10.0.3.0/24", zone=ZONES[1])
    interface = made.host(
        "other", "other fire", "10.0.3.5", groups=None, kind=model.CARRIER, checks=False
    )
    made.inspections["other"] = model.Inspection(
        "other", interface, "rules", (model.Appliance("fw", ZONES[1]),)
    )
    made.table("to one", "net", route("10.0.0.0/24", model.INSPECTION, "other"))
    both = made.send("left", "10.0.1.10")
    outcome = "refused by firewall" if strict else "delivered"
    assert told(both) == ("delivered", outcome)
    assert both.back is not None
    rule = both.back.end.rule
    assert (rule.name if rule is not None else "") == ("not seen" if strict else "")

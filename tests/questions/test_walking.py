"""Where a packet goes, as a person asks it."""

from typing import Any

import msgspec
import pytest

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.together import together
from antipodes.questions.networks import QuestionError, names
from antipodes.questions.walking import Asked, as_record, lines, walked
from tests.fabric.network.worlds import Builder, route


def one_way_ms(source: str, target: str) -> float:
    return 70.0 if source.partition("/")[0] != target.partition("/")[0] else 0.5


@pytest.fixture
def online() -> model.Topology:
    """A public host, and two that are not, behind one gateway; both regions tell of their own."""
    made = Builder()
    made.network("n", "10.0.0.0/16")
    made.subnet("s", "n", "10.0.0.0/24", "2600:1::/64")
    made.host("public", "s", "10.0.0.5", "2600:1::5", public="198.19.1.5", of="i-1")
    made.host("hidden", "s", "10.0.0.6")
    made.gateway("gateway", "n")
    made.table("n main", "n", route("0.0.0.0/0", model.GATEWAY, "gateway"))
    other = Builder()
    other.network("far", "10.0.0.0/16", region="eu-central-1")
    other.subnet("far s", "far", "10.0.0.0/24")
    other.host("twin", "far s", "10.0.0.6")
    told = [msgspec.to_builtins(one.topology()) for one in (made, other)]
    return together(told)


def asked(topology: model.Topology, source: str, target: str, **more: Any) -> dict[str, Any]:
    return as_record(walked(topology, Asked(source, target, **more)), one_way_ms)


def test_interfaces_instances_addresses_and_the_internet_are_ends(online: model.Topology) -> None:
    for source in ("public", "i-1", "10.0.0.5"):
        record = asked(online, source, "internet")
        assert record["reached"]
        assert record["forward"]["outcome"] == "left"
        assert record["forward"]["mtu"] == 1500
    assert asked(online, "internet", "198.19.1.5")["reached"]
    assert asked(online, "192.0.2.77", "198.19.1.5")["forward"]["hops"][0]["packet"].startswith(
        "tcp 192.0.2.77:49152"
    )
    assert asked(online, "public", "hidden", protocol="icmp")["reached"]
    assert asked(online, "public", "2600:1::5", protocol="icmp")["reached"]
    record = asked(online, "hidden", "internet")
    assert (record["reached"], record["return"]) == (False, None)
    assert record["forward"]["outcome"] == "no public address"


def test_what_is_printed_names_rules_and_what_changed(online: model.Topology) -> None:
    text = list(lines(asked(online, "i-1", "internet", port=80)))
    assert text[-1] == "reached, and answered"
    assert any("table" in line and "by 0.0.0.0/0" in line for line in text)
    assert any("tcp 198.19.1.5:49152 > 192.0.2.1:80" in line for line in text)
    assert "there  left: 0 ms, MTU 1500" in text
    text = list(lines(asked(online, "hidden", "internet")))
    assert text[-2:] == ["there  no public address: 0 ms, MTU 1500", "not reached"]


def test_what_nobody_knows_or_two_have_is_refused(online: model.Topology) -> None:
    with pytest.raises(QuestionError, match="nothing here is called i-9"):
        asked(online, "i-9", "internet")
    with pytest.raises(QuestionError, match="several interfaces have the address"):
        asked(online, "10.0.0.6", "internet")
    with pytest.raises(QuestionError, match="has no address of IPv6"):
        asked(online, "hidden", "2001:db8::1")


def test_an_address_says_the_family_and_between_names_it_is_asked_for(
    online: model.Topology,
) -> None:
    def first(source: str, target: str, **more: Any) -> str:
        packet: str = asked(online, source, target, **more)["forward"]["hops"][0]["packet"]
        return packet

    six = "tcp [2600:1::5]:49152 > [2001:2::1]:443"
    assert first("public", "internet", ipv6=True) == six
    assert first("2600:1::5", "internet") == six
    assert first("public", "2001:2::1") == six
    assert first("public", "192.0.2.1", ipv6=True).startswith("tcp 10.0.0.5:")
    with pytest.raises(QuestionError, match="hidden has no address of IPv6"):
        asked(online, "public", "hidden", ipv6=True)


def test_what_people_call_things_is_what_they_ask_for(online: model.Topology) -> None:
    called = {"i-1": "app", "public": "app", "hidden": "worker", "s": "worker"}
    online = msgspec.structs.replace(online, names=called)
    record = as_record(walked(online, Asked("worker", "app")), one_way_ms, names(online))
    assert record["reached"]
    assert [hop["name"] for hop in record["forward"]["hops"]][::2] == ["worker", "app"]
    assert any("hidden (worker)" in line for line in lines(record))
    online = msgspec.structs.replace(online, names={**called, "twin": "app"})
    with pytest.raises(QuestionError, match="several things are called app: i-1, twin"):
        asked(online, "worker", "app")
    with pytest.raises(QuestionError, match="nothing here is called work"):
        asked(online, "work", "hidden")


def test_an_interface_without_a_name_is_called_as_what_it_is_of(online: model.Topology) -> None:
    assert names(msgspec.structs.replace(online, names={"i-1": "app"}))["public"] == "app"

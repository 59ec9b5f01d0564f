"""What changed in who reaches whom: exactly, by samples of packets walked in both."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.fabric import Fabric, from_interface
from antipodes.fabric.network.packets import ICMP, TCP, UDP, Packet
from antipodes.fabric.network.spaces import has
from antipodes.fabric.network.topology import Topology
from antipodes.questions.comparing import Change, changes, told
from antipodes.questions.networks import QuestionError
from antipodes.questions.snapshotquestion import read
from tests.fabric.network.test_random_networks import PORTS, addresses, networks
from tests.fabric.network.worlds import Builder, route

replaced = msgspec.structs.replace


def two(port: int, peering: str = "first") -> Topology:
    """Two networks joined twice; a database that takes one port."""
    made = Builder()
    for number, name in enumerate(("shop", "data")):
        made.network(name, f"10.{number}.0.0/16")
        made.subnet(f"{name} 1", name, f"10.{number}.1.0/24")
    rule = model.GroupRule("in", ("10.0.0.0/8",), "", TCP, (port, port))
    made.group("database group", "data", [rule])
    made.host("app", "shop 1", "10.0.1.10")
    made.host("database", "data 1", "10.1.1.10", groups=("database group",))
    made.peering("first", "shop", "data")
    made.peering("second", "shop", "data")
    made.table("shop main", "shop", route("10.1.0.0/16", model.PEERING, peering))
    made.table("data main", "data", route("10.0.0.0/16", model.PEERING, "first"))
    return made.topology()


def lines(before: Topology, after: Topology) -> list[str]:
    return [
        f"{one.kind}: {one.source} > {one.target}: {told(one.packets, one.version)}"
        for one in changes(before, after)
    ]


def test_what_is_lost_and_gained_is_told_by_its_ports() -> None:
    assert lines(two(5432), two(5432)) == []
    assert lines(two(5432), two(3306)) == [
        "lost: app > database: tcp to ports 5432",
        "gained: app > database: tcp to ports 3306",
    ]


def test_another_way_to_the_same_end_is_told() -> None:
    [change] = changes(two(5432), two(5432, "second"))
    assert change[:3] == ("another way", "app", "database")
    assert (change.before, change.after) == ((("peering", "first"),), (("peering", "second"),))


def test_only_those_with_names_are_looked_at_if_any_has_one() -> None:
    named = replaced(two(5432), names={"database": "db"})
    assert lines(named, two(3306)) == []


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_bytes(msgspec.json.encode({"us-west-2": two(5432)}))
    assert read(str(kept)) == two(5432)
    for name, text in (("bad", "{"), ("list", "[]"), ("other", '{"us-west-2": 4}')):
        (tmp_path / name).write_text(text)
        with pytest.raises(QuestionError, match="is no snapshot"):
            read(str(tmp_path / name))
    with pytest.raises(QuestionError, match="cannot be read"):
        read(str(tmp_path / "none"))


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(networks(), st.data())
def test_a_packet_is_in_a_change_if_it_ends_elsewhere(made: Builder, data: st.DataObject) -> None:
    before = made.topology()
    table = data.draw(st.sampled_from(sorted(made.tables)))
    shorter = replaced(made.tables[table], routes=made.tables[table].routes[:-1])
    after = replaced(before, tables={**before.tables, table: shorter})
    found = list(changes(before, after))
    hosts = sorted(name for name, one in made.interfaces.items() if one.kind == model.HOST)
    if not hosts:
        return
    for _ in range(8):
        source = data.draw(st.sampled_from(hosts))
        target = data.draw(st.sampled_from([one for one in addresses(made) if "." in one]))
        protocol = data.draw(st.sampled_from((TCP, UDP, ICMP)))
        own = made.interfaces[source].addresses[0]
        packet = Packet.of(own, target, protocol, data.draw(st.sampled_from(PORTS)), port=80)
        ends = [_end(topology, source, packet) for topology in (before, after)]
        said = {kind: _ends(found, kind, source, packet) for kind in ("lost", "gained")}
        lost, gained = ({one} if one else set() for one in ends)
        assert said == {"lost": lost - gained, "gained": gained - lost}


def _end(topology: Topology, source: str, packet: Packet) -> str:
    end = Fabric(topology).walk(from_interface(source), packet).there.end
    return end.hop.id if end.passed and end.hop.id != source else ""


def _ends(found: list[Change], kind: str, source: str, packet: Packet) -> set[str]:
    return {
        one.target
        for one in found
        if (one.kind, one.source) == (kind, source)
        and any(has(part, packet) for part in one.packets)
    }

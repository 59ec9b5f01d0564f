"""The questions, as they are typed, and what is said to them."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from antipodes.fabric.network.topology import Topology
from antipodes.questions.command import answered
from antipodes.questions.networks import Answer, QuestionError, Told
from tests.questions.topologies import SHAPES

replaced = msgspec.structs.replace


def asked(topology: Topology, *words: str) -> Answer:
    regions = dict.fromkeys(one.region for one in topology.networks.values())
    first, *others = regions
    told: dict[str, Any] = {first: msgspec.to_builtins(topology)}
    told |= {one: msgspec.to_builtins(Topology()) for one in others}
    return answered(words, Told(lambda: told))


@pytest.fixture
def shop() -> Topology:
    """One network, in which a host and the translator that it goes by have names."""
    topology, _, _ = SHAPES["one network"]()
    return replaced(topology, names={"web 1 0": "web", "nat 1": "way out"})


def test_a_picture_is_printed_or_kept(shop: Topology, tmp_path: Path) -> None:
    picture = asked(shop, "draw", "--walk", "web", "internet", "--caption", "out").text
    assert picture.startswith("<svg")
    assert "there: left" in picture
    kept = tmp_path / "out.svg"
    said = asked(shop, "draw", "--walk", "web", "internet", "--caption", "out", "--svg", str(kept))
    assert said == (f"drawn: {kept}", 0)
    assert kept.read_text(encoding="utf-8").rstrip() == picture
    with pytest.raises(QuestionError, match="cannot be written"):
        asked(shop, "draw", "--svg", str(tmp_path))


def test_cuts_are_told_by_name_and_as_data(shop: Topology) -> None:
    said = asked(shop, "cuts", "web", "internet")
    assert said.status == 1
    assert "nat 1 (way out)" in said.text
    assert said.text.endswith("4 of these alone")
    records = json.loads(asked(shop, "cuts", "web", "internet", "--json").text)
    [nat] = [one for one in records if one["kind"] == "translator"]
    assert (nat["name"], nat["way"], nat["outcome"]) == ("way out", "there", "not running")
    with pytest.raises(QuestionError, match="nothing comes there and back"):
        asked(shop, "cuts", "internet", "database 1")


def test_what_changed_since_a_snapshot(shop: Topology, tmp_path: Path) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    assert asked(shop, "snapshot", str(before)).text == f"kept: {before}"
    assert asked(shop, "compare", str(before)) == ("nothing changed in who reaches whom", 0)
    tables = {**shop.tables, "public": replaced(shop.tables["public"], routes=())}
    closed = replaced(shop, tables=tables)
    said = asked(closed, "compare", str(before))
    assert said.status == 1
    assert "web > internet" in said.text
    asked(closed, "snapshot", str(after))
    [record, *_] = json.loads(asked(shop, "compare", str(before), str(after), "--json").text)
    assert (record["change"], record["source"], record["family"]) == ("lost", "web 1 0", 4)
    with pytest.raises(QuestionError, match="cannot be written"):
        asked(shop, "snapshot", str(tmp_path))


def test_findings_are_told_by_name_and_as_data(shop: Topology) -> None:
    assert asked(shop, "lint") == ("nothing found", 0)
    table = shop.tables["app 1 table"]
    gone = replaced(table.routes[-1], blackhole=True)
    broken = replaced(table, routes=(*table.routes[:-1], gone))
    holed = replaced(shop, tables={**shop.tables, "app 1 table": broken})
    said = asked(holed, "lint")
    assert said.status == 1
    assert "blackhole: the route 0.0.0.0/0 of app 1 table leads to nat 1 (way out)" in said.text
    [record] = json.loads(asked(holed, "lint", "--json").text)
    assert record["kind"] == "blackhole"
    assert record["names"] == [None, None, "way out"]

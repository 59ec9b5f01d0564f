"""The questions, as they are typed, and what is said to them."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from antipodes.fabric.network.topology import Topology
from antipodes.questions.choosing import Option, saved
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


def test_names_end_no_line_and_say_nothing_to_terminals(shop: Topology, tmp_path: Path) -> None:
    odd = "web\nfront \x1b[31m'\""
    shop = replaced(shop, names={"web 1 0": odd, "nat 1": "way\rout", "database 1": "web\tfront"})
    before = str(tmp_path / "before.json")
    asked(shop, "snapshot", before)
    left = {name: one for name, one in shop.interfaces.items() if name != "database 1"}
    gone = replaced(shop, interfaces=left)
    for topology, words in (
        (shop, ("walk", odd, "internet")),
        (shop, ("cuts", odd, "internet")),
        (shop, ("lint",)),
        (gone, ("compare", before)),
    ):
        text = asked(topology, *words).text
        assert all(line.isprintable() for line in text.split("\n"))
        assert words[0] == "lint" or "web front" in text or "way out" in text
    hops = json.loads(asked(shop, "walk", odd, "internet", "--json").text)["forward"]["hops"]
    assert hops[0]["name"] == odd


def test_a_choice_that_makes_no_sense_is_refused_before_anybody_is_asked() -> None:
    for words, said in (
        (("database",), "needs two ends"),
        (("s3", "web"), "has no ends"),
        (("nat",), "no region that is up knows of networks"),
    ):
        with pytest.raises((QuestionError, ValueError), match=said):
            answered(("choose", *words), Told(dict))


def test_what_costs_the_same_is_not_said_to_cost_less() -> None:
    options = [Option(name, ()) for name in ("this", "that")]
    assert saved(options[0], options) == "it costs no more than that"

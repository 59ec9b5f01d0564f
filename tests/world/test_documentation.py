"""The page about the world says what the code does."""

import re
from pathlib import Path

import msgspec

from antipodes.world.atlas import load_atlas
from antipodes.world.faults import Fault
from antipodes.world.latency import load_tables

PAGE = (Path(__file__).parents[2] / "docs" / "world.md").read_text(encoding="utf-8")


def test_the_table_of_faults_is_complete() -> None:
    documented = {
        kind: re.findall(r"`(\w+)`", fields)
        for kind, fields in re.findall(r"^\| `([a-z]+-[a-z]+)` \| ([^|]*) \|", PAGE, re.MULTILINE)
    }
    actual = {
        str(record.__struct_config__.tag): [field.name for field in msgspec.structs.fields(record)]
        for record in Fault.__args__
    }
    assert {kind: sorted(fields) for kind, fields in documented.items()} == {
        kind: sorted(fields) for kind, fields in actual.items()
    }


def test_every_access_network_is_named() -> None:
    missing = [name for name in load_tables().last_miles if name not in PAGE]
    assert not missing


def test_the_counts_of_places_are_right() -> None:
    atlas = load_atlas()
    for count in (len(atlas.regions), len(atlas.edges), len(atlas.cities)):
        assert f"| {count}" in PAGE


def test_the_figures_are_those_of_the_fits() -> None:
    fits = load_tables().calibration
    backbone, internet = fits["backbone_hub"], fits["internet_hub"]
    assert "`1 + 12 (1 - exp(-km / 1000)) + 1.27 km / 100`" in PAGE
    assert [backbone[name] for name in ("a0", "a1", "d0", "b")] == [1, 12, 1000, 1.27]
    assert f"`{internet['a']} + {internet['b']} km / 100`" in PAGE
    for fit in (backbone, internet):
        assert f"{fit['median_abs_rel_err']:.1%}".replace("%", " %") in PAGE
        assert f"| {fit['p90_abs_rel_err']:.0%}".replace("%", " %") in PAGE

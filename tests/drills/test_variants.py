"""Variants: one story told of several architectures."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.drills.model import DrillError
from antipodes.drills.variants import load_variants, merged

BASE = """name = "Two doors"
duration_s = 100

[world]
regions = ["us-west-2", "eu-central-1"]
seed = 3

[application]
deploy = "deploy.py"
table = { name = "App", key = "key", value = "value" }

[load]
cities = ["sao-paulo"]
rate = 2.0
"""
PLAIN = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
TABLES = st.dictionaries(st.sampled_from("abc"), PLAIN, max_size=3)


def written(directory: Path, text: str) -> str:
    path = directory / "drill.toml"
    path.write_text(text)
    return str(path)


def test_a_variant_is_the_drill_with_what_is_different_in_it(tmp_path: Path) -> None:
    text = f"""{BASE}
[[variant]]
name = "as it is"

[[variant]]
name = "elsewhere"
world = {{ regions = ["eu-west-1"] }}
load = {{ to = "latency" }}
"""
    found, directory = load_variants(written(tmp_path, text))
    assert directory == tmp_path
    same, other = (variant.drill for variant in found)
    assert [variant.name for variant in found] == ["as it is", "elsewhere"]
    assert (same.world.regions, same.load.to) == (("us-west-2", "eu-central-1"), "url")
    assert (other.world.regions, other.load.to) == (("eu-west-1",), "latency")
    assert (other.world.seed, other.load.rate) == (3, 2.0)
    assert same.variant == other.variant == ()


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ("", "there is no [[variant]] to compare"),
        ("[[variant]]\nload = { to = 'x' }", "variant[0].name: each needs a name"),
        ("[[variant]]\nname = 'a'\n[[variant]]\nname = 'a'", "variant[1].name: each needs"),
        ("[[variant]]\nname = 'a'\nworld = { regions = ['mars'] }", "variant 'a': world.regions"),
        ("[[variant]]\nname = 'a'\nloads = 1", "variant 'a': loads: Object contains unknown"),
    ],
)
def test_what_is_wrong_with_a_variant_is_named(tmp_path: Path, variants: str, said: str) -> None:
    with pytest.raises(DrillError) as caught:
        load_variants(written(tmp_path, f"{BASE}\n{variants}\n"))
    assert said in str(caught.value)


def test_a_load_goes_where_the_deployment_told_and_nowhere_else(tmp_path: Path) -> None:
    text = f"{BASE}\n[[variant]]\nname = 'a'\nload = {{ to = 'latency' }}\n"
    ((_, drill),), _ = load_variants(written(tmp_path, text))
    assert drill.address({"url": "http://a", "latency": "http://b"}) == "http://b"
    with pytest.raises(DrillError, match="no address called latency"):
        drill.address({"url": "http://a", "latency": {"not": "text"}})


@given(TABLES, TABLES)
def test_merging_keeps_what_is_not_changed_and_takes_what_is(
    base: dict[str, Any], change: dict[str, Any]
) -> None:
    found = merged(base, change)
    assert set(found) == set(base) | set(change)
    for name, value in found.items():
        if name not in change:
            assert value == base[name]
        elif isinstance(change[name], dict) and isinstance(base.get(name), dict):
            assert value == merged(base[name], change[name])
        else:
            assert value == change[name]
    assert merged(found, change) == found
    assert merged(base, {}) == base

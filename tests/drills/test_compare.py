"""Variants played side by side: what is told of each."""

import msgspec
import pytest

from antipodes.drills.compare import compare, render
from antipodes.drills.model import MonthlyPart
from antipodes.drills.variants import Variant
from tests.drills.plays import W, library, small

pytestmark = [pytest.mark.slow, pytest.mark.simulation]


def test_every_variant_is_played_and_told_of() -> None:
    monthly = MonthlyPart(front="accelerator", requests_millions=1)
    two = msgspec.structs.replace(
        small(timeline=[{"at_s": 20.0, "phase": "lost", "kill": W}]), monthly=monthly
    )
    one = msgspec.structs.replace(two, world=msgspec.structs.replace(two.world, regions=(W,)))
    variants = [Variant("two", two), Variant("one", one)]
    found = compare(variants, library(), seed=None, progress=lambda _: None)
    assert [variant.name for variant in found] == ["two", "one"]
    both, alone = found
    assert both.digest != alone.digest
    assert both.usd is not None
    assert alone.usd is not None
    assert both.usd > alone.usd
    # With one region lost, the other serves Frankfurt on; without another, nobody is served.
    assert both.cities["frankfurt"].rto_s == 0
    assert alone.rto_s is None
    assert both.rto_s_middle == both.rto_s != 0, "of two cities, the slower one"
    assert both.availability > alone.availability
    near, far = both.cities["frankfurt"], alone.cities["frankfurt"]
    middle = [city.latency_ms["steady"][0] for city in (near, far)]
    assert middle[0] is not None
    assert middle[1] is not None
    assert middle[0] < middle[1]
    shown = render(found)
    for said in ("two", "one", "never", "steady: p50 / p99", "RTO", "accelerator: transfer"):
        assert said in shown
    assert both.document()["usd_month"] == both.usd

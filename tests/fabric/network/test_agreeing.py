"""Sets of packets and walks agree in networks made at random; `make fuzz-network` makes more."""

import pytest

from antipodes.fabric.network import outcomes
from tests.fabric.network.agreeing import play


@pytest.mark.slow
def test_sets_and_walks_agree_in_many_networks() -> None:
    """Eighty networks take a few seconds: fewer would not come to all that they have."""
    seen = play(80)
    assert seen["networks"] == 80
    common = {outcomes.DELIVERED, outcomes.LEFT, outcomes.NO_ROUTE, outcomes.REFUSED_BY_GROUPS}
    assert common <= set(seen)

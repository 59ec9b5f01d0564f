"""A region in which accounts share what they have."""

from collections.abc import Iterator

import pytest

from tests.regional.ram.accounts import Shared


@pytest.fixture
def region() -> Iterator[Shared]:
    region = Shared()
    yield region
    region.close()

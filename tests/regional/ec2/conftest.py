"""A region, and its EC2 asked by boto3."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.regional.ec2.nets import Net
from tests.regional.elbv2.hosts import Region


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


@pytest.fixture
def ec2(region: Region) -> Any:
    return region.client("ec2")


@pytest.fixture
def net(region: Region) -> Net:
    return Net(region)


@pytest.fixture(scope="module")
def still() -> Iterator[Any]:
    """The EC2 of a region in which a module's refusals leave all as it is."""
    region = Region()
    yield region.client("ec2")
    region.close()

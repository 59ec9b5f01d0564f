"""A region with Network Firewall, asked by boto3."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.regional.ec2.api import Ec2
from antipodes.regional.networkfirewall.api import NetworkFirewall
from tests.regional.elbv2.hosts import Region


class WithFirewalls(Region):
    """The region."""

    kinds = (*Region.kinds, NetworkFirewall)


@pytest.fixture
def region() -> Iterator[WithFirewalls]:
    region = WithFirewalls()
    assert isinstance(region.host.service("ec2"), Ec2)
    yield region
    region.close()


@pytest.fixture
def firewalls(region: WithFirewalls) -> Any:
    return region.client("network-firewall")

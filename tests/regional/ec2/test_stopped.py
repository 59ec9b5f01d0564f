"""Instances that do not run: nothing answers at their interfaces."""

from tests.regional.ec2.networks import Networks
from tests.regional.elbv2.hosts import Region

BOTH = ("delivered", "delivered")


def test_nobody_reaches_an_instance_that_is_stopped(region: Region) -> None:
    networks = Networks(region)
    vpc = networks.vpc("10.0.0.0/16")
    subnet, group = networks.subnet(vpc, "10.0.0.0/24"), networks.group(vpc, "10.0.0.0/16")
    one, other = (networks.instance(subnet, group) for _ in range(2))
    assert networks.outcomes(one, other) == BOTH
    networks.ec2.stop_instances(InstanceIds=[other])
    assert networks.outcomes(one, other) == ("not running", "")
    assert networks.outcomes(other, one) == ("not running", "")
    networks.ec2.start_instances(InstanceIds=[other])
    assert networks.outcomes(one, other) == BOTH

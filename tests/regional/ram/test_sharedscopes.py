"""Who comes to what in a subnet that several accounts have things in."""

from tests.regional.ec2.scoping import Scopes, ends, of
from tests.regional.elbv2.hosts import Region
from tests.regional.ram.accounts import OTHER, lend


def test_an_account_is_told_of_its_own_interfaces(region: Region) -> None:
    owner, guest = Scopes(region), Scopes(region, OTHER)
    vpc = owner.vpc("10.1.0.0/16")
    subnet = owner.subnet(vpc, "10.1.0.0/24")
    [found] = owner.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    lend(region, found["SubnetArn"])
    for nets in (owner, guest):
        group = nets.group(vpc, "10.1.0.0/16")
        first, second = (nets.interface(nets.instance(subnet, group)) for _ in range(2))
        for path in ({"Source": of(vpc)}, {"Source": of(vpc), "Destination": of(vpc)}):
            assert set(ends(nets.asked(path))) == {(first, second), (second, first)}

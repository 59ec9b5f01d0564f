"""What is kept of networks, told to who walks packets through them."""

from typing import Any

import msgspec
import pytest

from antipodes.fabric.network.fabric import ON_THE_INTERNET, Fabric, from_interface
from antipodes.fabric.network.packets import ICMP, Packet
from antipodes.regional.ec2.interfaces import Wanted
from antipodes.regional.ec2.model import AclEntry, GroupRule, PrivateAddress, Route
from antipodes.regional.ec2.service import Ec2
from antipodes.regional.ec2.topology import icmp_range, topology
from tests.fabric.network.worlds import told
from tests.regional.elbv2.hosts import Region

ACCOUNT = "000000000000"
OUTSIDE = "192.0.2.1"


@pytest.fixture
def service(region: Region) -> Ec2:
    """The service, with two interfaces in the first two default subnets, one of them public."""
    found = region.host.service("ec2")
    assert isinstance(found, Ec2)
    found.furnish(ACCOUNT)
    first, second = found.estate.subnets.list(ACCOUNT)[:2]
    for name, subnet in (("first", first), ("second", second)):
        made = found.interfaces.make(subnet, Wanted(description=name))
        if name == "first":
            address = PrivateAddress(made.addresses[0].address, "198.19.7.9")
            changed = msgspec.structs.replace(made, addresses=(address,))
            found.estate.interfaces.put(ACCOUNT, made.id, changed)
    return found


def interfaces(service: Ec2) -> dict[str, Any]:
    return {one.description: one for one in service.estate.interfaces.list(ACCOUNT)}


def send(service: Ec2, target: str, port: int = 443, **more: Any) -> tuple[str, str]:
    """Send from the first interface, or from the internet if a source is given."""
    source = more.pop("source", "")
    first = interfaces(service)["first"]
    start = ON_THE_INTERNET if source else from_interface(first.id)
    packet = Packet.of(source or first.addresses[0].address, target, target_port=port, **more)
    return told(Fabric(topology(service.estate, ACCOUNT)).walk(start, packet))


def test_the_default_network_lets_its_own_speak_and_one_with_a_public_address_out(
    service: Ec2,
) -> None:
    second = interfaces(service)["second"].addresses[0].address
    assert send(service, second) == ("delivered", "delivered")
    assert send(service, OUTSIDE) == ("left", "delivered")
    assert send(service, "198.19.7.9", source=OUTSIDE)[0] == "refused by groups"


def test_addresses_are_the_lowest_that_are_free(service: Ec2) -> None:
    subnet = service.estate.subnets.list(ACCOUNT)[0]
    base = subnet.prefix.removesuffix(".0/20")
    made = [service.interfaces.make(subnet, Wanted()) for _ in range(3)]
    assert [one.addresses[0].address for one in made] == [f"{base}.{n}" for n in (5, 6, 7)]
    service.estate.interfaces.delete(ACCOUNT, made[0].id)
    assert service.interfaces.make(subnet, Wanted()).addresses[0].address == f"{base}.5"
    chosen = service.interfaces.make(subnet, Wanted(address=f"{base}.99"))
    assert chosen.addresses[0].address == f"{base}.99"


def test_groups_and_acls_are_told_rule_by_rule(service: Ec2) -> None:
    estate = service.estate
    vpc = estate.vpcs.list(ACCOUNT)[0]
    group = estate.groups.get(ACCOUNT, vpc.group)
    rules = (
        GroupRule("web", False, "tcp", 80, 443, "192.0.2.0/24"),  # noqa: FBT003 - inbound
        GroupRule("ping", False, "icmp", 8, -1, "0.0.0.0/0"),  # noqa: FBT003 - inbound
    )
    changed = msgspec.structs.replace(group, rules=(*group.rules, *rules))
    estate.groups.put(ACCOUNT, group.id, changed)
    public = "198.19.7.9"
    assert send(service, public, 443, source=OUTSIDE) == ("delivered", "left")
    assert send(service, public, 22, source=OUTSIDE)[0] == "refused by groups"
    assert send(service, public, 443, source="198.51.100.1")[0] == "refused by groups"
    ping = {"protocol": ICMP, "source": "198.51.100.1"}
    assert send(service, public, 8 << 8 | 3, **ping) == ("delivered", "left")
    assert send(service, public, 9 << 8, **ping)[0] == "refused by groups"
    acl = estate.acls.get(ACCOUNT, vpc.acl)
    denied = AclEntry(90, False, False, "192.0.2.0/24", "6", (443, 443))  # noqa: FBT003 - inbound, denied
    entries = (*acl.entries, denied)
    estate.acls.put(ACCOUNT, acl.id, msgspec.structs.replace(acl, entries=entries))
    assert send(service, public, 443, source=OUTSIDE)[0] == "refused by filter"
    assert send(service, public, 80, source=OUTSIDE) == ("delivered", "left")


def test_a_route_to_what_is_gone_is_a_blackhole(service: Ec2) -> None:
    estate = service.estate
    vpc = estate.vpcs.list(ACCOUNT)[0]
    table = estate.tables.get(ACCOUNT, vpc.table)
    second = interfaces(service)["second"]
    routes = (*table.routes, Route("203.0.113.0/24", second.id))
    estate.tables.put(ACCOUNT, table.id, msgspec.structs.replace(table, routes=routes))
    assert send(service, "203.0.113.1")[0] == "blackhole"  # nothing has the interface
    gateway = estate.gateways.list(ACCOUNT)[0]
    detached = msgspec.structs.replace(gateway, vpc="")
    estate.gateways.put(ACCOUNT, gateway.id, detached)
    assert send(service, OUTSIDE)[0] == "blackhole"


def test_types_and_codes_of_icmp_as_ranges() -> None:
    assert icmp_range(-1, -1) == (0, 65535)
    assert icmp_range(8, -1) == (2048, 2303)
    assert icmp_range(3, 4) == (772, 772)


def test_names_are_the_tags_that_say_so(service: Ec2) -> None:
    network = service.estate.vpcs.list(ACCOUNT)[0].id
    service.estate.tag(ACCOUNT, network, {"Name": "shop", "team": "one"})
    service.estate.tag(ACCOUNT, interfaces(service)["first"].id, {"team": "one", "Name": ""})
    assert topology(service.estate, ACCOUNT).names == {network: "shop"}

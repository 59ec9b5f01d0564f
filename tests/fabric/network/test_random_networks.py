"""In networks made at random: what is followed as a set and what walks alone end alike."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antipodes.fabric.network import outcomes
from antipodes.fabric.network import topology as model
from antipodes.fabric.network.fabric import ON_THE_INTERNET, Fabric, from_interface
from antipodes.fabric.network.packets import ICMP, TCP, UDP, Packet
from antipodes.fabric.network.reaching import Reached, reach
from antipodes.fabric.network.spaces import everything, has
from antipodes.fabric.network.walking import Memory, walk
from tests.fabric.network.worlds import ZONES, Builder

PORTS = (0, 22, 80, 443, 1023, 1024, 65535)
PREFIXES = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/24", "10.1.0.0/25", "10.2.1.0/24", "192.0.2.0/24")
PREFIXES6 = ("::/0", "2001:db8::/32", "2001:db8:1:1::/64", "2001:db8:2::/56", "2001:2::/48")
EVERY_PREFIX = (*PREFIXES, *PREFIXES6)
OUTSIDE = ("192.0.2.1", "198.51.100.9", "172.16.0.1", "2001:2::1", "fc00::1")


class Random:
    """Draws parts of networks."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def one(self, choices: Any) -> Any:
        return self._draw(st.sampled_from(list(choices)))

    def some(self, choices: Any, most: int) -> list[Any]:
        return self._draw(st.lists(st.sampled_from(list(choices)), max_size=most, unique=True))  # type: ignore[no-any-return] # a list

    def yes(self) -> bool:
        return self._draw(st.booleans())  # type: ignore[no-any-return] # a bool

    def ports(self) -> tuple[int, int]:
        low, high = sorted((self.one(PORTS), self.one(PORTS)))
        return low, high


def protocol(random: Random) -> int:
    return random.one((model.ANY, TCP, UDP, ICMP))  # type: ignore[no-any-return] # a number


def filter_entries(random: Random) -> list[model.FilterEntry]:
    return [
        model.FilterEntry(str(number), prefix, random.yes(), protocol(random), random.ports())
        for number, prefix in enumerate(random.some(EVERY_PREFIX, 4))
    ]


def group_rules(random: Random, groups: list[str]) -> list[model.GroupRule]:
    rules = [
        model.GroupRule(prefix, (prefix,), "", protocol(random), random.ports())
        for prefix in random.some(EVERY_PREFIX, 3)
    ]
    return rules + [model.GroupRule(group, (), group) for group in random.some(groups, 1)]


def routes(random: Random, made: Builder, network: str) -> list[model.Route]:
    targets = [
        *(model.Ref(model.INTERFACE, name) for name in made.interfaces if name.startswith(network)),
        *(
            model.Ref(model.EGRESS if one.egress_only else model.GATEWAY, one.id)
            for one in made.gateways.values()
            if one.network == network
        ),
        *(
            model.Ref(model.TRANSLATOR, name)
            for name in made.translators
            if name.startswith(network)
        ),
        *(
            model.Ref(model.PEERING, one.id)
            for one in made.peerings.values()
            if network in one.networks
        ),
    ]
    return [
        model.Route(
            prefix,
            (prefix,),
            random.one(targets),
            random.one((model.STATIC, model.LISTED, model.PROPAGATED)),
            blackhole=random.one((False, False, True)),
        )
        for prefix in random.some(EVERY_PREFIX, 5)
    ]


@st.composite
def networks(draw: Any) -> Builder:
    return made_by(Random(draw))


def made_by(random: Random) -> Builder:
    made = Builder()
    names = ["one", "two"]
    for number, name in enumerate(names, 1):
        made.network(name, f"10.{number}.0.0/16", f"2001:db8:{number}::/56")
        for half in range(2):
            prefixes = f"10.{number}.{half}.0/24", f"2001:db8:{number}:{half}::/64"
            made.subnet(f"{name} {half}", name, *prefixes, zone=ZONES[half])
    groups = [made.group(f"{name} group", name) for name in names]
    for number, name in enumerate(names, 1):
        for half in range(2):
            for host in (1, 2):
                public = f"198.19.{number}.{half * 10 + host}" if random.yes() else ""
                addresses = f"10.{number}.{half}.{host}", f"2001:db8:{number}:{half}::{host}"
                kind = random.one((model.HOST, model.FORWARDER))
                allowed = [f"{name} group" if random.yes() else f"{name} open"]
                made.host(
                    f"{name} {half} {host}",
                    f"{name} {half}",
                    *addresses,
                    groups=allowed,
                    public=public,
                    kind=kind,
                    checks=random.yes(),
                )
        if random.one((True, True, False)):
            made.gateway(f"{name} gateway", name)
        made.egress_only(f"{name} egress-only", name)
        if random.yes():
            made.stop(f"{name} 0 1")
        made.translator(f"{name} nat", f"{name} 0", f"10.{number}.0.9", f"198.19.{number}.99")
    made.peering("peering", *names, active=random.one((True, True, False)))
    targets = random.some([(one.addresses[0], 80) for one in made.interfaces.values()], 1)
    ports = [model.RelayPort(random.one((TCP, UDP)), 443, tuple(targets))]
    allowed = random.one((None, ["two group"], ["two open"]))
    made.relay("two relay", "two 0", "10.2.0.8", *ports, groups=allowed)
    made.door("one door", "one 0", "10.1.0.8", random.one(("", "two relay", "elsewhere")))
    for name, group in zip(names, groups, strict=True):
        made.group(group, name, group_rules(random, groups), group_rules(random, groups))
        for half in range(2):
            table = made.table(f"{name} {half} table", name, *routes(random, made, name))
            made.subnets[f"{name} {half}"] = model.Subnet(
                f"{name} {half}",
                name,
                ZONES[half],
                made.subnets[f"{name} {half}"].prefixes,
                "open",
                table,
            )
        if random.yes():
            made.filter(
                f"{name} filter", filter_entries(random), filter_entries(random), f"{name} 1"
            )
    return made


def addresses(made: Builder) -> list[str]:
    inside = [one for interface in made.interfaces.values() for one in interface.addresses]
    public = [one for interface in made.interfaces.values() for one in interface.public.values()]
    return [*inside, *public, *OUTSIDE]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(networks(), st.data())
def test_a_set_and_its_packets_end_alike(made: Builder, data: st.DataObject) -> None:
    random = Random(data.draw)
    version = random.one((4, 6))
    fabric = Fabric(made.topology(), version)
    start = random.one([ON_THE_INTERNET, *map(from_interface, made.interfaces)])
    found = list(reach(fabric.node, start, everything(version)))
    for one in found:
        assert one.end.outcome in outcomes.OUTCOMES
        witness = one.witness(version)
        went = walk(fabric.node, start, witness, Memory())
        assert went.end == one.end
        assert has(one.followed.space, went.packet)
    own = [one for one in addresses(made) if ip_address(one).version == version]
    for _ in range(10):
        source, target = random.one(own), random.one(own)
        packet = Packet.of(source, target, random.one((TCP, UDP, ICMP)), random.one(PORTS), port=80)
        _agrees(fabric, start, packet, found)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(networks(), st.data())
def test_a_gateway_that_only_lets_out_lets_in_answers_alone(
    made: Builder, data: st.DataObject
) -> None:
    for network in made.networks:
        made.gateways.pop(f"{network} gateway", None)
    fabric, random = Fabric(made.topology(), 6), Random(data.draw)
    for one in reach(fabric.node, ON_THE_INTERNET, everything(6)):
        assert one.end.outcome in {
            outcomes.LEFT,
            outcomes.PRIVATE_ADDRESS,
            outcomes.NOT_AN_ANSWER,
        }
    there = made.interfaces
    sources = [one for one in there if any(":" in address for address in there[one].addresses)]
    source = random.one(sources)
    own = next(one for one in made.interfaces[source].addresses if ":" in one)
    both = fabric.walk(from_interface(source), Packet.of(own, "2001:2::1", TCP, 443, port=40000))
    assert (both.back is not None) == (both.there.end.outcome == outcomes.LEFT)
    assert both.back is None or both.back.end.outcome != outcomes.NOT_AN_ANSWER


def _agrees(fabric: Fabric, start: Any, packet: Packet, found: list[Reached]) -> None:
    went = walk(fabric.node, start, packet, Memory())
    ends = [one.end for one in found if has(one.followed.began, packet)]
    assert ends == ([] if went.end.outcome == outcomes.LOOP else [went.end])

"""Networks made at random, thousands of them, in which sets of packets and packets must agree.

In each network the packets of some points are all followed at once, and packets are walked: one of
each set, which must end where the set does, and packets between addresses, each of which must be in
a set that ends where it does. Their ways, and their answers', are as a plain walk has them. Half of
the networks have a hub as well, with several attachments and zones, where a hash decides: there a
packet's end must be one of those that are found for it.

`python -m tests.fabric.network.agreeing 10000 [SEED]` makes so many (`make fuzz-network`).
"""

import random  # noqa: TID251 - a test's own, by its seed
import sys
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import msgspec

from antipodes.fabric.network import outcomes
from antipodes.fabric.network import topology as model
from antipodes.fabric.network.fabric import ON_THE_INTERNET, Fabric, from_interface
from antipodes.fabric.network.nodes import Key
from antipodes.fabric.network.packets import ICMP, TCP, UDP, Packet
from antipodes.fabric.network.reaching import Reached, reach
from antipodes.fabric.network.spaces import everything, has
from antipodes.fabric.network.walking import Memory, walk
from tests.fabric.network.plain import agrees
from tests.fabric.network.test_random_networks import PORTS, PREFIXES, Random, addresses, made_by
from tests.fabric.network.worlds import Builder

STARTS = 3  # points of each network from which packets are followed
PACKETS = 8  # walked from each of them
HUB = "hub"


class Chance(Random):
    """Draws parts of networks from a seed, much faster than hypothesis does."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)

    def one(self, choices: Any) -> Any:
        return self._chance.choice(list(choices))

    def some(self, choices: Any, most: int) -> list[Any]:
        found = list(dict.fromkeys(choices))
        return self._chance.sample(found, self._chance.randint(0, min(most, len(found))))

    def yes(self) -> bool:
        return self._chance.random() < 0.5


def add_hub(chance: Random, made: Builder) -> None:
    """Attach both networks to a hub, with routes by chance on either side of it."""
    made.hub(HUB, references=chance.yes())
    tables = ("hub one", "hub two")
    attachments = [
        made.attach(
            HUB,
            network,
            chance.one((*tables, "")),
            *[f"{network} {half}" for half in range(2 if chance.yes() else 1)],
            sticky=chance.yes(),
        )
        for network in list(made.networks)
    ]
    for name in tables:
        routes = tuple(
            model.HubRoute(
                prefix,
                (prefix,),
                tuple(chance.some(attachments, 2)) or (attachments[0],),
                chance.one((model.STATIC, model.PROPAGATED)),
                blackhole=chance.one((False, False, False, True)),
            )
            for prefix in chance.some(PREFIXES, 4)
        )
        made.hub_tables[name] = model.HubTable(name, HUB, routes)
    for name, table in made.tables.items():
        to_hub = [
            model.Route(f"{prefix} to hub", (prefix,), model.Ref(model.HUB, HUB))
            for prefix in chance.some(PREFIXES, 2)
        ]
        routes_there = (*to_hub, *table.routes) if chance.yes() else (*table.routes, *to_hub)
        made.tables[name] = msgspec.structs.replace(table, routes=routes_there)


def check(made: Builder, chance: Random) -> Counter[str]:
    """Judge one network; count what was looked at."""
    seen: Counter[str] = Counter(networks=1)
    version = chance.one((4, 4, 6))
    fabric = Fabric(made.topology(), version)
    own = [one for one in addresses(made) if ip_address(one).version == version]
    interfaces = [from_interface(chance.one(list(made.interfaces))) for _ in range(STARTS - 1)]
    for start in (ON_THE_INTERNET, *interfaces):
        found = list(reach(fabric.node, start, everything(version)))
        seen["sets"] += len(found)
        for one in found:
            assert one.end.outcome in outcomes.OUTCOMES
            judge(fabric, start, one.witness(version), found, certain=not made.hubs)
        for _ in range(PACKETS):
            source, target = chance.one(own), chance.one(own)
            protocol, port = chance.one((TCP, UDP, ICMP)), chance.one(PORTS)
            packet = Packet.of(source, target, protocol, port, port=chance.one(PORTS))
            outcome = judge(fabric, start, packet, found, certain=not made.hubs)
            seen["packets"] += 1
            seen[outcome] += 1
    return seen


def judge(
    fabric: Fabric, start: Key, packet: Packet, found: Sequence[Reached], *, certain: bool
) -> str:
    """Whether a packet ends as the sets say that it is in; how it did."""
    went = walk(fabric.node, start, packet, Memory())
    mine = [one for one in found if has(one.followed.began, packet)]
    looped = went.end.outcome == outcomes.LOOP
    if certain:
        assert [one.end for one in mine] == ([] if looped else [went.end]), (start, packet)
    if not looped:
        ended = [one for one in mine if one.end == went.end]
        assert any(has(one.followed.space, went.packet) for one in ended), (start, packet)
    assert fabric.walk(start, packet).there == went, (start, packet)
    assert agrees(fabric, start, packet), (start, packet)
    return went.end.outcome


def made_from(seed: str) -> tuple[Builder, Chance]:
    """A network by chance, and the chance that goes on."""
    chance = Chance(seed)
    made = made_by(chance)
    if chance.yes():
        add_hub(chance, made)
    return made, chance


def play(count: int, seed: int = 1) -> Counter[str]:
    """So many networks. Says which one it was if they disagree in one."""
    seen: Counter[str] = Counter()
    for number in range(count):
        name = f"{seed}-{number}"
        try:
            seen += check(*made_from(name))
        except Exception as error:
            error.add_note(f"in the network of seed {name}")
            raise
    return seen


if __name__ == "__main__":
    for what, times in sorted(play(*map(int, sys.argv[1:])).items()):
        print(f"{times:>10} {what}")  # noqa: T201 - what it is for

"""Networks to measure with: as many as wanted, with all that an organisation has in them.

Twenty-five networks make a team, which has a hub: five that all others use, and twenty that see
those five. In every other team, what is private goes to the internet through the team's first
network, and elsewhere through a translator of its own. Every fourth network is joined to its
neighbour, every third has filters of its own, and every fifth takes what comes in past an
appliance. Of ten hosts some serve the internet, some serve those, and some keep the data; all have
public addresses, so that it is for filters and groups to say who is reached.
"""

import random
from collections.abc import Iterator

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.fabric import ON_THE_INTERNET, from_interface
from antipodes.fabric.network.nodes import Key
from antipodes.fabric.network.packets import TCP, UDP, Packet

HOSTS = 10  # in each network
TEAM, SHARED = 25, 5
REGION = "us-west-2"
ZONES = (f"{REGION}/usw2-az1", f"{REGION}/usw2-az2")
USES = ("public", "private", "hub")
ANYWHERE, SPACE = "0.0.0.0/0", "10.0.0.0/8"
OFFICES = ("203.0.113.0/24", "198.51.100.16/28", "192.0.2.64/27")
KINDS = ("web", "web", "web", "web", "app", "app", "app", "data", "data", "admin")
PORTS = {"web": 443, "app": 8080, "data": 5432, "admin": 22}


class Place:
    """Where a network is in all address space."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"vpc-{number}"
        self.team = number // TEAM
        self.is_first = number % TEAM == 0
        self.is_shared = number % TEAM < SHARED
        self.is_guarded = number % 3 == 0
        self.is_walled = number % 5 == 4
        self.is_central = self.team % 2 == 1  # the team's way to the internet
        self.prefix = f"10.{number >> 4}.{(number & 15) * 16}.0/20"

    def subnet(self, use: str, half: int) -> str:
        """The name of a subnet."""
        return f"{self.name}-{use}-{half}"

    def address(self, use: str, half: int, host: int) -> str:
        """An address in a subnet."""
        third = (self.number & 15) * 16 + USES.index(use) * 2 + half
        return f"10.{self.number >> 4}.{third}.{host}"

    def subnet_prefix(self, use: str, half: int) -> str:
        """The prefix of a subnet."""
        return f"{self.address(use, half, 0)}/24"

    def public(self, host: int) -> str:
        """A public address."""
        return f"{20 + (self.number >> 8)}.{self.number & 255}.7.{host}"

    def host(self, host: int) -> tuple[str, int, str]:
        """The use and half of the subnet in which a host is, and its address."""
        use, half = ("public" if KINDS[host] in {"web", "admin"} else "private"), host % 2
        return use, half, self.address(use, half, 10 + host)


def network(count: int) -> model.Topology:
    """So many networks."""
    made: dict[str, dict[str, object]] = {name: {} for name in model.Topology.__struct_fields__}
    every = (model.FilterEntry("100", ANYWHERE, allows=True),)
    _add(made, "filters", model.Filter("open", every, every))
    places = [Place(number) for number in range(count)]
    for place in places:
        _one(made, place, peered=(place.number | 1) < count)
    for first in range(0, count, TEAM):
        _hub(made, places[first : first + TEAM])
    return model.Topology(**made)


def _add(made: dict[str, dict[str, object]], part: str, what: object) -> None:
    made[part][what.id] = what


def _one(made: dict[str, dict[str, object]], place: Place, *, peered: bool) -> None:
    name = place.name
    _add(made, "networks", model.Network(name, REGION, (place.prefix,), f"{name}-public"))
    edge = f"{name}-edge" if place.is_walled else ""
    _add(made, "gateways", model.Gateway(f"{name}-igw", name, edge))
    if place.is_guarded:
        _add(made, "filters", _guarding(place))
    for group in _groups(place):
        _add(made, "groups", group)
    for use in USES:
        for half, zone in enumerate(ZONES):
            acl = f"{name}-acl" if place.is_guarded and use != "hub" else "open"
            prefix = place.subnet_prefix(use, half)
            found = model.Subnet(
                place.subnet(use, half), name, zone, (prefix,), acl, _table(place, use, half)
            )
            _add(made, "subnets", found)
    _interfaces(made, place)
    _tables(made, place, peered=peered and place.number % 4 < 2)


def _table(place: Place, use: str, half: int) -> str:
    return f"{place.name}-{use}" + (f"-{half}" if use != "public" else "")


def _guarding(place: Place) -> model.Filter:
    entry = model.FilterEntry
    refused = [
        entry(str(10 + number), f"185.{number}.{place.number & 255}.0/24", allows=False)
        for number in range(6)
    ]
    inbound = (
        *refused,
        entry("100", SPACE, allows=True),
        entry("110", ANYWHERE, allows=True, protocol=TCP, ports=(443, 443)),
        entry("120", ANYWHERE, allows=True, protocol=TCP, ports=(22, 22)),
        entry("130", ANYWHERE, allows=True, protocol=TCP, ports=(1024, 65535)),
        entry("140", ANYWHERE, allows=True, protocol=UDP, ports=(1024, 65535)),
    )
    return model.Filter(f"{place.name}-acl", inbound, (entry("100", ANYWHERE, allows=True),))


def _groups(place: Place) -> Iterator[model.Group]:
    name, rule = place.name, model.GroupRule
    everywhere = (rule("all", (ANYWHERE,)),)
    inbound = {
        "web": (
            rule("https", (ANYWHERE,), "", TCP, (443, 443)),
            rule("http", (ANYWHERE,), "", TCP, (80, 80)),
            rule("inside", (SPACE,), "", TCP, (8000, 8999)),
        ),
        "app": (
            rule("from-web", (), f"{name}-web", TCP, (8080, 8080)),
            rule("from-app", (), f"{name}-app", TCP, (8080, 8090)),
            rule("inside", (SPACE,), "", TCP, (8080, 8080)),
            *((rule("offices", OFFICES, "", TCP, (8443, 8443)),) if place.number % 7 == 0 else ()),
        ),
        "data": (
            rule("from-app", (), f"{name}-app", TCP, (5432, 5432)),
            rule("inside", (SPACE,), "", TCP, (5432, 5433)),
        ),
        "admin": (
            rule("ssh", OFFICES, "", TCP, (22, 22)),
            rule("home", (SPACE,), "", TCP, (22, 22)),
        ),
        "all": (rule("ping", (SPACE,), "", 1), rule("metrics", (SPACE,), "", TCP, (9100, 9199))),
    }
    for kind, rules in inbound.items():
        yield model.Group(f"{name}-{kind}", name, rules, everywhere)


def _interfaces(made: dict[str, dict[str, object]], place: Place) -> None:
    name = place.name
    for host, kind in enumerate(KINDS):
        use, half, address = place.host(host)
        groups = f"{name}-{kind}", f"{name}-all"
        subnet, public = place.subnet(use, half), {address: place.public(host + 1)}
        _add(
            made,
            "interfaces",
            model.Interface(f"{name}-{host}", subnet, (address,), public, groups),
        )
    for half in range(2):
        nat, address = f"{name}-nat-{half}", place.address("public", half, 250)
        _carrier(made, nat, (place.subnet("public", half), address), model.TRANSLATOR, nat)
        made["interfaces"][nat].public[address] = place.public(240 + half)
        _add(made, "translators", model.Translator(nat, nat))
        at = place.subnet("hub", half), place.address("hub", half, 4)
        _carrier(made, f"{name}-tgw-{half}", at, model.CARRIER)
    if place.is_walled:
        at = place.subnet("hub", 0), place.address("hub", 0, 9)
        _carrier(made, f"{name}-wall", at, model.FORWARDER)
        # Without a public address, a gateway's table cannot lead to it.
        made["interfaces"][f"{name}-wall"].public[at[1]] = place.public(239)


def _carrier(
    made: dict[str, dict[str, object]], name: str, where: tuple[str, str], kind: str, of: str = ""
) -> None:
    """An interface of something that passes packets on, by its subnet and address."""
    subnet, address = where
    found = model.Interface(name, subnet, (address,), {}, None, checks=False, kind=kind, of=of)
    _add(made, "interfaces", found)


def _tables(made: dict[str, dict[str, object]], place: Place, *, peered: bool) -> None:
    name, ref, route = place.name, model.Ref, model.Route
    local = route("local", (place.prefix,), ref(model.LOCAL))
    own = [local]
    if peered:
        far = Place(place.number ^ 1)
        peering = f"pcx-{place.number >> 1}"
        _add(made, "peerings", model.Peering(peering, (name, far.name)))
        own.append(route(far.prefix, (far.prefix,), ref(model.PEERING, peering)))
    hub = ref(model.HUB, f"tgw-{place.team}")
    own.append(route(SPACE, (SPACE,), hub))
    gateway = route("away", (ANYWHERE,), ref(model.GATEWAY, f"{name}-igw"))
    wall = ref(model.INTERFACE, f"{name}-wall")
    away = route("away", (ANYWHERE,), wall) if place.is_walled else gateway
    _add(made, "tables", model.Table(f"{name}-public", (*own, away)))
    for half in range(2):
        nat = route("nat", (ANYWHERE,), ref(model.TRANSLATOR, f"{name}-nat-{half}"))
        out = route("out", (ANYWHERE,), hub) if place.is_central and not place.is_first else nat
        _add(made, "tables", model.Table(f"{name}-private-{half}", (*own, out)))
        passed = gateway if place.is_walled else nat
        _add(made, "tables", model.Table(f"{name}-hub-{half}", (local, passed)))
    if place.is_walled:
        inside = [place.subnet_prefix(use, half) for use in USES[:2] for half in range(2)]
        past = [route(prefix, (prefix,), wall) for prefix in inside]
        _add(made, "tables", model.Table(f"{name}-edge", (local, *past)))


def _hub(made: dict[str, dict[str, object]], places: list[Place]) -> None:
    """A team's hub: those that are shared see all, and all others see those."""
    hub = f"tgw-{places[0].team}"
    _add(made, "hubs", model.Hub(hub, REGION))
    routes = {True: [], False: []}
    for place in places:
        name = f"{hub}-{place.name}"
        interfaces = f"{place.name}-tgw-0", f"{place.name}-tgw-1"
        table = f"{hub}-{'shared' if place.is_shared else 'spokes'}"
        found = model.Attachment(name, hub, model.NETWORK, place.name, interfaces, table)
        _add(made, "attachments", found)
        route = model.HubRoute(place.prefix, (place.prefix,), (name,), model.PROPAGATED)
        routes[place.is_shared].append(route)
    away = model.HubRoute(ANYWHERE, (ANYWHERE,), (f"{hub}-{places[0].name}",))
    shared, spokes = routes[True], routes[False]
    _add(made, "hub_tables", model.HubTable(f"{hub}-spokes", hub, (away, *shared)))
    _add(made, "hub_tables", model.HubTable(f"{hub}-shared", hub, (away, *shared, *spokes)))


def packets(count: int, networks: int, seed: int) -> list[tuple[Key, Packet]]:
    """Packets that differ, with where they begin: inside, over hubs and peerings, out and in."""
    chance = random.Random(seed)  # noqa: S311 - the same in every run
    found: dict[tuple[Key, Packet], None] = {}
    while len(found) < count:
        found[_packet(chance, networks)] = None
    return list(found)


def _packet(chance: random.Random, networks: int) -> tuple[Key, Packet]:
    place, host = Place(chance.randrange(networks)), chance.randrange(HOSTS)
    target, port = chance.randrange(HOSTS), chance.randrange(32768, 61000)
    to_port = PORTS[KINDS[target]] if chance.random() < 0.8 else chance.choice((22, 80, 443, 9100))
    what = chance.random()
    if what < 0.2:
        anybody = f"{chance.randrange(30, 90)}.{chance.randrange(256)}.{chance.randrange(256)}.9"
        packet = Packet.of(anybody, place.public(target + 1), TCP, to_port, port=port)
        return ON_THE_INTERNET, packet
    far = place
    if 0.5 <= what < 0.75:
        far = Place(min(place.team * TEAM + chance.randrange(TEAM), networks - 1))
    elif 0.75 <= what < 0.85:
        far = Place(place.number ^ 1)
    to = far.host(target)[2] if what < 0.85 else f"93.184.{chance.randrange(256)}.34"
    packet = Packet.of(place.host(host)[2], to, TCP, to_port, port=port)
    return from_interface(f"{place.name}-{host}"), packet

"""Golden networks: text files that say what is there and how packets must end, and their reading.

Each file in `golden/` is a network as a guide of AWS describes it, with the page, and answers that
were worked out by hand from that page. A line is a verb and its words:

    network NAME PREFIX...                  its main table has its own name
    subnet NAME NETWORK PREFIX [zone N] [table TABLE]
    host | appliance NAME SUBNET ADDRESS [public ADDRESS] [groups NAME,...] [checks]
    nat NAME SUBNET ADDRESS PUBLIC
    firewall NAME SUBNET ADDRESS            an endpoint of one, which keeps state in its zone
    gateway NAME NETWORK [table TABLE]
    peering NAME NETWORK NETWORK [inactive]
    table NAME NETWORK
    route TABLE PREFIX KIND [TARGET] [propagated | listed] [gone]
    group NAME NETWORK                      allows nothing in and all out
    allow GROUP PREFIX|GROUP [PROTOCOL PORTS]
    filter NAME SUBNET...                   refuses all
    entry FILTER in|out NAME allow|deny PREFIX [PROTOCOL PORTS]
    hub NAME
    attach HUB NETWORK TABLE SUBNET... [sticky]
    site NAME PREFIX
    tunnel NAME SITE HUB TABLE [down]       its attachment has the same name
    learnt SITE PREFIX TUNNEL,...
    hubtable NAME HUB
    hubroute TABLE PREFIX ATTACHMENT,... [propagated]   `-` for no attachment: a blackhole
    ask SOURCE TARGET [PROTOCOL] PORT [from PORT] -> THERE / BACK : PART [> RULE]; back PART ...
    spread SOURCE TARGET PORT over PART,...

A source is a host, a site (`site=ADDRESS`) or the internet (`internet=ADDRESS`). Parts are ids of
what must be passed (or of the group that a rule is of), with the rule or route that lets the packet
go on or ends it; `not PART` must not be passed. Attachments of networks are called `HUB NETWORK`,
with a `_` for the space.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.fabric import Both
from antipodes.fabric.network.packets import ICMP, TCP, UDP
from tests.fabric.network.worlds import ZONES, Builder, told

PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP}
ORIGINS = {"propagated": model.PROPAGATED, "listed": model.LISTED}
FLOWS = 64  # of a spread
FILES = sorted((Path(__file__).parent / "golden").glob("*.txt"))


class Ask(NamedTuple):
    """A question, and what its answer must be."""

    line: str
    source: str
    target: str
    protocol: int
    port: int
    from_port: int
    ends: tuple[str, str]
    parts: tuple[str, ...]


class Golden:
    """One file."""

    def __init__(self, text: str) -> None:
        self.made = Builder()
        self.asks: list[Ask] = []
        self.spreads: list[tuple[str, str, int, set[str]]] = []
        self._tables: dict[str, str] = {}  # of which network each is
        self._words: list[str] = []
        for line in text.splitlines():
            said = line.partition("#")[0].strip()
            if said:
                self._line = said
                self._words = said.split()
                getattr(self, f"_{self._next()}")()
                assert not self._words, f"too much is said: {line}"

    def _next(self) -> str:
        return self._words.pop(0)

    def _rest(self) -> list[str]:
        found, self._words = self._words, []
        return found

    def _is(self, word: str) -> bool:
        """Whether a word is there, which counts by itself."""
        if word not in self._words:
            return False
        self._words.remove(word)
        return True

    def _after(self, word: str) -> str:
        """What is said after a word, or nothing."""
        if word not in self._words:
            return ""
        at = self._words.index(word)
        found = self._words[at + 1]
        del self._words[at : at + 2]
        return found

    # What is there.

    def _network(self) -> None:
        name = self.made.network(self._next(), *self._rest())
        self.made.tables[name] = msgspec.structs.replace(self.made.tables[f"{name} main"], id=name)
        network = self.made.networks[name]
        self.made.networks[name] = msgspec.structs.replace(network, table=name)

    def _subnet(self) -> None:
        zone, table = self._after("zone"), self._after("table")
        name, network, prefix = self._rest()
        self.made.subnet(name, network, prefix, table=table, zone=ZONES[int(zone or 1) - 1])

    def _host(self, kind: str = model.HOST) -> None:
        public, groups = self._after("public"), self._after("groups")
        checks = self._is("checks") or kind == model.HOST
        name, subnet, address = self._rest()
        allowed = groups.split(",") if groups else ["open"]
        more = {"groups": allowed, "public": public, "kind": kind, "checks": checks}
        self.made.host(name, subnet, address, **more)  # type: ignore[arg-type] # by their names

    def _appliance(self) -> None:
        self._host(model.FORWARDER)

    def _nat(self) -> None:
        self.made.translator(*self._rest())

    def _firewall(self) -> None:
        name, subnet, address = self._rest()
        self.made.host(name, subnet, address, groups=None, kind=model.CARRIER, checks=False)
        appliance = model.Appliance(f"{name}-state", self.made.subnets[subnet].zone)
        self.made.inspections[name] = model.Inspection(name, name, "rules", (appliance,))

    def _gateway(self) -> None:
        table = self._after("table")
        self.made.gateway(self._next(), self._next(), table)

    def _peering(self) -> None:
        active = not self._is("inactive")
        self.made.peering(*self._rest(), active=active)

    def _table(self) -> None:
        self.made.table(self._next(), self._next())

    def _route(self) -> None:
        blackhole = self._is("gone")
        origin = next((ORIGINS[word] for word in ORIGINS if self._is(word)), model.STATIC)
        table, prefix, kind, *to = self._rest()
        ref = model.Ref(kind, to[0] if to else "")
        made = model.Route(prefix, (prefix,), ref, origin, blackhole=blackhole)
        old = self.made.tables[table]
        self.made.tables[table] = msgspec.structs.replace(old, routes=(*old.routes, made))

    def _group(self) -> None:
        self.made.group(self._next(), self._next())

    def _limits(self) -> tuple[int, tuple[int, int]]:
        """The protocol and ports at the end of a line."""
        if len(self._words) < 2:
            return model.ANY, (0, 65535)
        protocol, ports = self._rest()
        low, _, high = ports.partition("-")
        return PROTOCOLS[protocol], (int(low), int(high or low))

    def _allow(self) -> None:
        name, peer = self._next(), self._next()
        protocol, ports = self._limits()
        is_group = peer in self.made.groups
        prefixes, group = ((), peer) if is_group else ((peer,), "")
        rule = model.GroupRule(peer, prefixes, group, protocol, ports)
        old = self.made.groups[name]
        self.made.groups[name] = msgspec.structs.replace(old, inbound=(*old.inbound, rule))

    def _filter(self) -> None:
        name, *subnets = self._rest()
        self.made.filter(name, (), (), *subnets)

    def _entry(self) -> None:
        of, way, name, verdict, prefix = (self._next() for _ in range(5))
        protocol, ports = self._limits()
        entry = model.FilterEntry(name, prefix, verdict == "allow", protocol, ports)
        old, side = self.made.filters[of], {"in": "inbound", "out": "outbound"}[way]
        changed = {side: (*getattr(old, side), entry)}
        self.made.filters[of] = msgspec.structs.replace(old, **changed)

    def _hub(self) -> None:
        self.made.hub(self._next())

    def _attach(self) -> None:
        sticky = self._is("sticky")
        self.made.attach(*self._rest(), sticky=sticky)

    def _site(self) -> None:
        name, prefix = self._rest()
        self.made.sites[name] = model.Site(name, f"site/{name}", (prefix,))

    def _tunnel(self) -> None:
        up = not self._is("down")
        name, site, hub, table = self._rest()
        self.made.lines[name] = model.Line(name, site, model.Ref(model.HUB, name), up)
        self.made.attachments[name] = model.Attachment(
            name, hub, model.LINE, name, (), table, available=up
        )

    def _learnt(self) -> None:
        site, prefix, lines = self._rest()
        old = self.made.sites[site]
        found = model.LineRoute(prefix, (prefix,), tuple(lines.split(",")))
        self.made.sites[site] = msgspec.structs.replace(old, routes=(*old.routes, found))

    def _hubtable(self) -> None:
        self.made.hub_table(self._next(), self._next())

    def _hubroute(self) -> None:
        origin = model.PROPAGATED if self._is("propagated") else model.STATIC
        table, prefix, ways = self._rest()
        attachments = () if ways == "-" else tuple(ways.replace("_", " ").split(","))
        made = model.HubRoute(prefix, (prefix,), attachments, origin, blackhole=not attachments)
        old = self.made.hub_tables[table]
        self.made.hub_tables[table] = msgspec.structs.replace(old, routes=(*old.routes, made))

    # What is asked.

    def _ask(self) -> None:
        self._rest()
        question, _, answer = self._line.removeprefix("ask").partition("->")
        ends, _, by = answer.partition(" : ")
        there, _, back = (part.strip().removeprefix("-") for part in ends.partition("/"))
        self._words = question.split()
        from_port = int(self._after("from") or 40000)
        source, target, *protocol, port = self._rest()
        kind = PROTOCOLS[protocol[0]] if protocol else TCP
        number = int(port) << 8 if kind == ICMP else int(port)
        parts = tuple(part.strip() for part in by.split(";") if part.strip())
        line = self._line
        self.asks.append(Ask(line, source, target, kind, number, from_port, (there, back), parts))

    def _spread(self) -> None:
        parts = set(self._after("over").split(","))
        source, target, port = self._rest()
        self.spreads.append((source, target, int(port), parts))

    # What is answered.

    def sent(self, ask: Ask) -> Both:
        """Send what a question asks after."""
        name, _, address = ask.source.partition("=")
        return self.made.send(
            "" if name == "internet" else name,
            ask.target,
            ask.port,
            source=address,
            protocol=ask.protocol,
            from_port=0 if ask.protocol == ICMP else ask.from_port,
        )

    def complaints(self, ask: Ask) -> Iterator[str]:
        """In what an answer is another than it must be."""
        both = self.sent(ask)
        if told(both) != ask.ends:
            yield f"ends: {' / '.join(told(both))}"
        ways = both.there.steps, both.back.steps if both.back is not None else ()
        for part in ask.parts:
            wanted = part.removeprefix("back ")
            steps = ways[wanted != part]
            is_not = wanted.startswith("not ")
            name, _, rule = wanted.removeprefix("not ").replace("_", " ").partition(" > ")
            passed = any(
                name in {step.hop.id, step.rule.of if step.rule is not None else ""}
                and (not rule or (step.rule is not None and step.rule.name == rule))
                for step in steps
            )
            if passed == is_not:
                yield f"{part}: {[(step.hop.id, step.rule and tuple(step.rule)) for step in steps]}"

    def used(self, source: str, target: str, port: int) -> set[str]:
        """All that many flows pass, which must be delivered and answered."""
        found: set[str] = set()
        name, _, address = source.partition("=")
        for flow in range(FLOWS):
            both = self.made.send(name, target, port, source=address, from_port=40000 + flow)
            assert told(both) == ("delivered", "delivered")
            found |= {step.hop.id for step in both.there.steps}
        return found

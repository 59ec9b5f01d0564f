"""The peer: whom the internet reaches, asked of an SMT solver (bitwuzla), interface by interface.

It runs in an environment of its own, reads a topology as JSON and knows nothing of our code: the
rules of networks are written here a second time, as formulas over the five fields of one packet. An
interface is reached if there is a packet from the internet that is delivered to it. Appliances are
unrolled: a packet that passes none twice passes each network's at most once.

    python smt.py TOPOLOGY.json
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from bitwuzla import Bitwuzla, Kind, Options, Result, TermManager

Term, Thing = Any, dict[str, Any]
Ways = dict[str, list[Term]]  # to each interface: when a packet comes there

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
HAVE_PORTS = {1, 6, 17}
ANY = -1


class Header:
    """One packet, unknown: as it is on the internet, and where it is for inside."""

    def __init__(self) -> None:
        self.terms = TermManager()
        self.true, self.false = self.terms.mk_true(), self.terms.mk_false()
        sizes = {"source": 32, "target": 32, "inside": 32, "protocol": 8, "port": 16}
        self._bits = {name: self.terms.mk_bv_sort(bits) for name, bits in sizes.items()}
        self._fields = {name: self.terms.mk_const(sort, name) for name, sort in self._bits.items()}

    def all_of(self, parts: Iterable[Term]) -> Term:
        """All of them hold."""
        parts = [part for part in parts if part is not self.true]
        if len(parts) < 2:
            return parts[0] if parts else self.true
        return self.terms.mk_term(Kind.AND, parts)

    def any_of(self, parts: Iterable[Term]) -> Term:
        """One of them holds."""
        parts = list(parts)
        if len(parts) < 2:
            return parts[0] if parts else self.false
        return self.terms.mk_term(Kind.OR, parts)

    def no(self, part: Term) -> Term:
        """It does not hold."""
        return self.terms.mk_term(Kind.NOT, [part])

    def choose(self, condition: Term, yes: Term, no: Term) -> Term:
        """One or the other."""
        return self.terms.mk_term(Kind.ITE, [condition, yes, no])

    def equals(self, field: str, value: int) -> Term:
        """A field has a value."""
        number = self.terms.mk_bv_value(self._bits[field], value)
        return self.terms.mk_term(Kind.EQUAL, [self._fields[field], number])

    def between(self, field: str, low: int, high: int) -> Term:
        """A field has one of the values from one to another."""
        if low == high:
            return self.equals(field, low)
        sort, term = self._bits[field], self._fields[field]
        ends = (self.terms.mk_bv_value(sort, end) for end in (low, high))
        first, last = ends
        return self.all_of(
            [
                self.terms.mk_term(Kind.BV_ULE, [first, term]),
                self.terms.mk_term(Kind.BV_ULE, [term, last]),
            ]
        )

    def within(self, field: str, prefix: str) -> Term:
        """A field is an address in a prefix."""
        net = ip_network(prefix)
        if net.version != 4:
            return self.false
        if net.prefixlen == 0:
            return self.true
        return self.between(field, int(net.network_address), int(net.broadcast_address))


class Question:
    """The rules of a topology, as formulas."""

    def __init__(self, told: Thing) -> None:
        self.told = told
        self.header = Header()
        self.inside = defaultdict(list)  # the interfaces of each network
        self.members = defaultdict(list)
        self.subnets = defaultdict(list)
        for subnet in told["subnets"].values():
            self.subnets[subnet["network"]].append(subnet)
        for interface in told["interfaces"].values():
            network = told["subnets"][interface["subnet"]]["network"]
            self.inside[network].append(interface)
            for group in interface["groups"] or ():
                self.members[group].append(interface)

    def formulas(self) -> Iterator[dict[str, Term]]:
        """Of each network: each interface that a packet may come to, with when that is."""
        for gateway in self.told["gateways"].values():
            yield self._reached(gateway, self.told["networks"][gateway["network"]])

    def _reached(self, gateway: Thing, network: Thing) -> dict[str, Term]:
        header, own = self.header, self.inside[network["id"]]
        mapped = [
            header.all_of(
                [
                    header.equals("target", int(ip_address(public))),
                    header.equals("inside", int(ip_address(private))),
                ]
            )
            for interface in own
            for private, public in interface["public"].items()
        ]
        private = header.any_of(header.within("source", prefix) for prefix in PRIVATE)
        begins = header.all_of([header.any_of(mapped), header.no(private)])
        if gateway["table"]:
            came = self._routed(gateway["table"], network, begins, at_the_edge=True)
        else:
            came = self._delivered(network, begins)
        reached = defaultdict(list)
        forwarders = sum(one["kind"] == "forwarder" for one in own)
        for passed in range(forwarders + 1):
            onward = defaultdict(list)
            for name, ways in came.items():
                interface = self.told["interfaces"][name]
                taken = header.all_of([header.any_of(ways), self._grouped(interface, "inbound")])
                mine = header.any_of(
                    header.equals("inside", int(ip_address(one))) for one in interface["addresses"]
                )
                if interface["kind"] in {"host", "forwarder"}:
                    reached[name].append(header.all_of([taken, mine]))
                if interface["kind"] == "forwarder" and not interface["checks"]:
                    passing = header.all_of(
                        [taken, header.no(mine), self._grouped(interface, "outbound")]
                    )
                    for to, ways_on in self._sent(interface, network, passing).items():
                        onward[to] += ways_on
            came = onward if passed < forwarders else {}
        return {name: header.any_of(ways) for name, ways in reached.items()}

    def _sent(self, interface: Thing, network: Thing, when: Term) -> Ways:
        """What an appliance sends: in its subnet straight, and else by the subnet's router."""
        header, subnet = self.header, self.told["subnets"][interface["subnet"]]
        here = header.any_of(header.within("inside", one) for one in subnet["prefixes"])
        found = self._handed(subnet, header.all_of([when, here]))
        leaves = header.all_of([when, header.no(here), self._filtered(subnet, "outbound")])
        for to, ways in self._routed(subnet["table"] or network["table"], network, leaves).items():
            found.setdefault(to, []).extend(ways)
        return found

    def _routed(self, table: str, network: Thing, when: Term, *, at_the_edge: bool = False) -> Ways:
        """By the longest prefix; only what stays in the network can reach it."""
        header, found = self.header, defaultdict(list)
        routes = [
            (ip_network(prefix), route)
            for route in self.told["tables"][table]["routes"]
            for prefix in route["prefixes"]
        ]
        routes.sort(key=lambda pair: (-pair[0].prefixlen, pair[1]["origin"]))
        before = []
        for net, route in routes:
            fits = header.within("inside", str(net))
            chosen = header.all_of([when, fits, *(header.no(one) for one in before)])
            before.append(fits)
            kind, name = route["to"]
            if route["blackhole"]:
                continue
            if kind == "local":
                for to, ways in self._delivered(network, chosen).items():
                    found[to] += ways
            elif kind == "interface":
                interface = self.told["interfaces"][name]
                if at_the_edge and not interface["public"]:
                    continue  # only what has a public address takes what a gateway lets in
                subnet = self.told["subnets"][interface["subnet"]]
                found[name].append(header.all_of([chosen, self._filtered(subnet, "inbound")]))
        return found

    def _delivered(self, network: Thing, when: Term) -> Ways:
        """Into the subnets of a network."""
        found = defaultdict(list)
        for subnet in self.subnets[network["id"]]:
            crossed = self.header.all_of([when, self._filtered(subnet, "inbound")])
            for to, ways in self._handed(subnet, crossed).items():
                found[to] += ways
        return found

    def _handed(self, subnet: Thing, when: Term) -> Ways:
        """In a subnet, to whoever has the address."""
        header = self.header
        return {
            interface["id"]: [
                header.all_of([when, header.equals("inside", int(ip_address(address)))])
                for address in interface["addresses"]
            ]
            for interface in self.inside[subnet["network"]]
            if interface["subnet"] == subnet["id"]
        }

    def _filtered(self, subnet: Thing, way: str) -> Term:
        """The first entry that fits decides."""
        header, peer = self.header, "source" if way == "inbound" else "inside"
        allowed = header.false
        for entry in reversed(self.told["filters"][subnet["filter"]][way]):
            fits = header.all_of([header.within(peer, entry["prefix"]), self._kind(entry)])
            allowed = header.choose(fits, header.true if entry["allows"] else header.false, allowed)
        return allowed

    def _grouped(self, interface: Thing, way: str) -> Term:
        """Any rule of any group allows."""
        header, peer = self.header, "source" if way == "inbound" else "inside"
        if interface["groups"] is None:
            return header.true
        rules = []
        for group in interface["groups"]:
            for rule in self.told["groups"][group][way]:
                peers = [header.within(peer, prefix) for prefix in rule["prefixes"]]
                peers += [
                    header.equals(peer, int(ip_address(address)))
                    for member in self.members.get(rule["group"], ())
                    for address in member["addresses"]
                ]
                rules.append(header.all_of([header.any_of(peers), self._kind(rule)]))
        return header.any_of(rules)

    def _kind(self, rule: Thing) -> Term:
        header, protocol = self.header, rule["protocol"]
        if protocol == ANY:
            return header.true
        parts = [header.equals("protocol", protocol)]
        if protocol in HAVE_PORTS and tuple(rule["ports"]) != (0, 65535):
            parts.append(header.between("port", *rule["ports"]))
        return header.all_of(parts)


def main() -> None:
    """Answer, as JSON."""
    with open(sys.argv[1]) as file:
        told = json.load(file)
    started = time.process_time()
    question = Question(told)
    formulas = list(question.formulas())
    encoded = time.process_time()
    reached = []
    for network in formulas:  # one solver for each: it is quicker than one for all
        solver = Bitwuzla(question.header.terms, Options())
        reached += [name for name, one in network.items() if solver.check_sat(one) == Result.SAT]
    done = time.process_time()
    said = {"encode_s": encoded - started, "solve_s": done - encoded, "reached": reached}
    print(json.dumps(said))


if __name__ == "__main__":
    main()

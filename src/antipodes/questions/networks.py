"""The networks of a world as they are now, and what people call the things in them.

Every region tells of its own; ids are unique, so together they are one topology. A source or a
target of a packet is the id of an interface, or of what it is attached to, or of a site or its
router, or an address, or what people call one of these (a tag `Name`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from antipodes.fabric.network.fabric import ON_THE_INTERNET, from_interface, from_site
from antipodes.fabric.network.nodes import Key
from antipodes.fabric.network.together import together
from antipodes.fabric.network.topology import Interface, Site, Topology
from antipodes.world.atlas import Site as AtlasSite
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World

INTERNET = "internet"
# Of somebody on the internet, by family (RFC 5737, RFC 5180).
INTERNET_ADDRESSES = {4: "192.0.2.1", 6: "2001:2::1"}
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class QuestionError(Exception):
    """A question that cannot be answered, as a person should read it."""


class Answer(NamedTuple):
    """What is said to a question, and the exit status that says it to programs."""

    text: str
    status: int = 0


class Told:
    """What the regions of a world tell of their networks, when it is first needed."""

    def __init__(self, ask: Callable[[], Mapping[str, Any]]) -> None:
        """`ask` returns what each region that is up has told, by region."""
        self._ask = ask

    @cached_property
    def by_region(self) -> Mapping[str, Any]:
        """What each region has told. Raises QuestionError where none has."""
        told = self._ask()
        if not told:
            raise QuestionError("no region that is up knows of networks of that account")
        return told

    @cached_property
    def topology(self) -> Topology:
        """All of it together. Raises QuestionError."""
        return together(self.by_region.values())

    @cached_property
    def world(self) -> World:
        """The regions that have told, and the distances between them. Raises QuestionError."""
        sites = [
            AtlasSite(one.place.removeprefix("site/"), *one.point, link=one.link)
            for one in self.topology.sites.values()
            if one.point is not None
        ]
        return World(load_atlas(), tuple(self.by_region), sites=sites)


def in_lines(lines: Iterable[str]) -> str:
    """Lines as they are printed; nothing in a name ends one, or is an order to a terminal."""
    return "\n".join(_NOT_SHOWN.sub(" ", line) for line in lines)


def names(topology: Topology) -> dict[str, str]:
    """What things are called, by id; an interface without a name is called as what it is of."""
    found = dict(topology.names)
    for interface in topology.interfaces.values():
        if interface.id not in found and interface.of in found:
            found[interface.id] = found[interface.of]
    return found


class Ends:
    """What sources and targets may be called."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._by_address: dict[str, list[Interface]] = {}
        self._by_owner: dict[str, Interface] = {}
        for interface in topology.interfaces.values():
            if interface.of:
                self._by_owner.setdefault(interface.of, interface)
            for address in interface.addresses:
                self._by_address.setdefault(address, []).append(interface)
        self._by_name: dict[str, list[str]] = {}
        for name, called in topology.names.items():
            self._by_name.setdefault(called, []).append(name)
        self._site_of = {
            name: site
            for site in topology.sites.values()
            for name in (site.id, site.id.removeprefix("site/"), *site.routers)
        }

    def source(self, name: str, version: int) -> tuple[Key, str]:
        """The point where something sends, and the address that it sends from."""
        if name == INTERNET:
            return ON_THE_INTERNET, INTERNET_ADDRESSES[version]
        interface = self.interface(name)
        if interface is None:
            site = self._site(name)
            if site is not None:
                address = name if is_address(name) else _address_at(site, version)
                return from_site(site.id), address
            if is_address(name):
                return ON_THE_INTERNET, name
            raise QuestionError(f"nothing here is called {name}")
        if is_address(name):
            return from_interface(interface.id), name
        return from_interface(interface.id), self._address(interface, version)

    def target(self, name: str, source: str, version: int) -> str:
        """The address of a target in a family: to the internet its public one, if it has one."""
        if name == INTERNET:
            return INTERNET_ADDRESSES[version]
        if is_address(name):
            return name
        interface = self.interface(name)
        if interface is None:
            site = self._site(name)
            if site is not None:
                return _address_at(site, version)
            raise QuestionError(f"nothing here is called {name}")
        if source == INTERNET and version == 4 and interface.public:  # noqa: PLR2004 - IPv4
            return next(iter(interface.public.values()))
        return self._address(interface, version)

    def _address(self, interface: Interface, version: int) -> str:
        for address in interface.addresses:
            if ip_address(address).version == version:
                return address
        raise QuestionError(f"{interface.id} has no address of IPv{version}")

    def interface(self, name: str) -> Interface | None:
        """The interface that is called so. Raises QuestionError where several are."""
        found = self._topology.interfaces.get(name) or self._by_owner.get(name)
        if found is not None:
            return found
        there = self._by_address.get(name, [])
        if len(there) > 1:
            names = ", ".join(sorted(one.id for one in there))
            raise QuestionError(f"several interfaces have the address {name}: {names}")
        return there[0] if there else self._called(name)

    def _called(self, name: str) -> Interface | None:
        """The interface of what people call so; an instance and its interface may share a name."""
        found: dict[str, tuple[str, Interface]] = {}
        for one in self._by_name.get(name, []):
            interface = self._topology.interfaces.get(one) or self._by_owner.get(one)
            if interface is not None:
                found.setdefault(interface.id, (one, interface))
        if len(found) > 1:
            names = ", ".join(sorted(one for one, _ in found.values()))
            raise QuestionError(f"several things are called {name}: {names}")
        return next((interface for _, interface in found.values()), None)

    def _site(self, name: str) -> Site | None:
        """The site of that name, or a router's, or the one that has an address."""
        if is_address(name):
            return self._site_with(name)
        found = self._site_of.get(name)
        if found is not None:
            return found
        called = {
            self._site_of[one].id: self._site_of[one]
            for one in self._by_name.get(name, [])
            if one in self._site_of
        }
        if len(called) > 1:
            raise QuestionError(f"several sites are called {name}: {', '.join(sorted(called))}")
        return next(iter(called.values()), None)

    def _site_with(self, address: str) -> Site | None:
        """The site whose prefix is the longest one with an address; a default route counts not."""
        found = [
            (prefix.prefixlen, site.id)
            for site in self._topology.sites.values()
            for prefix in map(ip_network, site.prefixes)
            if prefix.prefixlen and ip_address(address) in prefix
        ]
        return self._topology.sites[max(found)[1]] if found else None


def _address_at(site: Site, version: int) -> str:
    """An address at a site: the first of its first prefix of a family."""
    for prefix in map(ip_network, site.prefixes):
        if version == prefix.version:
            return str(prefix[min(1, prefix.num_addresses - 1)])
    raise QuestionError(f"{site.id} has no addresses that anybody knows of")


def is_address(text: str) -> bool:
    """Whether a name is an address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

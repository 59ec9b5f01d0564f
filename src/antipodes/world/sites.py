"""Customers' sites: what may be said of one, and which private addresses lead to it.

A site's networks are private ranges, and no two sites have an address in common, nor has a site one
of the regions' default network: an address that a region sends to leads to one place. What listens
at a site are programs on the user's own machine, so those ends are loopback addresses and nothing
else.
"""

import json
import tomllib
from collections.abc import Iterable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any

import msgspec

from antipodes.world.addresses import VPC_NETWORK
from antipodes.world.atlas import Atlas, Site, load_atlas
from antipodes.world.errors import InvalidWorld, WorldError

PRIVATE = tuple(
    map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
LOOPBACK = IPv4Network("127.0.0.0/8")
PORT_MAX = 65_535
LINKS = ("private", "internet")
Networks = tuple[tuple[str, IPv4Network], ...]


class SitePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A site as a file describes it: near a city, or at a point."""

    name: str
    near: str = ""
    lat: float | None = None
    lon: float | None = None
    networks: tuple[str, ...] = ()
    listen: dict[str, str] = {}
    link: str = "private"


def networks_of(sites: Iterable[Site]) -> Networks:
    """Return the networks of all sites, with the place that each leads to."""
    return tuple((s.place, IPv4Network(network)) for s in sites for network in s.networks)


def made_of(parts: Sequence[SitePart], atlas: Atlas) -> tuple[Site, ...]:
    """Return sites as the world knows them; raises InvalidWorld, naming what is wrong."""
    sites = tuple(_made_of(part, atlas) for part in parts)
    taken = networks_of(sites)
    for index, (place, network) in enumerate(taken):
        for other, another in taken[:index]:
            if other != place and network.overlaps(another):
                raise InvalidWorld(f"sites: {place} and {other} both have addresses of {network}")
    return sites


def read_sites(text: str) -> tuple[Site, ...]:
    """Return the sites of a TOML file with a table [[site]] for each; raises InvalidWorld."""
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidWorld(f"sites: {error}") from None
    if [*plain] != ["site"]:
        raise InvalidWorld("sites: the file has tables [[site]], and nothing else")
    try:
        parts = msgspec.convert(plain["site"], tuple[SitePart, ...])
    except msgspec.ValidationError as error:
        raise InvalidWorld(f"sites: {error}") from None
    return made_of(parts, load_atlas())


def written(parts: Sequence[SitePart]) -> str:
    """Return a file of sites that says the same."""
    lines: list[str] = []
    for part in parts:
        lines.append("[[site]]")
        for name, value in msgspec.to_builtins(part).items():
            if name == "listen":
                pairs = ", ".join(f"{json.dumps(a)} = {json.dumps(b)}" for a, b in value.items())
                lines.append(f"listen = {{ {pairs} }}")
            elif value is not None:
                lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def _made_of(part: SitePart, atlas: Atlas) -> Site:
    def wrong(what: str) -> InvalidWorld:
        return InvalidWorld(f"sites: {part.name}: {what}")

    if part.link not in LINKS:
        raise wrong(f"link is {' or '.join(LINKS)}, not {part.link!r}")
    given = [part.lat is not None, part.lon is not None]
    if any(given) if part.near else not all(given):
        raise wrong("say either what city it is near, or its lat and lon")
    country, lat, lon = "", part.lat or 0.0, part.lon or 0.0
    if part.near:
        try:
            city = atlas.city(part.near)
        except WorldError as error:
            raise wrong(f"near: {error}") from None
        country, lat, lon = city.country, city.lat, city.lon
    networks = [_network(network, wrong) for network in part.networks]
    for end, program in part.listen.items():
        address = _end(end, wrong)
        if not any(address in network for network in PRIVATE):
            raise wrong(f"listen: {end} is not a private address")
        if _end(program, wrong) not in LOOPBACK:
            raise wrong(
                f"listen: {program} is not an address of this machine, as 127.0.0.1:9000 is"
            )
        if not any(address in network for network in networks):
            networks.append(IPv4Network(address))
    for network in networks:
        if network.overlaps(VPC_NETWORK):
            raise wrong(f"{network}: {VPC_NETWORK} is the default network of regions")
    return Site(
        part.name,
        lat,
        lon,
        country,
        tuple(map(str, networks)),
        tuple(part.listen.items()),
        part.link,
    )


def _network(text: str, wrong: Any) -> IPv4Network:
    try:
        network = IPv4Network(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise wrong(f"networks: {text!r} is no network such as 10.20.0.0/16") from None
    if not any(network.subnet_of(private) for private in PRIVATE):
        raise wrong(f"networks: {text} is not private")
    return network


def _end(text: str, wrong: Any) -> IPv4Address:
    ip, _, port = text.rpartition(":")
    try:
        address = IPv4Address(ip)
    except AddressValueError:
        address = None
    if address is None or not port.isdecimal() or not 1 <= int(port) <= PORT_MAX:
        raise wrong(f"listen: {text!r} is no address and port such as 10.20.0.5:5060")
    return address

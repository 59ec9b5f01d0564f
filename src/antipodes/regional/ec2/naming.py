"""What names mean inside of a region's networks: for their resolvers, and told to the public DNS.

A network that has both DNS attributes knows its own machines by name, private and public, with
their private addresses; and those of networks that it is peered with, if these let it. An interface
endpoint with private names hides the public name of its service in its own network, with all that
is below it, from everybody there, or from those alone who ask by inbound endpoints. The names of
endpoints themselves are public, and mean private addresses wherever they are asked for.

What is told of those names in the change log has the form that load balancers' names have. Of
Amazon's services each region has an address in public.

Source: Amazon VPC User Guide, "DNS attributes in your VPC"; AWS PrivateLink Guide, "Access AWS
services through AWS PrivateLink"; VPC Peering Guide, "DNS resolution for a VPC peering connection".
"""

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any

import msgspec

from antipodes.regional.ec2 import endpointservices, hostnames, peering, prefixlists
from antipodes.regional.ec2.endpointservices import INTERFACE
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import Interface
from antipodes.regional.ec2.modelpeers import Endpoint, PeeredNetwork
from antipodes.service.records import Records

KIND = "ec2/endpoint-name"
_ELSEWHERE = IPv4Network("52.95.0.0/16")  # of services that have no prefix lists
_SERVICES_MAX = 64
_ADDRESS = re.compile(r"(?:ip|ec2)-(\d+)-(\d+)-(\d+)-(\d+)\.")
_ENDPOINT = re.compile(r"(?:[^.]+\.)*(vpce-[0-9a-f]{17})-[^.]+\.[^/]+\.vpce\.amazonaws\.com")
_STAR = "*."


class Told(msgspec.Struct, frozen=True):
    """What was told of a name last: its addresses, by zone."""

    zone_id: str
    addresses: dict[str, str]


class Names:
    """The names of a region's networks."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._region = estate.host.place
        self._told = Records(estate.host.store, "ec2/told-name", Told)
        self._watching: list[tuple[Callable[[str, str], None], Callable[[str], None]]] = []
        estate.host.changes.serve(KIND, self._tell_all)

    # For resolvers.

    def watch(self, made: Callable[[str, str], None], gone: Callable[[str], None]) -> None:
        """Tell somebody of networks that come, by account and id, and of those that go."""
        self._watching.append((made, gone))

    def made(self, account: str, vpc: str) -> None:
        """There is another network."""
        for made, _ in self._watching:
            made(account, vpc)

    def gone(self, vpc: str) -> None:
        """A network is no more."""
        for _, gone in self._watching:
            gone(vpc)

    @property
    def state(self) -> object:
        """Another one after each change of what names mean."""
        estate = self._estate
        tables = (estate.vpcs, estate.interfaces, estate.endpoints, estate.peerings)
        return tuple(table.state for table in tables)

    def networks(self) -> list[tuple[str, str]]:
        """Every network here, with its owner's account."""
        return [(one.account, one.id) for one in self._estate.vpcs.all()]

    def is_served(self, account: str, vpc: str) -> bool:
        """Whether a network has a resolver; one that is not known here has."""
        found = self._estate.vpcs.find(account, vpc)
        return found is None or found.dns_support

    def is_named(self, account: str, vpc: str) -> bool:
        """Whether private names and zones count in a network."""
        found = self._estate.vpcs.find(account, vpc)
        return found is None or (found.dns_support and found.dns_hostnames)

    def hidden(self, account: str, vpc: str, name: str, *, inbound: bool) -> str:
        """The public name of a service that is hidden in a network, with what is below; or none.

        `inbound` is whether somebody outside asks.
        """
        for one in self._hiding(account, vpc, inbound=inbound):
            public = endpointservices.named(one.service).public(self._region)
            if name == public or name.endswith(f".{public}"):
                return public
        return ""

    def hidden_addresses(
        self, account: str, vpc: str, name: str, *, inbound: bool
    ) -> tuple[str, ...]:
        """What such a name means in the network, if anything."""
        for one in self._hiding(account, vpc, inbound=inbound):
            service = endpointservices.named(one.service)
            public = service.public(self._region)
            if name == public or (service.is_wild and name.endswith(f".{public}")):
                return tuple(self._addresses(one).values())
        return ()

    def own(self, account: str, vpc: str, name: str) -> tuple[str, ...]:
        """The address of a machine, by its private or public name, as a network sees it."""
        found = _ADDRESS.match(name)
        if found is None:
            return ()
        address = ".".join(found.groups())
        if name == hostnames.private_name(self._region, address):
            there = any(
                one.address == address
                for interface in self._seen(account, vpc)
                for one in interface.addresses
            )
            return (address,) if there else ()
        if name != hostnames.public_name(self._region, address):
            return ()
        for interface in self._seen(account, vpc):
            for one in interface.addresses:
                if one.public == address:
                    return (one.address,)
        known = (one for interface in self._estate.interfaces.all() for one in interface.addresses)
        return (address,) if any(one.public == address for one in known) else ()

    def region_of(self, account: str, vpc: str, ip: str) -> str:
        """The region that an address is in, as seen from a network that is joined with it.

        By a peering of its own, or by one of a transit gateway's that it is attached to.
        """
        address = IPv4Address(ip)
        for _, far in self._peers(account, vpc):
            if any(address in ip_network(prefix) for prefix in far.prefixes):
                return far.region
        regions = {
            own.attachment: far.region
            for one in self._estate.hub_peerings.list(account)
            for own, far in ((one.requester, one.accepter), (one.accepter, one.requester))
            if own.region == self._region
        }
        tables = (
            self._estate.hub_tables.find(account, one.table)
            for one in self._estate.attachments.list(account)
            if one.of == vpc
        )
        routes = [
            (network.prefixlen, route.attachment)
            for table in tables
            for route in (table.routes if table is not None else ())
            if address in (network := ip_network(route.destination))
        ]
        return regions.get(max(routes, default=(0, ""))[1], "")

    def public(self, name: str) -> tuple[str, ...] | None:
        """What a name means to everybody, be it an endpoint's here or one of Amazon's services'.

        None for all other names.
        """
        if not name.endswith(f".{self._region}.vpce.amazonaws.com"):
            return self._service(name) or None
        found = _ENDPOINT.fullmatch(name)
        if found is None:
            return ()
        of = next((one for one in self._estate.endpoints.all() if one.id == found[1]), None)
        for known, addresses in self._names(of) if of is not None else ():
            wild = known.startswith(_STAR)
            if name == known.removeprefix(_STAR) or (wild and name.endswith(known[1:])):
                return tuple(addresses.values())
        return ()

    def _service(self, name: str) -> tuple[str, ...]:
        """An address of one of Amazon's services, in any region."""
        atlas = self._estate.host.world.atlas
        for number, region in enumerate(atlas.regions):
            if not name.endswith(f".{region.code}.amazonaws.com"):
                continue
            for position, one in enumerate(endpointservices.SERVICES):
                public = one.public(region.code)
                if name == public or (one.is_wild and name.endswith(f".{public}")):
                    lists = prefixlists.in_region(region.code, atlas)
                    own = [of.prefixes[0] for of in lists if of.name == one.full(region.code)]
                    start = _ELSEWHERE[number * _SERVICES_MAX + position]
                    return (str(IPv4Network(own[0])[1]) if own else str(start),)
        return ()

    def _hiding(self, account: str, vpc: str, *, inbound: bool) -> Iterator[Endpoint]:
        for one in self._estate.endpoints.list(account):
            hides = one.vpc == vpc and one.private_names
            if hides and (inbound or not one.private_for_inbound):
                yield one

    def _seen(self, account: str, vpc: str) -> Iterator[Interface]:
        """The interfaces that a network knows by their names: its own, and peers'."""
        for one in self._estate.shared.all_in(account, self._estate.interfaces.list):
            if one.vpc == vpc:
                yield one
        for _, far in self._peers(account, vpc):
            if far.resolves and far.region == self._region:
                for one in self._estate.shared.all_in(far.account, self._estate.interfaces.list):
                    if one.vpc == far.vpc:
                        yield one

    def _peers(self, account: str, vpc: str) -> Iterator[tuple[PeeredNetwork, PeeredNetwork]]:
        """Both sides of each peering of a network, its own first."""
        for one in self._estate.peerings.list(account):
            if one.standing.code == peering.ACTIVE:
                sides = (one.requester, one.accepter), (one.accepter, one.requester)
                yield from (pair for pair in sides if pair[0].vpc == vpc)

    # Names of endpoints, told to everybody.

    def publish(self) -> None:
        """Tell of every name that means something else than was told last."""
        gone = {name: None for _, name, _ in self._told.all()}
        for of in self._estate.endpoints.all():
            if of.type != INTERFACE:
                continue
            for name, addresses in self._names(of):
                gone.pop(name, None)
                zone = endpointservices.zone_id("vpce", self._region)
                self._tell(name, Told(zone, addresses))
        for name in gone:
            self._told.delete("", name)
            self._estate.host.changes.append(KIND, [name, None])

    def _tell(self, name: str, told: Told) -> None:
        if self._told.get("", name) != told:
            self._told.put("", name, told)
            self._estate.host.changes.append(KIND, [name, msgspec.to_builtins(told)])

    def _tell_all(self, _: Any) -> list[Any]:
        """For followers that are behind: every name there is."""
        return [[name, msgspec.to_builtins(told)] for _, name, told in self._told.all()]

    def _names(self, of: Endpoint) -> list[tuple[str, dict[str, str]]]:
        """The names of an endpoint and of its parts in zones, with their addresses by zone."""
        service, there = endpointservices.named(of.service), self._addresses(of)
        own, *zonal = endpointservices.names(service, of.id, self._region, list(there))
        each = zip(zonal, there.items(), strict=True)
        return [(own, there), *((name, {zone: address}) for name, (zone, address) in each)]

    def _addresses(self, of: Endpoint) -> dict[str, str]:
        """The addresses of an endpoint, by the name of the zone."""
        region = self._estate.host.world.atlas.region(self._region)
        names = {zone.id: zone.name for zone in region.zones}
        found = {}
        for one in of.interfaces:
            interface = self._estate.interfaces.find(of.account, one.interface)
            if interface is not None:
                found[names[one.zone]] = interface.addresses[0].address
        return found

"""What the ways are that a scope asks for: its names and headers, said of our networks.

A name stands for the interfaces and gateways that it is, or that are in it: an instance, a security
group, a subnet or a network for its interfaces, a resource group for its members. What is gone, or
is not modelled as something that packets pass, stands for nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from antipodes.fabric.network import topology as told
from antipodes.fabric.network.accessing import Condition, Start, Way, by_start
from antipodes.fabric.network.fabric import Fabric
from antipodes.fabric.network.packets import PORTS
from antipodes.fabric.network.spaces import Space, Values, everything
from antipodes.fabric.network.starting import (
    at_attachment,
    at_gateway,
    at_interface,
    at_peering,
    at_private_gateway,
    at_relay,
)
from antipodes.fabric.network.unions import united
from antipodes.regional.ec2 import prefixlists, scopes
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.scopes import Place, Statement

Groups = Mapping[str, Sequence[str]]  # the members of resource groups, by the groups' ARNs
_ALL = everything(4)
_ENDPOINTS, _BALANCERS = "vpce-", "arn:aws:elasticloadbalancing:"
_SERVE = _ENDPOINTS, _BALANCERS  # what interfaces are of that begin nothing by themselves
_LISTS = {"Source": "SourcePrefixLists", "Destination": "DestinationPrefixLists"}


class Asked:
    """The conditions of a scope, for the networks of an account as they are."""

    def __init__(
        self, estate: Estate, account: str, topology: told.Topology, groups: Groups
    ) -> None:
        self._estate = estate
        self._account = account
        self._place = Place(estate.host.place, account)
        self._topology = topology
        self._groups = groups
        self._hosts: list[str] = []
        self._inside: dict[str, list[str]] = {}  # interfaces by what they are of, or in
        seen = {one.id for one in estate.interfaces.list(account)}  # not all that is around them
        for one in topology.interfaces.values():
            if one.id in seen and one.kind not in {told.CARRIER, told.TRANSLATOR}:
                self._hosts.append(one.id)
                network = topology.subnets[one.subnet].network
                for name in (one.of, one.subnet, network, *(one.groups or ())):
                    self._inside.setdefault(name, []).append(one.id)
        self._ends = frozenset(
            [
                *(*self._hosts, *topology.services, *topology.gateways, *topology.peerings),
                *(*topology.attachments, *topology.private_gateways),
            ]
        )

    def ways(self, content: bytes) -> Iterator[list[Way]]:
        """The ways that a scope asks for, of one source after the other."""
        fabric = Fabric(self._topology)
        said = orjson.loads(content)
        matches = [self._condition(path) for path in said["MatchPaths"]]
        excludes = [self._condition(path) for path in said["ExcludePaths"]]
        return by_start(fabric, self._starts(fabric), matches, excludes)

    def _starts(self, fabric: Fabric) -> list[Start]:
        """All that packets may come from: endpoints begin nothing, and balancers but for others."""
        topology = self._topology
        hosts = (one for one in self._hosts if not self._of(one).startswith(_SERVE))
        gateways = (one.id for one in topology.gateways.values() if not one.egress_only)
        return [
            *(at_interface(fabric, name) for name in hosts),
            *(at_gateway(fabric, name) for name in gateways),
            *(start for name in topology.peerings for start in at_peering(fabric, name)),
            *(
                at_private_gateway(fabric, one.id)
                for one in topology.private_gateways.values()
                if one.network  # what is attached to none lets nothing in
            ),
            *(start for name in topology.attachments for start in at_attachment(fabric, name)),
            *(
                at_relay(fabric, service.id, relay)
                for service in self._estate.links.list(self._account)
                for relay in topology.relays
                if self._of(relay) in service.balancers
            ),
        ]

    def _of(self, interface: str) -> str:
        """What an interface was made for, or is attached to."""
        return self._topology.interfaces[interface].of

    def _condition(self, path: Statement) -> Condition:
        source, target = path.get("Source") or {}, path.get("Destination") or {}
        ends = self._named(target)
        return Condition(
            self._named(source),
            self._ends if ends is None else ends,
            self._header(source.get("PacketHeaderStatement")),
            self._header(target.get("PacketHeaderStatement")),
            tuple(self._named(one) or frozenset() for one in path.get("ThroughResources") or []),
        )

    # What is named.

    def _named(self, end: Statement) -> frozenset[str] | None:
        statement = end.get("ResourceStatement")
        if not statement:
            return None
        names = [self._place.id_of(name) for name in statement.get("Resources") or []]
        kinds = statement.get("ResourceTypes") or []
        return frozenset(
            [
                *(one for name in names for one in self._of_name(name)),
                *(one for kind in kinds for one in self._of_type(kind)),
            ]
        )

    def _of_name(self, name: str) -> Iterable[str]:
        if name in self._groups:
            members = map(self._place.id_of, self._groups[name])
            return [one for member in members for one in self._of_name(member)]
        far = f"{name}@{self._estate.host.place}"  # of an attachment that joins two hubs
        endpoints = [
            one.id for one in self._estate.endpoints.list(self._account) if one.service == name
        ]
        inside = [one for of in (name, *endpoints) for one in self._inside.get(of, ())]
        return [name, far, *inside]

    def _of_type(self, kind: str) -> Iterable[str]:
        topology = self._topology
        endpoints = [name for name in self._hosts if self._of(name).startswith(_ENDPOINTS)]
        balancers = [name for name in self._hosts if self._of(name).startswith(_BALANCERS)]
        services = [one.id for one in self._estate.endpoints.list(self._account) if one.provider]
        by_type: Mapping[str, Iterable[str]] = {
            scopes.INTERFACE: self._hosts,
            scopes.GATEWAY: topology.gateways,
            scopes.NAT: topology.translators,
            scopes.ATTACHMENT: topology.attachments,
            scopes.PEERING: topology.peerings,
            scopes.PRIVATE: topology.private_gateways,
            scopes.ENDPOINT: [*topology.services, *endpoints, *topology.inspections],
            scopes.SERVICE: [
                *(one.id for one in self._estate.links.list(self._account)),
                *(one for of in services for one in self._inside.get(of, ())),
            ],
            scopes.BALANCER: balancers,
            scopes.FIREWALL: topology.firewalls,
            scopes.FIREWALL_AS_TOLD: topology.firewalls,
        }
        return by_type.get(kind, ())

    # What is said of headers.

    def _header(self, statement: Statement | None) -> Space | None:
        if not statement:
            return None
        protocols = statement.get("Protocols") or list(scopes.PROTOCOLS)
        return (
            self._addresses(statement, "Source"),
            self._addresses(statement, "Destination"),
            united((scopes.PROTOCOLS[one],) * 2 for one in protocols),
            _ports(statement.get("SourcePorts")),
            _ports(statement.get("DestinationPorts")),
        )

    def _addresses(self, statement: Statement, side: str) -> Values:
        addresses, lists = statement.get(f"{side}Addresses"), statement.get(_LISTS[side])
        if not addresses and not lists:
            return (_ALL[0],)
        prefixes = [*(addresses or [])]
        for name in map(self._place.id_of, lists or []):
            prefixes += prefixlists.prefixes_of(self._estate, self._account, name)
        return united(scopes.range_of(one) for one in prefixes if ":" not in one)


def _ports(texts: Any) -> Values:
    return united(map(scopes.ports_of, texts)) if texts else (PORTS,)


def groups_in(content: bytes) -> list[str]:
    """The resource groups that a scope names, by their ARNs."""
    said = orjson.loads(content)
    ends = [
        end
        for path in (*said["MatchPaths"], *said["ExcludePaths"])
        for end in (path.get("Source"), path.get("Destination"), *path.get("ThroughResources", []))
        if end
    ]
    names = [
        name for end in ends for name in (end.get("ResourceStatement") or {}).get("Resources") or []
    ]
    return list(
        dict.fromkeys(name for name in names if name.split(":")[2:3] == ["resource-groups"])
    )

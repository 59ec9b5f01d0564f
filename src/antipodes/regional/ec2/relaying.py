"""Endpoints of customers' services, and the load balancers behind these: told as doors and relays.

An endpoint's interface leads to one load balancer of its service in its own zone, always the same.
Without one there, and before it is accepted, it leads nowhere. What a load balancer sends on is
its own to say (`service.relays`); that it stands in a network shows by its interfaces.
"""

from typing import Any
from zlib import crc32

import msgspec

from antipodes.fabric.network import packets
from antipodes.fabric.network import topology as told
from antipodes.regional.ec2 import links
from antipodes.regional.ec2.endpointservices import INTERFACE
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import Interface
from antipodes.regional.ec2.modelpeers import Endpoint
from antipodes.service.relays import KnownNodes, SentOn

_NODE = "network_load_balancer"
_PROTOCOLS = {"tcp": packets.TCP, "udp": packets.UDP}


def parts(
    estate: Estate, account: str, interfaces: dict[str, told.Interface]
) -> dict[str, dict[str, Any]]:
    """An account's interfaces, those of doors and relays told as such, and what is behind them."""
    doors = {
        one.interface: told.Door(one.interface, _relay(estate, of, one.zone, one.interface))
        for of in estate.endpoints.list(account)
        if of.provider and of.type == INTERFACE
        for one in of.interfaces
    }
    relays = _relays(estate, account)
    changed = {name: msgspec.structs.replace(interfaces[name], kind=told.DOOR) for name in doors}
    for name in relays:
        groups = interfaces[name].groups or None
        changed[name] = msgspec.structs.replace(
            interfaces[name], kind=told.RELAY, groups=groups, checks=False
        )
    return {"interfaces": interfaces | changed, "doors": doors, "relays": relays}


def _relay(estate: Estate, of: Endpoint, zone: str, interface: str) -> str:
    """The interface of the load balancer that an endpoint leads to in a zone, if it does."""
    service = estate.links.find(of.provider, of.service)
    if service is None or of.standing != links.AVAILABLE:
        return ""
    nodes = [
        one.id
        for one in _nodes(estate, of.provider)
        if one.of in service.balancers and one.zone == zone
    ]
    return nodes[crc32(interface.encode()) % len(nodes)] if nodes else ""


def _nodes(estate: Estate, account: str) -> list[Interface]:
    return [one for one in estate.interfaces.list(account) if one.kind == _NODE]


def _relays(estate: Estate, account: str) -> dict[str, told.Relay]:
    known = KnownNodes(estate.host.store)
    region: Any = estate.host.world.atlas.region(estate.host.place)
    names = {zone.id: zone.name for zone in region.zones}
    found = {}
    for one in _nodes(estate, account):
        nodes = known.of(account, one.of)
        sent = nodes.zones.get(names[one.zone], ()) if nodes is not None else ()
        name = one.of.partition("loadbalancer/")[2]
        found[one.id] = told.Relay(one.id, name, tuple(map(_port, sent)))
    return found


def _port(sent: SentOn) -> told.RelayPort:
    return told.RelayPort(_PROTOCOLS[sent.protocol], sent.port, sent.targets)

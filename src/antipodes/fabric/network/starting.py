"""Where packets begin that come from something: the starts of ways (`accessing`).

What comes out of an interface, its groups and the check of its source let out; what comes from the
internet is for a public address; a joined network and a hub hand over whatever they like.
"""

from collections.abc import Iterable, Sequence

from antipodes.fabric.network.accessing import Start
from antipodes.fabric.network.fabric import Fabric, from_interface
from antipodes.fabric.network.nodes import Hop, Key
from antipodes.fabric.network.packets import TCP, UDP
from antipodes.fabric.network.spaces import (
    PROTOCOL,
    TARGET,
    Range,
    Space,
    everything,
    space_of,
    with_values,
)
from antipodes.fabric.network.subnets import STRAIGHT
from antipodes.fabric.network.topology import NETWORK
from antipodes.fabric.network.unions import united

PROTOCOLS = (TCP, UDP)


def _to(version: int, targets: Iterable[Range] | None = None) -> Space:
    """Packets of both protocols to some targets, or to all."""
    whole = space_of(everything(version))
    whole = with_values(whole, PROTOCOL, united((one, one) for one in PROTOCOLS))
    return whole if targets is None else with_values(whole, TARGET, united(targets))


def at_interface(fabric: Fabric, name: str) -> Start:
    """What an interface sends."""
    return Start(name, from_interface(name), _to(fabric.index.version))


def at_gateway(fabric: Fabric, name: str) -> Start:
    """What comes in by a gateway from the internet."""
    index = fabric.index
    network = index.topology.gateways[name].network
    targets: Sequence[Range] = [(public, public) for _, public in index.public[network]]
    if index.version == 6:  # noqa: PLR2004 - IPv6, where all addresses are public
        targets = index.ranges(index.topology.networks[network].prefixes)
    return Start(name, ("enter", name), _to(index.version, targets))


def at_peering(fabric: Fabric, name: str) -> list[Start]:
    """What comes over a peering, into the network on either side of it."""
    found = fabric.index.topology.peerings[name]
    return [
        _into(fabric, Hop("peering", name), network, ("network", network, STRAIGHT))
        for network in found.networks
        if found.active and network in fabric.index.topology.networks
    ]


def at_private_gateway(fabric: Fabric, name: str) -> Start:
    """What comes over a network's lines."""
    network = fabric.index.topology.private_gateways[name].network
    return _into(fabric, Hop("private gateway", name), network, ("private-edge", name))


def _into(fabric: Fabric, hop: Hop, network: str, key: Key) -> Start:
    own = fabric.index.topology.networks[network]
    packets = _to(fabric.index.version, fabric.index.ranges(own.prefixes))
    return Start(hop.id, key, packets, hop._replace(place=own.region))


def at_relay(fabric: Fabric, name: str, relay: str) -> Start:
    """What comes to a relay by doors, wherever they are; `name` is what that is called."""
    region = fabric.index.network_of(fabric.index.topology.interfaces[relay]).region
    packets = _to(fabric.index.version)
    return Start(name, ("relay-in", relay, ""), packets, Hop("endpoint service", name, region))


def at_attachment(fabric: Fabric, name: str) -> list[Start]:
    """What comes out of a hub into a network, in each zone; or into a hub, from further away.

    Rules that name groups of networks that are attached count, where they may.
    """
    topology = fabric.index.topology
    found = topology.attachments[name]
    packets = _to(fabric.index.version)
    if not found.available:
        return []
    if found.kind != NETWORK:
        return [Start(name, ("attached", name, ""), packets)]
    hop = Hop("attachment", name, topology.hubs[found.hub].region)
    return [Start(name, ("carried", one, found.hub), packets, hop) for one in found.interfaces]

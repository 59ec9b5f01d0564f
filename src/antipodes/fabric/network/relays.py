"""Doors and relays: how a service of one network is reached from another that is not joined to it.

What is sent to a door's own address comes to a relay in the other network, whose groups are asked.
It sends each flow on, as its own, to one of its targets, and the answer back by the door that the
flow has come by: the two networks may have the same addresses. Nothing is begun the other way.

Source: AWS PrivateLink Guide, "Share your services through AWS PrivateLink", "Create a service
powered by AWS PrivateLink".
"""

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.index import Index
from antipodes.fabric.network.nodes import (
    End,
    Entry,
    Hop,
    Lookup,
    Node,
    Permit,
    Restore,
    Rule,
    Spread,
    Translate,
)
from antipodes.fabric.network.spaces import PROTOCOL, SOURCE, TARGET_PORT
from antipodes.fabric.network.subnets import STRAIGHT, VIA, always, by_groups, interface_hop
from antipodes.fabric.network.topology import Relay

MTU = 8500  # bytes
PORTS = (1024, 65535)


def _hop(index: Index, found: Relay) -> Hop:
    zone = index.subnet_of(index.topology.interfaces[found.interface]).zone
    return Hop("relay", found.of, zone, mtu=MTU, charge="link")


def door(index: Index, interface_id: str) -> Lookup:
    """In at a door, if it leads anywhere."""
    found = index.topology.doors[interface_id]
    if not found.relay:
        hop = interface_hop(index, index.topology.interfaces[interface_id])
        return always(End(outcomes.NOT_JOINED, hop))
    if found.relay not in index.topology.relays:
        return always(End(outcomes.UNKNOWN, Hop("relay", found.relay)))
    return always(("relay-in", found.relay, interface_id))


def relay_in(index: Index, relay_id: str, door_id: str) -> Permit:
    """A relay takes what its groups allow; it remembers that apart from what it sends itself."""
    interface = index.topology.interfaces[relay_id]
    to = ("relay", relay_id, door_id)
    return by_groups(index, interface, to, SOURCE, VIA, f"{interface.id} from {door_id}")


def relay(index: Index, relay_id: str, door_id: str) -> Lookup:
    """At a relay: to one of its ports."""
    found = index.topology.relays[relay_id]
    hop = _hop(index, found)
    ports = sorted({one.port for one in found.ports})
    entries = tuple(
        Entry(("relay-port", relay_id, door_id, str(port)), Rule(relay_id, f"port {port}"))
        for port in ports
    )
    refused = End(outcomes.NOT_OFFERED, hop)
    return Lookup(hop, TARGET_PORT, tuple(ports), tuple(ports), entries, refused)


def relay_port(index: Index, relay_id: str, door_id: str, port: str) -> Lookup:
    """At a port of a relay: by one of its protocols."""
    found = index.topology.relays[relay_id]
    there = sorted(
        (one.protocol, number) for number, one in enumerate(found.ports) if one.port == int(port)
    )
    protocols = tuple(protocol for protocol, _ in there)
    entries = tuple(
        Entry(("relay-spread", relay_id, door_id, str(number)), Rule(relay_id, f"port {port}"))
        for _, number in there
    )
    refused = End(outcomes.NOT_OFFERED, _hop(index, found))
    return Lookup(None, PROTOCOL, protocols, protocols, entries, refused)


def relay_spread(index: Index, relay_id: str, door_id: str, number: str) -> Node:
    """To one of the targets, by the flow."""
    found = index.topology.relays[relay_id]
    there = [address for address, _ in found.ports[int(number)].targets]
    own = [
        ("relay-to", relay_id, door_id, number, str(position))
        for position, address in enumerate(there)
        if index.addresses((address,))
    ]
    if not own:
        return always(End(outcomes.NO_TARGET, _hop(index, found)))
    return Spread(None, tuple(own))


def relay_to(index: Index, relay_id: str, door_id: str, number: str, position: str) -> Node:
    """Sent on, as the relay's own, if it has an address of this family."""
    found = index.topology.relays[relay_id]
    address, port = found.ports[int(number)].targets[int(position)]
    own = index.addresses(index.topology.interfaces[relay_id].addresses)
    if not own:
        return always(End(outcomes.NO_TARGET, _hop(index, found)))
    return Translate(
        _hop(index, found),
        relay_id,
        own[0],
        PORTS,
        ("groups-out", relay_id, STRAIGHT),
        (index.addresses((address,))[0], port),
        ("out", door_id, STRAIGHT),
    )


def relay_back(index: Index, interface_id: str) -> Restore:
    """A relay is sent something: an answer goes back by its door, all else has arrived."""
    interface = index.topology.interfaces[interface_id]
    hop = interface_hop(index, interface)
    out = ("out", interface_id, STRAIGHT)
    arrived = End(outcomes.DELIVERED, hop, back=out)
    return Restore(None, interface.id, out, arrived)

"""Out of a network: to the internet and from it, by translation, and to a network that is joined.

A gateway to the internet is no router. It changes a private address into the public one that is
mapped to it, one to one, and back, and takes nothing from or to private space. A translator sends
many as one, and takes only what answers them. A gateway that only lets out changes nothing, and
takes only what answers what it has let out; where a network has both, it sees first what comes.

Sources: Amazon VPC User Guide, "Internet gateways", "NAT gateways", "Gateway route tables"; VPC
Peering Guide, "Unsupported configurations".
"""

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.index import Index
from antipodes.fabric.network.nodes import (
    Allowed,
    Change,
    End,
    Hop,
    Judged,
    Key,
    Lookup,
    Node,
    Permit,
    Restore,
    Rule,
    Sieve,
    Translate,
)
from antipodes.fabric.network.packets import text
from antipodes.fabric.network.spaces import SOURCE, TARGET, Range, everything, replaced
from antipodes.fabric.network.subnets import STRAIGHT, VIA, always, preferred, table, target
from antipodes.fabric.network.topology import INSPECTION, INTERFACE

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
FAR_MTU = 8500  # bytes, between regions
TRANSLATED_PORTS = (1024, 65535)
INTERNET = Hop("internet", "internet")
ON_THE_INTERNET: Key = ("internet",)


def gateway(index: Index, gateway_id: str) -> Sieve:
    """Out of a network, to the internet: not to private addresses, nor to the network's own."""
    found = index.topology.gateways[gateway_id]
    hop, own = _hop(index, gateway_id), found.network
    inside = index.topology.networks[own].prefixes
    kept = _judged(index, TARGET, (*PRIVATE, *inside), gateway_id)
    to = ("let-out" if found.egress_only else "publish", gateway_id)
    return Sieve(None, kept, to, End(outcomes.PRIVATE_ADDRESS, hop))


def let_out(index: Index, gateway_id: str) -> Permit:
    """A gateway that only lets out remembers what it lets out."""
    every = Allowed(everything(index.version), Rule(gateway_id, "lets out"))
    refused = End(outcomes.NOT_AN_ANSWER, _hop(index, gateway_id))
    return Permit(None, gateway_id, (every,), ("publish", gateway_id), refused, strict=True)


def let_in(index: Index, gateway_id: str) -> Permit:
    """It lets in what answers that; all else is left to the other gateway, if there is one."""
    other = index.gateway_of.get(index.topology.gateways[gateway_id].network)
    refused: Key | End = End(outcomes.NOT_AN_ANSWER, _hop(index, gateway_id))
    if other is not None:
        refused = ("enter", other)
    return Permit(None, gateway_id, (), ("enter", gateway_id), refused, strict=True)


def _judged(index: Index, field: int, refused: tuple[str, ...], of: str) -> tuple[Judged, ...]:
    """All but some prefixes."""
    whole = everything(index.version)
    rules = [
        Judged(replaced(whole, field, one), False, Rule(of, "private addresses"))  # noqa: FBT003 - refused
        for one in index.ranges(refused)
    ]
    return *rules, Judged(whole, True, Rule(of, "public addresses"))  # noqa: FBT003 - it passes


def _hop(index: Index, gateway_id: str) -> Hop:
    found = index.topology.gateways[gateway_id]
    return Hop("gateway", gateway_id, index.topology.networks[found.network].region, mtu=1500)


def publish(index: Index, gateway_id: str) -> Lookup:
    """Private addresses become public ones; those of IPv6 are public already."""
    found, hop = index.topology.gateways[gateway_id], _hop(index, gateway_id)
    if index.version == 6:  # noqa: PLR2004 - IPv6
        prefixes = index.topology.networks[found.network].prefixes
        own = [
            (one, ON_THE_INTERNET, Rule(gateway_id, "own prefix")) for one in index.ranges(prefixes)
        ]
        return table(own, End(outcomes.NO_PUBLIC_ADDRESS, hop), field=SOURCE, hop=hop)
    mapped = [
        (
            (private, private),
            ("published", str(public)),
            Rule(gateway_id, text(4, public)),
        )
        for private, public in (() if found.egress_only else index.public[found.network])
    ]
    return table(mapped, End(outcomes.NO_PUBLIC_ADDRESS, hop), field=SOURCE, hop=hop)


def published(_index: Index, public: str) -> Change:
    """The source is a public address from here on."""
    return Change(None, SOURCE, int(public), ON_THE_INTERNET)


def internet(index: Index) -> Lookup:
    """On the internet, towards a public address of ours or anybody else's."""
    entries: list[tuple[Range, Key | End, Rule]] = []
    six = index.version == 6  # noqa: PLR2004 - IPv6
    for network_id, gateway_id in (index.gateway_of | (index.egress_of if six else {})).items():
        own = [(public, public) for _, public in index.public[network_id]]
        if six:
            own = index.ranges(index.topology.networks[network_id].prefixes)
        egress_only = index.topology.gateways[gateway_id].egress_only
        to = ("let-in" if egress_only else "enter", gateway_id)
        entries += [(one, to, Rule(gateway_id, "public addresses")) for one in own]
    nowhere = End(outcomes.PRIVATE_ADDRESS, INTERNET)
    entries += [
        (one, nowhere, Rule("internet", "private addresses")) for one in index.ranges(PRIVATE)
    ]
    return table(entries, End(outcomes.LEFT, INTERNET, back=ON_THE_INTERNET))


def enter(index: Index, gateway_id: str) -> Sieve:
    """Into a network, from the internet: not from private addresses."""
    kept = _judged(index, SOURCE, PRIVATE, gateway_id)
    refused = End(outcomes.PRIVATE_ADDRESS, _hop(index, gateway_id))
    return Sieve(_hop(index, gateway_id), kept, ("entered", gateway_id), refused)


def entered(index: Index, gateway_id: str) -> Node:
    """Public addresses become the private ones they are mapped to."""
    network_id = index.topology.gateways[gateway_id].network
    inside = ("edge", gateway_id)
    if index.version == 6:  # noqa: PLR2004 - IPv6
        return edge(index, gateway_id)
    mapped = [
        (
            (public, public),
            ("private", gateway_id, str(private)),
            Rule(gateway_id, text(4, private)),
        )
        for private, public in index.public[network_id]
    ]
    return table(mapped, inside)


def private(_index: Index, gateway_id: str, address: str) -> Change:
    """The target is a private address from here on."""
    return Change(None, TARGET, int(address), ("edge", gateway_id))


def edge(index: Index, gateway_id: str) -> Lookup:
    """What has come in goes by the gateway's table, if it has one, and into the network."""
    found = index.topology.gateways[gateway_id]
    return into(index, found.network, found.table, STRAIGHT, internet=True)


def into(index: Index, network_id: str, table_id: str, via: str, *, internet: bool) -> Lookup:
    """Into a network, by a gateway's table if it has one.

    From the internet, that leads to interfaces that have a public address; from elsewhere, it leads
    nothing to an inspection.
    """
    network = index.topology.networks[network_id]
    if not table_id:
        return always(("network", network.id, via))
    hop = Hop("table", table_id, network.region)
    entries: list[tuple[Range, Key | End, Rule]] = []
    for route, one in preferred(index, network, index.topology.tables[table_id].routes):
        rule = Rule(table_id, route.name)
        to: Key | End = target(index, network, route, hop, via)
        if route.to.kind == INSPECTION and not internet:
            to = End(outcomes.BLACKHOLE, hop, rule)
        elif route.to.kind == INTERFACE and internet and not _is_public(index, route.to.id):
            to = End(outcomes.NO_PUBLIC_ADDRESS, hop, rule)
        entries.append((one, to, rule))
    return table(entries, End(outcomes.NO_ROUTE, hop), hop=hop)


def _is_public(index: Index, interface: str) -> bool:
    """Whether an interface has a public address of this family; of IPv6, all are."""
    found = index.topology.interfaces.get(interface)
    return index.version != 4 or (found is not None and bool(found.public))  # noqa: PLR2004 - IPv4


# Translation.


def translate(index: Index, translator_id: str) -> Node:
    """Sent on as the translator's own, if it has an address of this family."""
    found = index.topology.translators[translator_id]
    interface = index.topology.interfaces[found.interface]
    subnet = index.subnet_of(interface)
    hop = Hop("translator", translator_id, subnet.zone, charge="translator")
    own, to = index.addresses(interface.addresses), ("wire", subnet.id, VIA)
    if not own:
        return always(End(outcomes.NOT_TRANSLATED, hop))
    return Translate(hop, translator_id, own[0], TRANSLATED_PORTS, to)


def restore(index: Index, translator_id: str) -> Restore:
    """An answer goes to whom it is for."""
    found = index.topology.translators[translator_id]
    subnet = index.subnet_of(index.topology.interfaces[found.interface])
    hop = Hop("translator", translator_id, subnet.zone, charge="translator")
    refused = End(outcomes.NOT_TRANSLATED, hop)
    return Restore(hop, translator_id, ("wire", subnet.id, VIA), refused)


# Networks that are joined.


def peering(index: Index, peering_id: str, from_network: str, via: str) -> Node:
    """Into the network on the other side, and no further."""
    found = index.topology.peerings[peering_id]
    left, right = found.networks
    far = index.topology.networks.get(right if from_network == left else left)
    if far is None:
        return always(End(outcomes.UNKNOWN, Hop("peering", peering_id)))
    near = index.topology.networks[from_network]
    hop = Hop("peering", peering_id, far.region, mtu=0 if near.region == far.region else FAR_MTU)
    if not found.active:
        return always(End(outcomes.NOT_JOINED, hop))
    entries = [
        (one, ("network", far.id, via), Rule(peering_id, "far prefix"))
        for one in index.ranges(far.prefixes)
    ]
    return table(entries, End(outcomes.NOT_IN_PEER, hop), hop=hop)

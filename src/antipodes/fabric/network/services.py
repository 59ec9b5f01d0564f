"""Services that routes lead to.

Source: AWS PrivateLink Guide, "Gateway endpoints".
"""

from antipodes.fabric.network import outcomes
from antipodes.fabric.network.index import Index
from antipodes.fabric.network.nodes import End, Hop, Judged, Lookup, Rule, Sieve
from antipodes.fabric.network.packets import ICMP, TCP
from antipodes.fabric.network.spaces import PROTOCOL, everything, replaced
from antipodes.fabric.network.subnets import STRAIGHT, always

_OFFERED = (TCP, ICMP)


def service(index: Index, service_id: str) -> Sieve:
    """At a service, which answers from its own addresses into the network it is reached from."""
    found = index.topology.services[service_id]
    hop = Hop("service", service_id, index.topology.networks[found.network].region)
    whole = everything(index.version)
    rules = [
        Judged(replaced(whole, PROTOCOL, (one, one)), True, Rule(service_id, "offered"))  # noqa: FBT003 - it passes
        for one in _OFFERED
    ]
    return Sieve(hop, tuple(rules), ("served", service_id), End(outcomes.NOT_OFFERED, hop))


def served(index: Index, service_id: str) -> Lookup:
    """A service has a packet."""
    found = index.topology.services[service_id]
    hop = Hop("service", service_id, index.topology.networks[found.network].region)
    back = ("network", found.network, STRAIGHT)
    return always(End(outcomes.DELIVERED, hop, back=back))

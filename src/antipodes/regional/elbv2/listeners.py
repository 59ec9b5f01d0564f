"""What a listener may be: its protocol, and the target groups that it may forward to."""

from collections.abc import Sequence

from antipodes.regional.elbv2 import gateways, model
from antipodes.regional.elbv2.model import (
    ALB,
    GENEVE,
    HTTP,
    HTTPS,
    NETWORK_PROTOCOLS,
    TCP,
    TCP_UDP,
    TLS,
    UDP,
    Action,
    LoadBalancer,
    TargetGroup,
)
from antipodes.service.contract import Request, ServiceError

# Network Load Balancer user guide, load-balancer-target-groups, "Routing configuration".
_FORWARDS = {
    HTTP: (HTTP,),
    HTTPS: (HTTP,),
    TCP: (TCP, TCP_UDP),
    UDP: (UDP, TCP_UDP),
    TCP_UDP: (TCP_UDP,),
    TLS: (TCP, TLS),
    GENEVE: (GENEVE,),
}


def check_protocol(balancer: LoadBalancer, request: Request, present: str = "") -> str:
    """Return the protocol that a request gives a listener, or leaves it with."""
    if balancer.is_gateway:
        gateways.check_listener(request)
        return GENEVE
    protocol: str = request.get("Protocol") or present
    offered = NETWORK_PROTOCOLS if balancer.is_network else (HTTP, HTTPS)
    if protocol and protocol not in offered:
        raise ServiceError("UnsupportedProtocol", f"Protocol '{protocol}' is not offered here")
    for member in ("AlpnPolicy", "MutualAuthentication"):
        asked = request.get(member)
        if asked and asked not in ({"Mode": "off"}, ["None"]):
            raise model.not_offered(f"{member} of a listener")
    return protocol


def check_group(protocol: str, group: TargetGroup) -> None:
    """Refuse a target group that a listener of that protocol cannot forward to."""
    has = group.protocol or HTTP  # functions are invoked by application load balancers
    if has not in _FORWARDS[protocol] or (group.target_type == ALB and protocol != TCP):
        raise ServiceError(
            "IncompatibleProtocols",
            f"The target group '{group.arn}' of protocol '{has}' is not compatible with a listener "
            f"of protocol '{protocol}'",
        )


def check_flows(protocol: str, made: tuple[Action, ...], groups: Sequence[TargetGroup]) -> None:
    """Refuse what the forwarding of a network load balancer's listener cannot be."""
    for action in made:
        if action["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"]:
            raise model.not_offered("Target group stickiness of a network load balancer")
    if protocol == TLS and len({group.protocol for group in groups}) > 1:
        raise ServiceError(
            "IncompatibleProtocols", "All target groups of a TLS listener must use one protocol"
        )

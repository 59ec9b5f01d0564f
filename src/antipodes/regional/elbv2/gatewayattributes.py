"""Attributes of gateway load balancers, of their target groups and of their listeners.

Which flows stay with which target is the network model's to say, which goes by addresses, ports and
protocol; stickiness by less, and what becomes of flows whose target fails, is kept and shown. Both
kinds of failover are one choice.

Source: Gateway Load Balancer guide, gateway-load-balancers, gateway-listeners,
edit-target-group-attributes.
"""

from collections.abc import Mapping

from antipodes.regional.elbv2.attributes import (
    CROSS_ZONE,
    DELETION_PROTECTION,
    DRAINING,
    NUMBER,
    STICKY,
    STICKY_TYPE,
    SWITCH,
    Attribute,
)

FAILOVER = ("target_failover.on_deregistration", "target_failover.on_unhealthy")
_FAILOVER = "no_rebalance|rebalance"

OF_BALANCER: Mapping[str, Attribute] = {
    DELETION_PROTECTION: Attribute("false", SWITCH),
    CROSS_ZONE: Attribute("false", SWITCH),
}
OF_GROUP: Mapping[str, Attribute] = {
    DRAINING: Attribute("300", NUMBER, 0, 3_600),
    STICKY: Attribute("false", SWITCH),
    STICKY_TYPE: Attribute("source_ip_dest_ip", "source_ip_dest_ip|source_ip_dest_ip_proto"),
    **dict.fromkeys(FAILOVER, Attribute("no_rebalance", _FAILOVER)),
}
OF_LISTENER: Mapping[str, Attribute] = {
    "tcp.idle_timeout.seconds": Attribute("350", NUMBER, 60, 6_000),
    "send_tcp_reset.on_idle_timeout.enabled": Attribute("false"),
}

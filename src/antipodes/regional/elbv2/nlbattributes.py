"""Attributes of network load balancers, of their target groups and of their listeners.

Defaults: botocore's model of 2015-12-01 (LoadBalancerAttribute, TargetGroupAttribute,
ListenerAttribute) and the Network Load Balancer user guide, load-balancer-target-groups. Some
depend on the kind of target and the protocol, so a group's table is made for it.
"""

from collections.abc import Mapping
from functools import cache

from antipodes.regional.elbv2.attributes import (
    AS_BALANCER,
    CROSS_ZONE,
    DELETION_PROTECTION,
    DNS_COUNT,
    DNS_SHARE,
    DRAINING,
    NUMBER,
    ROUTING_COUNT,
    ROUTING_SHARE,
    SWITCH,
    ZONAL_SHIFT,
    Attribute,
)
from antipodes.regional.elbv2.model import ALB, INSTANCE, TCP, TLS, UDP_PROTOCOLS, TargetGroup

IDLE_TIMEOUT = "tcp.idle_timeout.seconds"
ENDS_DRAINED = "deregistration_delay.connection_termination.enabled"
PRESERVES_IP = "preserve_client_ip.enabled"
PROXY_PROTOCOL = "proxy_protocol_v2.enabled"
STICKY = "stickiness.enabled"
ENDS_UNHEALTHY = "target_health_state.unhealthy.connection_termination.enabled"
UNHEALTHY_DRAINING = "target_health_state.unhealthy.draining_interval_seconds"
_COUNT = "[1-9][0-9]{0,3}"
_SHARE = "off|100|[1-9][0-9]?"

OF_BALANCER: Mapping[str, Attribute] = {
    "access_logs.s3.enabled": Attribute("false"),
    "access_logs.s3.bucket": Attribute(""),
    "access_logs.s3.prefix": Attribute(""),
    DELETION_PROTECTION: Attribute("false", SWITCH),
    CROSS_ZONE: Attribute("false", SWITCH),
    "dns_record.client_routing_policy": Attribute("any_availability_zone"),
    ZONAL_SHIFT: Attribute("false", SWITCH),
    "secondary_ips.auto_assigned.per_subnet": Attribute("0"),
}
OF_LISTENER: Mapping[str, Attribute] = {IDLE_TIMEOUT: Attribute("350", NUMBER, 60, 6_000)}
OF_TLS_LISTENER: Mapping[str, Attribute] = {IDLE_TIMEOUT: Attribute("350")}
_HEALTH: Mapping[str, Attribute] = {
    DNS_COUNT: Attribute("1", f"off|{_COUNT}"),
    DNS_SHARE: Attribute("off", _SHARE),
    ROUTING_COUNT: Attribute("1", _COUNT),
    ROUTING_SHARE: Attribute("off", _SHARE),
}


def of_group(group: TargetGroup) -> Mapping[str, Attribute]:
    """Return what there is for a group."""
    return _table(group.target_type, group.protocol)


@cache
def _table(target_type: str, protocol: str) -> Mapping[str, Attribute]:
    """With an application load balancer as target, everything is as by default."""
    datagrams = protocol in UDP_PROTOCOLS
    always = datagrams or target_type == ALB
    by_default = str(target_type == INSTANCE).lower()
    table = {
        DRAINING: Attribute("300", NUMBER, 0, 3_600),
        ENDS_DRAINED: Attribute(str(datagrams).lower(), SWITCH),
        STICKY: Attribute("false") if protocol == TLS else Attribute("false", SWITCH),
        "stickiness.type": Attribute("source_ip"),
        PRESERVES_IP: Attribute("true") if always else Attribute(by_default, SWITCH),
        # Its header goes before a stream's bytes; before datagrams and TLS it is not modelled.
        PROXY_PROTOCOL: Attribute("false", SWITCH if protocol == TCP else ""),
        ENDS_UNHEALTHY: Attribute("true", SWITCH),
        UNHEALTHY_DRAINING: Attribute("0", NUMBER, 0, 360_000),
        CROSS_ZONE: Attribute(AS_BALANCER, f"{SWITCH}|{AS_BALANCER}"),
        **_HEALTH,
    }
    if target_type != ALB:
        return table
    return {key: Attribute(attribute.default) for key, attribute in table.items()}


def keeps_unhealthy_s(group: TargetGroup) -> int:
    """Return for how many seconds an unhealthy target keeps the flows that it has.

    0: not at all, unless flows are never ended for that reason.
    """
    if not group.is_network or _value(group, ENDS_UNHEALTHY) == "true":
        return 0
    return int(_value(group, UNHEALTHY_DRAINING))


def _value(group: TargetGroup, key: str) -> str:
    return group.attributes.get(key, of_group(group)[key].default)

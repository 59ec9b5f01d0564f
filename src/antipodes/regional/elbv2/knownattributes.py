"""Which attributes a thing has, by what it is, and what they are worth."""

from collections.abc import Mapping

from antipodes.regional.elbv2 import attributes, gatewayattributes, nlbattributes
from antipodes.regional.elbv2.attributes import Attribute
from antipodes.regional.elbv2.model import (
    GENEVE,
    HTTP,
    HTTPS,
    TLS,
    Listener,
    LoadBalancer,
    TargetGroup,
    invalid,
)
from antipodes.service.contract import ServiceError

_RESPONSE = "routing.http.response."
# Headers that a listener can add to answers: none of them is, here.
_ADDED = (
    "strict_transport_security",
    "access_control_allow_origin",
    "access_control_allow_methods",
    "access_control_allow_headers",
    "access_control_allow_credentials",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "x_content_type_options",
    "x_frame_options",
)
_OF_HTTP_LISTENER: Mapping[str, Attribute] = {
    f"{_RESPONSE}server.enabled": Attribute("true"),
    **{f"{_RESPONSE}{name}.header_value": Attribute("") for name in _ADDED},
}


def of(thing: LoadBalancer | TargetGroup | Listener) -> Mapping[str, Attribute]:
    """Return the attributes that a thing has."""
    of_gateways = _of_gateways(thing)
    if of_gateways is not None:
        return of_gateways
    match thing:
        case LoadBalancer():
            return nlbattributes.OF_BALANCER if thing.is_network else attributes.OF_BALANCER
        case TargetGroup():
            if thing.is_network:
                return nlbattributes.of_group(thing)
            return attributes.OF_GROUP[thing.target_type]
        case Listener():
            if thing.protocol == TLS:
                return nlbattributes.OF_TLS_LISTENER
            if thing.has_idle_timeout:
                return nlbattributes.OF_LISTENER
            return _OF_HTTP_LISTENER if thing.protocol in {HTTP, HTTPS} else {}


def _of_gateways(
    thing: LoadBalancer | TargetGroup | Listener,
) -> Mapping[str, Attribute] | None:
    match thing:
        case LoadBalancer():
            return gatewayattributes.OF_BALANCER if thing.is_gateway else None
        case TargetGroup():
            return gatewayattributes.OF_GROUP if thing.is_gateway else None
        case Listener():
            return gatewayattributes.OF_LISTENER if thing.protocol == GENEVE else None


def value(thing: LoadBalancer | TargetGroup | Listener, key: str) -> str:
    """Return what an attribute of a thing is worth."""
    return attributes.value(of(thing), thing.attributes, key)


def check_choice(group: TargetGroup) -> None:
    """Refuse what does not go together in how a group of addresses chooses its targets."""
    if group.is_gateway:
        chosen = [value(group, key) for key in gatewayattributes.FAILOVER]
        if len({*chosen}) > 1:
            raise invalid(f"{' and '.join(gatewayattributes.FAILOVER)} must have the same value")
        return
    if group.is_network or attributes.SLOW_START not in of(group):
        return
    slow_s = int(value(group, attributes.SLOW_START))
    if 0 < slow_s < attributes.SLOW_START_S_MIN:
        raise invalid(
            f"'{attributes.SLOW_START}' must be 0, or between {attributes.SLOW_START_S_MIN} and 900"
        )
    algorithm = value(group, attributes.ALGORITHM)
    if slow_s and algorithm != "round_robin":
        raise ServiceError(
            "InvalidConfigurationRequest", f"Slow start is not supported with '{algorithm}'"
        )
    by_application = value(group, attributes.STICKY_TYPE) == attributes.APP_COOKIE
    name = value(group, attributes.APP_COOKIE_NAME)
    if by_application and value(group, attributes.STICKY) == "true" and not name:
        raise invalid(f"'{attributes.APP_COOKIE_NAME}' must be specified")
    if name.startswith("AWSALB"):
        raise invalid(f"The cookie name '{name}' is reserved")


def check_thresholds(group: TargetGroup) -> None:
    """Refuse a zone that would leave the answer to queries later than it sends to all targets."""
    if group.is_gateway:
        return
    for dns, routing in (
        (attributes.DNS_COUNT, attributes.ROUTING_COUNT),
        (attributes.DNS_SHARE, attributes.ROUTING_SHARE),
    ):
        left, right = value(group, dns), value(group, routing)
        if "off" not in {left, right} and int(left) < int(right):
            raise ServiceError(
                "InvalidConfigurationRequest",
                f"'{dns}' ({left}) must be at least '{routing}' ({right})",
            )

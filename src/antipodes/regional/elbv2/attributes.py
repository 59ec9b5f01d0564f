"""Attributes of load balancers and target groups: names, defaults, and which can be changed.

An attribute that is listed without a pattern has its default here and no other: a change of it is
refused by name, since what it would do is not modelled.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from antipodes.regional.elbv2.model import INSTANCE, IP, LAMBDA, invalid, not_offered


class Attribute(NamedTuple):
    """An attribute: what it is, and the values that it can be given."""

    default: str
    pattern: str = ""
    low: int = 0
    high: int = 0


SWITCH = "true|false"
NUMBER = "[0-9]{1,9}"
AS_BALANCER = "use_load_balancer_configuration"

IDLE_TIMEOUT = "idle_timeout.timeout_seconds"
DELETION_PROTECTION = "deletion_protection.enabled"
PRESERVE_HOST = "routing.http.preserve_host_header.enabled"
DROP_INVALID = "routing.http.drop_invalid_header_fields.enabled"
CLIENT_KEEP_ALIVE = "client_keep_alive.seconds"
FORWARDED_MODE = "routing.http.xff_header_processing.mode"
MULTI_VALUE = "lambda.multi_value_headers.enabled"
DRAINING = "deregistration_delay.timeout_seconds"
CROSS_ZONE = "load_balancing.cross_zone.enabled"
ZONAL_SHIFT = "zonal_shift.config.enabled"
ALGORITHM = "load_balancing.algorithm.type"
LEAST_OUTSTANDING, RANDOM = "least_outstanding_requests", "weighted_random"
SLOW_START = "slow_start.duration_seconds"
SLOW_START_S_MIN = 30
STICKY, STICKY_TYPE = "stickiness.enabled", "stickiness.type"
LB_COOKIE, APP_COOKIE = "lb_cookie", "app_cookie"
LB_COOKIE_S = "stickiness.lb_cookie.duration_seconds"
APP_COOKIE_S = "stickiness.app_cookie.duration_seconds"
APP_COOKIE_NAME = "stickiness.app_cookie.cookie_name"
STICKY_S, STICKY_S_MAX = "86400", 604_800
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{0,256}"  # noqa: S105 - as RFC 6265 has it
_DNS = "target_group_health.dns_failover.minimum_healthy_targets"
DNS_COUNT, DNS_SHARE = f"{_DNS}.count", f"{_DNS}.percentage"
_ROUTING = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
ROUTING_COUNT, ROUTING_SHARE = f"{_ROUTING}.count", f"{_ROUTING}.percentage"

OF_BALANCER: Mapping[str, Attribute] = {
    "access_logs.s3.enabled": Attribute("false"),
    "access_logs.s3.bucket": Attribute(""),
    "access_logs.s3.prefix": Attribute(""),
    IDLE_TIMEOUT: Attribute("60", NUMBER, 1, 4_000),
    DELETION_PROTECTION: Attribute("false", SWITCH),
    "routing.http2.enabled": Attribute("true"),
    DROP_INVALID: Attribute("false", SWITCH),
    "routing.http.xff_client_port.enabled": Attribute("false"),
    PRESERVE_HOST: Attribute("false", SWITCH),
    FORWARDED_MODE: Attribute("append", "append|preserve|remove"),
    CROSS_ZONE: Attribute("true"),
    "routing.http.desync_mitigation_mode": Attribute("defensive"),
    CLIENT_KEEP_ALIVE: Attribute("3600", NUMBER, 60, 604_800),
    "waf.fail_open.enabled": Attribute("false"),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": Attribute("false"),
    ZONAL_SHIFT: Attribute("false", SWITCH),
    "connection_logs.s3.enabled": Attribute("false"),
    "connection_logs.s3.bucket": Attribute(""),
    "connection_logs.s3.prefix": Attribute(""),
    "health_check_logs.s3.enabled": Attribute("false"),
    "health_check_logs.s3.bucket": Attribute(""),
    "health_check_logs.s3.prefix": Attribute(""),
}
_OF_EVERY_GROUP: Mapping[str, Attribute] = {
    STICKY: Attribute("false"),
    ROUTING_SHARE: Attribute("off"),
    DNS_COUNT: Attribute("1"),
    DNS_SHARE: Attribute("off"),
    ROUTING_COUNT: Attribute("1"),
    CROSS_ZONE: Attribute(AS_BALANCER),
}
_OF_ADDRESSES: Mapping[str, Attribute] = {
    **_OF_EVERY_GROUP,
    DRAINING: Attribute("300", NUMBER, 0, 3_600),
    STICKY: Attribute("false", SWITCH),
    SLOW_START: Attribute("0", NUMBER, 0, 900),
    ALGORITHM: Attribute("round_robin", f"round_robin|{LEAST_OUTSTANDING}|{RANDOM}"),
    "load_balancing.algorithm.anomaly_mitigation": Attribute("off"),
    STICKY_TYPE: Attribute(LB_COOKIE, f"{LB_COOKIE}|{APP_COOKIE}"),
    LB_COOKIE_S: Attribute(STICKY_S, NUMBER, 1, STICKY_S_MAX),
    APP_COOKIE_NAME: Attribute("", _TOKEN),
    APP_COOKIE_S: Attribute(STICKY_S, NUMBER, 1, STICKY_S_MAX),
}
OF_GROUP: Mapping[str, Mapping[str, Attribute]] = {
    LAMBDA: {MULTI_VALUE: Attribute("false", SWITCH), **_OF_EVERY_GROUP},
    IP: _OF_ADDRESSES,
    INSTANCE: _OF_ADDRESSES,
}


def changed(
    known: Mapping[str, Attribute], present: dict[str, str], wanted: Sequence[dict[str, Any]]
) -> dict[str, str]:
    """Return attributes with some of them changed; nothing is changed where one is refused."""
    keys = [one.get("Key") or "" for one in wanted]
    if len({*keys}) != len(keys):
        raise invalid("An attribute key was specified more than once")
    merged = dict(present)
    for one in wanted:
        key, value = one.get("Key") or "", one.get("Value") or ""
        attribute = known.get(key)
        if attribute is None:
            raise invalid(f"Load balancer or target group attribute key '{key}' is not recognized")
        _check(key, attribute, value)
        merged[key] = value
    return merged


def _check(key: str, attribute: Attribute, value: str) -> None:
    if not attribute.pattern:
        if value != attribute.default:
            raise not_offered(f"'{value}' for the attribute '{key}'")
        return
    bounded = attribute.high > 0
    if re.fullmatch(attribute.pattern, value) is None or (
        bounded and not attribute.low <= int(value) <= attribute.high
    ):
        values = f"{attribute.low} to {attribute.high}" if bounded else attribute.pattern
        raise invalid(f"Attribute '{key}' cannot have the value '{value}': it takes {values}")


def shown(known: Mapping[str, Attribute], present: Mapping[str, str]) -> list[dict[str, str]]:
    """Return all attributes in the shape of the API."""
    return [
        {"Key": key, "Value": present.get(key, attribute.default)}
        for key, attribute in known.items()
    ]


def value(known: Mapping[str, Attribute], present: Mapping[str, str], key: str) -> str:
    """Return an attribute's value, or its default."""
    return present.get(key, known[key].default)

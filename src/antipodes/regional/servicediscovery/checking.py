"""What a service may say of DNS and health, and what attributes its instances may have.

Sources: AWS Cloud Map API reference, CreateService, DnsRecord, RegisterInstance; Developer Guide,
"AWS Cloud Map service quotas".
"""

from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any

from antipodes.regional.servicediscovery import model
from antipodes.regional.servicediscovery.model import MapService, Namespace
from antipodes.regional.servicediscovery.registry import invalid
from antipodes.service.contract import Request
from antipodes.service.numbers import whole_number

CUSTOM_MAX = 30  # attributes of an instance that are the customer's own
SIZE_MAX = 5000  # characters of all of them
ALIAS, MACHINE, FIRST_HEALTH = "AWS_ALIAS_DNS_NAME", "AWS_EC2_INSTANCE_ID", "AWS_INIT_HEALTH_STATUS"
CNAME, IPV4, IPV6 = "AWS_INSTANCE_CNAME", "AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"
PORT = "AWS_INSTANCE_PORT"
_KNOWN = frozenset({ALIAS, MACHINE, FIRST_HEALTH, CNAME, IPV4, IPV6, PORT})
_TOGETHER = (("A",), ("AAAA",), ("A", "AAAA"), ("SRV",), ("CNAME",))
WANTED = {"A": IPV4, "AAAA": IPV6, "CNAME": CNAME}
_PORT_MAX = 65535


def dns_config(namespace: Namespace, request: Request) -> tuple[str, tuple[tuple[str, int], ...]]:
    """The routing policy and the records of a new service; nothing for one without names."""
    config = request.get("DnsConfig")
    if config is None:
        if namespace.kind != model.HTTP and request.get("Type") != model.HTTP:
            raise invalid("A service in a DNS namespace needs DnsConfig, or the type HTTP.")
        return "", ()
    if namespace.kind == model.HTTP or request.get("Type") == model.HTTP:
        raise invalid("A service of the type HTTP has no DnsConfig.")
    records = dns_records(config)
    policy = config.get("RoutingPolicy") or model.MULTIVALUE
    if records[0][0] == "CNAME" and policy != model.WEIGHTED:
        raise invalid("CNAME records need the routing policy WEIGHTED.")
    return policy, records


def dns_records(config: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """The types and TTLs of records, which can be one of a few combinations."""
    found = tuple(sorted((one["Type"], one["TTL"]) for one in config["DnsRecords"]))
    if tuple(name for name, _ in found) not in _TOGETHER:
        raise invalid("DnsRecords are A, AAAA, A and AAAA, SRV, or CNAME.")
    return found


def attributes(service: MapService, given: Mapping[str, str]) -> None:
    """Refuse attributes that an instance of a service cannot have, and such as are missing."""
    custom = [name for name in given if name not in _KNOWN]
    if len(custom) > CUSTOM_MAX:
        raise invalid(f"An instance has at most {CUSTOM_MAX} custom attributes.")
    if any(name.startswith("AWS_") for name in custom):
        raise invalid("Names of custom attributes do not begin with AWS_.")
    if sum(len(name) + len(value) for name, value in given.items()) > SIZE_MAX:
        raise invalid(f"The attributes of an instance have at most {SIZE_MAX} characters.")
    _check_values(given)
    first = given.get(FIRST_HEALTH)
    if first is not None and not service.custom_health:
        raise invalid(f"{FIRST_HEALTH} needs a service with HealthCheckCustomConfig.")
    if first not in {None, model.HEALTHY, model.UNHEALTHY}:
        raise invalid(f"{FIRST_HEALTH} is HEALTHY or UNHEALTHY.")
    if MACHINE in given and not {*given} <= {MACHINE, FIRST_HEALTH}:
        raise invalid(f"{MACHINE} stands alone, or with {FIRST_HEALTH}.")
    if service.records:
        _check_named(service, given)
    elif ALIAS in given or CNAME in given:
        raise invalid(f"{ALIAS} and {CNAME} are for services with DNS records.")


def _check_values(given: Mapping[str, str]) -> None:
    for name, kind in ((IPV4, IPv4Address), (IPV6, IPv6Address)):
        if name in given:
            try:
                kind(given[name])
            except AddressValueError:
                raise invalid(f"{name} is no address: '{given[name]}'.") from None
    if PORT in given and not 0 <= whole_number(given[PORT]) <= _PORT_MAX:
        raise invalid(f"{PORT} is no port: '{given[PORT]}'.")


def _check_named(service: MapService, given: Mapping[str, str]) -> None:
    """What records are made of has to be there."""
    types = [name for name, _ in service.records]
    if MACHINE in given:
        raise invalid(f"{MACHINE} is for instances in HTTP namespaces.")
    if ALIAS in given:
        if types not in (["A"], ["AAAA"], ["A", "AAAA"]) or service.policy != model.WEIGHTED:
            raise invalid(f"{ALIAS} needs A or AAAA records, and the routing policy WEIGHTED.")
        if any(name.startswith("AWS_INSTANCE_") for name in given):
            raise invalid(f"{ALIAS} does not go with attributes of an instance.")
        return
    for one in types:
        wanted = WANTED.get(one)
        if wanted is not None and wanted not in given:
            raise invalid(f"An instance of a service with {one} records needs {wanted}.")
    if types == ["SRV"] and (PORT not in given or not {IPV4, IPV6} & {*given}):
        raise invalid(f"SRV records need {PORT}, and {IPV4}, {IPV6} or both.")

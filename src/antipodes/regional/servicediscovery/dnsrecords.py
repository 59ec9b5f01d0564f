"""Which records a service's instances have in the zone of its namespace.

Those that are ill have none, unless all are. Records of one name are a group: each has the id of
its instance for a set identifier.

Source: AWS Cloud Map API reference, DnsConfig, DnsRecord, RegisterInstance.
"""

from collections.abc import Iterable, Iterator

from antipodes.regional.servicediscovery import checking, model
from antipodes.regional.servicediscovery.model import DnsRecord, Instance, MapService, Namespace

_ADDRESSES = (("A", checking.IPV4), ("AAAA", checking.IPV6))


def records_of(
    namespace: Namespace, service: MapService, instances: Iterable[Instance], now: float
) -> tuple[DnsRecord, ...]:
    """All records of a service, in order."""
    every = list(instances)
    well = [one for one in every if model.health_of(one, now) == model.HEALTHY]
    chosen = well if well and service.custom_health else every
    return tuple(
        sorted(record for one in chosen for record in _of_instance(namespace, service, one))
    )


def _of_instance(namespace: Namespace, service: MapService, of: Instance) -> Iterator[DnsRecord]:
    apex = service.name == "."
    name = namespace.name if apex else f"{service.name}.{namespace.name}"
    for kind, ttl_s in service.records:
        if checking.ALIAS in of.attributes:
            alias = of.alias_zone, of.attributes[checking.ALIAS]
            yield DnsRecord(name, kind, of.id, service.policy, alias=alias)
        elif kind == "SRV":
            host, port = f"{of.id}.{name}", of.attributes[checking.PORT]
            yield DnsRecord(name, kind, of.id, service.policy, ttl_s, f"1 1 {port} {host}")
            for family, attribute in _ADDRESSES:
                if attribute in of.attributes:
                    value = of.attributes[attribute]
                    yield DnsRecord(host, family, of.id, service.policy, ttl_s, value)
        else:
            value = of.attributes[checking.WANTED[kind]]
            yield DnsRecord(name, kind, of.id, service.policy, ttl_s, value)

"""Namespaces, services, instances and operations, as the API shows them."""

from typing import Any

from antipodes.regional.servicediscovery.model import (
    HTTP,
    UNKNOWN,
    Instance,
    MapService,
    Namespace,
    Operation,
    health_of,
)
from antipodes.regional.servicediscovery.registry import Registry

Thing = dict[str, Any]


def namespace(service: Registry, of: Namespace, *, summary: bool = False) -> Thing:
    """A namespace; a list has it without the token that it was made with."""
    properties: Thing = {"HttpProperties": {"HttpName": of.http_name}}
    dns: Thing = {"HostedZoneId": of.zone, "SOA": {"TTL": of.soa_ttl_s}} if of.zone else {}
    properties["DnsProperties"] = dns or {"SOA": {}}
    found: Thing = {
        "Id": of.id,
        "Arn": service.arn("namespace", of.account, of.id),
        "ResourceOwner": of.account,
        "Name": of.name,
        "Type": of.kind,
        "ServiceCount": len(service.services_in(of)),
        "Properties": properties,
        "CreateDate": of.created_at,
    }
    return _told(found, of, summary=summary)


def _told(found: Thing, of: Namespace | MapService, *, summary: bool) -> Thing:
    if of.description:
        found["Description"] = of.description
    if of.creator and not summary:
        found["CreatorRequestId"] = of.creator
    return found


def map_service(service: Registry, of: MapService, *, summary: bool = False) -> Thing:
    """A service; a list has it without the namespace and the token that it was made with."""
    found: Thing = {
        "Id": of.id,
        "Arn": service.arn("service", of.account, of.id),
        "ResourceOwner": of.account,
        "CreatedByAccount": of.account,
        "Name": of.name,
        "InstanceCount": service.count(of),
        "Type": "DNS_HTTP" if of.records else HTTP,
        "CreateDate": of.created_at,
    }
    if not summary:
        found["NamespaceId"] = of.namespace
    if of.records:
        found["DnsConfig"] = {
            "NamespaceId": of.namespace,
            "RoutingPolicy": of.policy,
            "DnsRecords": [{"Type": name, "TTL": ttl_s} for name, ttl_s in of.records],
        }
    if of.custom_health:
        found["HealthCheckCustomConfig"] = {"FailureThreshold": 1}
    return _told(found, of, summary=summary)


def instance(of: Instance, account: str, *, summary: bool = False) -> Thing:
    """An instance."""
    found: Thing = {"Id": of.id, "Attributes": of.attributes, "CreatedByAccount": account}
    if of.creator and not summary:
        found["CreatorRequestId"] = of.creator
    return found


def health(service: MapService, of: Instance, now: float) -> str:
    """The health of an instance: unknown where nobody looks after it."""
    return health_of(of, now) if service.custom_health else UNKNOWN


def operation(of: Operation) -> Thing:
    """An operation, with the ids of what it is about."""
    targets = {"NAMESPACE": of.namespace.id}
    if of.service is not None:
        targets = {"SERVICE": of.service.id}
    if of.instance is not None:
        targets = {"INSTANCE": of.instance.id}
    found: Thing = {
        "Id": of.id,
        "OwnerAccount": of.account,
        "Type": of.kind,
        "Status": of.status,
        "CreateDate": of.created_at,
        "UpdateDate": of.updated_at,
        "Targets": targets,
    }
    if of.code:
        found |= {"ErrorCode": of.code, "ErrorMessage": of.message}
    return found

"""Operations on services, one thin function each."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from antipodes.regional.servicediscovery import checking, model, shown, working
from antipodes.regional.servicediscovery.model import MapService, Namespace
from antipodes.regional.servicediscovery.registry import invalid
from antipodes.regional.servicediscovery.service import (
    ServiceDiscovery,
    filtered,
    operations,
    page,
    tags_given,
)
from antipodes.service.contract import Call, Request, Response, ServiceError

ATTRIBUTES_MAX = 30  # of a service
_FILTERS: Mapping[str, Callable[[MapService], str]] = {
    "NAMESPACE_ID": lambda one: one.namespace,
    "RESOURCE_OWNER": lambda _: "SELF",
}
_CONDITIONS: Mapping[str, Sequence[str]] = {"NAMESPACE_ID": ("EQ", "IN")}


@operations("CreateService")
def create_service(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    names = [request.get("NamespaceId"), (request.get("DnsConfig") or {}).get("NamespaceId")]
    given = list(dict.fromkeys(name for name in names if name))
    if len(given) != 1:
        raise invalid("A service is in one namespace, which NamespaceId says.")
    _check_health(request)
    namespace = _stays(service, service.namespace(call, given[0]))
    policy, records = checking.dns_config(namespace, request)
    tags = tags_given(request)
    _check_new(service, namespace, request["Name"], by_name=bool(records))
    made = MapService(
        *(f"srv-{service.draw(16)}", call.account, namespace.id, request["Name"]),
        *(request.get("Description") or "", request.get("CreatorRequestId") or "", service.now),
        *(policy, records, request.get("HealthCheckCustomConfig") is not None),
    )
    service.services.put(call.account, made.id, made)
    service.tag(call.account, service.arn("service", call.account, made.id), tags)
    return {"Service": shown.map_service(service, made)}


def _stays(service: ServiceDiscovery, namespace: Namespace) -> Namespace:
    """A namespace that is not being deleted."""
    for one in service.operation_records.list(namespace.account):
        ends = (one.kind, one.status) == (model.DELETE_NAMESPACE, model.PENDING)
        if ends and one.namespace.id == namespace.id:
            raise ServiceError("NamespaceNotFound", f"{namespace.id} is being deleted.")
    return namespace


def _check_health(request: Request) -> None:
    if request.get("HealthCheckConfig") is None:
        return
    if request.get("HealthCheckCustomConfig") is not None:
        raise invalid("A service has HealthCheckConfig or HealthCheckCustomConfig, and not both.")
    raise invalid("HealthCheckConfig is not offered here; HealthCheckCustomConfig is.")


def _check_new(
    service: ServiceDiscovery, namespace: Namespace, name: str, *, by_name: bool
) -> None:
    """Refuse a name that is taken; where it is one of DNS, without its case."""
    for one in service.services_in(namespace):
        is_same = one.name == name
        if by_name and one.records:
            is_same = one.name.lower() == name.lower()
        if is_same:
            raise ServiceError(
                "ServiceAlreadyExists",
                f"Service already exists in namespace {namespace.id}.",
                CreatorRequestId=one.creator,
                ServiceId=one.id,
                ServiceArn=service.arn("service", one.account, one.id),
            )


@operations("GetService")
def get_service(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    return {"Service": shown.map_service(service, service.map_service(call, request["Id"]))}


@operations("ListServices")
def list_services(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    own = service.services.list(call.account)
    found = filtered(own, request.get("Filters"), _FILTERS, _CONDITIONS)
    return page(
        request, found, "Services", lambda one: shown.map_service(service, one, summary=True)
    )


@operations("UpdateService")
def update_service(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    """Change a description and the TTLs of records; those that are left out are no more."""
    had, change = service.map_service(call, request["Id"]), request["Service"]
    namespace = service.namespaces.get(call.account, had.namespace)
    assert namespace is not None, "a namespace stays while it has services"
    if namespace.kind == model.HTTP:
        raise invalid("Services in HTTP namespaces cannot be updated.")
    _check_health(change)
    records = checking.dns_records(change["DnsConfig"]) if change.get("DnsConfig") else ()
    if not {name for name, _ in records} <= {name for name, _ in had.records}:
        raise invalid("A service cannot have other types of DNS records than it was made with.")
    description = change.get("Description")
    changed = msgspec.structs.replace(
        had,
        description=had.description if description is None else description,
        records=records,
    )
    return working.begin(service, model.UPDATE_SERVICE, namespace, changed)


@operations("DeleteService")
def delete_service(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    found = service.map_service(call, request["Id"])
    under_way = any(
        one.status == model.PENDING and one.service is not None and one.service.id == found.id
        for one in service.operation_records.list(call.account)
    )
    if service.count(found) or under_way:
        raise ServiceError("ResourceInUse", "Service contains registered instances.")
    service.services.delete(call.account, found.id)
    service.published.delete(call.account, found.id)
    service.tag(call.account, service.arn("service", call.account, found.id), {})
    return {}


@operations("GetServiceAttributes")
def get_service_attributes(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    found = service.map_service(call, request["ServiceId"])
    told = {
        "ServiceArn": service.arn("service", call.account, found.id),
        "ResourceOwner": call.account,
        "Attributes": found.attributes,
    }
    return {"ServiceAttributes": told}


@operations("UpdateServiceAttributes")
def update_service_attributes(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    had = service.map_service(call, request["ServiceId"])
    attributes = had.attributes | request["Attributes"]
    if len(attributes) > ATTRIBUTES_MAX:
        raise ServiceError(
            "ServiceAttributesLimitExceededException",
            f"A service has at most {ATTRIBUTES_MAX} attributes.",
        )
    return _with_attributes(service, had, attributes)


@operations("DeleteServiceAttributes")
def delete_service_attributes(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    had, gone = service.map_service(call, request["ServiceId"]), request["Attributes"]
    missing = [name for name in gone if name not in had.attributes]
    if missing:
        raise invalid(f"The service has no attribute '{missing[0]}'.")
    kept = {name: value for name, value in had.attributes.items() if name not in gone}
    return _with_attributes(service, had, kept)


def _with_attributes(
    service: ServiceDiscovery, had: MapService, attributes: dict[str, str]
) -> Response:
    changed = msgspec.structs.replace(had, attributes=attributes)
    service.services.put(had.account, had.id, changed)
    return {}

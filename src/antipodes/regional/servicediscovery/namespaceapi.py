"""Operations on namespaces, one thin function each; those of DNS are in `dnsapi`."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from antipodes.regional.servicediscovery import model, shown, working
from antipodes.regional.servicediscovery.model import Namespace
from antipodes.regional.servicediscovery.registry import invalid
from antipodes.regional.servicediscovery.service import (
    ServiceDiscovery,
    filtered,
    operations,
    page,
    tags_given,
)
from antipodes.service.contract import Call, Request, Response, ServiceError

NAMESPACES_MAX = 50  # of an account in a region, by AWS's default quota
_FILTERS: Mapping[str, Callable[[Namespace], str]] = {
    "TYPE": lambda one: one.kind,
    "NAME": lambda one: one.name,
    "HTTP_NAME": lambda one: one.http_name,
    "RESOURCE_OWNER": lambda _: "SELF",
}
_CONDITIONS: Mapping[str, Sequence[str]] = {
    "TYPE": ("EQ", "IN"),
    "NAME": ("EQ", "BEGINS_WITH"),
    "HTTP_NAME": ("EQ", "BEGINS_WITH"),
}


def wanted(service: ServiceDiscovery, call: Call, request: Request, kind: str) -> Namespace:
    """The namespace that a request asks for; refuse one that is there, and one too many."""
    name, there = request["Name"], known(service, call)
    for one in there:
        if one.kind == kind and one.name == name and one.vpc == (request.get("Vpc") or ""):
            raise ServiceError(
                "NamespaceAlreadyExists",
                f"A namespace with the name '{name}' already exists.",
                NamespaceId=one.id,
                CreatorRequestId=one.creator,
            )
    if len(there) >= NAMESPACES_MAX:
        raise ServiceError(
            "ResourceLimitExceeded", f"An account has at most {NAMESPACES_MAX} namespaces."
        )
    found = f"ns-{service.draw(16)}"
    http_name = name
    if any(one.http_name == name for one in there):
        http_name = f"{name}-{hashlib.sha256(found.encode()).hexdigest()[:8]}"
    ttl_s = soa_ttl_s(request)
    return Namespace(
        *(found, call.account, name, kind, http_name, request.get("Description") or ""),
        *(request.get("CreatorRequestId") or "", service.now),
        vpc=request.get("Vpc") or "",
        soa_ttl_s=model.SOA_TTL_S if ttl_s is None else ttl_s,
    )


def soa_ttl_s(request: Request) -> int | None:
    """The TTL of a zone's SOA record that a request says, if it does."""
    properties = request.get("Properties") or {}
    found: int | None = ((properties.get("DnsProperties") or {}).get("SOA") or {}).get("TTL")
    return found


def known(service: ServiceDiscovery, call: Call) -> list[Namespace]:
    """The caller's namespaces, and those that are being made."""
    made = [
        one.namespace
        for one in service.operation_records.list(call.account)
        if (one.kind, one.status) == (model.CREATE_NAMESPACE, model.PENDING)
    ]
    return [*service.namespaces.list(call.account), *made]


@operations("CreateHttpNamespace")
def create_http_namespace(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    tags = tags_given(request)
    namespace = wanted(service, call, request, model.HTTP)
    service.tag(call.account, service.arn("namespace", call.account, namespace.id), tags)
    return working.begin(service, model.CREATE_NAMESPACE, namespace)


@operations("UpdateHttpNamespace")
def update_http_namespace(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    namespace = of_kind(service.namespace(call, request["Id"]), model.HTTP)
    description = request["Namespace"]["Description"]
    changed = msgspec.structs.replace(namespace, description=description)
    return working.begin(service, model.UPDATE_NAMESPACE, changed)


def of_kind(namespace: Namespace, kind: str) -> Namespace:
    """A namespace of the kind that an operation is for."""
    if namespace.kind != kind:
        raise invalid(f"The namespace {namespace.id} is of the type {namespace.kind}.")
    return namespace


@operations("GetNamespace")
def get_namespace(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    namespace = service.namespace(call, request["Id"])
    return {"Namespace": shown.namespace(service, namespace)}


@operations("ListNamespaces")
def list_namespaces(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    own = service.namespaces.list(call.account)
    found = filtered(own, request.get("Filters"), _FILTERS, _CONDITIONS)
    return page(
        request, found, "Namespaces", lambda one: shown.namespace(service, one, summary=True)
    )


@operations("DeleteNamespace")
def delete_namespace(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    namespace = service.namespace(call, request["Id"])
    if service.services_in(namespace):
        raise ServiceError(
            "ResourceInUse", "Namespace has associated services and cannot be deleted."
        )
    return working.begin(service, model.DELETE_NAMESPACE, namespace)

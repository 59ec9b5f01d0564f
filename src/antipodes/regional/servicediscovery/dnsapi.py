"""Operations on namespaces that have a hosted zone, one thin function each."""

import msgspec

from antipodes.regional.servicediscovery import model, working
from antipodes.regional.servicediscovery.namespaceapi import of_kind, soa_ttl_s, wanted
from antipodes.regional.servicediscovery.service import ServiceDiscovery, operations, tags_given
from antipodes.service.contract import Call, Request, Response


@operations("CreatePrivateDnsNamespace")
def create_private_dns_namespace(
    service: ServiceDiscovery, call: Call, request: Request
) -> Response:
    """Whether the network is there is for Route 53 to say, while the operation goes on."""
    return _create(service, call, request, model.PRIVATE)


@operations("CreatePublicDnsNamespace")
def create_public_dns_namespace(
    service: ServiceDiscovery, call: Call, request: Request
) -> Response:
    return _create(service, call, request, model.PUBLIC)


def _create(service: ServiceDiscovery, call: Call, request: Request, kind: str) -> Response:
    tags = tags_given(request)
    namespace = wanted(service, call, request, kind)
    service.tag(call.account, service.arn("namespace", call.account, namespace.id), tags)
    return working.begin(service, model.CREATE_NAMESPACE, namespace)


@operations("UpdatePrivateDnsNamespace")
def update_private_dns_namespace(
    service: ServiceDiscovery, call: Call, request: Request
) -> Response:
    return _update(service, call, request, model.PRIVATE)


@operations("UpdatePublicDnsNamespace")
def update_public_dns_namespace(
    service: ServiceDiscovery, call: Call, request: Request
) -> Response:
    return _update(service, call, request, model.PUBLIC)


def _update(service: ServiceDiscovery, call: Call, request: Request, kind: str) -> Response:
    had, change = of_kind(service.namespace(call, request["Id"]), kind), request["Namespace"]
    description, ttl_s = change.get("Description"), soa_ttl_s(change)
    changed = msgspec.structs.replace(
        had,
        description=had.description if description is None else description,
        soa_ttl_s=had.soa_ttl_s if ttl_s is None else ttl_s,
    )
    return working.begin(service, model.UPDATE_NAMESPACE, changed)

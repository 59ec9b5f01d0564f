"""Operations: begun, under way, and ended with what they bring about.

What is in no hosted zone is done at once. A namespace, a service or an instance takes one operation
at a time.
"""

from typing import Any

import msgspec

from antipodes.regional.servicediscovery import model
from antipodes.regional.servicediscovery.model import Instance, MapService, Namespace, Operation
from antipodes.regional.servicediscovery.service import ServiceDiscovery
from antipodes.service.contract import Response, ServiceError

KEPT_MAX = 1000  # ended operations of an account


def begin(
    service: ServiceDiscovery,
    kind: str,
    namespace: Namespace,
    map_service: MapService | None = None,
    instance: Instance | None = None,
) -> Response:
    """Begin an operation; the answer tells of it. Raises DuplicateRequest while one goes on."""
    known = service.operation_records.list(namespace.account)
    for one in known:
        if one.status == model.PENDING and _is_in_the_way(one, namespace, map_service, instance):
            raise ServiceError(
                "DuplicateRequest",
                "Another operation of type "
                f"{one.kind} and id {one.id} is already in progress for the same resource.",
                DuplicateOperationId=one.id,
            )
    _forget(service, known)
    now = service.now
    number = max((one.number for one in known), default=0) + 1
    made = Operation(
        f"{service.draw(32)}-{service.draw(8)}",
        namespace.account,
        kind,
        model.PENDING,
        created_at=now,
        updated_at=now,
        number=number,
        namespace=namespace,
        service=map_service,
        instance=instance,
    )
    succeed(service, made)
    return {"OperationId": made.id}


def _is_in_the_way(
    one: Operation,
    namespace: Namespace,
    map_service: MapService | None,
    instance: Instance | None,
) -> bool:
    """Whether an operation is about the same thing, or about what that is in."""
    if one.namespace.id != namespace.id:
        return False
    if one.service is None or map_service is None:
        return True
    same = one.service.id == map_service.id
    return same and (one.instance is None or instance is None or one.instance.id == instance.id)


def _forget(service: ServiceDiscovery, known: list[Operation]) -> None:
    ended = sorted(
        (one for one in known if one.status != model.PENDING), key=lambda one: one.number
    )
    for one in ended[: len(ended) + 1 - KEPT_MAX]:
        service.operation_records.delete(one.account, one.id)


def succeed(service: ServiceDiscovery, of: Operation) -> None:
    """End an operation with what it was to bring about."""
    _ENDS[of.kind](service, of)
    _end(service, of, status=model.SUCCESS)


def fail(service: ServiceDiscovery, of: Operation, code: str, message: str) -> None:
    """End an operation without."""
    _end(service, of, status=model.FAIL, code=code, message=message)


def _end(service: ServiceDiscovery, of: Operation, **fields: Any) -> None:
    ended = msgspec.structs.replace(of, updated_at=service.now, **fields)
    service.operation_records.put(of.account, of.id, ended)


def _keep_namespace(service: ServiceDiscovery, of: Operation) -> None:
    service.namespaces.put(of.account, of.namespace.id, of.namespace)


def _delete_namespace(service: ServiceDiscovery, of: Operation) -> None:
    service.namespaces.delete(of.account, of.namespace.id)
    service.tag(of.account, service.arn("namespace", of.account, of.namespace.id), {})


def _update_service(service: ServiceDiscovery, of: Operation) -> None:
    """The revision of its instances and its attributes may have moved on since it was asked."""
    assert of.service is not None
    now = service.services.get(of.account, of.service.id)
    assert now is not None, "a service stays while something is done with it"
    changed = msgspec.structs.replace(
        now, description=of.service.description, records=of.service.records
    )
    service.services.put(of.account, changed.id, changed)


def _register(service: ServiceDiscovery, of: Operation) -> None:
    assert of.service is not None
    assert of.instance is not None
    service.put_instance(of.service, of.instance)
    _revise(service, of.service)


def _deregister(service: ServiceDiscovery, of: Operation) -> None:
    assert of.service is not None
    assert of.instance is not None
    service.delete_instance(of.service, of.instance.id)
    _revise(service, of.service)


def _revise(service: ServiceDiscovery, of: MapService) -> None:
    now = service.services.get(of.account, of.id)
    assert now is not None, "a service stays while something is done with it"
    changed = msgspec.structs.replace(now, revision=now.revision + 1)
    service.services.put(of.account, of.id, changed)


_ENDS = {
    model.CREATE_NAMESPACE: _keep_namespace,
    model.UPDATE_NAMESPACE: _keep_namespace,
    model.DELETE_NAMESPACE: _delete_namespace,
    model.UPDATE_SERVICE: _update_service,
    model.REGISTER: _register,
    model.DEREGISTER: _deregister,
}

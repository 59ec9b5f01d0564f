"""How operations begin.

What is in no hosted zone is done at once; all else when Route 53 has answered (`publishing`). A
namespace, a service or an instance takes one operation at a time.
"""

from antipodes.regional.servicediscovery import ending, model
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
    without = map_service is not None and not map_service.records and kind != model.UPDATE_SERVICE
    if namespace.kind == model.HTTP or without:
        ending.succeed(service, made)
    else:
        service.operation_records.put(made.account, made.id, made)
        service.publishing.work(namespace)
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

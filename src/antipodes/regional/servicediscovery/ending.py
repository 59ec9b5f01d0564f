"""How operations end: with what they were to bring about, or without."""

from typing import Any

import msgspec

from antipodes.regional.servicediscovery import model
from antipodes.regional.servicediscovery.model import MapService, Operation
from antipodes.regional.servicediscovery.registry import Registry


def succeed(service: Registry, of: Operation) -> None:
    """End an operation with what it was to bring about."""
    _ENDS[of.kind](service, of)
    _end(service, of, status=model.SUCCESS)


def fail(service: Registry, of: Operation, code: str, message: str) -> None:
    """End an operation without."""
    if of.kind == model.CREATE_NAMESPACE:
        service.tag(of.account, service.arn("namespace", of.account, of.namespace.id), {})
    _end(service, of, status=model.FAIL, code=code, message=message)


def _end(service: Registry, of: Operation, **fields: Any) -> None:
    ended = msgspec.structs.replace(of, updated_at=service.now, **fields)
    service.operation_records.put(of.account, of.id, ended)


def _keep_namespace(service: Registry, of: Operation) -> None:
    service.namespaces.put(of.account, of.namespace.id, of.namespace)


def _delete_namespace(service: Registry, of: Operation) -> None:
    service.namespaces.delete(of.account, of.namespace.id)
    service.tag(of.account, service.arn("namespace", of.account, of.namespace.id), {})


def _update_service(service: Registry, of: Operation) -> None:
    """The revision of its instances and its attributes may have moved on since it was asked."""
    assert of.service is not None
    now = service.services.get(of.account, of.service.id)
    assert now is not None, "a service stays while something is done with it"
    changed = msgspec.structs.replace(
        now, description=of.service.description, records=of.service.records
    )
    service.services.put(of.account, changed.id, changed)


def _register(service: Registry, of: Operation) -> None:
    assert of.service is not None
    assert of.instance is not None
    service.put_instance(of.service, of.instance)
    _revise(service, of.service)


def _deregister(service: Registry, of: Operation) -> None:
    assert of.service is not None
    assert of.instance is not None
    service.delete_instance(of.service, of.instance.id)
    _revise(service, of.service)


def _revise(service: Registry, of: MapService) -> None:
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

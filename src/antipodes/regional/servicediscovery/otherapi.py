"""Operations on operations and on tags, one thin function each."""

from collections.abc import Callable, Mapping, Sequence

from antipodes.regional.servicediscovery import shown
from antipodes.regional.servicediscovery.model import Operation
from antipodes.regional.servicediscovery.service import (
    ServiceDiscovery,
    check_tags,
    filtered,
    operations,
    page,
    tags_given,
)
from antipodes.service.contract import Call, Request, Response, ServiceError

_FILTERS: Mapping[str, Callable[[Operation], object]] = {
    "NAMESPACE_ID": lambda one: one.namespace.id,
    "SERVICE_ID": lambda one: one.service.id if one.service is not None else "",
    "STATUS": lambda one: one.status,
    "TYPE": lambda one: one.kind,
    "UPDATE_DATE": lambda one: one.updated_at,
}
_CONDITIONS: Mapping[str, Sequence[str]] = {
    "NAMESPACE_ID": ("EQ", "IN"),
    "SERVICE_ID": ("EQ", "IN"),
    "STATUS": ("EQ", "IN"),
    "TYPE": ("EQ", "IN"),
    "UPDATE_DATE": ("BETWEEN",),
}


@operations("GetOperation")
def get_operation(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    name, own = request["OperationId"], request.get("OwnerAccount") in {None, call.account}
    found = service.operation_records.get(call.account, name) if own else None
    if found is None:
        raise ServiceError("OperationNotFound", f"No operation exists with the ID '{name}'.")
    return {"Operation": shown.operation(found)}


@operations("ListOperations")
def list_operations(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    """The latest first."""
    own = sorted(service.operation_records.list(call.account), key=lambda one: -one.number)
    found = filtered(own, request.get("Filters"), _FILTERS, _CONDITIONS)
    return page(request, found, "Operations", lambda one: {"Id": one.id, "Status": one.status})


@operations("TagResource")
def tag_resource(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    arn = request["ResourceARN"]
    service.check_tagged(call, arn)
    tags = service.tags_of(call.account, arn) | tags_given(request, arn)
    check_tags(tags, arn)
    service.tag(call.account, arn, tags)
    return {}


@operations("UntagResource")
def untag_resource(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    arn = request["ResourceARN"]
    service.check_tagged(call, arn)
    kept = service.tags_of(call.account, arn)
    service.tag(
        call.account,
        arn,
        {key: value for key, value in kept.items() if key not in request["TagKeys"]},
    )
    return {}


@operations("ListTagsForResource")
def list_tags_for_resource(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    arn = request["ResourceARN"]
    service.check_tagged(call, arn)
    tags = service.tags_of(call.account, arn)
    return {"Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}

"""What clients of services ask: which instances there are. This is the data plane."""

from collections.abc import Mapping, Sequence

from antipodes.regional.servicediscovery import model, shown
from antipodes.regional.servicediscovery.model import Instance, MapService, Namespace
from antipodes.regional.servicediscovery.service import ServiceDiscovery, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

RESULTS_MAX = 100  # unless a request says otherwise


def _asked(service: ServiceDiscovery, call: Call, request: Request) -> tuple[Namespace, MapService]:
    """The service that a request calls by its name, in a namespace that it calls by its own."""
    name, own = request["NamespaceName"], request.get("OwnerAccount") in {None, call.account}
    known = service.namespaces.list(call.account) if own else []
    namespace = next((one for one in known if one.http_name == name), None)
    if namespace is None:
        raise ServiceError("NamespaceNotFound", f"No namespace exists with the name '{name}'.")
    for one in service.services_in(namespace):
        if one.name == request["ServiceName"]:
            return namespace, one
    raise ServiceError(
        "ServiceNotFound", f"No service exists with the name '{request['ServiceName']}'."
    )


@operations("DiscoverInstances")
def discover_instances(service: ServiceDiscovery, call: Call, request: Request) -> Response:
    """In an order drawn by lot, so that traffic is spread."""
    namespace, found = _asked(service, call, request)
    matching = _matching(service.instances(found), request.get("QueryParameters") or {})
    now = service.now
    chosen = _healthy(found, matching, request.get("HealthStatus") or "ALL", now)
    preferred = request.get("OptionalParameters")
    if preferred:
        chosen = _matching(chosen, preferred) or chosen
    service.host.runtime.chance("servicediscovery/order").shuffle(chosen)
    told = [
        {
            "InstanceId": one.id,
            "NamespaceName": namespace.http_name,
            "ServiceName": found.name,
            "HealthStatus": shown.health(found, one, now),
            "Attributes": one.attributes,
        }
        for one in chosen[: request.get("MaxResults") or RESULTS_MAX]
    ]
    return {"Instances": told, "InstancesRevision": found.revision}


def _matching(instances: Sequence[Instance], wanted: Mapping[str, str]) -> list[Instance]:
    return [
        one
        for one in instances
        if all(one.attributes.get(name) == value for name, value in wanted.items())
    ]


def _healthy(of: MapService, instances: list[Instance], wanted: str, now: float) -> list[Instance]:
    """Those of the health that is asked for; where nobody looks after it, all of them."""
    if not of.custom_health or wanted == "ALL":
        return instances
    health = model.UNHEALTHY if wanted == model.UNHEALTHY else model.HEALTHY
    found = [one for one in instances if model.health_of(one, now) == health]
    return found or (instances if wanted == "HEALTHY_OR_ELSE_ALL" else [])


@operations("DiscoverInstancesRevision")
def discover_instances_revision(
    service: ServiceDiscovery, call: Call, request: Request
) -> Response:
    _, found = _asked(service, call, request)
    return {"InstancesRevision": found.revision}

"""Tags of hosted zones and health checks."""

from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Route53, Tags, bare, no_such_zone, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

TAGS_MAX = 10  # of a resource (botocore's model of ChangeTagsForResource)


def _key(service: Route53, call: Call, kind: str, given: str) -> str:
    """A resource's key. Raises if it is not there."""
    found = bare(given)
    if kind == "hostedzone" and service.zones.get(call.account, found) is None:
        raise no_such_zone(given)
    if kind == "healthcheck" and service.health_checks.get(call.account, found) is None:
        raise ServiceError(
            "NoSuchHealthCheck", f"A health check with id {found} does not exist.", 404
        )
    return f"{kind}/{found}"


def _tags(service: Route53, call: Call, key: str) -> dict[str, str]:
    found = service.tags.get(call.account, key)
    return {} if found is None else dict(found.tags)


@operations("ChangeTagsForResource")
def change_tags(service: Route53, call: Call, request: Request) -> Response:
    key = _key(service, call, request["ResourceType"], request["ResourceId"])
    if not request.get("AddTags") and not request.get("RemoveTagKeys"):
        raise invalid_input("AddTags or RemoveTagKeys must be given")
    tags = _tags(service, call, key)
    for name in request.get("RemoveTagKeys") or ():
        tags.pop(name, None)
    for tag in request.get("AddTags") or ():
        if not tag.get("Key"):
            raise invalid_input("A tag must have a Key")
        tags[tag["Key"]] = tag.get("Value") or ""
    if len(tags) > TAGS_MAX:
        raise invalid_input(f"A resource has at most {TAGS_MAX} tags")
    service.tags.put(call.account, key, Tags(tags))
    return {}


def _show(service: Route53, call: Call, kind: str, given: str) -> Response:
    tags = _tags(service, call, _key(service, call, kind, given))
    return {
        "ResourceType": kind,
        "ResourceId": bare(given),
        "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
    }


@operations("ListTagsForResource")
def list_tags(service: Route53, call: Call, request: Request) -> Response:
    shown = _show(service, call, request["ResourceType"], request["ResourceId"])
    return {"ResourceTagSet": shown}


@operations("ListTagsForResources")
def list_tags_of_several(service: Route53, call: Call, request: Request) -> Response:
    kind = request["ResourceType"]
    found = [_show(service, call, kind, given) for given in request["ResourceIds"]]
    return {"ResourceTagSets": found}

"""EC2's operations on tags, of whatever has an id."""

from antipodes.regional.ec2 import filters, kinds
from antipodes.regional.ec2.answering import check_dry_run, page
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import check_number, pairs
from antipodes.service.contract import Call, Request, Response, ServiceError


@operations("CreateTags")
def create_tags(service: Ec2, call: Call, request: Request) -> Response:
    estate, given = service.estate, dict(pairs(request.get("Tags") or []))
    if not given:
        raise ServiceError("MissingParameter", "The request must contain the parameter Tags")
    names = request.get("Resources") or []
    for name in names:
        estate.check(call.account, name)
        check_number(estate.tags(call.account, name) | given)
    check_dry_run(request)
    for name in names:
        estate.tag(call.account, name, estate.tags(call.account, name) | given)
    return {}


@operations("DeleteTags")
def delete_tags(service: Ec2, call: Call, request: Request) -> Response:
    """A key without a value takes any; one with a value, which may be empty, takes that only."""
    estate, names = service.estate, request.get("Resources") or []
    for name in names:
        estate.check(call.account, name)
    check_dry_run(request)
    taken = request.get("Tags")
    for name in names:
        kept = estate.tags(call.account, name) if taken else {}
        for tag in taken or []:
            key = tag.get("Key") or ""
            if "Value" not in tag or kept.get(key) == tag["Value"]:
                kept.pop(key, None)
        estate.tag(call.account, name, kept)
    return {}


@operations("DescribeTags")
def describe_tags(service: Ec2, call: Call, request: Request) -> Response:
    tags = [
        {"ResourceId": name, "ResourceType": kinds.resource_of(name), "Key": key, "Value": value}
        for name, found in service.estate.all_tags(call.account)
        for key, value in found.items()
    ]
    return page(tags, request, filters.TAG_FILTERS, "Tags")

"""Elastic Load Balancing's API, 2015-12-01, as a host runs it: the service with its operations."""

import msgspec

from antipodes.regional.elbv2 import (
    balancerapi,
    certificateapi,
    groupapi,
    listenerapi,
    model,
)
from antipodes.regional.elbv2.service import ElbV2, operations
from antipodes.service.contract import Call, Request, Response

__all__ = ["ElbV2", "balancerapi", "certificateapi", "groupapi", "listenerapi"]

replace = msgspec.structs.replace


# Tags.


@operations("AddTags")
def add_tags(service: ElbV2, call: Call, request: Request) -> Response:
    records = [service.tagged(call, arn) for arn in request["ResourceArns"]]
    changed = [
        replace(record, tags=model.merge_tags(record.tags, request["Tags"])) for record in records
    ]
    for record in changed:
        service.registry.put(record)
    return {}


@operations("RemoveTags")
def remove_tags(service: ElbV2, call: Call, request: Request) -> Response:
    gone = request["TagKeys"]
    records = [service.tagged(call, arn) for arn in request["ResourceArns"]]
    for record in records:
        tags = {key: value for key, value in record.tags.items() if key not in gone}
        service.registry.put(replace(record, tags=tags))
    return {}


@operations("DescribeTags")
def describe_tags(service: ElbV2, call: Call, request: Request) -> Response:
    descriptions = []
    for arn in request["ResourceArns"]:
        tags = service.tagged(call, arn).tags
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        descriptions.append({"ResourceArn": arn, "Tags": pairs})
    return {"TagDescriptions": descriptions}

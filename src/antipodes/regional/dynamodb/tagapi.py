"""Operations on tags, one thin function each.

Wording as observed of AWS (ack-api-quirks, services/dynamodb, DDB-TABLE-105, 106, 110, 442).
"""

import re
from typing import Any

import msgspec

from antipodes.regional.dynamodb import model
from antipodes.regional.dynamodb.errors import invalid_value, not_found, validation
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.service.contract import Call

TAGS_MAX = 50
TAGS_PER_PAGE = 10  # "ListTagsOfResource", API reference: a call returns ten at most
_TEXT = re.compile(r"[\w\s.:/=+\-@]*")
_RESOURCE = re.compile(r"arn:aws[a-z-]*:dynamodb:[a-z0-9-]*:\d*:table/[a-zA-Z0-9_.-]+(.*)")


@operations("TagResource")
def tag_resource(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = by_arn(service, call, request["ResourceArn"])
    if not request["Tags"]:
        raise validation("Atleast one Tag needs to be provided as Input.")
    tags = check_tags(request["Tags"], table.tags)
    service.put_record(msgspec.structs.replace(table, tags=tags))
    return {}


@operations("UntagResource")
def untag_resource(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = by_arn(service, call, request["ResourceArn"])
    if not request["TagKeys"]:
        raise validation("Atleast one Tag Key needs to be provided as Input.")
    for key in request["TagKeys"]:
        _check_key(key)
    tags = {k: v for k, v in table.tags.items() if k not in request["TagKeys"]}
    service.put_record(msgspec.structs.replace(table, tags=tags))
    return {}


@operations("ListTagsOfResource")
def list_tags_of_resource(service: DynamoDB, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    table = by_arn(service, call, request["ResourceArn"])
    start = request.get("NextToken") or ""
    left = [(key, value) for key, value in sorted(table.tags.items()) if key > start]
    page = left[:TAGS_PER_PAGE]
    found: dict[str, Any] = {"Tags": [{"Key": key, "Value": value} for key, value in page]}
    if len(left) > len(page):
        found["NextToken"] = page[-1][0]
    return found


def check_tags(given: list[dict[str, Any]], present: dict[str, str]) -> dict[str, str]:
    """Return a table's tags with some more, checked."""
    fresh: dict[str, str] = {}
    for tag in given:
        key, value = tag["Key"], tag["Value"]
        _check_key(key)
        if _TEXT.fullmatch(value) is None:
            raise validation(f"The Tag Value provided is invalid, Value: {value}")
        if key in fresh:
            raise validation(f"Duplicate Tag Keys provided as input: Duplicate Tag Key found {key}")
        fresh[key] = value
    tags = {**present, **fresh}
    if len(tags) > TAGS_MAX:
        raise validation("Number of Tags exceed the current limit for the provided ResourceArn")
    return tags


def _check_key(key: str) -> None:
    if key.lower().startswith("aws:"):
        raise validation(f"Tag Key cannot be prefixed with aws:, Key: {key}")
    if _TEXT.fullmatch(key) is None:
        raise validation(f"The Tag Key provided is invalid, Key: {key}")


def by_arn(service: DynamoDB, call: Call, arn: str) -> Table:
    """The table of an ARN that tags are asked of."""
    if not arn.startswith("arn:"):
        raise invalid_value(f"ARNs must start with 'arn:': {arn}")
    found = _RESOURCE.fullmatch(arn)
    if found is None:
        raise invalid_value(f"Provided Arn is not a DynamoDB resource arn: {arn}")
    if found.group(1):
        raise invalid_value(
            "Invalid resource arn provided, only table or stream is accepted. Provided resource "
            f"arn: {arn}"
        )
    name = model.table_name(arn, call.account, service.host.place)
    table = service.tables.get(call.account, name)
    if table is None or not table.is_made(service.now()):
        raise not_found(f"Requested resource not found: ResourceArn: {arn} not found")
    return table

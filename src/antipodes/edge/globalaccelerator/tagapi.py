"""Tags of accelerators and attachments: one thin function per operation."""

from typing import Any

import msgspec

from antipodes.edge.globalaccelerator import checks
from antipodes.edge.globalaccelerator.errors import missing
from antipodes.edge.globalaccelerator.model import (
    Accelerator,
    Attachment,
    is_attachment,
    parse_arn,
    parse_attachment,
)
from antipodes.edge.globalaccelerator.service import GlobalAccelerator, operations
from antipodes.service.contract import Call

Request = dict[str, Any]


def _find(service: GlobalAccelerator, call: Call, arn: str) -> Accelerator | Attachment:
    found: Accelerator | Attachment | None
    if is_attachment(arn):
        account, name = parse_attachment(arn)
        kind, found = "Attachment", service.attachments.get(account, name)
    else:
        account, name, _, _ = parse_arn(arn, "Accelerator")
        kind, found = "Accelerator", service.accelerators.get(account, name)
    if found is None or account != call.account:
        raise missing(kind, arn)
    return found


def _save(
    service: GlobalAccelerator, found: Accelerator | Attachment, tags: dict[str, str]
) -> None:
    """Keep tags; the edge need not hear of them."""
    if isinstance(found, Accelerator):
        service.accelerators.put(found.account, found.id, msgspec.structs.replace(found, tags=tags))
    else:
        service.attachments.put(found.account, found.id, msgspec.structs.replace(found, tags=tags))


@operations("TagResource")
def tag_resource(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = _find(service, call, request["ResourceArn"])
    _save(service, found, checks.tags(request["Tags"], found.tags))
    return {}


@operations("UntagResource")
def untag_resource(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = _find(service, call, request["ResourceArn"])
    kept = {key: value for key, value in found.tags.items() if key not in request["TagKeys"]}
    _save(service, found, kept)
    return {}


@operations("ListTagsForResource")
def list_tags(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = _find(service, call, request["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(found.tags.items())]}

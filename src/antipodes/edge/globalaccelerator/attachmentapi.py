"""Cross-account attachments: one thin function per operation."""

import re
from typing import Any

import msgspec

from antipodes.edge.globalaccelerator import checks, lending, shapes
from antipodes.edge.globalaccelerator.errors import denied, invalid, limited, missing
from antipodes.edge.globalaccelerator.model import (
    ATTACHED_MAX,
    ATTACHMENTS_MAX,
    Attachment,
    parse_attachment,
)
from antipodes.edge.globalaccelerator.resources import named
from antipodes.edge.globalaccelerator.service import GlobalAccelerator, operations, page
from antipodes.service.contract import Call

Request = dict[str, Any]
Resource = tuple[str, str, str]
_ACCOUNT = re.compile(r"\d{12}")
_ACCELERATOR = re.compile(r"arn:aws:globalaccelerator::\d{12}:accelerator/[0-9a-f-]{36}")


def _principals(given: list[str] | None) -> list[str]:
    for principal in given or ():
        if not (_ACCOUNT.fullmatch(principal) or _ACCELERATOR.fullmatch(principal)):
            raise invalid(f"{principal} is neither an account nor an accelerator")
    return list(given or ())


def _resources(given: list[dict[str, str]] | None, account: str) -> list[Resource]:
    found: list[Resource] = []
    for part in given or ():
        endpoint, cidr = part.get("EndpointId") or "", part.get("Cidr") or ""
        if bool(endpoint) == bool(cidr):
            raise invalid("A resource has either an EndpointId or a Cidr")
        if endpoint:
            of = named(endpoint)
            if not of.account:
                raise invalid(f"{endpoint} is not the ARN of a resource")
            if of.account != account:
                raise denied(f"{endpoint} is not a resource of this account")
        found.append((endpoint, part.get("Region") or "", cidr))
    return found


def _find(service: GlobalAccelerator, call: Call, arn: str) -> Attachment:
    account, attachment_id = parse_attachment(arn)
    found = service.attachments.get(account, attachment_id)
    if found is None:
        raise missing("Attachment", arn)
    if account != call.account:
        raise denied(f"{arn} belongs to another account")
    return found


def _checked(attachment: Attachment) -> Attachment:
    if len(attachment.resources) > ATTACHED_MAX:
        raise limited(f"An attachment has at most {ATTACHED_MAX} resources")
    return attachment


def _unique(items: list[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))


def _changed(service: GlobalAccelerator, before: Attachment, now: Attachment | None) -> None:
    """Take back what an attachment gives no longer.

    Whoever is making a change may be about to add something by it, and has looked it up already.
    """
    everyone = [accelerator for _, _, accelerator in service.accelerators.all()]
    for accelerator in everyone:
        if before.admits(accelerator.account, accelerator.arn):
            service.check_free(accelerator.arn)
    for accelerator in lending.revoked(everyone, before.arn, now):
        service.save(accelerator)


@operations("CreateCrossAccountAttachment")
def create_attachment(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    known = service.attachments.list(call.account)
    for other in known:
        if other.token == request["IdempotencyToken"]:
            return {"CrossAccountAttachment": shapes.attachment(other)}
    if not request["Name"]:
        raise invalid("Name must not be empty")
    if len(known) >= ATTACHMENTS_MAX:
        raise limited(f"An account has at most {ATTACHMENTS_MAX} attachments")
    now = service.now()
    created = Attachment(
        account=call.account,
        id=service.new_uuid(),
        name=request["Name"],
        created=now,
        modified=now,
        principals=_unique(_principals(request.get("Principals"))),
        resources=_unique(_resources(request.get("Resources"), call.account)),
        token=request["IdempotencyToken"],
        tags=checks.tags(request.get("Tags")),
    )
    service.attachments.put(call.account, created.id, _checked(created))
    return {"CrossAccountAttachment": shapes.attachment(created)}


@operations("DescribeCrossAccountAttachment")
def describe_attachment(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = _find(service, call, request["AttachmentArn"])
    return {"CrossAccountAttachment": shapes.attachment(found)}


@operations("ListCrossAccountAttachments")
def list_attachments(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = sorted(service.attachments.list(call.account), key=lambda a: (a.created, a.id))
    return page([shapes.attachment(a) for a in found], request, "CrossAccountAttachments")


@operations("UpdateCrossAccountAttachment")
def update_attachment(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = _find(service, call, request["AttachmentArn"])
    added = _principals(request.get("AddPrincipals"))
    removed = _principals(request.get("RemovePrincipals"))
    principals = [p for p in [*found.principals, *added] if p not in removed]
    more = _resources(request.get("AddResources"), call.account)
    fewer = {(e, c) for e, _, c in _resources(request.get("RemoveResources"), call.account)}
    resources = [r for r in [*found.resources, *more] if (r[0], r[2]) not in fewer]
    changed = _checked(
        msgspec.structs.replace(
            found,
            name=request.get("Name") or found.name,
            modified=service.now(),
            principals=_unique(principals),
            resources=_unique(resources),
        )
    )
    _changed(service, found, changed)
    service.attachments.put(call.account, found.id, changed)
    return {"CrossAccountAttachment": shapes.attachment(changed)}


@operations("DeleteCrossAccountAttachment")
def delete_attachment(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    found = _find(service, call, request["AttachmentArn"])
    _changed(service, found, None)
    service.attachments.delete(call.account, found.id)
    return {}


@operations("ListCrossAccountResourceAccounts")
def list_resource_accounts(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    mine = [a.arn for a in service.accelerators.list(call.account)]
    owners = [
        found.account
        for _, _, found in service.attachments.all()
        if call.account in found.principals or any(arn in found.principals for arn in mine)
    ]
    return {"ResourceOwnerAwsAccountIds": sorted(set(owners))}


@operations("ListCrossAccountResources")
def list_resources(service: GlobalAccelerator, call: Call, request: Request) -> Any:
    arns = [a.arn for a in service.accelerators.list(call.account)]
    wanted = request.get("AcceleratorArn")
    if wanted:
        if wanted not in arns:
            raise missing("Accelerator", wanted)
        arns = [wanted]
    shown = [
        {**({"Cidr": cidr} if cidr else {"EndpointId": endpoint}), "AttachmentArn": found.arn}
        for found in service.attachments.list(request["ResourceOwnerAwsAccountId"])
        if call.account in found.principals or any(arn in found.principals for arn in arns)
        for endpoint, _, cidr in found.resources
    ]
    return page(shown, request, "CrossAccountResources")

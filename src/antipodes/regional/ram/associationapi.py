"""RAM's operations on what is in resource shares."""

import msgspec

from antipodes.regional.ram import shown
from antipodes.regional.ram.model import ASSOCIATING
from antipodes.regional.ram.service import (
    Ram,
    check_offered,
    check_principals,
    operations,
    page,
    with_token,
)
from antipodes.regional.ram.shares import unknown
from antipodes.regional.ram.shown import PRINCIPAL, RESOURCE
from antipodes.service.contract import Call, Request, Response, ServiceError


def _given(request: Request) -> tuple[list[str], list[str]]:
    """The resources and the accounts of a request, one at least."""
    check_offered(request)
    resources, principals = request.get("resourceArns") or [], request.get("principals") or []
    if not (resources or principals):
        raise ServiceError("InvalidParameterException", "Resources or principals have to be given.")
    return resources, principals


@operations("AssociateResourceShare")
async def associate_resource_share(service: Ram, call: Call, request: Request) -> Response:
    """What is in the share already stays as it is."""
    shares, arn = service.shares, request["resourceShareArn"]
    resources, principals = _given(request)
    external = shares.own(call.account, arn).external
    check_principals(call, principals, external=external)
    await service.check_resources(call, resources)
    share = shares.own(call.account, arn)  # as it is by now
    shares.check_room(share, len(resources), len(principals))
    filled, new, asked = shares.added(share, resources, principals)
    kept = shares.keep(filled)
    found = [shown.association(shares, kept, one, RESOURCE, ASSOCIATING) for one in new]
    found += [shown.association(shares, kept, one, PRINCIPAL, ASSOCIATING) for one in asked]
    return {"resourceShareAssociations": found} | with_token(request)


@operations("DisassociateResourceShare")
def disassociate_resource_share(service: Ram, call: Call, request: Request) -> Response:
    """An account leaves the share of another by taking itself out of it."""
    shares, arn = service.shares, request["resourceShareArn"]
    resources, principals = _given(request)
    share = shares.find(arn)
    leaves = principals == [call.account] and not resources
    if not (leaves and share in shares.joined(call.account)):
        share = shares.own(call.account, arn)
    for there, names in ((share.resources, resources), (share.principals, principals)):
        for name in names:
            if not shares.has(there, name):
                raise unknown(name)
    kept = shares.keep(
        msgspec.structs.replace(
            share,
            resources=shares.ended(share.resources, resources),
            principals=shares.ended(share.principals, principals),
        )
    )
    gone = [
        shown.association(shares, kept, one, kind, "DISASSOCIATING")
        for there, kind, names in (
            (kept.resources, RESOURCE, resources),
            (kept.principals, PRINCIPAL, principals),
        )
        for one in there
        if one.name in names
    ]
    return {"resourceShareAssociations": gone} | with_token(request)


@operations("GetResourceShareAssociations")
def get_resource_share_associations(service: Ram, call: Call, request: Request) -> Response:
    shares, kind = service.shares, request["associationType"]
    if kind not in {PRINCIPAL, RESOURCE}:
        raise ServiceError("InvalidParameterException", f"{kind} is not offered here")
    excluded = "resourceArn" if kind == PRINCIPAL else "principal"
    if request.get(excluded):
        raise ServiceError(
            "InvalidParameterException",
            f"{excluded} cannot be given for associations of the type {kind}.",
        )
    arns = request.get("resourceShareArns") or []
    own = shares.of_account(call.account)
    for arn in arns:
        if shares.find(arn) not in own:
            raise unknown(arn)
    name = request.get("principal") or request.get("resourceArn")
    wanted = request.get("associationStatus")
    found = [
        shown.association(shares, share, one, kind)
        for share in own
        if not arns or shares.arn(share) in arns
        for one in shares.shown(share.principals if kind == PRINCIPAL else share.resources)
        if name in {None, one.name} and wanted in {None, shares.status(one)}
    ]
    return page(found, request, "resourceShareAssociations")

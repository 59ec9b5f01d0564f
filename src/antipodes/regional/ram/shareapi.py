"""RAM's operations on resource shares, and their tags."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from antipodes.regional.ram import shown
from antipodes.regional.ram.kinds import KINDS, permission_arn
from antipodes.regional.ram.model import ACTIVE, DELETED, Share
from antipodes.regional.ram.service import (
    Ram,
    check_offered,
    check_principals,
    operations,
    page,
    with_token,
)
from antipodes.service.contract import Call, Request, Response, ServiceError

TAGS_MAX = 50
_NAME = re.compile(r"[A-Za-z0-9 ._-]{1,255}")


@operations("CreateResourceShare")
async def create_resource_share(service: Ram, call: Call, request: Request) -> Response:
    """The same token finds the same share."""
    check_offered(request)
    name, external = _name(request["name"]), request.get("allowExternalPrincipals") is not False
    resources, principals = request.get("resourceArns") or [], request.get("principals") or []
    check_principals(call, principals, external=external)
    tags = _tagged({}, request.get("tags") or [])
    await service.check_resources(call, resources)
    shares, token = service.shares, request.get("clientToken") or ""
    for one in shares.of_account(call.account):
        if token and one.token == token:
            if one.name != name:
                raise ServiceError(
                    "IdempotentParameterMismatchException",
                    f"The client token {token} was used for another request.",
                )
            return {"resourceShare": shown.share(shares, one)} | with_token(request)
    made = shares.new(call.account, name, token, external=external)
    shares.check_room(made, len(resources), len(principals))
    filled, _, _ = shares.added(made, resources, principals)
    kept = shares.keep(msgspec.structs.replace(filled, tags=tuple(tags.items())))
    return {"resourceShare": shown.share(shares, kept)} | with_token(request)


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise ServiceError(
            "InvalidParameterException",
            f"The name {text} is not valid: letters, digits, spaces, and . _ - only.",
        )
    return text


@operations("UpdateResourceShare")
def update_resource_share(service: Ram, call: Call, request: Request) -> Response:
    shares = service.shares
    share = shares.own(call.account, request["resourceShareArn"])
    name, external = request.get("name"), request.get("allowExternalPrincipals")
    if name is None and external is None:
        raise ServiceError(
            "MissingRequiredParameterException", "A name or allowExternalPrincipals is missing."
        )
    if external is False and any(not one.ended for one in share.principals):
        raise ServiceError(
            "OperationNotPermittedException",
            "The resource share has principals that are outside of its owner's organization.",
        )
    changed = msgspec.structs.replace(
        share,
        name=share.name if name is None else _name(name),
        external=share.external if external is None else external,
    )
    return {"resourceShare": shown.share(shares, shares.keep(changed))} | with_token(request)


@operations("DeleteResourceShare")
def delete_resource_share(service: Ram, call: Call, request: Request) -> Response:
    shares = service.shares
    share = shares.own(call.account, request["resourceShareArn"])
    shares.keep(
        msgspec.structs.replace(
            share,
            ended=True,
            resources=shares.ended(share.resources, [one.name for one in share.resources]),
            principals=shares.ended(share.principals, [one.name for one in share.principals]),
        )
    )
    return {"returnValue": True} | with_token(request)


@operations("GetResourceShares")
def get_resource_shares(service: Ram, call: Call, request: Request) -> Response:
    shares, own = service.shares, request["resourceOwner"] == "SELF"
    found = shares.of_account(call.account) if own else shares.joined(call.account)
    arns = request.get("resourceShareArns") or []
    for arn in arns:
        if shares.find(arn) not in found:
            raise ServiceError("UnknownResourceException", f"{arn} could not be found.")
    chosen = [
        one
        for one in found
        if (not arns or shares.arn(one) in arns)
        and request.get("name") in {None, one.name}
        and request.get("resourceShareStatus") in {None, DELETED if one.ended else ACTIVE}
        and _has_tags(one, request.get("tagFilters") or [])
        and _has_permission(service, one, request.get("permissionArn"))
        and request.get("permissionVersion") in {None, 1}
    ]
    return page([shown.share(shares, one, own=own) for one in chosen], request, "resourceShares")


def _has_tags(share: Share, filters: Sequence[Mapping[str, str | Sequence[str]]]) -> bool:
    tags = dict(share.tags)
    return all(
        one.get("tagKey") in tags
        and (not one.get("tagValues") or tags[str(one["tagKey"])] in one["tagValues"])
        for one in filters
    )


def _has_permission(service: Ram, share: Share, arn: str | None) -> bool:
    kinds = {service.shares.resource(one.name).kind for one in share.resources if not one.ended}
    return arn is None or any(permission_arn(kind) == arn for kind in KINDS if kind in kinds)


def _tagged(tags: Mapping[str, str], given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags with more of them."""
    after = dict(tags)
    for one in given:
        key = one.get("key") or ""
        if not key or key.startswith("aws:"):
            raise ServiceError("InvalidParameterException", f"The tag key '{key}' is not valid.")
        after[key] = one.get("value") or ""
    if len(after) > TAGS_MAX:
        raise ServiceError(
            "TagLimitExceededException", f"A resource share has at most {TAGS_MAX} tags."
        )
    return after


def _asked(service: Ram, call: Call, request: Request) -> Share:
    """The share whose tags a request is about."""
    arn = request.get("resourceShareArn") or request.get("resourceArn")
    if not arn:
        raise ServiceError("InvalidParameterException", "The ARN of a resource share is missing.")
    return service.shares.own(call.account, arn)


@operations("TagResource")
def tag_resource(service: Ram, call: Call, request: Request) -> Response:
    share = _asked(service, call, request)
    tags = _tagged(dict(share.tags), request["tags"])
    service.shares.keep(msgspec.structs.replace(share, tags=tuple(tags.items())))
    return {}


@operations("UntagResource")
def untag_resource(service: Ram, call: Call, request: Request) -> Response:
    share = _asked(service, call, request)
    kept = tuple(pair for pair in share.tags if pair[0] not in request["tagKeys"])
    service.shares.keep(msgspec.structs.replace(share, tags=kept))
    return {}

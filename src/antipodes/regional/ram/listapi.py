"""RAM's operations that list what is shared, with whom, and what can be."""

from collections.abc import Iterator

from antipodes.regional.ram import shown
from antipodes.regional.ram.kinds import BY_TYPE, KINDS, Kind
from antipodes.regional.ram.model import ASSOCIATED, DISASSOCIATED, Entity, Share
from antipodes.regional.ram.service import Ram, operations, page
from antipodes.service.contract import Call, Request, Response, ServiceError


def _shares(service: Ram, call: Call, request: Request) -> list[Share]:
    """The shares that a request is about: those that the caller has, or those that it is in."""
    shares, own = service.shares, request["resourceOwner"] == "SELF"
    found = shares.of_account(call.account) if own else shares.joined(call.account)
    arns = request.get("resourceShareArns") or []
    for arn in arns:
        if shares.find(arn) not in found:
            raise ServiceError("UnknownResourceException", f"{arn} could not be found.")
    return [one for one in found if not one.ended and (not arns or shares.arn(one) in arns)]


def _kind(request: Request) -> Kind | None:
    """The kind of resources that a request is about, if it names one."""
    wanted = request.get("resourceType")
    if not wanted:
        return None
    kind = BY_TYPE.get(wanted)
    if kind is None:
        raise ServiceError(
            "InvalidResourceTypeException", f"Resources of type {wanted} cannot be shared here."
        )
    return kind


def _resources(service: Ram, share: Share, kind: Kind | None) -> Iterator[Entity]:
    shares = service.shares
    for one in share.resources:
        if shares.status(one) == ASSOCIATED and kind in {None, shares.resource(one.name).kind}:
            yield one


@operations("ListResources")
async def list_resources(service: Ram, call: Call, request: Request) -> Response:
    shares, kind, own = service.shares, _kind(request), request["resourceOwner"] == "SELF"
    principal, arns = request.get("principal") or "", request.get("resourceArns") or []
    if request.get("resourceRegionScope") == "GLOBAL":
        return page([], request, "resources")
    found = []
    for share in _shares(service, call, request):
        is_for = shares.has(share.principals, principal) if own else principal == share.account
        if principal and not is_for:
            continue
        for one in _resources(service, share, kind):
            if not arns or one.name in arns:
                there = await service.described(call, one.name) is not None
                found.append(shown.resource(shares, share, one, there=there))
    return page(found, request, "resources")


@operations("ListPrincipals")
def list_principals(service: Ram, call: Call, request: Request) -> Response:
    """With whom the caller shares, or who shares with it."""
    shares, kind, own = service.shares, _kind(request), request["resourceOwner"] == "SELF"
    arn, wanted = request.get("resourceArn"), request.get("principals") or []
    found = []
    for share in _shares(service, call, request):
        resources = list(_resources(service, share, kind))
        if (kind and not resources) or (arn and all(one.name != arn for one in resources)):
            continue
        people = [one for one in share.principals if shares.status(one) != DISASSOCIATED]
        if not own:
            people = [Entity(share.account, share.made_at, share.changed_at)]
        found += [
            {
                "id": one.name,
                "resourceShareArn": shares.arn(share),
                "creationTime": one.made_at,
                "lastUpdatedTime": one.changed_at,
                "external": True,
            }
            for one in people
            if not wanted or one.name in wanted
        ]
    return page(found, request, "principals")


@operations("ListResourceTypes")
def list_resource_types(_service: Ram, _call: Call, request: Request) -> Response:
    known = [] if request.get("resourceRegionScope") == "GLOBAL" else KINDS
    found = [
        {
            "resourceType": kind.type,
            "serviceName": kind.service,
            "resourceRegionScope": "REGIONAL",
        }
        for kind in known
    ]
    return page(found, request, "resourceTypes")


@operations("ListPermissions")
def list_permissions(_service: Ram, _call: Call, request: Request) -> Response:
    """The default ones, which are all that there are."""
    kind = _kind(request)
    is_other = request.get("permissionType") == "CUSTOMER_MANAGED"
    is_other = is_other or request.get("permissionStatus") not in {None, "ATTACHABLE"}
    known = [] if is_other else KINDS
    found = [shown.permission(one) for one in known if kind in {None, one}]
    return page(found, request, "permissions")


@operations("ListResourceSharePermissions")
def list_resource_share_permissions(service: Ram, call: Call, request: Request) -> Response:
    share = service.shares.own(call.account, request["resourceShareArn"])
    found = [
        shown.permission(kind)
        for kind in KINDS
        if any(True for _ in _resources(service, share, kind))
    ]
    return page(found, request, "permissions")

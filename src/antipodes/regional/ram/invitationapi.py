"""RAM's operations on invitations into resource shares."""

from antipodes.regional.ram import shown
from antipodes.regional.ram.model import ACCEPTED, EXPIRED, PENDING, REJECTED
from antipodes.regional.ram.service import Ram, operations, page, with_token
from antipodes.service.contract import Call, Request, Response, ServiceError

_ANSWERED = {
    ACCEPTED: "ResourceShareInvitationAlreadyAcceptedException",
    REJECTED: "ResourceShareInvitationAlreadyRejectedException",
    EXPIRED: "ResourceShareInvitationExpiredException",
}


@operations("GetResourceShareInvitations")
def get_resource_share_invitations(service: Ram, call: Call, request: Request) -> Response:
    shares = service.shares
    names = request.get("resourceShareInvitationArns") or []
    for arn in names:
        shares.invitation(call.account, arn)
    arns = request.get("resourceShareArns") or []
    found = []
    for one in shares.invitations(call.account):
        share = shares.share_of(one)
        if share is None or (names and shares.invitation_arn(one) not in names):
            continue
        if not arns or shares.arn(share) in arns:
            found.append(shown.invitation(shares, one, share))
    return page(found, request, "resourceShareInvitations")


@operations("AcceptResourceShareInvitation")
def accept_resource_share_invitation(service: Ram, call: Call, request: Request) -> Response:
    return _answer(service, call, request, ACCEPTED)


@operations("RejectResourceShareInvitation")
def reject_resource_share_invitation(service: Ram, call: Call, request: Request) -> Response:
    return _answer(service, call, request, REJECTED)


def _answer(service: Ram, call: Call, request: Request, status: str) -> Response:
    """The same answer with the same token stands."""
    shares, arn = service.shares, request["resourceShareInvitationArn"]
    found = shares.invitation(call.account, arn)
    share, said = shares.share_of(found), shares.answer(found)
    token = request.get("clientToken") or ""
    is_again = bool(token) and (said, token) == (status, found.token)
    if share is None or not (is_again or said == PENDING):
        code = _ANSWERED.get(said, _ANSWERED[EXPIRED])
        raise ServiceError(code, f"The invitation {arn} is {said}.")
    after = found if is_again else shares.answered(found, status, token)
    shown_after = shown.invitation(shares, after, share)
    return {"resourceShareInvitation": shown_after} | with_token(request)

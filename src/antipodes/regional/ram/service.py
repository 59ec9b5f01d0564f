"""Resource Access Manager in one region: what its operations share."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from antipodes.regional.ram.kinds import KINDS, permission_arn
from antipodes.regional.ram.shares import Shares, unknown
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.paging import InvalidToken, page_at

PAGE_MAX = 500
_ACCOUNT = re.compile(r"[0-9]{12}")

operations = Operations()

T = TypeVar("T")


class Ram(Service):
    """AWS Resource Access Manager in one region."""

    name = "ram"
    operations: ClassVar[Operations] = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.shares = Shares(host)

    async def check_resources(self, call: Call, arns: Sequence[str]) -> None:
        """Refuse what cannot be shared: of another account, or not there, or in a default VPC."""
        for arn in arns:
            resource = self.shares.resource(arn)
            if resource.account != call.account:
                raise unknown(arn)
            described = await self.described(call, arn)
            if described is None or described["OwnerId"] != call.account:
                raise unknown(arn)
            if described.get("DefaultForAz"):
                raise ServiceError(
                    "OperationNotPermittedException",
                    f"{arn} is in a default VPC, whose subnets cannot be shared.",
                )

    async def described(self, call: Call, arn: str) -> dict[str, Any] | None:
        """What a resource's own service says of it; nothing where there is none."""
        resource = self.shares.resource(arn)
        kind = resource.kind
        request = {kind.asked: [resource.id] if kind.asked.endswith("s") else resource.id}
        try:
            answer = await self.host.call(
                kind.service, kind.operation, request, account=resource.account, trace=call.trace
            )
        except ServiceError:
            return None
        found: Any = answer[kind.many]
        told: dict[str, Any] | None = found if isinstance(found, dict) else next(iter(found), None)
        return told


def check_principals(call: Call, principals: Sequence[str], *, external: bool) -> None:
    """Refuse whom nothing can be shared with: accounts only, and another one each."""
    for one in principals:
        if _ACCOUNT.fullmatch(one) is None:
            raise ServiceError(
                "InvalidParameterException",
                f"Resources are shared with accounts here, and {one} is none.",
            )
        if one == call.account:
            raise ServiceError(
                "InvalidParameterException", "Resources cannot be shared with oneself."
            )
        if not external:
            raise ServiceError(
                "OperationNotPermittedException",
                "The resource share is for accounts of its owner's organization only, and account "
                f"{one} is not in it.",
            )


def check_offered(request: Request) -> None:
    """Refuse, by name, what is not here."""
    for member in ("sources", "permissionTemplateParameters", "resourceShareConfiguration"):
        if request.get(member):
            raise ServiceError("InvalidParameterException", f"{member} is not offered here")
    known = [permission_arn(kind) for kind in KINDS]
    for arn in request.get("permissionArns") or []:
        if arn not in known:
            raise ServiceError("InvalidParameterException", f"There is no permission {arn} here.")


def page(things: Sequence[T], request: Request, member: str) -> Response:
    """A page of an answer."""
    size = request.get("maxResults") or PAGE_MAX
    try:
        found, token = page_at(things, request.get("nextToken"), size)
    except InvalidToken:
        raise ServiceError("InvalidNextTokenException", "The token is not valid.") from None
    return {member: list(found)} | ({"nextToken": token} if token else {})


def with_token(request: Request) -> Response:
    """The token of a request, given back."""
    return {"clientToken": request["clientToken"]} if request.get("clientToken") else {}

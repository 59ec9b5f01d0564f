"""STS's API, 2011-06-15: one thin function per operation."""

from antipodes.regional.sts import model
from antipodes.service import accounts
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)

operations = Operations()


class Sts(Service):
    """AWS Security Token Service in one region."""

    name = "sts"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._chance = host.runtime.chance("sts/sessions")

    def issue(self, principal: model.Principal, seconds: int) -> Response:
        """Return new credentials in the shape of the API."""
        now = self.host.runtime.wall()
        # The time is part of it, because a restarted host may draw the same numbers again.
        salt = f"{self.host.place} {principal.arn} {now} {self._chance.getrandbits(64)}"
        issued = model.issue(principal, salt, now + seconds)
        return {
            "AccessKeyId": issued.access_key,
            "SecretAccessKey": issued.secret,
            "SessionToken": issued.token,
            "Expiration": issued.expires_at,
        }


@operations("GetCallerIdentity")
def get_caller_identity(service: Sts, call: Call, request: Request) -> Response:
    principal = model.caller(call.account, call.principal_arn)
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


@operations("AssumeRole")
def assume_role(service: Sts, call: Call, request: Request) -> Response:
    role = model.parse_role(request["RoleArn"])
    seconds = request.get("DurationSeconds") or model.ROLE_SESSION_S
    if call.principal_arn and seconds > model.ROLE_SESSION_CHAINED_S_MAX:
        raise ServiceError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining",
        )
    if request.get("SerialNumber") or request.get("TokenCode"):
        raise ServiceError("AccessDenied", "Antipodes has no MFA devices", 403)
    principal = model.assumed(role, request["RoleSessionName"])
    response: Response = {
        "Credentials": service.issue(principal, seconds),
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
    }
    if request.get("SourceIdentity"):
        response["SourceIdentity"] = request["SourceIdentity"]
    return response


@operations("GetSessionToken")
def get_session_token(service: Sts, call: Call, request: Request) -> Response:
    if accounts.session_account(call.access_key) is not None:
        raise ServiceError(
            "AccessDenied", "Cannot call GetSessionToken with session credentials", 403
        )
    if request.get("SerialNumber") or request.get("TokenCode"):
        raise ServiceError("AccessDenied", "Antipodes has no MFA devices", 403)
    seconds = request.get("DurationSeconds") or model.TOKEN_SESSION_S
    return {"Credentials": service.issue(model.caller(call.account, ""), seconds)}

"""Shifts as the API shows them, what may be asked of them, and AWS's refusals."""

import re

import msgspec

from antipodes.service.contract import Response, ServiceError
from antipodes.service.zonalshifts import Shift

EXPIRES_S_MAX = 72 * 3600
SHIFTS_KEPT_MAX = 500
_UNITS_S = {"m": 60, "h": 3600}
_EXPIRES_IN = re.compile(r"([1-9][0-9]*)([mh])")
_BALANCER = re.compile(
    r"arn:aws:elasticloadbalancing:([a-z0-9-]+):(\d{12}):loadbalancer/((?:app|net)/[^/]+/[^/]+)"
)


class Observing(msgspec.Struct, frozen=True):
    """Whether an account is told of autoshifts."""

    status: str = "DISABLED"


class Managed(msgspec.Struct, frozen=True):
    """A load balancer that has opted in, and the ids of its zones."""

    arn: str
    name: str
    zones: tuple[str, ...]


# Errors.


def invalid(reason: str, message: str) -> ServiceError:
    """Return the error for what makes no sense."""
    return ServiceError("ValidationException", message, 400, reason=reason)


def conflict(reason: str, message: str, shift: str = "") -> ServiceError:
    """Return the error for what does not go together with what is there."""
    members = {"zonalShiftId": shift} if shift else {}
    return ServiceError("ConflictException", message, 409, reason=reason, **members)


def not_found(message: str) -> ServiceError:
    """Return the error for what is not there."""
    return ServiceError("ResourceNotFoundException", message, 404)


def seconds(expires_in: str) -> int:
    """How long a shift is to last; raises ServiceError."""
    found = _EXPIRES_IN.fullmatch(expires_in)
    length = int(found[1]) * _UNITS_S[found[2]] if found is not None else 0
    if not 0 < length <= EXPIRES_S_MAX:
        raise invalid("InvalidExpiresIn", f"{expires_in} is not between 1m and 72h")
    return length


def check_balancer(arn: str, account: str, region: str) -> None:
    """Refuse what is not the ARN of a load balancer of this account and region."""
    found = _BALANCER.fullmatch(arn)
    if found is None:
        raise invalid(
            "InvalidResourceIdentifier", f"{arn} is not the ARN of a load balancer with zones"
        )
    if (found[1], found[2]) != (region, account):
        raise not_found(f"The resource {arn} was not found")


# Descriptions.


def show(shift: Shift) -> Response:
    """Describe a shift by itself."""
    return {
        "zonalShiftId": shift.id,
        "resourceIdentifier": shift.resource,
        "awayFrom": shift.away_from,
        "expiryTime": shift.expires_at,
        "startTime": shift.started_at,
        "status": shift.status,
        "comment": shift.comment,
    }


def show_listed(shift: Shift) -> Response:
    """Describe a shift in a list."""
    return {**show(shift), "shiftType": "ZONAL_SHIFT"}


def show_managed(managed: Managed, shift: Shift | None) -> Response:
    """Describe a resource with the shift that is in effect."""
    away = shift.away_from if shift is not None else ""
    shifts = []
    if shift is not None:
        shown = {name: value for name, value in show_listed(shift).items() if name != "status"}
        shifts.append({**shown, "appliedStatus": "APPLIED"})
    return {
        "arn": managed.arn,
        "name": managed.name,
        "appliedWeights": {zone: 0.0 if zone == away else 1.0 for zone in managed.zones},
        "zonalShifts": shifts,
        "autoshifts": [],
        "zonalAutoshiftStatus": "DISABLED",
    }

"""Errors injected into calls of an API: which calls, and which error a client of that API knows.

A call is hit if it was made in a session of a target role: by a function with that role, or by who
assumed it. Keys that no role stands behind are never hit, as in AWS. The dispatcher asks, before an
operation does anything; so what is hit has changed nothing.

Codes: EC2's error codes page, DynamoDB's and Lambda's API references, and the common errors of each
protocol. Where a client retries on one of them, it will.
"""

from collections.abc import Mapping
from typing import NamedTuple

from antipodes.regional.fis import actions
from antipodes.runtime.contract import Chance
from antipodes.service.contract import Call, ServiceError
from antipodes.wire import models

PERCENT = 100


class _Error(NamedTuple):
    code: str
    status: int
    message: str


_THROTTLED, _BROKEN = "Rate exceeded", "An internal error has occurred"
_AWAY = "Service is unavailable"

_COMMON: Mapping[str, _Error] = {
    actions.API_THROTTLE: _Error("ThrottlingException", 400, _THROTTLED),
    actions.API_INTERNAL: _Error("InternalFailure", 500, _BROKEN),
    actions.API_UNAVAILABLE: _Error("ServiceUnavailable", 503, _AWAY),
}
_QUERY: Mapping[str, _Error] = {
    **_COMMON,
    actions.API_THROTTLE: _Error("Throttling", 400, _THROTTLED),
}
_OWN: Mapping[str, Mapping[str, _Error]] = {
    "ec2": {
        actions.API_THROTTLE: _Error("RequestLimitExceeded", 503, "Request limit exceeded."),
        actions.API_INTERNAL: _Error("InternalError", 500, _BROKEN),
        actions.API_UNAVAILABLE: _Error("Unavailable", 503, _AWAY),
    },
    "dynamodb": {
        **_COMMON,
        actions.API_INTERNAL: _Error("InternalServerError", 500, _BROKEN),
    },
    "lambda": {
        actions.API_THROTTLE: _Error("TooManyRequestsException", 429, _THROTTLED),
        actions.API_INTERNAL: _Error("ServiceException", 500, _BROKEN),
        actions.API_UNAVAILABLE: _Error("ServiceUnavailableException", 503, _AWAY),
    },
}


class Injection:
    """One action that injects errors; called with a call, its service and its operation."""

    def __init__(
        self,
        action_id: str,
        account: str,
        roles: tuple[str, ...],
        parameters: Mapping[str, str],
        chance: Chance,
    ) -> None:
        self._account = account
        self._roles = roles
        self._service = parameters["service"]
        self._operations = tuple(actions.names_in(parameters["operations"]))
        self._percentage = int(parameters["percentage"])
        self._chance = chance
        protocol = models.service(self._service).protocol
        errors = _OWN.get(self._service) or (_QUERY if protocol == "query" else _COMMON)
        self._error = errors[action_id]

    def __call__(self, call: Call, service: str, operation: str) -> None:
        """Raise this action's error if a call is to have it."""
        if (
            service == self._service
            and operation in self._operations
            and call.account == self._account
            and _role_of(call.principal_arn) in self._roles
            and self._chance.random() * PERCENT < self._percentage
        ):
            raise ServiceError(self._error.code, self._error.message, self._error.status)


def _role_of(principal: str) -> str:
    """The role in arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION; nothing if it is another ARN."""
    kind, _, rest = principal.rpartition(":")[2].partition("/")
    return rest.partition("/")[0] if kind == "assumed-role" else ""

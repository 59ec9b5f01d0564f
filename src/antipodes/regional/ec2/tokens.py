"""Requests that may be sent again: the same token, asking for the same, finds what was made.

A token is kept with what it made, and is forgotten with it.

Source: Amazon EC2 API Reference, "Ensuring idempotency in Amazon EC2 API requests".
"""

import hashlib
from collections.abc import Iterable
from typing import Protocol, TypeVar

import msgspec

from antipodes.regional.ec2.model import Token
from antipodes.service.contract import Request, ServiceError

LENGTH_MAX = 64
_BESIDES = ("ClientToken", "DryRun")  # what does not count as asked for


class Made(Protocol):
    """Something that a request made."""

    @property
    def token(self) -> Token | None:
        """What the client called that request, if it did."""


M = TypeVar("M", bound=Made)


def token_of(request: Request) -> Token | None:
    """The token of a request, if it has one."""
    name = request.get("ClientToken")
    if not name:
        return None
    if len(name) > LENGTH_MAX:
        raise ServiceError("InvalidParameterValue", f"A client token has at most {LENGTH_MAX}.")
    asked = {member: value for member, value in request.items() if member not in _BESIDES}
    text = msgspec.json.encode(asked, order="deterministic")
    return Token(name, hashlib.sha256(text).hexdigest())


def repeated(things: Iterable[M], token: Token | None) -> list[M]:
    """What an earlier request with this token made; raises IdempotentParameterMismatch."""
    if token is None:
        return []
    found = [one for one in things if one.token is not None and one.token.name == token.name]
    if any(one.token != token for one in found):
        raise ServiceError(
            "IdempotentParameterMismatch",
            f"The client token '{token.name}' was used with other parameters.",
        )
    return found

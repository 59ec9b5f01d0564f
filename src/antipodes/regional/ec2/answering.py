"""What descriptions have in common: ids that are asked for, filters, pages, and dry runs."""

import re
from collections.abc import Sequence

from antipodes.regional.ec2.filters import Filters, Thing, filtered
from antipodes.regional.ec2.kinds import Kind
from antipodes.service.contract import Request, Response, ServiceError

_DIGITS = re.compile(r"[0-9]{1,9}")


def check_dry_run(request: Request) -> None:
    """Refuse a request that is only a rehearsal, as one that would have succeeded."""
    if request.get("DryRun"):
        raise ServiceError(
            "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412
        )


def not_offered(request: Request, members: Sequence[str]) -> None:
    """Refuse, by name, what a request asks for and is not here."""
    for member in members:
        if request.get(member):
            raise ServiceError("UnsupportedOperation", f"{member} is not offered here")


def named(
    things: list[Thing], names: Sequence[str] | None, member: str, code: str, noun: str
) -> list[Thing]:
    """Return the things that a request lists by name; all where it lists none."""
    if not names:
        return things
    there = {thing[member] for thing in things}
    missing = [name for name in names if name not in there]
    if missing:
        raise ServiceError(code, f"The {noun} '{missing[0]}' does not exist")
    return [thing for thing in things if thing[member] in names]


def page(things: list[Thing], request: Request, known: Filters, member: str) -> Response:
    """Return what is left after the filters, a page at a time."""
    check_dry_run(request)
    found = filtered(things, request.get("Filters") or [], known)
    token = request.get("NextToken") or "0"
    if _DIGITS.fullmatch(token) is None:
        raise ServiceError("InvalidParameterValue", f"Unable to parse pagination token: {token}")
    start = int(token)
    end = start + (request.get("MaxResults") or len(found) or 1)
    response: Response = {member: found[start:end]}
    if end < len(found):
        response["NextToken"] = str(end)
    return response


def described(kind: Kind, things: list[Thing], request: Request, known: Filters) -> Response:
    """Describe the resources of a kind."""
    names = request.get(kind.asked)
    return page(
        named(things, names, kind.member, kind.unknown, kind.noun), request, known, kind.many
    )

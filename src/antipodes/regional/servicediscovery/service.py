"""AWS Cloud Map in one region: what its operations share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from antipodes.regional.servicediscovery.publishing import Publishing
from antipodes.regional.servicediscovery.registry import Registry, invalid
from antipodes.service.contract import Host, Operations, Request, Response, ServiceError
from antipodes.service.paging import InvalidToken, page_at

operations = Operations()

PAGE_MAX = 100
TAGS_MAX = 50
T = TypeVar("T")


class ServiceDiscovery(Registry):
    """Cloud Map in one region."""

    name = "servicediscovery"
    operations: ClassVar[Operations] = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.publishing = Publishing(self)

    async def start(self) -> None:
        """Go on with what is to be done in hosted zones."""
        self.publishing.start()


def tags_given(request: Request, arn: str = "") -> dict[str, str]:
    """The tags of a request."""
    found = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    if len(found) < len(request.get("Tags") or []):
        raise invalid("Each tag key can be given once only.")
    if any(key.lower().startswith("aws:") for key in found):
        raise invalid("Tag keys that begin with aws: are reserved.")
    check_tags(found, arn)
    return found


def check_tags(tags: Mapping[str, str], arn: str) -> None:
    """Refuse more tags than something may have."""
    if len(tags) > TAGS_MAX:
        raise ServiceError(
            "TooManyTagsException", f"A resource has at most {TAGS_MAX} tags.", ResourceName=arn
        )


def page(request: Request, things: Sequence[T], member: str, show: Callable[[T], Any]) -> Response:
    """A page of a list, with the token of the next."""
    token, size = request.get("NextToken"), request.get("MaxResults") or PAGE_MAX
    try:
        shown, following = page_at(things, token, size)
    except InvalidToken:
        raise invalid(f"'{token}' is not a token of this list") from None
    response: Response = {member: [show(thing) for thing in shown]}
    return {**response, "NextToken": following} if following else response


def filtered(
    things: Iterable[T],
    wanted: Sequence[Mapping[str, Any]] | None,
    known: Mapping[str, Callable[[T], Any]],
    conditions: Mapping[str, Sequence[str]],
) -> list[T]:
    """What matches every filter, each under one of the conditions that are there for it."""
    found = list(things)
    for one in wanted or ():
        name, values = one["Name"], one["Values"]
        condition = one.get("Condition") or "EQ"
        if name not in known or condition not in conditions.get(name, ("EQ",)):
            raise invalid(f"The filter {name} cannot be used with the condition {condition}.")
        if condition != "IN" and len(values) != (2 if condition == "BETWEEN" else 1):
            raise invalid(f"The condition {condition} does not take {len(values)} values.")
        found = [thing for thing in found if _fits(known[name](thing), condition, values)]
    return found


def _fits(value: Any, condition: str, values: Sequence[str]) -> bool:
    if condition == "BEGINS_WITH":
        return str(value).startswith(values[0])
    if condition == "BETWEEN":
        try:
            low, high = map(float, values)
        except ValueError:
            raise invalid("The condition BETWEEN takes two numbers.") from None
        return low <= float(value) <= high
    return str(value) in values

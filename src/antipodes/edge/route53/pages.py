"""Pages of lists, as Route 53 has them: by markers, or by tokens."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from antipodes.edge.route53.records import invalid_input
from antipodes.service.contract import ServiceError

T = TypeVar("T")
_DIGITS_MAX = 9


def limit_of(request: dict[str, Any], member: str, most: int) -> int:
    """How many items a request wants, which it says in a string; `most` at most."""
    given = request.get(member)
    if given is None:
        return most
    if not (given.isascii() and given.isdigit() and len(given) <= _DIGITS_MAX) or int(given) < 1:
        raise invalid_input(f"{member} should be a whole number above 0, not '{given}'")
    return min(int(given), most)


def told_limit(request: dict[str, Any], member: str, most: int) -> str:
    """The limit as the answer tells it: as it was asked for."""
    return request.get(member) or str(most)


def marked(  # noqa: PLR0913 - the items, the request, and how they are shown
    items: Sequence[T],
    request: dict[str, Any],
    most: int,
    *,
    id_of: Callable[[T], str],
    shown: Callable[[T], dict[str, Any]],
    member: str,
) -> dict[str, Any]:
    """Answer with the page that begins at the request's Marker; items go by their ids."""
    marker, limit = request.get("Marker") or "", limit_of(request, "MaxItems", most)
    left = [item for item in items if id_of(item) >= marker.rpartition("/")[2]]
    answer: dict[str, Any] = {
        member: [shown(item) for item in left[:limit]],
        "IsTruncated": len(left) > limit,
        "MaxItems": told_limit(request, "MaxItems", most),
    }
    if marker:
        answer["Marker"] = marker
    if len(left) > limit:
        answer["NextMarker"] = id_of(left[limit])
    return answer


def tokened(
    items: Sequence[T],
    request: dict[str, Any],
    most: int,
    *,
    size: str = "MaxResults",
    wrong: str = "InvalidPaginationToken",
) -> tuple[Sequence[T], dict[str, Any]]:
    """Return the page that the request's NextToken names, and what names the next one.

    `wrong` is the code for a token that cannot be: operations differ in it.
    """
    token = request.get("NextToken") or "0"
    start = int(token) if token.isascii() and token.isdigit() and len(token) <= _DIGITS_MAX else -1
    if not 0 <= start <= len(items):
        message = "The value that was given as the NextToken is invalid"
        raise ServiceError(wrong, message)
    end = start + limit_of(request, size, most)
    return items[start:end], {"NextToken": str(end)} if end < len(items) else {}
